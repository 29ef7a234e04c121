//! The same of conversations. On their own channel these carry a version and no `seq`: what is said is the log.

use contract::{Fact, JournalEvent, frames::LiveEvent, journal::ConversationState};
use domain::{Channel, chat::ConversationKind};

/// The channels that an event of a conversation is sent on; what is private stays among those who take part.
pub(super) fn channels(event: &JournalEvent) -> Vec<Channel> {
    let Some(state) = event.fact.conversation() else { return vec![] };
    let own = Channel::Conversation(state.conversation_id.clone());
    if state.kind == ConversationKind::Private {
        return vec![own];
    }
    match &event.fact {
        Fact::ConversationCreated(_) => vec![Channel::Agents, Channel::Shop(event.shop_id.clone())],
        Fact::ConversationJoined { .. } | Fact::ConversationLeft { .. } => vec![own],
        Fact::AgentTransferred { from_agent: Some(from), .. } => {
            vec![own, Channel::Agents, Channel::User(from.clone())]
        }
        _ => vec![own, Channel::Agents],
    }
}

/// An event of a conversation as a client sees it; `None` if it is none.
pub(super) fn live(fact: Fact) -> Option<LiveEvent> {
    Some(match fact {
        Fact::ConversationCreated(state) => LiveEvent::ChatConversationCreated(state),
        Fact::ConversationUpdated(state) => LiveEvent::ChatConversationUpdated(state),
        Fact::ConversationArchived(state) => LiveEvent::ChatConversationArchived(state),
        Fact::ConversationJoined { state: ConversationState { conversation_id, .. }, user_id } => {
            LiveEvent::ChatConversationJoined { conversation_id, user_id }
        }
        Fact::ConversationLeft { state: ConversationState { conversation_id, .. }, user_id } => {
            LiveEvent::ChatConversationLeft { conversation_id, user_id }
        }
        Fact::ConversationEscalated { state: ConversationState { conversation_id, .. }, reason } => {
            LiveEvent::ChatEscalated { conversation_id, reason }
        }
        Fact::AgentAssigned { state: ConversationState { conversation_id, agent_id, .. }, agent_name } => {
            LiveEvent::AgentAssigned { conversation_id, agent_id, agent_name }
        }
        Fact::AgentTransferred { state, from_agent, to_agent, .. } => {
            LiveEvent::AgentTransferred { conversation_id: state.conversation_id, from_agent, to_agent }
        }
        _ => return None,
    })
}
