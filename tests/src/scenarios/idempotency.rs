//! Requests that come twice, and runs that are cut off.

use jiff::SignedDuration;
use serde_json::json;

use crate::world::World;

const ADJUST: &str = "/api/v1/inventory/adjustments";

#[tokio::test]
async fn an_adjustment_sent_twice_counts_once() {
    let world = World::new().await;
    let lamp = world.product("lamp", 0).await;
    let admin = world.admin().await;
    let add = |quantity: u32| json!({ "product_id": lamp, "quantity": quantity, "operation": "add" });
    let first = admin.post_keyed(ADJUST, "delivery-1", add(5)).await.ok();
    assert_eq!(admin.post_keyed(ADJUST, "delivery-1", add(5)).await.ok(), first);
    assert_eq!(admin.post_keyed(ADJUST, "delivery-1", add(6)).await.outcome(), "422 idempotency_mismatch");
    assert_eq!(world.stock(&lamp).await, "available 5, reserved 0, sold 0");
    world.end().await;
}

#[tokio::test]
async fn an_act_that_needs_a_key_says_so() {
    let world = World::new().await;
    let admin = world.admin().await;
    let missing = admin.send(reqwest::Method::POST, ADJUST, &[], Some("{}".into())).await;
    assert_eq!(missing.outcome(), "400 idempotency_key_missing");
    let long = "x".repeat(256);
    let long = admin.post_keyed(ADJUST, &long, json!({})).await;
    assert_eq!(long.complaint(), "400 validation_failed Idempotency-Key");
    world.end().await;
}

#[tokio::test]
async fn a_refusal_is_not_kept_and_can_be_corrected_under_the_same_key() {
    let world = World::new().await;
    let lamp = world.product("lamp", 1).await;
    let admin = world.admin().await;
    let take = json!({ "product_id": lamp, "quantity": 2, "operation": "subtract" });
    assert_eq!(admin.post_keyed(ADJUST, "k", take.clone()).await.outcome(), "409 insufficient_stock");
    world.product("shade", 1).await;
    let add = json!({ "product_id": lamp, "quantity": 1, "operation": "add" });
    admin.post(ADJUST, add).await.ok();
    assert_eq!(admin.post_keyed(ADJUST, "k", take).await.ok()["level"]["available_quantity"], 0);
    world.end().await;
}

#[tokio::test]
async fn a_run_that_was_cut_off_gives_its_lock_back_and_is_not_done_twice() {
    let world = World::new().await;
    let lamp = world.product("lamp", 0).await;
    let admin = world.admin().await;
    let add = json!({ "product_id": lamp, "quantity": 5, "operation": "add" });
    // The act is done, but every attempt to note what came of it fails: as if the run had been cut off there.
    world.fault(json!({ "service": "dynamodb", "operation": "UpdateItem", "table": "PlatformTable", "function": "Inventory", "kind": "refuse", "count": 20 })).await;
    assert_eq!(admin.post_keyed(ADJUST, "k", add.clone()).await.outcome(), "503 upstream_unavailable");
    world.nobody().send(reqwest::Method::DELETE, "/_local/faults", &[], None).await;
    assert_eq!(admin.post_keyed(ADJUST, "k", add.clone()).await.outcome(), "409 idempotency_in_progress");
    world.advance(SignedDuration::from_secs(61)).await;
    assert_eq!(admin.post_keyed(ADJUST, "k", add).await.ok()["level"]["available_quantity"], 5);
    assert_eq!(world.stock(&lamp).await, "available 5, reserved 0, sold 0");
    world.end().await;
}

#[tokio::test]
async fn a_write_whose_answer_was_lost_is_not_taken_for_a_failure() {
    let world = World::new().await;
    let lamp = world.product("lamp", 9).await;
    let ana = world.customer("ana").await;
    for operation in ["TransactWriteItems", "PutItem", "UpdateItem"] {
        world
            .fault(json!({ "service": "dynamodb", "operation": operation, "kind": "drop", "count": 1 }))
            .await;
        let order = ana.orders(&lamp, 1).await.ok();
        let intent = ana.begins_to_pay(&order).await;
        world.pays(&intent, "pm_card_visa").await.ok();
        assert_eq!(ana.status_of(&order).await, "paid/paid", "{operation}");
    }
    assert_eq!(world.stock(&lamp).await, "available 6, reserved 0, sold 3");
    world.end().await;
}

#[tokio::test]
async fn too_much_too_fast_is_told_when_to_come_again() {
    let world = World::new().await;
    world.product("lamp", 100).await;
    let ana = world.customer("ana").await;
    let items = json!({ "items": [{ "product_id": "lamp", "quantity": 1 }] });
    for n in 0..30 {
        assert_eq!(ana.post("/api/v1/inventory/reservations", items.clone()).await.outcome(), "201", "{n}");
    }
    let limited = ana.post("/api/v1/inventory/reservations", items.clone()).await;
    assert_eq!(limited.outcome(), "429 rate_limited");
    assert_eq!(limited.headers["retry-after"], "1");
    let ben = world.customer("ben").await;
    assert_eq!(
        ben.post("/api/v1/inventory/reservations", items.clone()).await.outcome(),
        "201",
        "another person"
    );
    world.advance(SignedDuration::from_secs(1)).await;
    assert_eq!(ana.post("/api/v1/inventory/reservations", items).await.outcome(), "201");
    world.end().await;
}
