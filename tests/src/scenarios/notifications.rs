//! What people are told: because of what happened, once, on each way that they want.

use futures_util::future::join_all;
use reqwest::Method;
use serde_json::json;

use crate::{
    notifications::{browser, deliveries, inbox, newest, outbox, reachable_at, tells},
    world::World,
};

#[tokio::test]
async fn whoever_buys_something_is_told_in_the_page_by_push_and_by_mail() {
    let world = World::new().await;
    world.product("lamp", 5).await;
    let ana = world.customer("ana").await;
    let (endpoint, _) = browser(&world, &ana).await;
    reachable_at(&world, "ana", json!({ "email": "ana@shop.example", "locale": "en" })).await;
    let mut socket = ana.socket().await;

    let order = ana.buys("lamp", 2).await;
    world.idle().await;
    let told = socket.next("notification.created").await;
    assert_eq!(told["channel"], "user:ana");
    let confirmation = newest(&ana, "order_confirmation").await;
    assert_eq!(confirmation["data"]["order_id"], order["order_id"]);
    let mut told = inbox(&ana).await;
    told.sort();
    assert_eq!(told, ["*order_confirmation", "*payment_confirmation"]);
    assert_eq!(
        deliveries(&ana, &confirmation["notification_id"]).await,
        ["email delivered", "push sent", "websocket sent"]
    );
    let pushes = outbox(&world, "web_push").await;
    let push = pushes.iter().find(|push| push["payload"]["type"] == "order_confirmation").unwrap();
    assert_eq!(push["endpoint"], endpoint);
    assert_eq!(push["payload"]["notification_id"], confirmation["notification_id"]);
    let mails = outbox(&world, "mail").await;
    assert_eq!(mails.len(), 2, "{mails:#?}");
    assert!(mails.iter().all(|mail| mail["to"] == json!(["ana@shop.example"])));
    world.end().await;
}

#[tokio::test]
async fn sixty_at_once_are_sixty_more_unread_and_the_last_event_says_how_many() {
    let world = World::new().await;
    let ana = world.customer("ana").await;
    let mut socket = ana.socket().await;
    let shop = world.service(&["notifications:write"]).await;
    let told = (0..60).map(|number| {
        let data = json!({ "order_number": format!("{number}") });
        shop.post(
            "/api/v1/notifications",
            json!({ "user_id": "ana", "type": "order_delivered", "data": data }),
        )
    });
    for reply in join_all(told).await {
        assert_eq!(reply.status, 201, "{reply:?}");
    }
    world.idle().await;
    let mut counts = vec![];
    for _ in 0..60 {
        counts.push(socket.next("notification.created").await["data"]["unread_count"].as_u64().unwrap());
    }
    assert_eq!(counts.last(), Some(&60));
    assert!(counts.is_sorted(), "{counts:?}");
    assert_eq!(ana.get("/api/v1/notifications?limit=1").await.ok()["unread_count"], 60);
    let newest = newest(&ana, "order_delivered").await["notification_id"].clone();
    let path = format!("/api/v1/notifications/{}/read", newest.as_str().unwrap());
    let (one, other) =
        tokio::join!(ana.send(Method::PUT, &path, &[], None), ana.send(Method::PUT, &path, &[], None));
    assert_eq!((one.status.as_u16(), other.status.as_u16()), (200, 200), "{one:?} {other:?}");
    assert_eq!(ana.get("/api/v1/notifications?limit=1").await.ok()["unread_count"], 59, "read once");
    let all = ana.post("/api/v1/notifications/read-all", json!({})).await.ok();
    assert_eq!(all["unread_count"], 0);
    assert_eq!(ana.get("/api/v1/notifications?limit=1").await.ok()["unread_count"], 0);
    world.end().await;
}

#[tokio::test]
async fn all_of_a_long_inbox_is_read_and_stays_so() {
    let world = World::new().await;
    let ana = world.customer("ana").await;
    let shop = world.service(&["notifications:write"]).await;
    for hundred in 0..11 {
        let told = (0..100).map(|number| {
            let data = json!({ "order_number": format!("{hundred}-{number}") });
            let body = json!({ "user_id": "ana", "type": "order_delivered", "data": data });
            shop.post("/api/v1/notifications", body)
        });
        assert!(join_all(told).await.iter().all(|reply| reply.status == 201));
    }
    // A thousand at a time.
    while ana.post("/api/v1/notifications/read-all", json!({})).await.status == 429 {}
    assert_eq!(ana.get("/api/v1/notifications?limit=1").await.ok()["unread_count"], 0);
    let again = ana.post("/api/v1/notifications/read-all", json!({})).await;
    assert_eq!(again.status, 200, "nothing is left to read in more rows than are looked through at a time");
    world.end().await;
}

#[tokio::test]
async fn what_nobody_read_in_months_is_not_unread_for_ever() {
    let world = World::new().await;
    let body = json!({ "user_id": "ana", "type": "order_delivered", "data": { "order_number": "one" } });
    assert_eq!(tells(&world, body).await.status, 201);
    world.leaps(jiff::SignedDuration::from_hours(91 * 24)).await;
    let ana = world.customer("ana").await;
    assert_eq!(ana.get("/api/v1/notifications").await.ok()["data"], json!([]));
    assert_eq!(ana.post("/api/v1/notifications/read-all", json!({})).await.ok()["unread_count"], 0);
    assert_eq!(inbox(&ana).await, [""; 0]);
    world.end().await;
}

#[tokio::test]
async fn whoever_was_told_under_a_key_was_told_that() {
    let world = World::new().await;
    let ana = world.customer("ana").await;
    let body = |order: &str| {
        json!({ "user_id": "ana", "type": "order_delivered", "dedupe_key": "parcel",
            "data": { "order_number": order } })
    };
    let first = tells(&world, body("one")).await;
    let again = tells(&world, body("two")).await;
    assert_eq!(first.body["notification_id"], again.body["notification_id"], "{again:?}");
    assert_eq!(again.body["status"], "duplicate", "{again:?}");
    assert_eq!(newest(&ana, "order_delivered").await["notification_id"], first.body["notification_id"]);
    world.end().await;
}

#[tokio::test]
async fn what_was_read_on_one_screen_is_read_on_all() {
    let world = World::new().await;
    let ana = world.customer("ana").await;
    for order in ["one", "two", "three"] {
        let body = json!({ "user_id": "ana", "type": "order_delivered", "data": { "order_number": order } });
        assert_eq!(tells(&world, body).await.status, 201);
    }
    world.idle().await;
    let mut socket = ana.socket().await;
    let id = newest(&ana, "order_delivered").await["notification_id"].clone();
    let path = format!("/api/v1/notifications/{}/read", id.as_str().unwrap());
    let read = ana.send(Method::PUT, &path, &[], None).await;
    assert_eq!((read.status.as_u16(), &read.body["unread_count"]), (200, &json!(2)));
    world.idle().await;
    let event = socket.next("notification.read").await;
    assert_eq!(event["data"], json!({ "notification_id": id, "unread_count": 2 }));
    let all = socket.asks("notification.read", json!({ "all": true })).await;
    assert_eq!(all["data"]["unread_count"], 0, "{all}");
    assert_eq!(inbox(&ana).await, ["order_delivered"; 3]);
    world.end().await;
}
