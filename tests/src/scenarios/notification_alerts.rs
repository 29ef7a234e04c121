//! Shoppers who wait for a product: that it is there again, that it costs less.

use jiff::SignedDuration;
use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    notifications::{inbox, letter, letters, newest, reachable_at},
    world::{Person, Reply, World},
};

const SECOND: SignedDuration = SignedDuration::from_secs(1);

async fn wishes(person: &Person<'_>, product: &str, kind: &str, wish: Value) -> Reply {
    let path = format!("/api/v1/products/{product}/alerts/{kind}");
    person.send(Method::PUT, &path, &[], Some(wish.to_string())).await
}

async fn sets(world: &World, line: Value, pieces: u32) {
    let mut set = json!({ "quantity": pieces, "operation": "set" });
    set.as_object_mut().unwrap().extend(line.as_object().unwrap().clone());
    world.admin().await.post("/api/v1/inventory/adjustments", set).await.ok();
    world.idle().await;
    world.advance(SECOND).await;
}

async fn costs(world: &World, product: &str, amount: u32) {
    let admin = world.admin().await;
    let path = format!("/api/v1/products/{product}");
    let change = json!({ "name": format!("A {product}"), "price": { "amount": amount, "currency": "USD" } });
    admin.send(Method::PUT, &path, &[], Some(change.to_string())).await.ok();
    world.idle().await;
    world.advance(SECOND).await;
}

/// Somebody with an account and an address.
async fn known<'a>(world: &'a World, name: &str) -> Person<'a> {
    reachable_at(world, name, json!({ "email": format!("{name}@shop.example") })).await;
    world.customer(name).await
}

/// The link that a mail leads to, without the host.
fn link(mail: &Value, path: &str) -> String {
    let text = mail["text"].as_str().unwrap();
    let start = text.find(path).unwrap_or_else(|| panic!("no {path} in {text}"));
    text[start..].split_whitespace().next().unwrap().trim_end_matches([')', '>']).to_owned()
}

#[tokio::test]
async fn each_crossing_is_told_once_to_whoever_waits_and_to_nobody_who_does_not() {
    let world = World::new().await;
    world.product("lamp", 0).await;
    world.product("shade", 0).await;
    let (ana, ben) = (known(&world, "ana").await, known(&world, "ben").await);
    let wish = wishes(&ana, "lamp", "back_in_stock", json!({})).await.ok();
    assert_eq!((&wish["kind"], &wish["awaits_confirmation"]), (&json!("back_in_stock"), &json!(false)));
    wishes(&ben, "shade", "back_in_stock", json!({})).await.ok();
    for pieces in [1, 0, 1, 2] {
        sets(&world, json!({ "product_id": "lamp" }), pieces).await;
    }
    assert_eq!(letters(&world).await, ["ana@shop.example: Back in stock: A lamp"; 2]);
    assert_eq!(inbox(&ana).await, ["*back_in_stock"; 2]);
    assert_eq!(inbox(&ben).await, [""; 0]);

    let path = "/api/v1/products/lamp/alerts/back_in_stock";
    assert_eq!(ana.send(Method::DELETE, path, &[], None).await.outcome(), "204");
    for pieces in [0, 1] {
        sets(&world, json!({ "product_id": "lamp" }), pieces).await;
    }
    assert_eq!(letters(&world).await.len(), 2, "she waits no more");
    world.end().await;
}

#[tokio::test]
async fn whoever_waits_for_one_variant_is_told_of_that_one_only() {
    let world = World::new().await;
    let new = json!({ "product_id": "shirt", "name": "Linen shirt", "price": { "amount": 4900, "currency": "USD" },
        "variants": [{ "variant_id": "white", "name": "White" }, { "variant_id": "indigo", "name": "Indigo" }] });
    world.admin().await.post("/api/v1/products", new).await.ok();
    let (ana, ben) = (known(&world, "ana").await, known(&world, "ben").await);
    wishes(&ana, "shirt", "back_in_stock", json!({ "variant_id": "white" })).await.ok();
    wishes(&ana, "shirt", "back_in_stock", json!({})).await.ok();
    wishes(&ben, "shirt", "back_in_stock", json!({ "variant_id": "indigo" })).await.ok();
    sets(&world, json!({ "product_id": "shirt", "variant_id": "white" }), 3).await;
    assert_eq!(
        letters(&world).await,
        ["ana@shop.example: Back in stock: Linen shirt"],
        "once, though asked twice"
    );
    let told = newest(&ana, "back_in_stock").await;
    assert_eq!(told["data"]["variant_name"], "White");
    assert_eq!(inbox(&ben).await, [""; 0]);
    let unknown = wishes(&ben, "shirt", "back_in_stock", json!({ "variant_id": "green" })).await;
    assert_eq!(unknown.complaint(), "400 validation_failed variant_id");
    assert_eq!(wishes(&ben, "none", "back_in_stock", json!({})).await.outcome(), "404 not_found");
    world.end().await;
}

#[tokio::test]
async fn a_lower_price_is_told_to_whoever_waits_for_any_or_for_that_much() {
    let world = World::new().await;
    world.product("lamp", 5).await;
    let (ana, ben) = (known(&world, "ana").await, known(&world, "ben").await);
    wishes(&ana, "lamp", "price_drop", json!({})).await.ok();
    let wish = wishes(&ben, "lamp", "price_drop", json!({ "below": 1500 })).await.ok();
    assert_eq!(wish["below"], json!({ "amount": 1500, "currency": "USD" }));
    for amount in [1899, 2500, 1500, 1500] {
        costs(&world, "lamp", amount).await;
    }
    let mut all = letters(&world).await;
    all.sort();
    assert_eq!(
        all,
        [
            "ana@shop.example: Price drop: A lamp is now $15.00",
            "ana@shop.example: Price drop: A lamp is now $18.99",
            "ben@shop.example: Price drop: A lamp is now $15.00",
        ]
    );
    let below = wishes(&ben, "lamp", "price_drop", json!({ "below": -1 })).await;
    assert_eq!(below.complaint(), "400 validation_failed below");
    world.end().await;
}

