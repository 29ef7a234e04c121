//! Setting stock aside for somebody, and what becomes of it.

use contract::{
    ErrorCode,
    http::inventory::{NewLine, NewReservation, ReservationView},
};
use domain::{
    OrderReference, Permission, Principal, Reservation, ReservationId, Role, UserId,
    bucket::Part,
    order::OrderStatus,
    reservation::{self, MAX_LINES, ReservationStatus, ReservedLine},
    transfer::{Transfer, replaced},
};
use jiff::SignedDuration;
use uuid::Uuid;

use super::{
    Inventory,
    draw::{Taken, short_of, take},
    held::reservation_view,
};
use crate::{
    Error, Result,
    idempotency::RequestKey,
    journal::Author,
    store::{
        Dynamo, Transaction,
        inventory::{StoredReservation, holder_reservation},
        orders::check_fingerprint,
    },
};

/// How often a decision about a hold is made anew because somebody was faster.
pub(super) const MAX_ROUNDS: u32 = 8;

pub(super) fn busy() -> Error {
    Error::Limited { retry_after: SignedDuration::from_secs(1) }
}

impl Inventory {
    /// Sets stock aside, all lines or none. Asked again with the same key it answers with the same hold.
    ///
    /// A person has one hold for each thing: what they hold already of these lines is replaced, under the name that it
    /// has. A program acts for many people, so each of its requests makes a hold of its own.
    pub async fn reserve(
        &self,
        who: &Principal,
        key: &RequestKey,
        new: NewReservation,
    ) -> Result<ReservationView> {
        who.may(Permission::Reserve)?;
        let lines = aggregated(new.items, MAX_LINES)?;
        let ttl = self.ttl(new.ttl_seconds)?;
        let name = key.name(who, "reservation");
        for _ in 0..MAX_ROUNDS {
            let mine = self.own_holds(who).await?;
            if let Some(made) = made_by(&mine, name, &key.fingerprint)? {
                return Ok(reservation_view(&made.reservation, self.clock.now()));
            }
            if let Some(order) = &new.order_id {
                self.check_open(who, order).await?;
            }
            let now = self.clock.now();
            let is_mine = |held: &Reservation| {
                held.is_open_at(now) && held.for_order == new.order_id && held.overlaps(&lines)
            };
            let mut mine: Vec<_> = mine.into_iter().filter(|held| is_mine(&held.reservation)).collect();
            mine.sort_by(|a, b| {
                (a.reservation.created_at, &a.reservation.id)
                    .cmp(&(b.reservation.created_at, &b.reservation.id))
            });
            let fresh = self.fresh_hold(who, name, ttl, new.order_id.clone())?;
            let change = HoldChange::of(mine, fresh, &lines, (name, &key.fingerprint))?;
            match self.replace(who, change, &lines, new.order_id.as_ref()).await? {
                Replaced::Done(hold) => return Ok(reservation_view(&hold, now)),
                Replaced::Short(error) => return Err(error),
                Replaced::Overtaken => {}
            }
        }
        Err(busy())
    }

    /// How long a hold lasts that was asked for so many seconds.
    pub(super) fn ttl(&self, seconds: Option<u32>) -> Result<SignedDuration> {
        let most = self.settings.reservation_ttl;
        let ttl = seconds.map_or(most, |seconds| SignedDuration::from_secs(seconds.into()));
        if ttl > most || ttl.is_zero() {
            let message = format!("expected 1 to {} seconds", most.as_secs());
            return Err(Error::field("ttl_seconds", "out_of_range", message));
        }
        Ok(ttl)
    }

    fn fresh_hold(
        &self,
        who: &Principal,
        name: Uuid,
        ttl: SignedDuration,
        for_order: Option<OrderReference>,
    ) -> Result<Reservation> {
        let now = self.clock.now();
        Ok(Reservation {
            id: match who.role {
                Role::Service => ReservationId::from_uuid(name),
                _ => holder_reservation(&who.shop, &who.subject, name)?,
            },
            holder: who.subject.clone(),
            lines: vec![],
            drawn: vec![],
            status: ReservationStatus::Active,
            held_until: self.clock.after(ttl),
            created_at: now,
            changed_at: now,
            order_id: None,
            for_order,
            is_extended: false,
            warned: None,
            version: 0,
        })
    }

    /// All holds that a person made, also as the guest that they were.
    async fn own_holds(&self, who: &Principal) -> Result<Vec<StoredReservation>> {
        own_holds(&self.store, who).await
    }

    /// An error unless an order can still gain a hold: one of this shop's that is the asker's own and not paid or
    /// closed, or one of another system's that has not been processed.
    async fn check_open(&self, who: &Principal, order: &OrderReference) -> Result<()> {
        let Some(id) = order.own() else {
            return self.check_unprocessed(who, order).await;
        };
        let stored = self.store.order(&who.shop, &id).await?.filter(|stored| stored.order.version > 0);
        let Some(stored) = stored else {
            return Ok(());
        };
        if !who.owns(&stored.order.owner) && !who.can(Permission::ActForCustomers) {
            return Err(Error::NotFound);
        }
        match stored.order.status {
            OrderStatus::PendingPayment => Ok(()),
            _ => Err(Error::conflict(ErrorCode::InvalidTransition, "the order is no longer open")),
        }
    }

