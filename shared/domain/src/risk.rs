//! How risky it is to let somebody begin to pay: what is known goes in, an outcome with its reasons comes out.
//!
//! What is not known is said, and never counted as nothing: each rule that could not look says so.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::DecisionId;

/// The name of the rules below. It changes with every limit, so that a decision can be worked out again.
pub const RULESET: &str = "2026-11-28";

/// What is to be done. The strongest one wins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Go on.
    Approve,
    /// Go on; a person looks at the order before it is packed.
    Review,
    /// Do not begin.
    Decline,
}

/// What somebody, or somebody at an address, did in this hour and the one before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Activity {
    /// How often they began to pay, this time included.
    pub intents: u32,
    /// How often a bank refused their card.
    pub declines: u32,
}

/// What payments in a currency came to so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Usual {
    /// How many there were.
    pub payments: u64,
    /// How much they were together, in minor units.
    pub total: i64,
}

/// Everything that the rules look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Evidence {
    /// How much is to be paid, in minor units.
    pub amount: i64,
    /// What the payer did; absent for programs, which are trusted to know what they do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<Activity>,
    /// What everybody at the payer's address did; absent for programs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<Activity>,
    /// What is usual in the shop and currency; absent while there is too little to say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usual: Option<Usual>,
}

/// A decision, with all that is needed to work it out again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Assessment {
    /// Its name.
    pub decision_id: DecisionId,
    /// What is to be done.
    pub outcome: Outcome,
    /// 0 to 100.
    pub score: u8,
    /// The rules that spoke against it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reasons: Vec<String>,
    /// The rules that could not look, for want of what they look at.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<String>,
    /// What they looked at.
    pub evidence: Evidence,
    /// Which rules these were.
    pub ruleset: String,
    /// Whether it was only written down and not obeyed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_shadow: bool,
}

impl Assessment {
    /// Whether the order waits for a person once it is paid.
    pub fn holds_back(&self) -> bool {
        self.outcome == Outcome::Review && !self.is_shadow
    }

    /// Whether it must not begin.
    pub fn forbids(&self) -> bool {
        self.outcome == Outcome::Decline && !self.is_shadow
    }
}

/// One rule: what it looks at, and from where on it speaks.
struct Rule {
    id: &'static str,
    look: fn(&Evidence) -> Option<i64>,
    review_from: i64,
    decline_from: i64,
}

/// Fewer payments than this say nothing about what is usual.
const ENOUGH: u64 = 20;
/// What a rule that asks for a person adds to the score; one that forbids makes it 100.
const REVIEW_SCORE: u8 = 40;
const NEVER: i64 = i64::MAX;

/// Limits are for two hours. An address may be an office or a whole mobile network, so it may do more than one person.
const RULES: [Rule; 5] = [
    Rule {
        id: "velocity_subject",
        look: |known| Some(known.subject?.intents.into()),
        review_from: 20,
        decline_from: 60,
    },
    Rule {
        id: "velocity_address",
        look: |known| Some(known.address?.intents.into()),
        review_from: 120,
        decline_from: 600,
    },
    Rule {
        id: "card_testing_subject",
        look: |known| Some(known.subject?.declines.into()),
        review_from: 4,
        decline_from: 10,
    },
    Rule {
        id: "card_testing_address",
        look: |known| Some(known.address?.declines.into()),
        review_from: 15,
        decline_from: 40,
    },
    // How many times the usual amount.
    Rule { id: "unusual_amount", look: times_the_usual, review_from: 10, decline_from: NEVER },
];

fn times_the_usual(known: &Evidence) -> Option<i64> {
    let usual = known.usual.filter(|usual| usual.payments >= ENOUGH && usual.total > 0)?;
    let times = i128::from(known.amount) * i128::from(usual.payments) / i128::from(usual.total);
    Some(i64::try_from(times).unwrap_or(NEVER - 1))
}

