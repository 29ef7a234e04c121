//! Posting to sockets.
//!
//! All that is due to one connection goes out as one message: API Gateway bills every post, in steps of 32 KB. One
//! connection's trouble is its own: the others are served beside it, and what it could not be given is handed back
//! to be tried later.

mod frame;
mod outgoing;
mod pace;

use std::{sync::Arc, time::Duration};

use aws_sdk_apigatewaymanagement::{
    Client,
    error::SdkError,
    operation::{delete_connection::DeleteConnectionError, post_to_connection::PostToConnectionError},
    primitives::Blob,
};
use domain::{Channel, ConnectionId, ShopId};
use futures_util::{StreamExt, stream};
use rand::Rng;

pub use self::{
    frame::Frame,
    outgoing::{Outgoing, SHARD, Shard},
    pace::Pace,
};
use self::{frame::packed, outgoing::DueFrames};
use crate::{
    Clock, Error, Result,
    clock::Stopwatch,
    store::{Dynamo, realtime::Connection},
};

/// Posts under way at once: enough to keep one function busy.
const CONCURRENT_POSTS: usize = 32;
/// How long one post may take. Whoever is slower is served later, and keeps nobody waiting.
const POST_TIMEOUT: Duration = Duration::from_secs(2);
/// How often a post is tried before it is left for later.
const ATTEMPTS: u32 = 3;
/// For how long after its opening a connection may be answered for with 410 and yet be alive, in seconds.
const OPENING_SECONDS: i64 = 10;

/// Posts to the sockets of one WebSocket API.
#[derive(Debug, Clone)]
pub struct Push {
    client: Client,
    store: Dynamo,
    clock: Clock,
    pace: Pace,
}

/// What became of a delivery.
#[derive(Debug, Default)]
pub struct Delivered {
    /// What could not be posted, to be tried again.
    pub unserved: Outgoing,
    /// Connections that turned out to be gone; nothing is known of them any more.
    pub gone: Vec<Gone>,
}

/// A connection of which nothing is known any more.
#[derive(Debug)]
pub struct Gone {
    /// What was known of it.
    pub connection: Connection,
    /// What it listened to, besides its own person's channel.
    pub channels: Vec<Channel>,
}

/// What became of one post.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Posted {
    /// API Gateway took it.
    Sent,
    /// There is no such connection any more.
    Gone,
}

/// What became of what was due to one connection.
enum Served {
    All,
    Gone(Option<Gone>),
    /// The rest is to be tried again.
    Later(DueFrames),
}

impl Push {
    /// Posts through `client` at a `pace`; connections that are gone are removed from `store`.
    pub const fn new(client: Client, store: Dynamo, clock: Clock, pace: Pace) -> Self {
        Self { client, store, clock, pace }
    }

    /// Posts all that is due, to all connections at once, for at most about as long as `patience` lasts.
    pub async fn deliver(&self, shop: &ShopId, outgoing: Outgoing, patience: Duration) -> Delivered {
        let watch = Stopwatch::start();
        let served = outgoing.into_due().map(|due| async move {
            if watch.elapsed() > patience { Served::Later(due) } else { self.serve(shop, due).await }
        });
        let mut served = stream::iter(served).buffer_unordered(CONCURRENT_POSTS);
        let mut delivered = Delivered::default();
        while let Some(served) = served.next().await {
            match served {
                Served::All => {}
                Served::Gone(connection) => delivered.gone.extend(connection),
                Served::Later(due) => delivered.unserved.take_back(due),
            }
        }
        delivered
    }

    async fn serve(&self, shop: &ShopId, mut due: DueFrames) -> Served {
        let mut sent = 0;
        for message in packed(&due.frames, due.accepts_gzip) {
            match self.post(&due.connection, &message.text).await {
                Ok(Posted::Sent) => sent += message.count,
                Ok(Posted::Gone) => return Served::Gone(self.forget_gone(shop, &due.connection).await),
                Err(error) => {
                    tracing::warn!(connection = %due.connection, %error, "a post was not taken and is tried later");
                    due.frames.drain(..sent);
                    return Served::Later(due);
                }
            }
        }
        Served::All
    }

