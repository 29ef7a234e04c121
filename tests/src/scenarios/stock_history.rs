//! Old rows of the ledger go, and what they came to stays.

use jiff::SignedDuration;
use serde_json::{Value, json};

use crate::world::World;

const HOLDS: &str = "/api/v1/inventory/reservations";
const ADJUSTMENTS: &str = "/api/v1/inventory/adjustments";

fn items(quantity: u32) -> Value {
    json!([{ "product_id": "lamp", "quantity": quantity }])
}

async fn days_pass(world: &World, days: i64) {
    world.idle().await;
    let clock = world.cloud().clock();
    clock.turn_to(clock.after(SignedDuration::from_hours(24 * days)));
}

/// Sweeps once; whether the sweeper came to its end.
async fn sweeps(world: &World) -> bool {
    let is_done = world.cloud().invoke("Sweeper", json!({})).await.is_ok();
    world.idle().await;
    is_done
}

/// How many rows the ledgers of all buckets have.
async fn rows(world: &World) -> usize {
    let mut rows = 0;
    for pk in ["default#stock#lamp", "default#stock#lamp#1"] {
        let all = world.partition("InventoryTable", pk).await;
        rows += all.iter().filter(|row| row["sk"]["S"].as_str().unwrap().starts_with("j#")).count();
    }
    rows
}

async fn forecast(world: &World) -> Value {
    world.admin().await.get("/api/v1/inventory/forecast").await.ok()["data"].take()
}

#[tokio::test]
async fn rows_older_than_a_month_go_behind_a_checkpoint_that_keeps_what_they_came_to() {
    let world = World::new().await;
    let lamp = world.product("lamp", 100).await;
    let (ana, admin) = (world.customer("ana").await, world.admin().await);
    let add = json!({ "product_id": lamp, "quantity": 1, "operation": "add" });
    admin.post(&format!("{ADJUSTMENTS}/batch"), json!({ "adjustments": vec![add; 100] })).await.ok();
    let divide = Some(json!({ "buckets": 2 }).to_string());
    admin.send(reqwest::Method::PUT, "/api/v1/inventory/lamp/buckets", &[], divide).await.ok();
    for (order, quantity) in [("ORD-1", 6), ("ORD-2", 3)] {
        let sale = json!({ "order_id": order, "items": items(quantity) });
        admin.post("/api/v1/inventory/commitments", sale).await.ok();
    }
    admin.post("/api/v1/inventory/returns", json!({ "order_id": "ORD-1", "items": items(2) })).await.ok();
    ana.post(HOLDS, json!({ "items": items(5) })).await.ok();
    world.advance(SignedDuration::from_mins(16)).await;

    days_pass(&world, 20).await;
    let ben = world.customer("ben").await;
    ben.post(HOLDS, json!({ "items": items(4) })).await.ok();
    let admin = world.admin().await;
    let sale = json!({ "order_id": "ORD-3", "items": items(7) });
    admin.post("/api/v1/inventory/commitments", sale).await.ok();
    world.advance(SignedDuration::from_mins(16)).await;
    assert!(rows(&world).await > 105, "what is twenty days old stays");

    days_pass(&world, 12).await;
    let (stock, lasts) = (world.stock(&lamp).await, forecast(&world).await);
    for kind in ["crash_before", "crash_after", "drop"] {
        world
            .fault(
                json!({ "function": "Sweeper", "operation": "TransactWriteItems", "kind": kind, "count": 1 }),
            )
            .await;
        sweeps(&world).await;
        world.no_faults().await;
        world.books_balance().await;
    }
    assert!(sweeps(&world).await);
    assert!(sweeps(&world).await);
    let left = rows(&world).await;
    assert!((2..=8).contains(&left), "what is twelve days old stays: {left}");
    assert_eq!(forecast(&world).await, lasts, "what was sold is still known");
    let report = world.admin().await.get("/api/v1/inventory/reconciliation").await.ok();
    assert_eq!((&report["drift"], &report["movements_checked"]), (&json!([]), &json!(left)));
    assert!(stock.ends_with("sold 14"), "{stock}");
    assert!(world.stock(&lamp).await.ends_with("sold 14"));

    // The next ones go in their turn.
    days_pass(&world, 21).await;
    for _ in 0..3 {
        assert!(sweeps(&world).await);
    }
    assert_eq!(
        (rows(&world).await, world.stock(&lamp).await.as_str()),
        (0, "available 186, reserved 0, sold 14")
    );
    world.end().await;
}

#[tokio::test]
async fn drift_is_found_and_repaired_behind_a_checkpoint() {
    let world = World::new().await;
    let lamp = world.product("lamp", 9).await;
    days_pass(&world, 32).await;
    sweeps(&world).await;
    assert_eq!(rows(&world).await, 0);
    let spoil = json!({
        "TableName": "InventoryTable",
        "Key": { "pk": { "S": "default#stock#lamp" }, "sk": { "S": "level#main#" } },
        "UpdateExpression": "ADD available :two",
        "ExpressionAttributeValues": { ":two": { "N": "2" } },
    });
    world.dynamo("UpdateItem", spoil).await;
    let admin = world.admin().await;
    let repaired = admin.post("/api/v1/inventory/reconciliation", json!({})).await.ok();
    assert_eq!(
        (&repaired["repaired"][0]["level"], &repaired["repaired"][0]["ledger"]),
        (&json!([11, 0, 0]), &json!([9, 0, 0]))
    );
    assert_eq!(world.stock(&lamp).await, "available 11, reserved 0, sold 0");
    world.end().await;
}
