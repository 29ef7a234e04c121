//! Where pushes may go, and where nobody can make them go.
#![cfg(test)]

use std::{collections::BTreeMap, net::IpAddr, sync::LazyLock};

use domain::notification::endpoint::{EndpointOrigins, MAX_ENDPOINT, NoEndpoint, is_public};
use proptest::prelude::*;
use serde_json::Value;

/// The cases, in a file of their own: no source names this machine or its network.
fn cases() -> Value {
    serde_json::from_str(include_str!("data/endpoints.json")).unwrap()
}

fn texts(list: &Value) -> Vec<String> {
    serde_json::from_value(list.clone()).unwrap()
}

#[test]
fn no_hostile_address_is_an_endpoint() {
    let origins = EndpointOrigins::default();
    let kinds: BTreeMap<String, Vec<String>> = serde_json::from_value(cases()["refused"].clone()).unwrap();
    let all: Vec<_> = kinds.iter().flat_map(|(kind, urls)| urls.iter().map(move |url| (kind, url))).collect();
    assert_eq!(all.len(), 211);
    let admitted: Vec<_> = all.into_iter().filter(|(_, url)| origins.admit(url).is_ok()).collect();
    assert!(admitted.is_empty(), "{admitted:#?}");
}

#[test]
fn what_browsers_give_is_an_endpoint() {
    let origins = EndpointOrigins::default();
    for url in texts(&cases()["admitted"]) {
        let endpoint = origins.admit(&url).unwrap();
        assert_eq!(endpoint.as_str(), url);
        assert!(!endpoint.is_own());
        assert!(url.starts_with(&format!("{}/", endpoint.origin())));
        assert_eq!(format!("{endpoint:?}"), format!("Endpoint({})", endpoint.origin()));
    }
}

#[test]
fn an_endpoint_has_a_length_at_which_it_ends() {
    let origins = EndpointOrigins::default();
    let mut url = format!("{:x<MAX_ENDPOINT$}", "https://fcm.googleapis.com/");
    assert!(origins.admit(&url).is_ok());
    url.push('x');
    assert_eq!(origins.admit(&url), Err(NoEndpoint::TooLong));
}

#[test]
fn what_an_operator_names_takes_the_place_of_the_known_services() {
    let cases = cases();
    let own: BTreeMap<String, Vec<String>> = serde_json::from_value(cases["own"].clone()).unwrap();
    let named: Vec<_> = own.keys().map(String::as_str).collect();
    let origins = EndpointOrigins::parse(&named.join(" , ")).unwrap();
    for (origin, urls) in &own {
        for url in urls {
            let endpoint = origins.admit(url).unwrap();
            assert!(endpoint.is_own() && endpoint.origin() == *origin, "{url}");
        }
    }
    for url in texts(&cases["beside_own"]) {
        assert!(origins.admit(&url).is_err(), "{url}");
    }
    assert_eq!(origins.own_hosts().len(), own.len());
    assert_eq!(EndpointOrigins::parse(" , "), Ok(EndpointOrigins::default()));
}

#[test]
fn a_star_stands_for_one_label_of_the_public_internet() {
    let origins = EndpointOrigins::parse("https://*.push.example.com").unwrap();
    let endpoint = origins.admit("https://a.push.example.com/x").unwrap();
    assert!(!endpoint.is_own() && origins.own_hosts().is_empty());
    for url in ["https://push.example.com/x", "https://a.b.push.example.com/x", "http://a.push.example.com/x"]
    {
        assert_eq!(origins.admit(url), Err(NoEndpoint::Stranger), "{url}");
    }
    for text in texts(&cases()["origins_refused"]) {
        assert!(EndpointOrigins::parse(&text).is_err(), "{text}");
    }
}

#[test]
fn an_address_is_public_if_everybody_can_reach_it() {
    let addresses = &cases()["addresses"];
    for (kind, is_expected) in [("public", true), ("not_public", false)] {
        for text in texts(&addresses[kind]) {
            let address: IpAddr = text.parse().unwrap();
            assert_eq!(is_public(address), is_expected, "{text}");
        }
    }
}

/// Characters that readers of addresses fall over, and some that belong there.
const STUMBLING_BLOCKS: &[char] = &[
    '.', '/', '\\', '@', ':', '?', '#', '%', '2', 'e', '[', ']', '*', '-', '_', ' ', '\t', '\n', '\0', 'A',
    'x', '。', 'а', '\u{200b}', '\u{ad}', '／', '&', '=',
];

static GOOD: LazyLock<Vec<String>> = LazyLock::new(|| texts(&cases()["admitted"]));

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20_000))]

    /// However a good address is changed: it is refused, or what stands between the slashes is a push service.
    #[test]
    fn no_change_leads_elsewhere(
        which in 0_usize..8,
        changes in prop::collection::vec((0_usize..60, 0_usize..3, prop::sample::select(STUMBLING_BLOCKS)), 1..5),
    ) {
        let mut url: Vec<char> = GOOD[which].chars().collect();
        for (place, act, character) in changes {
            let place = place % url.len();
            match act {
                0 => url.insert(place, character),
                1 => url[place] = character,
                _ => { url.remove(place); }
            }
        }
        let url: String = url.into_iter().collect();
        if EndpointOrigins::default().admit(&url).is_ok() {
            let (host, _) = url.strip_prefix("https://").unwrap().split_once('/').unwrap();
            let (label, rest) = host.split_once('.').unwrap();
            let is_known = host == "fcm.googleapis.com"
                || ["push.services.mozilla.com", "push.apple.com", "notify.windows.com"].contains(&rest);
            let is_plain = label.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
            prop_assert!(is_known && is_plain, "{url:?}");
        }
    }
}
