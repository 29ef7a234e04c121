//! Browsers that take pushes: whose they are, how many, for how long, and which are none.

use std::collections::BTreeMap;

use jiff::SignedDuration;
use reqwest::Method;
use serde_json::json;

use crate::{
    notifications::{browser, browsers_told, fates, pushes, subscribes},
    world::World,
};

#[tokio::test]
async fn somebody_has_five_browsers_and_a_sixth_takes_the_place_of_the_oldest() {
    let world = World::new().await;
    let ana = world.customer("ana").await;
    let mut all = vec![];
    for _ in 0..6 {
        all.push(browser(&world, &ana).await.0);
        world.advance(SignedDuration::from_secs(1)).await;
    }
    let told = pushes(&world, "ana").await;
    let mut got = browsers_told(&world, &told).await;
    got.sort();
    let mut newest = all[1..].to_vec();
    newest.sort();
    assert_eq!(got, newest);
    world.end().await;
}

#[tokio::test]
async fn browsers_that_come_at_once_are_not_more_than_five() {
    let world = World::new().await;
    let ana = world.customer("ana").await;
    let nobody = world.nobody();
    let mut all = vec![];
    for _ in 0..9 {
        all.push(nobody.post("/_local/push/subscriptions", json!({})).await.ok());
    }
    let come = all.iter().map(|one| {
        let body = json!({ "subscription": { "endpoint": one["endpoint"], "keys": one["keys"] } });
        ana.insists("/api/v1/notifications/subscriptions", body)
    });
    for answer in futures_util::future::join_all(come).await {
        assert_eq!(answer.status, 201, "{answer:?}");
    }
    world.idle().await;
    let told = pushes(&world, "ana").await;
    assert_eq!(browsers_told(&world, &told).await.len(), 5);
    world.end().await;
}

#[tokio::test]
async fn a_browser_belongs_to_whoever_registered_it_last() {
    let world = World::new().await;
    let (ana, bea) = (world.customer("ana").await, world.customer("bea").await);
    let subscription = world.nobody().post("/_local/push/subscriptions", json!({})).await.ok();
    let first = subscribes(&ana, &subscription).await.text("subscription_id");
    let again = subscribes(&ana, &subscription).await.text("subscription_id");
    let hers = subscribes(&bea, &subscription).await.text("subscription_id");
    assert_eq!((&first, &first), (&again, &hers), "the same browser has the same name");
    world.idle().await;
    let (to_ana, to_bea) = (pushes(&world, "ana").await, pushes(&world, "bea").await);
    assert_eq!(fates(&ana, &to_ana, "push").await, ["suppressed (no_endpoint), 0"]);
    assert_eq!(browsers_told(&world, &to_bea).await.len(), 1);

    let path = format!("/api/v1/notifications/subscriptions/{hers}");
    assert_eq!(ana.send(Method::DELETE, &path, &[], None).await.outcome(), "404 not_found");
    assert_eq!(bea.send(Method::DELETE, &path, &[], None).await.outcome(), "204");
    let told = pushes(&world, "bea").await;
    assert_eq!(fates(&bea, &told, "push").await, ["suppressed (no_endpoint), 0"]);
    world.end().await;
}

#[tokio::test]
async fn a_browser_that_does_not_come_again_is_forgotten() {
    let world = World::with(BTreeMap::from([("PushSubscriptionDays".to_owned(), "2".to_owned())])).await;
    let subscription = world.nobody().post("/_local/push/subscriptions", json!({})).await.ok();
    let ana = world.customer("ana").await;
    let kept = subscribes(&ana, &subscription).await.text("expires_at");
    assert_eq!(kept, "2026-01-07T09:00:00Z");
    world.leaps(SignedDuration::from_hours(47)).await;
    let told = pushes(&world, "ana").await;
    assert_eq!(browsers_told(&world, &told).await.len(), 1);
    world.leaps(SignedDuration::from_hours(2)).await;
    let ana = world.customer("ana").await;
    let told = pushes(&world, "ana").await;
    assert_eq!(fates(&ana, &told, "push").await, ["suppressed (no_endpoint), 0"]);
    subscribes(&ana, &subscription).await.ok();
    let told = pushes(&world, "ana").await;
    assert_eq!(browsers_told(&world, &told).await.len(), 1);
    world.end().await;
}

