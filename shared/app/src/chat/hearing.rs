//! What the shop does about what was said and what happened: it answers by itself, wants a person, takes up again what
//! was done. The relay brings every message and every change at least once, so all of it can be done twice.

use contract::{ErrorCode, Fact, JournalEvent};
use domain::{
    ConversationId, ShopId, UserId,
    chat::{
        Conversation, ConversationStatus, Message, MessageKind, SenderType,
        bot::{self, AutoResponse, DeskState, Trigger},
        conversation::EscalationReason,
        message::Content,
    },
    faq::{Decision, Template, asks_for_human},
};
use jiff::SignedDuration;

use super::{Chat, answers::Known, slots::Asked, state};
use crate::{
    Error, Result,
    journal::Author,
    store::chat::{Marked, Speaker},
};

/// So long after an agent's word the shop does not say that nobody is there.
const AFTER_AN_AGENT: SignedDuration = SignedDuration::from_mins(5);
/// So many of the newest messages are looked through for one of an agent's.
const LOOKED_THROUGH: u32 = 20;

impl Chat {
    /// Hears a message.
    pub(crate) async fn hear(&self, shop: &ShopId, message: &Message) -> Result<()> {
        let id = &message.conversation_id;
        let Some(conversation) = self.store.conversation(shop, id).await? else { return Ok(()) };
        self.look_at_words(shop, message).await?;
        if message.sender_type == SenderType::Agent {
            return self.note_answer(shop, &conversation, message).await;
        }
        if message.sender_type != SenderType::Customer {
            return Ok(());
        }
        let conversation = match conversation.status {
            ConversationStatus::Archived => return Ok(()),
            ConversationStatus::Resolved => self.take_up_again(shop, id, message).await?,
            ConversationStatus::Waiting | ConversationStatus::Active => conversation,
        };
        if conversation.has_bot() {
            return self.answer(shop, &conversation, message).await;
        }
        if conversation.is_queued() {
            self.say_that_nobody_is_there(shop, &conversation).await
        } else {
            Ok(())
        }
    }

    /// An agent's first word is when the conversation was answered.
    async fn note_answer(&self, shop: &ShopId, conversation: &Conversation, message: &Message) -> Result<()> {
        if conversation.answer(message.created_at).is_none() {
            return Ok(());
        }
        let author = Author::system(shop, message.message_id.as_str());
        self.change(author, &conversation.id, |conversation| {
            Ok(conversation.answer(message.created_at).map(|next| {
                let fact = Fact::ConversationUpdated(state(&next));
                (next, fact)
            }))
        })
        .await
        .map(drop)
    }

    /// A customer's word takes up again what was done, unless it was said before that.
    async fn take_up_again(
        &self,
        shop: &ShopId,
        id: &ConversationId,
        message: &Message,
    ) -> Result<Conversation> {
        let author = Author::system(shop, message.message_id.as_str());
        self.change(author, id, |conversation| {
            let is_after = conversation.resolved_at.is_some_and(|at| message.created_at >= at);
            if conversation.status != ConversationStatus::Resolved || !is_after {
                return Ok(None);
            }
            Ok(conversation.reopen(None)?.map(|next| {
                let fact = Fact::ConversationUpdated(state(&next));
                (next, fact)
            }))
        })
        .await
    }

