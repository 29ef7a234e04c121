//! Sockets: tickets, connections, and what a client asks on its socket.

use std::sync::Arc;

use contract::{
    ErrorCode, JournalEvent,
    frames::{Command, ConnectionReady, EventFrame, LiveEvent, Reply, ResumePoint, Subscribe},
    http::auth::TicketView,
};
use domain::{
    Channel, ConnectionId, EventId, Permission, Principal, ProductId, ShopId, UserId, channel::Audience,
};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::{
    Clock, Error, Result, Settings,
    identity::{Identity, digest},
    push::{Push, encode},
    relay::{inventory_updated, live},
    store::{
        Dynamo,
        realtime::{Connection, LOG_KEPT, Subscription, Ticket},
    },
};

/// How long a ticket is good.
const TICKET_GOOD: SignedDuration = SignedDuration::from_secs(60);
/// How long API Gateway keeps a connection, at most.
const LONGEST_CONNECTION: SignedDuration = SignedDuration::from_hours(2);
/// Channels that one connection may listen to.
const MAX_SUBSCRIPTIONS: usize = 50;
/// Missed events that are sent again at most; who missed more reads the state anew.
const MAX_REPLAY: u32 = 500;

/// The sockets of all shops.
#[derive(Debug, Clone)]
pub struct Realtime {
    store: Dynamo,
    clock: Clock,
    settings: Arc<Settings>,
    push: Push,
    identity: Identity,
}

/// When a token was issued, and until when it is good.
#[derive(Debug, Clone, Copy)]
pub struct Validity {
    /// Whatever ends older tokens ends this one.
    pub issued_at: Timestamp,
    /// When it ends by itself.
    pub good_until: Timestamp,
}

/// How a socket is to be opened.
#[derive(Debug, Clone, Default)]
pub struct Admission {
    /// The ticket, if the client has one.
    pub ticket: Option<String>,
    /// Who it is by its token, if the client sent one instead.
    pub bearer: Option<(Principal, Validity)>,
    /// The page that opens it.
    pub origin: Option<String>,
    /// Whether large events may come compressed.
    pub accepts_gzip: bool,
}

impl Realtime {
    /// Connections are kept in `store` and posted to by `push`.
    pub const fn new(
        store: Dynamo,
        clock: Clock,
        settings: Arc<Settings>,
        push: Push,
        identity: Identity,
    ) -> Self {
        Self { store, clock, settings, push, identity }
    }

    /// Writes a ticket for whoever asks, good as far as their token is.
    pub async fn issue_ticket(&self, who: &Principal, token: Validity) -> Result<TicketView> {
        who.may(Permission::OpenSocket)?;
        let good_until = self.clock.after(TICKET_GOOD);
        let ticket = Ticket {
            principal: Principal { linked_guests: std::collections::BTreeSet::new(), ..who.clone() },
            token_issued_at: token.issued_at,
            token_until: token.good_until,
            good_until,
            expires_at: good_until.as_second() + 600,
        };
        let secret = hex::encode(rand::random::<[u8; 24]>());
        self.store.put_ticket(&digest(&secret), &ticket).await?;
        let name = format!("tkt_{}.{secret}", who.shop);
        let url = format!("{}?ticket={name}&v=1", self.settings.websocket_url);
        Ok(TicketView { ticket: name, url, expires_at: good_until })
    }

    /// Admits a connection, or refuses it: unknown page, no ticket, a ticket that is used up.
    pub async fn connect(&self, id: &ConnectionId, admission: Admission) -> Result<()> {
        if let Some(origin) = &admission.origin
            && !self.settings.admits_origin(origin)
        {
            return Err(Error::Forbidden);
        }
        let (principal, token) = match (admission.bearer, &admission.ticket) {
            (Some(bearer), _) => bearer,
            (None, Some(ticket)) => self.redeem(ticket, id).await?,
            (None, None) => return Err(Error::Unauthenticated),
        };
        // A ticket may be older than the end of its owner's sessions.
        let principal = self.identity.admit(principal, token.issued_at).await?;
        principal.may(Permission::OpenSocket)?;
        let now = self.clock.now();
        let ends_at = token.good_until.min(self.clock.after(LONGEST_CONNECTION));
        let connection = Connection {
            connection_id: id.clone(),
            principal,
            connected_at: now,
            token_issued_at: token.issued_at,
            ends_at,
            accepts_gzip: admission.accepts_gzip && self.settings.allows_compression,
            expires_at: ends_at.as_second() + 60,
        };
        self.store.put_connection(&connection).await?;
        let own = Channel::User(connection.principal.subject.clone());
        let shop = connection.principal.shop.clone();
        self.store.put_listener(&subscription(&connection, own), &shop).await
    }

