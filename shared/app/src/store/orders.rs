//! The `Orders` table: orders. Payments are in the same table: see `payments`.
//!
//! | pk | sk | row |
//! |---|---|---|
//! | `{shop}#order#{id}` | `order` | an order; in `due` until it is paid, in `by_status` from then on, in `by_owner` and `by_shop` |
//! | the same | `lines#{n}` | 40 lines of an order that has more than 40 |
//! | the same | `j#{version}` | its journal |

mod listing;
mod placed;
mod rows;

use contract::JournalEvent;
use domain::{ShopId, UserId};
use jiff::Timestamp;

pub use self::{
    listing::{OrderShelf, Placed},
    rows::StoredOrder,
};
use super::{Cursor, Due, Dynamo, JOURNAL, Key, Query, dynamo::Indexed};
use crate::{Error, Result};

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
