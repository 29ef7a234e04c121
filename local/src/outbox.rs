//! The outbox: what would have left for a person's inbox or telephone, kept to be looked at.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    clock::TurnableClock,
    state::{StateError, Store},
};

const NAMESPACE: &str = "outbox";

/// Mail, text messages, pushes and topic messages, in the order in which they were sent.
#[derive(Clone)]
pub struct Outbox {
    store: Store,
    clock: TurnableClock,
}

/// One thing that was sent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Sent {
    /// The message id that the sender was given.
    pub id: String,
    /// When, on the turnable clock.
    pub sent_at: Timestamp,
    /// Where to.
    #[serde(flatten)]
    pub message: Message,
}

/// What was sent, by channel.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "channel", rename_all = "snake_case")]
pub enum Message {
    /// Mail through SES.
    Mail {
        /// `From`.
        from: String,
        /// `To`, `Cc` and `Bcc` together.
        to: Vec<String>,
        /// Subject; of raw mail its header.
        subject: String,
        /// Plain text body.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        text: Option<String>,
        /// HTML body.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        html: Option<String>,
        /// The whole message, if it was sent raw.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        raw: Option<String>,
        /// Further headers, by name.
        #[serde(skip_serializing_if = "Vec::is_empty", default)]
        headers: Vec<(String, String)>,
        /// `Reply-To`.
        #[serde(skip_serializing_if = "Vec::is_empty", default)]
        reply_to: Vec<String>,
        /// The configuration set that it was sent with.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        configuration_set: Option<String>,
        /// What it was tagged with.
        #[serde(skip_serializing_if = "BTreeMap::is_empty", default)]
        tags: BTreeMap<String, String>,
    },
    /// A text message through SNS.
    Sms {
        /// Number in E.164.
        to: String,
        /// Text.
        text: String,
        /// Attributes of the message, by name.
        #[serde(skip_serializing_if = "BTreeMap::is_empty", default)]
        attributes: BTreeMap<String, String>,
    },
    /// A push to a telephone through SNS.
    Push {
        /// The endpoint's name (ARN).
        endpoint: String,
        /// The device's token.
        token: String,
        /// The message, parsed if it is JSON.
        payload: Value,
        /// Attributes of the message, by name.
        #[serde(skip_serializing_if = "BTreeMap::is_empty", default)]
        attributes: BTreeMap<String, String>,
    },
    /// A push to a web page, as its service worker gets it.
    WebPush {
        /// The subscription's endpoint.
        endpoint: String,
        /// The decrypted message, parsed if it is JSON; none if the push was empty.
        payload: Option<Value>,
        /// How many seconds the push service may keep it.
        ttl: u32,
        /// `very-low`, `low`, `normal` or `high`.
        urgency: String,
        /// Which waiting push it replaces. Here nothing waits, and all are kept.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        topic: Option<String>,
    },
    /// A message to an SNS topic.
    Topic {
        /// The topic's name (ARN).
        topic: String,
        /// Subject.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        subject: Option<String>,
        /// The message, parsed if it is JSON.
        payload: Value,
    },
}

impl Outbox {
    /// The outbox kept in `store`.
    pub fn new(store: Store, clock: TurnableClock) -> Self {
        Self { store, clock }
    }

    /// Keeps a message; returns its id.
    pub fn send(&self, message: Message) -> Result<String, StateError> {
        // Version 7 ids of one process ascend, so the key keeps the order of sending.
        let id = uuid::Uuid::now_v7().to_string();
        let sent = Sent { id: id.clone(), sent_at: self.clock.now(), message };
        self.store.put(NAMESPACE, &id, &sent)?;
        Ok(id)
    }

    /// At most `limit` messages after the one with the id `after`, oldest first.
    pub fn list(&self, after: Option<&str>, limit: usize) -> Result<Vec<Sent>, StateError> {
        Ok(self.store.list(NAMESPACE, after, limit)?.into_iter().map(|(_, sent)| sent).collect())
    }

    /// At most `limit` messages, newest first.
    pub fn list_back(&self, limit: usize) -> Result<Vec<Sent>, StateError> {
        Ok(self.store.list_back(NAMESPACE, None, limit)?.into_iter().map(|(_, sent)| sent).collect())
    }

    /// The message with this id.
    pub fn find(&self, id: &str) -> Result<Option<Sent>, StateError> {
        self.store.get(NAMESPACE, id)
    }

    /// Forgets everything; says how much that was.
    pub fn clear(&self) -> Result<usize, StateError> {
        self.store.transaction(|writes| writes.clear(NAMESPACE))
    }
}
