//! What Stripe says about a payment.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

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
    /// What was refused last, if the last try was.
    pub declined: Option<Decline>,
    /// Where Stripe shows the receipt.
    pub receipt_url: Option<String>,
}

/// A card that was refused, once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Decline {
    /// Stripe's name of what was refused: the charge, or the card if the bank was not asked for a charge.
    pub attempt: String,
    /// Stripe's word for why: `insufficient_funds`, `expired_card`.
    pub reason: String,
}

/// Reasons that Stripe wants kept from whoever holds the card, who may not be whose it is.
/// <https://docs.stripe.com/declines/codes>
const KEPT_BACK: [&str; 4] = ["fraudulent", "lost_card", "merchant_blacklist", "stolen_card"];

impl Decline {
    /// Why, as far as the shopper may know.
    pub fn told_reason(&self) -> &str {
        if KEPT_BACK.contains(&self.reason.as_str()) { "card_declined" } else { &self.reason }
    }
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
