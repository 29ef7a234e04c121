//! Payments and refunds: what the shop believes about the customer's money, and when it changes its mind.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{Money, OrderId, PaymentId, UserId, risk::Assessment};

mod dispute;
mod refund;
mod report;
#[cfg(test)]
mod tests;

pub use dispute::{Dispute, DisputeReport, DisputeStatus};
pub use refund::{Booking, Refund, RefundError, RefundStatus, RefundStep, still_sold};
pub use report::{Decline, IntentReport, IntentStatus};

/// Stripe forgets idempotency keys after a day. Before that, what may have been made is no longer asked for again but
/// looked up.
const KEYS_LAST: SignedDuration = SignedDuration::from_hours(23);

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

/// When the money of an approved card is taken.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CaptureMethod {
    /// At once.
    #[default]
    Automatic,
    /// When the shop asks for it; until then it is only reserved with the bank.
    Manual,
}

impl std::str::FromStr for CaptureMethod {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        match text {
            "automatic" => Ok(Self::Automatic),
            "manual" => Ok(Self::Manual),
            _ => Err(()),
        }
    }
}

impl CaptureMethod {
    /// Whether it is the usual one.
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
    const fn is_automatic(&self) -> bool {
        matches!(self, Self::Automatic)
    }
}

/// What Stripe was asked to do with reserved money, written before it was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Asked {
    /// To take this many minor units of it and to let go of the rest.
    Capture(i64),
    /// To let go of all of it.
    Void,
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
    /// When the money is taken.
    #[serde(default, skip_serializing_if = "CaptureMethod::is_automatic")]
    pub capture_method: CaptureMethod,
    /// Which try this is: an intent that came to nothing can be replaced by another one.
    #[serde(default = "first")]
    pub attempt: u32,
    /// What Stripe was asked to do with the reserved money and has not been heard to have done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked: Option<Asked>,
    /// Since when somebody has to look after it again; nobody has to, if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub watched_since: Option<Timestamp>,
    /// Whether sold pieces are still to be put back on the shelf, because the reserved money was let go.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_returning: bool,
    /// Stripe's name of what was refused last, if anything was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub declined_charge: Option<String>,
    /// Digest of the address from which it was begun, under which refused cards are counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// What was thought of it before it began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub risk: Option<Assessment>,
    /// Minor units that are reserved with the bank.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub authorized: i64,
    /// Minor units that were received.
    pub captured: i64,
    /// Minor units that went back.
    pub refunded: i64,
    /// Minor units that are on their way back.
    pub refunding: i64,
    /// How many disputes of it are open or were lost.
    #[serde(default, skip_serializing_if = "is_none")]
    pub disputed: u32,
    /// When it began.
    pub created_at: Timestamp,
    /// How many changes there were.
    pub version: u64,
}

