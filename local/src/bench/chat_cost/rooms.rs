//! Rooms of thirty sockets, which all listen to one conversation and count what they hear.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::LISTENERS;
use crate::bench::{
    BenchError,
    shop::{Shop, Shopper, Socket, text},
};

/// How long what was posted may take to arrive.
const PATIENCE: Duration = Duration::from_secs(10);

/// A conversation, and the connections that listen to it; the first is the speaker's.
pub struct Room {
    pub conversation: String,
    pub connections: Vec<String>,
    heard: Arc<AtomicU64>,
    /// The sockets; they close when this is dropped.
    _listening: JoinSet<()>,
}

impl Room {
    /// A customer's conversation, on thirty of their sockets.
    pub async fn open(shop: &Shop, number: u32) -> Result<Self, BenchError> {
        let who = shop.customer(&format!("customer-{number}"))?;
        // Between two people: nobody else has anything to say.
        let opened = who.post("/api/v1/chat/conversations", json!({ "type": "general" })).await?;
        let conversation = text(&opened, "conversation_id")?.to_owned();
        let heard = Arc::new(AtomicU64::new(0));
        let (mut connections, mut listening) = (vec![], JoinSet::new());
        for _ in 0..LISTENERS {
            let (connection, socket) = join(&who, &conversation).await?;
            connections.push(connection);
            listening.spawn(listen(socket, Arc::clone(&heard)));
        }
        Ok(Self { conversation, connections, heard, _listening: listening })
    }

    /// How many messages were heard, on all of its sockets together.
    pub fn heard(&self) -> u64 {
        self.heard.load(Ordering::Relaxed)
    }
}

/// Waits until `expected` messages were heard since there were `before`, or nothing more is to be expected; how many were.
pub async fn arrived(rooms: &[Room], before: u64, expected: usize) -> u64 {
    let began = Instant::now();
    loop {
        let heard = rooms.iter().map(Room::heard).sum::<u64>().saturating_sub(before);
        if usize::try_from(heard).is_ok_and(|heard| heard >= expected) || began.elapsed() > PATIENCE {
            return heard;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

async fn join(who: &Shopper<'_>, conversation: &str) -> Result<(String, Socket), BenchError> {
    let mut socket = Socket::open_as(who).await?;
    let ready = socket.ask("hello", json!({})).await?;
    let connection = ready.pointer("/data/connection_id").and_then(Value::as_str).map(str::to_owned);
    socket.ask("chat.conversation.join", json!({ "conversation_id": conversation })).await?;
    let unnamed = || BenchError::Unexpected(format!("a connection without a name: {ready}"));
    Ok((connection.ok_or_else(unnamed)?, socket))
}

async fn listen(mut socket: Socket, heard: Arc<AtomicU64>) {
    while socket.hears("chat.message.created").await.is_ok() {
        heard.fetch_add(1, Ordering::Relaxed);
    }
}