/// Decides about one try to pay.
pub fn assess(decision_id: DecisionId, evidence: Evidence, is_shadow: bool) -> Assessment {
    let mut assessment = Assessment {
        decision_id,
        outcome: Outcome::Approve,
        score: 0,
        reasons: vec![],
        missing: vec![],
        evidence,
        ruleset: RULESET.to_owned(),
        is_shadow,
    };
    for rule in &RULES {
        let (outcome, score) = match (rule.look)(&evidence) {
            None => {
                assessment.missing.push(rule.id.to_owned());
                continue;
            }
            Some(seen) if seen >= rule.decline_from => (Outcome::Decline, 100),
            Some(seen) if seen >= rule.review_from => (Outcome::Review, REVIEW_SCORE),
            Some(_) => continue,
        };
        assessment.outcome = assessment.outcome.max(outcome);
        assessment.score = assessment.score.saturating_add(score).min(100);
        assessment.reasons.push(rule.id.to_owned());
    }
    assessment
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUIET: Activity = Activity { intents: 1, declines: 0 };

    fn evidence() -> Evidence {
        let usual = Some(Usual { payments: 100, total: 200_000 });
        Evidence { amount: 1_999, subject: Some(QUIET), address: Some(QUIET), usual }
    }

    fn decide(evidence: Evidence) -> Assessment {
        assess(DecisionId::new("dec_1").unwrap(), evidence, false)
    }

    #[test]
    fn outcomes_are_ordered_and_the_strongest_wins() {
        assert!(Outcome::Approve < Outcome::Review && Outcome::Review < Outcome::Decline);
        let busy = Activity { intents: 20, declines: 10 };
        let decided = decide(Evidence { subject: Some(busy), ..evidence() });
        assert_eq!((decided.outcome, decided.score), (Outcome::Decline, 100));
        assert_eq!(decided.reasons, ["velocity_subject", "card_testing_subject"]);
    }

    #[test]
    fn each_rule_speaks_from_its_limit_on_and_not_before() {
        let subject =
            |intents, declines| Evidence { subject: Some(Activity { intents, declines }), ..evidence() };
        let address =
            |intents, declines| Evidence { address: Some(Activity { intents, declines }), ..evidence() };
        let amount = |amount| Evidence { amount, ..evidence() };
        let cases = [
            (evidence(), Outcome::Approve),
            (subject(19, 3), Outcome::Approve),
            (subject(20, 0), Outcome::Review),
            (subject(60, 0), Outcome::Decline),
            (subject(1, 4), Outcome::Review),
            (subject(1, 10), Outcome::Decline),
            (address(119, 14), Outcome::Approve),
            (address(120, 0), Outcome::Review),
            (address(600, 0), Outcome::Decline),
            (address(1, 15), Outcome::Review),
            (address(1, 40), Outcome::Decline),
            (amount(19_999), Outcome::Approve),
            (amount(20_000), Outcome::Review),
            (amount(i64::MAX), Outcome::Review),
        ];
        for (evidence, outcome) in cases {
            assert_eq!(decide(evidence).outcome, outcome, "{evidence:?}");
        }
    }

    #[test]
    fn what_is_not_known_is_said_and_not_taken_for_nothing() {
        let nothing = Evidence { amount: i64::MAX, subject: None, address: None, usual: None };
        let decided = decide(nothing);
        assert_eq!((decided.outcome, decided.score), (Outcome::Approve, 0));
        assert_eq!(decided.missing.len(), RULES.len());
        let few = decide(Evidence { usual: Some(Usual { payments: ENOUGH - 1, total: 19 }), ..evidence() });
        assert_eq!(few.missing, ["unusual_amount"]);
    }

    #[test]
    fn a_decision_can_be_worked_out_again_from_what_is_kept_of_it() {
        let busy = Evidence { subject: Some(Activity { intents: 61, declines: 0 }), ..evidence() };
        let kept = serde_json::to_value(decide(busy)).unwrap();
        let read: Assessment = serde_json::from_value(kept).unwrap();
        assert_eq!(read.ruleset, RULESET);
        assert_eq!(assess(read.decision_id.clone(), read.evidence, read.is_shadow), read);
    }

    #[test]
    fn in_its_shadow_nobody_is_held_back() {
        let busy = Evidence { subject: Some(Activity { intents: 61, declines: 4 }), ..evidence() };
        let decided = assess(DecisionId::new("dec_1").unwrap(), busy, true);
        assert_eq!(decided.outcome, Outcome::Decline);
        assert!(!decided.forbids() && !decided.holds_back());
        assert!(decide(busy).forbids());
    }
}
