//! Holds.
//!
//! A person's holds share a partition, which their ids name: so what somebody holds is found without an index. Each has
//! a place of its own there, one after another: of two requests that both find nothing, one makes a hold in the next
//! place, and the other is refused there, looks again and finds it.

use contract::{Fact, JournalEvent, journal::ReservationChanged};
use domain::{
    EventId, Reservation, ReservationId, ShopId, UserId,
    reservation::{MAX_PARTS, ReservationStatus},
};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    Error, Result,
    clock::derived,
    store::{
        Due, Dynamo, Item, Key, Query, Transaction, due_shard,
        dynamo::{item, number, text, values},
        sortable,
    },
};

/// Begins the sort key of every hold; the template's stream filters name it too.
pub const RESERVATION: &str = "reservation";

/// How long a hold that has ended can still be read: one that was part of an order, and any other.
const REMEMBERED: [SignedDuration; 2] = [SignedDuration::from_hours(30 * 24), SignedDuration::from_hours(24)];
/// So many of the requests that changed a hold are remembered with it.
const REQUESTS: usize = 8;
/// Hexadecimal digits that name the holder in the id of a person's hold.
const HOLDER: usize = 16;
/// As many say which of the holder's holds it is; the name of the request that made it follows.
const PLACE: usize = 6;
/// A hold that may be forgotten so soon is not relied upon: clocks differ, and requests take a while.
const WARY: SignedDuration = SignedDuration::from_hours(1);

/// A hold as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReservationRow {
    shop_id: ShopId,
    #[serde(flatten)]
    reservation: Reservation,
    fingerprint: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    requests: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    due: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    due_at: Option<String>,
    /// When DynamoDB may forget it, in seconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    expires_at: Option<i64>,
}

/// A hold, and which requests made and changed it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredReservation {
    /// The hold.
    pub reservation: Reservation,
    /// Digest of the request that made it.
    pub fingerprint: String,
    /// Names and digests of the latest requests that changed it.
    pub requests: Vec<String>,
}

impl StoredReservation {
    /// A new hold that the request with this digest made.
    pub fn new(reservation: Reservation, fingerprint: &str) -> Self {
        Self { reservation, fingerprint: fingerprint.to_owned(), requests: vec![] }
    }

    /// Whether DynamoDB may have forgotten it at `instant`.
    fn may_be_forgotten_at(&self, instant: Timestamp) -> bool {
        forgotten_at(&self.reservation).is_some_and(|second| second <= instant.as_second())
    }

    /// The hold in another state.
    #[must_use]
    pub fn with(&self, reservation: Reservation) -> Self {
        Self { reservation, ..self.clone() }
    }

    /// The same, and a note that the request `name` made it so.
    #[must_use]
    pub fn changed_by(mut self, name: Uuid, fingerprint: &str) -> Self {
        self.requests.push(note(name, fingerprint));
        let excess = self.requests.len().saturating_sub(REQUESTS);
        self.requests.drain(..excess);
        self
    }

    /// Whether the request `name` changed it before; an error if it asked for something else then.
    pub fn was_changed_by(&self, name: Uuid, fingerprint: &str) -> Result<bool> {
        let asked = note(name, fingerprint);
        let same_name = |noted: &&String| noted.split(':').next() == asked.split(':').next();
        match self.requests.iter().find(same_name) {
            None => Ok(false),
            Some(noted) => crate::store::orders::check_fingerprint(noted, &asked).map(|()| true),
        }
    }
}

/// Twelve digits of each are enough to tell eight requests apart.
fn note(name: Uuid, fingerprint: &str) -> String {
    let name = name.simple().to_string();
    let part = |text: &str| text.get(..12).unwrap_or(text).to_owned();
    format!("{}:{}", part(&name), part(fingerprint))
}

impl From<ReservationRow> for StoredReservation {
    fn from(row: ReservationRow) -> Self {
        Self { reservation: row.reservation, fingerprint: row.fingerprint, requests: row.requests }
    }
}

