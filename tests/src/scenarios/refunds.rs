//! Refunds that do not go as they were asked for: sent back by the bank, called off at Stripe, or more than is left.

use jiff::SignedDuration;
use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    stripe::intent_id,
    world::{Person, World},
};

fn minutes(n: i64) -> SignedDuration {
    SignedDuration::from_mins(n)
}

fn refund_of(order: &Value) -> String {
    format!("/api/v1/payments/{}/refund", order["payment_id"].as_str().unwrap())
}

async fn call_off(who: &Person<'_>, order: &Value) -> Value {
    let path = format!("/api/v1/orders/{}/cancel", order["order_id"].as_str().unwrap());
    who.post(&path, json!({})).await.ok()
}

/// An order of two pieces that is paid with `card`, and its intent.
async fn paid_with(world: &World, who: &Person<'_>, product: &str, card: &str) -> (Value, String) {
    let order = who.orders(product, 2).await.ok();
    let intent = who.begins_to_pay(&order).await;
    world.pays(&intent, card).await.ok();
    (order, intent_id(&intent))
}

/// Gives money back at Stripe's dashboard, of which nobody hears yet.
async fn goes_back_at_stripe(world: &World, intent: &str, amount: &str) {
    world.webhooks(json!({ "lose": true })).await;
    world.at_stripe(Method::POST, "refunds", &[("payment_intent", intent), ("amount", amount)]).await;
}

/// What went back for an intent, as Stripe sees it.
async fn gone_at_stripe(world: &World, intent: &str) -> Vec<i64> {
    let path = format!("refunds?limit=100&payment_intent={intent}");
    let all = world.at_stripe(Method::GET, &path, &[]).await;
    let went = all["data"].as_array().unwrap().iter().filter(|refund| refund["status"] == "succeeded");
    went.map(|refund| refund["amount"].as_i64().unwrap()).collect()
}

/// What was received, went back and is on its way back, by the books.
async fn books_of(admin: &Person<'_>, order: &Value) -> [i64; 3] {
    let payment = admin.get(refund_of(order).trim_end_matches("/refund")).await.ok();
    ["captured", "refunded", "refunding"].map(|sum| payment[sum].as_i64().unwrap())
}

