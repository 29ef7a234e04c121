//! The functions of this workspace, by the folders that `template.yaml` names: how each is built into this process,
//! and what their routes say of themselves.
//!
//! This is the one place of the local cloud that knows their crates.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use axum::Router;
use edge::{Environment, Misconfigured, telemetry::Emitter};
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;

use crate::{
    aws::SECRET,
    clock::TurnableClock,
    lambda::{self, Handler, REGION},
    template::Function,
};

/// A function of the template that cannot be served from this process.
#[derive(Debug, thiserror::Error)]
pub enum FunctionError {
    /// The template names a folder that has no crate here.
    #[error(
        "function {name}: there is no function in functions/{folder}; add it to local/src/functions.rs, or take it out of the template"
    )]
    Unknown {
        /// Logical id.
        name: String,
        /// Folder.
        folder: String,
    },
    /// Its environment is not what it expects.
    #[error("function {name}: {source}")]
    Misconfigured {
        /// Logical id.
        name: String,
        /// What is wrong, all of it.
        source: Misconfigured,
    },
}

/// What builds a function's handler from its environment.
type Build = fn(&Environment) -> Result<Handler, Misconfigured>;

/// The handler of a function of HTTP routes.
macro_rules! http {
    ($function:ident) => {
        |environment| Ok(lambda::http($function::build(environment)?))
    };
}

/// The handler of a function that takes events as they are.
macro_rules! plain {
    ($function:ident) => {
        |environment| {
            let handler = $function::build(environment)?;
            Ok(lambda::plain(move |event| $function::handle(handler.clone(), event)))
        }
    };
}

/// Every function, by its folder.
const FUNCTIONS: &[(&str, Build)] = &[
    ("catalog", http!(catalog)),
    ("chat", http!(chat)),
    ("fanout", plain!(fanout)),
    ("inventory", http!(inventory)),
    ("notifications", http!(notifications)),
    ("notifier", plain!(notifier)),
    ("orders", http!(orders)),
    ("payments", http!(payments)),
    ("platform", http!(platform)),
    ("relay", plain!(relay)),
    ("stripe-webhook", http!(stripe_webhook)),
    ("sweeper", plain!(sweeper)),
    ("ws-connect", plain!(ws_connect)),
    ("ws-disconnect", plain!(ws_disconnect)),
    ("ws-message", plain!(ws_message)),
];

/// The folders of all functions that can be served.
pub fn folders() -> BTreeSet<&'static str> {
    FUNCTIONS.iter().map(|(folder, _)| *folder).collect()
}

/// Gives every function what Lambda would give it beside its own variables: where AWS is, and who it is there.
pub fn deploy(functions: &mut BTreeMap<String, Function>, aws_endpoint: &str) {
    for function in functions.values_mut() {
        let given = [
            ("AWS_REGION", REGION),
            ("AWS_ENDPOINT_URL", aws_endpoint),
            // The key tells the AWS endpoint which function a request came from.
            ("AWS_ACCESS_KEY_ID", &function.name),
            ("AWS_SECRET_ACCESS_KEY", SECRET),
        ];
        let given = given.map(|(name, value)| (name.to_owned(), value.to_owned()));
        function.environment.extend(given);
    }
}

/// Builds every function of the template: how long an invocation may take, and the handler.
pub fn build(
    functions: &BTreeMap<String, Function>,
    clock: &TurnableClock,
) -> Result<BTreeMap<String, (Duration, Handler)>, FunctionError> {
    let build = |function: &Function| {
        let handler = build_one(function, clock)?;
        Ok((function.name.clone(), (function.timeout, handler)))
    };
    functions.values().map(build).collect()
}

fn build_one(function: &Function, clock: &TurnableClock) -> Result<Handler, FunctionError> {
    let known = FUNCTIONS.iter().find(|(folder, _)| *folder == function.folder);
    let (_, build) = known.ok_or_else(|| FunctionError::Unknown {
        name: function.name.clone(),
        folder: function.folder.clone(),
    })?;
    let turnable = clock.clone();
    let clock = app::Clock::reading(move || turnable.now());
    // CloudWatch reads metrics from the log; here they are there for whoever asks for that level.
    let emitter = Emitter::to(|line| tracing::trace!(target: "metrics", "{line}"));
    Environment::new(function.environment.clone(), clock, emitter)
        .and_then(|environment| build(&environment))
        .map_err(|source| FunctionError::Misconfigured { name: function.name.clone(), source })
}

/// What the routes of each function say of themselves, by folder.
pub fn documents() -> Vec<(&'static str, OpenApi)> {
    fn of<S: Clone + Send + Sync + 'static>(routes: OpenApiRouter<S>) -> OpenApi {
        let (_, document): (Router<S>, _) = routes.split_for_parts();
        document
    }
    vec![
        ("catalog", of(catalog::routes())),
        ("inventory", of(inventory::routes())),
        ("chat", of(chat::routes())),
        ("notifications", of(notifications::routes())),
        ("orders", of(orders::routes())),
        ("payments", of(payments::routes())),
        ("platform", of(platform::routes())),
        ("stripe-webhook", of(stripe_webhook::routes())),
    ]
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::template::{HttpTarget, Surroundings, Template};

    fn template() -> Template {
        let surroundings = Surroundings {
            region: REGION.to_owned(),
            account: lambda::ACCOUNT.to_owned(),
            aws_endpoint: "http://127.0.0.1:1".to_owned(),
            http_url: "http://127.0.0.1:2".to_owned(),
            ws_url: "ws://127.0.0.1:3/ws".to_owned(),
            parameters: BTreeMap::new(),
            suggestions: BTreeMap::new(),
        };
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../template.yaml");
        Template::read(&file, &surroundings).unwrap()
    }

    #[test]
    fn the_template_names_exactly_these_functions() {
        let template = template();
        let functions = template.functions.values();
        let named: BTreeSet<_> = functions.map(|function| function.folder.as_str()).collect();
        assert_eq!(named, folders());
    }

    #[test]
    fn every_function_is_content_with_what_the_template_gives_it() {
        let mut functions = template().functions;
        deploy(&mut functions, "http://127.0.0.1:1");
        let clock = TurnableClock::running();
        let wrong: Vec<_> = functions
            .values()
            .filter_map(|function| build_one(function, &clock).err())
            .map(|error| error.to_string())
            .collect();
        assert!(wrong.is_empty(), "{wrong:#?}");
    }

    #[test]
    fn the_template_routes_exactly_what_the_functions_serve() {
        let template = template();
        let routed: BTreeSet<_> = template
            .http
            .routes
            .iter()
            .filter(|route| route.key != "$default")
            .filter_map(|route| match &route.target {
                HttpTarget::Function(function) => {
                    Some(format!("{} {}", template.functions[function].folder, route.key))
                }
                HttpTarget::Site(_) => None,
            })
            .collect();
        let mut served = BTreeSet::new();
        for (folder, document) in documents() {
            let document = serde_json::to_value(document).unwrap();
            for (path, operations) in document["paths"].as_object().unwrap() {
                let methods = operations.as_object().unwrap().keys();
                served.extend(methods.map(|method| format!("{folder} {} {path}", method.to_uppercase())));
            }
        }
        assert_eq!(routed, served);
    }

    #[test]
    fn a_function_without_a_crate_is_named_with_what_to_do() {
        let mut functions = template().functions;
        let orders = functions.get_mut("Orders").unwrap();
        orders.folder = "returns".to_owned();
        let error = build(&functions, &TurnableClock::running()).err().unwrap();
        assert!(error.to_string().contains("no function in functions/returns"), "{error}");
    }
}
