//! Wishes as they are written, put together and refused.

use super::{Digest, Preferences, PreferencesChange};
use crate::notification::{Category, Kind, Medium};

fn preferences(json: &str) -> Preferences {
    serde_json::from_str(json).unwrap()
}

fn change(json: &str) -> PreferencesChange {
    serde_json::from_str(json).unwrap()
}

/// The fields that are wrong, each with its code.
fn errors(json: &str) -> Vec<String> {
    let errors = preferences(json).check().err().unwrap_or_default();
    errors.into_iter().map(|(field, code)| format!("{field} {code}")).collect()
}

#[test]
fn who_says_nothing_wants_what_is_usual_and_no_advertising() {
    let nothing = preferences("{}");
    assert_eq!(nothing, Preferences::default());
    assert!(!nothing.marketing);
    let written = serde_json::to_string(&nothing).unwrap();
    let expected =
        r#"{"channels":{},"categories":{},"types":{},"quiet_hours":null,"digest":"off","marketing":false}"#;
    assert_eq!(written, expected);
    assert_eq!(preferences(&written), nothing);
}

#[test]
fn what_is_written_is_read_as_it_was() {
    let written = r#"{"channels":{"push":{"enabled":false},"sms":{"enabled":true}},"categories":{"orders":{"enabled":true,"channels":{"sms":true}}},"types":{"price_drop":{"channels":{"email":false}}},"quiet_hours":{"from":"22:00","until":"08:00","timezone":"Asia/Tehran"},"digest":"daily","marketing":true}"#;
    let read = preferences(written);
    assert!(read.categories[&Category::Orders].channels[&Medium::Sms]);
    assert_eq!(read.types[&Kind::PriceDrop].enabled, None);
    assert_eq!(serde_json::to_string(&read).unwrap(), written);
}

#[test]
fn what_nobody_knows_is_refused() {
    for wrong in [
        r#"{"channel":{}}"#,
        r#"{"channels":{"fax":{"enabled":true}}}"#,
        r#"{"channels":{"push":true}}"#,
        r#"{"channels":{"push":[true]}}"#,
        r#"{"channels":{"push":{"enabled":true,"loud":true}}}"#,
        r#"{"categories":{"order":{}}}"#,
        r#"{"categories":{"orders":{"media":{}}}}"#,
        r#"{"categories":{"orders":[true,{}]}}"#,
        r#"{"types":{"order_confirmed":{}}}"#,
        r#"{"types":{"order_shipped":{"enabled":"yes"}}}"#,
        r#"{"digest":"weekly"}"#,
        r#"{"quiet_hours":["22:00","08:00","Asia/Tehran"]}"#,
        r#"{"quiet_hours":{"from":"22:00","until":"25:00","timezone":"Asia/Tehran"}}"#,
    ] {
        assert!(serde_json::from_str::<Preferences>(wrong).is_err(), "{wrong}");
        assert!(serde_json::from_str::<PreferencesChange>(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn a_change_keeps_what_it_does_not_name() {
    let before = preferences(
        r#"{"channels":{"push":{"enabled":false}},
            "categories":{"orders":{"enabled":false,"channels":{"email":true}}},
            "quiet_hours":{"from":"22:00","until":"08:00","timezone":"Asia/Tehran"},
            "digest":"hourly","marketing":true}"#,
    );
    assert_eq!(before.clone().merge(change("{}")), before);

    let after = before.clone().merge(change(
        r#"{"channels":{"sms":{"enabled":true}},"categories":{"orders":{"channels":{"push":false}}},"digest":"off"}"#,
    ));
    let expected = preferences(
        r#"{"channels":{"push":{"enabled":false},"sms":{"enabled":true}},
            "categories":{"orders":{"enabled":false,"channels":{"email":true,"push":false}}},
            "quiet_hours":{"from":"22:00","until":"08:00","timezone":"Asia/Tehran"},
            "digest":"off","marketing":true}"#,
    );
    assert_eq!(after, expected);

    let woken = before.merge(change(r#"{"quiet_hours":null,"marketing":false}"#));
    assert_eq!((woken.quiet_hours, woken.digest, woken.marketing), (None, Digest::Hourly, false));
}

#[test]
fn what_is_critical_cannot_be_turned_off() {
    assert_eq!(
        errors(
            r#"{"types":{"payment_failed":{"enabled":false},"order_shipped":{"enabled":false},
                         "security_alert":{"channels":{"email":false,"push":true}}},
                "categories":{"payments":{"enabled":false},"security":{"channels":{"websocket":false}}}}"#
        ),
        [
            "categories.payments.enabled critical",
            "categories.security.channels.websocket critical",
            "types.payment_failed.enabled critical",
            "types.security_alert.channels.email critical",
        ]
    );
    // Some of what concerns staff is critical and some is not: what is not can be turned off.
    assert_eq!(errors(r#"{"categories":{"staff":{"enabled":false}}}"#), [""; 0]);
    // A whole medium can be turned off: what is critical comes all the same.
    assert_eq!(errors(r#"{"channels":{"email":{"enabled":false}}}"#), [""; 0]);
    // Text messages are consent, which can be taken back.
    assert_eq!(errors(r#"{"types":{"security_alert":{"channels":{"sms":false}}}}"#), [""; 0]);
}

#[test]
fn quiet_hours_that_end_when_they_begin_are_refused() {
    let hours = r#"{"quiet_hours":{"from":"09:00","until":"09:00","timezone":"Asia/Tehran"}}"#;
    assert_eq!(errors(hours), ["quiet_hours.until empty"]);
}
