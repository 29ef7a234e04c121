//! Orders as whoever may see them sees them.

use contract::http::orders::OrderView;
use domain::{
    ShopId,
    order::{self, OrderLine},
};

use crate::store::orders::StoredOrder;

pub(super) fn order_view(shop: &ShopId, stored: &StoredOrder, items: Vec<OrderLine>) -> OrderView {
    let order = &stored.order;
    OrderView {
        order_id: order.id.clone(),
        order_number: order::number(&order.id),
        customer_id: order.owner.clone(),
        status: order.status,
        payment_status: order.payment_status,
        total: order.total,
        items,
        payment_id: crate::payments::payment_id(shop, &order.id),
        created_at: order.created_at,
        expires_at: order.payable_until,
        version: order.version,
        shipping_address: None,
        tracking: order.tracking.clone(),
        timeline: None,
        order_token: None,
    }
}
