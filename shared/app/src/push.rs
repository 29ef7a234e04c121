//! Posting to sockets.
//!
//! All that is due to one connection goes out as one frame: API Gateway bills every post, in steps of 32 KB.

use std::{collections::BTreeMap, sync::Arc};

use aws_sdk_apigatewaymanagement::{
    Client, operation::post_to_connection::PostToConnectionError, primitives::Blob,
};
use contract::frames::{EventFrame, MAX_FRAME_BYTES};
use domain::{Channel, ConnectionId, ShopId};
use futures_util::{StreamExt, stream};

use crate::{
    Clock, Error, Result,
    store::{Dynamo, realtime::Connection},
};

/// The most events in one `batch`.
const MAX_BATCH: usize = 50;
/// Posts under way at once: enough to keep one function busy, few enough to stay under the account's quota.
const CONCURRENT_POSTS: usize = 32;

/// Posts to the sockets of one WebSocket API.
#[derive(Debug, Clone)]
pub struct Push {
    client: Client,
    store: Dynamo,
    clock: Clock,
}

/// What became of one post.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Posted {
    /// API Gateway took it.
    Sent,
    /// There is no such connection any more.
    Gone,
}

/// Frames that are due to each connection, in order.
#[derive(Debug, Default)]
pub struct Outgoing(BTreeMap<ConnectionId, Vec<Arc<str>>>);

impl Outgoing {
    /// Adds one frame to what is due to `connection`.
    pub fn add(&mut self, connection: ConnectionId, frame: Arc<str>) {
        self.0.entry(connection).or_default().push(frame);
    }
}

/// An event as it is sent.
pub fn encode(frame: &EventFrame) -> Result<Arc<str>> {
    let text = serde_json::to_string(frame).map_err(|error| Error::internal(error.to_string()))?;
    Ok(text.into())
}

/// Frames put together into as few as fit the limits: one by itself stays as it is.
pub fn batched(frames: &[Arc<str>]) -> Vec<String> {
    let mut batches = vec![];
    let mut rest = frames;
    while !rest.is_empty() {
        let mut size = r#"{"type":"batch","events":[]}"#.len();
        let fits = |frame: &&Arc<str>| {
            size += frame.len() + 1;
            size <= MAX_FRAME_BYTES
        };
        let count = rest.iter().take(MAX_BATCH).take_while(fits).count().max(1);
        let (now, later) = rest.split_at(count);
        batches.push(match now {
            [only] => only.to_string(),
            several => format!(r#"{{"type":"batch","events":[{}]}}"#, several.join(",")),
        });
        rest = later;
    }
    batches
}

impl Push {
    /// Posts through `client`; connections that are gone are removed from `store`.
    pub const fn new(client: Client, store: Dynamo, clock: Clock) -> Self {
        Self { client, store, clock }
    }

    /// Posts all that is due, to all connections at once.
    ///
    /// A connection that cannot be reached is its own loss: it is logged, the others are served, and the client
    /// resumes from its last `seq`.
    pub async fn deliver(&self, shop: &ShopId, outgoing: Outgoing) -> usize {
        let posts = outgoing.0.into_iter().map(|(connection, frames)| async move {
            match self.post_all(&connection, &frames).await {
                Ok(Posted::Sent) => return 1,
                Ok(Posted::Gone) => {
                    if let Err(error) = self.forget(shop, &connection).await {
                        tracing::warn!(%connection, %error, "a connection that is gone was not removed");
                    }
                }
                Err(error) => tracing::warn!(%connection, %error, "a post was not taken"),
            }
            0
        });
        stream::iter(posts)
            .buffer_unordered(CONCURRENT_POSTS)
            .fold(0, |sum, sent| async move { sum + sent })
            .await
    }

    /// Posts frames to one connection, in order.
    pub async fn post_all(&self, connection: &ConnectionId, frames: &[Arc<str>]) -> Result<Posted> {
        for frame in batched(frames) {
            if self.post(connection, frame).await? == Posted::Gone {
                return Ok(Posted::Gone);
            }
        }
        Ok(Posted::Sent)
    }

    /// Posts one frame. A first 410 is asked about once more: API Gateway answers so for a connection that is
    /// still being opened.
    async fn post(&self, connection: &ConnectionId, frame: String) -> Result<Posted> {
        let data = Blob::new(frame);
        for attempt in 0..2 {
            let call = self.client.post_to_connection().connection_id(connection.as_str()).data(data.clone());
            let Err(error) = Box::pin(call.send()).await else {
                return Ok(Posted::Sent);
            };
            let is_gone = matches!(error.as_service_error(), Some(PostToConnectionError::GoneException(_)));
            if !is_gone {
                return Err(Error::Unavailable { what: "the WebSocket API", source: Box::new(error) });
            }
            if attempt == 0 && !self.is_opening(connection).await? {
                break;
            }
        }
        Ok(Posted::Gone)
    }

    async fn is_opening(&self, id: &ConnectionId) -> Result<bool> {
        let connection = self.store.connection(id).await?;
        let now = self.clock.now();
        Ok(connection.is_some_and(|connection| now.duration_since(connection.connected_at).as_secs() < 10))
    }

    /// Closes a socket, if it is still open.
    pub async fn close(&self, connection: &ConnectionId) -> Result<()> {
        use aws_sdk_apigatewaymanagement::operation::delete_connection::DeleteConnectionError as E;
        match self.client.delete_connection().connection_id(connection.as_str()).send().await {
            Ok(_) => Ok(()),
            Err(error) if matches!(error.as_service_error(), Some(E::GoneException(_))) => Ok(()),
            Err(error) => Err(Error::Unavailable { what: "the WebSocket API", source: Box::new(error) }),
        }
    }

    /// Removes all that is known of a connection.
    pub async fn forget(&self, shop: &ShopId, id: &ConnectionId) -> Result<Option<Connection>> {
        let connection = self.store.connection(id).await?;
        for subscription in self.store.subscriptions(id).await? {
            self.store.delete_subscription(&subscription.shop_id, id, &subscription.channel).await?;
        }
        if let Some(connection) = &connection {
            let own = Channel::User(connection.principal.subject.clone());
            self.store.delete_listener(&connection.principal.shop, id, &own).await?;
        }
        tracing::debug!(%shop, connection = %id, "a connection is forgotten");
        self.store.delete_connection(id).await?;
        Ok(connection)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_frame_stays_as_it_is_and_several_are_one() {
        let frames: Vec<Arc<str>> = vec!["{\"a\":1}".into(), "{\"b\":2}".into()];
        assert_eq!(batched(&frames[..1]), ["{\"a\":1}"]);
        assert_eq!(batched(&frames), [r#"{"type":"batch","events":[{"a":1},{"b":2}]}"#]);
    }

    #[test]
    fn batches_keep_within_both_limits_and_lose_nothing() {
        let frames: Vec<Arc<str>> = (0..120).map(|n| format!("\"{n}{}\"", "x".repeat(1000)).into()).collect();
        let batches = batched(&frames);
        assert!(batches.iter().all(|batch| batch.len() <= MAX_FRAME_BYTES));
        let events: usize = batches.iter().map(|batch| batch.matches("xx\"").count()).sum();
        assert_eq!(events, 120);
        let small: Vec<Arc<str>> = (0..120).map(|n| n.to_string().into()).collect();
        assert_eq!(batched(&small).len(), 3);
    }
}
