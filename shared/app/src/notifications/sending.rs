//! Sending one notification to one place: asked once more whether it should be, claimed, sent, written down.
//!
//! The claim and what came of it are two writes, so whoever stops between sending and writing sends again: one duplicate
//! in that gap at most. Everywhere else a task can be done twice and sends once.

mod composing;
mod verdict;

use domain::{
    NotificationId, ShopId, UserId,
    notification::{DeliveryState, Medium, Suppression},
    rate::Rate,
};
use jiff::{SignedDuration, Timestamp};
use rand::Rng;

use self::verdict::Verdict;
use super::{
    Links, Notifications, Task, Tasks,
    feedback::Notice,
    telling::{DIGEST, EMAIL, SMS},
};
use crate::{
    Error, Result,
    media::{Devices, Mail, Sent, Sms, WebPush},
    store::notifications::{Delivery, Endpoint, Letter, Notification, Recipient, Target},
};

/// How long whoever sends something has for it; longer than any way out takes, shorter than a queue waits.
const CLAIMED: SignedDuration = SignedDuration::from_secs(60);
/// The longest wait before something is sent again.
const LONGEST_DELAY: SignedDuration = SignedDuration::from_mins(15);
/// Text messages to one person: five, and one more every five hours; they cost money.
const SMS_OF_ONE: Rate = Rate::new(5, SignedDuration::from_mins(288));
/// Text messages of a shop: a thousand, and as many more in a day.
const SMS_OF_ALL: Rate = Rate::new(1_000, SignedDuration::from_millis(86_400));
/// What is said of a delivery that was tried often enough.
const GIVEN_UP: &str = "tried often enough: ";

/// The ways out.
#[derive(Debug)]
pub struct Ways {
    /// To browsers.
    pub web_push: Option<WebPush>,
    /// To telephones.
    pub devices: Devices,
    /// As text messages.
    pub sms: Sms,
    /// As mail.
    pub mail: Mail,
}

/// Sends what people are told.
#[derive(Debug)]
pub struct Sender {
    pub(super) notifications: Notifications,
    ways: Ways,
    links: Links,
    /// Where links lead: this API's own address.
    api_url: String,
    dead_letters: Tasks,
}

/// One delivery on its way.
struct Turn<'a> {
    notification: &'a Notification,
    place: &'a str,
    recipient: &'a Recipient,
    now: Timestamp,
}

impl Sender {
    /// Sends on `ways`; leaves to `dead_letters` what was tried often enough.
    pub const fn new(
        notifications: Notifications,
        ways: Ways,
        links: Links,
        api_url: String,
        dead_letters: Tasks,
    ) -> Self {
        Self { notifications, ways, links, api_url, dead_letters }
    }

    /// Takes in what came back.
    pub async fn take_in(&self, notice: &Notice) -> Result<()> {
        self.notifications.take_in(notice).await
    }

    /// Does a task of the queue. An error says that it has to come again.
    pub async fn run(&self, task: Task) -> Result<()> {
        match task {
            Task::Page { shop, job } => self.notifications.tell_page(&shop, &job).await,
            Task::Deliver { shop, user, notification, place, again } => {
                self.deliver(&shop, &user, &notification, &place, again).await
            }
        }
    }

    async fn deliver(
        &self,
        shop: &ShopId,
        user: &UserId,
        id: &NotificationId,
        place: &str,
        again: bool,
    ) -> Result<()> {
        let store = &self.notifications.store;
        let now = self.notifications.clock.now();
        let Some(notification) = store.notification(shop, user, id).await? else { return Ok(()) };
        let Some(delivery) = notification.deliveries.get(place) else { return Ok(()) };
        let is_given_up = delivery.problem.as_deref().is_some_and(|problem| problem.starts_with(GIVEN_UP));
        match delivery.state {
            DeliveryState::Failed if again && is_given_up => {
                let after =
                    Delivery { attempts: 0, problem: None, ..delivery.moved(DeliveryState::Queued, now) };
                self.settle(&notification, place, (delivery, &after)).await?;
                return self.again(&notification, place, SignedDuration::ZERO).await;
            }
            DeliveryState::Queued if delivery.due_at.is_none_or(|due_at| due_at <= now) => {}
            DeliveryState::Claimed if delivery.claimed_until <= now.as_millisecond() => {}
            // Whoever has it may have stopped: it comes again when their time is over.
            DeliveryState::Claimed => return Err(Error::busy()),
            _ => return Ok(()),
        }
        let recipient = store.recipient(shop, user, now).await?;
        let turn = Turn { notification: &notification, place, recipient: &recipient, now };
        let mut after = delivery.moved(DeliveryState::Queued, now);
        match self.verdict(&turn, delivery).await? {
            Verdict::Send => return self.claim_and_send(&turn).await,
            Verdict::Wait(until) => after.due_at = Some(until),
            Verdict::Gather(until) => return self.notifications.join_digest(&notification, until).await,
            Verdict::Suppress(reason) => {
                after.suppress(reason, now);
                self.settle_digest(&turn, &after).await?;
            }
            Verdict::Expire => after.expire(now),
        }
        self.settle(&notification, place, (delivery, &after)).await
    }

