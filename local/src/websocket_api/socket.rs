//! One open connection as everybody but its own session sees it: something to post to, to end and to wait for.

use std::{
    borrow::Cow,
    collections::VecDeque,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicI64, Ordering},
    },
};

use jiff::{SignedDuration, Timestamp};
use tokio::sync::{Notify, SetOnce};
use tokio_tungstenite::tungstenite::Utf8Bytes;

use crate::{gateway::Caller, work::UnderWay};

/// How long a connection may carry no message (AWS: 10 min).
const IDLE_LIMIT: SignedDuration = SignedDuration::from_mins(10);

/// How long a connection may live (AWS: 2 h).
const LIFE_LIMIT: SignedDuration = SignedDuration::from_hours(2);

/// How many bytes may wait for a client that does not read. Beyond it the client is too slow, and its socket ends:
/// nobody else may have to wait, or pay in memory, for it.
const BACKLOG_LIMIT: usize = 4 * 1024 * 1024;

/// One open connection. Ten thousand of them are in one process, so an idle one holds little: no queue before there is
/// something in it.
pub struct Socket {
    pub id: String,
    pub caller: Caller,
    pub connected_at: Timestamp,
    last_active: AtomicI64,
    backlog: Mutex<Backlog>,
    /// Told when something is added to the backlog.
    more: Notify,
    ending: SetOnce<Ending>,
    /// Set when the connection has had its `$disconnect`.
    ended: SetOnce<()>,
}

/// What waits to be written.
#[derive(Default)]
struct Backlog {
    messages: VecDeque<Outgoing>,
    /// Of those and of the ones that are being written.
    bytes: usize,
    is_closed: bool,
}

/// A message on its way to the client.
pub struct Outgoing {
    pub text: Utf8Bytes,
    /// Dropped when the message is written.
    pub under_way: UnderWay,
}

/// The session of a [`Socket`]: when it is dropped, however that comes about, the connection has ended.
pub struct Session(pub Arc<Socket>);

impl Drop for Session {
    fn drop(&mut self) {
        self.0.close();
        // Set only here.
        let _first = self.0.ended.set(());
    }
}

/// Why a connection ended, in WebSocket close codes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ending {
    pub code: u16,
    pub reason: Cow<'static, str>,
    /// Whether the client is still to be told.
    pub is_ours: bool,
}

impl Ending {
    pub const GOING_AWAY: Self = Self::ours(1001, "Going away");
    pub const DELETED: Self = Self::ours(1000, "Connection Closed Normally");
    pub const TOO_SLOW: Self = Self::ours(1008, "Too many messages wait for this client");
    pub const PROTOCOL_ERROR: Self = Self::ours(1002, "Protocol error");
    pub const BINARY: Self = Self::ours(1003, "Binary frames are not supported");
    pub const NOT_TEXT: Self = Self::ours(1007, "Invalid UTF-8");
    pub const TOO_BIG: Self = Self::ours(1009, "Message too big");
    pub const LOST: Self = Self::theirs(1006, "Connection Closed Abnormally");
    pub const WITHOUT_STATUS: Self = Self::theirs(1005, "Client-side close frame status not set");

    const fn ours(code: u16, reason: &'static str) -> Self {
        Self { code, reason: Cow::Borrowed(reason), is_ours: true }
    }

    const fn theirs(code: u16, reason: &'static str) -> Self {
        Self { code, reason: Cow::Borrowed(reason), is_ours: false }
    }
}

/// A post to a connection that is gone.
#[derive(Debug)]
pub struct Gone;

impl Socket {
    pub fn new(caller: Caller, id: String, connected_at: Timestamp) -> Self {
        Self {
            id,
            caller,
            connected_at,
            last_active: AtomicI64::new(connected_at.as_millisecond()),
            backlog: Mutex::default(),
            more: Notify::new(),
            ending: SetOnce::new(),
            ended: SetOnce::new(),
        }
    }

    /// Hands a message to the session without waiting for the client.
    pub fn post(&self, text: Utf8Bytes, under_way: UnderWay, now: Timestamp) -> Result<(), Gone> {
        if self.ending.get().is_some() {
            return Err(Gone);
        }
        let mut backlog = self.backlog();
        if backlog.is_closed {
            return Err(Gone);
        }
        if backlog.bytes + text.len() > BACKLOG_LIMIT {
            drop(backlog);
            self.end(Ending::TOO_SLOW);
            return Err(Gone);
        }
        backlog.bytes += text.len();
        backlog.messages.push_back(Outgoing { text, under_way });
        drop(backlog);
        self.more.notify_one();
        self.touch(now);
        Ok(())
    }

    /// Waits for the next message to be written. Only the session asks.
    pub async fn next(&self) -> Outgoing {
        loop {
            if let Some(message) = self.next_waiting() {
                return message;
            }
            self.more.notified().await;
        }
    }

    /// The next message to be written, if one waits.
    pub fn next_waiting(&self) -> Option<Outgoing> {
        let mut backlog = self.backlog();
        let next = backlog.messages.pop_front();
        if backlog.messages.is_empty() {
            backlog.messages = VecDeque::new();
        }
        next
    }

    /// Notes that `bytes` of the backlog reached the client's connection.
    pub fn wrote(&self, bytes: usize) {
        let mut backlog = self.backlog();
        backlog.bytes = backlog.bytes.saturating_sub(bytes);
    }

    /// Takes no more messages; what waits is dropped.
    pub fn close(&self) {
        *self.backlog() = Backlog { is_closed: true, ..Backlog::default() };
    }

    fn backlog(&self) -> MutexGuard<'_, Backlog> {
        self.backlog.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes that a message went either way.
    pub fn touch(&self, now: Timestamp) {
        self.last_active.fetch_max(now.as_millisecond(), Ordering::SeqCst);
    }

    /// When a message last went either way.
    pub fn last_active(&self) -> Timestamp {
        Timestamp::from_millisecond(self.last_active.load(Ordering::SeqCst)).unwrap_or(self.connected_at)
    }

    /// When API Gateway ends it, if nothing more happens.
    pub fn due(&self) -> Timestamp {
        let idle = self.last_active().checked_add(IDLE_LIMIT).unwrap_or(Timestamp::MAX);
        idle.min(self.connected_at.checked_add(LIFE_LIMIT).unwrap_or(Timestamp::MAX))
    }

    /// Ends the connection; the first reason counts.
    pub fn end(&self, ending: Ending) {
        if self.ending.set(ending).is_err() {
            tracing::trace!(connection_id = self.id, "a connection that ends is ended again");
        }
    }

    /// Waits until somebody ends the connection.
    pub async fn told_to_end(&self) -> Ending {
        self.ending.wait().await.clone()
    }

    /// Waits until the connection has had its `$disconnect`.
    pub async fn ended(&self) {
        self.ended.wait().await;
    }
}
