//! Getting frames to whoever is due them: inline where they are few, through the queue where they are many or where
//! it has to be tried again.

use std::time::Duration;

use domain::{ShopId, UserId};
use futures_util::{StreamExt, TryStreamExt, stream};
use serde::{Deserialize, Serialize};

use crate::{
    Error, Result,
    conflation::Refresh,
    presence::Presence,
    push::{Delivered, Gone, Outgoing, Push, SHARD, Shard},
};

/// How long posts that were asked for inline may take; the rest goes through the queue.
const INLINE_PATIENCE: Duration = Duration::from_secs(15);
/// How long the posts of one shard may take; the rest is another shard.
const SHARD_PATIENCE: Duration = Duration::from_secs(40);
/// How often a connection is tried, over some three minutes. One that cannot be served then is closed: its client
/// opens another and resumes.
const MAX_ATTEMPTS: u32 = 8;
/// The longest pause between two attempts, in seconds.
const LONGEST_PAUSE: u32 = 60;

/// Delivers frames.
#[derive(Debug, Clone)]
pub struct Delivery {
    push: Push,
    presence: Presence,
    queue: aws_sdk_sqs::Client,
    queue_url: String,
}

/// What travels through the queue of `fanout`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Errand {
    /// Post to these.
    Shard(Box<Shard>),
    /// Show the latest value of something that was shown too recently.
    Refresh(Refresh),
}

impl Delivery {
    /// Posts by `push`, says by `presence` who turned out to be gone, hands large broadcasts to `queue`, given with its
    /// URL.
    pub fn new(push: Push, presence: Presence, (queue, queue_url): (aws_sdk_sqs::Client, String)) -> Self {
        Self { push, presence, queue, queue_url }
    }

    /// Delivers all that is due. What cannot be posted now is in the queue when this returns.
    pub async fn deliver(&self, shop: &ShopId, outgoing: Outgoing) -> Result<()> {
        if outgoing.receivers() > SHARD {
            return self.enqueue_all(outgoing.into_shards(shop, 0), 0).await;
        }
        self.post(shop, outgoing, 0, INLINE_PATIENCE).await
    }

    /// Serves one shard from the queue.
    pub async fn serve_shard(&self, shard: Shard) -> Result<()> {
        let (shop, attempts) = (shard.shop_id.clone(), shard.attempts);
        self.post(&shop, shard.into_outgoing()?, attempts, SHARD_PATIENCE).await
    }

    async fn post(&self, shop: &ShopId, outgoing: Outgoing, attempts: u32, patience: Duration) -> Result<()> {
        let Delivered { unserved, gone } = self.push.deliver(shop, outgoing, patience).await;
        self.say_goodbye(&gone).await;
        if unserved.is_empty() {
            return Ok(());
        }
        let attempts = attempts + 1;
        if attempts > MAX_ATTEMPTS {
            return self.give_up(shop, unserved).await;
        }
        let pause = 1_u32.checked_shl(attempts - 1).unwrap_or(LONGEST_PAUSE).min(LONGEST_PAUSE);
        tracing::warn!(connections = unserved.receivers(), attempts, pause, "posts that were not taken wait");
        self.enqueue_all(unserved.into_shards(shop, attempts), pause).await
    }

    async fn give_up(&self, shop: &ShopId, unserved: Outgoing) -> Result<()> {
        for connection in unserved.connections() {
            tracing::error!(%connection, "a connection takes nothing and is closed");
            self.push.close(connection).await?;
            let forgotten = self.push.forget(shop, connection).await?;
            self.say_goodbye(forgotten.as_slice()).await;
        }
        Ok(())
    }

    /// Closes those of a person's sockets whose sessions have ended.
    pub async fn close_ended(&self, shop: &ShopId, user: &UserId) -> Result<usize> {
        self.presence.close_ended(shop, user).await
    }

    /// Says who is not there any more. What is to be delivered does not depend on it.
    async fn say_goodbye(&self, gone: &[Gone]) {
        if let Err(error) = self.presence.left(gone).await {
            tracing::warn!(%error, connections = gone.len(), "nobody was told that connections are gone");
        }
    }

    async fn enqueue_all(&self, shards: Vec<Shard>, delay_seconds: u32) -> Result<()> {
        let sent = shards
            .into_iter()
            .map(async |shard| self.enqueue(&Errand::Shard(Box::new(shard)), delay_seconds).await);
        stream::iter(sent).buffer_unordered(8).try_collect().await
    }

    /// Puts an errand into the queue, to be done in `delay_seconds`, at most 900.
    pub async fn enqueue(&self, errand: &Errand, delay_seconds: u32) -> Result<()> {
        let body = serde_json::to_string(errand).map_err(|error| Error::internal(error.to_string()))?;
        let delay = i32::try_from(delay_seconds.min(900)).unwrap_or(900);
        let call = self.queue.send_message().queue_url(&self.queue_url).message_body(body);
        let sent = call.set_delay_seconds((delay > 0).then_some(delay)).send().await;
        sent.map_err(|error| Error::Unavailable { what: "the queue", source: Box::new(error) })?;
        Ok(())
    }
}
