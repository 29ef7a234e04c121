//! Automatic answers: which entry of a shop's FAQ answers a message, how sure that is, and why.
//!
//! A [`Matcher`] is built from the FAQs of a shop and asked for every message. It is deterministic, needs nothing from
//! outside and explains itself. It gives an answer or names some that may be meant; to send it, to escalate, and to
//! know whether a human has joined is the conversation's business. docs/faq.md says how it works and how good it is.
//!
//! Read in this order: [`text`] folds what keyboards write differently; `terms` reads words, phrases and slips of the
//! pen with the tables of `lexicon`; `features` are what texts are compared by; `index` compares; [`confidence`] says
//! how sure that makes; [`Matcher`] decides. [`human`] knows who asks for a person, [`slots`] what an answer takes from
//! the shop's state, [`seeds`] what a shop begins with.

pub mod confidence;
mod features;
pub mod human;
mod index;
mod keywords;
mod lexicon;
mod matcher;
pub mod seeds;
pub mod slots;
mod stem;
mod terms;
pub mod text;
mod typos;
mod why;

pub use confidence::{Confidence, Evidence, InvalidConfidence};
pub use human::asks_for_human;
pub use keywords::mentions;
pub use matcher::{Candidate, Decision, Match, Matcher};
pub use slots::{InvalidTemplate, MissingValue, Slot, Template};
pub use terms::Typo;
pub use why::{Contribution, Why};

use crate::FaqId;

/// A question of shoppers and its answer, as the matcher needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Faq {
    /// Which one.
    pub id: FaqId,
    /// The question.
    pub question: String,
    /// Other ways to put it.
    pub alternatives: Vec<String>,
    /// Words that speak for it wherever they stand.
    pub keywords: Vec<String>,
    /// From which confidence on it is answered.
    pub threshold: Confidence,
    /// Whether it is answered at all.
    pub is_active: bool,
}

impl Faq {
    /// The question and the other ways to put it.
    fn phrasings(&self) -> impl Iterator<Item = &str> {
        std::iter::once(&self.question).chain(&self.alternatives).map(String::as_str)
    }

    fn keywords(&self) -> impl Iterator<Item = &str> {
        self.keywords.iter().map(String::as_str)
    }
}
