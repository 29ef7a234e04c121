//! An order's way: from step to step, by the table, each step told once and by nobody twice.

use jiff::SignedDuration;
use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    socket::Socket,
    world::{Person, Reply, World},
};

/// Says where an order is.
async fn moves(person: &Person<'_>, order: &Value, seen: Option<&str>, body: Value) -> Reply {
    let path = format!("/api/v1/orders/{}/status", order["order_id"].as_str().unwrap());
    let headers: Vec<_> = seen.map(|version| ("if-match", version)).into_iter().collect();
    person.send(Method::PATCH, &path, &headers, Some(body.to_string())).await
}

async fn timeline(person: &Person<'_>, order: &Value) -> Vec<String> {
    let path = format!("/api/v1/orders/{}?include=timeline", order["order_id"].as_str().unwrap());
    let read = person.get(&path).await.ok();
    let steps = read["timeline"].as_array().unwrap().iter();
    steps.map(|step| step["status"].as_str().unwrap().to_owned()).collect()
}

/// `paid processing`: the steps that came on a channel by now.
async fn steps(socket: &mut Socket, kind: &str, channel: &str) -> String {
    let events = socket.so_far().await.into_iter();
    let steps = events.filter(|event| event["type"] == kind && event["channel"] == channel);
    let steps: Vec<_> =
        steps.map(|event| event["data"]["current_status"].as_str().unwrap().to_owned()).collect();
    steps.join(" ")
}

#[tokio::test]
async fn an_order_goes_its_way_and_owner_shop_and_admin_hear_of_each_step_once() {
    let world = World::new().await;
    let lamp = world.product("lamp", 5).await;
    let (ana, admin) = (world.customer("ana").await, world.admin().await);
    let mut desk = world.person("agent", "gus", "default").await.socket().await;
    desk.subscribes("shop:default").await;
    let mut boss = admin.socket().await;
    boss.subscribes("admin").await;
    let order = ana.orders(&lamp, 1).await.ok();
    let mut hers = ana.socket().await;
    let channel = format!("order:{}", order["order_id"].as_str().unwrap());
    hers.subscribes(&channel).await;
    let intent = ana.begins_to_pay(&order).await;
    world.pays(&intent, "pm_card_visa").await.ok();

    let shipped = json!({ "status": "shipped", "notes": "packed with care", "trackingNumber": "1Z999",
        "estimated_delivery": "2026-01-08T12:00:00Z", "location": "Leeds" });
    for step in [json!({ "status": "processing" }), shipped, json!({ "status": "out_for_delivery" })] {
        world.advance(SignedDuration::from_secs(2)).await;
        moves(&admin, &order, None, step).await.ok();
    }
    world.advance(SignedDuration::from_secs(2)).await;
    let end = moves(&admin, &order, None, json!({ "status": "completed" })).await.ok();
    assert_eq!((&end["status"], &end["tracking_number"]), (&json!("delivered"), &json!("1Z999")));
    world.idle().await;

    let created = desk.next("order.created").await;
    assert_eq!((&created["channel"], &created["data"]["items_count"]), (&json!("shop:default"), &json!(1)));
    let all = "paid processing shipped out_for_delivery delivered";
    assert_eq!(steps(&mut desk, "order.tracking_updated", "shop:default").await, all);
    assert_eq!(steps(&mut boss, "order.tracking_updated", "admin").await, all);
    let heard = hers.so_far().await;
    for channel in [channel.as_str(), "user:ana"] {
        let told: Vec<_> = heard
            .iter()
            .filter(|event| event["type"] == "order.status_updated" && event["channel"] == channel)
            .collect();
        let statuses: Vec<_> =
            told.iter().map(|event| event["data"]["current_status"].as_str().unwrap()).collect();
        assert_eq!(statuses.join(" "), all, "{channel}");
        let shipped = &told[2]["data"];
        assert_eq!(
            (&shipped["previous_status"], &shipped["notes"]),
            (&json!("processing"), &json!("packed with care"))
        );
        assert_eq!(
            (&shipped["location"], &shipped["estimated_delivery"]),
            (&json!("Leeds"), &json!("2026-01-08T12:00:00Z"))
        );
    }
    assert!(heard.iter().all(|event| event["type"] != "order.tracking_updated"), "that is for staff");
    assert_eq!(
        timeline(&ana, &order).await,
        ["pending_payment", "paid", "processing", "shipped", "out_for_delivery", "delivered"]
    );
    world.end().await;
}

