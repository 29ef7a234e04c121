//! Settling: the one place where what Stripe says becomes what the shop believes.
//!
//! `confirm`, the webhook and the sweeper all end here, in any order and any number. The payment, the order, the
//! stock and their journal rows are written in one transaction that only one of them wins.

mod closing;
mod refunds;

use contract::Fact;
use domain::{
    PaymentId, ReservationId,
    bucket::Part,
    order::{Order, OrderStatus},
    payment::{Finding, IntentReport, Payment},
    reservation::{Ending, ReservationStatus, ReservedLine},
};
use jiff::SignedDuration;

use crate::{
    Clock, Error, Result,
    inventory::{Taken, take},
    journal::Author,
    store::{
        Dynamo, Transaction, inventory::StoredReservation, orders::StoredOrder, payments::StoredPayment,
    },
    stripe::{Intent, Stripe},
};

pub(crate) use self::closing::let_go;

/// How often a decision is made anew because somebody was faster.
const MAX_ROUNDS: u32 = 8;

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

/// Settles payments.
#[derive(Debug, Clone)]
pub struct Settlement {
    pub(crate) store: Dynamo,
    pub(crate) clock: Clock,
    pub(crate) stripe: Stripe,
}

fn busy() -> Error {
    Error::Limited { retry_after: SignedDuration::from_secs(1) }
}

/// The order's journal event about its new status.
pub(crate) fn status_updated(before: &Order, after: &Order, notes: Option<String>) -> Fact {
    Fact::OrderStatusUpdated {
        order_id: after.id.clone(),
        customer_id: after.owner.clone(),
        previous_status: before.status,
        current_status: after.status,
        notes,
    }
}

fn payment_updated(payment: &Payment) -> Fact {
    Fact::PaymentUpdated {
        payment_id: payment.id.clone(),
        order_id: payment.order_id.clone(),
        customer_id: payment.owner.clone(),
        status: payment.status,
        amount: payment.amount,
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
                Finding::Unchanged => return Ok(stored.payment),
                Finding::Moved(next) | Finding::Mismatched(next) => {
                    self.move_payment(author, &stored, next).await?
                }
                Finding::Paid(next) => self.pay_order(author, &stored, next).await?,
            };
            if let Some(payment) = settled {
                return Ok(payment);
            }
        }
        Err(busy())
    }

    /// Asks Stripe how a payment stands and settles it.
    pub async fn ask(&self, author: &Author, payment: &Payment) -> Result<Payment> {
        let Some(intent) = &payment.intent_id else {
            return Ok(payment.clone());
        };
        let report = self.stripe.intent(intent).await?.report();
        self.settle(author, &payment.id, &report).await
    }

    /// Writes that Stripe will not make the intent of a payment.
    pub(crate) async fn fail_payment(&self, author: &Author, stored: &StoredPayment) -> Result<()> {
        let failed = stored.payment.fail();
        // A refusal means that somebody was faster; what they found out counts.
        self.move_payment(author, stored, failed).await.map(drop)
    }

    /// Writes that Stripe has made the intent of a payment.
    pub(crate) async fn adopt_intent(
        &self,
        author: &Author,
        stored: StoredPayment,
        intent: &Intent,
    ) -> Result<StoredPayment> {
        let Finding::Moved(next) = stored.payment.observe(&intent.report()) else {
            // A repeated question found an intent that has been paid meanwhile.
            let paid = self.settle(author, &stored.payment.id, &intent.report()).await?;
            return Ok(StoredPayment { payment: paid, ..stored });
        };
        let next = Payment { client_secret: intent.client_secret.clone(), ..next };
        match self.move_payment(author, &stored, next).await? {
            Some(payment) => Ok(StoredPayment { payment, ..stored }),
            None => self.store.payment(&author.shop, &stored.payment.id).await?.ok_or(Error::NotFound),
        }
    }

    /// Writes a payment that has moved without concerning its order; `None` if somebody was faster.
    async fn move_payment(
        &self,
        author: &Author,
        stored: &StoredPayment,
        next: Payment,
    ) -> Result<Option<Payment>> {
        let mut transaction = Transaction::default();
        self.write_payment(&mut transaction, author, stored, &next, payment_updated(&next))?;
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

    /// The money is here: sells the order's stock and makes it paid, or gives the money back.
    async fn pay_order(
        &self,
        author: &Author,
        stored: &StoredPayment,
        paid: Payment,
    ) -> Result<Option<Payment>> {
        let order = self.store.order(&author.shop, &paid.order_id).await?;
        let order = order.ok_or_else(|| Error::internal(format!("{} is of no order", paid.id)))?;
        if order.order.status != OrderStatus::PendingPayment {
            return self.return_money(author, stored, paid, "the order is no longer open").await;
        }
        let (last, others) =
            order.order.holds.split_last().ok_or_else(|| Error::internal("an order holds nothing"))?;
        // An order larger than one transaction sells its other holds first. Each is named and ends once, so a run
        // that is cut off is taken up by the next; the order becomes paid only with the last.
        for hold in others {
            let Some(sale) = self.sale_of(author, hold).await? else { continue };
            let write = |parts: &[Part]| {
                let mut transaction = Transaction::default();
                self.sell(&mut transaction, author, &sale, parts)?;
                Ok((transaction, ()))
            };
            let taken = take(&self.store, &author.shop, sale.lacking(), write).await?;
            if !matches!(taken, Taken::Done(())) && !self.is_sold(author, hold).await? {
                return self.give_up(author, stored, paid, &order).await;
            }
        }
        let sale = self.sale_of(author, last).await?;
        let next = order.order.pay()?;
        let write = |parts: &[Part]| {
            let mut transaction = Transaction::default();
            if let Some(sale) = &sale {
                self.sell(&mut transaction, author, sale, parts)?;
            }
            let fact = status_updated(&order.order, &next, None);
            let event = author.event(&self.clock, format!("order:{}", next.id), next.version, fact);
            transaction.put_order(
                &self.store,
                &author.shop,
                &order.with(next.clone()),
                order.order.version,
            )?;
            transaction.journal_order(&self.store, &paid.order_id, &event)?;
            self.write_payment(&mut transaction, author, stored, &paid, payment_updated(&paid))?;
            Ok((transaction, ()))
        };
        let lacking = sale.as_ref().map_or(&[][..], Sale::lacking);
        match take(&self.store, &author.shop, lacking, write).await? {
            Taken::Done(()) => Ok(Some(paid)),
            // The order, the payment or the hold moved meanwhile: decide again.
            Taken::Refused => Ok(None),
            Taken::Short(_) if self.is_held(author, last).await? => Ok(None),
            Taken::Short(_) => self.give_up(author, stored, paid, &order).await,
        }
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
        self.close_order(author, order, OrderStatus::Cancelled, "sold out before the payment came").await?;
        for hold in &order.order.holds {
            self.take_back_sold(author, hold).await?;
        }
        self.return_money(author, stored, paid, "sold out before the payment came").await
    }

    /// Takes back the pieces of a hold that was sold although its order came to nothing, once.
    async fn take_back_sold(&self, author: &Author, hold: &ReservationId) -> Result<()> {
        let Some(held) = self.store.reservation(&author.shop, hold).await? else {
            return Ok(());
        };
        if held.reservation.status != ReservationStatus::Committed {
            return Ok(());
        }
        let order_id = held.reservation.order_id.clone();
        self.restock(author, held.reservation.created_at, hold.as_str(), order_id, &held.reservation.lines)
            .await
    }
}
