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
use serde::Deserialize;
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
    /// Frames that were refused or are none of the contract's, and a socket that could not be opened, in words.
    pub complaints: Vec<String>,
    /// Products that were watched to the end.
    pub products: Vec<ProductId>,
}

enum Wish {
    Follow(OrderId),
    Finish,
}

/// Why a socket ended before it was to.
type Interruption = String;

impl Viewer {
    /// Takes a seat. The answer comes when the socket is open and everything is listened to.
    pub async fn open(seat: Seat) -> (Self, JoinHandle<Watched>) {
        let (wishes, wished) = mpsc::unbounded_channel();
        let (ready, is_ready) = oneshot::channel();
        let products = seat.channels.iter().filter_map(|channel| {
            let id = channel.strip_prefix("product:")?;
            ProductId::new(id).ok()
        });
        let watched = Watched { products: products.collect(), ..Watched::default() };
        let listening = Listening {
            seat,
            wished,
            ready: Some(ready),
            watched,
            is_open: false,
            is_leaving: false,
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
    is_open: bool,
    is_leaving: bool,
    followed: usize,
    asked: u64,
}

impl Listening {
    async fn listen(mut self) -> Watched {
        let mut failures = 0;
        while let Err(why) = self.visit().await {
            if std::mem::take(&mut self.is_open) {
                failures = 0;
                self.watched.reconnects += 1;
            } else {
                failures += 1;
            }
            tracing::debug!(why, "a socket ended");
            if failures == MOST_FAILURES {
                self.watched.complaints.push(why);
                break;
            }
            tokio::time::sleep(PAUSE).await;
        }
        self.watched
    }

    /// One socket, from ticket to close.
    async fn visit(&mut self) -> Result<(), Interruption> {
        let mut stream = self.connect().await?;
        let heartbeat = self.take_places(&mut stream).await?;
        self.is_open = true;
        if self.ready.take().is_some_and(|ready| ready.send(()).is_err()) {
            tracing::debug!("nobody waits for this socket any more");
        }
        if !self.is_leaving {
            self.attend(&mut stream, heartbeat).await?;
        }
        self.is_leaving = true;
        self.take_stock(&mut stream).await
    }

    async fn connect(&self) -> Result<Stream, Interruption> {
        let Seat { api, who, .. } = &self.seat;
        let key = uuid::Uuid::now_v7().to_string();
        let ticket = api.post(who, "/api/v1/realtime/tickets", &key, &json!({})).await;
        let ticket: TicketView = ticket.map_err(|error| error.to_string())?;
        let opened = tokio_tungstenite::connect_async(&ticket.url).await;
        let (stream, _) = opened.map_err(|error| format!("a socket was not opened: {error}"))?;
        Ok(stream)
    }

    /// Says hello and listens to everything, the logs from where they broke off. Says how often to ping.
    async fn take_places(&mut self, stream: &mut Stream) -> Result<Interval, Interruption> {
        let hello = self.ask(stream, "hello", json!({"client": "shopwire replay"})).await?;
        let Reply::ConnectionReady { data, .. } = self.answer(stream, &hello).await? else {
            return Err("hello was not answered by connection.ready".to_owned());
        };
        if !self.seat.channels.is_empty() {
            let channels = json!({"channels": self.seat.channels});
            let asked = self.ask(stream, "subscribe", channels).await?;
            self.answer(stream, &asked).await?;
        }
        let logs: Vec<_> = self.watched.seen.logs().map(|(log, seq)| (log.to_owned(), seq)).collect();
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

    /// Listens until whoever made the viewer wishes an end, or is gone, which is as good.
    async fn attend(&mut self, stream: &mut Stream, mut heartbeat: Interval) -> Result<(), Interruption> {
        loop {
            tokio::select! {
                message = stream.next() => match message {
                    Some(Ok(Message::Text(text))) => drop(self.take(&text)?),
                    Some(Ok(Message::Close(_)) | Err(_)) | None => return Err("it was closed".to_owned()),
                    Some(Ok(_)) => {}
                },
                wish = self.wished.recv() => match wish {
                    Some(Wish::Follow(order)) => self.follow(stream, &order).await?,
                    Some(Wish::Finish) | None => return Ok(()),
                },
                _ = heartbeat.tick() => {
                    self.ask(stream, "ping", json!({})).await?;
                }
            }
        }
    }

    async fn follow(&mut self, stream: &mut Stream, order: &OrderId) -> Result<(), Interruption> {
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
    async fn take_stock(&mut self, stream: &mut Stream) -> Result<(), Interruption> {
        let logs: Vec<_> = self.watched.seen.logs().map(|(log, _)| log.to_owned()).collect();
        let mut missing = 0;
        for log in logs {
            let asked = self.ask(stream, "subscribe", json!({"channel": log})).await?;
            let reached = reached(&self.answer(stream, &asked).await?);
            missing += self.watched.seen.missing(&log, reached);
        }
        self.watched.missing = missing;
        self.ask(stream, "ping", json!({})).await?;
        while !matches!(self.reply(stream).await?, Reply::Pong { .. }) {}
        // Everything has been read; whether the other side hears the goodbye does not matter.
        drop(stream.close(None).await);
        Ok(())
    }

    /// Sends a frame and says what it is called.
    async fn ask(&mut self, stream: &mut Stream, kind: &str, data: Value) -> Result<String, Interruption> {
        self.asked += 1;
        let id = self.asked.to_string();
        let frame = json!({"id": id, "type": kind, "data": data}).to_string();
        match stream.send(Message::text(frame)).await {
            Ok(()) => Ok(id),
            Err(error) => Err(format!("{kind} was not sent: {error}")),
        }
    }

    /// The reply to the frame called `asked`; events on the way are noted.
    async fn answer(&mut self, stream: &mut Stream, asked: &str) -> Result<Reply, Interruption> {
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
    async fn reply(&mut self, stream: &mut Stream) -> Result<Reply, Interruption> {
        loop {
            let message = tokio::time::timeout(PATIENCE, stream.next()).await;
            match message {
                Ok(Some(Ok(Message::Text(text)))) => {
                    if let Some(reply) = self.take(&text)? {
                        return Ok(reply);
                    }
                }
                Ok(Some(Ok(_))) => {}
                Ok(Some(Err(_)) | None) => return Err("the socket closed before it answered".to_owned()),
                Err(_) => return Err("an answer did not come".to_owned()),
            }
        }
    }

    /// Notes what a message brings; a reply is given back. Where a function failed the gateway says so by itself, and
    /// nobody knows whether what was asked was done: the socket is opened again.
    fn take(&mut self, text: &str) -> Result<Option<Reply>, Interruption> {
        let not_a_reply = match serde_json::from_str(text) {
            Ok(Reply::Batch { events }) => {
                self.watched.seen.frames += 1;
                for event in &events {
                    self.note(event);
                }
                return Ok(None);
            }
            Ok(reply) => {
                if let Reply::Error { error, .. } = &reply {
                    self.watched.complaints.push(error.message.clone());
                }
                return Ok(Some(reply));
            }
            Err(error) => error,
        };
        if let Ok(event) = serde_json::from_str(text) {
            self.watched.seen.frames += 1;
            self.note(&event);
        } else if let Ok(GatewayError { message, .. }) = serde_json::from_str(text) {
            return Err(message);
        } else {
            self.watched.complaints.push(format!("an unknown frame: {not_a_reply}"));
        }
        Ok(None)
    }

    fn note(&mut self, event: &EventFrame) {
        let now = Timestamp::now().as_millisecond().saturating_add(self.seat.clock_ahead);
        self.watched.seen.note(event, now);
        (self.seat.on_event)(event);
    }
}

/// What API Gateway itself answers to a frame whose function failed.
#[derive(Deserialize)]
struct GatewayError {
    message: String,
    #[serde(rename = "connectionId")]
    _connection_id: String,
}

/// How far the channel has got that an `ack` is about.
fn reached(reply: &Reply) -> u64 {
    let Reply::Ack { data, .. } = reply else {
        return 0;
    };
    data.get("seq").and_then(Value::as_u64).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use contract::http::auth::GuestToken;
    use jiff::SignedDuration;

    use super::*;
    use crate::{
        clock::TurnableClock,
        cloud::{LocalCloud, Options},
    };

    #[tokio::test]
    async fn a_viewer_comes_back_when_its_socket_was_idle_too_long() {
        let template = concat!(env!("CARGO_MANIFEST_DIR"), "/../template.yaml");
        let options = Options {
            clock: TurnableClock::standing_at("2026-01-05T09:00:00Z".parse().unwrap()),
            ..Options::ephemeral(template)
        };
        let cloud = LocalCloud::start(options).await.unwrap();
        let api = Arc::new(Api::new(cloud.http_url()));
        let mut who = Person { token: None, address: "192.0.2.7".to_owned() };
        let guest: GuestToken = api.post(&who, "/api/v1/auth/guest", "1", &json!({})).await.unwrap();
        who.token = Some(guest.token);
        let seat = Seat {
            api,
            who,
            channels: vec!["product:lamp".to_owned()],
            own: Some(guest.guest_id),
            clock_ahead: 0,
            on_event: Arc::new(|_| {}),
        };
        let (viewer, watching) = Viewer::open(seat).await;
        cloud.advance(SignedDuration::from_mins(11)).await.unwrap();
        viewer.finish();
        let watched = watching.await.unwrap();
        assert_eq!(watched.complaints, Vec::<String>::new());
        assert_eq!((watched.reconnects, watched.missing), (1, 0));
        cloud.stop().await;
    }
}
