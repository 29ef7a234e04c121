//! One mail that tells of several.

use std::collections::BTreeMap;

use domain::{
    NotificationId, ShopId, UserId,
    notification::{DeliveryState, Medium},
};

use super::{
    Notifications, Task,
    telling::{DIGEST, EMAIL},
};
use crate::{
    Result,
    clock::derived_at,
    store::notifications::{Delivery, DigestRow, Letter, Notification},
};

/// How often it is tried to close a window while more comes in.
const MAX_ATTEMPTS: u32 = 16;

impl Notifications {
    /// Closes somebody's window and sends the mail that tells of all that was in it. Closing and writing the mail are one
    /// transaction: nothing is told twice, and nothing is lost.
    pub async fn close_digest(&self, shop: &ShopId, user: &UserId) -> Result<()> {
        for _ in 0..MAX_ATTEMPTS {
            let Some(seen) = self.store.digest(shop, user).await? else { return Ok(()) };
            let Some(mail) = self.letter_of(shop, user, &seen).await? else { return Ok(()) };
            if self.store.close_digest(&mail, &seen).await? {
                return self.post(&mail).await;
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
        let parts = [shop.as_str(), user.as_str(), "digest", &seen.version.to_string()];
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
        let task = Task::Deliver {
            shop: mail.shop_id.clone(),
            user: mail.user_id.clone(),
            notification: mail.id.clone(),
            place: EMAIL.to_owned(),
            again: false,
        };
        self.tasks.hand_over(&[task]).await
    }

    /// What of these a mail still tells: what was not read, each marked as told by it.
    pub(super) async fn told_by(
        &self,
        mail: &Notification,
        items: &[NotificationId],
    ) -> Result<Vec<Notification>> {
        let mut told = vec![];
        for id in items {
            let found = self.store.notification(&mail.shop_id, &mail.user_id, id).await?;
            told.extend(found.filter(|found| !found.is_read));
        }
        Ok(told)
    }

    /// Writes down that these went out with a mail.
    pub(super) async fn mark_told(&self, told: &[Notification]) -> Result<()> {
        let now = self.clock.now();
        for notification in told {
            let Some(before) = notification.deliveries.get(DIGEST) else { continue };
            let after = before.moved(DeliveryState::Sent, now);
            let request = self.clock.fresh().to_string();
            self.store.move_delivery(notification, DIGEST, (before, &after), &request).await?;
        }
        Ok(())
    }
}
