//! Ending what was not paid: the intent is called off first, and whatever Stripe says of it counts.

use domain::{
    OrderReference, ReservationId,
    order::{Order, OrderStatus},
    payment::{IntentReport, Payment},
    reservation::{Closing, Ending},
    settlement::{CallOff, call_off, is_paid_in_time},
};

use super::{Settlement, status_updated};
use crate::{
    Clock, Error, Result,
    inventory::{Back, ComingBack, take_back, take_chunk_back},
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
        self.close_order(author, &order, status, why).await?;
        self.store.order(&author.shop, &order.order.id).await?.ok_or(Error::NotFound)
    }

    async fn call_off(&self, author: &Author, payment: &Payment, ending: OrderStatus) -> Result<()> {
        let report = match call_off(payment, ending) {
            CallOff::Nothing => return Ok(()),
            CallOff::Wait => {
                return Err(Error::Unavailable { what: "stripe", source: "the outcome is unknown".into() });
            }
            CallOff::LookFirst(intent) => match self.stripe.intent(&intent).await?.report() {
                report if is_paid_in_time(&report) => report,
                _ => self.cancel_intent(&intent).await?,
            },
            CallOff::Cancel(intent) => self.cancel_intent(&intent).await?,
        };
        self.settle(author, &payment.id, &report).await.map(drop)
    }

    /// Calls an intent off. Refused because it has succeeded, or is cancelled already, what it is now is what counts.
    pub(super) async fn cancel_intent(&self, intent: &str) -> Result<IntentReport> {
        let answer = self.stripe.cancel_intent(intent).await;
        Ok(self.what_came_of(intent, answer).await?.0)
    }

    /// Closes an order, if it is still unpaid, and gives its stock back. It ends with its last hold, and the others after it: once it
    /// has ended nobody sells any of them, and whatever was sold by then is seen.
    pub(super) async fn close_order(
        &self,
        author: &Author,
        order: &StoredOrder,
        status: OrderStatus,
        why: &str,
    ) -> Result<()> {
        let Ok(next) = order.order.close(status, self.clock.now()) else { return Ok(()) };
        let last = order.order.holds.last().ok_or_else(|| Error::internal("an order holds nothing"))?;
        let mut transaction = Transaction::default();
        let held = self.store.reservation(&author.shop, last).await?.ok_or(Error::NotFound)?;
        if let Closing::LetGo(ended, changes) = held.reservation.close(next.ending(), self.clock.now())? {
            transaction.move_hold(&self.store, &self.clock, author, &held, (ended, changes))?;
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
            close_hold(&self.store, &self.clock, author, hold, order.ending()).await?;
        }
        self.store.stop_closing(&author.shop, &order.id, &self.clock.fresh().to_string()).await
    }
}

/// Gives one hold's stock back, if it is still held, or was sold although its order came to nothing; once.
pub(crate) async fn close_hold(
    store: &Dynamo,
    clock: &Clock,
    author: &Author,
    hold: &ReservationId,
    ending: Ending,
) -> Result<()> {
    let Some(held) = store.reservation(&author.shop, hold).await? else {
        return Ok(());
    };
    // Refused, somebody else has ended it or taken it back in the same moment: either way it is over.
    match held.reservation.close(ending, clock.now())? {
        Closing::Over => Ok(()),
        Closing::LetGo(ended, changes) => {
            let mut transaction = Transaction::default();
            transaction.move_hold(store, clock, author, &held, (ended, changes))?;
            store.commit(&transaction).await?.or(Ok(()))
        }
        Closing::TakeBack(back) => {
            let order = back.order_id.clone().map(OrderReference::from);
            let (since, lines) = (back.created_at, back.lines.as_slice());
            let coming = ComingBack { name: hold.as_str(), since, order, lines };
            let with = |transaction: &mut Transaction| {
                let back = held.with(back.clone());
                transaction.rewrite_reservation(store, &author.shop, &back, &held.reservation)
            };
            match take_chunk_back(store, clock, author, &coming, (0, lines), &with).await? {
                Back::Done | Back::Refused => Ok(()),
                // Too many for one transaction: they come back by and by, and then the hold is over.
                Back::TooMany | Back::InPart | Back::Before => {
                    take_back(store, clock, author, &coming).await?;
                    let mut transaction = Transaction::default();
                    with(&mut transaction)?;
                    store.commit(&transaction).await?.or(Ok(()))
                }
            }
        }
    }
}
