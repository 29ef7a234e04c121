//! Pushes to a service on this machine.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicUsize, Ordering},
    },
};

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};
use contract::ErrorCode;
use futures_util::FutureExt;
use jiff::Timestamp;
use serde_json::Value;

use super::*;
use crate::{
    media::stage::{Answer, Asked, PUBLIC_KEY, Stage},
    secrets::Secret,
};

const P256DH: &str =
    "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4";
const AUTH: &str = "BTBZMqHH6r4Tts7J_aSIgg";
const NOW: i64 = 1_766_000_000;

fn vapid(stage: &Stage) -> Vapid {
    let private_key = Secret::new(stage.aws().ssm(), "vapid", Clock::system());
    Vapid { public_key: PUBLIC_KEY.into(), private_key, subject: "mailto:ops@shop.example".into() }
}

fn still() -> Clock {
    Clock::reading(|| Timestamp::from_second(NOW).unwrap())
}

fn web_push(stage: &Stage) -> WebPush {
    let origins = EndpointOrigins::parse(&stage.origin()).unwrap();
    WebPush::new(vapid(stage), origins, still()).unwrap()
}

fn target(stage: &Stage) -> PushTarget {
    let endpoint = format!("{}/push/a-browser", stage.origin());
    PushTarget { endpoint, p256dh: P256DH.into(), auth: AUTH.into() }
}

fn payload(json: &str) -> PushPayload {
    let ttl = SignedDuration::from_mins(1);
    PushPayload { json: json.into(), ttl, urgency: Urgency::High, topic: Some("order:ord_1".into()) }
}

/// What becomes of a push that is answered like this.
async fn sent(answer: impl Fn(&Asked) -> Answer) -> Sent {
    let stage = Stage::open().await;
    let (way, to) = (web_push(&stage), target(&stage));
    let sent = stage.during(answer, way.send(&to, &payload("{}"))).await.unwrap();
    assert_eq!(stage.asked().len(), 1, "it is asked once");
    sent
}

