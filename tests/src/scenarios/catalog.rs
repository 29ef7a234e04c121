//! Products: what they say of themselves, and what that means for an order.

use std::collections::BTreeMap;

use futures_util::future::join_all;
use jiff::SignedDuration;
use reqwest::Method;
use serde_json::{Value, json};

use crate::world::{Person, World};

fn shirt() -> Value {
    json!({
        "product_id": "shirt",
        "name": "Linen shirt",
        "description": "Washed twice.",
        "price": { "amount": 4900, "currency": "USD" },
        "variants": [
            { "variant_id": "white", "name": "White" },
            { "variant_id": "indigo", "name": "Indigo", "price": { "amount": 5900, "currency": "USD" } },
        ],
        "image_urls": ["https://img.example/shirt.jpg"],
        "categories": ["Clothes", "Shirts"],
        "tags": ["linen", "summer"],
        "restock_date": "2026-02-01",
        "expiry_date": "2026-09-30",
        "max_per_order": 3,
    })
}

/// A product with these other details, and so many pieces.
async fn product(world: &World, details: Value, pieces: u32) -> String {
    let admin = world.admin().await;
    let mut new = json!({ "name": "A thing", "price": { "amount": 1000, "currency": "USD" } });
    new.as_object_mut().unwrap().extend(details.as_object().unwrap().clone());
    let id = admin.post("/api/v1/products", new).await.text("product_id");
    if pieces > 0 {
        let add = json!({ "product_id": id, "quantity": pieces, "operation": "add" });
        admin.post("/api/v1/inventory/adjustments", add).await.ok();
    }
    id
}

async fn order(person: &Person<'_>, items: Value) -> crate::world::Reply {
    person.post("/api/v1/orders", json!({ "items": items, "currency": "USD" })).await
}

#[tokio::test]
async fn a_product_is_read_with_what_is_asked_along_with_it() {
    let world = World::new().await;
    world.admin().await.post("/api/v1/products", shirt()).await.ok();
    let stock = json!({ "product_id": "shirt", "variant_id": "white", "quantity": 20, "operation": "add" });
    world.admin().await.post("/api/v1/inventory/adjustments", stock).await.ok();
    let nobody = world.nobody();
    let plain = nobody.get("/api/v1/products/shirt").await.ok();
    assert!(["reviews", "stats", "availability"].iter().all(|word| plain.get(word).is_none()), "{plain}");
    let full = nobody.get("/api/v1/products/shirt?include=variants,reviews,stats,availability").await.ok();
    insta::assert_json_snapshot!(full);
    assert_eq!(nobody.get("/api/v1/products/shirt?include=all").await.ok(), full);
    assert_eq!(nobody.get("/enhanced-product/shirt").await.ok(), full);
    let unknown = nobody.get("/api/v1/products/shirt?include=stats,recommendations").await;
    assert_eq!(unknown.complaint(), "400 validation_failed include");
    let variants = nobody.get("/api/v1/products/shirt/variants").await.ok();
    assert_eq!(variants["data"], full["variants"]);
    assert_eq!(nobody.get("/api/v1/products/none/variants").await.outcome(), "404 not_found");
    world.end().await;
}

#[tokio::test]
async fn whoever_changes_a_product_must_have_seen_its_latest_version() {
    let world = World::new().await;
    let admin = world.admin().await;
    admin.post("/api/v1/products", shirt()).await.ok();
    let change = async |version: &str, name: &str| {
        let mut details = shirt();
        details["name"] = json!(name);
        let headers = [("if-match", version)];
        admin.send(Method::PUT, "/api/v1/products/shirt", &headers, Some(details.to_string())).await
    };
    assert_eq!(change("1", "Hemp shirt").await.ok()["version"], 2);
    assert_eq!(change("1", "Silk shirt").await.outcome(), "409 version_conflict");
    let both = futures_util::future::join(change("2", "One"), change("\"2\"", "Other")).await;
    let mut outcomes = [both.0.outcome(), both.1.outcome()];
    outcomes.sort();
    assert_eq!(outcomes, ["200", "409 version_conflict"]);
    let gone = admin.send(Method::DELETE, "/api/v1/products/shirt", &[("if-match", "2")], None).await;
    assert_eq!(gone.outcome(), "409 version_conflict");
    admin.send(Method::DELETE, "/api/v1/products/shirt", &[("if-match", "3")], None).await.ok();
    assert_eq!(world.nobody().get("/api/v1/products/shirt").await.outcome(), "404 not_found");
    world.idle().await;
    let audit = admin.get("/api/v1/audit-logs?limit=10").await.ok();
    let actions: Vec<_> = audit["data"].as_array().unwrap().iter().map(|row| row["action"].clone()).collect();
    assert_eq!(actions.iter().filter(|action| *action == "product.saved").count(), 3, "{actions:?}");
    assert_eq!(actions.iter().filter(|action| *action == "product.deleted").count(), 1, "{actions:?}");
    world.end().await;
}

