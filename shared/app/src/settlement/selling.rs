//! What money does to an order: its stock is sold and it becomes paid, once, or the money goes back.

use domain::{
    ReservationId,
    bucket::Part,
    order::{Order, OrderStatus},
    payment::Payment,
    reservation::ReservationStatus,
    settlement::{Incoming, OrderStep, incoming},
};

use super::{Settlement, order_payment_updated, payment_updated, status_updated};
use crate::{
    Error, Result,
    inventory::{Taken, take},
    journal::Author,
    store::{Transaction, orders::StoredOrder, payments::StoredPayment},
};

impl Settlement {
    /// The money is here, or reserved: sells the order's stock and makes it paid, notes that reserved money was taken,
    /// or gives the money back.
    pub(super) async fn pay_order(
        &self,
        author: &Author,
        stored: &StoredPayment,
        paid: Payment,
    ) -> Result<Option<Payment>> {
        let order = self.store.order(&author.shop, &paid.order_id).await?;
        let order = order.ok_or_else(|| Error::internal(format!("{} is of no order", paid.id)))?;
        match incoming(&order.order, &stored.payment, &paid)? {
            Incoming::Sell(steps) => self.sell_order(author, stored, paid, &order, &steps).await,
            Incoming::Capture(next) => self.book_capture(author, stored, paid, &order, *next).await,
            Incoming::GiveBack(how) => {
                self.give_back(author, stored, paid, how, "the order is no longer open").await
            }
            Incoming::Again => Ok(None),
        }
    }

    async fn sell_order(
        &self,
        author: &Author,
        stored: &StoredPayment,
        paid: Payment,
        order: &StoredOrder,
        steps: &[OrderStep],
    ) -> Result<Option<Payment>> {
        let (last, others) =
            order.order.holds.split_last().ok_or_else(|| Error::internal("an order holds nothing"))?;
        // An order larger than one transaction sells its other holds first. Each is named and ends once, so a run
        // that is cut off is taken up by the next; the order becomes paid only with the last. None is sold for an order
        // that has moved on: whoever ends it takes back what was sold before, and nothing after that.
        for hold in others {
            match self.sell_before(author, order, hold).await? {
                Taken::Done(()) => {}
                Taken::Refused => return Ok(None),
                Taken::Scattered => return Err(Error::busy()),
                Taken::Short(_) => return self.give_up(author, stored, paid, order).await,
            }
        }
        let held = self.store.reservation(&author.shop, last).await?.ok_or(Error::NotFound)?;
        let write = |parts: &[Part]| {
            let mut transaction = Transaction::default();
            transaction.sell_hold(&self.store, &self.clock, author, &held, parts)?;
            self.move_order(&mut transaction, author, order, steps)?;
            self.write_payment(&mut transaction, author, stored, &paid, payment_updated(&paid))?;
            Ok((transaction, ()))
        };
        match take(&self.store, &author.shop, held.reservation.lacking(), write).await? {
            Taken::Done(()) => Ok(Some(paid)),
            // The order, the payment or the hold moved meanwhile: decide again.
            Taken::Refused => Ok(None),
            Taken::Scattered => Err(Error::busy()),
            Taken::Short(_) if self.is(author, last, ReservationStatus::Active).await? => Ok(None),
            Taken::Short(_) => self.give_up(author, stored, paid, order).await,
        }
    }

    /// Sells a hold of an order that has others, unless that is done.
    async fn sell_before(
        &self,
        author: &Author,
        order: &StoredOrder,
        hold: &ReservationId,
    ) -> Result<Taken<()>> {
        let held = self.store.reservation(&author.shop, hold).await?.ok_or(Error::NotFound)?;
        if held.reservation.status == ReservationStatus::Committed {
            return Ok(Taken::Done(()));
        }
        let write = |parts: &[Part]| {
            let mut transaction = Transaction::default();
            transaction.sell_hold(&self.store, &self.clock, author, &held, parts)?;
            transaction.check_order(&self.store, &author.shop, &order.order.id, order.order.version)?;
            Ok((transaction, ()))
        };
        match take(&self.store, &author.shop, held.reservation.lacking(), write).await? {
            Taken::Done(()) => Ok(Taken::Done(())),
            _ if self.is(author, hold, ReservationStatus::Committed).await? => Ok(Taken::Done(())),
            unsold => Ok(unsold),
        }
    }

    /// Writes an order after `steps`, each of which has its journal row.
    fn move_order(
        &self,
        transaction: &mut Transaction,
        author: &Author,
        order: &StoredOrder,
        steps: &[OrderStep],
    ) -> Result<()> {
        let mut before = &order.order;
        for (next, why) in steps {
            let fact = status_updated(before, next, why.map(str::to_owned));
            let event = author.event(&self.clock, format!("order:{}", next.id), next.version, fact);
            transaction.journal_order(&self.store, &next.id, &event)?;
            before = next;
        }
        transaction.put_order(&self.store, &author.shop, &order.with(before.clone()), order.order.version)
    }

    /// Reserved money was taken: its order is paid now.
    async fn book_capture(
        &self,
        author: &Author,
        stored: &StoredPayment,
        paid: Payment,
        order: &StoredOrder,
        next: Order,
    ) -> Result<Option<Payment>> {
        let mut transaction = Transaction::default();
        self.write_payment(&mut transaction, author, stored, &paid, payment_updated(&paid))?;
        let fact = order_payment_updated(&next, &paid);
        let event = author.event(&self.clock, format!("order:{}", next.id), next.version, fact);
        transaction.put_order(&self.store, &author.shop, &order.with(next), order.order.version)?;
        transaction.journal_order(&self.store, &paid.order_id, &event)?;
        Ok(self.store.commit(&transaction).await?.is_ok().then_some(paid))
    }

    async fn is(&self, author: &Author, hold: &ReservationId, status: ReservationStatus) -> Result<bool> {
        let held = self.store.reservation(&author.shop, hold).await?;
        Ok(held.is_some_and(|held| held.reservation.status == status))
    }

    /// The stock is gone: closes the order, gives back what it still holds, and the money.
    async fn give_up(
        &self,
        author: &Author,
        stored: &StoredPayment,
        paid: Payment,
        order: &StoredOrder,
    ) -> Result<Option<Payment>> {
        tracing::warn!(order_id = %order.order.id, payment_id = %paid.id, "paid after its stock was sold to somebody else");
        let why = "sold out before the payment came";
        self.close_order(author, order, OrderStatus::Cancelled, why).await?;
        let closed = self.store.order(&author.shop, &order.order.id).await?.ok_or(Error::NotFound)?;
        match incoming(&closed.order, &stored.payment, &paid)? {
            Incoming::GiveBack(how) => self.give_back(author, stored, paid, how, why).await,
            // Somebody has sold it in the same moment: decide again.
            _ => Ok(None),
        }
    }
}
