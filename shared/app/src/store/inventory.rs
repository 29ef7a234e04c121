//! The `Inventory` table: levels, their ledger, reservations.
//!
//! | pk | sk | row |
//! |---|---|---|
//! | `{shop}#stock#{product}` | `level#{location}#{variant}` | a level: three counters and a version |
//! | the same | `j#{uuid v7}` | one row of the ledger |
//! | `{shop}#reservation#{id}` | `reservation` | a hold; in `due` while it is active and belongs to no order |
//!
//! A level is changed by adding to it under `available >= :n`, without reading it and without its version: with a
//! version in the condition, 45 of 64 buyers of 64 pieces were wrongly refused.

use contract::{Fact, JournalEvent, journal::StockMovement};
use domain::{
    EventId, ProductId, Reservation, ReservationId, ShopId, Sku, StockChange, reservation::ReservationStatus,
    stock::Level,
};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{
    Cursor, Due, Dynamo, Item, JOURNAL, Key, Query, Refusal, Transaction, due_shard,
    dynamo::{item, number, text, values},
    sortable,
};
use crate::{Error, Result};

/// Begins the sort key of every level; the template's stream filters name it too.
pub const LEVEL: &str = "level#";

/// How long a hold that has ended can still be read.
const REMEMBERED: SignedDuration = SignedDuration::from_hours(30 * 24);

/// A level as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LevelRow {
    /// The tenant, for whoever reads the stream.
    pub shop_id: ShopId,
    /// Of what, and where.
    #[serde(flatten)]
    pub sku: Sku,
    /// The counters.
    #[serde(flatten)]
    pub level: Level,
    /// The ledger row of the last change.
    pub last_event: EventId,
}

#[derive(Debug, Serialize, Deserialize)]
struct ReservationRow {
    shop_id: ShopId,
    #[serde(flatten)]
    reservation: Reservation,
    /// Which request made it.
    fingerprint: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    due: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    due_at: Option<String>,
    /// When DynamoDB may forget it, in seconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    expires_at: Option<i64>,
}

fn stock_pk(shop: &ShopId, product: &ProductId) -> String {
    format!("{shop}#stock#{product}")
}

fn level_key(shop: &ShopId, sku: &Sku) -> Key {
    let variant = sku.variant_id.as_ref().map_or("", |variant| variant.as_str());
    Key::new(stock_pk(shop, &sku.product_id), format!("{LEVEL}{}#{variant}", sku.location))
}

fn reservation_key(shop: &ShopId, id: &ReservationId) -> Key {
    Key::new(format!("{shop}#reservation#{id}"), "reservation")
}

fn reservation_item(shop: &ShopId, reservation: &Reservation, fingerprint: &str) -> Result<Item> {
    let is_active = reservation.status == ReservationStatus::Active;
    let is_due = is_active && reservation.order_id.is_none();
    let forgotten = reservation.held_until.as_second() + REMEMBERED.as_secs();
    let row = ReservationRow {
        shop_id: shop.clone(),
        fingerprint: fingerprint.to_owned(),
        due: is_due.then(|| due_shard(reservation.id.as_str())),
        due_at: is_due.then(|| sortable(reservation.held_until)),
        expires_at: (!is_active).then_some(forgotten),
        reservation: reservation.clone(),
    };
    item(&reservation_key(shop, &reservation.id), &row)
}

impl Transaction {
    /// Changes the level of `sku` and writes the ledger row of it; two writes, the level's first.
    pub(crate) fn change_stock(
        &mut self,
        store: &Dynamo,
        event: &JournalEvent,
        movement: &StockMovement,
    ) -> Result<()> {
        self.change_level(store, event, movement, None)
    }

    /// The same, only if the level is still what was `seen`.
    pub(crate) fn set_stock(
        &mut self,
        store: &Dynamo,
        event: &JournalEvent,
        movement: &StockMovement,
        seen: Level,
    ) -> Result<()> {
        self.change_level(store, event, movement, Some(seen.version))
    }

    fn change_level(
        &mut self,
        store: &Dynamo,
        event: &JournalEvent,
        movement: &StockMovement,
        seen_version: Option<u64>,
    ) -> Result<()> {
        let StockMovement { sku, change, .. } = movement;
        let table = &store.tables.inventory;
        let mut set = values([
            (":available", number(change.available)),
            (":reserved", number(change.reserved)),
            (":committed", number(change.committed)),
            (":one", number(1)),
            (":shop", text(event.shop_id.as_str())),
            (":product", text(sku.product_id.as_str())),
            (":location", text(sku.location.as_str())),
            (":event", text(event.id.as_str())),
        ]);
        let mut expression =
            "SET shop_id = :shop, product_id = :product, #location = :location, last_event = :event"
                .to_owned();
        if let Some(variant) = &sku.variant_id {
            expression.push_str(", variant_id = :variant");
            set.insert(":variant".into(), text(variant.as_str()));
        }
        expression
            .push_str(" ADD available :available, reserved :reserved, committed :committed, version :one");
        let condition = match seen_version {
            None => floor(*change, &mut set),
            Some(0) => Some("attribute_not_exists(pk)".into()),
            Some(version) => {
                set.insert(":seen".into(), number(version));
                Some("version = :seen".into())
            }
        };
        self.update(table, &level_key(&event.shop_id, sku), expression, condition, set)?;
        let row = Key::new(stock_pk(&event.shop_id, &sku.product_id), format!("{JOURNAL}{}", event.id));
        self.put_new(table, item(&row, event)?)
    }
}

