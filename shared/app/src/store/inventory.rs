//! The `Inventory` table: levels, their ledger, reservations.
//!
//! | pk | sk | row |
//! |---|---|---|
//! | `{shop}#stock#{product}` | `level#{location}#{variant}` | a level: three counters and a version |
//! | the same | `j#{uuid v7}` | one row of the ledger |
//! | the same | `checkpoint` | what rows of the ledger came to that have gone; in `due` until the next ones may go |
//! | `{shop}#stock#{product}#{n}` | the same three | bucket number n of a level that is divided, and its ledger |
//! | `{shop}#reservation#res_{holder}` | `reservation-{place}` | a person's hold; in `due` while it is active and belongs to no order |
//! | `{shop}#reservation#{id}` | `reservation` | a hold of an order or of a program |
//! | `{shop}#lots#{product}#{location}#{variant}` | `lots` | pieces of a level that are best before a day; in `due` until the next are told |
//! | `{shop}#watch#{product}` | `watch#{variant}`, `thresholds`, `j#{uuid v7}` | which lines were crossed, where they are, what was told |
//! | `{shop}#alerts` | `alr_…` | an alert |
//! | `{shop}#locations` | `location#{id}`, `j#{uuid v7}` | a place where stock lies |
//! | `{shop}#sale#{order}` | `sale` | what another system's order was sold, and what came back of any order |
//!
//! A level is changed by adding to it under `available >= :n`, without reading it and without its version: with a
//! version in the condition, 45 of 64 buyers of 64 pieces were wrongly refused.

mod changes;
mod checkpoints;
mod divisions;
mod lots;
mod movements;
mod reservations;
mod sales;
mod watches;

pub use checkpoints::ledger_named;
pub use divisions::Divisions;
pub use lots::level_named;
pub use movements::{Books, MovementFilter};
pub use reservations::{NextPlace, RESERVATION, ReservationRow, StoredReservation};
pub use sales::SaleRow;

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::AttributeValue;
use contract::{Fact, JournalEvent, journal::StockMovement};
use domain::{
    Bucket, EventId, ProductId, ShopId, Sku,
    bucket::Part,
    stock::{ChangeType, Level},
};
use serde::{Deserialize, Serialize};

use self::changes::LevelChange;
use super::{
    Dynamo, Item, JOURNAL, Key, Query, Refusal, Transaction,
    dynamo::{item, number, values},
};
use crate::{Error, Result};

/// Begins the sort key of every level; the template's stream filters name it too.
pub const LEVEL: &str = "level#";

/// A level, or one bucket of it, as it is stored.
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
    /// What the last change was.
    pub last_change: ChangeType,
    /// Which bucket it is. (`bucket` by itself is a reserved word.)
    #[serde(default, rename = "bucket_number")]
    pub bucket: Bucket,
    /// How many buckets the level is divided into, if it is.
    #[serde(default)]
    pub buckets: Option<u16>,
    /// From how many of them pieces are taken first: fewer than there are after a level was joined again.
    #[serde(default)]
    pub drawn_from: Option<u16>,
    /// This many pieces and fewer are few, if the product has a line of its own.
    #[serde(default)]
    pub low_stock: Option<i64>,
    /// This many pieces and more are too many.
    #[serde(default)]
    pub overstock: Option<i64>,
    /// Whether pieces have come in that are best before a day.
    #[serde(default)]
    pub has_lots: bool,
}

fn stock_pk(shop: &ShopId, product: &ProductId, bucket: Bucket) -> String {
    match bucket.number() {
        0 => format!("{shop}#stock#{product}"),
        number => format!("{shop}#stock#{product}#{number}"),
    }
}

fn level_key(shop: &ShopId, sku: &Sku, bucket: Bucket) -> Key {
    let variant = sku.variant_id.as_ref().map_or("", |variant| variant.as_str());
    let pk = stock_pk(shop, &sku.product_id, bucket);
    Key::new(pk, format!("{LEVEL}{}#{variant}", sku.location))
}

/// What a transaction does to one bucket, all movements together.
struct Sum {
    counters: [i64; 3],
    event: EventId,
    kind: ChangeType,
    has_lots: bool,
}