#[tokio::test]
async fn products_that_make_no_sense_are_refused_by_field() {
    let world = World::new().await;
    let admin = world.admin().await;
    admin.post("/api/v1/products", shirt()).await.ok();
    let cases = [
        ("image_urls", json!(["http://img.example/shirt.jpg"]), "image_urls[0]"),
        ("image_urls", json!(vec!["https://img.example/1"; 21]), "image_urls"),
        ("categories", json!(vec!["Shirts"; 21]), "categories"),
        ("tags", json!(vec!["linen"; 51]), "tags"),
        ("max_per_order", json!(0), "max_per_order"),
        ("expiry_date", json!("2026-02-30"), "expiry_date"),
        ("restock_date", json!("soon"), "restock_date"),
        ("allow_backorder", json!("yes"), "allow_backorder"),
        ("price", json!({ "amount": -1, "currency": "USD" }), "price.amount"),
        ("variants", json!([{ "variant_id": "a" }, { "variant_id": "a" }]), "variants[1].variant_id"),
    ];
    for (field, value, complaint) in cases {
        let mut details = shirt();
        details[field] = value;
        let reply = admin.send(Method::PUT, "/api/v1/products/shirt", &[], Some(details.to_string())).await;
        assert_eq!(reply.complaint(), format!("400 validation_failed {complaint}"), "{}", reply.body);
        details["product_id"] = json!("another");
        let reply = admin.post("/api/v1/products", details).await;
        assert_eq!(reply.complaint(), format!("400 validation_failed {complaint}"), "{}", reply.body);
    }
    assert_eq!(admin.post("/api/v1/products", json!({})).await.complaint(), "400 validation_failed name");
    let mut misnamed = shirt();
    misnamed["product_id"] = json!("a/b");
    assert_eq!(
        admin.post("/api/v1/products", misnamed).await.complaint(),
        "400 validation_failed product_id"
    );
    assert_eq!(admin.get("/api/v1/products/shirt").await.ok()["version"], 1);
    world.end().await;
}

#[tokio::test]
async fn an_order_takes_the_price_of_the_variant_and_only_of_one_that_exists() {
    let world = World::new().await;
    let admin = world.admin().await;
    admin.post("/api/v1/products", shirt()).await.ok();
    for variant in ["white", "indigo"] {
        let stock = json!({ "productId": "shirt", "variantId": variant, "quantity": 5, "operation": "add" });
        admin.post("/api/v1/inventory/adjustments", stock).await.ok();
    }
    let ana = world.customer("ana").await;
    let placed = order(
        &ana,
        json!([
            { "product_id": "shirt", "variant_id": "indigo", "quantity": 2 },
            { "productId": "shirt", "variantId": "white", "quantity": 1 },
        ]),
    );
    assert_eq!(placed.await.ok()["total"]["amount"], 2 * 5900 + 4900);
    let plain = json!({ "product_id": "shirt", "variant_id": "white", "quantity": 1 });
    let refused =
        order(&ana, json!([plain, { "product_id": "shirt", "variant_id": "red", "quantity": 1 }])).await;
    assert_eq!(refused.complaint(), "400 validation_failed items[1].variant_id");
    let refused = order(&ana, json!([{ "product_id": "shirt", "quantity": 1 }])).await;
    assert_eq!(refused.complaint(), "400 validation_failed items[0].variant_id");
    assert_eq!(refused.body["errors"][0]["code"], "required");
    world.end().await;
}

