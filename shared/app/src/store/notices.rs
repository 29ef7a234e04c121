//! The `Orders` table, as far as it keeps what Stripe told us.
//!
//! | pk | sk | row |
//! |---|---|---|
//! | `{shop}#stripe#{event}` | `event` | an event from Stripe; in `due` until it has taken effect |
//! | `{shop}#stripe-events` | `stripe-events` | the last event that was asked for, in the first shop's name |

use domain::{PaymentId, RefundId, ShopId};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{
    Dynamo, Key, due_shard,
    dynamo::{Written, item},
    payments::REPAIR_AFTER,
    sortable,
};
use crate::Result;

/// How long an event of Stripe's is remembered: longer than Stripe repeats it (3 days) or lists it (30 days).
const INBOX_REMEMBERED: SignedDuration = SignedDuration::from_hours(35 * 24);

/// Something that Stripe told us.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StripeNotice {
    /// Stripe's name for it.
    pub event_id: String,
    /// Stripe's type: `payment_intent.succeeded`.
    pub event_type: String,
    /// The payment that it is about, if it is about one of ours.
    pub payment_id: Option<PaymentId>,
    /// The intent that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub intent_id: Option<String>,
    /// The refund that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refund_id: Option<RefundId>,
    /// Stripe's name of a refund that it is about and that we did not make.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stripe_refund: Option<String>,
    /// Stripe's name of a dispute that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stripe_dispute: Option<String>,
    /// When it came.
    pub received_at: Timestamp,
}

#[derive(Debug, Serialize, Deserialize)]
struct NoticeRow {
    shop_id: ShopId,
    #[serde(flatten)]
    notice: StripeNotice,
    is_done: bool,
    expires_at: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    due: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    due_at: Option<String>,
}

#[derive(Debug, Serialize, Deserialize)]
struct LastEventRow {
    event_id: String,
}

fn last_event_key(home: &ShopId) -> Key {
    Key::new(format!("{home}#stripe-events"), "stripe-events")
}

fn notice_key(shop: &ShopId, event_id: &str) -> Key {
    Key::new(format!("{shop}#stripe#{event_id}"), "event")
}

fn notice_row(shop: &ShopId, notice: &StripeNotice, is_done: bool) -> NoticeRow {
    let due_at = notice.received_at.checked_add(REPAIR_AFTER).unwrap_or(Timestamp::MAX);
    NoticeRow {
        shop_id: shop.clone(),
        is_done,
        expires_at: notice.received_at.as_second() + INBOX_REMEMBERED.as_secs(),
        due: (!is_done).then(|| due_shard(&notice.event_id)),
        due_at: (!is_done).then(|| sortable(due_at)),
        notice: notice.clone(),
    }
}

impl Dynamo {
    /// What Stripe told us under these names, as far as we still know.
    pub async fn stripe_notices(&self, shop: &ShopId, ids: &[&str]) -> Result<Vec<StripeNotice>> {
        let keys: Vec<Key> = ids.iter().map(|id| notice_key(shop, id)).collect();
        let rows: Vec<NoticeRow> = self.get_many(&self.tables.orders, &keys).await?;
        Ok(rows.into_iter().map(|row| row.notice).collect())
    }

    /// Stores what Stripe told us; says whether it has taken effect already.
    pub(crate) async fn receive(&self, shop: &ShopId, notice: &StripeNotice, request: &str) -> Result<bool> {
        let row = notice_row(shop, notice, false);
        match self
            .put_new(&self.tables.orders, item(&notice_key(shop, &notice.event_id), &row)?, request)
            .await?
        {
            Written::Yes => Ok(false),
            Written::Refused(found) => {
                let found: Option<NoticeRow> = found.map(super::dynamo::row).transpose()?;
                Ok(found.is_some_and(|row| row.is_done))
            }
        }
    }

    /// Notes that what Stripe told us has taken effect.
    pub(crate) async fn mark_done(&self, shop: &ShopId, notice: &StripeNotice) -> Result<()> {
        let row = notice_row(shop, notice, true);
        self.put(&self.tables.orders, item(&notice_key(shop, &notice.event_id), &row)?).await
    }

    /// Something that Stripe told us.
    pub(crate) async fn notice(&self, shop: &ShopId, event_id: &str) -> Result<Option<StripeNotice>> {
        let row: Option<NoticeRow> = self.get(&self.tables.orders, &notice_key(shop, event_id), true).await?;
        Ok(row.filter(|row| !row.is_done).map(|row| row.notice))
    }

    /// Stripe's name of the last event that it was asked for.
    pub(crate) async fn last_event(&self, home: &ShopId) -> Result<Option<String>> {
        let row: Option<LastEventRow> = self.get(&self.tables.orders, &last_event_key(home), true).await?;
        Ok(row.map(|row| row.event_id))
    }

    /// Keeps how far Stripe's events have been asked for. Two who do so at once only do some of it again.
    pub(crate) async fn keep_last_event(&self, home: &ShopId, event_id: &str) -> Result<()> {
        let row = LastEventRow { event_id: event_id.to_owned() };
        self.put(&self.tables.orders, item(&last_event_key(home), &row)?).await
    }

    /// Whether an event of Stripe's is known, and either has taken effect or will be taken up.
    pub(crate) async fn has_heard(&self, shop: &ShopId, event_id: &str) -> Result<bool> {
        let row: Option<NoticeRow> =
            self.get(&self.tables.orders, &notice_key(shop, event_id), false).await?;
        Ok(row.is_some())
    }
}
