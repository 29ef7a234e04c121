//! Old rows of ledgers go, behind a checkpoint that keeps what they came to.
//!
//! Checkpoint and rows change in one transaction, so whoever breaks off loses nothing, and of two that do it at once
//! one is refused.

use contract::{Fact, JournalEvent};
use domain::{Bucket, ProductId, ShopId, checkpoint::Checkpoint};
use jiff::{SignedDuration, Timestamp, civil::Date};

use super::{Inventory, forecast};
use crate::{
    Error, Result,
    idempotency::KEPT,
    store::{Transaction, inventory::ledger_named},
};

/// So many rows go in one transaction; DynamoDB takes a hundred writes.
const AT_ONCE: u32 = 90;
/// So many transactions are done of one ledger before others have their turn.
const MOST_ROUNDS: usize = 10;
/// No ledger is looked at more often.
const DAY: SignedDuration = SignedDuration::from_hours(24);

impl Inventory {
    /// How old a row is before it goes: older than what is shown, and than what a request that comes again looks for.
    pub(crate) fn movements_kept(settings: &crate::Settings) -> SignedDuration {
        settings.stock.history.max(KEPT) + DAY
    }

    /// Lets old rows of the ledger `name` go, as many as one turn has time for.
    pub async fn close_ledger(&self, shop: &ShopId, name: &str) -> Result<()> {
        let wrong = || Error::internal(format!("there is no ledger {name}"));
        let (product, bucket) = ledger_named(name).ok_or_else(wrong)?;
        for _ in 0..MOST_ROUNDS {
            if !self.close_some(shop, &product, bucket).await? {
                break;
            }
        }
        Ok(())
    }

    /// Lets the oldest rows go; whether there may be more of them.
    async fn close_some(&self, shop: &ShopId, product: &ProductId, bucket: Bucket) -> Result<bool> {
        let now = self.clock.now();
        let kept = Self::movements_kept(&self.settings);
        let before = now.checked_sub(kept).unwrap_or(Timestamp::MIN);
        let Some(mut checkpoint) = self.store.checkpoint(shop, product, bucket).await? else {
            return Ok(false);
        };
        let rows = self.store.oldest_movements(shop, product, bucket, AT_ONCE).await?;
        // Rows are in the order of their names; one that is named after something older may have happened since.
        let (old, young): (Vec<_>, Vec<_>) = rows.into_iter().partition(|row| row.occurred_at < before);
        let is_more = young.is_empty() && old.len() == AT_ONCE as usize;
        let next = young.first().map_or(now, |row| row.occurred_at);
        let next = next.checked_add(kept).unwrap_or(Timestamp::MAX).max(self.clock.after(DAY));
        self.absorb(&mut checkpoint, &old, now);
        let ledger = (shop, product, bucket);
        let mut transaction = Transaction::default();
        transaction.put_checkpoint(&self.store, ledger, &checkpoint, if is_more { now } else { next })?;
        for row in &old {
            transaction.remove_movement(&self.store, ledger, row)?;
        }
        // If somebody else was faster, the rest is theirs.
        Ok(self.store.commit(&transaction).await?.is_ok() && is_more)
    }

    fn absorb(&self, checkpoint: &mut Checkpoint, rows: &[JournalEvent], now: Timestamp) {
        checkpoint.version += 1;
        for row in rows {
            if let Fact::StockChanged(movement) = &row.fact {
                let day = self.settings.today(row.occurred_at);
                let hold = movement.reservation_id.as_ref();
                checkpoint.absorb(&movement.sku, movement.change, hold, day);
            }
        }
        let known = forecast::known_since(now);
        checkpoint.forget_demand_before(known.map_or(Date::MIN, |since| self.settings.today(since)));
    }
}
