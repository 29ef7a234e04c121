//! The `Catalog` table: products and their journal; what customers say of them is in [`super::opinions`].
//!
//! | pk | sk | row |
//! |---|---|---|
//! | `{shop}#product#{id}` | `product` | a product; in `by_shop` |
//! | the same | `j#{version}` | its journal |
//! | the same | `counts` | how it is liked: see [`super::opinions`] |

use contract::{JournalEvent, http::catalog::ProductView};
use domain::{ProductId, ShopId};
use serde::{Deserialize, Serialize};

use super::{
    Cursor, Dynamo, Item, Key, Query, Transaction,
    dynamo::{Indexed, item},
    journal_row, sortable,
};
use crate::Result;

#[derive(Debug, Serialize, Deserialize)]
struct ProductRow {
    shop_id: ShopId,
    #[serde(flatten)]
    product: ProductView,
    fingerprint: String,
    /// A deleted product keeps its row, so that its journal and version go on; it is in no list.
    is_deleted: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    listing: Option<String>,
    listed_at: String,
}

/// A product, and which request made it.
#[derive(Debug, Clone)]
pub struct StoredProduct {
    /// The product.
    pub product: ProductView,
    /// Digest of the request that made it.
    pub fingerprint: String,
    /// Whether it has been taken out of the catalog.
    pub is_deleted: bool,
}

pub(super) fn product_key(shop: &ShopId, id: &ProductId) -> Key {
    Key::new(format!("{shop}#product#{id}"), "product")
}

fn product_item(shop: &ShopId, stored: &StoredProduct) -> Result<Item> {
    let row = ProductRow {
        shop_id: shop.clone(),
        listed_at: format!("{}#{}", sortable(stored.product.created_at), stored.product.product_id),
        listing: (!stored.is_deleted).then(|| format!("{shop}#product")),
        is_deleted: stored.is_deleted,
        fingerprint: stored.fingerprint.clone(),
        product: stored.product.clone(),
    };
    item(&product_key(shop, &stored.product.product_id), &row)
}

impl From<ProductRow> for StoredProduct {
    fn from(row: ProductRow) -> Self {
        Self { product: row.product, fingerprint: row.fingerprint, is_deleted: row.is_deleted }
    }
}

impl Transaction {
    /// Writes a product over the version before it, or as a new one.
    pub(crate) fn put_product(
        &mut self,
        store: &Dynamo,
        shop: &ShopId,
        stored: &StoredProduct,
    ) -> Result<()> {
        let item = product_item(shop, stored)?;
        match stored.product.version {
            1 => self.put_new(&store.tables.catalog, item),
            version => self.put_version(&store.tables.catalog, item, version - 1),
        }
    }

    /// Writes the journal row of a product.
    pub(crate) fn journal_product(
        &mut self,
        store: &Dynamo,
        id: &ProductId,
        event: &JournalEvent,
    ) -> Result<()> {
        self.put_new(&store.tables.catalog, journal_row(&product_key(&event.shop_id, id).pk, event)?)
    }
}

impl Dynamo {
    /// A product, also a deleted one.
    pub async fn product(&self, shop: &ShopId, id: &ProductId) -> Result<Option<StoredProduct>> {
        let row: Option<ProductRow> = self.get(&self.tables.catalog, &product_key(shop, id), true).await?;
        Ok(row.map(StoredProduct::from))
    }

    /// The products that exist among `ids`, in no order.
    pub async fn products_named(&self, shop: &ShopId, ids: &[ProductId]) -> Result<Vec<StoredProduct>> {
        let keys: Vec<Key> = ids.iter().map(|id| product_key(shop, id)).collect();
        let rows: Vec<ProductRow> = self.get_many(&self.tables.catalog, &keys).await?;
        Ok(rows.into_iter().map(StoredProduct::from).collect())
    }

    /// A page of products, oldest first.
    pub async fn products(
        &self,
        shop: &ShopId,
        limit: u32,
        cursor: Option<Cursor>,
    ) -> Result<(Vec<ProductView>, Option<Cursor>)> {
        let query = Query::new(&self.tables.catalog, format!("{shop}#product")).on_index(
            "by_shop",
            "listing",
            "listed_at",
        );
        let (keys, next): (Vec<Indexed>, _) = self.query(&query.limit(limit).after(cursor)).await?;
        let keys: Vec<Key> = keys.into_iter().map(|row| Key::new(row.pk, row.sk)).collect();
        let mut rows: Vec<ProductRow> = self.get_many(&self.tables.catalog, &keys).await?;
        rows.sort_by(|a, b| a.listed_at.cmp(&b.listed_at));
        Ok((rows.into_iter().map(|row| row.product).collect(), next))
    }
}
