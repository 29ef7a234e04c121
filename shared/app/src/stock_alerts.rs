//! Watching levels change: whoever should know is told once when a line is crossed.
//!
//! Most changes cross nothing, and their own images say so: nothing is read for them. A change that may have crossed
//! something is judged against what is remembered, and what comes of it is written with a journal row, in one
//! transaction that only one judge wins; that row is what people hear of.

use std::sync::Arc;

use contract::{
    Fact, JournalEvent,
    http::alerts::{AlertStatus, AlertView},
    journal::StockAlert,
};
use domain::{
    AlertId, EventId, ShopId, Sku,
    alerts::{AlertKind, Crossing, Sighting, Thresholds, Watch},
    checkpoint::Checkpoint,
};

use crate::{
    Clock, Error, Result, Settings,
    clock::derived_at,
    inventory::Inventory,
    journal::Author,
    store::{Dynamo, Transaction, inventory::LevelRow},
};

/// How often a change is judged anew because somebody else judged another one.
const MAX_ROUNDS: u32 = 8;

/// Watches levels.
#[derive(Debug, Clone)]
pub struct StockWatch {
    store: Dynamo,
    clock: Clock,
    settings: Arc<Settings>,
}

impl StockWatch {
    /// What is remembered is kept in `store`.
    pub const fn new(store: Dynamo, clock: Clock, settings: Arc<Settings>) -> Self {
        Self { store, clock, settings }
    }

    /// Judges one change of a level: `before` is what the row was, if there was one.
    pub async fn see(&self, before: Option<&LevelRow>, after: &LevelRow) -> Result<()> {
        let was = before.map_or(0, |row| row.level.available);
        let is_new = before.is_none();
        let lines_moved =
            before.is_some_and(|row| row.low_stock != after.low_stock || row.overstock != after.overstock);
        let is_divided = after.buckets.is_some_and(|buckets| buckets > 1);
        let may_be_crossed = self.lines(after).may_be_crossed(was, after.level.available);
        if !(is_new || lines_moved || is_divided || may_be_crossed) {
            return Ok(());
        }
        if is_new {
            self.begin_checkpoint(after).await?;
        }
        let mut after = after.clone();
        if is_new
            && after.low_stock.is_none()
            && let Some(own) = self.store.thresholds(&after.shop_id, &after.sku.product_id).await?
        {
            let request = self.clock.fresh().to_string();
            self.store.stamp_thresholds(&after, &own.thresholds, &request).await?;
            after.low_stock = Some(own.thresholds.low_stock.into());
            after.overstock = own.thresholds.overstock.map(i64::from);
        }
        self.judge(was, &after, is_divided).await
    }

    /// Notes when the first rows of the ledger of a level that has begun may go.
    async fn begin_checkpoint(&self, level: &LevelRow) -> Result<()> {
        let due_at = self.clock.after(Inventory::movements_kept(&self.settings));
        let ledger = (&level.shop_id, &level.sku.product_id, level.bucket);
        let mut transaction = Transaction::default();
        transaction.put_checkpoint(&self.store, ledger, &Checkpoint::begun(), due_at)?;
        // If it was refused, another level of the product was seen first.
        self.store.commit(&transaction).await.map(drop)
    }

    async fn judge(&self, was: i64, row: &LevelRow, is_divided: bool) -> Result<()> {
        let (shop, sku) = (&row.shop_id, &row.sku);
        let about = (&sku.product_id, sku.variant_id.as_ref());
        for _ in 0..MAX_ROUNDS {
            let remembered = self.store.watch(shop, about.0, about.1).await?.unwrap_or_default();
            let mut watch = remembered.clone();
            let elsewhere = self.store.available_elsewhere(shop, sku).await?;
            let level = match is_divided {
                true => self.store.level(shop, sku).await?.unwrap_or(row.level),
                false => row.level,
            };
            let sighting = Sighting {
                location: &sku.location,
                version: level.version,
                before: was,
                after: level.available,
                elsewhere,
                kind: row.last_change,
                thresholds: self.lines(row),
            };
            let crossings = watch.see(&sighting);
            // A divided level is looked at often: what was seen last need not be remembered.
            if watch == remembered || (is_divided && watch.agrees_with(&remembered)) {
                return Ok(());
            }
            watch.version += 1;
            if self.write(shop, sku, &watch, crossings, level.version).await? {
                return Ok(());
            }
        }
        Err(Error::busy())
    }

