//! What happens in the shop reaches whom it concerns: each once, on its usual ways, in words that they understand.

use jiff::SignedDuration;
use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    notifications::{browser, deliveries, has_read, inbox, letter, letters, outbox, reachable_at, wants},
    world::{Person, World},
};

const SECOND: SignedDuration = SignedDuration::from_secs(1);

async fn moves(world: &World, order: &Value, step: Value) {
    let path = format!("/api/v1/orders/{}/status", order["order_id"].as_str().unwrap());
    world.advance(SECOND).await;
    world.admin().await.send(Method::PATCH, &path, &[], Some(step.to_string())).await.ok();
    world.idle().await;
}

/// All that somebody was told, oldest first: kind, title, text, ways.
async fn told(person: &Person<'_>) -> String {
    let listed = person.get("/api/v1/notifications?limit=100").await.ok();
    let mut lines = vec![];
    let mut entries = listed["data"].as_array().unwrap().clone();
    // What happens in one instant has no order.
    entries.sort_by_key(|entry| [entry["created_at"].to_string(), entry["type"].to_string()]);
    for entry in &entries {
        let ways = deliveries(person, &entry["notification_id"]).await.join(", ");
        let text = |field: &str| entry[field].as_str().unwrap().to_owned();
        lines.push(format!("{}: {} | {} | {ways}", text("type"), text("title"), text("body")));
    }
    lines.join("\n")
}

/// The same with one order's number left out: it is another one each time.
async fn told_of(person: &Person<'_>, order: &Value) -> String {
    told(person).await.replace(order["order_number"].as_str().unwrap(), "ORD")
}

