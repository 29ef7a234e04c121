//! Polling, broadcasts, who is there.

use std::collections::BTreeMap;

use domain::{ConnectionId, Role, UserId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::frames::{AnyEvent, PresenceStatus};

/// An event to be sent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct NewBroadcast {
    /// Whether it is for many or for one.
    #[serde(rename = "type")]
    pub kind: Reach,
    /// To whoever listens to this channel. Without any target a broadcast goes to everybody in the shop.
    #[serde(default, alias = "targetChannel", skip_serializing_if = "Option::is_none")]
    pub target_channel: Option<String>,
    /// To all connections of this person.
    #[serde(default, alias = "targetUserId", skip_serializing_if = "Option::is_none")]
    pub target_user_id: Option<UserId>,
    /// To this connection.
    #[serde(default, alias = "targetClientId", alias = "clientId", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub target_client_id: Option<ConnectionId>,
    /// The event.
    pub data: BroadcastData,
}

/// Whether an event is for many or for one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Reach {
    /// A channel, or everybody.
    Broadcast,
    /// A person, or a connection.
    Send,
}

/// What is sent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct BroadcastData {
    /// `custom.` and a name, `test_message`, or a type that clients know, with the data that belongs to it.
    #[serde(rename = "type")]
    pub kind: String,
    /// At most 64 KB to a channel, 30 KB to a person or connection.
    #[serde(default)]
    pub payload: serde_json::Value,
}

/// An event that was sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct BroadcastView {
    /// Its name; clients know a repetition by it.
    pub event_id: domain::EventId,
    /// What its `channel` says.
    pub channel: String,
    /// How many connections it is due to.
    pub receivers: usize,
}

/// What happened on a channel.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct EventsView {
    /// The channel.
    pub channel: String,
    /// Events of a log after `after_seq`, oldest first; of a state the latest values. `resync_required` among them says
    /// that some are no longer kept.
    pub data: Vec<AnyEvent>,
    /// How far a log has come.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seq: Option<u64>,
    /// When to ask again, in milliseconds; 0 if there is more.
    pub poll_after_ms: u64,
}

/// How it stands with a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PresenceView {
    /// Who.
    pub user_id: UserId,
    /// The best of what their connections say.
    pub status: PresenceStatus,
    /// How many they have.
    pub connections: usize,
    /// Since when the oldest is open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub since: Option<Timestamp>,
}

/// Who is there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PresenceList {
    /// One entry for each person.
    pub data: Vec<PresenceView>,
}

/// How many are connected.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RealtimeStatus {
    /// Connections of the shop.
    pub connections: usize,
    /// The same by role.
    pub by_role: BTreeMap<Role, usize>,
    /// How many listen to the channels that there are one of.
    pub by_channel: BTreeMap<String, usize>,
    /// Since when the oldest is open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub oldest_at: Option<Timestamp>,
    /// How many may be connected; 0 for no limit.
    pub max_clients: usize,
}