    async fn claim_and_send(&self, turn: &Turn<'_>) -> Result<()> {
        let Notifications { store, clock, .. } = &self.notifications;
        let Turn { notification, place, now, .. } = *turn;
        let until = now.checked_add(CLAIMED).unwrap_or(Timestamp::MAX);
        let request = clock.fresh().to_string();
        let Some(before) = notification.deliveries.get(place) else { return Ok(()) };
        // What is tried again has been counted.
        if place == SMS && before.attempts == 0 && !self.may_cost(notification, now).await? {
            let mut after = before.clone();
            after.suppress(Suppression::Throttled, now);
            return self.settle(notification, place, (before, &after)).await;
        }
        match store.claim_delivery(notification, place, (now, until), &request).await? {
            Ok(claimed) => {
                let Some(delivery) = claimed.deliveries.get(place) else { return Ok(()) };
                let turn = Turn { notification: &claimed, ..*turn };
                let sent = self.send(&turn).await?;
                self.write_down(&turn, delivery, sent).await
            }
            Err(Some(found)) => match found.deliveries.get(place).map(|delivery| delivery.state) {
                // Whoever has it may have stopped: it comes again when their time is over.
                Some(DeliveryState::Claimed) => Err(Error::busy()),
                _ => Ok(()),
            },
            Err(None) => Ok(()),
        }
    }

