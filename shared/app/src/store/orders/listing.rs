//! Lists of orders: by their owner, their shop, their status, newest first.

use std::cmp::Reverse;

use domain::{ShopId, UserId, order::OrderStatus};
use futures_util::future::try_join_all;
use jiff::Timestamp;
use serde::Deserialize;

use super::{
    Sorted, StoredOrder,
    rows::{OrderRow, TAIL, status_key},
};
use crate::{
    Error, Result,
    store::{Cursor, Dynamo, Key, Query, sortable},
};

/// Where orders are listed.
#[derive(Debug, Clone)]
pub enum OrderShelf {
    /// One person's.
    Of(UserId),
    /// The shop's.
    All,
    /// The shop's with one status, which is not `pending_payment`.
    With(OrderStatus),
}

/// Which stretch of a list is read: from the newest on that is not newer than `to` and older than `before`.
#[derive(Debug, Clone, Default)]
pub struct Placed {
    /// Not placed before that.
    pub from: Option<Timestamp>,
    /// Not placed after that.
    pub to: Option<Timestamp>,
    /// Behind this place.
    pub before: Option<String>,
}

impl Placed {
    /// Behind what a client was shown.
    ///
    /// # Errors
    /// If the cursor is of no list of orders.
    pub fn behind(mut self, cursor: Option<&Cursor>) -> Result<Self> {
        let wrong = || Error::field("cursor", "invalid", "not a cursor of this list");
        if let Some(cursor) = cursor {
            let place = cursor.place().filter(|place| is_place(place)).ok_or_else(wrong)?;
            self.before = Some(place.to_owned());
        }
        Ok(self)
    }

    /// The first and the last place; nothing if there is none between them.
    fn range(&self) -> Option<(String, String)> {
        let from = self.from.map_or_else(|| "0".to_owned(), sortable);
        // The places of an instant begin with it.
        let to = self.to.map_or_else(|| "~".to_owned(), |to| format!("{}~", sortable(to)));
        let to = self.before.clone().filter(|before| *before < to).unwrap_or(to);
        (from <= to).then_some((from, to))
    }
}

fn is_place(text: &str) -> bool {
    let is_tail = |tail: &str| tail.len() <= TAIL && tail.bytes().all(|byte| byte.is_ascii_graphic());
    text.split_once('#').is_some_and(|(instant, tail)| {
        is_tail(tail) && instant.parse::<Timestamp>().is_ok_and(|read| sortable(read) == instant)
    })
}

#[derive(Debug, Deserialize)]
struct Listing {
    pk: String,
    sk: String,
    listed_at: String,
}

impl Dynamo {
    /// The next `count` orders of all `shelves` together with the place of each, newest first and without their lines,
    /// and the place where the list goes on.
    pub async fn placed_orders(
        &self,
        shop: &ShopId,
        shelves: &[OrderShelf],
        placed: &Placed,
        count: u32,
    ) -> Result<(Vec<(String, StoredOrder)>, Option<String>)> {
        let Some((from, to)) = placed.range() else {
            return Ok((vec![], None));
        };
        // One may be what was shown last, one more says whether there are others.
        let queries = shelves.iter().map(|shelf| async {
            let query = self.shelf(shop, shelf).between(from.clone(), to.clone()).newest_first();
            self.query::<Listing>(&query.limit(count.saturating_add(2))).await
        });
        let mut found: Vec<Listing> = vec![];
        for (mut rows, _) in try_join_all(queries).await? {
            found.append(&mut rows);
        }
        found.retain(|row| placed.before.as_ref().is_none_or(|before| row.listed_at < *before));
        found.sort_by(|a, b| b.listed_at.cmp(&a.listed_at));
        let count = usize::try_from(count).unwrap_or(usize::MAX);
        let has_more = found.len() > count;
        found.truncate(count);
        let next = found.last().filter(|_| has_more).map(|row| row.listed_at.clone());
        let keys: Vec<Key> = found.into_iter().map(|row| Key::new(row.pk, row.sk)).collect();
        let mut rows: Vec<OrderRow> = self.get_many(&self.tables.orders, &keys).await?;
        rows.sort_by_cached_key(|row| Reverse(row.listed_at().to_owned()));
        let rows = rows.into_iter().map(|row| (row.listed_at().to_owned(), StoredOrder::from(row)));
        Ok((rows.collect(), next))
    }

    fn shelf(&self, shop: &ShopId, shelf: &OrderShelf) -> Query<'_> {
        let table = &self.tables.orders;
        match shelf {
            OrderShelf::Of(owner) => Query::new(table, format!("{shop}#order#{owner}")).on_index(
                "by_owner",
                "owner_key",
                "listed_at",
            ),
            OrderShelf::All => {
                Query::new(table, format!("{shop}#order")).on_index("by_shop", "listing", "listed_at")
            }
            OrderShelf::With(status) => {
                Query::new(table, status_key(shop, *status)).on_index("by_status", "status_key", "listed_at")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_an_instant_and_what_tells_apart() {
        assert!(is_place("2026-01-05T09:00:00.000Z#0123456789ab"));
        for wrong in ["", "a", "2026-01-05T09:00:00.000Z", "2026-01-05T09:00:00Z#0", "x#y", "~", "9999#"] {
            assert!(!is_place(wrong), "{wrong}");
        }
    }

    #[test]
    fn a_stretch_that_ends_before_it_begins_is_empty() {
        let instant = |text: &str| Some(text.parse::<Timestamp>().unwrap());
        let placed = Placed { from: instant("2026-01-02T00:00:00Z"), ..Placed::default() };
        assert!(placed.range().is_some());
        let before = Some("2026-01-01T00:00:00.000Z#0".to_owned());
        assert!(Placed { before, ..placed }.range().is_none());
    }
}
