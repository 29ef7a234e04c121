//! When somebody is there: intervals of the week in a time zone, and days that are different.
//!
//! Times are what clocks on the wall show. An interval that ends before, or when, it begins ends on the next day; one
//! whose beginning or end a clock change skips begins or ends when the clock has changed.

use jiff::{
    Timestamp, ToSpan,
    civil::{Date, Time, Weekday},
    tz::TimeZone,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// How far ahead it is looked for the next opening, in days.
const LOOKED_AHEAD: i64 = 31;
/// The most intervals, and the most exceptions.
pub const MAX_INTERVALS: usize = 100;

/// A day of the week.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "days are what they are called")]
pub enum Day {
    Monday,
    Tuesday,
    Wednesday,
    Thursday,
    Friday,
    Saturday,
    Sunday,
}

impl Day {
    const fn weekday(self) -> Weekday {
        match self {
            Self::Monday => Weekday::Monday,
            Self::Tuesday => Weekday::Tuesday,
            Self::Wednesday => Weekday::Wednesday,
            Self::Thursday => Weekday::Thursday,
            Self::Friday => Weekday::Friday,
            Self::Saturday => Weekday::Saturday,
            Self::Sunday => Weekday::Sunday,
        }
    }
}

impl Day {
    /// Its name.
    pub fn in_words(self, language: &str) -> &'static str {
        let [english, thai, persian] = match self {
            Self::Monday => ["Monday", "วันจันทร์", "دوشنبه"],
            Self::Tuesday => ["Tuesday", "วันอังคาร", "سه‌شنبه"],
            Self::Wednesday => ["Wednesday", "วันพุธ", "چهارشنبه"],
            Self::Thursday => ["Thursday", "วันพฤหัสบดี", "پنجشنبه"],
            Self::Friday => ["Friday", "วันศุกร์", "جمعه"],
            Self::Saturday => ["Saturday", "วันเสาร์", "شنبه"],
            Self::Sunday => ["Sunday", "วันอาทิตย์", "یکشنبه"],
        };
        match language {
            "th" => thai,
            "fa" => persian,
            _ => english,
        }
    }
}

/// A time of day, `09:30`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Clock(Time);

impl Clock {
    /// What the clock shows.
    pub const fn time(self) -> Time {
        self.0
    }
}

/// The text is no time of day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected a time of day such as 09:30")]
pub struct InvalidClock;

impl TryFrom<String> for Clock {
    type Error = InvalidClock;
    fn try_from(text: String) -> Result<Self, InvalidClock> {
        let (hour, minute) = text.split_once(':').ok_or(InvalidClock)?;
        let two = |digits: &str| match digits.len() == 2 && digits.bytes().all(|byte| byte.is_ascii_digit()) {
            true => digits.parse::<i8>().map_err(|_| InvalidClock),
            false => Err(InvalidClock),
        };
        Time::new(two(hour)?, two(minute)?, 0, 0).map(Self).map_err(|_| InvalidClock)
    }
}

impl From<Clock> for String {
    fn from(clock: Clock) -> Self {
        clock.0.strftime("%H:%M").to_string()
    }
}

/// From when until when on one day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Interval {
    /// From then.
    #[schema(value_type = String, pattern = "^[0-2][0-9]:[0-5][0-9]$")]
    pub from: Clock,
    /// Until then; if that is not later, then on the next day.
    #[schema(value_type = String, pattern = "^[0-2][0-9]:[0-5][0-9]$")]
    pub until: Clock,
}

/// The same every week.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Weekly {
    /// On which day.
    pub day: Day,
    /// From when until when.
    #[serde(flatten)]
    pub interval: Interval,
}

/// A day that is different.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Exception {
    /// Which.
    #[schema(value_type = String, format = Date)]
    pub date: Date,
    /// Whether nobody is there.
    #[serde(default)]
    pub closed: bool,
    /// Or when somebody is, instead of what the week says.
    #[serde(default, deserialize_with = "crate::maps::list")]
    #[schema(max_items = 100)]
    pub intervals: Vec<Interval>,
}

