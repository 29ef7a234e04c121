//! The `Orders` table, as far as it is about money: payments and refunds.
//!
//! | pk | sk | row |
//! |---|---|---|
//! | `{shop}#payment#{id}` | `payment` | a payment; in `due` while somebody has to look after it |
//! | the same | `refund#{id}` | a refund; in `due` while it is pending |
//! | the same | `j#{version}` | their journal |

use contract::JournalEvent;
use domain::{
    PaymentId, RefundId, ShopId,
    payment::{Payment, PaymentStatus, Refund, RefundStatus},
};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{
    Cursor, Dynamo, Item, JOURNAL, Key, Query, Transaction, due_shard,
    dynamo::{Update, Written, item, number, text, values},
    journal_row,
    orders::{Listed, Sorted, listing},
    sortable,
};
use crate::Result;

/// How long we wait for Stripe's answer before the repair asks again.
pub(super) const REPAIR_AFTER: SignedDuration = SignedDuration::from_secs(60);
const REFUND: &str = "refund#";

#[derive(Debug, Serialize, Deserialize)]
struct PaymentRow {
    shop_id: ShopId,
    #[serde(flatten)]
    payment: Payment,
    fingerprint: String,
    owner_key: String,
    listing: String,
    listed_at: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    due: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    due_at: Option<String>,
}

/// A payment, and which request began it.
#[derive(Debug, Clone)]
pub struct StoredPayment {
    /// The payment.
    pub payment: Payment,
    /// Name of the request that began its present try.
    pub fingerprint: String,
}

#[derive(Debug, Serialize, Deserialize)]
struct RefundRow {
    shop_id: ShopId,
    #[serde(flatten)]
    refund: Refund,
    fingerprint: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    due: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    due_at: Option<String>,
}

/// A refund, and which request began it.
#[derive(Debug, Clone)]
pub struct StoredRefund {
    /// The refund.
    pub refund: Refund,
    /// Digest of the request that began it.
    pub fingerprint: String,
}

fn payment_pk(shop: &ShopId, id: &PaymentId) -> String {
    format!("{shop}#payment#{id}")
}

fn payment_item(shop: &ShopId, stored: &StoredPayment) -> Result<Item> {
    let payment = stored.payment.clone();
    // Rows that were written before somebody looked after them say so only by their status.
    let since = payment.watched_since;
    let since = since.or((payment.status == PaymentStatus::Unknown).then_some(payment.created_at));
    let row = PaymentRow {
        shop_id: shop.clone(),
        fingerprint: stored.fingerprint.clone(),
        owner_key: format!("{shop}#payment#{}", payment.owner),
        listing: format!("{shop}#payment"),
        listed_at: sortable(payment.created_at),
        due: since.map(|_| due_shard(payment.id.as_str())),
        due_at: since.map(|since| sortable(since.checked_add(REPAIR_AFTER).unwrap_or(Timestamp::MAX))),
        payment,
    };
    item(&Key::new(payment_pk(shop, &row.payment.id), "payment"), &row)
}

fn refund_item(shop: &ShopId, stored: &StoredRefund) -> Result<Item> {
    let refund = stored.refund.clone();
    let is_due = refund.status == RefundStatus::Pending;
    let row = RefundRow {
        shop_id: shop.clone(),
        fingerprint: stored.fingerprint.clone(),
        due: is_due.then(|| due_shard(refund.id.as_str())),
        due_at: is_due
            .then(|| sortable(refund.created_at.checked_add(REPAIR_AFTER).unwrap_or(Timestamp::MAX))),
        refund,
    };
    let key = Key::new(payment_pk(shop, &row.refund.payment_id), format!("{REFUND}{}", row.refund.id));
    item(&key, &row)
}

impl Transaction {
    /// Writes a payment that must not be there yet.
    pub(crate) fn put_new_payment(
        &mut self,
        store: &Dynamo,
        shop: &ShopId,
        stored: &StoredPayment,
    ) -> Result<()> {
        self.put_new(&store.tables.orders, payment_item(shop, stored)?)
    }

    /// Writes a payment over version `seen` of it.
    pub(crate) fn put_payment(
        &mut self,
        store: &Dynamo,
        shop: &ShopId,
        stored: &StoredPayment,
        seen: u64,
    ) -> Result<()> {
        self.put_version(&store.tables.orders, payment_item(shop, stored)?, seen)
    }

    /// Writes a refund that must not be there yet.
    pub(crate) fn put_new_refund(
        &mut self,
        store: &Dynamo,
        shop: &ShopId,
        stored: &StoredRefund,
    ) -> Result<()> {
        self.put_new(&store.tables.orders, refund_item(shop, stored)?)
    }

    /// Writes a refund over version `seen` of it.
    ///
    /// Its payment's version alone would not guard it: whoever read the refund before, and the payment after somebody
    /// else had booked the same end, would book it a second time.
    pub(crate) fn put_refund(
        &mut self,
        store: &Dynamo,
        shop: &ShopId,
        stored: &StoredRefund,
        seen: u64,
    ) -> Result<()> {
        self.put_version(&store.tables.orders, refund_item(shop, stored)?, seen)
    }

    /// Holds only if a payment is still at version `seen`.
    pub(crate) fn check_payment(
        &mut self,
        store: &Dynamo,
        shop: &ShopId,
        id: &PaymentId,
        seen: u64,
    ) -> Result<()> {
        let key = Key::new(payment_pk(shop, id), "payment");
        let seen = super::dynamo::values([(":seen", super::dynamo::number(seen))]);
        self.check(&store.tables.orders, &key, "version = :seen", seen)
    }

