//! The API's operations: one table of paths, parameters and what each does.

use axum::http::Method;

use super::{
    books::Books, charges, customers, disputes, events, failure::Failure, params::Params, payment_intents,
    refunds, search::SEARCHED, wire::Answer,
};

/// Who may call an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// The shop's server, with its secret key.
    Secret,
    /// The shopper's page too, with the payment's client secret.
    Shopper,
}

/// One operation of the API.
pub struct Operation {
    /// Its name in counts and faults.
    pub name: &'static str,
    method: Method,
    /// Path below `/v1/`; `*` stands for an id.
    path: &'static [&'static str],
    /// Every parameter that it knows; others are refused.
    pub params: &'static [&'static str],
    /// Who may call it.
    pub access: Access,
    /// What it does. The text is the path's id, or empty.
    pub act: fn(&mut Books<'_>, &str, &Params) -> Result<Answer, Failure>,
}

macro_rules! operations {
    ($($access:ident $method:ident [$($step:literal),+] $name:literal $params:expr => $act:path;)+) => {
        &[$(Operation {
            name: $name, method: Method::$method, path: &[$($step),+], params: $params, access: Access::$access, act: $act,
        }),+]
    };
}

const ONLY_EXPAND: &[&str] = &["expand"];

/// Fixed paths stand before those with an id in the same place.
const OPERATIONS: &[Operation] = operations! {
    Secret POST ["customers"] "customers.create" customers::WRITABLE => customers::create;
    Secret GET ["customers"] "customers.list" customers::LISTED => customers::list;
    Secret GET ["customers", "search"] "customers.search" SEARCHED => customers::find;
    Secret GET ["customers", "*"] "customers.retrieve" ONLY_EXPAND => customers::retrieve;
    Secret POST ["customers", "*"] "customers.update" customers::WRITABLE => customers::update;
    Secret DELETE ["customers", "*"] "customers.delete" ONLY_EXPAND => customers::delete;
    Secret POST ["payment_intents"] "payment_intents.create" payment_intents::CREATED => payment_intents::create;
    Secret GET ["payment_intents"] "payment_intents.list" payment_intents::LISTED => payment_intents::list;
    Secret GET ["payment_intents", "search"] "payment_intents.search" SEARCHED => payment_intents::find;
    Shopper GET ["payment_intents", "*"] "payment_intents.retrieve" payment_intents::RETRIEVED => payment_intents::retrieve;
    Secret POST ["payment_intents", "*"] "payment_intents.update" payment_intents::UPDATED => payment_intents::update;
    Shopper POST ["payment_intents", "*", "confirm"] "payment_intents.confirm" payment_intents::CONFIRMED
        => payment_intents::confirm;
    Secret POST ["payment_intents", "*", "capture"] "payment_intents.capture" payment_intents::CAPTURED
        => payment_intents::capture;
    Secret POST ["payment_intents", "*", "cancel"] "payment_intents.cancel" payment_intents::CANCELED
        => payment_intents::cancel;
    Secret GET ["charges"] "charges.list" charges::LISTED => charges::list;
    Secret GET ["charges", "*"] "charges.retrieve" ONLY_EXPAND => charges::retrieve;
    Secret GET ["charges", "*", "refunds"] "charges.refunds" charges::REFUNDS_LISTED => charges::list_refunds;
    Secret POST ["refunds"] "refunds.create" refunds::CREATED => refunds::create;
    Secret GET ["refunds"] "refunds.list" refunds::LISTED => refunds::list;
    Secret GET ["refunds", "*"] "refunds.retrieve" ONLY_EXPAND => refunds::retrieve;
    Secret POST ["refunds", "*"] "refunds.update" refunds::UPDATED => refunds::update;
    Secret POST ["refunds", "*", "cancel"] "refunds.cancel" ONLY_EXPAND => refunds::cancel;
    Secret GET ["disputes"] "disputes.list" disputes::LISTED => disputes::list;
    Secret GET ["disputes", "*"] "disputes.retrieve" ONLY_EXPAND => disputes::retrieve;
    Secret POST ["disputes", "*"] "disputes.update" disputes::UPDATED => disputes::update;
    Secret POST ["disputes", "*", "close"] "disputes.close" ONLY_EXPAND => disputes::close;
    Secret GET ["events"] "events.list" events::LISTED => events::list;
    Secret GET ["events", "*"] "events.retrieve" ONLY_EXPAND => events::retrieve;
};

impl Operation {
    /// The operation that answers at this path below `/v1/`, and the path's id.
    pub fn find<'p>(method: &Method, path: &'p str) -> Option<(&'static Self, &'p str)> {
        let steps: Vec<&str> = path.split('/').collect();
        OPERATIONS.iter().filter(|operation| operation.method == *method).find_map(|operation| {
            let mut id = "";
            let is_match = operation.path.len() == steps.len()
                && operation.path.iter().zip(&steps).all(|(pattern, step)| {
                    if *pattern == "*" {
                        id = step;
                    }
                    pattern == step || (*pattern == "*" && !step.is_empty())
                });
            is_match.then_some((operation, id))
        })
    }

    /// Whether an operation has this name.
    pub fn is_known(name: &str) -> bool {
        OPERATIONS.iter().any(|operation| operation.name == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_lead_to_their_operations() {
        let found =
            |method: &Method, path| Operation::find(method, path).map(|(operation, id)| (operation.name, id));
        assert_eq!(
            found(&Method::POST, "payment_intents/pi_1/confirm"),
            Some(("payment_intents.confirm", "pi_1"))
        );
        assert_eq!(found(&Method::GET, "payment_intents/search"), Some(("payment_intents.search", "")));
        assert_eq!(found(&Method::GET, "payment_intents/"), None);
        assert_eq!(found(&Method::DELETE, "payment_intents/pi_1"), None);
    }
}