/// When somebody is there. Without any interval and exception, always.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct BusinessHours {
    /// The IANA zone of the times; the shop's own, if it is not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timezone: Option<String>,
    /// Every week.
    #[serde(default)]
    #[schema(max_items = 100)]
    pub weekly: Vec<Weekly>,
    /// Days that are different.
    #[serde(default, deserialize_with = "crate::maps::list")]
    #[schema(max_items = 100)]
    pub exceptions: Vec<Exception>,
}

impl BusinessHours {
    /// Whether somebody is there at `now`.
    pub fn is_open(&self, zone: &TimeZone, now: Timestamp) -> bool {
        if self.is_always() {
            return true;
        }
        let today = now.to_zoned(zone.clone()).date();
        // What began yesterday may go on.
        let days = [today.saturating_sub(1.day()), today];
        days.into_iter()
            .flat_map(|date| self.on(date, zone))
            .any(|(from, until)| (from..until).contains(&now))
    }

    /// When somebody is there next, after `now`; nothing if not within a month.
    pub fn next_opening(&self, zone: &TimeZone, now: Timestamp) -> Option<Timestamp> {
        let today = now.to_zoned(zone.clone()).date();
        let dates = (0..=LOOKED_AHEAD).map(|days| today.saturating_add(days.days()));
        dates.flat_map(|date| self.on(date, zone)).map(|(from, _)| from).filter(|from| *from > now).min()
    }

    fn is_always(&self) -> bool {
        self.weekly.is_empty() && self.exceptions.is_empty()
    }