async fn drift(admin: &Person<'_>) -> Value {
    admin.get("/api/v1/payments/reconciliation").await.ok()["drift"].clone()
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

#[tokio::test]
async fn an_order_that_is_called_off_gives_back_what_is_left_after_refunds_nobody_heard_of() {
    let world = World::new().await;
    let lamp = world.product("lamp", 9).await;
    let (ana, admin) = (world.customer("ana").await, world.admin().await);
    for (before, rest) in [("1000", vec![2998, 1000]), ("3998", vec![3998])] {
        let (order, intent) = paid_with(&world, &ana, &lamp, "pm_card_visa").await;
        goes_back_at_stripe(&world, &intent, before).await;
        call_off(&ana, &order).await;
        world.idle().await;
        assert_eq!(gone_at_stripe(&world, &intent).await, rest);
        assert_eq!(books_of(&admin, &order).await, [3998, 3998, 0]);
        assert_eq!(ana.status_of(&order).await, "cancelled/refunded");
        world.webhooks(json!({})).await;
        world.advance(minutes(5)).await; // what was lost is pulled, and is no news
        assert_eq!(books_of(&admin, &order).await, [3998, 3998, 0]);
        assert_eq!(
            world.ledger(&lamp).await.level,
            [9, 0, 0],
            "the pieces come back with the money, whoever gave it"
        );
    }
    world.end().await;
}

#[tokio::test]
async fn a_refund_of_more_than_is_left_at_stripe_fails_and_says_what_is_left() {
    let world = World::new().await;
    let lamp = world.product("lamp", 9).await;
    let (ana, admin) = (world.customer("ana").await, world.admin().await);
    let (order, intent) = paid_with(&world, &ana, &lamp, "pm_card_visa").await;
    goes_back_at_stripe(&world, &intent, "1000").await;
    let asked = admin.post(&refund_of(&order), json!({ "amount": 3000 })).await.ok();
    assert_eq!(asked["status"], "failed", "somebody wants 3000 back and not less");
    assert_eq!(books_of(&admin, &order).await, [3998, 1000, 0]);
    assert_eq!(
        admin.post(&refund_of(&order), json!({ "amount": 3000 })).await.outcome(),
        "409 refund_exceeds_captured"
    );
    assert_eq!(admin.post(&refund_of(&order), json!({})).await.ok()["amount"]["amount"], 2998);
    world.webhooks(json!({})).await;
    world.end().await;
}

#[tokio::test]
async fn money_that_the_bank_sends_back_after_the_order_was_called_off_is_seen_and_given_again() {
    let world = World::new().await;
    let lamp = world.product("lamp", 9).await;
    let (ana, admin) = (world.customer("ana").await, world.admin().await);
    let (order, _) = paid_with(&world, &ana, &lamp, "pm_card_refundFail").await;
    call_off(&ana, &order).await;
    world.idle().await;
    assert_eq!(books_of(&admin, &order).await, [3998, 3998, 0]);
    world.advance(minutes(2)).await;
    assert_eq!(books_of(&admin, &order).await, [3998, 0, 0]);
    assert_eq!(ana.status_of(&order).await, "cancelled/paid");
    let problem = "3998 is kept for an order that is Cancelled";
    assert_eq!(drift(&admin).await[0]["problem"], problem);
    let events = ana.get("/api/v1/realtime/events?channel=user:ana").await.ok();
    let last = events["data"].as_array().unwrap().iter().rfind(|event| event["type"] == "refund.updated");
    assert_eq!(last.unwrap()["data"]["status"], "failed");
    assert_eq!(world.ledger(&lamp).await.level, [9, 0, 0], "the pieces stay");

    let again = admin.post(&refund_of(&order), json!({})).await.ok();
    assert_eq!((&again["status"], &again["amount"]["amount"]), (&json!("succeeded"), &json!(3998)));
    assert_eq!(
        (drift(&admin).await, ana.status_of(&order).await),
        (json!([]), "cancelled/refunded".to_owned())
    );
    assert_eq!(world.ledger(&lamp).await.level, [9, 0, 0], "and do not come back twice");
    world.end().await;
}

#[tokio::test]
async fn pieces_of_an_order_that_was_called_off_come_back_with_the_refund_that_is_given_in_the_end() {
    let world = World::new().await;
    let lamp = world.product("lamp", 9).await;
    let (ana, admin) = (world.customer("ana").await, world.admin().await);
    let (order, intent) = paid_with(&world, &ana, &lamp, "pm_card_pendingRefund").await;
    call_off(&ana, &order).await;
    let path = format!("refunds?payment_intent={intent}");
    let made = world.at_stripe(Method::GET, &path, &[]).await["data"][0]["id"].clone();
    world.at_stripe(Method::POST, &format!("refunds/{}/cancel", made.as_str().unwrap()), &[]).await;
    world.advance(minutes(2)).await;
    assert_eq!(books_of(&admin, &order).await, [3998, 0, 0]);
    assert_eq!(world.ledger(&lamp).await.level, [7, 0, 2], "they wait for the money");
    let asked = admin.post(&refund_of(&order), json!({})).await.ok();
    assert_eq!((&asked["status"], &asked["restock"][0]["quantity"]), (&json!("pending"), &json!(2)));
    world.advance(minutes(2)).await;
    assert_eq!(
        (drift(&admin).await, ana.status_of(&order).await),
        (json!([]), "cancelled/refunded".to_owned())
    );
    assert_eq!(world.ledger(&lamp).await.level, [9, 0, 0]);
    world.end().await;
}
