//! Saying something: one write that asks and numbers, one that stores, then the posts.
//!
//! A message is known by its sender's own name for it. Sent again it is found by that, stored if it was not, and posted
//! again: whoever has it drops it. Its sender is answered after it is stored. A place whose sender was cut off is filled by
//! whoever reads the gap ([`lists`](super::lists)); a sender who comes back after that takes a new place.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use contract::{
    ErrorCode,
    frames::{EventFrame, EventHead, LiveEvent, chat::Said},
    http::chat::NewMessage,
};
use domain::{
    Channel, ConversationId, EventId, Permission, Principal, ShopId, UserId,
    chat::{
        Message, MessageKind, SenderType,
        message::{Content, InvalidMessage, Wording, check, check_files},
    },
};
use jiff::{SignedDuration, Timestamp};

use super::Chat;
use crate::{
    Error, Result,
    store::chat::{Draft, MessageRow, Speaker},
};

/// The longest name that a sender may give a message, in bytes.
const MAX_NAME: usize = 64;
/// So many of the newest messages are looked through for one that its sender is not sure of.
const LOOKED_THROUGH: u32 = 50;
/// For how long the name of an agent is believed.
const NAMES_KEPT: SignedDuration = SignedDuration::from_secs(60);

/// On which device somebody says something, and the how manieth try it is.
#[derive(Debug, Clone, Copy)]
pub struct Voice<'a> {
    /// The device.
    pub device: &'a str,
    /// 1 for the first try.
    pub attempt: u32,
}

/// What agents are called, as far as this process has seen.
#[derive(Debug, Clone, Default)]
pub(super) struct Names(Arc<Mutex<BTreeMap<(ShopId, UserId), Seen>>>);

/// What an agent is called, and when that was read.
type Seen = (Option<String>, Timestamp);

/// Something to be put into a conversation.
struct Saying<'a> {
    shop: &'a ShopId,
    conversation: &'a ConversationId,
    speaker: Speaker,
    client_id: &'a str,
    sender: (UserId, SenderType, Option<String>),
    kind: MessageKind,
    content: Content,
}

impl Chat {
    /// Says something in a conversation that one takes part in.
    ///
    /// # Errors
    /// `message_too_long`, `file_rejected`, `conversation_closed`; `NotFound` for whoever takes no part.
    pub async fn say(
        &self,
        who: &Principal,
        voice: Voice<'_>,
        conversation: &ConversationId,
        new: NewMessage,
    ) -> Result<Message> {
        who.may(Permission::Chat)?;
        let wording = Wording::from(new.content);
        check(new.kind, &wording, self.settings.chat.max_message_length).map_err(wrong)?;
        let client_id = new.client_message_id.unwrap_or_default();
        if client_id.is_empty() || client_id.len() > MAX_NAME {
            return Err(Error::field("client_message_id", "invalid", "expected 1 to 64 bytes"));
        }
        let files = self.attached(who, conversation, &wording.attachments).await?;
        check_files(new.kind, &files).map_err(wrong)?;
        let sender_type = if who.is_staff() { SenderType::Agent } else { SenderType::Customer };
        let saying = Saying {
            shop: &who.shop,
            conversation,
            speaker: Speaker::Person {
                user: who.subject.clone(),
                guests: who.linked_guests.iter().cloned().collect(),
                device: voice.device.to_owned(),
            },
            client_id: &client_id,
            sender: (who.subject.clone(), sender_type, self.name_of(who).await?),
            kind: new.kind,
            content: wording.with(files),
        };
        self.put(saying, voice.attempt > 1).await
    }

    /// The shop itself says something, once for each `client_id`.
    pub(super) async fn say_by_itself(
        &self,
        shop: &ShopId,
        conversation: &ConversationId,
        (speaker, client_id): (Speaker, &str),
        kind: MessageKind,
        content: Content,
    ) -> Result<Message> {
        let sender_type = SenderType::Bot;
        let saying = Saying {
            shop,
            conversation,
            speaker,
            client_id,
            sender: (UserId::from_name("shop"), sender_type, Some(self.settings.shop_name.clone())),
            kind,
            content,
        };
        // The shop says several things at once, and its last one is not the only one that may come again.
        self.put(saying, true).await
    }

    async fn put(&self, saying: Saying<'_>, may_be_there: bool) -> Result<Message> {
        let Saying { shop, conversation, client_id, .. } = &saying;
        if may_be_there
            && let Some(found) = self.said(shop, conversation, client_id, &saying.sender.0).await?
        {
            self.post_message(shop, &found).await?;
            return Ok(found);
        }
        let mut lost = None;
        for _ in 0..3 {
            let request = self.clock.fresh().to_string();
            let now = self.clock.now();
            let draft = Draft { conversation, speaker: &saying.speaker, client_id, lost };
            let heard = self.store.take_place(shop, &draft, now, &request).await?;
            let kept = self.settings.chat.retention;
            let expires_at = now.checked_add(kept).unwrap_or(Timestamp::MAX).as_second();
            let message = saying.message(heard.seq, now);
            let row = MessageRow::of(shop, message.clone(), expires_at);
            let message = match self.store.put_message(&row, &request).await? {
                Ok(()) => message,
                // What is there is the same message, perhaps with what was done to it since: it stays as it is.
                Err(found) if saying.is(&found) => found,
                Err(_) => {
                    lost = Some(heard.seq);
                    continue;
                }
            };
            self.post_message(shop, &message).await?;
            return Ok(message);
        }
        Err(Error::busy())
    }

