//! Stripe's disputes, as far as we read them.

use domain::{
    Currency, Money,
    payment::{DisputeReport, DisputeStatus},
};
use jiff::Timestamp;
use serde::Deserialize;

/// A dispute.
#[derive(Debug, Clone, Deserialize)]
pub struct StripeDispute {
    /// Stripe's name for it.
    pub id: String,
    /// The intent whose money is asked back.
    #[serde(default)]
    pub payment_intent: Option<String>,
    amount: i64,
    currency: Currency,
    reason: String,
    status: String,
    created: i64,
    #[serde(default)]
    evidence_details: EvidenceDetails,
}

#[derive(Debug, Clone, Default, Deserialize)]
struct EvidenceDetails {
    #[serde(default)]
    due_by: Option<i64>,
}

impl StripeDispute {
    /// What it says, asked at `asked_at`; `None` if it is of a kind that we do not know.
    pub fn report(&self, asked_at: Timestamp) -> Option<DisputeReport> {
        let instant = |seconds| Timestamp::from_second(seconds).ok();
        Some(DisputeReport {
            stripe_id: self.id.clone(),
            intent_id: self.payment_intent.clone(),
            status: self.status()?,
            reason: self.reason.clone(),
            amount: Money::from_stripe(self.amount, self.currency)?,
            due_by: self.evidence_details.due_by.and_then(instant),
            opened_at: instant(self.created)?,
            asked_at,
        })
    }

    fn status(&self) -> Option<DisputeStatus> {
        use DisputeStatus as S;
        Some(match self.status.as_str() {
            "warning_needs_response" => S::WarningNeedsResponse,
            "warning_under_review" => S::WarningUnderReview,
            // One that was settled before the bank took anything is no more than a question either.
            "warning_closed" | "prevented" => S::WarningClosed,
            "needs_response" => S::NeedsResponse,
            "under_review" => S::UnderReview,
            "won" => S::Won,
            "lost" => S::Lost,
            _ => return None,
        })
    }
}
