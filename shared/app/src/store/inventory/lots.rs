//! Pieces that are best before a day: one row for each level that has got any.
//!
//! The row is due when the next lot has to be told, so nobody looks at levels without such goods.

use domain::{ShopId, Sku, lots::Lots};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    Result,
    store::{
        Dynamo, Key, Transaction, due_shard,
        dynamo::{Update, item, number, text, values},
        sortable,
    },
};

#[derive(Debug, Serialize, Deserialize)]
struct LotsRow {
    #[serde(flatten)]
    lots: Lots,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    due: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    due_at: Option<String>,
}

/// How the level is named among what falls due; see [`level_named`].
fn name(sku: &Sku) -> String {
    let variant = sku.variant_id.as_ref().map_or("", |variant| variant.as_str());
    format!("{}#{}#{variant}", sku.product_id, sku.location)
}

fn lots_key(shop: &ShopId, sku: &Sku) -> Key {
    Key::new(format!("{shop}#lots#{}", name(sku)), "lots")
}

impl Transaction {
    /// Writes a level's lots over the version before them; somebody looks at them again at `due_at`.
    pub(crate) fn put_lots(
        &mut self,
        store: &Dynamo,
        shop: &ShopId,
        sku: &Sku,
        lots: &Lots,
        due_at: Option<Timestamp>,
    ) -> Result<()> {
        let row = LotsRow {
            lots: lots.clone(),
            due: due_at.map(|_| due_shard(&name(sku))),
            due_at: due_at.map(sortable),
        };
        let row = item(&lots_key(shop, sku), &row)?;
        match lots.version {
            1 => self.put_new(&store.tables.inventory, row),
            version => self.put_version(&store.tables.inventory, row, version - 1),
        }
    }
}

impl Dynamo {
    /// A level's lots, if it has got any.
    pub async fn lots(&self, shop: &ShopId, sku: &Sku) -> Result<Option<Lots>> {
        let row: Option<LotsRow> = self.get(&self.tables.inventory, &lots_key(shop, sku), true).await?;
        Ok(row.map(|row| row.lots))
    }

    /// Lets somebody look at a level's lots soon.
    pub async fn look_at_lots(&self, shop: &ShopId, sku: &Sku, at: Timestamp, request: &str) -> Result<()> {
        let update = Update {
            set: "due = :due, due_at = :at",
            rest: "ADD version :one",
            condition: Some("attribute_exists(pk)"),
            values: values([
                (":due", text(due_shard(&name(sku)))),
                (":at", text(sortable(at))),
                (":one", number(1)),
            ]),
            ..Update::default()
        };
        self.update(&self.tables.inventory, &lots_key(shop, sku), update, request).await.map(drop)
    }
}

/// The level that is named so among what falls due.
pub fn level_named(name: &str) -> Option<Sku> {
    let mut parts = name.split('#');
    let (product, location, variant) = (parts.next()?, parts.next()?, parts.next()?);
    Some(Sku {
        product_id: product.parse().ok()?,
        variant_id: if variant.is_empty() { None } else { Some(variant.parse().ok()?) },
        location: location.parse().ok()?,
    })
}