    /// The shop's own answer; without one, a person is wanted.
    async fn answer(&self, shop: &ShopId, conversation: &Conversation, message: &Message) -> Result<()> {
        let text = message.content.text.as_deref().unwrap_or_default();
        let known = self.known(shop).await?;
        let asked = Asked::of(shop, conversation, message, text);
        if asks_for_human(text) {
            return self.want_person(&asked, EscalationReason::Asked).await;
        }
        if let Some(response) = bot::by_keyword(&known.responses, text, asked.language)
            && let Some(said) = self.filled(&asked, &known, &response.text).await?
        {
            return self.say_response(&asked, response, &asked.name(), said).await;
        }
        let found = known.matcher.answer(text);
        match &found.decision {
            Decision::Human => self.want_person(&asked, EscalationReason::Asked).await,
            Decision::Answer(id) => {
                let Some(faq) = known.faqs.get(id) else { return Ok(()) };
                let Some(said) = self.filled(&asked, &known, &faq.answer).await? else {
                    // Nothing is known of what they ask for: a person may know.
                    return self.want_person(&asked, EscalationReason::LowConfidence).await;
                };
                let confidence = found.candidates.first().map_or(0, |best| best.confidence.percent());
                let more = [("faq_id", id.to_string()), ("confidence", confidence.to_string())];
                self.reply(&asked, MessageKind::Faq, &asked.name(), said, &more).await
            }
            Decision::Suggest(ids) if ids.is_empty() => {
                self.want_person(&asked, EscalationReason::NoMatch).await
            }
            Decision::Suggest(ids) => {
                let questions = ids.iter().filter_map(|id| known.faqs.get(id));
                let numbered = (1..).zip(questions).map(|(number, faq)| (format!("reply_{number}"), faq));
                let replies: Vec<_> = numbered.map(|(name, faq)| (name, faq.question.clone())).collect();
                let replies: Vec<_> =
                    replies.iter().map(|(name, text)| (name.as_str(), text.clone())).collect();
                let begins = bot::did_you_mean(asked.language).to_owned();
                self.reply(&asked, MessageKind::QuickReply, &asked.name(), begins, &replies).await?;
                self.want_person(&asked, EscalationReason::LowConfidence).await
            }
        }
    }

    /// What is to be said, with what it takes from the shop's own state; nothing, if that is not known.
    async fn filled(&self, asked: &Asked<'_>, known: &Known, text: &str) -> Result<Option<String>> {
        let template: Template = text.parse().map_err(|error| {
            Error::internal(format!("an answer of {} cannot be read: {error}", asked.shop))
        })?;
        let values = self.slot_values(asked, known, &template).await?;
        Ok(template.render(|slot| values.get(slot).cloned()).ok())
    }

    async fn say_response(
        &self,
        asked: &Asked<'_>,
        response: &AutoResponse,
        name: &str,
        said: String,
    ) -> Result<()> {
        let more = [("trigger", response.trigger.name().to_owned())];
        self.say_as(asked, response.trigger, (MessageKind::Auto, name), said, &more).await
    }

    async fn reply(
        &self,
        asked: &Asked<'_>,
        kind: MessageKind,
        name: &str,
        said: String,
        more: &[(&str, String)],
    ) -> Result<()> {
        self.say_as(asked, Trigger::Keyword, (kind, name), said, more).await
    }

