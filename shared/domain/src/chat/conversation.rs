//! A conversation: from its opening over waiting and being answered to its end, and who takes part in it.
//!
//! Every change takes the conversation as it is and returns it as it will be, one version on. What an agent's
//! [slots](super::agent) have to do with it is said by [`Conversation::slot`]: whoever is named there has one taken.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{ConversationId, InvalidTransition, Line, Paragraph, UserId};

/// The most tags of a conversation.
pub const MAX_TAGS: usize = 20;

/// What a conversation is for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ConversationKind {
    /// A shopper asks the shop. The bot answers first, then an agent.
    #[default]
    Support,
    /// Several people talk; neither bot nor queue has a part in it.
    General,
    /// Staff among themselves.
    Private,
}

/// Where a conversation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ConversationStatus {
    /// No agent has it.
    Waiting,
    /// An agent has it, or, of one that is not support, people talk.
    Active,
    /// It is done; a customer's message takes it up again.
    Resolved,
    /// It is over.
    Archived,
}

impl ConversationStatus {
    /// Its name, as it is written.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Active => "active",
            Self::Resolved => "resolved",
            Self::Archived => "archived",
        }
    }

    /// Whether somebody still works on it.
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Waiting | Self::Active)
    }
}

/// How urgent it is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Priority {
    /// When there is time.
    Low,
    /// As usual.
    #[default]
    Medium,
    /// Before others.
    High,
    /// At once.
    Urgent,
}

/// As what somebody takes part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// Whoever asks.
    Customer,
    /// Whoever answers.
    Agent,
}

/// Why the bot stopped and a person is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum EscalationReason {
    /// Nothing that the shop has answers for was like it.
    NoMatch,
    /// Somebody asked for a person.
    Asked,
    /// Something was like it, but not enough.
    LowConfidence,
}

/// Where a conversation was opened.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Origin {
    /// Which part of the shop: `widget`, `app`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<Line>,
    /// The page that it was opened on.
    #[serde(default, alias = "initialUrl", skip_serializing_if = "Option::is_none")]
    pub initial_url: Option<Line>,
    /// In which language answers are wanted, as BCP 47 has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<Line>,
    /// The browser.
    #[serde(default, alias = "userAgent", skip_serializing_if = "Option::is_none")]
    pub user_agent: Option<Line>,
}

/// What the customer thought of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Rating {
    /// 1 to 5.
    pub score: u8,
    /// In words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<Paragraph>,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
}

/// A conversation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Conversation {
    /// Its name.
    pub id: ConversationId,
    /// What it is for.
    pub kind: ConversationKind,
    /// What it is about.
    pub subject: Option<Line>,
    /// How urgent it is.
    pub priority: Priority,
    /// How staff sorts it.
    pub tags: BTreeSet<Line>,
    /// Where it was opened.
    pub origin: Origin,
    /// Who opened it.
    pub owner: UserId,
    /// Where it is.
    pub status: ConversationStatus,
    /// Who has it.
    pub agent: Option<UserId>,
    /// Who takes part, and as what.
    pub participants: BTreeMap<UserId, Part>,
    /// Since when a person is wanted; nothing while the bot answers.
    pub queued_at: Option<Timestamp>,
    /// What whoever answers should know.
    pub skill: Option<Line>,
    /// Whether a person has answered since it was opened or taken up again: the bot is silent from then on.
    pub has_human: bool,
    /// When it was opened.
    pub opened_at: Timestamp,
    /// When a person was first wanted.
    #[serde(default)]
    pub wanted_at: Option<Timestamp>,
    /// When an agent first had it.
    pub assigned_at: Option<Timestamp>,
    /// When an agent first said something in it.
    #[serde(default)]
    pub answered_at: Option<Timestamp>,
    /// When it was done.
    pub resolved_at: Option<Timestamp>,
    /// What the customer thought of it.
    pub rating: Option<Rating>,
    /// How many changes there were.
    pub version: u64,
}

/// There is no room for another participant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected at most {most} participants")]
pub struct TooManyParticipants {
    /// How many there may be.
    pub most: usize,
}

impl Conversation {
    /// Whether the bot may answer in it.
    pub fn has_bot(&self) -> bool {
        self.kind == ConversationKind::Support
            && self.status == ConversationStatus::Waiting
            && self.queued_at.is_none()
            && !self.has_human
    }

    /// Whether it waits for an agent.
    pub fn is_queued(&self) -> bool {
        self.status == ConversationStatus::Waiting && self.queued_at.is_some()
    }

    /// Whose slot it takes.
    pub fn slot(&self) -> Option<&UserId> {
        self.agent.as_ref().filter(|_| self.status == ConversationStatus::Active)
    }

