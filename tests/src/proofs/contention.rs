//! Many buyers of few pieces at once, over HTTP, while DynamoDB has conflicts and refuses what is too much.

use std::collections::BTreeMap;

use futures_util::{StreamExt, stream};
use serde_json::{Value, json};

use crate::{auditor::Auditor, world::World};

const RESERVATIONS: &str = "/api/v1/inventory/reservations";
const SHORT: &str = "409 insufficient_stock";

/// How many buyers are on their way at once; each has a connection.
const AT_ONCE: usize = 200;

/// Lets some of what a function asks of DynamoDB meet another transaction, be too much, or take a while.
pub async fn trouble(world: &World, function: &str, seed: u64) {
    for (kind, rate) in [("conflict", 0.1), ("throttle", 0.05)] {
        let fault =
            json!({ "service": "dynamodb", "function": function, "kind": kind, "rate": rate, "seed": seed });
        world.fault(fault).await;
    }
}

/// Lets `buyers` buy one piece each, all at once; how often each answer was given.
async fn rush(world: &World, product: &str, buyers: usize) -> BTreeMap<String, usize> {
    let buys = (0..buyers).map(|number| async move {
        let buyer = world.customer(&format!("buyer-{number}")).await;
        let items = json!({ "items": [{ "product_id": product, "quantity": 1 }] });
        let reply = buyer.insists(RESERVATIONS, items).await;
        if reply.outcome() == SHORT {
            assert_eq!(reply.body["items"][0]["available_quantity"], 0, "nobody is refused what is there");
        }
        reply.outcome()
    });
    let outcomes: Vec<_> = stream::iter(buys).buffer_unordered(AT_ONCE).collect().await;
    outcomes.into_iter().fold(BTreeMap::new(), |mut counts, outcome| {
        *counts.entry(outcome).or_default() += 1;
        counts
    })
}

async fn nobody_gets_what_is_not_there(pieces: usize, buyers: usize) {
    let world = World::new().await;
    let lamp = world.product("lamp", u32::try_from(pieces).unwrap()).await;
    trouble(&world, "Inventory", 7).await;
    let auditor = Auditor::of(&world, std::slice::from_ref(&lamp));
    let outcomes = auditor.while_(rush(&world, &lamp, buyers)).await;
    world.cloud().faults().clear();
    eprintln!("{outcomes:?}, told to wait {}, {} looks", world.told_to_wait(), auditor.looks());
    let expected = [("201".to_owned(), pieces), (SHORT.to_owned(), buyers - pieces)];
    assert_eq!(outcomes, BTreeMap::from(expected));
    assert_eq!(world.stock(&lamp).await, format!("available 0, reserved {pieces}, sold 0"));
    assert!(auditor.looks() > 10, "{}", auditor.looks());
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn four_hundred_buyers_of_fifty_pieces_hold_exactly_fifty() {
    nobody_gets_what_is_not_there(50, 400).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_thousand_buyers_of_one_piece_hold_exactly_one() {
    nobody_gets_what_is_not_there(1, 2_000).await;
}

#[tokio::test]
async fn whoever_finds_the_database_too_busy_is_told_to_come_again() {
    let world = World::new().await;
    let lamp = world.product("lamp", 9).await;
    let body = json!({ "items": [{ "product_id": lamp, "quantity": 1 }] });
    for (kind, operation) in [
        ("conflict", "UpdateItem"),
        ("conflict", "TransactWriteItems"),
        ("throttle", "UpdateItem"),
        ("throttle", "TransactWriteItems"),
    ] {
        let key = format!("{kind}-{operation}");
        let ana = world.customer(&key).await;
        let fault = json!({ "function": "Inventory", "operation": operation, "kind": kind, "count": 100 });
        world.fault(fault).await;
        let refused = ana.post_keyed(RESERVATIONS, &key, body.clone()).await;
        assert_eq!(refused.outcome(), "429 rate_limited", "{key}");
        assert_eq!(refused.headers["retry-after"], "1", "{key}");
        world.cloud().faults().clear();
        assert_eq!(ana.post_keyed(RESERVATIONS, &key, body.clone()).await.outcome(), "201", "{key}");
    }
    assert_eq!(world.stock(&lamp).await, "available 5, reserved 4, sold 0");
    world.end().await;
}

#[tokio::test]
async fn lines_that_each_fit_do_not_oversell_together() {
    let world = World::new().await;
    let lamp = world.product("lamp", 1).await;
    let ana = world.customer("ana").await;
    let line = json!({ "product_id": lamp, "quantity": 1 });
    let older = json!({ "productId": lamp, "quantity": 1, "location": "main" });
    let of_a_bundle: Value = [line.clone(), older].into_iter().collect();
    for (path, body) in [
        (RESERVATIONS, json!({ "items": of_a_bundle })),
        ("/api/v1/orders", json!({ "items": of_a_bundle, "currency": "USD" })),
    ] {
        let refused = ana.post(path, body).await;
        assert_eq!(refused.outcome(), SHORT, "{path}");
        assert_eq!(refused.body["items"][0]["quantity"], 2, "{path}");
    }
    assert_eq!(world.ledger(&lamp).await.story(), "restock 1");
    ana.post(RESERVATIONS, json!({ "items": [line] })).await.ok();
    world.end().await;
}
