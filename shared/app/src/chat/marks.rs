//! What passes beside the messages: that they came, that they were read, that somebody is typing.

use contract::{
    frames::{
        LiveEvent,
        chat::{Mark, Typing, UpTo},
    },
    http::chat::{NewRead, ReadView},
};
use domain::{ConversationId, Principal, chat::Message};
use jiff::SignedDuration;

use super::Chat;
use crate::{
    Error, Result,
    store::chat::{Marked, message_id},
};

/// For how long somebody who said so is typing.
const TYPING_LASTS: SignedDuration = SignedDuration::from_secs(5);
/// Unread messages that are counted.
const MOST_COUNTED: u32 = 100;

impl Chat {
    /// Says that messages came to `who`, or were read by them, and tells the others.
    pub async fn mark_up_to(&self, who: &Principal, up_to: &UpTo, which: Marked) -> Result<ReadView> {
        let id = &up_to.conversation_id;
        let conversation = self.readable(who, id).await?;
        let last = self.store.last_seq(&who.shop, id).await?.unwrap_or_default();
        if !super::takes_part(who, &conversation) {
            // Staff that only looks leaves no marks.
            return Err(Error::Forbidden);
        }
        let seq = self.place_of(who, up_to, last).await?.min(last);
        let request = self.clock.fresh().to_string();
        if seq > 0 && self.store.mark(&who.shop, (id, &who.subject), which, seq, &request).await? {
            let mark = Mark {
                conversation_id: id.clone(),
                user_id: who.subject.clone(),
                up_to_seq: seq,
                message_id: message_id(id, seq),
                at: self.clock.now(),
            };
            let event = match which {
                Marked::Delivered => LiveEvent::ChatDelivered(mark),
                Marked::Read => LiveEvent::ChatRead(mark),
            };
            self.mention(&who.shop, id, event).await?;
        }
        let (up_to_seq, unread_count) = self.unread(who, id, last).await?;
        Ok(ReadView { up_to_seq, unread_count })
    }

    /// Says that `who` has read.
    pub async fn read_up_to(&self, who: &Principal, id: &ConversationId, read: NewRead) -> Result<ReadView> {
        let up_to =
            UpTo { conversation_id: id.clone(), up_to_seq: read.up_to_seq, message_id: read.message_id };
        self.mark_up_to(who, &up_to, Marked::Read).await
    }

    /// The place that is meant: said itself, by a message among the newest, or the newest.
    async fn place_of(&self, who: &Principal, up_to: &UpTo, last: u64) -> Result<u64> {
        let Some(wanted) = up_to.message_id.as_ref().filter(|_| up_to.up_to_seq.is_none()) else {
            return Ok(up_to.up_to_seq.unwrap_or(last));
        };
        let id = &up_to.conversation_id;
        let newest = last.saturating_sub(u64::from(MOST_COUNTED))..=last;
        let found = newest.rev().find(|seq| message_id(id, *seq) == *wanted);
        match found {
            Some(seq) => Ok(seq),
            // Older than those: what is read goes no further back than it has been.
            None => Ok(self.store.marks(&who.shop, id, &who.subject).await?.read),
        }
    }

    /// Up to where `who` has read, and how many messages of others there are after it, at most 100.
    pub(super) async fn unread(&self, who: &Principal, id: &ConversationId, last: u64) -> Result<(u64, u64)> {
        let mut read = 0;
        for user in who.linked_guests.iter().chain([&who.subject]) {
            read = read.max(self.store.marks(&who.shop, id, user).await?.read);
        }
        if read >= last {
            return Ok((read, 0));
        }
        let now = self.clock.now();
        let after = self.store.messages_after(&who.shop, id, (read, u64::MAX), MOST_COUNTED, now).await?;
        let is_news = |message: &&Message| message.kind.counts() && !who.owns(&message.sender_id);
        let count = after.iter().filter(is_news).count();
        Ok((read, u64::try_from(count).unwrap_or(u64::MAX)))
    }

    /// Says that `who` is typing. It is not kept, ends by itself, and nobody hears of it who is not there.
    pub async fn typing(&self, who: &Principal, typing: &Typing) -> Result<()> {
        if !self.settings.chat.shows_typing {
            return Ok(());
        }
        let conversation = self.readable(who, &typing.conversation_id).await?;
        if !super::takes_part(who, &conversation) {
            return Err(Error::Forbidden);
        }
        let event = LiveEvent::ChatTyping {
            conversation_id: typing.conversation_id.clone(),
            user_id: who.subject.clone(),
            is_typing: typing.is_typing,
            expires_at: self.clock.after(TYPING_LASTS).as_millisecond(),
        };
        self.mention(&who.shop, &typing.conversation_id, event).await
    }
}
