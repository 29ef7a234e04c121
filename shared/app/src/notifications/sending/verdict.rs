//! Whether something should be sent, asked when its turn has come.

use domain::notification::{Decision, DeliveryState, Kind, Medium, Suppression, decide};
use jiff::Timestamp;

use super::{Sender, Turn, mail_address};
use crate::{
    Result,
    notifications::Notifications,
    store::notifications::{Delivery, Notification},
};

/// What is to become of a delivery whose turn has come.
pub(super) enum Verdict {
    Send,
    Wait(Timestamp),
    /// It waits until then for a mail with others.
    Gather(Timestamp),
    Suppress(Suppression),
    Expire,
}

impl Sender {
    /// Whether it should be sent now: what they want, what they have read and where they are may have changed since it was
    /// written down.
    pub(super) async fn verdict(&self, turn: &Turn<'_>, delivery: &Delivery) -> Result<Verdict> {
        let Turn { notification, recipient, now, .. } = turn;
        if notification.letter.is_some() {
            return self.verdict_on_address(turn, delivery.medium).await;
        }
        let locale = recipient.person.locale.as_deref();
        let words = &self.notifications.words;
        let worth = words.worth(&notification.shop_id, notification.kind, delivery.medium, locale).await?;
        if now.duration_since(notification.created_at) >= worth {
            return Ok(Verdict::Expire);
        }
        let is_fallback = delivery.medium == Medium::Email && notification.mails_late();
        if is_fallback && self.notifications.has_reached(notification).await? {
            return Ok(Verdict::Suppress(Suppression::Read));
        }
        let asked = if is_fallback { notification.asked_as_mail() } else { notification.asked.as_deref() };
        let preferences = &recipient.person.preferences;
        let zone = self.notifications.settings.zone();
        let kind = notification.kind;
        match decide(kind, delivery.medium, preferences, asked, &zone, notification.created_at, *now) {
            Decision::Suppressed(reason) => Ok(Verdict::Suppress(reason)),
            Decision::At(until) => Ok(Verdict::Wait(until)),
            Decision::Digest { until } if is_fallback => Ok(Verdict::Gather(until)),
            // What was to go by itself goes by itself, also if they have asked for digests since.
            Decision::Now | Decision::Digest { .. } => self.verdict_on_address(turn, delivery.medium).await,
        }
    }

    /// Whether there is somewhere to send it that takes it.
    async fn verdict_on_address(&self, turn: &Turn<'_>, medium: Medium) -> Result<Verdict> {
        let Turn { notification, recipient, .. } = turn;
        let address = match medium {
            Medium::Email => mail_address(notification, recipient),
            Medium::Sms => recipient.person.phone.clone(),
            Medium::Push | Medium::Websocket => {
                let is_there = recipient.endpoints.iter().any(|endpoint| endpoint.id == turn.place);
                return Ok(if is_there { Verdict::Send } else { Verdict::Suppress(Suppression::NoEndpoint) });
            }
        };
        let Some(address) = address else { return Ok(Verdict::Suppress(Suppression::NoEndpoint)) };
        let store = &self.notifications.store;
        match store.unreachable(&notification.shop_id, &address).await? {
            Some(why) => Ok(Verdict::Suppress(why.reason)),
            None => Ok(Verdict::Send),
        }
    }
}

impl Notifications {
    /// Whether they know already: they have read it, or a push was taken.
    pub(in crate::notifications) async fn has_reached(&self, notification: &Notification) -> Result<bool> {
        let Notification { kind, data, is_read, deliveries, shop_id, user_id, .. } = notification;
        let was_taken = |delivery: &Delivery| {
            delivery.medium == Medium::Push
                && matches!(
                    delivery.state,
                    DeliveryState::Sent
                        | DeliveryState::Delivered
                        | DeliveryState::Opened
                        | DeliveryState::Clicked
                )
        };
        if *is_read || deliveries.values().any(was_taken) {
            return Ok(true);
        }
        let conversation = data.get("conversation_id").and_then(|id| id.as_str());
        let conversation = conversation.and_then(|id| domain::ConversationId::new(id).ok());
        match conversation.filter(|_| *kind == Kind::ChatMessage) {
            Some(id) => Ok(self.unread_of(shop_id, &id, user_id).await?.is_none()),
            None => Ok(false),
        }
    }
}