impl ReservationRow {
    /// What the row says happened: it is its own journal, since its holder alone changes it.
    pub fn event(&self) -> JournalEvent {
        let Reservation { id, holder, status, held_until, version, warned, lines, .. } = &self.reservation;
        let changed = ReservationChanged {
            reservation_id: id.clone(),
            holder: holder.clone(),
            status: *status,
            expires_at: *held_until,
            items: lines.clone(),
        };
        let is_warning = *status == ReservationStatus::Active && *warned == Some(*version);
        JournalEvent {
            id: EventId::from_uuid(derived(&[self.shop_id.as_str(), id.as_str(), &version.to_string()])),
            shop_id: self.shop_id.clone(),
            subject: format!("reservation:{id}"),
            version: *version,
            occurred_at: self.reservation.changed_at,
            actor: holder.clone(),
            cause: None,
            fact: if is_warning {
                Fact::ReservationExpiring(changed)
            } else {
                Fact::ReservationUpdated(changed)
            },
        }
    }
}

/// The place where a person's next hold is made: only one can be made there.
#[derive(Debug, Clone)]
pub struct NextPlace {
    holder: String,
    number: u32,
    /// The hold in the last place, if that is about to be forgotten. Whoever reads after it was would count on from
    /// another one, so a hold is made here only if that one is still there.
    pub last: Option<StoredReservation>,
}

impl NextPlace {
    /// The place after all of `rows`, which are what is stored of a person's holds.
    pub fn after(shop: &ShopId, holder: &UserId, rows: &[StoredReservation], now: Timestamp) -> Self {
        let holder = holder_digits(shop, holder);
        let place = |row: &StoredReservation| {
            let digits = row.reservation.id.as_str().strip_prefix(ReservationId::PREFIX)?;
            u32::from_str_radix(digits.strip_prefix(&holder)?.get(..PLACE)?, 16).ok()
        };
        let last = rows.iter().filter_map(|row| Some((place(row)?, row))).max_by_key(|(place, _)| *place);
        let soon = now.checked_add(WARY).unwrap_or(now);
        let number = last.map_or(0, |(place, _)| place + 1);
        let last = last.map(|(_, row)| row).filter(|row| row.may_be_forgotten_at(soon)).cloned();
        Self { holder, number, last }
    }

    /// The id of the hold that a request `name` makes here.
    pub fn id(&self, name: Uuid) -> Result<ReservationId> {
        let (prefix, number) = (ReservationId::PREFIX, self.number);
        let id = format!("{prefix}{}{number:0width$x}{}", self.holder, name.simple(), width = PLACE);
        ReservationId::new(id).map_err(|error| Error::internal(error.to_string()))
    }
}

fn holder_digits(shop: &ShopId, holder: &UserId) -> String {
    let digits = derived(&[shop.as_str(), holder.as_str(), RESERVATION]).simple().to_string();
    digits.get(..HOLDER).unwrap_or(&digits).to_owned()
}

fn holder_pk(shop: &ShopId, digits: &str) -> String {
    format!("{shop}#{RESERVATION}#{}{digits}", ReservationId::PREFIX)
}

/// The key of a hold, or of what is at a person's place: an id without the request's name.
fn reservation_key(shop: &ShopId, id: &ReservationId) -> Key {
    let digits = id.as_str().strip_prefix(ReservationId::PREFIX).unwrap_or_default();
    let place = digits.split_at_checked(HOLDER).and_then(|(holder, rest)| {
        let (place, name) = rest.split_at_checked(PLACE)?;
        matches!(name.len(), 0 | 32).then_some((holder, place))
    });
    match place {
        Some((holder, place)) => Key::new(holder_pk(shop, holder), format!("{RESERVATION}-{place}")),
        None => Key::new(format!("{shop}#{RESERVATION}#{id}"), RESERVATION),
    }
}

/// When DynamoDB may forget a hold, in seconds since 1970.
fn forgotten_at(reservation: &Reservation) -> Option<i64> {
    let [ordered, other] = REMEMBERED;
    let remembered = if reservation.order_id.is_some() { ordered } else { other };
    let has_ended = reservation.status != ReservationStatus::Active;
    has_ended.then_some(reservation.held_until.as_second() + remembered.as_secs())
}

fn reservation_item(shop: &ShopId, stored: &StoredReservation) -> Result<Item> {
    let reservation = &stored.reservation;
    let is_due = reservation.status == ReservationStatus::Active && reservation.order_id.is_none();
    let row = ReservationRow {
        shop_id: shop.clone(),
        fingerprint: stored.fingerprint.clone(),
        requests: stored.requests.clone(),
        due: is_due.then(|| due_shard(reservation.id.as_str())),
        due_at: is_due.then(|| sortable(reservation.due_at())),
        expires_at: forgotten_at(reservation),
        reservation: reservation.clone(),
    };
    item(&reservation_key(shop, &reservation.id), &row)
}

