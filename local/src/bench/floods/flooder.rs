//! Somebody who does what a socket must not.

use std::sync::atomic::Ordering;

use futures_util::{SinkExt, StreamExt};
use tokio::net::TcpStream;
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream,
    tungstenite::{Message, client::IntoClientRequest, http::HeaderValue},
};

use super::Phase;
use crate::bench::{BenchError, shop::Shop};

/// Guesses on one socket: it may send forty frames at once, and a guesser opens many.
const GUESSES: u32 = 35;

/// Tiny frames that are sent before their answers are read.
const WINDOW: u32 = 256;

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

pub struct Flooder {
    url: String,
    token: String,
    guessed: u64,
}

type Stream = WebSocketStream<MaybeTlsStream<TcpStream>>;

impl Flooder {
    pub fn new(shop: &Shop) -> Result<Self, BenchError> {
        let (_, _, token) = shop.customer("eve")?.http();
        Ok(Self { url: format!("{}?v=1", shop.cloud.ws_url()), token, guessed: 0 })
    }

    /// Floods with at least so many frames, and for as long as the bystander looks; says how many there were.
    pub async fn flood(&mut self, flood: Flood, least: u32, phase: &Phase) -> Result<u64, BenchError> {
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

    async fn guess(&mut self) -> Result<u64, BenchError> {
        let mut stream = self.open().await?;
        for _ in 0..GUESSES {
            self.guessed += 1;
            let channel = format!("order:ord_{:032x}", self.guessed);
            let frame = format!(r#"{{"id":"g","type":"subscribe","data":{{"channel":"{channel}"}}}}"#);
            send(&mut stream, frame).await?;
        }
        answers(&mut stream, GUESSES).await?;
        drop(stream);
        Ok(GUESSES.into())
    }

    async fn patter(&self) -> Result<u64, BenchError> {
        let mut stream = self.open().await?;
        for _ in 0..8 {
            for _ in 0..WINDOW {
                send(&mut stream, "1".to_owned()).await?;
            }
            answers(&mut stream, WINDOW).await?;
        }
        drop(stream);
        Ok(u64::from(WINDOW) * 8)
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

    async fn open(&self) -> Result<Stream, BenchError> {
        let mut request = self.url.as_str().into_client_request().map_err(Box::new)?;
        let bearer = HeaderValue::from_str(&format!("Bearer {}", self.token));
        let bearer = bearer.map_err(|error| BenchError::Unexpected(error.to_string()))?;
        request.headers_mut().insert("authorization", bearer);
        let (stream, _) = tokio_tungstenite::connect_async(request).await.map_err(Box::new)?;
        Ok(stream)
    }
}

async fn send(stream: &mut Stream, text: String) -> Result<(), BenchError> {
    stream.send(Message::text(text)).await.map_err(|error| Box::new(error).into())
}

/// Reads so many frames, whatever they say.
async fn answers(stream: &mut Stream, count: u32) -> Result<(), BenchError> {
    for _ in 0..count {
        match stream.next().await {
            Some(Ok(_)) => {}
            Some(Err(error)) => return Err(Box::new(error).into()),
            None => return Err(BenchError::Unexpected("the flooder was shut out".into())),
        }
    }
    Ok(())
}
