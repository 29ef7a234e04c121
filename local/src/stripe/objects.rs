//! Stripe's objects: what is kept of each, and what of it goes over the wire.
//!
//! A struct's fields carry the names of the wire; `render` adds what never changes here. The store keeps the
//! struct, so that a stored row is half the size of an answer.

use std::collections::BTreeMap;

use jiff::{Timestamp, fmt::serde::timestamp::second};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

/// The version of the API whose shapes these are.
pub const API_VERSION: &str = "2026-10-28.endive";

/// Something with an id that the ledger keeps.
pub trait Object: Serialize + DeserializeOwned + Clone {
    /// The name of its type on the wire.
    const KIND: &'static str;
    /// What its id begins with, without the underscore.
    const PREFIX: &'static str;

    /// Its id.
    fn id(&self) -> &str;

    /// When it was made.
    fn created(&self) -> Timestamp;

    /// What lists and searches find it by: the name of the index and the value.
    fn indexes(&self) -> Vec<(&'static str, String)> {
        Vec::new()
    }

    /// Fields that are the same for every object of this kind, or follow from the others.
    fn constants(&self) -> Value;

    /// The object on the wire.
    fn render(&self) -> Value {
        in_full(self)
    }
}

/// The object on the wire with all that its kind has.
pub fn in_full<T: Object>(object: &T) -> Value {
    let mut wire = serde_json::to_value(object).unwrap_or_default();
    if let (Value::Object(wire), Value::Object(constants)) = (&mut wire, object.constants()) {
        wire.extend(constants);
        wire.extend([("object".to_owned(), T::KIND.into()), ("livemode".to_owned(), false.into())]);
    }
    wire
}

/// Key-value text that the shop attaches.
pub type Metadata = BTreeMap<String, String>;

/// How one metadata entry reads in an index.
pub fn metadata_term(key: &str, value: &str) -> String {
    format!("{key}\u{1}{value}")
}

fn metadata_terms(metadata: &Metadata) -> impl Iterator<Item = (&'static str, String)> {
    metadata.iter().map(|(key, value)| ("metadata", metadata_term(key, value)))
}

/// A customer.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Customer {
    pub id: String,
    #[serde(with = "second::required")]
    pub created: Timestamp,
    pub name: Option<String>,
    pub email: Option<String>,
    pub phone: Option<String>,
    pub description: Option<String>,
    pub address: Option<Value>,
    pub shipping: Option<Value>,
    pub metadata: Metadata,
    /// Set once; a deleted customer answers with nothing but this.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub deleted: bool,
}

impl Object for Customer {
    const KIND: &'static str = "customer";
    const PREFIX: &'static str = "cus";

    fn id(&self) -> &str {
        &self.id
    }

    fn created(&self) -> Timestamp {
        self.created
    }

    fn indexes(&self) -> Vec<(&'static str, String)> {
        if self.deleted {
            return Vec::new();
        }
        metadata_terms(&self.metadata)
            .chain(self.email.iter().map(|email| ("email", email.clone())))
            .collect()
    }

    fn constants(&self) -> Value {
        json!({
            "balance": 0, "currency": null, "default_source": null, "delinquent": false, "discount": null,
            "invoice_prefix": self.id.chars().rev().take(8).collect::<String>().to_uppercase(),
            "invoice_settings": {
                "custom_fields": null, "default_payment_method": null, "footer": null, "rendering_options": null,
            },
            "next_invoice_sequence": 1, "preferred_locales": [], "tax_exempt": "none", "test_clock": null,
        })
    }

    fn render(&self) -> Value {
        if self.deleted {
            return json!({ "id": self.id, "object": Self::KIND, "deleted": true });
        }
        in_full(self)
    }
}

/// Where a payment stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    RequiresPaymentMethod,
    RequiresConfirmation,
    RequiresAction,
    Processing,
    RequiresCapture,
    Succeeded,
    Canceled,
}

/// When the money of an approved card is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CaptureMethod {
    Automatic,
    AutomaticAsync,
    Manual,
}

/// One payment from intention to money.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PaymentIntent {
    pub id: String,
    #[serde(with = "second::required")]
    pub created: Timestamp,
    pub amount: i64,
    pub amount_capturable: i64,
    pub amount_received: i64,
    pub currency: String,
    pub status: Status,
    pub capture_method: CaptureMethod,
    pub confirmation_method: String,
    pub client_secret: String,
    pub customer: Option<String>,
    pub payment_method: Option<String>,
    pub payment_method_types: Vec<String>,
    pub automatic_payment_methods: Option<Value>,
    pub latest_charge: Option<String>,
    pub last_payment_error: Option<Value>,
    pub next_action: Option<Value>,
    #[serde(with = "second::optional")]
    pub canceled_at: Option<Timestamp>,
    pub cancellation_reason: Option<String>,
    pub description: Option<String>,
    pub receipt_email: Option<String>,
    pub setup_future_usage: Option<String>,
    pub shipping: Option<Value>,
    pub statement_descriptor: Option<String>,
    pub statement_descriptor_suffix: Option<String>,
    pub transfer_group: Option<String>,
    pub metadata: Metadata,
}

