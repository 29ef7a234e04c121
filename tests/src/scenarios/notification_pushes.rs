//! Pushes to browsers: taken, refused, put off, given up.

use jiff::SignedDuration;
use serde_json::{Value, json};

use crate::{
    notifications::{
        answers, browser, browsers_told, ends, fates, pushes, pushes_of, replays_dead_letters, says, tells_by,
    },
    world::World,
};

const fn seconds(seconds: i64) -> SignedDuration {
    SignedDuration::from_secs(seconds)
}

/// How often the push service was asked.
fn asked(world: &World) -> u64 {
    world.requests("Notifier", "Send")
}

#[tokio::test]
async fn a_browser_that_is_gone_is_forgotten_and_the_others_get_it() {
    let world = World::new().await;
    let ana = world.customer("ana").await;
    let (first, _) = browser(&world, &ana).await;
    let (second, _) = browser(&world, &ana).await;
    let (third, _) = browser(&world, &ana).await;
    world.idle().await;
    answers(&world, &first, json!([{ "status": 404 }])).await;
    ends(&world, &second).await;
    let told = pushes(&world, "ana").await;
    assert_eq!(browsers_told(&world, &told).await, std::slice::from_ref(&third));
    assert_eq!(
        fates(&ana, &told, "push").await,
        ["failed (the endpoint is gone), 1", "failed (the endpoint is gone), 1", "sent, 1"]
    );
    let next = pushes(&world, "ana").await;
    assert_eq!(fates(&ana, &next, "push").await, ["sent, 1"]);
    ends(&world, &third).await;
    pushes(&world, "ana").await;
    let last = pushes(&world, "ana").await;
    assert_eq!(fates(&ana, &last, "push").await, ["suppressed (no_endpoint), 0"]);
    world.end().await;
}

#[tokio::test]
async fn what_is_too_large_is_shrunk_and_sent_once_more() {
    let world = World::new().await;
    let ana = world.customer("ana").await;
    let (endpoint, _) = browser(&world, &ana).await;
    answers(&world, &endpoint, json!([{ "status": 413 }])).await;
    let told = pushes(&world, "ana").await;
    let got = pushes_of(&world, &told).await;
    assert_eq!((got.len(), asked(&world)), (1, 2));
    assert_eq!(got[0]["payload"]["data"], Value::Null, "what a page can ask for is left out first");
    assert_eq!(got[0]["payload"]["title"], "Your order has arrived");

    answers(&world, &endpoint, json!([{ "status": 413 }, { "status": 413 }])).await;
    let told = pushes(&world, "ana").await;
    world.advance(seconds(60)).await;
    assert_eq!(fates(&ana, &told, "push").await, ["failed (it is too large), 1"]);
    assert_eq!(asked(&world), 4);
    world.end().await;
}

#[tokio::test]
async fn a_push_is_never_longer_than_push_services_take() {
    let world = World::new().await;
    let ana = world.customer("ana").await;
    browser(&world, &ana).await;
    let long = ("support_ticket_response", json!({ "message": "ถ".repeat(3_900) }));
    let told = tells_by(&world, "ana", long, &["push"]).await;
    let got = pushes_of(&world, &told).await;
    assert_eq!(got.len(), 1);
    let payload = &got[0]["payload"];
    assert!(payload.to_string().len() <= 3_993, "{}", payload.to_string().len());
    assert!(payload["body"].as_str().unwrap().ends_with('…'), "{payload}");
    world.end().await;
}

#[tokio::test]
async fn a_push_comes_again_after_the_time_that_was_said_and_not_before() {
    let world = World::new().await;
    let ana = world.customer("ana").await;
    let (endpoint, _) = browser(&world, &ana).await;
    let date = "Mon, 05 Jan 2026 09:10:00 GMT";
    for (status, after, wait) in
        [(429, json!(120), 120), (503, json!(date), 7 * 60), (500, json!(7_200), 7_200)]
    {
        answers(&world, &endpoint, json!([{ "status": status, "retry_after": after }])).await;
        let told = pushes(&world, "ana").await;
        assert_eq!(fates(&ana, &told, "push").await, [format!("queued (status {status}), 1")]);
        world.advance(seconds(wait - 1)).await;
        assert!(pushes_of(&world, &told).await.is_empty(), "{status}");
        world.advance(seconds(60)).await;
        assert_eq!(fates(&ana, &told, "push").await, ["sent, 2"]);
        assert_eq!(pushes_of(&world, &told).await.len(), 1, "{status}");
    }
    world.end().await;
}

