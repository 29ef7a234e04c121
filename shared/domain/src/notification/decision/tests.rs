//! Every kind on every medium under every wish, against a plain list of what must hold.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use proptest::prelude::*;

use super::{Decision, decide, expires_at, wanted};
use crate::notification::{
    Choice, Digest, Kind, Medium, Preferences, Suppression, Switch, preferences::PreferencesChange,
};

const ANY: [Option<bool>; 3] = [None, Some(true), Some(false)];

/// What is promised of each kind: its category, whether it is critical, and where it goes besides the inbox.
const PROMISED: &str = "
    order_confirmation orders - push email
    order_shipped orders - push
    order_delivered orders - push
    order_status_update orders - push
    payment_confirmation payments critical email
    payment_failed payments critical email push
    refund_processed payments critical email push
    subscription_payment_failed payments critical email push
    dispute_opened staff critical email
    price_drop marketing - push email
    back_in_stock alerts - push email
    inventory_alert staff - email
    chat_message chat - push
    support_ticket_response chat - push email
    promotion_alert marketing - push email
    personalized_offer marketing - push email
    loyalty_reward loyalty - push
    security_alert security critical push email sms
    campaign_status_change staff -
    feature_flag_enabled staff -
    merchant_application_approved account critical email push
    system_alert staff critical email";

/// What somebody says on each level of one medium.
#[derive(Debug, Clone, Copy)]
struct Said {
    kind_medium: Option<bool>,
    kind: Option<bool>,
    category_medium: Option<bool>,
    category: Option<bool>,
    medium: Option<bool>,
    marketing: bool,
}

fn everything_that_can_be_said() -> Vec<Said> {
    let mut all = vec![];
    for kind_medium in ANY {
        for kind in ANY {
            for category_medium in ANY {
                for category in ANY {
                    for medium in ANY {
                        for marketing in [true, false] {
                            all.push(Said {
                                kind_medium,
                                kind,
                                category_medium,
                                category,
                                medium,
                                marketing,
                            });
                        }
                    }
                }
            }
        }
    }
    all
}

impl Said {
    fn written(self, kind: Kind, medium: Medium) -> Preferences {
        let choice = |enabled, on_medium: Option<bool>| Choice {
            enabled,
            channels: on_medium.into_iter().map(|on| (medium, on)).collect(),
        };
        Preferences {
            channels: self.medium.into_iter().map(|enabled| (medium, Switch { enabled })).collect(),
            categories: BTreeMap::from([(kind.category(), choice(self.category, self.category_medium))]),
            types: BTreeMap::from([(kind, choice(self.kind, self.kind_medium))]),
            marketing: self.marketing,
            ..Preferences::default()
        }
    }

    /// What must come of it: the first line that holds says it.
    fn expected(
        self,
        promised: &[&str],
        medium: Medium,
        asked: Option<&[Medium]>,
    ) -> Result<(), Suppression> {
        let is_usual = match asked {
            Some(asked) => asked.contains(&medium),
            None => medium == Medium::Websocket || promised[3..].contains(&medium.name()),
        };
        let is_sms = medium == Medium::Sms;
        let needs_consent = promised[1] == "marketing" && promised[0] != "price_drop";
        let (on, off) = (Ok(()), Err(Suppression::Preference));
        let lines = [
            (needs_consent && !self.marketing, Err(Suppression::Unsubscribed)),
            (is_sms && self.medium != Some(true), off),
            (asked.is_some() && !is_usual, off),
            (promised[2] == "critical" && is_usual && !is_sms, on),
            (self.kind_medium == Some(true), on),
            (self.kind_medium == Some(false), off),
            (self.kind == Some(true) && is_usual, on),
            (self.kind == Some(false), off),
            (self.category_medium == Some(true), on),
            (self.category_medium == Some(false), off),
            (self.category == Some(true) && is_usual, on),
            (self.category == Some(false), off),
            (self.medium == Some(false), off),
            (is_usual, on),
            (true, off),
        ];
        lines.into_iter().find(|(holds, _)| *holds).unwrap().1
    }
}

#[test]
fn critical_comes_before_kind_before_category_before_medium_before_what_is_usual() {
    let promised: Vec<Vec<&str>> = PROMISED
        .lines()
        .filter(|line| !line.is_empty())
        .map(|line| line.split_whitespace().collect())
        .collect();
    assert_eq!(promised.len(), Kind::ALL.len());
    for row in &promised {
        let kind = Kind::named(row[0]).unwrap();
        for medium in Medium::ALL {
            let others: Vec<Medium> = Medium::ALL.into_iter().filter(|other| *other != medium).collect();
            for said in everything_that_can_be_said() {
                let preferences = said.written(kind, medium);
                for asked in [None, Some(&[medium][..]), Some(&others[..])] {
                    let decided = wanted(kind, medium, &preferences, asked);
                    let expected = said.expected(row, medium, asked);
                    assert_eq!(decided, expected, "{kind} by {} asked {asked:?}, {said:?}", medium.name());
                }
            }
        }
    }
}

