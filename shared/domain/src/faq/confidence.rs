//! How sure the matcher is, in per cent, and what it does then.

use serde::{Deserialize, Serialize};

/// Per cent: of a hundred answers that were given with 70, some 70 or more are the right ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
pub struct Confidence(u8);

/// More than a hundred per cent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected 0 to 100")]
pub struct InvalidConfidence;

impl Confidence {
    /// Not at all.
    pub const NONE: Self = Self(0);
    /// With which an answer is given unless its FAQ says otherwise.
    pub const DEFAULT_THRESHOLD: Self = Self(70);
    /// How far an answer must be ahead of the second.
    pub const LEAD: u8 = 10;
    /// Below it, an entry is not even suggested.
    pub const LEAST_SUGGESTED: Self = Self(1);

    /// Takes 0 to 100.
    pub fn new(percent: u8) -> Result<Self, InvalidConfidence> {
        if percent <= 100 { Ok(Self(percent)) } else { Err(InvalidConfidence) }
    }

    /// 0 to 100.
    pub fn percent(self) -> u8 {
        self.0
    }

    /// Whether an answer that is as sure as this is given, when the second is as sure as `second`.
    pub fn is_enough(self, threshold: Self, second: Self) -> bool {
        self >= threshold && self.0.saturating_sub(second.0) >= Self::LEAD
    }
}

impl Default for Confidence {
    fn default() -> Self {
        Self::DEFAULT_THRESHOLD
    }
}

impl TryFrom<u8> for Confidence {
    type Error = InvalidConfidence;
    fn try_from(percent: u8) -> Result<Self, InvalidConfidence> {
        Self::new(percent)
    }
}

impl From<Confidence> for u8 {
    fn from(confidence: Confidence) -> Self {
        confidence.0
    }
}

/// What speaks for an entry.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Evidence {
    /// How much the message is like the entry, 0 to 1. What the message says and no entry of the shop lowers it.
    pub score: f64,
    /// How far that is above the score of every other entry, -1 to 1.
    pub lead: f64,
}

// A logistic regression on whether the first answer was right, fitted once on the tuning part of the protocol in
// docs/faq.md (k = 1 and k = 5, three seeds each) and its out-of-scope messages for tuning. One of these counts forty
// times, more than twice as much as all questions together: an answer that nobody asked for is worse than none. So a
// confidence says how often an answer is right at least.
const BASE: f64 = -7.1;
const OF_SCORE: f64 = 13.9;
const OF_LEAD: f64 = 2.5;

impl Evidence {
    /// How sure this makes.
    pub fn confidence(self) -> Confidence {
        if self.score <= 0.0 {
            return Confidence(0);
        }
        let sum = BASE + OF_SCORE * self.score + OF_LEAD * self.lead;
        let percent = 100.0 / (1.0 + (-sum).exp());
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "between 0 and 100, rounded down"
        )]
        Confidence(percent as u8)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_needs_its_threshold_and_a_lead_of_ten() {
        let sure = |percent| Confidence::new(percent).unwrap();
        let threshold = Confidence::DEFAULT_THRESHOLD;
        assert!(sure(70).is_enough(threshold, sure(60)));
        assert!(!sure(69).is_enough(threshold, sure(0)));
        assert!(!sure(95).is_enough(threshold, sure(86)));
        assert!(sure(40).is_enough(sure(40), sure(30)));
        assert!(Confidence::new(101).is_err());
    }

    #[test]
    fn more_evidence_never_makes_less_sure() {
        let steps = || (0..=20).map(|step| f64::from(step) / 20.0);
        for score in steps() {
            for lead in steps() {
                let sure = |score, lead| Evidence { score, lead }.confidence();
                assert!(sure(score, lead) <= sure(score + 0.05, lead));
                assert!(sure(score, lead) <= sure(score, lead + 0.05));
            }
        }
    }
}
