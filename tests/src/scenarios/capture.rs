//! Money that is reserved first, and taken or let go later.

use jiff::SignedDuration;
use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    stripe::intent_id,
    world::{Person, World},
};

/// An order of one lamp whose money is to be reserved, and the intent for it.
async fn reserves(world: &World, ana: &Person<'_>) -> (Value, Value) {
    let order = ana.orders("lamp", 1).await.ok();
    let asked = json!({ "order_id": order["order_id"], "capture_method": "manual" });
    let intent = world.admin().await.post("/api/v1/payments/create-intent", asked).await.ok();
    assert_eq!(intent["capture_method"], "manual");
    (order, intent)
}

fn of(intent: &Value, act: &str) -> String {
    format!("/api/v1/payments/{}/{act}", intent["payment_id"].as_str().unwrap())
}

async fn payment(world: &World, intent: &Value) -> Value {
    world
        .admin()
        .await
        .get(&format!("/api/v1/payments/{}", intent["payment_id"].as_str().unwrap()))
        .await
        .ok()
}

#[tokio::test]
async fn reserved_money_sells_the_stock_and_is_taken_when_the_shop_says_so() {
    let world = World::new().await;
    let lamp = world.product("lamp", 3).await;
    let (ana, admin) = (world.customer("ana").await, world.admin().await);
    let (order, intent) = reserves(&world, &ana).await;
    world.pays(&intent, "pm_card_visa").await.ok();
    assert_eq!(ana.status_of(&order).await, "paid/authorized");
    assert_eq!(world.stock(&lamp).await, "available 2, reserved 0, sold 1");
    let reserved = payment(&world, &intent).await;
    assert_eq!(
        (&reserved["status"], &reserved["authorized"], &reserved["captured"]),
        (&json!("authorized"), &json!(1999), &json!(0))
    );
    assert_eq!(ana.post(&of(&intent, "capture"), json!({})).await.outcome(), "403 forbidden");
    for wrong in [0, -1, 2000] {
        let refused = admin.post(&of(&intent, "capture"), json!({ "amount": wrong })).await;
        assert_eq!(refused.complaint(), "400 validation_failed amount", "{wrong}");
    }
    let taken = admin.post_keyed(&of(&intent, "capture"), "c1", json!({})).await.ok();
    assert_eq!((&taken["status"], &taken["captured"]), (&json!("succeeded"), &json!(1999)));
    let again = admin.post_keyed(&of(&intent, "capture"), "c1", json!({})).await.ok();
    assert_eq!((again["status"].clone(), again["captured"].clone()), (json!("succeeded"), json!(1999)));
    world.idle().await;
    assert_eq!(ana.status_of(&order).await, "paid/paid");
    assert_eq!(admin.post(&of(&intent, "cancel"), json!({})).await.outcome(), "409 invalid_transition");
    world.end().await;
}

#[tokio::test]
async fn the_shop_may_take_less_than_was_reserved_and_give_back_no_more_than_that() {
    let world = World::new().await;
    world.product("lamp", 3).await;
    let (ana, admin) = (world.customer("ana").await, world.admin().await);
    let (order, intent) = reserves(&world, &ana).await;
    world.pays(&intent, "pm_card_visa").await.ok();
    let taken = admin.post(&of(&intent, "capture"), json!({ "amount": 1000 })).await.ok();
    assert_eq!((&taken["captured"], &taken["authorized"]), (&json!(1000), &json!(0)));
    assert_eq!(ana.status_of(&order).await, "paid/paid");
    assert_eq!(
        admin.post(&of(&intent, "refund"), json!({ "amount": 1001 })).await.outcome(),
        "409 refund_exceeds_captured"
    );
    admin.post(&of(&intent, "refund"), json!({})).await.ok();
    assert_eq!(ana.status_of(&order).await, "paid/refunded");
    world.end().await;
}

