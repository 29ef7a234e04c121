//! Guests who turn out to be customers: what concerns them is told to the customer from then on, and once.

use jiff::SignedDuration;
use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    chat::{agent, says, waits},
    notifications::{
        browser, browsers_told, deliveries, inbox, letter, link_in, mails_to, newest, outbox, pushes,
        reachable_at, wants,
    },
    world::{Person, World},
};

const SECOND: SignedDuration = SignedDuration::from_secs(1);

/// The guest signs in, and is ana.
async fn is_ana(ana: &Person<'_>, guest: &Person<'_>) {
    ana.post("/api/v1/auth/link", json!({ "guest_token": guest.token })).await.ok();
    ana.world().idle().await;
}

async fn moves(world: &World, order: &Value, step: Value) {
    let path = format!("/api/v1/orders/{}/status", order["order_id"].as_str().unwrap());
    world.advance(SECOND).await;
    world.admin().await.send(Method::PATCH, &path, &[], Some(step.to_string())).await.ok();
    world.idle().await;
}

fn is_thai(text: &Value) -> bool {
    text.as_str().unwrap().chars().any(|letter| ('\u{e00}'..='\u{e7f}').contains(&letter))
}

#[tokio::test]
async fn what_becomes_of_a_guest_s_order_is_told_to_the_customer_they_are_as_the_customer_wants_it() {
    let world = World::new().await;
    world.product("lamp", 5).await;
    let (guest, ana) = (world.guest().await, world.customer("ana").await);
    let new = json!({ "items": [{ "product_id": "lamp", "quantity": 1 }], "currency": "USD",
        "email": "gil@example.org" });
    let order = guest.post("/api/v1/orders", new).await.ok();
    let intent = guest.begins_to_pay(&order).await;
    world.pays(&intent, "pm_card_visa").await.ok();
    assert_eq!(inbox(&guest).await.len(), 2);
    browser(&world, &ana).await;
    reachable_at(&world, "ana", json!({ "email": "ana@shop.example", "locale": "th" })).await;
    wants(&ana, json!({ "types": { "order_status_update": { "channels": { "push": false } } } })).await;
    is_ana(&ana, &guest).await;
    let mut socket = ana.socket().await;

    moves(&world, &order, json!({ "status": "processing" })).await;
    moves(&world, &order, json!({ "status": "shipped", "tracking_number": "1Z999" })).await;
    for kind in ["order_status_update", "order_shipped"] {
        let live = socket.next("notification.created").await;
        assert_eq!((&live["channel"], &live["data"]["type"]), (&json!("user:ana"), &json!(kind)));
        assert!(is_thai(&live["data"]["title"]), "{live}");
    }
    assert_eq!(inbox(&ana).await[..2], ["*order_shipped", "*order_status_update"]);
    let ways = async |kind| deliveries(&ana, &newest(&ana, kind).await["notification_id"]).await;
    assert_eq!(ways("order_shipped").await, ["email queued", "push sent", "websocket sent"]);
    let update = ["email queued", "push suppressed preference", "websocket sent"];
    assert_eq!(ways("order_status_update").await, update);
    world.advance(SignedDuration::from_mins(11)).await;
    assert_eq!(mails_to(&world, "gil@example.org").await.len(), 2, "those of the time before");
    assert_eq!(mails_to(&world, "ana@shop.example").await.len(), 1, "no push told of the first step");
    let path = format!("/api/v1/orders/{}/explain?limit=100", order["order_id"].as_str().unwrap());
    let explained = world.person("agent", "gus", "default").await.get(&path).await.ok();
    let told = explained["data"].as_array().unwrap().iter();
    let told = told.filter(|entry| entry["type"] == "notification.created").count();
    assert_eq!(told, 4, "told as a guest and as a customer, it is all explained");
    world.end().await;
}

#[tokio::test]
async fn what_was_told_to_a_guest_is_not_told_again_to_the_customer_they_are() {
    let world = World::new().await;
    world.product("lamp", 5).await;
    let (guest, ana) = (world.guest().await, world.customer("ana").await);
    browser(&world, &guest).await;
    let since = world.cloud().clock().now();
    let order = guest.buys("lamp", 1).await;
    moves(&world, &order, json!({ "status": "processing" })).await;
    let told = inbox(&guest).await;
    let pushed = outbox(&world, "web_push").await.len();
    is_ana(&ana, &guest).await;
    assert_eq!(inbox(&ana).await, told);
    for _ in 0..2 {
        assert!(world.cloud().rerelay(since).await.unwrap() > 0);
        world.idle().await;
    }
    assert_eq!(inbox(&ana).await, told, "published again, nothing is told again");
    assert_eq!(outbox(&world, "web_push").await.len(), pushed);
    world.end().await;
}

