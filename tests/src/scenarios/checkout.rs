//! From order to money and back.

use jiff::SignedDuration;
use serde_json::json;

use crate::world::World;

fn minutes(n: i64) -> SignedDuration {
    SignedDuration::from_mins(n)
}

#[tokio::test]
async fn a_paid_order_sells_its_stock_and_tells_whoever_watches() {
    let world = World::new().await;
    let lamp = world.product("lamp", 3).await;
    let ana = world.customer("ana").await;
    let mut socket = ana.socket().await;
    socket.subscribes("product:lamp").await;
    assert_eq!(socket.next("inventory.updated").await["data"]["available_quantity"], 3);

    let order = ana.orders(&lamp, 2).await.ok();
    assert_eq!((&order["status"], &order["total"]["amount"]), (&json!("pending_payment"), &json!(3998)));
    assert_eq!(world.stock(&lamp).await, "available 1, reserved 2, sold 0");
    assert_eq!(socket.next("inventory.updated").await["data"]["available_quantity"], 1);

    socket.subscribes(&format!("order:{}", order["order_id"].as_str().unwrap())).await;
    let intent = ana.begins_to_pay(&order).await;
    assert_eq!((&intent["amount"], &intent["currency"]), (&json!(3998), &json!("USD")));
    world.pays(&intent, "pm_card_visa").await.ok();

    let told = socket.next("order.status_updated").await;
    assert_eq!(
        (&told["data"]["previous_status"], &told["data"]["current_status"]),
        (&json!("pending_payment"), &json!("paid"))
    );
    assert_eq!(ana.status_of(&order).await, "paid/paid");
    assert_eq!(world.stock(&lamp).await, "available 1, reserved 0, sold 2");
    world.end().await;
}

#[tokio::test]
async fn an_unpaid_order_gives_its_stock_back_after_fifteen_minutes() {
    let world = World::new().await;
    let lamp = world.product("lamp", 3).await;
    let ana = world.guest().await;
    let order = ana.orders(&lamp, 2).await.ok();
    let intent = ana.begins_to_pay(&order).await;

    world.advance(minutes(14)).await;
    assert_eq!(world.stock(&lamp).await, "available 1, reserved 2, sold 0");
    world.advance(minutes(2)).await;
    assert_eq!(world.stock(&lamp).await, "available 3, reserved 0, sold 0");
    assert_eq!(ana.status_of(&order).await, "expired/unpaid");
    let late = world.pays(&intent, "pm_card_visa").await;
    assert_eq!(late.status.as_u16(), 400, "the intent was called off first: {}", late.body);
    world.end().await;
}

#[tokio::test]
async fn a_declined_card_can_be_tried_again_while_the_stock_is_held() {
    let world = World::new().await;
    let lamp = world.product("lamp", 1).await;
    let ana = world.customer("ana").await;
    let order = ana.orders(&lamp, 1).await.ok();
    let intent = ana.begins_to_pay(&order).await;

    assert_eq!(world.pays(&intent, "pm_card_chargeDeclined").await.status.as_u16(), 402);
    assert_eq!(world.stock(&lamp).await, "available 0, reserved 1, sold 0");
    world.pays(&intent, "pm_card_visa").await.ok();
    assert_eq!(ana.status_of(&order).await, "paid/paid");
    world.end().await;
}

