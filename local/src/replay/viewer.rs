//! Somebody with an open socket: opens it with a ticket, listens, pings, comes back when it is closed.
//!
//! Every event is noted in [`Seen`] and handed to whoever made the viewer. A viewer that comes back resumes its logs
//! where they broke off and reads the latest of everything else, as any client should.

use std::{sync::Arc, time::Duration};

use contract::{
    frames::{EventFrame, Reply},
    http::auth::TicketView,
};
use domain::{OrderId, ProductId, UserId};
use futures_util::{SinkExt, StreamExt};
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::{
    net::TcpStream,
    sync::{mpsc, oneshot},
    task::JoinHandle,
    time::{Instant, Interval, interval_at},
};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, tungstenite::Message};

use super::{
    api::{Api, Person},
    seen::Seen,
};

/// A connection listens to at most 50 channels; these are for orders, the others for products and oneself.
const MOST_ORDERS: usize = 30;

/// How long to wait before a socket is opened again.
const PAUSE: Duration = Duration::from_millis(500);

/// How often a socket in a row may fail to open.
const MOST_FAILURES: u32 = 20;

/// How long the answers to the last questions may take.
const PATIENCE: Duration = Duration::from_mins(1);

type Stream = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// What is done with each event, besides noting it.
pub type OnEvent = Arc<dyn Fn(&EventFrame) + Send + Sync>;

/// Where and as whom a viewer listens.
pub struct Seat {
    pub api: Arc<Api>,
    pub who: Person,
    /// State channels, by name.
    pub channels: Vec<String>,
    /// Whose own log to follow, if they have one.
    pub own: Option<UserId>,
    /// How many milliseconds the shop's clock is ahead of ours.
    pub clock_ahead: i64,
    pub on_event: OnEvent,
}

/// An open socket. Clones are of the same one.
#[derive(Clone)]
pub struct Viewer(mpsc::UnboundedSender<Wish>);

/// What came of a viewer in the end.
#[derive(Debug, Default)]
pub struct Watched {
    pub seen: Seen,
    /// Events of logs that never came.
    pub missing: u64,
    pub reconnects: u64,
    /// Frames that were answered with an error, and sockets that could not be opened, in words.
    pub complaints: Vec<String>,
    /// Products that were watched to the end.
    pub products: Vec<ProductId>,
}

enum Wish {
    Follow(OrderId),
    Finish,
}

/// Why a socket is not listened to any more.
enum Left {
    Closed,
    Finished,
}

impl Viewer {
    /// Takes a seat. The answer comes when the socket is open and everything is listened to.
    pub async fn open(seat: Seat) -> (Self, JoinHandle<Watched>) {
        let (wishes, wished) = mpsc::unbounded_channel();
        let (ready, is_ready) = oneshot::channel();
        let products = seat.channels.iter().filter_map(|channel| {
            let id = channel.strip_prefix("product:")?;
            ProductId::new(id).ok()
        });
        let watched = Watched {
            products: products.collect(),
            ..Watched::default()
        };
        let listening = Listening {
            seat,
            wished,
            ready: Some(ready),
            watched,
            followed: 0,
            asked: 0,
        };
        let task = tokio::spawn(listening.listen());
        // A socket that never opened says so in its complaints.
        if is_ready.await.is_err() {
            tracing::debug!("a socket did not open");
        }
        (Self(wishes), task)
    }

    /// Listens to an order of one's own too.
    pub fn follow(&self, order: OrderId) {
        self.wish(Wish::Follow(order));
    }

    /// Asks how far everything has got, and leaves. Everything sent by now arrives before.
    pub fn finish(&self) {
        self.wish(Wish::Finish);
    }

    fn wish(&self, wish: Wish) {
        if self.0.send(wish).is_err() {
            tracing::debug!("nobody sits there any more");
        }
    }
}

struct Listening {
    seat: Seat,
    wished: mpsc::UnboundedReceiver<Wish>,
    ready: Option<oneshot::Sender<()>>,
    watched: Watched,
    followed: usize,
    asked: u64,
}

