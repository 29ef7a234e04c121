//! Reserved money: taken, or let go. What Stripe is asked for is written first, so that an answer that never came is
//! found out later.

use contract::ErrorCode;
use domain::{
    Money, OrderReference, PaymentId,
    payment::{Asked, IntentReport, IntentStatus, NotReserved, Payment, PaymentStatus},
    reservation::ReservedLine,
    settlement::{GiveBack, release},
};

use super::{MAX_ROUNDS, Settlement, order_payment_updated, payment_updated, status_updated};
use crate::{
    Error, Result,
    inventory::left_of,
    journal::Author,
    store::{
        Transaction,
        orders::StoredOrder,
        payments::{StoredPayment, StoredRefund},
    },
    stripe::{Intent, StripeError},
};

fn not_reserved(error: NotReserved) -> Error {
    match error {
        NotReserved::Exceeds { .. } => Error::field("amount", "out_of_range", error.to_string()),
        NotReserved::Nothing | NotReserved::Busy => {
            Error::conflict(ErrorCode::InvalidTransition, error.to_string())
        }
    }
}

impl Settlement {
    /// Takes reserved money, all of it unless an amount is named; the rest is let go.
    ///
    /// # Errors
    /// If Stripe did not answer: what was asked for is written, and the sweeper asks again.
    pub async fn capture(&self, author: &Author, id: &PaymentId, amount: Option<i64>) -> Result<Payment> {
        let wanted = |payment: &Payment| Asked::Capture(amount.unwrap_or(payment.authorized));
        let is_done = |payment: &Payment| {
            payment.status == PaymentStatus::Succeeded
                && payment.capture_method == domain::payment::CaptureMethod::Manual
                && amount.is_none_or(|amount| amount == payment.captured)
        };
        self.ask_for(author, id, wanted, is_done).await
    }

    /// Lets reserved money go: its order is called off and its pieces come back.
    ///
    /// # Errors
    /// As [`Settlement::capture`].
    pub async fn void(&self, author: &Author, id: &PaymentId) -> Result<Payment> {
        let is_done = |payment: &Payment| payment.status == PaymentStatus::Cancelled;
        self.ask_for(author, id, |_| Asked::Void, is_done).await
    }

    async fn ask_for(
        &self,
        author: &Author,
        id: &PaymentId,
        wanted: impl Fn(&Payment) -> Asked,
        is_done: impl Fn(&Payment) -> bool,
    ) -> Result<Payment> {
        for _ in 0..MAX_ROUNDS {
            let stored = self.store.payment(&author.shop, id).await?.ok_or(Error::NotFound)?;
            if is_done(&stored.payment) {
                return Ok(stored.payment);
            }
            let next =
                stored.payment.ask_for(wanted(&stored.payment), self.clock.now()).map_err(not_reserved)?;
            if next.version == stored.payment.version {
                return self.act(author, next).await; // an earlier run wrote it
            }
            if let Some(asked) = self.move_payment(author, &stored, next).await? {
                return self.act(author, asked).await;
            }
        }
        Err(Error::busy())
    }

    /// Asks Stripe for what is written, and settles what came of it.
    pub(super) async fn act(&self, author: &Author, payment: Payment) -> Result<Payment> {
        let missing = || Error::internal(format!("nothing was asked of {}", payment.id));
        let intent = payment.intent_id.clone().ok_or_else(missing)?;
        let answer = match payment.asked.ok_or_else(missing)? {
            Asked::Void => self.stripe.cancel_intent(&intent).await,
            Asked::Capture(amount) => {
                let key = format!("{}-capture-{amount}", payment.intent_key());
                self.stripe.capture_intent(&intent, Money::new(amount, payment.amount.currency), &key).await
            }
        };
        let (report, refusal) = self.what_came_of(&intent, answer).await?;
        let settled = self.settle(author, &payment.id, &report).await?;
        match refusal {
            Some(message) if settled.asked.is_some() => {
                // The money is still reserved, and Stripe will not do this with it.
                let stored = self.store.payment(&author.shop, &settled.id).await?.ok_or(Error::NotFound)?;
                if stored.payment.version == settled.version {
                    self.move_payment(author, &stored, settled.refused()).await?;
                }
                let detail = format!("stripe refused: {message}");
                Err(Error::conflict(ErrorCode::InvalidTransition, detail))
            }
            _ => Ok(settled),
        }
    }

