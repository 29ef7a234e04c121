//! What becomes of a hold: it is given more time, given back, sold, or ended by time.

use contract::{
    ErrorCode,
    http::inventory::{NewExtension, ReservationView},
};
use domain::{
    Permission, Principal, Reservation, ReservationId, ShopId, StockChange,
    bucket::Part,
    reservation::{Ending, NotExtendable, ReservationStatus},
    transfer::Transferred,
};
use uuid::Uuid;

use super::{Inventory, draw::movements, holds::MAX_ROUNDS};
use crate::{
    Clock, Error, Result,
    idempotency::RequestKey,
    journal::Author,
    store::{Dynamo, Transaction, inventory::StoredReservation},
};

impl Inventory {
    /// Gives a hold more time, once, by at most as long as holds last.
    pub async fn extend(
        &self,
        who: &Principal,
        key: &RequestKey,
        id: &ReservationId,
        new: NewExtension,
    ) -> Result<ReservationView> {
        let by = self.ttl(new.ttl_seconds)?;
        let name = key.name(who, "extension");
        for _ in 0..MAX_ROUNDS {
            let held = self.owned(who, id, Permission::ActForCustomers).await?;
            if held.was_changed_by(name, &key.fingerprint)? {
                return Ok(reservation_view(&held.reservation, self.clock.now()));
            }
            let longer = held.reservation.extend(by, self.clock.now()).map_err(|refused| {
                let code = match refused {
                    NotExtendable::Expired => ErrorCode::ReservationExpired,
                    NotExtendable::NotActive => ErrorCode::ReservationNotActive,
                    NotExtendable::Twice => ErrorCode::InvalidTransition,
                };
                Error::conflict(code, refused.to_string())
            })?;
            if self.rewrite(&who.shop, &held, longer.clone(), Some((name, &key.fingerprint))).await? {
                return Ok(reservation_view(&longer, self.clock.now()));
            }
        }
        Err(Error::busy())
    }

    /// Writes a hold that changed without its stock; `false` if somebody was faster.
    async fn rewrite(
        &self,
        shop: &ShopId,
        held: &StoredReservation,
        next: Reservation,
        by: Option<(Uuid, &str)>,
    ) -> Result<bool> {
        let next = held.with(next);
        let next = match by {
            Some((name, fingerprint)) => next.changed_by(name, fingerprint),
            None => next,
        };
        let mut transaction = Transaction::default();
        transaction.rewrite_reservation(&self.store, shop, &next, &held.reservation)?;
        Ok(self.store.commit(&transaction).await?.is_ok())
    }

    /// A hold of one's own; staff sees everybody's. One whose time ran out is ended on the way.
    pub async fn reservation(&self, who: &Principal, id: &ReservationId) -> Result<ReservationView> {
        let held = self.owned(who, id, Permission::ReadEverybodysOrders).await?;
        let reservation = match held.reservation.order_id.is_none() && self.is_over(&held.reservation) {
            true => self.end(&Author::system(&who.shop, id.as_str()), held, Ending::Expire).await?,
            false => held.reservation,
        };
        Ok(reservation_view(&reservation, self.clock.now()))
    }

    /// Whether its time ran out and nobody has ended it yet.
    fn is_over(&self, held: &Reservation) -> bool {
        held.status == ReservationStatus::Active
            && held.status_at(self.clock.now()) == ReservationStatus::Expired
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
        let ending = if self.is_over(&held.reservation) { Ending::Expire } else { Ending::Release };
        let ended = self.end(&Author::of(who), held, ending).await?;
        match ended.status {
            ReservationStatus::Released | ReservationStatus::Expired => {
                Ok(reservation_view(&ended, self.clock.now()))
            }
            _ => Err(Error::conflict(ErrorCode::ReservationNotActive, "the stock has been sold")),
        }
    }