#[tokio::test]
async fn a_step_that_the_table_does_not_have_is_refused_and_changes_nothing() {
    let world = World::new().await;
    let lamp = world.product("lamp", 5).await;
    let (ana, admin) = (world.customer("ana").await, world.admin().await);
    let unpaid = ana.orders(&lamp, 1).await.ok();
    let paid = ana.buys(&lamp, 1).await;
    let statuses = ["pending", "confirmed", "processing", "on_hold", "shipped", "out_for_delivery"];
    for status in
        statuses.into_iter().chain(["completed", "delivery_failed", "returned", "cancelled", "expired"])
    {
        let refused = moves(&admin, &unpaid, None, json!({ "status": status })).await;
        assert_eq!(refused.outcome(), "409 invalid_transition", "unpaid to {status}");
        if !["processing", "on_hold"].contains(&status) {
            let refused = moves(&admin, &paid, None, json!({ "status": status })).await;
            assert_eq!(refused.outcome(), "409 invalid_transition", "paid to {status}");
        }
    }
    assert_eq!(ana.status_of(&unpaid).await, "pending_payment/unpaid");
    assert_eq!(ana.status_of(&paid).await, "paid/paid");
    assert_eq!(timeline(&ana, &paid).await, ["pending_payment", "paid"]);
    world.end().await;
}

#[tokio::test]
async fn of_two_who_change_an_order_at_once_one_is_told_that_it_has_changed() {
    let world = World::new().await;
    let lamp = world.product("lamp", 5).await;
    let (ana, admin) = (world.customer("ana").await, world.admin().await);
    let order = ana.buys(&lamp, 1).await;
    let version = order["version"].to_string();
    let (one, other) = tokio::join!(
        moves(&admin, &order, Some(&version), json!({ "status": "processing", "notes": "one" })),
        moves(&admin, &order, Some(&version), json!({ "status": "on_hold", "notes": "other" })),
    );
    let mut outcomes = [one.outcome(), other.outcome()];
    outcomes.sort();
    assert_eq!(outcomes, ["200", "409 version_conflict"]);
    assert_eq!(timeline(&ana, &order).await.len(), 3);

    let stale = moves(&admin, &order, Some(&version), json!({ "status": "shipped" })).await;
    assert_eq!(stale.outcome(), "409 version_conflict");
    let wrong = moves(&admin, &order, Some("x"), json!({ "status": "shipped" })).await;
    assert_eq!(wrong.complaint(), "400 validation_failed If-Match");
    world.end().await;
}

#[tokio::test]
async fn two_who_say_the_same_at_once_make_one_step() {
    let world = World::new().await;
    let lamp = world.product("lamp", 5).await;
    let (ana, admin) = (world.customer("ana").await, world.admin().await);
    let order = ana.buys(&lamp, 1).await;
    let step = || moves(&admin, &order, None, json!({ "status": "processing" }));
    let replies = tokio::join!(step(), step(), step(), step());
    let replies = [replies.0, replies.1, replies.2, replies.3].map(|reply| reply.status.as_u16());
    assert_eq!(replies.iter().filter(|status| **status == 200).count(), 1, "{replies:?}");
    assert_eq!(replies.iter().filter(|status| **status == 409).count(), 3, "{replies:?}");
    assert_eq!(timeline(&ana, &order).await, ["pending_payment", "paid", "processing"]);
    world.end().await;
}

#[tokio::test]
async fn only_who_runs_the_shop_says_where_an_order_is() {
    let world = World::new().await;
    let lamp = world.product("lamp", 5).await;
    let ana = world.customer("ana").await;
    let order = ana.buys(&lamp, 1).await;
    let step = json!({ "status": "processing" });
    let agent = world.person("agent", "gus", "default").await;
    for person in [&ana, &world.guest().await, &agent, &world.service(&["orders:read"]).await] {
        assert_eq!(moves(person, &order, None, step.clone()).await.outcome(), "403 forbidden");
    }
    let warehouse = world.service(&["orders:write"]).await;
    assert_eq!(moves(&warehouse, &order, None, step.clone()).await.outcome(), "200");
    let unknown = json!({ "order_id": "ord_none" });
    assert_eq!(moves(&warehouse, &unknown, None, step).await.outcome(), "404 not_found");
    world.end().await;
}

