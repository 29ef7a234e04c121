//! The WebSocket API: what API Gateway does between sockets and the functions of `template.yaml`.
//!
//! `$connect` is asked before a handshake is answered, frames are routed to functions, `@connections` posts to sockets,
//! and every connection ends with a `$disconnect`.

mod connections;
pub(crate) mod event;
mod frames;
mod handshake;
mod session;
mod socket;

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
};

use axum::{Router, extract::Request};
use jiff::Timestamp;
use tokio_tungstenite::tungstenite::Utf8Bytes;

use crate::{
    clock::TurnableClock,
    lambda::Lambda,
    part::{Boxed, Part},
    template::WebSocketApi,
    work::Work,
};

use socket::{Ending, Socket};

/// The WebSocket API with its open sockets. Clones share them.
#[derive(Clone)]
pub struct Sockets {
    api: Arc<WebSocketApi>,
    lambda: Lambda,
    clock: TurnableClock,
    open: Arc<Mutex<HashMap<String, Arc<Socket>>>>,
    /// No socket is due before this instant (milliseconds of the epoch), so that a tick costs nothing while none is.
    none_due_before: Arc<AtomicI64>,
    counters: Arc<Counters>,
    work: Work,
}

/// What went over the sockets since the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counts {
    /// Sockets that are open now.
    pub open: usize,
    /// Messages that clients sent.
    pub received: u64,
    /// Messages that functions posted through `@connections`.
    pub posted: u64,
    /// Events in them: those of a `batch` each for itself.
    pub events: u64,
    /// Messages that went back as the answer to a message.
    pub answered: u64,
}

#[derive(Default)]
struct Counters {
    received: AtomicU64,
    posted: AtomicU64,
    events: AtomicU64,
    answered: AtomicU64,
}

impl Counters {
    fn received(&self) {
        self.received.fetch_add(1, Ordering::SeqCst);
    }

    fn posted(&self, events: u64) {
        self.posted.fetch_add(1, Ordering::SeqCst);
        self.events.fetch_add(events, Ordering::SeqCst);
    }

    fn answered(&self) {
        self.answered.fetch_add(1, Ordering::SeqCst);
    }
}

impl Sockets {
    /// A WebSocket API without sockets.
    pub fn new(api: WebSocketApi, lambda: Lambda, clock: TurnableClock) -> Self {
        Self {
            api: Arc::new(api),
            lambda,
            clock,
            open: Arc::default(),
            none_due_before: Arc::new(AtomicI64::new(i64::MAX)),
            counters: Arc::default(),
            work: Work::default(),
        }
    }

    /// Takes handshakes on every path; serve it with [`crate::gateway::serve`].
    ///
    /// On AWS the one path is the stage's. The others are old addresses that a development server has always had.
    pub fn router(&self) -> Router {
        let sockets = self.clone();
        Router::new().fallback(move |request: Request| {
            let sockets = sockets.clone();
            async move { sockets.shake_hands(request).await }
        })
    }

    /// The management API, `/@connections/{connection_id}`, with or without a stage before it.
    pub fn connections(&self) -> Router {
        connections::router(self.clone())
    }

    /// What went over the sockets.
    pub fn counts(&self) -> Counts {
        let count = |counter: &AtomicU64| counter.load(Ordering::SeqCst);
        Counts {
            open: self.open().len(),
            received: count(&self.counters.received),
            posted: count(&self.counters.posted),
            events: count(&self.counters.events),
            answered: count(&self.counters.answered),
        }
    }

    /// Posts a message to every open socket; returns to how many.
    pub fn post_to_all(&self, text: &str) -> usize {
        let (text, now) = (Utf8Bytes::from(text), self.clock.now());
        let sockets: Vec<_> = self.open().values().cloned().collect();
        let posts = sockets.iter().map(|socket| socket.post(text.clone(), self.work.begin(), now));
        posts.flatten().inspect(|()| self.counters.posted(1)).count()
    }

    /// Ends every connection as API Gateway ends them, and waits until each has had its `$disconnect`.
    pub async fn go_away(&self) {
        let sockets: Vec<_> = self.open().values().cloned().collect();
        end_all(sockets).await;
    }

    fn open(&self) -> MutexGuard<'_, HashMap<String, Arc<Socket>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn find(&self, connection_id: &str) -> Option<Arc<Socket>> {
        self.open().get(connection_id).cloned()
    }

    fn register(&self, socket: &Arc<Socket>) {
        self.open().insert(socket.id.clone(), Arc::clone(socket));
        self.none_due_before.fetch_min(socket.due().as_millisecond(), Ordering::SeqCst);
    }

    /// Takes out the sockets that are due at `now`, and notes when the next one may be.
    fn due(&self, now: Timestamp) -> Vec<Arc<Socket>> {
        let open = self.open();
        let (due, rest): (Vec<_>, Vec<_>) = open.values().partition(|socket| socket.due() <= now);
        let next = rest.iter().map(|socket| socket.due().as_millisecond()).min();
        self.none_due_before.store(next.unwrap_or(i64::MAX), Ordering::SeqCst);
        due.into_iter().cloned().collect()
    }
}

impl Part for Sockets {
    /// The end of the socket that has been idle longest, or is oldest; it may turn out to have been active since.
    fn next_due(&self) -> Option<Timestamp> {
        match self.none_due_before.load(Ordering::SeqCst) {
            i64::MAX => None,
            due => Timestamp::from_millisecond(due).ok(),
        }
    }

    fn run_due(&self, now: Timestamp) -> Boxed<'_, ()> {
        Box::pin(async move {
            if self.next_due().is_some_and(|due| due <= now) {
                end_all(self.due(now)).await;
            }
        })
    }

    fn is_busy(&self) -> bool {
        self.work.is_under_way()
    }
}

async fn end_all(sockets: Vec<Arc<Socket>>) {
    for socket in &sockets {
        socket.end(Ending::GOING_AWAY);
    }
    for socket in sockets {
        socket.ended().await;
    }
}
