//! What the people who run a shop look at.

use reqwest::Method;
use serde_json::{Value, json};

use crate::world::World;

#[tokio::test]
async fn what_staff_does_is_in_the_audit_log_and_on_the_admins_screens() {
    let world = World::new().await;
    let admin = world.admin().await;
    let mut socket = admin.socket().await;
    socket.subscribes("admin").await;
    world.product("lamp", 3).await;
    let flag = |on: bool| Some(json!({ "is_enabled": on }).to_string());
    let path = "/api/v1/feature-flags/chat";
    assert_eq!(admin.send(Method::PUT, path, &[], flag(true)).await.ok()["version"], 1);
    world.idle().await;

    let log = admin.get("/api/v1/audit-logs").await.ok();
    let mut actions: Vec<_> =
        log["data"].as_array().unwrap().iter().map(|line| line["action"].clone()).collect();
    actions.sort_by_key(ToString::to_string);
    assert_eq!(actions, [json!("feature_flag.changed"), json!("product.saved"), json!("stock.changed")]);
    assert!(log["data"].as_array().unwrap().iter().all(|line| line["actor"] == "olga"));
    let mut seen: Vec<_> = vec![];
    for _ in 0..3 {
        seen.push(socket.next("audit.logged").await["data"]["action"].to_string());
    }
    seen.sort();
    assert_eq!(seen, ["\"feature_flag.changed\"", "\"product.saved\"", "\"stock.changed\""]);

    let counters = admin.get("/api/v1/metrics").await.ok();
    assert_eq!(counters["counters"]["product"]["saved"], 1);
    world.end().await;
}

#[tokio::test]
async fn a_flag_is_changed_only_from_the_version_that_was_read() {
    let world = World::new().await;
    let admin = world.admin().await;
    let path = "/api/v1/feature-flags/chat";
    let on = || Some(json!({ "is_enabled": true }).to_string());
    admin.send(Method::PUT, path, &[("if-match", "0")], on()).await.ok();
    let again = admin.send(Method::PUT, path, &[("if-match", "0")], on()).await;
    assert_eq!(again.outcome(), "409 version_conflict");
    assert_eq!(
        admin.send(Method::PUT, path, &[("if-match", "x")], on()).await.complaint(),
        "400 validation_failed If-Match"
    );
    let config = world.nobody().get("/api/v1/config").await.ok();
    assert_eq!(config["feature_flags"], json!({ "chat": true }));
    assert_eq!((&config["currencies"]["USD"], &config["currencies"]["JPY"]), (&json!(2), &json!(0)));
    world.end().await;
}

#[tokio::test]
async fn health_is_public_and_deep_health_is_not() {
    let world = World::new().await;
    assert_eq!(world.nobody().get("/api/v1/health").await.ok()["status"], "ok");
    assert_eq!(world.nobody().get("/api/v1/health?deep=1").await.outcome(), "401 unauthenticated");
    let deep = world.admin().await.get("/api/v1/health?deep=1").await;
    assert!(!deep.headers["x-request-id"].is_empty());
    assert!(deep.headers["x-response-time"].to_str().unwrap().ends_with("ms"));
    assert_eq!(deep.ok()["checks"]["database"], "ok");
    world.end().await;
}

#[tokio::test]
async fn a_batch_that_comes_twice_is_counted_once() {
    let world = World::new().await;
    let lamp = world.product("lamp", 9).await;
    let counters = async || world.admin().await.get("/api/v1/metrics").await.ok()["counters"].clone();
    for (orders, kind) in (1..).zip(["crash_after", "crash_before", "drop"]) {
        // The relay dies right behind a counter, before another one, or never hears that it has counted.
        world
            .fault(json!({ "service": "dynamodb", "function": "Relay", "operation": "UpdateItem", "table": "PlatformTable",
                "kind": kind, "count": 1 }))
            .await;
        world.customer("ana").await.orders(&lamp, 1).await.ok();
        world.idle().await;
        world.no_faults().await;
        let counted = counters().await;
        assert_eq!(
            (&counted["order"]["created"], &counted["stock"]["changed"]),
            (&json!(orders), &json!(orders + 1)),
            "{kind}"
        );
    }
    world.end().await;
}

#[tokio::test]
async fn payments_that_come_again_in_batches_of_another_extent_are_counted_once() {
    let world = World::new().await;
    let lamp = world.product("lamp", 9).await;
    let mut records = vec![];
    for name in ["ana", "ben"] {
        let order = world.customer(name).await.buys(&lamp, 1).await;
        let key = format!("default#payment#{}", order["payment_id"].as_str().unwrap());
        let rows = world.partition("OrdersTable", &key).await;
        let is_paid = |row: &&Value| row["data"]["M"]["status"]["S"] == "succeeded";
        let row = rows.iter().find(is_paid).unwrap();
        records.push(json!({ "eventID": name, "eventName": "INSERT", "eventSource": "aws:dynamodb", "awsRegion": "eu-west-1",
            "eventSourceARN": "arn:aws:dynamodb:eu-west-1:000000000000:table/OrdersTable/stream/2026-01-01T00:00:00.000",
            "dynamodb": { "Keys": { "pk": row["pk"], "sk": row["sk"] }, "NewImage": row, "SequenceNumber": name,
                "SizeBytes": 1, "StreamViewType": "NEW_IMAGE" } }));
    }
    world.idle().await;
    // A stream repeats a batch that failed in halves, or together with what has come since.
    for batch in [vec![0, 1], vec![1], vec![0], vec![1, 0]] {
        let records: Vec<_> = batch.iter().map(|index| records[*index].clone()).collect();
        let answer = world.cloud().invoke("Relay", json!({ "Records": records })).await.unwrap();
        assert_eq!(answer["batchItemFailures"], json!([]), "{answer}");
        let usual = world.partition("PlatformTable", "default#usual#USD").await;
        assert_eq!(
            (&usual[0]["payments"]["N"], &usual[0]["total"]["N"]),
            (&json!("2"), &json!("3998")),
            "{batch:?}"
        );
    }
    world.end().await;
}
