//! Payments: beginning them, asking how they stand, giving money back.

mod intake;
mod reconciliation;
mod refunding;

use contract::{
    ErrorCode,
    http::{
        Page,
        payments::{IntentView, NewIntent, PaymentView},
    },
};
use domain::{
    OrderId, PaymentId, Permission, Principal, ShopId,
    payment::{Payment, PaymentStatus, RefundStatus},
};

use crate::{
    Clock, Error, Result,
    clock::derived,
    idempotency::{Idempotency, RequestKey},
    journal::Author,
    settlement::Settlement,
    store::{Cursor, Dynamo, dynamo::Written, orders::Listed, payments::StoredPayment},
    stripe::{IntentMetadata, StripeError},
};

pub use self::intake::WebhookIntake;
pub(crate) use self::refunding::{refund_refused, still_sold};

/// The payments of all shops.
#[derive(Debug, Clone)]
pub struct Payments {
    store: Dynamo,
    clock: Clock,
    settlement: Settlement,
    idempotency: Idempotency,
}

/// The payment of an order: there is one, and it is named after the order.
pub fn payment_id(shop: &ShopId, order: &OrderId) -> PaymentId {
    PaymentId::from_uuid(derived(&[shop.as_str(), order.as_str(), "payment"]))
}

impl Payments {
    /// Payments are kept in `store` and settled by `settlement`.
    pub const fn new(store: Dynamo, clock: Clock, settlement: Settlement, idempotency: Idempotency) -> Self {
        Self { store, clock, settlement, idempotency }
    }

    /// Begins to pay an order, or gives what a browser needs to go on paying it.
    pub async fn create_intent(
        &self,
        who: &Principal,
        key: &RequestKey,
        new: &NewIntent,
    ) -> Result<IntentView> {
        who.may(Permission::Pay)?;
        let order =
            self.store.order(&who.shop, &new.order_id).await?.filter(|stored| stored.order.version > 0);
        let order = order.ok_or(Error::NotFound)?.order;
        if !who.owns(&order.owner) && !who.can(Permission::Refund) {
            return Err(Error::NotFound);
        }
        self.idempotency.claim(who, key, "create-intent").await?;
        let id = payment_id(&who.shop, &order.id);
        let stored = match self.store.payment(&who.shop, &id).await? {
            Some(begun) => begun,
            None if !order.is_payable(self.clock.now()) => {
                return Err(Error::conflict(ErrorCode::InvalidTransition, "the order can no longer be paid"));
            }
            None => self.begin(who, &order, id).await?,
        };
        let stored = match stored.payment.status {
            PaymentStatus::Unknown => make_intent(&self.settlement, &Author::of(who), stored).await?,
            _ => stored,
        };
        let Payment { id, amount, status, client_secret, .. } = stored.payment;
        let failed = || Error::conflict(ErrorCode::InvalidTransition, format!("the payment is {status:?}"));
        let client_secret = client_secret.ok_or_else(failed)?;
        Ok(IntentView {
            payment_id: id,
            client_secret,
            amount: amount.amount,
            currency: amount.currency,
            status,
        })
    }

    /// Writes the payment before Stripe is asked: whatever happens then, it will be found and asked about again.
    async fn begin(
        &self,
        who: &Principal,
        order: &domain::order::Order,
        id: PaymentId,
    ) -> Result<StoredPayment> {
        let payment = Payment {
            id,
            order_id: order.id.clone(),
            owner: order.owner.clone(),
            amount: order.total,
            status: PaymentStatus::Unknown,
            intent_id: None,
            client_secret: None,
            receipt_url: None,
            captured: 0,
            refunded: 0,
            refunding: 0,
            created_at: self.clock.now(),
            version: 0,
        };
        let stored = StoredPayment { payment, fingerprint: String::new() };
        match self.store.begin_payment(&who.shop, &stored, &self.clock.fresh().to_string()).await? {
            Written::Yes => Ok(stored),
            Written::Refused(_) => {
                self.store.payment(&who.shop, &stored.payment.id).await?.ok_or(Error::NotFound)
            }
        }
    }