impl Object for PaymentIntent {
    const KIND: &'static str = "payment_intent";
    const PREFIX: &'static str = "pi";

    fn id(&self) -> &str {
        &self.id
    }

    fn created(&self) -> Timestamp {
        self.created
    }

    fn indexes(&self) -> Vec<(&'static str, String)> {
        let customer = self.customer.iter().map(|customer| ("customer", customer.clone()));
        metadata_terms(&self.metadata).chain(customer).collect()
    }

    fn constants(&self) -> Value {
        json!({
            "amount_details": { "tip": {} }, "application": null, "application_fee_amount": null, "on_behalf_of": null,
            "payment_method_configuration_details": null,
            "payment_method_options": { "card": {
                "installments": null, "mandate_options": null, "network": null, "request_three_d_secure": "automatic",
            } },
            "processing": null, "review": null, "source": null, "transfer_data": null,
        })
    }
}

/// One attempt to take money.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Charge {
    pub id: String,
    #[serde(with = "second::required")]
    pub created: Timestamp,
    pub amount: i64,
    pub amount_captured: i64,
    pub amount_refunded: i64,
    pub currency: String,
    pub captured: bool,
    pub refunded: bool,
    #[serde(default)]
    pub disputed: bool,
    pub status: ChargeStatus,
    pub payment_intent: String,
    pub payment_method: String,
    pub payment_method_details: Value,
    pub customer: Option<String>,
    pub description: Option<String>,
    pub receipt_email: Option<String>,
    pub receipt_url: Option<String>,
    pub failure_code: Option<String>,
    pub failure_message: Option<String>,
    pub outcome: Value,
    pub shipping: Option<Value>,
    pub metadata: Metadata,
}

/// What became of a charge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChargeStatus {
    Succeeded,
    Pending,
    Failed,
}

impl Charge {
    /// What of its money can still go back.
    pub fn refundable(&self) -> i64 {
        if self.status == ChargeStatus::Succeeded { self.amount_captured - self.amount_refunded } else { 0 }
    }
}

impl Object for Charge {
    const KIND: &'static str = "charge";
    const PREFIX: &'static str = "ch";

    fn id(&self) -> &str {
        &self.id
    }

    fn created(&self) -> Timestamp {
        self.created
    }

    fn indexes(&self) -> Vec<(&'static str, String)> {
        let customer = self.customer.iter().map(|customer| ("customer", customer.clone()));
        customer.chain([("payment_intent", self.payment_intent.clone())]).collect()
    }

    fn constants(&self) -> Value {
        let is_paid = self.status == ChargeStatus::Succeeded;
        json!({
            "application": null, "application_fee": null, "application_fee_amount": null, "balance_transaction": null,
            "billing_details": {
                "address": {
                    "city": null, "country": null, "line1": null, "line2": null, "postal_code": null, "state": null,
                },
                "email": null, "name": null, "phone": null, "tax_id": null,
            },
            "calculated_statement_descriptor": "SHOPWIRE", "failure_balance_transaction": null,
            "fraud_details": {}, "on_behalf_of": null, "paid": is_paid, "radar_options": {}, "receipt_number": null,
            "review": null, "source_transfer": null, "statement_descriptor": null, "statement_descriptor_suffix": null,
            "transfer_data": null, "transfer_group": null,
        })
    }
}

/// Money on its way back.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Refund {
    pub id: String,
    #[serde(with = "second::required")]
    pub created: Timestamp,
    pub amount: i64,
    pub currency: String,
    pub charge: String,
    pub payment_intent: String,
    pub reason: Option<String>,
    pub status: RefundStatus,
    pub metadata: Metadata,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure_reason: Option<String>,
}

/// Where a refund stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefundStatus {
    Pending,
    Succeeded,
    Failed,
    Canceled,
}

impl Object for Refund {
    const KIND: &'static str = "refund";
    const PREFIX: &'static str = "re";

    fn id(&self) -> &str {
        &self.id
    }

    fn created(&self) -> Timestamp {
        self.created
    }

    fn indexes(&self) -> Vec<(&'static str, String)> {
        vec![("charge", self.charge.clone()), ("payment_intent", self.payment_intent.clone())]
    }

    fn constants(&self) -> Value {
        json!({
            "balance_transaction": null,
            "destination_details": {
                "card": { "reference_status": "pending", "reference_type": "acquirer_reference_number", "type": "refund" },
                "type": "card",
            },
            "receipt_number": null, "source_transfer_reversal": null, "transfer_reversal": null,
        })
    }
}

/// Something that happened, with the object as it was then.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Event {
    pub id: String,
    #[serde(with = "second::required")]
    pub created: Timestamp,
    #[serde(rename = "type")]
    pub kind: String,
    pub data: Value,
    pub request: Value,
}

impl Object for Event {
    const KIND: &'static str = "event";
    const PREFIX: &'static str = "evt";

    fn id(&self) -> &str {
        &self.id
    }

    fn created(&self) -> Timestamp {
        self.created
    }

    fn indexes(&self) -> Vec<(&'static str, String)> {
        vec![("type", self.kind.clone())]
    }

    fn constants(&self) -> Value {
        json!({ "api_version": API_VERSION, "pending_webhooks": 0 })
    }
}
