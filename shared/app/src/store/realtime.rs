//! The `Realtime` table: tickets, connections, subscriptions, and each person's own log.
//!
//! | pk | sk | row |
//! |---|---|---|
//! | `{shop}#ticket#{digest}` | `ticket` | a ticket to connect with |
//! | `connection#{id}` | `connection` | a connection and its principal |
//! | the same | `sub#{channel}` | what it listens to |
//! | `{shop}#channel#{channel}` | `{connection}` | the same, the other way round |
//! | `{shop}#people#{shard}` | `{user}#{connection}` | the same of `user:` channels: who is connected, and where |
//! | `{shop}#log#{user}` | `head` | the last `seq` of a person's log |
//! | the same | `j#{seq}`, `from#{event}` | the log, and which events are in it |
//! | `{shop}#kept#{channel}` | `broadcast` | the last broadcast to a channel |
//! | `{shop}#slot#{subject}` | `slot` | when a value was last shown; see [`slots`] |
//!
//! A connection is the one thing whose key does not begin with its shop: API Gateway names it and nothing else.

mod log;
mod people;
pub mod slots;

use domain::{Channel, ConnectionId, Principal, Role, ShopId, UserId};
use futures_util::{StreamExt, TryStreamExt, stream};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{
    Dynamo, Item, Key, Query,
    dynamo::{Update, Written, item, text, values},
};
use crate::Result;

/// How long a person's log is kept, and so how late a client may resume.
pub const LOG_KEPT: SignedDuration = SignedDuration::from_hours(7 * 24);

/// In how many partitions the people of a shop are, so that no single one takes every connect.
const PEOPLE_SHARDS: u32 = 16;

/// A ticket to connect with.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Ticket {
    /// Who may connect with it.
    pub principal: Principal,
    /// When their token was issued.
    pub token_issued_at: Timestamp,
    /// Until when their token is good.
    pub token_until: Timestamp,
    /// Until when the ticket is good.
    pub good_until: Timestamp,
    /// When DynamoDB may forget it, in seconds since 1970.
    pub expires_at: i64,
}

/// A connection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Connection {
    /// API Gateway's name for it.
    pub connection_id: ConnectionId,
    /// Who is connected.
    pub principal: Principal,
    /// Since when.
    pub connected_at: Timestamp,
    /// When the token that it was opened with was issued.
    pub token_issued_at: Timestamp,
    /// Until when: the end of the token or API Gateway's two hours, whichever is first.
    pub ends_at: Timestamp,
    /// Whether large events may come compressed.
    #[serde(default)]
    pub accepts_gzip: bool,
    /// When DynamoDB may forget it, in seconds since 1970.
    pub expires_at: i64,
}

/// That a connection listens to a channel. Every connection listens to its own person's: that row also says that they
/// are there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subscription {
    /// Who listens.
    pub connection_id: ConnectionId,
    /// To what.
    pub channel: Channel,
    /// In which shop.
    pub shop_id: ShopId,
    /// Whose connection it is.
    pub user_id: UserId,
    /// As what they are connected.
    pub role: Role,
    /// Since when they are connected.
    pub connected_at: Timestamp,
    /// Whether they said that they are not looking.
    #[serde(default)]
    pub is_away: bool,
    /// Whether large events may come compressed.
    #[serde(default)]
    pub accepts_gzip: bool,
    /// When it ends, in seconds since 1970: DynamoDB may take longer to forget it.
    pub expires_at: i64,
}

impl Connection {
    /// That it listens to `channel`.
    pub fn subscription(&self, channel: Channel) -> Subscription {
        Subscription {
            connection_id: self.connection_id.clone(),
            channel,
            shop_id: self.principal.shop.clone(),
            user_id: self.principal.subject.clone(),
            role: self.principal.role,
            connected_at: self.connected_at,
            is_away: false,
            accepts_gzip: self.accepts_gzip,
            expires_at: self.ends_at.as_second(),
        }
    }

    /// That it listens to its own person's channel.
    pub fn own_subscription(&self) -> Subscription {
        self.subscription(self.own_channel())
    }

    /// Its own person's channel.
    pub fn own_channel(&self) -> Channel {
        Channel::User(self.principal.subject.clone())
    }
}

impl Subscription {
    /// Whether it is a connection's own: that a person is there.
    pub fn is_own(&self) -> bool {
        matches!(&self.channel, Channel::User(user) if *user == self.user_id)
    }

    /// Whether it is staff that listens.
    pub const fn is_staffs(&self) -> bool {
        matches!(self.role, Role::Agent | Role::Admin)
    }

    fn has_ended(&self, now: Timestamp) -> bool {
        self.expires_at <= now.as_second()
    }
}

fn connection_pk(id: &ConnectionId) -> String {
    format!("connection#{id}")
}

fn connection_key(id: &ConnectionId) -> Key {
    Key::new(connection_pk(id), "connection")
}

fn channel_pk(shop: &ShopId, channel: &Channel) -> String {
    format!("{shop}#channel#{channel}")
}

fn people_pk(shop: &ShopId, shard: u32) -> String {
    format!("{shop}#people#{shard}")
}

fn people_shard(user: &UserId) -> u32 {
    user.as_str().bytes().fold(0_u32, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte.into()))
        % PEOPLE_SHARDS
}

