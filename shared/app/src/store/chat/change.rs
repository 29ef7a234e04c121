//! Writing a conversation: it, its journal row, and all that follows from the difference.

use aws_sdk_dynamodb::types::AttributeValue;
use contract::JournalEvent;
use domain::{
    ConversationId, ShopId, UserId,
    chat::{Conversation, ConversationStatus, routing::Waiting},
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    agents::agent_key, conversation_pk, conversations::conversation_item, head_key, member_pk, slots_pk,
    waiting_pk,
};
use crate::{
    Result,
    store::{
        Dynamo, Key, Refusal, Transaction,
        dynamo::{item, number, text, values},
        journal_row, sortable,
    },
};

/// A change of a conversation, to be written.
#[derive(Debug)]
pub struct Change<'a> {
    /// How it was; nothing if it is new.
    pub before: Option<&'a Conversation>,
    /// How it is to be.
    pub after: &'a Conversation,
    /// What happened.
    pub event: &'a JournalEvent,
    /// The `support` conversation that its owner had before, if it takes that one's place.
    pub instead_of: Option<&'a ConversationId>,
}

/// Why a change was not written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChangeRefused {
    /// Somebody was faster: read it again.
    Stale,
    /// The agent who is to have it has no room, or is not there.
    NoRoom,
}

/// That somebody takes part, or has a slot taken by it.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct MemberRow {
    pub(super) conversation_id: ConversationId,
}

/// What a head says of where its conversation is: while it is `bot`, the shop answers by itself.
pub(super) fn phase(conversation: &Conversation) -> &'static str {
    match conversation.status {
        _ if conversation.has_bot() => "bot",
        ConversationStatus::Waiting | ConversationStatus::Active => "open",
        ConversationStatus::Resolved => "resolved",
        ConversationStatus::Archived => "archived",
    }
}

fn waiting_key(shop: &ShopId, waiting: &Waiting) -> Key {
    let Waiting { queued_at, conversation_id, .. } = waiting;
    Key::new(waiting_pk(shop), format!("{}#{conversation_id}", sortable(*queued_at)))
}

fn set(users: &[&UserId]) -> AttributeValue {
    AttributeValue::Ss(users.iter().map(ToString::to_string).collect())
}

impl Dynamo {
    /// Writes a change and all that follows from it, or says why not.
    pub async fn change_conversation(
        &self,
        shop: &ShopId,
        change: &Change<'_>,
        now: Timestamp,
    ) -> Result<std::result::Result<(), ChangeRefused>> {
        let mut transaction = Transaction::default();
        let taker = self.taking_slot(&mut transaction, shop, change, now)?;
        self.writing(&mut transaction, shop, change)?;
        self.queueing(&mut transaction, shop, change)?;
        self.joining(&mut transaction, shop, change)?;
        let refused = |refusal: Refusal| match taker.and_then(|place| refusal.of(place)) {
            Some(_) => ChangeRefused::NoRoom,
            None => ChangeRefused::Stale,
        };
        Ok(self.commit(&transaction).await?.map_err(refused))
    }

    /// The slots that it frees and takes, of whom; says which write is the taking.
    fn taking_slot(
        &self,
        transaction: &mut Transaction,
        shop: &ShopId,
        Change { before, after, .. }: &Change<'_>,
        now: Timestamp,
    ) -> Result<Option<usize>> {
        let table = &self.tables.chat;
        let (had, has) = (before.and_then(|before| before.slot()), after.slot());
        if had == has {
            return Ok(None);
        }
        if let Some(agent) = had {
            let counted = values([(":less", number(-1)), (":one", number(1))]);
            let freed = "ADD taken :less, version :one";
            transaction.update(table, &agent_key(shop, agent), freed, None, counted)?;
            let slot = Key::new(slots_pk(shop, agent), after.id.as_str());
            transaction.delete(table, &slot, "attribute_exists(pk)")?;
        }
        let Some(agent) = has else { return Ok(None) };
        let place = transaction.len();
        let taken = "SET idle_since = :now ADD taken :one, version :one";
        let has_room = "taken < concurrent_limit AND presence <> :offline";
        let offline = text("offline");
        let counted = values([(":one", number(1)), (":now", text(now.to_string())), (":offline", offline)]);
        transaction.update(table, &agent_key(shop, agent), taken, Some(has_room.into()), counted)?;
        let slot = Key::new(slots_pk(shop, agent), after.id.as_str());
        transaction.put_new(table, item(&slot, &MemberRow { conversation_id: after.id.clone() })?)?;
        Ok(Some(place))
    }

