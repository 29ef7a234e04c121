//! What Stripe sends, and what others send in its name.

use jiff::SignedDuration;
use reqwest::Method;
use serde_json::{Value, json};

use crate::{stripe::intent_id, world::World};

const NOW: SignedDuration = SignedDuration::ZERO;

fn minutes(n: i64) -> SignedDuration {
    SignedDuration::from_mins(n)
}

/// An event of Stripe's about nothing in particular.
fn event(kind: &str) -> Value {
    json!({ "id": "evt_of_a_test", "object": "event", "type": kind, "livemode": false,
        "data": { "object": { "id": "cus_1", "object": "customer" } } })
}

#[tokio::test]
async fn what_stripe_did_not_sign_or_signed_at_another_time_is_refused_and_not_stored() {
    let world = World::new().await;
    let body = event("customer.created").to_string().into_bytes();
    let rows = world.order_rows().await;
    assert_eq!(world.webhook(&body, NOW).await.outcome(), "200");
    assert_eq!(world.webhook(&body, minutes(5)).await.outcome(), "200", "just in time");
    for (late, outcome) in [
        (SignedDuration::from_secs(301), "400 webhook_stale"),
        (SignedDuration::from_secs(-301), "400 webhook_stale"),
        (SignedDuration::from_hours(72), "400 webhook_stale"),
    ] {
        assert_eq!(world.webhook(&body, late).await.outcome(), outcome, "{late}");
    }
    let now = world.cloud().clock().now();
    let good = world.signature(&body, now).await;
    assert_eq!(world.raw_webhook(&good, b"{}").await.outcome(), "400 signature_invalid", "tampered with");
    assert_eq!(world.order_rows().await, rows);
    world.end().await;
}

#[tokio::test]
async fn bodies_that_make_no_sense_are_refused_although_they_are_signed() {
    let world = World::new().await;
    let rows = world.order_rows().await;
    let not_utf8 = [b"{\"id\":\"".as_slice(), &[0xff, 0xfe, 0xc0], b"\"}"].concat();
    for (what, body) in
        [("not UTF-8", not_utf8), ("not JSON", b"hello".to_vec()), ("no event", b"{}".to_vec())]
    {
        assert_eq!(world.webhook(&body, NOW).await.outcome(), "400 validation_failed", "{what}");
    }
    let megabyte = format!("{{\"id\":\"{}\"}}", "x".repeat(1_000_000)).into_bytes();
    assert_eq!(world.webhook(&megabyte, NOW).await.outcome(), "413 payload_too_large");
    assert_eq!(world.order_rows().await, rows);
    assert_eq!(world.asked_of_stripe("payment_intents.retrieve"), 0, "nobody was asked about any of it");
    world.end().await;
}

#[tokio::test]
async fn a_thousand_signatures_are_looked_at_no_longer_than_a_few() {
    let world = World::new().await;
    let body = event("customer.created").to_string().into_bytes();
    let good = world.signature(&body, world.cloud().clock().now()).await;
    let (time, right) = good.split_once(',').unwrap();
    let wrong = format!(",v1={}", "0".repeat(64));
    let first = format!("{time},{right}{}", wrong.repeat(90));
    assert_eq!(world.raw_webhook(&first, &body).await.outcome(), "200", "the first one is right");
    let last = format!("{time}{},{right}", wrong.repeat(90));
    assert_eq!(world.raw_webhook(&last, &body).await.outcome(), "400 signature_invalid", "the last one is");
    // Headers of this size do not even come through.
    let flood = world.raw_webhook(&format!("{time}{},{right}", wrong.repeat(1000)), &body).await;
    assert!(flood.status.is_client_error(), "{flood:?}");
    world.end().await;
}

#[tokio::test]
async fn events_of_unknown_kinds_are_acknowledged_and_not_stored() {
    let world = World::new().await;
    let rows = world.order_rows().await;
    for kind in
        ["customer.created", "payment_intent.created", "payment_intent.invented", "refund.invented", "x"]
    {
        let body = event(kind).to_string().into_bytes();
        assert_eq!(world.webhook(&body, NOW).await.ok(), json!({ "received": true }), "{kind}");
    }
    assert_eq!(world.order_rows().await, rows);
    world.end().await;
}