#[tokio::test]
async fn reserved_money_that_is_let_go_gives_the_stock_back() {
    let world = World::new().await;
    let lamp = world.product("lamp", 3).await;
    let (ana, admin) = (world.customer("ana").await, world.admin().await);
    let (order, intent) = reserves(&world, &ana).await;
    world.pays(&intent, "pm_card_visa").await.ok();
    let gone = admin.post_keyed(&of(&intent, "cancel"), "v1", json!({})).await.ok();
    assert_eq!((&gone["status"], &gone["authorized"]), (&json!("cancelled"), &json!(0)));
    admin.post_keyed(&of(&intent, "cancel"), "v1", json!({})).await.ok();
    world.idle().await;
    assert_eq!(ana.status_of(&order).await, "cancelled/unpaid");
    assert_eq!(world.stock(&lamp).await, "available 3, reserved 0, sold 0");
    assert_eq!(admin.post(&of(&intent, "capture"), json!({})).await.outcome(), "409 invalid_transition");
    world.advance(SignedDuration::from_mins(5)).await;
    assert_eq!(world.stock(&lamp).await, "available 3, reserved 0, sold 0", "once");
    world.end().await;
}

#[tokio::test]
async fn cancelling_an_order_lets_its_reserved_money_go() {
    let world = World::new().await;
    let lamp = world.product("lamp", 3).await;
    let ana = world.customer("ana").await;
    let (order, intent) = reserves(&world, &ana).await;
    world.pays(&intent, "pm_card_visa").await.ok();
    let cancel = format!("/api/v1/orders/{}/cancel", order["order_id"].as_str().unwrap());
    assert_eq!(ana.post(&cancel, json!({})).await.ok()["status"], "cancelled");
    assert_eq!(payment(&world, &intent).await["status"], "cancelled");
    assert_eq!(world.stock(&lamp).await, "available 3, reserved 0, sold 0");
    world.end().await;
}

#[tokio::test]
async fn an_authorisation_that_stripe_lets_expire_gives_the_stock_back() {
    let world = World::new().await;
    let lamp = world.product("lamp", 3).await;
    let ana = world.customer("ana").await;
    let (order, intent) = reserves(&world, &ana).await;
    world.pays(&intent, "pm_card_visa").await.ok();
    assert_eq!(world.stock(&lamp).await, "available 2, reserved 0, sold 1");
    world.leaps(SignedDuration::from_hours(7 * 24)).await;
    let ana = world.customer("ana").await; // her token has ended meanwhile
    assert_eq!(ana.status_of(&order).await, "cancelled/unpaid");
    assert_eq!(world.stock(&lamp).await, "available 3, reserved 0, sold 0");
    world.end().await;
}

#[tokio::test]
async fn a_capture_that_nobody_heard_the_end_of_is_found_out_by_asking() {
    let world = World::new().await;
    world.product("lamp", 3).await;
    let (ana, admin) = (world.customer("ana").await, world.admin().await);
    let (order, intent) = reserves(&world, &ana).await;
    world.pays(&intent, "pm_card_visa").await.ok();
    world.webhooks(json!({ "lose": true })).await;
    world.stripe_fails("payment_intents.capture", "timeout_after_acting", 1).await;
    let unknown = admin.post(&of(&intent, "capture"), json!({ "amount": 1500 })).await;
    assert_eq!(unknown.outcome(), "503 upstream_unavailable");
    assert_eq!(ana.status_of(&order).await, "paid/authorized");
    assert_eq!(admin.post(&of(&intent, "cancel"), json!({})).await.outcome(), "409 invalid_transition");
    world.advance(SignedDuration::from_mins(2)).await;
    assert_eq!(payment(&world, &intent).await["captured"], 1500);
    assert_eq!(ana.status_of(&order).await, "paid/paid");
    world.end().await;
}