#[tokio::test]
async fn a_service_that_stays_ill_is_asked_less_and_less_often_and_then_no_more() {
    let world = World::new().await;
    let ana = world.customer("ana").await;
    let (endpoint, _) = browser(&world, &ana).await;
    answers(&world, &endpoint, json!(vec![json!({ "status": 503 }); 9])).await;
    let told = pushes(&world, "ana").await;
    let mut waits = vec![];
    let (mut waited, mut seen) = (0, asked(&world));
    for _ in 0..60 {
        world.advance(seconds(1)).await;
        waited += 1;
        if asked(&world) > seen {
            (seen, waits) = (asked(&world), [waits, vec![waited]].concat());
            waited = 0;
        }
    }
    // A second, two and four, each with half of it at most on top, in whole seconds.
    assert_eq!(waits.len(), 3, "{waits:?}");
    let bounds = [(2, 2), (3, 4), (5, 7)];
    let fits = |(wait, (least, most)): (&i32, (i32, i32))| (least..=most).contains(wait);
    assert!(waits.iter().zip(bounds).all(fits), "{waits:?}");
    assert_eq!(fates(&ana, &told, "push").await, ["failed (tried often enough: status 503), 4"]);

    // An operator sends it again while the service is still ill, and once more when it is well.
    assert_eq!(replays_dead_letters(&world).await.len(), 1);
    world.advance(seconds(60)).await;
    assert_eq!(asked(&world), 8);
    answers(&world, &endpoint, json!([])).await;
    let letters = replays_dead_letters(&world).await;
    assert_eq!(letters.len(), 1);
    assert!(!letters[0].contains(&endpoint), "a dead letter names nobody's address: {letters:?}");
    assert_eq!(browsers_told(&world, &told).await, std::slice::from_ref(&endpoint));
    assert!(fates(&ana, &told, "push").await[0].starts_with("sent"));
    // The same letter twice is one push.
    world.cloud().queues().send_text("NotifierQueue", letters[0].clone(), "outside").unwrap();
    world.idle().await;
    assert_eq!(pushes_of(&world, &told).await.len(), 1);
    assert!(replays_dead_letters(&world).await.is_empty());
    world.end().await;
}

#[tokio::test]
async fn a_retry_touches_only_the_browser_that_did_not_get_it() {
    let world = World::new().await;
    let ana = world.customer("ana").await;
    let mut all = vec![];
    for _ in 0..3 {
        all.push(browser(&world, &ana).await.0);
    }
    world.idle().await;
    let before = asked(&world);
    answers(&world, &all[1], json!([{ "status": 503 }])).await;
    let told = pushes(&world, "ana").await;
    let mut others = browsers_told(&world, &told).await;
    others.sort();
    let mut expected = vec![all[0].clone(), all[2].clone()];
    expected.sort();
    assert_eq!(others, expected);
    world.advance(seconds(60)).await;
    let got = browsers_told(&world, &told).await;
    assert_eq!((got.len(), got.last(), asked(&world) - before), (3, Some(&all[1]), 4));
    world.end().await;
}

#[tokio::test]
async fn a_push_that_was_refused_comes_and_one_whose_answer_was_lost_comes_at_most_twice() {
    let world = World::new().await;
    let ana = world.customer("ana").await;
    browser(&world, &ana).await;
    for (kind, most) in [("refuse", 1), ("drop", 2)] {
        world.fault(json!({ "service": "push", "kind": kind, "count": 1 })).await;
        let told = pushes(&world, "ana").await;
        world.advance(seconds(5)).await;
        let got = pushes_of(&world, &told).await;
        assert!((1..=most).contains(&got.len()), "{kind}: {got:?}");
        assert!(
            got.iter().all(|push| push["topic"] == got[0]["topic"]),
            "the second takes the place of the first"
        );
        assert_eq!(fates(&ana, &told, "push").await, ["sent, 2"], "{kind}");
    }
    world.end().await;
}

#[tokio::test]
async fn a_push_says_how_long_it_is_worth_keeping_how_urgent_it_is_and_what_it_replaces() {
    let world = World::new().await;
    let ana = world.customer("ana").await;
    let (endpoint, _) = browser(&world, &ana).await;
    says(&ana, "preferences", json!({ "marketing": true })).await.ok();
    let sale = ("promotion_alert", json!({ "message": "Lamps are cheap" }));
    let sale = tells_by(&world, "ana", sale, &["push"]).await;
    let arrived = pushes(&world, "ana").await;
    let alert =
        tells_by(&world, "ana", ("security_alert", json!({ "event": "new_device" })), &["push"]).await;
    let mut seen = vec![];
    for id in [&sale, &arrived, &alert] {
        let push = pushes_of(&world, id).await.remove(0);
        seen.push((push["urgency"].clone(), push["ttl"].clone()));
        assert!(push["topic"].as_str().is_some_and(|topic| (1..=32).contains(&topic.len())), "{push}");
    }
    let hours = |hours: u64| json!(hours * 3_600);
    assert_eq!(seen, [(json!("low"), hours(48)), (json!("normal"), hours(72)), (json!("high"), hours(72))]);
    // What comes late is worth less.
    answers(&world, &endpoint, json!([{ "status": 503, "retry_after": 3_600 }])).await;
    let late = pushes(&world, "ana").await;
    world.advance(seconds(3_660)).await;
    let left = pushes_of(&world, &late).await[0]["ttl"].as_u64().unwrap();
    assert!((71 * 3_600 - 60..=71 * 3_600).contains(&left), "{left}");
    world.end().await;
}
