//! Slots: when something whose latest value is shown was last shown, so that it is shown at most once a second.
//!
//! Whoever has news claims the slot, and shows it. While it is taken, the first who comes marks it as stale and
//! orders that the latest value be shown when it is free again; whoever finds it marked has nothing to do, because
//! the value is read after the mark is taken away.

use domain::ShopId;
use jiff::{SignedDuration, Timestamp};

use crate::{
    Error, Result,
    store::{
        Dynamo, Item, Key,
        dynamo::{Update, Written, number, text, values},
    },
};

/// How long a slot stays taken.
pub const SLOT: SignedDuration = SignedDuration::from_secs(1);
/// For how long a slot is remembered, in seconds: longer than the queue keeps a refresh.
const REMEMBERED: i64 = 7_200;

/// What asking for a slot came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Claim {
    /// It is ours: show the latest value.
    Won,
    /// It is taken until then, and by whom it was marked as stale meanwhile, if it was.
    Taken {
        /// Until when.
        until: Timestamp,
        /// Who marked it.
        stale_by: Option<String>,
    },
}

fn slot_key(shop: &ShopId, subject: &str) -> Key {
    Key::new(format!("{shop}#slot#{subject}"), "slot")
}

fn taken(found: Option<&Item>) -> Result<Claim> {
    let corrupt = || Error::internal("a slot that is taken does not say until when");
    let until = found.and_then(|slot| slot.get("free_at")?.as_n().ok()?.parse().ok()).ok_or_else(corrupt)?;
    let stale_by = found.and_then(|slot| slot.get("stale_by")?.as_s().ok().cloned());
    Ok(Claim::Taken { until: Timestamp::from_millisecond(until).map_err(|_| corrupt())?, stale_by })
}

impl Dynamo {
    /// Claims the slot of `subject`. Claiming it again under the same `request`, because what followed went wrong,
    /// wins again as long as nobody came between.
    pub async fn claim_slot(
        &self,
        shop: &ShopId,
        subject: &str,
        now: Timestamp,
        request: &str,
    ) -> Result<Claim> {
        self.take_slot(shop, subject, now, request, "attribute_not_exists(free_at) OR free_at <= :now").await
    }

    /// Claims the slot of `subject` if it is free and marked as stale. [`Claim::Taken`] without a mark says that
    /// somebody has shown a value since.
    pub async fn refresh_slot(
        &self,
        shop: &ShopId,
        subject: &str,
        now: Timestamp,
        request: &str,
    ) -> Result<Claim> {
        self.take_slot(shop, subject, now, request, "attribute_exists(stale_by) AND free_at <= :now").await
    }

    async fn take_slot(
        &self,
        shop: &ShopId,
        subject: &str,
        now: Timestamp,
        request: &str,
        condition: &str,
    ) -> Result<Claim> {
        let free_at = now.checked_add(SLOT).unwrap_or(Timestamp::MAX);
        let update = Update {
            set: "free_at = :free_at, expires_at = :expires_at",
            rest: "REMOVE stale_by",
            condition: Some(condition),
            values: values([
                (":free_at", number(free_at.as_millisecond())),
                (":now", number(now.as_millisecond())),
                (":expires_at", number(free_at.as_second() + REMEMBERED)),
            ]),
            ..Update::default()
        };
        match self.update(&self.tables.realtime, &slot_key(shop, subject), update, request).await? {
            Written::Yes => Ok(Claim::Won),
            // Forgotten meanwhile: nothing is stale.
            Written::Refused(None) => Ok(Claim::Taken { until: now, stale_by: None }),
            Written::Refused(Some(found)) => taken(Some(&found)),
        }
    }

    /// Marks the slot of `subject` as stale, if it is still the one that is taken `until` then and nobody else has
    /// marked it. Says whether it did.
    pub async fn mark_stale(&self, shop: &ShopId, subject: &str, until: Timestamp, by: &str) -> Result<bool> {
        let update = Update {
            set: "stale_by = :by",
            condition: Some("free_at = :until AND attribute_not_exists(stale_by)"),
            values: values([(":by", text(by)), (":until", number(until.as_millisecond()))]),
            ..Update::default()
        };
        let written = self.update(&self.tables.realtime, &slot_key(shop, subject), update, by).await?;
        Ok(matches!(written, Written::Yes))
    }
}
