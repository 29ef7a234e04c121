//! What a shop's programs and people send by themselves: to one, to many, later, once.

use std::collections::BTreeSet;

use jiff::SignedDuration;
use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    notifications::{deliveries, inbox, letters, newest, outbox, reachable_at, tells, wants},
    world::{Person, Reply, World},
};

const BULK: &str = "/api/v1/notifications/bulk";

fn promotion(more: &Value) -> Value {
    let mut body = json!({ "type": "promotion_alert", "data": { "message": "20% off all lamps" } });
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    body
}

async fn job(shop: &Person<'_>, begun: &Value) -> Value {
    shop.get(&format!("{BULK}/{}", begun["job_id"].as_str().unwrap())).await.ok()
}

/// How many rows of inboxes there are.
async fn told(world: &World, kind: &str) -> u64 {
    let mut count = 0;
    let mut start = Value::Null;
    loop {
        let mut scan = json!({ "TableName": "NotificationsTable", "FilterExpression": "kind = :kind AND begins_with(sk, :n)",
            "ExpressionAttributeValues": { ":kind": { "S": kind }, ":n": { "S": "n#" } } });
        if !start.is_null() {
            scan["ExclusiveStartKey"] = start;
        }
        let page = world.dynamo("Scan", scan).await;
        count += page["Count"].as_u64().unwrap();
        start = page["LastEvaluatedKey"].clone();
        if start.is_null() {
            return count;
        }
    }
}

fn problem(reply: &Reply) -> String {
    let first = &reply.body["errors"][0];
    format!("{} {}", reply.complaint(), first["code"].as_str().unwrap_or_default())
}

#[tokio::test]
async fn a_thousand_who_are_named_are_told_once_each_and_the_job_can_be_read() {
    let world = World::new().await;
    let shop = world.service(&["notifications:write"]).await;
    let mut users: Vec<String> = (0..1_000).map(|number| format!("user-{number}")).collect();
    users[999] = "user-0".into();
    let body = promotion(&json!({ "user_ids": users, "channels": ["websocket"] }));
    let begun = shop.post_keyed(BULK, "spring", body.clone()).await;
    assert_eq!(begun.status, 202, "{begun:?}");
    let begun = begun.body;
    assert_eq!((&begun["status"], &begun["total"]), (&json!("running"), &json!(999)));
    world.idle().await;
    let done = job(&shop, &begun).await;
    assert_eq!(
        (&done["status"], &done["told"], &done["duplicates"], &done["total"]),
        (&json!("done"), &json!(999), &json!(0), &json!(999))
    );
    assert_eq!(told(&world, "promotion_alert").await, 999);
    let again = shop.post_keyed(BULK, "spring", body).await;
    assert_eq!((again.status.as_u16(), &again.body["job_id"]), (202, &begun["job_id"]));
    world.idle().await;
    assert_eq!(told(&world, "promotion_alert").await, 999, "asked again, nobody is told again");
    let other = shop.post_keyed(BULK, "spring", promotion(&json!({ "user_ids": ["ana"] }))).await;
    assert_eq!(other.outcome(), "422 idempotency_mismatch");
    assert_eq!(inbox(&world.customer("user-0").await).await, ["*promotion_alert"]);
    world.end().await;
}

