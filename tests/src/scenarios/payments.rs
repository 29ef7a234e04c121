//! Payments that begin anew, outcomes that nobody heard, money that goes back.

use futures_util::future::join_all;
use jiff::SignedDuration;
use reqwest::Method;
use serde_json::{Value, json};

use crate::{stripe::intent_id, world::World};

const INTENT: &str = "/api/v1/payments/create-intent";

fn minutes(n: i64) -> SignedDuration {
    SignedDuration::from_mins(n)
}

fn refund_of(order: &Value) -> String {
    format!("/api/v1/payments/{}/refund", order["payment_id"].as_str().unwrap())
}

#[tokio::test]
async fn an_intent_that_was_called_off_is_replaced_while_the_order_can_be_paid() {
    let world = World::new().await;
    let lamp = world.product("lamp", 3).await;
    let ana = world.customer("ana").await;
    let order = ana.orders(&lamp, 1).await.ok();
    let first = ana.begins_to_pay(&order).await;
    world.at_stripe(Method::POST, &format!("payment_intents/{}/cancel", intent_id(&first)), &[]).await;
    assert_eq!(ana.status_of(&order).await, "pending_payment/unpaid");
    let ask = json!({ "order_id": order["order_id"] });
    let (second, third) = tokio::join!(ana.post(INTENT, ask.clone()), ana.post(INTENT, ask.clone()));
    let (second, third) = (second.ok(), third.ok());
    assert_eq!(second["payment_id"], first["payment_id"]);
    assert_eq!(second["client_secret"], third["client_secret"], "one in its place, not two");
    assert_ne!(intent_id(&second), intent_id(&first));
    assert_eq!(world.pays(&first, "pm_card_visa").await.status.as_u16(), 400, "it was called off");
    world.pays(&second, "pm_card_visa").await.ok();
    assert_eq!(ana.status_of(&order).await, "paid/paid");
    world.end().await;
}

#[tokio::test]
async fn money_on_an_intent_that_was_given_up_goes_back_once() {
    let world = World::new().await;
    let lamp = world.product("lamp", 3).await;
    let (ana, admin) = (world.customer("ana").await, world.admin().await);
    let order = ana.orders(&lamp, 1).await.ok();
    let first = ana.begins_to_pay(&order).await;
    world.at_stripe(Method::POST, &format!("payment_intents/{}/cancel", intent_id(&first)), &[]).await;
    let second = ana.begins_to_pay(&order).await;
    // As if the first try had been made a second time behind everybody's back.
    let metadata = [("shop_id", "default"), ("order_id", order["order_id"].as_str().unwrap())];
    let names = metadata.map(|(name, value)| (format!("metadata[{name}]"), value));
    let payment = first["payment_id"].as_str().unwrap();
    let mut form = vec![("amount", "1999"), ("currency", "usd"), ("confirm", "true")];
    form.extend([
        ("payment_method", "pm_card_visa"),
        ("metadata[payment_id]", payment),
        ("metadata[attempt]", "1"),
    ]);
    form.extend(names.iter().map(|(name, value)| (name.as_str(), *value)));
    world.webhooks(json!({ "duplicate": 2 })).await;
    let stray = world.at_stripe(Method::POST, "payment_intents", &form).await;
    world.pays(&second, "pm_card_visa").await.ok();
    world.advance(minutes(5)).await;
    assert_eq!(ana.status_of(&order).await, "paid/paid");
    let path = format!("refunds?payment_intent={}", stray["id"].as_str().unwrap());
    let refunds = world.at_stripe(Method::GET, &path, &[]).await;
    let amounts: Vec<_> =
        refunds["data"].as_array().unwrap().iter().map(|refund| &refund["amount"]).collect();
    assert_eq!(amounts, [1999]);
    let books = admin.get(&format!("/api/v1/payments/{payment}")).await.ok();
    assert_eq!(
        (&books["captured"], &books["refunded"]),
        (&json!(1999), &json!(0)),
        "the payment's own stays"
    );
    world.end().await;
}

