//! What money does to an order: its stock is sold and it becomes paid, once, or the money goes back.

use domain::{
    InvalidTransition, ReservationId,
    bucket::Part,
    order::{Order, OrderPaymentStatus, OrderStatus},
    payment::{Payment, PaymentStatus},
    reservation::{Ending, ReservationStatus, ReservedLine},
};

use super::{Settlement, order_payment_updated, payment_updated, status_updated};
use crate::{
    Error, Result,
    inventory::{Taken, take},
    journal::Author,
    store::{Transaction, inventory::StoredReservation, orders::StoredOrder, payments::StoredPayment},
};

/// How a hold is sold.
enum Sale {
    /// Its pieces are still set aside.
    Held(StoredReservation),
    /// It has ended: its pieces are taken from what is free.
    Ended(StoredReservation),
}

impl Sale {
    /// What has to be taken from what is free.
    fn lacking(&self) -> &[ReservedLine] {
        match self {
            Self::Held(_) => &[],
            Self::Ended(held) => &held.reservation.lines,
        }
    }
}

/// Where an order goes that is paid with `paid`, and why: one that somebody has to look at goes a step further.
fn steps(order: &Order, paid: &Payment) -> Result<Vec<(Order, Option<&'static str>)>, InvalidTransition> {
    let secured = match paid.status {
        PaymentStatus::Authorized => order.authorize()?,
        _ => order.pay()?,
    };
    if !paid.needs_review() {
        return Ok(vec![(secured, None)]);
    }
    let held = secured.become_status(OrderStatus::OnHold)?;
    Ok(vec![(secured, None), (held, Some("the payment is to be reviewed"))])
}

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
        let is_reserved = order.order.payment_status == OrderPaymentStatus::Authorized;
        match order.order.status {
            OrderStatus::PendingPayment => self.sell_order(author, stored, paid, &order).await,
            _ if is_reserved && stored.payment.status == PaymentStatus::Authorized => {
                self.book_capture(author, stored, paid, &order).await
            }
            // This very money sold it after the payment was read: what is reserved must stay. Decide again.
            _ if is_reserved && paid.status == PaymentStatus::Authorized => Ok(None),
            _ => self.give_back(author, stored, paid, "the order is no longer open").await,
        }
    }

    async fn sell_order(
        &self,
        author: &Author,
        stored: &StoredPayment,
        paid: Payment,
        order: &StoredOrder,
    ) -> Result<Option<Payment>> {
        let (last, others) =
            order.order.holds.split_last().ok_or_else(|| Error::internal("an order holds nothing"))?;
        // An order larger than one transaction sells its other holds first. Each is named and ends once, so a run
        // that is cut off is taken up by the next; the order becomes paid only with the last. None is sold for an order
        // that has moved on: whoever ends it takes back what was sold before, and nothing after that.
        for hold in others {
            let Some(sale) = self.sale_of(author, hold).await? else { continue };
            let write = |parts: &[Part]| {
                let mut transaction = Transaction::default();
                self.sell(&mut transaction, author, &sale, parts)?;
                transaction.check_order(&self.store, &author.shop, &order.order.id, order.order.version)?;
                Ok((transaction, ()))
            };
            match take(&self.store, &author.shop, sale.lacking(), write).await? {
                Taken::Done(()) => {}
                _ if self.is_sold(author, hold).await? => {}
                Taken::Refused => return Ok(None),
                Taken::Short(_) => return self.give_up(author, stored, paid, order).await,
            }
        }
        let sale = self.sale_of(author, last).await?;
        let steps = steps(&order.order, &paid)?;
        let write = |parts: &[Part]| {
            let mut transaction = Transaction::default();
            if let Some(sale) = &sale {
                self.sell(&mut transaction, author, sale, parts)?;
            }
            self.move_order(&mut transaction, author, order, &steps)?;
            self.write_payment(&mut transaction, author, stored, &paid, payment_updated(&paid))?;
            Ok((transaction, ()))
        };
        let lacking = sale.as_ref().map_or(&[][..], Sale::lacking);
        match take(&self.store, &author.shop, lacking, write).await? {
            Taken::Done(()) => Ok(Some(paid)),
            // The order, the payment or the hold moved meanwhile: decide again.
            Taken::Refused => Ok(None),
            Taken::Short(_) if self.is_held(author, last).await? => Ok(None),
            Taken::Short(_) => self.give_up(author, stored, paid, order).await,
        }
    }

    /// Writes an order after `steps`, each of which has its journal row.
    fn move_order(
        &self,
        transaction: &mut Transaction,
        author: &Author,
        order: &StoredOrder,
        steps: &[(Order, Option<&str>)],
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
    ) -> Result<Option<Payment>> {
        let next = order.order.capture();
        let mut transaction = Transaction::default();
        self.write_payment(&mut transaction, author, stored, &paid, payment_updated(&paid))?;
        let fact = order_payment_updated(&next, &paid);
        let event = author.event(&self.clock, format!("order:{}", next.id), next.version, fact);
        transaction.put_order(&self.store, &author.shop, &order.with(next), order.order.version)?;
        transaction.journal_order(&self.store, &paid.order_id, &event)?;
        Ok(self.store.commit(&transaction).await?.is_ok().then_some(paid))
    }

    /// How one hold is sold; `None` if it is already.
    async fn sale_of(&self, author: &Author, hold: &ReservationId) -> Result<Option<Sale>> {
        let held = self.store.reservation(&author.shop, hold).await?.ok_or(Error::NotFound)?;
        Ok(match held.reservation.status {
            ReservationStatus::Active => Some(Sale::Held(held)),
            ReservationStatus::Committed => None,
            ReservationStatus::Released | ReservationStatus::Expired => Some(Sale::Ended(held)),
        })
    }

    /// Adds the selling of one hold. A hold that ended is sold from `parts` that are free.
    fn sell(
        &self,
        transaction: &mut Transaction,
        author: &Author,
        sale: &Sale,
        parts: &[Part],
    ) -> Result<()> {
        match sale {
            Sale::Held(held) => {
                transaction.end_hold(&self.store, &self.clock, author, held, Ending::Commit).map(drop)
            }
            Sale::Ended(held) => transaction.sell_ended_hold(&self.store, &self.clock, author, held, parts),
        }
    }

    async fn is_sold(&self, author: &Author, hold: &ReservationId) -> Result<bool> {
        let held = self.store.reservation(&author.shop, hold).await?;
        Ok(held.is_some_and(|held| held.reservation.status == ReservationStatus::Committed))
    }

    async fn is_held(&self, author: &Author, hold: &ReservationId) -> Result<bool> {
        let held = self.store.reservation(&author.shop, hold).await?;
        Ok(held.is_some_and(|held| held.reservation.status == ReservationStatus::Active))
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
        match closed.order.has_ended() {
            true => self.give_back(author, stored, paid, why).await,
            // Somebody has sold it in the same moment: decide again.
            false => Ok(None),
        }
    }
}
