//! Placing an order: priced by the server, its stock held with it, or not at all.

use std::collections::BTreeSet;

use contract::{
    ErrorCode, Fact,
    http::orders::{MAX_ORDER_LINES, NewOrder, OrderView},
};
use domain::{
    Money, OrderId, Permission, Principal, ProductId, ReservationId, Sku,
    bucket::Part,
    order::{self, Order, OrderLine, OrderPaymentStatus, OrderStatus},
    reservation::{MAX_LINES, Reservation, ReservationStatus, ReservedLine},
    transfer::Transfer,
};

use super::{Orders, large::hold_names};
use crate::{
    Error, Result,
    idempotency::RequestKey,
    inventory::{Taken, own_holds, short_of, take},
    journal::Author,
    pricing::{self, Priced, owe},
    store::{Transaction, inventory::StoredReservation, orders::StoredOrder},
};

/// How often the stock of an order is gathered anew because it was somebody else's meanwhile.
pub(super) const MAX_ROUNDS: u32 = 8;

impl Orders {
    /// Places an order: prices it, holds its stock, and waits for its payment. Asked again with the same key it
    /// answers with the same order.
    pub async fn place(&self, who: &Principal, key: &RequestKey, mut new: NewOrder) -> Result<OrderView> {
        who.may(Permission::PlaceOrder)?;
        let most = if who.can(Permission::PlaceLargeOrder) { MAX_ORDER_LINES } else { MAX_LINES };
        let id = OrderId::from_uuid(key.name(who, "order"));
        let begun = self.store.order(&who.shop, &id).await?;
        if let Some(placed) = &begun {
            placed.check_fingerprint(&key.fingerprint)?;
        }
        if let Some(placed) = begun.clone().filter(|placed| placed.order.version > 0) {
            return self.view(&who.shop, placed).await;
        }
        let today = self.settings.today(self.clock.now());
        let items = std::mem::take(&mut new.items);
        let priced = pricing::price(&self.store, &who.shop, today, items, most, new.currency).await?;
        let Priced { lines, owable } = priced;
        let total = order::total(&lines, new.currency)
            .map_err(|error| Error::field("items", "out_of_range", error.to_string()))?;
        if total.amount <= 0 {
            return Err(Error::field("items", "out_of_range", "the order costs nothing"));
        }
        let chunks = lines.len().div_ceil(MAX_LINES);
        let order = self.new_order(who, id, &new, lines, total);
        let lines_count = order.lines.len();
        let stored = StoredOrder { order, lines_count, fingerprint: key.fingerprint.clone() };
        let placed = match (new.reservation_id, chunks) {
            (Some(own), 1) => self.place_with(who, stored, &own).await?,
            (Some(_), _) => {
                return Err(Error::field("items", "too_many", "a reservation has at most 40 lines"));
            }
            (None, 1) if begun.is_none() => self.place_small(who, stored, &owable).await?,
            (None, 1) => self.place_scattered(who, stored, &owable).await?,
            (None, _) => self.place_large(who, stored, &owable).await?,
        };
        self.view(&who.shop, placed).await
    }

    fn new_order(
        &self,
        who: &Principal,
        id: OrderId,
        new: &NewOrder,
        lines: Vec<OrderLine>,
        total: Money,
    ) -> Order {
        let holds = match new.reservation_id.clone() {
            Some(own) => vec![own],
            None => hold_names(&id, lines.len().div_ceil(MAX_LINES)),
        };
        Order {
            id,
            owner: who.subject.clone(),
            total,
            status: OrderStatus::PendingPayment,
            payment_status: OrderPaymentStatus::Unpaid,
            holds,
            email: new.email.clone(),
            shipping_address: new.shipping_address.clone(),
            tracking: order::Tracking::default(),
            created_at: self.clock.now(),
            payable_until: self.clock.after(self.settings.reservation_ttl),
            closing_since: None,
            version: 1,
            lines,
        }
    }

    /// The order and its stock in one transaction. If there is too little, what its owner holds already of the same
    /// things goes into it; what is not there then is owed, if the product allows it.
    async fn place_small(
        &self,
        who: &Principal,
        mut stored: StoredOrder,
        owable: &BTreeSet<ProductId>,
    ) -> Result<StoredOrder> {
        let mut own = None;
        for _ in 0..MAX_ROUNDS {
            let hold = self.hold_of(&stored.order, 0, &stored.order.lines)?;
            let ended = own.as_deref().unwrap_or_default();
            let taken = self.hold_and_place(who, &stored, &hold, ended).await?;
            if let Taken::Done(()) = taken {
                return Ok(stored);
            }
            let begun = self.store.order(&who.shop, &stored.order.id).await?;
            if let Some(placed) = begun.clone().filter(|begun| begun.order.version > 0) {
                return placed.check_fingerprint(&stored.fingerprint).map(|()| placed);
            }
            if begun.is_some() || matches!(taken, Taken::Scattered) {
                return Box::pin(self.place_scattered(who, stored, owable)).await;
            }
            // Only who finds too little is asked what they hold already.
            if own.is_none() {
                let found = own.insert(self.own_holds_in(who, &hold.lines).await?);
                if !found.is_empty() {
                    continue;
                }
            }
            match taken {
                Taken::Short(short) => {
                    let held = |sku: &Sku| held_in(own.as_deref().unwrap_or_default(), sku);
                    let shortage = short_of(&hold.lines, &short, held);
                    stored.order.lines = owe(&stored.order.lines, shortage, owable)?;
                }
                _ => own = None, // they have changed meanwhile
            }
        }
        Err(Error::busy())
    }

