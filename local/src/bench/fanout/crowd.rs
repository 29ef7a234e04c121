//! The sockets of a benchmark: opened, subscribed, and then counted on.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use futures_util::{SinkExt, StreamExt, TryStreamExt, stream};
use tokio::{net::TcpStream, task::JoinSet};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream,
    tungstenite::{Message, client::IntoClientRequest, http::HeaderValue, protocol::WebSocketConfig},
};

use crate::bench::BenchError;

/// How many open or subscribe at a time.
const AT_A_TIME: usize = 64;

/// How long everything that was sent may take.
const PATIENCE: Duration = Duration::from_mins(1);

type Stream = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// How a server wants to be spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// The frames of our contract; `ws` in its script speaks them too.
    Plain,
    /// Engine.IO 4 and Socket.IO 5, as they are called on the wire.
    SocketIo,
}

/// Sockets on one server.
pub struct Crowd {
    dialect: Dialect,
    /// Open, and not listening yet.
    streams: Vec<Stream>,
    listening: JoinSet<()>,
    tally: Arc<Tally>,
}

struct Tally {
    born: Instant,
    /// When the last message was sent, in microseconds since `born`.
    sent_at: AtomicU64,
    events: AtomicUsize,
    frames: AtomicUsize,
    delays: Mutex<Vec<Duration>>,
    sample: Mutex<String>,
}

impl Crowd {
    pub fn new(dialect: Dialect) -> Self {
        let tally = Tally {
            born: Instant::now(),
            sent_at: AtomicU64::new(0),
            events: AtomicUsize::new(0),
            frames: AtomicUsize::new(0),
            delays: Mutex::default(),
            sample: Mutex::default(),
        };
        Self { dialect, streams: vec![], listening: JoinSet::new(), tally: Arc::new(tally) }
    }

    /// Opens a socket at `url` with each token.
    pub async fn open(&mut self, url: &str, tokens: &[String]) -> Result<(), BenchError> {
        let dialect = self.dialect;
        let opening = stream::iter(tokens).map(|token| open(dialect, url, token));
        let opened: Vec<Stream> = opening.buffer_unordered(AT_A_TIME).try_collect().await?;
        self.streams.extend(opened);
        Ok(())
    }

    /// Subscribes all sockets but the first so many.
    pub async fn subscribe(&mut self, but: usize) -> Result<(), BenchError> {
        let dialect = self.dialect;
        let subscribing = self.streams.iter_mut().skip(but).map(|stream| subscribe(dialect, stream));
        stream::iter(subscribing).buffer_unordered(AT_A_TIME).try_collect().await
    }

    /// From here on what comes is counted.
    pub fn listen(&mut self) {
        for stream in self.streams.drain(..) {
            self.listening.spawn(listen(self.dialect, stream, Arc::clone(&self.tally)));
        }
    }

    /// A message is sent now.
    pub fn begin(&self) {
        self.tally.sent_at.store(self.tally.now(), Ordering::Relaxed);
    }

