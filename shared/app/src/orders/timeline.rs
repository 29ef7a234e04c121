//! An order's way so far: one entry for each step.

use contract::{Fact, JournalEvent, http::history::TimelineEntry};
use domain::{
    OrderId, ShopId,
    order::{OrderStatus, Tracking},
};

use super::Orders;
use crate::Result;

/// So much of a journal is read at most. An order has some ten steps; what repeats are attempts to deliver it, and
/// refunds.
pub(super) const MOST_EVENTS: u32 = 1_000;

impl Orders {
    pub(super) async fn timeline(&self, shop: &ShopId, id: &OrderId) -> Result<Vec<TimelineEntry>> {
        let journal = self.store.order_journal(shop, id, 0, MOST_EVENTS).await?;
        Ok(journal.into_iter().filter_map(entry).collect())
    }
}

fn entry(event: JournalEvent) -> Option<TimelineEntry> {
    let (status, previous_status, notes, tracking) = match event.fact {
        Fact::OrderCreated { .. } => (OrderStatus::PendingPayment, None, None, Tracking::default()),
        Fact::OrderStatusUpdated { previous_status, current_status, notes, tracking, .. } => {
            (current_status, Some(previous_status), notes, tracking)
        }
        _ => return None,
    };
    let JournalEvent { occurred_at: at, version, .. } = event;
    Some(TimelineEntry { status, previous_status, at, version, notes, tracking })
}