#[tokio::test]
async fn a_shipped_order_can_no_longer_be_called_off() {
    let world = World::new().await;
    let lamp = world.product("lamp", 5).await;
    let (ana, admin) = (world.customer("ana").await, world.admin().await);
    let agent = world.person("agent", "gus", "default").await;
    let path = |order: &Value| format!("/api/v1/orders/{}/cancel", order["order_id"].as_str().unwrap());
    let (shipped, packed) = (ana.buys(&lamp, 1).await, ana.buys(&lamp, 1).await);
    for order in [&shipped, &packed] {
        moves(&admin, order, None, json!({ "status": "processing" })).await.ok();
    }
    moves(&admin, &shipped, None, json!({ "status": "shipped" })).await.ok();
    assert_eq!(world.customer("eve").await.post(&path(&packed), json!({})).await.outcome(), "404 not_found");
    assert_eq!(ana.post(&path(&shipped), json!({})).await.outcome(), "409 invalid_transition");
    assert_eq!(agent.post(&path(&shipped), json!({})).await.outcome(), "409 invalid_transition");
    assert_eq!(agent.post(&path(&packed), json!({})).await.ok()["status"], "cancelled");
    world.idle().await;
    assert_eq!(ana.status_of(&packed).await, "cancelled/refunded");
    assert_eq!(world.stock(&lamp).await, "available 4, reserved 0, sold 1");
    world.end().await;
}

#[tokio::test]
async fn a_payment_that_is_told_three_times_is_one_step_and_one_message() {
    let world = World::new().await;
    let lamp = world.product("lamp", 5).await;
    let ana = world.customer("ana").await;
    let mut socket = ana.socket().await;
    world.nobody().post("/_local/stripe/webhooks", json!({ "duplicate": 2 })).await.ok();
    let order = ana.orders(&lamp, 1).await.ok();
    let intent = ana.begins_to_pay(&order).await;
    world.pays(&intent, "pm_card_visa").await.ok();
    let confirm = json!({ "payment_id": intent["payment_id"] });
    ana.post("/api/v1/payments/confirm", confirm).await.ok();
    world.advance(SignedDuration::from_mins(5)).await;
    assert_eq!(steps(&mut socket, "order.status_updated", "user:ana").await, "paid");
    assert_eq!(timeline(&ana, &order).await, ["pending_payment", "paid"]);
    world.end().await;
}

#[tokio::test]
async fn what_an_order_costs_is_the_server_s_to_say() {
    let world = World::new().await;
    let lamp = world.product("lamp", 5).await;
    let (ana, admin) = (world.customer("ana").await, world.admin().await);
    let cheap = json!({ "items": [{ "product_id": lamp, "quantity": 2, "unit_amount": 1, "price": 1 }],
        "currency": "USD", "total": { "amount": 1, "currency": "USD" }, "discount": 9999 });
    let order = ana.post("/api/v1/orders", cheap).await.ok();
    assert_eq!((&order["total"]["amount"], &order["items"][0]["unit_amount"]), (&json!(3998), &json!(1999)));
    // A price that changes later is not this order's.
    let dearer = json!({ "name": "A lamp", "price": { "amount": 9999, "currency": "USD" } });
    let path = format!("/api/v1/products/{lamp}");
    admin.send(Method::PUT, &path, &[], Some(dearer.to_string())).await.ok();
    assert_eq!(ana.begins_to_pay(&order).await["amount"], 3998);
    world.end().await;
}

#[tokio::test]
async fn where_an_order_is_sent_is_seen_by_its_owner_and_by_staff() {
    let world = World::new().await;
    let lamp = world.product("lamp", 5).await;
    let (ana, agent) = (world.customer("ana").await, world.person("agent", "gus", "default").await);
    let address = json!({ "name": "Ana", "line1": "1 High St", "city": "York", "country": "gb" });
    let new = json!({ "items": [{ "product_id": lamp, "quantity": 1 }], "currency": "USD",
        "shipping_address": address });
    let order = ana.post("/api/v1/orders", new).await.ok();
    let number = order["order_number"].as_str().unwrap();
    assert!(number.starts_with("ORD-") && number.len() == 18, "{number}");
    let stored = json!({ "name": "Ana", "line1": "1 High St", "city": "York", "country": "GB" });
    for person in [&ana, &agent] {
        let read = person.order(&order).await;
        assert_eq!((&read["shipping_address"], &read["order_number"]), (&stored, &json!(number)));
    }
    let listed = ana.get("/api/v1/orders").await.ok();
    assert_eq!(
        (&listed["data"][0]["order_number"], &listed["data"][0]["shipping_address"]),
        (&json!(number), &Value::Null)
    );
    world.end().await;
}
