//! Agents: what they can do, whether they are there, and how many conversations they have.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{Line, UserId};

/// How many conversations an agent has at once unless somebody says otherwise.
pub const USUAL_LIMIT: u32 = 5;
/// The most that anybody can be given at once.
pub const MOST_AT_ONCE: u32 = 100;

/// Whether an agent takes conversations.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AgentStatus {
    /// Yes.
    Online,
    /// There, and not given any more.
    Busy,
    /// Not there.
    #[default]
    Offline,
}

/// An agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Agent {
    /// Who.
    pub id: UserId,
    /// What customers see.
    pub name: Option<Line>,
    /// What they know.
    pub skills: BTreeSet<Line>,
    /// How many conversations they can have at once.
    pub concurrent_limit: u32,
    /// Whether they take any.
    pub status: AgentStatus,
    /// How many they have; exact at all times.
    pub current: u32,
    /// Since when they have had nothing new.
    pub idle_since: Timestamp,
    /// When they were last heard of.
    pub seen_at: Timestamp,
    /// How many changes there were.
    pub version: u64,
}

impl Agent {
    /// Whoever nothing is known of yet.
    pub fn new(id: UserId, now: Timestamp) -> Self {
        Self {
            id,
            name: None,
            skills: BTreeSet::new(),
            concurrent_limit: USUAL_LIMIT,
            status: AgentStatus::Offline,
            current: 0,
            idle_since: now,
            seen_at: now,
            version: 0,
        }
    }

    /// Whether they may be given one more.
    pub fn has_room(&self) -> bool {
        self.status == AgentStatus::Online && self.current < self.concurrent_limit
    }

    /// Whether they know what is wanted.
    pub fn knows(&self, skill: Option<&Line>) -> bool {
        skill.is_none_or(|skill| self.skills.contains(skill))
    }
}
