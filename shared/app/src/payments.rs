//! Payments: beginning them, asking how they stand, giving money back.

use std::collections::BTreeMap;

use contract::{
    ErrorCode,
    http::{
        Page,
        payments::{
            IntentView, NewIntent, NewRefund, PaymentDrift, PaymentReconciliation, PaymentView, RefundView,
        },
    },
};
use domain::{
    Money, OrderId, PaymentId, Permission, Principal, RefundId, ShopId,
    order::{OrderLine, OrderPaymentStatus, OrderStatus},
    payment::{Payment, PaymentStatus, Refund, RefundError, RefundStatus},
    reservation::{MAX_LINES, ReservedLine},
    stock::Sku,
};
use jiff::SignedDuration;
use secrecy::SecretString;

use crate::{
    Clock, Error, Result,
    clock::derived,
    idempotency::{Idempotency, RequestKey},
    inventory::{aggregated, less},
    journal::Author,
    settlement::Settlement,
    store::{
        Cursor, Dynamo, Transaction,
        dynamo::Written,
        orders::{Listed, StoredOrder, StoredPayment, StoredRefund, StripeNotice, check_fingerprint},
    },
    stripe::{About, IntentMetadata, StripeError, StripeEvent, verify_signature},
};

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

pub(crate) fn refund_refused(error: RefundError) -> Error {
    match error {
        RefundError::NotPaid => Error::conflict(ErrorCode::InvalidTransition, error.to_string()),
        RefundError::ExceedsCaptured { .. } => {
            Error::conflict(ErrorCode::RefundExceedsCaptured, error.to_string())
        }
    }
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

    /// Gives money back, all that is left or some of it, and takes pieces back on the shelf if asked.
    pub async fn refund(
        &self,
        who: &Principal,
        id: &PaymentId,
        key: &RequestKey,
        new: NewRefund,
    ) -> Result<RefundView> {
        who.may(Permission::Refund)?;
        let author = Author::of(who);
        let refund_id = RefundId::from_uuid(key.name(who, "refund"));
        let items = match new.items.is_empty() {
            true => vec![],
            false => aggregated(new.items, MAX_LINES)?,
        };
        for _ in 0..8 {
            if let Some(begun) = self.store.refund(&who.shop, id, &refund_id).await? {
                check_fingerprint(&begun.fingerprint, &key.fingerprint)?;
                return Ok(refund_view(&self.settlement.finish_refund(&author, id, &refund_id).await?));
            }
            let paid = self.store.payment(&who.shop, id).await?.ok_or(Error::NotFound)?;
            let restock = if new.restock { items.clone() } else { vec![] };
            let returns = self.check_returnable(who, &paid.payment, &items).await?;
            let refund = Refund {
                id: refund_id.clone(),
                payment_id: id.clone(),
                order_id: paid.payment.order_id.clone(),
                amount: Money::new(
                    new.amount.unwrap_or_else(|| paid.payment.refundable()),
                    paid.payment.amount.currency,
                ),
                status: RefundStatus::Pending,
                reason: new.reason.clone(),
                restock,
                stripe_id: None,
                created_at: self.clock.now(),
            };
            let stored = StoredRefund { refund, fingerprint: key.fingerprint.clone() };
            // What is counted as still sold must not come back otherwise meanwhile.
            let order = stored.refund.order_id.clone().into();
            let unchanged = |transaction: &mut Transaction| match stored.refund.restock.is_empty() {
                true => Ok(()),
                false => transaction.check_sale(&self.store, &who.shop, &order, returns),
            };
            if self.settlement.begin_refund(&author, &paid, &stored, unchanged).await?.is_some() {
                return Ok(refund_view(&self.settlement.finish_refund(&author, id, &refund_id).await?));
            }
        }
        Err(Error::Limited { retry_after: SignedDuration::from_secs(1) })
    }

    /// An error unless every one of `items` was sold in the payment's order and has not come back yet.
    async fn check_returnable(
        &self,
        who: &Principal,
        payment: &Payment,
        items: &[ReservedLine],
    ) -> Result<u64> {
        if items.is_empty() {
            return Ok(0);
        }
        let order = self.store.order(&who.shop, &payment.order_id).await?.ok_or(Error::NotFound)?;
        let lines = self.store.order_lines(&who.shop, &order).await?;
        let refunds = self.store.refunds(&who.shop, &payment.id).await?;
        let sale = self.store.sale(&who.shop, &payment.order_id.clone().into()).await?;
        let returned = sale.as_ref().map(|sale| sale.returned.as_slice()).unwrap_or_default();
        let left = less(&still_sold(&lines, &refunds), returned).into_iter();
        let left: BTreeMap<Sku, u32> = left.map(|line| (line.sku, line.quantity.get())).collect();
        match items.iter().position(|item| left.get(&item.sku).is_none_or(|most| item.quantity.get() > *most))
        {
            None => Ok(sale.map_or(0, |sale| sale.version)),
            Some(index) => {
                let field = format!("items[{index}].quantity");
                Err(Error::field(&field, "out_of_range", "more than was sold and has not come back"))
            }
        }
    }

    /// Compares a page of orders with their payments.
    pub async fn reconcile(
        &self,
        who: &Principal,
        limit: u32,
        cursor: Option<Cursor>,
    ) -> Result<PaymentReconciliation> {
        who.may(Permission::Refund)?;
        let (orders, next) = self.store.orders(&who.shop, Listed::All, limit, cursor).await?;
        let mut report = PaymentReconciliation {
            orders_checked: orders.len(),
            captured: BTreeMap::new(),
            refunded: BTreeMap::new(),
            drift: vec![],
            next_cursor: next.map(|cursor| cursor.to_string()),
        };
        for order in orders {
            let id = payment_id(&who.shop, &order.order.id);
            let payment = self.store.payment(&who.shop, &id).await?.map(|stored| stored.payment);
            if let Some(payment) = &payment {
                let currency = payment.amount.currency.code().to_owned();
                *report.captured.entry(currency.clone()).or_default() += payment.captured;
                *report.refunded.entry(currency).or_default() += payment.refunded;
            }
            if let Some(problem) = disagreement(&order, payment.as_ref()) {
                let payment_id = payment.map(|payment| payment.id);
                report.drift.push(PaymentDrift { order_id: order.order.id.clone(), payment_id, problem });
            }
        }
        Ok(report)
    }

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

/// What of an order's lines was sold and is not on its way back; what is owed was not sold yet.
pub(crate) fn still_sold(lines: &[OrderLine], refunds: &[StoredRefund]) -> Vec<ReservedLine> {
    let sold = lines.iter().filter_map(|line| Some((&line.sku, line.in_stock()?.quantity.get())));
    let mut left: BTreeMap<&Sku, u32> = sold.collect();
    let is_standing = |stored: &&StoredRefund| {
        matches!(stored.refund.status, RefundStatus::Pending | RefundStatus::Succeeded)
    };
    for returned in refunds.iter().filter(is_standing).flat_map(|stored| &stored.refund.restock) {
        if let Some(quantity) = left.get_mut(&returned.sku) {
            *quantity = quantity.saturating_sub(returned.quantity.get());
        }
    }
    let standing = left.into_iter().filter_map(|(sku, quantity)| {
        let quantity = domain::stock::Quantity::new(quantity).ok()?;
        Some(ReservedLine { sku: sku.clone(), quantity })
    });
    standing.collect()
}

/// What about an order and its payment does not agree, if anything.
fn disagreement(order: &StoredOrder, payment: Option<&Payment>) -> Option<String> {
    let is_sold = !matches!(
        order.order.status,
        OrderStatus::PendingPayment | OrderStatus::Expired | OrderStatus::Cancelled
    );
    let kept = payment.map_or(0, |payment| payment.captured - payment.refunded - payment.refunding);
    let received = payment.map_or(0, |payment| payment.captured);
    match payment {
        Some(payment) if payment.status == PaymentStatus::Review => {
            Some("the payment is under review".into())
        }
        Some(payment) if payment.status == PaymentStatus::Unknown => {
            Some("the payment's outcome is unknown".into())
        }
        _ if is_sold && received != order.order.total.amount => {
            Some(format!("{} was received for {}", received, order.order.total.amount))
        }
        _ if !is_sold && kept != 0 => {
            Some(format!("{kept} is kept for an order that is {:?}", order.order.status))
        }
        Some(payment) if is_sold => {
            let expected = order.order.refunded(payment.refunded, payment.captured).payment_status;
            let is_same = expected == order.order.payment_status
                || order.order.payment_status == OrderPaymentStatus::Disputed;
            (!is_same)
                .then(|| format!("the order says {:?}, the payment {expected:?}", order.order.payment_status))
        }
        _ => None,
    }
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

fn refund_view(refund: &Refund) -> RefundView {
    RefundView {
        refund_id: refund.id.clone(),
        payment_id: refund.payment_id.clone(),
        order_id: refund.order_id.clone(),
        amount: refund.amount,
        status: refund.status,
        restock: refund.restock.clone(),
        created_at: refund.created_at,
    }
}
