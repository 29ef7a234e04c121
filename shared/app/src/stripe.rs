//! Stripe: the few calls that a checkout needs, and the signature of its webhooks.
//!
//! Written by hand over `reqwest`: a generated client of the whole API costs four times the build and the size.
//! Amounts are ours on this side and Stripe's on the other: see [`Money::to_stripe`].

mod dispute;
mod objects;
mod signature;

use domain::{
    Money, RefundId, ShopId,
    money::MoneyError,
    payment::{CaptureMethod, Payment, Refund},
};
use jiff::Timestamp;
use secrecy::ExposeSecret;
use serde::Deserialize;

pub use self::{
    dispute::StripeDispute,
    objects::{About, Intent, IntentMetadata, KEPT_EVENTS, StripeEvent, StripeList, StripeRefund},
    signature::verify_signature,
};
use crate::{Error, Result};

/// The version of Stripe's API that these types were written against.
const API_VERSION: &str = "2025-03-31.basil";
/// The most that Stripe puts on a page.
const PAGE: &str = "limit=100";

/// What Stripe answered instead of doing what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum StripeError {
    /// It understood and refused; asking again will not help.
    #[error("stripe refused: {message} ({code})")]
    Refused {
        /// Stripe's code: `payment_intent_unexpected_state`, `charge_already_refunded`, …
        code: String,
        /// Stripe's words.
        message: String,
    },
    /// Nobody knows whether it was done: no answer, or an error on Stripe's side.
    #[error("stripe did not answer")]
    Unknown(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl From<StripeError> for Error {
    fn from(error: StripeError) -> Self {
        match error {
            StripeError::Refused { .. } => {
                Self::Internal { what: "stripe refused".into(), source: Some(Box::new(error)) }
            }
            StripeError::Unknown(_) => Self::Unavailable { what: "stripe", source: Box::new(error) },
        }
    }
}

impl From<MoneyError> for StripeError {
    /// What no bank would move Stripe need not be asked for.
    fn from(error: MoneyError) -> Self {
        Self::Refused { code: "amount_invalid".into(), message: error.to_string() }
    }
}

/// A way to Stripe.
#[derive(Debug, Clone)]
pub struct Stripe {
    http: reqwest::Client,
    base: String,
    secret_key: crate::secrets::Secret,
}

#[derive(Debug, Deserialize)]
struct Refusal {
    error: RefusalDetail,
}

#[derive(Debug, Deserialize)]
struct RefusalDetail {
    #[serde(default)]
    code: Option<String>,
    #[serde(default)]
    message: Option<String>,
    #[serde(rename = "type", default)]
    kind: String,
}

impl Stripe {
    /// A way to the Stripe at `base`.
    ///
    /// # Errors
    /// If the TLS client cannot be built, which would be a fault of this build.
    pub fn new(base: impl Into<String>, secret_key: crate::secrets::Secret) -> Result<Self> {
        let http = crate::web::client()?;
        Ok(Self { http, base: base.into().trim_end_matches('/').to_owned(), secret_key })
    }

    /// Makes the PaymentIntent of a payment's present try, once: the try's name is the idempotency key.
    pub async fn create_intent(&self, shop: &ShopId, payment: &Payment) -> Result<Intent, StripeError> {
        let capture_method = match payment.capture_method {
            CaptureMethod::Automatic => "automatic",
            CaptureMethod::Manual => "manual",
        };
        let fields = [
            ("amount", payment.amount.to_stripe()?.to_string()),
            ("currency", payment.amount.currency.code().to_ascii_lowercase()),
            ("capture_method", capture_method.into()),
            ("automatic_payment_methods[enabled]", "true".into()),
            ("metadata[shop_id]", shop.to_string()),
            ("metadata[order_id]", payment.order_id.to_string()),
            ("metadata[payment_id]", payment.id.to_string()),
            ("metadata[attempt]", payment.attempt.to_string()),
        ];
        self.post("payment_intents", &fields, Some(&payment.intent_key())).await
    }

    /// Finds the PaymentIntent of a payment's present try by its metadata. Stripe's search lags by up to a minute.
    pub async fn find_intent(&self, payment: &Payment) -> Result<Option<Intent>, StripeError> {
        // Ids are letters, digits, `_` and `-`: there is nothing in them to be escaped.
        let query = format!("metadata%5B%27payment_id%27%5D%3A%27{}%27", payment.id);
        let path = format!("payment_intents/search?query={query}&{PAGE}");
        let found: StripeList<Intent> = self.get(&path).await?;
        let is_it = |intent: &Intent| intent.metadata().is_some_and(|about| about.attempt == payment.attempt);
        Ok(found.data.into_iter().find(is_it))
    }

    /// Reads a PaymentIntent and its charge.
    pub async fn intent(&self, id: &str) -> Result<Intent, StripeError> {
        self.get(&format!("payment_intents/{id}?expand[]=latest_charge")).await
    }

    /// Calls a PaymentIntent off, reserved money too; refused if the money has come already.
    pub async fn cancel_intent(&self, id: &str) -> Result<Intent, StripeError> {
        self.post(&format!("payment_intents/{id}/cancel"), &[], None).await
    }

    /// Takes `amount` of reserved money, once under each `key`, and lets go of the rest.
    pub async fn capture_intent(&self, id: &str, amount: Money, key: &str) -> Result<Intent, StripeError> {
        let fields = [("amount_to_capture", amount.to_stripe()?.to_string())];
        self.post(&format!("payment_intents/{id}/capture"), &fields, Some(key)).await
    }

    /// Gives money of an intent back, once for each try of a refund.
    pub async fn create_refund(
        &self,
        intent: &str,
        shop: &ShopId,
        refund: &Refund,
    ) -> Result<StripeRefund, StripeError> {
        let fields = [
            ("payment_intent", intent.to_owned()),
            ("amount", refund.amount.to_stripe()?.to_string()),
            ("metadata[shop_id]", shop.to_string()),
            ("metadata[payment_id]", refund.payment_id.to_string()),
            ("metadata[refund_id]", refund.id.to_string()),
        ];
        self.post("refunds", &fields, Some(&refund.key())).await
    }

    /// The last five hundred refunds of an intent, whoever made them, newest first.
    pub async fn refunds(&self, intent: &str) -> Result<Vec<StripeRefund>, StripeError> {
        let (mut found, mut after) = (vec![], String::new());
        for _ in 0..5 {
            let path = format!("refunds?payment_intent={intent}&{PAGE}{after}");
            let page: StripeList<StripeRefund> = self.get(&path).await?;
            let last = page.data.last().map(|last| last.id.clone());
            found.extend(page.data);
            match last {
                Some(last) if page.has_more => after = format!("&starting_after={last}"),
                _ => break,
            }
        }
        Ok(found)
    }

    /// Finds a refund of ours among those of an intent.
    pub async fn find_refund(
        &self,
        intent: &str,
        refund: &RefundId,
    ) -> Result<Option<StripeRefund>, StripeError> {
        let is_it = |found: &StripeRefund| found.metadata().is_some_and(|(_, _, named)| named == *refund);
        Ok(self.refunds(intent).await?.into_iter().find(is_it))
    }

    /// Reads a refund.
    pub async fn refund(&self, id: &str) -> Result<StripeRefund, StripeError> {
        self.get(&format!("refunds/{id}")).await
    }

    /// Reads a dispute.
    pub async fn dispute(&self, id: &str) -> Result<StripeDispute, StripeError> {
        self.get(&format!("disputes/{id}")).await
    }

    /// A page of the events of kinds that are kept, oldest first: those right after the event named `after`, or the
    /// newest since `since`; none that are younger than `until`.
    pub async fn events(
        &self,
        after: Option<&str>,
        since: Timestamp,
        until: Timestamp,
    ) -> Result<StripeList<StripeEvent>, StripeError> {
        let from = match after {
            Some(event) => format!("ending_before={event}"),
            None => format!("created[gte]={}", since.as_second()),
        };
        let types = KEPT_EVENTS.map(|kind| format!("&types[]={kind}")).concat();
        let path = format!("events?{PAGE}&{from}&created[lte]={}{types}", until.as_second());
        let mut page: StripeList<StripeEvent> = self.get(&path).await?;
        page.data.reverse();
        Ok(page)
    }

    async fn post<T: serde::de::DeserializeOwned>(
        &self,
        path: &str,
        fields: &[(&str, String)],
        idempotency_key: Option<&str>,
    ) -> Result<T, StripeError> {
        let mut call = self.http.post(format!("{}/v1/{path}", self.base)).form(fields);
        if let Some(key) = idempotency_key {
            call = call.header("Idempotency-Key", key);
        }
        self.send(call).await
    }

    async fn get<T: serde::de::DeserializeOwned>(&self, path: &str) -> Result<T, StripeError> {
        self.send(self.http.get(format!("{}/v1/{path}", self.base))).await
    }

    async fn send<T: serde::de::DeserializeOwned>(
        &self,
        call: reqwest::RequestBuilder,
    ) -> Result<T, StripeError> {
        let unknown = |error: reqwest::Error| StripeError::Unknown(Box::new(error));
        let key = self.secret_key.read().await.map_err(|error| StripeError::Unknown(Box::new(error)))?;
        let call = call.bearer_auth(key.expose_secret()).header("Stripe-Version", API_VERSION);
        let answer = call.send().await.map_err(unknown)?;
        let status = answer.status();
        if status.is_success() {
            return answer.json().await.map_err(unknown);
        }
        // A conflict is a request with the same key still running; a limit has refused nothing for good.
        if status.is_server_error() || matches!(status.as_u16(), 409 | 429) {
            return Err(StripeError::Unknown(format!("status {status}").into()));
        }
        let Refusal { error } = answer.json().await.map_err(unknown)?;
        let code = error.code.unwrap_or(error.kind);
        Err(StripeError::Refused { code, message: error.message.unwrap_or_default() })
    }
}
