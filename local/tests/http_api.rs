//! The HTTP API over real sockets: what a client sends, what a function is told, what comes back.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a test may fail by panicking, and serves what it tests"
)]

use std::{collections::BTreeMap, net::SocketAddr, sync::Arc, time::Duration};

use axum::body::Bytes;
use lambda_runtime::LambdaEvent;
use local::{
    clock::TurnableClock,
    gateway,
    http_api::{self, Site, SiteFile},
    lambda::{self, Handler, Lambda},
    template::{Cors, HttpApi, HttpRoute, HttpTarget},
};
use reqwest::{Client, Method, Response};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

struct Api {
    address: SocketAddr,
    client: Client,
}

impl Api {
    async fn new() -> Self {
        Self::with_cors(Cors::default()).await
    }

    async fn with_cors(cors: Cors) -> Self {
        let route = |key: &str, target| HttpRoute {
            key: key.to_owned(),
            target,
        };
        let function = |name: &str| HttpTarget::Function(name.to_owned());
        let routes = vec![
            route("ANY /echo", function("Echo")),
            route("GET /echo/{id}", function("Echo")),
            route("ANY /echo/{proxy+}", function("Echo")),
            route("POST /answers", function("Answer")),
            route("ANY /axum/{proxy+}", function("Axum")),
            route("POST /large", function("Large")),
            route("GET /panics", function("Panic")),
            route("GET /hangs", function("Hang")),
            route("GET /docs/{proxy+}", HttpTarget::Site("docs/{proxy}".to_owned())),
            route("GET /docs", HttpTarget::Site("docs/index.html".to_owned())),
        ];
        let clock = TurnableClock::standing_at("2026-03-02T19:03:08Z".parse().unwrap());
        let site: Site = Arc::new(|path| {
            let body = format!("<p>{path}</p>");
            (path != "docs/none").then(|| SiteFile {
                content_type: "text/html".to_owned(),
                body: Bytes::from(body),
            })
        });
        let lambda = Lambda::in_process(functions()).with_clock(clock.clone());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(gateway::serve(
            listener,
            http_api::router(&HttpApi { routes, cors }, lambda, clock, site),
        ));
        Self {
            address,
            client: Client::new(),
        }
    }

    fn asks(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.client
            .request(method, format!("http://{}{path}", self.address))
    }

    async fn gets(&self, path: &str) -> Response {
        self.asks(Method::GET, path).send().await.unwrap()
    }

    /// Sends bytes as they are and reads the answer to its end.
    async fn sends(&self, head: &str) -> String {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream
            .write_all(format!("{head}\r\nConnection: close\r\n\r\n").as_bytes())
            .await
            .unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        String::from_utf8_lossy(&answer).into_owned()
    }

    /// What the function `Answer` makes of `answer`.
    async fn answers(&self, answer: Value) -> Response {
        self.asks(Method::POST, "/answers")
            .json(&answer)
            .send()
            .await
            .unwrap()
    }
}

fn functions() -> BTreeMap<String, (Duration, Handler)> {
    let echo = lambda::plain(|event: LambdaEvent<Value>| async move { Ok(event.payload) });
    let answer = lambda::plain(|event: LambdaEvent<Value>| async move {
        Ok(serde_json::from_str::<Value>(
            event.payload["body"].as_str().unwrap(),
        )?)
    });
    let large = lambda::plain(|_: LambdaEvent<Value>| async { Ok("x".repeat(6 * 1024 * 1024 + 100)) });
    let panic = lambda::plain(|event: LambdaEvent<Value>| async move {
        assert!(event.payload.is_null(), "told to");
        Ok(())
    });
    let hang =
        lambda::plain(|_: LambdaEvent<Value>| std::future::pending::<Result<(), lambda_runtime::Error>>());
    let axum = axum::Router::new()
        .fallback(|request: axum::extract::Request| async move { request.uri().to_string() });
    let seconds = Duration::from_secs;
    [
        ("Echo", seconds(10), echo),
        ("Answer", seconds(10), answer),
        ("Large", seconds(10), large),
        ("Panic", seconds(10), panic),
        ("Hang", Duration::from_millis(10), hang),
        ("Axum", seconds(10), lambda::http(axum)),
    ]
    .into_iter()
    .map(|(name, timeout, handler)| (name.to_owned(), (timeout, handler)))
    .collect()
}

async fn event(response: Response) -> Value {
    assert_eq!(response.status(), 200);
    response.json().await.unwrap()
}

