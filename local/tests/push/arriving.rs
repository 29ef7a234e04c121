//! Pushes that arrive, and pushes that are answered as a test wants.

use reqwest::{Method, header};
use serde_json::{Value, json};

use crate::sender::Sender;

#[tokio::test]
async fn a_push_arrives_as_the_page_reads_it() {
    let shop = Sender::new().await;
    let page = shop.page().await;
    let mut headers = shop.headers();
    headers.extend([("urgency", "high".to_owned()), ("topic", "order_7".to_owned())]);
    let answer = shop.send(&page, &headers, page.encrypt(br#"{"title":"Shipped"}"#)).await;
    assert_eq!(answer.status(), 201);
    assert!(answer.headers()[header::LOCATION].to_str().unwrap().starts_with(shop.cloud.http_url()));
    assert_eq!(shop.send(&page, &shop.headers(), page.encrypt(b"plain")).await.status(), 201);
    assert_eq!(shop.send(&page, &shop.headers(), Vec::new()).await.status(), 201, "an empty one");

    let sent = shop.outbox().await;
    assert_eq!(sent[0]["channel"], "web_push");
    assert_eq!(sent[0]["endpoint"], page.endpoint.as_str());
    assert_eq!(sent[0]["payload"], json!({ "title": "Shipped" }));
    assert_eq!(
        (&sent[0]["ttl"], &sent[0]["urgency"], &sent[0]["topic"]),
        (&json!(60), &json!("high"), &json!("order_7"))
    );
    assert_eq!((&sent[1]["payload"], &sent[1]["urgency"]), (&json!("plain"), &json!("normal")));
    assert_eq!(sent[2]["payload"], Value::Null);
}

#[tokio::test]
async fn the_largest_push_is_taken_and_one_byte_more_is_not() {
    let shop = Sender::new().await;
    let page = shop.page().await;
    for (bytes, expected) in [(3993, 201), (3994, 413)] {
        let body = page.encrypt(&vec![b'x'; bytes]);
        assert_eq!(shop.send(&page, &shop.headers(), body).await.status(), expected, "{bytes}");
    }
}

#[tokio::test]
async fn the_next_pushes_are_answered_as_asked_for_and_then_all_is_well() {
    let shop = Sender::new().await;
    let page = shop.page().await;
    let answers = json!([
        { "status": 429, "retry_after": 7 },
        { "status": 503, "retry_after": "Sat, 21 Nov 2026 09:05:00 GMT" },
        { "status": 307, "location": "http://169.254.169.254/" },
        { "status": 200, "bytes": 100_000, "delay_seconds": 0.01 },
    ]);
    assert_eq!(shop.script(&page, answers).await.0, 200);
    let mut seen = Vec::new();
    for _ in 0..5 {
        let answer = shop.send(&page, &shop.headers(), page.encrypt(b"{}")).await;
        let shown = |name| answer.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
        let (retry, location) = (shown(header::RETRY_AFTER), shown(header::LOCATION));
        let status = answer.status().as_u16();
        seen.push((status, retry, location.filter(|_| status == 307), answer.bytes().await.unwrap().len()));
    }
    assert_eq!(
        seen,
        [
            (429, Some("7".to_owned()), None, 0),
            (503, Some("Sat, 21 Nov 2026 09:05:00 GMT".to_owned()), None, 0),
            (307, None, Some("http://169.254.169.254/".to_owned()), 0),
            (200, None, None, 100_000),
            (201, None, None, 0),
        ]
    );
    assert_eq!(shop.outbox().await.len(), 2, "what was refused did not arrive");
    assert_eq!(shop.script(&page, json!([{ "status": 99 }])).await.0, 400);
}

#[tokio::test]
async fn a_page_that_unsubscribed_is_gone_and_one_that_never_was_is_not_found() {
    let shop = Sender::new().await;
    let mut page = shop.page().await;
    let path = format!("/push/subscriptions/{}", page.token());
    assert_eq!(shop.ask(Method::DELETE, &path, Value::Null).await.0, 200);
    assert_eq!(shop.send(&page, &shop.headers(), page.encrypt(b"{}")).await.status(), 410);
    page.endpoint.push('x');
    assert_eq!(shop.send(&page, &shop.headers(), page.encrypt(b"{}")).await.status(), 404);
    assert_eq!(shop.ask(Method::DELETE, &format!("{path}x"), Value::Null).await.0, 404);
}

#[tokio::test]
async fn pushes_are_counted_and_fail_on_request() {
    let shop = Sender::new().await;
    let page = shop.page().await;
    let fault = |kind: &str| json!({ "service": "push", "operation": "Send", "kind": kind });
    for (kind, expected) in
        [("refuse", Some(500)), ("throttle", Some(429)), ("gone", Some(410)), ("drop", None)]
    {
        shop.ask(Method::POST, "/faults", fault(kind)).await;
        let answer = shop.try_send(&page, &shop.headers(), page.encrypt(b"{}")).await;
        assert_eq!(answer.ok().map(|answer| answer.status().as_u16()), expected, "{kind}");
    }
    assert_eq!(shop.outbox().await.len(), 1, "only the answer of the last one was lost");
    let (_, counted) = shop.ask(Method::GET, "/requests", Value::Null).await;
    let rows = counted["rows"].as_array().unwrap();
    let push = rows.iter().find(|row| row["service"] == "push").unwrap();
    assert_eq!((&push["operation"], &push["requests"]), (&json!("Send"), &json!(4)));
}