    async fn forget_gone(&self, shop: &ShopId, connection: &ConnectionId) -> Option<Gone> {
        self.forget(shop, connection).await.unwrap_or_else(|error| {
            tracing::warn!(%connection, %error, "a connection that is gone was not removed");
            None
        })
    }

    /// Posts frames to one connection, in order.
    pub async fn post_all(&self, connection: &Connection, frames: &[Arc<Frame>]) -> Result<()> {
        for message in packed(frames, connection.accepts_gzip) {
            if self.post(&connection.connection_id, &message.text).await? == Posted::Gone {
                break;
            }
        }
        Ok(())
    }

    /// Posts one message. A first 410 is asked about once more where the connection has just been opened: API Gateway
    /// answers so for one that it has not finished opening. Too many requests are tried again after a pause.
    async fn post(&self, connection: &ConnectionId, text: &str) -> Result<Posted> {
        let mut was_gone = false;
        let mut attempt = 0;
        loop {
            self.pace.turn().await;
            let call = self.client.post_to_connection().connection_id(connection.as_str());
            let call = Box::pin(call.data(Blob::new(text)).send());
            let error = match tokio::time::timeout(POST_TIMEOUT, call).await {
                Ok(Ok(_)) => return Ok(Posted::Sent),
                Ok(Err(error)) => error,
                Err(elapsed) => return Err(unavailable(elapsed)),
            };
            match error.as_service_error() {
                Some(PostToConnectionError::GoneException(_)) => {
                    if was_gone || !self.is_opening(connection).await? {
                        return Ok(Posted::Gone);
                    }
                    was_gone = true;
                }
                Some(PostToConnectionError::PayloadTooLargeException(_)) => {
                    return Err(Error::Internal {
                        what: format!("{} bytes are too many for a post", text.len()),
                        source: Some(Box::new(error)),
                    });
                }
                _ if attempt + 1 >= ATTEMPTS => return Err(unavailable(error)),
                _ => attempt += 1,
            }
            back_off(attempt).await;
        }
    }

    async fn is_opening(&self, id: &ConnectionId) -> Result<bool> {
        let connection = self.store.connection(id).await?;
        let age = |connection: Connection| self.clock.now().duration_since(connection.connected_at);
        Ok(connection.is_some_and(|connection| age(connection).as_secs() < OPENING_SECONDS))
    }

    /// Closes a socket, if it is still open.
    pub async fn close(&self, connection: &ConnectionId) -> Result<()> {
        match self.client.delete_connection().connection_id(connection.as_str()).send().await {
            Ok(_) => Ok(()),
            Err(error) if is_over(&error) => Ok(()),
            Err(error) => Err(unavailable(error)),
        }
    }

    /// Removes all that is known of a connection, and says what that was.
    pub async fn forget(&self, shop: &ShopId, id: &ConnectionId) -> Result<Option<Gone>> {
        let connection = self.store.connection(id).await?;
        let channels = self.store.delete_subscriptions(shop, id).await?;
        if let Some(connection) = &connection {
            self.store.delete_listener(shop, id, &connection.own_channel()).await?;
        }
        self.store.delete_connection(id).await?;
        tracing::debug!(%shop, connection = %id, "a connection is forgotten");
        Ok(connection.map(|connection| Gone { connection, channels }))
    }
}

fn is_over<R>(error: &SdkError<DeleteConnectionError, R>) -> bool {
    matches!(error.as_service_error(), Some(DeleteConnectionError::GoneException(_)))
}

fn unavailable(source: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::Unavailable { what: "the WebSocket API", source: Box::new(source) }
}

/// Waits about 50 ms, 100 ms, 200 ms, so that those who met a limit together do not meet it again together.
async fn back_off(attempt: u32) {
    let most = 100_u64 << attempt.min(4);
    let wait = rand::rng().random_range(most / 4..=most);
    tokio::time::sleep(Duration::from_millis(wait)).await;
}
