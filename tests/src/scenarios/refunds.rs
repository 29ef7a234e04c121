//! Refunds that do not go as they were asked for, and what comes back with them.

use jiff::SignedDuration;
use reqwest::Method;
use serde_json::{Value, json};

use crate::{stripe::intent_id, world::World};

fn minutes(n: i64) -> SignedDuration {
    SignedDuration::from_mins(n)
}

fn refund_of(order: &Value) -> String {
    format!("/api/v1/payments/{}/refund", order["payment_id"].as_str().unwrap())
}

#[tokio::test]
async fn what_came_back_with_a_refund_that_the_bank_sends_back_does_not_come_back_twice() {
    let world = World::new().await;
    let lamp = world.product("lamp", 5).await;
    let (ana, ben, admin) = (world.customer("ana").await, world.customer("ben").await, world.admin().await);
    ben.buys(&lamp, 2).await;
    let order = ana.orders(&lamp, 2).await.ok();
    let intent = ana.begins_to_pay(&order).await;
    world.pays(&intent, "pm_card_refundFail").await.ok();
    let with_pieces = |pieces: u32| {
        let items = json!([{ "product_id": lamp, "quantity": pieces }]);
        json!({ "amount": 700, "items": items, "restock": true })
    };
    admin.post(&refund_of(&order), with_pieces(1)).await.ok();
    assert_eq!(world.stock(&lamp).await, "available 2, reserved 0, sold 3");
    world.advance(minutes(2)).await;
    assert_eq!(
        ana.status_of(&order).await,
        "paid/paid",
        "the money came back, and the piece is on the shelf"
    );
    assert_eq!(
        admin.post(&refund_of(&order), with_pieces(2)).await.complaint(),
        "400 validation_failed items[0].quantity"
    );
    ana.post(&format!("/api/v1/orders/{}/cancel", order["order_id"].as_str().unwrap()), json!({})).await.ok();
    world.idle().await;
    assert_eq!(world.ledger(&lamp).await.level, [3, 0, 2], "one came back before, and now the other");
    world.end().await;
}

#[tokio::test]
async fn nothing_comes_back_of_an_order_that_has_sold_nothing() {
    let world = World::new().await;
    let lamp = world.product("lamp", 5).await;
    let (ana, ben, admin) = (world.customer("ana").await, world.customer("ben").await, world.admin().await);
    ben.buys(&lamp, 2).await;
    let order = ana.orders(&lamp, 1).await.ok();
    let intent = ana.begins_to_pay(&order).await;
    let path = format!("payment_intents/{}", intent_id(&intent));
    world.at_stripe(Method::POST, &path, &[("amount", "100")]).await;
    world.pays(&intent, "pm_card_visa").await.ok();
    // The money is here and to be looked at, and the pieces are only held.
    let items = json!([{ "product_id": lamp, "quantity": 1 }]);
    let refund = json!({ "items": items, "restock": true });
    assert_eq!(
        admin.post(&refund_of(&order), refund).await.complaint(),
        "400 validation_failed items[0].quantity"
    );
    assert_eq!(world.ledger(&lamp).await.level, [2, 1, 2]);
    world.end_unbalanced().await;
}
