//! Orders.

use domain::{
    Currency, Line, Money, OrderId, PaymentId, ReservationId, UserId,
    order::{OrderLine, OrderPaymentStatus, OrderStatus},
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::inventory::NewLine;

/// The most lines of one order, also of a service's.
pub const MAX_ORDER_LINES: usize = 1_200;

/// An order to be placed. Prices are the server's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NewOrder {
    /// What; at most 40 lines, for services more.
    #[schema(min_items = 1, max_items = 1200)]
    pub items: Vec<NewLine>,
    /// In which currency; the products must be priced in it.
    pub currency: Currency,
    /// Where to write to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<Line>,
    /// A hold of one's own to be used up by the order.
    #[serde(default, alias = "reservationId", skip_serializing_if = "Option::is_none")]
    pub reservation_id: Option<ReservationId>,
}

/// An order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OrderView {
    /// Its name.
    pub order_id: OrderId,
    /// Who placed it.
    pub customer_id: UserId,
    /// Where it is.
    pub status: OrderStatus,
    /// How much of it is paid.
    pub payment_status: OrderPaymentStatus,
    /// What it costs.
    pub total: Money,
    /// What was bought; left out of lists.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub items: Vec<OrderLine>,
    /// The paying of it: there from the moment `create-intent` was asked.
    pub payment_id: PaymentId,
    /// When it was placed.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// Until when it must be paid.
    #[schema(value_type = String, format = DateTime)]
    pub expires_at: Timestamp,
    /// How many changes there were; also the `seq` of its last event.
    pub version: u64,
    /// With this a guest can follow the order without their token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order_token: Option<String>,
}

/// Why an order is called off.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NewCancellation {
    /// For a person to read.
    #[serde(default)]
    pub reason: Option<Line>,
}