impl Listening {
    async fn listen(mut self) -> Watched {
        let mut failures = 0;
        while failures < MOST_FAILURES {
            match self.visit().await {
                Ok(Left::Finished) => return self.watched,
                Ok(Left::Closed) => {
                    failures = 0;
                    self.watched.reconnects += 1;
                }
                Err(complaint) => {
                    failures += 1;
                    self.watched.complaints.push(complaint);
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
        self.watched
    }

    /// One socket, from ticket to close.
    async fn visit(&mut self) -> Result<Left, String> {
        let mut stream = self.connect().await?;
        let heartbeat = self.take_places(&mut stream).await?;
        if self.ready.take().is_some_and(|ready| ready.send(()).is_err()) {
            tracing::debug!("nobody waits for this socket any more");
        }
        self.attend(&mut stream, heartbeat).await
    }

    async fn connect(&self) -> Result<Stream, String> {
        let Seat { api, who, .. } = &self.seat;
        let key = uuid::Uuid::now_v7().to_string();
        let ticket = api.post(who, "/api/v1/realtime/tickets", &key, &json!({})).await;
        let ticket: TicketView = ticket.map_err(|error| error.to_string())?;
        let opened = tokio_tungstenite::connect_async(&ticket.url).await;
        let (stream, _) = opened.map_err(|error| format!("a socket was not opened: {error}"))?;
        Ok(stream)
    }

    /// Says hello and listens to everything, the logs from where they broke off. Says how often to ping.
    async fn take_places(&mut self, stream: &mut Stream) -> Result<Interval, String> {
        let hello = self
            .ask(stream, "hello", json!({"client": "shopwire replay"}))
            .await?;
        let Reply::ConnectionReady { data, .. } = self.answer(stream, &hello).await? else {
            return Err("hello was not answered by connection.ready".to_owned());
        };
        if !self.seat.channels.is_empty() {
            let channels = json!({"channels": self.seat.channels});
            let asked = self.ask(stream, "subscribe", channels).await?;
            self.answer(stream, &asked).await?;
        }
        let logs: Vec<_> = self
            .watched
            .seen
            .logs()
            .map(|(log, seq)| (log.to_owned(), seq))
            .collect();
        for (log, seq) in logs {
            let resumed = json!({"channel": log, "last_seq": seq});
            let asked = self.ask(stream, "subscribe", resumed).await?;
            self.answer(stream, &asked).await?;
        }
        if let Some(own) = &self.seat.own {
            let channel = format!("user:{own}");
            let asked = self.ask(stream, "subscribe", json!({"channel": channel})).await?;
            let reached = reached(&self.answer(stream, &asked).await?);
            self.watched.seen.begin(&channel, reached);
        }
        let beat = Duration::from_millis(data.heartbeat_interval_ms.max(1_000));
        Ok(interval_at(Instant::now() + beat, beat))
    }

    async fn attend(&mut self, stream: &mut Stream, mut heartbeat: Interval) -> Result<Left, String> {
        loop {
            tokio::select! {
                message = stream.next() => {
                    let Some(Ok(message)) = message else {
                        return Ok(Left::Closed);
                    };
                    if message.is_close() {
                        return Ok(Left::Closed);
                    }
                    if let Message::Text(text) = message {
                        self.take(&text);
                    }
                }
                wish = self.wished.recv() => match wish {
                    Some(Wish::Follow(order)) => self.follow(stream, &order).await?,
                    // Whoever made the viewer is gone, which is as good as a wish.
                    Some(Wish::Finish) | None => {
                        return match tokio::time::timeout(PATIENCE, self.take_stock(stream)).await {
                            Ok(taken) => taken.map(|()| Left::Finished),
                            Err(_) => Err("the last answers did not come".to_owned()),
                        };
                    }
                },
                _ = heartbeat.tick() => {
                    self.ask(stream, "ping", json!({})).await?;
                }
            }
        }
    }

    async fn follow(&mut self, stream: &mut Stream, order: &OrderId) -> Result<(), String> {
        if self.followed == MOST_ORDERS {
            return Ok(());
        }
        self.followed += 1;
        let channel = format!("order:{order}");
        self.watched.seen.begin(&channel, 0);
        // From the first event: the order was placed before it could be followed.
        let wanted = json!({"channel": channel, "last_seq": 0});
        self.ask(stream, "subscribe", wanted).await.map(drop)
    }

    /// Asks how far each log has got and counts what did not come. The pong at the end comes after everything else.
    async fn take_stock(&mut self, stream: &mut Stream) -> Result<(), String> {
        let logs: Vec<_> = self.watched.seen.logs().map(|(log, _)| log.to_owned()).collect();
        for log in logs {
            let asked = self.ask(stream, "subscribe", json!({"channel": log})).await?;
            let reached = reached(&self.answer(stream, &asked).await?);
            self.watched.missing += self.watched.seen.missing(&log, reached);
        }
        self.ask(stream, "ping", json!({})).await?;
        while !matches!(self.reply(stream).await?, Reply::Pong { .. }) {}
        // Everything has been read; whether the other side hears the goodbye does not matter.
        drop(stream.close(None).await);
        Ok(())
    }

    /// Sends a frame and says what it is called.
    async fn ask(&mut self, stream: &mut Stream, kind: &str, data: Value) -> Result<String, String> {
        self.asked += 1;
        let id = self.asked.to_string();
        let frame = json!({"id": id, "type": kind, "data": data}).to_string();
        match stream.send(Message::text(frame)).await {
            Ok(()) => Ok(id),
            Err(error) => Err(format!("{kind} was not sent: {error}")),
        }
    }

    /// The reply to the frame called `asked`; events on the way are noted.
    async fn answer(&mut self, stream: &mut Stream, asked: &str) -> Result<Reply, String> {
        loop {
            let reply = self.reply(stream).await?;
            let answers = match &reply {
                Reply::Ack { reply_to, .. } => Some(reply_to),
                Reply::Error { reply_to, .. } | Reply::ConnectionReady { reply_to, .. } => reply_to.as_ref(),
                Reply::Batch { .. } | Reply::Pong { .. } => None,
            };
            if answers.is_some_and(|answers| answers == asked) {
                return Ok(reply);
            }
        }
    }

    /// The next reply, to whatever it was.
    async fn reply(&mut self, stream: &mut Stream) -> Result<Reply, String> {
        loop {
            let message = tokio::time::timeout(PATIENCE, stream.next()).await;
            match message {
                Ok(Some(Ok(Message::Text(text)))) => {
                    if let Some(reply) = self.take(&text) {
                        return Ok(reply);
                    }
                }
                Ok(Some(Ok(_))) => {}
                Ok(Some(Err(_)) | None) => return Err("the socket closed before it answered".to_owned()),
                Err(_) => return Err("an answer did not come".to_owned()),
            }
        }
    }

    /// Notes what a message brings; a reply is given back.
    fn take(&mut self, text: &str) -> Option<Reply> {
        match serde_json::from_str(text) {
            Ok(Reply::Batch { events }) => {
                self.watched.seen.frames += 1;
                for event in &events {
                    self.note(event);
                }
                None
            }
            Ok(reply) => {
                if let Reply::Error { error, .. } = &reply {
                    self.watched.complaints.push(error.message.clone());
                }
                Some(reply)
            }
            Err(_) => {
                match serde_json::from_str(text) {
                    Ok(event) => {
                        self.watched.seen.frames += 1;
                        self.note(&event);
                    }
                    Err(error) => self.watched.complaints.push(format!("an unknown frame: {error}")),
                }
                None
            }
        }
    }

    fn note(&mut self, event: &EventFrame) {
        let now = Timestamp::now()
            .as_millisecond()
            .saturating_add(self.seat.clock_ahead);
        self.watched.seen.note(event, now);
        (self.seat.on_event)(event);
    }
}

/// How far the channel has got that an `ack` is about.
fn reached(reply: &Reply) -> u64 {
    let Reply::Ack { data, .. } = reply else {
        return 0;
    };
    data.get("seq").and_then(Value::as_u64).unwrap_or_default()
}