impl Transaction {
    /// Changes the levels that `events`, all of them stock movements, are about and writes these to the ledger. The
    /// levels come first, one write for each bucket: see [`Transaction::shelves`].
    pub(crate) fn move_stock(&mut self, store: &Dynamo, events: &[JournalEvent]) -> Result<()> {
        debug_assert!(self.is_empty(), "the levels come first");
        let mut sums: BTreeMap<(&Sku, Bucket), Sum> = BTreeMap::new();
        for event in events {
            let movement = movement_of(event)?;
            let change = movement.change;
            let sum = sums.entry((&movement.sku, movement.bucket)).or_insert_with(|| Sum {
                counters: [0; 3],
                event: event.id.clone(),
                kind: change.kind,
                has_lots: movement.expires_on.is_some(),
            });
            let differences = [change.available, change.reserved, change.committed];
            sum.counters.iter_mut().zip(differences).for_each(|(counter, difference)| *counter += difference);
        }
        let shop = events.first().map(|event| &event.shop_id);
        for ((sku, bucket), sum) in sums {
            self.shelves.push((sku.clone(), bucket));
            if let Some(shop) = shop {
                self.change_level(store, shop, (sku, bucket), &sum, None)?;
            }
        }
        events.iter().try_for_each(|event| self.write_movement(store, event))
    }

    /// Changes one level, only if it is still at version `seen` (0: there is none), and writes it to the ledger.
    pub(crate) fn set_stock(&mut self, store: &Dynamo, event: &JournalEvent, seen: u64) -> Result<()> {
        let movement = movement_of(event)?;
        let change = movement.change;
        let counters = [change.available, change.reserved, change.committed];
        let sum = Sum { counters, event: event.id.clone(), kind: change.kind, has_lots: false };
        self.shelves.push((movement.sku.clone(), movement.bucket));
        self.change_level(store, &event.shop_id, (&movement.sku, movement.bucket), &sum, Some(seen))?;
        self.write_movement(store, event)
    }

    fn change_level(
        &mut self,
        store: &Dynamo,
        shop: &ShopId,
        (sku, bucket): (&Sku, Bucket),
        sum: &Sum,
        seen_version: Option<u64>,
    ) -> Result<()> {
        let mut change = LevelChange::of(shop, sku, (&sum.event, sum.kind), sum.counters)?;
        if !bucket.is_first() {
            change.note("bucket_number", number(bucket.number()));
        }
        if sum.has_lots {
            change.note("has_lots", AttributeValue::Bool(true));
        }
        let condition = match seen_version {
            None => {
                // Whoever takes from the first bucket without knowing that there are others learns it here.
                let takes = sum.counters.first().is_some_and(|available| *available < 0);
                let is_unaware = takes && bucket.is_first() && store.divisions.of(shop, sku).is_none();
                change.floor(is_unaware)
            }
            Some(0) => Some("attribute_not_exists(pk)".into()),
            Some(version) => {
                change.values.insert(":seen".into(), number(version));
                Some("version = :seen".into())
            }
        };
        let key = level_key(shop, sku, bucket);
        self.update(&store.tables.inventory, &key, change.expression(), condition, change.values)
    }

    /// Shares a level out to buckets as `events` say, of which each is about one bucket: `made` rows in all, from the
    /// first `drawn_from` of which pieces are taken. New rows get the thresholds of the `first`.
    pub(crate) fn divide_stock(
        &mut self,
        store: &Dynamo,
        events: &[JournalEvent],
        sku: &Sku,
        (made, drawn_from): (u16, u16),
        first: Option<&LevelRow>,
    ) -> Result<()> {
        for event in events {
            let movement = movement_of(event)?;
            let why = (&event.id, ChangeType::Correction);
            let counters = [movement.change.available, 0, 0];
            let mut change = LevelChange::of(&event.shop_id, sku, why, counters)?;
            change.note("bucket_number", number(movement.bucket.number()));
            change.note("buckets", number(made));
            change.note("drawn_from", number(drawn_from));
            for (name, line) in [
                ("low_stock", first.and_then(|row| row.low_stock)),
                ("overstock", first.and_then(|row| row.overstock)),
            ] {
                if let Some(line) = line {
                    change.note(name, number(line));
                }
            }
            let condition = change.floor(false);
            let key = level_key(&event.shop_id, sku, movement.bucket);
            self.shelves.push((sku.clone(), movement.bucket));
            self.update(&store.tables.inventory, &key, change.expression(), condition, change.values)?;
        }
        events
            .iter()
            .filter(|event| movement_of(event).is_ok_and(|movement| movement.change.available != 0))
            .try_for_each(|event| self.write_movement(store, event))
    }

    /// Holds only if a bucket of a level is still as it was read.
    pub(crate) fn check_level(
        &mut self,
        store: &Dynamo,
        shop: &ShopId,
        part: &Part,
        seen: Option<&LevelRow>,
    ) -> Result<()> {
        let key = level_key(shop, &part.sku, part.bucket);
        let Some(seen) = seen else {
            return self.check(&store.tables.inventory, &key, "attribute_not_exists(pk)", Item::new());
        };
        let Level { available, reserved, committed, version } = seen.level;
        let seen = values([
            (":version", number(version)),
            (":available", number(available)),
            (":reserved", number(reserved)),
            (":committed", number(committed)),
        ]);
        let condition = "version = :version AND available = :available AND reserved = :reserved \
             AND committed = :committed";
        self.check(&store.tables.inventory, &key, condition, seen)
    }

