//! Notifications and their deliveries, as they are stored.

use std::collections::BTreeMap;

use contract::{Fact, JournalEvent, http::notifications::NotificationData, journal::NotificationNews};
use domain::{
    EventId, NotificationId, ShopId, UserId,
    notification::{DeliveryState, Kind, Medium, Suppression},
};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{INBOX, LETTER, Watcher, inbox::inbox_pk};
use crate::{
    clock::derived,
    notifications::telling::DIGEST,
    store::{Key, due_shard, sortable},
};

/// How long what people were told is kept.
const KEPT: SignedDuration = SignedDuration::from_hours(90 * 24);

/// What became of a notification on one way to one place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    /// The way.
    pub medium: Medium,
    /// Where it is.
    pub state: DeliveryState,
    /// Why it was not sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Suppression>,
    /// What went wrong, without addresses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
    /// When its turn comes, if it waits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due_at: Option<Timestamp>,
    /// How often it was tried.
    pub attempts: u32,
    /// Whoever sends it has until then, in milliseconds.
    #[serde(default)]
    pub claimed_until: i64,
    /// Who that is.
    #[serde(default)]
    pub claimed_by: String,
    /// When it came to where it is.
    pub moved_at: Timestamp,
}

/// Something that somebody is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notification {
    /// Its name, ordered by time.
    pub id: NotificationId,
    /// The tenant.
    pub shop_id: ShopId,
    /// Who.
    pub user_id: UserId,
    /// What kind it is.
    pub kind: Kind,
    /// What it is about: `order:ord_1`.
    pub subject: String,
    /// What it is made of.
    pub data: NotificationData,
    /// Its heading.
    pub title: String,
    /// What it says.
    pub body: String,
    /// Where it leads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action_url: Option<String>,
    /// Its picture.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub icon_url: Option<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// What caused it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
    /// Who caused it.
    pub actor: UserId,
    /// Whether it was read.
    pub is_read: bool,
    /// When it was read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub read_at: Option<Timestamp>,
    /// Where mail of it goes if they have no address of their own: the one that was given with an order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mail_to: Option<String>,
    /// Whether pushes of it wake an app and show nothing.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_silent: bool,
    /// The ways that whoever sent it asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked: Option<Vec<Medium>>,
    /// What became of it, by the name of the place.
    pub deliveries: BTreeMap<String, Delivery>,
    /// What it is for, if it is a mail and in no inbox.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub letter: Option<Letter>,
}

/// A mail that is in no inbox.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Letter {
    /// It tells of these.
    Digest(Vec<NotificationId>),
    /// It asks whether an address belongs to whoever gave it.
    ConfirmAddress,
    /// It asks whether somebody at an address wants to be told of a product.
    ConfirmAlert(Box<Watcher>),
}

/// A notification as it is stored.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct NotificationRow {
    #[serde(flatten)]
    notification: Notification,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    listed: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    listed_at: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    due: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    due_at: Option<String>,
    expires_at: i64,
}

impl Delivery {
    /// One that is in `state`.
    pub const fn new(medium: Medium, state: DeliveryState, now: Timestamp) -> Self {
        Self {
            medium,
            state,
            reason: None,
            problem: None,
            due_at: None,
            attempts: 0,
            claimed_until: 0,
            claimed_by: String::new(),
            moved_at: now,
        }
    }

    /// One that is not sent.
    pub fn suppressed(medium: Medium, reason: Suppression, now: Timestamp) -> Self {
        Self { reason: Some(reason), ..Self::new(medium, DeliveryState::Suppressed, now) }
    }

    /// It is not sent.
    pub fn suppress(&mut self, reason: Suppression, now: Timestamp) {
        (self.state, self.reason, self.due_at) = (DeliveryState::Suppressed, Some(reason), None);
        self.moved_at = now;
    }

    /// It is too old.
    pub const fn expire(&mut self, now: Timestamp) {
        (self.state, self.due_at, self.moved_at) = (DeliveryState::Expired, None, now);
    }

    /// It is, or was, `state`.
    #[must_use]
    pub fn moved(&self, state: DeliveryState, now: Timestamp) -> Self {
        Self { state, moved_at: now, due_at: None, ..self.clone() }
    }
}

impl NotificationRow {
    pub(super) fn of(notification: &Notification) -> Self {
        let first_due = notification.first_due();
        Self {
            listed: Some(format!("{}#{}", notification.shop_id, notification.id)),
            listed_at: Some(notification.user_id.to_string()),
            due: first_due.map(|_| due_shard(notification.id.as_str())),
            due_at: first_due.map(sortable),
            expires_at: notification.created_at.checked_add(KEPT).unwrap_or(Timestamp::MAX).as_second(),
            notification: notification.clone(),
        }
    }

    /// The notification.
    pub fn notification(self) -> Notification {
        self.notification
    }
}

impl Notification {
    /// When the first of what waits is due; nothing if nothing waits.
    pub(super) fn first_due(&self) -> Option<Timestamp> {
        // What waits for a mail with others falls due with that mail.
        let alone =
            self.deliveries.iter().filter(|(place, _)| *place != DIGEST).map(|(_, delivery)| delivery);
        let waits = alone.filter(|delivery| delivery.state == DeliveryState::Queued);
        waits.filter_map(|delivery| delivery.due_at).min()
    }

    /// The places to which it is to be sent at once.
    pub fn sent_at_once(&self) -> impl Iterator<Item = &String> {
        self.deliveries.iter().filter_map(|(place, delivery)| {
            (delivery.state == DeliveryState::Queued && delivery.due_at.is_none()).then_some(place)
        })
    }

    /// Whether mail of it only follows where they were not reached otherwise.
    pub fn mails_late(&self) -> bool {
        self.kind.mails_after().is_some() && self.asked.is_none()
    }

    /// The ways that are asked for where it goes out as mail.
    pub fn asked_as_mail(&self) -> Option<&[Medium]> {
        match self.mails_late() {
            true => Some(&[Medium::Email]),
            false => self.asked.as_deref(),
        }
    }

    /// Whether it is shown on their screens.
    pub fn is_live(&self) -> bool {
        self.deliveries.values().any(|delivery| {
            delivery.medium == Medium::Websocket && delivery.state != DeliveryState::Suppressed
        })
    }

    /// The event as which it is published. How much is unread by then is counted when it is.
    pub fn event(&self) -> JournalEvent {
        JournalEvent {
            id: EventId::from_uuid(derived(&[self.id.as_str(), "created"])),
            shop_id: self.shop_id.clone(),
            subject: format!("notification:{}", self.id),
            version: 0,
            occurred_at: self.created_at,
            actor: self.actor.clone(),
            cause: self.cause.clone(),
            fact: Fact::NotificationCreated(Box::new(NotificationNews {
                notification_id: self.id.clone(),
                user_id: self.user_id.clone(),
                kind: self.kind,
                category: self.kind.category(),
                title: self.title.clone(),
                body: self.body.clone(),
                action_url: self.action_url.clone(),
                icon_url: self.icon_url.clone(),
                data: self.data.clone(),
                created_at: self.created_at,
                unread_count: 0,
            })),
        }
    }

    pub(super) fn key(&self) -> Key {
        let prefix = if self.letter.is_none() { INBOX } else { LETTER };
        Key::new(inbox_pk(&self.shop_id, &self.user_id), format!("{prefix}{}", self.id))
    }
}
