//! What happens to a conversation besides what is said in it: who has it, when it is done, how it is sorted, what the
//! customer thought of it.

use contract::{
    ErrorCode, Fact,
    http::chat::{ConversationChanges, ConversationView, NewAssignment, NewRating, NewTransfer},
};
use domain::{
    ConversationId, Line, Permission, Principal, ShopId, UserId,
    chat::{
        Conversation,
        conversation::{EscalationReason, MAX_TAGS, Part, Rating},
    },
};

use super::{Chat, may_read, state, takes_part};
use crate::{Error, Result, journal::Author};

/// A change and what has happened by it.
fn updated(next: Option<Conversation>) -> Option<(Conversation, Fact)> {
    next.map(|next| {
        let fact = Fact::ConversationUpdated(state(&next));
        (next, fact)
    })
}

impl Chat {
    /// The bot is to be silent: a person is wanted.
    pub async fn escalate(&self, who: &Principal, id: &ConversationId) -> Result<ConversationView> {
        let now = self.clock.now();
        let escalated = self.change(Author::of(who), id, |conversation| {
            participant(who, conversation)?;
            let next = conversation.escalate(now)?;
            Ok(next.map(|next| {
                let fact =
                    Fact::ConversationEscalated { state: state(&next), reason: EscalationReason::Asked };
                (next, fact)
            }))
        });
        self.view(who, &escalated.await?).await
    }

    /// Gives a conversation to an agent: to whoever asks, to somebody else, or to whoever is next in turn.
    pub async fn assign(
        &self,
        who: &Principal,
        id: &ConversationId,
        new: NewAssignment,
    ) -> Result<ConversationView> {
        who.may(Permission::AnswerChats)?;
        let agent = match new.agent_id {
            Some(agent) => agent,
            None => {
                let conversation = self.readable(who, id).await?;
                match conversation.slot() {
                    Some(agent) => agent.clone(),
                    None => self.next_agent(&who.shop, &conversation).await?,
                }
            }
        };
        let claimed = self.claim(Author::of(who), id, &agent, |conversation| readable(who, conversation));
        self.view(who, &claimed.await?).await
    }

    /// Whoever asks takes a conversation.
    pub async fn accept(&self, who: &Principal, id: &ConversationId) -> Result<ConversationView> {
        self.assign(who, id, NewAssignment { agent_id: Some(who.subject.clone()) }).await
    }

    /// `agent` has a conversation from now on, if they have room.
    pub(super) async fn claim(
        &self,
        author: Author,
        id: &ConversationId,
        agent: &UserId,
        check: impl Fn(&Conversation) -> Result<()>,
    ) -> Result<Conversation> {
        let now = self.clock.now();
        let agent_name = self.agent_name(&author.shop, agent).await?.and_then(|name| Line::new(name).ok());
        self.change(author, id, |conversation| {
            check(conversation)?;
            Ok(conversation.claim(agent, now)?.map(|next| {
                let (state, agent_name) = (state(&next), agent_name.clone());
                let fact = match conversation.slot() {
                    Some(from) => Fact::AgentTransferred {
                        state,
                        from_agent: Some(from.clone()),
                        to_agent: Some(agent.clone()),
                        reason: None,
                    },
                    None => Fact::AgentAssigned { state, agent_name },
                };
                (next, fact)
            }))
        })
        .await
    }

    /// Hands a conversation on: to an agent, or back into the queue for whoever knows something.
    pub async fn transfer(
        &self,
        who: &Principal,
        id: &ConversationId,
        new: NewTransfer,
    ) -> Result<ConversationView> {
        who.may(Permission::AnswerChats)?;
        let now = self.clock.now();
        if new.to_agent.is_some() && new.skill.is_some() {
            return Err(Error::field("skill", "invalid", "expected only one of to_agent and skill"));
        }
        let handed_on = self.change(Author::of(who), id, |conversation| {
            readable(who, conversation)?;
            let next = match &new.to_agent {
                Some(agent) => conversation.claim(agent, now)?,
                None => Some(conversation.hand_back(new.skill.clone(), now)?),
            };
            Ok(next.map(|next| {
                let fact = Fact::AgentTransferred {
                    state: state(&next),
                    from_agent: conversation.slot().cloned(),
                    to_agent: next.slot().cloned(),
                    reason: new.reason.clone(),
                };
                (next, fact)
            }))
        });
        self.view(who, &handed_on.await?).await
    }

    /// A conversation of an agent who has gone goes back into the queue.
    pub(super) async fn hand_back(&self, shop: &ShopId, id: &ConversationId, agent: &UserId) -> Result<()> {
        let now = self.clock.now();
        let author = Author::system(shop, agent.as_str());
        self.change(author, id, |conversation| {
            if conversation.slot() != Some(agent) {
                return Ok(None);
            }
            let next = conversation.hand_back(None, now)?;
            let fact = Fact::AgentTransferred {
                state: state(&next),
                from_agent: Some(agent.clone()),
                to_agent: None,
                reason: None,
            };
            Ok(Some((next, fact)))
        })
        .await
        .map(drop)
    }

    /// A conversation is done.
    pub async fn resolve(&self, who: &Principal, id: &ConversationId) -> Result<ConversationView> {
        let now = self.clock.now();
        let resolved = self.change(Author::of(who), id, |conversation| {
            participant(who, conversation).or_else(|_| agent(who, conversation))?;
            Ok(updated(conversation.resolve(now)?))
        });
        self.view(who, &resolved.await?).await
    }

