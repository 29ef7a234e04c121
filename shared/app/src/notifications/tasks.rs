//! What travels through the queue of `notifier`.

use domain::{NotificationId, NotificationJobId, ShopId, UserId};
use futures_util::{StreamExt, TryStreamExt, stream};
use serde::{Deserialize, Serialize};

use crate::{Error, Result, store::notifications::Notification};

/// Tasks of one request to the queue; SQS takes no more.
const BATCH: usize = 10;
/// Requests at once.
const AT_ONCE: usize = 8;

/// Something that `notifier` does. It names rows and says nothing of people: what a queue leaves behind is read by
/// operators.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Task {
    /// Send one notification to one place.
    Deliver {
        /// The tenant.
        shop: ShopId,
        /// Whose it is.
        user: UserId,
        /// Which.
        notification: NotificationId,
        /// Where to.
        place: String,
        /// Whether it was given up and an operator wants it tried again.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        again: bool,
    },
    /// Tell the next page of many.
    Page {
        /// The tenant.
        shop: ShopId,
        /// Which job.
        job: NotificationJobId,
    },
}

impl Task {
    /// Send a notification to a place.
    pub fn deliver(notification: &Notification, place: &str) -> Self {
        Self::deliver_once(notification, place, false)
    }

    /// The same of one that was given up, for when an operator wants it tried again.
    pub fn deliver_again(notification: &Notification, place: &str) -> Self {
        Self::deliver_once(notification, place, true)
    }

    fn deliver_once(notification: &Notification, place: &str, again: bool) -> Self {
        Self::Deliver {
            shop: notification.shop_id.clone(),
            user: notification.user_id.clone(),
            notification: notification.id.clone(),
            place: place.to_owned(),
            again,
        }
    }
}

/// The queue of `notifier`.
#[derive(Debug, Clone)]
pub struct Tasks {
    client: aws_sdk_sqs::Client,
    url: String,
}

impl Tasks {
    /// The queue with this URL.
    pub const fn new(client: aws_sdk_sqs::Client, url: String) -> Self {
        Self { client, url }
    }

    /// Hands over tasks, to be done at once.
    pub async fn hand_over(&self, tasks: &[Task]) -> Result<()> {
        let batches: Vec<_> = tasks.chunks(BATCH).map(|batch| self.hand_over_some(batch)).collect();
        stream::iter(batches).buffer_unordered(AT_ONCE).try_collect().await
    }

    /// Hands over one task, to be done in `delay_seconds`, at most 900.
    pub async fn hand_over_later(&self, task: &Task, delay_seconds: u32) -> Result<()> {
        let delay = i32::try_from(delay_seconds.min(900)).unwrap_or(900);
        let call = self.client.send_message().queue_url(&self.url).message_body(written(task)?);
        let sent = call.delay_seconds(delay).send().await;
        sent.map(drop).map_err(|error| Error::Unavailable { what: "the queue", source: Box::new(error) })
    }

    async fn hand_over_some(&self, tasks: &[Task]) -> Result<()> {
        use aws_sdk_sqs::types::SendMessageBatchRequestEntry as Entry;
        let entry = |(number, task): (usize, &Task)| {
            let entry = Entry::builder().id(number.to_string()).message_body(written(task)?).build();
            entry.map_err(|error| Error::internal(error.to_string()))
        };
        let entries = tasks.iter().enumerate().map(entry).collect::<Result<Vec<_>>>()?;
        let call = self.client.send_message_batch().queue_url(&self.url).set_entries(Some(entries));
        let answer = call.send().await;
        let answer =
            answer.map_err(|error| Error::Unavailable { what: "the queue", source: Box::new(error) })?;
        match answer.failed.first() {
            None => Ok(()),
            Some(failed) => Err(Error::Unavailable { what: "the queue", source: failed.code.clone().into() }),
        }
    }
}

fn written(task: &Task) -> Result<String> {
    serde_json::to_string(task).map_err(|error| Error::internal(error.to_string()))
}
