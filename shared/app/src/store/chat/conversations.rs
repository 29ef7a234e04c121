//! Conversations: reading one, listing many, and the queue.

use domain::{
    ConversationId, ShopId, UserId,
    chat::{Conversation, ConversationStatus, routing::Waiting},
};
use serde::{Deserialize, Serialize};

use super::{
    change::MemberRow, conversation_key, conversation_pk, head_key, member_pk, slots_pk, waiting_pk,
};
use crate::{
    Result,
    store::{Cursor, Dynamo, Item, JOURNAL, Key, Query, dynamo::item, journal_sk, sortable},
};
use contract::JournalEvent;

/// Conversations of a queue that are looked at: whoever is behind them waits anyway.
const QUEUE_SEEN: u32 = 1_000;

#[derive(Debug, Serialize, Deserialize)]
struct ConversationRow {
    shop_id: ShopId,
    #[serde(flatten)]
    conversation: Conversation,
    listing: String,
    listed_at: String,
    status_key: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    agent_key: Option<String>,
}

/// A conversation, and where its list goes on behind it.
#[derive(Debug, Clone)]
pub struct Stored {
    /// The conversation.
    pub conversation: Conversation,
    /// Its place.
    pub place: String,
}

/// Where conversations are listed.
#[derive(Debug, Clone)]
pub enum ConversationShelf {
    /// The shop's.
    All,
    /// The shop's with one status.
    With(ConversationStatus),
    /// Those that an agent has or had last.
    Of(UserId),
}

#[derive(Debug, Deserialize)]
struct Head {
    last_seq: u64,
}

#[derive(Debug, Deserialize)]
struct Listing {
    pk: String,
    sk: String,
    listed_at: String,
}

pub(super) fn conversation_item(shop: &ShopId, conversation: &Conversation) -> Result<Item> {
    let row = ConversationRow {
        shop_id: shop.clone(),
        listing: format!("{shop}#conversation"),
        listed_at: format!("{}#{}", sortable(conversation.opened_at), conversation.id),
        status_key: status_key(shop, conversation.status),
        agent_key: conversation.agent.as_ref().map(|agent| format!("{shop}#agent#{agent}")),
        conversation: conversation.clone(),
    };
    item(&conversation_key(shop, &conversation.id), &row)
}

fn status_key(shop: &ShopId, status: ConversationStatus) -> String {
    format!("{shop}#conversation#{}", status.name())
}

impl Dynamo {
    /// A conversation.
    pub async fn conversation(&self, shop: &ShopId, id: &ConversationId) -> Result<Option<Conversation>> {
        let row: Option<ConversationRow> =
            self.get(&self.tables.chat, &conversation_key(shop, id), true).await?;
        Ok(row.map(|row| row.conversation))
    }

    /// Several conversations, in no order.
    pub async fn conversations(&self, shop: &ShopId, ids: &[ConversationId]) -> Result<Vec<Conversation>> {
        let keys: Vec<Key> = ids.iter().map(|id| conversation_key(shop, id)).collect();
        let rows: Vec<ConversationRow> = self.get_many(&self.tables.chat, &keys).await?;
        Ok(rows.into_iter().map(|row| row.conversation).collect())
    }

    /// The `seq` of a conversation's newest message; nothing if there is no such conversation.
    pub async fn last_seq(&self, shop: &ShopId, id: &ConversationId) -> Result<Option<u64>> {
        let head: Option<Head> = self.get(&self.tables.chat, &head_key(shop, id), true).await?;
        Ok(head.map(|head| head.last_seq))
    }

    /// A page of the conversations that somebody takes part in, the newest first.
    pub async fn conversations_of(
        &self,
        shop: &ShopId,
        user: &UserId,
        limit: u32,
        cursor: Option<Cursor>,
    ) -> Result<(Vec<ConversationId>, Option<Cursor>)> {
        let query =
            Query::new(&self.tables.chat, member_pk(shop, user)).beginning_with(ConversationId::PREFIX);
        let query = query.newest_first().limit(limit).after(cursor).consistent();
        let (rows, next): (Vec<MemberRow>, _) = self.query(&query).await?;
        Ok((rows.into_iter().map(|row| row.conversation_id).collect(), next))
    }

    /// A page of a shelf, the newest first.
    pub async fn shelved_conversations(
        &self,
        shop: &ShopId,
        shelf: &ConversationShelf,
        before: Option<&str>,
        limit: u32,
    ) -> Result<(Vec<Stored>, Option<String>)> {
        let table = &self.tables.chat;
        let query = match shelf {
            ConversationShelf::All => {
                Query::new(table, format!("{shop}#conversation")).on_index("by_shop", "listing", "listed_at")
            }
            ConversationShelf::With(status) => {
                Query::new(table, status_key(shop, *status)).on_index("by_status", "status_key", "listed_at")
            }
            ConversationShelf::Of(agent) => Query::new(table, format!("{shop}#agent#{agent}")).on_index(
                "by_agent",
                "agent_key",
                "listed_at",
            ),
        };
        // What was shown last may be in it, and is left out.
        let query = query.between("0", before.unwrap_or("~")).newest_first().limit(limit.saturating_add(2));
        let (mut found, _): (Vec<Listing>, _) = self.query(&query).await?;
        found.retain(|row| Some(row.listed_at.as_str()) != before);
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let has_more = found.len() > limit;
        found.truncate(limit);
        let next = found.last().filter(|_| has_more).map(|row| row.listed_at.clone());
        let keys: Vec<Key> = found.into_iter().map(|row| Key::new(row.pk, row.sk)).collect();
        let rows: Vec<ConversationRow> = self.get_many(table, &keys).await?;
        let mut stored: Vec<Stored> = rows
            .into_iter()
            .map(|row| Stored { conversation: row.conversation, place: row.listed_at })
            .collect();
        stored.sort_by(|a, b| b.place.cmp(&a.place));
        Ok((stored, next))
    }

    /// The newest support conversation of somebody.
    pub async fn support_conversation(&self, shop: &ShopId, user: &UserId) -> Result<Option<ConversationId>> {
        let key = Key::new(member_pk(shop, user), "support");
        let row: Option<MemberRow> = self.get(&self.tables.chat, &key, true).await?;
        Ok(row.map(|row| row.conversation_id))
    }

    /// Who waits for an agent, the oldest first.
    pub async fn waiting(&self, shop: &ShopId) -> Result<Vec<Waiting>> {
        let query = Query::new(&self.tables.chat, waiting_pk(shop)).consistent().limit(QUEUE_SEEN);
        Ok(self.query(&query).await?.0)
    }

    /// The conversations that take an agent's slots.
    pub async fn slots(&self, shop: &ShopId, agent: &UserId) -> Result<Vec<ConversationId>> {
        let query = Query::new(&self.tables.chat, slots_pk(shop, agent)).consistent();
        let rows: Vec<MemberRow> = self.query_all(query).await?;
        Ok(rows.into_iter().map(|row| row.conversation_id).collect())
    }

    /// What happened to a conversation, oldest first.
    pub async fn conversation_journal(
        &self,
        shop: &ShopId,
        id: &ConversationId,
    ) -> Result<Vec<JournalEvent>> {
        let (from, to) = (journal_sk(0), format!("{JOURNAL}~"));
        let query = Query::new(&self.tables.chat, conversation_pk(shop, id)).between(from, to).consistent();
        self.query_all(query).await
    }
}
