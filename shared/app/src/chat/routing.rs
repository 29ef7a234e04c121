//! Giving agents what waits, whenever somebody has room or something is new. The relay asks for it, so that no slot that
//! became free is forgotten; that several do so at once changes nothing.

use contract::{ErrorCode, frames::LiveEvent};
use domain::{
    ShopId, UserId,
    chat::{
        AgentStatus, Conversation,
        routing::{self, Waiting},
    },
};
use jiff::SignedDuration;

use super::Chat;
use crate::{Error, Result, journal::Author};

/// Conversations that are given away in one go; the next change asks again.
const MOST_AT_ONCE: usize = 200;
/// Of the queue so many are told their place whenever it moves.
const TOLD_THEIR_PLACE: usize = 50;
/// An agent without a socket for so long is not there.
const SILENCE: SignedDuration = SignedDuration::from_secs(90);

impl Chat {
    /// Gives away what waits, as far as somebody has room, and tells the others where they stand.
    pub(crate) async fn route(&self, shop: &ShopId) -> Result<()> {
        let (mut waiting, mut limits) = self.line(shop).await?;
        if waiting.is_empty() {
            return Ok(());
        }
        if self.settings.chat.assigns_agents {
            for _ in 0..MOST_AT_ONCE {
                let agents = self.store.agents(shop).await?;
                let Some((first, agent)) = routing::next(&waiting, &agents, self.clock.now()) else { break };
                self.give(shop, first, &agent.id).await?;
                (waiting, limits) = self.line(shop).await?;
            }
        }
        self.tell_places(shop, waiting, limits).await
    }

    /// What waits goes to an agent. That they, or it, are taken meanwhile is no error: it is looked again.
    async fn give(&self, shop: &ShopId, waiting: &Waiting, agent: &UserId) -> Result<()> {
        let author = Author::system(shop, waiting.conversation_id.as_str());
        let check = |conversation: &Conversation| match conversation.is_queued() {
            true => Ok(()),
            false => Err(Error::conflict(ErrorCode::InvalidTransition, "it does not wait any more")),
        };
        match self.claim(author, &waiting.conversation_id, agent, check).await {
            Ok(_) => Ok(()),
            Err(Error::Conflict { code: ErrorCode::CapacityFull | ErrorCode::InvalidTransition, .. }) => {
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    /// Whoever is next in turn for a conversation that may not wait yet.
    pub(super) async fn next_agent(&self, shop: &ShopId, conversation: &Conversation) -> Result<UserId> {
        let now = self.clock.now();
        let waiting = Waiting::of(conversation).unwrap_or_else(|| Waiting {
            conversation_id: conversation.id.clone(),
            queued_at: now,
            priority: conversation.priority,
            skill: conversation.skill.clone(),
            is_vip: false,
            lifetime_value: 0,
        });
        let agents = self.store.agents(shop).await?;
        let chosen =
            routing::next(std::slice::from_ref(&waiting), &agents, now).map(|(_, agent)| agent.id.clone());
        chosen.ok_or_else(|| Error::conflict(ErrorCode::CapacityFull, "no agent is there who has room"))
    }

    async fn tell_places(&self, shop: &ShopId, waiting: Vec<Waiting>, limits: u32) -> Result<()> {
        for (position, waiting) in (1..).zip(waiting).take(TOLD_THEIR_PLACE) {
            let event = LiveEvent::ChatQueueUpdated {
                conversation_id: waiting.conversation_id.clone(),
                position,
                estimated_wait_s: routing::estimated_wait_seconds(position, limits),
            };
            self.mention(shop, &waiting.conversation_id, event).await?;
        }
        Ok(())
    }

    /// What an agent had who has gone waits again.
    pub(crate) async fn hand_back_all(&self, shop: &ShopId, agent: &UserId) -> Result<()> {
        for id in self.store.slots(shop, agent).await? {
            self.hand_back(shop, &id, agent).await?;
        }
        Ok(())
    }

    /// Looks whether an agent who says that they are there is there: without a socket for a while, they have gone.
    pub async fn look_after(&self, shop: &ShopId, agent: &UserId) -> Result<()> {
        let Some(found) = self.store.agent(shop, agent).await? else { return Ok(()) };
        if found.status == AgentStatus::Offline {
            return Ok(());
        }
        let now = self.clock.now();
        let is_there = !self.store.devices(shop, agent, now).await?.is_empty();
        let request = self.clock.fresh().to_string();
        let is_silent = !is_there && now.duration_since(found.seen_at) >= SILENCE;
        match (is_there, is_silent) {
            (true, _) => self.store.see_agent(shop, agent, now, true).await,
            (false, false) => self.store.see_agent(shop, agent, now, false).await,
            (false, true) => {
                self.store.set_agent_status(shop, agent, AgentStatus::Offline, now, &request).await.map(drop)
            }
        }
    }
}
