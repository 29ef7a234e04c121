//! Stock: reading it, changing it by hand, setting it aside, and comparing it with its ledger.

use std::sync::Arc;

use contract::{
    ErrorCode, Fact, JournalEvent,
    errors::Shortage,
    http::{
        Page,
        inventory::{
            AdjustmentView, LevelView, MovementView, NewAdjustment, NewReservation, Operation,
            ReservationView, StockDrift, StockInFull, StockReconciliation, StockView,
        },
    },
    journal::StockMovement,
};
use domain::{
    EventId, LocationId, Permission, Principal, ProductId, ReservationId, ShopId, VariantId,
    reservation::{self, Ending, MAX_LINES, Reservation, ReservationStatus, ReservedLine},
    stock::{ChangeType, Level, Quantity, Sku, StockChange, StockStatus},
};
use jiff::SignedDuration;

use crate::{
    Clock, Error, Result, Settings,
    idempotency::{RequestKey, Run},
    journal::Author,
    store::{
        Cursor, Dynamo, Transaction,
        inventory::{LevelRow, StoredReservation, available_instead},
        orders::check_fingerprint,
    },
};

/// The stock of all shops.
#[derive(Debug, Clone)]
pub struct Inventory {
    store: Dynamo,
    clock: Clock,
    settings: Arc<Settings>,
}

/// Whose levels are wanted.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// Only of this variant.
    pub variant: Option<VariantId>,
    /// Only there.
    pub location: Option<LocationId>,
}

impl Inventory {
    /// Stock is kept in `store`.
    pub const fn new(store: Dynamo, clock: Clock, settings: Arc<Settings>) -> Self {
        Self { store, clock, settings }
    }

    /// How many of a product there are; staff sees more. A product without stock has none of it.
    pub async fn stock(
        &self,
        shop: &ShopId,
        viewer: Option<&Principal>,
        product: &ProductId,
        wanted: Wanted,
    ) -> Result<StockView> {
        let levels = self.store.levels(shop, product, false).await?;
        let sees_all = viewer.is_some_and(|who| who.can(Permission::ReadStockInFull));
        Ok(self.view(product, wanted, &levels, sees_all))
    }

    /// The same, and that of each of `variants`, read at once.
    pub async fn stock_by_variant(
        &self,
        shop: &ShopId,
        viewer: Option<&Principal>,
        product: &ProductId,
        variants: &[VariantId],
    ) -> Result<(StockView, Vec<StockView>)> {
        let levels = self.store.levels(shop, product, false).await?;
        let sees_all = viewer.is_some_and(|who| who.can(Permission::ReadStockInFull));
        let of = |variant: &VariantId| {
            let wanted = Wanted { variant: Some(variant.clone()), location: None };
            self.view(product, wanted, &levels, sees_all)
        };
        let each = variants.iter().map(of).collect();
        Ok((self.view(product, Wanted::default(), &levels, sees_all), each))
    }

    /// The same of several products.
    pub async fn stock_of(
        &self,
        shop: &ShopId,
        viewer: Option<&Principal>,
        products: &[ProductId],
    ) -> Result<Vec<StockView>> {
        let views = products.iter().map(|product| self.stock(shop, viewer, product, Wanted::default()));
        futures_util::future::try_join_all(views).await
    }

    fn view(&self, product: &ProductId, wanted: Wanted, levels: &[LevelRow], sees_all: bool) -> StockView {
        let is_wanted = |row: &&LevelRow| {
            (wanted.variant.is_none() || row.sku.variant_id == wanted.variant)
                && wanted.location.as_ref().is_none_or(|location| row.sku.location == *location)
        };
        let levels: Vec<&LevelRow> = levels.iter().filter(is_wanted).collect();
        let sum = |counter: fn(&Level) -> i64| levels.iter().map(|row| counter(&row.level)).sum::<i64>();
        let available = sum(|level| level.available);
        let threshold = self.settings.low_stock_threshold;
        StockView {
            product_id: product.clone(),
            available_quantity: available,
            is_in_stock: available > 0,
            stock_status: StockStatus::of(available, threshold),
            version: levels.iter().map(|row| row.level.version).sum(),
            in_full: sees_all.then(|| StockInFull {
                on_hand: sum(|level| level.on_hand()),
                reserved: sum(|level| level.reserved),
                committed: sum(|level| level.committed),
                low_stock_threshold: threshold,
                by_location: levels.iter().map(|row| level_view(&row.sku, row.level)).collect(),
            }),
            variant_id: wanted.variant,
        }
    }

