//! Orders: reading and ending them. Placing them, and what else is done with them, is in the files beside this one.

mod cancelling;
mod explain;
mod large;
mod list;
mod placing;
mod status;
mod timeline;
mod views;

use std::sync::Arc;

use contract::http::orders::{OrderExtra, OrderView};
use domain::{OrderId, Permission, Principal, ShopId, order::OrderStatus};
use jiff::Timestamp;

pub(crate) use self::cancelling::cancellation;
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

/// Who reads an order: a person, whoever has a token for it, or both in one.
#[derive(Debug, Clone, Default)]
pub struct Reader {
    /// Who they are, if they said so.
    pub person: Option<Principal>,
    /// What their token is for, if they have one.
    pub grant: Option<OrderGrant>,
}

/// That one order may be followed: what a good order token says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderGrant {
    /// The order's shop.
    pub shop: ShopId,
    /// Which order.
    pub order_id: OrderId,
}

impl Orders {
    /// Orders are kept in `store` and paid through `settlement`.
    pub const fn new(store: Dynamo, clock: Clock, settings: Arc<Settings>, settlement: Settlement) -> Self {
        Self { store, clock, settings, settlement }
    }

    /// An order of one's own, or the one that a token is for; staff sees everybody's. Where it is sent is not shown to
    /// whoever has only the token.
    pub async fn read(&self, reader: &Reader, id: &OrderId, extra: Option<OrderExtra>) -> Result<OrderView> {
        let own = match &reader.person {
            Some(who) => Some((&who.shop, self.owned(who, id, Permission::ReadEverybodysOrders).await)),
            None => None,
        };
        let (shop, view) = match (own, &reader.grant) {
            (Some((shop, Ok(stored))), _) => (shop, self.view(shop, stored).await?),
            (Some((_, Err(Error::NotFound))) | None, Some(grant)) if grant.order_id == *id => {
                let view = self.view(&grant.shop, self.placed(&grant.shop, id).await?).await?;
                (&grant.shop, OrderView { shipping_address: None, ..view })
            }
            (Some((_, Err(error))), _) => return Err(error),
            (None, _) => return Err(Error::NotFound),
        };
        match extra {
            Some(OrderExtra::Timeline) => {
                let timeline = self.timeline(shop, id).await?;
                Ok(OrderView { timeline: Some(timeline), ..view })
            }
            None => Ok(view),
        }
    }

    /// Ends an order whose time ran out, or what one still holds that has ended; what was paid meanwhile stays.
    pub async fn expire(&self, shop: &ShopId, id: &OrderId) -> Result<()> {
        let Some(stored) = self.store.order(shop, id).await? else {
            return Ok(());
        };
        let now: Timestamp = self.clock.now();
        let author = Author::system(shop, id.as_str());
        if stored.order.closing_since.is_some() {
            return self.settlement.close_holds(&author, &stored.order).await;
        }
        if stored.order.status != OrderStatus::PendingPayment || now < stored.order.payable_until {
            return Ok(());
        }
        if stored.order.version == 0 {
            return self.undo_large(&author, &stored).await;
        }
        self.settlement.abandon(&author, &stored, OrderStatus::Expired, "not paid in time").await?;
        Ok(())
    }

    async fn owned(&self, who: &Principal, id: &OrderId, otherwise: Permission) -> Result<StoredOrder> {
        let stored = self.placed(&who.shop, id).await?;
        if who.owns(&stored.order.owner) || who.can(otherwise) { Ok(stored) } else { Err(Error::NotFound) }
    }

    /// An order whose stock is there.
    async fn placed(&self, shop: &ShopId, id: &OrderId) -> Result<StoredOrder> {
        let stored = self.store.order(shop, id).await?;
        stored.filter(|stored| stored.order.version > 0).ok_or(Error::NotFound)
    }

    async fn view(&self, shop: &ShopId, stored: StoredOrder) -> Result<OrderView> {
        let lines = match stored.order.lines.is_empty() {
            true => self.store.order_lines(shop, &stored).await?,
            false => stored.order.lines.clone(),
        };
        let shipping_address = stored.order.shipping_address.clone();
        Ok(OrderView { shipping_address, ..order_view(shop, &stored, lines) })
    }
}
