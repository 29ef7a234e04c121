//! Why an order is where it is: everything that happened to it and because of it, in order.
//!
//! What caused what is in the journals: the order's, its payment's with its refunds, and the ledger of the stock that it
//! held. A ledger is ordered by time and is the product's, so only the moments are read in which the order's own journals
//! say that something was done. Of what Stripe told, that is shown which had an effect.

mod moments;
mod summary;

use std::collections::{BTreeMap, BTreeSet};

use contract::{
    Fact, JournalEvent,
    http::{Page, history::Explained},
    journal::StockMovement,
};
use domain::{
    OrderId, Permission, Principal, ProductId, ShopId, UserId,
    order::{OrderLine, OrderStatus},
    payment::{PaymentStatus, RefundStatus},
    stock::ChangeType,
};
use futures_util::future::try_join_all;
use jiff::Timestamp;

use self::{
    moments::Moments,
    summary::{explained_notification, summary},
};
use super::{Orders, large::lines_of_a_hold, timeline::MOST_EVENTS};
use crate::{
    Error, Result,
    payments::payment_id,
    store::{
        Cursor, inventory::MovementFilter, notices::StripeNotice, notifications::Notification,
        orders::StoredOrder, sortable,
    },
};

/// Of a product's ledger so much is read of one moment at most.
const MOST_MOVEMENTS: u32 = 500;

/// Where something stands: by its instant, then causes before effects, then as it was written.
type Place = (Timestamp, u8, u64, String);

impl Orders {
    /// A page of all that happened to an order and because of it, oldest first.
    pub async fn explain(
        &self,
        who: &Principal,
        id: &OrderId,
        limit: u32,
        cursor: Option<Cursor>,
    ) -> Result<Page<Explained>> {
        who.may(Permission::ReadEverybodysOrders)?;
        let stored = self.owned(who, id, Permission::ReadEverybodysOrders).await?;
        let after = cursor.as_ref().map(read_place).transpose()?;
        let mut all = self.everything_about(&who.shop, &stored).await?;
        if let Some(after) = after {
            all.retain(|place, _| place_name(place) > after);
        }
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let has_more = all.len() > limit;
        let (places, data): (Vec<_>, Vec<_>) = all.into_iter().take(limit).unzip();
        let last = places.last().filter(|_| has_more).map(place_name);
        Ok(Page { data, next_cursor: last.map(|place| Cursor::at(place).to_string()) })
    }

    async fn everything_about(
        &self,
        shop: &ShopId,
        stored: &StoredOrder,
    ) -> Result<BTreeMap<Place, Explained>> {
        let payment = payment_id(shop, &stored.order.id);
        let mut events = self.store.order_journal(shop, &stored.order.id, 0, MOST_EVENTS).await?;
        events.extend(self.store.payment_journal(shop, &payment, MOST_EVENTS).await?);
        let causes: BTreeSet<&str> = events.iter().filter_map(|event| event.cause.as_deref()).collect();
        let causes: Vec<&str> = causes.into_iter().filter(|cause| cause.starts_with("evt_")).collect();
        let notices = self.store.stripe_notices(shop, &causes).await?;
        events.extend(self.movements_of(shop, stored, &events).await?);
        let told = notices.into_iter().map(|notice| (notice_place(&notice), explained_notice(notice)));
        let done = events.into_iter().map(|event| (place(&event), explained(event)));
        let notified = self.notifications_about(shop, stored).await?.into_iter();
        let notified = notified.map(|about| (notification_place(&about), explained_notification(about)));
        Ok(told.chain(done).chain(notified).collect())
    }

    /// What people were told because of an order, also where it was not sent.
    async fn notifications_about(&self, shop: &ShopId, stored: &StoredOrder) -> Result<Vec<Notification>> {
        let order = &stored.order;
        let is_about = |one: &Notification| {
            one.data.get("order_id").and_then(|id| id.as_str()) == Some(order.id.as_str())
        };
        let mut told = self.store.told_since(shop, &order.owner, order.created_at, is_about).await?;
        // A guest's news goes to the customer that they turned out to be.
        if order.owner.as_str().starts_with(UserId::GUEST_PREFIX)
            && let Some(customer) = self.store.access(shop, &order.owner).await?.linked_to
        {
            told.extend(self.store.told_since(shop, &customer, order.created_at, is_about).await?);
        }
        Ok(told)
    }

