//! Frames of the support chat.

use domain::{ConversationId, MessageId, UserId, chat::Message};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::http::chat::{NewMessage, NewTransfer};

/// A conversation: its id by itself, as older clients send it, or in an object.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(untagged)]
pub enum JoinConversation {
    /// `"cnv_1"`.
    One(ConversationId),
    /// `{"conversation_id": "cnv_1", "last_seq": 7}`.
    Named {
        /// Which.
        #[serde(
            alias = "conversationId",
            alias = "roomId",
            alias = "room_id",
            alias = "ticket_id",
            alias = "support_ticket_id"
        )]
        conversation_id: ConversationId,
        /// The last `seq` seen: everything after it is sent again.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        last_seq: Option<u64>,
    },
}

impl JoinConversation {
    /// Which conversation.
    pub const fn id(&self) -> &ConversationId {
        match self {
            Self::One(id) | Self::Named { conversation_id: id, .. } => id,
        }
    }

    /// The last `seq` seen.
    pub const fn last_seq(&self) -> Option<u64> {
        match self {
            Self::One(_) => None,
            Self::Named { last_seq, .. } => *last_seq,
        }
    }
}

/// Something to be said.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
pub struct SendMessage {
    /// Where.
    #[serde(alias = "conversationId", alias = "roomId", alias = "room_id", alias = "ticket_id")]
    pub conversation_id: ConversationId,
    /// What.
    #[serde(flatten)]
    pub message: NewMessage,
    /// The how manieth try this is. From the second on it is looked for among the newest messages too: a client that
    /// sent others meanwhile must say so.
    #[serde(default = "first")]
    pub attempt: u32,
}

const fn first() -> u32 {
    1
}

/// Up to where messages came or were read: a place or a message; the newest, if it is not said.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
pub struct UpTo {
    /// In which conversation.
    #[serde(alias = "conversationId", alias = "roomId", alias = "room_id", alias = "ticket_id")]
    pub conversation_id: ConversationId,
    /// Up to this place.
    #[serde(default, alias = "upToSeq", skip_serializing_if = "Option::is_none")]
    pub up_to_seq: Option<u64>,
    /// Up to this message.
    #[serde(default, alias = "messageId", skip_serializing_if = "Option::is_none")]
    pub message_id: Option<MessageId>,
}

/// Whether one is typing.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
pub struct Typing {
    /// In which conversation.
    #[serde(alias = "conversationId", alias = "roomId", alias = "room_id", alias = "ticket_id")]
    pub conversation_id: ConversationId,
    /// Whether one is.
    #[serde(default = "yes", alias = "isTyping")]
    pub is_typing: bool,
}

const fn yes() -> bool {
    true
}

/// A conversation that is handed on, and to whom.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
pub struct TransferConversation {
    /// Which.
    #[serde(alias = "conversationId")]
    pub conversation_id: ConversationId,
    /// To whom.
    #[serde(flatten)]
    pub transfer: NewTransfer,
}

/// Something that was said.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
pub struct Said {
    /// What.
    pub message: Message,
    /// Why the shop said it by itself: `welcome`, `offline`, `busy`, `keyword`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trigger: Option<String>,
    /// The FAQ that it is from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub faq_id: Option<String>,
    /// How sure the shop is that it fits, 0 to 100.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confidence: Option<u8>,
}

/// Up to where messages came to somebody, or were read.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
pub struct Mark {
    /// In which conversation.
    pub conversation_id: ConversationId,
    /// By whom.
    pub user_id: UserId,
    /// Up to this place; it never goes back.
    pub up_to_seq: u64,
    /// The message there.
    pub message_id: MessageId,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
}