const fn first() -> u32 {
    1
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
const fn is_none(count: &u32) -> bool {
    *count == 0
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
const fn is_zero(units: &i64) -> bool {
    *units == 0
}

/// What a report from Stripe means for a payment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finding {
    /// Nothing new.
    Unchanged,
    /// The payment is elsewhere, but the order is not concerned.
    Moved(Payment),
    /// A card was refused; the customer may try another one.
    Declined(Payment, Decline),
    /// The money is here or reserved: the order can be settled with this payment.
    Paid(Payment),
    /// Reserved money was let go: what was sold for it is to come back.
    Released(Payment),
    /// The money is here, but it is not what the order costs.
    Mismatched(Payment),
    /// An intent that was given up, or another than the payment's own, has money, which must not stay.
    Stray,
}

impl Payment {
    fn moved(&self, status: PaymentStatus) -> Self {
        Self { status, version: self.version + 1, ..self.clone() }
    }

    /// Reads a report from Stripe. Reports may repeat, come late or out of order; what is final stays.
    pub fn observe(&self, report: &IntentReport) -> Finding {
        let has_ended = matches!(self.status, PaymentStatus::Failed | PaymentStatus::Cancelled);
        if self.is_of_another_intent(report) || has_ended {
            let has_money = matches!(report.status, IntentStatus::Succeeded | IntentStatus::RequiresCapture);
            return if has_money { Finding::Stray } else { Finding::Unchanged };
        }
        let status = report.status.means();
        // What is reserved is taken or let go; that it was once waiting for a card is old news.
        let is_old = self.status == PaymentStatus::Authorized && !status.is_final();
        if self.status.is_final() || is_old {
            return Finding::Unchanged;
        }
        let seen = self.seen(report, status);
        match status {
            PaymentStatus::Succeeded | PaymentStatus::Authorized if !self.accepts(report) => {
                Finding::Mismatched(Self { status: PaymentStatus::Review, ..seen })
            }
            PaymentStatus::Succeeded | PaymentStatus::Authorized => Finding::Paid(seen),
            PaymentStatus::Cancelled if self.status == PaymentStatus::Authorized => {
                Finding::Released(Self { is_returning: true, ..seen })
            }
            same => match &report.declined {
                Some(decline) if self.declined_charge.as_ref() != Some(&decline.attempt) => {
                    Finding::Declined(seen, decline.clone())
                }
                _ if same == self.status && self.intent_id.is_some() => Finding::Unchanged,
                _ => Finding::Moved(seen),
            },
        }
    }

    fn is_of_another_intent(&self, report: &IntentReport) -> bool {
        let is_other = self.intent_id.as_ref().is_some_and(|known| *known != report.intent_id);
        is_other || report.attempt != self.attempt
    }

    fn seen(&self, report: &IntentReport, status: PaymentStatus) -> Self {
        // Whatever has not ended is looked after once more; what has ended needs nobody, unless pieces come back.
        let is_released = status == PaymentStatus::Cancelled && self.status == PaymentStatus::Authorized;
        let declined = report.declined.clone();
        Self {
            intent_id: Some(report.intent_id.clone()),
            receipt_url: report.receipt_url.clone().or_else(|| self.receipt_url.clone()),
            declined_charge: declined.map(|decline| decline.attempt).or_else(|| self.declined_charge.clone()),
            authorized: report.capturable,
            captured: report.received,
            asked: None,
            watched_since: self.watched_since.filter(|_| !status.is_final() || is_released),
            ..self.moved(status)
        }
    }

    /// Whether the money is what the order costs. Of reserved money the shop may take less.
    fn accepts(&self, report: &IntentReport) -> bool {
        let has = if report.status == IntentStatus::Succeeded { report.received } else { report.capturable };
        let is_whole = has == self.amount.amount;
        let is_part = self.capture_method == CaptureMethod::Manual
            && report.status == IntentStatus::Succeeded
            && (1..=self.amount.amount).contains(&has);
        report.amount == self.amount && (is_whole || is_part)
    }

    /// Notes what Stripe is about to be asked to do with the reserved money.
    pub fn ask_for(&self, asked: Asked, now: Timestamp) -> Result<Self, NotReserved> {
        let fits = match asked {
            Asked::Capture(amount) => (1..=self.authorized).contains(&amount),
            Asked::Void => true,
        };
        match (self.status, self.asked) {
            (PaymentStatus::Authorized, None) if fits => Ok(Self {
                asked: Some(asked),
                watched_since: Some(now),
                ..self.moved(PaymentStatus::Authorized)
            }),
            (PaymentStatus::Authorized, Some(before)) if before == asked => Ok(self.clone()),
            (PaymentStatus::Authorized, Some(_)) => Err(NotReserved::Busy),
            (PaymentStatus::Authorized, None) => Err(NotReserved::Exceeds { authorized: self.authorized }),
            _ => Err(NotReserved::Nothing),
        }
    }

    /// The payment after Stripe refused what it was asked to do with the reserved money.
    #[must_use]
    pub fn refused(&self) -> Self {
        Self { asked: None, watched_since: None, ..self.moved(self.status) }
    }

    /// The payment after the pieces that were sold for it are back on the shelf.
    #[must_use]
    pub fn returned(&self) -> Self {
        Self { is_returning: false, watched_since: None, ..self.moved(self.status) }
    }

    /// Whether another intent may take the place of this one: it came to nothing and has no money.
    pub const fn is_replaceable(&self) -> bool {
        matches!(self.status, PaymentStatus::Failed | PaymentStatus::Cancelled) && !self.is_returning
    }

    /// The payment with another try, which Stripe has not been asked for yet.
    #[must_use]
    pub fn try_again(&self, capture_method: CaptureMethod, now: Timestamp) -> Self {
        Self {
            intent_id: None,
            client_secret: None,
            capture_method,
            attempt: self.attempt + 1,
            watched_since: Some(now),
            ..self.moved(PaymentStatus::Unknown)
        }
    }

    /// The payment with what was thought of this try; one that is forbidden has failed before it began.
    #[must_use]
    pub fn assessed(self, risk: Assessment) -> Self {
        match risk.forbids() {
            true => {
                let status = PaymentStatus::Failed;
                Self { status, watched_since: None, risk: Some(risk), ..self }
            }
            false => Self { risk: Some(risk), ..self },
        }
    }

    /// The name under which Stripe is asked for the intent of this try, so that it is made once.
    pub fn intent_key(&self) -> String {
        match self.attempt {
            0 | 1 => self.id.to_string(),
            attempt => format!("{}-{attempt}", self.id),
        }
    }

    /// Whether its intent, if there is one that nobody heard of, is looked up at `now` and no longer asked for.
    pub fn is_looked_up(&self, now: Timestamp) -> bool {
        now.duration_since(self.watched_since.unwrap_or(self.created_at)) >= KEYS_LAST
    }

    /// Whether somebody has to look at the order before it is packed.
    pub fn needs_review(&self) -> bool {
        self.risk.as_ref().is_some_and(Assessment::holds_back)
    }

    /// The payment, which Stripe will not even begin.
    #[must_use]
    pub fn fail(&self) -> Self {
        Self { watched_since: None, ..self.moved(PaymentStatus::Failed) }
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

    /// Books that `refund` went to where it is from `before`.
    ///
    /// One that succeeded can still fail at the bank, days later: its amount can then be given back again.
    #[must_use]
    pub fn end_refund(&self, before: RefundStatus, refund: &Refund) -> Self {
        let amount = if refund.stray_intent.is_none() { refund.amount.amount } else { 0 };
        let on_its_way = |status| i64::from(status == RefundStatus::Pending) * amount;
        let given_back = |status| i64::from(status == RefundStatus::Succeeded) * amount;
        Self {
            refunding: self.refunding - on_its_way(before) + on_its_way(refund.status),
            refunded: self.refunded - given_back(before) + given_back(refund.status),
            ..self.moved(self.status)
        }
    }
}

/// Stripe cannot be asked to do this with a payment's money.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotReserved {
    /// None is reserved.
    #[error("no money is reserved for this payment")]
    Nothing,
    /// Not that much.
    #[error("only {authorized} minor units are reserved")]
    Exceeds {
        /// How much is.
        authorized: i64,
    },
    /// Something else was asked before, and nobody knows yet what came of it.
    #[error("something else was asked of this payment and is not known to have ended")]
    Busy,
}