    /// Changes a level by hand.
    pub async fn adjust(&self, who: &Principal, run: Run, new: NewAdjustment) -> Result<AdjustmentView> {
        who.may(Permission::AdjustStock)?;
        if new.quantity > Quantity::MAX || (new.quantity == 0 && new.operation != Operation::Set) {
            return Err(Error::field("quantity", "out_of_range", "expected 1 to 1,000,000 pieces"));
        }
        let id = EventId::from_uuid(run.name("movement"));
        // A `set` depends on what is there: if that changes meanwhile, it is decided again.
        for _ in 0..8 {
            if let Some(done) = self.store.movement(&who.shop, &new.sku.product_id, &id).await? {
                return self.adjusted(who, &new.sku, done).await;
            }
            let before = self.store.level(&who.shop, &new.sku).await?.unwrap_or_default();
            let Some(change) = adjustment(&new, before) else {
                return Err(Error::field("quantity", "no_change", "the level is that already"));
            };
            let movement = StockMovement {
                sku: new.sku.clone(),
                change,
                reason: new.reason.clone(),
                order_id: new.order_id.clone(),
                reservation_id: None,
            };
            let fact = Fact::StockChanged(movement.clone());
            let subject = format!("stock:{}", new.sku.product_id);
            let event = Author::of(who).event_named(id.clone(), run.started_at, subject, 0, fact);
            let mut transaction = Transaction::default();
            match new.operation {
                Operation::Set => transaction.set_stock(&self.store, &event, &movement, before)?,
                Operation::Add | Operation::Subtract => {
                    transaction.change_stock(&self.store, &event, &movement)?;
                }
            }
            let Err(refusal) = self.store.commit(&transaction).await? else {
                return self.adjusted(who, &new.sku, event).await;
            };
            match available_instead(&refusal, 0) {
                Some(available) if new.operation == Operation::Subtract => {
                    return Err(shortage(&new.sku, new.quantity, available));
                }
                _ => {} // somebody was faster, or our own earlier run: look again
            }
        }
        Err(Error::Limited { retry_after: SignedDuration::from_secs(1) })
    }

    async fn adjusted(&self, who: &Principal, sku: &Sku, event: JournalEvent) -> Result<AdjustmentView> {
        let level = self.store.level(&who.shop, sku).await?.unwrap_or_default();
        let movement =
            movement_view(event).ok_or_else(|| Error::internal("a ledger row is of another kind"))?;
        Ok(AdjustmentView { level: level_view(sku, level), movement })
    }

    /// Sets stock aside, all lines or none. Asked again with the same key it answers with the same hold.
    pub async fn reserve(
        &self,
        who: &Principal,
        key: &RequestKey,
        new: NewReservation,
    ) -> Result<ReservationView> {
        who.may(Permission::Reserve)?;
        let lines = aggregated(new.items, MAX_LINES)?;
        let most = self.settings.reservation_ttl;
        let ttl = new.ttl_seconds.map_or(most, |seconds| SignedDuration::from_secs(seconds.into()));
        if ttl > most || ttl.is_zero() {
            let message = format!("expected 1 to {} seconds", most.as_secs());
            return Err(Error::field("ttl_seconds", "out_of_range", message));
        }
        let now = self.clock.now();
        let reservation = Reservation {
            id: ReservationId::from_uuid(key.name(who, "reservation")),
            holder: who.subject.clone(),
            lines,
            status: ReservationStatus::Active,
            held_until: self.clock.after(ttl),
            created_at: now,
            order_id: None,
        };
        let mut transaction = Transaction::default();
        transaction.hold(&self.store, &self.clock, &Author::of(who), &reservation, &key.fingerprint)?;
        let Err(refusal) = self.store.commit(&transaction).await? else {
            return Ok(reservation_view(&reservation, now));
        };
        if let Some(made) = self.store.reservation(&who.shop, &reservation.id).await? {
            check_fingerprint(&made.fingerprint, &key.fingerprint)?;
            return Ok(reservation_view(&made.reservation, now));
        }
        Err(shortages(&reservation.lines, &refusal))
    }

