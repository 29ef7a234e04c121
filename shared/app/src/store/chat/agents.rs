//! Agents as they are stored. How many conversations each has is changed only with the conversations.

use domain::{
    Line, ShopId, UserId,
    chat::{Agent, AgentStatus},
};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

use super::agents_pk;
use crate::{
    Result,
    store::{
        Due, Dynamo, Key, Query, due_shard,
        dynamo::{Update, number, row, text, values},
        sortable,
    },
};

/// What the sort key of every agent begins with; the template's stream filter names it too.
pub const AGENT: &str = "agent-";

/// How often it is looked whether an agent who says that they are there is there.
const LOOKED_AT_EVERY: SignedDuration = SignedDuration::from_mins(1);

/// An agent's row. `presence` and `taken` are what the domain calls status and current: both of its words are reserved.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct AgentRow {
    shop_id: ShopId,
    agent_id: UserId,
    #[serde(default)]
    name: Option<Line>,
    #[serde(default)]
    skills: BTreeSet<Line>,
    concurrent_limit: u32,
    presence: AgentStatus,
    taken: u32,
    idle_since: Timestamp,
    seen_at: Timestamp,
    version: u64,
}

impl AgentRow {
    /// Of which shop.
    pub const fn shop(&self) -> &ShopId {
        &self.shop_id
    }

    /// Grows with every change that others see.
    pub const fn version(&self) -> u64 {
        self.version
    }

    /// The agent.
    pub fn agent(self) -> Agent {
        Agent {
            id: self.agent_id,
            name: self.name,
            skills: self.skills,
            concurrent_limit: self.concurrent_limit,
            status: self.presence,
            current: self.taken,
            idle_since: self.idle_since,
            seen_at: self.seen_at,
            version: self.version,
        }
    }
}

pub(super) fn agent_key(shop: &ShopId, agent: &UserId) -> Key {
    Key::new(agents_pk(shop), format!("{AGENT}{agent}"))
}

/// What an update of an agent that may not be there yet sets of what it leaves.
const OTHERWISE: &str = "shop_id = :shop, agent_id = :id, taken = if_not_exists(taken, :none), \
     idle_since = if_not_exists(idle_since, :now)";

impl Dynamo {
    /// All agents of a shop.
    pub async fn agents(&self, shop: &ShopId) -> Result<Vec<Agent>> {
        let query = Query::new(&self.tables.chat, agents_pk(shop)).beginning_with(AGENT).consistent();
        let rows: Vec<AgentRow> = self.query_all(query).await?;
        Ok(rows.into_iter().map(AgentRow::agent).collect())
    }

    /// Agents in partition `shard` of the due index who are to be looked after at `now`.
    pub async fn due_agents(&self, shard: u32, now: Timestamp, limit: u32) -> Result<Vec<Due>> {
        self.due(&self.tables.chat, shard, now, limit).await
    }

    /// An agent.
    pub async fn agent(&self, shop: &ShopId, id: &UserId) -> Result<Option<Agent>> {
        let row: Option<AgentRow> = self.get(&self.tables.chat, &agent_key(shop, id), true).await?;
        Ok(row.map(AgentRow::agent))
    }

    /// Whether an agent takes conversations. While they say so, it is looked at every minute whether they are there.
    pub(crate) async fn set_agent_status(
        &self,
        shop: &ShopId,
        id: &UserId,
        status: AgentStatus,
        now: Timestamp,
        request: &str,
    ) -> Result<Agent> {
        let is_there = status != AgentStatus::Offline;
        let due = if is_there { ", due = :due, due_at = :due_at" } else { "" };
        let set = format!(
            "presence = :status, seen_at = :now, concurrent_limit = if_not_exists(concurrent_limit, :usual), {OTHERWISE}{due}"
        );
        let name = serde_dynamo::to_attribute_value(status)
            .map_err(|error| crate::Error::internal(error.to_string()))?;
        let mut values = Self::about_agent(shop, id, now);
        values.insert(":status".into(), name);
        values.insert(":usual".into(), number(domain::chat::agent::USUAL_LIMIT));
        if is_there {
            values.insert(":due".into(), text(due_shard(id.as_str())));
            let due_at = now.checked_add(LOOKED_AT_EVERY).unwrap_or(now);
            values.insert(":due_at".into(), text(sortable(due_at)));
        }
        let rest = if is_there { "ADD version :one" } else { "ADD version :one REMOVE due, due_at" };
        self.update_agent(shop, id, Update { set: &set, rest, values, ..Update::default() }, request).await
    }

    /// What an admin says about an agent.
    pub(crate) async fn set_agent_profile(
        &self,
        shop: &ShopId,
        profile: &Agent,
        now: Timestamp,
        request: &str,
    ) -> Result<Agent> {
        let set = format!(
            "#name = :name, skills = :skills, concurrent_limit = :limit, \
             presence = if_not_exists(presence, :offline), seen_at = if_not_exists(seen_at, :now), {OTHERWISE}"
        );
        let written = |error: serde_dynamo::Error| crate::Error::internal(error.to_string());
        let mut values = Self::about_agent(shop, &profile.id, now);
        values.insert(":name".into(), serde_dynamo::to_attribute_value(&profile.name).map_err(written)?);
        values.insert(":skills".into(), serde_dynamo::to_attribute_value(&profile.skills).map_err(written)?);
        values.insert(":limit".into(), number(profile.concurrent_limit));
        values.insert(":offline".into(), text("offline"));
        let names = std::collections::HashMap::from([("#name".to_owned(), "name".to_owned())]);
        let update = Update { set: &set, rest: "ADD version :one", names, values, ..Update::default() };
        self.update_agent(shop, &profile.id, update, request).await
    }

    /// An agent who says that they are there was looked after: when they were last there, and that it is to be looked again.
    pub(crate) async fn see_agent(
        &self,
        shop: &ShopId,
        id: &UserId,
        now: Timestamp,
        is_there: bool,
    ) -> Result<()> {
        let set = if is_there { "seen_at = :now, due_at = :due_at" } else { "due_at = :due_at" };
        let due_at = now.checked_add(LOOKED_AT_EVERY).unwrap_or(now);
        let mut values = values([(":due_at", text(sortable(due_at))), (":offline", text("offline"))]);
        if is_there {
            values.insert(":now".into(), text(now.to_string()));
        }
        let condition = Some("presence <> :offline");
        let update = Update { set, condition, values, ..Update::default() };
        self.update(&self.tables.chat, &agent_key(shop, id), update, &now.to_string()).await.map(drop)
    }

    fn about_agent(shop: &ShopId, id: &UserId, now: Timestamp) -> crate::store::Item {
        values([
            (":shop", text(shop.as_str())),
            (":id", text(id.as_str())),
            (":none", number(0)),
            (":one", number(1)),
            (":now", text(now.to_string())),
        ])
    }

    async fn update_agent(
        &self,
        shop: &ShopId,
        id: &UserId,
        update: Update<'_>,
        request: &str,
    ) -> Result<Agent> {
        match self.update_and_see(&self.tables.chat, &agent_key(shop, id), update, request).await? {
            Ok(item) => Ok(row::<AgentRow>(item)?.agent()),
            Err(_) => Err(crate::Error::internal("an update without a condition was refused")),
        }
    }
}
