//! Saying where an order is, by hand: a warehouse, a carrier's desk.

use contract::{
    ErrorCode,
    http::{history::NewStatus, orders::OrderView},
};
use domain::{OrderId, Permission, Principal, order::Tracking};

use super::Orders;
use crate::{Error, Result, journal::Author, settlement::status_updated, store::Transaction};

impl Orders {
    /// Moves an order one step on, if the table allows it and nobody was faster. `seen` is the version that whoever asks
    /// has seen, if they say so. No money is moved.
    pub async fn advance(
        &self,
        who: &Principal,
        id: &OrderId,
        seen: Option<u64>,
        new: NewStatus,
    ) -> Result<OrderView> {
        who.may(Permission::UpdateOrders)?;
        let stored = self.owned(who, id, Permission::UpdateOrders).await?;
        let before = &stored.order;
        if seen.is_some_and(|seen| seen != before.version) {
            return Err(changed_meanwhile());
        }
        let NewStatus { status, notes, tracking_number, estimated_delivery, location } = new;
        let news = Tracking { tracking_number, estimated_delivery, location };
        let next = before.advance(status, news).map_err(|_| {
            let (from, to) = (before.status.name(), status.name());
            Error::conflict(ErrorCode::InvalidTransition, format!("from {from} to {to} is no step by hand"))
        })?;
        let fact = status_updated(before, &next, notes.map(String::from));
        let event = Author::of(who).event(&self.clock, format!("order:{id}"), next.version, fact);
        let moved = stored.with(next);
        let mut transaction = Transaction::default();
        transaction.put_order(&self.store, &who.shop, &moved, before.version)?;
        transaction.journal_order(&self.store, id, &event)?;
        match self.store.commit(&transaction).await? {
            Ok(()) => self.view(&who.shop, moved).await,
            Err(_) => Err(changed_meanwhile()),
        }
    }
}

fn changed_meanwhile() -> Error {
    Error::conflict(ErrorCode::VersionConflict, "the order has changed meanwhile: read it again")
}