    /// A hold of one's own; staff sees everybody's.
    pub async fn reservation(&self, who: &Principal, id: &ReservationId) -> Result<ReservationView> {
        let held = self.owned(who, id, Permission::ReadEverybodysOrders).await?;
        Ok(reservation_view(&held.reservation, self.clock.now()))
    }

    /// Gives a hold back; giving back what has been given back changes nothing.
    pub async fn release(&self, who: &Principal, id: &ReservationId) -> Result<ReservationView> {
        let held = self.owned(who, id, Permission::ActForCustomers).await?;
        if held.reservation.order_id.is_some() {
            return Err(Error::conflict(
                ErrorCode::ReservationNotActive,
                "the hold belongs to an order: cancel that",
            ));
        }
        let ended = self.end(&Author::of(who), held, Ending::Release).await?;
        match ended.status {
            ReservationStatus::Released | ReservationStatus::Expired => {
                Ok(reservation_view(&ended, self.clock.now()))
            }
            _ => Err(Error::conflict(ErrorCode::ReservationNotActive, "the stock has been sold")),
        }
    }

    /// Gives back what time ran out for; what has ended otherwise stays.
    pub async fn expire(&self, shop: &ShopId, id: &ReservationId) -> Result<()> {
        let Some(held) = self.store.reservation(shop, id).await? else {
            return Ok(());
        };
        if held.reservation.status_at(self.clock.now()) == ReservationStatus::Expired {
            self.end(&Author::system(shop, id.as_str()), held, Ending::Expire).await?;
        }
        Ok(())
    }

    /// Ends an active hold, or finds that it has ended.
    async fn end(&self, author: &Author, held: StoredReservation, ending: Ending) -> Result<Reservation> {
        if held.reservation.status != ReservationStatus::Active {
            return Ok(held.reservation);
        }
        let mut transaction = Transaction::default();
        let ended = transaction.end_hold(&self.store, &self.clock, author, &held, ending)?;
        if self.store.commit(&transaction).await?.is_ok() {
            return Ok(ended);
        }
        let now_stored = self.store.reservation(&author.shop, &held.reservation.id).await?;
        now_stored.map(|stored| stored.reservation).ok_or(Error::NotFound)
    }

    async fn owned(
        &self,
        who: &Principal,
        id: &ReservationId,
        otherwise: Permission,
    ) -> Result<StoredReservation> {
        let held = self.store.reservation(&who.shop, id).await?.ok_or(Error::NotFound)?;
        if who.owns(&held.reservation.holder) || who.can(otherwise) { Ok(held) } else { Err(Error::NotFound) }
    }

    /// A page of a product's ledger, newest first.
    pub async fn movements(
        &self,
        who: &Principal,
        product: &ProductId,
        limit: u32,
        cursor: Option<Cursor>,
    ) -> Result<Page<MovementView>> {
        who.may(Permission::AuditStock)?;
        let (events, next) = self.store.movements(&who.shop, product, limit, cursor).await?;
        let data = events.into_iter().filter_map(movement_view).collect();
        Ok(Page { data, next_cursor: next.map(|cursor| cursor.to_string()) })
    }

