//! Orders whose pieces lie in so many buckets that one transaction cannot move them all.

use jiff::SignedDuration;
use reqwest::Method;
use serde_json::{Value, json};

use crate::world::{Person, World};

/// As many lines as are sold in one transaction, and cannot come back in one: each then takes three writes.
const LINES: usize = 34;

fn name(number: usize) -> String {
    format!("p{number:02}")
}

/// Products of which there is one piece, and that is not in the first bucket.
pub(super) async fn with_one_piece_elsewhere(world: &World, products: usize) {
    let admin = world.admin().await;
    for product in (0..products).map(name) {
        world.product(&product, 3).await;
        let path = format!("/api/v1/inventory/{product}/buckets");
        admin.send(Method::PUT, &path, &[], Some(json!({ "buckets": 2 }).to_string())).await.ok();
        // Two lie in the first bucket and one in the other, so whoever takes two finds them in the first.
        let take = json!({ "product_id": product, "quantity": 2, "operation": "subtract" });
        admin.post("/api/v1/inventory/adjustments", take).await.ok();
    }
}

fn each(products: usize, quantity: u32) -> Value {
    let item = |number| json!({ "product_id": name(number), "quantity": quantity });
    json!({ "items": (0..products).map(item).collect::<Vec<_>>(), "currency": "USD" })
}

/// An order of so many pieces of each product.
pub(super) async fn orders_each(shop: &Person<'_>, products: usize, quantity: u32) -> Value {
    shop.post("/api/v1/orders", each(products, quantity)).await.ok()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_sold_from_many_buckets_comes_back_when_the_order_is_called_off() {
    let world = World::new().await;
    with_one_piece_elsewhere(&world, LINES).await;
    let (ana, admin) = (world.customer("ana").await, world.admin().await);
    for (capture, paid, ended) in
        [("automatic", "paid/paid", "cancelled/refunded"), ("manual", "paid/authorized", "cancelled/unpaid")]
    {
        let order = orders_each(&ana, LINES, 1).await;
        let asked = json!({ "order_id": order["order_id"], "capture_method": capture });
        let intent = admin.post("/api/v1/payments/create-intent", asked).await.ok();
        world.pays(&intent, "pm_card_visa").await.ok();
        assert_eq!(ana.status_of(&order).await, paid);
        let cancel = format!("/api/v1/orders/{}/cancel", order["order_id"].as_str().unwrap());
        ana.post(&cancel, json!({})).await.ok();
        world.advance(SignedDuration::from_mins(3)).await;
        assert_eq!(ana.status_of(&order).await, ended);
        for product in [0, LINES / 2, LINES - 1].map(name) {
            assert_eq!(world.stock(&product).await, "available 1, reserved 0, sold 0", "{product}");
        }
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_could_be_placed_from_many_buckets_can_be_paid() {
    let world = World::new().await;
    let (ana, admin) = (world.customer("ana").await, world.admin().await);
    for product in (0..12).map(name) {
        world.product(&product, 4).await;
        let path = format!("/api/v1/inventory/{product}/buckets");
        admin.send(Method::PUT, &path, &[], Some(json!({ "buckets": 4 }).to_string())).await.ok();
    }
    // Twelve lines from four buckets each: one transaction can hold them, and not sell them with their order and payment.
    world
        .fault(json!({ "service": "dynamodb", "operation": "PutItem", "table": "OrdersTable", "function": "Orders",
            "kind": "crash_after", "count": 1 }))
        .await;
    let cut_off = ana.post_keyed("/api/v1/orders", "o1", each(12, 4)).await;
    assert!(
        cut_off.status.is_server_error(),
        "whoever places it dies before its pieces are held: {cut_off:?}"
    );
    let order = ana.post_keyed("/api/v1/orders", "o1", each(12, 4)).await.ok();
    assert_eq!(world.stock("p00").await, "available 0, reserved 4, sold 0");
    let intent = ana.begins_to_pay(&order).await;
    world.pays(&intent, "pm_card_visa").await.ok();
    assert_eq!(ana.status_of(&order).await, "paid/paid");
    assert_eq!(world.stock("p00").await, "available 0, reserved 0, sold 4");
    let cancel = format!("/api/v1/orders/{}/cancel", order["order_id"].as_str().unwrap());
    ana.post(&cancel, json!({})).await.ok();
    world.idle().await;
    assert_eq!(ana.status_of(&order).await, "cancelled/refunded");
    assert_eq!(world.stock("p11").await, "available 4, reserved 0, sold 0");
    world.end().await;
}