#[tokio::test]
async fn what_a_declined_payment_was_for_is_held_until_it_is_paid_called_off_or_over() {
    let world = World::new().await;
    for (end, status, stock) in [
        ("paid", "paid/paid", "available 0, reserved 0, sold 1"),
        ("called off", "cancelled/unpaid", "available 1, reserved 0, sold 0"),
        ("over", "expired/unpaid", "available 1, reserved 0, sold 0"),
    ] {
        let lamp = world.product(&format!("lamp-{}", &end[..4]), 1).await;
        let (ana, ben) = (world.customer("ana").await, world.customer("ben").await);
        let order = ana.orders(&lamp, 1).await.ok();
        let intent = ana.begins_to_pay(&order).await;
        for card in ["pm_card_chargeDeclined", "pm_card_chargeDeclinedInsufficientFunds"] {
            assert_eq!(world.pays(&intent, card).await.status.as_u16(), 402, "{end}");
        }
        world.advance(minutes(14)).await;
        assert_eq!(ana.status_of(&order).await, "pending_payment/unpaid", "{end}");
        assert_eq!(ben.orders(&lamp, 1).await.outcome(), "409 insufficient_stock", "{end}");
        match end {
            "paid" => drop(world.pays(&intent, "pm_card_visa").await.ok()),
            "over" => world.advance(minutes(2)).await,
            _ => {
                let path = format!("/api/v1/orders/{}/cancel", order["order_id"].as_str().unwrap());
                ana.post(&path, json!({})).await.ok();
            }
        }
        world.idle().await;
        assert_eq!(
            (ana.status_of(&order).await.as_str(), world.stock(&lamp).await.as_str()),
            (status, stock)
        );
    }
    world.end().await;
}

#[tokio::test]
async fn confirm_settles_when_every_webhook_is_lost() {
    let world = World::new().await;
    let lamp = world.product("lamp", 1).await;
    let ana = world.customer("ana").await;
    world.nobody().post("/_local/stripe/webhooks", json!({ "lose": true })).await.ok();
    let order = ana.orders(&lamp, 1).await.ok();
    let intent = ana.begins_to_pay(&order).await;
    world.pays(&intent, "pm_card_visa").await.ok();
    assert_eq!(ana.status_of(&order).await, "pending_payment/unpaid");

    let confirm = json!({ "payment_id": intent["payment_id"] });
    let payment = ana.post("/api/v1/payments/confirm", confirm.clone()).await.ok();
    assert_eq!((&payment["status"], &payment["captured"]), (&json!("succeeded"), &json!(1999)));
    ana.post("/api/v1/payments/confirm", confirm).await.ok();
    assert_eq!(ana.status_of(&order).await, "paid/paid");
    world.end().await;
}

#[tokio::test]
async fn an_order_that_was_paid_unheard_is_settled_and_not_expired() {
    let world = World::new().await;
    let lamp = world.product("lamp", 1).await;
    let ana = world.customer("ana").await;
    world.nobody().post("/_local/stripe/webhooks", json!({ "lose": true })).await.ok();
    let order = ana.orders(&lamp, 1).await.ok();
    let intent = ana.begins_to_pay(&order).await;
    world.pays(&intent, "pm_card_visa").await.ok();
    world.advance(minutes(17)).await;
    assert_eq!(ana.status_of(&order).await, "paid/paid");
    world.end().await;
}

#[tokio::test]
async fn a_cancelled_order_gives_back_what_it_had() {
    let world = World::new().await;
    let lamp = world.product("lamp", 5).await;
    let ana = world.customer("ana").await;
    let unpaid = ana.orders(&lamp, 2).await.ok();
    let paid = ana.buys(&lamp, 3).await;
    assert_eq!(world.stock(&lamp).await, "available 0, reserved 2, sold 3");

    for order in [&unpaid, &paid] {
        let path = format!("/api/v1/orders/{}/cancel", order["order_id"].as_str().unwrap());
        assert_eq!(ana.post(&path, json!({})).await.ok()["status"], "cancelled");
        assert_eq!(ana.post(&path, json!({})).await.ok()["status"], "cancelled", "asked again");
    }
    world.idle().await;
    assert_eq!(ana.status_of(&paid).await, "cancelled/refunded");
    assert_eq!(world.stock(&lamp).await, "available 5, reserved 0, sold 0");
    world.end().await;
}

