//! Changing stock by hand.

use contract::{
    Fact, JournalEvent,
    http::inventory::{AdjustmentView, MovementView, NewAdjustment, Operation},
    journal::StockMovement,
};
use domain::{
    Bucket, EventId, Permission, Principal,
    bucket::{Part, share_out},
    reservation::ReservedLine,
    stock::{ChangeType, Level, Quantity, StockChange},
};

use super::{
    Inventory,
    draw::{Taken, short_of, take},
    ledger::movement_view,
    levels::level_view,
};
use crate::{
    Error, Result,
    idempotency::Run,
    journal::Author,
    store::{Transaction, inventory::LevelRow},
};

impl Inventory {
    /// Changes a level by hand.
    pub async fn adjust(&self, who: &Principal, run: Run, new: NewAdjustment) -> Result<AdjustmentView> {
        who.may(Permission::AdjustStock)?;
        self.adjust_named(who, &run, "movement", new).await
    }

    /// The same under a name of its own: one of many changes that a request asks for.
    pub(super) async fn adjust_named(
        &self,
        who: &Principal,
        run: &Run,
        name: &str,
        new: NewAdjustment,
    ) -> Result<AdjustmentView> {
        if new.quantity > Quantity::MAX || (new.quantity == 0 && new.operation != Operation::Set) {
            return Err(Error::field("quantity", "out_of_range", "expected 1 to 1,000,000 pieces"));
        }
        if new.expires_on.is_some() && new.operation != Operation::Add {
            return Err(Error::field("expires_on", "not_allowed", "only what is added can have a day"));
        }
        let adjustment = Adjustment { who, run, name, new };
        // A `set` depends on what is there: if that changes meanwhile, it is decided again.
        for _ in 0..8 {
            let rows = self.store.buckets_of(&who.shop, &adjustment.new.sku).await?;
            let done = self.adjusted_before(&adjustment, &rows).await?;
            if !done.is_empty() {
                return self.adjusted(&adjustment, done).await;
            }
            if rows.is_empty() {
                self.check_location(who, &adjustment.new.sku.location).await?;
            }
            let written = match adjustment.new.operation {
                Operation::Add => self.add(&adjustment, &rows).await?,
                Operation::Subtract => Some(self.subtract(&adjustment).await?),
                Operation::Set => self.set(&adjustment, &rows).await?,
            };
            if let Some(events) = written {
                return self.adjusted(&adjustment, events).await;
            }
        }
        Err(Error::busy())
    }

    /// Shares the pieces out to all buckets that pieces are drawn from; `None` if an earlier run did.
    async fn add(&self, adjustment: &Adjustment<'_>, rows: &[LevelRow]) -> Result<Option<Vec<JournalEvent>>> {
        let new = &adjustment.new;
        let kind = if is_adjustment(new) { ChangeType::Adjustment } else { ChangeType::Restock };
        let shares = share_out(new.quantity.into(), drawn_from(rows));
        let events: Vec<_> = (0..)
            .zip(shares)
            .filter(|(_, share)| *share != 0)
            .map(|(bucket, share)| adjustment.event(Bucket::new(bucket), StockChange::count(kind, share)))
            .collect();
        let mut transaction = Transaction::default();
        transaction.move_stock(&self.store, &events)?;
        if let Some(lots) = self.lots_after(adjustment, rows).await? {
            let (shop, soon) = (&adjustment.who.shop, Some(self.clock.now()));
            transaction.put_lots(&self.store, shop, &new.sku, &lots, soon)?;
        }
        Ok(self.store.commit(&transaction).await?.is_ok().then_some(events))
    }

    /// Takes the pieces from wherever there are enough.
    async fn subtract(&self, adjustment: &Adjustment<'_>) -> Result<Vec<JournalEvent>> {
        let new = &adjustment.new;
        let quantity = Quantity::new(new.quantity)
            .map_err(|error| Error::field("quantity", "out_of_range", error.to_string()))?;
        let line = ReservedLine { sku: new.sku.clone(), quantity };
        let change = |part: &Part| match &new.order_id {
            Some(_) => StockChange::sell(part.quantity),
            None => StockChange::count(ChangeType::Adjustment, -i64::from(part.quantity)),
        };
        let write = |parts: &[Part]| {
            let events: Vec<_> =
                parts.iter().map(|part| adjustment.event(part.bucket, change(part))).collect();
            let mut transaction = Transaction::default();
            transaction.move_stock(&self.store, &events)?;
            Ok((transaction, events))
        };
        match take(&self.store, &adjustment.who.shop, std::slice::from_ref(&line), write).await? {
            Taken::Done(events) => Ok(events),
            Taken::Short(short) => Err(short_of(&[line], &short, |_| 0)),
            Taken::Refused | Taken::Scattered => Err(Error::busy()),
        }
    }

