//! Ending what was not paid: the intent is called off first, and whatever Stripe says of it counts.

use domain::{
    PaymentId, ReservationId, ShopId,
    order::OrderStatus,
    payment::{Payment, PaymentStatus},
    reservation::{Ending, ReservationStatus},
};

use super::{Settlement, status_updated};
use crate::{
    Clock, Error, Result,
    journal::Author,
    store::{Dynamo, Transaction, orders::StoredOrder},
    stripe::StripeError,
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
            self.call_off(author, &stored.payment).await?;
        }
        let order = self.store.order(&author.shop, &order.order.id).await?.ok_or(Error::NotFound)?;
        if order.order.status == OrderStatus::PendingPayment {
            self.close_order(author, &order, status, why).await?;
        }
        self.store.order(&author.shop, &order.order.id).await?.ok_or(Error::NotFound)
    }

    async fn call_off(&self, author: &Author, payment: &Payment) -> Result<()> {
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
        let report = match self.stripe.cancel_intent(intent).await {
            Ok(cancelled) => cancelled.report(),
            // Refused because it succeeded, or is cancelled already: what it is now is what counts.
            Err(StripeError::Refused { .. }) => self.stripe.intent(intent).await?.report(),
            Err(unknown) => return Err(unknown.into()),
        };
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

    /// Takes up what a run was cut off from: asks Stripe for an intent whose making nobody heard the end of.
    pub async fn repair_payment(&self, shop: &ShopId, id: &PaymentId) -> Result<()> {
        let author = Author::system(shop, id.as_str());
        let Some(stored) = self.store.payment(shop, id).await? else {
            return Ok(());
        };
        if stored.payment.status != PaymentStatus::Unknown {
            return Ok(());
        }
        crate::payments::make_intent(self, &author, stored).await?;
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