    /// Says something under a name, as long as the shop may: what tells somebody who waits that nobody is there is said
    /// also when a person is wanted, all else only while none is.
    async fn say_as(
        &self,
        asked: &Asked<'_>,
        trigger: Trigger,
        (kind, name): (MessageKind, &str),
        said: String,
        more: &[(&str, String)],
    ) -> Result<()> {
        let speaker = match trigger {
            Trigger::Offline | Trigger::Busy => Speaker::Shop,
            Trigger::Welcome | Trigger::Keyword => Speaker::Bot,
        };
        let metadata = more.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
        let content = Content { text: Some(said), attachments: vec![], metadata };
        let id = &asked.conversation.id;
        match self.say_by_itself(asked.shop, id, (speaker, name), kind, content).await {
            // A person was faster, or it is over: the shop is silent.
            Ok(_)
            | Err(Error::Conflict {
                code: ErrorCode::InvalidTransition | ErrorCode::ConversationClosed,
                ..
            }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    async fn want_person(&self, asked: &Asked<'_>, reason: EscalationReason) -> Result<()> {
        let now = self.clock.now();
        let author = Author::system(asked.shop, asked.cause);
        self.change(author, &asked.conversation.id, |conversation| {
            if !conversation.has_bot() {
                return Ok(None);
            }
            Ok(conversation.escalate(now)?.map(|next| {
                let fact = Fact::ConversationEscalated { state: state(&next), reason };
                (next, fact)
            }))
        })
        .await
        .map(drop)
    }

    /// Does what follows from what happened to a conversation, but for the routing.
    pub(crate) async fn follow(&self, event: &JournalEvent) -> Result<()> {
        match &event.fact {
            Fact::UserLinked { user_id, guest_id } => self.pass_on(&event.shop_id, guest_id, user_id).await,
            Fact::ConversationCreated(state) => self.welcome(&event.shop_id, &state.conversation_id).await,
            Fact::ConversationEscalated { state, .. } => {
                let found = self.store.conversation(&event.shop_id, &state.conversation_id).await?;
                match found.filter(Conversation::is_queued) {
                    Some(conversation) => self.say_that_nobody_is_there(&event.shop_id, &conversation).await,
                    None => Ok(()),
                }
            }
            _ => Ok(()),
        }
    }

    async fn welcome(&self, shop: &ShopId, id: &ConversationId) -> Result<()> {
        let Some(conversation) = self.store.conversation(shop, id).await? else { return Ok(()) };
        if !conversation.has_bot() {
            return Ok(());
        }
        self.respond(&Asked::at_first(shop, &conversation), Trigger::Welcome, "welcome").await
    }

    /// Says a response of the shop's, if it has one.
    async fn respond(&self, asked: &Asked<'_>, trigger: Trigger, name: &str) -> Result<()> {
        let known = self.known(asked.shop).await?;
        let Some(response) = bot::choose(&known.responses, trigger, asked.language) else { return Ok(()) };
        match self.filled(asked, &known, &response.text).await? {
            Some(said) => self.say_response(asked, response, name, said).await,
            None => Ok(()),
        }
    }

    /// Tells whoever waits that nobody is there, at most once a day and not right after an agent's word; or that all are
    /// busy, once for each time of waiting.
    async fn say_that_nobody_is_there(&self, shop: &ShopId, conversation: &Conversation) -> Result<()> {
        let asked = Asked::at_first(shop, conversation);
        let now = self.clock.now();
        match self.availability_of(shop).await?.state {
            DeskState::Online => Ok(()),
            DeskState::NoSeatsAvailable => {
                let since = conversation.queued_at.unwrap_or(now).as_millisecond();
                self.respond(&asked, Trigger::Busy, &format!("busy-{since}")).await
            }
            DeskState::Offline | DeskState::Disabled => {
                let newest =
                    self.store.messages_before(shop, &conversation.id, u64::MAX, LOOKED_THROUGH, now).await?;
                let is_recent = |message: &Message| now.duration_since(message.created_at) < AFTER_AN_AGENT;
                if newest.iter().any(|one| one.sender_type == SenderType::Agent && is_recent(one)) {
                    return Ok(());
                }
                let today = self.settings.today(now);
                // A mark that never goes back remembers the last day: 20260105.
                let number = today.strftime("%Y%m%d").to_string().parse().unwrap_or_default();
                let mark = (&conversation.id, &UserId::from_name("nobody-there"));
                if self.store.marks(shop, mark.0, mark.1).await?.delivered >= number {
                    return Ok(());
                }
                self.respond(&asked, Trigger::Offline, &format!("offline-{today}")).await?;
                let request = self.clock.fresh().to_string();
                self.store.mark(shop, mark, Marked::Delivered, number, &request).await.map(drop)
            }
        }
    }
}

/// Whether the queue, or who has room, may be another after it.
pub(crate) fn moves_queue(event: &JournalEvent) -> bool {
    event.fact.conversation().is_some()
        && !matches!(
            event.fact,
            Fact::ConversationCreated(_) | Fact::ConversationJoined { .. } | Fact::ConversationLeft { .. }
        )
}
