//! Who listens to which channel, both ways round.
//!
//! Whoever says something to a channel reads all who listen to it, so their rows hold what a post needs and nothing else:
//! thirty of them are one read unit, ten thousand a megabyte.

use domain::{Channel, ConnectionId, ShopId, UserId};
use futures_util::{StreamExt, TryStreamExt, stream};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    Connection, connection_pk,
    people::{DeviceRow, people_pk},
};
use crate::{
    Result,
    store::{
        Dynamo, Item, Key, Query,
        dynamo::{item, number},
    },
};

/// Subscriptions that are removed at once.
const AT_ONCE: usize = 8;

/// A connection that listens to a channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listener {
    /// Who listens.
    pub connection_id: ConnectionId,
    /// Whose connection it is.
    pub user_id: UserId,
    /// Whether it is staff that listens.
    pub is_staff: bool,
    /// Whether large events may come compressed.
    pub accepts_gzip: bool,
}

/// A listener as it is stored; which connection it is stands in its key.
#[derive(Debug, Serialize, Deserialize)]
struct ListenerRow {
    #[serde(skip_serializing)]
    sk: String,
    user: UserId,
    #[serde(default, skip_serializing_if = "is_not")]
    staff: bool,
    #[serde(default, skip_serializing_if = "is_not")]
    gzip: bool,
    /// When it ends, in seconds since 1970: DynamoDB may take longer to forget it.
    expires_at: i64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
const fn is_not(flag: &bool) -> bool {
    !*flag
}

fn subscription_key(id: &ConnectionId, channel: &Channel) -> Key {
    Key::new(connection_pk(id), format!("sub#{channel}"))
}

/// The partition of who listens to a channel, and what their sort keys begin with there.
fn listeners_at(shop: &ShopId, channel: &Channel) -> (String, String) {
    match channel {
        Channel::User(user) => (people_pk(shop, user), format!("{user}#")),
        channel => (format!("{shop}#on#{channel}"), String::new()),
    }
}

pub(super) fn listener_key(shop: &ShopId, channel: &Channel, id: &ConnectionId) -> Key {
    let (pk, prefix) = listeners_at(shop, channel);
    Key::new(pk, format!("{prefix}{id}"))
}

/// The row by which whoever says something to `channel` finds a connection.
pub(super) fn listener_item(connection: &Connection, channel: &Channel) -> Result<Item> {
    let key = listener_key(&connection.principal.shop, channel, &connection.connection_id);
    let Listener { user_id, is_staff, accepts_gzip, .. } = connection.listener();
    let expires_at = connection.ends_at.as_second();
    let row =
        ListenerRow { sk: String::new(), user: user_id, staff: is_staff, gzip: accepts_gzip, expires_at };
    let mut row = item(&key, &row)?;
    if matches!(channel, Channel::User(_)) {
        row.extend(item(&key, &DeviceRow::of(connection))?);
    }
    Ok(row)
}

/// A subscription, both ways round.
pub(super) fn subscription_items(connection: &Connection, channel: &Channel) -> Result<[Item; 2]> {
    let mut by_connection = subscription_key(&connection.connection_id, channel).attributes();
    by_connection.insert("expires_at".into(), number(connection.ends_at.as_second()));
    Ok([by_connection, listener_item(connection, channel)?])
}

impl Dynamo {
    /// Writes that a connection listens to `channel`.
    pub(crate) async fn put_subscription(&self, connection: &Connection, channel: &Channel) -> Result<()> {
        self.put_many(&self.tables.realtime, subscription_items(connection, channel)?.into()).await
    }

    /// Removes a subscription, both ways round.
    pub(crate) async fn delete_subscription(
        &self,
        shop: &ShopId,
        id: &ConnectionId,
        channel: &Channel,
    ) -> Result<()> {
        self.delete_listener(shop, id, channel).await?;
        self.delete(&self.tables.realtime, &subscription_key(id, channel)).await
    }

    /// Removes all that a connection subscribed to, and says what that was.
    pub(crate) async fn delete_subscriptions(
        &self,
        shop: &ShopId,
        id: &ConnectionId,
    ) -> Result<Vec<Channel>> {
        let channels = self.subscriptions(id).await?;
        let deleted: Vec<_> =
            channels.iter().map(|channel| self.delete_subscription(shop, id, channel)).collect();
        let () = stream::iter(deleted).buffer_unordered(AT_ONCE).try_collect().await?;
        Ok(channels)
    }

    pub(crate) async fn delete_listener(
        &self,
        shop: &ShopId,
        id: &ConnectionId,
        channel: &Channel,
    ) -> Result<()> {
        self.delete(&self.tables.realtime, &listener_key(shop, channel, id)).await
    }

    /// What a connection listens to, besides its own person's channel.
    pub async fn subscriptions(&self, id: &ConnectionId) -> Result<Vec<Channel>> {
        #[derive(Deserialize)]
        struct Row {
            sk: String,
        }
        let query = Query::new(&self.tables.realtime, connection_pk(id)).beginning_with("sub#").consistent();
        let rows: Vec<Row> = self.query_all(query).await?;
        let channel = |row: Row| Channel::parse(row.sk.strip_prefix("sub#")?).ok();
        Ok(rows.into_iter().filter_map(channel).collect())
    }

    /// Who listens to a channel at `now`. Asked where it was written last: whoever has just come is not left out.
    pub async fn listeners(&self, shop: &ShopId, channel: &Channel, now: Timestamp) -> Result<Vec<Listener>> {
        let (pk, prefix) = listeners_at(shop, channel);
        let mut query = Query::new(&self.tables.realtime, pk).consistent();
        if !prefix.is_empty() {
            query = query.beginning_with(&prefix);
        }
        let mut rows: Vec<ListenerRow> = self.query_all(query).await?;
        rows.retain(|row| row.expires_at > now.as_second());
        Ok(rows.into_iter().map(|row| row.listener(&prefix)).collect())
    }
}

impl ListenerRow {
    fn listener(self, prefix: &str) -> Listener {
        let connection = self.sk.strip_prefix(prefix).unwrap_or_default();
        Listener {
            connection_id: ConnectionId::new(connection),
            user_id: self.user,
            is_staff: self.staff,
            accepts_gzip: self.gzip,
        }
    }
}
