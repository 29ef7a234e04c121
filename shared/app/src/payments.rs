//! Payments: beginning them, asking how they stand, giving money back.

mod beginning;
mod disputes;
mod intake;
mod pulling;
mod reconciliation;
mod refunding;

use std::sync::Arc;

use contract::{
    ErrorCode,
    http::{
        Page,
        payments::{HistoryRequest, NewCapture, PaymentView},
    },
};
use domain::{
    Money, OrderId, PaymentId, Permission, Principal, ShopId,
    order::OrderStatus,
    payment::{Payment, PaymentStatus, RefundStatus},
};

pub use self::intake::{StripeAccount, WebhookIntake};
pub(crate) use self::refunding::refund_refused;
use crate::{
    Clock, Error, Result, Settings,
    clock::derived,
    idempotency::{Idempotency, RequestKey},
    journal::Author,
    settlement::Settlement,
    store::{Cursor, Dynamo, orders::Listed, payments::StoredPayment},
};

/// How many pages are read at most to fill one of those that are wanted.
const MOST_PAGES: u32 = 5;

/// The payments of all shops.
#[derive(Debug, Clone)]
pub struct Payments {
    store: Dynamo,
    clock: Clock,
    settings: Arc<Settings>,
    settlement: Settlement,
    idempotency: Idempotency,
}

/// The payment of an order: there is one, and it is named after the order.
pub fn payment_id(shop: &ShopId, order: &OrderId) -> PaymentId {
    PaymentId::from_uuid(derived(&[shop.as_str(), order.as_str(), "payment"]))
}

impl Payments {
    /// Payments are kept in `store` and settled by `settlement`.
    pub const fn new(
        store: Dynamo,
        clock: Clock,
        settings: Arc<Settings>,
        settlement: Settlement,
        idempotency: Idempotency,
    ) -> Self {
        Self { store, clock, settings, settlement, idempotency }
    }

    /// Asks Stripe how a payment stands, and settles it if the money is there.
    pub async fn confirm(&self, who: &Principal, id: &PaymentId) -> Result<PaymentView> {
        let stored = self.owned(who, id).await?;
        Ok(payment_view(&self.settlement.ask(&Author::of(who), &stored.payment).await?))
    }

    /// A payment of one's own; staff sees everybody's.
    pub async fn read(&self, who: &Principal, id: &PaymentId) -> Result<PaymentView> {
        let payment = self.owned(who, id).await?.payment;
        Ok(payment_view(&self.with_receipt(who, payment).await))
    }

    /// The payment with its receipt. Webhooks do not say where that is, so the first who wants to see it asks.
    async fn with_receipt(&self, who: &Principal, payment: Payment) -> Payment {
        let (true, None, Some(intent)) = (payment.captured > 0, &payment.receipt_url, &payment.intent_id)
        else {
            return payment;
        };
        let found = match self.settlement.stripe.intent(intent).await {
            Ok(intent) => intent.report().receipt_url,
            Err(error) => {
                tracing::warn!(payment_id = %payment.id, %error, "a receipt was not found");
                None
            }
        };
        let Some(receipt_url) = found else { return payment };
        let payment = Payment { receipt_url: Some(receipt_url), ..payment };
        let request = self.clock.fresh().to_string();
        if let Err(error) = self.store.keep_receipt(&who.shop, &payment, &request).await {
            tracing::warn!(payment_id = %payment.id, %error, "a receipt was not kept");
        }
        payment
    }