#[tokio::test]
async fn an_order_has_no_more_pieces_than_the_product_allows_all_variants_together() {
    let world = World::new().await;
    let admin = world.admin().await;
    admin.post("/api/v1/products", shirt()).await.ok();
    for variant in ["white", "indigo"] {
        let stock =
            json!({ "product_id": "shirt", "variant_id": variant, "quantity": 9, "operation": "add" });
        admin.post("/api/v1/inventory/adjustments", stock).await.ok();
    }
    let ana = world.customer("ana").await;
    let of = |variant: &str, quantity: u32| json!({ "product_id": "shirt", "variant_id": variant, "quantity": quantity });
    let refused = order(&ana, json!([of("white", 2), of("indigo", 1), of("white", 1)])).await;
    assert_eq!(refused.complaint(), "400 validation_failed items[1].quantity");
    assert_eq!(refused.body["errors"][0]["code"], "too_many");
    order(&ana, json!([of("white", 2), of("indigo", 1)])).await.ok();
    assert_eq!(world.stock("shirt").await, "available 15, reserved 3, sold 0");
    world.end().await;
}

#[tokio::test]
async fn a_product_is_sold_until_its_last_day_is_over_where_the_shop_is() {
    let there = BTreeMap::from([("ShopTimezone".to_owned(), "Pacific/Auckland".to_owned())]);
    let world = World::with(there).await; // Monday 22:00 in Auckland
    let milk = product(&world, json!({ "product_id": "milk", "expiry_date": "2026-01-05" }), 5).await;
    let ana = world.customer("ana").await;
    let is_orderable = async || {
        let read = world.nobody().get("/api/v1/products/milk?include=availability").await.ok();
        read["availability"]["is_orderable"].clone()
    };
    world.advance(SignedDuration::from_mins(119)).await;
    assert_eq!(is_orderable().await, true);
    ana.orders(&milk, 1).await.ok();
    world.advance(SignedDuration::from_mins(1)).await;
    assert_eq!(is_orderable().await, false);
    let refused = ana.orders(&milk, 1).await;
    assert_eq!(refused.complaint(), "400 validation_failed items[0].product_id");
    assert_eq!(refused.body["errors"][0]["code"], "expired");
    world.end().await;
}

#[tokio::test]
async fn what_is_not_in_stock_is_owed_if_the_product_allows_it() {
    let world = World::new().await;
    let lamp = product(&world, json!({ "product_id": "lamp", "allow_backorder": true }), 2).await;
    let shade = product(&world, json!({ "product_id": "shade" }), 1).await;
    let ana = world.customer("ana").await;

    let two_lamps_too_many = json!([
        { "product_id": lamp, "quantity": 4 },
        { "product_id": shade, "quantity": 1 },
    ]);
    let first = order(&ana, two_lamps_too_many).await.ok();
    assert_eq!((&first["items"][0]["backordered"], &first["total"]["amount"]), (&json!(2), &json!(5000)));
    assert_eq!(first["items"][1].get("backordered"), None);
    assert_eq!(world.stock(&lamp).await, "available 0, reserved 2, sold 0");
    let second = ana.orders(&lamp, 1).await.ok();
    assert_eq!(second["items"][0]["backordered"], 1);
    let read = world.nobody().get("/api/v1/products/lamp?include=availability").await.ok();
    assert_eq!(read["availability"]["is_orderable"], true);
    assert_eq!(read["availability"]["is_in_stock"], false);

    let refused =
        order(&ana, json!([{ "product_id": lamp, "quantity": 1 }, { "product_id": shade, "quantity": 1 }]))
            .await;
    assert_eq!(refused.outcome(), "409 insufficient_stock");
    assert_eq!(refused.body["items"][0]["product_id"], "shade");

    for placed in [&first, &second] {
        let intent = ana.begins_to_pay(placed).await;
        world.pays(&intent, "pm_card_visa").await.ok();
        assert_eq!(ana.status_of(placed).await, "paid/paid");
    }
    assert_eq!(ana.order(&first).await["items"][0]["backordered"], 2);
    assert_eq!(world.stock(&lamp).await, "available 0, reserved 0, sold 2");

    // What was never on the shelf does not come back to it.
    for (placed, after) in
        [(&second, "available 0, reserved 0, sold 2"), (&first, "available 2, reserved 0, sold 0")]
    {
        let id = placed["order_id"].as_str().unwrap();
        ana.post(&format!("/api/v1/orders/{id}/cancel"), json!({})).await.ok();
        world.idle().await;
        assert_eq!(world.stock(&lamp).await, after);
        assert_eq!(ana.status_of(placed).await, "cancelled/refunded");
    }
    world.end().await;
}