    /// The conversation and its journal row.
    fn writing(
        &self,
        transaction: &mut Transaction,
        shop: &ShopId,
        Change { before, after, event, .. }: &Change<'_>,
    ) -> Result<()> {
        let table = &self.tables.chat;
        let row = conversation_item(shop, after)?;
        match before {
            Some(before) => transaction.put_version(table, row, before.version)?,
            None => transaction.put_new(table, row)?,
        }
        transaction.put_new(table, journal_row(&conversation_pk(shop, &after.id), event)?)
    }

    /// Its place in the queue.
    fn queueing(
        &self,
        transaction: &mut Transaction,
        shop: &ShopId,
        Change { before, after, .. }: &Change<'_>,
    ) -> Result<()> {
        let table = &self.tables.chat;
        let (was, is) = (before.and_then(Waiting::of), Waiting::of(after));
        if was == is {
            return Ok(());
        }
        let place = |waiting: &Option<Waiting>| waiting.as_ref().map(|waiting| waiting_key(shop, waiting));
        if let Some(key) = place(&was).filter(|key| Some(key) != place(&is).as_ref()) {
            transaction.delete(table, &key, "attribute_exists(pk)")?;
        }
        if let Some(waiting) = &is {
            transaction.put_any(table, item(&waiting_key(shop, waiting), waiting)?)?;
        }
        Ok(())
    }

    /// Who takes part: what each of them finds it by, and what sending asks.
    fn joining(
        &self,
        transaction: &mut Transaction,
        shop: &ShopId,
        Change { before, after, instead_of, .. }: &Change<'_>,
    ) -> Result<()> {
        let table = &self.tables.chat;
        let was = before.map(|before| before.participants.clone()).unwrap_or_default();
        let joined: Vec<&UserId> =
            after.participants.keys().filter(|user| !was.contains_key(*user)).collect();
        let left: Vec<&UserId> = was.keys().filter(|user| !after.has(user)).collect();
        for user in &left {
            let member = Key::new(member_pk(shop, user), after.id.as_str());
            transaction.delete(table, &member, "attribute_exists(pk)")?;
        }
        let row = MemberRow { conversation_id: after.id.clone() };
        for user in &joined {
            transaction.put_any(table, item(&Key::new(member_pk(shop, user), after.id.as_str()), &row)?)?;
        }
        if before.is_none() && after.kind == domain::chat::ConversationKind::Support {
            self.pointing(transaction, shop, after, *instead_of)?;
        }
        self.heading(transaction, shop, (*before, after), (&joined, &left))
    }

    /// That it is its owner's newest support conversation.
    fn pointing(
        &self,
        transaction: &mut Transaction,
        shop: &ShopId,
        after: &Conversation,
        instead_of: Option<&ConversationId>,
    ) -> Result<()> {
        let key = Key::new(member_pk(shop, &after.owner), "support");
        let row = item(&key, &MemberRow { conversation_id: after.id.clone() })?;
        match instead_of {
            None => transaction.put_new(&self.tables.chat, row),
            Some(old) => {
                let values = values([(":old", text(old.as_str()))]);
                transaction.put_if(&self.tables.chat, row, "conversation_id = :old", values)
            }
        }
    }

    fn heading(
        &self,
        transaction: &mut Transaction,
        shop: &ShopId,
        (before, after): (Option<&Conversation>, &Conversation),
        (joined, left): (&[&UserId], &[&UserId]),
    ) -> Result<()> {
        let table = &self.tables.chat;
        let key = head_key(shop, &after.id);
        let phase_is = text(phase(after));
        let Some(before) = before else {
            let mut head = key.attributes();
            head.insert("last_seq".into(), number(0));
            head.insert("phase".into(), phase_is);
            head.insert("members".into(), set(joined));
            return transaction.put_new(table, head);
        };
        if joined.is_empty() && left.is_empty() && phase(before) == phase(after) {
            return Ok(());
        }
        let mut named = values([(":phase", phase_is)]);
        let mut expression = "SET phase = :phase".to_owned();
        // A set cannot be added to and taken from in one write: who joins as another leaves is all of them anew.
        match (joined, left) {
            ([], []) => {}
            (joined, []) => {
                expression.push_str(" ADD members :members");
                named.insert(":members".into(), set(joined));
            }
            ([], left) => {
                expression.push_str(" DELETE members :members");
                named.insert(":members".into(), set(left));
            }
            _ => {
                expression.push_str(", members = :members");
                named.insert(":members".into(), set(&after.participants.keys().collect::<Vec<_>>()));
            }
        }
        transaction.update(table, &key, expression, Some("attribute_exists(pk)".into()), named)
    }
}
