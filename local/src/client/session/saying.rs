//! What a client says in conversations: one thing at a time, and again under the same name until it is acknowledged, on
//! whatever line there is then. So it is said once, whatever got lost.

use std::collections::VecDeque;

use contract::{
    frames::{Command, chat::SendMessage},
    http::chat::{NewContent, NewMessage},
};
use domain::{ConversationId, chat::MessageKind};
use serde::Deserialize;
use serde_json::Value;
use tokio::sync::oneshot;
use uuid::Uuid;

use super::{Purpose, Session};

/// The shop's word that it has a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct Acknowledged {
    /// Its place in the conversation.
    pub seq: u64,
}

/// What is still to be said, or not acknowledged yet; the first may be under way.
#[derive(Default)]
pub(super) struct Outbox(VecDeque<Saying>);

struct Saying {
    message: SendMessage,
    reply: oneshot::Sender<Acknowledged>,
}

impl Outbox {
    pub fn add(
        &mut self,
        conversation_id: ConversationId,
        text: String,
        reply: oneshot::Sender<Acknowledged>,
    ) {
        let message = NewMessage {
            kind: MessageKind::Text,
            content: NewContent::Words(text),
            client_message_id: Some(Uuid::now_v7().to_string()),
        };
        // Not tried yet.
        let message = SendMessage { conversation_id, message, attempt: 0 };
        self.0.push_back(Saying { message, reply });
    }
}

impl Session {
    /// Says what is next, unless something is under way or there is no line for it.
    pub(super) fn speak(&mut self) {
        let is_under_way = self.asks.values().any(|ask| ask.purpose == Purpose::Say);
        let (Some(line), Some(next), false) = (self.newest_live(), self.outbox.0.front_mut(), is_under_way)
        else {
            return;
        };
        next.message.attempt += 1;
        let message = next.message.clone();
        self.summary.said_again += u64::from(message.attempt > 1);
        self.ask(line, Command::SendMessage(message), Purpose::Say);
    }

    pub(super) fn was_heard(&mut self, data: &Value) {
        let Some(said) = self.outbox.0.pop_front() else {
            return;
        };
        match Acknowledged::deserialize(data) {
            Ok(acknowledged) if said.reply.send(acknowledged).is_ok() => {}
            Ok(_) => tracing::trace!("nobody wants to know that something was heard"),
            Err(error) => self.complain(format!("an answer that is none: {error}")),
        }
    }

    pub(super) fn was_refused(&mut self, why: String) {
        self.outbox.0.pop_front();
        self.complain(why);
    }
}
