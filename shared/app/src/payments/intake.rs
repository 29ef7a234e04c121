//! What Stripe tells us: checked, stored, and let take effect once.

use contract::ErrorCode;
use domain::ShopId;
use jiff::SignedDuration;
use secrecy::SecretString;

use super::Payments;
use crate::{
    Error, Result,
    journal::Author,
    store::payments::StripeNotice,
    stripe::{About, StripeEvent, verify_signature},
};

/// With what webhooks are checked.
#[derive(Debug, Clone)]
pub struct WebhookIntake {
    /// Any of these signs; two while one is being replaced.
    pub secrets: Vec<SecretString>,
    /// How far the signature's instant may be from ours.
    pub tolerance: SignedDuration,
    /// Whether this deployment handles real money.
    pub is_live: bool,
}

impl Payments {
    /// Takes a webhook from Stripe: checks its signature, stores it, and lets it take effect once.
    ///
    /// # Errors
    /// Stripe repeats what was not answered with success, so an error means: tell us again.
    pub async fn receive_webhook(&self, intake: &WebhookIntake, signature: &str, body: &[u8]) -> Result<()> {
        verify_signature(signature, body, &intake.secrets, intake.tolerance, self.clock.now())?;
        let event = StripeEvent::parse(body)?;
        if event.livemode != intake.is_live {
            return Err(Error::invalid(ErrorCode::SignatureInvalid, "the event is of another Stripe mode"));
        }
        let Some((shop, notice)) = self.notice_of(&event) else {
            tracing::info!(event_id = event.id, event_type = event.kind, "a Stripe event that is not kept");
            return Ok(());
        };
        if self.store.receive(&shop, &notice, &self.clock.fresh().to_string()).await? {
            return Ok(());
        }
        let author = Author { cause: Some(event.id.clone()), ..Author::system(&shop, "") };
        match event.about() {
            About::Intent(intent) => self.settle_noticed(&author, &notice, &intent.report()).await?,
            About::Refund(_) | About::Other => self.take_effect(&author, &notice).await?,
        }
        self.store.mark_done(&shop, &notice).await
    }

    fn notice_of(&self, event: &StripeEvent) -> Option<(ShopId, StripeNotice)> {
        let (shop, payment_id, refund_id) = match event.about() {
            About::Intent(intent) => {
                intent.metadata().map(|about| (about.shop_id, about.payment_id, None))?
            }
            About::Refund(refund) => {
                refund.metadata().map(|(shop, payment, refund)| (shop, payment, Some(refund)))?
            }
            About::Other => return None,
        };
        let notice = StripeNotice {
            event_id: event.id.clone(),
            event_type: event.kind.clone(),
            payment_id: Some(payment_id),
            refund_id,
            received_at: self.clock.now(),
        };
        Some((shop, notice))
    }

    /// An intent's end is final whenever it is told; anything before may be old news, so Stripe is asked.
    async fn settle_noticed(
        &self,
        author: &Author,
        notice: &StripeNotice,
        report: &domain::payment::IntentReport,
    ) -> Result<()> {
        use domain::payment::IntentStatus as S;
        match (&notice.payment_id, report.status) {
            (Some(payment), S::Succeeded | S::Canceled) => {
                match self.settlement.settle(author, payment, report).await {
                    // An intent of a payment that we do not have: nothing to settle, nothing to repeat.
                    Err(Error::NotFound) => {
                        tracing::warn!(event_id = notice.event_id, "a Stripe event about an unknown payment");
                        Ok(())
                    }
                    other => other.map(drop),
                }
            }
            _ => self.take_effect(author, notice).await,
        }
    }

    /// Lets a stored notice take effect by asking Stripe how things stand now.
    pub async fn take_effect(&self, author: &Author, notice: &StripeNotice) -> Result<()> {
        let Some(id) = &notice.payment_id else {
            return Ok(());
        };
        let Some(stored) = self.store.payment(&author.shop, id).await? else {
            return Ok(());
        };
        match &notice.refund_id {
            None => self.settlement.ask(author, &stored.payment).await.map(drop),
            Some(refund) => {
                let Some(known) = self.store.refund(&author.shop, id, refund).await? else {
                    return Ok(());
                };
                let Some(stripe_id) = known.refund.stripe_id else {
                    return self.settlement.finish_refund(author, id, refund).await.map(drop);
                };
                let answer = self.settlement.stripe.refund(&stripe_id).await?;
                self.settlement
                    .book_refund(author, id, refund, answer.status(), Some(stripe_id))
                    .await
                    .map(drop)
            }
        }
    }

    /// Lets a notice take effect whose webhook was cut off.
    pub async fn repair_notice(&self, shop: &ShopId, event_id: &str) -> Result<()> {
        let Some(notice) = self.store.notice(shop, event_id).await? else {
            return Ok(());
        };
        self.take_effect(&Author::system(shop, event_id), &notice).await?;
        self.store.mark_done(shop, &notice).await
    }
}
