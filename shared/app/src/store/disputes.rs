//! The `Orders` table, as far as it is about disputes.
//!
//! | pk | sk | row |
//! |---|---|---|
//! | `{shop}#dispute#{id}` | `dispute` | a dispute; its journal is its payment's |

use domain::{
    DisputeId, ShopId,
    payment::{Dispute, DisputeStatus},
};
use serde::{Deserialize, Serialize};

use super::{
    Cursor, Dynamo, Item, Key, Query, Transaction,
    dynamo::item,
    orders::{Listed, Sorted, listing},
    sortable,
};
use crate::Result;

#[derive(Debug, Serialize, Deserialize)]
struct DisputeRow {
    shop_id: ShopId,
    #[serde(flatten)]
    dispute: Dispute,
    listing: String,
    status_key: String,
    listed_at: String,
}

fn dispute_key(shop: &ShopId, id: &DisputeId) -> Key {
    Key::new(format!("{shop}#dispute#{id}"), "dispute")
}

fn status_key(shop: &ShopId, status: DisputeStatus) -> String {
    format!("{shop}#dispute#{}", status.name())
}

fn dispute_item(shop: &ShopId, dispute: &Dispute) -> Result<Item> {
    let row = DisputeRow {
        shop_id: shop.clone(),
        listing: format!("{shop}#dispute"),
        status_key: status_key(shop, dispute.status),
        listed_at: sortable(dispute.opened_at),
        dispute: dispute.clone(),
    };
    item(&dispute_key(shop, &dispute.id), &row)
}

impl Transaction {
    /// Writes a dispute over version `seen` of it, or as a new one.
    pub(crate) fn put_dispute(
        &mut self,
        store: &Dynamo,
        shop: &ShopId,
        dispute: &Dispute,
        seen: Option<u64>,
    ) -> Result<()> {
        let item = dispute_item(shop, dispute)?;
        match seen {
            Some(seen) => self.put_version(&store.tables.orders, item, seen),
            None => self.put_new(&store.tables.orders, item),
        }
    }
}

impl Dynamo {
    /// A dispute.
    pub(crate) async fn dispute(&self, shop: &ShopId, id: &DisputeId) -> Result<Option<Dispute>> {
        let row: Option<DisputeRow> = self.get(&self.tables.orders, &dispute_key(shop, id), true).await?;
        Ok(row.map(|row| row.dispute))
    }

    /// A page of disputes, those of one status or all, the last opened first.
    pub(crate) async fn disputes(
        &self,
        shop: &ShopId,
        status: Option<DisputeStatus>,
        limit: u32,
        cursor: Option<Cursor>,
    ) -> Result<(Vec<Dispute>, Option<Cursor>)> {
        let query = match status {
            Some(status) => Query::new(&self.tables.orders, status_key(shop, status)).on_index(
                "by_status",
                "status_key",
                "listed_at",
            ),
            None => listing(self, shop, "dispute", &Listed::All),
        };
        let query = query.limit(limit).newest_first().after(cursor);
        let (rows, next): (Vec<DisputeRow>, _) = self.listed(&query).await?;
        Ok((rows.into_iter().map(|row| row.dispute).collect(), next))
    }
}

impl Sorted for DisputeRow {
    fn listed_at(&self) -> &str {
        &self.listed_at
    }
}
