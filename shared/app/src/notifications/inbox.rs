//! What people do with their inbox: look into it, and say what they have read.

use std::collections::BTreeMap;

use contract::{
    Fact,
    frames::ReadNotifications,
    http::notifications::{
        CountsRequest, CountsView, DeliveriesView, DeliveryView, KindCounts, NotificationView,
        NotificationsRead, NotificationsRequest, NotificationsView,
    },
    journal::STAFF,
};
use domain::{
    EventId, NotificationId, Permission, Principal, UserId,
    notification::{Kind, Medium},
};
use futures_util::{StreamExt, TryStreamExt, future::try_join_all, stream};
use jiff::{SignedDuration, ToSpan, tz::TimeZone};

use crate::{
    Clock, Error, Result,
    journal::Author,
    store::{
        Cursor, Dynamo,
        notifications::{Delivery, Notification, counts::CountsRow},
    },
};

/// How often it is tried to say that something was read while somebody else says so too.
const MAX_ATTEMPTS: u32 = 16;
/// So much is read in one transaction.
const AT_ONCE: u32 = 25;
/// How long somebody counts as working for the shop who does not come again.
const STAFF_KEPT: SignedDuration = SignedDuration::from_hours(30 * 24);
/// Days that are read at once.
const AT_ONCE_DAYS: usize = 8;
/// So often when all is to be read.
const MOST_PAGES: u32 = 40;

/// The inboxes.
#[derive(Debug, Clone)]
pub struct Inbox {
    store: Dynamo,
    clock: Clock,
}

impl Inbox {
    /// Inboxes in `store`.
    pub const fn new(store: Dynamo, clock: Clock) -> Self {
        Self { store, clock }
    }

    /// Whoever works for the shop and looks at what they are told is told what concerns it from then on.
    pub(super) async fn note_staff(&self, who: &Principal) -> Result<()> {
        match who.is_staff() {
            true => self.store.put_staff(&who.shop, &who.subject, self.clock.after(STAFF_KEPT)).await,
            false => Ok(()),
        }
    }

    /// A page of one's own inbox, what one was told as a guest included, or of the shop's own, newest first.
    pub async fn list(
        &self,
        who: &Principal,
        wanted: &NotificationsRequest,
        limit: u32,
        cursor: Option<Cursor>,
    ) -> Result<NotificationsView> {
        who.may(Permission::BeNotified)?;
        let users = whose(who, wanted.staff == Some(true))?;
        self.note_staff(who).await?;
        let passes = |notification: &Notification| {
            wanted.read.is_none_or(|read| notification.is_read == read)
                && wanted.category.is_none_or(|category| notification.kind.category() == category)
        };
        let (found, next) = self.store.inboxes(&who.shop, &users, (limit, cursor), passes).await?;
        Ok(NotificationsView {
            data: found.into_iter().map(view).collect(),
            next_cursor: next.map(|next| next.to_string()),
            unread_count: self.unread_of(who, &users).await?,
        })
    }

    async fn unread_of(&self, who: &Principal, users: &[UserId]) -> Result<u64> {
        let counts = users.iter().map(|user| self.store.unread(&who.shop, user));
        Ok(try_join_all(counts).await?.into_iter().sum())
    }

    /// Says that one notification was read, or all of them, as a frame does.
    pub async fn read_as_asked(
        &self,
        who: &Principal,
        read: &ReadNotifications,
    ) -> Result<NotificationsRead> {
        match &read.notification_id {
            Some(id) => self.read(who, id).await,
            None if read.all => self.read_all(who).await,
            None => Err(Error::field("data.notification_id", "required", "expected a notification, or all")),
        }
    }

    /// Says that a notification was read. Read again, it stays so.
    pub async fn read(&self, who: &Principal, id: &NotificationId) -> Result<NotificationsRead> {
        who.may(Permission::BeNotified)?;
        for _ in 0..MAX_ATTEMPTS {
            let (user, found) = self.own(who, id).await?;
            if found.is_read || self.note(who, &user, Some(id), std::slice::from_ref(id)).await? {
                let left = self.unread_of(who, &whose(who, user.as_str() == STAFF)?).await?;
                return Ok(NotificationsRead { notification_id: Some(id.clone()), unread_count: left });
            }
        }
        Err(Error::busy())
    }

    /// Says that all was read.
    pub async fn read_all(&self, who: &Principal) -> Result<NotificationsRead> {
        who.may(Permission::BeNotified)?;
        for user in whose(who, false)? {
            self.read_all_of(who, &user).await?;
        }
        Ok(NotificationsRead { notification_id: None, unread_count: 0 })
    }

    async fn read_all_of(&self, who: &Principal, user: &UserId) -> Result<()> {
        let mut counted = self.store.unread(&who.shop, user).await?;
        let (mut misses, mut cursor) = (0, None);
        for _ in 0..MOST_PAGES {
            let page = (AT_ONCE, cursor.clone());
            let (found, next) = self.store.inbox(&who.shop, user, page, |one| !one.is_read).await?;
            let ids: Vec<NotificationId> = found.into_iter().map(|one| one.id).collect();
            if !ids.is_empty() && !self.note(who, user, None, &ids).await? {
                misses += 1;
                if misses == MAX_ATTEMPTS {
                    break;
                }
                continue;
            }
            counted = counted.saturating_sub(u64::try_from(ids.len()).unwrap_or(u64::MAX));
            cursor = next;
            if cursor.is_none() {
                let request = self.clock.fresh().to_string();
                return self.store.put_none_unread(&who.shop, user, counted, &request).await;
            }
        }
        Err(Error::busy())
    }

