//! The log of a conversation: its messages by their places. Whoever reads a gap that has lasted fills it.

use std::sync::Arc;

use domain::{
    ConversationId, ShopId, UserId,
    chat::{Message, MessageKind, SenderType, message::Content},
};
use jiff::SignedDuration;

use crate::{
    Clock, Result, Settings,
    store::{
        Dynamo,
        chat::{MessageRow, message_id},
    },
};

/// A place without a message for so long has a sender who was cut off.
const GAP_LASTS: SignedDuration = SignedDuration::from_secs(10);

/// The logs of all conversations.
#[derive(Debug, Clone)]
pub(crate) struct ChatLog {
    store: Dynamo,
    clock: Clock,
    settings: Arc<Settings>,
}

impl ChatLog {
    pub(crate) const fn new(store: Dynamo, clock: Clock, settings: Arc<Settings>) -> Self {
        Self { store, clock, settings }
    }

    /// What was said after `after`, without a gap as far as it goes: one that has lasted is filled, before one that may
    /// still be written it ends.
    pub(crate) async fn after(
        &self,
        shop: &ShopId,
        id: &ConversationId,
        (after, last_seq): (u64, u64),
        limit: u32,
    ) -> Result<Vec<Message>> {
        let now = self.clock.now();
        let read = self.store.messages_after(shop, id, (after, last_seq), limit, now).await?;
        let mut whole: Vec<Message> = vec![];
        let mut expected = after.saturating_add(1);
        for message in read {
            if self.is_old(&message) {
                // What is missing before it was forgotten: nobody can fill that.
                expected = message.seq;
            }
            while expected < message.seq {
                match self.fill(shop, id, expected, &message).await? {
                    Some(filled) => whole.push(filled),
                    None => return Ok(whole),
                }
                expected += 1;
            }
            expected = message.seq + 1;
            whole.push(message);
        }
        Ok(whole)
    }

    /// Whether those before it may have been forgotten by now.
    fn is_old(&self, message: &Message) -> bool {
        let age = self.clock.now().duration_since(message.created_at);
        age > self.settings.chat.retention / 2
    }

    /// Gives a place up whose sender was cut off, as the message behind it shows; nothing, if they may still come.
    async fn fill(
        &self,
        shop: &ShopId,
        id: &ConversationId,
        seq: u64,
        behind: &Message,
    ) -> Result<Option<Message>> {
        let now = self.clock.now();
        if now.duration_since(behind.created_at) < GAP_LASTS {
            return Ok(None);
        }
        let void = Message {
            message_id: message_id(id, seq),
            conversation_id: id.clone(),
            seq,
            sender_id: UserId::from_name("system"),
            sender_type: SenderType::System,
            sender_name: None,
            kind: MessageKind::Void,
            content: Content::default(),
            client_message_id: None,
            flags: vec![],
            created_at: now,
        };
        let kept = self.clock.after(self.settings.chat.retention).as_second();
        let row = MessageRow::of(shop, void.clone(), kept);
        let written = self.store.put_message(&row, &self.clock.fresh().to_string()).await?;
        Ok(Some(written.err().unwrap_or(void)))
    }
}