#[tokio::test]
async fn everyone_is_whoever_the_shop_can_tell_something_and_advertising_needs_consent() {
    let world = World::new().await;
    world.product("lamp", 12).await;
    let admin = world.admin().await;
    inbox(&admin).await;
    for name in ["ana", "ben", "eve"] {
        reachable_at(&world, name, json!({ "email": format!("{name}@shop.example") })).await;
    }
    wants(&world.customer("ana").await, json!({ "marketing": true })).await;
    // The shop's own inbox has something, too, and is nobody.
    let few = json!({ "product_id": "lamp", "quantity": 3, "operation": "set" });
    admin.post("/api/v1/inventory/adjustments", few).await.ok();
    world.idle().await;
    let shop = world.service(&["notifications:write"]).await;
    let begun = shop.post(BULK, promotion(&json!({ "segment_id": "everyone" }))).await.ok();
    world.idle().await;
    let done = job(&shop, &begun).await;
    assert_eq!((&done["status"], &done["told"]), (&json!("done"), &json!(4)), "{done}");
    let advertised: Vec<String> = letters(&world).await;
    assert_eq!(advertised, ["ana@shop.example: shopwire"]);
    let ben = world.customer("ben").await;
    let told = newest(&ben, "promotion_alert").await;
    assert_eq!(
        deliveries(&ben, &told["notification_id"]).await,
        ["email suppressed unsubscribed", "push suppressed unsubscribed", "websocket sent"]
    );
    let staff = admin.get("/api/v1/notifications?staff=true").await.ok();
    assert_eq!(staff["data"].as_array().unwrap().len(), 1, "{staff}");
    world.end().await;
}

#[tokio::test]
async fn a_job_goes_on_wherever_it_breaks_off_and_tells_nobody_twice() {
    let world = World::with([("NotificationBatch".to_owned(), "20".to_owned())].into()).await;
    let shop = world.service(&["notifications:write"]).await;
    for kind in ["crash_before", "crash_after", "refuse", "drop"] {
        for skip in [0, 5, 60] {
            let users: Vec<String> = (0..50).map(|user| format!("{kind}-{skip}-{user}")).collect();
            let before = told(&world, "promotion_alert").await;
            world.fault(json!({ "function": "Notifier", "kind": kind, "skip": skip, "count": 2 })).await;
            let body = promotion(&json!({ "user_ids": users, "channels": ["websocket"] }));
            let begun = shop.post(BULK, body).await.ok();
            world.idle().await;
            world.no_faults().await;
            world.advance(SignedDuration::from_mins(12)).await;
            let done = job(&shop, &begun).await;
            assert_eq!(done["status"], "done", "{kind} after {skip}: {done}");
            assert_eq!(done["told"].as_u64().unwrap() + done["duplicates"].as_u64().unwrap(), 50, "{done}");
            assert_eq!(told(&world, "promotion_alert").await - before, 50, "{kind} after {skip}");
        }
    }
    world.end().await;
}

#[tokio::test]
async fn what_is_to_be_told_later_is_told_then_and_once() {
    let world = World::new().await;
    let ana = world.customer("ana").await;
    let shop = world.service(&["notifications:write"]).await;
    let body = json!({ "user_id": "ana", "type": "order_delivered", "data": { "order_number": "1042" },
        "send_at": "2026-01-05T12:00:00Z" });
    let first = shop.post_keyed("/api/v1/notifications", "later", body.clone()).await.ok();
    let again = shop.post_keyed("/api/v1/notifications", "later", body.clone()).await.ok();
    assert_eq!((&first["status"], &first), (&json!("scheduled"), &again));
    world.advance(SignedDuration::from_mins(179)).await;
    assert_eq!(inbox(&ana).await, [""; 0]);
    world.advance(SignedDuration::from_mins(3)).await;
    assert_eq!(inbox(&ana).await, ["*order_delivered"]);
    world.leaps(SignedDuration::from_hours(3)).await;
    assert_eq!(inbox(&ana).await, ["*order_delivered"]);
    let far = json!({ "user_id": "ana", "type": "order_delivered", "data": { "order_number": "1042" },
        "send_at": "2028-01-05T12:00:00Z" });
    assert_eq!(problem(&tells(&world, far).await), "400 validation_failed send_at out_of_range");
    world.end().await;
}

