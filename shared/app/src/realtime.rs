//! Sockets: tickets, connections, and what a client asks on its socket.

mod connecting;
mod replay;
mod room;
mod watching;

use std::{collections::BTreeSet, sync::Arc};

use contract::{
    ErrorCode,
    frames::{Command, ConnectionReady, PresenceStatus, Reply, ResumePoint, SetPresence, Subscribe},
};
use domain::{Channel, ConnectionId, OrderId, Principal, channel::Audience};
use futures_util::{StreamExt, TryStreamExt, stream};
use serde_json::{Value, json};

pub use self::connecting::{Admission, Validity};
use self::room::Room;
use crate::{
    Clock, Error, Result, Settings,
    chat::{ChatLog, may_read},
    identity::Identity,
    notifications::Inbox,
    orders::OrderGrant,
    presence::Presence,
    push::{Frame, Push},
    store::{
        Dynamo,
        realtime::{Connection, LOG_KEPT},
    },
};

/// Channels that one connection may listen to.
const MAX_SUBSCRIPTIONS: usize = 50;
/// Channels that are joined at once.
const AT_ONCE: usize = 8;

/// The sockets of all shops.
#[derive(Debug, Clone)]
pub struct Realtime {
    store: Dynamo,
    clock: Clock,
    settings: Arc<Settings>,
    push: Push,
    identity: Identity,
    presence: Presence,
    inbox: Inbox,
    room: Room,
    chat: ChatLog,
}

impl Realtime {
    /// Connections are kept in `store` and posted to by `push`.
    pub fn new(store: Dynamo, clock: Clock, settings: Arc<Settings>, push: Push, identity: Identity) -> Self {
        let presence = Presence::new(store.clone(), clock.clone(), push.clone());
        let chat = ChatLog::new(store.clone(), clock.clone(), settings.clone());
        let inbox = Inbox::new(store.clone(), clock.clone());
        Self { store, clock, settings, push, identity, presence, inbox, room: Room::default(), chat }
    }

    /// The connection that a frame comes from, unless it has ended. Ended sessions' connections are closed and forgotten.
    pub async fn connection(&self, id: &ConnectionId) -> Result<Connection> {
        let connection = self.store.connection(id).await?.ok_or(Error::Unauthenticated)?;
        if self.clock.now() >= connection.ends_at {
            return Err(Error::Unauthenticated);
        }
        Ok(connection)
    }

    /// The connection with the guests that its person was, unless the session it was opened with has ended.
    pub(crate) async fn admitted_now(&self, connection: &Connection) -> Result<Connection> {
        let connection = connection.clone();
        let principal = self.identity.admit(connection.principal.clone(), connection.token_issued_at).await?;
        Ok(Connection { principal, ..connection })
    }

    /// Does what a client asks, and says what came of it. Without `reply_to` an act is not acknowledged. `grants` are
    /// the orders that the client has brought good tokens for.
    pub async fn obey(
        &self,
        connection: &Connection,
        reply_to: Option<String>,
        command: Command,
        grants: &[OrderGrant],
    ) -> Result<Option<Reply>> {
        let ack = |data: Value| reply_to.clone().map(|reply_to| Reply::Ack { reply_to, data });
        match command {
            Command::Hello(_) => {
                self.presence.arrived(connection).await?;
                Ok(Some(Reply::ConnectionReady { reply_to: reply_to.clone(), data: self.ready(connection) }))
            }
            Command::Ping(_) => Ok(Some(Reply::Pong { timestamp: self.clock.now().as_millisecond() })),
            Command::Subscribe(wanted) => Ok(ack(self.subscribe(connection, wanted, grants).await?)),
            Command::TrackProduct(product) => {
                let channel = format!("product:{}", product.id());
                Ok(ack(self.subscribe(connection, one(channel), grants).await?))
            }
            Command::TrackOrder(order) => {
                let channel = format!("order:{}", order.id());
                Ok(ack(self.subscribe(connection, one(channel), grants).await?))
            }
            Command::Unsubscribe(wanted) => Ok(ack(self.unsubscribe(connection, &wanted.channel).await?)),
            Command::UntrackProduct(product) => {
                Ok(ack(self.unsubscribe(connection, &format!("product:{}", product.id())).await?))
            }
            Command::SetPresence(SetPresence { status }) => {
                if status == PresenceStatus::Offline {
                    return Err(Error::field("data.status", "invalid", "expected online or away"));
                }
                self.presence.looks(connection, status == PresenceStatus::Away).await?;
                Ok(ack(json!({ "status": status })))
            }
            Command::NotificationsRead(read) => {
                Ok(ack(json!(self.inbox.read_as_asked(&connection.principal, &read).await?)))
            }
            Command::Resume(resume) => {
                if resume.channels.len() > MAX_SUBSCRIPTIONS {
                    return Err(Error::field("data.channels", "too_many", "expected at most 50"));
                }
                let point = |ResumePoint { channel, last_seq, .. }| (channel, Some(last_seq));
                let points = resume.channels.into_iter().map(point).collect();
                Ok(ack(json!({ "channels": self.listen(connection, points, grants).await? })))
            }
            other => Err(Error::internal(format!("{other:?} is for `Chat::obey`"))),
        }
    }

    fn ready(&self, connection: &Connection) -> ConnectionReady {
        ConnectionReady {
            connection_id: connection.connection_id.clone(),
            user_id: connection.principal.subject.clone(),
            role: connection.principal.role,
            shop_id: connection.principal.shop.clone(),
            resume_window_s: u64::try_from(LOG_KEPT.as_secs()).unwrap_or(0),
            heartbeat_interval_ms: u64::try_from(self.settings.heartbeat.as_millis()).unwrap_or(0),
            expires_at: connection.ends_at,
        }
    }

