//! What rows of a ledger came to that have gone: one row for each ledger, due when the next ones may go.

use contract::JournalEvent;
use domain::{Bucket, ProductId, ShopId, checkpoint::Checkpoint};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::stock_pk;
use crate::{
    Result,
    store::{Dynamo, JOURNAL, Key, Query, Transaction, due_shard, dynamo::item, sortable},
};

#[derive(Debug, Serialize, Deserialize)]
struct CheckpointRow {
    #[serde(flatten)]
    checkpoint: Checkpoint,
    due: String,
    due_at: String,
}

fn checkpoint_key(shop: &ShopId, product: &ProductId, bucket: Bucket) -> Key {
    Key::new(stock_pk(shop, product, bucket), "checkpoint")
}

/// The ledger that is named so among what falls due: `lamp`, or `lamp#3` of bucket 3.
pub fn ledger_named(name: &str) -> Option<(ProductId, Bucket)> {
    match name.split_once('#') {
        None => Some((name.parse().ok()?, Bucket::FIRST)),
        Some((product, bucket)) => Some((product.parse().ok()?, Bucket::new(bucket.parse().ok()?))),
    }
}

impl Transaction {
    /// Writes a ledger's checkpoint over the version before it; more may go at `due_at`.
    pub(crate) fn put_checkpoint(
        &mut self,
        store: &Dynamo,
        (shop, product, bucket): (&ShopId, &ProductId, Bucket),
        checkpoint: &Checkpoint,
        due_at: Timestamp,
    ) -> Result<()> {
        let key = checkpoint_key(shop, product, bucket);
        let row = CheckpointRow {
            checkpoint: checkpoint.clone(),
            due: due_shard(product.as_str()),
            due_at: sortable(due_at),
        };
        let row = item(&key, &row)?;
        match checkpoint.version {
            1 => self.put_new(&store.tables.inventory, row),
            version => self.put_version(&store.tables.inventory, row, version - 1),
        }
    }

    /// Removes a row of a ledger that is still there.
    pub(crate) fn remove_movement(
        &mut self,
        store: &Dynamo,
        (shop, product, bucket): (&ShopId, &ProductId, Bucket),
        event: &JournalEvent,
    ) -> Result<()> {
        let key = Key::new(stock_pk(shop, product, bucket), format!("{JOURNAL}{}", event.id));
        self.delete(&store.tables.inventory, &key, "attribute_exists(pk)")
    }
}

impl Dynamo {
    /// A ledger's checkpoint, if it has one.
    pub async fn checkpoint(
        &self,
        shop: &ShopId,
        product: &ProductId,
        bucket: Bucket,
    ) -> Result<Option<Checkpoint>> {
        let key = checkpoint_key(shop, product, bucket);
        let row: Option<CheckpointRow> = self.get(&self.tables.inventory, &key, true).await?;
        Ok(row.map(|row| row.checkpoint))
    }

    /// The oldest `limit` rows of a ledger.
    pub async fn oldest_movements(
        &self,
        shop: &ShopId,
        product: &ProductId,
        bucket: Bucket,
        limit: u32,
    ) -> Result<Vec<JournalEvent>> {
        let query = Query::new(&self.tables.inventory, stock_pk(shop, product, bucket));
        let query = query.beginning_with(JOURNAL).consistent().limit(limit);
        Ok(self.query(&query).await?.0)
    }
}
