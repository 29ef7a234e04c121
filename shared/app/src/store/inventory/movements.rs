//! The ledger, its checkpoint included.

use contract::{Fact, JournalEvent, journal::StockMovement};
use domain::{
    Bucket, EventId, LocationId, ProductId, ShopId, VariantId, checkpoint::Checkpoint, stock::ChangeType,
};
use jiff::Timestamp;

use super::stock_pk;
use crate::{
    Error, Result,
    store::{Cursor, Dynamo, JOURNAL, Key, Query},
};

/// So many pages are read to fill one that is filtered.
const MAX_PAGES: usize = 10;
/// How often a ledger is read anew because rows of it went meanwhile.
const MAX_READS: usize = 4;

/// Which rows of a ledger are wanted.
#[derive(Debug, Clone, Default)]
pub struct MovementFilter {
    /// Not before that.
    pub from: Option<Timestamp>,
    /// Not after that.
    pub to: Option<Timestamp>,
    /// Of this kind.
    pub kind: Option<ChangeType>,
    /// Of this variant.
    pub variant: Option<VariantId>,
    /// There.
    pub location: Option<LocationId>,
}

impl MovementFilter {
    fn admits(&self, event: &JournalEvent) -> bool {
        let Fact::StockChanged(movement) = &event.fact else { return false };
        let change = movement.change;
        // A row that changes nothing only marks that something was done in another bucket.
        (change.available, change.reserved, change.committed) != (0, 0, 0)
            && self.kind.is_none_or(|kind| change.kind == kind)
            && (self.variant.is_none() || movement.sku.variant_id == self.variant)
            && self.location.as_ref().is_none_or(|location| movement.sku.location == *location)
    }

    /// Names of events begin with their instant, so a time is a range of names.
    fn range(&self) -> (String, String) {
        let from = self.from.map_or_else(String::new, |from| format!("{}{}", EventId::PREFIX, digits(from)));
        let to = self.to.map_or_else(String::new, |to| format!("{}{}", EventId::PREFIX, digits(to)));
        (format!("{JOURNAL}{from}"), format!("{JOURNAL}{to}~"))
    }
}

/// How the names begin of what happened at `instant`: a uuid v7 begins with 48 bits of milliseconds.
fn digits(instant: Timestamp) -> String {
    format!("{:012x}", instant.as_millisecond().max(0))
}

/// A ledger: its rows, and what those came to that have gone.
#[derive(Debug, Clone, Default)]
pub struct Books {
    /// What rows that have gone came to.
    pub checkpoint: Checkpoint,
    /// The others, oldest first, each with its instant.
    pub movements: Vec<(Timestamp, StockMovement)>,
}

impl Books {
    fn new(checkpoint: Option<Checkpoint>, events: Vec<JournalEvent>) -> Self {
        let movements = events.into_iter().filter_map(|event| match event.fact {
            Fact::StockChanged(movement) => Some((event.occurred_at, movement)),
            _ => None,
        });
        Self { checkpoint: checkpoint.unwrap_or_default(), movements: movements.collect() }
    }
}

impl Dynamo {
    /// One ledger row, if it was written.
    pub async fn movement(
        &self,
        shop: &ShopId,
        product: &ProductId,
        bucket: Bucket,
        id: &EventId,
    ) -> Result<Option<JournalEvent>> {
        let key = Key::new(stock_pk(shop, product, bucket), format!("{JOURNAL}{id}"));
        self.get(&self.tables.inventory, &key, true).await
    }

    /// A page of a product's ledger over its first `buckets` buckets, newest first; short if little of it is wanted.
    pub async fn movements(
        &self,
        shop: &ShopId,
        product: &ProductId,
        buckets: u16,
        filter: &MovementFilter,
        limit: u32,
        mut cursor: Option<Cursor>,
    ) -> Result<(Vec<JournalEvent>, Option<Cursor>)> {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let (mut found, (from, to)) = (Vec::with_capacity(limit.min(100)), filter.range());
        for _ in 0..MAX_PAGES {
            let missing = limit - found.len();
            let page = u32::try_from(missing).unwrap_or(u32::MAX);
            let read = Bucket::all(buckets).map(|bucket| {
                let query = Query::new(&self.tables.inventory, stock_pk(shop, product, bucket));
                let query = query.between(&from, &to).limit(page).newest_first().after(cursor.clone());
                async move { self.query::<JournalEvent>(&query).await }
            });
            let pages = futures_util::future::try_join_all(read).await?;
            let mut has_more = pages.iter().any(|(_, next)| next.is_some());
            let mut rows: Vec<_> = pages.into_iter().flat_map(|(rows, _)| rows).collect();
            rows.sort_by(|a, b| b.id.cmp(&a.id));
            has_more |= rows.len() > missing;
            rows.truncate(missing);
            let last = rows.last().map(|event| Cursor::at(format!("{JOURNAL}{}", event.id)));
            found.extend(rows.into_iter().filter(|event| filter.admits(event)));
            if !has_more {
                return Ok((found, None));
            }
            cursor = last.or(cursor);
            if found.len() >= limit {
                break;
            }
        }
        Ok((found, cursor))
    }

    /// The ledger of one bucket of a product, oldest first, or what is left of it since an instant.
    pub async fn books(
        &self,
        shop: &ShopId,
        product: &ProductId,
        bucket: Bucket,
        since: Option<Timestamp>,
    ) -> Result<Books> {
        let (from, to) = MovementFilter { from: since, ..MovementFilter::default() }.range();
        let mut checkpoint = self.checkpoint(shop, product, bucket).await?;
        for _ in 0..MAX_READS {
            let query = Query::new(&self.tables.inventory, stock_pk(shop, product, bucket));
            let query = query.between(&from, &to).consistent();
            let events: Vec<JournalEvent> = self.query_all(query).await?;
            let after = self.checkpoint(shop, product, bucket).await?;
            if after == checkpoint {
                return Ok(Books::new(checkpoint, events));
            }
            checkpoint = after; // rows went while they were read
        }
        Err(Error::busy())
    }
}