#[tokio::test]
async fn refunds_never_exceed_what_was_paid_and_pieces_come_back_once() {
    let world = World::new().await;
    let lamp = world.product("lamp", 5).await;
    let (ana, admin) = (world.customer("ana").await, world.admin().await);
    let order = ana.buys(&lamp, 3).await;
    let refund = format!("/api/v1/payments/{}/refund", order["payment_id"].as_str().unwrap());
    let one = json!({ "amount": 1999, "items": [{ "product_id": lamp, "quantity": 1 }], "restock": true });

    assert_eq!(ana.post(&refund, one.clone()).await.outcome(), "403 forbidden");
    let done = admin.post_keyed(&refund, "r1", one.clone()).await.ok();
    assert_eq!(done["status"], "succeeded");
    assert_eq!(admin.post_keyed(&refund, "r1", one.clone()).await.ok()["refund_id"], done["refund_id"]);
    world.idle().await;
    assert_eq!(ana.status_of(&order).await, "paid/partially_refunded");
    assert_eq!(world.stock(&lamp).await, "available 3, reserved 0, sold 2");

    let too_many = json!({ "amount": 1, "items": [{ "product_id": lamp, "quantity": 3 }], "restock": true });
    assert_eq!(admin.post(&refund, too_many).await.complaint(), "400 validation_failed items[0].quantity");
    assert_eq!(admin.post(&refund, json!({ "amount": 3999 })).await.outcome(), "409 refund_exceeds_captured");
    admin.post(&refund, json!({})).await.ok();
    assert_eq!(ana.status_of(&order).await, "paid/refunded");
    world.end().await;
}

#[tokio::test]
async fn a_refund_whose_end_is_booked_by_two_at_once_gives_the_money_back_once() {
    let world = World::new().await;
    let lamp = world.product("lamp", 5).await;
    let (ana, admin) = (world.customer("ana").await, world.admin().await);
    let order = ana.buys(&lamp, 1).await;
    let payment = format!("/api/v1/payments/{}", order["payment_id"].as_str().unwrap());

    // Whoever asked for the refund has read it as pending, and is held up before it reads the payment: by then
    // Stripe's webhook has booked it.
    let held_up = json!({ "service": "dynamodb", "operation": "GetItem", "table": "OrdersTable", "function": "Payments",
        "kind": "delay", "milliseconds": 1500, "skip": 5, "count": 1 });
    world.fault(held_up).await;
    let ended = admin.post(&format!("{payment}/refund"), json!({ "amount": 700 })).await.ok();
    assert_eq!(ended["status"], "succeeded");
    assert!(world.cloud().faults().list().is_empty(), "nobody was held up");
    world.idle().await;
    let paid = admin.get(&payment).await.ok();
    assert_eq!((&paid["refunded"], &paid["refunding"]), (&json!(700), &json!(0)));
    world.end().await;
}

#[tokio::test]
async fn a_refund_that_the_bank_is_still_at_is_asked_about_and_never_made_again() {
    let world = World::new().await;
    let lamp = world.product("lamp", 5).await;
    let (ana, admin) = (world.customer("ana").await, world.admin().await);
    let order = ana.orders(&lamp, 1).await.ok();
    let intent = ana.begins_to_pay(&order).await;
    world.pays(&intent, "pm_card_pendingRefund").await.ok();
    let refund = format!("/api/v1/payments/{}/refund", intent["payment_id"].as_str().unwrap());
    world.nobody().post("/_local/stripe/webhooks", json!({ "lose": true })).await.ok();

    let begun = admin.post_keyed(&refund, "r1", json!({ "amount": 700 })).await.ok();
    assert_eq!(begun["status"], "pending");
    world.advance(minutes(2)).await; // made again under its key, it would still look as it did at first
    let ended = admin.post_keyed(&refund, "r1", json!({ "amount": 700 })).await.ok();
    assert_eq!((&ended["status"], &ended["refund_id"]), (&json!("succeeded"), &begun["refund_id"]));
    assert_eq!(ana.status_of(&order).await, "paid/partially_refunded");
    world.end().await;
}

#[tokio::test]
async fn a_checkout_sent_twice_is_one_order() {
    let world = World::new().await;
    let lamp = world.product("lamp", 5).await;
    let ana = world.customer("ana").await;
    let body =
        |quantity: u32| json!({ "items": [{ "product_id": lamp, "quantity": quantity }], "currency": "USD" });
    let (first, second) = tokio::join!(
        ana.post_keyed("/api/v1/orders", "cart-1", body(2)),
        ana.post_keyed("/api/v1/orders", "cart-1", body(2)),
    );
    assert_eq!(first.ok()["order_id"], second.ok()["order_id"]);
    assert_eq!(
        ana.post_keyed("/api/v1/orders", "cart-1", body(3)).await.outcome(),
        "422 idempotency_mismatch"
    );
    assert_eq!(world.stock(&lamp).await, "available 3, reserved 2, sold 0");
    world.end().await;
}

