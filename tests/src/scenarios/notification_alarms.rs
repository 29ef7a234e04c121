//! Alarms of what watches the system: the shops' people are told, once.

use std::collections::BTreeMap;

use jiff::SignedDuration;
use serde_json::{Value, json};

use crate::{
    notifications::{deliveries, inbox, letter, letters, newest, reachable_at},
    world::{Person, World},
};

/// Two shops that one deployment serves.
async fn two_shops() -> World {
    let shops = ["Shops", "JwtShops"].map(|name| (name.to_owned(), "default,acme".to_owned()));
    World::with(BTreeMap::from(shops)).await
}

/// Publishes something to the operators' topic, as CloudWatch and the sweeper do.
async fn publishes(world: &World, subject: &str, message: &str) {
    let topic = "arn:aws:sns:eu-west-1:000000000000:AlertsTopic";
    let form = [
        ("Action", "Publish"),
        ("Version", "2010-03-31"),
        ("TopicArn", topic),
        ("Subject", subject),
        ("Message", message),
    ];
    let (http, ..) = world.nobody().http();
    let answer = http.post(world.cloud().aws_url()).form(&form).send().await.unwrap();
    assert!(answer.status().is_success(), "{answer:?}");
    world.idle().await;
}

/// What CloudWatch says when an alarm is in another state.
fn alarm(name: &str, state: &str, at: &str) -> String {
    json!({
        "AlarmName": name,
        "AlarmDescription": "Relay is five minutes or more behind the journals, so live events are late.",
        "AWSAccountId": "000000000000",
        "NewStateValue": state,
        "NewStateReason": "Threshold Crossed: 1 datapoint [412000.0] was greater than the threshold (300000.0).",
        "StateChangeTime": at,
        "OldStateValue": if state == "ALARM" { "OK" } else { "ALARM" },
        "Trigger": { "MetricName": "IteratorAge", "Threshold": 300_000.0 },
    })
    .to_string()
}

/// Somebody who works for a shop, and has looked at what they are told.
async fn staff<'a>(world: &'a World, role: &str, user: &str, shop: &str) -> Person<'a> {
    let person = world.person(role, user, shop).await;
    assert_eq!(inbox(&person).await, [""; 0]);
    person
}

#[tokio::test]
async fn an_alarm_that_rings_is_told_once_to_the_people_of_every_shop_and_shown_to_administrators() {
    let world = two_shops().await;
    let olga = staff(&world, "admin", "olga", "default").await;
    let gus = staff(&world, "agent", "gus", "default").await;
    let zoe = staff(&world, "admin", "zoe", "acme").await;
    let ana = world.customer("ana").await;
    reachable_at(&world, "gus", json!({ "email": "gus@shop.example" })).await;
    let mut desk = olga.socket().await;
    desk.subscribes("admin").await;

    let rings = alarm("shopwire-relay-is-late", "ALARM", "2026-01-05T09:00:00.123+0000");
    for _ in 0..2 {
        publishes(&world, "ALARM: \"shopwire-relay-is-late\" in EU (Ireland)", &rings).await;
    }
    let shown = desk.next("system.alert").await;
    assert_eq!((&shown["channel"], &shown["timestamp"]), (&json!("admin"), &json!(1_767_603_600_123_i64)));
    assert_eq!(
        shown["data"],
        json!({ "severity": "critical", "code": "shopwire-relay-is-late",
            "message": "Relay is five minutes or more behind the journals, so live events are late." })
    );
    for person in [&olga, &gus, &zoe] {
        assert_eq!(inbox(person).await, ["*system_alert"]);
    }
    assert_eq!(inbox(&ana).await, [""; 0], "it does not concern her");
    let told = newest(&gus, "system_alert").await;
    assert_eq!(told["title"], "critical: shopwire-relay-is-late");
    assert_eq!(
        told["body"],
        "Relay is five minutes or more behind the journals, so live events are late. Since 5 January 2026, 09:00."
    );
    assert_eq!(deliveries(&gus, &told["notification_id"]).await, ["email delivered", "websocket sent"]);
    assert_eq!(letters(&world).await, ["gus@shop.example: critical: shopwire-relay-is-late"]);
    assert_eq!(letter(&world, "critical").await["headers"], Value::Null, "nobody can turn it off");

    for (state, at) in
        [("OK", "2026-01-05T09:20:00.000+0000"), ("INSUFFICIENT_DATA", "2026-01-05T09:30:00.000+0000")]
    {
        publishes(&world, state, &alarm("shopwire-relay-is-late", state, at)).await;
    }
    assert_eq!(inbox(&gus).await.len(), 1, "that it is well again wakes nobody");
    world.advance(SignedDuration::from_mins(50)).await;
    publishes(&world, "ALARM", &alarm("shopwire-relay-is-late", "ALARM", "2026-01-05T09:50:00.000+0000"))
        .await;
    assert_eq!(inbox(&gus).await.len(), 2, "it rings again");
    let shops = zoe.get("/api/v1/notifications?staff=true").await.ok();
    assert_eq!(shops["data"].as_array().map(Vec::len), Some(2));
    world.end().await;
}

#[tokio::test]
async fn an_alarm_is_told_once_wherever_the_notifier_breaks_off() {
    let world = two_shops().await;
    let (olga, zoe) =
        (staff(&world, "admin", "olga", "default").await, staff(&world, "admin", "zoe", "acme").await);
    for (number, kind) in (0..).zip(["crash_before", "crash_after", "drop", "refuse"]) {
        for skip in 0..2 {
            world
                .fault(json!({ "service": "dynamodb", "function": "Notifier", "table": "NotificationsTable",
                    "kind": kind, "skip": skip, "count": 1 }))
                .await;
            let name = format!("shopwire-alarm-{number}-{skip}");
            publishes(&world, "ALARM", &alarm(&name, "ALARM", "2026-01-05T09:00:00.000+0000")).await;
            // What was not done comes again when the queue's time is over.
            world.advance(SignedDuration::from_mins(7)).await;
            world.no_faults().await;
            for person in [&olga, &zoe] {
                let told = inbox(person).await.len();
                assert_eq!(told, number * 2 + skip + 1, "{kind} {skip}");
            }
        }
    }
    world.end().await;
}

#[tokio::test]
async fn what_keeps_failing_is_told_in_the_sweeper_s_words_once_an_hour() {
    let world = World::new().await;
    let olga = staff(&world, "admin", "olga", "default").await;
    for minute in 0..3 {
        let message = format!("{} things that fell due could not be done, 2 could", 10 + minute);
        publishes(&world, "shopwire: work that keeps failing", &message).await;
        world.advance(SignedDuration::from_mins(1)).await;
    }
    let told = newest(&olga, "system_alert").await;
    assert_eq!(told["title"], "warning: shopwire: work that keeps failing");
    assert!(
        told["body"].as_str().unwrap().starts_with("10 things that fell due could not be done"),
        "{told}"
    );
    assert_eq!(inbox(&olga).await.len(), 1);
    world.advance(SignedDuration::from_hours(1)).await;
    publishes(&world, "shopwire: work that keeps failing", "11 things").await;
    assert_eq!(inbox(&olga).await.len(), 2);
    world.end().await;
}
