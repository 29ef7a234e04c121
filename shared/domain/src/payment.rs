//! Payments and refunds: what the shop believes about the customer's money, and when it changes its mind.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    InvalidTransition, Line, Money, OrderId, PaymentId, RefundId, UserId, reservation::ReservedLine,
};

/// Where a payment is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PaymentStatus {
    /// Waiting for the customer's card, perhaps again after a refusal.
    RequiresPaymentMethod,
    /// Waiting for the customer to prove who they are.
    RequiresAction,
    /// The bank is at it.
    Processing,
    /// The money is reserved with the bank.
    Authorized,
    /// The money is here.
    Succeeded,
    /// It will not come.
    Failed,
    /// Called off.
    Cancelled,
    /// We asked Stripe and heard no answer; only the repair, by asking again, leaves this state.
    Unknown,
    /// The money does not match the order; a person must look.
    Review,
}

impl PaymentStatus {
    /// Whether nothing that Stripe says can change it any more.
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed | Self::Cancelled | Self::Review)
    }
}

/// The paying of one order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Payment {
    /// Its name.
    pub id: PaymentId,
    /// What is paid.
    pub order_id: OrderId,
    /// Who pays.
    pub owner: UserId,
    /// How much.
    pub amount: Money,
    /// Where it is.
    pub status: PaymentStatus,
    /// Stripe's name for it, once Stripe has answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub intent_id: Option<String>,
    /// With this the customer's browser talks to Stripe about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_secret: Option<String>,
    /// Where Stripe shows the receipt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub receipt_url: Option<String>,
    /// Minor units that were received.
    pub captured: i64,
    /// Minor units that went back.
    pub refunded: i64,
    /// Minor units that are on their way back.
    pub refunding: i64,
    /// When it began.
    pub created_at: Timestamp,
    /// How many changes there were.
    pub version: u64,
}

/// What Stripe says about a PaymentIntent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IntentReport {
    /// Stripe's name for it.
    pub intent_id: String,
    /// Its state.
    pub status: IntentStatus,
    /// What was asked for.
    pub amount: Money,
    /// Minor units received so far.
    pub received: i64,
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

/// What a report from Stripe means for a payment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finding {
    /// Nothing new.
    Unchanged,
    /// The payment is elsewhere, but the order is not concerned.
    Moved(Payment),
    /// The money is here: the order can be settled with this payment.
    Paid(Payment),
    /// The money is here, but it is not what the order costs.
    Mismatched(Payment),
}

impl Payment {
    fn moved(&self, status: PaymentStatus) -> Self {
        Self { status, version: self.version + 1, ..self.clone() }
    }

    /// Reads a report from Stripe. Reports may repeat, come late or out of order; what is final stays.
    pub fn observe(&self, report: &IntentReport) -> Finding {
        if self.status.is_final() || self.intent_id.as_ref().is_some_and(|known| *known != report.intent_id) {
            return Finding::Unchanged;
        }
        let status = match report.status {
            IntentStatus::RequiresPaymentMethod | IntentStatus::RequiresConfirmation => {
                PaymentStatus::RequiresPaymentMethod
            }
            IntentStatus::RequiresAction => PaymentStatus::RequiresAction,
            IntentStatus::Processing => PaymentStatus::Processing,
            IntentStatus::RequiresCapture => PaymentStatus::Authorized,
            IntentStatus::Canceled => PaymentStatus::Cancelled,
            IntentStatus::Succeeded => PaymentStatus::Succeeded,
        };
        let seen = Self {
            intent_id: Some(report.intent_id.clone()),
            receipt_url: report.receipt_url.clone().or_else(|| self.receipt_url.clone()),
            ..self.moved(status)
        };
        match status {
            PaymentStatus::Succeeded
                if report.amount != self.amount || report.received != self.amount.amount =>
            {
                Finding::Mismatched(Self { status: PaymentStatus::Review, captured: report.received, ..seen })
            }
            PaymentStatus::Succeeded => Finding::Paid(Self { captured: report.received, ..seen }),
            same if same == self.status && self.intent_id.is_some() => Finding::Unchanged,
            _ => Finding::Moved(seen),
        }
    }

    /// The payment, which Stripe will not even begin.
    #[must_use]
    pub fn fail(&self) -> Self {
        self.moved(PaymentStatus::Failed)
    }

    /// Minor units that can still be given back.
    pub const fn refundable(&self) -> i64 {
        self.captured - self.refunded - self.refunding
    }

