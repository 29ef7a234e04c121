//! Orders: reading and ending them. Placing them, and what else is done with them, is in the files beside this one.

mod cancelling;
mod large;
mod list;
mod placing;
mod views;

use std::sync::Arc;

use contract::http::orders::OrderView;
use domain::{OrderId, Permission, Principal, ShopId, order::OrderStatus};
use jiff::{SignedDuration, Timestamp};

pub use self::list::OrderFilter;
use self::views::order_view;
use crate::{
    Clock, Error, Result, Settings,
    journal::Author,
    settlement::Settlement,
    store::{Dynamo, orders::StoredOrder},
};

/// The orders of all shops.
#[derive(Debug, Clone)]
pub struct Orders {
    store: Dynamo,
    clock: Clock,
    settings: Arc<Settings>,
    settlement: Settlement,
}

impl Orders {
    /// Orders are kept in `store` and paid through `settlement`.
    pub const fn new(store: Dynamo, clock: Clock, settings: Arc<Settings>, settlement: Settlement) -> Self {
        Self { store, clock, settings, settlement }
    }

    /// An order of one's own; staff sees everybody's.
    pub async fn read(&self, who: &Principal, id: &OrderId) -> Result<OrderView> {
        let stored = self.owned(who, id, Permission::ReadEverybodysOrders).await?;
        self.view(&who.shop, stored).await
    }

    /// Ends an order whose time ran out; what was paid or closed meanwhile stays.
    pub async fn expire(&self, shop: &ShopId, id: &OrderId) -> Result<()> {
        let Some(stored) = self.store.order(shop, id).await? else {
            return Ok(());
        };
        let now: Timestamp = self.clock.now();
        if stored.order.status != OrderStatus::PendingPayment || now < stored.order.payable_until {
            return Ok(());
        }
        let author = Author::system(shop, id.as_str());
        if stored.order.version == 0 {
            return self.undo_large(&author, &stored).await;
        }
        self.settlement.abandon(&author, &stored, OrderStatus::Expired, "not paid in time").await?;
        Ok(())
    }

    pub(super) async fn owned(
        &self,
        who: &Principal,
        id: &OrderId,
        otherwise: Permission,
    ) -> Result<StoredOrder> {
        let stored = self
            .store
            .order(&who.shop, id)
            .await?
            .filter(|stored| stored.order.version > 0)
            .ok_or(Error::NotFound)?;
        if who.owns(&stored.order.owner) || who.can(otherwise) { Ok(stored) } else { Err(Error::NotFound) }
    }

    pub(super) async fn view(&self, shop: &ShopId, stored: StoredOrder) -> Result<OrderView> {
        let lines = match stored.order.lines.is_empty() {
            true => self.store.order_lines(shop, &stored).await?,
            false => stored.order.lines.clone(),
        };
        Ok(order_view(shop, &stored, lines))
    }
}

fn busy() -> Error {
    Error::Limited { retry_after: SignedDuration::from_secs(1) }
}
