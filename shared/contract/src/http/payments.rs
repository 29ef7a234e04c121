//! Payments and refunds.

use domain::{
    Currency, DisputeId, Line, Money, OrderId, PaymentId, RefundId,
    payment::{CaptureMethod, DisputeStatus, PaymentStatus, RefundStatus},
    reservation::ReservedLine,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::inventory::NewLine;

/// Begins paying an order. What it costs is the order's to say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NewIntent {
    /// The order.
    #[serde(alias = "orderId")]
    pub order_id: OrderId,
    /// When the money is taken. Only staff and services may want it otherwise than the shop is configured.
    #[serde(default, alias = "captureMethod", skip_serializing_if = "Option::is_none")]
    pub capture_method: Option<CaptureMethod>,
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
    /// When the money is taken.
    pub capture_method: CaptureMethod,
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
    /// When the money is taken.
    pub capture_method: CaptureMethod,
    /// Minor units that are reserved with the bank.
    pub authorized: i64,
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

/// Which payments are wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct HistoryRequest {
    /// Only with this status.
    pub status: Option<PaymentStatus>,
    /// Only begun from then on: an instant (RFC 3339), or a day in the shop's zone.
    pub from: Option<String>,
    /// Only begun until then: an instant, or the end of a day in the shop's zone.
    pub to: Option<String>,
}

/// Reserved money to be taken.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NewCapture {
    /// Minor units; all that is reserved, if absent. The rest is let go.
    #[serde(default)]
    #[schema(minimum = 1)]
    pub amount: Option<i64>,
}

/// Nothing more than the wish to call a payment off.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NewVoid {}

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

/// Which disputes are wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct DisputesRequest {
    /// Only with this status.
    pub status: Option<DisputeStatus>,
}

/// A customer's bank that asks for money back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DisputeView {
    /// Its name.
    pub dispute_id: DisputeId,
    /// Of which payment.
    pub payment_id: PaymentId,
    /// Of which order.
    pub order_id: OrderId,
    /// Where it is.
    pub status: DisputeStatus,
    /// Stripe's word for why: `fraudulent`, `product_not_received`.
    pub reason: String,
    /// How much is asked for.
    pub amount: Money,
    /// Until when the shop may answer, if it still may.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub due_by: Option<Timestamp>,
    /// Stripe's name for it.
    pub stripe_id: String,
    /// When it was opened.
    #[schema(value_type = String, format = DateTime)]
    pub opened_at: Timestamp,
    /// How many changes there were.
    pub version: u64,
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
