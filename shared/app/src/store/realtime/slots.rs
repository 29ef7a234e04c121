//! Slots: which version of something was last shown, and when, so that it is shown at most once a second.
//!
//! Whoever has news reads the value and claims the slot for its version, and shows it. While the slot is taken, the
//! first who comes marks it as stale and orders that the latest value be shown when it is free again; whoever comes
//! with a still newer value raises the mark. A mark says which version is due: only who has read at least that takes it
//! away. Who has read what was shown already, or is due anyway, has nothing to do.

use domain::ShopId;
use jiff::{SignedDuration, Timestamp};

use crate::{
    Error, Result,
    store::{
        Dynamo, Item, Key,
        dynamo::{Update, Written, number, text, values, written_by},
    },
};

/// How long a slot stays taken.
pub const SLOT: SignedDuration = SignedDuration::from_secs(1);
/// For how long a slot is remembered, in seconds: longer than the queue keeps a refresh.
const REMEMBERED: i64 = 7_200;

/// What asking for a slot came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Claim {
    /// It is ours: show the value.
    Won,
    /// Somebody claimed it for this version or a newer one, and has shown that, or comes again and will.
    Shown,
    /// It is not ours until then.
    Taken {
        /// Until when.
        until: Timestamp,
        /// What is due when it is free, if something is.
        stale: Option<Stale>,
    },
}

/// The mark on a slot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stale {
    /// Who made it, and so orders the refresh.
    pub by: String,
    /// At least this version is due.
    pub version: u64,
}

fn slot_key(shop: &ShopId, subject: &str) -> Key {
    Key::new(format!("{shop}#slot#{subject}"), "slot")
}

fn shown(slot: &Item) -> Option<u64> {
    slot.get("shown")?.as_n().ok()?.parse().ok()
}

/// Whose slot it is instead, for whoever wanted to show `version` and goes by one of the names `ours`.
fn refused(found: &Item, version: u64, ours: &[String]) -> Result<Claim> {
    let number = |name: &str| found.get(name)?.as_n().ok();
    if shown(found).is_some_and(|shown| shown >= version) {
        // Claimed before, by a run that may have ended before it showed anything.
        let is_ours = written_by(found).is_some_and(|by| ours.iter().any(|our| our == by));
        return Ok(if is_ours { Claim::Won } else { Claim::Shown });
    }
    let corrupt = || Error::internal("a slot that is taken does not say until when");
    let until = number("free_at").and_then(|until| until.parse().ok()).ok_or_else(corrupt)?;
    let until = Timestamp::from_millisecond(until).map_err(|_| corrupt())?;
    let by = found.get("stale_by").and_then(|by| by.as_s().ok().cloned());
    let due = number("stale_version").and_then(|version| version.parse().ok());
    Ok(Claim::Taken { until, stale: by.zip(due).map(|(by, version)| Stale { by, version }) })
}

impl Dynamo {
    /// Claims the slot of `subject` to show `version` of it, by the first of the names `ours`. Claiming it again under
    /// any of them, because what followed went wrong, wins again as long as nobody came between.
    pub async fn claim_slot(
        &self,
        shop: &ShopId,
        subject: &str,
        version: u64,
        now: Timestamp,
        ours: &[String],
    ) -> Result<Claim> {
        let free_at = now.checked_add(SLOT).unwrap_or(Timestamp::MAX);
        let update = Update {
            set: "free_at = :free_at, shown = :version, expires_at = :expires_at",
            rest: "REMOVE stale_by, stale_version",
            condition: Some(
                "(attribute_not_exists(free_at) OR free_at <= :now) \
                 AND (attribute_not_exists(shown) OR shown < :version) \
                 AND (attribute_not_exists(stale_version) OR stale_version <= :version)",
            ),
            values: values([
                (":free_at", number(free_at.as_millisecond())),
                (":now", number(now.as_millisecond())),
                (":version", number(version)),
                (":expires_at", number(free_at.as_second() + REMEMBERED)),
            ]),
            ..Update::default()
        };
        let request = ours.first().map_or("", String::as_str);
        let slot =
            self.update_and_see(&self.tables.realtime, &slot_key(shop, subject), update, request).await?;
        match slot {
            // Also what an earlier claim of ours left: it may have been for less.
            Ok(slot) if shown(&slot).is_some_and(|shown| shown >= version) => Ok(Claim::Won),
            Ok(found) | Err(Some(found)) => refused(&found, version, ours),
            Err(None) => Err(Error::internal("a slot that is not there was refused")),
        }
    }

    /// Marks the slot of `subject` as stale, `version` being due, if it is still the one that is taken `until` then, and
    /// is marked as it was `seen`. Says whether it did. Who marked it first stays the one who orders the refresh.
    pub async fn mark_stale(
        &self,
        shop: &ShopId,
        subject: &str,
        (until, seen): (Timestamp, Option<&Stale>),
        version: u64,
        by: &str,
    ) -> Result<bool> {
        let mut values = values([(":version", number(version)), (":until", number(until.as_millisecond()))]);
        let (set, condition) = match seen {
            None => {
                values.insert(":by".into(), text(by));
                let condition = "free_at = :until AND attribute_not_exists(stale_version)";
                ("stale_by = :by, stale_version = :version", condition)
            }
            Some(seen) => {
                values.insert(":seen".into(), number(seen.version));
                ("stale_version = :version", "free_at = :until AND stale_version = :seen")
            }
        };
        let update = Update { set, condition: Some(condition), values, ..Update::default() };
        let written = self.update(&self.tables.realtime, &slot_key(shop, subject), update, by).await?;
        Ok(matches!(written, Written::Yes))
    }
}
