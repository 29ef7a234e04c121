//! The same conversations on Socket.IO 4, which stores every message in one SQLite file before it tells anybody.

use futures_util::{SinkExt, StreamExt, TryStreamExt, stream};
use serde::{Deserialize, de::IgnoredAny};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, tungstenite::Message};

use super::{Chat, OPENED_AT_ONCE, Pair, Server, TEXT, Talk, send};
use crate::bench::{BenchError, peers::Peers};

pub async fn measure(peers: &Peers, asked: &Chat) -> Result<Server, BenchError> {
    #[derive(Deserialize)]
    struct Ready {
        sockets: String,
    }
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("chat.db").display().to_string();
    let (mut peer, Ready { sockets }) = peers.start(&[], "chat.mjs", &[&file]).await?;
    let opened = (0..asked.conversations).map(|number| TheirPair::open(&sockets, number));
    let mut talks: Vec<Talk<TheirPair>> =
        stream::iter(opened).buffer_unordered(OPENED_AT_ONCE).map_ok(Talk::new).try_collect().await?;
    let mut rates = vec![];
    for per_second in &asked.rates {
        rates.push(send(&mut talks, *per_second, asked.seconds).await?);
    }
    if let Err(error) = peer.process.kill().await {
        tracing::debug!(%error, "a peer had ended");
    }
    Ok(Server::new("Socket.IO 4 with SQLite", rates))
}

struct TheirPair {
    room: String,
    says: Line,
    hears: Line,
}

impl TheirPair {
    async fn open(url: &str, number: u32) -> Result<Self, BenchError> {
        let room = format!("room-{number}");
        let [mut says, mut hears] = [Line::open(url).await?, Line::open(url).await?];
        says.ask("join", &json!(room)).await?;
        hears.ask("join", &json!(room)).await?;
        Ok(Self { room, says, hears })
    }
}

impl Pair for TheirPair {
    async fn say(&mut self, name: &str) -> Result<(), BenchError> {
        let said = json!({ "room": self.room, "text": TEXT, "client_message_id": name });
        self.says.ask("say", &said).await
    }

    async fn hear(&mut self) -> Result<u64, BenchError> {
        #[derive(Deserialize)]
        struct Said {
            seq: u64,
        }
        let packet = self.hears.packet(r#"42["message","#).await?;
        let event = packet.get(2..).unwrap_or_default();
        let (_, Said { seq }): (IgnoredAny, Said) =
            serde_json::from_str(event).map_err(|error| BenchError::Peer(format!("{error} in {packet}")))?;
        Ok(seq)
    }
}

/// A socket that speaks Engine.IO 4 and Socket.IO 5, as they are called on the wire.
struct Line {
    stream: WebSocketStream<MaybeTlsStream<TcpStream>>,
    asked: u64,
}

impl Line {
    async fn open(url: &str) -> Result<Self, BenchError> {
        let (stream, _) = tokio_tungstenite::connect_async(url).await.map_err(Box::new)?;
        let mut line = Self { stream, asked: 0 };
        line.packet("0{").await?;
        line.send("40").await?;
        line.packet("40{").await?;
        Ok(line)
    }

    /// Emits an event and waits for its acknowledgement; events are passed over.
    async fn ask(&mut self, event: &str, data: &Value) -> Result<(), BenchError> {
        self.asked += 1;
        self.send(&format!("42{}{}", self.asked, json!([event, data]))).await?;
        self.packet(&format!("43{}[", self.asked)).await.map(drop)
    }

    /// Waits for a packet that begins so; others are passed over, pings answered.
    async fn packet(&mut self, beginning: &str) -> Result<String, BenchError> {
        loop {
            match self.stream.next().await {
                Some(Ok(Message::Text(text))) if text.starts_with(beginning) => {
                    return Ok(text.as_str().to_owned());
                }
                Some(Ok(Message::Text(text))) if text.as_str() == "2" => self.send("3").await?,
                Some(Ok(_)) => {}
                Some(Err(error)) => return Err(Box::new(error).into()),
                None => return Err(BenchError::Peer("a socket was closed".into())),
            }
        }
    }

    async fn send(&mut self, text: &str) -> Result<(), BenchError> {
        self.stream.send(Message::text(text)).await.map_err(|error| Box::new(error).into())
    }
}