#[tokio::test]
async fn after_a_day_an_intent_is_looked_up_and_never_made_again() {
    let world = World::new().await;
    let lamp = world.product("lamp", 3).await;
    for (fault, found) in [("timeout_after_acting", true), ("refuse", false)] {
        let ana = world.customer("ana").await;
        let order = ana.orders(&lamp, 1).await.ok();
        world.stripe_fails("payment_intents.create", fault, 1).await;
        world.webhooks(json!({ "lose": true })).await;
        // Stripe is out of reach from then on.
        let ask = json!({ "order_id": order["order_id"] });
        assert_eq!(ana.post(INTENT, ask).await.outcome(), "503 upstream_unavailable");
        world.stripe_fails("payment_intents.create", "refuse", 100_000).await;
        world.leaps(SignedDuration::from_hours(24)).await;
        world.stripe_recovers().await;
        let ana = world.customer("ana").await; // her token has ended meanwhile
        let made = world.asked_of_stripe("payment_intents.create");
        world.advance(minutes(3)).await;
        assert_eq!(world.asked_of_stripe("payment_intents.create"), made, "{fault}: not asked for again");
        assert_eq!(ana.status_of(&order).await, "expired/unpaid", "{fault}");
        let payment =
            ana.get(&format!("/api/v1/payments/{}", order["payment_id"].as_str().unwrap())).await.ok();
        assert_eq!(payment["status"], if found { "cancelled" } else { "failed" });
        world.webhooks(json!({})).await;
    }
    assert_eq!(world.stock(&lamp).await, "available 3, reserved 0, sold 0");
    world.end().await;
}

