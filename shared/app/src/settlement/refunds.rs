//! Giving money back: set aside first, asked of Stripe under the refund's own name, booked once.

use contract::Fact;
use domain::{
    Line, OrderId, OrderReference, PaymentId, RefundId,
    payment::{Booking, IntentReport, IntentStatus, Payment, Refund, RefundStatus, RefundStep},
    reservation::{MAX_LINES, ReservedLine},
    settlement,
};

use super::{MAX_ROUNDS, Settlement, order_payment_updated, payment_updated};
use crate::{
    Error, Result,
    clock::derived,
    inventory::{Back, ComingBack, half, take_back, take_chunk_back},
    journal::Author,
    store::{
        Transaction,
        payments::{StoredPayment, StoredRefund},
    },
    stripe::{StripeError, StripeRefund},
};

/// Why a refund was not asked for, or not granted.
enum NotRefunded {
    Ours(Error),
    Stripe(StripeError),
}

impl From<Error> for NotRefunded {
    fn from(error: Error) -> Self {
        Self::Ours(error)
    }
}

impl From<StripeError> for NotRefunded {
    fn from(error: StripeError) -> Self {
        Self::Stripe(error)
    }
}

impl Settlement {
    /// Books the money as received and at once as on its way back, then asks Stripe to give it back.
    pub(super) async fn return_money(
        &self,
        author: &Author,
        stored: &StoredPayment,
        paid: Payment,
        refunding: Payment,
        why: &str,
    ) -> Result<Option<Payment>> {
        let id = RefundId::from_uuid(derived(&[author.shop.as_str(), paid.id.as_str(), "return"]));
        let refund = StoredRefund {
            refund: Refund { reason: Line::new(why).ok(), ..Refund::rest(&paid, id, self.clock.now()) },
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
        for _ in 0..MAX_ROUNDS {
            let stored = self.store.refund(&author.shop, payment, id).await?.ok_or(Error::NotFound)?;
            let step = match stored.refund.next(self.clock.now()) {
                RefundStep::Nothing => return Ok(stored.refund),
                RefundStep::CallOff => {
                    return self.book_refund(author, payment, id, RefundStatus::Cancelled, None).await;
                }
                step => step,
            };
            match self.ask_for_refund(author, &stored.refund, step).await {
                Ok(answer) => {
                    return self.book_refund(author, payment, id, answer.status(), Some(answer.id)).await;
                }
                Err(NotRefunded::Stripe(StripeError::Refused { code, message })) => {
                    tracing::error!(refund_id = %id, code, message, "stripe refused a refund");
                    if !Box::pin(self.shrink_refund(author, stored)).await? {
                        return self.book_refund(author, payment, id, RefundStatus::Failed, None).await;
                    }
                }
                Err(NotRefunded::Stripe(unknown)) => return Err(unknown.into()),
                Err(NotRefunded::Ours(error)) => return Err(error),
            }
        }
        Err(Error::busy())
    }

    /// Stripe refused a refund: perhaps money went back there of which nobody has told yet. That is booked, and a refund
    /// of all that is left becomes one of what is left then. `false` if it stays refused.
    async fn shrink_refund(&self, author: &Author, stored: StoredRefund) -> Result<bool> {
        let id = &stored.refund.payment_id;
        let paid = self.store.payment(&author.shop, id).await?.ok_or(Error::NotFound)?.payment;
        let (None, Some(intent)) = (&stored.refund.stray_intent, paid.intent_id) else {
            return Ok(false);
        };
        for found in self.stripe.refunds(&intent).await?.iter().filter(|found| found.metadata().is_none()) {
            self.import_refund(author, id, found).await?;
        }
        let paid = self.store.payment(&author.shop, id).await?.ok_or(Error::NotFound)?;
        let Some((next, refund)) = paid.payment.shrink_refund(&stored.refund) else {
            return Ok(false);
        };
        let smaller = StoredRefund { refund, ..stored.clone() };
        let mut transaction = Transaction::default();
        self.write_payment(&mut transaction, author, &paid, &next, refund_updated(&next, &smaller.refund))?;
        transaction.put_refund(&self.store, &author.shop, &smaller, stored.refund.version)?;
        // Refused, somebody was faster: it is read again either way.
        drop(self.store.commit(&transaction).await?);
        Ok(true)
    }

    /// Asks for a refund under its own name, or asks about it: by Stripe's name, or, once Stripe has forgotten ours, by
    /// looking through all that went back.
    async fn ask_for_refund(
        &self,
        author: &Author,
        refund: &Refund,
        step: RefundStep,
    ) -> Result<StripeRefund, NotRefunded> {
        if let RefundStep::Ask(known) = &step {
            return Ok(self.stripe.refund(known).await?);
        }
        let intent = match &refund.stray_intent {
            Some(stray) => stray.clone(),
            None => {
                let id = &refund.payment_id;
                let paid = self.store.payment(&author.shop, id).await?.ok_or(Error::NotFound)?.payment;
                paid.intent_id.ok_or_else(|| Error::internal(format!("{id} has no intent")))?
            }
        };
        if step == RefundStep::LookUp
            && let Some(found) = self.stripe.find_refund(&intent, &refund.id).await?
        {
            return Ok(found);
        }
        Ok(self.stripe.create_refund(&intent, &author.shop, refund).await?)
    }

    /// Gives back what another intent than the payment's own took, once: nothing was sold for it.
    pub(super) async fn return_stray(
        &self,
        author: &Author,
        payment: Payment,
        report: &IntentReport,
    ) -> Result<Payment> {
        tracing::error!(payment_id = %payment.id, intent = report.intent_id, "money came on an intent that was given up");
        if report.status == IntentStatus::RequiresCapture {
            self.cancel_intent(&report.intent_id).await?;
            return Ok(payment);
        }
        let id =
            RefundId::from_uuid(derived(&[author.shop.as_str(), payment.id.as_str(), &report.intent_id]));
        let refund = Refund {
            amount: domain::Money::new(report.received, report.amount.currency),
            reason: Line::new("paid on an intent that was given up").ok(),
            stray_intent: Some(report.intent_id.clone()),
            ..Refund::of(&payment, id.clone(), report.received, self.clock.now())
        };
        let mut transaction = Transaction::default();
        let stored = StoredRefund { refund, fingerprint: String::new() };
        transaction.put_new_refund(&self.store, &author.shop, &stored)?;
        // A refusal means that it has been noticed before.
        drop(self.store.commit(&transaction).await?);
        self.finish_refund(author, &payment.id, &id).await?;
        Ok(payment)
    }

    /// Books a refund that somebody made at Stripe.
    pub(crate) async fn import_refund(
        &self,
        author: &Author,
        payment: &PaymentId,
        found: &StripeRefund,
    ) -> Result<()> {
        let unreadable = || Error::internal(format!("{} has an amount that cannot be", found.id));
        let amount = found.amount().ok_or_else(unreadable)?;
        let id = RefundId::from_uuid(derived(&[author.shop.as_str(), payment.as_str(), &found.id]));
        for _ in 0..MAX_ROUNDS {
            if self.store.refund(&author.shop, payment, &id).await?.is_some() {
                let known = Some(found.id.clone());
                return self.book_refund(author, payment, &id, found.status(), known).await.map(drop);
            }
            let paid = self.store.payment(&author.shop, payment).await?.ok_or(Error::NotFound)?;
            let (intent, now) = (found.payment_intent.clone(), self.clock.now());
            let refund = Refund {
                status: found.status(),
                reason: Line::new("made at Stripe").ok(),
                stripe_id: Some(found.id.clone()),
                ..Refund::imported(&paid.payment, id.clone(), amount, intent, now)
            };
            if self.write_refund(author, &paid, None, refund).await?.is_some() {
                return Ok(());
            }
        }
        Err(Error::busy())
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
        let mut stored = self.store.refund(&author.shop, payment, id).await?.ok_or(Error::NotFound)?;
        for _ in 0..MAX_ROUNDS {
            let shelved = match stored.refund.book(status, stripe_id.as_deref()) {
                Booking::Nothing => return Ok(stored.refund),
                Booking::Name(named) => return self.name_refund(author, stored, named).await,
                // Boxed: it is deep, and few refunds have pieces.
                Booking::Shelve => Box::pin(self.shelve(author, stored)).await?,
                Booking::End(ended) => {
                    let paid = self.store.payment(&author.shop, payment).await?.ok_or(Error::NotFound)?;
                    if let Some(refund) = self.write_refund(author, &paid, Some(&stored), ended).await? {
                        return Ok(refund);
                    }
                    None
                }
            };
            stored = match shelved {
                Some(shelved) => shelved,
                None => self.store.refund(&author.shop, payment, id).await?.ok_or(Error::NotFound)?,
            };
        }
        Err(Error::busy())
    }

    /// Puts the pieces of a refund on the shelf, each time together with the note that they are there. `None` if somebody
    /// was faster.
    async fn shelve(&self, author: &Author, mut stored: StoredRefund) -> Result<Option<StoredRefund>> {
        let mut most = MAX_LINES;
        while let Some(lines) =
            stored.refund.restock.get(stored.refund.shelved..).filter(|left| !left.is_empty())
        {
            let refund = &stored.refund;
            let lines = lines.get(..most).unwrap_or(lines);
            let shelved = StoredRefund { refund: refund.shelve(lines.len()), ..stored.clone() };
            let order = Some(OrderReference::from(refund.order_id.clone()));
            let back = ComingBack { name: refund.id.as_str(), since: refund.created_at, order, lines };
            let chunk = (refund.shelved / MAX_LINES, lines);
            let note = |transaction: &mut Transaction| {
                transaction.put_refund(&self.store, &author.shop, &shelved, refund.version)
            };
            match take_chunk_back(&self.store, &self.clock, author, &back, chunk, &note).await? {
                Back::Done => stored = shelved,
                Back::TooMany => most = half(lines)?,
                Back::Before | Back::InPart | Back::Refused => return Ok(None),
            }
        }
        Ok(Some(stored))
    }

    /// Keeps Stripe's name of a refund that the bank is still at.
    async fn name_refund(&self, author: &Author, stored: StoredRefund, named: Refund) -> Result<Refund> {
        let seen = stored.refund.version;
        let named = StoredRefund { refund: named, ..stored };
        let mut transaction = Transaction::default();
        transaction.put_refund(&self.store, &author.shop, &named, seen)?;
        match self.store.commit(&transaction).await? {
            Ok(()) => Ok(named.refund),
            // It went on meanwhile.
            Err(_) => {
                let id = (&named.refund.payment_id, &named.refund.id);
                let ended = self.store.refund(&author.shop, id.0, id.1).await?.ok_or(Error::NotFound)?;
                Ok(ended.refund)
            }
        }
    }

    /// Writes how a refund went on from `before`, or, if there is none, that it is there; `None` if somebody was faster.
    async fn write_refund(
        &self,
        author: &Author,
        paid: &StoredPayment,
        before: Option<&StoredRefund>,
        ended: Refund,
    ) -> Result<Option<Refund>> {
        let order = self.store.order(&author.shop, &ended.order_id).await?.ok_or(Error::NotFound)?;
        let fingerprint = before.map(|stored| stored.fingerprint.clone()).unwrap_or_default();
        let written = StoredRefund { refund: ended.clone(), fingerprint };
        let was = before.map(|stored| &stored.refund);
        let (next, after) = settlement::book(&paid.payment, &order.order, was, &ended);
        let mut transaction = Transaction::default();
        self.write_payment(&mut transaction, author, paid, &next, refund_updated(&next, &ended))?;
        match before {
            Some(stored) => {
                transaction.put_refund(&self.store, &author.shop, &written, stored.refund.version)?;
            }
            None => transaction.put_new_refund(&self.store, &author.shop, &written)?,
        }
        if let Some(after) = after {
            let fact = order_payment_updated(&after, &next);
            let event = author.event(&self.clock, format!("order:{}", after.id), after.version, fact);
            transaction.put_order(&self.store, &author.shop, &order.with(after), order.order.version)?;
            transaction.journal_order(&self.store, &ended.order_id, &event)?;
        }
        Ok(self.store.commit(&transaction).await?.is_ok().then_some(ended))
    }

    /// Puts sold pieces back on the shelf, once for each `name`.
    pub(super) async fn restock(
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
