//! `confirm`, the webhook and the sweeper settle one payment at once: one of them does, whichever it is.

use std::collections::BTreeMap;

use jiff::SignedDuration;
use reqwest::Method;
use serde_json::json;

use super::races::{stagger, sweep};
use crate::world::World;

const ROUNDS: u64 = 48;

#[tokio::test(flavor = "multi_thread")]
async fn confirm_webhook_and_sweeper_at_once_are_one_settlement() {
    let world = World::new().await;
    world.webhooks(json!({ "lose": true })).await;
    let mut winners = BTreeMap::new();
    for seed in 0..ROUNDS {
        let lamp = world.product(&format!("lamp-{seed}"), 2).await;
        let ana = world.customer(&format!("ana-{seed}")).await;
        let order = ana.orders(&lamp, 1).await.ok();
        let intent = ana.begins_to_pay(&order).await;
        world.pays(&intent, "pm_card_visa").await.ok();
        let listed = world.at_stripe(Method::GET, "events?type=payment_intent.succeeded&limit=1", &[]).await;
        let event = listed["data"][0].to_string().into_bytes();
        stagger(&world, seed).await;
        // A minute after it began somebody looks after it.
        world.cloud().clock().turn_to(world.cloud().clock().after(SignedDuration::from_secs(61)));
        let hesitates = async |turns: u64| {
            for _ in 0..turns {
                ana.order(&order).await;
            }
        };
        let confirms = async |turns| {
            hesitates(turns).await;
            let body = json!({ "payment_id": intent["payment_id"] });
            ana.insists("/api/v1/payments/confirm", body).await.ok()["status"].clone()
        };
        let tells = async |turns| {
            hesitates(turns).await;
            world.webhook(&event, SignedDuration::ZERO).await.status
        };
        let sweeps = async |turns| {
            hesitates(turns).await;
            sweep(&world).await;
        };
        let (first, second, told, told_again, (), ()) = tokio::join!(
            confirms(seed % 3 * 4),
            confirms(seed % 5),
            tells(seed / 3 % 3 * 3),
            tells(seed % 4),
            sweeps(seed / 9 % 2 * 2),
            sweeps(0)
        );
        assert_eq!((first, second), (json!("succeeded"), json!("succeeded")), "{seed}");
        // Stripe repeats what found the books too busy.
        assert!([told, told_again].iter().all(|status| !status.is_server_error()), "{told} {told_again}");
        world.cloud().faults().clear();
        world.advance(SignedDuration::from_mins(3)).await;

        let order = ana.order(&order).await;
        assert_eq!((&order["status"], &order["version"]), (&json!("paid"), &json!(2)), "{seed}");
        let told = world.told_of(&order).await;
        let expected = [
            "order.created",
            "order.status_updated paid",
            "payment.updated requires_payment_method",
            "payment.updated succeeded",
        ];
        assert_eq!(told, expected, "{seed}");
        let ledger = world.ledger(&lamp).await;
        assert_eq!(ledger.story(), "reservation -1, restock 2, sale 0", "{seed}");
        let log = ana.get(&format!("/api/v1/realtime/events?channel=user:ana-{seed}")).await.ok();
        let seen = log["data"].as_array().unwrap().iter().filter(|event| {
            event["type"] == "order.status_updated" && event["data"]["current_status"] == "paid"
        });
        assert_eq!(seen.count(), 1, "{seed}");

        let settled = world.journal("order", order["order_id"].as_str().unwrap()).await.pop().unwrap();
        let winner = match settled.cause.as_deref() {
            None => "confirm",
            Some(cause) if cause.starts_with("evt_") => "webhook",
            Some(_) => "sweeper",
        };
        *winners.entry(winner).or_insert(0) += 1;
    }
    eprintln!("{ROUNDS} rounds, settled by {winners:?}");
    assert!(winners.len() > 1, "no race at all: {winners:?}");
    world.end().await;
}