    /// Writes the journal row of a payment or of its refunds.
    pub(crate) fn journal_payment(
        &mut self,
        store: &Dynamo,
        id: &PaymentId,
        event: &JournalEvent,
    ) -> Result<()> {
        self.put_new(&store.tables.orders, journal_row(&payment_pk(&event.shop_id, id), event)?)
    }
}

impl Dynamo {
    /// What happened to a payment and its refunds, oldest first.
    pub async fn payment_journal(
        &self,
        shop: &ShopId,
        id: &PaymentId,
        limit: u32,
    ) -> Result<Vec<JournalEvent>> {
        let query = Query::new(&self.tables.orders, payment_pk(shop, id)).beginning_with(JOURNAL);
        Ok(self.query(&query.consistent().limit(limit)).await?.0)
    }

    /// A page of payments that began in a range of time, newest first.
    pub async fn payments(
        &self,
        shop: &ShopId,
        whose: &Listed<'_>,
        (from, to): (Option<Timestamp>, Option<Timestamp>),
        limit: u32,
        cursor: Option<Cursor>,
    ) -> Result<(Vec<StoredPayment>, Option<Cursor>)> {
        let (from, to) = (from.unwrap_or(Timestamp::UNIX_EPOCH), to.unwrap_or(Timestamp::MAX));
        let query = listing(self, shop, "payment", whose).between(sortable(from), sortable(to));
        let query = query.limit(limit).newest_first().after(cursor);
        let (rows, next): (Vec<PaymentRow>, _) = self.listed(&query).await?;
        Ok((rows.into_iter().map(StoredPayment::from).collect(), next))
    }

    /// The newest events of a payment, the newest first.
    pub async fn newest_of_payment(
        &self,
        shop: &ShopId,
        id: &PaymentId,
        limit: u32,
    ) -> Result<Vec<JournalEvent>> {
        self.newest(payment_pk(shop, id), limit).await
    }

    /// A payment.
    pub async fn payment(&self, shop: &ShopId, id: &PaymentId) -> Result<Option<StoredPayment>> {
        let key = Key::new(payment_pk(shop, id), "payment");
        let row: Option<PaymentRow> = self.get(&self.tables.orders, &key, true).await?;
        Ok(row.map(StoredPayment::from))
    }

    /// Writes a payment before Stripe is asked for it, unless it is there.
    pub(crate) async fn begin_payment(
        &self,
        shop: &ShopId,
        stored: &StoredPayment,
        request: &str,
    ) -> Result<Written> {
        self.put_new(&self.tables.orders, payment_item(shop, stored)?, request).await
    }

    /// Notes that nobody has to look after a payment any more, unless it has moved. It goes nowhere by that: there is
    /// nothing to tell, and it keeps its version.
    pub(crate) async fn stop_watching(&self, shop: &ShopId, payment: &Payment, request: &str) -> Result<()> {
        let update = Update {
            rest: "REMOVE due, due_at, watched_since",
            condition: Some("version = :seen"),
            values: values([(":seen", number(payment.version))]),
            ..Update::default()
        };
        let key = Key::new(payment_pk(shop, &payment.id), "payment");
        self.update(&self.tables.orders, &key, update, request).await.map(drop)
    }

    /// Keeps where the receipt of a payment is, unless it has moved. It keeps its version: nothing has happened to it.
    pub(crate) async fn keep_receipt(&self, shop: &ShopId, payment: &Payment, request: &str) -> Result<()> {
        let update = Update {
            set: "receipt_url = :receipt_url",
            condition: Some("version = :seen"),
            values: values([
                (":receipt_url", text(payment.receipt_url.clone().unwrap_or_default())),
                (":seen", number(payment.version)),
            ]),
            ..Update::default()
        };
        let key = Key::new(payment_pk(shop, &payment.id), "payment");
        self.update(&self.tables.orders, &key, update, request).await.map(drop)
    }

    /// A refund.
    pub async fn refund(
        &self,
        shop: &ShopId,
        payment: &PaymentId,
        id: &RefundId,
    ) -> Result<Option<StoredRefund>> {
        let key = Key::new(payment_pk(shop, payment), format!("{REFUND}{id}"));
        let row: Option<RefundRow> = self.get(&self.tables.orders, &key, true).await?;
        Ok(row.map(|row| StoredRefund { refund: row.refund, fingerprint: row.fingerprint }))
    }

    /// All refunds of a payment.
    pub async fn refunds(&self, shop: &ShopId, payment: &PaymentId) -> Result<Vec<StoredRefund>> {
        let query =
            Query::new(&self.tables.orders, payment_pk(shop, payment)).beginning_with(REFUND).consistent();
        let rows: Vec<RefundRow> = self.query_all(query).await?;
        Ok(rows
            .into_iter()
            .map(|row| StoredRefund { refund: row.refund, fingerprint: row.fingerprint })
            .collect())
    }
}

impl Sorted for PaymentRow {
    fn listed_at(&self) -> &str {
        &self.listed_at
    }
}

impl From<PaymentRow> for StoredPayment {
    fn from(row: PaymentRow) -> Self {
        Self { payment: row.payment, fingerprint: row.fingerprint }
    }
}