#[test]
fn what_is_said_of_another_kind_category_or_medium_changes_nothing() {
    for kind in Kind::ALL {
        for medium in Medium::ALL {
            let mut preferences = Preferences { marketing: true, ..Preferences::default() };
            let usual = wanted(*kind, medium, &preferences, None);
            for other in Medium::ALL.into_iter().filter(|other| *other != medium) {
                preferences.channels.insert(other, Switch { enabled: false });
            }
            for other in Kind::ALL.iter().filter(|other| *other != kind) {
                preferences.types.insert(*other, Choice { enabled: Some(false), ..Choice::default() });
                if other.category() != kind.category() {
                    let off = Choice { enabled: Some(false), ..Choice::default() };
                    preferences.categories.insert(other.category(), off);
                }
            }
            assert_eq!(wanted(*kind, medium, &preferences, None), usual, "{kind} by {}", medium.name());
        }
    }
}

/// Wishes in JSON, of somebody who agreed to advertising.
fn wishes(json: &str) -> Preferences {
    let change: PreferencesChange = serde_json::from_str(json).unwrap();
    Preferences { marketing: true, ..Preferences::default() }.merge(change)
}

/// What becomes of a notification that is made at `now`, in a shop in Bangkok.
fn made(kind: Kind, medium: Medium, preferences: &Preferences, now: &str) -> String {
    let now: Timestamp = now.parse().unwrap();
    let zone = TimeZone::get("Asia/Bangkok").unwrap();
    match decide(kind, medium, preferences, None, &zone, now, now) {
        Decision::Now => "now".into(),
        Decision::At(at) => format!("at {at}"),
        Decision::Digest { until } => format!("digest {until}"),
        Decision::Suppressed(reason) => format!("{reason:?}"),
    }
}

const NIGHT: &str = r#"{"quiet_hours":{"from":"22:00","until":"08:00","timezone":"Europe/London"}"#;

#[test]
fn at_night_only_what_is_critical_and_what_makes_no_noise_goes_out() {
    let night = wishes(&format!(
        r#"{NIGHT}, "channels":{{"sms":{{"enabled":true}}}}, "categories":{{"orders":{{"channels":{{"sms":true}}}}}}}}"#
    ));
    let now = "2026-03-28T23:00:00Z";
    let of = |kind| Medium::ALL.map(|medium| made(kind, medium, &night, now));
    let later = "at 2026-03-29T07:00:00Z";
    assert_eq!(of(Kind::OrderConfirmation), [later, later, later, "now"]);
    assert_eq!(of(Kind::SecurityAlert), ["now"; 4]);
    assert_eq!(made(Kind::OrderShipped, Medium::Push, &night, "2026-03-29T07:00:00Z"), "now");
}

