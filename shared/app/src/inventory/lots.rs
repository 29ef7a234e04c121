//! Goods that are best before a day, and telling staff in time.

use domain::{ShopId, alerts::Crossing, lots::Lots};

use super::{Inventory, adjustments::Adjustment};
use crate::{
    Error, Result,
    settings::DayEdge,
    stock_alerts::StockWatch,
    store::{
        Transaction,
        inventory::{LevelRow, level_named},
    },
};

/// How often a decision is made anew because somebody was faster.
const MAX_ROUNDS: u32 = 8;
/// So many lots of a level are told at once.
const TOLD_AT_ONCE: usize = 20;

impl Inventory {
    /// The lots of a level after a delivery; `None` if neither it nor what lies there has a day.
    pub(super) async fn lots_after(
        &self,
        adjustment: &Adjustment<'_>,
        rows: &[LevelRow],
    ) -> Result<Option<Lots>> {
        let new = &adjustment.new;
        if new.expires_on.is_none() && !rows.iter().any(|row| row.has_lots) {
            return Ok(None);
        }
        let mut lots = self.store.lots(&adjustment.who.shop, &new.sku).await?.unwrap_or_default();
        lots.settle(rows.iter().map(|row| row.level.on_hand()).sum());
        lots.deliver(new.expires_on, new.quantity.into());
        lots.version += 1;
        Ok(Some(lots))
    }

    /// Tells staff of the lots of the level `name` that will soon be too old, and notes when to look again.
    pub async fn see_to_lots(&self, shop: &ShopId, name: &str) -> Result<()> {
        let wrong = || Error::internal(format!("there is no level {name}"));
        let sku = level_named(name).ok_or_else(wrong)?;
        for _ in 0..MAX_ROUNDS {
            let Some(mut lots) = self.store.lots(shop, &sku).await? else {
                return Ok(());
            };
            let level = self.store.level(shop, &sku).await?.unwrap_or_default();
            let own = self.store.thresholds(shop, &sku.product_id).await?;
            let days = own.and_then(|own| own.thresholds.expiry_days);
            lots.settle(level.on_hand());
            let told = lots.tell(self.settings.today(self.clock.now()), days, TOLD_AT_ONCE);
            lots.version += 1;
            let next = lots.next_day(days);
            let next = next.and_then(|day| self.settings.instant(&day.to_string(), DayEdge::Begin));
            let mut transaction = Transaction::default();
            transaction.put_lots(&self.store, shop, &sku, &lots, next)?;
            let watch = StockWatch::new(self.store.clone(), self.clock.clone(), self.settings.clone());
            for lot in told.into_iter().filter(|_| self.settings.stock.raises_alerts) {
                let named = format!("{}#{}#{}", sku.location, lot.expires_on, lots.version);
                let days = days.unwrap_or_default();
                let crossing = Crossing::Expiring { location: sku.location.clone(), lot, days };
                watch.tell(&mut transaction, shop, &sku, crossing, &named)?;
            }
            if self.store.commit(&transaction).await?.is_ok() {
                return Ok(());
            }
        }
        Err(Error::busy())
    }
}