    /// Forgets what was counted.
    pub fn reset(&self) {
        self.tally.events.store(0, Ordering::Relaxed);
        self.tally.frames.store(0, Ordering::Relaxed);
        self.tally.delays.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// Waits until so many events have come, or nothing more is to be expected.
    pub async fn wait(&self, events: usize) {
        let began = Instant::now();
        while self.events() < events && began.elapsed() < PATIENCE {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    pub fn events(&self) -> usize {
        self.tally.events.load(Ordering::Relaxed)
    }

    pub fn frames(&self) -> usize {
        self.tally.frames.load(Ordering::Relaxed)
    }

    /// How long each event took.
    pub fn delays(&self) -> Vec<Duration> {
        self.tally.delays.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// An event as it came.
    pub fn sample(&self) -> String {
        self.tally.sample.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Tally {
    fn now(&self) -> u64 {
        u64::try_from(self.born.elapsed().as_micros()).unwrap_or(u64::MAX)
    }

    fn count(&self, text: &str, events: usize) {
        let delay = Duration::from_micros(self.now().saturating_sub(self.sent_at.load(Ordering::Relaxed)));
        let mut delays = self.delays.lock().unwrap_or_else(PoisonError::into_inner);
        delays.extend(std::iter::repeat_n(delay, events));
        drop(delays);
        self.frames.fetch_add(1, Ordering::Relaxed);
        if self.events.fetch_add(events, Ordering::Relaxed) == 0 && events == 1 {
            text.clone_into(&mut self.sample.lock().unwrap_or_else(PoisonError::into_inner));
        }
    }
}

async fn open(dialect: Dialect, url: &str, token: &str) -> Result<Stream, BenchError> {
    let mut request = url.into_client_request().map_err(Box::new)?;
    let bearer = HeaderValue::from_str(&format!("Bearer {token}"));
    let bearer = bearer.map_err(|error| BenchError::Unexpected(error.to_string()))?;
    request.headers_mut().insert("authorization", bearer);
    // Small buffers: ten thousand of them are in this process.
    let config = WebSocketConfig::default().read_buffer_size(4 * 1024).write_buffer_size(0);
    let opened = tokio_tungstenite::connect_async_with_config(request, Some(config), true).await;
    let (mut stream, _) = opened.map_err(Box::new)?;
    if dialect == Dialect::SocketIo {
        expect(&mut stream, "0{").await?;
        send(&mut stream, "40").await?;
        expect(&mut stream, "40{").await?;
    }
    Ok(stream)
}

async fn subscribe(dialect: Dialect, stream: &mut Stream) -> Result<(), BenchError> {
    match dialect {
        Dialect::SocketIo => {
            send(stream, r#"420["subscribe","bench"]"#).await?;
            expect(stream, "430[").await
        }
        Dialect::Plain => {
            send(stream, r#"{"id":"s","type":"subscribe","data":{"channel":"product:lamp"}}"#).await?;
            expect(stream, r#"{"type":"ack""#).await
        }
    }
}

async fn send(stream: &mut Stream, text: &str) -> Result<(), BenchError> {
    stream.send(Message::text(text)).await.map_err(|error| Box::new(error).into())
}

/// Waits for a frame that begins so; others are passed over.
async fn expect(stream: &mut Stream, beginning: &str) -> Result<(), BenchError> {
    loop {
        match stream.next().await {
            Some(Ok(Message::Text(text))) if text.starts_with(beginning) => return Ok(()),
            Some(Ok(Message::Text(text))) if text.starts_with(r#"{"type":"error""#) => {
                return Err(BenchError::Unexpected(text.as_str().to_owned()));
            }
            Some(Ok(_)) => {}
            Some(Err(error)) => return Err(Box::new(error).into()),
            None => return Err(BenchError::Unexpected("a socket was closed".into())),
        }
    }
}

async fn listen(dialect: Dialect, mut stream: Stream, tally: Arc<Tally>) {
    while let Some(Ok(message)) = stream.next().await {
        let Message::Text(text) = message else { continue };
        if dialect == Dialect::SocketIo && text.as_str() == "2" {
            if send(&mut stream, "3").await.is_err() {
                break;
            }
            continue;
        }
        match events(dialect, &text) {
            0 => {}
            events => tally.count(&text, events),
        }
    }
}

/// How many events a frame brings.
fn events(dialect: Dialect, text: &str) -> usize {
    const EVENT: &str = r#""type":"inventory.updated""#;
    match dialect {
        Dialect::SocketIo => usize::from(text.starts_with(r#"42["event""#)),
        Dialect::Plain => text.matches(EVENT).count(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_counted_in_either_dialect() {
        let event = r#"{"id":"evt_1","type":"inventory.updated","data":{}}"#;
        let batch = format!(r#"{{"type":"batch","events":[{event},{event}]}}"#);
        assert_eq!([event, &batch, r#"{"type":"ack"}"#].map(|text| events(Dialect::Plain, text)), [1, 2, 0]);
        let emitted = format!(r#"42["event",{event}]"#);
        assert_eq!([&emitted, "2", "40{}"].map(|text| events(Dialect::SocketIo, text)), [1, 0, 0]);
    }
}
