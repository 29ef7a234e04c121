//! What Stripe says about a payment.

use serde::{Deserialize, Serialize};

use super::PaymentStatus;
use crate::Money;

/// What Stripe says about a PaymentIntent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IntentReport {
    /// Stripe's name for it.
    pub intent_id: String,
    /// Which try of the payment it is.
    pub attempt: u32,
    /// Its state.
    pub status: IntentStatus,
    /// What was asked for.
    pub amount: Money,
    /// Minor units that are reserved with the bank.
    pub capturable: i64,
    /// Minor units received so far.
    pub received: i64,
    /// The charge that the bank refused last, if it refused the last one.
    pub declined_charge: Option<String>,
    /// Where Stripe shows the receipt.
    pub receipt_url: Option<String>,
}

/// Stripe's states of a PaymentIntent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IntentStatus {
    /// Waiting for a card.
    RequiresPaymentMethod,
    /// Waiting to be confirmed.
    RequiresConfirmation,
    /// Waiting for the customer.
    RequiresAction,
    /// The bank is at it.
    Processing,
    /// Authorised, waiting to be captured.
    RequiresCapture,
    /// Called off.
    Canceled,
    /// Paid.
    Succeeded,
}

impl IntentStatus {
    /// Where a payment is whose intent is here.
    pub(super) const fn means(self) -> PaymentStatus {
        match self {
            Self::RequiresPaymentMethod | Self::RequiresConfirmation => PaymentStatus::RequiresPaymentMethod,
            Self::RequiresAction => PaymentStatus::RequiresAction,
            Self::Processing => PaymentStatus::Processing,
            Self::RequiresCapture => PaymentStatus::Authorized,
            Self::Canceled => PaymentStatus::Cancelled,
            Self::Succeeded => PaymentStatus::Succeeded,
        }
    }
}
