//! What is too much, and what is no request at all.

use reqwest::Method;
use serde_json::json;

use crate::api::{Api, refusal};

#[tokio::test]
async fn a_body_over_six_megabytes_is_refused() {
    let api = Api::new().await;
    let sent = async |bytes: usize, kind: &str| {
        let request = api.asks(Method::POST, "/echo").header("Content-Type", kind);
        let response = request.body(vec![b'x'; bytes]).send().await.unwrap();
        (response.status().as_u16(), response.text().await.unwrap())
    };
    let refused = (413, r#"{"message":"Request Too Long"}"#.to_owned());
    assert_eq!(sent(6 * 1024 * 1024 + 1, "text/plain").await, refused);
    // These bodies fit, but not into an event: with all around it, and as base64.
    assert_eq!(sent(6 * 1024 * 1024, "text/plain").await, refused);
    assert_eq!(sent(5 * 1024 * 1024, "application/octet-stream").await, refused);
    assert_eq!(sent(6 * 1024 * 1024 - 4096, "text/plain").await.0, 200);
}

#[tokio::test]
async fn an_answer_over_six_megabytes_is_an_internal_server_error() {
    let api = Api::new().await;
    let answer = api.asks(Method::POST, "/large").send().await.unwrap();
    assert_eq!(refusal(answer).await, (500, json!({"message": "Internal Server Error"})));
}

#[tokio::test]
async fn a_head_over_ten_kilobytes_is_refused() {
    let api = Api::new().await;
    let long = "x".repeat(10_300);
    assert_eq!(api.gets(&format!("/echo?{long}")).await.status(), 414);
    let request = api.asks(Method::GET, "/echo").header("X-Long", &long);
    assert_eq!(request.send().await.unwrap().status(), 431);
}

#[tokio::test]
async fn malformed_requests_are_refused_and_the_server_goes_on() {
    let api = Api::new().await;
    for (head, status) in [
        ("GET /echo HTTP/1.1\r\nHost: a b", "400"),
        ("GET /echo HTTP/1.1\r\nHost: shop:99999", "400"),
        ("GET /echo HTTP/1.1", "400"),
        ("GET /echo?a=\"<> HTTP/1.1\r\nHost: shop", "400"),
        ("GET /echo\u{0} HTTP/1.1\r\nHost: shop", "400"),
        ("NONSENSE", "400"),
        ("OPTIONS * HTTP/1.1\r\nHost: shop", "400"),
        ("CONNECT shop:443 HTTP/1.1\r\nHost: shop", "400"),
        ("POST /echo HTTP/1.1\r\nHost: shop\r\nContent-Length: -1", "400"),
    ] {
        let answer = api.sends(head).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{head:?} got {answer:?}");
    }
    assert_eq!(api.gets("/echo").await.status(), 200);
}