    /// The intervals that begin on `date`, as instants.
    fn on(&self, date: Date, zone: &TimeZone) -> Vec<(Timestamp, Timestamp)> {
        let exception = self.exceptions.iter().find(|exception| exception.date == date);
        let intervals: Vec<Interval> = match exception {
            Some(exception) if exception.closed => vec![],
            Some(exception) => exception.intervals.clone(),
            None => {
                let of_day = self.weekly.iter().filter(|weekly| weekly.day.weekday() == date.weekday());
                of_day.map(|weekly| weekly.interval).collect()
            }
        };
        let instant = |date: Date, clock: Clock| {
            zone.to_ambiguous_timestamp(date.to_datetime(clock.0)).compatible().ok()
        };
        let instants = |interval: Interval| {
            let last = match interval.until > interval.from {
                true => date,
                false => date.saturating_add(1.day()),
            };
            Some((instant(date, interval.from)?, instant(last, interval.until)?))
        };
        intervals.into_iter().filter_map(instants).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clock(text: &str) -> Clock {
        Clock::try_from(text.to_owned()).unwrap()
    }

    fn weekly(day: Day, from: &str, until: &str) -> Weekly {
        Weekly { day, interval: Interval { from: clock(from), until: clock(until) } }
    }

    fn hours(weekly: Vec<Weekly>, exceptions: Vec<Exception>) -> BusinessHours {
        BusinessHours { timezone: None, weekly, exceptions }
    }

    fn zone(name: &str) -> TimeZone {
        TimeZone::get(name).unwrap()
    }

    /// Whether it is open at each of these local times.
    fn open(hours: &BusinessHours, zone: &TimeZone, at: &[&str]) -> Vec<bool> {
        let instant = |text: &&str| {
            let local: jiff::civil::DateTime = text.parse().unwrap();
            zone.to_ambiguous_timestamp(local).compatible().unwrap()
        };
        at.iter().map(|text| hours.is_open(zone, instant(text))).collect()
    }

    #[test]
    fn several_intervals_a_day_each_end_before_the_next_begins() {
        let day =
            hours(vec![weekly(Day::Monday, "09:00", "12:00"), weekly(Day::Monday, "13:00", "17:30")], vec![]);
        let at = [
            "2026-01-05T08:59",
            "2026-01-05T09:00",
            "2026-01-05T12:00",
            "2026-01-05T13:00",
            "2026-01-05T17:30",
        ];
        assert_eq!(open(&day, &zone("Europe/Berlin"), &at), [false, true, false, true, false]);
        assert_eq!(open(&day, &zone("Europe/Berlin"), &["2026-01-06T09:00"]), [false]);
    }

    #[test]
    fn nine_in_the_evening_until_two_is_one_interval() {
        let night = hours(vec![weekly(Day::Friday, "21:00", "02:00")], vec![]);
        let at = [
            "2026-01-09T20:59",
            "2026-01-09T21:00",
            "2026-01-10T01:59",
            "2026-01-10T02:00",
            "2026-01-10T21:30",
        ];
        assert_eq!(open(&night, &zone("Asia/Bangkok"), &at), [false, true, true, false, false]);
        let around = hours(vec![weekly(Day::Sunday, "00:00", "00:00")], vec![]);
        let at = ["2026-01-10T23:59", "2026-01-11T00:00", "2026-01-11T23:59", "2026-01-12T00:00"];
        assert_eq!(open(&around, &zone("Asia/Tehran"), &at), [false, true, true, false]);
    }

    #[test]
    fn a_night_is_an_hour_shorter_or_longer_when_clocks_change() {
        let berlin = zone("Europe/Berlin");
        let night = hours(vec![weekly(Day::Saturday, "22:00", "06:00")], vec![]);
        let length = |saturday: &str| {
            let date: Date = saturday.parse().unwrap();
            let (from, until) = night.on(date, &berlin)[0];
            until.duration_since(from).as_hours()
        };
        assert_eq!([length("2026-03-28"), length("2026-07-04"), length("2026-10-24")], [7, 8, 9]);
        // An hour that does not exist begins when the clock has changed.
        let skipped = hours(vec![weekly(Day::Sunday, "02:30", "05:00")], vec![]);
        let (from, _) = skipped.on("2026-03-29".parse().unwrap(), &berlin)[0];
        assert_eq!(from.to_zoned(berlin).time().strftime("%H:%M").to_string(), "03:30");
    }

    #[test]
    fn christmas_is_different_and_the_day_after_is_not() {
        let all = [Day::Thursday, Day::Friday, Day::Saturday].map(|day| weekly(day, "09:00", "17:00"));
        let date = |text: &str| text.parse::<Date>().unwrap();
        let eve = Interval { from: clock("09:00"), until: clock("12:00") };
        let exceptions = vec![
            Exception { date: date("2026-12-24"), closed: false, intervals: vec![eve] },
            Exception { date: date("2026-12-25"), closed: true, intervals: vec![] },
        ];
        let hours = hours(all.to_vec(), exceptions);
        let london = zone("Europe/London");
        let at = ["2026-12-24T11:00", "2026-12-24T14:00", "2026-12-25T11:00", "2026-12-26T11:00"];
        assert_eq!(open(&hours, &london, &at), [true, false, false, true]);
        let asked: Timestamp = "2026-12-24T15:00:00Z".parse().unwrap();
        assert_eq!(hours.next_opening(&london, asked).unwrap().to_string(), "2026-12-26T09:00:00Z");
    }

    #[test]
    fn a_shop_that_says_nothing_is_always_there_and_one_that_is_never_opens_never() {
        let now: Timestamp = "2026-01-05T03:00:00Z".parse().unwrap();
        assert!(BusinessHours::default().is_open(&TimeZone::UTC, now));
        let never = hours(
            vec![],
            vec![Exception { date: "2020-01-01".parse().unwrap(), closed: true, intervals: vec![] }],
        );
        assert!(!never.is_open(&TimeZone::UTC, now));
        assert_eq!(never.next_opening(&TimeZone::UTC, now), None);
    }

    #[test]
    fn what_is_no_time_of_day_is_refused() {
        for wrong in ["", "9:00", "24:00", "09:60", "09:00:00", "+9:00", "ab:cd"] {
            assert_eq!(Clock::try_from(wrong.to_owned()), Err(InvalidClock), "{wrong}");
        }
    }
}
