//! What happened to an order's payment, and what Stripe told about it.

use contract::JournalEvent;
use domain::{PaymentId, ShopId};

use super::{NoticeRow, StripeNotice, notice_key, payment_pk};
use crate::{
    Result,
    store::{Dynamo, JOURNAL, Key, Query},
};

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

    /// What Stripe told us under these names, as far as we still know.
    pub async fn stripe_notices(&self, shop: &ShopId, ids: &[&str]) -> Result<Vec<StripeNotice>> {
        let keys: Vec<Key> = ids.iter().map(|id| notice_key(shop, id)).collect();
        let rows: Vec<NoticeRow> = self.get_many(&self.tables.orders, &keys).await?;
        Ok(rows.into_iter().map(|row| row.notice).collect())
    }
}
