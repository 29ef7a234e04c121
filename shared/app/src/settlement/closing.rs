//! Ending what was not paid: the intent is called off first, and whatever Stripe says of it counts.

use domain::{
    OrderReference, ReservationId,
    order::{Order, OrderStatus},
    payment::{CaptureMethod, IntentStatus, Payment, PaymentStatus},
    reservation::{Ending, ReservationStatus},
};

use super::{Settlement, status_updated};
use crate::{
    Clock, Error, Result,
    inventory::{ComingBack, take_chunk_back},
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

    /// Closes an unpaid order and gives its stock back. It ends with its last hold, and the others after it: once it
    /// has ended nobody sells any of them, and whatever was sold by then is seen.
    pub(super) async fn close_order(
        &self,
        author: &Author,
        order: &StoredOrder,
        status: OrderStatus,
        why: &str,
    ) -> Result<()> {
        let next = order.order.close(status, self.clock.now())?;
        let last = order.order.holds.last().ok_or_else(|| Error::internal("an order holds nothing"))?;
        let mut transaction = Transaction::default();
        let held = self.store.reservation(&author.shop, last).await?.ok_or(Error::NotFound)?;
        if held.reservation.status == ReservationStatus::Active {
            transaction.end_hold(&self.store, &self.clock, author, &held, ending_of(status))?;
        }
        let fact = status_updated(&order.order, &next, Some(why.to_owned()));
        let event = author.event(&self.clock, format!("order:{}", next.id), next.version, fact);
        let closed = order.with(next);
        transaction.put_order(&self.store, &author.shop, &closed, order.order.version)?;
        transaction.journal_order(&self.store, &order.order.id, &event)?;
        // Whoever was faster has moved the order on; the caller reads it again.
        if self.store.commit(&transaction).await?.is_err() {
            tracing::info!(order_id = %order.order.id, "the order moved on while it was being closed");
            return Ok(());
        }
        self.close_holds(author, &closed.order).await
    }

    /// Lets go of what an order that has ended still holds, and takes back what of it was sold.
    pub(crate) async fn close_holds(&self, author: &Author, order: &Order) -> Result<()> {
        if order.closing_since.is_none() {
            return Ok(());
        }
        for hold in &order.holds {
            let_go(&self.store, &self.clock, author, hold, ending_of(order.status)).await?;
            self.take_back_sold(author, hold).await?;
        }
        self.store.stop_closing(&author.shop, &order.id, &self.clock.fresh().to_string()).await
    }

    /// Takes back the pieces of a hold that was sold although its order came to nothing, once.
    async fn take_back_sold(&self, author: &Author, hold: &ReservationId) -> Result<()> {
        let Some(held) = self.store.reservation(&author.shop, hold).await? else {
            return Ok(());
        };
        let Ok(back) = held.reservation.take_back(self.clock.now()) else {
            return Ok(());
        };
        let order = held.reservation.order_id.clone().map(OrderReference::from);
        let (since, lines) = (held.reservation.created_at, held.reservation.lines.as_slice());
        let coming = ComingBack { name: hold.as_str(), since, order, lines };
        let with = |transaction: &mut Transaction| {
            let back = held.with(back.clone());
            transaction.rewrite_reservation(&self.store, &author.shop, &back, &held.reservation)
        };
        // Refused, somebody else has taken it back in the same moment.
        take_chunk_back(&self.store, &self.clock, author, &coming, (0, lines), &with).await.map(drop)
    }
}

/// How the holds of an order end that ends like this.
fn ending_of(status: OrderStatus) -> Ending {
    if status == OrderStatus::Expired { Ending::Expire } else { Ending::Release }
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
