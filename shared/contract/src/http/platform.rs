//! Configuration, health, metrics, audit, flags.

use std::collections::BTreeMap;

use domain::{EventId, Line, ShopId, UserId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What a client should know about the shop.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ConfigView {
    /// The shop.
    pub shop_id: ShopId,
    /// What it is called.
    pub shop_name: String,
    /// Its IANA time zone.
    pub timezone: String,
    /// Its own currency.
    pub currency: String,
    /// Decimal digits of the minor unit of every currency that can be charged.
    pub currencies: BTreeMap<String, u16>,
    /// Stripe's publishable key.
    pub stripe_public_key: Option<String>,
    /// With which key browsers subscribe to pushes.
    pub vapid_public_key: Option<String>,
    /// Where sockets are opened.
    pub websocket_url: String,
    /// Bounds that a client should know.
    pub limits: Limits,
    /// Feature flags that are on.
    pub feature_flags: BTreeMap<String, bool>,
}

/// Bounds that a client should know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Limits {
    /// Lines in one order or reservation.
    pub max_lines: usize,
    /// How long stock is held, in seconds.
    pub reservation_ttl_seconds: u32,
    /// Bytes in one frame.
    pub max_frame_bytes: usize,
    /// How often to `ping`, in milliseconds.
    pub heartbeat_interval_ms: u64,
}

/// Whether the service is well.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct HealthView {
    /// `ok`, or `degraded` if a part did not answer.
    pub status: String,
    /// The version that runs.
    pub version: String,
    /// Each part, for `?deep=1`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub checks: BTreeMap<String, String>,
}

/// Counters of a day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct MetricsView {
    /// The day, UTC.
    pub date: String,
    /// How often each kind of event happened, by subsystem.
    pub counters: BTreeMap<String, BTreeMap<String, u64>>,
}

/// One line of the audit log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AuditEntry {
    /// The journal event that it is.
    pub event_id: EventId,
    /// Who did it.
    pub actor: UserId,
    /// What: the event's type.
    pub action: String,
    /// What kind of thing it was done to.
    pub entity: String,
    /// Which one.
    pub entity_id: String,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
}

/// A feature flag to be set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SetFlag {
    /// Whether it is on.
    #[serde(alias = "enabled")]
    pub is_enabled: bool,
    /// What it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<Line>,
}

/// A feature flag.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FlagView {
    /// Its name.
    pub key: String,
    /// Whether it is on.
    pub is_enabled: bool,
    /// What it does.
    pub description: Option<Line>,
    /// When it was last set.
    #[schema(value_type = String, format = DateTime)]
    pub updated_at: Timestamp,
    /// How many changes there were.
    pub version: u64,
}
