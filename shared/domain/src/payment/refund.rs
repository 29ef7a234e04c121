//! Refunds: money on its way back.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{InvalidTransition, Line, Money, OrderId, PaymentId, RefundId, reservation::ReservedLine};

/// Money cannot be given back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RefundError {
    /// There is none.
    #[error("the payment has not succeeded")]
    NotPaid,
    /// Not that much.
    #[error("only {refundable} minor units can still be refunded")]
    ExceedsCaptured {
        /// How much can be.
        refundable: i64,
    },
}

/// Where a refund is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RefundStatus {
    /// Stripe is at it, or has not been asked yet.
    Pending,
    /// The money went back.
    Succeeded,
    /// It did not.
    Failed,
    /// Called off.
    Cancelled,
}

/// Money going back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refund {
    /// Its name.
    pub id: RefundId,
    /// Of which payment.
    pub payment_id: PaymentId,
    /// Of which order.
    pub order_id: OrderId,
    /// How much.
    pub amount: Money,
    /// Where it is.
    pub status: RefundStatus,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Line>,
    /// Pieces that go back on the shelf once the money went back.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub restock: Vec<ReservedLine>,
    /// Stripe's name for it, once Stripe has answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stripe_id: Option<String>,
    /// The intent whose money goes back, if it is not the payment's own but one that was replaced: that money was
    /// never booked as received, so its way back is not booked on the payment either.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stray_intent: Option<String>,
    /// When it began.
    pub created_at: Timestamp,
}

impl Refund {
    /// The refund as it ended; one that has ended stays, unless a success turns out to have failed at the bank.
    pub fn end(&self, status: RefundStatus) -> Result<Self, InvalidTransition> {
        use RefundStatus as S;
        match (self.status, status) {
            (S::Pending, S::Succeeded | S::Failed | S::Cancelled) | (S::Succeeded, S::Failed) => {
                Ok(Self { status, ..self.clone() })
            }
            _ => Err(InvalidTransition),
        }
    }
}
