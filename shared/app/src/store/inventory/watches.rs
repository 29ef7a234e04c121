//! What is remembered about levels so that each line is crossed once, and what was told.

use contract::{
    JournalEvent,
    http::alerts::{AlertStatus, AlertView, LocationView, NewThresholds, ThresholdsView},
};
use domain::{AlertId, LocationId, ProductId, ShopId, Sku, UserId, VariantId, alerts::Watch};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{LevelRow, level_key};
use crate::{
    Result,
    store::{
        Cursor, Dynamo, JOURNAL, Key, Query, Transaction,
        dynamo::{Update, Written, item, number, text, values},
    },
};

/// How long an alert can be read.
const REMEMBERED: SignedDuration = SignedDuration::from_hours(90 * 24);

#[derive(Debug, Serialize, Deserialize)]
struct AlertRow {
    #[serde(flatten)]
    alert: AlertView,
    /// When DynamoDB may forget it, in seconds since 1970.
    expires_at: i64,
}

fn watch_pk(shop: &ShopId, product: &ProductId) -> String {
    format!("{shop}#watch#{product}")
}

fn watch_key(shop: &ShopId, product: &ProductId, variant: Option<&VariantId>) -> Key {
    let variant = variant.map_or("", VariantId::as_str);
    Key::new(watch_pk(shop, product), format!("watch#{variant}"))
}

fn thresholds_key(shop: &ShopId, product: &ProductId) -> Key {
    Key::new(watch_pk(shop, product), "thresholds")
}

fn alerts_pk(shop: &ShopId) -> String {
    format!("{shop}#alerts")
}

fn locations_pk(shop: &ShopId) -> String {
    format!("{shop}#locations")
}

fn alert_row(alert: AlertView) -> AlertRow {
    AlertRow { expires_at: alert.raised_at.as_second() + REMEMBERED.as_secs(), alert }
}

impl Transaction {
    /// Writes what is remembered of a product or variant over the version before it.
    pub(crate) fn put_watch(
        &mut self,
        store: &Dynamo,
        shop: &ShopId,
        (product, variant): (&ProductId, Option<&VariantId>),
        watch: &Watch,
    ) -> Result<()> {
        let row = item(&watch_key(shop, product, variant), watch)?;
        match watch.version {
            1 => self.put_new(&store.tables.inventory, row),
            version => self.put_version(&store.tables.inventory, row, version - 1),
        }
    }

    /// Writes a new alert.
    pub(crate) fn put_alert(&mut self, store: &Dynamo, shop: &ShopId, alert: &AlertView) -> Result<()> {
        let key = Key::new(alerts_pk(shop), alert.alert_id.as_str());
        self.put_new(&store.tables.inventory, item(&key, &alert_row(alert.clone()))?)
    }

    /// Writes the journal row of something that was told about a product, or of its thresholds.
    pub(crate) fn journal_watch(
        &mut self,
        store: &Dynamo,
        product: &ProductId,
        event: &JournalEvent,
    ) -> Result<()> {
        let key = Key::new(watch_pk(&event.shop_id, product), format!("{JOURNAL}{}", event.id));
        self.put_new(&store.tables.inventory, item(&key, event)?)
    }

    /// Writes a product's thresholds over the version before them.
    pub(crate) fn put_thresholds(
        &mut self,
        store: &Dynamo,
        shop: &ShopId,
        view: &ThresholdsView,
    ) -> Result<()> {
        let row = item(&thresholds_key(shop, &view.product_id), view)?;
        match view.version {
            1 => self.put_new(&store.tables.inventory, row),
            version => self.put_version(&store.tables.inventory, row, version - 1),
        }
    }

    /// Writes a new location and its journal row.
    pub(crate) fn put_location(
        &mut self,
        store: &Dynamo,
        location: &LocationView,
        event: &JournalEvent,
    ) -> Result<()> {
        let pk = locations_pk(&event.shop_id);
        let key = Key::new(&pk, format!("location#{}", location.location_id));
        self.put_new(&store.tables.inventory, item(&key, location)?)?;
        self.put_new(&store.tables.inventory, item(&Key::new(pk, format!("{JOURNAL}{}", event.id)), event)?)
    }
}

impl Dynamo {
    /// What is remembered of a product or variant.
    pub async fn watch(
        &self,
        shop: &ShopId,
        product: &ProductId,
        variant: Option<&VariantId>,
    ) -> Result<Option<Watch>> {
        self.get(&self.tables.inventory, &watch_key(shop, product, variant), true).await
    }

