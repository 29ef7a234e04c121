//! Orders: placing, reading, cancelling, expiring.

use std::{collections::BTreeSet, sync::Arc};

use contract::{
    ErrorCode, Fact,
    http::{
        Page,
        orders::{MAX_ORDER_LINES, NewOrder, OrderView},
    },
};
use domain::{
    Line, OrderId, Permission, Principal, ProductId, ReservationId, ShopId, Sku, UserId,
    bucket::Part,
    order::{self, Order, OrderLine, OrderPaymentStatus, OrderStatus},
    payment::{Refund, RefundStatus},
    reservation::{Ending, MAX_LINES, Reservation, ReservationStatus, ReservedLine},
    transfer::Transfer,
};
use jiff::{SignedDuration, Timestamp};

use crate::{
    Clock, Error, Result, Settings,
    clock::derived,
    idempotency::RequestKey,
    inventory::{Taken, own_holds, short_of, take},
    journal::Author,
    pricing::{self, Priced, owe},
    settlement::{Settlement, let_go, status_updated},
    store::{
        Cursor, Dynamo, Transaction,
        dynamo::Written,
        inventory::StoredReservation,
        orders::{Listed, StoredOrder},
        payments::StoredRefund,
    },
};

/// How often the stock of an order is gathered anew because it was somebody else's meanwhile.
const MAX_ROUNDS: u32 = 8;

/// The orders of all shops.
#[derive(Debug, Clone)]
pub struct Orders {
    store: Dynamo,
    clock: Clock,
    settings: Arc<Settings>,
    settlement: Settlement,
}

/// Which orders are wanted.
#[derive(Debug, Clone, Default)]
pub struct OrderFilter {
    /// Only with this status.
    pub status: Option<OrderStatus>,
    /// Only of this person.
    pub customer: Option<UserId>,
}

impl Orders {
    /// Orders are kept in `store` and paid through `settlement`.
    pub const fn new(store: Dynamo, clock: Clock, settings: Arc<Settings>, settlement: Settlement) -> Self {
        Self { store, clock, settings, settlement }
    }