#[tokio::test]
async fn events_of_another_mode_or_account_are_refused() {
    let live = [
        ("StripePublicKey".to_owned(), "pk_live_x".to_owned()),
        ("StripeAccountId".to_owned(), "acct_ours".to_owned()),
    ];
    let world = World::with(live.into()).await;
    let sent = |is_live: bool, account: Option<&str>| {
        let mut event = event("customer.created");
        event["livemode"] = json!(is_live);
        event["account"] = json!(account);
        event.to_string().into_bytes()
    };
    for (body, outcome) in [
        (sent(false, None), "400 signature_invalid"),
        (sent(true, Some("acct_theirs")), "400 signature_invalid"),
        (sent(true, Some("acct_ours")), "200"),
        (sent(true, None), "200"),
    ] {
        assert_eq!(world.webhook(&body, NOW).await.outcome(), outcome);
    }
    world.end().await;
}

#[tokio::test]
async fn the_same_event_three_times_at_once_and_days_later_takes_effect_once() {
    let world = World::new().await;
    let lamp = world.product("lamp", 3).await;
    let ana = world.customer("ana").await;
    world.webhooks(json!({ "lose": true })).await;
    let order = ana.orders(&lamp, 1).await.ok();
    let intent = ana.begins_to_pay(&order).await;
    world.pays(&intent, "pm_card_visa").await.ok();
    let listed = world.at_stripe(Method::GET, "events?type=payment_intent.succeeded", &[]).await;
    let body = listed["data"][0].to_string().into_bytes();
    let (first, second, third) =
        tokio::join!(world.webhook(&body, NOW), world.webhook(&body, NOW), world.webhook(&body, NOW));
    for answer in [first, second, third] {
        assert_eq!(answer.outcome(), "200");
    }
    world.idle().await;
    assert_eq!(ana.status_of(&order).await, "paid/paid");
    let version = ana.order(&order).await["version"].clone();
    world.leaps(SignedDuration::from_hours(72)).await;
    let ana = world.customer("ana").await; // her token has ended meanwhile
    assert_eq!(world.webhook(&body, NOW).await.outcome(), "200", "Stripe signs each repetition anew");
    assert_eq!(ana.order(&order).await["version"], version);
    assert_eq!(world.stock(&lamp).await, "available 2, reserved 0, sold 1");
    world.end().await;
}

#[tokio::test]
async fn webhooks_that_are_doubled_late_and_out_of_order_end_in_the_same_state() {
    let world = World::new().await;
    let lamp = world.product("lamp", 20).await;
    let mut orders = vec![];
    for seed in 0..6 {
        let behaviour =
            json!({ "duplicate": 2, "reorder": true, "delay_seconds": seed * 20, "rate": 0.7, "seed": seed });
        world.webhooks(behaviour).await;
        let ana = world.customer(&format!("ana-{seed}")).await;
        let order = ana.orders(&lamp, 1).await.ok();
        let intent = ana.begins_to_pay(&order).await;
        assert_eq!(world.pays(&intent, "pm_card_chargeDeclined").await.status.as_u16(), 402);
        world.pays(&intent, "pm_card_visa").await.ok();
        orders.push((ana, order));
    }
    world.advance(minutes(5)).await;
    for (ana, order) in orders {
        assert_eq!(ana.status_of(&order).await, "paid/paid");
        assert_eq!(ana.order(&order).await["version"], 2, "paid once");
    }
    assert_eq!(world.stock(&lamp).await, "available 14, reserved 0, sold 6");
    world.end().await;
}