#[tokio::test]
async fn an_order_for_what_is_owed_alone_expires_like_any_other() {
    let world = World::new().await;
    let lamp = product(&world, json!({ "product_id": "lamp", "allow_backorder": true }), 0).await;
    let ana = world.customer("ana").await;
    let placed = ana.orders(&lamp, 3).await.ok();
    assert_eq!(placed["items"][0]["backordered"], 3);
    world.advance(SignedDuration::from_mins(16)).await;
    assert_eq!(ana.status_of(&placed).await, "expired/unpaid");
    assert_eq!(world.stock(&lamp).await, "available 0, reserved 0, sold 0");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_who_order_at_once_hold_what_there_is_and_are_owed_the_rest() {
    let world = World::new().await;
    let lamp = product(&world, json!({ "product_id": "lamp", "allow_backorder": true }), 25).await;
    let buyers = join_all((0..20).map(|n| async move { format!("buyer{n}") })).await;
    let buyers = join_all(buyers.iter().map(|name| world.customer(name))).await;
    let placed = join_all(buyers.iter().map(|buyer| buyer.orders(&lamp, 3))).await;
    let owed: u64 =
        placed.into_iter().map(|reply| reply.ok()["items"][0]["backordered"].as_u64().unwrap_or(0)).sum();
    assert_eq!(owed, 20 * 3 - 25);
    assert_eq!(world.stock(&lamp).await, "available 0, reserved 25, sold 0");
    world.end().await;
}

#[tokio::test]
async fn a_large_order_is_owed_what_is_missing_too() {
    let world = World::new().await;
    let mut items = vec![];
    for n in 0..42 {
        let details = json!({ "product_id": format!("p{n:02}"), "allow_backorder": n % 2 == 1 });
        let id = product(&world, details, 1).await;
        items.push(json!({ "product_id": id, "quantity": if n == 41 { 3 } else { 1 } }));
    }
    let erp = world.service(&["orders:write", "orders:read"]).await;
    let placed = order(&erp, json!(items)).await.ok();
    let lines = placed["items"].as_array().unwrap();
    assert_eq!((lines.len(), &lines[41]["backordered"]), (42, &json!(2)));
    assert_eq!(world.stock("p41").await, "available 0, reserved 1, sold 0");

    let short = order(&erp, json!(items)).await;
    assert_eq!(short.outcome(), "409 insufficient_stock");
    assert_eq!(world.stock("p40").await, "available 0, reserved 1, sold 0");
    world.end().await;
}

#[tokio::test]
async fn wherever_an_order_that_is_owed_something_is_cut_off_it_is_one_order_when_it_is_sent_again() {
    let world = World::new().await;
    let lamp = product(&world, json!({ "product_id": "lamp", "allow_backorder": true }), 2).await;
    let ana = world.customer("ana").await;
    let body = json!({ "items": [{ "product_id": lamp, "quantity": 3 }], "currency": "USD" });
    for kind in ["refuse", "drop"] {
        let mut firsts = vec![];
        for n in 0..12 {
            let key = world.fresh_key();
            let fault =
                json!({ "service": "dynamodb", "function": "Orders", "kind": kind, "skip": n, "count": 3 });
            world.fault(fault).await;
            firsts.push(ana.post_keyed("/api/v1/orders", &key, body.clone()).await.outcome());
            world.nobody().send(Method::DELETE, "/_local/faults", &[], None).await.ok();
            let placed = ana.post_keyed("/api/v1/orders", &key, body.clone()).await.ok();
            assert_eq!(placed["items"][0]["backordered"], 1, "{kind} {n}");
            assert_eq!(world.stock(&lamp).await, "available 0, reserved 2, sold 0", "{kind} {n}");
            let id = placed["order_id"].as_str().unwrap();
            ana.post(&format!("/api/v1/orders/{id}/cancel"), json!({})).await.ok();
            assert_eq!(world.stock(&lamp).await, "available 2, reserved 0, sold 0", "{kind} {n}");
            world.advance(SignedDuration::from_secs(3)).await; // nobody orders so often
        }
        assert!(firsts.iter().filter(|first| *first == "503 upstream_unavailable").count() > 4, "{firsts:?}");
        assert_eq!(firsts.last().unwrap(), "201", "there are more requests than were cut off: {firsts:?}");
    }
    world.end().await;
}
