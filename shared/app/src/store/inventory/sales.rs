//! What was sold in orders of other systems, and what came back of any order.

use domain::{OrderReference, ReservationId, ShopId, reservation::ReservedLine};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    Result,
    store::{
        Dynamo, Key, Transaction,
        dynamo::{item, number, values},
    },
};

/// What is known about the sale of an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SaleRow {
    /// The order.
    pub order: OrderReference,
    /// The hold that was sold, if there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reservation_id: Option<ReservationId>,
    /// What was sold; empty for this shop's own orders, which know that themselves.
    pub lines: Vec<ReservedLine>,
    /// When.
    pub sold_at: Timestamp,
    /// What came back.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub returned: Vec<ReservedLine>,
    /// How often it was written.
    pub version: u64,
}

fn sale_key(shop: &ShopId, order: &OrderReference) -> Key {
    Key::new(format!("{shop}#sale#{order}"), "sale")
}

impl Transaction {
    /// Writes a sale over the version before it, or as a new one.
    pub(crate) fn put_sale(&mut self, store: &Dynamo, shop: &ShopId, sale: &SaleRow) -> Result<()> {
        let row = item(&sale_key(shop, &sale.order), sale)?;
        match sale.version {
            1 => self.put_new(&store.tables.inventory, row),
            version => self.put_version(&store.tables.inventory, row, version - 1),
        }
    }

    /// Holds only if a sale is still at version `seen` (0: nothing is known of it).
    pub(crate) fn check_sale(
        &mut self,
        store: &Dynamo,
        shop: &ShopId,
        order: &OrderReference,
        seen: u64,
    ) -> Result<()> {
        let key = sale_key(shop, order);
        match seen {
            0 => self.check(
                &store.tables.inventory,
                &key,
                "attribute_not_exists(pk)",
                crate::store::Item::new(),
            ),
            seen => {
                let seen = values([(":seen", number(seen))]);
                self.check(&store.tables.inventory, &key, "version = :seen", seen)
            }
        }
    }
}

impl Dynamo {
    /// What is known about the sale of an order.
    pub async fn sale(&self, shop: &ShopId, order: &OrderReference) -> Result<Option<SaleRow>> {
        self.get(&self.tables.inventory, &sale_key(shop, order), true).await
    }
}
