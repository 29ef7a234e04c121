//! Orders as they are stored.

use domain::{
    OrderId, ShopId,
    order::{Order, OrderLine, OrderStatus},
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Sorted, check_fingerprint};
use crate::{
    Result,
    store::{Item, Key, due_shard, dynamo::item, payments::REPAIR_AFTER, sortable},
};

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct OrderRow {
    shop_id: ShopId,
    #[serde(flatten)]
    order: Order,
    fingerprint: String,
    lines_count: usize,
    owner_key: String,
    listing: String,
    listed_at: String,
    /// Its partition in `by_status`; none while it waits to be paid, so that placing an order does not cost this index.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    status_key: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    due: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    due_at: Option<String>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct LinesRow {
    pub(super) lines: Vec<OrderLine>,
}

/// An order, and which request placed it.
#[derive(Debug, Clone)]
pub struct StoredOrder {
    /// The order; its lines are empty in lists, and until [`Dynamo::order_lines`] fills them for a large one.
    pub order: Order,
    /// How many lines it has.
    pub lines_count: usize,
    /// Digest of the request that placed it.
    pub fingerprint: String,
}

pub(super) fn order_pk(shop: &ShopId, id: &OrderId) -> String {
    format!("{shop}#order#{id}")
}

pub(super) fn lines_key(shop: &ShopId, id: &OrderId, chunk: usize) -> Key {
    Key::new(order_pk(shop, id), format!("lines#{chunk:04}"))
}

pub(super) fn status_key(shop: &ShopId, status: OrderStatus) -> String {
    format!("{shop}#order#{}", status.name())
}

/// Digits of an order's id that tell apart what was placed in the same millisecond.
pub(super) const TAIL: usize = 12;

/// Where an order stands in lists: by its instant, and no two in the same place.
fn listed_at(order: &Order) -> String {
    let id = order.id.as_str();
    let tail = id.get(id.len().saturating_sub(TAIL)..).unwrap_or(id);
    format!("{}#{tail}", sortable(order.created_at))
}

pub(super) fn order_item(shop: &ShopId, stored: &StoredOrder) -> Result<Item> {
    let mut order = stored.order.clone();
    if stored.order.holds.len() > 1 {
        order.lines = vec![];
    }
    let is_open = order.status == OrderStatus::PendingPayment;
    // Until it is paid, or until all that it held is back.
    let since = order.closing_since;
    let due_at = since.map(|since| since.checked_add(REPAIR_AFTER).unwrap_or(Timestamp::MAX));
    let due_at = due_at.or(is_open.then_some(order.payable_until));
    let row = OrderRow {
        shop_id: shop.clone(),
        fingerprint: stored.fingerprint.clone(),
        lines_count: stored.lines_count,
        owner_key: format!("{shop}#order#{}", order.owner),
        listing: format!("{shop}#order"),
        listed_at: listed_at(&order),
        status_key: (!is_open).then(|| status_key(shop, order.status)),
        due: due_at.map(|_| due_shard(order.id.as_str())),
        due_at: due_at.map(sortable),
        order,
    };
    item(&Key::new(order_pk(shop, &row.order.id), "order"), &row)
}

impl Sorted for OrderRow {
    fn listed_at(&self) -> &str {
        &self.listed_at
    }
}

impl From<OrderRow> for StoredOrder {
    fn from(row: OrderRow) -> Self {
        Self { order: row.order, lines_count: row.lines_count, fingerprint: row.fingerprint }
    }
}

impl StoredOrder {
    /// The order in another state.
    #[must_use]
    pub fn with(&self, order: Order) -> Self {
        Self { order, ..self.clone() }
    }

    /// An error if another request placed it.
    pub fn check_fingerprint(&self, fingerprint: &str) -> Result<()> {
        check_fingerprint(&self.fingerprint, fingerprint)
    }
}
