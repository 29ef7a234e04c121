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
use jiff::{SignedDuration, Timestamp};
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
        inventory::{NextPlace, StoredReservation},
        orders::check_fingerprint,
    },
};

/// How often a decision about a hold is made anew because somebody was faster.
pub(super) const MAX_ROUNDS: u32 = 8;

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
        let request = HoldRequest {
            who,
            lines: aggregated(new.items, MAX_LINES)?,
            ttl: self.ttl(new.ttl_seconds)?,
            for_order: new.order_id,
            name: key.name(who, "reservation"),
            fingerprint: &key.fingerprint,
        };
        for _ in 0..MAX_ROUNDS {
            if let Some(hold) = self.try_to_hold(&request).await? {
                return Ok(reservation_view(&hold, self.clock.now()));
            }
        }
        Err(Error::busy())
    }

    /// The hold that a request comes to, or came to before; `None` if somebody was faster.
    async fn try_to_hold(&self, request: &HoldRequest<'_>) -> Result<Option<Reservation>> {
        let now = self.clock.now();
        let (mine, place) = holds_and_place(&self.store, request.who, now).await?;
        if let Some(made) = made_by(&mine, request.name, request.fingerprint)? {
            return Ok(Some(made.reservation.clone()));
        }
        if let Some(order) = &request.for_order {
            self.check_open(request.who, order).await?;
        }
        let mut mine: Vec<_> =
            mine.into_iter().filter(|held| request.replaces(&held.reservation, now)).collect();
        mine.sort_by(|a, b| {
            (a.reservation.created_at, &a.reservation.id).cmp(&(b.reservation.created_at, &b.reservation.id))
        });
        let fresh = self.fresh_hold(request, &place)?;
        let change = HoldChange::of(mine, (fresh, place.last), request)?;
        self.replace(request, change).await
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

    fn fresh_hold(&self, request: &HoldRequest<'_>, place: &NextPlace) -> Result<Reservation> {
        let now = self.clock.now();
        Ok(Reservation {
            id: match request.who.role {
                Role::Service => ReservationId::from_uuid(request.name),
                _ => place.id(request.name)?,
            },
            holder: request.who.subject.clone(),
            lines: vec![],
            drawn: vec![],
            status: ReservationStatus::Active,
            held_until: self.clock.after(request.ttl),
            created_at: now,
            changed_at: now,
            order_id: None,
            for_order: request.for_order.clone(),
            is_extended: false,
            warned: None,
            version: 0,
        })
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

    /// Writes a new or replaced hold with the stock that it lacks; `None` if somebody was faster.
    async fn replace(&self, request: &HoldRequest<'_>, change: HoldChange) -> Result<Option<Reservation>> {
        let write = |parts: &[Part]| self.written(request, &change, parts);
        let shop = &request.who.shop;
        let taken = take(&self.store, shop, &change.transfer.lacking, write).await?;
        if let Taken::Done(hold) = taken {
            return Ok(Some(hold));
        }
        // A new hold that is there already was made by an earlier run of this request.
        let id = &change.target.reservation.id;
        if change.before.is_none()
            && let Some(made) = self.store.reservation(shop, id).await?
        {
            check_fingerprint(&made.fingerprint, &change.target.fingerprint)?;
            return Ok(Some(made.reservation));
        }
        match taken {
            Taken::Short(short) => Err(short_of(&request.lines, &short, |sku| change.transfer.held_of(sku))),
            Taken::Scattered => Err(Error::busy()),
            _ => Ok(None),
        }
    }

    /// What is written when what a hold lacks is drawn from `parts`, and the hold as it is then.
    fn written(
        &self,
        request: &HoldRequest<'_>,
        change: &HoldChange,
        parts: &[Part],
    ) -> Result<(Transaction, Reservation)> {
        let (store, shop) = (&self.store, &request.who.shop);
        let mut transaction = Transaction::default();
        let done = change.transfer.with(parts);
        transaction.transfer(store, &self.clock, &Author::of(request.who), &done)?;
        let target = change.target.with(done.target.clone());
        match &change.before {
            None => transaction.put_reservation(store, shop, &target)?,
            Some(before) => transaction.rewrite_reservation(store, shop, &target, before)?,
        }
        if let Some(last) = &change.last {
            transaction.check_reservation(store, shop, &last.reservation.id, Some(last))?;
        }
        for (held, ended) in change.ended.iter().zip(done.ended) {
            transaction.rewrite_reservation(store, shop, &held.with(ended), &held.reservation)?;
        }
        if let Some(order) = &request.for_order {
            match order.own() {
                Some(id) => transaction.check_order_open(store, shop, &id)?,
                None => transaction.check_sale(store, shop, order, 0)?,
            }
        }
        Ok((transaction, done.target))
    }
}

/// Who wants to hold what, for how long, and the name of the request.
struct HoldRequest<'a> {
    who: &'a Principal,
    lines: Vec<ReservedLine>,
    ttl: SignedDuration,
    for_order: Option<OrderReference>,
    name: Uuid,
    fingerprint: &'a str,
}

impl HoldRequest<'_> {
    /// Whether what comes of it takes the place of a hold of the same holder.
    fn replaces(&self, held: &Reservation, now: Timestamp) -> bool {
        held.is_open_at(now) && held.for_order == self.for_order && held.overlaps(&self.lines)
    }
}

/// A hold as it is to be written, and what it is made of.
struct HoldChange {
    transfer: Transfer,
    target: StoredReservation,
    before: Option<Reservation>,
    ended: Vec<StoredReservation>,
    /// What must still be where it was for a new hold to have the next place.
    last: Option<StoredReservation>,
}

impl HoldChange {
    /// What a request makes of the holder's own holds of its lines, oldest first, or, if there are none, of a `fresh`
    /// one, which comes after the `last`.
    fn of(
        mut mine: Vec<StoredReservation>,
        (fresh, last): (Reservation, Option<StoredReservation>),
        request: &HoldRequest<'_>,
    ) -> Result<Self> {
        let holds: Vec<_> = mine.iter().map(|held| held.reservation.clone()).collect();
        let lines = replaced(&holds, &request.lines)
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
            let target = StoredReservation::new(reservation, request.fingerprint);
            return Ok(Self { transfer, target, before: None, ended: vec![], last });
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
        let target = kept.with(target).changed_by(request.name, request.fingerprint);
        Ok(Self { transfer, target, before: Some(before), ended: mine, last: None })
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
    Ok(holds_and_place(store, who, Timestamp::MIN).await?.0)
}

/// The same, and where the next one is made.
async fn holds_and_place(
    store: &Dynamo,
    who: &Principal,
    now: Timestamp,
) -> Result<(Vec<StoredReservation>, NextPlace)> {
    let selves: Vec<UserId> = match who.role {
        Role::Service => vec![],
        _ => [&who.subject].into_iter().chain(&who.linked_guests).cloned().collect(),
    };
    let read = selves.iter().map(|holder| store.reservations_of(&who.shop, holder));
    let found: Vec<_> = futures_util::future::try_join_all(read).await?.into_iter().flatten().collect();
    let place = NextPlace::after(&who.shop, &who.subject, &found, now);
    let is_theirs = |held: &StoredReservation| who.owns(&held.reservation.holder);
    Ok((found.into_iter().filter(is_theirs).collect(), place))
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
