//! Nights, short and long ones.

use jiff::{SignedDuration, Timestamp, civil::DateTime, tz::TimeZone};
use proptest::prelude::*;

use super::{QuietHours, instant};
use crate::chat::hours::Clock;

const ZONES: [&str; 5] =
    ["Europe/London", "America/New_York", "Asia/Bangkok", "Asia/Tehran", "Australia/Lord_Howe"];

fn quiet(from: &str, until: &str, timezone: &str) -> QuietHours {
    let clock = |text: &str| Clock::try_from(text.to_owned()).unwrap();
    QuietHours { from: clock(from), until: clock(until), timezone: timezone.into() }
}

/// When quiet hours that hold at `now` end, in UTC; `-` if they do not hold.
fn end(hours: &QuietHours, now: &str) -> String {
    hours.end(now.parse().unwrap()).map_or_else(|| "-".into(), |end| end.to_string())
}

#[test]
fn a_night_goes_over_midnight_and_its_end_is_not_part_of_it() {
    let night = quiet("22:00", "08:00", "Asia/Bangkok");
    assert_eq!(end(&night, "2026-01-05T14:59:59Z"), "-");
    assert_eq!(end(&night, "2026-01-05T15:00:00Z"), "2026-01-06T01:00:00Z");
    assert_eq!(end(&night, "2026-01-05T18:00:00Z"), "2026-01-06T01:00:00Z");
    assert_eq!(end(&night, "2026-01-06T00:59:59Z"), "2026-01-06T01:00:00Z");
    assert_eq!(end(&night, "2026-01-06T01:00:00Z"), "-");
    let nap = quiet("13:00", "14:30", "Asia/Tehran");
    assert_eq!(end(&nap, "2026-01-05T09:30:00Z"), "2026-01-05T11:00:00Z");
    assert_eq!(end(&quiet("09:00", "09:00", "Asia/Tehran"), "2026-01-05T05:30:00Z"), "-");
}

#[test]
fn nights_in_which_clocks_change_end_when_clocks_show_their_end() {
    // Each: where, from, until, now, end.
    let table = [
        // An hour shorter, an hour longer.
        ("Europe/London", "22:00", "08:00", "2026-03-28T23:00:00Z", "2026-03-29T07:00:00Z"),
        ("Europe/London", "22:00", "08:00", "2026-10-24T23:00:00Z", "2026-10-25T08:00:00Z"),
        ("America/New_York", "22:00", "08:00", "2026-03-08T04:00:00Z", "2026-03-08T12:00:00Z"),
        ("America/New_York", "22:00", "08:00", "2026-11-01T04:00:00Z", "2026-11-01T13:00:00Z"),
        // 02:30 is skipped: it is over when the clock goes from 02:00 to 03:00.
        ("America/New_York", "22:00", "02:30", "2026-03-08T06:59:00Z", "2026-03-08T07:00:00Z"),
        ("America/New_York", "22:00", "02:30", "2026-03-08T07:00:00Z", "-"),
        // 01:30 is there twice: the first counts, for an end and for a beginning.
        ("America/New_York", "22:00", "01:30", "2026-11-01T05:29:00Z", "2026-11-01T05:30:00Z"),
        ("America/New_York", "22:00", "01:30", "2026-11-01T06:10:00Z", "-"),
        ("America/New_York", "01:30", "05:00", "2026-11-01T06:10:00Z", "2026-11-01T10:00:00Z"),
        // Half an hour, on the other half of the world.
        ("Australia/Lord_Howe", "22:00", "02:15", "2026-10-03T15:29:00Z", "2026-10-03T15:30:00Z"),
        ("Australia/Lord_Howe", "22:00", "01:45", "2026-04-04T14:44:00Z", "2026-04-04T14:45:00Z"),
        ("Australia/Lord_Howe", "22:00", "01:45", "2026-04-04T15:01:00Z", "-"),
        // Clocks changed at midnight here, as long as they did.
        ("Asia/Tehran", "22:00", "00:30", "2022-03-21T20:29:00Z", "2022-03-21T20:30:00Z"),
        ("Asia/Tehran", "22:00", "08:00", "2022-09-21T20:00:00Z", "2022-09-22T04:30:00Z"),
        // The minutes in which they are awake are skipped: two nights are one.
        ("America/New_York", "02:29", "02:11", "2020-03-08T05:10:59Z", "2020-03-09T06:11:00Z"),
        // A day that was not there at all joins two nights.
        ("Pacific/Apia", "22:00", "08:00", "2011-12-30T09:00:00Z", "2011-12-30T18:00:00Z"),
    ];
    for (zone, from, until, now, expected) in table {
        assert_eq!(end(&quiet(from, until, zone), now), expected, "{zone} {from} to {until} at {now}");
    }
}

