//! Stripe: the few calls that a checkout needs, and the signature of its webhooks.
//!
//! Written by hand over `reqwest`: a generated client of the whole API costs four times the build and the size.

use domain::{
    Currency, Money, OrderId, PaymentId, RefundId, ShopId,
    payment::{IntentReport, IntentStatus, RefundStatus},
};
use hmac::{Hmac, Mac};
use jiff::{SignedDuration, Timestamp};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use sha2::Sha256;
use subtle::ConstantTimeEq;

use contract::ErrorCode;

use crate::{Error, Result};

/// The version of Stripe's API that these types were written against.
const API_VERSION: &str = "2025-03-31.basil";
/// Stripe signs with at most this many secrets at once.
const MAX_SIGNATURES: usize = 16;

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

/// A way to Stripe.
#[derive(Debug, Clone)]
pub struct Stripe {
    http: reqwest::Client,
    base: String,
    secret_key: crate::secrets::Secret,
}

/// What a PaymentIntent is for, written into its metadata: how an event finds its payment.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct IntentMetadata {
    /// The tenant.
    pub shop_id: ShopId,
    /// The order.
    pub order_id: OrderId,
    /// The payment.
    pub payment_id: PaymentId,
}

/// A PaymentIntent, as far as we read it.
#[derive(Debug, Clone, Deserialize)]
pub struct Intent {
    /// Stripe's name for it.
    pub id: String,
    /// With this the customer's browser talks to Stripe about it.
    pub client_secret: Option<String>,
    status: IntentStatus,
    amount: i64,
    #[serde(default)]
    amount_received: i64,
    currency: Currency,
    /// Whether real money moves.
    #[serde(default)]
    pub livemode: bool,
    #[serde(default)]
    latest_charge: Option<serde_json::Value>,
    #[serde(default)]
    metadata: serde_json::Value,
}

impl Intent {
    /// What it says about the payment.
    pub fn report(&self) -> IntentReport {
        let charge = self.latest_charge.as_ref();
        let receipt = charge.and_then(|charge| charge.get("receipt_url")?.as_str());
        IntentReport {
            intent_id: self.id.clone(),
            status: self.status,
            amount: Money::new(self.amount, self.currency),
            received: self.amount_received,
            receipt_url: receipt.map(str::to_owned),
        }
    }

    /// What it is for, if it is one of ours.
    pub fn metadata(&self) -> Option<IntentMetadata> {
        serde_json::from_value(self.metadata.clone()).ok()
    }
}

/// A refund, as far as we read it.
#[derive(Debug, Clone, Deserialize)]
pub struct StripeRefund {
    /// Stripe's name for it.
    pub id: String,
    status: Option<String>,
    #[serde(default)]
    metadata: serde_json::Value,
}

impl StripeRefund {
    /// Where it is.
    pub fn status(&self) -> RefundStatus {
        match self.status.as_deref() {
            Some("succeeded") => RefundStatus::Succeeded,
            Some("failed") => RefundStatus::Failed,
            Some("canceled") => RefundStatus::Cancelled,
            _ => RefundStatus::Pending,
        }
    }

    /// Which of ours it is.
    pub fn metadata(&self) -> Option<(ShopId, PaymentId, RefundId)> {
        #[derive(Deserialize)]
        struct Metadata {
            shop_id: ShopId,
            payment_id: PaymentId,
            refund_id: RefundId,
        }
        let metadata: Metadata = serde_json::from_value(self.metadata.clone()).ok()?;
        Some((metadata.shop_id, metadata.payment_id, metadata.refund_id))
    }
}

/// An event that Stripe tells us about.
#[derive(Debug, Clone, Deserialize)]
pub struct StripeEvent {
    /// Stripe's name for it.
    pub id: String,
    /// `payment_intent.succeeded`, …
    #[serde(rename = "type")]
    pub kind: String,
    /// Whether it is about real money.
    #[serde(default)]
    pub livemode: bool,
    data: EventData,
}

#[derive(Debug, Clone, Deserialize)]
struct EventData {
    object: serde_json::Value,
}

