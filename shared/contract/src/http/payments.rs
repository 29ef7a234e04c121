//! Payments and refunds.

use domain::{
    Currency, Line, Money, OrderId, PaymentId, RefundId,
    payment::{PaymentStatus, RefundStatus},
    reservation::ReservedLine,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::inventory::NewLine;

/// Begins paying an order. What it costs is the order's to say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NewIntent {
    /// The order.
    #[serde(alias = "orderId")]
    pub order_id: OrderId,
}

/// With this a browser pays.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct IntentView {
    /// The payment.
    pub payment_id: PaymentId,
    /// For Stripe's library in the browser.
    pub client_secret: String,
    /// Minor units.
    pub amount: i64,
    /// ISO 4217 code.
    pub currency: Currency,
    /// Where the payment is.
    pub status: PaymentStatus,
}

/// Asks Stripe how a payment stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ConfirmPayment {
    /// The payment.
    #[serde(alias = "paymentId")]
    pub payment_id: PaymentId,
}

/// A payment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PaymentView {
    /// Its name.
    pub payment_id: PaymentId,
    /// What is paid.
    pub order_id: OrderId,
    /// Where it is.
    pub status: PaymentStatus,
    /// How much.
    pub amount: Money,
    /// Minor units that were received.
    pub captured: i64,
    /// Minor units that went back.
    pub refunded: i64,
    /// Minor units that are on their way back.
    pub refunding: i64,
    /// Where Stripe shows the receipt.
    pub receipt_url: Option<String>,
    /// When it began.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// How many changes there were.
    pub version: u64,
}

/// Money to be given back.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NewRefund {
    /// Minor units; all that is left, if absent.
    #[serde(default)]
    #[schema(minimum = 1)]
    pub amount: Option<i64>,
    /// Why, for a person to read.
    #[serde(default)]
    pub reason: Option<Line>,
    /// Pieces that come back with it.
    #[serde(default)]
    #[schema(max_items = 40)]
    pub items: Vec<NewLine>,
    /// Whether the pieces go on the shelf again.
    #[serde(default)]
    pub restock: bool,
}

/// Money going back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RefundView {
    /// Its name.
    pub refund_id: RefundId,
    /// Of which payment.
    pub payment_id: PaymentId,
    /// Of which order.
    pub order_id: OrderId,
    /// How much.
    pub amount: Money,
    /// Where it is.
    pub status: RefundStatus,
    /// Pieces that go on the shelf again.
    pub restock: Vec<ReservedLine>,
    /// When it began.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
}

/// Whether orders agree with their payments.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PaymentReconciliation {
    /// Orders that were compared.
    pub orders_checked: usize,
    /// Minor units received for them, by currency code.
    pub captured: std::collections::BTreeMap<String, i64>,
    /// Minor units given back, by currency code.
    pub refunded: std::collections::BTreeMap<String, i64>,
    /// Where they differ.
    pub drift: Vec<PaymentDrift>,
    /// Pass it as `cursor` to go on; absent at the end.
    pub next_cursor: Option<String>,
}

/// An order that does not agree with its payment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PaymentDrift {
    /// The order.
    pub order_id: OrderId,
    /// Its payment.
    pub payment_id: Option<PaymentId>,
    /// What does not agree.
    pub problem: String,
}

/// What a webhook came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WebhookReceipt {
    /// Always true: it is stored.
    pub received: bool,
}