    /// Compares the levels of a page of products with the sums of their ledgers.
    pub async fn reconcile(
        &self,
        who: &Principal,
        limit: u32,
        cursor: Option<Cursor>,
    ) -> Result<StockReconciliation> {
        who.may(Permission::AuditStock)?;
        let (products, next) = self.store.products(&who.shop, limit, cursor).await?;
        let mut report = StockReconciliation {
            levels_checked: 0,
            movements_checked: 0,
            drift: vec![],
            next_cursor: next.map(|cursor| cursor.to_string()),
        };
        for product in products {
            let levels = self.store.levels(&who.shop, &product.product_id, true).await?;
            let ledger = self.store.ledger(&who.shop, &product.product_id).await?;
            report.levels_checked += levels.len();
            report.movements_checked += ledger.len();
            report.drift.extend(drift(&levels, &ledger));
        }
        Ok(report)
    }
}

impl Transaction {
    /// Sets the stock of a new hold aside and writes the hold. Its lines come first, two writes each.
    pub(crate) fn hold(
        &mut self,
        store: &Dynamo,
        clock: &Clock,
        author: &Author,
        reservation: &Reservation,
        fingerprint: &str,
    ) -> Result<()> {
        self.set_aside(store, clock, author, reservation)?;
        self.put_reservation(store, &author.shop, reservation, fingerprint)
    }

    /// The same for a hold that may have been made and given back before.
    pub(crate) fn hold_again(
        &mut self,
        store: &Dynamo,
        clock: &Clock,
        author: &Author,
        reservation: &Reservation,
        fingerprint: &str,
    ) -> Result<()> {
        self.set_aside(store, clock, author, reservation)?;
        self.put_reservation_again(store, &author.shop, reservation, fingerprint)
    }

    fn set_aside(
        &mut self,
        store: &Dynamo,
        clock: &Clock,
        author: &Author,
        reservation: &Reservation,
    ) -> Result<()> {
        for (sku, change) in reservation.holds() {
            self.move_stock(store, clock, author, sku, change, reservation)?;
        }
        Ok(())
    }

    /// Ends an active hold and says what it is then. Its lines come first, two writes each.
    pub(crate) fn end_hold(
        &mut self,
        store: &Dynamo,
        clock: &Clock,
        author: &Author,
        held: &StoredReservation,
        ending: Ending,
    ) -> Result<Reservation> {
        let (ended, changes) = held.reservation.end(ending, clock.now())?;
        for (sku, change) in &changes {
            self.move_stock(store, clock, author, sku, *change, &ended)?;
        }
        let stored = StoredReservation { reservation: ended.clone(), fingerprint: held.fingerprint.clone() };
        self.rewrite_reservation(store, &author.shop, &stored, ReservationStatus::Active)?;
        Ok(ended)
    }

    /// Sells what a hold that has ended would have held, from what is free; the hold counts as sold then.
    pub(crate) fn sell_ended_hold(
        &mut self,
        store: &Dynamo,
        clock: &Clock,
        author: &Author,
        held: &StoredReservation,
    ) -> Result<()> {
        let sold = Reservation { status: ReservationStatus::Committed, ..held.reservation.clone() };
        for line in &sold.lines {
            self.move_stock(store, clock, author, &line.sku, StockChange::sell(line.quantity), &sold)?;
        }
        let stored = StoredReservation { reservation: sold, fingerprint: held.fingerprint.clone() };
        self.rewrite_reservation(store, &author.shop, &stored, held.reservation.status)
    }

    fn move_stock(
        &mut self,
        store: &Dynamo,
        clock: &Clock,
        author: &Author,
        sku: &Sku,
        change: StockChange,
        reservation: &Reservation,
    ) -> Result<()> {
        let movement = StockMovement {
            sku: sku.clone(),
            change,
            reason: None,
            order_id: reservation.order_id.clone(),
            reservation_id: Some(reservation.id.clone()),
        };
        let subject = format!("stock:{}", sku.product_id);
        let event = author.event(clock, subject, 0, Fact::StockChanged(movement.clone()));
        self.change_stock(store, &event, &movement)
    }
}

