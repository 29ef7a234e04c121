//! Beginning to pay: judged, written, and only then asked of Stripe. A try that came to nothing is followed by another.

use contract::{
    ErrorCode, Fact,
    http::payments::{IntentView, NewIntent},
};
use domain::{
    DecisionId, PaymentId, Permission, Principal,
    order::Order,
    payment::{CaptureMethod, Payment, PaymentStatus},
    risk::{Assessment, Evidence, Outcome, assess},
};

use super::{Payments, payment_id};
use crate::{
    Error, Result,
    clock::derived,
    idempotency::RequestKey,
    journal::Author,
    limits::Seen,
    settings::FraudMode,
    store::{Transaction, dynamo::Written, payments::StoredPayment},
};

impl Payments {
    /// Begins to pay an order, or gives what a browser needs to go on paying it.
    pub async fn create_intent(
        &self,
        who: &Principal,
        key: &RequestKey,
        new: &NewIntent,
        seen: &Seen,
    ) -> Result<IntentView> {
        who.may(Permission::Pay)?;
        let order =
            self.store.order(&who.shop, &new.order_id).await?.filter(|stored| stored.order.version > 0);
        let order = order.ok_or(Error::NotFound)?.order;
        if !who.owns(&order.owner) && !who.can(Permission::Refund) {
            return Err(Error::NotFound);
        }
        let capture_method = self.capture_method(who, new.capture_method)?;
        self.idempotency.claim(who, key, "create-intent").await?;
        let name = key.name(who, "create-intent").simple().to_string();
        let stored = self.current_try(who, &order, capture_method, seen, &name).await?;
        if new.capture_method.is_some_and(|asked| asked != stored.payment.capture_method) {
            let detail = "the payment has begun with another capture method";
            return Err(Error::conflict(ErrorCode::InvalidTransition, detail));
        }
        let stored = match stored.payment.status {
            PaymentStatus::Unknown => self.settlement.make_intent(&Author::of(who), stored).await?,
            _ => stored,
        };
        intent_view(stored.payment)
    }

    /// The shop's own capture method, unless staff or a service wants it otherwise.
    fn capture_method(&self, who: &Principal, asked: Option<CaptureMethod>) -> Result<CaptureMethod> {
        let usual = self.settings.capture_method;
        match asked {
            Some(other) if other != usual => who.may(Permission::Refund).map(|()| other).map_err(Into::into),
            _ => Ok(usual),
        }
    }

    /// The try that is under way, or a new one if there is none and the order can still be paid.
    async fn current_try(
        &self,
        who: &Principal,
        order: &Order,
        capture_method: CaptureMethod,
        seen: &Seen,
        request: &str,
    ) -> Result<StoredPayment> {
        let id = payment_id(&who.shop, &order.id);
        let begun = self.store.payment(&who.shop, &id).await?;
        let is_payable = order.is_payable(self.clock.now());
        match begun {
            // Asked again with the same key, what was forbidden stays forbidden: it is the same decision.
            Some(begun) if is_forbidden(&begun.payment) && begun.fingerprint == request => Ok(begun),
            Some(begun) if is_payable && begun.payment.is_replaceable() => {
                let next = begun.payment.try_again(capture_method, self.clock.now());
                let risk = self.judge(who, &next, seen).await?;
                let next = Payment { source: seen.source.clone(), ..next.assessed(risk) };
                self.write_try(who, begun, next, request).await
            }
            Some(begun) => Ok(begun),
            None if !is_payable => {
                Err(Error::conflict(ErrorCode::InvalidTransition, "the order can no longer be paid"))
            }
            None => {
                let payment = self.first_try(id, order, capture_method, seen);
                let risk = self.judge(who, &payment, seen).await?;
                self.begin(who, payment.assessed(risk), request).await
            }
        }
    }

    fn first_try(&self, id: PaymentId, order: &Order, capture_method: CaptureMethod, seen: &Seen) -> Payment {
        let now = self.clock.now();
        Payment {
            id,
            order_id: order.id.clone(),
            owner: order.owner.clone(),
            amount: order.total,
            status: PaymentStatus::Unknown,
            intent_id: None,
            client_secret: None,
            receipt_url: None,
            capture_method,
            attempt: 1,
            asked: None,
            watched_since: Some(now),
            is_returning: false,
            declined_charge: None,
            source: seen.source.clone(),
            risk: None,
            authorized: 0,
            captured: 0,
            refunded: 0,
            refunding: 0,
            disputed: 0,
            created_at: now,
            version: 0,
        }
    }

