//! What people are told: the right message, once, on the right way.
//!
//! What is to be told follows from the journal ([`triggers`]) or is asked for. [`telling`] writes it into the inbox together
//! with where it will go, in one transaction; from that row follow the live event and the [`tasks`] of the queue, each of which
//! is one notification to one place. Whoever does these is [`sending`], which asks once more whether it should.

mod alarms;
pub mod alerts;
pub mod bulk;
pub mod digests;
pub mod due;
mod endpoints;
pub mod feedback;
mod guests;
pub mod inbox;
pub mod links;
pub mod pages;
pub mod people;
pub mod rendering;
pub mod sending;
pub mod tasks;
pub mod telling;
pub mod triggers;
pub mod wording;

use std::sync::Arc;

pub use self::{
    inbox::Inbox,
    links::Links,
    people::Reach,
    sending::{Sender, Ways},
    tasks::{Task, Tasks},
    telling::Wanted,
    wording::Words,
};
use crate::{Clock, Settings, store::Dynamo};

/// Tells people things.
#[derive(Debug, Clone)]
pub struct Notifications {
    pub(crate) store: Dynamo,
    pub(crate) clock: Clock,
    pub(crate) settings: Arc<Settings>,
    pub(crate) words: Words,
    pub(crate) tasks: Tasks,
}

impl Notifications {
    /// Writes to `store`, words by `words`, hands what is to be sent to `tasks`.
    pub const fn new(
        store: Dynamo,
        clock: Clock,
        settings: Arc<Settings>,
        words: Words,
        tasks: Tasks,
    ) -> Self {
        Self { store, clock, settings, words, tasks }
    }

    /// How they are worded.
    pub const fn words(&self) -> &Words {
        &self.words
    }
}
