//! How long stock will last, from what the ledger says was sold.

use std::collections::BTreeMap;

use contract::http::{Page, sales::ForecastView};
use domain::{
    Bucket, Permission, Principal, ProductId, Sku,
    checkpoint::LevelSum,
    forecast::{Smoothing, daily_rate, days_of_cover},
};
use futures_util::future::try_join_all;
use jiff::{SignedDuration, Timestamp, ToSpan, civil::Date, tz::TimeZone};

use super::Inventory;
use crate::{
    Error, Result,
    store::{Cursor, inventory::joined},
};

/// Demand older than that says nothing: with the smoothing that is built in, less than a hundredth of a day's weight.
const DAYS: i64 = 90;

impl Inventory {
    /// How long each level of a page of products will last.
    pub async fn forecast(
        &self,
        who: &Principal,
        limit: u32,
        cursor: Option<Cursor>,
    ) -> Result<Page<ForecastView>> {
        who.may(Permission::AuditStock)?;
        if !self.settings.stock.forecasts {
            return Err(Error::NotFound);
        }
        let (products, next) = self.store.products(&who.shop, limit, cursor).await?;
        let forecasts = products.iter().map(|product| self.forecast_of(who, &product.product_id));
        let data = try_join_all(forecasts).await?.into_iter().flatten().collect();
        Ok(Page { data, next_cursor: next.map(|cursor| cursor.to_string()) })
    }

    async fn forecast_of(&self, who: &Principal, product: &ProductId) -> Result<Vec<ForecastView>> {
        let rows = self.store.buckets(&who.shop, product, false).await?;
        let buckets = rows.iter().filter_map(|row| row.buckets).max().unwrap_or(1);
        let now = self.clock.now();
        let since = known_since(now);
        let read = Bucket::all(buckets).map(|bucket| self.store.books(&who.shop, product, bucket, since));
        let zone = TimeZone::get(&self.settings.timezone).unwrap_or(TimeZone::UTC);
        let day_of = |instant: Timestamp| instant.to_zoned(zone.clone()).date();
        let mut demand: BTreeMap<Sku, BTreeMap<Date, i64>> = BTreeMap::new();
        let first = since.map(day_of);
        for books in try_join_all(read).await? {
            for LevelSum { sku, demand: kept, .. } in books.checkpoint.levels() {
                for (day, pieces) in kept.iter().filter(|(day, _)| Some(*day) >= first) {
                    *demand.entry(sku.clone()).or_default().entry(*day).or_default() += pieces;
                }
            }
            for (at, movement) in books.movements {
                let pieces = movement.change.demand();
                *demand.entry(movement.sku).or_default().entry(day_of(at)).or_default() += pieces;
            }
        }
        let today = day_of(now);
        let view = |row: crate::store::inventory::LevelRow| {
            let days = demand.get(&row.sku).map(|days| series(days, today)).transpose()?.unwrap_or_default();
            let rate = daily_rate(&days, Smoothing::default());
            let cover = days_of_cover(row.level.available, rate);
            Ok(ForecastView {
                sku: row.sku,
                available_quantity: row.level.available,
                daily_demand: rounded(rate, 1000.0),
                days_of_cover: cover.map(|days| rounded(days, 10.0)),
                runs_out_on: cover.and_then(|days| run_out(today, days)).map(|day| day.to_string()),
                days_known: days.len(),
                method: "tsb".into(),
            })
        };
        joined(rows).into_iter().map(view).collect()
    }
}

/// Since when demand says something at `now`.
pub(super) fn known_since(now: Timestamp) -> Option<Timestamp> {
    now.checked_sub(SignedDuration::from_hours(24 * DAYS)).ok()
}

/// One number for each day since the first that is known, until yesterday; today is not over yet, so it counts only
/// if there is no other.
fn series(days: &BTreeMap<Date, i64>, today: Date) -> Result<Vec<i64>> {
    let Some(first) = days.keys().next().copied() else { return Ok(vec![]) };
    let broken = |error: jiff::Error| Error::internal(error.to_string());
    let yesterday = today.yesterday().map_err(broken)?;
    let last = yesterday.max(first);
    let all = first.series(1.day()).take_while(|day| *day <= last);
    Ok(all.map(|day| days.get(&day).copied().unwrap_or(0)).collect())
}

fn rounded(value: f64, steps: f64) -> f64 {
    (value * steps).round() / steps
}

fn run_out(today: Date, days: f64) -> Option<Date> {
    if days > 365.0 {
        return None;
    }
    #[expect(clippy::cast_possible_truncation, reason = "it is at most 365")]
    today.checked_add((days.floor() as i64).days()).ok()
}
