//! What can be asked about sockets over HTTP: what happened on a channel, who is there, how many.

use std::collections::{BTreeMap, BTreeSet};

use contract::{
    frames::{AnyEvent, EventFrame},
    http::realtime::{EventsView, PresenceList, RealtimeStatus},
};
use domain::{Channel, Permission, Principal, UserId};
use futures_util::future::try_join_all;
use serde_json::Value;

use super::{Realtime, replay::MAX_REPLAY};
use crate::{Error, Result, orders::OrderGrant};

/// When to ask again where nothing is waiting, in milliseconds.
const POLL_AFTER_MS: u64 = 2_000;

impl Realtime {
    /// What happened on a channel: of a log what comes after `after`, at most `limit` events, of a state the latest
    /// values. The same people may ask as may listen.
    pub async fn events(
        &self,
        who: &Principal,
        name: &str,
        after: u64,
        limit: Option<u32>,
        grants: &[OrderGrant],
    ) -> Result<EventsView> {
        who.may(Permission::OpenSocket)?;
        let limit = limit.unwrap_or(100);
        if !(1..=MAX_REPLAY).contains(&limit) {
            return Err(Error::field("limit", "out_of_range", "expected 1 to 500"));
        }
        let channel = self.admitted(who, name, grants).await?;
        let missed = match channel.is_log() {
            true => self.page(&who.shop, &channel, after, limit).await?,
            false => self.missed(&who.shop, &channel, None).await?,
        };
        let mut data = missed.events.iter().map(any).collect::<Result<Vec<_>>>()?;
        if !channel.is_log() {
            data.extend(self.store.kept_broadcast(&who.shop, &channel).await?);
        }
        let last = data.last().and_then(|event| event.head.seq);
        let is_behind = last.zip(missed.seq).is_some_and(|(last, seq)| last < seq);
        Ok(EventsView {
            channel: channel.to_string(),
            data,
            seq: missed.seq,
            poll_after_ms: if is_behind { 0 } else { POLL_AFTER_MS },
        })
    }

    /// How it stands with one person, or with all who listen to a channel.
    pub async fn presence(
        &self,
        who: &Principal,
        user: Option<UserId>,
        channel: Option<&str>,
    ) -> Result<PresenceList> {
        who.may(Permission::SeePresence)?;
        let people: BTreeSet<UserId> = match (user, channel) {
            (Some(user), None) => BTreeSet::from([user]),
            (None, Some(name)) => {
                let channel = self.admitted(who, name, &[]).await?;
                let listeners = self.store.listeners(&who.shop, &channel, self.clock.now()).await?;
                listeners.into_iter().map(|listener| listener.user_id).collect()
            }
            _ => return Err(Error::field("user_id", "required", "expected user_id or channel")),
        };
        let asked = people.iter().map(|user| self.presence.of(&who.shop, user));
        Ok(PresenceList { data: try_join_all(asked).await? })
    }

    /// How many are connected to the shop.
    pub async fn status(&self, who: &Principal) -> Result<RealtimeStatus> {
        who.may(Permission::SeePresence)?;
        let now = self.clock.now();
        let everybody = self.store.everybody(&who.shop, now).await?;
        let mut by_role = BTreeMap::new();
        for connection in &everybody {
            *by_role.entry(connection.role).or_insert(0) += 1;
        }
        let channels = [
            Channel::Inventory,
            Channel::Shop(who.shop.clone()),
            Channel::Agents,
            Channel::Admin,
            Channel::Custom("test".into()),
        ];
        let counted = channels.iter().map(async |channel| {
            let listeners = self.store.listeners(&who.shop, channel, now).await?;
            Ok::<_, Error>((channel.to_string(), listeners.len()))
        });
        Ok(RealtimeStatus {
            connections: everybody.len(),
            by_role,
            by_channel: try_join_all(counted).await?.into_iter().collect(),
            oldest_at: everybody.iter().map(|connection| connection.connected_at).min(),
            max_clients: self.settings.max_clients,
        })
    }
}

fn any(event: &EventFrame) -> Result<AnyEvent> {
    let value: Value = serde_json::to_value(event).map_err(|error| Error::internal(error.to_string()))?;
    serde_json::from_value(value).map_err(|error| Error::internal(error.to_string()))
}
