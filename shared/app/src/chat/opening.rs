//! Opening a conversation. A guest or customer has one open support conversation, and gets that one again.

use std::collections::BTreeMap;

use contract::{
    ErrorCode, Fact,
    http::chat::{ConversationView, NewConversation},
};
use domain::{
    ConversationId, Permission, Principal, UserId,
    chat::{
        Conversation, ConversationKind, ConversationStatus, Priority,
        conversation::{MAX_TAGS, Part},
    },
};
use uuid::Uuid;

use super::{Chat, state};
use crate::{Error, Result, journal::Author, store::chat::Change};

impl Chat {
    /// Opens a conversation under a name, or finds the one that is open; says whether it is new.
    pub async fn open(
        &self,
        who: &Principal,
        name: Uuid,
        new: NewConversation,
    ) -> Result<(ConversationView, bool)> {
        who.may(Permission::Chat)?;
        let opened = self.opened(who, name, new)?;
        for _ in 0..super::ATTEMPTS {
            if let Some(found) = self.store.conversation(&who.shop, &opened.0.id).await? {
                return Ok((self.view(who, &found).await?, false));
            }
            let newest = match opened.0.kind {
                ConversationKind::Support => self.newest_support(who).await?,
                ConversationKind::General | ConversationKind::Private => None,
            };
            if let Some(open) = newest.as_ref().filter(|newest| newest.status.is_open() && !opened.1) {
                return Ok((self.view(who, open).await?, false));
            }
            // The pointer that is replaced is the caller's own; one that was a guest's of theirs stays.
            let instead_of = self.store.support_conversation(&who.shop, &who.subject).await?;
            let event = self.event(&Author::of(who), &opened.0, Fact::ConversationCreated(state(&opened.0)));
            let change =
                Change { before: None, after: &opened.0, event: &event, instead_of: instead_of.as_ref() };
            let written = self.store.change_conversation(&who.shop, &change, self.clock.now()).await?;
            if written.is_ok() {
                return Ok((self.view(who, &opened.0).await?, true));
            }
        }
        Err(Error::busy())
    }

    /// The newest support conversation of `who`, also of the guests they were.
    async fn newest_support(&self, who: &Principal) -> Result<Option<Conversation>> {
        let mut found = vec![];
        for user in who.linked_guests.iter().chain([&who.subject]) {
            found.extend(self.store.support_conversation(&who.shop, user).await?);
        }
        let found = self.store.conversations(&who.shop, &found).await?;
        Ok(found.into_iter().max_by_key(|one| (one.status.is_open(), one.opened_at)))
    }

    /// What is to be opened, and whether though another one is open.
    fn opened(&self, who: &Principal, name: Uuid, new: NewConversation) -> Result<(Conversation, bool)> {
        let is_staff = who.can(Permission::AnswerChats);
        let is_reserved = new.kind == ConversationKind::Private
            || !new.participants.is_empty()
            || new.priority > Priority::Medium;
        if is_reserved && !is_staff {
            return Err(Error::Forbidden);
        }
        if new.tags.len() > MAX_TAGS {
            return Err(Error::field("tags", "too_many", format!("expected at most {MAX_TAGS}")));
        }
        let own_part = if is_staff { Part::Agent } else { Part::Customer };
        let mut participants: BTreeMap<UserId, Part> = BTreeMap::from([(who.subject.clone(), own_part)]);
        for user in new.participants {
            let part = if new.kind == ConversationKind::Private { Part::Agent } else { Part::Customer };
            participants.entry(user).or_insert(part);
        }
        let most = self.settings.chat.max_participants;
        if participants.len() > most {
            return Err(Error::invalid(
                ErrorCode::TooManyParticipants,
                format!("expected at most {most} participants"),
            ));
        }
        let now = self.clock.now();
        let is_support = new.kind == ConversationKind::Support;
        let conversation = Conversation {
            id: ConversationId::from_uuid(name),
            kind: new.kind,
            subject: new.subject,
            priority: new.priority,
            tags: new.tags.into_iter().collect(),
            origin: new.metadata,
            owner: who.subject.clone(),
            status: if is_support { ConversationStatus::Waiting } else { ConversationStatus::Active },
            agent: None,
            participants,
            queued_at: None,
            skill: None,
            has_human: false,
            opened_at: now,
            wanted_at: None,
            assigned_at: None,
            answered_at: None,
            resolved_at: None,
            rating: None,
            version: 1,
        };
        Ok((conversation, new.force_new))
    }
}