#[tokio::test]
async fn a_reservation_of_one_s_own_becomes_an_order() {
    let world = World::new().await;
    let lamp = world.product("lamp", 2).await;
    let (ana, ben) = (world.guest().await, world.guest().await);
    let items = json!([{ "product_id": lamp, "quantity": 2 }]);
    let held =
        ana.post("/api/v1/inventory/reservations", json!({ "items": items })).await.text("reservation_id");
    let order = json!({ "items": items, "currency": "USD", "reservation_id": held });
    assert_eq!(ben.post("/api/v1/orders", order.clone()).await.outcome(), "404 not_found");
    let placed = ana.post("/api/v1/orders", order.clone()).await.ok();
    assert_eq!(ana.post("/api/v1/orders", order).await.outcome(), "409 reservation_not_active");
    let intent = ana.begins_to_pay(&placed).await;
    world.pays(&intent, "pm_card_visa").await.ok();
    assert_eq!(ana.status_of(&placed).await, "paid/paid");
    assert_eq!(world.stock(&lamp).await, "available 0, reserved 0, sold 2");
    world.end().await;
}

#[tokio::test]
async fn a_large_order_is_whole_or_not_at_all() {
    let world = World::new().await;
    for n in 0..90 {
        world.product(&format!("p{n:02}"), 2).await;
    }
    let shop = world.service(&["orders:write", "orders:read", "payments:write"]).await;
    let order = |quantity_of_last: u32| {
        let items: Vec<_> = (0..90)
            .map(|n| json!({ "product_id": format!("p{n:02}"), "quantity": if n == 89 { quantity_of_last } else { 1 } }))
            .collect();
        json!({ "items": items, "currency": "USD" })
    };
    let refused = shop.post_keyed("/api/v1/orders", "big", order(3)).await;
    assert_eq!(refused.outcome(), "409 insufficient_stock");
    assert_eq!(refused.body["items"][0]["product_id"], "p89");
    assert_eq!(world.stock("p00").await, "available 2, reserved 0, sold 0");

    let ana = world.customer("ana").await;
    assert_eq!(ana.post("/api/v1/orders", order(1)).await.complaint(), "400 validation_failed items");

    let placed = shop.post("/api/v1/orders", order(2)).await.ok();
    assert_eq!(placed["items"].as_array().unwrap().len(), 90);
    let intent = shop.begins_to_pay(&placed).await;
    world.pays(&intent, "pm_card_visa").await.ok();
    assert_eq!(shop.status_of(&placed).await, "paid/paid");
    assert_eq!(world.stock("p00").await, "available 1, reserved 0, sold 1");
    assert_eq!(world.stock("p89").await, "available 0, reserved 0, sold 2");
    world.end().await;
}

#[tokio::test]
async fn an_intent_whose_making_nobody_heard_the_end_of_is_made_once() {
    let world = World::new().await;
    let lamp = world.product("lamp", 1).await;
    let ana = world.customer("ana").await;
    let order = ana.orders(&lamp, 1).await.ok();
    let fault = json!({ "fault": "timeout_after_acting", "operation": "payment_intents.create", "count": 1 });
    world.nobody().post("/_local/stripe/faults", fault).await.ok();
    let ask = json!({ "order_id": order["order_id"] });
    assert_eq!(
        ana.post_keyed("/api/v1/payments/create-intent", "i1", ask.clone()).await.outcome(),
        "503 upstream_unavailable"
    );
    let intent = ana.post_keyed("/api/v1/payments/create-intent", "i1", ask).await.ok();
    assert_eq!(intent["status"], "requires_payment_method");
    world.pays(&intent, "pm_card_visa").await.ok();
    assert_eq!(ana.status_of(&order).await, "paid/paid");
    world.end().await;
}