    /// What somebody holds already of these lines.
    async fn own_holds_in(&self, who: &Principal, lines: &[ReservedLine]) -> Result<Vec<StoredReservation>> {
        let now = self.clock.now();
        let own = own_holds(&self.store, who).await?.into_iter();
        let is_in_it = |held: &Reservation| held.is_open_at(now) && held.overlaps(lines);
        Ok(own.filter(|held| is_in_it(&held.reservation)).collect())
    }

    async fn hold_and_place(
        &self,
        who: &Principal,
        stored: &StoredOrder,
        hold: &Reservation,
        own: &[StoredReservation],
    ) -> Result<Taken<()>> {
        let own_now = own.iter().map(|held| held.reservation.clone()).collect();
        let transfer = Transfer::to(hold.clone(), None, own_now);
        let write = |parts: &[Part]| {
            let done = transfer.with(parts);
            let mut transaction = Transaction::default();
            transaction.transfer(&self.store, &self.clock, &Author::of(who), &done)?;
            let held = StoredReservation::new(done.target, &stored.fingerprint);
            transaction.put_reservation(&self.store, &who.shop, &held)?;
            for (held, ended) in own.iter().zip(done.ended) {
                let before = &held.reservation;
                transaction.rewrite_reservation(&self.store, &who.shop, &held.with(ended), before)?;
            }
            transaction.put_new_order(&self.store, &who.shop, stored)?;
            self.journal_created(&mut transaction, who, stored)?;
            Ok((transaction, ()))
        };
        take(&self.store, &who.shop, &transfer.lacking, write).await
    }

    /// The order with a hold that its owner has already.
    async fn place_with(
        &self,
        who: &Principal,
        mut stored: StoredOrder,
        own: &ReservationId,
    ) -> Result<StoredOrder> {
        let mut held = self.store.reservation(&who.shop, own).await?.ok_or(Error::NotFound)?;
        if !who.owns(&held.reservation.holder) {
            return Err(Error::NotFound);
        }
        match held.reservation.status_at(self.clock.now()) {
            ReservationStatus::Active if held.reservation.order_id.is_none() => {}
            ReservationStatus::Expired => {
                return Err(Error::conflict(ErrorCode::ReservationExpired, "the hold has expired"));
            }
            _ => {
                return Err(Error::conflict(ErrorCode::ReservationNotActive, "the hold is used up"));
            }
        }
        if held.reservation.lines != reserved_lines(&stored.order.lines) {
            return Err(Error::field("items", "mismatch", "the reservation holds something else"));
        }
        stored.order.payable_until = held.reservation.held_until;
        let before = held.reservation.clone();
        held.reservation.order_id = Some(stored.order.id.clone());
        held.reservation.version += 1;
        held.reservation.changed_at = self.clock.now();
        let mut transaction = Transaction::default();
        transaction.rewrite_reservation(&self.store, &who.shop, &held, &before)?;
        transaction.put_new_order(&self.store, &who.shop, &stored)?;
        self.journal_created(&mut transaction, who, &stored)?;
        match self.store.commit(&transaction).await? {
            Ok(()) => Ok(stored),
            Err(_) => match self.store.order(&who.shop, &stored.order.id).await? {
                Some(placed) => placed.check_fingerprint(&stored.fingerprint).map(|()| placed),
                None => Err(Error::conflict(ErrorCode::ReservationNotActive, "the hold is used up")),
            },
        }
    }

    /// The hold number `chunk` of an order, on what is in stock of `lines`: on nothing, if all of them are owed.
    pub(super) fn hold_of(&self, order: &Order, chunk: usize, lines: &[OrderLine]) -> Result<Reservation> {
        let missing = || Error::internal("an order has more lines than holds");
        let id = order.holds.get(chunk).ok_or_else(missing)?.clone();
        Ok(Reservation {
            id,
            holder: order.owner.clone(),
            lines: reserved_lines(lines),
            drawn: vec![],
            status: ReservationStatus::Active,
            held_until: order.payable_until,
            created_at: self.clock.now(),
            changed_at: self.clock.now(),
            order_id: Some(order.id.clone()),
            for_order: None,
            is_extended: false,
            warned: None,
            version: 0,
        })
    }

    pub(super) fn journal_created(
        &self,
        transaction: &mut Transaction,
        who: &Principal,
        stored: &StoredOrder,
    ) -> Result<()> {
        let order = &stored.order;
        let fact = Fact::OrderCreated {
            order_id: order.id.clone(),
            customer_id: order.owner.clone(),
            total: order.total,
            items_count: stored.lines_count,
        };
        let event = Author::of(who).event(&self.clock, format!("order:{}", order.id), order.version, fact);
        transaction.journal_order(&self.store, &order.id, &event)
    }
}

/// How many pieces of `sku` these holds have.
fn held_in(own: &[StoredReservation], sku: &Sku) -> u32 {
    let parts = own.iter().flat_map(|held| held.reservation.parts());
    parts.filter(|part| part.sku == *sku).map(|part| part.quantity.get()).sum()
}

fn reserved_lines(lines: &[OrderLine]) -> Vec<ReservedLine> {
    lines.iter().filter_map(OrderLine::in_stock).collect()
}
