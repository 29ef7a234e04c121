//! Lines that levels should not cross, the alerts about those that did, and places where stock lies.

use contract::{
    ErrorCode, Fact,
    http::{
        Page,
        alerts::{AlertView, AlertsRequest, LocationView, NewLocation, NewThresholds, ThresholdsView},
    },
};
use domain::{AlertId, Line, LocationId, Permission, Principal, ProductId};

use super::Inventory;
use crate::{
    Error, Result,
    journal::Author,
    store::{Cursor, Transaction},
};

/// So many pages are read to fill one that is filtered.
const MAX_PAGES: usize = 10;
/// How often a decision is made anew because somebody was faster.
const MAX_ROUNDS: u32 = 8;

impl Inventory {
    /// Sets the lines of a product's levels, also of those that it will have.
    pub async fn set_thresholds(
        &self,
        who: &Principal,
        product: &ProductId,
        new: NewThresholds,
    ) -> Result<ThresholdsView> {
        who.may(Permission::AdjustStock)?;
        check(&new)?;
        for _ in 0..MAX_ROUNDS {
            let before = self.store.thresholds(&who.shop, product).await?;
            let version = before.map_or(0, |before| before.version) + 1;
            let view = ThresholdsView { product_id: product.clone(), thresholds: new.clone(), version };
            let fact = Fact::ThresholdsChanged {
                product_id: product.clone(),
                low_stock: new.low_stock,
                overstock: new.overstock,
                expiry_days: new.expiry_days,
            };
            let event = Author::of(who).event(&self.clock, format!("stock:{product}"), version, fact);
            let mut transaction = Transaction::default();
            transaction.put_thresholds(&self.store, &who.shop, &view)?;
            transaction.journal_watch(&self.store, product, &event)?;
            if self.store.commit(&transaction).await?.is_err() {
                continue;
            }
            // Each level keeps them at hand. A run that is cut off here is made good by setting them again.
            for level in self.store.buckets(&who.shop, product, true).await? {
                self.store.stamp_thresholds(&level, &new, event.id.as_str()).await?;
                if level.has_lots {
                    let (soon, request) = (self.clock.now(), event.id.as_str());
                    self.store.look_at_lots(&who.shop, &level.sku, soon, request).await?;
                }
            }
            return Ok(view);
        }
        Err(Error::busy())
    }

    /// A page of alerts, newest first.
    pub async fn alerts(
        &self,
        who: &Principal,
        wanted: &AlertsRequest,
        limit: u32,
        mut cursor: Option<Cursor>,
    ) -> Result<Page<AlertView>> {
        who.may(Permission::ReadStockInFull)?;
        let is_wanted = |alert: &AlertView| {
            wanted.status.is_none_or(|status| alert.status == status)
                && wanted.kind.is_none_or(|kind| alert.kind == kind)
                && wanted.product_id.as_ref().is_none_or(|product| alert.product_id == *product)
        };
        let mut data = vec![];
        for _ in 0..MAX_PAGES {
            let missing = limit.saturating_sub(u32::try_from(data.len()).unwrap_or(limit));
            if missing == 0 {
                break;
            }
            let (alerts, next) = self.store.alerts(&who.shop, missing, cursor.take()).await?;
            data.extend(alerts.into_iter().filter(is_wanted));
            cursor = next;
            if cursor.is_none() {
                break;
            }
        }
        Ok(Page { data, next_cursor: cursor.map(|cursor| cursor.to_string()) })
    }

    /// Notes that somebody has seen to an alert; the first one counts.
    pub async fn acknowledge(&self, who: &Principal, id: &AlertId) -> Result<AlertView> {
        who.may(Permission::ReadStockInFull)?;
        let by = (&who.subject, self.clock.now());
        let request = self.clock.fresh().to_string();
        self.store.acknowledge(&who.shop, id, by, &request).await?;
        self.store.alert(&who.shop, id).await?.ok_or(Error::NotFound)
    }

    /// All places where stock may lie.
    pub async fn locations(&self, who: &Principal) -> Result<Vec<LocationView>> {
        who.may(Permission::AdjustStock)?;
        let main = LocationView { location_id: LocationId::default(), name: main_name()? };
        let others = self.store.locations(&who.shop).await?;
        Ok([main].into_iter().chain(others).collect())
    }

    /// Makes a place known; one that is known by the same name already is the same.
    pub async fn add_location(&self, who: &Principal, new: NewLocation) -> Result<LocationView> {
        who.may(Permission::AdjustStock)?;
        let NewLocation { location_id, name } = new;
        if location_id == LocationId::default() {
            return Err(Error::field("location_id", "reserved", "every shop has that place"));
        }
        let location = LocationView { location_id, name };
        let fact =
            Fact::LocationCreated { location_id: location.location_id.clone(), name: location.name.clone() };
        let subject = format!("location:{}", location.location_id);
        let event = Author::of(who).event(&self.clock, subject, 1, fact);
        let mut transaction = Transaction::default();
        transaction.put_location(&self.store, &location, &event)?;
        if self.store.commit(&transaction).await?.is_ok() {
            return Ok(location);
        }
        match self.store.location(&who.shop, &location.location_id).await? {
            Some(known) if known == location => Ok(known),
            _ => Err(Error::conflict(ErrorCode::VersionConflict, "the place has another name")),
        }
    }

    /// An error unless a level may be begun there.
    pub(super) async fn check_location(&self, who: &Principal, location: &LocationId) -> Result<()> {
        let is_known =
            *location == LocationId::default() || self.store.location(&who.shop, location).await?.is_some();
        match is_known {
            true => Ok(()),
            false => Err(Error::field("location", "unknown", "no such place")),
        }
    }
}

fn main_name() -> Result<Line> {
    Line::new("Main").map_err(|error| Error::internal(error.to_string()))
}

fn check(new: &NewThresholds) -> Result<()> {
    let most = domain::stock::Quantity::MAX;
    if new.low_stock > most {
        return Err(Error::field("low_stock", "out_of_range", "expected 0 to 1,000,000 pieces"));
    }
    if new.overstock.is_some_and(|over| over <= new.low_stock || over > most) {
        return Err(Error::field(
            "overstock",
            "out_of_range",
            "expected more than low_stock, at most 1,000,000",
        ));
    }
    if new.expiry_days.is_some_and(|days| !(1..=3650).contains(&days)) {
        return Err(Error::field("expiry_days", "out_of_range", "expected 1 to 3650 days"));
    }
    Ok(())
}
