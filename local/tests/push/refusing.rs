//! Pushes that some push service would refuse.

use jiff::Timestamp;
use local::push_service::keys::VapidKeys;
use serde_json::{Value, json};

use crate::sender::{NOW, Sender, signed};

/// The headers of a good push, one of them changed or left out.
fn with(shop: &Sender, name: &'static str, value: Option<String>) -> Vec<(&'static str, String)> {
    let mut headers = shop.headers();
    headers.retain(|(other, _)| *other != name);
    headers.extend(value.map(|value| (name, value)));
    headers
}

#[tokio::test]
async fn a_push_with_bad_headers_is_refused() {
    let shop = Sender::new().await;
    let page = shop.page().await;
    let text = |text: &str| Some(text.to_owned());
    for (name, value, expected) in [
        ("ttl", None, 400),
        ("ttl", text("-1"), 400),
        ("ttl", text("0"), 201),
        ("urgency", text("urgent"), 400),
        ("topic", Some("x".repeat(33)), 400),
        ("topic", text("a b"), 400),
        ("topic", Some("x".repeat(32)), 201),
        ("content-encoding", None, 400),
        ("content-encoding", text("aesgcm"), 400),
        ("authorization", None, 401),
        ("authorization", text("Bearer x"), 401),
        ("authorization", text("vapid t=x"), 401),
        ("authorization", text("vapid t=x, k=x"), 403),
    ] {
        let headers = with(&shop, name, value.clone());
        let status = shop.send(&page, &headers, page.encrypt(b"{}")).await.status();
        assert_eq!(status, expected, "{name}: {value:?}");
    }
    assert_eq!(shop.outbox().await.len(), 2);
}

#[tokio::test]
async fn a_sender_that_is_not_who_the_page_subscribed_to_or_says_wrong_things_is_refused() {
    let shop = Sender::new().await;
    let page = shop.page().await;
    let now = NOW.parse::<Timestamp>().unwrap().as_second();
    let changed = |name: &str, value: Value| {
        let mut claims = shop.claims();
        claims[name] = value;
        shop.authorization(&claims, &shop.vapid.public_key)
    };
    let stranger = VapidKeys::generate().unwrap();
    for (authorization, expected) in [
        (changed("aud", json!("https://push.example")), 403),
        (changed("aud", json!(page.endpoint)), 403),
        (changed("exp", json!(now)), 403),
        (changed("exp", json!(now + 24 * 3600 + 1)), 403),
        (changed("exp", json!(now + 24 * 3600)), 201),
        (changed("exp", Value::Null), 403),
        (changed("sub", json!("shop@shop.example")), 403),
        (changed("sub", Value::Null), 403),
        (changed("sub", json!("https://shop.example/contact")), 201),
        (shop.authorization(&shop.claims(), &stranger.public_key), 403),
        (signed("HS256", &shop.claims(), &shop.vapid, &shop.vapid.public_key), 403),
        (signed("ES256", &shop.claims(), &stranger, &stranger.public_key), 403),
    ] {
        let headers = with(&shop, "authorization", Some(authorization.clone()));
        let answer = shop.send(&page, &headers, page.encrypt(b"{}")).await;
        let status = answer.status();
        assert_eq!(status, expected, "{} for {authorization}", answer.text().await.unwrap());
    }
}

#[tokio::test]
async fn a_push_that_the_browser_could_not_read_is_refused() {
    let shop = Sender::new().await;
    let (page, other) = (shop.page().await, shop.page().await);
    for body in [other.encrypt(b"{}"), b"{}".to_vec(), page.encrypt(b"{}")[..90].to_vec()] {
        assert_eq!(shop.send(&page, &shop.headers(), body).await.status(), 400);
    }
    assert!(shop.outbox().await.is_empty());
}

#[tokio::test]
async fn a_page_subscribes_only_to_a_key_that_is_one() {
    let shop = Sender::new().await;
    let subscribe = async |body| shop.ask(reqwest::Method::POST, "/push/subscriptions", body).await.0;
    assert_eq!(subscribe(json!({})).await, 200);
    assert_eq!(subscribe(json!({ "vapid_public_key": "BA" })).await, 400);
    assert_eq!(subscribe(json!({ "key": "BA" })).await, 400);
}