    async fn redeem(&self, ticket: &str, id: &ConnectionId) -> Result<(Principal, Validity)> {
        let parts = ticket.strip_prefix("tkt_").and_then(|rest| rest.split_once('.'));
        let (shop, secret) = parts.ok_or(Error::Unauthenticated)?;
        let shop = ShopId::new(shop).map_err(|_| Error::Unauthenticated)?;
        let ticket = self.store.use_ticket(&shop, &digest(secret), id, self.clock.now()).await?;
        let ticket = ticket.ok_or(Error::Unauthenticated)?;
        let token = Validity { issued_at: ticket.token_issued_at, good_until: ticket.token_until };
        Ok((ticket.principal, token))
    }

    /// Forgets a connection that has ended.
    pub async fn disconnect(&self, id: &ConnectionId) -> Result<()> {
        if let Some(connection) = self.store.connection(id).await? {
            self.push.forget(&connection.principal.shop, id).await?;
        }
        Ok(())
    }

    /// The connection that a frame comes from, unless it, or the session it was opened with, has ended.
    pub async fn connection(&self, id: &ConnectionId) -> Result<Connection> {
        let connection = self.store.connection(id).await?.ok_or(Error::Unauthenticated)?;
        if self.clock.now() >= connection.ends_at {
            return Err(Error::Unauthenticated);
        }
        let principal = self.identity.admit(connection.principal.clone(), connection.token_issued_at).await?;
        Ok(Connection { principal, ..connection })
    }