#[tokio::test]
async fn under_one_key_a_person_is_told_once_a_day() {
    let world = World::new().await;
    let body = |user: &str| {
        json!({ "user_id": user, "type": "order_delivered", "data": { "order_number": "1042" },
            "dedupe_key": "parcel 1042 / at the door" })
    };
    let mut outcomes = vec![];
    for user in ["ana", "ana", "ben"] {
        outcomes.push(tells(&world, body(user)).await.text("status"));
    }
    world.leaps(SignedDuration::from_hours(25)).await;
    outcomes.push(tells(&world, body("ana")).await.text("status"));
    assert_eq!(outcomes, ["sent", "duplicate", "sent", "sent"]);
    let (ana, ben) = (world.customer("ana").await, world.customer("ben").await);
    assert_eq!((inbox(&ana).await.len(), inbox(&ben).await.len()), (2, 1));
    world.end().await;
}

#[tokio::test]
async fn a_test_goes_to_oneself_on_every_way_whatever_one_has_turned_off() {
    let world = World::new().await;
    let ana = world.customer("ana").await;
    reachable_at(&world, "ana", json!({ "email": "ana@shop.example", "locale": "th" })).await;
    wants(&ana, json!({ "channels": { "email": { "enabled": false } } })).await;
    ana.post("/api/v1/notifications/test", json!({})).await.ok();
    world.idle().await;
    let told = newest(&ana, "security_alert").await;
    assert_eq!(told["title"], "นี่คือการทดสอบ");
    assert_eq!(letters(&world).await.len(), 1);
    assert_eq!(
        deliveries(&ana, &told["notification_id"]).await,
        ["email delivered", "push suppressed no_endpoint", "sms suppressed preference", "websocket sent"]
    );
    ana.post("/api/v1/notifications/test", json!({ "channels": ["websocket"] })).await.ok();
    world.idle().await;
    assert_eq!(letters(&world).await.len(), 1, "only where it was asked for");
    let none = ana.post("/api/v1/notifications/test", json!({ "channels": [] })).await;
    assert_eq!(problem(&none), "400 validation_failed channels length");
    world.end().await;
}

#[tokio::test]
async fn whoever_cannot_be_reached_is_told_in_the_inbox_and_the_rest_says_why_not() {
    let world = World::new().await;
    let body = json!({ "user_id": "ana", "type": "back_in_stock",
        "data": { "product_id": "lamp", "product_name": "Lamp" }, "channels": ["push", "email", "sms"] });
    assert_eq!(tells(&world, body).await.status, 201);
    world.idle().await;
    let ana = world.customer("ana").await;
    let told = newest(&ana, "back_in_stock").await;
    assert_eq!(
        deliveries(&ana, &told["notification_id"]).await,
        [
            "email suppressed no_endpoint",
            "push suppressed no_endpoint",
            "sms suppressed preference",
            "websocket sent"
        ]
    );
    let path = format!("/api/v1/notifications/{}/deliveries", told["notification_id"].as_str().unwrap());
    assert_eq!(world.admin().await.get(&path).await.status, 200, "and the shop can see it");
    assert_eq!(world.customer("eve").await.get(&path).await.outcome(), "404 not_found");
    world.end().await;
}