    async fn may_cost(&self, notification: &Notification, now: Timestamp) -> Result<bool> {
        let (shop, user) = (&notification.shop_id, notification.user_id.as_str());
        for (what, who, rate) in [("sms", user, SMS_OF_ONE), ("sms-all", "shop", SMS_OF_ALL)] {
            if !self.notifications.is_within(shop, (what, who), rate, now).await? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    async fn send(&self, turn: &Turn<'_>) -> Result<Sent> {
        match turn.place {
            EMAIL | DIGEST => match self.compose_mail(turn).await? {
                Some(mail) => self.ways.mail.send(&mail).await,
                // Everything that it was to tell has been read.
                None => Ok(Sent::Accepted { id: None }),
            },
            SMS => {
                let (number, text) = self.compose_sms(turn).await?;
                self.ways.sms.send(&number, &text, turn.notification.kind.is_marketing()).await
            }
            _ => match turn.recipient.endpoints.iter().find(|endpoint| endpoint.id == turn.place) {
                Some(endpoint) => self.push(turn, endpoint).await,
                None => Ok(Sent::Gone),
            },
        }
    }

    async fn push(&self, turn: &Turn<'_>, endpoint: &Endpoint) -> Result<Sent> {
        match &endpoint.target {
            Target::Browser { endpoint, p256dh, auth } => {
                let target = crate::media::PushTarget {
                    endpoint: endpoint.clone(),
                    p256dh: p256dh.clone(),
                    auth: auth.clone(),
                };
                let Some(web_push) = &self.ways.web_push else {
                    return Ok(Sent::Refused { why: "no pushes go to browsers".into() });
                };
                let payload = self.compose_push(turn, composing::Size::Whole).await?;
                match web_push.send(&target, &payload).await? {
                    Sent::TooLarge => {
                        let short = self.compose_push(turn, composing::Size::Short).await?;
                        web_push.send(&target, &short).await
                    }
                    sent => Ok(sent),
                }
            }
            Target::Device { arn, .. } => {
                let message = self.compose_device(turn).await?;
                self.ways.devices.send(arn, &message).await
            }
        }
    }

    async fn write_down(&self, turn: &Turn<'_>, delivery: &Delivery, sent: Sent) -> Result<()> {
        let Turn { notification, place, .. } = *turn;
        let now = self.notifications.clock.now();
        let failed = |problem: String| Delivery {
            problem: Some(problem),
            ..delivery.moved(DeliveryState::Failed, now)
        };
        let after = match sent {
            Sent::Accepted { .. } => Delivery { problem: None, ..delivery.moved(DeliveryState::Sent, now) },
            Sent::Gone => {
                self.forget(turn, delivery.medium).await?;
                failed("the endpoint is gone".into())
            }
            Sent::TooLarge => failed("it is too large".into()),
            Sent::Refused { why } => failed(why),
            Sent::Later { after, why } => return self.put_off(turn, delivery, after, &why).await,
        };
        tracing::info!(
            notification_id = notification.id.as_str(),
            kind = notification.kind.name(),
            channel = delivery.medium.name(),
            state = ?after.state,
            attempts = after.attempts,
            "a notification was sent"
        );
        // First what it told of: whoever stops in between finds nothing left to tell, and tells nothing twice.
        self.settle_digest(turn, &after).await?;
        self.settle(notification, place, (delivery, &after)).await
    }

    /// What becomes of a mail that tells of several becomes of them.
    async fn settle_digest(&self, turn: &Turn<'_>, fate: &Delivery) -> Result<()> {
        let Some(Letter::Digest(items)) = &turn.notification.letter else { return Ok(()) };
        let preferences = &turn.recipient.person.preferences;
        self.notifications.settle_with(turn.notification, items, preferences, fate).await
    }

    /// It is sent again after a while, unless it was tried often enough: then it is left to operators.
    async fn put_off(
        &self,
        turn: &Turn<'_>,
        delivery: &Delivery,
        after: Option<SignedDuration>,
        why: &str,
    ) -> Result<()> {
        let Turn { notification, place, .. } = *turn;
        let (settings, now) = (self.notifications.settings.notifications, self.notifications.clock.now());
        if delivery.attempts > settings.max_retries {
            let problem = Some(format!("{GIVEN_UP}{why}"));
            let failed = Delivery { problem, ..delivery.moved(DeliveryState::Failed, now) };
            tracing::error!(notification_id = notification.id.as_str(), why, "a notification was given up");
            self.settle(notification, place, (delivery, &failed)).await?;
            return self.dead_letters.hand_over(&[Task::deliver_again(notification, place)]).await;
        }
        let delay = retry_delay(settings.retry_delay, delivery.attempts).max(after.unwrap_or_default());
        let queued = Delivery { problem: Some(why.to_owned()), ..delivery.moved(DeliveryState::Queued, now) };
        if delay > LONGEST_DELAY {
            let due_at = now.checked_add(delay).ok();
            return self.settle(notification, place, (delivery, &Delivery { due_at, ..queued })).await;
        }
        self.settle(notification, place, (delivery, &queued)).await?;
        self.again(notification, place, delay).await
    }

    async fn again(&self, notification: &Notification, place: &str, delay: SignedDuration) -> Result<()> {
        let seconds = u32::try_from(delay.as_millis().div_euclid(1_000) + 1).unwrap_or(900);
        let seconds = if delay.is_zero() { 0 } else { seconds };
        self.notifications.tasks.hand_over_later(&Task::deliver(notification, place), seconds).await
    }

    /// Whatever takes nothing any more is forgotten.
    async fn forget(&self, turn: &Turn<'_>, medium: Medium) -> Result<()> {
        let Notification { shop_id, user_id, .. } = turn.notification;
        match medium {
            Medium::Push => self.notifications.store.forget_endpoint(shop_id, user_id, turn.place).await,
            _ => Ok(()),
        }
    }

    async fn settle(
        &self,
        notification: &Notification,
        place: &str,
        (before, after): (&Delivery, &Delivery),
    ) -> Result<()> {
        let request = self.notifications.clock.fresh().to_string();
        let moved = self.notifications.store.move_delivery(notification, place, (before, after), &request);
        if !moved.await? {
            tracing::debug!(notification_id = notification.id.as_str(), place, "somebody else has moved it");
        }
        Ok(())
    }
}

/// Where mail of it goes: what an address is asked goes to that address, all else to the one they have confirmed before the
/// one that came with an order.
fn mail_address(notification: &Notification, recipient: &Recipient) -> Option<String> {
    let own = recipient.person.email.clone();
    match &notification.letter {
        Some(Letter::ConfirmAddress | Letter::ConfirmAlert(_)) => notification.mail_to.clone(),
        Some(Letter::Digest(_)) | None => own.or_else(|| notification.mail_to.clone()),
    }
}

/// The wait before something is tried for the `attempts`-and-first time: doubled each time, and a random half of it on
/// top, so that what failed together does not come again together.
fn retry_delay(first: SignedDuration, attempts: u32) -> SignedDuration {
    let doubled = first.as_millis().saturating_mul(1_i128 << attempts.saturating_sub(1).min(20));
    let doubled = i64::try_from(doubled).unwrap_or(i64::MAX / 2).max(1);
    SignedDuration::from_millis(doubled.saturating_add(rand::rng().random_range(0..=doubled / 2)))
}
