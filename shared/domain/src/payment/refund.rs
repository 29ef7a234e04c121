//! Refunds: money on its way back.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{KEYS_LAST, Payment};
use crate::{
    InvalidTransition, Line, Money, OrderId, PaymentId, RefundId,
    reservation::{ReservedLine, less},
};

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
    /// Whether it is for all that is left of the money, however much that turns out to be.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_rest: bool,
    /// Which try this is: for another amount Stripe is asked under another name.
    #[serde(default = "super::first")]
    pub attempt: u32,
    /// How many lines of `restock`, from the first on, are on the shelf. What came back stays, whatever becomes of the
    /// money: a bank may send it back after that.
    #[serde(default, skip_serializing_if = "is_none_yet")]
    pub shelved: usize,
    /// Stripe's name for it, once Stripe has answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stripe_id: Option<String>,
    /// The intent whose money goes back, if it is not the payment's own but one that was replaced: that money was
    /// never booked as received, so its way back is not booked on the payment either.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stray_intent: Option<String>,
    /// When it began.
    pub created_at: Timestamp,
    /// How many changes there were.
    #[serde(default)]
    pub version: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
const fn is_none_yet(lines: &usize) -> bool {
    *lines == 0
}

/// What is done about a refund that nobody has heard the end of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RefundStep {
    /// Nothing: it has ended.
    Nothing,
    /// Nothing is left that it could give back: all of it went back otherwise. It is called off.
    CallOff,
    /// Stripe is asked how the one stands that it knows by this name.
    Ask(String),
    /// Stripe has forgotten our name for it: it is looked for among all that went back, and made if it is not there.
    LookUp,
    /// Stripe is asked to make it under our name for it, which happens once however often it is asked.
    Make,
}

/// What is done once it is known how a refund stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Booking {
    /// Nothing: it was known before.
    Nothing,
    /// Only Stripe's name for it is kept. Without it Stripe could only be asked by making the refund again, which answers as
    /// the first time for a day, and gives the money back a second time after that.
    Name(Refund),
    /// What comes back with it is put on the shelf first, each time together with the note that it is there: whatever becomes
    /// of the money after that, nobody takes it back a second time.
    Shelve,
    /// It ends like this.
    End(Refund),
}

impl Refund {
    /// All that is left of a payment's money, however much that turns out to be, about to go back.
    pub fn rest(payment: &Payment, id: RefundId, now: Timestamp) -> Self {
        Self { is_rest: true, ..Self::of(payment, id, payment.refundable(), now) }
    }

    /// A refund that somebody made at Stripe of the money of `intent`. What is not the payment's own intent was never booked as
    /// received.
    pub fn imported(
        payment: &Payment,
        id: RefundId,
        amount: Money,
        intent: Option<String>,
        now: Timestamp,
    ) -> Self {
        let is_stray = payment.intent_id != intent;
        let stray_intent = intent.filter(|_| is_stray);
        Self { amount, stray_intent, ..Self::of(payment, id, amount.amount, now) }
    }

    /// What is done about it at `now`.
    pub fn next(&self, now: Timestamp) -> RefundStep {
        match &self.stripe_id {
            _ if self.status != RefundStatus::Pending => RefundStep::Nothing,
            _ if self.is_needless() => RefundStep::CallOff,
            Some(known) => RefundStep::Ask(known.clone()),
            None if now.duration_since(self.created_at) >= KEYS_LAST => RefundStep::LookUp,
            None => RefundStep::Make,
        }
    }

    /// What is done once it is known that it stands like this and, perhaps, what Stripe calls it.
    pub fn book(&self, status: RefundStatus, stripe_id: Option<&str>) -> Booking {
        let known = stripe_id.map(str::to_owned).or_else(|| self.stripe_id.clone());
        match self.end(status) {
            Ok(_) if self.brings_back(status) && self.shelved < self.restock.len() => Booking::Shelve,
            Ok(ended) => Booking::End(Self { stripe_id: known, ..ended }),
            Err(_) if self.status == RefundStatus::Pending && self.stripe_id != known => {
                Booking::Name(Self { stripe_id: known, version: self.version + 1, ..self.clone() })
            }
            Err(_) => Booking::Nothing,
        }
    }

