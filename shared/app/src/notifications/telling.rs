//! Writing what somebody is told into their inbox, together with where it will go.

use std::collections::BTreeMap;

use contract::{http::notifications::NotificationData, journal::STAFF};
use domain::{
    NotificationId, ShopId, UserId,
    notification::{
        Category, Decision, DeliveryState, Kind, Medium, Suppression, decide, decision::wanted, expires_at,
    },
    rate::Rate,
};
use jiff::{SignedDuration, Timestamp};

use super::{Notifications, Task, digests::Closing, wording::Spoken};
use crate::{
    Error, Result,
    clock::derived_at,
    store::notifications::{Delivery, Endpoint, Gathered, Notification, Put, Recipient},
};

/// How often it is tried to add to a window that others add to and close.
const MAX_ATTEMPTS: u32 = 16;
/// Where a notification is in the inbox.
pub const INBOX: &str = "inbox";
/// Where mail goes.
pub const EMAIL: &str = "email";
/// Where mail goes that waits for others.
pub const DIGEST: &str = "digest";
/// Where text messages go.
pub const SMS: &str = "sms";
/// Where pushes would go.
pub const PUSH: &str = "push";

/// Something that somebody is to be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// Who.
    pub user: UserId,
    /// What kind it is.
    pub kind: Kind,
    /// What it is about: `order:ord_1`.
    pub subject: String,
    /// Which state of the subject it tells of. Of one person, kind, subject and version there is one notification.
    pub version: String,
    /// When what it tells of happened.
    pub at: Timestamp,
    /// What it is made of.
    pub data: NotificationData,
    /// What caused it.
    pub cause: Option<String>,
    /// Who caused it.
    pub actor: UserId,
    /// The ways that are asked for, instead of the usual ones.
    pub asked: Option<Vec<Medium>>,
    /// A key under which they are told only once in a day.
    pub key: Option<String>,
    /// Where mail of it goes, if they have no address of their own.
    pub mail_to: Option<String>,
    /// Whether pushes of it wake an app and show nothing.
    pub is_silent: bool,
}

/// What became of telling somebody something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// The notification; if they were told under the same key before, that one.
    pub id: NotificationId,
    /// Whether they did not know yet.
    pub is_new: bool,
}

impl Wanted {
    /// Its name: the same however often it is wanted.
    pub fn id(&self, shop: &ShopId) -> NotificationId {
        let parts =
            [shop.as_str(), self.user.as_str(), self.kind.name(), self.subject.as_str(), &self.version];
        NotificationId::from_uuid(derived_at(self.at, &parts))
    }
}

/// How often somebody is told of things that can wait, besides in their inbox; nothing, if as often as there is something.
fn rate(kind: Kind) -> Option<Rate> {
    match kind.category() {
        Category::Marketing => Some(Rate::new(3, SignedDuration::from_hours(8))),
        Category::Chat | Category::Staff if !kind.is_critical() => {
            Some(Rate::new(20, SignedDuration::from_mins(3)))
        }
        _ => None,
    }
}

impl Notifications {
    /// Tells somebody something. What is to be sent follows from the row that this writes.
    pub async fn tell(&self, shop: &ShopId, wanted: &Wanted) -> Result<Told> {
        if let Some(told) = self.tell_customer(shop, wanted).await? {
            return Ok(told);
        }
        let now = self.clock.now();
        let recipient = self.store.recipient(shop, &wanted.user, now).await?;
        let mut notification = self.compose(shop, wanted, &recipient, now).await?;
        if goes_out(&notification.deliveries) && self.is_too_much(shop, wanted, now).await? {
            throttle(&mut notification.deliveries, now);
        }
        match self.store.put_notification(&notification, wanted.key.as_deref(), now).await? {
            Put::New => {
                self.gather(&notification).await?;
                Ok(Told { id: notification.id, is_new: true })
            }
            Put::Known(id) => {
                // Whoever wrote it may have stopped right after.
                if let Some(known) = self.store.notification(shop, &wanted.user, &id).await? {
                    self.gather(&known).await?;
                }
                Ok(Told { id, is_new: false })
            }
        }
    }

