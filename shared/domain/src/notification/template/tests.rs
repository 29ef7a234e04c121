//! Every kind has something to say in every language, and only of what it knows.

use std::collections::BTreeSet;

use super::{COMMON, LOCALES, Priority, Template, Variable, language, seed, words};
use crate::notification::{Kind, Medium};

#[test]
fn a_language_is_found_by_its_first_part_and_others_are_english() {
    let found = ["th-TH", "TH", "fa_IR", "fa", "en-GB", "de-CH", "", "thai", "-th"].map(language);
    assert_eq!(found, ["th", "th", "fa", "fa", "en", "en", "en", "en", "en"]);
}

#[test]
fn every_kind_says_something_of_its_own_in_every_language() {
    for locale in LOCALES {
        let mut said = BTreeSet::new();
        for kind in Kind::ALL {
            for medium in Medium::ALL {
                let template = seed(*kind, locale, medium);
                assert_eq!(template.out_of_bounds(), [], "{kind} in {locale}");
                said.insert((kind, template.title, template.body));
            }
        }
        // Some say more in mail; none says what another says.
        let texts: BTreeSet<_> = said.iter().map(|(_, title, body)| (title, body)).collect();
        assert_eq!(texts.len(), said.len(), "{locale}");
        assert!(said.len() >= Kind::ALL.len() + 7, "{locale} has {} texts", said.len());
    }
}

#[test]
fn no_language_says_something_in_another_s_letters() {
    let of_language = |c: char| match c {
        '\u{e00}'..='\u{e7f}' => Some("th"),
        '\u{600}'..='\u{6ff}' => Some("fa"),
        _ => None,
    };
    for locale in LOCALES {
        for kind in Kind::ALL {
            for medium in Medium::ALL {
                let template = seed(*kind, locale, medium);
                let all = format!("{}{}{}", template.title, template.body, words(locale).because);
                let found: BTreeSet<_> = all.chars().filter_map(of_language).collect();
                let expected: BTreeSet<_> = (locale != "en").then_some(locale).into_iter().collect();
                assert_eq!(found, expected, "{kind} in {locale}");
                // Arabic's letters look like these and are found by no search.
                assert!(!all.contains(['\u{643}', '\u{64a}', '\u{649}']), "{kind} in {locale}");
            }
        }
    }
}

#[test]
fn every_language_speaks_of_the_same() {
    let spoken_of = |template: &Template, names: &[Variable]| -> BTreeSet<&'static str> {
        let all = format!("{} {}", template.title, template.body);
        let tags = all.split('{').filter_map(|part| Some(part.split_once('}')?.0));
        let words: BTreeSet<&str> =
            tags.flat_map(|tag| tag.split(|c: char| c != '_' && !c.is_ascii_alphanumeric())).collect();
        names.iter().map(|variable| variable.name).filter(|name| words.contains(name)).collect()
    };
    for kind in Kind::ALL {
        for medium in Medium::ALL {
            let english = spoken_of(&seed(*kind, "en", medium), kind.variables());
            for locale in ["th", "fa"] {
                let other = spoken_of(&seed(*kind, locale, medium), kind.variables());
                assert_eq!(other, english, "{kind} in {locale}");
            }
        }
    }
}

#[test]
fn no_variable_of_a_kind_has_the_name_of_one_that_all_have() {
    for kind in Kind::ALL {
        let names: Vec<_> = COMMON.iter().chain(kind.variables()).map(|variable| variable.name).collect();
        assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len(), "{kind}");
    }
}

#[test]
fn what_is_urgent_is_shown_at_once_and_advertising_when_it_suits() {
    let of = |kind: Kind| seed(kind, "en", Medium::Push);
    assert_eq!(of(Kind::PaymentFailed).priority, Priority::High);
    assert_eq!(of(Kind::ChatMessage).sound.as_deref(), Some("default"));
    assert_eq!(of(Kind::PromotionAlert).priority, Priority::Low);
    assert_eq!((of(Kind::OrderShipped).priority, of(Kind::OrderShipped).sound), (Priority::Normal, None));
}

#[test]
fn what_is_too_long_or_out_of_range_is_named() {
    let template = Template {
        title: "t".repeat(501),
        body: " \n".into(),
        action_url: Some("/".repeat(2_001)),
        badge_count: Some(100_000),
        sound: Some("../bell".into()),
        ttl_seconds: Some(0),
        ..seed(Kind::OrderShipped, "en", Medium::Push)
    };
    assert_eq!(
        template.out_of_bounds(),
        [
            ("title_template", "too_long"),
            ("body_template", "required"),
            ("action_url", "too_long"),
            ("badge_count", "out_of_range"),
            ("sound", "invalid"),
            ("ttl", "out_of_range"),
        ]
    );
}

#[test]
fn a_template_is_written_with_the_names_that_clients_know() {
    let written = serde_json::to_value(seed(Kind::OrderDelivered, "en", Medium::Push)).unwrap();
    let names: Vec<&String> = written.as_object().unwrap().keys().collect();
    assert_eq!(names, ["action_url", "body_template", "priority", "title_template"]);
    let read: Template =
        serde_json::from_str(r#"{"title_template":"a","body_template":"b","ttl":60,"priority":"high"}"#)
            .unwrap();
    assert_eq!((read.ttl_seconds, read.priority), (Some(60), Priority::High));
    for wrong in [r#"{"title_template":"a"}"#, r#"{"title_template":"a","body_template":"b","title":"c"}"#] {
        assert!(serde_json::from_str::<Template>(wrong).is_err(), "{wrong}");
    }
}
