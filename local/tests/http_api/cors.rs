//! CORS as browsers see it.

use local::template::Cors;
use reqwest::{Method, Response};
use serde_json::json;

use crate::api::{Api, event};

fn cors() -> Cors {
    Cors {
        origins: vec!["https://shop.test".to_owned()],
        methods: vec!["GET".to_owned(), "POST".to_owned()],
        headers: vec!["authorization".to_owned(), "content-type".to_owned()],
        exposed: vec!["x-request-id".to_owned()],
        credentials: true,
        max_age: Some(600),
    }
}

fn cors_headers(response: &Response) -> Vec<String> {
    let headers = response.headers().iter().filter(|(name, _)| name.as_str().starts_with("access-control-"));
    let mut headers: Vec<_> = headers
        .map(|(name, value)| {
            format!("{}: {}", name.as_str().trim_start_matches("access-control-"), value.to_str().unwrap())
        })
        .collect();
    headers.sort();
    headers
}

#[tokio::test]
async fn a_preflight_is_answered_without_a_function() {
    let api = Api::with_cors(cors()).await;
    let preflight = async |origin: &str| {
        let request = api.asks(Method::OPTIONS, "/echo").header("Origin", origin);
        request.header("Access-Control-Request-Method", "POST").send().await.unwrap()
    };
    let allowed = preflight("https://shop.test").await;
    assert_eq!(allowed.status(), 204);
    let expected = [
        "allow-credentials: true",
        "allow-headers: authorization,content-type",
        "allow-methods: GET,POST",
        "allow-origin: https://shop.test",
        "max-age: 600",
    ];
    assert_eq!(cors_headers(&allowed), expected);
    let stranger = preflight("https://shop.test.evil").await;
    assert_eq!((stranger.status().as_u16(), cors_headers(&stranger)), (204, vec![]));
}

#[tokio::test]
async fn only_an_allowed_page_may_read_an_answer_whatever_the_function_says() {
    let api = Api::with_cors(cors()).await;
    let answered = async |origin: &str| {
        let answer = json!({"statusCode": 200, "headers": {"Access-Control-Allow-Origin": "*"}});
        let request = api.asks(Method::POST, "/answers").header("Origin", origin).json(&answer);
        cors_headers(&request.send().await.unwrap())
    };
    let expected =
        ["allow-credentials: true", "allow-origin: https://shop.test", "expose-headers: x-request-id"];
    assert_eq!(answered("https://shop.test").await, expected);
    assert_eq!(answered("https://evil.test").await, [""; 0]);
    let missing =
        api.asks(Method::GET, "/nowhere").header("Origin", "https://shop.test").send().await.unwrap();
    assert_eq!(cors_headers(&missing), expected, "a page may also read what the gateway itself says");
}

#[tokio::test]
async fn without_cors_a_function_speaks_for_itself() {
    let api = Api::new().await;
    let answer = json!({"statusCode": 200, "headers": {"Access-Control-Allow-Origin": "*"}});
    assert_eq!(cors_headers(&api.answers(answer).await), ["allow-origin: *"]);
    let options = api.asks(Method::OPTIONS, "/echo").header("Origin", "https://a.test");
    let event = event(options.header("Access-Control-Request-Method", "GET").send().await.unwrap()).await;
    assert_eq!(event["requestContext"]["http"]["method"], "OPTIONS");
}
