//! The support chat: who may do what in a conversation, and what comes of it.
//!
//! What is said takes the short way ([`saying`]): one write that asks and numbers, one that stores, and the posts. All
//! else changes the conversation itself ([`desk`]): it is read, decided by the domain, written with its journal row, and
//! told by the relay, which also lets the shop answer by itself ([`hearing`]) and gives agents what waits ([`routing`]).
//! [`files`] are looked at before a message may carry them.

mod agents;
mod answers;
mod desk;
mod figures;
mod files;
mod frames;
mod hearing;
mod hours;
mod lists;
mod log;
mod marks;
mod opening;
mod routing;
mod saying;
mod slots;
mod words;

use std::sync::Arc;

use contract::{
    ErrorCode, JournalEvent,
    frames::{EventFrame, EventHead, LiveEvent},
    http::chat::{ConversationView, ParticipantView},
    journal::ConversationState,
};
use domain::{
    Channel, ConversationId, EventId, Permission, Principal, ShopId,
    chat::{Conversation, ConversationKind},
};

use self::{answers::Learned, saying::Names};
pub use self::{files::ChatFiles, saying::Voice};
pub(crate) use self::{hearing::moves_queue, log::ChatLog, saying::frame_of};
use crate::{
    Clock, Error, Result, Settings,
    delivery::Delivery,
    journal::Author,
    push::{Frame, Outgoing},
    store::{
        Dynamo,
        chat::{Change, ChangeRefused},
    },
};

/// How often a change is tried that others are faster than.
const ATTEMPTS: u32 = 12;

/// The conversations of all shops.
#[derive(Debug, Clone)]
pub struct Chat {
    store: Dynamo,
    clock: Clock,
    settings: Arc<Settings>,
    delivery: Delivery,
    names: Names,
    log: ChatLog,
    learned: Learned,
}

/// What a change of a conversation comes to: how it is to be, and what has happened then.
type Decided = Result<Option<(Conversation, contract::Fact)>>;

impl Chat {
    /// Conversations are kept in `store`; what is said in them goes out by `delivery`.
    pub fn new(store: Dynamo, clock: Clock, settings: Arc<Settings>, delivery: Delivery) -> Self {
        let log = ChatLog::new(store.clone(), clock.clone(), settings.clone());
        Self { store, clock, settings, delivery, names: Names::default(), log, learned: Learned::default() }
    }

    /// A conversation that `who` may read: takes part in, or, as staff, unless it is private.
    async fn readable(&self, who: &Principal, id: &ConversationId) -> Result<Conversation> {
        let conversation = self.store.conversation(&who.shop, id).await?.ok_or(Error::NotFound)?;
        if may_read(who, &conversation) { Ok(conversation) } else { Err(Error::NotFound) }
    }

    /// Changes a conversation as `decide` says; nothing is written where that is nothing.
    ///
    /// # Errors
    /// `NotFound` if there is none; `capacity_full` if it would take a slot of an agent who has none left.
    async fn change(
        &self,
        author: Author,
        id: &ConversationId,
        decide: impl Fn(&Conversation) -> Decided,
    ) -> Result<Conversation> {
        for _ in 0..ATTEMPTS {
            let before = self.store.conversation(&author.shop, id).await?.ok_or(Error::NotFound)?;
            let Some((after, fact)) = decide(&before)? else {
                return Ok(before);
            };
            let event = self.event(&author, &after, fact);
            let change = Change { before: Some(&before), after: &after, event: &event, instead_of: None };
            match self.store.change_conversation(&author.shop, &change, self.clock.now()).await? {
                Ok(()) => return Ok(after),
                Err(ChangeRefused::Stale) => {}
                Err(ChangeRefused::NoRoom) => {
                    return Err(Error::conflict(
                        ErrorCode::CapacityFull,
                        "the agent is not there, or has as many conversations as they can have",
                    ));
                }
            }
        }
        Err(Error::busy())
    }

    fn event(&self, author: &Author, after: &Conversation, fact: contract::Fact) -> JournalEvent {
        author.event(&self.clock, format!("conversation:{}", after.id), after.version, fact)
    }

    /// Sends something to whoever listens to a conversation.
    async fn tell(
        &self,
        shop: &ShopId,
        conversation: &ConversationId,
        frame: impl FnOnce(&Channel) -> EventFrame,
    ) -> Result<()> {
        let channel = Channel::Conversation(conversation.clone());
        let listeners = self.store.listeners(shop, &channel, self.clock.now()).await?;
        if listeners.is_empty() {
            return Ok(());
        }
        let mut outgoing = Outgoing::default();
        outgoing.add(Frame::of(&frame(&channel))?, &listeners);
        self.delivery.deliver(shop, outgoing).await
    }

    /// The same, of what passes: it has no place in the log, and is not sent again.
    async fn mention(&self, shop: &ShopId, conversation: &ConversationId, event: LiveEvent) -> Result<()> {
        self.tell(shop, conversation, |channel| EventFrame {
            head: EventHead {
                id: EventId::from_uuid(self.clock.fresh()),
                channel: channel.to_string(),
                seq: None,
                version: None,
                timestamp: self.clock.now().as_millisecond(),
                cause: None,
            },
            event,
        })
        .await
    }

    /// A conversation as `who` sees it.
    async fn view(&self, who: &Principal, conversation: &Conversation) -> Result<ConversationView> {
        let last_seq = self.store.last_seq(&who.shop, &conversation.id).await?.unwrap_or_default();
        let unread_count = match takes_part(who, conversation) {
            true => Some(self.unread(who, &conversation.id, last_seq).await?.1),
            false => None,
        };
        Ok(ConversationView {
            conversation_id: conversation.id.clone(),
            kind: conversation.kind,
            subject: conversation.subject.clone(),
            status: conversation.status,
            priority: conversation.priority,
            tags: conversation.tags.iter().cloned().collect(),
            customer_id: conversation.owner.clone(),
            agent_id: conversation.agent.clone(),
            participants: participants(conversation),
            metadata: conversation.origin.clone(),
            queued_at: conversation.queued_at,
            created_at: conversation.opened_at,
            assigned_at: conversation.assigned_at,
            resolved_at: conversation.resolved_at,
            satisfaction_rating: conversation.rating.clone(),
            last_seq,
            unread_count,
            version: conversation.version,
        })
    }
}

fn participants(conversation: &Conversation) -> Vec<ParticipantView> {
    let parts = conversation.participants.iter();
    parts.map(|(user_id, part)| ParticipantView { user_id: user_id.clone(), part: *part }).collect()
}

/// Whether `who` takes part, under one of their names.
fn takes_part(who: &Principal, conversation: &Conversation) -> bool {
    conversation.participants.keys().any(|user| who.owns(user))
}

/// Whether `who` may read: whoever takes part, and staff unless it is private.
pub(crate) fn may_read(who: &Principal, conversation: &Conversation) -> bool {
    let is_open_to_staff = conversation.kind != ConversationKind::Private;
    takes_part(who, conversation) || (is_open_to_staff && who.can(Permission::AnswerChats))
}

/// How a conversation stands, for the journal.
pub(crate) fn state(conversation: &Conversation) -> ConversationState {
    ConversationState {
        conversation_id: conversation.id.clone(),
        kind: conversation.kind,
        customer_id: conversation.owner.clone(),
        status: conversation.status,
        priority: conversation.priority,
        tags: conversation.tags.iter().cloned().collect(),
        agent_id: conversation.agent.clone(),
        rating: conversation.rating.as_ref().map(|rating| rating.score),
    }
}