    /// `amount` minor units of a payment that are about to go back, and nothing else.
    pub fn of(payment: &Payment, id: RefundId, amount: i64, now: Timestamp) -> Self {
        Self {
            id,
            payment_id: payment.id.clone(),
            order_id: payment.order_id.clone(),
            amount: Money::new(amount, payment.amount.currency),
            status: RefundStatus::Pending,
            reason: None,
            restock: vec![],
            is_rest: false,
            attempt: 1,
            shelved: 0,
            stripe_id: None,
            stray_intent: None,
            created_at: now,
            version: 1,
        }
    }

    /// The refund as it ended; one that has ended stays, unless a success turns out to have failed at the bank.
    pub fn end(&self, status: RefundStatus) -> Result<Self, InvalidTransition> {
        use RefundStatus as S;
        match (self.status, status) {
            (S::Pending, S::Succeeded | S::Failed | S::Cancelled) | (S::Succeeded, S::Failed) => {
                Ok(Self { status, version: self.version + 1, ..self.clone() })
            }
            _ => Err(InvalidTransition),
        }
    }

    /// The name under which Stripe is asked for this try of it, so that it is made once.
    pub fn key(&self) -> String {
        match self.attempt {
            0 | 1 => self.id.to_string(),
            attempt => format!("{}-{attempt}", self.id),
        }
    }

    /// The refund of less, since less is left: another try.
    fn shrink(&self, left: i64) -> Self {
        let amount = Money::new(left, self.amount.currency);
        Self { amount, attempt: self.attempt + 1, version: self.version + 1, ..self.clone() }
    }

    /// Whether there is nothing left that it could give back: all of it went back otherwise.
    const fn is_needless(&self) -> bool {
        self.is_rest && self.amount.amount == 0
    }

    /// Whether its pieces come back when it ends like this: when the money has gone back, with it or without it.
    const fn brings_back(&self, end: RefundStatus) -> bool {
        matches!(end, RefundStatus::Succeeded) || self.is_needless()
    }

    /// The refund after `lines` more lines of it are on the shelf.
    #[must_use]
    pub fn shelve(&self, lines: usize) -> Self {
        Self { shelved: self.shelved + lines, version: self.version + 1, ..self.clone() }
    }

    /// What comes back with it or has come back: all that it is to take back while it stands; of one that came to
    /// nothing, what was on the shelf by then.
    pub fn takes(&self) -> &[ReservedLine] {
        match self.status {
            RefundStatus::Pending | RefundStatus::Succeeded => &self.restock,
            RefundStatus::Failed | RefundStatus::Cancelled => {
                self.restock.get(..self.shelved).unwrap_or(&self.restock)
            }
        }
    }
}

impl Payment {
    /// The payment and its refund of all that is left, which Stripe refused, now that all is booked that went back: what is
    /// given back and set aside for it is what is left then. `None` if it was not refused for want of money, or is for so much
    /// and nothing else.
    pub fn shrink_refund(&self, refused: &Refund) -> Option<(Self, Refund)> {
        let is_short = self.refundable() < 0 && refused.is_rest && refused.stray_intent.is_none();
        let smaller = refused.shrink((refused.amount.amount + self.refundable()).max(0));
        let refunding = self.refunding - refused.amount.amount + smaller.amount.amount;
        is_short.then(|| (Self { refunding, ..self.moved(self.status) }, smaller))
    }
}

/// What of `sold` has not come back with any of `refunds`, nor is on its way.
pub fn still_sold<'a>(
    sold: &[ReservedLine],
    refunds: impl IntoIterator<Item = &'a Refund>,
) -> Vec<ReservedLine> {
    let back: Vec<_> = refunds.into_iter().flat_map(Refund::takes).cloned().collect();
    less(sold, &back)
}