    /// Asks Stripe how a payment stands, and settles it if the money is there.
    pub async fn confirm(&self, who: &Principal, id: &PaymentId) -> Result<PaymentView> {
        let stored = self.owned(who, id).await?;
        Ok(payment_view(&self.settlement.ask(&Author::of(who), &stored.payment).await?))
    }

    /// A payment of one's own; staff sees everybody's.
    pub async fn read(&self, who: &Principal, id: &PaymentId) -> Result<PaymentView> {
        Ok(payment_view(&self.owned(who, id).await?.payment))
    }

    /// A page of one's own payments, newest first; staff sees everybody's. A page may be short when filtered.
    pub async fn history(
        &self,
        who: &Principal,
        status: Option<PaymentStatus>,
        limit: u32,
        cursor: Option<Cursor>,
    ) -> Result<Page<PaymentView>> {
        let whose =
            if who.can(Permission::ReadEverybodysOrders) { Listed::All } else { Listed::Of(&who.subject) };
        let (payments, next) = self.store.payments(&who.shop, whose, limit, cursor).await?;
        let wanted =
            payments.iter().filter(|stored| status.is_none_or(|status| stored.payment.status == status));
        let data = wanted.map(|stored| payment_view(&stored.payment)).collect();
        Ok(Page { data, next_cursor: next.map(|cursor| cursor.to_string()) })
    }

    async fn owned(&self, who: &Principal, id: &PaymentId) -> Result<StoredPayment> {
        let stored = self.store.payment(&who.shop, id).await?.ok_or(Error::NotFound)?;
        let is_visible = who.owns(&stored.payment.owner) || who.can(Permission::ReadEverybodysOrders);
        if is_visible { Ok(stored) } else { Err(Error::NotFound) }
    }

    /// Takes up a payment or refund that a run was cut off from.
    pub async fn repair(&self, shop: &ShopId, id: &PaymentId) -> Result<()> {
        self.settlement.repair_payment(shop, id).await?;
        let pending = self.store.refunds(shop, id).await?;
        for stored in pending.into_iter().filter(|stored| stored.refund.status == RefundStatus::Pending) {
            self.settlement.finish_refund(&Author::system(shop, id.as_str()), id, &stored.refund.id).await?;
        }
        Ok(())
    }
}

/// Asks Stripe for the intent of a payment whose outcome is unknown. The payment's id is the idempotency key, so
/// asking again finds the intent that an earlier question made.
pub(crate) async fn make_intent(
    settlement: &Settlement,
    author: &Author,
    stored: StoredPayment,
) -> Result<StoredPayment> {
    let Payment { id, order_id, amount, .. } = stored.payment.clone();
    let about = IntentMetadata { shop_id: author.shop.clone(), order_id, payment_id: id.clone() };
    let intent = match settlement.stripe.create_intent(amount, &about).await {
        Ok(intent) => intent,
        Err(StripeError::Refused { code, message }) => {
            // Nothing was made and nothing will be: the payment has failed, and its order can end.
            tracing::error!(payment_id = %id, code, message, "stripe refused an intent");
            settlement.fail_payment(author, &stored).await?;
            return Err(Error::invalid(
                ErrorCode::ValidationFailed,
                format!("stripe refused the payment: {message}"),
            ));
        }
        Err(unknown) => return Err(unknown.into()),
    };
    settlement.adopt_intent(author, stored, &intent).await
}

fn payment_view(payment: &Payment) -> PaymentView {
    PaymentView {
        payment_id: payment.id.clone(),
        order_id: payment.order_id.clone(),
        status: payment.status,
        amount: payment.amount,
        captured: payment.captured,
        refunded: payment.refunded,
        refunding: payment.refunding,
        receipt_url: payment.receipt_url.clone(),
        created_at: payment.created_at,
        version: payment.version,
    }
}