/// What must be there for `change` to leave no counter below nothing; conditions cannot do arithmetic.
fn floor(change: StockChange, values: &mut Item) -> Option<String> {
    let counters =
        [("available", change.available), ("reserved", change.reserved), ("committed", change.committed)];
    let needs =
        counters.into_iter().filter(|(_, difference)| *difference < 0).map(|(counter, difference)| {
            let name = format!(":{counter}_needed");
            values.insert(name.clone(), number(-difference));
            format!("{counter} >= {name}")
        });
    let needs: Vec<_> = needs.collect();
    (!needs.is_empty()).then(|| needs.join(" AND "))
}

impl Transaction {
    /// Writes a new hold.
    pub(crate) fn put_reservation(
        &mut self,
        store: &Dynamo,
        shop: &ShopId,
        reservation: &Reservation,
        fingerprint: &str,
    ) -> Result<()> {
        self.put_new(&store.tables.inventory, reservation_item(shop, reservation, fingerprint)?)
    }

    /// Writes a hold over one whose status is `before`.
    pub(crate) fn rewrite_reservation(
        &mut self,
        store: &Dynamo,
        shop: &ShopId,
        stored: &StoredReservation,
        before: ReservationStatus,
    ) -> Result<()> {
        let before =
            serde_dynamo::to_attribute_value(before).map_err(|error| Error::internal(error.to_string()))?;
        let item = reservation_item(shop, &stored.reservation, &stored.fingerprint)?;
        self.put_if(&store.tables.inventory, item, "#status = :before", values([(":before", before)]))
    }

    /// Writes a hold that is not there or has ended.
    pub(crate) fn put_reservation_again(
        &mut self,
        store: &Dynamo,
        shop: &ShopId,
        reservation: &Reservation,
        fingerprint: &str,
    ) -> Result<()> {
        let item = reservation_item(shop, reservation, fingerprint)?;
        let condition = "attribute_not_exists(pk) OR #status IN (:released, :expired)";
        let ended = values([(":released", text("released")), (":expired", text("expired"))]);
        self.put_if(&store.tables.inventory, item, condition, ended)
    }
}

/// A hold, and which request made it.
#[derive(Debug, Clone)]
pub struct StoredReservation {
    /// The hold.
    pub reservation: Reservation,
    /// Digest of the request that made it.
    pub fingerprint: String,
}

/// Available pieces of the level that refused write number `index`; `None` if it was not refused.
pub fn available_instead(refusal: &Refusal, index: usize) -> Option<i64> {
    let found = refusal.of(index)?;
    let available = found.and_then(|item| item.get("available")).and_then(|value| value.as_n().ok());
    Some(available.and_then(|n| n.parse().ok()).unwrap_or(0))
}

impl Dynamo {
    /// All levels of a product.
    pub async fn levels(
        &self,
        shop: &ShopId,
        product: &ProductId,
        consistent: bool,
    ) -> Result<Vec<LevelRow>> {
        let query = Query::new(&self.tables.inventory, stock_pk(shop, product)).beginning_with(LEVEL);
        self.query_all(if consistent { query.consistent() } else { query }).await
    }

    /// One level, read consistently.
    pub async fn level(&self, shop: &ShopId, sku: &Sku) -> Result<Option<Level>> {
        let row: Option<LevelRow> = self.get(&self.tables.inventory, &level_key(shop, sku), true).await?;
        Ok(row.map(|row| row.level))
    }

    /// One ledger row, if it was written.
    pub async fn movement(
        &self,
        shop: &ShopId,
        product: &ProductId,
        id: &EventId,
    ) -> Result<Option<JournalEvent>> {
        let key = Key::new(stock_pk(shop, product), format!("{JOURNAL}{id}"));
        self.get(&self.tables.inventory, &key, true).await
    }

    /// A page of a product's ledger, newest first.
    pub async fn movements(
        &self,
        shop: &ShopId,
        product: &ProductId,
        limit: u32,
        cursor: Option<Cursor>,
    ) -> Result<(Vec<JournalEvent>, Option<Cursor>)> {
        let query = Query::new(&self.tables.inventory, stock_pk(shop, product)).beginning_with(JOURNAL);
        self.query(&query.limit(limit).newest_first().after(cursor)).await
    }

    /// A product's whole ledger, oldest first.
    pub async fn ledger(&self, shop: &ShopId, product: &ProductId) -> Result<Vec<StockMovement>> {
        let query =
            Query::new(&self.tables.inventory, stock_pk(shop, product)).beginning_with(JOURNAL).consistent();
        let events: Vec<JournalEvent> = self.query_all(query).await?;
        let movements = events.into_iter().filter_map(|event| match event.fact {
            Fact::StockChanged(movement) => Some(movement),
            _ => None,
        });
        Ok(movements.collect())
    }

    /// A hold.
    pub async fn reservation(&self, shop: &ShopId, id: &ReservationId) -> Result<Option<StoredReservation>> {
        let row: Option<ReservationRow> =
            self.get(&self.tables.inventory, &reservation_key(shop, id), true).await?;
        Ok(row.map(|row| StoredReservation { reservation: row.reservation, fingerprint: row.fingerprint }))
    }

    /// Holds in partition `shard` of the due index whose time had run out at `now`, oldest first.
    pub async fn due_reservations(&self, shard: u32, now: Timestamp, limit: u32) -> Result<Vec<Due>> {
        self.due(&self.tables.inventory, shard, now, limit).await
    }
}
