//! Who wants to be told of a product.

use contract::{JournalEvent, http::notifications::ProductAlertKind};
use domain::{ProductId, ShopId, UserId, VariantId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    Result,
    store::{
        Cursor, Dynamo, JOURNAL, Key, Query, Transaction,
        dynamo::{item, text},
    },
};

/// Somebody who wants to be told of a product.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Watcher {
    /// Who.
    pub user_id: UserId,
    /// Of what.
    pub kind: ProductAlertKind,
    /// Of which product.
    pub product_id: ProductId,
    /// Of which variant of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variant_id: Option<VariantId>,
    /// Where mail goes, of whoever has no account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// Whether they have confirmed that address, or need not.
    pub is_confirmed: bool,
    /// Only when it costs this or less, in minor units.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub below: Option<i64>,
    /// When they asked for it.
    pub created_at: Timestamp,
    /// When it is forgotten, in seconds since 1970.
    pub expires_at: i64,
}

fn kind_name(kind: ProductAlertKind) -> &'static str {
    match kind {
        ProductAlertKind::BackInStock => "back_in_stock",
        ProductAlertKind::PriceDrop => "price_drop",
    }
}

fn variant_name(variant: Option<&VariantId>) -> &str {
    variant.map_or("", VariantId::as_str)
}

fn watch_pk(shop: &ShopId, product: &ProductId) -> String {
    format!("{shop}#watch#{product}")
}

fn watches_pk(shop: &ShopId, user: &UserId) -> String {
    format!("{shop}#watches#{user}")
}

impl Watcher {
    fn key(&self, shop: &ShopId) -> Key {
        let (kind, variant) = (kind_name(self.kind), variant_name(self.variant_id.as_ref()));
        Key::new(watch_pk(shop, &self.product_id), format!("{kind}#{variant}#{}", self.user_id))
    }

    fn own_key(&self, shop: &ShopId) -> Key {
        let (kind, variant) = (kind_name(self.kind), variant_name(self.variant_id.as_ref()));
        Key::new(watches_pk(shop, &self.user_id), format!("{}#{kind}#{variant}", self.product_id))
    }
}

impl Dynamo {
    /// How many wishes somebody has, counted up to `limit`.
    pub async fn count_watches(&self, shop: &ShopId, user: &UserId, limit: u32) -> Result<usize> {
        #[derive(Deserialize)]
        struct Row {}
        let query = Query::new(&self.tables.notifications, watches_pk(shop, user)).consistent();
        let (rows, _): (Vec<Row>, _) = self.query(&query.limit(limit)).await?;
        Ok(rows.len())
    }

    /// What somebody wants to be told of a product.
    pub async fn watcher(&self, shop: &ShopId, like: &Watcher) -> Result<Option<Watcher>> {
        self.get(&self.tables.notifications, &like.key(shop), true).await
    }

    /// Writes what somebody wants to be told of a product, together with the event that says so.
    pub async fn put_watcher(&self, watcher: &Watcher, event: &JournalEvent) -> Result<()> {
        let (shop, table) = (&event.shop_id, &self.tables.notifications);
        let mut transaction = Transaction::default();
        transaction.put_any(table, item(&watcher.key(shop), watcher)?)?;
        let mut own = watcher.own_key(shop).attributes();
        own.insert("expires_at".into(), crate::store::dynamo::number(watcher.expires_at));
        own.insert("product_id".into(), text(watcher.product_id.as_str()));
        transaction.put_any(table, own)?;
        transaction.note_wish(self, watcher, event)?;
        self.commit(&transaction).await?.map_err(|_| crate::Error::internal("nothing was asked for"))
    }

    /// Somebody does not want to be told of a product any more.
    pub async fn forget_watcher(&self, watcher: &Watcher, event: &JournalEvent) -> Result<()> {
        let (shop, table) = (&event.shop_id, &self.tables.notifications);
        let mut transaction = Transaction::default();
        transaction.delete_any(table, &watcher.key(shop))?;
        transaction.delete_any(table, &watcher.own_key(shop))?;
        transaction.note_wish(self, watcher, event)?;
        self.commit(&transaction).await?.map_err(|_| crate::Error::internal("nothing was asked for"))
    }

    /// A page of those who want to be told something of a product or one variant of it, and where the next begins.
    pub async fn watchers(
        &self,
        shop: &ShopId,
        product: &ProductId,
        kind: ProductAlertKind,
        (limit, after): (u32, Option<Cursor>),
    ) -> Result<(Vec<Watcher>, Option<Cursor>)> {
        let query = Query::new(&self.tables.notifications, watch_pk(shop, product));
        let query = query.beginning_with(format!("{}#", kind_name(kind))).consistent();
        self.query(&query.limit(limit).after(after)).await
    }
}

impl Transaction {
    fn note_wish(&mut self, store: &Dynamo, watcher: &Watcher, event: &JournalEvent) -> Result<()> {
        let pk = format!("{}#said#{}", event.shop_id, watcher.user_id);
        let journal = Key::new(pk, format!("{JOURNAL}{}", event.id));
        self.put_any(&store.tables.notifications, item(&journal, event)?)
    }
}