    /// Whether `user` takes part.
    pub fn has(&self, user: &UserId) -> bool {
        self.participants.contains_key(user)
    }

    /// A person is wanted. One that is queued or answered already stays as it is.
    pub fn escalate(&self, now: Timestamp) -> Result<Option<Self>, InvalidTransition> {
        if self.kind != ConversationKind::Support || !self.status.is_open() {
            return Err(InvalidTransition);
        }
        Ok(match self.has_bot() {
            true => Some(self.next(|next| {
                next.queued_at = Some(now);
                next.wanted_at.get_or_insert(now);
            })),
            false => None,
        })
    }

    /// `agent` takes it, and whoever had it takes no part any more, unless it is their own; one that they have already
    /// stays as it is.
    pub fn claim(&self, agent: &UserId, now: Timestamp) -> Result<Option<Self>, InvalidTransition> {
        if self.kind != ConversationKind::Support || !self.status.is_open() {
            return Err(InvalidTransition);
        }
        if self.slot() == Some(agent) {
            return Ok(None);
        }
        Ok(Some(self.next(|next| {
            next.status = ConversationStatus::Active;
            let former = next.agent.replace(agent.clone());
            if let Some(former) = former.filter(|former| *former != next.owner) {
                next.participants.remove(&former);
            }
            next.participants.insert(agent.clone(), Part::Agent);
            next.queued_at = None;
            next.has_human = true;
            next.wanted_at.get_or_insert(now);
            next.assigned_at.get_or_insert(now);
        })))
    }

    /// An agent has said something. That is news once.
    pub fn answer(&self, at: Timestamp) -> Option<Self> {
        let is_first = self.kind == ConversationKind::Support && self.answered_at.is_none();
        is_first.then(|| self.next(|next| next.answered_at = Some(at)))
    }

    /// Back into the queue, for whoever has `skill`, before those that came after an agent first had it: it has waited
    /// its time.
    pub fn hand_back(&self, skill: Option<Line>, now: Timestamp) -> Result<Self, InvalidTransition> {
        if self.status != ConversationStatus::Active || self.kind != ConversationKind::Support {
            return Err(InvalidTransition);
        }
        Ok(self.next(|next| {
            next.status = ConversationStatus::Waiting;
            if let Some(agent) = next.agent.take() {
                next.participants.remove(&agent);
            }
            next.queued_at = Some(next.assigned_at.unwrap_or(now));
            next.skill = skill;
        }))
    }

    /// It is done. One that is done already stays as it is.
    pub fn resolve(&self, now: Timestamp) -> Result<Option<Self>, InvalidTransition> {
        match self.status {
            ConversationStatus::Archived => Err(InvalidTransition),
            ConversationStatus::Resolved => Ok(None),
            ConversationStatus::Waiting | ConversationStatus::Active => Ok(Some(self.next(|next| {
                next.status = ConversationStatus::Resolved;
                next.resolved_at = Some(now);
                next.queued_at = None;
            }))),
        }
    }

    /// It is taken up again: by an agent into the queue, by the customer to whoever answers first.
    pub fn reopen(&self, into_queue: Option<Timestamp>) -> Result<Option<Self>, InvalidTransition> {
        match self.status {
            ConversationStatus::Archived => Err(InvalidTransition),
            ConversationStatus::Waiting | ConversationStatus::Active => Ok(None),
            ConversationStatus::Resolved => Ok(Some(self.next(|next| {
                let is_support = next.kind == ConversationKind::Support;
                next.status =
                    if is_support { ConversationStatus::Waiting } else { ConversationStatus::Active };
                if let Some(agent) = next.agent.take() {
                    next.participants.remove(&agent);
                }
                next.queued_at = into_queue.filter(|_| is_support);
                next.has_human = false;
                next.resolved_at = None;
            }))),
        }
    }

    /// It is over.
    pub fn archive(&self) -> Option<Self> {
        (self.status != ConversationStatus::Archived).then(|| {
            self.next(|next| {
                next.status = ConversationStatus::Archived;
                next.queued_at = None;
            })
        })
    }

    /// Somebody joins; whoever is there already stays as they are.
    pub fn join(&self, user: &UserId, part: Part, most: usize) -> Result<Option<Self>, TooManyParticipants> {
        if self.has(user) {
            return Ok(None);
        }
        if self.participants.len() >= most {
            return Err(TooManyParticipants { most });
        }
        Ok(Some(self.next(|next| {
            next.participants.insert(user.clone(), part);
        })))
    }

    /// Somebody leaves. Whoever opened it, and the agent who has it, cannot: it is theirs until it ends or is handed on.
    pub fn leave(&self, user: &UserId) -> Result<Option<Self>, InvalidTransition> {
        if *user == self.owner || self.slot() == Some(user) {
            return Err(InvalidTransition);
        }
        Ok(self.has(user).then(|| {
            self.next(|next| {
                next.participants.remove(user);
            })
        }))
    }