#[tokio::test]
async fn after_a_day_a_refund_is_looked_up_and_given_once() {
    let world = World::new().await;
    let lamp = world.product("lamp", 9).await;
    for fault in ["timeout_after_acting", "refuse"] {
        let (ana, admin) = (world.customer("ana").await, world.admin().await);
        let order = ana.buys(&lamp, 1).await;
        world.webhooks(json!({ "lose": true })).await;
        world.stripe_fails("refunds.create", fault, 1).await;
        let asked = admin.post(&refund_of(&order), json!({ "amount": 700 })).await;
        assert_eq!(asked.outcome(), "503 upstream_unavailable");
        world.stripe_fails("*", "refuse", 1_000_000).await;
        world.leaps(SignedDuration::from_hours(25)).await;
        world.stripe_recovers().await;
        world.advance(minutes(3)).await;
        let (ana, admin) = (world.customer("ana").await, world.admin().await); // their tokens have ended meanwhile
        assert_eq!(ana.status_of(&order).await, "paid/partially_refunded", "{fault}");
        let all = world.at_stripe(Method::GET, "refunds?limit=100", &[]).await;
        let gone: i64 =
            all["data"].as_array().unwrap().iter().map(|refund| refund["amount"].as_i64().unwrap()).sum();
        assert_eq!(gone % 700, 0);
        let books = admin.get(refund_of(&order).trim_end_matches("/refund")).await.ok();
        assert_eq!((&books["refunded"], &books["refunding"]), (&json!(700), &json!(0)), "{fault}");
        world.webhooks(json!({})).await;
    }
    let all = world.at_stripe(Method::GET, "refunds?limit=100", &[]).await;
    assert_eq!(all["data"].as_array().unwrap().len(), 2, "one for each");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn confirm_webhook_and_sweeper_at_once_settle_once() {
    let world = World::new().await;
    let lamp = world.product("lamp", 20).await;
    for seed in 0..8 {
        let ana = world.customer(&format!("ana-{seed}")).await;
        let order = ana.orders(&lamp, 1).await.ok();
        let intent = ana.begins_to_pay(&order).await;
        world.webhooks(json!({ "delay_seconds": 1 })).await;
        world.pays(&intent, "pm_card_visa").await.ok();
        world.cloud().faults().clear();
        for (milliseconds, rate) in [(1, 0.2), (3, 0.2), (7, 0.1)] {
            world
                .fault(json!({ "service": "dynamodb", "kind": "delay", "milliseconds": milliseconds, "rate": rate, "seed": seed }))
                .await;
        }
        let confirm = json!({ "payment_id": intent["payment_id"] });
        let sweep = async { world.cloud().invoke("Sweeper", json!({})).await.unwrap() };
        let due = world.cloud().clock().now().checked_add(minutes(1)).unwrap();
        world.cloud().clock().turn_to(due);
        let (first, second, _) = tokio::join!(
            ana.insists("/api/v1/payments/confirm", confirm.clone()),
            ana.insists("/api/v1/payments/confirm", confirm.clone()),
            sweep
        );
        assert_eq!(
            (first.ok()["status"].clone(), second.ok()["status"].clone()),
            (json!("succeeded"), json!("succeeded"))
        );
        world.cloud().faults().clear();
        world.advance(minutes(3)).await;
        assert_eq!(ana.status_of(&order).await, "paid/paid");
        assert_eq!(ana.order(&order).await["version"], 2, "one settlement");
        let events = ana.get(&format!("/api/v1/realtime/events?channel=user:ana-{seed}")).await.ok();
        let paid = events["data"].as_array().unwrap().iter();
        let paid = paid.filter(|event| {
            event["type"] == "order.status_updated" && event["data"]["current_status"] == "paid"
        });
        assert_eq!(paid.count(), 1, "one event");
    }
    assert_eq!(world.stock(&lamp).await, "available 12, reserved 0, sold 8");
    world.end().await;
}

#[tokio::test]
async fn of_twenty_refunds_of_sixty_on_a_hundred_at_once_one_is_given() {
    let world = World::new().await;
    let lamp = world.product("lamp", 3).await;
    let (ana, admin) = (world.customer("ana").await, world.admin().await);
    let order = ana.buys(&lamp, 1).await;
    let sixty = json!({ "amount": 1200 });
    let path = refund_of(&order);
    let asked = (0..20).map(|_| admin.insists(&path, sixty.clone()));
    let outcomes: Vec<String> = join_all(asked).await.iter().map(crate::world::Reply::outcome).collect();
    assert_eq!(outcomes.iter().filter(|outcome| *outcome == "201").count(), 1, "{outcomes:?}");
    assert_eq!(outcomes.iter().filter(|outcome| *outcome == "409 refund_exceeds_captured").count(), 19);
    world.idle().await;
    assert_eq!(ana.status_of(&order).await, "paid/partially_refunded");
    world.end().await;
}

#[tokio::test]
async fn refunds_that_are_made_at_stripe_are_booked_partial_ones_too() {
    let world = World::new().await;
    let lamp = world.product("lamp", 3).await;
    let (ana, admin) = (world.customer("ana").await, world.admin().await);
    let order = ana.orders(&lamp, 1).await.ok();
    let intent = ana.begins_to_pay(&order).await;
    world.pays(&intent, "pm_card_visa").await.ok();
    world.webhooks(json!({ "duplicate": 2 })).await;
    let form = |amount: &'static str| {
        [("payment_intent".to_owned(), intent_id(&intent)), ("amount".to_owned(), amount.to_owned())]
    };
    for (amount, status) in [("500", "paid/partially_refunded"), ("1499", "paid/refunded")] {
        let form = form(amount);
        let form: Vec<_> = form.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        world.at_stripe(Method::POST, "refunds", &form).await;
        world.advance(minutes(1)).await;
        assert_eq!(ana.status_of(&order).await, status);
    }
    assert_eq!(
        admin.post(&refund_of(&order), json!({ "amount": 1 })).await.outcome(),
        "409 refund_exceeds_captured"
    );
    world.end().await;
}

