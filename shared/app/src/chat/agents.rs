//! Agents: who they are, whether they are there, and the queue they serve.

use contract::http::chat::{AgentProfile, AgentView, AgentsView, QueueEntry, QueueView};
use domain::{
    Permission, Principal, ShopId, UserId,
    chat::{
        Agent, AgentStatus,
        agent::MOST_AT_ONCE,
        routing::{self, Waiting},
    },
};

use super::Chat;
use crate::{Error, Result};

/// The most skills of one agent.
const MAX_SKILLS: usize = 50;

impl Chat {
    /// All agents.
    pub async fn agents(&self, who: &Principal) -> Result<AgentsView> {
        who.may(Permission::AnswerChats)?;
        let agents = self.store.agents(&who.shop).await?;
        Ok(AgentsView { data: agents.into_iter().map(agent_view).collect() })
    }

    /// An agent.
    pub async fn agent(&self, who: &Principal, id: &UserId) -> Result<AgentView> {
        who.may(Permission::AnswerChats)?;
        self.store.agent(&who.shop, id).await?.map(agent_view).ok_or(Error::NotFound)
    }

    /// An admin says who an agent is and what they can do.
    pub async fn describe_agent(
        &self,
        who: &Principal,
        id: &UserId,
        profile: AgentProfile,
    ) -> Result<AgentView> {
        who.may(Permission::ManageDesk)?;
        if profile.concurrent_limit > MOST_AT_ONCE {
            return Err(Error::field("concurrent_limit", "out_of_range", "expected 0 to 100"));
        }
        if profile.skills.len() > MAX_SKILLS {
            return Err(Error::field("skills", "too_many", "expected at most 50"));
        }
        let now = self.clock.now();
        let agent = Agent {
            name: profile.name,
            skills: profile.skills.into_iter().collect(),
            concurrent_limit: profile.concurrent_limit,
            ..Agent::new(id.clone(), now)
        };
        let request = self.clock.fresh().to_string();
        Ok(agent_view(self.store.set_agent_profile(&who.shop, &agent, now, &request).await?))
    }

    /// Whoever asks takes conversations from now on, or no longer. Those of one who goes are given to others.
    pub async fn set_status(&self, who: &Principal, status: AgentStatus) -> Result<AgentView> {
        who.may(Permission::AnswerChats)?;
        let now = self.clock.now();
        let request = self.clock.fresh().to_string();
        let agent = self.store.set_agent_status(&who.shop, &who.subject, status, now, &request).await?;
        Ok(agent_view(agent))
    }

    /// Who waits, in the order in which they are served.
    pub async fn queue(&self, who: &Principal) -> Result<QueueView> {
        who.may(Permission::AnswerChats)?;
        let (waiting, limits) = self.line(&who.shop).await?;
        let now = self.clock.now();
        let entry = |(position, waiting): (usize, Waiting)| QueueEntry {
            score: waiting.score(now),
            position,
            conversation_id: waiting.conversation_id,
            queued_at: waiting.queued_at,
            priority: waiting.priority,
            skill: waiting.skill,
            estimated_wait_s: routing::estimated_wait_seconds(position, limits),
        };
        Ok(QueueView { data: (1..).zip(waiting).map(entry).collect() })
    }

    /// The queue in its order, and how many conversations those who are there take at once.
    pub(super) async fn line(&self, shop: &ShopId) -> Result<(Vec<Waiting>, u32)> {
        let mut waiting = self.store.waiting(shop).await?;
        if waiting.is_empty() {
            return Ok((waiting, 0));
        }
        routing::sort(&mut waiting, self.clock.now());
        let agents = self.store.agents(shop).await?;
        let there = agents.iter().filter(|agent| agent.status == AgentStatus::Online);
        let limits = there.map(|agent| agent.concurrent_limit).fold(0, u32::saturating_add);
        Ok((waiting, limits))
    }
}

fn agent_view(agent: Agent) -> AgentView {
    AgentView {
        agent_id: agent.id,
        name: agent.name,
        skills: agent.skills.into_iter().collect(),
        status: agent.status,
        current_conversations: agent.current,
        concurrent_limit: agent.concurrent_limit,
        last_seen_at: agent.seen_at,
        version: agent.version,
    }
}