#[tokio::test]
async fn a_refund_made_at_stripe_that_is_told_of_before_its_payment_counts_all_the_same() {
    let world = World::new().await;
    let lamp = world.product("lamp", 3).await;
    let ana = world.customer("ana").await;
    world.webhooks(json!({ "lose": true })).await;
    let order = ana.orders(&lamp, 1).await.ok();
    let intent = ana.begins_to_pay(&order).await;
    world.pays(&intent, "pm_card_visa").await.ok();
    let form = [("payment_intent", &*intent_id(&intent)), ("amount", "500")];
    world.at_stripe(Method::POST, "refunds", &form).await;
    for kind in ["refund.created", "payment_intent.succeeded"] {
        let listed = world.at_stripe(Method::GET, &format!("events?type={kind}"), &[]).await;
        let body = listed["data"][0].to_string().into_bytes();
        assert_eq!(world.webhook(&body, NOW).await.outcome(), "200", "{kind}");
    }
    world.idle().await;
    assert_eq!(ana.status_of(&order).await, "paid/partially_refunded");
    assert_eq!(world.stock(&lamp).await, "available 2, reserved 0, sold 1");
    world.end().await;
}

#[tokio::test]
async fn when_every_webhook_is_lost_what_happened_is_pulled() {
    let world = World::new().await;
    let lamp = world.product("lamp", 9).await;
    let ana = world.customer("ana").await;
    world.webhooks(json!({ "lose": true })).await;
    let paid = ana.orders(&lamp, 1).await.ok();
    let slow = ana.orders(&lamp, 1).await.ok();
    let (first, second) = (ana.begins_to_pay(&paid).await, ana.begins_to_pay(&slow).await);
    world.advance(minutes(2)).await; // whoever looked once after the payments has looked
    world.pays(&first, "pm_card_visa").await.ok();
    world.advance(minutes(4)).await;
    assert_eq!(ana.status_of(&paid).await, "paid/paid");
    assert_eq!(ana.status_of(&slow).await, "pending_payment/unpaid");
    // A refund that is made at Stripe has nobody else to tell of it.
    let path = [("payment_intent", &*intent_id(&first)), ("amount", "500")];
    world.at_stripe(Method::POST, "refunds", &path).await;
    world.pays(&second, "pm_card_visa").await.ok();
    world.advance(minutes(4)).await;
    assert_eq!(ana.status_of(&paid).await, "paid/partially_refunded");
    assert_eq!(ana.status_of(&slow).await, "paid/paid");
    let asked = world.asked_of_stripe("payment_intents.retrieve");
    world.advance(minutes(10)).await;
    assert_eq!(world.asked_of_stripe("payment_intents.retrieve"), asked, "what was taken in is left alone");
    world.end().await;
}

#[tokio::test]
async fn more_events_than_fit_on_a_page_are_pulled_in_bounded_steps() {
    let world = World::new().await;
    let lamp = world.product("lamp", 200).await;
    world.advance(minutes(1)).await;
    world.webhooks(json!({ "lose": true })).await;
    let mut orders = vec![];
    for n in 0..8 {
        let ana = world.customer(&format!("ana-{n}")).await;
        let order = ana.orders(&lamp, 1).await.ok();
        let intent = ana.begins_to_pay(&order).await;
        for _ in 0..14 {
            world.pays(&intent, "pm_card_chargeDeclined").await;
        }
        world.pays(&intent, "pm_card_visa").await.ok();
        orders.push((ana, order));
    }
    world.advance(minutes(5)).await;
    for (ana, order) in orders {
        assert_eq!(ana.status_of(&order).await, "paid/paid");
    }
    world.end().await;
}

#[tokio::test]
async fn a_webhook_that_was_cut_off_after_it_was_stored_takes_effect_all_the_same() {
    let world = World::new().await;
    let lamp = world.product("lamp", 3).await;
    let ana = world.customer("ana").await;
    let order = ana.orders(&lamp, 1).await.ok();
    let intent = ana.begins_to_pay(&order).await;
    let cut = json!({ "service": "dynamodb", "operation": "TransactWriteItems", "function": "StripeWebhook",
        "kind": "crash_before", "count": 1 });
    world.fault(cut).await;
    world.pays(&intent, "pm_card_visa").await.ok();
    world.no_faults().await;
    world.advance(minutes(3)).await;
    assert_eq!(ana.status_of(&order).await, "paid/paid");
    assert_eq!(world.stock(&lamp).await, "available 2, reserved 0, sold 1");
    world.end().await;
}
