//! Up to where messages came to somebody and were read. Neither ever goes back.

use domain::{ConversationId, ShopId, UserId};
use serde::Deserialize;

use super::conversation_pk;
use crate::{
    Result,
    store::{
        Dynamo, Key,
        dynamo::{Update, Written, number, values},
    },
};

/// Up to where, of somebody in a conversation.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
pub struct Marks {
    /// Messages came to them.
    #[serde(default)]
    pub delivered: u64,
    /// They read them.
    #[serde(default)]
    pub read: u64,
}

/// Which of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Marked {
    /// Messages came.
    Delivered,
    /// They were read.
    Read,
}

fn mark_key(shop: &ShopId, conversation: &ConversationId, user: &UserId) -> Key {
    Key::new(conversation_pk(shop, conversation), format!("mark#{user}"))
}

impl Dynamo {
    /// Up to where messages came to `user` and were read.
    pub async fn marks(&self, shop: &ShopId, conversation: &ConversationId, user: &UserId) -> Result<Marks> {
        let row: Option<Marks> =
            self.get(&self.tables.chat, &mark_key(shop, conversation, user), true).await?;
        Ok(row.unwrap_or_default())
    }

    /// Moves a mark on to `seq`; says whether it was before that.
    pub(crate) async fn mark(
        &self,
        shop: &ShopId,
        (conversation, user): (&ConversationId, &UserId),
        which: Marked,
        seq: u64,
        request: &str,
    ) -> Result<bool> {
        let (set, condition) = match which {
            Marked::Delivered => ("delivered = :seq", "attribute_not_exists(delivered) OR delivered < :seq"),
            Marked::Read => ("#read = :seq", "attribute_not_exists(#read) OR #read < :seq"),
        };
        let mut update = Update { set, condition: Some(condition), ..Update::default() };
        update.values = values([(":seq", number(seq))]);
        if which == Marked::Read {
            update.names.insert("#read".into(), "read".into());
        }
        let key = mark_key(shop, conversation, user);
        Ok(matches!(self.update(&self.tables.chat, &key, update, request).await?, Written::Yes))
    }
}