    pub(crate) async fn subscribe(
        &self,
        connection: &Connection,
        wanted: Subscribe,
        grants: &[OrderGrant],
    ) -> Result<Value> {
        let names: Vec<String> = wanted.channel.into_iter().chain(wanted.channels).collect();
        if names.is_empty() {
            return Err(Error::field("data.channel", "required", "expected the name of a channel"));
        }
        let points = names.into_iter().map(|name| (name, wanted.last_seq)).collect();
        let answers = self.listen(connection, points, grants).await?;
        Ok(match <[Value; 1]>::try_from(answers) {
            Ok([only]) => only,
            Err(several) => json!({ "channels": several }),
        })
    }

    /// Listens to channels, at once, to each from behind what was seen of it; says how far each has come. If one of them
    /// is refused, none is listened to.
    async fn listen(
        &self,
        connection: &Connection,
        points: Vec<(String, Option<u64>)>,
        grants: &[OrderGrant],
    ) -> Result<Vec<Value>> {
        let admitted = points.iter().map(|(name, _)| self.admitted(&connection.principal, name, grants));
        let admitted: Vec<_> = admitted.map(Box::pin).collect();
        let channels: Vec<Channel> = stream::iter(admitted).buffered(AT_ONCE).try_collect().await?;
        self.check_room(connection, &channels).await?;
        let seen = points.into_iter().map(|(_, seen)| seen);
        let joined =
            channels.into_iter().zip(seen).map(|(channel, seen)| self.join(connection, channel, seen));
        let joined: Vec<_> = joined.map(Box::pin).collect();
        stream::iter(joined).buffered(AT_ONCE).try_collect().await
    }

    /// Whether a connection may listen to `wanted` too. One's own channel comes with the connection.
    async fn check_room(&self, connection: &Connection, wanted: &[Channel]) -> Result<()> {
        let own = connection.own_channel();
        let mut all: BTreeSet<Channel> = wanted.iter().filter(|channel| **channel != own).cloned().collect();
        if all.is_empty() {
            return Ok(());
        }
        let held = self.store.subscriptions(&connection.connection_id).await?;
        let before = held.len();
        all.extend(held);
        if all.len() > MAX_SUBSCRIPTIONS.max(before) {
            return Err(Error::invalid(
                ErrorCode::ValidationFailed,
                "a connection listens to at most 50 channels",
            ));
        }
        Ok(())
    }

    /// The channel called `name`, if there is one and whoever asks may join it, by who they are or by what `grants` they
    /// have. Somebody else's channel and one that does not exist look the same.
    async fn admitted(&self, who: &Principal, name: &str, grants: &[OrderGrant]) -> Result<Channel> {
        let channel = Channel::parse(name)
            .map_err(|error| Error::field("data.channel", "invalid", error.to_string()))?;
        let owner = match channel.audience() {
            Audience::OrderOwner(order) => {
                self.store.order(&who.shop, &order).await?.map(|stored| stored.order.owner)
            }
            _ => None,
        };
        let is_granted = |order: &OrderId| {
            owner.is_some() && grants.iter().any(|grant| grant.shop == who.shop && grant.order_id == *order)
        };
        if let Audience::PartOf(conversation) = channel.audience() {
            let found = self.store.conversation(&who.shop, &conversation).await?;
            return if found.is_some_and(|found| may_read(who, &found)) {
                Ok(channel)
            } else {
                Err(Error::Forbidden)
            };
        }
        let is_admitted = channel.audience().admits(who, owner.as_ref())
            || matches!(&channel, Channel::Order(order) if is_granted(order));
        if is_admitted { Ok(channel) } else { Err(Error::Forbidden) }
    }

    /// Writes the subscription first and reads the state after it, so that nothing falls between.
    async fn join(&self, connection: &Connection, channel: Channel, last_seq: Option<u64>) -> Result<Value> {
        // One's own channel is listened to from the beginning.
        if channel != connection.own_channel() {
            self.store.put_subscription(connection, &channel).await?;
            self.presence.joined(connection, &channel).await?;
        }
        let missed = self.missed(&connection.principal.shop, &channel, last_seq).await?;
        let mut frames = missed.events.iter().map(Frame::of).collect::<Result<Vec<_>>>()?;
        if last_seq.is_some() && !channel.is_log() {
            let kept = self.store.kept_broadcast(&connection.principal.shop, &channel).await?;
            frames.extend(kept.as_ref().map(Frame::of).transpose()?);
        }
        let frames: Vec<Arc<Frame>> = frames.into_iter().map(Arc::new).collect();
        self.push.post_all(connection, &frames).await?;
        Ok(json!({ "channel": channel.to_string(), "seq": missed.seq }))
    }

    pub(crate) async fn unsubscribe(&self, connection: &Connection, name: &str) -> Result<Value> {
        let channel = Channel::parse(name)
            .map_err(|error| Error::field("data.channel", "invalid", error.to_string()))?;
        if channel == connection.own_channel() {
            // It comes with the connection, and says that its person is there.
            return Err(Error::Forbidden);
        }
        let Connection { connection_id, principal, .. } = connection;
        self.store.delete_subscription(&principal.shop, connection_id, &channel).await?;
        self.presence.parted(principal, &channel).await?;
        Ok(json!({ "channel": channel.to_string() }))
    }
}

fn one(channel: String) -> Subscribe {
    Subscribe { channel: Some(channel), channels: vec![], last_seq: None, order_token: None }
}