    /// A product's thresholds, if it has any of its own.
    pub async fn thresholds(&self, shop: &ShopId, product: &ProductId) -> Result<Option<ThresholdsView>> {
        self.get(&self.tables.inventory, &thresholds_key(shop, product), true).await
    }

    /// Writes a product's thresholds into one of its levels, where they are at hand when it changes.
    pub async fn stamp_thresholds(
        &self,
        level: &LevelRow,
        thresholds: &NewThresholds,
        request: &str,
    ) -> Result<()> {
        let overstock = thresholds.overstock.map(i64::from);
        let mut values = values([(":low", number(thresholds.low_stock)), (":one", number(1))]);
        values.extend(overstock.map(|most| (":over".to_owned(), number(most))));
        let update = Update {
            set: if overstock.is_some() { "low_stock = :low, overstock = :over" } else { "low_stock = :low" },
            rest: if overstock.is_some() { "ADD version :one" } else { "REMOVE overstock ADD version :one" },
            condition: Some("attribute_exists(pk)"),
            values,
            ..Update::default()
        };
        let key = level_key(&level.shop_id, &level.sku, level.bucket);
        // A level that is gone has no thresholds.
        self.update(&self.tables.inventory, &key, update, request).await.map(drop)
    }

    /// A page of alerts, newest first.
    pub async fn alerts(
        &self,
        shop: &ShopId,
        limit: u32,
        cursor: Option<Cursor>,
    ) -> Result<(Vec<AlertView>, Option<Cursor>)> {
        let query = Query::new(&self.tables.inventory, alerts_pk(shop)).beginning_with(AlertId::PREFIX);
        let (rows, next): (Vec<AlertRow>, _) =
            self.query(&query.limit(limit).newest_first().after(cursor)).await?;
        Ok((rows.into_iter().map(|row| row.alert).collect(), next))
    }

    /// An alert.
    pub async fn alert(&self, shop: &ShopId, id: &AlertId) -> Result<Option<AlertView>> {
        let key = Key::new(alerts_pk(shop), id.as_str());
        let row: Option<AlertRow> = self.get(&self.tables.inventory, &key, true).await?;
        Ok(row.map(|row| row.alert))
    }

    /// Notes that somebody has seen to an alert; `false` if somebody had, or there is none.
    pub async fn acknowledge(
        &self,
        shop: &ShopId,
        id: &AlertId,
        (who, at): (&UserId, Timestamp),
        request: &str,
    ) -> Result<bool> {
        let status = |status: AlertStatus| serde_dynamo::to_attribute_value(status);
        let corrupt = |error: serde_dynamo::Error| crate::Error::internal(error.to_string());
        let update = Update {
            set: "#status = :acknowledged, acknowledged_at = :at, acknowledged_by = :who",
            condition: Some("#status = :open"),
            names: [("#status".to_owned(), "status".to_owned())].into(),
            values: values([
                (":acknowledged", status(AlertStatus::Acknowledged).map_err(corrupt)?),
                (":open", status(AlertStatus::Open).map_err(corrupt)?),
                (":at", text(at.to_string())),
                (":who", text(who.as_str())),
            ]),
            ..Update::default()
        };
        let key = Key::new(alerts_pk(shop), id.as_str());
        let written = self.update(&self.tables.inventory, &key, update, request).await?;
        Ok(matches!(written, Written::Yes))
    }

    /// All places that are known besides the one that every shop has.
    pub async fn locations(&self, shop: &ShopId) -> Result<Vec<LocationView>> {
        let query = Query::new(&self.tables.inventory, locations_pk(shop)).beginning_with("location#");
        self.query_all(query.consistent()).await
    }

    /// A place, if it is known.
    pub async fn location(&self, shop: &ShopId, id: &LocationId) -> Result<Option<LocationView>> {
        let key = Key::new(locations_pk(shop), format!("location#{id}"));
        self.get(&self.tables.inventory, &key, true).await
    }

    /// Pieces of the same product or variant that can be bought elsewhere than at `sku`'s location.
    pub async fn available_elsewhere(&self, shop: &ShopId, sku: &Sku) -> Result<i64> {
        let levels = self.levels(shop, &sku.product_id, true).await?;
        let elsewhere = levels
            .iter()
            .filter(|row| row.sku.variant_id == sku.variant_id && row.sku.location != sku.location);
        Ok(elsewhere.map(|row| row.level.available).sum())
    }
}