#[test]
fn what_is_too_old_in_the_morning_is_not_sent() {
    let night = wishes(r#"{"quiet_hours":{"from":"08:00","until":"07:59","timezone":"Asia/Bangkok"}}"#);
    let zone = TimeZone::UTC;
    let created: Timestamp = "2026-01-05T01:00:00Z".parse().unwrap();
    let at = |hours: i64| {
        let now = created + SignedDuration::from_hours(hours);
        decide(Kind::BackInStock, Medium::Push, &night, None, &zone, created, now)
    };
    assert_eq!(at(0), Decision::At("2026-01-06T00:59:00Z".parse().unwrap()));
    // It is worth a day, and would wait until the second morning.
    assert_eq!(at(24), Decision::Suppressed(Suppression::QuietHours));
    // At the very end of that day it is as old.
    let until_eight = wishes(r#"{"quiet_hours":{"from":"22:00","until":"08:00","timezone":"Asia/Bangkok"}}"#);
    let late = "2026-01-05T16:00:00Z".parse().unwrap();
    let at_eight = decide(Kind::BackInStock, Medium::Push, &until_eight, None, &zone, created, late);
    assert_eq!(at_eight, Decision::Suppressed(Suppression::QuietHours));
    assert_eq!(expires_at(Kind::BackInStock, created).to_string(), "2026-01-06T01:00:00Z");
    assert_eq!(expires_at(Kind::BackInStock, Timestamp::MAX), Timestamp::MAX);
}

#[test]
fn mail_is_gathered_until_the_full_hour_or_the_morning_of_whoever_gets_it() {
    let (hourly, daily) = (wishes(r#"{"digest":"hourly"}"#), wishes(r#"{"digest":"daily"}"#));
    let now = "2026-01-05T03:10:00.5Z";
    assert_eq!(made(Kind::PriceDrop, Medium::Email, &hourly, now), "digest 2026-01-05T04:00:00Z");
    assert_eq!(made(Kind::PriceDrop, Medium::Email, &daily, now), "digest 2026-01-06T01:00:00Z");
    assert_eq!(made(Kind::PriceDrop, Medium::Push, &daily, now), "now");
    for kind in [Kind::OrderConfirmation, Kind::SupportTicketResponse, Kind::PaymentFailed] {
        assert_eq!(made(kind, Medium::Email, &daily, now), "now", "{kind}");
    }
    // In Tehran hours begin at half past.
    let tehran = r#"{"quiet_hours":{"from":"23:00","until":"07:00","timezone":"Asia/Tehran"},"digest":"#;
    let (hourly, daily) = (wishes(&format!("{tehran}\"hourly\"}}")), wishes(&format!("{tehran}\"daily\"}}")));
    assert_eq!(made(Kind::PriceDrop, Medium::Email, &hourly, now), "digest 2026-01-05T03:30:00Z");
    assert_eq!(made(Kind::PriceDrop, Medium::Email, &daily, now), "digest 2026-01-05T04:30:00Z");
    // A window that ends at a full hour is not the next one's.
    assert_eq!(
        made(Kind::PriceDrop, Medium::Email, &hourly, "2026-01-05T03:30:00Z"),
        "digest 2026-01-05T04:30:00Z"
    );
}

#[test]
fn a_digest_does_not_come_at_night() {
    let hourly = wishes(&format!(r#"{NIGHT}, "digest":"hourly"}}"#));
    let last = "2026-01-05T21:10:00Z";
    assert_eq!(made(Kind::PriceDrop, Medium::Email, &hourly, last), "digest 2026-01-06T08:00:00Z");
    let late = wishes(
        r#"{"quiet_hours":{"from":"01:00","until":"10:30","timezone":"Europe/London"},"digest":"daily"}"#,
    );
    let noon = "2026-01-05T12:00:00Z";
    assert_eq!(made(Kind::PriceDrop, Medium::Email, &late, noon), "digest 2026-01-06T10:30:00Z");
}

#[test]
fn every_hour_ends_within_an_hour_also_when_clocks_change() {
    for name in ["Europe/London", "Australia/Lord_Howe", "Asia/Kathmandu"] {
        let zone = TimeZone::get(name).unwrap();
        let preferences = Preferences { digest: Digest::Hourly, ..Preferences::default() };
        // A year in steps that meet every minute of an hour.
        for step in 0..12_000_i64 {
            let now = Timestamp::from_second(1_767_225_600 + step * 2_641).unwrap();
            let decided = decide(Kind::BackInStock, Medium::Email, &preferences, None, &zone, now, now);
            let Decision::Digest { until } = decided else { panic!("{decided:?}") };
            let wait = until.duration_since(now);
            assert!(wait > SignedDuration::ZERO && wait <= SignedDuration::from_hours(1), "{name} {now}");
        }
    }
}

proptest! {
    #[test]
    fn what_waits_goes_out_later_awake_and_soon(
        zone in prop::sample::select(&["Europe/London", "America/New_York", "Asia/Tehran", "Australia/Lord_Howe"][..]),
        second in 1_767_225_600_i64..1_830_297_600,
        from in 0..1440,
        length in 1..1440,
        digest in prop::sample::select(&[Digest::Off, Digest::Hourly, Digest::Daily][..]),
        kind in prop::sample::select(Kind::ALL),
        medium in prop::sample::select(&Medium::ALL[..]),
    ) {
        let clock = |minute: i32| format!("{:02}:{:02}", minute / 60 % 24, minute % 60);
        let quiet = format!(
            r#"{{"channels":{{"sms":{{"enabled":true}}}},"quiet_hours":{{"from":"{}","until":"{}","timezone":"{zone}"}}}}"#,
            clock(from), clock(from + length),
        );
        let preferences = Preferences { digest, ..wishes(&quiet) };
        let hours = preferences.quiet_hours.as_ref().unwrap();
        let now = Timestamp::from_second(second).unwrap();
        let (until, most) = match decide(kind, medium, &preferences, None, &TimeZone::UTC, now, now) {
            Decision::At(at) => (at, 25),
            Decision::Digest { until } => (until, 50),
            Decision::Now => {
                let is_loud = !kind.is_critical() && medium != Medium::Websocket;
                prop_assert!(!is_loud || hours.end(now).is_none());
                return Ok(());
            }
            Decision::Suppressed(_) => return Ok(()),
        };
        prop_assert!(!kind.is_critical());
        prop_assert!(until > now && until.duration_since(now) <= SignedDuration::from_hours(most));
        prop_assert_eq!(hours.end(until), None);
    }
}
