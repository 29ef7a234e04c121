//! Stripe's objects, as far as we read them.

use domain::{
    Currency, Money, OrderId, PaymentId, RefundId, ShopId,
    payment::{Decline, IntentReport, IntentStatus, RefundStatus},
};
use serde::Deserialize;

use super::StripeDispute;
use crate::{Error, Result};

/// What a PaymentIntent is for, written into its metadata: how an event finds its payment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IntentMetadata {
    /// The tenant.
    pub shop_id: ShopId,
    /// The order.
    pub order_id: OrderId,
    /// The payment.
    pub payment_id: PaymentId,
    /// Which try of the payment.
    pub attempt: u32,
}

/// A PaymentIntent.
#[derive(Debug, Clone, Deserialize)]
pub struct Intent {
    /// Stripe's name for it.
    pub id: String,
    /// With this the customer's browser talks to Stripe about it.
    pub client_secret: Option<String>,
    status: IntentStatus,
    amount: i64,
    #[serde(default)]
    amount_capturable: i64,
    #[serde(default)]
    amount_received: i64,
    currency: Currency,
    #[serde(default)]
    latest_charge: Option<serde_json::Value>,
    #[serde(default)]
    last_payment_error: Option<serde_json::Value>,
    #[serde(default)]
    metadata: serde_json::Value,
}

impl Intent {
    /// What it says about the payment.
    pub fn report(&self) -> IntentReport {
        let text = |value: &Option<serde_json::Value>, name: &str| {
            value.as_ref().and_then(|value| value.get(name)?.as_str()).map(str::to_owned)
        };
        // What is no amount of the currency stays as it is: it will not be what the order costs.
        let ours = |amount| Money::from_stripe(amount, self.currency).map_or(amount, |money| money.amount);
        IntentReport {
            intent_id: self.id.clone(),
            attempt: self.metadata().map_or(1, |about| about.attempt),
            status: self.status,
            amount: Money::new(ours(self.amount), self.currency),
            capturable: ours(self.amount_capturable),
            received: ours(self.amount_received),
            declined: self.last_payment_error.as_ref().and_then(declined),
            receipt_url: text(&self.latest_charge, "receipt_url"),
        }
    }

    /// What it is for, if it is one of ours.
    pub fn metadata(&self) -> Option<IntentMetadata> {
        #[derive(Deserialize)]
        struct Written {
            shop_id: ShopId,
            order_id: OrderId,
            payment_id: PaymentId,
            attempt: Option<String>,
        }
        let written: Written = serde_json::from_value(self.metadata.clone()).ok()?;
        let Written { shop_id, order_id, payment_id, attempt } = written;
        let attempt = attempt.and_then(|text| text.parse().ok()).unwrap_or(1);
        Some(IntentMetadata { shop_id, order_id, payment_id, attempt })
    }
}

/// What was refused, by what went wrong with an intent last. Whoever did not prove to be a card's owner has no charge.
fn declined(error: &serde_json::Value) -> Option<Decline> {
    let text = |path: &str| error.pointer(path).and_then(serde_json::Value::as_str);
    Some(Decline {
        attempt: text("/charge").or_else(|| text("/payment_method/id"))?.to_owned(),
        reason: text("/decline_code").or_else(|| text("/code")).unwrap_or("card_declined").to_owned(),
    })
}

/// A refund.
#[derive(Debug, Clone, Deserialize)]
pub struct StripeRefund {
    /// Stripe's name for it.
    pub id: String,
    /// The intent whose money goes back.
    #[serde(default)]
    pub payment_intent: Option<String>,
    amount: i64,
    currency: Currency,
    status: Option<String>,
    #[serde(default)]
    metadata: serde_json::Value,
}

impl StripeRefund {
    /// How much goes back; `None` if it is no amount of its currency.
    pub const fn amount(&self) -> Option<Money> {
        Money::from_stripe(self.amount, self.currency)
    }

    /// Where it is.
    pub fn status(&self) -> RefundStatus {
        match self.status.as_deref() {
            Some("succeeded") => RefundStatus::Succeeded,
            Some("failed") => RefundStatus::Failed,
            Some("canceled") => RefundStatus::Cancelled,
            _ => RefundStatus::Pending,
        }
    }

    /// Which of ours it is; `None` if somebody made it at Stripe.
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

/// A page of something.
#[derive(Debug, Clone, Deserialize)]
pub struct StripeList<T> {
    /// What is on it, newest first.
    pub data: Vec<T>,
    /// Whether more follows.
    #[serde(default)]
    pub has_more: bool,
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
    /// The connected account that it happened in; absent in one's own.
    #[serde(default)]
    pub account: Option<String>,
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
    /// A dispute as it was when the event happened.
    Dispute(StripeDispute),
    /// Something that we do not keep.
    Other,
}

/// The types of events that are kept.
///
/// That a bank took a dispute's money, or gave it back, comes with a change of its status, which has an event of its own.
pub const KEPT_EVENTS: [&str; 13] = [
    "charge.dispute.closed",
    "charge.dispute.created",
    "charge.dispute.updated",
    "payment_intent.amount_capturable_updated",
    "payment_intent.canceled",
    "payment_intent.payment_failed",
    "payment_intent.processing",
    "payment_intent.requires_action",
    "payment_intent.succeeded",
    "refund.created",
    "refund.failed",
    "refund.updated",
    "charge.refund.updated",
];

impl StripeEvent {
    /// Reads the body of a webhook whose signature has been checked.
    pub fn parse(body: &[u8]) -> Result<Self> {
        serde_json::from_slice(body).map_err(|error| Error::field("", "malformed_json", error.to_string()))
    }

    /// The shop that it concerns, if it says so.
    pub fn shop(&self) -> Option<ShopId> {
        self.data.object.pointer("/metadata/shop_id")?.as_str().and_then(|shop| ShopId::new(shop).ok())
    }

    /// What it is about.
    ///
    /// `payment_intent.created` says what the answer to our own request has said. Kept, it would cost four write
    /// units, and asking Stripe about it would race with the webhook of the payment itself.
    pub fn about(&self) -> About {
        if !KEPT_EVENTS.contains(&self.kind.as_str()) {
            return About::Other;
        }
        let object = self.data.object.clone();
        if self.kind.starts_with("payment_intent.") {
            return serde_json::from_value(object)
                .map_or(About::Other, |intent| About::Intent(Box::new(intent)));
        }
        if self.kind.starts_with("charge.dispute.") {
            return serde_json::from_value(object).map_or(About::Other, About::Dispute);
        }
        serde_json::from_value(object).map_or(About::Other, About::Refund)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
}