#[tokio::test]
async fn a_void_that_nobody_heard_the_end_of_is_found_out_by_asking() {
    let world = World::new().await;
    let lamp = world.product("lamp", 3).await;
    let (ana, admin) = (world.customer("ana").await, world.admin().await);
    for fault in ["timeout_after_acting", "refuse"] {
        let (order, intent) = reserves(&world, &ana).await;
        world.pays(&intent, "pm_card_visa").await.ok();
        world.webhooks(json!({ "lose": true })).await;
        world.stripe_fails("payment_intents.cancel", fault, 1).await;
        let unknown = admin.post(&of(&intent, "cancel"), json!({})).await;
        assert_eq!(unknown.outcome(), "503 upstream_unavailable", "{fault}");
        world.advance(SignedDuration::from_mins(2)).await;
        assert_eq!(ana.status_of(&order).await, "cancelled/unpaid", "{fault}");
        assert_eq!(world.stock(&lamp).await, "available 3, reserved 0, sold 0", "{fault}");
        world.webhooks(json!({})).await;
    }
    world.end().await;
}

#[tokio::test]
async fn only_staff_may_want_another_capture_method_than_the_shop_s() {
    let manual = [("PaymentCaptureMethod".to_owned(), "manual".to_owned())].into();
    let world = World::with(manual).await;
    world.product("lamp", 3).await;
    let (ana, admin) = (world.customer("ana").await, world.admin().await);
    let order = ana.orders("lamp", 1).await.ok();
    let wanted = |method: &str| json!({ "order_id": order["order_id"], "capture_method": method });
    let path = "/api/v1/payments/create-intent";
    assert_eq!(ana.post(path, wanted("automatic")).await.outcome(), "403 forbidden");
    assert_eq!(ana.post(path, wanted("later")).await.complaint(), "400 validation_failed capture_method");
    let intent = ana.begins_to_pay(&order).await;
    assert_eq!(intent["capture_method"], "manual", "the shop's own");
    assert_eq!(
        admin.post(path, wanted("automatic")).await.outcome(),
        "409 invalid_transition",
        "begun already"
    );
    world.pays(&intent, "pm_card_visa").await.ok();
    assert_eq!(ana.status_of(&order).await, "paid/authorized");
    world.end().await;
}

#[tokio::test]
async fn money_that_was_reserved_unheard_is_neither_lost_nor_let_go_by_expiry() {
    let world = World::new().await;
    let lamp = world.product("lamp", 1).await;
    let ana = world.customer("ana").await;
    world.webhooks(json!({ "lose": true })).await;
    let (order, intent) = reserves(&world, &ana).await;
    // Nobody can be asked until the order's time is over.
    world.stripe_fails("payment_intents.retrieve", "refuse", 15).await;
    world.stripe_fails("events.list", "refuse", 1000).await;
    world.pays(&intent, "pm_card_visa").await.ok();
    world.advance(SignedDuration::from_mins(18)).await;
    assert_eq!(ana.status_of(&order).await, "paid/authorized");
    assert_eq!(world.stock(&lamp).await, "available 0, reserved 0, sold 1");
    world.end().await;
}

#[tokio::test]
async fn money_that_is_taken_or_let_go_at_the_dashboard_is_heard_of() {
    let world = World::new().await;
    let lamp = world.product("lamp", 3).await;
    let ana = world.customer("ana").await;
    let (taken, first) = reserves(&world, &ana).await;
    world.pays(&first, "pm_card_visa").await.ok();
    let path = format!("payment_intents/{}/capture", intent_id(&first));
    world.at_stripe(Method::POST, &path, &[("amount_to_capture", "700")]).await;
    assert_eq!(ana.status_of(&taken).await, "paid/paid");
    assert_eq!(payment(&world, &first).await["captured"], 700);
    let (let_go, second) = reserves(&world, &ana).await;
    world.pays(&second, "pm_card_visa").await.ok();
    world.at_stripe(Method::POST, &format!("payment_intents/{}/cancel", intent_id(&second)), &[]).await;
    assert_eq!(ana.status_of(&let_go).await, "cancelled/unpaid");
    assert_eq!(world.stock(&lamp).await, "available 2, reserved 0, sold 1");
    world.end().await;
}
