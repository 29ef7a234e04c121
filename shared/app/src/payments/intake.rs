//! What Stripe tells us: checked, stored, and let take effect once.

use contract::ErrorCode;
use domain::{ShopId, payment::Payment};
use jiff::SignedDuration;
use secrecy::SecretString;

use super::Payments;
use crate::{
    Error, Result,
    journal::Author,
    store::notices::StripeNotice,
    stripe::{About, IntentMetadata, StripeEvent, verify_signature},
};

/// The Stripe account of this deployment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StripeAccount {
    /// Whether it handles real money.
    pub is_live: bool,
    /// Its name (`acct_…`), if events that name one are to be taken. A webhook of one's own account names none.
    pub id: Option<String>,
}

impl StripeAccount {
    /// An error if an event is of another mode or of somebody else's account.
    pub(super) fn check(&self, event: &StripeEvent) -> Result<()> {
        let wrong = |what: &str| Err(Error::invalid(ErrorCode::SignatureInvalid, what));
        if event.livemode != self.is_live {
            return wrong("the event is of another Stripe mode");
        }
        match &event.account {
            Some(account) if Some(account) != self.id.as_ref() => {
                wrong("the event is of another Stripe account")
            }
            _ => Ok(()),
        }
    }
}

/// With what webhooks are checked.
#[derive(Debug, Clone)]
pub struct WebhookIntake {
    /// Any of these signs; two while one is being replaced.
    pub secrets: Vec<SecretString>,
    /// How far the signature's instant may be from ours.
    pub tolerance: SignedDuration,
    /// Whose events these must be.
    pub from: StripeAccount,
}

impl Payments {
    /// Takes a webhook from Stripe: checks its signature, stores it, and lets it take effect once.
    ///
    /// # Errors
    /// Stripe repeats what was not answered with success, so an error means: tell us again.
    pub async fn receive_webhook(&self, intake: &WebhookIntake, signature: &str, body: &[u8]) -> Result<()> {
        verify_signature(signature, body, &intake.secrets, intake.tolerance, self.clock.now())?;
        let event = StripeEvent::parse(body)?;
        intake.from.check(&event)?;
        self.take_in(&event).await
    }

    /// Stores an event of Stripe's and lets it take effect, once, whichever way it came.
    ///
    /// # Errors
    /// If it could not be stored, or not take effect yet: it is taken in again, or taken up by the sweeper.
    pub(super) async fn take_in(&self, event: &StripeEvent) -> Result<()> {
        let Some((shop, notice)) = self.notice_of(event).await? else {
            tracing::info!(event_id = event.id, event_type = event.kind, "a Stripe event that is not kept");
            return Ok(());
        };
        if self.store.receive(&shop, &notice, &self.clock.fresh().to_string()).await? {
            return Ok(());
        }
        let author = Author { cause: Some(event.id.clone()), ..Author::system(&shop, "") };
        match event.about() {
            About::Intent(intent) => self.settle_noticed(&author, &notice, &intent.report()).await?,
            About::Refund(_) | About::Dispute(_) | About::Other => self.take_effect(&author, &notice).await?,
        }
        self.store.mark_done(&shop, &notice).await
    }

    async fn notice_of(&self, event: &StripeEvent) -> Result<Option<(ShopId, StripeNotice)>> {
        let notice = StripeNotice {
            event_id: event.id.clone(),
            event_type: event.kind.clone(),
            payment_id: None,
            intent_id: None,
            refund_id: None,
            stripe_refund: None,
            stripe_dispute: None,
            received_at: self.clock.now(),
        };
        Ok(match event.about() {
            About::Other => None,
            About::Intent(intent) => intent.metadata().map(|about| {
                let (payment_id, intent_id) = (Some(about.payment_id), Some(intent.id.clone()));
                (about.shop_id, StripeNotice { payment_id, intent_id, ..notice })
            }),
            About::Refund(refund) => match refund.metadata() {
                Some((shop, payment, id)) => {
                    let (payment_id, refund_id) = (Some(payment), Some(id));
                    Some((shop, StripeNotice { payment_id, refund_id, ..notice }))
                }
                // Made by hand at Stripe: its intent says whose money it is.
                None => self.paid_by(refund.payment_intent.as_deref()).await?.map(|about| {
                    let (payment_id, stripe_refund) = (Some(about.payment_id), Some(refund.id.clone()));
                    (about.shop_id, StripeNotice { payment_id, stripe_refund, ..notice })
                }),
            },
            About::Dispute(dispute) => self.paid_by(dispute.payment_intent.as_deref()).await?.map(|about| {
                let (payment_id, stripe_dispute) = (Some(about.payment_id), Some(dispute.id.clone()));
                (about.shop_id, StripeNotice { payment_id, stripe_dispute, ..notice })
            }),
        })
    }

    /// What the money of an intent was paid for, if for anything of ours.
    async fn paid_by(&self, intent: Option<&str>) -> Result<Option<IntentMetadata>> {
        match intent {
            Some(intent) => Ok(self.settlement.stripe.intent(intent).await?.metadata()),
            None => Ok(None),
        }
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
        if let Some(dispute) = &notice.stripe_dispute {
            return self.hear_dispute(author, &stored.payment, dispute).await;
        }
        if let Some(made_at_stripe) = &notice.stripe_refund {
            let found = self.settlement.stripe.refund(made_at_stripe).await?;
            if !stored.payment.status.is_final() {
                // Nobody has told yet that the money came: it is booked before it goes back.
                self.ask_about(author, &stored.payment, found.payment_intent.as_deref()).await?;
            }
            return self.settlement.import_refund(author, id, &found).await;
        }
        match &notice.refund_id {
            None => self.ask_about(author, &stored.payment, notice.intent_id.as_deref()).await,
            Some(refund) => {
                let Some(known) = self.store.refund(&author.shop, id, refund).await? else {
                    return Ok(());
                };
                // Asked for under our name it is answered as the first time, which is not how it stands now.
                let named = match known.refund.stripe_id {
                    None => self.settlement.finish_refund(author, id, refund).await?.stripe_id,
                    named => named,
                };
                let Some(stripe_id) = named else { return Ok(()) };
                let answer = self.settlement.stripe.refund(&stripe_id).await?;
                self.settlement
                    .book_refund(author, id, refund, answer.status(), Some(stripe_id))
                    .await
                    .map(drop)
            }
        }
    }

    /// Asks how an intent stands that Stripe told of, also one that is no longer the payment's own.
    pub(super) async fn ask_about(
        &self,
        author: &Author,
        payment: &Payment,
        intent: Option<&str>,
    ) -> Result<()> {
        match intent.filter(|intent| payment.intent_id.as_deref() != Some(*intent)) {
            None => self.settlement.ask(author, payment).await.map(drop),
            Some(other) => {
                let report = self.settlement.stripe.intent(other).await?.report();
                self.settlement.settle(author, &payment.id, &report).await.map(drop)
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
