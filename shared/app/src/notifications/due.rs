//! What falls due: mail that waited for somebody to read, pushes that waited for the morning, digests, jobs that stopped.

use domain::{NotificationId, NotificationJobId, UserId, notification::DeliveryState};

use super::{Notifications, Task, digests::Closing, telling::DIGEST};
use crate::{
    Error, Result,
    store::{
        Due,
        notifications::{INBOX, LETTER},
    },
};

impl Notifications {
    /// Does what has fallen due, or says that it is none of these.
    pub async fn take_up(&self, due: &Due) -> Option<Result<()>> {
        let wrong = || Error::internal(format!("{} {} should not be due", due.kind, due.id));
        match due.kind.as_str() {
            "inbox" | "to" => {
                let Ok(user) = UserId::new(&due.id) else { return Some(Err(wrong())) };
                Some(match due.kind.as_str() {
                    "inbox" => self.see_to(due, &user).await,
                    _ => self.close_digest(&due.shop, &user, Closing::Due).await,
                })
            }
            "job" => Some(match NotificationJobId::new(&due.id) {
                Ok(job) => self.go_on(&due.shop, &job).await,
                Err(_) => Err(wrong()),
            }),
            "later" => Some(match NotificationId::new(&due.id) {
                Ok(id) => self.tell_later(&due.shop, &id).await,
                Err(_) => Err(wrong()),
            }),
            _ => None,
        }
    }

    /// Hands over what of a notification has fallen due.
    async fn see_to(&self, due: &Due, user: &UserId) -> Result<()> {
        let id = due.row.strip_prefix(INBOX).or_else(|| due.row.strip_prefix(LETTER)).unwrap_or_default();
        let id = NotificationId::new(id).map_err(|error| Error::internal(error.to_string()))?;
        let Some(notification) = self.store.notification(&due.shop, user, &id).await? else { return Ok(()) };
        let now = self.clock.now();
        let fallen = notification.deliveries.iter().filter(|(place, delivery)| {
            *place != DIGEST
                && delivery.state == DeliveryState::Queued
                && delivery.due_at.is_some_and(|due_at| due_at <= now)
        });
        let tasks: Vec<Task> = fallen.map(|(place, _)| Task::deliver(&notification, place)).collect();
        self.tasks.hand_over(&tasks).await?;
        self.store.look_again(&notification, now, &self.clock.fresh().to_string()).await
    }
}
