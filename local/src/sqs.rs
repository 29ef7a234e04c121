//! SQS: standard queues, kept in the state file.
//!
//! Here are the queues and what can be done with them; `protocol` is what clients speak, `source` what feeds functions.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use jiff::{SignedDuration, Timestamp};
use tokio::sync::watch;

use self::queue::QueueState;
pub use self::{
    queue::{Depth, Message},
    source::QueueSources,
};
use crate::{
    aws::{ACCOUNT, REGION},
    clock::TurnableClock,
    state::{StateError, Store, Writes},
    template,
};

mod digest;
mod protocol;
mod queue;
mod source;

/// The queues. Clones share them.
#[derive(Clone)]
pub struct Sqs {
    queues: Arc<Mutex<BTreeMap<String, QueueState>>>,
    store: Store,
    clock: TurnableClock,
    /// Changes whenever a message may have become visible.
    changed: watch::Sender<u64>,
}

/// Why a queue does not do what it is asked.
#[derive(Debug, thiserror::Error)]
pub enum QueueError {
    /// There is no queue of this name.
    #[error("queue {0} does not exist")]
    Unknown(String),
    /// The receipt handle is not one of this queue's.
    #[error("the receipt handle is not valid")]
    Receipt,
    /// The message is not being received by anyone.
    #[error("the message is not in flight")]
    NotInFlight,
    /// The state file refuses.
    #[error(transparent)]
    State(#[from] StateError),
}

impl Sqs {
    /// The template's queues, with the messages that `store` kept of them.
    pub fn open(store: Store, clock: TurnableClock, queues: &[template::Queue]) -> Result<Self, StateError> {
        let mut states = BTreeMap::new();
        for queue in queues {
            let kept = store.list::<Message>(&namespace(&queue.name), None, usize::MAX)?;
            let kept =
                kept.into_iter().filter_map(|(key, message)| Some((key.parse().ok()?, message))).collect();
            states.insert(queue.name.clone(), QueueState::new(queue.clone(), kept));
        }
        Ok(Self { queues: Arc::new(Mutex::new(states)), store, clock, changed: watch::Sender::new(0) })
    }

    /// Sends a text, as a service does that writes to a queue itself; returns the message's id.
    pub fn send_text(&self, queue: &str, body: String, sender: &str) -> Result<String, QueueError> {
        let now = self.clock.now();
        let message = Message {
            id: uuid::Uuid::now_v7().to_string(),
            body,
            attributes: serde_json::Map::new(),
            trace: None,
            sender: sender.to_owned(),
            sent_at: now,
            first_received_at: None,
            visible_at: now,
            receives: 0,
            receipt: None,
        };
        let id = message.id.clone();
        self.send(queue, vec![message])?;
        Ok(id)
    }

    /// Takes messages in, all or none.
    pub fn send(&self, queue: &str, messages: Vec<Message>) -> Result<(), QueueError> {
        let mut queues = self.lock();
        let state = find(&mut queues, queue)?;
        // The numbers are taken before the file is written; if that fails they are given back with their messages.
        let numbered: Vec<_> =
            messages.into_iter().map(|message| (state.push(message.clone()), message)).collect();
        let written = self.store.transaction(|writes| {
            numbered
                .iter()
                .try_for_each(|(number, message)| writes.put(&namespace(queue), &key(*number), message))
        });
        if let Err(error) = written {
            for (number, _) in numbered {
                state.remove(number);
            }
            return Err(QueueError::State(error));
        }
        drop(queues);
        self.wake();
        Ok(())
    }

    /// Receives at most `limit` messages; each is hidden for `visibility`, or for as long as its queue says.
    pub fn receive(
        &self,
        queue: &str,
        limit: usize,
        visibility: Option<SignedDuration>,
    ) -> Result<Vec<Message>, QueueError> {
        let mut queues = self.lock();
        let state = find(&mut queues, queue)?;
        let now = self.clock.now();
        let default = SignedDuration::try_from(state.declared.visibility).unwrap_or(SignedDuration::MAX);
        let received = state.receive(limit, visibility.unwrap_or(default), now);
        let dead_letters = state.declared.dead_letters.as_ref().map(|(name, _)| name.clone());
        let mut moved = Vec::new();
        if let Some(letters) = dead_letters.as_ref().and_then(|name| queues.get_mut(name)) {
            for (_, message) in &received.dead {
                let message = Message { receives: 0, receipt: None, visible_at: now, ..message.clone() };
                moved.push((letters.push(message.clone()), message));
            }
        }
        self.store.transaction(|writes| {
            for (number, message) in &received.given {
                writes.put(&namespace(queue), &key(*number), message)?;
            }
            for number in received.expired.iter().chain(received.dead.iter().map(|(number, _)| number)) {
                writes.delete(&namespace(queue), &key(*number))?;
            }
            for (number, message) in &moved {
                writes.put(
                    &namespace(dead_letters.as_deref().unwrap_or_default()),
                    &key(*number),
                    message,
                )?;
            }
            Ok::<_, StateError>(())
        })?;
        drop(queues);
        if !moved.is_empty() {
            self.wake();
        }
        Ok(received.given.into_iter().map(|(_, message)| message).collect())
    }