async fn refusal(response: Response) -> (u16, Value) {
    (response.status().as_u16(), response.json().await.unwrap())
}

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
        (
            event["body"].as_str().unwrap().to_owned(),
            event["isBase64Encoded"].as_bool().unwrap(),
        )
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
    for kind in [
        Some("application/x-www-form-urlencoded"),
        Some("application/octet-stream"),
        Some("image/png"),
        None,
    ] {
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
async fn an_answer_arrives_with_its_status_headers_and_cookies() {
    let api = Api::new().await;
    let answer =
        json!({"statusCode": 418, "headers": {"X-Tea": "yes"}, "cookies": ["a=1", "b=2"], "body": "short"});
    let response = api.answers(answer).await;
    assert_eq!(response.status(), 418);
    assert_eq!(response.headers()["x-tea"], "yes");
    let cookies: Vec<_> = response.headers().get_all("set-cookie").iter().collect();
    assert_eq!(cookies, ["a=1", "b=2"]);
    assert_eq!(response.text().await.unwrap(), "short");
}

#[tokio::test]
async fn a_function_that_fails_is_an_internal_server_error() {
    let api = Api::new().await;
    let expected = (500, json!({"message": "Internal Server Error"}));
    assert_eq!(refusal(api.gets("/panics").await).await, expected, "a panic");
    assert_eq!(
        refusal(api.gets("/hangs").await).await,
        expected,
        "its own timeout"
    );
    assert_eq!(
        refusal(api.answers(json!({"statusCode": "no"})).await).await,
        expected,
        "a malformed answer"
    );
}

#[tokio::test]
async fn what_no_route_takes_is_not_found() {
    let api = Api::new().await;
    assert_eq!(
        refusal(api.gets("/nowhere").await).await,
        (404, json!({"message": "Not Found"}))
    );
    assert_eq!(
        refusal(api.gets("/answers").await).await,
        (404, json!({"message": "Not Found"}))
    );
}

#[tokio::test]
async fn the_site_serves_its_files() {
    let api = Api::new().await;
    assert_eq!(
        api.gets("/docs").await.text().await.unwrap(),
        "<p>docs/index.html</p>"
    );
    let file = api.gets("/docs/a/b.js").await;
    assert_eq!(file.headers()["content-type"], "text/html");
    assert_eq!(file.text().await.unwrap(), "<p>docs/a/b.js</p>");
    assert_eq!(api.gets("/docs/none").await.status(), 404);
    assert_eq!(
        api.gets("/docs/%2e%2e%2fsecret").await.status(),
        404,
        "nothing lies above it"
    );
}

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
    assert_eq!(
        refusal(answer).await,
        (500, json!({"message": "Internal Server Error"}))
    );
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
        ("OPTIONS * HTTP/1.1\r\nHost: shop", "404"),
        ("CONNECT shop:443 HTTP/1.1\r\nHost: shop", "404"),
        ("POST /echo HTTP/1.1\r\nHost: shop\r\nContent-Length: -1", "400"),
    ] {
        let answer = api.sends(head).await;
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status}")),
            "{head:?} got {answer:?}"
        );
    }
    assert_eq!(api.gets("/echo").await.status(), 200);
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
    let headers = response
        .headers()
        .iter()
        .filter(|(name, _)| name.as_str().starts_with("access-control-"));
    let mut headers: Vec<_> = headers
        .map(|(name, value)| {
            format!(
                "{}: {}",
                name.as_str().trim_start_matches("access-control-"),
                value.to_str().unwrap()
            )
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
        request
            .header("Access-Control-Request-Method", "POST")
            .send()
            .await
            .unwrap()
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
    assert_eq!(
        (stranger.status().as_u16(), cors_headers(&stranger)),
        (204, vec![])
    );
}

#[tokio::test]
async fn only_an_allowed_page_may_read_an_answer_whatever_the_function_says() {
    let api = Api::with_cors(cors()).await;
    let answered = async |origin: &str| {
        let answer = json!({"statusCode": 200, "headers": {"Access-Control-Allow-Origin": "*"}});
        let request = api
            .asks(Method::POST, "/answers")
            .header("Origin", origin)
            .json(&answer);
        cors_headers(&request.send().await.unwrap())
    };
    let expected = [
        "allow-credentials: true",
        "allow-origin: https://shop.test",
        "expose-headers: x-request-id",
    ];
    assert_eq!(answered("https://shop.test").await, expected);
    assert_eq!(answered("https://evil.test").await, [""; 0]);
    let missing = api
        .asks(Method::GET, "/nowhere")
        .header("Origin", "https://shop.test")
        .send()
        .await
        .unwrap();
    assert_eq!(
        cors_headers(&missing),
        expected,
        "a page may also read what the gateway itself says"
    );
}

#[tokio::test]
async fn without_cors_a_function_speaks_for_itself() {
    let api = Api::new().await;
    let answer = json!({"statusCode": 200, "headers": {"Access-Control-Allow-Origin": "*"}});
    assert_eq!(cors_headers(&api.answers(answer).await), ["allow-origin: *"]);
    let options = api
        .asks(Method::OPTIONS, "/echo")
        .header("Origin", "https://a.test");
    let event = event(
        options
            .header("Access-Control-Request-Method", "GET")
            .send()
            .await
            .unwrap(),
    )
    .await;
    assert_eq!(event["requestContext"]["http"]["method"], "OPTIONS");
}
