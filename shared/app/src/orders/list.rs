//! Lists of orders.
//!
//! A page is full if there are enough orders that fit: what does not fit is passed over, at most [`MOST_PASSED`] of
//! them for one page. Orders with one status have an index of their own, so that this is needed only where one person's
//! orders are filtered, and where orders that wait to be paid are wanted, which are among the newest.

use contract::http::{
    Page,
    orders::{OrderView, OrdersRequest},
};
use domain::{Permission, Principal, UserId, order::OrderStatus};
use jiff::SignedDuration;

use super::{Orders, views::order_view};
use crate::{
    Error, Result,
    store::{
        Cursor,
        orders::{OrderShelf, Placed, StoredOrder},
    },
};

/// So many orders are looked at together where some are passed over, and so often for one page.
const LOOKED_AT: u32 = 100;
const LOOKS: u32 = 10;
/// So many orders are looked at for one page.
const MOST_PASSED: u32 = LOOKED_AT * LOOKS;
/// An order waits minutes to be paid. One that has waited longer than this is no longer looked for among all others.
const LONGEST_WAIT: SignedDuration = SignedDuration::from_hours(24);

impl Orders {
    /// A page of one's own orders, newest first; staff sees everybody's. A page is shorter than asked for only if there
    /// are no more, or if more than 1,000 had to be passed over.
    pub async fn list(
        &self,
        who: &Principal,
        wanted: &OrdersRequest,
        limit: u32,
        cursor: Option<Cursor>,
    ) -> Result<Page<OrderView>> {
        let shelves = self.shelves(who, wanted).await?;
        let mut placed = self.placed_when(wanted)?.behind(cursor.as_ref())?;
        if let ([OrderShelf::All], Some(OrderStatus::PendingPayment)) = (shelves.as_slice(), wanted.status) {
            placed.from = placed.from.max(self.clock.now().checked_sub(LONGEST_WAIT).ok());
        }
        let fits = |stored: &StoredOrder| {
            stored.order.version > 0 && wanted.status.is_none_or(|status| stored.order.status == status)
        };
        let (mut found, mut looked_at) = (vec![], 0);
        while looked_at < MOST_PASSED {
            let missing = limit - u32::try_from(found.len()).unwrap_or(limit);
            // Of the first look all fit, as a rule.
            let count = if looked_at == 0 { missing } else { LOOKED_AT };
            let (orders, next) = self.store.placed_orders(&who.shop, &shelves, &placed, count).await?;
            let mut orders = orders.into_iter().filter(|(_, stored)| fits(stored));
            let taken = orders.by_ref().take(usize::try_from(missing).unwrap_or(0));
            let taken: Vec<_> = taken.collect();
            let last = taken.last().map(|(place, _)| place.clone());
            found.extend(taken.into_iter().map(|(_, stored)| stored));
            let is_full = found.len() >= usize::try_from(limit).unwrap_or(usize::MAX);
            placed.before = match (is_full, orders.next().is_some()) {
                (true, true) => last,
                _ => next,
            };
            if is_full || placed.before.is_none() {
                break;
            }
            looked_at += count;
        }
        let data = found.iter().map(|stored| order_view(&who.shop, stored, vec![])).collect();
        let next_cursor = placed.before.map(|place| Cursor::at(place).to_string());
        Ok(Page { data, next_cursor })
    }

    /// Where the orders are listed that are wanted.
    async fn shelves(&self, who: &Principal, wanted: &OrdersRequest) -> Result<Vec<OrderShelf>> {
        let of = |guests: &std::collections::BTreeSet<UserId>, person: &UserId| {
            let people = guests.iter().chain([person]);
            people.cloned().map(OrderShelf::Of).collect()
        };
        if !who.can(Permission::ReadEverybodysOrders) {
            return Ok(of(&who.linked_guests, &who.subject));
        }
        Ok(match (&wanted.customer_id, wanted.status) {
            (Some(customer), _) => of(&self.store.access(&who.shop, customer).await?.guests, customer),
            (None, Some(status)) if status != OrderStatus::PendingPayment => vec![OrderShelf::With(status)],
            (None, _) => vec![OrderShelf::All],
        })
    }

    fn placed_when(&self, wanted: &OrdersRequest) -> Result<Placed> {
        let (from, to) = self.settings.span(wanted.from.as_deref(), wanted.to.as_deref())?;
        if from.zip(to).is_some_and(|(from, to)| from > to) {
            return Err(Error::field("to", "out_of_range", "expected no earlier than `from`"));
        }
        Ok(Placed { from, to, before: None })
    }
}
