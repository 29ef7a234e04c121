//! The `Orders` table: orders. Payments are in the same table: see `payments`.
//!
//! | pk | sk | row |
//! |---|---|---|
//! | `{shop}#order#{id}` | `order` | an order; in `due` until it is paid, in `by_owner` and `by_shop` |
//! | the same | `lines#{n}` | 40 lines of an order that has more than 40 |
//! | the same | `j#{version}` | its journal |

use contract::JournalEvent;
use domain::{
    OrderId, ShopId, UserId,
    order::{Order, OrderLine, OrderStatus},
    reservation::MAX_LINES,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    Cursor, Due, Dynamo, Item, JOURNAL, Key, Query, Transaction, due_shard,
    dynamo::{Indexed, Written, item},
    journal_row, journal_sk, sortable,
};
use crate::{Error, Result};

#[derive(Debug, Serialize, Deserialize)]
struct OrderRow {
    shop_id: ShopId,
    #[serde(flatten)]
    order: Order,
    fingerprint: String,
    lines_count: usize,
    owner_key: String,
    listing: String,
    listed_at: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    due: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    due_at: Option<String>,
}

#[derive(Debug, Serialize, Deserialize)]
struct LinesRow {
    lines: Vec<OrderLine>,
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

fn order_pk(shop: &ShopId, id: &OrderId) -> String {
    format!("{shop}#order#{id}")
}

fn lines_key(shop: &ShopId, id: &OrderId, chunk: usize) -> Key {
    Key::new(order_pk(shop, id), format!("lines#{chunk:04}"))
}

fn order_item(shop: &ShopId, stored: &StoredOrder) -> Result<Item> {
    let mut order = stored.order.clone();
    if stored.lines_count > MAX_LINES {
        order.lines = vec![];
    }
    let is_due = order.status == OrderStatus::PendingPayment;
    let row = OrderRow {
        shop_id: shop.clone(),
        fingerprint: stored.fingerprint.clone(),
        lines_count: stored.lines_count,
        owner_key: format!("{shop}#order#{}", order.owner),
        listing: format!("{shop}#order"),
        listed_at: sortable(order.created_at),
        due: is_due.then(|| due_shard(order.id.as_str())),
        due_at: is_due.then(|| sortable(order.payable_until)),
        order,
    };
    item(&Key::new(order_pk(shop, &row.order.id), "order"), &row)
}

impl Transaction {
    /// Writes an order that must not be there yet.
    pub(crate) fn put_new_order(
        &mut self,
        store: &Dynamo,
        shop: &ShopId,
        stored: &StoredOrder,
    ) -> Result<()> {
        self.put_new(&store.tables.orders, order_item(shop, stored)?)
    }

    /// Writes an order over version `seen` of it.
    pub(crate) fn put_order(
        &mut self,
        store: &Dynamo,
        shop: &ShopId,
        stored: &StoredOrder,
        seen: u64,
    ) -> Result<()> {
        self.put_version(&store.tables.orders, order_item(shop, stored)?, seen)
    }

    /// Holds only if an order is still open, or there is none.
    pub(crate) fn check_order_open(&mut self, store: &Dynamo, shop: &ShopId, id: &OrderId) -> Result<()> {
        let open = serde_dynamo::to_attribute_value(OrderStatus::PendingPayment)
            .map_err(|error| crate::Error::internal(error.to_string()))?;
        let key = Key::new(order_pk(shop, id), "order");
        let condition = "attribute_not_exists(pk) OR #status = :open";
        self.check(&store.tables.orders, &key, condition, super::dynamo::values([(":open", open)]))
    }

    /// Writes chunk number `chunk` of a large order's lines.
    pub(crate) fn put_order_lines(
        &mut self,
        store: &Dynamo,
        shop: &ShopId,
        id: &OrderId,
        chunk: usize,
        lines: &[OrderLine],
    ) -> Result<()> {
        let row = LinesRow { lines: lines.to_vec() };
        self.put_any(&store.tables.orders, item(&lines_key(shop, id, chunk), &row)?)
    }

    /// Writes the journal row of an order.
    pub(crate) fn journal_order(&mut self, store: &Dynamo, id: &OrderId, event: &JournalEvent) -> Result<()> {
        self.put_new(&store.tables.orders, journal_row(&order_pk(&event.shop_id, id), event)?)
    }
}

/// Whose things, or which shop's, a list shows.
#[derive(Debug, Clone)]
pub enum Listed<'a> {
    /// One person's.
    Of(&'a UserId),
    /// Everybody's.
    All,
}

pub(super) fn listing<'a>(store: &'a Dynamo, shop: &ShopId, kind: &str, whose: &Listed<'_>) -> Query<'a> {
    match whose {
        Listed::Of(owner) => Query::new(&store.tables.orders, format!("{shop}#{kind}#{owner}")).on_index(
            "by_owner",
            "owner_key",
            "listed_at",
        ),
        Listed::All => Query::new(&store.tables.orders, format!("{shop}#{kind}")).on_index(
            "by_shop",
            "listing",
            "listed_at",
        ),
    }
}

impl Dynamo {
    /// An order. The lines of a large one are read by [`Dynamo::order_lines`].
    pub async fn order(&self, shop: &ShopId, id: &OrderId) -> Result<Option<StoredOrder>> {
        let key = Key::new(order_pk(shop, id), "order");
        let row: Option<OrderRow> = self.get(&self.tables.orders, &key, true).await?;
        Ok(row.map(StoredOrder::from))
    }