#[tokio::test]
async fn a_shop_that_sends_no_pushes_to_browsers_says_so() {
    let world = World::with(BTreeMap::from([("PushToBrowsers".to_owned(), "false".to_owned())])).await;
    let ana = world.customer("ana").await;
    let subscription = world.nobody().post("/_local/push/subscriptions", json!({})).await.ok();
    assert_eq!(subscribes(&ana, &subscription).await.complaint(), "400 validation_failed subscription");
    let told = pushes(&world, "ana").await;
    assert_eq!(fates(&ana, &told, "push").await, ["suppressed (no_endpoint), 0"]);
    world.end().await;
}

#[tokio::test]
async fn an_address_that_no_push_service_has_is_refused_and_nothing_is_kept() {
    // As in AWS: pushes go to the push services of browsers.
    let world = World::with(BTreeMap::from([("PushEndpointOrigins".to_owned(), String::new())])).await;
    let ana = world.customer("ana").await;
    let keys = world.nobody().post("/_local/push/subscriptions", json!({})).await.ok()["keys"].clone();
    let hostile = [
        "",
        "nonsense",
        "/relative",
        "http://fcm.googleapis.com/fcm/send/x",
        "https://fcm.googleapis.com:8443/x",
        "https://fcm.googleapis.com./x",
        "https://fcm.googleapis.com@evil.example/x",
        "https://user:word@fcm.googleapis.com/x",
        "https://fcm.googleapis.com.evil.example/x",
        "https://evilfcm.googleapis.com/x",
        "https://a.b.push.services.mozilla.com/x",
        "https://127.0.0.1/x",
        "https://0x7f.1/x",
        "https://2130706433/x",
        "https://[::1]/x",
        "https://[::ffff:169.254.169.254]/x",
        "http://169.254.169.254/latest/meta-data/",
        "https://localhost/x",
        "https://fcm\u{2024}googleapis.com/x",
        "https://fсm.googleapis.com/x",
        "file:///etc/passwd",
        "javascript:alert(1)",
        "https://fcm.googleapis.com/x#fragment",
        "https://fcm.googleapis.com\\@evil.example/x",
        " https://fcm.googleapis.com/x",
    ];
    for endpoint in hostile {
        let answer = subscribes(&ana, &json!({ "endpoint": endpoint, "keys": keys })).await;
        assert_eq!(
            (answer.complaint(), &answer.body["errors"][0]["code"]),
            ("400 validation_failed subscription.endpoint".to_owned(), &json!("not_allowed")),
            "{endpoint:?}"
        );
    }
    let told = pushes(&world, "ana").await;
    assert_eq!(fates(&ana, &told, "push").await, ["suppressed (no_endpoint), 0"]);
    subscribes(&ana, &json!({ "endpoint": "https://fcm.googleapis.com/fcm/send/x", "keys": keys }))
        .await
        .ok();
    world.end().await;
}

#[tokio::test]
async fn keys_that_nothing_can_be_sealed_with_are_refused_by_name() {
    let world = World::new().await;
    let ana = world.customer("ana").await;
    let whole = world.nobody().post("/_local/push/subscriptions", json!({})).await.ok();
    let (p256dh, auth) = (whole["keys"]["p256dh"].as_str().unwrap(), whole["keys"]["auth"].as_str().unwrap());
    let off_the_curve = format!("B{}", "A".repeat(86));
    let compressed = "A".repeat(44);
    let cases = [
        (off_the_curve.as_str(), auth, "subscription.keys.p256dh"),
        (&p256dh[..80], auth, "subscription.keys.p256dh"),
        (compressed.as_str(), auth, "subscription.keys.p256dh"),
        ("", auth, "subscription.keys.p256dh"),
        ("not base64!", auth, "subscription.keys.p256dh"),
        (p256dh, "", "subscription.keys.auth"),
        (p256dh, &auth[..12], "subscription.keys.auth"),
        (p256dh, "????????????????", "subscription.keys.auth"),
    ];
    for (p256dh, auth, field) in cases {
        let keys = json!({ "p256dh": p256dh, "auth": auth });
        let answer = subscribes(&ana, &json!({ "endpoint": whole["endpoint"], "keys": keys })).await;
        assert_eq!(answer.complaint(), format!("400 validation_failed {field}"), "{p256dh} {auth}");
    }
    let body = json!({ "subscription": { "endpoint": whole["endpoint"] } });
    let missing = ana.post("/api/v1/notifications/subscriptions", body).await;
    assert_eq!(missing.status, 400, "{missing:?}");
    let body = json!({ "subscription": whole, "user_id": "bea" });
    let foreign = ana.post("/api/v1/notifications/subscriptions", body).await;
    assert_eq!(foreign.outcome(), "403 forbidden");
    let told = pushes(&world, "ana").await;
    assert_eq!(fates(&ana, &told, "push").await, ["suppressed (no_endpoint), 0"]);
    world.end().await;
}