    /// Does what a client asks, and says what came of it. Without `reply_to` an act is not acknowledged.
    pub async fn obey(
        &self,
        connection: &Connection,
        reply_to: Option<String>,
        command: Command,
    ) -> Result<Option<Reply>> {
        let ack = |data: Value| reply_to.clone().map(|reply_to| Reply::Ack { reply_to, data });
        match command {
            Command::Hello(_) => {
                Ok(Some(Reply::ConnectionReady { reply_to: reply_to.clone(), data: self.ready(connection) }))
            }
            Command::Ping(_) => Ok(Some(Reply::Pong { timestamp: self.clock.now().as_millisecond() })),
            Command::Subscribe(wanted) => Ok(ack(self.subscribe(connection, wanted).await?)),
            Command::TrackProduct(product) => {
                let channel = format!("product:{}", product.id());
                Ok(ack(self.subscribe(connection, one(channel)).await?))
            }
            Command::TrackOrder(order) => {
                let channel = format!("order:{}", order.id());
                Ok(ack(self.subscribe(connection, one(channel)).await?))
            }
            Command::Unsubscribe(wanted) => Ok(ack(self.unsubscribe(connection, &wanted.channel).await?)),
            Command::UntrackProduct(product) => {
                Ok(ack(self.unsubscribe(connection, &format!("product:{}", product.id())).await?))
            }
            Command::Resume(resume) => {
                if resume.channels.len() > MAX_SUBSCRIPTIONS {
                    return Err(Error::field("data.channels", "too_many", "expected at most 50"));
                }
                let mut answers = vec![];
                for ResumePoint { channel, last_seq } in resume.channels {
                    let wanted =
                        Subscribe { channel: Some(channel), channels: vec![], last_seq: Some(last_seq) };
                    answers.push(self.subscribe(connection, wanted).await?);
                }
                Ok(ack(json!({ "channels": answers })))
            }
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

    async fn subscribe(&self, connection: &Connection, wanted: Subscribe) -> Result<Value> {
        let names: Vec<String> = wanted.channel.into_iter().chain(wanted.channels).collect();
        if names.is_empty() {
            return Err(Error::field("data.channel", "required", "expected the name of a channel"));
        }
        let held = self.store.subscriptions(&connection.connection_id).await?;
        let mut answers = vec![];
        for name in names {
            let channel = self.admitted(&connection.principal, &name).await?;
            let is_new = held.iter().all(|subscription| subscription.channel != channel);
            if is_new && held.len() + answers.len() >= MAX_SUBSCRIPTIONS {
                return Err(Error::invalid(
                    ErrorCode::ValidationFailed,
                    "a connection listens to at most 50 channels",
                ));
            }
            answers.push(self.join(connection, channel, wanted.last_seq).await?);
        }
        Ok(match <[Value; 1]>::try_from(answers) {
            Ok([only]) => only,
            Err(several) => json!({ "channels": several }),
        })
    }

    /// The channel called `name`, if there is one and whoever asks may join it. Somebody else's channel and one
    /// that does not exist look the same.
    async fn admitted(&self, who: &Principal, name: &str) -> Result<Channel> {
        let channel = Channel::parse(name)
            .map_err(|error| Error::field("data.channel", "invalid", error.to_string()))?;
        let owner = match channel.audience() {
            Audience::OrderOwner(order) => {
                self.store.order(&who.shop, &order).await?.map(|stored| stored.order.owner)
            }
            _ => None,
        };
        if channel.audience().admits(who, owner.as_ref()) { Ok(channel) } else { Err(Error::Forbidden) }
    }

    /// Writes the subscription first and reads the state after it, so that nothing falls between.
    async fn join(&self, connection: &Connection, channel: Channel, last_seq: Option<u64>) -> Result<Value> {
        self.store.put_subscription(&subscription(connection, channel.clone())).await?;
        let shop = &connection.principal.shop;
        let mut missed = vec![];
        let seq = match &channel {
            Channel::Order(order) => {
                let seq = self.store.order(shop, order).await?.map_or(0, |stored| stored.order.version);
                if let Some(after) = last_seq {
                    let events = self.store.order_journal(shop, order, after, MAX_REPLAY).await?;
                    let events: Vec<_> = events.into_iter().map(|event| (event.version, event)).collect();
                    missed = replayed(&channel, &events, after, seq, self.clock.now());
                }
                Some(seq)
            }
            Channel::User(user) => {
                let seq = self.store.log_seq(shop, user).await?;
                if let Some(after) = last_seq {
                    let events = self.store.log_after(shop, user, after, MAX_REPLAY).await?;
                    missed = replayed(&channel, &events, after, seq, self.clock.now());
                }
                Some(seq)
            }
            Channel::Product(product) => {
                missed = self.latest_stock(shop, product).await?;
                None
            }
            _ => None,
        };
        let frames = missed.iter().map(encode).collect::<Result<Vec<_>>>()?;
        self.push.post_all(&connection.connection_id, &frames).await?;
        Ok(json!({ "channel": channel.to_string(), "seq": seq }))
    }

    async fn latest_stock(&self, shop: &ShopId, product: &ProductId) -> Result<Vec<EventFrame>> {
        let levels = self.store.levels(shop, product, true).await?;
        let channel = Channel::Product(product.clone());
        let now = self.clock.now();
        let frame = |row| inventory_updated(&row, &channel, now, self.settings.low_stock_threshold);
        Ok(levels.into_iter().map(frame).collect())
    }

    async fn unsubscribe(&self, connection: &Connection, name: &str) -> Result<Value> {
        let channel = Channel::parse(name)
            .map_err(|error| Error::field("data.channel", "invalid", error.to_string()))?;
        self.store
            .delete_subscription(&connection.principal.shop, &connection.connection_id, &channel)
            .await?;
        Ok(json!({ "channel": channel.to_string() }))
    }

    /// Closes the sockets of a person and forgets them; says how many there were.
    pub async fn close_all(
        &self,
        shop: &ShopId,
        user: &UserId,
        session: Option<&domain::SessionId>,
    ) -> Result<usize> {
        let mut closed = 0;
        for listener in self.store.listeners(shop, &Channel::User(user.clone())).await? {
            let connection = self.store.connection(&listener.connection_id).await?;
            let is_meant = connection.is_some_and(|connection| {
                connection.principal.subject == *user
                    && session.is_none_or(|session| connection.principal.session == *session)
            });
            if is_meant {
                self.push.close(&listener.connection_id).await?;
                self.push.forget(shop, &listener.connection_id).await?;
                closed += 1;
            }
        }
        Ok(closed)
    }
}

fn one(channel: String) -> Subscribe {
    Subscribe { channel: Some(channel), channels: vec![], last_seq: None }
}

fn subscription(connection: &Connection, channel: Channel) -> Subscription {
    Subscription {
        connection_id: connection.connection_id.clone(),
        channel,
        shop_id: connection.principal.shop.clone(),
        expires_at: connection.expires_at,
    }
}

/// Missed events as frames, or word that they are no longer all there.
fn replayed(
    channel: &Channel,
    events: &[(u64, JournalEvent)],
    after: u64,
    seq: u64,
    now: Timestamp,
) -> Vec<EventFrame> {
    let reached = after + u64::try_from(events.len()).unwrap_or(u64::MAX);
    // More may have been written since `seq` was read, but nothing may be missing.
    let is_whole =
        after <= seq && reached >= seq && events.iter().map(|(seq, _)| *seq).eq(after + 1..=reached);
    if is_whole {
        return events.iter().filter_map(|(seq, event)| live(event, channel, Some(*seq))).collect();
    }
    let reason = if after > seq { "the channel has not come that far" } else { "too much was missed" };
    vec![EventFrame {
        id: EventId::from_uuid(crate::clock::derived(&["resync", &channel.to_string(), &after.to_string()])),
        channel: channel.to_string(),
        seq: None,
        timestamp: now.as_millisecond(),
        cause: None,
        event: LiveEvent::ResyncRequired {
            channel: channel.to_string(),
            from_seq: after,
            reason: reason.into(),
        },
    }]
}