    /// Does what is due about the hold at `place`: warns its holder, or ends it.
    pub async fn see_to(&self, shop: &ShopId, place: &ReservationId) -> Result<()> {
        let Some(held) = self.store.reservation_at(shop, place).await? else {
            return Ok(());
        };
        if held.reservation.order_id.is_some() {
            return Ok(());
        }
        if self.is_over(&held.reservation) {
            let author = Author::system(shop, held.reservation.id.as_str());
            self.end(&author, held, Ending::Expire).await?;
        } else if let Some(warned) = held.reservation.warn(self.clock.now()) {
            // Whoever was faster has changed when it ends: that is due in its own time.
            self.rewrite(shop, &held, warned, None).await?;
        }
        Ok(())
    }

    /// Ends an active hold, or finds that it has ended.
    async fn end(&self, author: &Author, mut held: StoredReservation, ending: Ending) -> Result<Reservation> {
        for _ in 0..MAX_ROUNDS {
            // One that became an order's meanwhile ends with the order.
            let is_over = held.reservation.status != ReservationStatus::Active;
            if is_over || held.reservation.order_id.is_some() {
                return Ok(held.reservation);
            }
            let mut transaction = Transaction::default();
            let ended = match transaction.end_hold(&self.store, &self.clock, author, &held, ending) {
                Ok(ended) => ended,
                // Its holder was given more time meanwhile.
                Err(Error::Conflict { .. }) if ending == Ending::Expire => return Ok(held.reservation),
                Err(error) => return Err(error),
            };
            if self.store.commit(&transaction).await?.is_ok() {
                return Ok(ended);
            }
            let stored = self.store.reservation(&author.shop, &held.reservation.id).await?;
            held = stored.ok_or(Error::NotFound)?;
        }
        Err(Error::busy())
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
}

impl Transaction {
    /// Writes what a transfer does to stock. The levels come first.
    pub(crate) fn transfer(
        &mut self,
        store: &Dynamo,
        clock: &Clock,
        author: &Author,
        done: &Transferred,
    ) -> Result<()> {
        let events = done.moves.iter().flat_map(|moved| {
            movements(author, clock, [(moved.part.clone(), moved.change)], |movement| {
                movement.reservation_id = Some(moved.reservation.clone());
                movement.order_id = done.target.order_reference();
            })
        });
        self.move_stock(store, &events.collect::<Vec<_>>())
    }

    /// Ends an active hold and says what it is then. The levels come first.
    pub(crate) fn end_hold(
        &mut self,
        store: &Dynamo,
        clock: &Clock,
        author: &Author,
        held: &StoredReservation,
        ending: Ending,
    ) -> Result<Reservation> {
        let (ended, changes) = held.reservation.end(ending, clock.now())?;
        self.move_hold(store, clock, author, held, (ended.clone(), changes))?;
        Ok(ended)
    }

    /// Sells a hold, one that has ended from `parts` that are free; one that is sold already stays so. The levels come first.
    pub(crate) fn sell_hold(
        &mut self,
        store: &Dynamo,
        clock: &Clock,
        author: &Author,
        held: &StoredReservation,
        parts: &[Part],
    ) -> Result<()> {
        match held.reservation.sell(parts, clock.now()) {
            Some(sold) => self.move_hold(store, clock, author, held, sold),
            None => Ok(()),
        }
    }

    /// Writes what became of a hold and what that did to the levels. The levels come first.
    pub(crate) fn move_hold(
        &mut self,
        store: &Dynamo,
        clock: &Clock,
        author: &Author,
        held: &StoredReservation,
        (next, changes): (Reservation, Vec<(Part, StockChange)>),
    ) -> Result<()> {
        let events = movements(author, clock, changes, |movement| {
            movement.reservation_id = Some(next.id.clone());
            movement.order_id = next.order_reference();
        });
        self.move_stock(store, &events)?;
        self.rewrite_reservation(store, &author.shop, &held.with(next), &held.reservation)
    }
}

pub(super) fn reservation_view(reservation: &Reservation, now: jiff::Timestamp) -> ReservationView {
    ReservationView {
        success: true,
        reservation_id: reservation.id.clone(),
        status: reservation.status_at(now),
        expires_at: reservation.held_until,
        items: reservation.lines.clone(),
    }
}
