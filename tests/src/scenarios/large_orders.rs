//! Orders of more lines than one transaction has: they are whole or not at all, also in their end.

use jiff::SignedDuration;
use serde_json::{Value, json};

use super::scattered::{orders_each, with_one_piece_elsewhere};
use crate::world::{Person, World};

const SCOPES: [&str; 3] = ["orders:write", "orders:read", "payments:write"];

/// Forty-one products, and an order of one piece of each.
async fn placed(world: &World, shop: &Person<'_>) -> Value {
    for n in 0..41 {
        world.product(&format!("p{n:02}"), 2).await;
    }
    let items: Vec<_> = (0..41).map(|n| json!({ "product_id": format!("p{n:02}"), "quantity": 1 })).collect();
    shop.post("/api/v1/orders", json!({ "items": items, "currency": "USD" })).await.ok()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_order_that_is_called_off_while_its_first_hold_is_sold_gives_everything_back() {
    let world = World::new().await;
    let shop = world.service(&SCOPES).await;
    let order = placed(&world, &shop).await;
    is_called_off_while_its_first_hold_is_sold(&world, &shop, &order).await;
    for product in ["p00", "p39", "p40"] {
        assert_eq!(world.ledger(product).await.level, [2, 0, 0], "{product}");
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_does_so_too_when_its_pieces_lie_in_many_buckets() {
    let world = World::new().await;
    let shop = world.service(&SCOPES).await;
    with_one_piece_elsewhere(&world, 41).await;
    let order = orders_each(&shop, 41, 1).await;
    is_called_off_while_its_first_hold_is_sold(&world, &shop, &order).await;
    for product in ["p00", "p39", "p40"] {
        assert_eq!(world.stock(product).await, "available 1, reserved 0, sold 0", "{product}");
    }
    world.end().await;
}

/// Whoever calls it off has seen that nobody pays for it, and is held up before they write. Meanwhile it is paid for, and
/// who settles that dies when one of its two holds is sold.
async fn is_called_off_while_its_first_hold_is_sold(world: &World, shop: &Person<'_>, order: &Value) {
    let cancel = format!("/api/v1/orders/{}/cancel", order["order_id"].as_str().unwrap());
    world
        .fault(json!({ "service": "dynamodb", "operation": "TransactWriteItems", "function": "Orders", "kind": "delay",
            "milliseconds": 4000, "count": 1 }))
        .await;
    let pays = async {
        while !world.cloud().faults().list().is_empty() {
            shop.order(order).await;
        }
        let intent = shop.begins_to_pay(order).await;
        world
            .fault(
                json!({ "service": "dynamodb", "operation": "TransactWriteItems", "table": "InventoryTable",
                "function": "StripeWebhook", "kind": "crash_after", "count": 1 }),
            )
            .await;
        world.pays(&intent, "pm_card_visa").await.ok();
        assert!(world.cloud().faults().list().is_empty(), "nobody died");
    };
    let (cancelled, ()) = tokio::join!(shop.post(&cancel, json!({})), pays);
    assert_eq!(cancelled.ok()["status"], "cancelled");
    world.advance(SignedDuration::from_mins(5)).await;
    assert_eq!(shop.status_of(order).await, "cancelled/refunded");
}

#[tokio::test]
async fn what_a_large_order_still_holds_when_its_end_breaks_off_goes_back_within_minutes() {
    let world = World::new().await;
    let shop = world.service(&SCOPES).await;
    let order = placed(&world, &shop).await;
    let cancel = format!("/api/v1/orders/{}/cancel", order["order_id"].as_str().unwrap());
    world
        .fault(json!({ "service": "dynamodb", "operation": "TransactWriteItems", "function": "Orders",
            "kind": "crash_after", "count": 1 }))
        .await;
    let cut_off = shop.post(&cancel, json!({})).await;
    assert!(cut_off.status.is_server_error(), "{cut_off:?}");
    assert_eq!(shop.status_of(&order).await, "cancelled/unpaid");
    assert_eq!(world.ledger("p00").await.level, [1, 1, 0], "it has ended, and its first hold has not");
    world.advance(SignedDuration::from_mins(2)).await;
    for product in ["p00", "p39", "p40"] {
        assert_eq!(world.ledger(product).await.level, [2, 0, 0], "{product}");
    }
    world.end().await;
}