#[tokio::test]
async fn a_guest_s_address_is_used_when_it_was_confirmed_and_looking_at_the_link_confirms_nothing() {
    let world = World::new().await;
    world.product("lamp", 0).await;
    let guest = world.guest().await;
    let wish = json!({ "email": "gil@example.org" });
    assert_eq!(wishes(&guest, "lamp", "back_in_stock", wish.clone()).await.ok()["awaits_confirmation"], true);
    world.idle().await;
    assert_eq!(letters(&world).await, ["gil@example.org: Shall we tell you about A lamp?"]);
    let confirm = link(&letter(&world, "Shall").await, "/api/v1/notifications/confirm");
    let page = world.nobody().get(&confirm).await;
    assert_eq!(page.status, 200);
    assert!(page.body.as_str().unwrap().contains("<form method=\"post\">"), "{page:?}");
    for pieces in [1, 0] {
        sets(&world, json!({ "product_id": "lamp" }), pieces).await;
    }
    assert_eq!(letters(&world).await.len(), 1, "nobody has pressed the button");

    let post = async |path: &str| world.nobody().send(Method::POST, path, &[], None).await.outcome();
    assert_eq!(post(&format!("{confirm}x")).await, "401 unauthenticated");
    assert_eq!(post(&confirm).await, "200");
    sets(&world, json!({ "product_id": "lamp" }), 1).await;
    assert_eq!(letters(&world).await[1..], ["gil@example.org: Back in stock: A lamp"]);
    assert_eq!(wishes(&guest, "lamp", "back_in_stock", wish).await.ok()["awaits_confirmation"], false);
    let bad = wishes(&guest, "lamp", "back_in_stock", json!({ "email": "gil@" })).await;
    assert_eq!(bad.complaint(), "400 validation_failed email");

    let mail = letter(&world, "Back in stock").await;
    let header = |name: &str| {
        let headers = mail["headers"].as_array().unwrap();
        headers.iter().find(|header| header[0] == name).unwrap()[1].as_str().unwrap().to_owned()
    };
    assert_eq!(header("List-Unsubscribe-Post"), "List-Unsubscribe=One-Click");
    let url = header("List-Unsubscribe");
    let unsubscribe = &url[url.find("/api/v1").unwrap()..url.len() - 1];
    assert_eq!(world.nobody().get(unsubscribe).await.status, 200);
    for pieces in [0, 1] {
        sets(&world, json!({ "product_id": "lamp" }), pieces).await;
    }
    assert_eq!(letters(&world).await.len(), 3, "looking at the page ends nothing");
    assert_eq!(post(unsubscribe).await, "200");
    for pieces in [0, 1] {
        sets(&world, json!({ "product_id": "lamp" }), pieces).await;
    }
    assert_eq!(letters(&world).await.len(), 3, "and pressing its button does");
    world.end().await;
}

#[tokio::test]
async fn an_address_that_nobody_confirms_is_not_kept_and_is_not_written_to_again_and_again() {
    let world = World::new().await;
    world.product("lamp", 0).await;
    let wish = json!({ "email": "gil@example.org" });
    let mut outcomes = vec![];
    for _ in 0..4 {
        outcomes.push(wishes(&world.guest().await, "lamp", "back_in_stock", wish.clone()).await.outcome());
    }
    assert_eq!(outcomes, ["200", "200", "200", "429 rate_limited"]);
    world.idle().await;
    assert_eq!(letters(&world).await.len(), 3, "whoever asks, in whatever name");
    let confirm = link(&letter(&world, "Shall").await, "/api/v1/notifications/confirm");
    world.leaps(SignedDuration::from_hours(49)).await;
    let late = world.nobody().send(Method::POST, &confirm, &[], None).await;
    assert_eq!(late.outcome(), "401 unauthenticated");
    sets(&world, json!({ "product_id": "lamp" }), 1).await;
    assert_eq!(letters(&world).await.len(), 3);
    world.end().await;
}

#[tokio::test]
async fn nobody_waits_for_more_than_a_hundred_things() {
    let world = World::new().await;
    let admin = world.admin().await;
    for number in 0..101 {
        let new = json!({ "product_id": format!("thing-{number}"), "name": "A thing",
            "price": { "amount": 100, "currency": "USD" } });
        admin.post("/api/v1/products", new).await.ok();
    }
    let ana = world.customer("ana").await;
    let path = |number: u32| format!("/api/v1/products/thing-{number}/alerts/back_in_stock");
    for number in 0..100 {
        ana.send(Method::PUT, &path(number), &[], Some("{}".into())).await.ok();
        world.advance(SECOND).await;
    }
    let wish = async |number| ana.send(Method::PUT, &path(number), &[], Some("{}".into())).await;
    assert_eq!(wish(100).await.complaint(), "400 validation_failed product_id");
    assert_eq!(wish(7).await.outcome(), "200", "what she waits for already is no more");
    ana.send(Method::DELETE, &path(7), &[], None).await;
    assert_eq!(wish(100).await.outcome(), "200");
    world.end().await;
}
