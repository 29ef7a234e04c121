//! Reading: lists of conversations, their messages, transcripts.

use contract::http::{
    Page,
    chat::{ConversationView, ConversationsRequest, MessagesRequest, MessagesView, TranscriptView},
};
use domain::{
    ConversationId, Permission, Principal, UserId,
    chat::{Conversation, ConversationStatus, Message, MessageKind},
};
use futures_util::future::try_join_all;

use super::Chat;
use crate::{
    Error, Result,
    store::{Cursor, chat::ConversationShelf},
};

/// So many conversations are looked at together where some are passed over, and so often for one page.
const LOOKED_AT: u32 = 100;
const LOOKS: u32 = 10;
/// The most messages of one transcript.
const MOST_OF_TRANSCRIPT: u64 = 5_000;

impl Chat {
    /// A conversation.
    pub async fn read(&self, who: &Principal, id: &ConversationId) -> Result<ConversationView> {
        let conversation = self.readable(who, id).await?;
        self.view(who, &conversation).await
    }

    /// A page of conversations, newest first: one's own; for staff the shop's, but for what is private.
    pub async fn list(
        &self,
        who: &Principal,
        wanted: &ConversationsRequest,
        limit: u32,
        cursor: Option<Cursor>,
    ) -> Result<Page<ConversationView>> {
        who.may(Permission::Chat)?;
        let (found, next_cursor) = match who.can(Permission::AnswerChats) {
            true => self.of_shop(who, wanted, limit, cursor).await?,
            false => self.own(who, wanted, limit, cursor).await?,
        };
        let data = try_join_all(found.iter().map(|one| self.view(who, one))).await?;
        Ok(Page { data, next_cursor })
    }

    /// Those that `who` takes part in.
    async fn own(
        &self,
        who: &Principal,
        wanted: &ConversationsRequest,
        limit: u32,
        cursor: Option<Cursor>,
    ) -> Result<(Vec<Conversation>, Option<String>)> {
        let (mut found, next) =
            self.store.conversations_of(&who.shop, &who.subject, limit, cursor.clone()).await?;
        if cursor.is_none() {
            // What is still a guest's of theirs: the relay is about to pass it on.
            for guest in &who.linked_guests {
                found.extend(self.store.conversations_of(&who.shop, guest, limit, None).await?.0);
            }
        }
        let mut found = self.store.conversations(&who.shop, &found).await?;
        found.retain(|one| fits(one, wanted, who));
        found.sort_by(|a, b| b.id.cmp(&a.id));
        Ok((found, next.map(|cursor| cursor.to_string())))
    }

    /// The shop's. A page is full if enough fit; what does not fit is passed over, at most 1,000 for one page.
    async fn of_shop(
        &self,
        who: &Principal,
        wanted: &ConversationsRequest,
        limit: u32,
        cursor: Option<Cursor>,
    ) -> Result<(Vec<Conversation>, Option<String>)> {
        let wrong = || Error::field("cursor", "invalid", "not a cursor of this list");
        let mut before = match &cursor {
            Some(cursor) => Some(cursor.place().ok_or_else(wrong)?.to_owned()),
            None => None,
        };
        let shelf = shelf(who, wanted)?;
        let wanted_count = usize::try_from(limit).unwrap_or(usize::MAX);
        let mut found: Vec<Conversation> = vec![];
        for _ in 0..LOOKS {
            let (some, next) =
                self.store.shelved_conversations(&who.shop, &shelf, before.as_deref(), LOOKED_AT).await?;
            let mut last = None;
            let mut is_full = false;
            for stored in some {
                if fits(&stored.conversation, wanted, who) {
                    if found.len() == wanted_count {
                        is_full = true;
                        break;
                    }
                    found.push(stored.conversation);
                }
                last = Some(stored.place);
            }
            before = if is_full { last } else { next };
            if is_full || before.is_none() {
                break;
            }
        }
        Ok((found, before.map(|place| Cursor::at(place).to_string())))
    }