    /// Refused because it has happened already, or has ended otherwise: what the intent is now is what counts.
    pub(super) async fn what_came_of(
        &self,
        intent: &str,
        answer: Result<Intent, StripeError>,
    ) -> Result<(IntentReport, Option<String>)> {
        match answer {
            Ok(intent) => Ok((intent.report(), None)),
            Err(StripeError::Refused { code, message }) => {
                tracing::warn!(intent, code, message, "stripe refused what was asked of an intent");
                Ok((self.stripe.intent(intent).await?.report(), Some(message)))
            }
            Err(unknown) => Err(unknown.into()),
        }
    }

    /// Gives back money that an order has no use for: what is only reserved is let go, what was taken is refunded.
    pub(super) async fn give_back(
        &self,
        author: &Author,
        stored: &StoredPayment,
        paid: Payment,
        how: GiveBack,
        why: &str,
    ) -> Result<Option<Payment>> {
        if let GiveBack::Refund(refunding) = how {
            return self.return_money(author, stored, paid, *refunding, why).await;
        }
        let no_intent = || Error::internal(format!("{} has no intent", paid.id));
        let intent = paid.intent_id.as_ref().ok_or_else(no_intent)?;
        tracing::warn!(payment_id = %paid.id, why, "reserved money is let go");
        let report = self.cancel_intent(intent).await?;
        if report.status == IntentStatus::RequiresCapture {
            return Err(Error::busy());
        }
        self.settle(author, &paid.id, &report).await.map(Some)
    }

    /// Writes that reserved money was let go. Once it is written, nothing else can bring the pieces of its order back.
    pub(super) async fn release_order(
        &self,
        author: &Author,
        stored: &StoredPayment,
        gone: Payment,
    ) -> Result<Option<Payment>> {
        let order = self.store.order(&author.shop, &gone.order_id).await?.ok_or(Error::NotFound)?;
        let (gone, next) = release(&order.order, gone, self.clock.now());
        let Some(next) = next else {
            return self.move_payment(author, stored, gone).await;
        };
        let fact = match gone.is_returning {
            true => status_updated(&order.order, &next, Some("the reserved money was let go".to_owned())),
            false => order_payment_updated(&next, &gone),
        };
        let mut transaction = Transaction::default();
        self.write_payment(&mut transaction, author, stored, &gone, payment_updated(&gone))?;
        let event = author.event(&self.clock, format!("order:{}", next.id), next.version, fact);
        transaction.put_order(&self.store, &author.shop, &order.with(next), order.order.version)?;
        transaction.journal_order(&self.store, &gone.order_id, &event)?;
        let reference = OrderReference::from(gone.order_id.clone());
        let sale = self.store.sale(&author.shop, &reference).await?;
        let seen = sale.map_or(0, |sale| sale.version);
        transaction.check_sale(&self.store, &author.shop, &reference, seen)?;
        Ok(self.store.commit(&transaction).await?.is_ok().then_some(gone))
    }

    /// Puts the pieces of an order that came to nothing back on the shelf, once, and notes that they are there.
    pub(super) async fn return_pieces(&self, author: &Author, payment: Payment) -> Result<Payment> {
        let order = self.store.order(&author.shop, &payment.order_id).await?.ok_or(Error::NotFound)?;
        // Reserved money has no refunds.
        let (lines, _) = self.not_yet_returned(author, &order, &[]).await?;
        let name = format!("{}-void", payment.id);
        let order_id = Some(payment.order_id.clone());
        self.restock(author, payment.created_at, &name, order_id, &lines).await?;
        for _ in 0..MAX_ROUNDS {
            let stored = self.store.payment(&author.shop, &payment.id).await?.ok_or(Error::NotFound)?;
            if !stored.payment.is_returning {
                return Ok(stored.payment);
            }
            let returned = stored.payment.returned();
            if let Some(returned) = self.move_payment(author, &stored, returned).await? {
                return Ok(returned);
            }
        }
        Err(Error::busy())
    }

    /// What of an order's pieces was sold and has not come back, nor is on its way, and with which version of its sale.
    pub(crate) async fn not_yet_returned(
        &self,
        author: &Author,
        stored: &StoredOrder,
        refunds: &[StoredRefund],
    ) -> Result<(Vec<ReservedLine>, u64)> {
        let sale = self.store.sale(&author.shop, &stored.order.id.clone().into()).await?;
        let returned = sale.as_ref().map(|sale| sale.returned.as_slice()).unwrap_or_default();
        let left = left_of(&self.store, &author.shop, stored, refunds, returned).await?;
        Ok((left, sale.map_or(0, |sale| sale.version)))
    }
}
