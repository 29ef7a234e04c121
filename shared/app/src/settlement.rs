//! Settling: the one place where what Stripe says becomes what the shop believes.
//!
//! `confirm`, the webhook and the sweeper all end here, in any order and any number. The payment, the order, the
//! stock and their journal rows are written in one transaction that only one of them wins.

mod capturing;
mod closing;
mod disputes;
mod intents;
mod refunds;
mod selling;

use contract::Fact;
use domain::{
    PaymentId,
    order::Order,
    payment::{Decline, Finding, IntentReport, Payment},
};

use crate::{
    Clock, Error, Result,
    journal::Author,
    limits::by_address,
    store::{Dynamo, Transaction, payments::StoredPayment},
    stripe::Stripe,
};

pub(crate) use self::closing::close_hold;

/// How often a decision is made anew because somebody was faster.
const MAX_ROUNDS: u32 = 8;

/// Settles payments.
#[derive(Debug, Clone)]
pub struct Settlement {
    pub(crate) store: Dynamo,
    pub(crate) clock: Clock,
    pub(crate) stripe: Stripe,
}

/// The order's journal event about how much of it is paid.
fn order_payment_updated(order: &Order, payment: &Payment) -> Fact {
    Fact::OrderPaymentUpdated {
        order_id: order.id.clone(),
        customer_id: order.owner.clone(),
        payment_id: payment.id.clone(),
        payment_status: order.payment_status,
    }
}

/// The order's journal event about its new status.
pub(crate) fn status_updated(before: &Order, after: &Order, notes: Option<String>) -> Fact {
    Fact::OrderStatusUpdated {
        order_id: after.id.clone(),
        customer_id: after.owner.clone(),
        previous_status: before.status,
        current_status: after.status,
        notes,
        tracking: after.tracking.clone(),
    }
}

/// The payment's journal event about where it is.
fn payment_updated(payment: &Payment) -> Fact {
    payment_moved(payment, None)
}

/// The same, and what was refused if that is why.
fn payment_moved(payment: &Payment, declined: Option<Decline>) -> Fact {
    Fact::PaymentUpdated {
        payment_id: payment.id.clone(),
        order_id: payment.order_id.clone(),
        customer_id: payment.owner.clone(),
        status: payment.status,
        amount: payment.amount,
        declined,
    }
}

impl Settlement {
    /// Settlement over `store` with the money at `stripe`.
    pub const fn new(store: Dynamo, clock: Clock, stripe: Stripe) -> Self {
        Self { store, clock, stripe }
    }

    /// Takes a report from Stripe into account, whoever brings it and however often.
    pub async fn settle(&self, author: &Author, id: &PaymentId, report: &IntentReport) -> Result<Payment> {
        for _ in 0..MAX_ROUNDS {
            let stored = self.store.payment(&author.shop, id).await?.ok_or(Error::NotFound)?;
            let settled = match stored.payment.observe(report) {
                Finding::Unchanged => Some(stored.payment),
                Finding::Moved(next) | Finding::Mismatched(next) => {
                    self.move_payment(author, &stored, next).await?
                }
                Finding::Declined(next, decline) => self.note_decline(author, &stored, next, decline).await?,
                // Boxed: what is found out on the way may have to be settled in its turn.
                Finding::Paid(next) => Box::pin(self.pay_order(author, &stored, next)).await?,
                Finding::Released(next) => self.release_order(author, &stored, next).await?,
                Finding::Stray => Some(Box::pin(self.return_stray(author, stored.payment, report)).await?),
            };
            match settled {
                Some(payment) if payment.is_returning => return self.return_pieces(author, payment).await,
                Some(payment) => return Ok(payment),
                None => {}
            }
        }
        Err(Error::busy())
    }

    /// Asks Stripe how a payment stands and settles it.
    pub async fn ask(&self, author: &Author, payment: &Payment) -> Result<Payment> {
        let Some(intent) = &payment.intent_id else {
            return Ok(payment.clone());
        };
        let report = self.stripe.intent(intent).await?.report();
        self.settle(author, &payment.id, &report).await
    }

    /// Writes a payment that has moved without concerning its order; `None` if somebody was faster.
    pub(crate) async fn move_payment(
        &self,
        author: &Author,
        stored: &StoredPayment,
        next: Payment,
    ) -> Result<Option<Payment>> {
        let fact = payment_updated(&next);
        self.move_payment_by(author, stored, next, fact).await
    }

    /// The same, when there is more to be told than that.
    pub(crate) async fn move_payment_by(
        &self,
        author: &Author,
        stored: &StoredPayment,
        next: Payment,
        fact: Fact,
    ) -> Result<Option<Payment>> {
        let mut transaction = Transaction::default();
        self.write_payment(&mut transaction, author, stored, &next, fact)?;
        Ok(self.store.commit(&transaction).await?.is_ok().then_some(next))
    }

    /// Writes that a card was refused, and counts it for whoever tried and for where they are.
    async fn note_decline(
        &self,
        author: &Author,
        stored: &StoredPayment,
        next: Payment,
        decline: Decline,
    ) -> Result<Option<Payment>> {
        let mut transaction = Transaction::default();
        self.write_payment(&mut transaction, author, stored, &next, payment_moved(&next, Some(decline)))?;
        if let Some(source) = &next.source {
            for counted in [next.owner.as_str(), &by_address(source)] {
                transaction.count_decline(&self.store, &author.shop, counted, self.clock.now())?;
            }
        }
        Ok(self.store.commit(&transaction).await?.is_ok().then_some(next))
    }

    fn write_payment(
        &self,
        transaction: &mut Transaction,
        author: &Author,
        stored: &StoredPayment,
        next: &Payment,
        fact: Fact,
    ) -> Result<()> {
        let event = author.event(&self.clock, format!("payment:{}", next.id), next.version, fact);
        let written = StoredPayment { payment: next.clone(), fingerprint: stored.fingerprint.clone() };
        transaction.put_payment(&self.store, &author.shop, &written, stored.payment.version)?;
        transaction.journal_payment(&self.store, &next.id, &event)
    }
}
