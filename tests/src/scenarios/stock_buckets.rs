//! A level in several buckets: the same promises, and writes that do not queue behind one row.

use std::collections::BTreeMap;

use futures_util::future::join_all;
use jiff::SignedDuration;
use reqwest::Method;
use serde_json::{Value, json};

use crate::world::{Person, World};

const HOLDS: &str = "/api/v1/inventory/reservations";

async fn divides(admin: &Person<'_>, buckets: u16) -> Value {
    let path = "/api/v1/inventory/lamp/buckets";
    admin.send(Method::PUT, path, &[], Some(json!({ "buckets": buckets }).to_string())).await.ok()
}

fn lamps(quantity: u32) -> Value {
    json!({ "items": [{ "product_id": "lamp", "quantity": quantity }] })
}

/// How many ledger rows each partition of a product has got.
async fn ledger_rows(world: &World, buckets: u16) -> BTreeMap<String, usize> {
    let mut rows = BTreeMap::new();
    for bucket in 0..buckets {
        let pk =
            if bucket == 0 { "default#stock#lamp".into() } else { format!("default#stock#lamp#{bucket}") };
        let query = json!({
            "TableName": "InventoryTable", "Select": "COUNT",
            "KeyConditionExpression": "pk = :pk AND begins_with(sk, :j)",
            "ExpressionAttributeValues": { ":pk": { "S": pk }, ":j": { "S": "j#" } },
        });
        let found = world.dynamo("Query", query).await;
        rows.insert(pk, usize::try_from(found["Count"].as_u64().unwrap()).unwrap());
    }
    rows
}

#[tokio::test(flavor = "multi_thread")]
async fn buyers_of_a_divided_level_are_spread_and_get_exactly_what_there_is() {
    let world = World::new().await;
    world.product("lamp", 60).await;
    let admin = world.admin().await;
    assert_eq!(divides(&admin, 8).await, json!({ "product_id": "lamp", "buckets": 8, "levels": 1 }));
    let before = ledger_rows(&world, 8).await;
    let names: Vec<_> = (0..100).map(|n| format!("buyer{n}")).collect();
    let buyers = join_all(names.iter().map(|name| world.customer(name))).await;
    let buys = buyers.iter().map(|buyer| async { buyer.post(HOLDS, lamps(1)).await.outcome() });
    let outcomes = join_all(buys).await;
    let count = |outcome: &str| outcomes.iter().filter(|found| *found == outcome).count();
    assert_eq!((count("201"), count("409 insufficient_stock")), (60, 40), "{outcomes:?}");
    assert_eq!(world.stock("lamp").await, "available 0, reserved 60, sold 0");
    let after = ledger_rows(&world, 8).await;
    let written: Vec<_> = after.iter().map(|(pk, rows)| rows - before[pk]).collect();
    assert_eq!(written.iter().sum::<usize>(), 60);
    assert!(written.iter().all(|rows| (4..=12).contains(rows)), "{written:?}");
    world.advance(SignedDuration::from_mins(15)).await;
    assert_eq!(world.stock("lamp").await, "available 60, reserved 0, sold 0");
    world.end().await;
}

#[tokio::test]
async fn buckets_that_are_short_alone_serve_together() {
    let world = World::new().await;
    world.product("lamp", 10).await;
    let (admin, ana, ben) = (world.admin().await, world.customer("ana").await, world.customer("ben").await);
    divides(&admin, 4).await;
    let held = ana.post(HOLDS, lamps(7)).await.text("reservation_id");
    let refused = ben.post(HOLDS, lamps(4)).await;
    assert_eq!(refused.outcome(), "409 insufficient_stock");
    assert_eq!(refused.body["items"][0]["available_quantity"], 3);
    ana.post(HOLDS, lamps(10)).await.ok();
    assert_eq!(world.stock("lamp").await, "available 0, reserved 10, sold 0");
    ana.post(HOLDS, lamps(2)).await.ok();
    assert_eq!(world.stock("lamp").await, "available 8, reserved 2, sold 0");
    ana.send(Method::DELETE, &format!("{HOLDS}/{held}"), &[], None).await.ok();
    let order = ben.buys("lamp", 9).await;
    assert_eq!(world.stock("lamp").await, "available 1, reserved 0, sold 9");
    let cancel = format!("/api/v1/orders/{}/cancel", order["order_id"].as_str().unwrap());
    ben.post(&cancel, json!({})).await.ok();
    assert_eq!(world.stock("lamp").await, "available 10, reserved 0, sold 0");
    world.end().await;
}

#[tokio::test]
async fn a_divided_level_is_counted_changed_and_joined_as_one() {
    let world = World::new().await;
    world.product("lamp", 10).await;
    let (admin, ana) = (world.admin().await, world.customer("ana").await);
    divides(&admin, 4).await;
    ana.post(HOLDS, lamps(3)).await.ok();
    let adjust = |operation: &str, quantity: u32| json!({ "product_id": "lamp", "quantity": quantity, "operation": operation });
    let path = "/api/v1/inventory/adjustments";
    for (operation, quantity, available, moved) in
        [("add", 6, 13, 6), ("subtract", 11, 2, -11), ("set", 9, 9, 7), ("set", 0, 0, -9), ("add", 2, 2, 2)]
    {
        let key = format!("{operation}-{quantity}");
        for _ in 0..2 {
            let done = admin.post_keyed(path, &key, adjust(operation, quantity)).await.ok();
            let seen = (&done["level"]["available_quantity"], &done["movement"]["available"]);
            assert_eq!(seen, (&json!(available), &json!(moved)), "{operation} {quantity}");
        }
    }
    assert_eq!(admin.post(path, adjust("subtract", 3)).await.outcome(), "409 insufficient_stock");
    divides(&admin, 1).await;
    assert_eq!(world.stock("lamp").await, "available 2, reserved 3, sold 0");
    world.advance(SignedDuration::from_mins(15)).await;
    ana.post(HOLDS, lamps(5)).await.ok();
    assert_eq!(world.stock("lamp").await, "available 0, reserved 5, sold 0");
    let mut seen = 0;
    let mut cursor = String::new();
    loop {
        let page = admin.get(&format!("/api/v1/inventory/lamp/movements?limit=3{cursor}")).await.ok();
        seen += page["data"]
            .as_array()
            .unwrap()
            .iter()
            .map(|row| row["available"].as_i64().unwrap())
            .sum::<i64>();
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(seen, 0, "the whole ledger, page by page, adds up to the level");
    world.end().await;
}

#[tokio::test]
async fn a_divided_level_that_runs_low_is_told_once() {
    let world = World::new().await;
    world.product("lamp", 12).await;
    let (admin, ana) = (world.admin().await, world.customer("ana").await);
    divides(&admin, 4).await;
    for quantity in 1..=5 {
        ana.post(HOLDS, lamps(quantity)).await.ok();
        world.idle().await;
    }
    let alerts = admin.get("/api/v1/inventory/alerts").await.ok();
    let kinds: Vec<_> =
        alerts["data"].as_array().unwrap().iter().map(|alert| (&alert["kind"], &alert["quantity"])).collect();
    assert_eq!(kinds, [(&json!("low_stock"), &json!(10))]);
    world.end().await;
}
