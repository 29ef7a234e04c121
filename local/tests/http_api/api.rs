//! An HTTP API whose functions give away what they are told.

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
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

pub struct Api {
    pub address: SocketAddr,
    pub client: Client,
}

impl Api {
    pub async fn new() -> Self {
        Self::with_cors(Cors::default()).await
    }

    pub async fn with_cors(cors: Cors) -> Self {
        let route = |key: &str, target| HttpRoute { key: key.to_owned(), target };
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
            (path != "docs/none")
                .then(|| SiteFile { content_type: "text/html".to_owned(), body: Bytes::from(body) })
        });
        let lambda = Lambda::in_process(functions()).with_clock(clock.clone());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(gateway::serve(
            listener,
            http_api::router(&HttpApi { routes, cors }, lambda, clock, site),
        ));
        Self { address, client: Client::new() }
    }

    pub fn asks(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.client.request(method, format!("http://{}{path}", self.address))
    }

    pub async fn gets(&self, path: &str) -> Response {
        self.asks(Method::GET, path).send().await.unwrap()
    }

    /// Sends bytes as they are and reads the answer to its end.
    pub async fn sends(&self, head: &str) -> String {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream.write_all(format!("{head}\r\nConnection: close\r\n\r\n").as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        String::from_utf8_lossy(&answer).into_owned()
    }

    /// What the function `Answer` makes of `answer`.
    pub async fn answers(&self, answer: Value) -> Response {
        self.asks(Method::POST, "/answers").json(&answer).send().await.unwrap()
    }
}

pub fn functions() -> BTreeMap<String, (Duration, Handler)> {
    let echo = lambda::plain(|event: LambdaEvent<Value>| async move { Ok(event.payload) });
    let answer = lambda::plain(|event: LambdaEvent<Value>| async move {
        Ok(serde_json::from_str::<Value>(event.payload["body"].as_str().unwrap())?)
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

pub async fn event(response: Response) -> Value {
    assert_eq!(response.status(), 200);
    response.json().await.unwrap()
}

pub async fn refusal(response: Response) -> (u16, Value) {
    (response.status().as_u16(), response.json().await.unwrap())
}
