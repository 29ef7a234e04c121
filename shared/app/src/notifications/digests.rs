//! One mail that tells of several.

use std::collections::BTreeMap;

use domain::{
    NotificationId, ShopId, UserId,
    notification::{DeliveryState, Medium, Preferences, Suppression, decision::wanted},
};

use jiff::Timestamp;

use super::{
    Notifications, Task,
    telling::{DIGEST, EMAIL},
};
use crate::{
    Result,
    clock::derived_at,
    store::notifications::{Delivery, DigestRow, Gathered, Letter, MOST, Notification},
};

/// How often it is tried to close a window while more comes in.
const MAX_ATTEMPTS: u32 = 16;

/// Why a window is closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Closing {
    /// Its end has come.
    Due,
    /// No more goes in.
    Full,
}

impl Notifications {
    /// Closes somebody's window and sends the mail that tells of all that was in it. Closing and writing the mail are one
    /// transaction: nothing is told twice, and nothing is lost.
    pub(super) async fn close_digest(&self, shop: &ShopId, user: &UserId, why: Closing) -> Result<()> {
        for _ in 0..MAX_ATTEMPTS {
            let Some(seen) = self.store.digest(shop, user).await? else { return Ok(()) };
            // Somebody else may have closed the one that was meant, and another is open.
            let is_meant = match why {
                Closing::Due => seen.closes_at <= self.clock.now(),
                Closing::Full => seen.items.len() >= MOST,
            };
            if !is_meant {
                return Ok(());
            }
            let Some(mail) = self.letter_of(shop, user, &seen).await? else { return Ok(()) };
            if self.store.close_digest(&mail, &seen).await? {
                return self.post(&mail).await;
            }
        }
        Err(crate::Error::busy())
    }

    /// Lets mail that would have followed now wait for a mail with others.
    pub(super) async fn join_digest(&self, notification: &Notification, until: Timestamp) -> Result<()> {
        let (shop, user) = (&notification.shop_id, &notification.user_id);
        for _ in 0..MAX_ATTEMPTS {
            match self.store.join_digest(notification, until, self.clock.now()).await? {
                Some(Gathered::Full) => self.close_digest(shop, user, Closing::Full).await?,
                // Or somebody else has moved it.
                Some(Gathered::Until(_)) | None => return Ok(()),
            }
        }
        Err(crate::Error::busy())
    }

    async fn letter_of(
        &self,
        shop: &ShopId,
        user: &UserId,
        seen: &DigestRow,
    ) -> Result<Option<Notification>> {
        let mut first = None;
        for id in &seen.items {
            first = self.store.notification(shop, user, id).await?;
            if first.is_some() {
                break;
            }
        }
        let Some(first) = first else { return Ok(None) };
        // Windows that fill up before their end have the same end; nothing is in two of them.
        let parts = [shop.as_str(), user.as_str(), "digest", first.id.as_str()];
        let id = NotificationId::from_uuid(derived_at(seen.closes_at, &parts));
        let items = seen.items.iter().cloned().collect();
        Ok(Some(self.letter(id, Letter::Digest(items), first)))
    }

    /// A mail that is in no inbox, about what `about` is about.
    pub(super) fn letter(&self, id: NotificationId, letter: Letter, about: Notification) -> Notification {
        let now = self.clock.now();
        let delivery =
            Delivery { due_at: Some(now), ..Delivery::new(Medium::Email, DeliveryState::Queued, now) };
        Notification {
            id,
            created_at: now,
            letter: Some(letter),
            deliveries: BTreeMap::from([(EMAIL.to_owned(), delivery)]),
            ..about
        }
    }

    /// Hands over a mail that is in no inbox. If that fails, it falls due.
    pub(super) async fn post(&self, mail: &Notification) -> Result<()> {
        self.tasks.hand_over(&[Task::deliver(mail, EMAIL)]).await
    }

    /// What of these a mail still tells.
    pub(super) async fn told_by(
        &self,
        mail: &Notification,
        items: &[NotificationId],
        preferences: &Preferences,
    ) -> Result<Vec<Notification>> {
        let mut told = vec![];
        for id in items {
            let found = self.store.notification(&mail.shop_id, &mail.user_id, id).await?;
            let Some(found) = found.filter(waits) else { continue };
            if self.left_out(&found, preferences).await?.is_none() {
                told.push(found);
            }
        }
        Ok(told)
    }

    /// Writes down what became of all these with the mail that was to tell of them: where they stand by themselves, or else
    /// where it does.
    pub(super) async fn settle_with(
        &self,
        mail: &Notification,
        items: &[NotificationId],
        preferences: &Preferences,
        fate: &Delivery,
    ) -> Result<()> {
        for id in items {
            let found = self.store.notification(&mail.shop_id, &mail.user_id, id).await?;
            let Some(item) = found.filter(waits) else { continue };
            let Some(before) = item.deliveries.get(DIGEST) else { continue };
            let mut after = before.moved(fate.state, fate.moved_at);
            (after.reason, after.problem) = (fate.reason, fate.problem.clone());
            if let Some(reason) = self.left_out(&item, preferences).await? {
                after.suppress(reason, fate.moved_at);
            }
            let request = self.clock.fresh().to_string();
            self.store.move_delivery(&item, DIGEST, (before, &after), &request).await?;
        }
        Ok(())
    }

    /// Why a mail does not tell of it after all; nothing, if it does.
    async fn left_out(&self, item: &Notification, preferences: &Preferences) -> Result<Option<Suppression>> {
        if item.is_read || (item.mails_late() && self.has_reached(item).await?) {
            return Ok(Some(Suppression::Read));
        }
        Ok(wanted(item.kind, Medium::Email, preferences, item.asked_as_mail()).err())
    }
}

/// Whether no mail has told of it yet.
fn waits(item: &Notification) -> bool {
    item.deliveries.get(DIGEST).is_some_and(|delivery| delivery.state == DeliveryState::Queued)
}
