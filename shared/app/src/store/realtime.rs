//! The `Realtime` table: tickets, connections, subscriptions, and each person's own log.
//!
//! | pk | sk | row |
//! |---|---|---|
//! | `{shop}#ticket#{digest}` | `ticket` | a ticket to connect with |
//! | `connection#{id}` | `connection` | a connection and its principal |
//! | the same | `sub#{channel}` | what it listens to |
//! | `{shop}#on#{channel}` | `{connection}` | the same, the other way round: as small as can be, see [`listeners`] |
//! | `{shop}#people#{shard}` | `{user}#{connection}` | the same of `user:` channels: who is connected, and where |
//! | `{shop}#log#{user}` | `head` | the last `seq` of a person's log |
//! | the same | `j#{seq}`, `from#{event}` | the log, and which events are in it |
//! | `{shop}#kept#{channel}` | `broadcast` | the last broadcast to a channel |
//! | `{shop}#slot#{subject}` | `slot` | when a value was last shown; see [`slots`] |
//!
//! A connection is the one thing whose key does not begin with its shop: API Gateway names it and nothing else.

pub mod listeners;
mod log;
pub mod people;
pub mod slots;

use domain::{Channel, ConnectionId, Principal, ShopId};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use self::listeners::{Listener, listener_item, subscription_items};
use super::{
    Dynamo, Key,
    dynamo::{Update, Written, item, text, values},
};
use crate::Result;

/// How long a person's log is kept, and so how late a client may resume.
pub const LOG_KEPT: SignedDuration = SignedDuration::from_hours(7 * 24);

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

impl Connection {
    /// Its own person's channel, which every connection listens to: that also says that they are there.
    pub fn own_channel(&self) -> Channel {
        Channel::User(self.principal.subject.clone())
    }

    /// As somebody to post to.
    pub fn listener(&self) -> Listener {
        Listener {
            connection_id: self.connection_id.clone(),
            user_id: self.principal.subject.clone(),
            is_staff: self.principal.is_staff(),
            accepts_gzip: self.accepts_gzip,
        }
    }
}

fn connection_pk(id: &ConnectionId) -> String {
    format!("connection#{id}")
}

fn connection_key(id: &ConnectionId) -> Key {
    Key::new(connection_pk(id), "connection")
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
        let mut rows = vec![
            item(&connection_key(&connection.connection_id), connection)?,
            listener_item(connection, &connection.own_channel())?,
        ];
        for channel in channels {
            rows.extend(subscription_items(connection, &channel)?);
        }
        self.put_many(&self.tables.realtime, rows).await
    }

    /// A connection. It never changes, so what any replica has of it will do; only one that is not there is looked for
    /// where it was written last.
    pub async fn connection(&self, id: &ConnectionId) -> Result<Option<Connection>> {
        let key = connection_key(id);
        match self.get(&self.tables.realtime, &key, false).await? {
            Some(connection) => Ok(Some(connection)),
            None => self.get(&self.tables.realtime, &key, true).await,
        }
    }

    /// Removes a connection's own row.
    pub(crate) async fn delete_connection(&self, id: &ConnectionId) -> Result<()> {
        self.delete(&self.tables.realtime, &connection_key(id)).await
    }
}
