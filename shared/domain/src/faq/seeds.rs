//! What a shop's chat begins with: answers to what nearly every shopper asks, and what is said without being asked.
//!
//! Every seed has a key that never changes. Seeding writes only keys that are not there, so what a shop has edited stays
//! as it is. The answers are true of any shop, or take what they say from its state ([`super::slots`]).

mod english;
mod persian;
mod thai;

use super::{Confidence, Faq};
use crate::FaqId;

/// An entry that a shop begins with.
#[derive(Debug, Clone, Copy)]
pub struct SeedFaq {
    /// What it is about, the same in every language: `track_order`.
    pub topic: &'static str,
    /// `en`, `th`, `fa`.
    pub language: &'static str,
    /// The question.
    pub question: &'static str,
    /// Other ways to put it.
    pub alternatives: &'static [&'static str],
    /// Words that speak for it.
    pub keywords: &'static [&'static str],
    /// The answer, with slots.
    pub answer: &'static str,
}

/// When something is said without being asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SeedTrigger {
    /// A conversation begins.
    Welcome,
    /// Nobody is there.
    Offline,
    /// All who are there have as much to do as they can.
    Busy,
    /// The message has one of these words.
    Keyword(&'static [&'static str]),
}

/// Something that is said without being asked.
#[derive(Debug, Clone, Copy)]
pub struct SeedResponse {
    /// What it is, the same in every language: `welcome`.
    pub name: &'static str,
    /// `en`, `th`, `fa`.
    pub language: &'static str,
    /// When it is said.
    pub trigger: SeedTrigger,
    /// What is said, with slots.
    pub text: &'static str,
}

/// The languages that there are seeds for.
pub const LANGUAGES: [&str; 3] = ["en", "th", "fa"];

/// All entries, language by language.
pub fn faqs() -> impl Iterator<Item = &'static SeedFaq> {
    english::FAQS.iter().chain(thai::FAQS).chain(persian::FAQS)
}

/// All responses, language by language.
pub fn responses() -> impl Iterator<Item = &'static SeedResponse> {
    english::RESPONSES.iter().chain(thai::RESPONSES).chain(persian::RESPONSES)
}

impl SeedFaq {
    /// What it is called for ever: `seed_en_track_order`.
    pub fn key(&self) -> String {
        format!("seed_{}_{}", self.language, self.topic)
    }

    /// The id that it has in every shop, made of its key.
    pub fn id(&self) -> FaqId {
        FaqId::from_name(&self.key())
    }

    /// The entry as the matcher takes it.
    pub fn faq(&self) -> Faq {
        let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        Faq {
            id: self.id(),
            question: self.question.to_owned(),
            alternatives: owned(self.alternatives),
            keywords: owned(self.keywords),
            threshold: Confidence::DEFAULT_THRESHOLD,
            is_active: true,
        }
    }
}

impl SeedResponse {
    /// What it is called for ever: `seed_en_welcome`.
    pub fn key(&self) -> String {
        format!("seed_{}_{}", self.language, self.name)
    }
}
