//! What the shop does about what was said and what happened: it answers by itself, wants a person, takes up again what
//! was done. The relay brings every message and every change at least once, so all of it can be done twice.

use contract::{Fact, JournalEvent};
use domain::{
    ConversationId, ShopId,
    chat::{Conversation, ConversationStatus, Message, SenderType, conversation::EscalationReason},
};

use super::{Chat, state};
use crate::{Result, journal::Author};

impl Chat {
    /// Hears a message.
    pub(crate) async fn hear(&self, shop: &ShopId, message: &Message) -> Result<()> {
        if message.sender_type != SenderType::Customer {
            return Ok(());
        }
        let id = &message.conversation_id;
        let Some(conversation) = self.store.conversation(shop, id).await? else { return Ok(()) };
        let conversation = match conversation.status {
            ConversationStatus::Archived => return Ok(()),
            ConversationStatus::Resolved => self.take_up_again(shop, id, message).await?,
            ConversationStatus::Waiting | ConversationStatus::Active => conversation,
        };
        if conversation.has_bot() {
            self.answer(shop, &conversation, message).await?;
        }
        Ok(())
    }

    /// A customer's word takes up again what was done, unless it was said before that.
    async fn take_up_again(
        &self,
        shop: &ShopId,
        id: &ConversationId,
        message: &Message,
    ) -> Result<Conversation> {
        let author = Author::system(shop, message.message_id.as_str());
        self.change(author, id, |conversation| {
            let is_after = conversation.resolved_at.is_some_and(|at| message.created_at >= at);
            if conversation.status != ConversationStatus::Resolved || !is_after {
                return Ok(None);
            }
            Ok(conversation.reopen(None)?.map(|next| {
                let fact = Fact::ConversationUpdated(state(&next));
                (next, fact)
            }))
        })
        .await
    }

    /// The shop's own answer; without one, a person is wanted.
    async fn answer(&self, shop: &ShopId, conversation: &Conversation, message: &Message) -> Result<()> {
        self.want_person(shop, &conversation.id, message, EscalationReason::NoMatch).await
    }

    async fn want_person(
        &self,
        shop: &ShopId,
        id: &ConversationId,
        message: &Message,
        reason: EscalationReason,
    ) -> Result<()> {
        let now = self.clock.now();
        let author = Author::system(shop, message.message_id.as_str());
        self.change(author, id, |conversation| {
            if !conversation.has_bot() {
                return Ok(None);
            }
            Ok(conversation.escalate(now)?.map(|next| {
                let fact = Fact::ConversationEscalated { state: state(&next), reason };
                (next, fact)
            }))
        })
        .await
        .map(drop)
    }

    /// Does what follows from what happened to a conversation, but for the routing.
    pub(crate) async fn follow(&self, event: &JournalEvent) -> Result<()> {
        match &event.fact {
            Fact::UserLinked { user_id, guest_id } => self.pass_on(&event.shop_id, guest_id, user_id).await,
            _ => Ok(()),
        }
    }
}

/// Whether the queue, or who has room, may be another after it.
pub(crate) fn moves_queue(event: &JournalEvent) -> bool {
    event.fact.conversation().is_some()
        && !matches!(
            event.fact,
            Fact::ConversationCreated(_) | Fact::ConversationJoined { .. } | Fact::ConversationLeft { .. }
        )
}
