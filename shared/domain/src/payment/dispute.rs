//! Disputes: a customer's bank asks for money back that was paid.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Payment;
use crate::{DisputeId, Money, OrderId, PaymentId};

/// Where a dispute is. Stripe's own names, and ours for one that the shop gave in to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DisputeStatus {
    /// The bank asks a question, and takes no money yet: the shop should answer.
    WarningNeedsResponse,
    /// The bank reads the answer to its question.
    WarningUnderReview,
    /// The question led to nothing.
    WarningClosed,
    /// The bank has taken the money: the shop should say why it is its own.
    NeedsResponse,
    /// The bank reads what the shop said.
    UnderReview,
    /// The money came back to the shop.
    Won,
    /// The money is the customer's.
    Lost,
    /// The same, because the shop gave in.
    Accepted,
}

impl DisputeStatus {
    /// The status as it is written.
    pub const fn name(self) -> &'static str {
        match self {
            Self::WarningNeedsResponse => "warning_needs_response",
            Self::WarningUnderReview => "warning_under_review",
            Self::WarningClosed => "warning_closed",
            Self::NeedsResponse => "needs_response",
            Self::UnderReview => "under_review",
            Self::Won => "won",
            Self::Lost => "lost",
            Self::Accepted => "accepted",
        }
    }

    /// Whether the bank only asks, and has not taken the money.
    pub const fn is_question(self) -> bool {
        matches!(self, Self::WarningNeedsResponse | Self::WarningUnderReview | Self::WarningClosed)
    }

    /// Whether a dispute opens that is here and was at `before`, or nowhere: it is heard of first, or the bank has taken the
    /// money after its question.
    pub fn opens_after(self, before: Option<Self>) -> bool {
        let is_known = before.is_some_and(|before| !before.is_question() || self.is_question());
        !is_known && !self.is_settled()
    }

    /// Whether it ended well for the shop: nothing of the payment is disputed by it any more.
    pub const fn is_settled(self) -> bool {
        matches!(self, Self::WarningClosed | Self::Won)
    }
}

/// What Stripe says about a dispute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DisputeReport {
    /// Stripe's name for it.
    pub stripe_id: String,
    /// The intent whose money is asked for.
    pub intent_id: Option<String>,
    /// Where it is.
    pub status: DisputeStatus,
    /// Stripe's word for why: `fraudulent`, `product_not_received`.
    pub reason: String,
    /// How much is asked for.
    pub amount: Money,
    /// Until when the shop may answer.
    pub due_by: Option<Timestamp>,
    /// When it was opened.
    pub opened_at: Timestamp,
    /// When Stripe was asked: it stood like this then, or later.
    pub asked_at: Timestamp,
}

/// A dispute of a payment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dispute {
    /// Its name.
    pub id: DisputeId,
    /// Of which payment.
    pub payment_id: PaymentId,
    /// Of which order.
    pub order_id: OrderId,
    /// Where it is.
    pub status: DisputeStatus,
    /// Stripe's word for why.
    pub reason: String,
    /// How much is asked for.
    pub amount: Money,
    /// Until when the shop may answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due_by: Option<Timestamp>,
    /// Stripe's name for it.
    pub stripe_id: String,
    /// Whether it is about an intent that was replaced, whose money was never booked as received.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_stray: bool,
    /// When it was opened.
    pub opened_at: Timestamp,
    /// When Stripe was asked for how it stands now.
    pub asked_at: Timestamp,
    /// How many changes there were.
    pub version: u64,
}

impl Dispute {
    /// A dispute that nobody has heard of before.
    pub fn opened(id: DisputeId, payment: &Payment, report: &DisputeReport) -> Self {
        Self {
            id,
            payment_id: payment.id.clone(),
            order_id: payment.order_id.clone(),
            status: report.status,
            reason: report.reason.clone(),
            amount: report.amount,
            due_by: report.due_by,
            stripe_id: report.stripe_id.clone(),
            is_stray: payment.intent_id != report.intent_id,
            opened_at: report.opened_at,
            asked_at: report.asked_at,
            version: 1,
        }
    }

    /// The dispute after it was heard how it stands; `None` if that is not new.
    ///
    /// Stripe's disputes carry no version, and may come back after they were closed. So whoever asked last is right.
    #[must_use]
    pub fn hear(&self, report: &DisputeReport) -> Option<Self> {
        let heard = Self {
            status: report.status,
            reason: report.reason.clone(),
            amount: report.amount,
            due_by: report.due_by,
            ..self.clone()
        };
        let is_news = heard != *self && report.asked_at >= self.asked_at;
        // What the shop gave in to is lost at Stripe.
        let is_known = self.status == DisputeStatus::Accepted && report.status == DisputeStatus::Lost;
        (is_news && !is_known).then(|| Self { asked_at: report.asked_at, version: self.version + 1, ..heard })
    }
}

impl Payment {
    /// The payment after a dispute of it has come to be as it is, from what it was `before`, or from nothing.
    #[must_use]
    pub fn dispute(&self, before: Option<&Dispute>, dispute: &Dispute) -> Self {
        let counts = |dispute: &Dispute| u32::from(!dispute.status.is_settled() && !dispute.is_stray);
        let others = self.disputed.saturating_sub(before.map_or(0, counts));
        Self { disputed: others + counts(dispute), ..self.moved(self.status) }
    }
}
