//! The ledger: what changed stock, by whom and why.

use contract::{
    Fact, JournalEvent,
    http::{Page, inventory::MovementView, sales::MovementsRequest},
};
use domain::{Permission, Principal, ProductId};

use super::Inventory;
use crate::{
    Result,
    store::{Cursor, inventory::MovementFilter},
};

impl Inventory {
    fn history_begins(&self) -> Option<jiff::Timestamp> {
        self.clock.now().checked_sub(self.settings.stock.history).ok()
    }

    /// A page of a product's ledger, newest first.
    pub async fn movements(
        &self,
        who: &Principal,
        product: &ProductId,
        wanted: &MovementsRequest,
        limit: u32,
        cursor: Option<Cursor>,
    ) -> Result<Page<MovementView>> {
        who.may(Permission::AuditStock)?;
        let (from, to) = self.settings.span(wanted.from.as_deref(), wanted.to.as_deref())?;
        let filter = MovementFilter {
            from: from.or_else(|| self.history_begins()),
            to,
            kind: wanted.change_type,
            variant: wanted.variant_id.clone(),
            location: wanted.location.clone(),
        };
        let levels = self.store.levels(&who.shop, product, false).await?;
        let buckets = levels.iter().filter_map(|row| row.buckets).max().unwrap_or(1);
        let (events, next) =
            self.store.movements(&who.shop, product, buckets, &filter, limit, cursor).await?;
        let data = events.into_iter().filter_map(movement_view).collect();
        Ok(Page { data, next_cursor: next.map(|cursor| cursor.to_string()) })
    }
}

pub(super) fn movement_view(event: JournalEvent) -> Option<MovementView> {
    let Fact::StockChanged(movement) = event.fact else {
        return None;
    };
    Some(MovementView {
        movement_id: event.id,
        sku: movement.sku,
        change_type: movement.change.kind,
        available: movement.change.available,
        reserved: movement.change.reserved,
        committed: movement.change.committed,
        occurred_at: event.occurred_at,
        actor: event.actor,
        reason: movement.reason,
        order_id: movement.order_id,
        reservation_id: movement.reservation_id,
        client_time: movement.client_time,
        expires_on: movement.expires_on,
    })
}