    /// Writes a new or replaced hold with the stock that it lacks.
    async fn replace(
        &self,
        who: &Principal,
        change: HoldChange,
        lines: &[ReservedLine],
        order: Option<&OrderReference>,
    ) -> Result<Replaced> {
        let author = Author::of(who);
        let write = |parts: &[Part]| {
            let mut transaction = Transaction::default();
            let done = change.transfer.with(parts);
            transaction.transfer(&self.store, &self.clock, &author, &done)?;
            let target = change.target.with(done.target.clone());
            match &change.before {
                None => transaction.put_reservation(&self.store, &who.shop, &target)?,
                Some(before) => transaction.rewrite_reservation(&self.store, &who.shop, &target, before)?,
            }
            for (held, ended) in change.ended.iter().zip(done.ended) {
                let before = &held.reservation;
                transaction.rewrite_reservation(&self.store, &who.shop, &held.with(ended), before)?;
            }
            if let Some(order) = order {
                match order.own() {
                    Some(id) => transaction.check_order_open(&self.store, &who.shop, &id)?,
                    None => transaction.check_sale(&self.store, &who.shop, order, 0)?,
                }
            }
            Ok((transaction, done.target))
        };
        let taken = take(&self.store, &who.shop, &change.transfer.lacking, write).await?;
        if let Taken::Done(hold) = taken {
            return Ok(Replaced::Done(hold));
        }
        // A new hold that is there already was made by an earlier run of this request.
        let id = &change.target.reservation.id;
        if change.before.is_none()
            && let Some(made) = self.store.reservation(&who.shop, id).await?
        {
            check_fingerprint(&made.fingerprint, &change.target.fingerprint)?;
            return Ok(Replaced::Done(made.reservation));
        }
        Ok(match taken {
            Taken::Short(short) => {
                Replaced::Short(short_of(lines, &short, |sku| change.transfer.held_of(sku)))
            }
            _ => Replaced::Overtaken,
        })
    }
}

/// A hold as it is to be written, and what it is made of.
struct HoldChange {
    transfer: Transfer,
    target: StoredReservation,
    before: Option<Reservation>,
    ended: Vec<StoredReservation>,
}

enum Replaced {
    Done(Reservation),
    Short(Error),
    Overtaken,
}

impl HoldChange {
    /// What a request for `lines` makes of the holder's own holds of them, oldest first, or, if there are none, of a
    /// `fresh` one.
    fn of(
        mut mine: Vec<StoredReservation>,
        fresh: Reservation,
        lines: &[ReservedLine],
        (name, fingerprint): (Uuid, &str),
    ) -> Result<Self> {
        let holds: Vec<_> = mine.iter().map(|held| held.reservation.clone()).collect();
        let lines = replaced(&holds, lines)
            .map_err(|error| Error::field("items", "out_of_range", error.to_string()))?;
        if lines.len() > MAX_LINES {
            return Err(Error::field(
                "items",
                "too_many",
                format!("with what is held already, more than {MAX_LINES} lines"),
            ));
        }
        if mine.is_empty() {
            let reservation = Reservation { lines, ..fresh };
            let transfer = Transfer::to(reservation.clone(), None, vec![]);
            let target = StoredReservation::new(reservation, fingerprint);
            return Ok(Self { transfer, target, before: None, ended: vec![] });
        }
        let kept = mine.remove(0);
        let before = kept.reservation.clone();
        let target = Reservation {
            lines,
            holder: fresh.holder,
            held_until: fresh.held_until,
            changed_at: fresh.changed_at,
            warned: None,
            version: before.version + 1,
            ..before.clone()
        };
        let ended = mine.iter().map(|held| held.reservation.clone()).collect();
        let transfer = Transfer::to(target.clone(), Some(before.clone()), ended);
        let target = kept.with(target).changed_by(name, fingerprint);
        Ok(Self { transfer, target, before: Some(before), ended: mine })
    }
}

/// The hold that the request `name` made or changed before.
fn made_by<'a>(
    mine: &'a [StoredReservation],
    name: Uuid,
    fingerprint: &str,
) -> Result<Option<&'a StoredReservation>> {
    let named = name.simple().to_string();
    for held in mine {
        if held.reservation.id.as_str().ends_with(&named) {
            return check_fingerprint(&held.fingerprint, fingerprint).map(|()| Some(held));
        }
        if held.was_changed_by(name, fingerprint)? {
            return Ok(Some(held));
        }
    }
    Ok(None)
}

/// All holds that a person made themselves, also as the guest that they were; none of a program.
pub(crate) async fn own_holds(store: &Dynamo, who: &Principal) -> Result<Vec<StoredReservation>> {
    if who.role == Role::Service {
        return Ok(vec![]);
    }
    let selves: Vec<UserId> = [&who.subject].into_iter().chain(&who.linked_guests).cloned().collect();
    let read = selves.iter().map(|holder| store.reservations_of(&who.shop, holder));
    let found = futures_util::future::try_join_all(read).await?;
    let is_theirs = |held: &StoredReservation| who.owns(&held.reservation.holder);
    Ok(found.into_iter().flatten().filter(is_theirs).collect())
}

/// Lines of the same kind put together; at least one, at most `most`.
pub(crate) fn aggregated(items: Vec<NewLine>, most: usize) -> Result<Vec<ReservedLine>> {
    if items.is_empty() {
        return Err(Error::field("items", "required", "expected at least one line"));
    }
    if items.len() > most {
        return Err(Error::field("items", "too_many", format!("expected at most {most} lines")));
    }
    reservation::aggregate(items.into_iter().map(ReservedLine::from))
        .map_err(|error| Error::field("items", "out_of_range", error.to_string()))
}
