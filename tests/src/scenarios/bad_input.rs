//! What should not have been sent: a clear 4xx, never a 5xx, and nothing stored.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::world::World;

#[tokio::test]
async fn bodies_that_make_no_sense_are_refused_by_field() {
    let world = World::new().await;
    let lamp = world.product("lamp", 5).await;
    let ana = world.customer("ana").await;
    let order = |items: Value, currency: &str| json!({ "items": items, "currency": currency }).to_string();
    let line = |quantity: Value| json!([{ "product_id": lamp, "quantity": quantity }]);
    let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
    let crowd: Vec<Value> =
        (0..41).map(|n| json!({ "product_id": format!("p{n}"), "quantity": 1 })).collect();
    let cases = [
        ("malformed", "{\"items\":".to_owned(), "400 validation_failed "),
        ("not an object", "[]".into(), "400 validation_failed "),
        ("deep", deep, "400 validation_failed "),
        ("NUL", order(line(json!(1)), "U\u{0}D"), "400 validation_failed currency"),
        ("lone surrogate", r#"{"currency":"\ud800","items":[]}"#.into(), "400 validation_failed "),
        ("wrong type", order(json!("lamp"), "USD"), "400 validation_failed items"),
        ("zero", order(line(json!(0)), "USD"), "400 validation_failed items[0].quantity"),
        ("negative", order(line(json!(-1)), "USD"), "400 validation_failed items[0].quantity"),
        ("fraction", order(line(json!(1.5)), "USD"), "400 validation_failed items[0].quantity"),
        (
            "huge",
            order(line(json!(9_007_199_254_740_993_u64)), "USD"),
            "400 validation_failed items[0].quantity",
        ),
        (
            "a million and one",
            order(line(json!(1_000_001)), "USD"),
            "400 validation_failed items[0].quantity",
        ),
        ("unknown currency", order(line(json!(1)), "ZZZ"), "400 validation_failed currency"),
        ("another currency", order(line(json!(1)), "EUR"), "422 currency_mismatch "),
        (
            "unknown product",
            order(json!([{ "product_id": "none", "quantity": 1 }]), "USD"),
            "400 validation_failed items[0].product_id",
        ),
        (
            "no such id",
            order(json!([{ "product_id": "a/b", "quantity": 1 }]), "USD"),
            "400 validation_failed items[0].product_id",
        ),
        ("nothing", order(json!([]), "USD"), "400 validation_failed items"),
        ("too many lines", order(json!(crowd), "USD"), "400 validation_failed items"),
        (
            "half a megabyte and more",
            format!("{{\"email\":\"{}\"}}", "x".repeat(600_000)),
            "413 payload_too_large ",
        ),
    ];
    for (what, body, complaint) in cases {
        let key = world.fresh_key();
        let reply = ana.send(Method::POST, "/api/v1/orders", &[("idempotency-key", &key)], Some(body)).await;
        assert_eq!(reply.complaint(), complaint, "{what}: {}", reply.body);
        assert_eq!(reply.headers["content-type"], "application/problem+json", "{what}");
        assert!(reply.body["request_id"].as_str().is_some_and(|id| !id.is_empty()), "{what}");
    }
    assert_eq!(ana.get("/api/v1/orders").await.ok()["data"], json!([]));
    assert_eq!(world.stock(&lamp).await, "available 5, reserved 0, sold 0");
    world.end().await;
}

#[tokio::test]
async fn what_orders_are_sent_with_is_checked_by_field() {
    let world = World::new().await;
    let lamp = world.product("lamp", 5).await;
    let (ana, admin) = (world.customer("ana").await, world.admin().await);
    let address = json!({ "name": "Ana", "line1": "1 High St", "city": "York", "country": "GB" });
    let with = |field: &str, value: Value| {
        let mut address = address.clone();
        address[field] = value;
        address
    };
    for (wrong, field) in [
        (json!("1 High St"), ""),
        (json!([]), ""),
        (json!({}), ".name"),
        (with("name", json!(1)), ".name"),
        (with("name", json!("")), ".name"),
        (with("line1", json!("a\nb")), ".line1"),
        (with("city", json!("a\u{0}b")), ".city"),
        (with("city", json!("x".repeat(201))), ".city"),
        (with("country", json!("GBR")), ".country"),
        (with("country", json!(44)), ".country"),
        (with("phone", json!({})), ".phone"),
        (with("zip", json!("YO1")), ".zip"),
    ] {
        let new = json!({ "items": [{ "product_id": lamp, "quantity": 1 }], "currency": "USD",
            "shipping_address": wrong });
        let refused = ana.post("/api/v1/orders", new).await.complaint();
        assert_eq!(refused, format!("400 validation_failed shipping_address{field}"), "{wrong}");
    }
    let order = ana.buys(&lamp, 1).await;
    let path = format!("/api/v1/orders/{}/status", order["order_id"].as_str().unwrap());
    for (wrong, field) in [
        ("{}", "status"),
        (r#"{"status":1}"#, ""),
        (r#"{"status":"lost"}"#, ""),
        (r#"{"status":"processing","notes":["a"]}"#, "notes"),
        (r#"{"status":"processing","notes":"a\u0000b"}"#, "notes"),
        (r#"{"status":"processing","notes":"\ud800"}"#, ""),
        (r#"{"status":"processing","tracking_number":7}"#, "tracking_number"),
        (r#"{"status":"processing","tracking_number":""}"#, "tracking_number"),
        (r#"{"status":"processing","location":{}}"#, "location"),
        (r#"{"status":"processing","estimated_delivery":"soon"}"#, "estimated_delivery"),
        (r#"{"status":"processing","estimated_delivery":1767603600}"#, "estimated_delivery"),
        ("[]", ""),
        ("{", ""),
    ] {
        let refused = admin.send(Method::PATCH, &path, &[], Some(wrong.into())).await.complaint();
        assert!(refused.starts_with(&format!("400 validation_failed {field}")), "{wrong}: {refused}");
    }
    assert_eq!(ana.status_of(&order).await, "paid/paid");
    assert_eq!(ana.get("/api/v1/orders").await.ok()["data"].as_array().unwrap().len(), 1);
    let include = format!("/api/v1/orders/{}?include=everything", order["order_id"].as_str().unwrap());
    assert_eq!(ana.get(&include).await.outcome(), "400 validation_failed");
    world.end().await;
}

#[tokio::test]
async fn an_order_of_somebody_else_s_is_as_unknown_as_one_that_is_not_there() {
    let world = World::new().await;
    let lamp = world.product("lamp", 5).await;
    let order = world.customer("ana").await.orders(&lamp, 1).await.text("order_id");
    for person in [&world.customer("eve").await, &world.guest().await] {
        let mut answers = std::collections::BTreeSet::new();
        for id in [order.as_str(), "ord_0", "ord_", "lamp", "%00"] {
            let path = format!("/api/v1/orders/{id}");
            let timeline = format!("{path}?include=timeline");
            let read = [person.get(&path).await, person.get(&timeline).await];
            let cancelled = person.post(&format!("{path}/cancel"), json!({})).await;
            for mut reply in read.into_iter().chain([cancelled]) {
                reply.body["request_id"] = Value::Null;
                answers.insert(reply.body.to_string());
            }
        }
        assert_eq!(answers.len(), 1, "{answers:?}");
    }
    world.end().await;
}

#[tokio::test]
async fn cursors_that_were_not_given_are_refused() {
    let world = World::new().await;
    for n in 0..3 {
        world.product(&format!("p{n}"), 0).await;
    }
    let nobody = world.nobody();
    let first = nobody.get("/api/v1/products?limit=2").await.ok();
    let cursor = first["next_cursor"].as_str().unwrap();
    let rest = nobody.get(&format!("/api/v1/products?limit=2&cursor={cursor}")).await.ok();
    assert_eq!((rest["data"].as_array().unwrap().len(), &rest["next_cursor"]), (1, &Value::Null));
    let admin = world.admin().await;
    for forged in ["x", "e30", "WyJhIl0", "WyJhIiwiYiIsImMiXQ", "%00", &"A".repeat(5000)] {
        for path in ["/api/v1/products", "/api/v1/orders", "/api/v1/inventory/p0/movements"] {
            let reply = admin.get(&format!("{path}?cursor={forged}")).await;
            assert!(
                reply.status.is_client_error() || reply.body["data"].as_array().is_some(),
                "{path} {forged}: {}",
                reply.body
            );
            assert_ne!(reply.status, StatusCode::INTERNAL_SERVER_ERROR);
        }
    }
    assert_eq!(nobody.get("/api/v1/products?cursor=x").await.complaint(), "400 validation_failed cursor");
    for limit in ["0", "101", "-1", "x"] {
        assert_eq!(
            nobody.get(&format!("/api/v1/products?limit={limit}")).await.status,
            StatusCode::BAD_REQUEST,
            "{limit}"
        );
    }
    world.end().await;
}

#[tokio::test]
async fn unknown_paths_and_methods_are_problems_too() {
    let world = World::new().await;
    let nobody = world.nobody();
    assert_eq!(nobody.get("/api/v1/nothing").await.outcome(), "404 not_found");
    assert_eq!(
        nobody.send(Method::DELETE, "/api/v1/config", &[], None).await.outcome(),
        "405 method_not_allowed"
    );
    assert_eq!(nobody.get("/api/v1/products/a%20b").await.outcome(), "404 not_found");
    assert_eq!(nobody.get("/api/v1/products/..%2Fconfig").await.status, StatusCode::NOT_FOUND);
    world.end().await;
}

#[tokio::test]
async fn webhooks_that_stripe_did_not_sign_change_nothing() {
    let world = World::new().await;
    let nobody = world.nobody();
    let send = |signature: &'static str, body: &'static str| {
        let headers = if signature.is_empty() { vec![] } else { vec![("stripe-signature", signature)] };
        let nobody = &nobody;
        async move {
            nobody.send(Method::POST, "/api/v1/webhooks/stripe", &headers, Some(body.into())).await.outcome()
        }
    };
    assert_eq!(send("", "{}").await, "400 signature_invalid");
    assert_eq!(send("t=1,v1=00", "{}").await, "400 signature_invalid");
    assert_eq!(send("nonsense", "not json").await, "400 signature_invalid");
    world.end().await;
}