/// What an event is about, as far as it concerns us.
#[derive(Debug, Clone)]
pub enum About {
    /// A PaymentIntent as it was when the event happened.
    Intent(Box<Intent>),
    /// A refund as it was when the event happened.
    Refund(StripeRefund),
    /// Something that we do not keep.
    Other,
}

impl StripeEvent {
    /// Reads the body of a webhook whose signature has been checked.
    pub fn parse(body: &[u8]) -> Result<Self> {
        serde_json::from_slice(body).map_err(|error| Error::field("", "malformed_json", error.to_string()))
    }

    /// What it is about.
    pub fn about(&self) -> About {
        let object = self.data.object.clone();
        // Says what the answer to our own request has said. Kept, it would cost four write units, and asking Stripe
        // about it would race with the webhook of the payment itself.
        if self.kind == "payment_intent.created" {
            return About::Other;
        }
        if self.kind.starts_with("payment_intent.") {
            return serde_json::from_value(object)
                .map_or(About::Other, |intent| About::Intent(Box::new(intent)));
        }
        if self.kind.starts_with("refund.") || self.kind == "charge.refund.updated" {
            return serde_json::from_value(object).map_or(About::Other, About::Refund);
        }
        About::Other
    }
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

    /// Makes a PaymentIntent, once for each payment: the payment's id is the idempotency key.
    pub async fn create_intent(&self, amount: Money, about: &IntentMetadata) -> Result<Intent, StripeError> {
        let fields = [
            ("amount", amount.amount.to_string()),
            ("currency", amount.currency.code().to_ascii_lowercase()),
            ("automatic_payment_methods[enabled]", "true".into()),
            ("metadata[shop_id]", about.shop_id.to_string()),
            ("metadata[order_id]", about.order_id.to_string()),
            ("metadata[payment_id]", about.payment_id.to_string()),
        ];
        self.post("payment_intents", &fields, Some(about.payment_id.as_str())).await
    }

    /// Reads a PaymentIntent and its charge.
    pub async fn intent(&self, id: &str) -> Result<Intent, StripeError> {
        self.get(&format!("payment_intents/{id}?expand[]=latest_charge")).await
    }

    /// Calls a PaymentIntent off; refused if the money has come already.
    pub async fn cancel_intent(&self, id: &str) -> Result<Intent, StripeError> {
        self.post(&format!("payment_intents/{id}/cancel"), &[], None).await
    }

    /// Gives money back, once for each refund: the refund's id is the idempotency key.
    pub async fn create_refund(
        &self,
        intent: &str,
        amount: i64,
        shop: &ShopId,
        payment: &PaymentId,
        refund: &RefundId,
    ) -> Result<StripeRefund, StripeError> {
        let fields = [
            ("payment_intent", intent.to_owned()),
            ("amount", amount.to_string()),
            ("metadata[shop_id]", shop.to_string()),
            ("metadata[payment_id]", payment.to_string()),
            ("metadata[refund_id]", refund.to_string()),
        ];
        self.post("refunds", &fields, Some(refund.as_str())).await
    }

