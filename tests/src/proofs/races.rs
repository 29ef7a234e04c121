//! Several that make or end one hold at once: one wins, and no piece is lost or won by it.

use jiff::{SignedDuration, Timestamp};
use reqwest::Method;
use serde_json::{Value, json};

use crate::world::World;

const RESERVATIONS: &str = "/api/v1/inventory/reservations";

/// Lets what functions ask of DynamoDB take a few milliseconds more or less, so that each race goes another way.
pub async fn stagger(world: &World, seed: u64) {
    world.cloud().faults().clear();
    for (milliseconds, rate) in [(1, 0.2), (3, 0.2), (7, 0.1)] {
        let fault = json!({
            "service": "dynamodb", "kind": "delay", "milliseconds": milliseconds, "rate": rate, "seed": seed
        });
        world.fault(fault).await;
    }
}

pub async fn sweep(world: &World) {
    world.cloud().invoke("Sweeper", json!({})).await.unwrap();
}

fn instant(value: &Value) -> Timestamp {
    value.as_str().unwrap().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_expires_is_cancelled_and_is_paid_at_once_ends_in_one_way() {
    let world = World::new().await;
    let mut ends = std::collections::BTreeMap::new();
    for seed in 0..24 {
        let lamp = world.product(&format!("lamp-{seed}"), 2).await;
        let ana = world.customer(&format!("ana-{seed}")).await;
        let order = ana.orders(&lamp, 1).await.ok();
        let intent = ana.begins_to_pay(&order).await;
        world.idle().await;
        stagger(&world, seed).await;
        // Half of the races begin when the order's time is over, half a little earlier.
        let late = SignedDuration::from_millis(if seed % 2 == 0 { 0 } else { -1 });
        world.cloud().clock().turn_to(instant(&order["expires_at"]).checked_add(late).unwrap());
        let cancel = format!("/api/v1/orders/{}/cancel", order["order_id"].as_str().unwrap());
        let pays = async {
            for _ in 0..seed % 8 {
                ana.order(&order).await; // hesitates
            }
            world.pays(&intent, "pm_card_visa").await
        };
        let (paid, cancelled, ()) = tokio::join!(pays, ana.insists(&cancel, json!({})), async {
            world.cloud().clock().turn_to(instant(&order["expires_at"]));
            sweep(&world).await;
        },);
        world.cloud().faults().clear();
        // Cancelled already, called off, or paid meanwhile: never a failure of ours.
        assert!(!cancelled.status.is_server_error(), "{cancelled:?}");
        assert!(!paid.status.is_server_error(), "{paid:?}");
        world.advance(SignedDuration::from_mins(2)).await; // what was left to the sweeper
        let end = ana.status_of(&order).await;
        let level = world.ledger(&lamp).await.level;
        match end.as_str() {
            "paid/paid" => assert_eq!(level, [1, 0, 1], "{seed}"),
            "cancelled/unpaid" | "expired/unpaid" | "cancelled/refunded" | "expired/refunded" => {
                assert_eq!(level, [2, 0, 0], "{seed}: {end}");
            }
            other => panic!("{seed}: {other}"),
        }
        *ends.entry(end).or_insert(0) += 1;
    }
    eprintln!("{ends:?}");
    assert!(ends.len() > 1, "no race at all: {ends:?}");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hold_that_expires_is_given_back_and_is_ordered_at_once_ends_in_one_way() {
    let world = World::new().await;
    let mut ends = std::collections::BTreeMap::new();
    for seed in 0..40 {
        let lamp = world.product(&format!("lamp-{seed}"), 2).await;
        let ana = world.customer(&format!("ana-{seed}")).await;
        let items = json!([{ "product_id": lamp, "quantity": 1 }]);
        let hold = ana.post(RESERVATIONS, json!({ "items": items, "ttl_seconds": 60 })).await.ok();
        let path = format!("{RESERVATIONS}/{}", hold["reservation_id"].as_str().unwrap());
        world.idle().await;
        stagger(&world, seed).await;
        let order = json!({ "items": items, "currency": "USD", "reservation_id": hold["reservation_id"] });
        let gives_back = async {
            for _ in 0..seed % 4 {
                ana.get(&path).await; // hesitates
            }
            ana.insists_on(Method::DELETE, &path, &[], None).await
        };
        let (ordered, released, ()) = tokio::join!(ana.insists("/api/v1/orders", order), gives_back, async {
            // Every third race is between two: the time of the hold does not end.
            if seed % 3 != 0 {
                world.cloud().clock().turn_to(instant(&hold["expires_at"]));
                sweep(&world).await;
            }
        },);
        world.cloud().faults().clear();
        for reply in [&ordered, &released] {
            assert!(!reply.status.is_server_error(), "{reply:?}");
        }
        world.idle().await;
        let end = format!("ordered {}, given back {}", ordered.outcome(), released.outcome());
        let level = world.ledger(&lamp).await.level;
        let status = ana.get(&path).await.ok()["status"].clone();
        if ordered.status.is_success() {
            // The order lasts as long as the hold did: one that was placed just in time may be over by now.
            let expected = match ana.status_of(&ordered.ok()).await.as_str() {
                "pending_payment/unpaid" => ([1, 1, 0], json!("active")),
                "expired/unpaid" => ([2, 0, 0], json!("expired")),
                other => panic!("{seed}: {other}"),
            };
            assert_eq!((level, status), expected, "{seed}: {end}");
            assert_eq!(released.outcome(), "409 reservation_not_active", "{seed}");
        } else {
            assert_eq!(level, [2, 0, 0], "{seed}: {end}");
            assert!([json!("released"), json!("expired")].contains(&status), "{seed}: {status}");
            assert_eq!(released.outcome(), "200", "{seed}");
        }
        *ends.entry(end).or_insert(0) += 1;
    }
    eprintln!("{ends:?}");
    assert!(ends.len() > 1, "no race at all: {ends:?}");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_asks_twenty_times_at_once_for_the_first_time_has_one_hold() {
    let world = World::new().await;
    for seed in 0..5 {
        let lamp = world.product(&format!("lamp-{seed}"), 40).await;
        let ana = world.customer(&format!("ana-{seed}")).await;
        world.idle().await;
        stagger(&world, seed).await;
        let asks = (0..20).map(|number| {
            let items = json!([{ "product_id": lamp, "quantity": 1 + number % 3 }]);
            ana.insists(RESERVATIONS, json!({ "items": items }))
        });
        let replies = futures_util::future::join_all(asks).await;
        world.cloud().faults().clear();
        let holds: std::collections::BTreeSet<_> =
            replies.iter().map(|reply| reply.body["reservation_id"].as_str().unwrap_or("none")).collect();
        assert_eq!(holds.len(), 1, "{seed}: {holds:?}");
        let path = format!("{RESERVATIONS}/{}", holds.first().unwrap());
        let hold = ana.get(&path).await.ok();
        let held = hold["items"][0]["quantity"].as_i64().unwrap();
        assert_eq!(world.ledger(&lamp).await.level, [40 - held, held, 0], "{seed}: {hold}");
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn reserved_money_that_several_settle_at_once_stays_reserved() {
    let world = World::new().await;
    let lamp = world.product("lamp", 20).await;
    let admin = world.admin().await;
    for seed in 0..12 {
        let ana = world.customer(&format!("ana-{seed}")).await;
        let order = ana.orders(&lamp, 1).await.ok();
        let asked = json!({ "order_id": order["order_id"], "capture_method": "manual" });
        let intent = admin.post("/api/v1/payments/create-intent", asked).await.ok();
        world.webhooks(json!({ "delay_seconds": 1 })).await;
        world.pays(&intent, "pm_card_visa").await.ok();
        stagger(&world, seed).await;
        let confirm = json!({ "payment_id": intent["payment_id"] });
        let confirms = || ana.insists("/api/v1/payments/confirm", confirm.clone());
        let (first, second, third) = tokio::join!(confirms(), confirms(), confirms());
        for answer in [first, second, third] {
            assert_eq!(answer.ok()["status"], "authorized", "{seed}");
        }
        world.cloud().faults().clear();
        world.advance(SignedDuration::from_mins(3)).await;
        assert_eq!(ana.status_of(&order).await, "paid/authorized", "{seed}");
    }
    assert_eq!(world.stock(&lamp).await, "available 8, reserved 0, sold 12");
    world.end().await;
}
