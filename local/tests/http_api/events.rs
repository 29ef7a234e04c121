//! What a function is told of a request.

use reqwest::Method;
use serde_json::json;

use crate::api::{Api, event};

#[tokio::test]
async fn a_function_gets_the_event_that_aws_documents() {
    let api = Api::new().await;
    let request = api
        .asks(Method::POST, "/echo/a%20b/c?x=1&y=%26+z&x=2")
        .header("Cookie", "a=1; b=2")
        .header("X-Tag", "one")
        .header("X-Tag", "two")
        .header("User-Agent", "test/1")
        .header("X-Forwarded-For", "198.51.100.1, 203.0.113.9")
        .header("Content-Type", "application/json; charset=utf-8")
        .body(r#"{"n":1}"#);
    let response = request.send().await.unwrap();
    let request_id = response.headers()["apigw-requestid"].to_str().unwrap().to_owned();
    let mut event = event(response).await;
    let host = event["headers"].as_object_mut().unwrap().remove("host").unwrap();
    assert_eq!(host, api.address.to_string());
    let expected = json!({
        "version": "2.0",
        "routeKey": "ANY /echo/{proxy+}",
        "rawPath": "/echo/a b/c",
        "rawQueryString": "x=1&y=%26+z&x=2",
        "cookies": ["a=1", "b=2"],
        "headers": {
            "accept": "*/*",
            "content-length": "7",
            "content-type": "application/json; charset=utf-8",
            "user-agent": "test/1",
            "x-forwarded-for": "198.51.100.1, 203.0.113.9",
            "x-forwarded-proto": "http",
            "x-tag": "one,two",
        },
        "queryStringParameters": {"x": "1,2", "y": "& z"},
        "pathParameters": {"proxy": "a b/c"},
        "requestContext": {
            "accountId": "000000000000",
            "apiId": "local",
            "domainName": "127.0.0.1",
            "domainPrefix": "127",
            "http": {
                "method": "POST",
                "path": "/echo/a b/c",
                "protocol": "HTTP/1.1",
                "sourceIp": "203.0.113.9",
                "userAgent": "test/1",
            },
            "requestId": request_id,
            "routeKey": "ANY /echo/{proxy+}",
            "stage": "$default",
            "time": "02/Mar/2026:19:03:08 +0000",
            "timeEpoch": 1_772_478_188_000_i64,
        },
        "body": r#"{"n":1}"#,
        "isBase64Encoded": false,
    });
    assert_eq!(event, expected);
}

#[tokio::test]
async fn what_is_absent_is_left_out() {
    let api = Api::new().await;
    let event = event(api.gets("/echo").await).await;
    for field in ["cookies", "queryStringParameters", "pathParameters", "body"] {
        assert_eq!(event.get(field), None, "{field}");
    }
    assert_eq!(event["rawQueryString"], "");
}

#[tokio::test]
async fn a_path_arrives_decoded_and_cut_at_a_decoded_question_mark() {
    let api = Api::new().await;
    let raw_path = async |path| event(api.gets(path).await).await["rawPath"].clone();
    assert_eq!(raw_path("/echo/a%2Fb%23c").await, "/echo/a/b#c");
    assert_eq!(raw_path("/echo/%2541").await, "/echo/%41");
    assert_eq!(raw_path("/echo/a%3Flimit=9").await, "/echo/a");
    assert_eq!(raw_path("/echo/%ff").await, "/echo/\u{fffd}");
}

#[tokio::test]
async fn only_the_types_that_aws_takes_for_text_arrive_as_text() {
    let api = Api::new().await;
    let sent = async |kind: Option<&str>, body: &[u8]| {
        let mut request = api.asks(Method::POST, "/echo").body(body.to_vec());
        if let Some(kind) = kind {
            request = request.header("Content-Type", kind);
        }
        let event = event(request.send().await.unwrap()).await;
        (event["body"].as_str().unwrap().to_owned(), event["isBase64Encoded"].as_bool().unwrap())
    };
    for kind in [
        "text/csv",
        "application/json",
        "application/xml",
        "application/javascript",
        "Text/Plain; charset=utf-8",
    ] {
        assert_eq!(sent(Some(kind), b"hi").await, ("hi".to_owned(), false), "{kind}");
    }
    for kind in
        [Some("application/x-www-form-urlencoded"), Some("application/octet-stream"), Some("image/png"), None]
    {
        assert_eq!(sent(kind, b"hi").await, ("aGk=".to_owned(), true), "{kind:?}");
    }
    assert_eq!(
        sent(Some("text/plain"), b"\xff").await,
        ("/w==".to_owned(), true),
        "no text, whatever it says"
    );
}

#[tokio::test]
async fn an_axum_function_sees_its_path_and_query() {
    let api = Api::new().await;
    let response = api.gets("/axum/some/path?limit=9").await;
    let text = response.text().await.unwrap();
    assert!(text.ends_with("/axum/some/path?limit=9"), "{text}");
}

#[tokio::test]
async fn an_axum_function_takes_every_path_and_query_that_gets_through() {
    let api = Api::new().await;
    for target in [
        "/axum/%00",
        "/axum/%0a%0d",
        "/axum/%22%3c%3e",
        "/axum/%ff",
        "/axum/a%23b?c=d",
        "/axum/%5c..%2f..",
        "/axum/x?%",
        "/axum/x?a={}|^`",
        "/axum/%E2%82%AC?%F0%9F%92%A9",
    ] {
        let answer = api.sends(&format!("GET {target} HTTP/1.1\r\nHost: shop")).await;
        assert!(answer.starts_with("HTTP/1.1 200"), "{target:?} got {answer:?}");
    }
}
