//! The hours in which somebody sleeps. They are what clocks on their wall show, so the night in which clocks change is
//! shorter or longer.

use jiff::{
    Timestamp, ToSpan,
    civil::{Date, DateTime},
    tz::{AmbiguousOffset, TimeZone},
};
use serde::{Deserialize, Deserializer, Serialize, de::Error as _};
use utoipa::ToSchema;

use crate::chat::hours::Clock;

/// When somebody is to be left in peace, every day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct QuietHours {
    /// From then.
    #[schema(value_type = String, pattern = "^[0-2][0-9]:[0-5][0-9]$")]
    pub from: Clock,
    /// Until then; if that is earlier, then on the next day.
    #[schema(value_type = String, pattern = "^[0-2][0-9]:[0-5][0-9]$")]
    pub until: Clock,
    /// Where: the name of an IANA zone.
    #[serde(deserialize_with = "zone_name")]
    #[schema(max_length = 64)]
    pub timezone: String,
}

/// The name of a zone that exists, as the zone itself writes it.
fn zone_name<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let name = String::deserialize(deserializer)?;
    let zone = TimeZone::get(&name).ok();
    let known = zone.as_ref().and_then(TimeZone::iana_name);
    known
        .map(str::to_owned)
        .ok_or_else(|| D::Error::custom("expected an IANA time zone such as Asia/Bangkok"))
}

impl QuietHours {
    /// Where they are; nothing if the zone has been done away with since.
    pub fn zone(&self) -> Option<TimeZone> {
        TimeZone::get(&self.timezone).ok()
    }

    /// When they end, if `now` is within; otherwise nothing.
    pub fn end(&self, now: Timestamp) -> Option<Timestamp> {
        let zone = self.zone()?;
        let today = now.to_zoned(zone.clone()).date();
        // What began yesterday may go on. Where a whole day was skipped, one night goes over into the next.
        let nights = (-1..=1).filter_map(|days| self.on(today.checked_add(days.days()).ok()?, &zone));
        nights.fold(None, |end, (from, until)| match (from..until).contains(&end.unwrap_or(now)) {
            true => Some(until),
            false => end,
        })
    }

    /// Those that begin on `date`. Without a beginning that differs from the end there are none.
    fn on(&self, date: Date, zone: &TimeZone) -> Option<(Timestamp, Timestamp)> {
        let last = match self.until.cmp(&self.from) {
            std::cmp::Ordering::Greater => date,
            std::cmp::Ordering::Equal => return None,
            std::cmp::Ordering::Less => date.checked_add(1.day()).ok()?,
        };
        Some((
            instant(zone, date.to_datetime(self.from.time()))?,
            instant(zone, last.to_datetime(self.until.time()))?,
        ))
    }
}

/// When clocks in `zone` show `wall`, or more, for the first time: a time that is skipped is over when the clock has
/// changed, one that is repeated counts once. Nothing at the end of all time.
pub fn instant(zone: &TimeZone, wall: DateTime) -> Option<Timestamp> {
    let ambiguous = zone.to_ambiguous_timestamp(wall);
    match ambiguous.offset() {
        AmbiguousOffset::Unambiguous { .. } | AmbiguousOffset::Fold { .. } => ambiguous.earlier().ok(),
        AmbiguousOffset::Gap { .. } => {
            let before = ambiguous.earlier().ok()?;
            zone.following(before).next().map(|change| change.timestamp())
        }
    }
}

#[cfg(test)]
mod tests;