    /// Writes a ledger row without a change of its own to a level.
    pub(crate) fn write_movement(&mut self, store: &Dynamo, event: &JournalEvent) -> Result<()> {
        let movement = movement_of(event)?;
        let pk = stock_pk(&event.shop_id, &movement.sku.product_id, movement.bucket);
        let row = Key::new(pk, format!("{JOURNAL}{}", event.id));
        self.put_new(&store.tables.inventory, item(&row, event)?)
    }
}

fn movement_of(event: &JournalEvent) -> Result<&StockMovement> {
    match &event.fact {
        Fact::StockChanged(movement) => Ok(movement),
        _ => Err(Error::internal(format!("{} does not change stock", event.id))),
    }
}

/// Available pieces of the level that refused write number `index`; `None` if it was not refused.
pub fn available_instead(refusal: &Refusal, index: usize) -> Option<i64> {
    let found = refusal.of(index)?;
    let available = found.and_then(|item| item.get("available")).and_then(|value| value.as_n().ok());
    Some(available.and_then(|n| n.parse().ok()).unwrap_or(0))
}

/// Into how many buckets the level is divided that refused write number `index`.
pub(crate) fn buckets_instead(refusal: &Refusal, index: usize) -> Option<u16> {
    refusal.of(index)??.get("buckets")?.as_n().ok()?.parse().ok()
}

impl Dynamo {
    /// All levels of a product, every bucket by itself.
    pub async fn buckets(
        &self,
        shop: &ShopId,
        product: &ProductId,
        consistent: bool,
    ) -> Result<Vec<LevelRow>> {
        let partition = |bucket| {
            let query = Query::new(&self.tables.inventory, stock_pk(shop, product, bucket));
            let query = query.beginning_with(LEVEL);
            if consistent { query.consistent() } else { query }
        };
        let mut rows: Vec<LevelRow> = self.query_all(partition(Bucket::FIRST)).await?;
        let most = rows.iter().filter_map(|row| row.buckets).max().unwrap_or(1);
        let others = Bucket::all(most).skip(1).map(|bucket| self.query_all(partition(bucket)));
        for mut bucket in futures_util::future::try_join_all(others).await? {
            rows.append(&mut bucket);
        }
        Ok(rows)
    }

    /// All levels of a product.
    pub async fn levels(
        &self,
        shop: &ShopId,
        product: &ProductId,
        consistent: bool,
    ) -> Result<Vec<LevelRow>> {
        Ok(joined(self.buckets(shop, product, consistent).await?))
    }

    /// One level, every bucket by itself, read consistently; empty if there is none.
    pub async fn buckets_of(&self, shop: &ShopId, sku: &Sku) -> Result<Vec<LevelRow>> {
        let table = &self.tables.inventory;
        let first: Option<LevelRow> = self.get(table, &level_key(shop, sku, Bucket::FIRST), true).await?;
        let count = first.as_ref().and_then(|row| row.buckets);
        if let Some(first) = &first {
            self.divisions.learn(shop, sku, first.drawn_from.or(count));
        }
        let others: Vec<Key> =
            Bucket::all(count.unwrap_or(1)).skip(1).map(|bucket| level_key(shop, sku, bucket)).collect();
        let others = others.iter().map(|key| self.get::<LevelRow>(table, key, true));
        let others = futures_util::future::try_join_all(others).await?;
        Ok(first.into_iter().chain(others.into_iter().flatten()).collect())
    }

    /// One level, read consistently.
    pub async fn level(&self, shop: &ShopId, sku: &Sku) -> Result<Option<Level>> {
        let row = joined(self.buckets_of(shop, sku).await?).pop();
        Ok(row.map(|row| row.level))
    }
}

/// The rows of each level as one: the sums of their counters and versions.
pub fn joined(rows: Vec<LevelRow>) -> Vec<LevelRow> {
    let mut levels: BTreeMap<Sku, LevelRow> = BTreeMap::new();
    for row in rows {
        match levels.get_mut(&row.sku) {
            None => {
                levels.insert(row.sku.clone(), row);
            }
            Some(level) => {
                level.level = level.level.plus(row.level);
                if level.last_event < row.last_event {
                    (level.last_event, level.last_change) = (row.last_event, row.last_change);
                    level.bucket = row.bucket;
                }
            }
        }
    }
    levels.into_values().collect()
}