    /// Messages of a conversation, oldest first.
    pub async fn messages(
        &self,
        who: &Principal,
        id: &ConversationId,
        wanted: &MessagesRequest,
    ) -> Result<MessagesView> {
        let limit = wanted.limit.unwrap_or(50);
        if !(1..=100).contains(&limit) {
            return Err(Error::field("limit", "out_of_range", "expected 1 to 100"));
        }
        if wanted.before_seq.is_some() && wanted.after_seq.is_some() {
            return Err(Error::field(
                "after_seq",
                "invalid",
                "expected only one of before_seq and after_seq",
            ));
        }
        self.check_history(who)?;
        self.readable(who, id).await?;
        let (shop, now) = (&who.shop, self.clock.now());
        let last_seq = self.store.last_seq(shop, id).await?.unwrap_or_default();
        let mut data = match wanted.after_seq {
            Some(after) => self.log.after(shop, id, (after, last_seq), limit).await?,
            None => {
                let before = wanted.before_seq.unwrap_or(u64::MAX);
                let mut data = self.store.messages_before(shop, id, before, limit, now).await?;
                data.reverse();
                data
            }
        };
        let (first, last) = (data.first().map(|one| one.seq), data.last().map(|one| one.seq));
        let is_full = data.len() >= usize::try_from(limit).unwrap_or(usize::MAX);
        let next_before_seq = first.filter(|first| wanted.after_seq.is_none() && is_full && *first > 1);
        let next_after_seq = last
            .filter(|last| *last < last_seq && (wanted.after_seq.is_some() || wanted.before_seq.is_some()));
        data.retain(|message| message.kind != MessageKind::Void);
        let data = data.into_iter().map(|message| shown_to(who, message)).collect();
        Ok(MessagesView { data, last_seq, next_before_seq, next_after_seq })
    }

    /// Customers read what was said before only if the shop shows it to them.
    fn check_history(&self, who: &Principal) -> Result<()> {
        let may = self.settings.chat.shows_history || who.can(Permission::AnswerChats);
        if may { Ok(()) } else { Err(Error::Forbidden) }
    }

    /// All that was said, oldest first; at most the newest 5,000 messages.
    pub async fn transcript(&self, who: &Principal, id: &ConversationId) -> Result<TranscriptView> {
        self.check_history(who)?;
        let conversation = self.readable(who, id).await?;
        let conversation = self.view(who, &conversation).await?;
        let mut after = conversation.last_seq.saturating_sub(MOST_OF_TRANSCRIPT);
        let mut messages = vec![];
        loop {
            let some =
                self.store.messages_after(&who.shop, id, (after, u64::MAX), 500, self.clock.now()).await?;
            let Some(last) = some.last() else { break };
            after = last.seq;
            let said = some.into_iter().filter(|message| message.kind != MessageKind::Void);
            messages.extend(said.map(|message| shown_to(who, message)));
        }
        Ok(TranscriptView { conversation, messages })
    }
}

/// A message as `who` sees it: what it was marked as is for staff.
fn shown_to(who: &Principal, message: Message) -> Message {
    if who.is_staff() { message } else { Message { flags: vec![], ..message } }
}

fn shelf(who: &Principal, wanted: &ConversationsRequest) -> Result<ConversationShelf> {
    let agent = |name: &str| {
        UserId::new(name).map_err(|error| Error::field("assigned", "invalid", error.to_string()))
    };
    Ok(match (wanted.assigned.as_deref(), wanted.status) {
        (Some("me"), _) => ConversationShelf::Of(who.subject.clone()),
        (Some("none"), None) => ConversationShelf::With(ConversationStatus::Waiting),
        (Some("none") | None, Some(status)) => ConversationShelf::With(status),
        (Some(name), _) => ConversationShelf::Of(agent(name)?),
        (None, None) => ConversationShelf::All,
    })
}

fn fits(conversation: &Conversation, wanted: &ConversationsRequest, who: &Principal) -> bool {
    let is_none = wanted.assigned.as_deref() == Some("none");
    super::may_read(who, conversation)
        && wanted.status.is_none_or(|status| conversation.status == status)
        && wanted.priority.is_none_or(|priority| conversation.priority == priority)
        && wanted.tag.as_ref().is_none_or(|tag| conversation.tags.contains(tag))
        && (!is_none || conversation.agent.is_none())
}
