//! The control routes, over HTTP.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::shop::Shop;

pub async fn ask(
    shop: &Shop,
    method: Method,
    path: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> (StatusCode, Value) {
    let url = format!("{}/_local{path}", shop.cloud.http_url());
    let mut request = reqwest::Client::new().request(method, url).body(body.to_owned());
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let answer = request.send().await.unwrap();
    (answer.status(), answer.json().await.unwrap_or(Value::Null))
}

pub async fn post(shop: &Shop, path: &str, body: Value) -> (StatusCode, Value) {
    ask(shop, Method::POST, path, &[], &body.to_string()).await
}

async fn get(shop: &Shop, path: &str) -> Value {
    ask(shop, Method::GET, path, &[], "").await.1
}

#[tokio::test]
async fn turning_the_clock_answers_when_what_fell_due_is_done() {
    let shop = Shop::new().await;
    shop.product("lamp", 3).await;
    let ana = shop.guest().await;
    shop.order(&ana, "lamp", 3).await;
    let (status, clock) = post(&shop, "/clock", json!({"advance_seconds": 960})).await;
    assert_eq!((status, clock), (StatusCode::OK, json!({"now": "2026-11-21T09:16:00Z"})));
    assert_eq!(shop.available("lamp").await, 3);
    assert_eq!(get(&shop, "/clock").await["now"], "2026-11-21T09:16:00Z");
}

#[tokio::test]
async fn what_cannot_be_understood_is_refused_by_field() {
    let shop = Shop::new().await;
    for (path, body, detail) in [
        ("/clock", json!({"advance_seconds": -1}), "advance_seconds: "),
        ("/clock", json!({"advance_seconds": 4_000_000_000_u32}), "advance_seconds: "),
        ("/clock", json!({"advance": 1}), "unknown field `advance`"),
        ("/faults", json!({"kind": "delay"}), "a delay needs milliseconds"),
        ("/token", json!({"role": "queen", "user": "ana"}), "role: "),
        ("/token", json!({"role": "guest", "user": "ana"}), "role: expected customer"),
        ("/token", json!({"role": "admin", "user": "a b"}), "user: "),
    ] {
        let (status, problem) = post(&shop, path, body).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{path} {problem}");
        assert_eq!(problem["code"], "validation_failed");
        let said = problem["detail"].as_str().unwrap();
        assert!(said.contains(detail), "{path}: {said}");
    }
    assert_eq!(post(&shop, "/nothing", json!({})).await.0, StatusCode::NOT_FOUND);
    assert_eq!(post(&shop, "/idle", json!({})).await.0, StatusCode::METHOD_NOT_ALLOWED);
}

#[tokio::test]
async fn only_this_machine_is_answered() {
    let shop = Shop::new().await;
    let body = r#"{"role":"admin","user":"ana"}"#;
    for (header, value, expected) in [
        ("host", "rebound.example", 403),
        ("origin", "https://evil.example", 403),
        ("origin", "null", 403),
        ("origin", "http://localhost:3000", 200),
        ("host", "localhost:3001", 200),
    ] {
        let (status, answer) = ask(&shop, Method::POST, "/token", &[(header, value)], body).await;
        assert_eq!(status.as_u16(), expected, "{header}: {value}");
        assert_eq!(answer["token"].is_string(), expected == 200);
    }
    let stripe = ask(&shop, Method::GET, "/stripe/requests", &[("origin", "https://evil.example")], "");
    assert_eq!(stripe.await.0, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn a_token_is_believed_by_the_functions() {
    let shop = Shop::new().await;
    let (_, made) = post(&shop, "/token", json!({"role": "admin", "user": "boss"})).await;
    assert_eq!(
        (&made["role"], &made["shop"], &made["expires_at"]),
        (&json!("admin"), &json!("default"), &json!("2026-11-22T09:00:00Z"))
    );
    let token = made["token"].as_str().unwrap();
    shop.get("/api/v1/feature-flags", Some(token)).await;
    let brief = json!({"role": "admin", "user": "boss", "expires_in_seconds": 60});
    let brief = post(&shop, "/token", brief).await.1["token"].as_str().unwrap().to_owned();
    shop.advance(2).await;
    let (status, _) = shop.try_post("/api/v1/products", Some(&brief), json!({})).await;
    assert_eq!(status, 401);
}

#[tokio::test]
async fn requests_are_counted_by_function_stripes_too() {
    let shop = Shop::new().await;
    shop.product("lamp", 3).await;
    let ana = shop.guest().await;
    let order = shop.order(&ana, "lamp", 1).await;
    shop.cloud.idle().await.unwrap();
    let (_, reset) = post(&shop, "/requests/reset", json!({})).await;
    assert_eq!((&reset["requests"], &reset["rows"]), (&json!(0), &json!([])));
    shop.pay(&ana, order["order_id"].as_str().unwrap(), "pm_card_visa").await;
    shop.cloud.idle().await.unwrap();
    let counted = get(&shop, "/requests").await;
    let stripe: Vec<_> = counted["rows"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|row| row["service"] == "stripe")
        .map(|row| format!("{} {}", row["function"], row["operation"]))
        .collect();
    // The shopper's own confirmation is no request of a function.
    assert_eq!(stripe[0], r#""Payments" "payment_intents.create""#, "{stripe:?}");
    assert!(!stripe.iter().any(|row| row.contains("confirm")), "{stripe:?}");
    assert_eq!(counted["invocations"]["Payments"], 1);
    assert_eq!(counted["invocations"]["Orders"], 0);
    assert!(counted["write_units"].as_f64().unwrap() > 10.0);
}

#[tokio::test]
async fn a_lost_answer_of_stripe_is_made_good() {
    let shop = Shop::new().await;
    shop.product("lamp", 3).await;
    let ana = shop.guest().await;
    let order = shop.order(&ana, "lamp", 1).await;
    let intent = json!({ "order_id": order["order_id"] });
    let fault =
        json!({"service": "stripe", "operation": "payment_intents.create", "kind": "refuse", "count": 100});
    let (_, armed) = post(&shop, "/faults", fault).await;
    assert_eq!(armed["faults"].as_array().unwrap().len(), 1);
    let (status, _) = shop.try_post("/api/v1/payments/create-intent", Some(&ana), intent.clone()).await;
    assert_eq!(status, 503);
    assert_eq!(ask(&shop, Method::DELETE, "/faults", &[], "").await.1, json!({"faults": []}));
    shop.post("/api/v1/payments/create-intent", Some(&ana), intent).await;
}

#[tokio::test]
async fn the_start_page_and_the_documents_are_there() {
    let shop = Shop::new().await;
    for (path, text) in [
        ("/_local", "shopwire, locally"),
        ("/docs", "swagger-ui-bundle.js"),
        ("/docs/swagger-ui.css", ".swagger-ui"),
        ("/sw.js", "notificationclick"),
        ("/openapi.json", "\"/api/v1/orders\""),
        ("/asyncapi.json", "\"asyncapi\": \"3.0.0\""),
    ] {
        let answer = reqwest::get(format!("{}{path}", shop.cloud.http_url())).await.unwrap();
        assert_eq!(answer.status(), 200, "{path}");
        assert!(answer.text().await.unwrap().contains(text), "{path}");
    }
}
