//! An order's way: saying where it is, its timeline, and why it is where it is.

use domain::{
    Line, UserId,
    order::{OrderStatus, Tracking},
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Where an order is now. It never moves money, and never makes an order paid, cancelled or expired.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NewStatus {
    /// Where it is.
    pub status: OrderStatus,
    /// Why, for the customer to read too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notes: Option<Line>,
    /// The carrier's name for the parcel.
    #[serde(default, alias = "trackingNumber", skip_serializing_if = "Option::is_none")]
    pub tracking_number: Option<Line>,
    /// When it should be with the customer.
    #[serde(default, alias = "estimatedDelivery", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub estimated_delivery: Option<Timestamp>,
    /// Where it was seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<Line>,
}

/// One step of an order's way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TimelineEntry {
    /// Where the order has been since.
    pub status: OrderStatus,
    /// Where it was before; absent where it begins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous_status: Option<OrderStatus>,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// The order's version then.
    pub version: u64,
    /// Why, for a person to read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notes: Option<String>,
    /// Where it was seen.
    #[serde(flatten)]
    pub tracking: Tracking,
}

/// One thing that happened to an order or because of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Explained {
    /// Its name: one of our events, or one of Stripe's.
    pub id: String,
    /// What happened: `order.status_updated`, `stock.changed`, `stripe.payment_intent.succeeded`.
    #[serde(rename = "type")]
    pub kind: String,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// To what: `order:ord_1`, `stock:lamp`.
    pub subject: String,
    /// Who did it; `system` is shopwire itself, `stripe` is Stripe.
    pub actor: UserId,
    /// What caused it, by its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
    /// For a person to read.
    pub summary: String,
}
