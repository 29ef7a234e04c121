//! Reading stock: to everybody how many can be bought, to staff where they lie.

use contract::http::inventory::{LevelView, StockInFull, StockView};
use domain::{
    LocationId, Permission, Principal, ProductId, ShopId, VariantId,
    stock::{Level, Sku, StockStatus},
};

use super::Inventory;
use crate::{Result, store::inventory::LevelRow};

/// Whose levels are wanted.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// Only of this variant.
    pub variant: Option<VariantId>,
    /// Only there.
    pub location: Option<LocationId>,
}

impl Inventory {
    /// How many of a product there are; staff sees more. A product without stock has none of it.
    pub async fn stock(
        &self,
        shop: &ShopId,
        viewer: Option<&Principal>,
        product: &ProductId,
        wanted: Wanted,
    ) -> Result<StockView> {
        let levels = self.store.levels(shop, product, false).await?;
        let sees_all = viewer.is_some_and(|who| who.can(Permission::ReadStockInFull));
        Ok(self.view(product, wanted, &levels, sees_all))
    }

    /// The same, and that of each of `variants`, read at once.
    pub async fn stock_by_variant(
        &self,
        shop: &ShopId,
        viewer: Option<&Principal>,
        product: &ProductId,
        variants: &[VariantId],
    ) -> Result<(StockView, Vec<StockView>)> {
        let levels = self.store.levels(shop, product, false).await?;
        let sees_all = viewer.is_some_and(|who| who.can(Permission::ReadStockInFull));
        let of = |variant: &VariantId| {
            let wanted = Wanted { variant: Some(variant.clone()), location: None };
            self.view(product, wanted, &levels, sees_all)
        };
        let each = variants.iter().map(of).collect();
        Ok((self.view(product, Wanted::default(), &levels, sees_all), each))
    }

    /// The same of several products.
    pub async fn stock_of(
        &self,
        shop: &ShopId,
        viewer: Option<&Principal>,
        products: &[ProductId],
    ) -> Result<Vec<StockView>> {
        let views = products.iter().map(|product| self.stock(shop, viewer, product, Wanted::default()));
        futures_util::future::try_join_all(views).await
    }

    fn view(&self, product: &ProductId, wanted: Wanted, levels: &[LevelRow], sees_all: bool) -> StockView {
        let is_wanted = |row: &&LevelRow| {
            (wanted.variant.is_none() || row.sku.variant_id == wanted.variant)
                && wanted.location.as_ref().is_none_or(|location| row.sku.location == *location)
        };
        let levels: Vec<&LevelRow> = levels.iter().filter(is_wanted).collect();
        let sum = |counter: fn(&Level) -> i64| levels.iter().map(|row| counter(&row.level)).sum::<i64>();
        let available = sum(|level| level.available);
        let own = levels.iter().find_map(|row| row.low_stock);
        let threshold = own.unwrap_or(self.settings.low_stock_threshold);
        StockView {
            product_id: product.clone(),
            available_quantity: available,
            is_in_stock: available > 0,
            stock_status: StockStatus::of(available, threshold),
            version: levels.iter().map(|row| row.level.version).sum(),
            in_full: sees_all.then(|| StockInFull {
                on_hand: sum(|level| level.on_hand()),
                reserved: sum(|level| level.reserved),
                committed: sum(|level| level.committed),
                low_stock_threshold: threshold,
                by_location: levels.iter().map(|row| level_view(&row.sku, row.level)).collect(),
            }),
            variant_id: wanted.variant,
        }
    }
}

pub(super) fn level_view(sku: &Sku, level: Level) -> LevelView {
    LevelView {
        sku: sku.clone(),
        available_quantity: level.available,
        on_hand: level.on_hand(),
        reserved: level.reserved,
        committed: level.committed,
        version: level.version,
    }
}
