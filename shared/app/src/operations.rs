//! What the people who run a shop look at: audit log, counters, feature flags.

use std::collections::BTreeMap;

use contract::{
    ErrorCode, Fact,
    http::{
        Page,
        platform::{AuditEntry, FlagView, MetricsView, SetFlag},
    },
};
use domain::{Permission, Principal, ShopId};
use jiff::civil::Date;

use crate::{
    Clock, Error, Result,
    journal::Author,
    store::{Cursor, Dynamo, Transaction},
};

/// Audit log, counters and flags of all shops.
#[derive(Debug, Clone)]
pub struct Operations {
    store: Dynamo,
    clock: Clock,
}

impl Operations {
    /// Everything is kept in `store`.
    pub const fn new(store: Dynamo, clock: Clock) -> Self {
        Self { store, clock }
    }

    /// A page of the audit log of the month of `day` (this one, if none is named), newest first.
    pub async fn audit_log(
        &self,
        who: &Principal,
        day: Option<Date>,
        limit: u32,
        cursor: Option<Cursor>,
    ) -> Result<Page<AuditEntry>> {
        who.may(Permission::ReadAuditLog)?;
        let month = self.day(day).strftime("%Y-%m").to_string();
        let (data, next) = self.store.audit_log(&who.shop, &month, limit, cursor).await?;
        Ok(Page { data, next_cursor: next.map(|cursor| cursor.to_string()) })
    }

    /// How often what happened on `day` (today, if none is named), UTC.
    pub async fn metrics(&self, who: &Principal, day: Option<Date>) -> Result<MetricsView> {
        who.may(Permission::ReadMetrics)?;
        let date = self.day(day).to_string();
        let mut counters: BTreeMap<String, BTreeMap<String, u64>> = BTreeMap::new();
        for (name, count) in self.store.counters(&who.shop, &date).await? {
            let (subsystem, event) = name.split_once('.').unwrap_or((&name, ""));
            counters.entry(subsystem.to_owned()).or_default().insert(event.to_owned(), count);
        }
        Ok(MetricsView { date, counters })
    }

    fn day(&self, day: Option<Date>) -> Date {
        day.unwrap_or_else(|| self.clock.now().to_zoned(jiff::tz::TimeZone::UTC).date())
    }

    /// All feature flags.
    pub async fn flags(&self, who: &Principal) -> Result<Vec<FlagView>> {
        who.may(Permission::ManageFlags)?;
        self.store.flags(&who.shop).await
    }

    /// The names of all flags and whether each is on, for anybody.
    pub async fn flags_for_clients(&self, shop: &ShopId) -> Result<BTreeMap<String, bool>> {
        Ok(self.store.flags(shop).await?.into_iter().map(|flag| (flag.key, flag.is_enabled)).collect())
    }

    /// One feature flag.
    pub async fn flag(&self, who: &Principal, key: &str) -> Result<FlagView> {
        who.may(Permission::ManageFlags)?;
        self.store.flag(&who.shop, key).await?.ok_or(Error::NotFound)
    }

    /// Sets a feature flag, if it is still at version `seen`.
    pub async fn set_flag(
        &self,
        who: &Principal,
        key: &str,
        seen: Option<u64>,
        set: SetFlag,
    ) -> Result<FlagView> {
        who.may(Permission::ManageFlags)?;
        let version = self.store.flag(&who.shop, key).await?.map_or(0, |flag| flag.version);
        let changed = || Error::conflict(ErrorCode::VersionConflict, "the flag has changed meanwhile");
        if seen.is_some_and(|seen| seen != version) {
            return Err(changed());
        }
        let flag = FlagView {
            key: key.to_owned(),
            is_enabled: set.is_enabled,
            description: set.description,
            updated_at: self.clock.now(),
            version: version + 1,
        };
        let fact = Fact::FeatureFlagChanged { key: flag.key.clone(), is_enabled: flag.is_enabled };
        let event = Author::of(who).event(&self.clock, format!("feature_flag:{key}"), flag.version, fact);
        let mut transaction = Transaction::default();
        transaction.put_flag(&self.store, &flag, &event)?;
        self.store.commit(&transaction).await?.map_err(|_| changed())?;
        Ok(flag)
    }

    /// How each part is, asked by an admin.
    pub async fn check(&self, shop: &ShopId, viewer: Option<&Principal>) -> Result<String> {
        viewer.ok_or(Error::Unauthenticated)?.may(Permission::ReadMetrics)?;
        Ok(match self.store.flag(shop, "health").await {
            Ok(_) => "ok".into(),
            Err(error) => error.to_string(),
        })
    }
}