#[tokio::test]
async fn a_refund_that_fails_at_the_bank_after_it_succeeded_can_be_given_again() {
    let world = World::new().await;
    let lamp = world.product("lamp", 3).await;
    let (ana, admin) = (world.customer("ana").await, world.admin().await);
    let order = ana.orders(&lamp, 1).await.ok();
    let intent = ana.begins_to_pay(&order).await;
    world.pays(&intent, "pm_card_refundFail").await.ok();
    let refund = admin.post(&refund_of(&order), json!({})).await.ok();
    assert_eq!(refund["status"], "succeeded");
    world.idle().await;
    assert_eq!(ana.status_of(&order).await, "paid/refunded");
    world.advance(minutes(2)).await;
    assert_eq!(ana.status_of(&order).await, "paid/paid", "the money came back");
    let books = admin.get(refund_of(&order).trim_end_matches("/refund")).await.ok();
    assert_eq!((&books["captured"], &books["refunded"]), (&json!(1999), &json!(0)));
    assert_eq!(admin.post(&refund_of(&order), json!({ "amount": 1999 })).await.outcome(), "201");
    world.end().await;
}

#[tokio::test]
async fn a_shopper_who_has_to_authenticate_pays_when_they_have() {
    let world = World::new().await;
    let lamp = world.product("lamp", 3).await;
    let ana = world.customer("ana").await;
    for (outcome, status, then) in [
        ("success", "paid/paid", "succeeded"),
        ("failure", "pending_payment/unpaid", "requires_payment_method"),
    ] {
        let order = ana.orders(&lamp, 1).await.ok();
        let intent = ana.begins_to_pay(&order).await;
        world.pays(&intent, "pm_card_threeDSecure2Required").await.ok();
        let path = format!("/api/v1/payments/{}", intent["payment_id"].as_str().unwrap());
        assert_eq!(ana.get(&path).await.ok()["status"], "requires_action");
        world.authenticates(&intent, outcome).await;
        assert_eq!(ana.status_of(&order).await, status);
        assert_eq!(ana.get(&path).await.ok()["status"], then);
    }
    world.end().await;
}

#[tokio::test]
async fn money_that_is_not_what_the_order_costs_goes_to_review() {
    let world = World::new().await;
    let lamp = world.product("lamp", 3).await;
    let ana = world.customer("ana").await;
    let order = ana.orders(&lamp, 1).await.ok();
    let intent = ana.begins_to_pay(&order).await;
    let path = format!("payment_intents/{}", intent_id(&intent));
    world.at_stripe(Method::POST, &path, &[("amount", "1")]).await;
    world.pays(&intent, "pm_card_visa").await.ok();
    assert_eq!(ana.status_of(&order).await, "pending_payment/unpaid");
    let payment = ana.get(&format!("/api/v1/payments/{}", intent["payment_id"].as_str().unwrap())).await.ok();
    assert_eq!((&payment["status"], &payment["captured"]), (&json!("review"), &json!(1)));
    let drift = world.admin().await.get("/api/v1/payments/reconciliation").await.ok();
    assert_eq!(drift["drift"][0]["problem"], "the payment is under review");
    world.end_unbalanced().await;
}

