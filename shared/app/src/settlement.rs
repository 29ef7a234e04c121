//! Settling: the one place where what Stripe says becomes what the shop believes.
//!
//! `confirm`, the webhook and the sweeper all end here, in any order and any number. The payment, the order, the
//! stock and their journal rows are written in one transaction that only one of them wins.

use contract::Fact;
use domain::{
    Line, OrderId, OrderReference, PaymentId, RefundId, ReservationId, ShopId,
    bucket::Part,
    order::{Order, OrderStatus},
    payment::{Finding, IntentReport, Payment, PaymentStatus, Refund, RefundStatus},
    reservation::{Ending, ReservationStatus, ReservedLine},
};
use jiff::SignedDuration;

use crate::{
    Clock, Error, Result,
    clock::derived,
    inventory::{ComingBack, Taken, take, take_back},
    journal::Author,
    store::{
        Dynamo, Transaction,
        inventory::StoredReservation,
        orders::{StoredOrder, StoredPayment, StoredRefund},
    },
    stripe::{Intent, Stripe, StripeError},
};

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
        tracking: after.tracking.clone(),
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

fn refund_updated(payment: &Payment, refund: &Refund) -> Fact {
    Fact::RefundUpdated {
        refund_id: refund.id.clone(),
        payment_id: payment.id.clone(),
        order_id: payment.order_id.clone(),
        customer_id: payment.owner.clone(),
        status: refund.status,
        amount: refund.amount,
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

    /// Books the money as received and at once as on its way back, then asks Stripe to give it back.
    async fn return_money(
        &self,
        author: &Author,
        stored: &StoredPayment,
        paid: Payment,
        why: &str,
    ) -> Result<Option<Payment>> {
        let Ok(refunding) = paid.begin_refund(paid.captured) else {
            return Ok(None);
        };
        let refund = StoredRefund {
            refund: Refund {
                id: RefundId::from_uuid(derived(&[author.shop.as_str(), paid.id.as_str(), "return"])),
                payment_id: paid.id.clone(),
                order_id: paid.order_id.clone(),
                amount: domain::Money::new(paid.captured, paid.amount.currency),
                status: RefundStatus::Pending,
                reason: Line::new(why).ok(),
                restock: vec![],
                stripe_id: None,
                created_at: self.clock.now(),
            },
            fingerprint: String::new(),
        };
        let mut transaction = Transaction::default();
        let received =
            author.event(&self.clock, format!("payment:{}", paid.id), paid.version, payment_updated(&paid));
        transaction.journal_payment(&self.store, &paid.id, &received)?;
        self.write_payment(
            &mut transaction,
            author,
            stored,
            &refunding,
            refund_updated(&refunding, &refund.refund),
        )?;
        transaction.put_new_refund(&self.store, &author.shop, &refund)?;
        if self.store.commit(&transaction).await?.is_err() {
            return Ok(None);
        }
        self.finish_refund(author, &refund.refund.payment_id, &refund.refund.id).await?;
        Ok(Some(refunding))
    }

    /// Begins to give money back: the amount is set aside and the refund written before Stripe is asked.
    pub(crate) async fn begin_refund(
        &self,
        author: &Author,
        stored: &StoredPayment,
        refund: &StoredRefund,
        extra: impl FnOnce(&mut Transaction) -> Result<()>,
    ) -> Result<Option<Payment>> {
        let next = stored
            .payment
            .begin_refund(refund.refund.amount.amount)
            .map_err(crate::payments::refund_refused)?;
        let mut transaction = Transaction::default();
        self.write_payment(&mut transaction, author, stored, &next, refund_updated(&next, &refund.refund))?;
        transaction.put_new_refund(&self.store, &author.shop, refund)?;
        extra(&mut transaction)?;
        Ok(self.store.commit(&transaction).await?.is_ok().then_some(next))
    }

    /// Asks Stripe to give the money of a pending refund back, and books what came of it.
    ///
    /// # Errors
    /// If Stripe did not answer: the refund stays pending and the sweeper asks again under the same key.
    pub async fn finish_refund(&self, author: &Author, payment: &PaymentId, id: &RefundId) -> Result<Refund> {
        let stored = self.store.refund(&author.shop, payment, id).await?.ok_or(Error::NotFound)?;
        if stored.refund.status != RefundStatus::Pending {
            return Ok(stored.refund);
        }
        let paid = self.store.payment(&author.shop, payment).await?.ok_or(Error::NotFound)?.payment;
        let intent = paid.intent_id.ok_or_else(|| Error::internal(format!("{payment} has no intent")))?;
        let answer = match &stored.refund.stripe_id {
            Some(known) => self.stripe.refund(known).await,
            None => {
                let amount = stored.refund.amount.amount;
                self.stripe.create_refund(&intent, amount, &author.shop, payment, id).await
            }
        };
        match answer {
            Ok(answer) => self.book_refund(author, payment, id, answer.status(), Some(answer.id)).await,
            Err(StripeError::Refused { code, message }) => {
                tracing::error!(refund_id = %id, code, message, "stripe refused a refund");
                self.book_refund(author, payment, id, RefundStatus::Failed, None).await
            }
            Err(unknown) => Err(unknown.into()),
        }
    }

    /// Books how a refund stands: on the refund, its payment, its order and, when it succeeded, the shelf.
    pub async fn book_refund(
        &self,
        author: &Author,
        payment: &PaymentId,
        id: &RefundId,
        status: RefundStatus,
        stripe_id: Option<String>,
    ) -> Result<Refund> {
        for _ in 0..MAX_ROUNDS {
            let stored = self.store.refund(&author.shop, payment, id).await?.ok_or(Error::NotFound)?;
            let known = stripe_id.clone().or_else(|| stored.refund.stripe_id.clone());
            let Ok(ended) = stored.refund.end(status) else {
                return self.name_refund(author, stored, known).await;
            };
            let ended = Refund { stripe_id: known, ..ended };
            if status == RefundStatus::Succeeded {
                let lines = &ended.restock;
                self.restock(author, ended.created_at, id.as_str(), Some(ended.order_id.clone()), lines)
                    .await?;
            }
            if let Some(refund) = self.write_refund(author, payment, &stored, ended).await? {
                return Ok(refund);
            }
        }
        Err(busy())
    }

    /// Keeps Stripe's name of a refund that the bank is still at. Without it Stripe could only be asked by making the
    /// refund again, which answers as the first time for a day, and gives the money back a second time after that.
    async fn name_refund(
        &self,
        author: &Author,
        stored: StoredRefund,
        stripe_id: Option<String>,
    ) -> Result<Refund> {
        if stored.refund.status != RefundStatus::Pending || stored.refund.stripe_id == stripe_id {
            return Ok(stored.refund);
        }
        let named = StoredRefund { refund: Refund { stripe_id, ..stored.refund }, ..stored };
        let mut transaction = Transaction::default();
        transaction.put_refund(&self.store, &author.shop, &named, RefundStatus::Pending)?;
        match self.store.commit(&transaction).await? {
            Ok(()) => Ok(named.refund),
            // It has ended meanwhile.
            Err(_) => {
                let id = (&named.refund.payment_id, &named.refund.id);
                let ended = self.store.refund(&author.shop, id.0, id.1).await?.ok_or(Error::NotFound)?;
                Ok(ended.refund)
            }
        }
    }

    async fn write_refund(
        &self,
        author: &Author,
        payment: &PaymentId,
        stored: &StoredRefund,
        ended: Refund,
    ) -> Result<Option<Refund>> {
        let paid = self.store.payment(&author.shop, payment).await?.ok_or(Error::NotFound)?;
        let order = self.store.order(&author.shop, &ended.order_id).await?.ok_or(Error::NotFound)?;
        let next = paid.payment.end_refund(stored.refund.status, ended.status, ended.amount.amount);
        let mut transaction = Transaction::default();
        self.write_payment(&mut transaction, author, &paid, &next, refund_updated(&next, &ended))?;
        let written = StoredRefund { refund: ended.clone(), fingerprint: stored.fingerprint.clone() };
        transaction.put_refund(&self.store, &author.shop, &written, stored.refund.status)?;
        let after = order.order.refunded(next.refunded, next.captured);
        if after.payment_status != order.order.payment_status {
            let fact = Fact::OrderPaymentUpdated {
                order_id: after.id.clone(),
                customer_id: after.owner.clone(),
                payment_id: next.id.clone(),
                payment_status: after.payment_status,
            };
            let event = author.event(&self.clock, format!("order:{}", after.id), after.version, fact);
            transaction.put_order(&self.store, &author.shop, &order.with(after), order.order.version)?;
            transaction.journal_order(&self.store, &ended.order_id, &event)?;
        }
        Ok(self.store.commit(&transaction).await?.is_ok().then_some(ended))
    }

    /// Puts sold pieces back on the shelf, once for each `name`.
    async fn restock(
        &self,
        author: &Author,
        since: jiff::Timestamp,
        name: &str,
        order_id: Option<OrderId>,
        lines: &[ReservedLine],
    ) -> Result<()> {
        let order = order_id.map(OrderReference::from);
        take_back(&self.store, &self.clock, author, &ComingBack { name, since, order, lines }).await
    }

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
    async fn close_order(
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