#[test]
fn zones_that_do_not_exist_and_unknown_fields_are_refused() {
    let read = |zone: &str| {
        let json = format!(r#"{{"from":"22:00","until":"08:00","timezone":{zone}}}"#);
        serde_json::from_str::<QuietHours>(&json)
    };
    assert_eq!(read(r#""asia/bangkok""#).unwrap().timezone, "Asia/Bangkok");
    for wrong in [r#""""#, r#""Asia/Atlantis""#, r#""../../etc/passwd""#, r#""+07:00""#, "7", "null"] {
        assert!(read(wrong).is_err(), "{wrong}");
    }
    let more = r#"{"from":"22:00","until":"08:00","timezone":"Asia/Tehran","days":[]}"#;
    assert!(serde_json::from_str::<QuietHours>(more).is_err());
}

/// The first instant at which clocks show `wall` or more, found by looking at the clock, quarter by quarter and then
/// minute by minute.
fn first_shown(zone: &TimeZone, wall: DateTime) -> Timestamp {
    let shows = |at: &Timestamp| zone.to_datetime(*at) >= wall;
    let start = wall.to_zoned(TimeZone::UTC).unwrap().timestamp() - SignedDuration::from_hours(16);
    let steps = |from: Timestamp, minutes: i64| {
        (0..200).map(move |step| from + SignedDuration::from_mins(step * minutes))
    };
    let quarter = steps(start, 15).find(shows).unwrap();
    steps(quarter - SignedDuration::from_mins(15), 1).find(shows).unwrap()
}

/// Whether `at` is within one of the nights around it.
fn is_within(hours: &QuietHours, zone: &TimeZone, at: Timestamp) -> bool {
    let today = zone.to_datetime(at).date();
    [today.yesterday().unwrap(), today].into_iter().any(|date| {
        let last = if hours.until > hours.from { date } else { date.tomorrow().unwrap() };
        let from = first_shown(zone, date.to_datetime(hours.from.time()));
        let until = first_shown(zone, last.to_datetime(hours.until.time()));
        from <= at && at < until
    })
}

prop_compose! {
    /// An instant, often one near a change of the clocks.
    fn instants(zone: TimeZone)(
        changes in 0_usize..16,
        near in -3 * 86_400_i64..3 * 86_400,
        anywhere in 1_577_836_800_i64..1_861_920_000,
        is_near in prop::bool::weighted(0.8),
    ) -> Timestamp {
        let start = Timestamp::from_second(1_577_836_800).unwrap();
        let change = zone.following(start).nth(changes).map(|change| change.timestamp().as_second() + near);
        let second = change.filter(|_| is_near).unwrap_or(anywhere);
        Timestamp::from_second(second).unwrap()
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn nobody_is_woken_and_nobody_waits_longer_than_a_day(
        (name, now) in prop::sample::select(&ZONES[..]).prop_flat_map(|name| {
            (Just(name), instants(TimeZone::get(name).unwrap()))
        }),
        from in 0_u32..1440,
        length in 1_u32..1440,
    ) {
        let clock = |minute: u32| format!("{:02}:{:02}", minute / 60 % 24, minute % 60);
        let hours = quiet(&clock(from), &clock(from + length), name);
        let zone = TimeZone::get(name).unwrap();
        let end = hours.end(now);
        prop_assert_eq!(end.is_some(), is_within(&hours, &zone, now));
        if let Some(end) = end {
            prop_assert!(end > now);
            // Whoever is awake for less than two hours may lose them to the clock: two nights are one then.
            let nights = if length > 22 * 60 { 2 } else { 1 };
            prop_assert!(end.duration_since(now) <= SignedDuration::from_hours(24 * nights + 1));
            prop_assert!(!is_within(&hours, &zone, end));
        }
    }

    #[test]
    fn a_time_on_the_wall_is_the_first_instant_that_shows_it(
        (name, near) in prop::sample::select(&ZONES[..]).prop_flat_map(|name| {
            (Just(name), instants(TimeZone::get(name).unwrap()))
        }),
        minute in 0_i64..1440,
    ) {
        let zone = TimeZone::get(name).unwrap();
        let midnight = zone.to_datetime(near).date().to_datetime(jiff::civil::Time::midnight());
        let wall = midnight + SignedDuration::from_mins(minute);
        prop_assert_eq!(instant(&zone, wall), Some(first_shown(&zone, wall)));
    }
}
