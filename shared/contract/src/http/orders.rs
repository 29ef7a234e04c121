//! Orders.

use std::fmt;

use domain::{
    Currency, Line, Money, OrderId, PaymentId, ReservationId, ShippingAddress, UserId,
    order::{OrderLine, OrderPaymentStatus, OrderStatus, Tracking},
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{history::TimelineEntry, inventory::NewLine};

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
    /// Where to send it.
    #[serde(default, alias = "shippingAddress", skip_serializing_if = "Option::is_none")]
    pub shipping_address: Option<ShippingAddress>,
    /// A hold of one's own to be used up by the order.
    #[serde(default, alias = "reservationId", skip_serializing_if = "Option::is_none")]
    pub reservation_id: Option<ReservationId>,
}

/// An order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OrderView {
    /// Its name.
    pub order_id: OrderId,
    /// The number under which people know it.
    #[schema(pattern = "^ORD-[0-9A-Z]{4}-[0-9A-Z]{4}-[0-9A-Z]{4}$")]
    pub order_number: String,
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
    /// Where it is sent; shown to its owner and to staff, left out of lists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shipping_address: Option<ShippingAddress>,
    /// Where it was seen on its way.
    #[serde(flatten)]
    pub tracking: Tracking,
    /// Its way so far, if that is asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeline: Option<Vec<TimelineEntry>>,
    /// With this a guest, and whoever they give it to, can follow the order without the guest's own token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order_token: Option<OrderToken>,
}

/// A token with which one order can be followed. It has no text for logs.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(transparent)]
pub struct OrderToken(pub String);

impl fmt::Debug for OrderToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OrderToken")
    }
}

/// Which orders are wanted.
#[derive(Debug, Clone, Default, Serialize, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct OrdersRequest {
    /// Only with this status.
    pub status: Option<OrderStatus>,
    /// Only of this person, and of the guests that they were (staff).
    #[serde(alias = "customerId")]
    pub customer_id: Option<UserId>,
    /// Only those placed from then on: RFC 3339, or a day in the shop's zone.
    #[serde(alias = "start_date")]
    pub from: Option<String>,
    /// Only those placed until then: an instant, or the end of a day.
    #[serde(alias = "end_date")]
    pub to: Option<String>,
}

/// How an order is read.
#[derive(Debug, Clone, Default, Serialize, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct OrderRequest {
    /// `timeline`, for its way so far.
    pub include: Option<OrderExtra>,
    /// A token for this order, instead of one's own.
    #[param(value_type = Option<String>)]
    pub order_token: Option<OrderToken>,
}

/// What is read with an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum OrderExtra {
    /// Its way so far.
    Timeline,
}

/// Why an order is called off.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NewCancellation {
    /// For a person to read.
    #[serde(default)]
    pub reason: Option<Line>,
}