#[tokio::test]
async fn a_push_says_what_the_service_must_know_and_nothing_of_the_message() {
    let stage = Stage::open().await;
    let (way, to) = (web_push(&stage), target(&stage));
    let answer =
        |_: &Asked| Answer::Short(201, "Location: https://push.example/m/abc\r\n".into(), String::new());
    let sent = stage.during(answer, way.send(&to, &payload(r#"{"title":"Lamp"}"#))).await.unwrap();
    assert_eq!(sent, Sent::Accepted { id: Some("abc".into()) });

    let [asked] = &stage.asked()[..] else { panic!("one request") };
    assert!(asked.head.starts_with("POST /push/a-browser HTTP/1.1"), "{}", asked.head);
    let headers =
        ["ttl", "urgency", "content-encoding", "content-type"].map(|name| asked.header(name).unwrap());
    assert_eq!(headers, ["60", "high", "aes128gcm", "application/octet-stream"]);
    let topic = asked.header("topic").unwrap();
    assert!(topic.len() == 32 && !topic.contains("ord"), "{topic}");
    assert!(asked.header("authorization").unwrap().ends_with(&format!(",k={PUBLIC_KEY}")));
    assert_eq!(asked.body.len(), 86 + 16 + 17);
}

#[tokio::test]
async fn each_status_has_one_meaning() {
    let later = |after: Option<i64>, why: &str| Sent::Later {
        after: after.map(SignedDuration::from_secs),
        why: why.into(),
    };
    let cases = [
        (200, "", Sent::Accepted { id: None }),
        (202, "apns-id: 123\r\n", Sent::Accepted { id: Some("123".into()) }),
        (404, "", Sent::Gone),
        (410, "", Sent::Gone),
        (413, "", Sent::TooLarge),
        (408, "", later(None, "status 408")),
        (429, "Retry-After: 30\r\n", later(Some(30), "status 429")),
        (429, "Retry-After: Wed, 17 Dec 2025 19:35:20 GMT\r\n", later(Some(120), "status 429")),
        (500, "", later(None, "status 500")),
        (503, "Retry-After: soon\r\n", later(None, "status 503")),
        (400, "", Sent::refused("status 400")),
        (401, "", Sent::refused("status 401")),
        (403, "", Sent::refused("status 403")),
        (405, "", Sent::refused("status 405")),
    ];
    for (status, headers, expected) in cases {
        let sent = sent(|_| Answer::Short(status, headers.into(), String::new())).await;
        assert_eq!(sent, expected, "{status}");
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    for status in [301, 302, 303, 307, 308] {
        let sent = sent(|asked| {
            let host = asked.header("host").unwrap();
            Answer::Short(status, format!("Location: http://{host}/elsewhere\r\n"), String::new())
        })
        .await;
        assert_eq!(sent, Sent::refused(format!("status {status}")));
    }
}

#[tokio::test]
async fn a_reason_is_a_word_of_the_service_and_never_its_text() {
    let cases = [
        (r#"{"reason":"VapidPkHashMismatch"}"#, "status 403 VapidPkHashMismatch"),
        (r#"{"code":403,"errno":109,"message":"https://a/secret"}"#, "status 403 errno 109"),
        (r#"{"reason":"no token https://a/secret"}"#, "status 403"),
        ("<html>https://a/secret</html>", "status 403"),
        ("", "status 403"),
    ];
    for (body, expected) in cases {
        let sent = sent(|_| Answer::Short(403, String::new(), body.into())).await;
        assert_eq!(sent, Sent::refused(expected), "{body}");
    }
}

#[tokio::test]
async fn of_an_endless_answer_little_is_read() {
    let stage = Stage::open().await;
    let (way, to) = (web_push(&stage), target(&stage));
    let sent = stage.during(|_| Answer::Endless, way.send(&to, &payload("{}"))).await.unwrap();
    assert_eq!(sent, Sent::Accepted { id: None });
    // What lies in the buffers of both sockets counts too.
    assert!(stage.written() < 32 << 20, "{} bytes", stage.written());
}

#[tokio::test]
async fn a_service_that_says_nothing_is_left_after_five_seconds() {
    let stage = Stage::open().await;
    let (way, to) = (web_push(&stage), target(&stage));
    stage.during(|_| Answer::status(201), way.send(&to, &payload("{}"))).await.unwrap();
    // From here on time passes when there is nothing else to do.
    tokio::time::pause();
    let (to, payload) = (target(&stage), payload("{}"));
    let mut sending = Box::pin(stage.during(|_| Answer::Never, way.send(&to, &payload)));
    assert!(tokio::time::timeout(Duration::from_millis(4_990), &mut sending).await.is_err());
    let sent = tokio::time::timeout(Duration::from_millis(20), sending).await.unwrap().unwrap();
    assert_eq!(sent, Sent::later("no answer in time"));
}

#[tokio::test]
async fn a_service_that_is_not_there_is_asked_again_later() {
    let (stage, closed) = (Stage::open().await, Stage::open().await);
    let origins = EndpointOrigins::parse(&closed.origin()).unwrap();
    let way = WebPush::new(vapid(&stage), origins, still()).unwrap();
    let to = target(&closed);
    drop(closed);
    let sent = stage.during(|_| Answer::status(201), way.send(&to, &payload("{}"))).await.unwrap();
    assert_eq!(sent, Sent::later("no connection"));
}

#[tokio::test]
async fn a_name_that_leads_into_our_network_is_not_followed_there() {
    let inside: [&[IpAddr]; 6] = [
        &[Ipv4Addr::LOCALHOST.into()],
        &[Ipv6Addr::LOCALHOST.into()],
        &[Ipv4Addr::LOCALHOST.to_ipv6_mapped().into()],
        &[Ipv4Addr::new(169, 254, 169, 254).into()],
        &[Ipv4Addr::new(10, 0, 0, 1).into(), Ipv4Addr::LOCALHOST.into()],
        &[],
    ];
    for addresses in inside {
        let stage = Stage::open().await;
        let asked = Arc::new(AtomicUsize::new(0));
        let (count, found) = (Arc::clone(&asked), addresses.to_vec());
        let names = PublicNames::looked_up(vec![], move |_| {
            count.fetch_add(1, Ordering::Relaxed);
            let found = found.clone();
            async move { Ok(found) }.boxed()
        });
        let way = WebPush::with_names(vapid(&stage), EndpointOrigins::default(), still(), names).unwrap();
        let to = way.check("https://web.push.apple.com/abc", P256DH, AUTH).unwrap();
        let sent = stage.during(|_| Answer::status(201), way.send(&to, &payload("{}"))).await.unwrap();
        let why = "the name of the push service leads to no public address";
        assert_eq!(sent, Sent::refused(why), "{addresses:?}");
        assert_eq!(asked.load(Ordering::Relaxed), 1);
        assert_eq!(stage.asked().len(), 0);
    }
}

#[tokio::test]
async fn a_name_that_an_operator_gave_may_lead_anywhere() {
    let stage = Stage::open().await;
    let origin = format!("http://push.shop.example:{}", stage.port());
    let origins = EndpointOrigins::parse(&origin).unwrap();
    let here = |_| async { Ok(vec![Ipv4Addr::LOCALHOST.into()]) }.boxed();
    let names = PublicNames::looked_up(origins.own_hosts(), here);
    let way = WebPush::with_names(vapid(&stage), origins, still(), names).unwrap();
    let to = way.check(&format!("{origin}/abc"), P256DH, AUTH).unwrap();
    let sent = stage.during(|_| Answer::status(201), way.send(&to, &payload("{}"))).await.unwrap();
    assert_eq!(sent, Sent::Accepted { id: None });
}

#[tokio::test]
async fn what_may_no_longer_be_asked_and_what_is_too_long_is_not_sent() {
    let stage = Stage::open().await;
    let way = web_push(&stage);
    let elsewhere = PushTarget { endpoint: "https://evil.example/".into(), ..target(&stage) };
    let broken = PushTarget { p256dh: "AAAA".into(), ..target(&stage) };
    let long = payload(&"x".repeat(MAX_PLAINTEXT + 1));
    stage
        .during(|_| Answer::status(201), async {
            for to in [&elsewhere, &broken] {
                let sent = way.send(to, &payload("{}")).await.unwrap();
                assert!(matches!(&sent, Sent::Refused { why } if !why.contains("evil")), "{sent:?}");
            }
            assert_eq!(way.send(&target(&stage), &long).await.unwrap(), Sent::TooLarge);
            assert!(way.send(&target(&stage), &payload("")).await.is_err());
        })
        .await;
    assert_eq!(stage.asked().len(), 0);
}

#[tokio::test]
async fn a_subscription_that_cannot_be_pushed_to_is_refused_by_field() {
    let origins = EndpointOrigins::default();
    let good = "https://web.push.apple.com/abc";
    let field = |endpoint: &str, p256dh: &str, auth: &str| match PushTarget::checked(
        &origins, endpoint, p256dh, auth,
    ) {
        Ok(_) => "none".to_owned(),
        Err(Error::Invalid { code, errors, .. }) => {
            assert_eq!(code, ErrorCode::ValidationFailed);
            errors[0].field.clone()
        }
        Err(error) => panic!("{error}"),
    };
    assert_eq!(field(good, P256DH, AUTH), "none");
    assert_eq!(field(good, &format!("{P256DH}="), &format!("{AUTH}==")), "none");
    assert_eq!(field("https://evil.example/", P256DH, AUTH), "endpoint");
    for wrong in ["", "AAAA", "not base64!", &AUTH[1..], &format!("{AUTH}AAAA")] {
        assert_eq!(field(good, P256DH, wrong), "keys.auth", "{wrong:?}");
    }
    // The last one is a point of P-384.
    let other_curve = format!("BA{}", "A".repeat(128));
    for wrong in ["", "AAAA", "not base64!", &P256DH.replace("BCV", "BCW"), &P256DH[..86], &other_curve] {
        assert_eq!(field(good, wrong, AUTH), "keys.p256dh", "{wrong:?}");
    }
}

#[tokio::test]
async fn a_token_is_used_for_twelve_hours_and_is_signed_for_one_service() {
    let stage = Stage::open().await;
    let now = Arc::new(AtomicI64::new(NOW));
    let read = Arc::clone(&now);
    let clock = Clock::reading(move || Timestamp::from_second(read.load(Ordering::Relaxed)).unwrap());
    let origins = EndpointOrigins::parse(&stage.origin()).unwrap();
    let way = WebPush::new(vapid(&stage), origins, clock).unwrap();
    let to = target(&stage);
    for instant in [NOW, NOW + 12 * 3_600 - 1, NOW + 12 * 3_600] {
        now.store(instant, Ordering::Relaxed);
        stage.during(|_| Answer::status(201), way.send(&to, &payload("{}"))).await.unwrap();
    }
    let asked = stage.asked();
    let tokens: Vec<_> = asked.iter().map(|asked| asked.header("authorization").unwrap()).collect();
    assert_eq!(tokens[0], tokens[1]);
    assert_ne!(tokens[0], tokens[2]);

    let (token, _) = tokens[0].strip_prefix("vapid t=").unwrap().split_once(",k=").unwrap();
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let key = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, BASE64.decode(PUBLIC_KEY).unwrap());
    key.verify(signed.as_bytes(), &BASE64.decode(signature).unwrap()).unwrap();
    let claims: Value =
        serde_json::from_slice(&BASE64.decode(signed.split_once('.').unwrap().1).unwrap()).unwrap();
    assert_eq!(claims["aud"], stage.origin());
    assert_eq!(claims["sub"], "mailto:ops@shop.example");
    assert_eq!(claims["exp"], NOW + 13 * 3_600);
}

#[tokio::test]
async fn keys_that_do_not_belong_together_are_our_fault_and_stay_unsaid() {
    let stage = Stage::open().await;
    let way = |public_key: &str, subject: &str| {
        let vapid = Vapid { public_key: public_key.into(), subject: subject.into(), ..vapid(&stage) };
        WebPush::new(vapid, EndpointOrigins::parse(&stage.origin()).unwrap(), still())
    };
    for (public_key, subject) in
        [("", "mailto:a@b.example"), ("AAAA", "mailto:a@b.example"), (P256DH, "a@b.example")]
    {
        assert!(way(public_key, subject).is_err(), "{public_key} {subject}");
    }
    let way = way(P256DH, "mailto:a@b.example").unwrap();
    let error =
        stage.during(|_| Answer::status(201), way.send(&target(&stage), &payload("{}"))).await.unwrap_err();
    assert_eq!(error.to_string(), "the private VAPID key is none, or not that of the public one");
    assert_eq!(stage.asked().len(), 0);
}

#[test]
fn a_topic_is_what_the_rfc_allows_and_the_same_for_the_same() {
    assert_eq!(topic_header("ord_1-2"), "ord_1-2");
    let long = topic_header("order:ord_0199");
    assert_eq!(long.len(), 32);
    assert_eq!(long, topic_header("order:ord_0199"));
    assert_ne!(long, topic_header("order:ord_0198"));
    assert!(!topic_header("").is_empty());
}