    /// Judges one try, once: what is decided is written with it.
    async fn judge(&self, who: &Principal, payment: &Payment, seen: &Seen) -> Result<Assessment> {
        let id = derived(&[who.shop.as_str(), payment.id.as_str(), &payment.attempt.to_string(), "risk"]);
        let evidence = Evidence {
            amount: payment.amount.amount,
            subject: seen.subject,
            address: seen.address,
            usual: self.store.usual(&who.shop, payment.amount.currency).await?,
        };
        let is_shadow = self.settings.fraud_mode == FraudMode::Shadow;
        Ok(assess(DecisionId::from_uuid(id), evidence, is_shadow))
    }

    /// Writes the payment before Stripe is asked: whatever happens then, it will be found and asked about again.
    async fn begin(&self, who: &Principal, payment: Payment, request: &str) -> Result<StoredPayment> {
        let stored = StoredPayment { payment, fingerprint: request.to_owned() };
        let id = stored.payment.id.clone();
        let is_written = match alert(&stored.payment) {
            None => {
                let request = self.clock.fresh().to_string();
                matches!(self.store.begin_payment(&who.shop, &stored, &request).await?, Written::Yes)
            }
            Some(fact) => {
                let mut transaction = Transaction::default();
                transaction.put_new_payment(&self.store, &who.shop, &stored)?;
                let subject = format!("payment:{id}");
                let event = Author::of(who).event(&self.clock, subject, stored.payment.version, fact);
                transaction.journal_payment(&self.store, &id, &event)?;
                self.store.commit(&transaction).await?.is_ok()
            }
        };
        match is_written {
            true => Ok(stored),
            false => self.store.payment(&who.shop, &id).await?.ok_or(Error::NotFound),
        }
    }

    /// Writes another try over the one before it.
    async fn write_try(
        &self,
        who: &Principal,
        before: StoredPayment,
        next: Payment,
        request: &str,
    ) -> Result<StoredPayment> {
        let before = StoredPayment { fingerprint: request.to_owned(), ..before };
        let written = match alert(&next) {
            None => self.settlement.move_payment(&Author::of(who), &before, next).await?,
            Some(fact) => self.settlement.move_payment_by(&Author::of(who), &before, next, fact).await?,
        };
        match written {
            Some(payment) => Ok(StoredPayment { payment, ..before }),
            None => self.store.payment(&who.shop, &before.payment.id).await?.ok_or(Error::NotFound),
        }
    }
}

/// What administrators are told of a try that is not simply approved.
fn alert(payment: &Payment) -> Option<Fact> {
    let risk = payment.risk.as_ref().filter(|risk| risk.outcome > Outcome::Approve && !risk.is_shadow)?;
    Some(Fact::FraudAlert {
        decision_id: risk.decision_id.clone(),
        payment_id: payment.id.clone(),
        order_id: payment.order_id.clone(),
        customer_id: payment.owner.clone(),
        risk_score: risk.score,
        outcome: risk.outcome,
        reasons: risk.reasons.clone(),
    })
}

fn is_forbidden(payment: &Payment) -> bool {
    let is_refused = payment.risk.as_ref().is_some_and(Assessment::forbids);
    payment.status == PaymentStatus::Failed && is_refused
}

fn intent_view(payment: Payment) -> Result<IntentView> {
    if is_forbidden(&payment) {
        return Err(Error::conflict(ErrorCode::PaymentDeclined, "this payment is not accepted"));
    }
    let Payment { id, amount, status, client_secret, capture_method, .. } = payment;
    let failed = || Error::conflict(ErrorCode::InvalidTransition, format!("the payment is {status:?}"));
    let client_secret = client_secret.ok_or_else(failed)?;
    Ok(IntentView {
        payment_id: id,
        client_secret,
        amount: amount.amount,
        currency: amount.currency,
        capture_method,
        status,
    })
}