    /// Makes the level what was counted, if it is still what was read; `None` if it is not.
    async fn set(&self, adjustment: &Adjustment<'_>, rows: &[LevelRow]) -> Result<Option<Vec<JournalEvent>>> {
        let shares = share_out(adjustment.new.quantity.into(), drawn_from(rows));
        let count = rows.len().max(shares.len());
        let mut transaction = Transaction::default();
        let mut events = vec![];
        for (number, bucket) in Bucket::all(u16::try_from(count).unwrap_or(u16::MAX)).enumerate() {
            let before = rows.get(number).map(|row| row.level).unwrap_or_default();
            let difference = shares.get(number).copied().unwrap_or(0) - before.available;
            if difference == 0 {
                continue;
            }
            let change = StockChange::count(ChangeType::Correction, difference);
            let event = adjustment.event(bucket, change);
            transaction.set_stock(&self.store, &event, before.version)?;
            events.push(event);
        }
        if events.is_empty() {
            return Err(Error::field("quantity", "no_change", "the level is that already"));
        }
        Ok(self.store.commit(&transaction).await?.is_ok().then_some(events))
    }

    /// What an earlier run of the same request wrote.
    async fn adjusted_before(
        &self,
        adjustment: &Adjustment<'_>,
        rows: &[LevelRow],
    ) -> Result<Vec<JournalEvent>> {
        let buckets = Bucket::all(u16::try_from(rows.len()).unwrap_or(u16::MAX));
        let read = buckets.map(|bucket| async move {
            let (shop, product) = (&adjustment.who.shop, &adjustment.new.sku.product_id);
            self.store.movement(shop, product, bucket, &adjustment.id(bucket)).await
        });
        Ok(futures_util::future::try_join_all(read).await?.into_iter().flatten().collect())
    }

    async fn adjusted(
        &self,
        adjustment: &Adjustment<'_>,
        events: Vec<JournalEvent>,
    ) -> Result<AdjustmentView> {
        let sku = &adjustment.new.sku;
        let level: Level = self.store.level(&adjustment.who.shop, sku).await?.unwrap_or_default();
        let movement = events.into_iter().filter_map(movement_view).reduce(|one, other| both(one, &other));
        let movement = movement.ok_or_else(|| Error::internal("a ledger row is of another kind"))?;
        Ok(AdjustmentView { level: level_view(sku, level), movement })
    }
}

/// A change by hand, who asked for it, and under which name it is written.
pub(super) struct Adjustment<'a> {
    pub(super) who: &'a Principal,
    run: &'a Run,
    name: &'a str,
    pub(super) new: NewAdjustment,
}

impl Adjustment<'_> {
    /// The name of what is written about one bucket, the same in every run.
    fn id(&self, bucket: Bucket) -> EventId {
        EventId::from_uuid(match bucket.number() {
            0 => self.run.name(self.name),
            number => self.run.name(&format!("{}#{number}", self.name)),
        })
    }

    fn event(&self, bucket: Bucket, change: StockChange) -> JournalEvent {
        let movement = StockMovement {
            sku: self.new.sku.clone(),
            bucket,
            change,
            reason: self.new.reason.clone(),
            order_id: self.new.order_id.clone(),
            reservation_id: None,
            client_time: self.new.client_time.and_then(contract::http::inventory::ClientTime::instant),
            expires_on: self.new.expires_on,
        };
        let subject = format!("stock:{}", movement.sku.product_id);
        let fact = Fact::StockChanged(movement);
        Author::of(self.who).event_named(self.id(bucket), self.run.started_at, subject, 0, fact)
    }
}

/// From how many buckets pieces of a level are drawn.
pub(super) fn drawn_from(rows: &[LevelRow]) -> u16 {
    rows.first().and_then(|row| row.drawn_from.or(row.buckets)).unwrap_or(1)
}

/// One row for what was written to two buckets.
fn both(one: MovementView, other: &MovementView) -> MovementView {
    MovementView {
        available: one.available + other.available,
        reserved: one.reserved + other.reserved,
        committed: one.committed + other.committed,
        ..one
    }
}

/// Older clients tell a correction by hand from a delivery by its reason.
fn is_adjustment(new: &NewAdjustment) -> bool {
    new.reason.as_ref().is_some_and(|reason| reason.as_str().to_lowercase().contains("adjust"))
}
