//! Who is connected to a shop, and what was last told to a channel.

use aws_sdk_dynamodb::types::AttributeValue;
use contract::frames::AnyEvent;
use domain::{Channel, ConnectionId, Role, ShopId, UserId};
use futures_util::{StreamExt, TryStreamExt, stream};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    Connection,
    listeners::{Listener, listener_key},
};
use crate::{
    Error, Result,
    store::{
        Dynamo, Key, Query,
        dynamo::{Update, item, values},
    },
};

/// In how many partitions the people of a shop are, so that no single one takes every connect.
const PEOPLE_SHARDS: u32 = 16;

/// For how long the last broadcast to a channel can be read, in seconds.
const BROADCAST_KEPT: i64 = 24 * 60 * 60;

/// A broadcast as it is kept. As text: what a shop sends may have more levels than an item can.
#[derive(Debug, Serialize, Deserialize)]
struct KeptRow {
    event: String,
    expires_at: i64,
}

/// A person's connection: that they are there.
#[derive(Debug, Clone)]
pub struct Device {
    /// The connection.
    pub connection_id: ConnectionId,
    /// Whose it is.
    pub user_id: UserId,
    /// As what they are connected.
    pub role: Role,
    /// Since when.
    pub connected_at: Timestamp,
    /// Whether they said that they are not looking.
    pub is_away: bool,
    /// Whether large events may come compressed.
    pub accepts_gzip: bool,
}

impl Device {
    /// As somebody to post to.
    pub fn into_listener(self) -> Listener {
        Listener {
            connection_id: self.connection_id,
            user_id: self.user_id,
            is_staff: self.role.is_staff(),
            accepts_gzip: self.accepts_gzip,
        }
    }
}

/// What the row of somebody who listens to a `user:` channel says besides what posts need.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct DeviceRow {
    #[serde(skip_serializing)]
    sk: String,
    user: UserId,
    role: Role,
    connected_at: Timestamp,
    #[serde(default)]
    is_away: bool,
    #[serde(skip_serializing, default)]
    gzip: bool,
    #[serde(skip_serializing)]
    expires_at: i64,
}

impl DeviceRow {
    pub(super) fn of(connection: &Connection) -> Self {
        Self {
            sk: String::new(),
            user: connection.principal.subject.clone(),
            role: connection.principal.role,
            connected_at: connection.connected_at,
            is_away: false,
            gzip: connection.accepts_gzip,
            expires_at: connection.ends_at.as_second(),
        }
    }

    /// The device, unless it has ended or is somebody else's, who listens to what concerns this person.
    fn device(self, now: Timestamp) -> Option<Device> {
        let (whose, connection) = self.sk.split_once('#')?;
        (whose == self.user.as_str() && self.expires_at > now.as_second()).then(|| Device {
            connection_id: ConnectionId::new(connection),
            user_id: self.user.clone(),
            role: self.role,
            connected_at: self.connected_at,
            is_away: self.is_away,
            accepts_gzip: self.gzip,
        })
    }
}

pub(super) fn people_pk(shop: &ShopId, user: &UserId) -> String {
    shard_pk(shop, people_shard(user))
}

fn shard_pk(shop: &ShopId, shard: u32) -> String {
    format!("{shop}#people#{shard}")
}

fn people_shard(user: &UserId) -> u32 {
    user.as_str().bytes().fold(0_u32, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte.into()))
        % PEOPLE_SHARDS
}

fn kept_key(shop: &ShopId, channel: &Channel) -> Key {
    Key::new(format!("{shop}#kept#{channel}"), "broadcast")
}

impl Dynamo {
    /// Every device that is connected to a shop. Reads all of them: for those who ask how many there are.
    pub async fn everybody(&self, shop: &ShopId, now: Timestamp) -> Result<Vec<Device>> {
        let shards: Vec<_> = (0..PEOPLE_SHARDS)
            .map(|shard| async move { self.devices_in(shard_pk(shop, shard), "", now).await })
            .collect();
        let shards: Vec<Vec<Device>> = stream::iter(shards).buffer_unordered(8).try_collect().await?;
        Ok(shards.into_iter().flatten().collect())
    }

    /// About how many devices are connected to a shop, from the sixteenth of them that `user` belongs to.
    pub async fn about_how_many(&self, shop: &ShopId, user: &UserId, now: Timestamp) -> Result<usize> {
        let some = self.devices_in(people_pk(shop, user), "", now).await?;
        Ok(some.len() * usize::try_from(PEOPLE_SHARDS).unwrap_or(1))
    }

    /// The devices with which somebody is connected.
    pub async fn devices(&self, shop: &ShopId, user: &UserId, now: Timestamp) -> Result<Vec<Device>> {
        self.devices_in(people_pk(shop, user), &format!("{user}#"), now).await
    }

    async fn devices_in(&self, pk: String, prefix: &str, now: Timestamp) -> Result<Vec<Device>> {
        let query = Query::new(&self.tables.realtime, pk);
        let query = if prefix.is_empty() { query } else { query.beginning_with(prefix).consistent() };
        let rows: Vec<DeviceRow> = self.query_all(query).await?;
        Ok(rows.into_iter().filter_map(|row| row.device(now)).collect())
    }

    /// Notes whether a person looks at a connection, if it has not been forgotten meanwhile.
    pub async fn set_away(&self, connection: &Connection, is_away: bool) -> Result<()> {
        let Connection { connection_id, principal, .. } = connection;
        let key = listener_key(&principal.shop, &connection.own_channel(), connection_id);
        let update = Update {
            set: "is_away = :is_away",
            condition: Some("attribute_exists(pk)"),
            values: values([(":is_away", AttributeValue::Bool(is_away))]),
            ..Update::default()
        };
        let request = format!("{connection_id}-{is_away}");
        self.update(&self.tables.realtime, &key, update, &request).await?;
        Ok(())
    }

    /// Keeps the last broadcast to a channel, for whoever polls and for those whose frames it does not fit.
    pub async fn keep_broadcast(
        &self,
        shop: &ShopId,
        channel: &Channel,
        event: &AnyEvent,
        now: Timestamp,
    ) -> Result<()> {
        let event = serde_json::to_string(event).map_err(|error| Error::internal(error.to_string()))?;
        let row = KeptRow { event, expires_at: now.as_second() + BROADCAST_KEPT };
        self.put(&self.tables.realtime, item(&kept_key(shop, channel), &row)?).await
    }

    /// The last broadcast to a channel, if it is still kept.
    pub async fn kept_broadcast(&self, shop: &ShopId, channel: &Channel) -> Result<Option<AnyEvent>> {
        let key = kept_key(shop, channel);
        let row: Option<KeptRow> = self.get(&self.tables.realtime, &key, true).await?;
        let read = |row: KeptRow| {
            serde_json::from_str(&row.event).map_err(|error| Error::internal(error.to_string()))
        };
        row.map(read).transpose()
    }
}