    /// What was a guest's is their customer's.
    pub fn pass_on(&self, guest: &UserId, customer: &UserId) -> Option<Self> {
        let part = *self.participants.get(guest)?;
        Some(self.next(|next| {
            next.participants.remove(guest);
            next.participants.insert(customer.clone(), part);
            if next.owner == *guest {
                next.owner = customer.clone();
            }
        }))
    }

    /// The customer says what they thought of it; they may think again.
    pub fn rate(&self, rating: Rating) -> Result<Self, InvalidTransition> {
        if self.kind != ConversationKind::Support || !(1..=5).contains(&rating.score) {
            return Err(InvalidTransition);
        }
        Ok(self.next(|next| next.rating = Some(rating)))
    }

    /// One version on.
    #[must_use]
    pub fn next(&self, change: impl FnOnce(&mut Self)) -> Self {
        let mut next = self.clone();
        change(&mut next);
        next.version = self.version + 1;
        next
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn user(name: &str) -> UserId {
        UserId::new(name).unwrap()
    }

    pub(crate) fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    pub(crate) fn opened(second: i64) -> Conversation {
        Conversation {
            id: ConversationId::new(format!("cnv_{second}")).unwrap(),
            kind: ConversationKind::Support,
            subject: None,
            priority: Priority::Medium,
            tags: BTreeSet::new(),
            origin: Origin::default(),
            owner: user("gst_1"),
            status: ConversationStatus::Waiting,
            agent: None,
            participants: BTreeMap::from([(user("gst_1"), Part::Customer)]),
            queued_at: None,
            skill: None,
            has_human: false,
            opened_at: at(second),
            wanted_at: None,
            assigned_at: None,
            answered_at: None,
            resolved_at: None,
            rating: None,
            version: 1,
        }
    }

    #[test]
    fn the_bot_answers_until_a_person_is_wanted_and_never_over_one() {
        let new = opened(0);
        assert!(new.has_bot());
        let queued = new.escalate(at(5)).unwrap().unwrap();
        assert!(!queued.has_bot() && queued.is_queued());
        assert_eq!(queued.escalate(at(6)), Ok(None));
        let claimed = queued.claim(&user("ana"), at(7)).unwrap().unwrap();
        assert!(!claimed.has_bot() && !claimed.is_queued());
        let back = claimed.hand_back(None, at(8)).unwrap();
        assert!(!back.has_bot() && back.is_queued());
    }

    #[test]
    fn a_slot_is_taken_only_while_an_agent_answers() {
        let claimed = opened(0).claim(&user("ana"), at(1)).unwrap().unwrap();
        assert_eq!(claimed.slot(), Some(&user("ana")));
        assert_eq!(claimed.resolve(at(2)).unwrap().unwrap().slot(), None);
        assert_eq!(claimed.archive().unwrap().slot(), None);
        assert_eq!(claimed.hand_back(None, at(2)).unwrap().slot(), None);
        assert_eq!(claimed.claim(&user("ben"), at(2)).unwrap().unwrap().slot(), Some(&user("ben")));
    }

    #[test]
    fn a_customers_word_takes_a_resolved_one_up_again_and_an_archived_one_stays() {
        let resolved = opened(0).resolve(at(1)).unwrap().unwrap();
        let again = resolved.reopen(None).unwrap().unwrap();
        assert!(again.has_bot());
        let archived = resolved.archive().unwrap();
        assert_eq!(archived.reopen(None), Err(InvalidTransition));
        assert_eq!(archived.claim(&user("ana"), at(2)), Err(InvalidTransition));
        assert_eq!(archived.archive(), None);
    }

    #[test]
    fn there_is_an_end_to_participants_and_the_owner_stays() {
        let one = opened(0);
        let two = one.join(&user("ana"), Part::Agent, 2).unwrap().unwrap();
        assert_eq!(two.join(&user("ana"), Part::Agent, 2), Ok(None));
        assert_eq!(two.join(&user("ben"), Part::Agent, 2), Err(TooManyParticipants { most: 2 }));
        assert_eq!(two.leave(&user("gst_1")), Err(InvalidTransition));
        assert!(!two.leave(&user("ana")).unwrap().unwrap().has(&user("ana")));
    }

    #[test]
    fn what_was_a_guests_is_the_customers() {
        let passed = opened(0).pass_on(&user("gst_1"), &user("carl")).unwrap();
        assert_eq!(passed.owner, user("carl"));
        assert!(passed.has(&user("carl")) && !passed.has(&user("gst_1")));
        assert_eq!(passed.pass_on(&user("gst_1"), &user("carl")), None);
    }
}