    /// A message among the newest, by its sender's name for it.
    pub(super) async fn said(
        &self,
        shop: &ShopId,
        conversation: &ConversationId,
        client_id: &str,
        sender: &UserId,
    ) -> Result<Option<Message>> {
        let now = self.clock.now();
        let newest = self.store.messages_before(shop, conversation, u64::MAX, LOOKED_THROUGH, now).await?;
        let is_it = |message: &Message| {
            message.client_message_id.as_deref() == Some(client_id) && message.sender_id == *sender
        };
        Ok(newest.into_iter().find(is_it))
    }

    async fn post_message(&self, shop: &ShopId, message: &Message) -> Result<()> {
        self.tell(shop, &message.conversation_id, |channel| frame_of(message, channel)).await
    }

    /// What customers are shown of an agent; customers themselves have no names here.
    pub(super) async fn name_of(&self, who: &Principal) -> Result<Option<String>> {
        if who.is_staff() { self.agent_name(&who.shop, &who.subject).await } else { Ok(None) }
    }

    pub(super) async fn agent_name(&self, shop: &ShopId, agent: &UserId) -> Result<Option<String>> {
        let key = (shop.clone(), agent.clone());
        let now = self.clock.now();
        let known = self.names.0.lock().unwrap_or_else(PoisonError::into_inner).get(&key).cloned();
        if let Some((name, at)) = known
            && now.duration_since(at) < NAMES_KEPT
        {
            return Ok(name);
        }
        let name = self.store.agent(shop, agent).await?.and_then(|agent| agent.name).map(String::from);
        self.names.0.lock().unwrap_or_else(PoisonError::into_inner).insert(key, (name.clone(), now));
        Ok(name)
    }
}

impl Saying<'_> {
    fn message(&self, seq: u64, now: Timestamp) -> Message {
        let (sender_id, sender_type, sender_name) = self.sender.clone();
        Message {
            message_id: crate::store::chat::message_id(self.conversation, seq),
            conversation_id: self.conversation.clone(),
            seq,
            sender_id,
            sender_type,
            sender_name,
            kind: self.kind,
            content: self.content.clone(),
            client_message_id: Some(self.client_id.to_owned()),
            flags: vec![],
            created_at: now,
        }
    }

    /// Whether what was found is this.
    fn is(&self, found: &Message) -> bool {
        found.client_message_id.as_deref() == Some(self.client_id) && found.sender_id == self.sender.0
    }
}

/// A message as whoever listens to its conversation sees it.
pub(crate) fn frame_of(message: &Message, channel: &Channel) -> EventFrame {
    let head = EventHead {
        id: event_id(message),
        channel: channel.to_string(),
        seq: Some(message.seq),
        version: None,
        timestamp: message.created_at.as_millisecond(),
        cause: None,
    };
    // What it was marked as is for staff, who read it over HTTP.
    let message = Message { flags: vec![], ..message.clone() };
    let named = |name: &str| message.content.metadata.get(name).cloned();
    let said = || Said {
        message: message.clone(),
        trigger: named("trigger"),
        faq_id: named("faq_id"),
        confidence: named("confidence").and_then(|confidence| confidence.parse().ok()),
    };
    let plain = || Said { message: message.clone(), trigger: None, faq_id: None, confidence: None };
    let event = match message.kind {
        MessageKind::Void => LiveEvent::ChatVoid { conversation_id: message.conversation_id.clone() },
        MessageKind::Auto => LiveEvent::ChatAutoResponse(said()),
        MessageKind::Faq => LiveEvent::ChatFaqResponse(said()),
        _ => LiveEvent::ChatMessageCreated(plain()),
    };
    EventFrame { head, event }
}

/// The name of the event that a message is.
fn event_id(message: &Message) -> EventId {
    EventId::from_uuid(crate::clock::derived(&["said", message.message_id.as_str()]))
}

fn wrong(error: InvalidMessage) -> Error {
    match error {
        InvalidMessage::TooLong { .. } => Error::Invalid {
            code: ErrorCode::MessageTooLong,
            detail: error.to_string(),
            errors: vec![contract::FieldError::new("content.text", "too_long", error.to_string())],
        },
        InvalidMessage::Empty => Error::field("content", "required", error.to_string()),
        InvalidMessage::NoFile => Error::field("content.attachments", "required", error.to_string()),
        InvalidMessage::NotPictures => Error::field("content.attachments", "invalid", error.to_string()),
        InvalidMessage::TooMany { .. } => Error::field("content", "too_many", error.to_string()),
        InvalidMessage::NotPeoples => Error::field("type", "invalid", error.to_string()),
    }
}