    /// A page of one's own payments, newest first; staff sees everybody's. A page is short only at the end, or when
    /// very many were looked through for it.
    pub async fn history(
        &self,
        who: &Principal,
        wanted: &HistoryRequest,
        limit: u32,
        mut cursor: Option<Cursor>,
    ) -> Result<Page<PaymentView>> {
        let whose =
            if who.can(Permission::ReadEverybodysOrders) { Listed::All } else { Listed::Of(&who.subject) };
        let range = self.settings.span(wanted.from.as_deref(), wanted.to.as_deref())?;
        let mut data: Vec<PaymentView> = vec![];
        for _ in 0..MOST_PAGES {
            let left = limit.saturating_sub(u32::try_from(data.len()).unwrap_or(limit));
            let (payments, next) = self.store.payments(&who.shop, &whose, range, left, cursor.take()).await?;
            let is_wanted =
                |stored: &&StoredPayment| wanted.status.is_none_or(|status| stored.payment.status == status);
            data.extend(payments.iter().filter(is_wanted).map(|stored| payment_view(&stored.payment)));
            cursor = next;
            if cursor.is_none() || data.len() >= usize::try_from(limit).unwrap_or(usize::MAX) {
                break;
            }
        }
        Ok(Page { data, next_cursor: cursor.map(|cursor| cursor.to_string()) })
    }

    /// Takes reserved money, all of it or some; the rest is let go.
    pub async fn capture(
        &self,
        who: &Principal,
        id: &PaymentId,
        key: &RequestKey,
        new: &NewCapture,
    ) -> Result<PaymentView> {
        who.may(Permission::Refund)?;
        self.idempotency.claim(who, key, "capture").await?;
        let stored = self.owned(who, id).await?;
        if let Some(amount) = new.amount {
            Money::new(amount, stored.payment.amount.currency)
                .check_chargeable()
                .map_err(|error| Error::field("amount", "invalid", error.to_string()))?;
        }
        Ok(payment_view(&self.settlement.capture(&Author::of(who), id, new.amount).await?))
    }

    /// Calls a payment off that has not taken money: what is reserved is let go, and its order is called off with it.
    pub async fn cancel(&self, who: &Principal, id: &PaymentId, key: &RequestKey) -> Result<PaymentView> {
        who.may(Permission::Refund)?;
        self.idempotency.claim(who, key, "void").await?;
        let (author, stored) = (Author::of(who), self.owned(who, id).await?);
        let payment = match stored.payment.status {
            PaymentStatus::Authorized => self.settlement.void(&author, id).await?,
            PaymentStatus::Cancelled => stored.payment,
            PaymentStatus::Succeeded | PaymentStatus::Review => {
                let detail = "the money is here: it can only be refunded";
                return Err(Error::conflict(ErrorCode::InvalidTransition, detail));
            }
            _ => {
                let order = self.store.order(&who.shop, &stored.payment.order_id).await?;
                let order = order.ok_or(Error::NotFound)?;
                let (status, why) = (OrderStatus::Cancelled, "the payment was called off");
                self.settlement.abandon(&author, &order, status, why).await?;
                self.owned(who, id).await?.payment
            }
        };
        Ok(payment_view(&payment))
    }

    async fn owned(&self, who: &Principal, id: &PaymentId) -> Result<StoredPayment> {
        let stored = self.store.payment(&who.shop, id).await?.ok_or(Error::NotFound)?;
        let is_visible = who.owns(&stored.payment.owner) || who.can(Permission::ReadEverybodysOrders);
        if is_visible { Ok(stored) } else { Err(Error::NotFound) }
    }

    /// Takes up a payment or refund that a run was cut off from.
    pub async fn repair(&self, shop: &ShopId, id: &PaymentId) -> Result<()> {
        self.settlement.look_after(shop, id).await?;
        let pending = self.store.refunds(shop, id).await?;
        for stored in pending.into_iter().filter(|stored| stored.refund.status == RefundStatus::Pending) {
            self.settlement.finish_refund(&Author::system(shop, id.as_str()), id, &stored.refund.id).await?;
        }
        Ok(())
    }
}

fn payment_view(payment: &Payment) -> PaymentView {
    PaymentView {
        payment_id: payment.id.clone(),
        order_id: payment.order_id.clone(),
        status: payment.status,
        amount: payment.amount,
        capture_method: payment.capture_method,
        authorized: payment.authorized,
        captured: payment.captured,
        refunded: payment.refunded,
        refunding: payment.refunding,
        receipt_url: payment.receipt_url.clone(),
        created_at: payment.created_at,
        version: payment.version,
    }
}
