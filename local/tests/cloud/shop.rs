//! A shop over a local cloud whose clock stands, and the people in it.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use futures_util::{SinkExt, StreamExt};
use jiff::{SignedDuration, Timestamp};
use local::{
    clock::TurnableClock,
    cloud::{LocalCloud, Options, TokenFor},
};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, tungstenite::Message};

pub struct Shop {
    pub cloud: LocalCloud,
    client: reqwest::Client,
}

pub fn template() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../template.yaml")
}

impl Shop {
    pub async fn new() -> Self {
        Self::with(Options::ephemeral(template())).await
    }

    pub async fn with(options: Options) -> Self {
        local::cli::log("warn");
        let now: Timestamp = "2026-11-21T09:00:00Z".parse().unwrap();
        let options = Options { clock: TurnableClock::standing_at(now), ..options };
        Self { cloud: LocalCloud::start(options).await.unwrap(), client: reqwest::Client::new() }
    }

    pub fn token(&self, role: &str, user: &str) -> String {
        let whom: TokenFor = serde_json::from_value(json!({"role": role, "user": user})).unwrap();
        self.cloud.token(&whom).unwrap().token
    }

    pub async fn guest(&self) -> String {
        let guest = self.post("/api/v1/auth/guest", None, json!({})).await;
        guest["token"].as_str().unwrap().to_owned()
    }

    /// Asks, and expects success.
    pub async fn post(&self, path: &str, token: Option<&str>, body: Value) -> Value {
        let (status, answer) = self.try_post(path, token, body).await;
        assert!((200..300).contains(&status), "{path}: {status} {answer}");
        answer
    }

    pub async fn try_post(&self, path: &str, token: Option<&str>, body: Value) -> (u16, Value) {
        let url = format!("{}{path}", self.cloud.http_url());
        let mut request = self.client.post(url).json(&body);
        request = request.header("idempotency-key", uuid::Uuid::now_v7().to_string());
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        let answer = request.send().await.unwrap();
        let status = answer.status().as_u16();
        (status, answer.json().await.unwrap_or(Value::Null))
    }

    pub async fn get(&self, path: &str, token: Option<&str>) -> Value {
        let mut request = self.client.get(format!("{}{path}", self.cloud.http_url()));
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        let answer = request.send().await.unwrap();
        let status = answer.status();
        let body = answer.json().await.unwrap_or(Value::Null);
        assert!(status.is_success(), "{path}: {status} {body}");
        body
    }

    /// A product with this many pieces.
    pub async fn product(&self, id: &str, pieces: u32) {
        let admin = self.token("admin", "boss");
        let price = json!({"amount": 1999, "currency": "USD"});
        let product = json!({"product_id": id, "name": id, "price": price});
        self.post("/api/v1/products", Some(&admin), product).await;
        let stock = json!({"product_id": id, "quantity": pieces, "operation": "add", "reason": "delivery"});
        self.post("/api/v1/inventory/adjustments", Some(&admin), stock).await;
    }

    pub async fn available(&self, id: &str) -> i64 {
        let level = self.get(&format!("/api/v1/inventory/{id}"), None).await;
        level["available_quantity"].as_i64().unwrap()
    }

    /// An order of some pieces.
    pub async fn order(&self, token: &str, id: &str, pieces: u32) -> Value {
        let order = json!({"items": [{"product_id": id, "quantity": pieces}], "currency": "USD"});
        self.post("/api/v1/orders", Some(token), order).await
    }

    /// Pays an order at Stripe, as the shop's page would.
    pub async fn pay(&self, token: &str, order_id: &str, method: &str) {
        let intent = json!({ "order_id": order_id });
        let intent = self.post("/api/v1/payments/create-intent", Some(token), intent).await;
        let secret = intent["client_secret"].as_str().unwrap();
        let id = secret.split("_secret").next().unwrap();
        let url = format!("{}/_local/stripe/v1/payment_intents/{id}/confirm", self.cloud.http_url());
        let form = [("payment_method", method), ("client_secret", secret)];
        let request = self.client.post(url).bearer_auth("pk_test_local").form(&form);
        let answer = request.send().await.unwrap();
        assert!(answer.status().is_success(), "{}", answer.text().await.unwrap());
    }

    pub async fn advance(&self, minutes: i64) {
        self.cloud.advance(SignedDuration::from_mins(minutes)).await.unwrap();
    }

    /// A socket that has said hello.
    pub async fn socket(&self, token: &str) -> Socket {
        let ticket = self.post("/api/v1/realtime/tickets", Some(token), json!({})).await;
        let url = ticket["url"].as_str().unwrap();
        let (stream, _) = tokio_tungstenite::connect_async(url).await.unwrap();
        let mut socket = Socket(stream);
        socket.send(json!({"type": "hello", "id": "1", "data": {}})).await;
        let ready = socket.next().await;
        assert_eq!(ready["type"], "connection.ready", "{ready}");
        socket
    }
}

pub struct Socket(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Socket {
    pub async fn send(&mut self, frame: Value) {
        self.0.send(Message::text(frame.to_string())).await.unwrap();
    }

    /// The next frame; what takes longer than ten seconds does not come.
    pub async fn next(&mut self) -> Value {
        let next = tokio::time::timeout(Duration::from_secs(10), self.0.next());
        let frame = next.await.expect("no frame came").unwrap().unwrap();
        serde_json::from_str(frame.to_text().unwrap()).unwrap()
    }

    pub async fn subscribe(&mut self, channel: &str) -> Value {
        self.send(json!({"type": "subscribe", "id": channel, "data": {"channel": channel}})).await;
        loop {
            let frame = self.next().await;
            if frame["reply_to"] == channel {
                assert_eq!(frame["type"], "ack", "{frame}");
                return frame;
            }
        }
    }

    /// The events that come, one by one out of their batches, until there is one of this type.
    pub async fn until(&mut self, kind: &str, is_it: impl Fn(&Value) -> bool) -> Value {
        loop {
            let frame = self.next().await;
            let batch = frame["events"].as_array().cloned();
            let events = batch.unwrap_or_else(|| vec![frame]);
            if let Some(event) = events.into_iter().find(|event| event["type"] == kind && is_it(event)) {
                return event;
            }
        }
    }
}