#[tokio::test]
async fn a_browser_in_which_somebody_signs_in_is_theirs_at_once_and_is_no_strange_one() {
    let world = World::new().await;
    let (guest, ana) = (world.guest().await, world.customer("ana").await);
    let mut own = vec![];
    for _ in 0..5 {
        own.push(browser(&world, &ana).await.0);
        world.advance(SECOND).await;
    }
    let alerts = inbox(&ana).await;
    let (endpoint, id) = browser(&world, &guest).await;
    world.advance(SECOND).await;
    is_ana(&ana, &guest).await;
    let told = pushes(&world, "ana").await;
    let browsers = browsers_told(&world, &told).await;
    assert!(browsers.contains(&endpoint), "the page has not been loaded again yet");
    assert_eq!(browsers.len(), 5, "the oldest has made room");
    assert!(!browsers.contains(&own[0]));
    assert_eq!(inbox(&ana).await[1..], alerts, "and nobody warns her of herself");
    let path = format!("/api/v1/notifications/subscriptions/{id}");
    assert_eq!(ana.send(Method::DELETE, &path, &[], None).await.outcome(), "204");
    let told = pushes(&world, "ana").await;
    assert_eq!(browsers_told(&world, &told).await.len(), 4);
    world.end().await;
}

#[tokio::test]
async fn an_answer_to_a_guest_who_has_signed_in_is_told_to_the_customer_unless_they_are_there() {
    let world = World::new().await;
    let (guest, ana) = (world.guest().await, world.customer("ana").await);
    reachable_at(&world, "ana", json!({ "email": "ana@shop.example" })).await;
    let gus = agent(&world, "gus", 3).await;
    let _desk = gus.socket().await;
    let id = waits(&guest).await;
    says(&guest, &id, "Where is my lamp?").await.ok();
    world.idle().await;
    is_ana(&ana, &guest).await;
    let socket = ana.socket().await;
    world.advance(SECOND).await;
    says(&gus, &id, "Hello").await.ok();
    world.idle().await;
    assert_eq!(inbox(&ana).await, [""; 0], "she sees it");
    socket.close().await;
    world.advance(SECOND).await;
    says(&gus, &id, "Are you still there?").await.ok();
    world.idle().await;
    assert_eq!(inbox(&ana).await, ["*chat_message"]);
    assert_eq!(newest(&ana, "chat_message").await["user_id"], "ana");
    world.advance(SignedDuration::from_mins(3)).await;
    let mail = mails_to(&world, "ana@shop.example").await.remove(0);
    assert_eq!(mail["subject"], "2 new messages from Agent gus");
    assert!(!mail["text"].as_str().unwrap().contains("Where is my lamp?"), "she said that herself: {mail}");
    world.end().await;
}

#[tokio::test]
async fn what_a_guest_and_the_customer_they_are_were_both_to_be_told_is_told_once() {
    let world = World::new().await;
    let (guest, ana) = (world.guest().await, world.customer("ana").await);
    let id = world.product("lamp", 0).await;
    for person in [&guest, &ana] {
        let path = format!("/api/v1/products/{id}/alerts/back_in_stock");
        person.send(Method::PUT, &path, &[], Some("{}".into())).await.ok();
    }
    browser(&world, &ana).await;
    is_ana(&ana, &guest).await;
    let add = json!({ "product_id": id, "quantity": 3, "operation": "add" });
    world.admin().await.post("/api/v1/inventory/adjustments", add).await.ok();
    world.idle().await;
    assert_eq!(inbox(&ana).await, ["*back_in_stock"]);
    assert_eq!(outbox(&world, "web_push").await.len(), 1);
    world.end().await;
}

#[tokio::test]
async fn whoever_unsubscribes_by_the_mail_that_a_guest_got_unsubscribes_as_the_customer_they_are() {
    let world = World::new().await;
    world.product("lamp", 5).await;
    let (guest, ana) = (world.guest().await, world.customer("ana").await);
    let new = json!({ "items": [{ "product_id": "lamp", "quantity": 1 }], "currency": "USD",
        "email": "gil@example.org" });
    let order = guest.post("/api/v1/orders", new).await.ok();
    let intent = guest.begins_to_pay(&order).await;
    world.pays(&intent, "pm_card_visa").await.ok();
    let link = link_in(&letter(&world, "Your order").await, "/unsubscribe");
    is_ana(&ana, &guest).await;
    assert_eq!(world.nobody().post(&link, json!({})).await.status, 200);
    let known = ana.get("/api/v1/notifications/preferences").await.ok();
    assert_eq!(known["categories"], json!({ "orders": { "channels": { "email": false } } }));
    world.end().await;
}
