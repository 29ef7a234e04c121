//! Ending what was not paid: the intent is called off first, and whatever Stripe says of it counts.

use domain::{
    ReservationId,
    order::OrderStatus,
    payment::{CaptureMethod, IntentStatus, Payment, PaymentStatus},
    reservation::{Ending, ReservationStatus},
};

use super::{Settlement, status_updated};
use crate::{
    Clock, Error, Result,
    journal::Author,
    store::{Dynamo, Transaction, orders::StoredOrder},
};

impl Settlement {
    /// Ends an order that was not paid: calls its intent off first, and settles instead if the money came.
    pub async fn abandon(
        &self,
        author: &Author,
        order: &StoredOrder,
        status: OrderStatus,
        why: &str,
    ) -> Result<StoredOrder> {
        let payment = crate::payments::payment_id(&author.shop, &order.order.id);
        if let Some(stored) = self.store.payment(&author.shop, &payment).await? {
            self.call_off(author, &stored.payment, status).await?;
        }
        let order = self.store.order(&author.shop, &order.order.id).await?.ok_or(Error::NotFound)?;
        if order.order.status == OrderStatus::PendingPayment {
            self.close_order(author, &order, status, why).await?;
        }
        self.store.order(&author.shop, &order.order.id).await?.ok_or(Error::NotFound)
    }

    async fn call_off(&self, author: &Author, payment: &Payment, ending: OrderStatus) -> Result<()> {
        if payment.status.is_final() {
            return Ok(());
        }
        let Some(intent) = &payment.intent_id else {
            // Stripe may or may not have made the intent: only the repair can tell.
            return match payment.status {
                PaymentStatus::Unknown => {
                    Err(Error::Unavailable { what: "stripe", source: "the outcome is unknown".into() })
                }
                _ => Ok(()),
            };
        };
        if ending == OrderStatus::Expired && payment.capture_method == CaptureMethod::Manual {
            // Whoever has let their money be reserved has paid in time, even if nobody has heard of it yet.
            let report = self.stripe.intent(intent).await?.report();
            if report.status == IntentStatus::RequiresCapture {
                return self.settle(author, &payment.id, &report).await.map(drop);
            }
        }
        // Refused because it succeeded, or is cancelled already: what it is now is what counts.
        let answer = self.stripe.cancel_intent(intent).await;
        let (report, _) = self.what_came_of(intent, answer).await?;
        self.settle(author, &payment.id, &report).await?;
        Ok(())
    }

    /// Closes an unpaid order and gives its stock back, all holds but the last one by one.
    pub(super) async fn close_order(
        &self,
        author: &Author,
        order: &StoredOrder,
        status: OrderStatus,
        why: &str,
    ) -> Result<()> {
        let next = order.order.become_status(status)?;
        let ending = if status == OrderStatus::Expired { Ending::Expire } else { Ending::Release };
        let (last, others) =
            order.order.holds.split_last().ok_or_else(|| Error::internal("an order holds nothing"))?;
        for hold in others {
            let_go(&self.store, &self.clock, author, hold, ending).await?;
        }
        let mut transaction = Transaction::default();
        let held = self.store.reservation(&author.shop, last).await?.ok_or(Error::NotFound)?;
        if held.reservation.status == ReservationStatus::Active {
            transaction.end_hold(&self.store, &self.clock, author, &held, ending)?;
        }
        let fact = status_updated(&order.order, &next, Some(why.to_owned()));
        let event = author.event(&self.clock, format!("order:{}", next.id), next.version, fact);
        transaction.put_order(&self.store, &author.shop, &order.with(next), order.order.version)?;
        transaction.journal_order(&self.store, &order.order.id, &event)?;
        // Whoever was faster has moved the order on; the caller reads it again.
        if self.store.commit(&transaction).await?.is_err() {
            tracing::info!(order_id = %order.order.id, "the order moved on while it was being closed");
        }
        Ok(())
    }
}

/// Gives one hold's stock back, if it is still held.
pub(crate) async fn let_go(
    store: &Dynamo,
    clock: &Clock,
    author: &Author,
    hold: &ReservationId,
    ending: Ending,
) -> Result<()> {
    let Some(held) = store.reservation(&author.shop, hold).await? else {
        return Ok(());
    };
    if held.reservation.status != ReservationStatus::Active {
        return Ok(());
    }
    let mut transaction = Transaction::default();
    transaction.end_hold(store, clock, author, &held, ending)?;
    // A refusal means that the hold ended meanwhile: either way it is over.
    store.commit(&transaction).await?.or(Ok(()))
}
