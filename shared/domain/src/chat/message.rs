//! What is said in a conversation.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Attachment;
use crate::{ConversationId, MessageId, UserId};

/// What kind of message it is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum MessageKind {
    /// Words.
    #[default]
    Text,
    /// A picture, in `attachments`.
    Image,
    /// A file, in `attachments`.
    File,
    /// What the system says: somebody joined, somebody left.
    System,
    /// Answers to choose from, in `metadata`.
    QuickReply,
    /// An address to go to.
    Link,
    /// What the shop answers by itself.
    Auto,
    /// The answer of an FAQ.
    Faq,
    /// A place in the conversation where nothing was said: its sender was cut off.
    Void,
}

impl MessageKind {
    /// Whether a person may send one.
    pub const fn is_peoples(self) -> bool {
        matches!(self, Self::Text | Self::Image | Self::File | Self::QuickReply | Self::Link)
    }

    /// Whether it counts as unread.
    pub const fn counts(self) -> bool {
        !matches!(self, Self::System | Self::Void)
    }
}

/// As what somebody says something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SenderType {
    /// Whoever asks.
    Customer,
    /// Whoever answers.
    Agent,
    /// The shop, by itself.
    Bot,
    /// Shopwire.
    System,
}

/// What a message says.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Content {
    /// In words, as they were sent: whoever shows them must escape them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// Files.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attachments: Vec<Attachment>,
    /// Whatever else a client wants to send along; an object of strings.
    #[serde(default, skip_serializing_if = "std::collections::BTreeMap::is_empty")]
    pub metadata: std::collections::BTreeMap<String, String>,
}

impl Content {
    /// Whether it says nothing.
    pub fn is_nothing(&self) -> bool {
        *self == Self::default()
    }
}

/// What somebody wants a message to say.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Wording {
    /// In words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// Files of one's own that were accepted in this conversation, by their ids.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(max_items = 10)]
    pub attachments: Vec<String>,
    /// Whatever else a client wants to send along; an object of strings.
    #[serde(default, skip_serializing_if = "std::collections::BTreeMap::is_empty")]
    pub metadata: std::collections::BTreeMap<String, String>,
}

impl Wording {
    /// The same with the files themselves.
    pub fn with(self, attachments: Vec<Attachment>) -> Content {
        Content { text: self.text, attachments, metadata: self.metadata }
    }
}

/// A message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Message {
    /// Its name.
    pub message_id: MessageId,
    /// Of which conversation.
    pub conversation_id: ConversationId,
    /// Its place there, without a gap from 1.
    pub seq: u64,
    /// Who said it.
    pub sender_id: UserId,
    /// As what.
    pub sender_type: SenderType,
    /// What they are called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sender_name: Option<String>,
    /// What kind of message it is.
    #[serde(rename = "type")]
    pub kind: MessageKind,
    /// What it says.
    pub content: Content,
    /// The sender's own name for it: sent again under the same, it is the same message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_message_id: Option<String>,
    /// Why the shop's own filter would have somebody look at it. It is delivered as it is.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub flags: Vec<String>,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
}

/// The message says nothing, or too much.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidMessage {
    /// Nothing in it.
    #[error("expected a text or an attachment")]
    Empty,
    /// The text has too many characters.
    #[error("expected at most {most} characters")]
    TooLong {
        /// How many it may have.
        most: usize,
    },
    /// There is more beside the text than fits.
    #[error("expected at most {most} entries")]
    TooMany {
        /// How many there may be.
        most: usize,
    },
    /// There is no file in a message that is one.
    #[error("expected an attachment")]
    NoFile,
    /// There is something else in a message that is a picture.
    #[error("expected pictures only")]
    NotPictures,
    /// Only the shop itself sends such.
    #[error("people do not send messages of this type")]
    NotPeoples,
}

/// The most attachments, and the most entries of metadata, of one message.
pub const MAX_EXTRAS: usize = 10;
/// The longest key or value of metadata, and the longest id of an attachment, in bytes.
const MAX_EXTRA_BYTES: usize = 256;

/// Whether a person may send this, as far as can be said without knowing the files. The length of a text counts Unicode
/// scalar values.
pub fn check(kind: MessageKind, wording: &Wording, most: usize) -> Result<(), InvalidMessage> {
    if !kind.is_peoples() {
        return Err(InvalidMessage::NotPeoples);
    }
    let text = wording.text.as_deref().unwrap_or_default();
    if wording.attachments.is_empty() && matches!(kind, MessageKind::Image | MessageKind::File) {
        return Err(InvalidMessage::NoFile);
    }
    if text.trim().is_empty() && wording.attachments.is_empty() {
        return Err(InvalidMessage::Empty);
    }
    if text.chars().count() > most {
        return Err(InvalidMessage::TooLong { most });
    }
    let is_long = |text: &String| text.len() > MAX_EXTRA_BYTES;
    let has_long = wording.attachments.iter().any(is_long)
        || wording.metadata.iter().any(|(key, value)| is_long(key) || is_long(value));
    if wording.attachments.len() > MAX_EXTRAS || wording.metadata.len() > MAX_EXTRAS || has_long {
        return Err(InvalidMessage::TooMany { most: MAX_EXTRAS });
    }
    Ok(())
}

/// Whether a message of this kind may carry these files.
pub fn check_files(kind: MessageKind, files: &[Attachment]) -> Result<(), InvalidMessage> {
    match kind {
        MessageKind::Image if !files.iter().all(|file| file.mime_type.is_image()) => {
            Err(InvalidMessage::NotPictures)
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Wording {
        Wording { text: Some(text.into()), ..Wording::default() }
    }

    #[test]
    fn a_message_says_something_and_not_too_much() {
        assert_eq!(check(MessageKind::Text, &text("hi"), 5), Ok(()));
        assert_eq!(check(MessageKind::Text, &text("👋🏽👋🏽👋"), 5), Ok(()));
        assert_eq!(check(MessageKind::Text, &text("helloo"), 5), Err(InvalidMessage::TooLong { most: 5 }));
        assert_eq!(check(MessageKind::Text, &text(" \n"), 5), Err(InvalidMessage::Empty));
        assert_eq!(check(MessageKind::System, &text("hi"), 5), Err(InvalidMessage::NotPeoples));
        let many = Wording { attachments: vec!["a".into(); 11], ..Wording::default() };
        assert_eq!(check(MessageKind::File, &many, 5), Err(InvalidMessage::TooMany { most: 10 }));
        assert_eq!(check(MessageKind::Image, &text("look"), 5), Err(InvalidMessage::NoFile));
    }
}
