//! Somebody who does what a socket must not.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

use futures_util::{SinkExt, StreamExt};
use tokio::net::TcpStream;
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream,
    tungstenite::{
        Error, Message,
        client::IntoClientRequest,
        http::{HeaderValue, StatusCode},
    },
};

use super::Phase;
use crate::bench::{BenchError, shop::Shop};

/// Guesses on one socket: it may send forty frames at once, and a guesser opens many.
const GUESSES: u32 = 35;

/// How long they wait who may open no socket for now.
const PATIENCE: Duration = Duration::from_millis(20);

/// Tiny frames that are sent before their answers are read.
const WINDOW: u32 = 256;

/// The lowest priority of a thread.
const LAST: i32 = 19;

/// The largest frame and the largest message that API Gateway takes.
const LIMITS: [usize; 2] = [32 * 1024, 128 * 1024];

/// What is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flood {
    None,
    /// Orders of others, by ids that might be.
    Guesses,
    /// Frames that say nothing, as fast as they are refused.
    Tiny,
    /// Frames of one byte too many.
    Large,
}

/// Somebody with a thread of their own, which gets the processor when nobody else wants it: a flooder sits elsewhere.
pub struct Flooder {
    url: String,
    tokens: Vec<String>,
    guessed: AtomicU64,
    opened: AtomicU64,
}

type Stream = WebSocketStream<MaybeTlsStream<TcpStream>>;

impl Flooder {
    /// Somebody with so many names, whom nobody knows for one.
    pub fn new(shop: &Shop, names: u32) -> Result<Arc<Self>, BenchError> {
        let names = (0..names).map(|number| format!("eve-{number}"));
        let tokens =
            names.map(|name| Ok(shop.customer(&name)?.http().2)).collect::<Result<_, BenchError>>()?;
        let url = format!("{}?v=1", shop.cloud.ws_url());
        Ok(Arc::new(Self { url, tokens, guessed: AtomicU64::default(), opened: AtomicU64::default() }))
    }

    /// Floods with at least so many frames, and for as long as the bystander looks; says how many there were.
    pub async fn flood(
        self: &Arc<Self>,
        flood: Flood,
        least: u32,
        phase: &Arc<Phase>,
    ) -> Result<u64, BenchError> {
        let (done, waited) = tokio::sync::oneshot::channel();
        let (flooder, phase) = (Arc::clone(self), Arc::clone(phase));
        thread::spawn(move || {
            let is_last = rustix::process::setpriority_process(None, LAST).is_ok();
            tracing::debug!(is_last, "a flood begins");
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let flooded = match runtime {
                Ok(runtime) => runtime.block_on(flooder.flood_here(flood, least, &phase)),
                Err(error) => Err(error.into()),
            };
            drop(done.send(flooded));
        });
        waited.await.map_err(|_| BenchError::Unexpected("the flooder gave up".into()))?
    }

    async fn flood_here(&self, flood: Flood, least: u32, phase: &Phase) -> Result<u64, BenchError> {
        let mut sent = 0;
        loop {
            let is_enough = sent >= u64::from(least);
            phase.has_flooded.store(is_enough, Ordering::Relaxed);
            if is_enough && (flood == Flood::None || phase.has_looked.load(Ordering::Relaxed)) {
                return Ok(sent);
            }
            sent += match flood {
                Flood::None => 0,
                Flood::Guesses => self.guess().await?,
                Flood::Tiny => self.patter().await?,
                Flood::Large => self.shout().await?,
            };
        }
    }

    async fn guess(&self) -> Result<u64, BenchError> {
        let mut stream = self.open().await?;
        for _ in 0..GUESSES {
            let guess = self.guessed.fetch_add(1, Ordering::Relaxed);
            let channel = format!("order:ord_{guess:032x}");
            let frame = format!(r#"{{"id":"g","type":"subscribe","data":{{"channel":"{channel}"}}}}"#);
            send(&mut stream, frame).await?;
        }
        answers(&mut stream, GUESSES).await;
        Ok(GUESSES.into())
    }

    async fn patter(&self) -> Result<u64, BenchError> {
        let mut stream = self.open().await?;
        let mut answered = 0;
        loop {
            for _ in 0..WINDOW {
                // Until the shop hangs up.
                if send(&mut stream, "1".to_owned()).await.is_err() {
                    return Ok(answered);
                }
            }
            let count = answers(&mut stream, WINDOW).await;
            answered += u64::from(count);
            if count < WINDOW {
                return Ok(answered);
            }
        }
    }

    async fn shout(&self) -> Result<u64, BenchError> {
        for limit in LIMITS {
            let mut stream = self.open().await?;
            // The gateway may hang up before all of it is sent.
            let sent = send(&mut stream, "x".repeat(limit + 1)).await;
            tracing::trace!(is_sent = sent.is_ok(), limit, "a frame that is too large");
            while let Some(Ok(message)) = stream.next().await {
                if message.is_close() {
                    break;
                }
            }
        }
        Ok(2)
    }

    /// A socket of the next name that may open one.
    async fn open(&self) -> Result<Stream, BenchError> {
        loop {
            let turn = self.opened.fetch_add(1, Ordering::Relaxed);
            let token = self.tokens.get(usize::try_from(turn).unwrap_or(0) % self.tokens.len());
            let mut request = self.url.as_str().into_client_request().map_err(Box::new)?;
            let bearer = HeaderValue::from_str(&format!("Bearer {}", token.map_or("", String::as_str)));
            let bearer = bearer.map_err(|error| BenchError::Unexpected(error.to_string()))?;
            request.headers_mut().insert("authorization", bearer);
            match tokio_tungstenite::connect_async(request).await {
                Ok((stream, _)) => return Ok(stream),
                Err(Error::Http(refused)) if refused.status() == StatusCode::TOO_MANY_REQUESTS => {
                    tokio::time::sleep(PATIENCE).await;
                }
                Err(error) => return Err(Box::new(error).into()),
            }
        }
    }
}

async fn send(stream: &mut Stream, text: String) -> Result<(), BenchError> {
    stream.send(Message::text(text)).await.map_err(|error| Box::new(error).into())
}

/// Reads so many frames, whatever they say, or as many as there are before the shop hangs up; says how many it were.
async fn answers(stream: &mut Stream, count: u32) -> u32 {
    for read in 0..count {
        match stream.next().await {
            Some(Ok(message)) if !message.is_close() => {}
            _ => return read,
        }
    }
    count
}