/// Lines of the same kind put together; at least one, at most `most`.
pub(crate) fn aggregated(
    items: Vec<contract::http::inventory::NewLine>,
    most: usize,
) -> Result<Vec<ReservedLine>> {
    if items.is_empty() {
        return Err(Error::field("items", "required", "expected at least one line"));
    }
    if items.len() > most {
        return Err(Error::field("items", "too_many", format!("expected at most {most} lines")));
    }
    reservation::aggregate(items.into_iter().map(ReservedLine::from))
        .map_err(|error| Error::field("items", "out_of_range", error.to_string()))
}

/// Which of `lines`, the first writes of a transaction, there was not enough of.
pub(crate) fn shortages(lines: &[ReservedLine], refusal: &crate::store::Refusal) -> Error {
    let short = lines.iter().enumerate().filter_map(|(index, line)| {
        let available_quantity = available_instead(refusal, index * 2)?;
        Some(Shortage { sku: line.sku.clone(), quantity: line.quantity.get(), available_quantity })
    });
    Error::short_of(short.collect())
}

fn shortage(sku: &Sku, quantity: u32, available: i64) -> Error {
    Error::short_of(vec![Shortage { sku: sku.clone(), quantity, available_quantity: available }])
}

/// What an adjustment does to a level; `None` if nothing.
fn adjustment(new: &NewAdjustment, before: Level) -> Option<StockChange> {
    let pieces = i64::from(new.quantity);
    let change = match new.operation {
        Operation::Add if is_adjustment(new) => StockChange::count(ChangeType::Adjustment, pieces),
        Operation::Add => StockChange::count(ChangeType::Restock, pieces),
        Operation::Subtract => match (new.order_id.as_ref(), Quantity::new(new.quantity)) {
            (Some(_), Ok(quantity)) => StockChange::sell(quantity),
            _ => StockChange::count(ChangeType::Adjustment, -pieces),
        },
        Operation::Set => StockChange::count(ChangeType::Correction, pieces - before.available),
    };
    (change.available != 0).then_some(change)
}

/// Older clients tell a correction by hand from a delivery by its reason.
fn is_adjustment(new: &NewAdjustment) -> bool {
    new.reason.as_ref().is_some_and(|reason| reason.as_str().to_lowercase().contains("adjust"))
}

fn drift(levels: &[LevelRow], ledger: &[StockMovement]) -> Vec<StockDrift> {
    let mut sums: std::collections::BTreeMap<&Sku, [i64; 3]> = std::collections::BTreeMap::new();
    for StockMovement { sku, change, .. } in ledger {
        let [available, reserved, committed] = sums.entry(sku).or_default();
        *available += change.available;
        *reserved += change.reserved;
        *committed += change.committed;
    }
    let mut found = vec![];
    for row in levels {
        let level = [row.level.available, row.level.reserved, row.level.committed];
        let ledger = sums.remove(&row.sku).unwrap_or_default();
        if level != ledger {
            found.push(StockDrift { sku: row.sku.clone(), level, ledger });
        }
    }
    let orphans = sums.into_iter().filter(|(_, ledger)| *ledger != [0; 3]);
    found.extend(orphans.map(|(sku, ledger)| StockDrift { sku: sku.clone(), level: [0; 3], ledger }));
    found
}

fn level_view(sku: &Sku, level: Level) -> LevelView {
    LevelView {
        sku: sku.clone(),
        available_quantity: level.available,
        on_hand: level.on_hand(),
        reserved: level.reserved,
        committed: level.committed,
        version: level.version,
    }
}

fn movement_view(event: JournalEvent) -> Option<MovementView> {
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
    })
}

fn reservation_view(reservation: &Reservation, now: jiff::Timestamp) -> ReservationView {
    ReservationView {
        success: true,
        reservation_id: reservation.id.clone(),
        status: reservation.status_at(now),
        expires_at: reservation.held_until,
        items: reservation.lines.clone(),
    }
}
