//! One queue: its messages, which of them can be seen, and when the next one can.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::template;

/// A message and what has happened to it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Message {
    /// Its id.
    pub id: String,
    /// Its text.
    pub body: String,
    /// Message attributes, as they were sent: `{"name": {"DataType", "StringValue"}}`.
    pub attributes: Map<String, Value>,
    /// `AWSTraceHeader`, if it was sent.
    pub trace: Option<String>,
    /// The function that sent it.
    pub sender: String,
    /// When it was sent.
    pub sent_at: Timestamp,
    /// When it was received for the first time.
    pub first_received_at: Option<Timestamp>,
    /// From when on it can be received.
    pub visible_at: Timestamp,
    /// How often it was received.
    pub receives: u32,
    /// What its latest receiver names it by.
    pub receipt: Option<String>,
}

/// What became of the messages that a receiver looked at.
#[derive(Default)]
pub struct Received {
    /// Given to the receiver; by number.
    pub given: Vec<(u64, Message)>,
    /// Received too often: they belong into the dead-letter queue.
    pub dead: Vec<(u64, Message)>,
    /// Older than the queue keeps them.
    pub expired: Vec<u64>,
}

/// How many messages are in which state.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Depth {
    /// Can be received.
    pub visible: usize,
    /// Received and neither deleted nor seen again yet.
    pub in_flight: usize,
    /// Sent with a delay that has not passed.
    pub delayed: usize,
}

/// A queue in memory; what it says has changed, its owner writes to the state file.
pub struct QueueState {
    /// The template's declaration.
    pub declared: template::Queue,
    messages: BTreeMap<u64, Message>,
    /// By the instant from which each can be received.
    order: BTreeSet<(Timestamp, u64)>,
    /// By the instant at which each was sent.
    ages: BTreeSet<(Timestamp, u64)>,
    next: u64,
}

impl QueueState {
    /// A queue with what was kept of it.
    pub fn new(declared: template::Queue, kept: Vec<(u64, Message)>) -> Self {
        let next = kept.iter().map(|(number, _)| number + 1).max().unwrap_or(0);
        let mut queue =
            Self { declared, messages: BTreeMap::new(), order: BTreeSet::new(), ages: BTreeSet::new(), next };
        for (number, message) in kept {
            queue.insert(number, message);
        }
        queue
    }

    /// Takes a message in; returns its number.
    pub fn push(&mut self, message: Message) -> u64 {
        let number = self.next;
        self.next += 1;
        self.insert(number, message);
        number
    }

    /// The message with this number.
    pub fn get(&self, number: u64) -> Option<&Message> {
        self.messages.get(&number)
    }

    /// Removes a message.
    pub fn remove(&mut self, number: u64) -> Option<Message> {
        let message = self.messages.remove(&number)?;
        self.order.remove(&(message.visible_at, number));
        self.ages.remove(&(message.sent_at, number));
        Some(message)
    }

    /// Removes all; returns their numbers.
    pub fn purge(&mut self) -> Vec<u64> {
        self.order.clear();
        self.ages.clear();
        std::mem::take(&mut self.messages).into_keys().collect()
    }

    /// Hides a message until `visible_at`; returns it as it is then.
    pub fn hide(&mut self, number: u64, visible_at: Timestamp) -> Option<Message> {
        let mut message = self.remove(number)?;
        message.visible_at = visible_at;
        self.insert(number, message.clone());
        Some(message)
    }

    /// Receives at most `limit` messages and hides each for `visibility`.
    pub fn receive(&mut self, limit: usize, visibility: SignedDuration, now: Timestamp) -> Received {
        let mut received = Received::default();
        let most = self.declared.dead_letters.as_ref().map_or(u32::MAX, |(_, most)| *most);
        while received.given.len() < limit {
            let Some(&(visible_at, number)) = self.order.first() else {
                break;
            };
            if visible_at > now {
                break;
            }
            let Some(mut message) = self.remove(number) else {
                break;
            };
            if self.expiry(&message) <= now {
                received.expired.push(number);
            } else if message.receives >= most {
                received.dead.push((number, message));
            } else {
                message.receives += 1;
                message.first_received_at.get_or_insert(now);
                message.visible_at = now.checked_add(visibility).unwrap_or(Timestamp::MAX);
                message.receipt = Some(format!("{number}-{}", uuid::Uuid::now_v7().simple()));
                received.given.push((number, message));
            }
        }
        // Only now, or one that is hidden for no time at all would be given again and again.
        for (number, message) in &received.given {
            self.insert(*number, message.clone());
        }
        received
    }

    /// Removes what is older than the queue keeps it; returns the numbers.
    pub fn expire(&mut self, now: Timestamp) -> Vec<u64> {
        let limit = now.checked_sub(self.retention()).unwrap_or(Timestamp::MIN);
        let expired: Vec<u64> = self.ages.range(..=(limit, u64::MAX)).map(|(_, number)| *number).collect();
        for number in &expired {
            self.remove(*number);
        }
        expired
    }

    /// Counts messages by state.
    pub fn depth(&self, now: Timestamp) -> Depth {
        let mut depth = Depth::default();
        for message in self.messages.values() {
            match (message.visible_at <= now, message.receives) {
                (true, _) => depth.visible += 1,
                (false, 0) => depth.delayed += 1,
                (false, _) => depth.in_flight += 1,
            }
        }
        depth
    }

    /// Whether a message can be received.
    pub fn has_visible(&self, now: Timestamp) -> bool {
        self.order.first().is_some_and(|(visible_at, _)| *visible_at <= now)
    }

    /// When the next hidden message can be received.
    pub fn next_visible(&self, now: Timestamp) -> Option<Timestamp> {
        self.order.range((now, u64::MAX)..).next().map(|(visible_at, _)| *visible_at)
    }

    /// When the oldest message is too old.
    pub fn next_expiry(&self) -> Option<Timestamp> {
        let (sent_at, _) = self.ages.first()?;
        sent_at.checked_add(self.retention()).ok()
    }

    fn expiry(&self, message: &Message) -> Timestamp {
        message.sent_at.checked_add(self.retention()).unwrap_or(Timestamp::MAX)
    }

    fn retention(&self) -> SignedDuration {
        SignedDuration::try_from(self.declared.retention).unwrap_or(SignedDuration::MAX)
    }

    fn insert(&mut self, number: u64, message: Message) {
        self.order.insert((message.visible_at, number));
        self.ages.insert((message.sent_at, number));
        self.messages.insert(number, message);
    }
}
