//! What devices say of what they got.

use std::collections::BTreeMap;

use jiff::SignedDuration;
use serde_json::{Value, json};

use crate::{
    notifications::{browser, fates, outbox, pushes, pushes_of, reachable_at, reports, tells},
    world::World,
};

/// How many came how far, of one kind on one way: `sent 2, delivered 1, opened 0, clicked 0, failed 0`.
async fn counts(world: &World, kind: &str, way: &str) -> String {
    let counted = world.admin().await.get("/api/v1/analytics/notifications").await.ok();
    let is_it = |row: &&Value| row["type"] == kind && row["channel"] == way;
    let row = counted["data"].as_array().unwrap().iter().find(is_it).cloned().unwrap_or_default();
    let count = |name: &str| format!("{name} {}", row[name]);
    ["sent", "delivered", "opened", "clicked", "failed"].map(count).join(", ")
}

#[tokio::test]
async fn a_device_says_what_became_of_a_push_in_whatever_order_that_comes() {
    let world = World::new().await;
    let ana = world.customer("ana").await;
    browser(&world, &ana).await;
    let events = [
        (vec!["delivered"], "delivered, 1"),
        (vec!["delivered", "opened", "clicked"], "clicked, 1"),
        (vec!["clicked", "delivered", "opened"], "clicked, 1"),
        (vec!["dismissed", "delivered"], "opened, 1"),
        (vec!["delivered", "delivered"], "delivered, 1"),
    ];
    for (events, fate) in events {
        let told = pushes(&world, "ana").await;
        let push = pushes_of(&world, &told).await.remove(0);
        for event in &events {
            assert_eq!(reports(&world, &push, event).await.outcome(), "204", "{event}");
        }
        assert_eq!(fates(&ana, &told, "push").await, [fate], "{events:?}");
    }
    assert_eq!(
        counts(&world, "order_delivered", "push").await,
        "sent 5, delivered 5, opened 3, clicked 2, failed 0",
        "what was opened had arrived"
    );
    world.end().await;
}

#[tokio::test]
async fn nobody_else_can_say_what_became_of_a_push() {
    let world = World::new().await;
    let (ana, bea) = (world.customer("ana").await, world.customer("bea").await);
    browser(&world, &ana).await;
    browser(&world, &bea).await;
    let (to_ana, to_bea) = (pushes(&world, "ana").await, pushes(&world, "bea").await);
    let push = pushes_of(&world, &to_ana).await.remove(0);
    let other = pushes_of(&world, &to_bea).await.remove(0);
    let token = push["payload"]["token"].as_str().unwrap();
    let with = |token: Value| {
        let mut push = push.clone();
        push["payload"]["token"] = token;
        push
    };
    let (text, seal) = token.split_once('.').unwrap();
    let forged = [
        with(json!("")),
        with(json!("nonsense")),
        with(json!(format!("{text}."))),
        with(json!(format!("{text}x.{seal}"))),
        with(json!(format!("{text}.{}", seal.chars().rev().collect::<String>()))),
        with(other["payload"]["token"].clone()),
        with(json!(ana.token.clone().unwrap())),
    ];
    for push in forged {
        assert_eq!(reports(&world, &push, "clicked").await.outcome(), "401 unauthenticated", "{push}");
    }
    assert_eq!(reports(&world, &push, "swallowed").await.status, 400);
    let unknown = format!("/api/v1/notifications/ntf_{}/events", "0".repeat(32));
    let answer = world.nobody().post(&unknown, json!({ "event": "opened", "token": token })).await;
    assert_eq!(answer.outcome(), "401 unauthenticated");
    assert_eq!(fates(&ana, &to_ana, "push").await, ["sent, 1"]);
    world.leaps(SignedDuration::from_hours(36 * 24)).await;
    assert_eq!(reports(&world, &push, "opened").await.outcome(), "401 unauthenticated", "its time is over");
    world.end().await;
}

#[tokio::test]
async fn a_shop_that_follows_no_pushes_sends_no_token() {
    let world = World::with(BTreeMap::from([("PushFollowed".to_owned(), "false".to_owned())])).await;
    let ana = world.customer("ana").await;
    browser(&world, &ana).await;
    let told = pushes(&world, "ana").await;
    let push = pushes_of(&world, &told).await.remove(0);
    assert_eq!((&push["payload"]["token"], &push["payload"]["report_url"]), (&Value::Null, &Value::Null));
    world.end().await;
}

#[tokio::test]
async fn what_came_how_far_is_counted_for_each_kind_and_way() {
    let world = World::new().await;
    let ana = world.customer("ana").await;
    browser(&world, &ana).await;
    reachable_at(&world, "ana", json!({ "email": "ana@shop.example" })).await;
    reachable_at(&world, "bea", json!({ "email": "bounce@simulator.amazonses.com" })).await;
    for user in ["ana", "bea"] {
        let body = json!({ "user_id": user, "type": "order_confirmation", "data": { "order_number": "7" } });
        tells(&world, body).await.ok();
    }
    world.idle().await;
    let push = outbox(&world, "web_push").await.pop().unwrap();
    reports(&world, &push, "opened").await;
    assert_eq!(
        counts(&world, "order_confirmation", "push").await,
        "sent 1, delivered 1, opened 1, clicked 0, failed 0"
    );
    assert_eq!(
        counts(&world, "order_confirmation", "email").await,
        "sent 2, delivered 1, opened 0, clicked 0, failed 1"
    );
    let refused = ana.get("/api/v1/analytics/notifications").await;
    assert_eq!(refused.outcome(), "403 forbidden");
    let admin = world.admin().await;
    let wrong = admin.get("/api/v1/analytics/notifications?from=2026-01-05&to=2026-01-04").await;
    assert_eq!(wrong.complaint(), "400 validation_failed to");
    world.end().await;
}
