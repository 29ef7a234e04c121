//! Messages as they are stored.

use aws_sdk_dynamodb::types::AttributeValue;
use domain::{
    ConversationId, MessageId, ShopId, UserId,
    chat::{Message, MessageKind, SenderType, message::Content},
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::conversation_pk;
use crate::{
    Result,
    store::{
        Dynamo, Key, Query,
        dynamo::{Update, Written, item, row, text, values},
    },
};

/// What the sort key of every message begins with; the template's stream filter names it too.
pub const MESSAGE: &str = "m#";

/// A message's row. Names are short: a row of up to 1 KB is one write unit.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct MessageRow {
    /// Of which shop.
    #[serde(rename = "shop_id")]
    pub shop: ShopId,
    conversation_id: ConversationId,
    seq: u64,
    by: UserId,
    #[serde(rename = "as")]
    sender_type: SenderType,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    by_name: Option<String>,
    kind: MessageKind,
    #[serde(default, skip_serializing_if = "Content::is_nothing")]
    content: Content,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    client_id: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    flags: Vec<String>,
    at: Timestamp,
    /// When it is forgotten, in seconds since 1970.
    expires_at: i64,
}

impl MessageRow {
    /// A message that is kept until `expires_at`.
    pub fn of(shop: &ShopId, message: Message, expires_at: i64) -> Self {
        Self {
            shop: shop.clone(),
            conversation_id: message.conversation_id,
            seq: message.seq,
            by: message.sender_id,
            sender_type: message.sender_type,
            by_name: message.sender_name,
            kind: message.kind,
            content: message.content,
            client_id: message.client_message_id,
            flags: message.flags,
            at: message.created_at,
            expires_at,
        }
    }

    /// In which conversation.
    pub const fn conversation(&self) -> &ConversationId {
        &self.conversation_id
    }

    /// When it was said.
    pub const fn at(&self) -> Timestamp {
        self.at
    }

    /// The message.
    pub fn message(self) -> Message {
        Message {
            message_id: message_id(&self.conversation_id, self.seq),
            conversation_id: self.conversation_id,
            seq: self.seq,
            sender_id: self.by,
            sender_type: self.sender_type,
            sender_name: self.by_name,
            kind: self.kind,
            content: self.content,
            client_message_id: self.client_id,
            flags: self.flags,
            created_at: self.at,
        }
    }
}

/// The name of a message follows from its place, so that its row need not carry it and a repetition finds it.
pub(crate) fn message_id(conversation: &ConversationId, seq: u64) -> MessageId {
    MessageId::from_uuid(crate::clock::derived(&["message", conversation.as_str(), &seq.to_string()]))
}

fn message_sk(seq: u64) -> String {
    format!("{MESSAGE}{seq:010}")
}

impl Dynamo {
    /// Writes a message in its place. If something is there, that is what is said: the same message, as a rule, or that
    /// the place was given up.
    pub(crate) async fn put_message(
        &self,
        message: &MessageRow,
        request: &str,
    ) -> Result<std::result::Result<(), Message>> {
        let pk = conversation_pk(&message.shop, &message.conversation_id);
        let row_item = item(&Key::new(pk, message_sk(message.seq)), message)?;
        match self.put_new(&self.tables.chat, row_item, request).await? {
            Written::Yes => Ok(Ok(())),
            Written::Refused(Some(found)) => Ok(Err(row::<MessageRow>(found)?.message())),
            Written::Refused(None) => Err(crate::Error::busy()),
        }
    }

    /// Marks a message for staff, if it is there.
    pub(crate) async fn flag_message(
        &self,
        shop: &ShopId,
        conversation: &ConversationId,
        seq: u64,
        flags: &[String],
        request: &str,
    ) -> Result<()> {
        let key = Key::new(conversation_pk(shop, conversation), message_sk(seq));
        let flags = AttributeValue::L(flags.iter().map(text).collect());
        let update = Update {
            set: "flags = :flags",
            condition: Some("attribute_exists(pk)"),
            values: values([(":flags", flags)]),
            ..Update::default()
        };
        self.update(&self.tables.chat, &key, update, request).await.map(drop)
    }

    /// Messages after `after` and up to `upto`, oldest first; those that are to be forgotten by `now` are gone.
    pub async fn messages_after(
        &self,
        shop: &ShopId,
        conversation: &ConversationId,
        (after, upto): (u64, u64),
        limit: u32,
        now: Timestamp,
    ) -> Result<Vec<Message>> {
        // DynamoDB refuses a range that ends before it begins.
        if after >= upto {
            return Ok(vec![]);
        }
        let query = self.of_conversation(shop, conversation, after.saturating_add(1), upto);
        self.read_messages(query.limit(limit), now).await
    }

    /// Messages before `before`, newest first.
    pub async fn messages_before(
        &self,
        shop: &ShopId,
        conversation: &ConversationId,
        before: u64,
        limit: u32,
        now: Timestamp,
    ) -> Result<Vec<Message>> {
        let query = self.of_conversation(shop, conversation, 0, before.saturating_sub(1));
        self.read_messages(query.newest_first().limit(limit), now).await
    }

    fn of_conversation(&self, shop: &ShopId, id: &ConversationId, from: u64, to: u64) -> Query<'_> {
        let most = 9_999_999_999;
        let (from, to) = (message_sk(from.min(most)), message_sk(to.min(most)));
        Query::new(&self.tables.chat, conversation_pk(shop, id)).between(from, to).consistent()
    }

    async fn read_messages(&self, query: Query<'_>, now: Timestamp) -> Result<Vec<Message>> {
        let (rows, _): (Vec<MessageRow>, _) = self.query(&query).await?;
        let kept = rows.into_iter().filter(|row| row.expires_at > now.as_second());
        Ok(kept.map(MessageRow::message).collect())
    }
}
