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
        ("deep", deep, "400 validation_failed [0][0][0]"),
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