    async fn compose(
        &self,
        shop: &ShopId,
        wanted: &Wanted,
        recipient: &Recipient,
        now: Timestamp,
    ) -> Result<Notification> {
        let locale = recipient.person.locale.as_deref();
        let spoken = self.words.speak(shop, wanted.kind, Medium::Websocket, locale, &wanted.data).await?;
        let Spoken { title, body, action_url, icon_url, .. } = spoken;
        Ok(Notification {
            id: wanted.id(shop),
            shop_id: shop.clone(),
            user_id: wanted.user.clone(),
            kind: wanted.kind,
            subject: wanted.subject.clone(),
            data: wanted.data.clone(),
            title,
            body,
            action_url,
            icon_url,
            created_at: wanted.at,
            cause: wanted.cause.clone(),
            actor: wanted.actor.clone(),
            is_read: false,
            read_at: None,
            mail_to: wanted.mail_to.clone(),
            is_silent: wanted.is_silent,
            asked: wanted.asked.clone(),
            deliveries: self.planned(wanted, recipient, now),
            letter: None,
        })
    }

    /// Whether they have had enough of this kind for now, this time counted.
    async fn is_too_much(&self, shop: &ShopId, wanted: &Wanted, now: Timestamp) -> Result<bool> {
        let Some(rate) = rate(wanted.kind) else { return Ok(false) };
        let what = format!("told-{}", wanted.kind.category().name());
        Ok(!self.is_within(shop, (&what, wanted.user.as_str()), rate, now).await?)
    }

