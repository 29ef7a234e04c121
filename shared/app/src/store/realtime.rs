//! The `Realtime` table: tickets, connections, subscriptions, and each person's own log.
//!
//! | pk | sk | row |
//! |---|---|---|
//! | `{shop}#ticket#{digest}` | `ticket` | a ticket to connect with |
//! | `connection#{id}` | `connection` | a connection and its principal |
//! | the same | `sub#{channel}` | what it listens to |
//! | `{shop}#channel#{channel}` | `{connection}` | the same, the other way round |
//! | `{shop}#log#{user}` | `head` | the last `seq` of a person's log |
//! | the same | `j#{seq}`, `from#{event}` | the log, and which events are in it |
//!
//! A connection is the one thing whose key does not begin with its shop: API Gateway names it and nothing else.

use contract::JournalEvent;
use domain::{Channel, ConnectionId, Principal, ShopId, UserId};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{
    Dynamo, JOURNAL, Key, Query, Transaction,
    dynamo::{Update, Written, item, number, row, text, values},
    journal_sk,
};
use crate::{Error, Result};

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

/// That a connection listens to a channel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subscription {
    /// Who listens.
    pub connection_id: ConnectionId,
    /// To what.
    pub channel: Channel,
    /// In which shop.
    pub shop_id: ShopId,
    /// When DynamoDB may forget it, in seconds since 1970.
    pub expires_at: i64,
}

#[derive(Debug, Deserialize)]
struct Head {
    last_seq: u64,
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

fn ticket_key(shop: &ShopId, digest: &str) -> Key {
    Key::new(format!("{shop}#ticket#{digest}"), "ticket")
}

fn log_pk(shop: &ShopId, user: &UserId) -> String {
    format!("{shop}#log#{user}")
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

    /// Writes a connection.
    pub(crate) async fn put_connection(&self, connection: &Connection) -> Result<()> {
        let key = connection_key(&connection.connection_id);
        self.put(&self.tables.realtime, item(&key, connection)?).await
    }

    /// A connection.
    pub async fn connection(&self, id: &ConnectionId) -> Result<Option<Connection>> {
        self.get(&self.tables.realtime, &connection_key(id), true).await
    }

    /// Writes a subscription, both ways round.
    pub(crate) async fn put_subscription(&self, subscription: &Subscription) -> Result<()> {
        let Subscription { connection_id, channel, shop_id, .. } = subscription;
        let by_connection = Key::new(connection_pk(connection_id), format!("sub#{channel}"));
        self.put(&self.tables.realtime, item(&by_connection, subscription)?).await?;
        self.put_listener(subscription, shop_id).await
    }

    /// Writes only the channel's side: enough where the channel follows from the connection.
    pub(crate) async fn put_listener(&self, subscription: &Subscription, shop: &ShopId) -> Result<()> {
        let key = Key::new(channel_pk(shop, &subscription.channel), subscription.connection_id.as_str());
        self.put(&self.tables.realtime, item(&key, subscription)?).await
    }

    /// Removes a subscription, both ways round.
    pub(crate) async fn delete_subscription(
        &self,
        shop: &ShopId,
        id: &ConnectionId,
        channel: &Channel,
    ) -> Result<()> {
        self.delete_listener(shop, id, channel).await?;
        self.delete(&self.tables.realtime, &Key::new(connection_pk(id), format!("sub#{channel}"))).await
    }

    pub(crate) async fn delete_listener(
        &self,
        shop: &ShopId,
        id: &ConnectionId,
        channel: &Channel,
    ) -> Result<()> {
        self.delete(&self.tables.realtime, &Key::new(channel_pk(shop, channel), id.as_str())).await
    }

    /// What a connection listens to.
    pub async fn subscriptions(&self, id: &ConnectionId) -> Result<Vec<Subscription>> {
        self.query_all(
            Query::new(&self.tables.realtime, connection_pk(id)).beginning_with("sub#").consistent(),
        )
        .await
    }

    /// Who listens to a channel.
    pub async fn listeners(&self, shop: &ShopId, channel: &Channel) -> Result<Vec<Subscription>> {
        self.query_all(Query::new(&self.tables.realtime, channel_pk(shop, channel)).consistent()).await
    }

    /// Removes a connection's own row.
    pub(crate) async fn delete_connection(&self, id: &ConnectionId) -> Result<()> {
        self.delete(&self.tables.realtime, &connection_key(id)).await
    }

    /// The last `seq` of a person's log.
    pub async fn log_seq(&self, shop: &ShopId, user: &UserId) -> Result<u64> {
        let head: Option<Head> =
            self.get(&self.tables.realtime, &Key::new(log_pk(shop, user), "head"), true).await?;
        Ok(head.map_or(0, |head| head.last_seq))
    }

    /// Appends an event to a person's log, once; returns its `seq`, also when it was there already.
    pub async fn append_to_log(&self, user: &UserId, event: &JournalEvent, now: Timestamp) -> Result<u64> {
        let (shop, table) = (&event.shop_id, &self.tables.realtime);
        let pk = log_pk(shop, user);
        let expires_at = now.checked_add(LOG_KEPT).unwrap_or(Timestamp::MAX).as_second();
        let marker = Key::new(&pk, format!("from#{}", event.id));
        for _ in 0..16 {
            let seq = self.log_seq(shop, user).await? + 1;
            let mut transaction = Transaction::default();
            let bump = values([(":seen", number(seq - 1)), (":seq", number(seq))]);
            let condition = match seq {
                1 => "attribute_not_exists(last_seq)",
                _ => "last_seq = :seen",
            };
            let bump = if seq == 1 { values([(":seq", number(seq))]) } else { bump };
            transaction.update(
                table,
                &Key::new(&pk, "head"),
                "SET last_seq = :seq",
                Some(condition.into()),
                bump,
            )?;
            let mut entry = item(&Key::new(&pk, journal_sk(seq)), event)?;
            entry.insert("expires_at".into(), number(expires_at));
            transaction.put_new(table, entry)?;
            let mut source = marker.attributes();
            source.insert("seq".into(), number(seq));
            source.insert("expires_at".into(), number(expires_at));
            transaction.put_new(table, source)?;
            match self.commit(&transaction).await? {
                Ok(()) => return Ok(seq),
                Err(refusal) => {
                    if let Some(Some(found)) = refusal.of(2) {
                        #[derive(Deserialize)]
                        struct Marker {
                            seq: u64,
                        }
                        return Ok(row::<Marker>(found.clone())?.seq);
                    }
                }
            }
        }
        Err(Error::Limited { retry_after: SignedDuration::from_secs(1) })
    }

    /// What is in a person's log after `after`, oldest first, each with its `seq`.
    pub async fn log_after(
        &self,
        shop: &ShopId,
        user: &UserId,
        after: u64,
        limit: u32,
    ) -> Result<Vec<(u64, JournalEvent)>> {
        #[derive(Deserialize)]
        struct Entry {
            sk: String,
            #[serde(flatten)]
            event: JournalEvent,
        }
        let (from, to) = (journal_sk(after.saturating_add(1)), format!("{JOURNAL}~"));
        let query =
            Query::new(&self.tables.realtime, log_pk(shop, user)).between(from, to).consistent().limit(limit);
        let (entries, _): (Vec<Entry>, _) = self.query(&query).await?;
        let numbered = entries.into_iter().filter_map(|entry| {
            let seq = entry.sk.strip_prefix(JOURNAL)?.parse().ok()?;
            Some((seq, entry.event))
        });
        Ok(numbered.collect())
    }
}