    /// A conversation is taken up again.
    pub async fn reopen(&self, who: &Principal, id: &ConversationId) -> Result<ConversationView> {
        who.may(Permission::AnswerChats)?;
        let now = self.clock.now();
        let reopened = self.change(Author::of(who), id, |conversation| {
            readable(who, conversation)?;
            Ok(updated(conversation.reopen(Some(now))?))
        });
        self.view(who, &reopened.await?).await
    }

    /// A conversation is over.
    pub async fn archive(&self, who: &Principal, id: &ConversationId) -> Result<ConversationView> {
        who.may(Permission::AnswerChats)?;
        let archived = self.change(Author::of(who), id, |conversation| {
            readable(who, conversation)?;
            Ok(conversation.archive().map(|next| {
                let fact = Fact::ConversationArchived(state(&next));
                (next, fact)
            }))
        });
        self.view(who, &archived.await?).await
    }

    /// Whoever opened it says what they thought of it.
    pub async fn rate(
        &self,
        who: &Principal,
        id: &ConversationId,
        new: NewRating,
    ) -> Result<ConversationView> {
        if !(1..=5).contains(&new.rating) {
            return Err(Error::field("rating", "out_of_range", "expected 1 to 5"));
        }
        let now = self.clock.now();
        let rated = self.change(Author::of(who), id, |conversation| {
            if !who.owns(&conversation.owner) {
                return Err(Error::NotFound);
            }
            let rating = Rating { score: new.rating, text: new.text.clone(), at: now };
            Ok(updated(Some(conversation.rate(rating)?)))
        });
        self.view(who, &rated.await?).await
    }

    /// Staff sorts a conversation.
    pub async fn sort(
        &self,
        who: &Principal,
        id: &ConversationId,
        seen: Option<u64>,
        changes: ConversationChanges,
    ) -> Result<ConversationView> {
        who.may(Permission::AnswerChats)?;
        if changes.tags.as_ref().is_some_and(|tags| tags.len() > MAX_TAGS) {
            return Err(Error::field("tags", "too_many", format!("expected at most {MAX_TAGS}")));
        }
        let sorted = self.change(Author::of(who), id, |conversation| {
            readable(who, conversation)?;
            if seen.is_some_and(|seen| seen != conversation.version) {
                return Err(Error::conflict(ErrorCode::VersionConflict, "it has changed since that version"));
            }
            let next = conversation.next(|next| {
                next.priority = changes.priority.unwrap_or(next.priority);
                next.subject = changes.subject.clone().or_else(|| next.subject.take());
                if let Some(tags) = &changes.tags {
                    next.tags = tags.iter().cloned().collect();
                }
            });
            Ok(updated(Some(next)))
        });
        self.view(who, &sorted.await?).await
    }

    /// Somebody takes part from now on.
    pub async fn join(
        &self,
        who: &Principal,
        id: &ConversationId,
        user: &UserId,
    ) -> Result<ConversationView> {
        who.may(Permission::AnswerChats)?;
        let most = self.settings.chat.max_participants;
        let is_agent = *user == who.subject || self.store.agent(&who.shop, user).await?.is_some();
        let part = if is_agent { Part::Agent } else { Part::Customer };
        let joined = self.change(Author::of(who), id, |conversation| {
            readable(who, conversation)?;
            let next = conversation
                .join(user, part, most)
                .map_err(|error| Error::conflict(ErrorCode::TooManyParticipants, error.to_string()))?;
            Ok(next.map(|next| {
                let fact = Fact::ConversationJoined { state: state(&next), user_id: user.clone() };
                (next, fact)
            }))
        });
        self.view(who, &joined.await?).await
    }

    /// Somebody no longer takes part: whoever asks, or, if staff asks, anybody. They hear nothing more of it.
    pub async fn leave(&self, who: &Principal, id: &ConversationId, user: &UserId) -> Result<()> {
        let left = self.change(Author::of(who), id, |conversation| {
            let is_self = who.owns(user);
            let may = if is_self { participant(who, conversation) } else { agent(who, conversation) };
            may?;
            Ok(conversation.leave(user)?.map(|next| {
                let fact = Fact::ConversationLeft { state: state(&next), user_id: user.clone() };
                (next, fact)
            }))
        });
        left.await?;
        self.stop_listening(&who.shop, id, user).await
    }

    async fn stop_listening(&self, shop: &ShopId, id: &ConversationId, user: &UserId) -> Result<()> {
        let channel = domain::Channel::Conversation(id.clone());
        for listener in self.store.listeners(shop, &channel, self.clock.now()).await? {
            if listener.user_id == *user {
                self.store.delete_subscription(shop, &listener.connection_id, &channel).await?;
            }
        }
        Ok(())
    }

    /// What was a guest's is their customer's: every conversation that the guest takes part in.
    pub(crate) async fn pass_on(&self, shop: &ShopId, guest: &UserId, customer: &UserId) -> Result<()> {
        let author = Author::system(shop, guest.as_str());
        loop {
            let (some, _) = self.store.conversations_of(shop, guest, 50, None).await?;
            if some.is_empty() {
                return Ok(());
            }
            for id in some {
                self.change(author.clone(), &id, |conversation| {
                    Ok(updated(conversation.pass_on(guest, customer)))
                })
                .await?;
            }
        }
    }
}

fn participant(who: &Principal, conversation: &Conversation) -> Result<()> {
    if takes_part(who, conversation) { Ok(()) } else { Err(Error::NotFound) }
}

fn agent(who: &Principal, conversation: &Conversation) -> Result<()> {
    who.may(Permission::AnswerChats).map_err(|_| Error::NotFound)?;
    readable(who, conversation)
}

fn readable(who: &Principal, conversation: &Conversation) -> Result<()> {
    if may_read(who, conversation) { Ok(()) } else { Err(Error::NotFound) }
}