    /// All lines of an order.
    pub async fn order_lines(&self, shop: &ShopId, stored: &StoredOrder) -> Result<Vec<OrderLine>> {
        if stored.lines_count <= MAX_LINES {
            return Ok(stored.order.lines.clone());
        }
        let query = Query::new(&self.tables.orders, order_pk(shop, &stored.order.id))
            .beginning_with("lines#")
            .consistent();
        let chunks: Vec<LinesRow> = self.query_all(query).await?;
        Ok(chunks.into_iter().flat_map(|chunk| chunk.lines).collect())
    }

    /// Writes a large order whose stock is still to be gathered.
    pub(crate) async fn begin_order(
        &self,
        shop: &ShopId,
        stored: &StoredOrder,
        request: &str,
    ) -> Result<Written> {
        self.put_new(&self.tables.orders, order_item(shop, stored)?, request).await
    }

    /// Removes a large order whose stock could not be gathered, and its lines.
    pub(crate) async fn drop_order(&self, shop: &ShopId, id: &OrderId, chunks: usize) -> Result<()> {
        for chunk in 0..chunks {
            self.delete(&self.tables.orders, &lines_key(shop, id, chunk)).await?;
        }
        self.delete(&self.tables.orders, &Key::new(order_pk(shop, id), "order")).await
    }

    /// A page of orders, newest first, without their lines.
    pub async fn orders(
        &self,
        shop: &ShopId,
        whose: Listed<'_>,
        limit: u32,
        cursor: Option<Cursor>,
    ) -> Result<(Vec<StoredOrder>, Option<Cursor>)> {
        let query = listing(self, shop, "order", &whose).limit(limit).newest_first().after(cursor);
        let (rows, next): (Vec<OrderRow>, _) = self.listed(&query).await?;
        Ok((rows.into_iter().map(StoredOrder::from).collect(), next))
    }

    /// The rows behind a page of an index that carries only keys, in the index's order.
    pub(super) async fn listed<T: serde::de::DeserializeOwned + Sorted>(
        &self,
        query: &Query<'_>,
    ) -> Result<(Vec<T>, Option<Cursor>)> {
        let (keys, next): (Vec<Indexed>, _) = self.query(query).await?;
        let keys: Vec<Key> = keys.into_iter().map(|row| Key::new(row.pk, row.sk)).collect();
        let mut rows: Vec<T> = self.get_many(&self.tables.orders, &keys).await?;
        rows.sort_by(|a, b| b.listed_at().cmp(a.listed_at()));
        Ok((rows, next))
    }

    /// What happened to an order after `after`, oldest first.
    pub async fn order_journal(
        &self,
        shop: &ShopId,
        id: &OrderId,
        after: u64,
        limit: u32,
    ) -> Result<Vec<JournalEvent>> {
        let (from, to) = (journal_sk(after.saturating_add(1)), format!("{JOURNAL}~"));
        let query =
            Query::new(&self.tables.orders, order_pk(shop, id)).between(from, to).consistent().limit(limit);
        Ok(self.query(&query).await?.0)
    }

    /// The newest events of an order, the newest first.
    pub async fn newest_of_order(
        &self,
        shop: &ShopId,
        id: &OrderId,
        limit: u32,
    ) -> Result<Vec<JournalEvent>> {
        self.newest(order_pk(shop, id), limit).await
    }

    pub(super) async fn newest(&self, pk: String, limit: u32) -> Result<Vec<JournalEvent>> {
        let query = Query::new(&self.tables.orders, pk).beginning_with(JOURNAL).newest_first().limit(limit);
        Ok(self.query(&query.consistent()).await?.0)
    }

    /// Orders, payments, refunds and notices in partition `shard` of the due index whose time had come at `now`.
    pub async fn due_orders(&self, shard: u32, now: Timestamp, limit: u32) -> Result<Vec<Due>> {
        self.due(&self.tables.orders, shard, now, limit).await
    }
}

/// A row of a list that is sorted by when it was listed.
pub(super) trait Sorted {
    fn listed_at(&self) -> &str;
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

/// An error if the same `Idempotency-Key` came with another body.
pub(crate) fn check_fingerprint(stored: &str, asked: &str) -> Result<()> {
    if stored == asked {
        return Ok(());
    }
    Err(Error::invalid(
        contract::ErrorCode::IdempotencyMismatch,
        "this Idempotency-Key came with another request before",
    ))
}