    async fn note(
        &self,
        who: &Principal,
        user: &UserId,
        one: Option<&NotificationId>,
        ids: &[NotificationId],
    ) -> Result<bool> {
        let is_staff = user.as_str() == STAFF;
        // Of a guest that somebody was, too, their own screens hear it.
        let user_id = if is_staff { user.clone() } else { who.subject.clone() };
        let mut guests = whose(who, is_staff)?;
        guests.retain(|guest| *guest != user_id);
        let fact = Fact::NotificationRead { user_id, notification_id: one.cloned(), guests, unread_count: 0 };
        let name = EventId::from_uuid(self.clock.fresh());
        let event = Author::of(who).event_named(name, self.clock.now(), format!("inbox:{user}"), 0, fact);
        self.store.put_read(&event, user, ids).await
    }

    /// A notification of one's own, of a guest that one was, or, of whoever works for the shop, of the shop's own inbox.
    async fn own(&self, who: &Principal, id: &NotificationId) -> Result<(UserId, Notification)> {
        let staff = who.is_staff().then(|| UserId::from_name(STAFF));
        let owners = [&who.subject].into_iter().chain(&who.linked_guests).chain(&staff);
        for owner in owners {
            if let Some(found) = self.store.notification(&who.shop, owner, id).await? {
                return Ok((owner.clone(), found));
            }
        }
        Err(Error::NotFound)
    }

    /// What became of a notification on each way to each place.
    pub async fn deliveries(&self, who: &Principal, id: &NotificationId) -> Result<DeliveriesView> {
        who.may(Permission::BeNotified)?;
        let found = match self.own(who, id).await {
            Ok((_, found)) => found,
            Err(Error::NotFound) if who.can(Permission::SeeDeliveries) => {
                let user = self.store.told_with(&who.shop, id).await?.ok_or(Error::NotFound)?;
                self.store.notification(&who.shop, &user, id).await?.ok_or(Error::NotFound)?
            }
            Err(error) => return Err(error),
        };
        Ok(DeliveriesView {
            notification_id: id.clone(),
            cause: found.cause,
            data: found.deliveries.into_iter().map(|(endpoint, one)| delivery_view(endpoint, one)).collect(),
        })
    }
}

/// The most days that are counted at once.
const MOST_DAYS: i32 = 92;

impl Inbox {
    /// How many notifications came how far, of those that were made in some days.
    pub async fn counts(&self, who: &Principal, wanted: &CountsRequest) -> Result<CountsView> {
        who.may(Permission::SeeDeliveries)?;
        let to = wanted.to.unwrap_or_else(|| self.clock.now().to_zoned(TimeZone::UTC).date());
        let from = wanted.from.unwrap_or_else(|| to.saturating_sub(6.days()));
        let days = from.until(to).map_or(i32::MAX, |span| span.get_days());
        if !(0..MOST_DAYS).contains(&days) {
            return Err(Error::field("to", "out_of_range", "expected a day within 92 days from the first"));
        }
        let read = from.series(1.day()).take_while(|day| *day <= to);
        let read: Vec<_> = read.map(|day| self.store.delivery_counts(&who.shop, day)).collect();
        let rows: Vec<Vec<CountsRow>> = stream::iter(read).buffered(AT_ONCE_DAYS).try_collect().await?;
        let mut all: BTreeMap<_, KindCounts> = BTreeMap::new();
        for CountsRow { kind, medium, counts } in rows.into_iter().flatten() {
            let count = |name: &str| counts.get(name).and_then(serde_json::Value::as_u64).unwrap_or(0);
            let sum = all.entry((kind, medium)).or_insert_with(|| none_of(kind, medium));
            sum.sent += count("n_sent");
            sum.delivered += count("n_delivered");
            sum.opened += count("n_opened");
            sum.clicked += count("n_clicked");
            sum.failed += count("n_failed");
            sum.expired += count("n_expired");
            sum.suppressed += count("n_suppressed");
        }
        Ok(CountsView { from, to, data: all.into_values().collect() })
    }
}

const fn none_of(kind: Kind, channel: Medium) -> KindCounts {
    KindCounts {
        kind,
        channel,
        sent: 0,
        delivered: 0,
        opened: 0,
        clicked: 0,
        failed: 0,
        expired: 0,
        suppressed: 0,
    }
}

/// Whose inboxes somebody looks into: their own and those of the guests that they were, or the shop's own.
fn whose(who: &Principal, is_staff: bool) -> Result<Vec<UserId>> {
    match (is_staff, who.is_staff()) {
        (false, _) => Ok([&who.subject].into_iter().chain(&who.linked_guests).cloned().collect()),
        (true, true) => Ok(vec![UserId::from_name(STAFF)]),
        (true, false) => Err(Error::Forbidden),
    }
}

fn view(found: Notification) -> NotificationView {
    NotificationView {
        notification_id: found.id,
        user_id: found.user_id,
        category: found.kind.category(),
        kind: found.kind,
        title: found.title,
        body: found.body,
        action_url: found.action_url,
        icon_url: found.icon_url,
        data: found.data,
        is_read: found.is_read,
        read_at: found.read_at,
        created_at: found.created_at,
    }
}

/// A delivery as others see it.
fn delivery_view(endpoint: String, delivery: Delivery) -> DeliveryView {
    DeliveryView {
        endpoint,
        channel: delivery.medium,
        state: delivery.state,
        reason: delivery.reason,
        problem: delivery.problem,
        due_at: delivery.due_at,
        attempts: delivery.attempts,
        at: delivery.moved_at,
    }
}
