//! Whether, and when, a notification goes out on a medium. It is asked when the notification is made, and again when its
//! turn comes: what somebody wants may have changed.
//!
//! What is critical comes before what is said of a kind, that before what is said of its category, that before what is
//! said of a whole medium, and that before what is usual.

use jiff::{SignedDuration, Timestamp, ToSpan, civil::Time, tz::TimeZone};

use super::{Digest, Kind, Medium, Preferences, Suppression, quiet::instant};

/// When daily digests come.
const MORNING: Time = Time::constant(8, 0, 0, 0);

/// What becomes of a notification on a medium.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// It goes out.
    Now,
    /// It goes out then.
    At(Timestamp),
    /// It goes out with others in one mail.
    Digest {
        /// When that mail is sent.
        until: Timestamp,
    },
    /// It does not go out.
    Suppressed(Suppression),
}

/// Decides on one notification and one medium. A direct send names the media it is `asked` to use, instead of the usual
/// ones. Times of day are those of the recipient's quiet hours, or else the shop's.
pub fn decide(
    kind: Kind,
    medium: Medium,
    preferences: &Preferences,
    asked: Option<&[Medium]>,
    shop_zone: &TimeZone,
    created_at: Timestamp,
    now: Timestamp,
) -> Decision {
    if let Err(reason) = wanted(kind, medium, preferences, asked) {
        return Decision::Suppressed(reason);
    }
    if kind.is_critical() || medium == Medium::Websocket {
        return Decision::Now;
    }
    let digest = match medium == Medium::Email && kind.may_be_gathered() {
        true => digest_end(preferences, shop_zone, now),
        false => None,
    };
    // A digest is not sent at night either.
    let quiet_end = preferences.quiet_hours.as_ref().and_then(|hours| hours.end(digest.unwrap_or(now)));
    let expires_at = expires_at(kind, created_at);
    match (digest, quiet_end) {
        (None, None) => Decision::Now,
        (None, Some(end)) if end >= expires_at => Decision::Suppressed(Suppression::QuietHours),
        (None, Some(end)) => Decision::At(end),
        (Some(digest), end) => Decision::Digest { until: end.unwrap_or(digest) },
    }
}

/// When it is not worth sending any more.
pub fn expires_at(kind: Kind, created_at: Timestamp) -> Timestamp {
    created_at.checked_add(kind.ttl()).unwrap_or(Timestamp::MAX)
}

/// Whether it is wanted on `medium` at all, at whatever time.
///
/// # Errors
/// Why it is not.
pub fn wanted(
    kind: Kind,
    medium: Medium,
    preferences: &Preferences,
    asked: Option<&[Medium]>,
) -> Result<(), Suppression> {
    // Who waits for a price asked for the mail that tells it.
    if kind.is_marketing() && kind != Kind::PriceDrop && !preferences.marketing {
        return Err(Suppression::Unsubscribed);
    }
    let whole = preferences.channels.get(&medium).map(|switch| switch.enabled);
    if medium == Medium::Sms && whole != Some(true) {
        return Err(Suppression::Preference);
    }
    let is_usual = asked.map_or_else(|| kind.usually_goes_by(medium), |asked| asked.contains(&medium));
    // Nothing is added to what was asked for.
    let may_go = is_usual || asked.is_none();
    let kinds = preferences.types.get(&kind);
    let categories = preferences.categories.get(&kind.category());
    let said = kinds.into_iter().chain(categories).find_map(|choice| choice.says(medium, is_usual));
    // Text messages are consent, which counts even where nothing can be turned off.
    let is_forced = kind.is_critical() && medium != Medium::Sms;
    let wants = match said.or(whole.filter(|on| !on)) {
        Some(false) if is_forced => is_usual,
        Some(wants) => wants,
        None => is_usual,
    };
    if wants && may_go { Ok(()) } else { Err(Suppression::Preference) }
}

/// When the digest that is open at `now` is sent; nothing if they want none.
fn digest_end(preferences: &Preferences, shop_zone: &TimeZone, now: Timestamp) -> Option<Timestamp> {
    let own = preferences.quiet_hours.as_ref().and_then(super::QuietHours::zone);
    let zone = own.unwrap_or_else(|| shop_zone.clone());
    match preferences.digest {
        Digest::Off => None,
        Digest::Hourly => end_of_hour(&zone, now),
        Digest::Daily => next_morning(&zone, now),
    }
}

/// When clocks in `zone` show a full hour next, if they do not change before.
fn end_of_hour(zone: &TimeZone, now: Timestamp) -> Option<Timestamp> {
    let shown = now.as_second() + i64::from(zone.to_offset(now).seconds());
    let left = SignedDuration::from_secs(3600 - shown.rem_euclid(3600));
    Timestamp::from_second(now.as_second()).ok()?.checked_add(left).ok()
}

fn next_morning(zone: &TimeZone, now: Timestamp) -> Option<Timestamp> {
    let today = now.to_zoned(zone.clone()).date();
    let mornings = (0..=2).filter_map(|days| {
        let date = today.checked_add(days.days()).ok()?;
        instant(zone, date.to_datetime(MORNING))
    });
    mornings.filter(|morning| *morning > now).min()
}

#[cfg(test)]
mod tests;