    /// Sets `amount` minor units aside to be given back, before Stripe is asked.
    pub fn begin_refund(&self, amount: i64) -> Result<Self, RefundError> {
        if !matches!(self.status, PaymentStatus::Succeeded | PaymentStatus::Review) {
            return Err(RefundError::NotPaid);
        }
        if amount <= 0 || amount > self.refundable() {
            return Err(RefundError::ExceedsCaptured { refundable: self.refundable() });
        }
        Ok(Self { refunding: self.refunding + amount, ..self.moved(self.status) })
    }

    /// Books that a refund of `amount` minor units went from `before` to `after`.
    ///
    /// One that succeeded can still fail at the bank, days later: its amount can then be given back again.
    #[must_use]
    pub fn end_refund(&self, before: RefundStatus, after: RefundStatus, amount: i64) -> Self {
        let on_its_way = |status| i64::from(status == RefundStatus::Pending) * amount;
        let given_back = |status| i64::from(status == RefundStatus::Succeeded) * amount;
        Self {
            refunding: self.refunding - on_its_way(before) + on_its_way(after),
            refunded: self.refunded - given_back(before) + given_back(after),
            ..self.moved(self.status)
        }
    }
}

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Currency;

    fn payment(status: PaymentStatus) -> Payment {
        Payment {
            id: PaymentId::new("pay_1").unwrap(),
            order_id: OrderId::new("ord_1").unwrap(),
            owner: UserId::new("ana").unwrap(),
            amount: Money::new(100, Currency::new("GBP").unwrap()),
            status,
            intent_id: Some("pi_1".into()),
            client_secret: None,
            receipt_url: None,
            captured: 0,
            refunded: 0,
            refunding: 0,
            created_at: Timestamp::UNIX_EPOCH,
            version: 1,
        }
    }

    fn report(status: IntentStatus, received: i64, currency: &str) -> IntentReport {
        let amount = Money::new(100, Currency::new(currency).unwrap());
        IntentReport { intent_id: "pi_1".into(), status, amount, received, receipt_url: None }
    }

    #[test]
    fn the_money_settles_once() {
        let Finding::Paid(paid) =
            payment(PaymentStatus::Processing).observe(&report(IntentStatus::Succeeded, 100, "GBP"))
        else {
            panic!("not paid");
        };
        assert_eq!((paid.status, paid.captured, paid.version), (PaymentStatus::Succeeded, 100, 2));
        assert_eq!(paid.observe(&report(IntentStatus::Succeeded, 100, "GBP")), Finding::Unchanged);
        assert_eq!(
            paid.observe(&report(IntentStatus::Processing, 0, "GBP")),
            Finding::Unchanged,
            "an older report"
        );
    }

    #[test]
    fn money_that_does_not_match_goes_to_review() {
        for wrong in [report(IntentStatus::Succeeded, 99, "GBP"), report(IntentStatus::Succeeded, 100, "USD")]
        {
            let found = payment(PaymentStatus::Processing).observe(&wrong);
            assert!(
                matches!(found, Finding::Mismatched(Payment { status: PaymentStatus::Review, .. })),
                "{found:?}"
            );
        }
    }

    #[test]
    fn another_intent_says_nothing_about_this_payment() {
        let other = IntentReport { intent_id: "pi_2".into(), ..report(IntentStatus::Succeeded, 100, "GBP") };
        assert_eq!(payment(PaymentStatus::Processing).observe(&other), Finding::Unchanged);
    }

    #[test]
    fn refunds_never_exceed_what_was_captured() {
        let paid = Payment { captured: 100, ..payment(PaymentStatus::Succeeded) };
        let first = paid.begin_refund(60).unwrap();
        assert_eq!(first.begin_refund(60), Err(RefundError::ExceedsCaptured { refundable: 40 }));
        let ended = |status| first.end_refund(RefundStatus::Pending, status, 60);
        assert_eq!(ended(RefundStatus::Failed).refundable(), 100, "a failed refund gives its amount back");
        let returned = ended(RefundStatus::Succeeded);
        assert_eq!((returned.refundable(), returned.refunded), (40, 60));
        let bounced = returned.end_refund(RefundStatus::Succeeded, RefundStatus::Failed, 60);
        assert_eq!((bounced.refundable(), bounced.refunded, bounced.refunding), (100, 0, 0));
        assert!(
            paid.begin_refund(0).is_err()
                && paid.begin_refund(-1).is_err()
                && paid.begin_refund(i64::MAX).is_err()
        );
        assert_eq!(payment(PaymentStatus::Processing).begin_refund(1), Err(RefundError::NotPaid));
    }
}
