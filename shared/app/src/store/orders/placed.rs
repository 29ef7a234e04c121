//! Orders: writing them, reading them, and what happened to them.

use contract::JournalEvent;
use domain::{
    OrderId, ShopId,
    order::{OrderLine, OrderStatus},
};

use super::{
    Listed, listing,
    rows::{LinesRow, OrderRow, StoredOrder, lines_key, order_item, order_pk},
};
use crate::{
    Error, Result,
    store::{
        Cursor, Dynamo, JOURNAL, Key, Query, Transaction,
        dynamo::{Update, Written, item, number, values},
        journal_row, journal_sk,
    },
};

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

    /// Holds only if an order is still at version `seen`.
    pub(crate) fn check_order(
        &mut self,
        store: &Dynamo,
        shop: &ShopId,
        id: &OrderId,
        seen: u64,
    ) -> Result<()> {
        let key = Key::new(order_pk(shop, id), "order");
        self.check(&store.tables.orders, &key, "version = :seen", values([(":seen", number(seen))]))
    }

    /// Holds only if an order is still open, or there is none.
    pub(crate) fn check_order_open(&mut self, store: &Dynamo, shop: &ShopId, id: &OrderId) -> Result<()> {
        let open = serde_dynamo::to_attribute_value(OrderStatus::PendingPayment)
            .map_err(|error| Error::internal(error.to_string()))?;
        let key = Key::new(order_pk(shop, id), "order");
        let condition = "attribute_not_exists(pk) OR #status = :open";
        self.check(&store.tables.orders, &key, condition, values([(":open", open)]))
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

impl Dynamo {
    /// An order. The lines of a large one are read by [`Dynamo::order_lines`].
    pub async fn order(&self, shop: &ShopId, id: &OrderId) -> Result<Option<StoredOrder>> {
        let key = Key::new(order_pk(shop, id), "order");
        let row: Option<OrderRow> = self.get(&self.tables.orders, &key, true).await?;
        Ok(row.map(StoredOrder::from))
    }

    /// All lines of an order.
    pub async fn order_lines(&self, shop: &ShopId, stored: &StoredOrder) -> Result<Vec<OrderLine>> {
        if stored.order.holds.len() <= 1 {
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

    /// Notes that nothing is held or sold any more of an order that has ended. It keeps its version: there is nothing to
    /// tell.
    pub(crate) async fn stop_closing(&self, shop: &ShopId, id: &OrderId, request: &str) -> Result<()> {
        let update = Update {
            rest: "REMOVE due, due_at, closing_since",
            condition: Some("attribute_exists(closing_since)"),
            ..Update::default()
        };
        let key = Key::new(order_pk(shop, id), "order");
        self.update(&self.tables.orders, &key, update, request).await.map(drop)
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
}