    /// Reads a refund.
    pub async fn refund(&self, id: &str) -> Result<StripeRefund, StripeError> {
        self.get(&format!("refunds/{id}")).await
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

/// Checks that Stripe signed `body` with one of `secrets` no more than `tolerance` before or after `now`.
///
/// The header is `t=1700000000,v1=…,v1=…`; several `v1` come while a secret is being replaced. The signature is
/// over the raw bytes, so this runs before anything parses them. Source: <https://docs.stripe.com/webhooks#verify-manually>.
pub fn verify_signature(
    header: &str,
    body: &[u8],
    secrets: &[SecretString],
    tolerance: SignedDuration,
    now: Timestamp,
) -> Result<()> {
    let invalid =
        || Error::invalid(ErrorCode::SignatureInvalid, "the Stripe-Signature header does not match the body");
    let (mut signed_at, mut signatures) = (None, vec![]);
    for part in header.split(',').take(MAX_SIGNATURES + 8) {
        match part.trim().split_once('=') {
            Some(("t", value)) if signed_at.is_none() => signed_at = Some(value),
            Some(("v1", value)) if signatures.len() < MAX_SIGNATURES => signatures.extend(hex::decode(value)),
            _ => {}
        }
    }
    let signed_at = signed_at.ok_or_else(invalid)?;
    let instant =
        signed_at.parse().ok().and_then(|second| Timestamp::from_second(second).ok()).ok_or_else(invalid)?;
    let matches = |secret: &SecretString| {
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.expose_secret().as_bytes()) else {
            return false;
        };
        mac.update(signed_at.as_bytes());
        mac.update(b".");
        mac.update(body);
        let expected = mac.finalize().into_bytes();
        // Every signature is compared, so that the time taken says nothing about which one was close.
        signatures
            .iter()
            .fold(false, |found, signature| found | bool::from(expected.as_slice().ct_eq(signature)))
    };
    if !secrets.iter().fold(false, |found, secret| found | matches(secret)) {
        return Err(invalid());
    }
    if now.duration_since(instant).abs() > tolerance {
        return Err(Error::invalid(
            ErrorCode::WebhookStale,
            "the webhook was signed too long ago, or in the future",
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &[u8] = br#"{"id":"evt_1"}"#;

    fn signed(secret: &str, second: i64) -> String {
        let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
        mac.update(format!("{second}.").as_bytes());
        mac.update(BODY);
        hex::encode(mac.finalize().into_bytes())
    }

    fn verify(header: &str, now: i64) -> Result<()> {
        let secrets = ["whsec_old", "whsec_new"].map(|secret| SecretString::from(secret.to_owned()));
        verify_signature(
            header,
            BODY,
            &secrets,
            SignedDuration::from_secs(300),
            Timestamp::from_second(now).unwrap(),
        )
    }

    fn code(result: Result<()>) -> ErrorCode {
        match result {
            Err(Error::Invalid { code, .. }) => code,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_making_of_an_intent_is_no_news() {
        let about = |kind: &str| {
            let object =
                serde_json::json!({ "id": "pi_1", "amount": 1999, "currency": "usd", "status": "succeeded" });
            let body = serde_json::json!({ "id": "evt_1", "type": kind, "livemode": false, "data": { "object": object } });
            StripeEvent::parse(body.to_string().as_bytes()).unwrap().about()
        };
        assert!(matches!(about("payment_intent.succeeded"), About::Intent(_)));
        assert!(matches!(about("payment_intent.created"), About::Other));
    }

    #[test]
    fn any_of_several_signatures_and_secrets_will_do() {
        let good = signed("whsec_new", 1000);
        assert!(verify(&format!("t=1000,v1={good}"), 1000).is_ok());
        assert!(verify(&format!("t=1000,v1={},v1={good},v0=x", "0".repeat(64)), 1300).is_ok());
        assert!(verify(&format!("t=1000,v1={}", signed("whsec_old", 1000)), 700).is_ok());
    }

    #[test]
    fn what_is_not_signed_is_refused_before_it_is_called_stale() {
        let good = signed("whsec_new", 1000);
        assert_eq!(code(verify(&format!("t=1000,v1={good}"), 1301)), ErrorCode::WebhookStale);
        assert_eq!(code(verify(&format!("t=1000,v1={good}"), 699)), ErrorCode::WebhookStale);
        for header in [
            "",
            "t=1000",
            "v1=00",
            "t=x,v1=00",
            "t=1001,v1=",
            &format!("t=1001,v1={good}"),
            &format!("t=1000,v0={good}"),
        ] {
            assert_eq!(code(verify(header, 1000)), ErrorCode::SignatureInvalid, "{header}");
        }
    }

    #[test]
    fn a_thousand_signatures_are_bounded_work() {
        let good = signed("whsec_new", 1000);
        let flood = format!("t=1000{},v1={good}", format!(",v1={}", "0".repeat(64)).repeat(1000));
        assert_eq!(code(verify(&flood, 1000)), ErrorCode::SignatureInvalid);
    }
}