impl Transaction {
    /// Writes a new hold.
    pub(crate) fn put_reservation(
        &mut self,
        store: &Dynamo,
        shop: &ShopId,
        stored: &StoredReservation,
    ) -> Result<()> {
        self.check_parts(&stored.reservation);
        self.put_new(&store.tables.inventory, reservation_item(shop, stored)?)
    }

    /// Writes a hold over what it was `before`.
    pub(crate) fn rewrite_reservation(
        &mut self,
        store: &Dynamo,
        shop: &ShopId,
        stored: &StoredReservation,
        before: &Reservation,
    ) -> Result<()> {
        self.check_parts(&stored.reservation);
        let status = serde_dynamo::to_attribute_value(before.status)
            .map_err(|error| Error::internal(error.to_string()))?;
        let id = text(before.id.as_str());
        let seen = values([(":id", id), (":status", status), (":version", number(before.version))]);
        let condition = "id = :id AND #status = :status AND version = :version";
        self.put_if(&store.tables.inventory, reservation_item(shop, stored)?, condition, seen)
    }

    /// Notes whether what is held could not be sold in one transaction.
    fn check_parts(&mut self, held: &Reservation) {
        let is_active = held.status == ReservationStatus::Active;
        self.is_unsellable |= is_active && held.drawn.len() > MAX_PARTS;
    }

    /// Holds only if a hold is still as it was read.
    pub(crate) fn check_reservation(
        &mut self,
        store: &Dynamo,
        shop: &ShopId,
        id: &ReservationId,
        seen: Option<&StoredReservation>,
    ) -> Result<()> {
        let (table, key) = (&store.tables.inventory, reservation_key(shop, id));
        match seen {
            None => self.check(table, &key, "attribute_not_exists(pk)", Item::new()),
            Some(seen) => {
                let Reservation { id, version, .. } = &seen.reservation;
                let seen = values([(":id", text(id.as_str())), (":version", number(version))]);
                self.check(table, &key, "id = :id AND version = :version", seen)
            }
        }
    }

    /// Writes a hold that is not there or has ended.
    pub(crate) fn put_reservation_again(
        &mut self,
        store: &Dynamo,
        shop: &ShopId,
        stored: &StoredReservation,
    ) -> Result<()> {
        self.check_parts(&stored.reservation);
        let item = reservation_item(shop, stored)?;
        let condition = "attribute_not_exists(pk) OR #status IN (:released, :expired)";
        let ended = values([(":released", text("released")), (":expired", text("expired"))]);
        self.put_if(&store.tables.inventory, item, condition, ended)
    }
}

impl Dynamo {
    /// A hold.
    pub async fn reservation(&self, shop: &ShopId, id: &ReservationId) -> Result<Option<StoredReservation>> {
        let row: Option<ReservationRow> =
            self.get(&self.tables.inventory, &reservation_key(shop, id), true).await?;
        Ok(row.map(StoredReservation::from).filter(|stored| stored.reservation.id == *id))
    }

    /// A hold that fell due, which the index names by its place.
    pub async fn reservation_at(
        &self,
        shop: &ShopId,
        place: &ReservationId,
    ) -> Result<Option<StoredReservation>> {
        let row: Option<ReservationRow> =
            self.get(&self.tables.inventory, &reservation_key(shop, place), true).await?;
        Ok(row.map(StoredReservation::from))
    }

    /// All holds that a person made themselves, ended ones included, as long as they are remembered.
    pub async fn reservations_of(&self, shop: &ShopId, holder: &UserId) -> Result<Vec<StoredReservation>> {
        let query = Query::new(&self.tables.inventory, holder_pk(shop, &holder_digits(shop, holder)));
        let rows: Vec<ReservationRow> = self.query_all(query.consistent()).await?;
        Ok(rows.into_iter().map(StoredReservation::from).collect())
    }

    /// What is in partition `shard` of the table's due index and somebody had to see to at `now`, oldest first: holds,
    /// lots and ledgers.
    pub async fn due_stock(&self, shard: u32, now: Timestamp, limit: u32) -> Result<Vec<Due>> {
        self.due(&self.tables.inventory, shard, now, limit).await
    }
}