    /// The ledger rows of an order's holds, and of what came back of it.
    async fn movements_of(
        &self,
        shop: &ShopId,
        stored: &StoredOrder,
        events: &[JournalEvent],
    ) -> Result<Vec<JournalEvent>> {
        let lines = self.store.order_lines(shop, stored).await?;
        let mut moments: Moments = events.iter().map(|event| event.occurred_at).collect();
        let sale = self.store.sale(shop, &stored.order.id.clone().into()).await?;
        moments.extend(sale.map(|sale| sale.sold_at));
        let mut found = vec![];
        for (hold, lines) in
            stored.order.holds.iter().zip(lines.chunks(lines_of_a_hold(&stored.order, &lines)))
        {
            let mut moments = moments.clone();
            if let Some(held) = self.store.reservation(shop, hold).await? {
                moments.extend([held.reservation.created_at, held.reservation.changed_at]);
            }
            let products: BTreeSet<&ProductId> = lines.iter().map(product).collect();
            let read = products.into_iter().map(|product| self.ledger_in(shop, product, &moments));
            found.extend(try_join_all(read).await?.into_iter().flatten());
        }
        let id = &stored.order.id;
        let is_its = |movement: &StockMovement| {
            movement.order_id.as_ref().is_some_and(|order| order.as_str() == id.as_str())
                || movement.reservation_id.as_ref().is_some_and(|hold| stored.order.holds.contains(hold))
        };
        found.retain(|event| matches!(&event.fact, Fact::StockChanged(movement) if is_its(movement)));
        Ok(found)
    }

    async fn ledger_in(
        &self,
        shop: &ShopId,
        product: &ProductId,
        moments: &Moments,
    ) -> Result<Vec<JournalEvent>> {
        let levels = self.store.levels(shop, product, false).await?;
        let buckets = levels.iter().filter_map(|row| row.buckets).max().unwrap_or(1);
        let mut found = vec![];
        for (from, to) in moments.stretches() {
            let filter = MovementFilter { from: Some(from), to: Some(to), ..MovementFilter::default() };
            let (rows, _) =
                self.store.movements(shop, product, buckets, &filter, MOST_MOVEMENTS, None).await?;
            found.extend(rows);
        }
        Ok(found)
    }
}

const fn product(line: &OrderLine) -> &ProductId {
    &line.sku.product_id
}

/// Of things in one instant, which comes first: what causes the others.
fn rank(fact: &Fact) -> u8 {
    match fact {
        Fact::OrderCreated { .. } => 0,
        Fact::StockChanged(movement) if movement.change.kind == ChangeType::Reservation => 1,
        Fact::PaymentUpdated { status: PaymentStatus::Succeeded, .. } => 4,
        Fact::PaymentUpdated { .. } => 2,
        Fact::OrderStatusUpdated { current_status: OrderStatus::Paid, .. } => 5,
        Fact::StockChanged(movement) if movement.change.kind == ChangeType::Sale => 6,
        Fact::OrderStatusUpdated { .. } => 7,
        Fact::RefundUpdated { status: RefundStatus::Pending, .. } | Fact::DisputeUpdated { .. } => 8,
        Fact::StockChanged(_) => 9,
        Fact::RefundUpdated { .. } => 10,
        _ => 11,
    }
}

/// Between what a payment was before and what it became.
const NOTICE_RANK: u8 = 3;

fn place(event: &JournalEvent) -> Place {
    (event.occurred_at, rank(&event.fact), event.version, event.id.to_string())
}

fn notice_place(notice: &StripeNotice) -> Place {
    (notice.received_at, NOTICE_RANK, 0, notice.event_id.clone())
}

/// After everything that somebody may be told of.
const NOTIFICATION_RANK: u8 = 12;

fn notification_place(about: &Notification) -> Place {
    // Of several at one instant the order is that of their kinds, the same each time.
    (about.created_at, NOTIFICATION_RANK, 0, format!("{}-{}", about.kind, about.id))
}

fn place_name((at, rank, version, id): &Place) -> String {
    format!("{}/{rank:02}/{version:010}/{id}", sortable(*at))
}

fn read_place(cursor: &Cursor) -> Result<String> {
    let wrong = || Error::field("cursor", "invalid", "not a cursor of this list");
    let place = cursor.place().ok_or_else(wrong)?;
    let is_place = place.split('/').count() == 4
        && place.split('/').next().is_some_and(|at| at.parse::<Timestamp>().is_ok());
    is_place.then(|| place.to_owned()).ok_or_else(wrong)
}

fn explained(event: JournalEvent) -> Explained {
    let summary = summary(&event.fact);
    let kind = event.fact.name().to_owned();
    let JournalEvent { id, subject, occurred_at: at, actor, cause, .. } = event;
    Explained { id: id.to_string(), kind, at, subject, actor, cause, summary }
}

fn explained_notice(notice: StripeNotice) -> Explained {
    let about = notice.refund_id.map(|id| format!("refund:{id}"));
    let about = about.or_else(|| notice.payment_id.map(|id| format!("payment:{id}")));
    Explained {
        id: notice.event_id,
        at: notice.received_at,
        subject: about.unwrap_or_default(),
        actor: UserId::from_name("stripe"),
        cause: None,
        summary: format!("Stripe told of {}", notice.event_type),
        kind: format!("stripe.{}", notice.event_type),
    }
}
