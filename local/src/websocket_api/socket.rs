//! One open connection as everybody but its own session sees it: something to post to, to end and to wait for.

use std::{
    borrow::Cow,
    sync::{
        OnceLock,
        atomic::{AtomicI64, AtomicUsize, Ordering},
    },
};

use jiff::{SignedDuration, Timestamp};
use tokio::sync::{Notify, mpsc, watch};
use tokio_tungstenite::tungstenite::Utf8Bytes;

use crate::{gateway::Caller, work::UnderWay};

/// How long a connection may carry no message (AWS: 10 min).
const IDLE_LIMIT: SignedDuration = SignedDuration::from_mins(10);

/// How long a connection may live (AWS: 2 h).
const LIFE_LIMIT: SignedDuration = SignedDuration::from_hours(2);

/// How many bytes may wait for a client that does not read. Beyond it the client is too slow, and its socket ends:
/// nobody else may have to wait, or pay in memory, for it.
const BACKLOG_LIMIT: usize = 4 * 1024 * 1024;

/// One open connection.
pub struct Socket {
    pub id: String,
    pub caller: Caller,
    pub connected_at: Timestamp,
    last_active: AtomicI64,
    outgoing: mpsc::UnboundedSender<Outgoing>,
    backlog: AtomicUsize,
    ending: OnceLock<Ending>,
    end: Notify,
    ended: watch::Receiver<()>,
}

/// A message on its way to the client.
pub struct Outgoing {
    pub text: Utf8Bytes,
    /// Dropped when the message is written.
    pub under_way: UnderWay,
}

/// The session's end of a [`Socket`].
pub struct SessionEnd {
    pub outgoing: mpsc::UnboundedReceiver<Outgoing>,
    /// Dropped when the connection has had its `$disconnect`.
    pub ended: watch::Sender<()>,
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
    pub fn new(caller: Caller, id: String, connected_at: Timestamp) -> (Self, SessionEnd) {
        let (outgoing, receiver) = mpsc::unbounded_channel();
        let (sender, ended) = watch::channel(());
        let socket = Self {
            id,
            caller,
            connected_at,
            last_active: AtomicI64::new(connected_at.as_millisecond()),
            outgoing,
            backlog: AtomicUsize::new(0),
            ending: OnceLock::new(),
            end: Notify::new(),
            ended,
        };
        (socket, SessionEnd { outgoing: receiver, ended: sender })
    }

    /// Hands a message to the session without waiting for the client.
    pub fn post(&self, text: Utf8Bytes, under_way: UnderWay, now: Timestamp) -> Result<(), Gone> {
        if self.ending.get().is_some() {
            return Err(Gone);
        }
        let length = text.len();
        if self.backlog.fetch_add(length, Ordering::SeqCst) + length > BACKLOG_LIMIT {
            self.end(Ending::TOO_SLOW);
            return Err(Gone);
        }
        self.outgoing.send(Outgoing { text, under_way }).map_err(|_| Gone)?;
        self.touch(now);
        Ok(())
    }

    /// Notes that `bytes` of the backlog reached the client's connection.
    pub fn wrote(&self, bytes: usize) {
        self.backlog.fetch_sub(bytes, Ordering::SeqCst);
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
        if self.ending.set(ending).is_ok() {
            self.end.notify_one();
        }
    }

    /// Waits until somebody ends the connection.
    pub async fn told_to_end(&self) -> Ending {
        loop {
            self.end.notified().await;
            if let Some(ending) = self.ending.get() {
                return ending.clone();
            }
        }
    }

    /// Waits until the connection has had its `$disconnect`.
    pub async fn ended(&self) {
        let mut ended = self.ended.clone();
        // Nothing is ever sent: the sender only goes away.
        while ended.changed().await.is_ok() {}
    }
}
