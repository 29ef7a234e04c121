//! Who is connected to a shop, and what was last told to a channel.

use aws_sdk_dynamodb::types::AttributeValue;
use contract::frames::AnyEvent;
use domain::{Channel, ShopId, UserId};
use futures_util::{StreamExt, TryStreamExt, stream};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{PEOPLE_SHARDS, Subscription, listener_key, people_pk, people_shard};
use crate::{
    Error, Result,
    store::{
        Dynamo, Key, Query,
        dynamo::{Update, item, values},
    },
};

/// For how long the last broadcast to a channel can be read, in seconds.
const BROADCAST_KEPT: i64 = 24 * 60 * 60;

/// A broadcast as it is kept. As text: what a shop sends may have more levels than an item can.
#[derive(Debug, Serialize, Deserialize)]
struct KeptRow {
    event: String,
    expires_at: i64,
}

fn kept_key(shop: &ShopId, channel: &Channel) -> Key {
    Key::new(format!("{shop}#kept#{channel}"), "broadcast")
}

impl Dynamo {
    /// Every connection of a shop, each by its own row. Reads all of them: for those who ask how many there are.
    pub async fn everybody(&self, shop: &ShopId, now: Timestamp) -> Result<Vec<Subscription>> {
        let shards: Vec<_> =
            (0..PEOPLE_SHARDS).map(|shard| async move { self.people(shop, shard, now).await }).collect();
        let shards: Vec<Vec<Subscription>> = stream::iter(shards).buffer_unordered(8).try_collect().await?;
        Ok(shards.into_iter().flatten().collect())
    }

    /// About how many connections a shop has, from the sixteenth of them that `user` belongs to.
    pub async fn about_how_many(&self, shop: &ShopId, user: &UserId, now: Timestamp) -> Result<usize> {
        let some = self.people(shop, people_shard(user), now).await?;
        Ok(some.len() * usize::try_from(PEOPLE_SHARDS).unwrap_or(1))
    }

    async fn people(&self, shop: &ShopId, shard: u32, now: Timestamp) -> Result<Vec<Subscription>> {
        let mut people: Vec<Subscription> =
            self.query_all(Query::new(&self.tables.realtime, people_pk(shop, shard))).await?;
        people.retain(|row| row.is_own() && !row.has_ended(now));
        Ok(people)
    }

    /// Notes whether a person looks at a connection, if it has not been forgotten meanwhile.
    pub async fn set_away(&self, own: &Subscription, is_away: bool) -> Result<()> {
        let update = Update {
            set: "is_away = :is_away",
            condition: Some("attribute_exists(pk)"),
            values: values([(":is_away", AttributeValue::Bool(is_away))]),
            ..Update::default()
        };
        let request = format!("{}-{is_away}", own.connection_id);
        self.update(&self.tables.realtime, &listener_key(own), update, &request).await?;
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