    fn lines(&self, row: &LevelRow) -> Thresholds {
        Thresholds {
            low_stock: row.low_stock.unwrap_or(self.settings.low_stock_threshold),
            overstock: row.overstock,
        }
    }

    /// Writes what is remembered and what is to be told; `false` if somebody was faster.
    async fn write(
        &self,
        shop: &ShopId,
        sku: &Sku,
        watch: &Watch,
        crossings: Vec<Crossing>,
        version: u64,
    ) -> Result<bool> {
        let mut transaction = Transaction::default();
        let about = (&sku.product_id, sku.variant_id.as_ref());
        transaction.put_watch(&self.store, shop, about, watch)?;
        for crossing in crossings {
            let is_silent = matches!(crossing, Crossing::Alert { .. }) && !self.settings.stock.raises_alerts;
            if !is_silent {
                let named = format!("{}#{version}", sku.location);
                self.tell(&mut transaction, shop, sku, crossing, &named)?;
            }
        }
        Ok(self.store.commit(&transaction).await?.is_ok())
    }

    /// Adds what is told about one crossing.
    pub(crate) fn tell(
        &self,
        transaction: &mut Transaction,
        shop: &ShopId,
        sku: &Sku,
        crossing: Crossing,
        named: &str,
    ) -> Result<()> {
        let now = self.clock.now();
        let kind = match &crossing {
            Crossing::Alert { kind, .. } => format!("{kind:?}"),
            Crossing::Expiring { .. } => "expiring".into(),
            Crossing::SoldOut => "sold out".into(),
            Crossing::BackInStock { .. } => "back".into(),
        };
        let variant = sku.variant_id.as_ref().map_or("", |variant| variant.as_str());
        let name = derived_at(now, &[shop.as_str(), sku.product_id.as_str(), variant, named, &kind]);
        let fact = fact_of(sku, crossing, AlertId::from_uuid(name));
        if let Fact::StockAlert(alert) = &fact {
            transaction.put_alert(&self.store, shop, &alert_view(alert, now))?;
        }
        let author = Author::system(shop, format!("stock:{}", sku.product_id));
        let subject = format!("stock:{}", sku.product_id);
        let event: JournalEvent = author.event_named(EventId::from_uuid(name), now, subject, 0, fact);
        transaction.journal_watch(&self.store, &sku.product_id, &event)
    }
}

/// What is told of a crossing; an alert gets this name.
fn fact_of(sku: &Sku, crossing: Crossing, alert_id: AlertId) -> Fact {
    let (product_id, variant_id) = (sku.product_id.clone(), sku.variant_id.clone());
    let (kind, location, quantity, threshold, expires_on) = match crossing {
        Crossing::SoldOut => return Fact::OutOfStock { product_id, variant_id },
        Crossing::BackInStock { available, crossing } => {
            return Fact::BackInStock { product_id, variant_id, available_quantity: available, crossing };
        }
        Crossing::Alert { kind, location, quantity, threshold } => {
            (kind, location, quantity, threshold, None)
        }
        Crossing::Expiring { location, lot, days } => {
            (AlertKind::Expiring, location, lot.pieces, days.into(), Some(lot.expires_on))
        }
    };
    Fact::StockAlert(StockAlert {
        alert_id,
        kind,
        product_id,
        variant_id,
        location,
        quantity,
        threshold,
        expires_on,
    })
}

fn alert_view(alert: &StockAlert, raised_at: jiff::Timestamp) -> AlertView {
    let StockAlert { alert_id, kind, product_id, variant_id, location, quantity, threshold, expires_on } =
        alert.clone();
    AlertView {
        alert_id,
        kind,
        status: AlertStatus::Open,
        product_id,
        variant_id,
        location,
        quantity,
        threshold,
        expires_on,
        raised_at,
        acknowledged_at: None,
        acknowledged_by: None,
    }
}