    /// Counts one of `what` for `who`, and says whether it is within their limit.
    pub(super) async fn is_within(
        &self,
        shop: &ShopId,
        (what, who): (&str, &str),
        rate: Rate,
        now: Timestamp,
    ) -> Result<bool> {
        let request = self.clock.fresh().to_string();
        match self.store.limit(shop, what, who, rate, now, &request).await {
            Ok(()) => Ok(true),
            Err(Error::Limited { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Where it goes, and when.
    fn planned(&self, wanted: &Wanted, recipient: &Recipient, now: Timestamp) -> BTreeMap<String, Delivery> {
        let mut planned = BTreeMap::new();
        let inbox = match is_shown(wanted, recipient) {
            Ok(()) => Delivery::new(Medium::Websocket, DeliveryState::Sent, now),
            Err(reason) => Delivery::suppressed(Medium::Websocket, reason, now),
        };
        planned.insert(INBOX.to_owned(), inbox);
        if wanted.user.as_str() == STAFF {
            return planned;
        }
        self.plan_pushes(&mut planned, wanted, recipient, now);
        self.plan_mail(&mut planned, wanted, recipient, now);
        let has_phone = recipient.person.phone.is_some();
        let decision = self.decided(wanted, Medium::Sms, recipient, now);
        if let Some(sms) = plan_one(wanted, Medium::Sms, decision, has_phone, now) {
            planned.insert(SMS.to_owned(), sms);
        }
        if now >= expires_at(wanted.kind, wanted.at) {
            let waiting = planned.values_mut().filter(|one| one.state == DeliveryState::Queued);
            waiting.for_each(|delivery| delivery.expire(now));
        }
        planned
    }

    fn plan_pushes(
        &self,
        planned: &mut BTreeMap<String, Delivery>,
        wanted: &Wanted,
        recipient: &Recipient,
        now: Timestamp,
    ) {
        let wants = |endpoint: &&Endpoint| {
            endpoint.categories.is_empty() || endpoint.categories.contains(&wanted.kind.category())
        };
        let endpoints: Vec<&Endpoint> = recipient.endpoints.iter().filter(wants).collect();
        let decision = self.decided(wanted, Medium::Push, recipient, now);
        let Some(push) = plan_one(wanted, Medium::Push, decision, !endpoints.is_empty(), now) else {
            return;
        };
        match push.state {
            DeliveryState::Queued => {
                planned.extend(endpoints.iter().map(|endpoint| (endpoint.id.clone(), push.clone())));
            }
            _ => drop(planned.insert(PUSH.to_owned(), push)),
        }
    }

    /// Mail goes out by itself, or when no push was taken and nothing was read for a while.
    fn plan_mail(
        &self,
        planned: &mut BTreeMap<String, Delivery>,
        wanted: &Wanted,
        recipient: &Recipient,
        now: Timestamp,
    ) {
        let has_address = recipient.person.email.is_some() || wanted.mail_to.is_some();
        let fallback = wanted.kind.mails_after().filter(|_| wanted.asked.is_none());
        let Some(after) = fallback else {
            let decision = self.decided(wanted, Medium::Email, recipient, now);
            if let Some(mail) = plan_one(wanted, Medium::Email, decision, has_address, now) {
                let is_gathered = matches!(decision, Decision::Digest { .. });
                let waits = mail.state == DeliveryState::Queued && is_gathered;
                planned.insert(if waits { DIGEST } else { EMAIL }.to_owned(), mail);
            }
            return;
        };
        if !self.settings.notifications.falls_back_to_mail || !has_address {
            return;
        }
        let asked = Wanted { asked: Some(vec![Medium::Email]), ..wanted.clone() };
        let decision = self.decided(&asked, Medium::Email, recipient, now);
        if let Some(mut mail) = plan_one(&asked, Medium::Email, decision, true, now) {
            let due_at = wanted.at.checked_add(after).unwrap_or(Timestamp::MAX);
            if mail.state == DeliveryState::Queued {
                // Whether it then waits for a mail with others is asked when they were not reached.
                let later = mail.due_at.filter(|_| !matches!(decision, Decision::Digest { .. }));
                mail.due_at = Some(later.map_or(due_at, |other| other.max(due_at)));
            }
            planned.insert(EMAIL.to_owned(), mail);
        }
    }

    fn decided(&self, wanted: &Wanted, medium: Medium, recipient: &Recipient, now: Timestamp) -> Decision {
        let preferences = &recipient.person.preferences;
        let zone = self.settings.zone();
        decide(wanted.kind, medium, preferences, wanted.asked.as_deref(), &zone, wanted.at, now)
    }

    /// Adds what waits for a mail with others to the window of that mail.
    pub(super) async fn gather(&self, notification: &Notification) -> Result<()> {
        let Some(due_at) = notification
            .deliveries
            .get(DIGEST)
            .filter(|delivery| delivery.state == DeliveryState::Queued)
            .and_then(|delivery| delivery.due_at)
        else {
            return Ok(());
        };
        let (shop, user) = (&notification.shop_id, &notification.user_id);
        for _ in 0..MAX_ATTEMPTS {
            let request = self.clock.fresh().to_string();
            match self.store.gather(shop, user, &notification.id, due_at, &request).await? {
                Gathered::Until(_) => return Ok(()),
                Gathered::Full => self.close_digest(shop, user, Closing::Full).await?,
            }
        }
        Err(Error::busy())
    }
}

/// One way of it; nothing, if it is not one on which it usually goes and nobody asked for it.
fn plan_one(
    wanted: &Wanted,
    medium: Medium,
    decision: Decision,
    has_endpoint: bool,
    now: Timestamp,
) -> Option<Delivery> {
    let is_expected = match &wanted.asked {
        Some(asked) => asked.contains(&medium),
        None => wanted.kind.media().contains(&medium),
    };
    let due_at = match decision {
        Decision::Suppressed(reason) => {
            return is_expected.then(|| Delivery::suppressed(medium, reason, now));
        }
        Decision::Now => None,
        Decision::At(at) | Decision::Digest { until: at } => Some(at),
    };
    if !has_endpoint {
        return Some(Delivery::suppressed(medium, Suppression::NoEndpoint, now));
    }
    Some(Delivery { due_at, ..Delivery::new(medium, DeliveryState::Queued, now) })
}

/// Whether anything of it leaves the shop's own pages.
fn goes_out(deliveries: &BTreeMap<String, Delivery>) -> bool {
    deliveries.values().any(|one| one.medium != Medium::Websocket && one.state == DeliveryState::Queued)
}

/// Nothing of it leaves the shop's own pages.
fn throttle(deliveries: &mut BTreeMap<String, Delivery>, now: Timestamp) {
    for delivery in deliveries.values_mut().filter(|one| one.medium != Medium::Websocket) {
        delivery.suppress(Suppression::Throttled, now);
    }
}

/// Whether somebody wants to see it at once. The inbox has everything.
fn is_shown(what: &Wanted, recipient: &Recipient) -> std::result::Result<(), Suppression> {
    if what.kind.is_marketing() {
        // It needs consent to be sent, but not to lie there.
        return Ok(());
    }
    wanted(what.kind, Medium::Websocket, &recipient.person.preferences, Some(&[Medium::Websocket]))
}

/// The tasks that follow from a row of an inbox.
pub fn tasks_of(notification: &Notification) -> Vec<Task> {
    notification.sent_at_once().map(|place| Task::deliver(notification, place)).collect()
}