    /// Deletes the message that was received under `receipt`. As on AWS it is no error if it is gone, or was received
    /// by someone else since.
    pub fn delete(&self, queue: &str, receipt: &str) -> Result<(), QueueError> {
        let mut queues = self.lock();
        let state = find(&mut queues, queue)?;
        let number = number(receipt)?;
        if state.get(number).is_some_and(|message| message.receipt.as_deref() == Some(receipt)) {
            self.store.delete(&namespace(queue), &key(number))?;
            state.remove(number);
        }
        Ok(())
    }

    /// Hides a message in flight for `visibility` from now.
    pub fn hide(&self, queue: &str, receipt: &str, visibility: SignedDuration) -> Result<(), QueueError> {
        let mut queues = self.lock();
        let state = find(&mut queues, queue)?;
        let now = self.clock.now();
        let number = number(receipt)?;
        let is_theirs =
            |message: &&Message| message.receipt.as_deref() == Some(receipt) && message.visible_at > now;
        state.get(number).filter(is_theirs).ok_or(QueueError::NotInFlight)?;
        if let Some(message) = state.hide(number, now.checked_add(visibility).unwrap_or(Timestamp::MAX)) {
            self.store.put(&namespace(queue), &key(number), &message)?;
        }
        drop(queues);
        self.wake();
        Ok(())
    }

    /// Deletes every message.
    pub fn purge(&self, queue: &str) -> Result<(), QueueError> {
        let mut queues = self.lock();
        find(&mut queues, queue)?.purge();
        self.store.transaction(|writes: &Writes<'_>| writes.clear(&namespace(queue)))?;
        Ok(())
    }

    /// How many messages are in which state.
    pub fn depth(&self, queue: &str) -> Result<Depth, QueueError> {
        Ok(find(&mut self.lock(), queue)?.depth(self.clock.now()))
    }

    /// The template's declaration of a queue.
    pub fn declared(&self, queue: &str) -> Result<template::Queue, QueueError> {
        Ok(find(&mut self.lock(), queue)?.declared.clone())
    }

    /// The queues' names.
    pub fn names(&self) -> Vec<String> {
        self.lock().keys().cloned().collect()
    }

    fn expire(&self, now: Timestamp) -> Result<(), StateError> {
        for (name, state) in self.lock().iter_mut() {
            let expired = state.expire(now);
            self.store.transaction(|writes| {
                expired.iter().try_for_each(|number| writes.delete(&namespace(name), &key(*number)).map(drop))
            })?;
        }
        Ok(())
    }

    fn next_expiry(&self) -> Option<Timestamp> {
        self.lock().values().filter_map(QueueState::next_expiry).min()
    }

    fn next_visible(&self, queue: &str) -> Option<Timestamp> {
        self.lock().get(queue)?.next_visible(self.clock.now())
    }

    fn has_visible(&self, queue: &str) -> bool {
        self.lock().get(queue).is_some_and(|state| state.has_visible(self.clock.now()))
    }

    fn wake(&self) {
        self.changed.send_modify(|count| *count += 1);
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, QueueState>> {
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The name of a queue in events and policies.
pub fn queue_arn(name: &str) -> String {
    format!("arn:aws:sqs:{REGION}:{ACCOUNT}:{name}")
}

fn find<'a>(
    queues: &'a mut BTreeMap<String, QueueState>,
    name: &str,
) -> Result<&'a mut QueueState, QueueError> {
    queues.get_mut(name).ok_or_else(|| QueueError::Unknown(name.to_owned()))
}

fn number(receipt: &str) -> Result<u64, QueueError> {
    receipt.split_once('-').and_then(|(number, _)| number.parse().ok()).ok_or(QueueError::Receipt)
}

fn namespace(queue: &str) -> String {
    format!("sqs/{queue}")
}

fn key(number: u64) -> String {
    format!("{number:020}")
}