#[tokio::test]
async fn what_cannot_be_told_is_refused_with_field_and_code_and_nothing_is_stored_or_sent() {
    let world = World::new().await;
    let shop = world.service(&["notifications:write"]).await;
    let one = |more: Value| {
        let mut body =
            json!({ "user_id": "ana", "type": "order_delivered", "data": { "order_number": "1042" } });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };
    let long = "x".repeat(17 * 1024);
    let singles = [
        one(json!({ "type": "no_such_type" })),
        one(json!({ "data": {} })),
        one(json!({ "data": { "order_number": "1", "nonsense": 1 } })),
        one(json!({ "data": { "order_number": { "a": 1 } } })),
        one(json!({ "data": { "order_number": long } })),
        one(json!({ "channels": [] })),
        one(json!({ "channels": ["pigeon"] })),
        one(json!({ "user_id": "" })),
        one(json!({ "send_at": "tomorrow" })),
    ];
    let mut refused = vec![];
    for body in singles {
        refused.push(problem(&shop.post("/api/v1/notifications", body).await));
    }
    let many: Vec<String> = (0..1_001).map(|number| format!("user-{number}")).collect();
    let bulks = [
        promotion(&json!({ "user_ids": many })),
        promotion(&json!({ "user_ids": [] })),
        promotion(&json!({})),
        promotion(&json!({ "user_ids": ["ana"], "segment_id": "everyone" })),
        promotion(&json!({ "segment_id": "whales" })),
        promotion(&json!({ "user_ids": ["ana"], "data": {} })),
        promotion(&json!({ "user_ids": ["ana"], "data": { "message": ["7"] } })),
    ];
    for body in bulks {
        refused.push(problem(&shop.post(BULK, body).await));
    }
    insta::assert_snapshot!(refused.join("\n"), @r"
    400 validation_failed type invalid
    400 validation_failed data.order_number required
    400 validation_failed data.nonsense unknown_variable
    400 validation_failed data.order_number invalid
    400 validation_failed data too_large
    400 validation_failed channels length
    400 validation_failed channels[0] invalid
    400 validation_failed user_id invalid
    400 validation_failed send_at invalid
    400 validation_failed user_ids length
    400 validation_failed user_ids length
    400 validation_failed user_ids required
    400 validation_failed user_ids required
    400 validation_failed segment_id unknown_segment
    400 validation_failed data.message required
    400 validation_failed data.message invalid
    ");
    assert_eq!(
        world.customer("ana").await.post(BULK, promotion(&json!({}))).await.outcome(),
        "403 forbidden"
    );
    world.idle().await;
    assert_eq!(inbox(&world.customer("ana").await).await, [""; 0]);
    assert_eq!(outbox(&world, "mail").await, [Value::Null; 0]);
    let codes: BTreeSet<&str> = refused.iter().filter_map(|one| one.split(' ').next()).collect();
    assert_eq!(codes, BTreeSet::from(["400"]));
    world.end().await;
}

#[tokio::test]
async fn what_a_guest_was_told_is_theirs_when_they_sign_in() {
    let world = World::new().await;
    let guest = world.nobody().post("/api/v1/auth/guest", json!({})).await.ok();
    let gst = guest["guest_id"].as_str().unwrap();
    let body = |user: &str, number: u32| json!({ "user_id": user, "type": "order_delivered", "data": { "order_number": number.to_string() } });
    for number in 0..3 {
        tells(&world, body(gst, number)).await.ok();
        world.advance(SignedDuration::from_secs(1)).await;
    }
    let ana = world.customer("ana").await;
    for number in 3..5 {
        tells(&world, body("ana", number)).await.ok();
        world.advance(SignedDuration::from_secs(1)).await;
    }
    assert_eq!(inbox(&ana).await.len(), 2);
    ana.post("/api/v1/auth/link", json!({ "guest_token": guest["token"] })).await.ok();
    assert_eq!(inbox(&ana).await, ["*order_delivered"; 5]);
    let mut numbers = vec![];
    let mut cursor = String::new();
    loop {
        let page = ana.get(&format!("/api/v1/notifications?limit=2{cursor}")).await.ok();
        assert_eq!(page["unread_count"], 5);
        let names = page["data"].as_array().unwrap().iter().map(|one| one["data"]["order_number"].clone());
        numbers.extend(names);
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(numbers, ["4", "3", "2", "1", "0"], "one list, newest first");
    let mut socket = ana.socket().await;
    let oldest = ana.get("/api/v1/notifications?limit=100").await.ok()["data"][4]["notification_id"].clone();
    let path = format!("/api/v1/notifications/{}/read", oldest.as_str().unwrap());
    assert_eq!(ana.send(Method::PUT, &path, &[], None).await.ok()["unread_count"], 4);
    world.idle().await;
    assert_eq!(socket.next("notification.read").await["data"]["unread_count"], 4);
    ana.send(Method::POST, "/api/v1/notifications/read-all", &[], None).await.ok();
    assert_eq!(inbox(&ana).await, ["order_delivered"; 5]);
    assert_eq!(
        world.customer("eve").await.send(Method::PUT, &path, &[], None).await.outcome(),
        "404 not_found"
    );
    world.end().await;
}
