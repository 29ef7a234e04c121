//! Intents: made once for each try of a payment, found again when nobody heard of it, and never made twice.

use contract::ErrorCode;
use domain::{
    PaymentId, ShopId,
    payment::{Finding, Payment},
    settlement::{TakeUp, is_kept_in_sight, take_up},
};

use super::Settlement;
use crate::{
    Error, Result,
    journal::Author,
    store::payments::StoredPayment,
    stripe::{Intent, StripeError},
};

impl Settlement {
    /// Asks Stripe for the intent of a payment whose outcome is unknown. Asking again under the same key finds the
    /// intent that an earlier question made.
    pub(crate) async fn make_intent(&self, author: &Author, stored: StoredPayment) -> Result<StoredPayment> {
        if stored.payment.is_looked_up(self.clock.now()) {
            return self.look_up_intent(author, stored).await;
        }
        match self.stripe.create_intent(&author.shop, &stored.payment).await {
            Ok(intent) => self.adopt_intent(author, stored, &intent).await,
            Err(StripeError::Refused { code, message }) => {
                // Nothing was made and nothing will be: the payment has failed, and its order can end.
                tracing::error!(payment_id = %stored.payment.id, code, message, "stripe refused an intent");
                self.fail_payment(author, &stored).await?;
                let detail = format!("stripe refused the payment: {message}");
                Err(Error::invalid(ErrorCode::ValidationFailed, detail))
            }
            Err(unknown) => Err(unknown.into()),
        }
    }

    async fn look_up_intent(&self, author: &Author, stored: StoredPayment) -> Result<StoredPayment> {
        if let Some(intent) = self.stripe.find_intent(&stored.payment).await? {
            return self.adopt_intent(author, stored, &intent).await;
        }
        tracing::warn!(payment_id = %stored.payment.id, "stripe has never made this intent");
        self.fail_payment(author, &stored).await?;
        self.store.payment(&author.shop, &stored.payment.id).await?.ok_or(Error::NotFound)
    }

    /// Writes that Stripe will not make the intent of a payment.
    async fn fail_payment(&self, author: &Author, stored: &StoredPayment) -> Result<()> {
        let failed = stored.payment.fail();
        // A refusal means that somebody was faster; what they found out counts.
        self.move_payment(author, stored, failed).await.map(drop)
    }

    /// Writes that Stripe has made the intent of a payment.
    async fn adopt_intent(
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

    /// Takes up what a run was cut off from, and asks once about whatever is still open a minute after it began: its
    /// webhook may have been lost.
    pub async fn look_after(&self, shop: &ShopId, id: &PaymentId) -> Result<()> {
        let author = Author::system(shop, id.as_str());
        let Some(stored) = self.store.payment(shop, id).await? else {
            return Ok(());
        };
        let payment = match take_up(&stored.payment) {
            TakeUp::Nothing => return Ok(()),
            TakeUp::MakeIntent => self.make_intent(&author, stored).await?.payment,
            TakeUp::ReturnPieces => self.return_pieces(&author, stored.payment).await?,
            TakeUp::Act => self.act(&author, stored.payment).await?,
            TakeUp::Ask => self.ask(&author, &stored.payment).await?,
            TakeUp::Forget => stored.payment,
        };
        self.stop_watching(shop, &payment).await
    }

    async fn stop_watching(&self, shop: &ShopId, payment: &Payment) -> Result<()> {
        if payment.watched_since.is_none() || is_kept_in_sight(payment) {
            return Ok(());
        }
        self.store.stop_watching(shop, payment, &self.clock.fresh().to_string()).await
    }
}