#[tokio::test]
async fn the_history_is_filtered_by_status_and_time_and_paged() {
    let world = World::new().await;
    let lamp = world.product("lamp", 20).await;
    let (ana, ben, admin) = (world.customer("ana").await, world.customer("ben").await, world.admin().await);
    for n in 0..6 {
        let order = ana.orders(&lamp, 1).await.ok();
        let intent = ana.begins_to_pay(&order).await;
        if n % 2 == 0 {
            world.pays(&intent, "pm_card_visa").await.ok();
        }
        world.advance(minutes(2)).await;
    }
    ben.buys(&lamp, 1).await;
    let count = async |who: &crate::world::Person<'_>, query: &str| {
        let mut seen = vec![];
        let mut cursor = String::new();
        loop {
            let page = who.get(&format!("/api/v1/payments/history?{query}{cursor}")).await.ok();
            seen.extend(page["data"].as_array().unwrap().iter().map(|payment| payment["payment_id"].clone()));
            match page["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
        }
        let all = seen.len();
        seen.sort_by_key(Value::to_string);
        seen.dedup();
        assert_eq!(seen.len(), all, "none twice");
        all
    };
    assert_eq!(count(&ana, "limit=4").await, 6);
    assert_eq!(count(&ana, "limit=2&status=succeeded").await, 3);
    assert_eq!(count(&admin, "limit=100").await, 7);
    assert_eq!(count(&ana, "from=2026-01-05T09:02:00Z&to=2026-01-05T09:06:00Z").await, 3);
    assert_eq!(count(&ana, "to=2026-01-05").await, 6);
    assert_eq!(count(&ana, "from=2026-01-06").await, 0);
    let page = ana.get("/api/v1/payments/history?limit=1&status=succeeded").await.ok();
    assert_eq!(
        page["data"].as_array().unwrap().len(),
        1,
        "a page is full although others were looked through"
    );
    assert_eq!(ana.get("/api/v1/payments/history?from=soon").await.complaint(), "400 validation_failed from");
    let payment = page["data"][0]["payment_id"].as_str().unwrap();
    let detail = ana.get(&format!("/api/v1/payments/{payment}")).await.ok();
    assert!(detail["receipt_url"].as_str().unwrap().starts_with("https://pay.stripe.com/receipts/"));
    assert_eq!(ben.get(&format!("/api/v1/payments/{payment}")).await.outcome(), "404 not_found");
    world.end().await;
}

#[tokio::test]
async fn amounts_travel_as_stripe_counts_them() {
    let world = World::new().await;
    let (ana, admin) = (world.customer("ana").await, world.admin().await);
    for (currency, price, stripes) in
        [("JPY", 500, 500), ("ISK", 5, 500), ("UGX", 700, 70_000), ("KWD", 1_230, 1_230)]
    {
        let product = format!("lamp-{}", currency.to_lowercase());
        let new = json!({ "product_id": product, "name": "A lamp", "price": { "amount": price, "currency": currency } });
        admin.post("/api/v1/products", new).await.ok();
        let add = json!({ "product_id": product, "quantity": 5, "operation": "add" });
        admin.post("/api/v1/inventory/adjustments", add).await.ok();
        let items = json!([{ "product_id": product, "quantity": 1 }]);
        let order = ana.post("/api/v1/orders", json!({ "items": items, "currency": currency })).await.ok();
        let intent = ana.begins_to_pay(&order).await;
        assert_eq!(intent["amount"], price, "{currency}");
        let at_stripe =
            world.at_stripe(Method::GET, &format!("payment_intents/{}", intent_id(&intent)), &[]).await;
        assert_eq!(at_stripe["amount"], stripes, "{currency}");
        world.pays(&intent, "pm_card_visa").await.ok();
        assert_eq!(ana.status_of(&order).await, "paid/paid", "{currency}");
        admin.post(&refund_of(&order), json!({})).await.ok();
        assert_eq!(ana.status_of(&order).await, "paid/refunded", "{currency}");
    }
    let too_fine =
        json!({ "product_id": "fine", "name": "A lamp", "price": { "amount": 1_235, "currency": "KWD" } });
    assert_eq!(
        admin.post("/api/v1/products", too_fine).await.complaint(),
        "400 validation_failed price.amount"
    );
    let config = ana.get("/api/v1/config").await.ok();
    for (currency, digits) in [("USD", 2), ("JPY", 0), ("ISK", 0), ("UGX", 0), ("KWD", 3), ("MGA", 0)] {
        assert_eq!(config["currencies"][currency], digits, "{currency}");
    }
    assert_eq!(config["currencies"]["IQD"], Value::Null, "Stripe does not charge it");
    world.end().await;
}