fn listener_key(subscription: &Subscription) -> Key {
    let Subscription { shop_id, channel, connection_id, .. } = subscription;
    match channel {
        Channel::User(user) => {
            Key::new(people_pk(shop_id, people_shard(user)), format!("{user}#{connection_id}"))
        }
        channel => Key::new(channel_pk(shop_id, channel), connection_id.as_str()),
    }
}

/// A subscription, both ways round.
fn rows_of(subscription: &Subscription) -> Result<[Item; 2]> {
    let Subscription { connection_id, channel, .. } = subscription;
    let by_connection = Key::new(connection_pk(connection_id), format!("sub#{channel}"));
    Ok([item(&by_connection, subscription)?, item(&listener_key(subscription), subscription)?])
}

fn ticket_key(shop: &ShopId, digest: &str) -> Key {
    Key::new(format!("{shop}#ticket#{digest}"), "ticket")
}

impl Dynamo {
    /// Writes a ticket.
    pub(crate) async fn put_ticket(&self, digest: &str, ticket: &Ticket) -> Result<()> {
        self.put(&self.tables.realtime, item(&ticket_key(&ticket.principal.shop, digest), ticket)?).await
    }

    /// Uses a ticket up: it is good if it is unused, or used by this very connection.
    pub(crate) async fn use_ticket(
        &self,
        shop: &ShopId,
        digest: &str,
        connection: &ConnectionId,
        now: Timestamp,
    ) -> Result<Option<Ticket>> {
        let key = ticket_key(shop, digest);
        let Some(ticket) = self.get::<Ticket>(&self.tables.realtime, &key, true).await? else {
            return Ok(None);
        };
        if now >= ticket.good_until {
            return Ok(None);
        }
        let update = Update {
            set: "used_by = :connection",
            condition: Some(
                "attribute_exists(pk) AND (attribute_not_exists(used_by) OR used_by = :connection)",
            ),
            values: values([(":connection", text(connection.as_str()))]),
            ..Update::default()
        };
        let written = self.update(&self.tables.realtime, &key, update, connection.as_str()).await?;
        Ok(matches!(written, Written::Yes).then_some(ticket))
    }

    /// Writes a connection, and that it listens to its own person's channel and to others.
    pub(crate) async fn put_connection(&self, connection: &Connection, channels: Vec<Channel>) -> Result<()> {
        let own = connection.own_subscription();
        let mut rows = vec![
            item(&connection_key(&connection.connection_id), connection)?,
            item(&listener_key(&own), &own)?,
        ];
        for channel in channels {
            rows.extend(rows_of(&connection.subscription(channel))?);
        }
        self.put_many(&self.tables.realtime, rows).await
    }

    /// A connection.
    pub async fn connection(&self, id: &ConnectionId) -> Result<Option<Connection>> {
        self.get(&self.tables.realtime, &connection_key(id), true).await
    }

    /// Writes a subscription.
    pub(crate) async fn put_subscription(&self, subscription: &Subscription) -> Result<()> {
        self.put_many(&self.tables.realtime, rows_of(subscription)?.into()).await
    }

    /// Removes a subscription, both ways round.
    pub(crate) async fn delete_subscription(&self, subscription: &Subscription) -> Result<()> {
        let Subscription { connection_id, channel, .. } = subscription;
        self.delete_listener(subscription).await?;
        let by_connection = Key::new(connection_pk(connection_id), format!("sub#{channel}"));
        self.delete(&self.tables.realtime, &by_connection).await
    }

    /// Removes all that a connection subscribed to.
    pub(crate) async fn delete_subscriptions(&self, id: &ConnectionId) -> Result<()> {
        let subscriptions = self.subscriptions(id).await?;
        let deleted = subscriptions.into_iter().map(async |one| self.delete_subscription(&one).await);
        stream::iter(deleted).buffer_unordered(8).try_collect().await
    }

    pub(crate) async fn delete_listener(&self, subscription: &Subscription) -> Result<()> {
        self.delete(&self.tables.realtime, &listener_key(subscription)).await
    }

    /// What a connection listens to.
    pub async fn subscriptions(&self, id: &ConnectionId) -> Result<Vec<Subscription>> {
        self.query_all(
            Query::new(&self.tables.realtime, connection_pk(id)).beginning_with("sub#").consistent(),
        )
        .await
    }

    /// Who listens to a channel at `now`.
    pub async fn listeners(
        &self,
        shop: &ShopId,
        channel: &Channel,
        now: Timestamp,
    ) -> Result<Vec<Subscription>> {
        let query = match channel {
            Channel::User(user) => {
                let people = Query::new(&self.tables.realtime, people_pk(shop, people_shard(user)));
                people.beginning_with(format!("{user}#"))
            }
            channel => Query::new(&self.tables.realtime, channel_pk(shop, channel)),
        };
        let mut listeners: Vec<Subscription> = self.query_all(query.consistent()).await?;
        listeners.retain(|listener| !listener.has_ended(now));
        Ok(listeners)
    }

    /// Removes a connection's own row.
    pub(crate) async fn delete_connection(&self, id: &ConnectionId) -> Result<()> {
        self.delete(&self.tables.realtime, &connection_key(id)).await
    }
}