#[tokio::test]
async fn each_step_of_an_order_is_told_once_on_its_usual_ways_also_if_it_is_published_again() {
    let world = World::new().await;
    world.product("lamp", 5).await;
    let ana = world.customer("ana").await;
    browser(&world, &ana).await;
    reachable_at(&world, "ana", json!({ "email": "ana@shop.example", "locale": "en" })).await;
    let since = world.cloud().clock().now();
    let order = ana.buys("lamp", 2).await;
    let shipped = json!({ "status": "shipped", "tracking_number": "1Z999",
        "estimated_delivery": "2026-01-08T12:00:00Z" });
    moves(&world, &order, json!({ "status": "processing" })).await;
    moves(&world, &order, shipped).await;
    for step in ["out_for_delivery", "delivered"] {
        moves(&world, &order, json!({ "status": step })).await;
    }
    world.advance(SignedDuration::from_mins(20)).await;
    let all = told_of(&ana, &order).await;
    insta::assert_snapshot!(all, @r"
    order_confirmation: Order ORD is confirmed | Thank you! We are getting your order ready ($39.98). | email delivered, push sent, websocket sent
    payment_confirmation: Payment received | We have received your payment of $39.98 for order ORD. Thank you! | email delivered, websocket sent
    order_status_update: News about order ORD | We are getting your order ready. | email suppressed read, push sent, websocket sent
    order_shipped: Your order is on its way | Order ORD has been shipped, tracking number 1Z999. It should arrive on 8 January 2026. | email suppressed read, push sent, websocket sent
    order_status_update: News about order ORD | Your parcel is out for delivery today. | email suppressed read, push sent, websocket sent
    order_delivered: Your order has arrived | Order ORD was delivered on 5 January 2026. Enjoy! | email suppressed read, push sent, websocket sent
    ");
    let pushes = outbox(&world, "web_push").await.len();
    let mails = letters(&world).await;
    assert!(world.cloud().rerelay(since).await.unwrap() > 0);
    world.advance(SignedDuration::from_mins(20)).await;
    assert_eq!(told_of(&ana, &order).await, all, "published again, nothing is told again");
    assert_eq!(outbox(&world, "web_push").await.len(), pushes);
    assert_eq!(letters(&world).await, mails, "and no mail follows what a push has told");
    world.end().await;
}

#[tokio::test]
async fn a_step_is_told_once_wherever_the_relay_breaks_off() {
    let world = World::new().await;
    world.product("lamp", 99).await;
    for (number, kind) in (0..).zip(["crash_before", "crash_after", "drop", "refuse"]) {
        for skip in 0..6 {
            let name = format!("ana-{number}-{skip}");
            reachable_at(&world, &name, json!({ "email": "ana@shop.example" })).await;
            let ana = world.customer(&name).await;
            let order = ana.orders("lamp", 1).await.ok();
            let intent = ana.begins_to_pay(&order).await;
            let before = outbox(&world, "mail").await.len();
            world
                .fault(json!({ "service": "dynamodb", "function": "Relay", "table": "NotificationsTable",
                    "kind": kind, "skip": skip, "count": 1 }))
                .await;
            world.pays(&intent, "pm_card_visa").await.ok();
            world.no_faults().await;
            world.advance(SignedDuration::from_mins(3)).await;
            let mut kinds = inbox(&ana).await;
            kinds.sort();
            assert_eq!(kinds, ["*order_confirmation", "*payment_confirmation"], "{kind} after {skip}");
            assert_eq!(outbox(&world, "mail").await.len() - before, 2, "{kind} after {skip}");
        }
    }
    world.end().await;
}

#[tokio::test]
async fn money_that_comes_or_goes_back_is_told_by_mail_and_push() {
    let world = World::new().await;
    world.product("lamp", 5).await;
    let ana = world.customer("ana").await;
    browser(&world, &ana).await;
    reachable_at(&world, "ana", json!({ "email": "ana@shop.example" })).await;
    let order = ana.orders("lamp", 2).await.ok();
    let intent = ana.begins_to_pay(&order).await;
    world.pays(&intent, "pm_card_visa").await.ok();
    world.advance(SECOND).await;
    let refund =
        format!("/api/v1/payments/{}/refund", ana.order(&order).await["payment_id"].as_str().unwrap());
    world.admin().await.post(&refund, json!({ "amount": 1999 })).await.ok();
    world.advance(SECOND).await;
    let all = told_of(&ana, &order).await;
    let money: Vec<&str> =
        all.lines().filter(|line| line.starts_with("payment") || line.starts_with("refund")).collect();
    insta::assert_snapshot!(money.join("\n"), @r"
    payment_confirmation: Payment received | We have received your payment of $39.98 for order ORD. Thank you! | email delivered, websocket sent
    refund_processed: Your refund is on its way | We have refunded $19.99 for order ORD. | email delivered, push sent, websocket sent
    ");
    world.end().await;
}

/// The failed payments that somebody was told of, the newest first, by their reasons.
async fn refusals(person: &Person<'_>) -> Vec<String> {
    let listed = person.get("/api/v1/notifications?limit=100").await.ok();
    let failed = listed["data"].as_array().unwrap().iter().filter(|entry| entry["type"] == "payment_failed");
    failed.map(|entry| entry["data"]["reason"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn each_refused_card_is_told_once_with_why_however_often_stripe_says_so() {
    let world = World::new().await;
    world.product("lamp", 5).await;
    let ana = world.customer("ana").await;
    browser(&world, &ana).await;
    reachable_at(&world, "ana", json!({ "email": "ana@shop.example" })).await;
    let mut page = ana.socket().await;
    world.webhooks(json!({ "duplicate": 1 })).await;
    let order = ana.orders("lamp", 2).await.ok();
    let intent = ana.begins_to_pay(&order).await;
    page.next("payment.updated").await;
    let confirm = json!({ "payment_id": intent["payment_id"] });
    for card in ["pm_card_chargeDeclinedInsufficientFunds", "pm_card_chargeDeclinedFraudulent"] {
        assert_eq!(world.pays(&intent, card).await.status.as_u16(), 402);
        ana.post("/api/v1/payments/confirm", confirm.clone()).await.ok();
        let seen = page.next("payment.updated").await["data"].clone();
        let status = "requires_payment_method";
        assert_eq!(
            seen,
            json!({ "payment_id": intent["payment_id"], "order_id": order["order_id"],
            "status": status, "amount": { "amount": 3998, "currency": "USD" } })
        );
        world.advance(SECOND).await;
    }
    world.pays(&intent, "pm_card_threeDSecure2Required").await.ok();
    world.authenticates(&intent, "failure").await;
    world.advance(SECOND).await;
    let why = ["payment_intent_authentication_failure", "card_declined", "insufficient_funds"];
    assert_eq!(refusals(&ana).await, why, "nobody is told that a card is known to be stolen");
    world.pays(&intent, "pm_card_visa").await.ok();
    let late = world.at_stripe(Method::GET, "events?type=payment_intent.payment_failed", &[]).await;
    for event in late["data"].as_array().unwrap() {
        let body = event.to_string().into_bytes();
        assert_eq!(world.webhook(&body, SignedDuration::ZERO).await.outcome(), "200");
    }
    world.advance(SignedDuration::from_mins(5)).await;
    insta::assert_snapshot!(told_of(&ana, &order).await, @r"
    payment_failed: Your payment did not go through | The payment of $39.98 for order ORD failed. You have not been charged. Please try again or choose another way to pay. | email delivered, push sent, websocket sent
    payment_failed: Your payment did not go through | The payment of $39.98 for order ORD failed. You have not been charged. Please try again or choose another way to pay. | email delivered, push sent, websocket sent
    payment_failed: Your payment did not go through | The payment of $39.98 for order ORD failed. You have not been charged. Please try again or choose another way to pay. | email delivered, push sent, websocket sent
    order_confirmation: Order ORD is confirmed | Thank you! We are getting your order ready ($39.98). | email delivered, push sent, websocket sent
    payment_confirmation: Payment received | We have received your payment of $39.98 for order ORD. Thank you! | email delivered, websocket sent
    ");
    assert_eq!(letters(&world).await.len(), 5, "three refusals, the payment and the order");
    world.end().await;
}

#[tokio::test]
async fn a_refused_card_is_told_once_also_if_its_webhook_is_lost_or_breaks_off() {
    let world = World::new().await;
    world.product("lamp", 99).await;
    for kind in ["lost", "crash_before", "crash_after", "drop", "refuse"] {
        let ana = world.customer(&format!("ana-{kind}")).await;
        let order = ana.orders("lamp", 1).await.ok();
        let intent = ana.begins_to_pay(&order).await;
        // Whoever looks once after each payment has looked: only Stripe's list of events is left to tell.
        world.advance(SignedDuration::from_mins(2)).await;
        match kind {
            "lost" => world.webhooks(json!({ "lose": true, "count": 2 })).await,
            fault => {
                let operation = "TransactWriteItems";
                world
                    .fault(
                        json!({ "service": "dynamodb", "function": "StripeWebhook", "operation": operation,
                        "kind": fault, "count": 1 }),
                    )
                    .await;
            }
        }
        assert_eq!(world.pays(&intent, "pm_card_chargeDeclinedExpiredCard").await.status.as_u16(), 402);
        world.no_faults().await;
        world.advance(SignedDuration::from_mins(4)).await;
        assert_eq!(refusals(&ana).await, ["expired_card"], "{kind}");
    }
    world.end().await;
}

#[tokio::test]
async fn a_guest_s_order_is_told_at_the_address_that_was_given_with_it() {
    let world = World::new().await;
    world.product("lamp", 5).await;
    let guest = world.guest().await;
    let new = json!({ "items": [{ "product_id": "lamp", "quantity": 1 }], "currency": "USD",
        "email": "gil@example.org" });
    let order = guest.post("/api/v1/orders", new).await.ok();
    let intent = guest.begins_to_pay(&order).await;
    world.pays(&intent, "pm_card_visa").await.ok();
    moves(&world, &order, json!({ "status": "processing" })).await;
    moves(&world, &order, json!({ "status": "shipped", "tracking_number": "1Z999" })).await;
    let all = |mut letters: Vec<String>| {
        letters.sort();
        letters.join("\n").replace(order["order_number"].as_str().unwrap(), "ORD")
    };
    let at_once = all(letters(&world).await);
    world.advance(SignedDuration::from_mins(11)).await;
    let in_the_end = all(letters(&world).await);
    insta::assert_snapshot!(at_once, @r"
    gil@example.org: Payment received for order ORD
    gil@example.org: Your order ORD at shopwire
    ");
    insta::assert_snapshot!(in_the_end, @r"
    gil@example.org: News about order ORD
    gil@example.org: Payment received for order ORD
    gil@example.org: Your order ORD at shopwire
    gil@example.org: Your order is on its way
    ");
    insta::assert_snapshot!(told_of(&guest, &order).await, @r"
    order_confirmation: Order ORD is confirmed | Thank you! We are getting your order ready ($19.99). | email delivered, push suppressed no_endpoint, websocket sent
    payment_confirmation: Payment received | We have received your payment of $19.99 for order ORD. Thank you! | email delivered, websocket sent
    order_status_update: News about order ORD | We are getting your order ready. | email delivered, push suppressed no_endpoint, websocket sent
    order_shipped: Your order is on its way | Order ORD has been shipped, tracking number 1Z999. | email delivered, push suppressed no_endpoint, websocket sent
    ");
    world.end().await;
}

#[tokio::test]
async fn what_concerns_the_shop_is_told_in_its_own_inbox_on_its_channel_and_to_each_of_its_people() {
    let world = World::new().await;
    let admin = world.admin().await;
    world.product("lamp", 12).await;
    let (gus, ana) = (world.person("agent", "gus", "default").await, world.customer("ana").await);
    let mut desk = gus.socket().await;
    desk.subscribes("shop:default").await;
    for person in [&gus, &admin, &ana] {
        assert_eq!(inbox(person).await, [""; 0], "whoever looks is told from then on");
    }
    reachable_at(&world, "gus", json!({ "email": "gus@shop.example" })).await;
    let few = json!({ "product_id": "lamp", "quantity": 3, "operation": "set" });
    admin.post("/api/v1/inventory/adjustments", few).await.ok();
    world.idle().await;
    world.advance(SECOND).await;
    let flag = Some(json!({ "is_enabled": true }).to_string());
    admin.send(Method::PUT, "/api/v1/feature-flags/chat", &[], flag).await.ok();
    world.advance(SECOND).await;
    let off = Some(json!({ "is_enabled": false }).to_string());
    admin.send(Method::PUT, "/api/v1/feature-flags/chat", &[], off).await.ok();
    world.idle().await;

    assert_eq!(desk.next("notification.created").await["channel"], "shop:default");
    insta::assert_snapshot!(told(&gus).await, @r"
    inventory_alert: Low stock: A lamp | main: 3 left (threshold: 10). | email delivered, websocket sent
    feature_flag_enabled: chat is on | The feature “chat” was turned on by olga. | websocket sent
    ");
    insta::assert_snapshot!(told(&admin).await, @r"
    inventory_alert: Low stock: A lamp | main: 3 left (threshold: 10). | email suppressed no_endpoint, websocket sent
    feature_flag_enabled: chat is on | The feature “chat” was turned on by olga. | websocket sent
    ");
    assert_eq!(inbox(&ana).await, [""; 0], "that does not concern her");
    let shops = gus.get("/api/v1/notifications?staff=true").await.ok();
    let kinds: Vec<&Value> = shops["data"].as_array().unwrap().iter().map(|one| &one["type"]).collect();
    assert_eq!(kinds, ["feature_flag_enabled", "inventory_alert"]);
    assert_eq!(ana.get("/api/v1/notifications?staff=true").await.outcome(), "403 forbidden");
    assert_eq!(letters(&world).await, ["gus@shop.example: Low stock: A lamp"]);
    let read = has_read(&admin, &shops["data"][0]["notification_id"]).await.ok();
    assert_eq!(read["unread_count"], 1, "one of them has seen to it, for all");
    world.end().await;
}

#[tokio::test]
async fn whoever_gets_into_an_account_is_told_to_whoever_has_it_whatever_they_have_turned_off() {
    let world = World::new().await;
    let ana = world.customer("ana").await;
    reachable_at(&world, "ana", json!({ "email": "ana@shop.example" })).await;
    wants(&ana, json!({ "channels": { "email": { "enabled": false }, "push": { "enabled": false } } })).await;
    browser(&world, &ana).await;
    world.idle().await;
    assert_eq!(inbox(&ana).await, [""; 0], "the first browser is nothing to worry about");
    world.advance(SECOND).await;
    browser(&world, &ana).await;
    world.idle().await;
    world.advance(SECOND).await;
    world.admin().await.post("/api/v1/auth/revoke", json!({ "user_id": "ana" })).await.ok();
    world.advance(SECOND).await;
    insta::assert_snapshot!(told(&world.customer("ana").await).await, @r"
    security_alert: New sign-in to your account | Somebody signed in (5 January 2026, 09:00). If this was not you, secure your account now. | email delivered, push sent, push sent, sms suppressed preference, websocket sent
    security_alert: You were signed out everywhere | All your sessions were ended (5 January 2026, 09:00). If this was not you, secure your account now. | email delivered, push sent, push sent, sms suppressed preference, websocket sent
    ");
    assert_eq!(letters(&world).await.len(), 2);
    let mail = letter(&world, "You were signed out").await;
    assert_eq!(mail["headers"], Value::Null, "there is no way out of these");
    world.end().await;
}

#[tokio::test]
async fn an_order_s_explanation_says_what_was_not_sent_and_why() {
    let world = World::new().await;
    world.product("lamp", 5).await;
    let ana = world.customer("ana").await;
    reachable_at(&world, "ana", json!({ "email": "ana@shop.example" })).await;
    wants(&ana, json!({ "types": { "order_confirmation": { "channels": { "email": false } } } })).await;
    let order = ana.buys("lamp", 1).await;
    world.idle().await;
    let path = format!("/api/v1/orders/{}/explain?limit=100", order["order_id"].as_str().unwrap());
    let explained = world.person("agent", "gus", "default").await.get(&path).await.ok();
    let told = explained["data"].as_array().unwrap().iter();
    let mut told: Vec<_> = told.filter(|entry| entry["type"] == "notification.created").collect();
    told.sort_by_key(|entry| entry["summary"].to_string());
    let lines: Vec<&str> = told.iter().map(|entry| entry["summary"].as_str().unwrap()).collect();
    insta::assert_snapshot!(lines.join("\n"), @r"
    told as order_confirmation: email suppressed (preference), websocket sent, push suppressed (no_endpoint)
    told as payment_confirmation: email delivered, websocket sent
    ");
    let causes = explained["data"].as_array().unwrap().iter().map(|entry| &entry["id"]).collect::<Vec<_>>();
    assert!(
        told.iter().all(|entry| causes.contains(&&entry["cause"])),
        "each follows from what is there, too"
    );
    world.end().await;
}