    /// Places an order: prices it, holds its stock, and waits for its payment. Asked again with the same key it
    /// answers with the same order.
    pub async fn place(&self, who: &Principal, key: &RequestKey, new: NewOrder) -> Result<OrderView> {
        who.may(Permission::PlaceOrder)?;
        let most = if who.can(Permission::PlaceLargeOrder) { MAX_ORDER_LINES } else { MAX_LINES };
        let id = OrderId::from_uuid(key.name(who, "order"));
        if let Some(placed) = self.store.order(&who.shop, &id).await? {
            placed.check_fingerprint(&key.fingerprint)?;
            if placed.order.version > 0 {
                return self.view(&who.shop, placed).await;
            }
        }
        let today = self.settings.today(self.clock.now());
        let priced = pricing::price(&self.store, &who.shop, today, new.items, most, new.currency).await?;
        let Priced { lines, owable } = priced;
        let total = order::total(&lines, new.currency)
            .map_err(|error| Error::field("items", "out_of_range", error.to_string()))?;
        if total.amount <= 0 {
            return Err(Error::field("items", "out_of_range", "the order costs nothing"));
        }
        let chunks = lines.len().div_ceil(MAX_LINES);
        let hold_names =
            (0..chunks).map(|chunk| ReservationId::from_uuid(derived(&[id.as_str(), &chunk.to_string()])));
        let holds = match new.reservation_id.clone() {
            Some(own) => vec![own],
            None => hold_names.collect(),
        };
        let order = Order {
            id,
            owner: who.subject.clone(),
            total,
            status: OrderStatus::PendingPayment,
            payment_status: OrderPaymentStatus::Unpaid,
            holds,
            email: new.email,
            created_at: self.clock.now(),
            payable_until: self.clock.after(self.settings.reservation_ttl),
            version: 1,
            lines,
        };
        let lines_count = order.lines.len();
        let stored = StoredOrder { order, lines_count, fingerprint: key.fingerprint.clone() };
        let placed = match (new.reservation_id, chunks) {
            (Some(own), 1) => self.place_with(who, stored, &own).await?,
            (Some(_), _) => {
                return Err(Error::field("items", "too_many", "a reservation has at most 40 lines"));
            }
            (None, 1) => self.place_small(who, stored, &owable).await?,
            (None, _) => self.place_large(who, stored, &owable).await?,
        };
        self.view(&who.shop, placed).await
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
            if let Some(placed) = self.store.order(&who.shop, &stored.order.id).await? {
                return placed.check_fingerprint(&stored.fingerprint).map(|()| placed);
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
        Err(busy())
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

    /// An order larger than one transaction: written first as version 0, which nobody can pay, then its stock 40
    /// lines at a time, then version 1. A run that is cut off is taken up by the next one with the same key, or
    /// undone by the sweeper; one that finds too little is undone at once.
    async fn place_large(
        &self,
        who: &Principal,
        mut stored: StoredOrder,
        owable: &BTreeSet<ProductId>,
    ) -> Result<StoredOrder> {
        let pending = StoredOrder { order: Order { version: 0, ..stored.order.clone() }, ..stored.clone() };
        let request = self.clock.fresh().to_string();
        if let Written::Refused(_) = self.store.begin_order(&who.shop, &pending, &request).await? {
            let begun = self.store.order(&who.shop, &stored.order.id).await?.ok_or(Error::NotFound)?;
            begun.check_fingerprint(&stored.fingerprint)?;
        }
        for (chunk, lines) in stored.order.lines.chunks(MAX_LINES).enumerate() {
            match self.gather(who, &stored, chunk, lines.to_vec(), owable).await {
                Err(error) if !error.is_transient() => {
                    self.undo_large(&Author::of(who), &stored).await?;
                    return Err(error);
                }
                gathered => gathered?,
            }
        }
        stored.order.lines = vec![]; // they are in rows of their own, with what is owed
        let mut transaction = Transaction::default();
        transaction.put_order(&self.store, &who.shop, &stored, 0)?;
        self.journal_created(&mut transaction, who, &stored)?;
        if self.store.commit(&transaction).await?.is_ok() {
            return Ok(stored);
        }
        let placed = self.store.order(&who.shop, &stored.order.id).await?;
        placed.filter(|placed| placed.order.version > 0).ok_or_else(busy)
    }

    /// Holds the stock of one chunk of a large order and writes its lines, unless an earlier run has.
    async fn gather(
        &self,
        who: &Principal,
        stored: &StoredOrder,
        chunk: usize,
        mut lines: Vec<OrderLine>,
        owable: &BTreeSet<ProductId>,
    ) -> Result<()> {
        for _ in 0..MAX_ROUNDS {
            let hold = self.hold_of(&stored.order, chunk, &lines)?;
            let transfer = Transfer::to(hold.clone(), None, vec![]);
            let write = |parts: &[Part]| {
                let done = transfer.with(parts);
                let mut transaction = Transaction::default();
                transaction.transfer(&self.store, &self.clock, &Author::of(who), &done)?;
                let held = StoredReservation::new(done.target, &stored.fingerprint);
                transaction.put_reservation_again(&self.store, &who.shop, &held)?;
                transaction.put_order_lines(&self.store, &who.shop, &stored.order.id, chunk, &lines)?;
                Ok((transaction, ()))
            };
            let taken = take(&self.store, &who.shop, &transfer.lacking, write).await?;
            if let Taken::Done(()) = taken {
                return Ok(());
            }
            let held = self.store.reservation(&who.shop, &hold.id).await?;
            if held.is_some_and(|held| held.reservation.status == ReservationStatus::Active) {
                return Ok(());
            }
            if let Taken::Short(short) = taken {
                lines = owe(&lines, short_of(&hold.lines, &short, |_| 0), owable)?;
            }
        }
        Err(busy())
    }

    async fn undo_large(&self, author: &Author, stored: &StoredOrder) -> Result<()> {
        for hold in &stored.order.holds {
            let_go(&self.store, &self.clock, author, hold, Ending::Release).await?;
        }
        self.store.drop_order(&author.shop, &stored.order.id, stored.order.holds.len()).await
    }

    /// The hold number `chunk` of an order, on what is in stock of `lines`: on nothing, if all of them are owed.
    fn hold_of(&self, order: &Order, chunk: usize, lines: &[OrderLine]) -> Result<Reservation> {
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

    fn journal_created(
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

    /// An order of one's own; staff sees everybody's.
    pub async fn read(&self, who: &Principal, id: &OrderId) -> Result<OrderView> {
        let stored = self.owned(who, id, Permission::ReadEverybodysOrders).await?;
        self.view(&who.shop, stored).await
    }

    /// A page of one's own orders, newest first; staff sees everybody's. A page may be short when filtered.
    pub async fn list(
        &self,
        who: &Principal,
        filter: OrderFilter,
        limit: u32,
        cursor: Option<Cursor>,
    ) -> Result<Page<OrderView>> {
        let whose = match &filter.customer {
            _ if !who.can(Permission::ReadEverybodysOrders) => Listed::Of(&who.subject),
            Some(customer) => Listed::Of(customer),
            None => Listed::All,
        };
        let (orders, next) = self.store.orders(&who.shop, whose, limit, cursor).await?;
        let wanted = orders.into_iter().filter(|stored| {
            stored.order.version > 0 && filter.status.is_none_or(|status| stored.order.status == status)
        });
        let data = wanted.map(|stored| order_view(&who.shop, &stored, vec![])).collect();
        Ok(Page { data, next_cursor: next.map(|cursor| cursor.to_string()) })
    }

    /// Calls an order off. An unpaid one gives its stock back; a paid one its stock and its money.
    pub async fn cancel(&self, who: &Principal, id: &OrderId, reason: Option<Line>) -> Result<OrderView> {
        let stored = self.owned(who, id, Permission::ActForCustomers).await?;
        let author = Author::of(who);
        let why = reason.as_ref().map_or("cancelled", Line::as_str);
        let ended = match stored.order.status {
            OrderStatus::Cancelled => stored,
            OrderStatus::PendingPayment => {
                self.settlement.abandon(&author, &stored, OrderStatus::Cancelled, why).await?
            }
            _ if stored.order.payment_status == OrderPaymentStatus::Authorized => {
                let payment = crate::payments::payment_id(&who.shop, id);
                self.settlement.void(&author, &payment).await?;
                self.store.order(&who.shop, id).await?.ok_or(Error::NotFound)?
            }
            _ => self.cancel_paid(&author, stored, reason).await?,
        };
        if ended.order.status != OrderStatus::Cancelled {
            return Err(Error::conflict(
                ErrorCode::InvalidTransition,
                "the order was paid meanwhile: cancel it again",
            ));
        }
        self.view(&who.shop, ended).await
    }

    /// Closes a paid order and begins to give its money back in one transaction, so that one never happens without
    /// the other; the pieces go back on the shelf when the money has gone.
    async fn cancel_paid(
        &self,
        author: &Author,
        stored: StoredOrder,
        reason: Option<Line>,
    ) -> Result<StoredOrder> {
        let next = stored.order.become_status(OrderStatus::Cancelled)?;
        let payment_id = crate::payments::payment_id(&author.shop, &next.id);
        let paid = self.store.payment(&author.shop, &payment_id).await?.ok_or(Error::NotFound)?;
        let refund = StoredRefund {
            refund: Refund {
                id: domain::RefundId::from_uuid(derived(&[author.shop.as_str(), next.id.as_str(), "cancel"])),
                payment_id: payment_id.clone(),
                order_id: next.id.clone(),
                amount: domain::Money::new(paid.payment.refundable(), paid.payment.amount.currency),
                status: RefundStatus::Pending,
                reason: reason.clone(),
                restock: self.settlement.not_yet_returned(author, &stored, &payment_id).await?,
                stripe_id: None,
                stray_intent: None,
                created_at: self.clock.now(),
            },
            fingerprint: String::new(),
        };
        let notes = reason.map(String::from);
        let event = author.event(
            &self.clock,
            format!("order:{}", next.id),
            next.version,
            status_updated(&stored.order, &next, notes),
        );
        let begun = self.settlement.begin_refund(author, &paid, &refund, |transaction| {
            transaction.put_order(
                &self.store,
                &author.shop,
                &stored.with(next.clone()),
                stored.order.version,
            )?;
            transaction.journal_order(&self.store, &next.id, &event)
        });
        if begun.await?.is_none() {
            return Err(Error::conflict(ErrorCode::VersionConflict, "the order has changed meanwhile"));
        }
        if let Err(error) = self.settlement.finish_refund(author, &payment_id, &refund.refund.id).await {
            tracing::warn!(order_id = %next.id, %error, "the refund of a cancelled order is left to the sweeper");
        }
        self.store.order(&author.shop, &next.id).await?.ok_or(Error::NotFound)
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

    async fn owned(&self, who: &Principal, id: &OrderId, otherwise: Permission) -> Result<StoredOrder> {
        let stored = self
            .store
            .order(&who.shop, id)
            .await?
            .filter(|stored| stored.order.version > 0)
            .ok_or(Error::NotFound)?;
        if who.owns(&stored.order.owner) || who.can(otherwise) { Ok(stored) } else { Err(Error::NotFound) }
    }

    async fn view(&self, shop: &ShopId, stored: StoredOrder) -> Result<OrderView> {
        let lines = match stored.order.lines.is_empty() {
            true => self.store.order_lines(shop, &stored).await?,
            false => stored.order.lines.clone(),
        };
        Ok(order_view(shop, &stored, lines))
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

fn busy() -> Error {
    Error::Limited { retry_after: SignedDuration::from_secs(1) }
}

fn order_view(shop: &ShopId, stored: &StoredOrder, items: Vec<OrderLine>) -> OrderView {
    let order = &stored.order;
    OrderView {
        order_id: order.id.clone(),
        customer_id: order.owner.clone(),
        status: order.status,
        payment_status: order.payment_status,
        total: order.total,
        items,
        payment_id: crate::payments::payment_id(shop, &order.id),
        created_at: order.created_at,
        expires_at: order.payable_until,
        version: order.version,
        order_token: None,
    }
}
