//! Who looks risky is looked at, or does not begin to pay.

use jiff::SignedDuration;
use serde_json::{Value, json};

use crate::world::{Person, World};

const INTENT: &str = "/api/v1/payments/create-intent";

async fn enforcing() -> World {
    World::with([("FraudMode".to_owned(), "enforce".to_owned())].into()).await
}

/// Begins to pay `times` new orders of one lamp, a moment apart; answers the last try.
async fn begins_often(world: &World, who: &Person<'_>, times: u32) -> (Value, crate::world::Reply) {
    let mut last = None;
    for _ in 0..times {
        world.advance(SignedDuration::from_secs(2)).await;
        let order = who.orders("lamp", 1).await.ok();
        let answer = who.post(INTENT, json!({ "order_id": order["order_id"] })).await;
        last = Some((order, answer));
    }
    last.unwrap()
}

#[tokio::test]
async fn whoever_begins_to_pay_too_often_is_looked_at_and_then_refused() {
    let world = enforcing().await;
    let lamp = world.product("lamp", 500).await;
    let (ana, admin) = (world.customer("ana").await, world.admin().await);
    let mut desk = admin.socket().await;
    desk.subscribes("admin").await;
    let (order, answer) = begins_often(&world, &ana, 19).await;
    let intent = answer.ok();
    world.pays(&intent, "pm_card_visa").await.ok();
    assert_eq!(ana.status_of(&order).await, "paid/paid", "often, but not too often");

    let (order, answer) = begins_often(&world, &ana, 1).await;
    let intent = answer.ok();
    let alert = desk.next("fraud.alert").await;
    assert_eq!(
        (&alert["data"]["outcome"], &alert["data"]["order_id"]),
        (&json!("review"), &order["order_id"])
    );
    assert_eq!(alert["data"]["reasons"], json!(["velocity_subject"]));
    world.pays(&intent, "pm_card_visa").await.ok();
    assert_eq!(ana.status_of(&order).await, "on_hold/paid", "a person looks at it before it is packed");
    assert_eq!(ana.order(&order).await["version"], 3, "paid, then held");

    let (order, answer) = begins_often(&world, &ana, 40).await;
    assert_eq!(answer.outcome(), "409 payment_declined");
    let path = format!("/api/v1/payments/{}", order["payment_id"].as_str().unwrap());
    assert_eq!(ana.get(&path).await.ok()["status"], "failed");
    let sold = world.stock(&lamp).await;
    assert!(sold.ends_with("sold 2"), "{sold}");

    world.leaps(SignedDuration::from_hours(3)).await;
    let (order, answer) = begins_often(&world, &ana, 1).await;
    world.pays(&answer.ok(), "pm_card_visa").await.ok();
    assert_eq!(ana.status_of(&order).await, "paid/paid", "two hours later it is forgotten");
    world.end().await;
}

#[tokio::test]
async fn a_refusal_is_one_decision_however_often_it_is_asked_for_with_the_same_key() {
    let world = enforcing().await;
    world.product("lamp", 500).await;
    let ana = world.customer("ana").await;
    begins_often(&world, &ana, 59).await;
    world.advance(SignedDuration::from_secs(2)).await;
    let order = ana.orders("lamp", 1).await.ok();
    let ask = json!({ "order_id": order["order_id"] });
    let made = world.asked_of_stripe("payment_intents.create");
    let path = format!("/api/v1/payments/{}", order["payment_id"].as_str().unwrap());
    let mut versions = vec![];
    for _ in 0..3 {
        assert_eq!(ana.post_keyed(INTENT, "again", ask.clone()).await.outcome(), "409 payment_declined");
        versions.push(ana.get(&path).await.ok()["version"].clone());
        world.advance(SignedDuration::from_secs(2)).await;
    }
    assert_eq!(versions[0], versions[2]);
    assert_eq!(world.asked_of_stripe("payment_intents.create"), made, "no intent");
    world.end().await;
}

#[tokio::test]
async fn whoever_tries_cards_is_stopped_also_under_another_name_at_the_same_address() {
    let world = enforcing().await;
    world.product("lamp", 500).await;
    for (n, expected) in [(0, "201"), (1, "201"), (2, "201"), (3, "409 payment_declined")] {
        let who = world.guest().await;
        let order = who.orders("lamp", 1).await.ok();
        let answer = who.post(INTENT, json!({ "order_id": order["order_id"] })).await;
        assert_eq!(answer.outcome(), expected, "guest {n}");
        if answer.status.is_success() {
            for _ in 0..14 {
                assert_eq!(world.pays(&answer.body, "pm_card_chargeDeclined").await.status.as_u16(), 402);
            }
        }
    }
    let other = world.guest().await.at("203.0.113.9");
    let order = other.orders("lamp", 1).await.ok();
    assert_eq!(other.post(INTENT, json!({ "order_id": order["order_id"] })).await.outcome(), "201");
    world.end().await;
}

#[tokio::test]
async fn an_amount_far_from_the_usual_is_looked_at_once_there_is_a_usual() {
    let world = enforcing().await;
    let lamp = world.product("lamp", 500).await;
    let first = world.customer("early").await;
    let order = first.orders(&lamp, 30).await.ok();
    world.pays(&first.begins_to_pay(&order).await, "pm_card_visa").await.ok();
    assert_eq!(first.status_of(&order).await, "paid/paid", "nobody knows yet what is usual");
    for n in 0..60 {
        world.customer(&format!("ana-{n}")).await.at(&format!("198.51.100.{n}")).buys(&lamp, 1).await;
    }
    let late = world.customer("late").await;
    let order = late.orders(&lamp, 40).await.ok();
    world.pays(&late.begins_to_pay(&order).await, "pm_card_visa").await.ok();
    assert_eq!(late.status_of(&order).await, "on_hold/paid");
    world.end().await;
}

#[tokio::test]
async fn in_its_shadow_a_decision_is_written_down_and_nobody_is_held_back() {
    let world = World::new().await;
    world.product("lamp", 500).await;
    let ana = world.customer("ana").await;
    let (order, answer) = begins_often(&world, &ana, 61).await;
    world.pays(&answer.ok(), "pm_card_visa").await.ok();
    assert_eq!(ana.status_of(&order).await, "paid/paid");
    let key = format!("default#payment#{}", order["payment_id"].as_str().unwrap());
    let rows = world.partition("OrdersTable", &key).await;
    let risk = rows.iter().find_map(|row| row.get("risk")).unwrap()["M"].clone();
    assert_eq!((&risk["outcome"]["S"], &risk["is_shadow"]["BOOL"]), (&json!("decline"), &json!(true)));
    assert_eq!(risk["evidence"]["M"]["subject"]["M"]["intents"]["N"], "61");
    assert!(
        risk["ruleset"]["S"].is_string() && risk["decision_id"]["S"].as_str().unwrap().starts_with("dec_")
    );
    world.end().await;
}
