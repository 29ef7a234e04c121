//! A shop to tell stories in: a local cloud on free ports, in a folder of its own, with a clock that stands still.
//!
//! People act over real HTTP and real WebSockets. Whatever is left undelivered when a story ends fails its test.

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicU64, Ordering},
};

use jiff::{SignedDuration, Timestamp};
use local::{
    clock::TurnableClock,
    cloud::{LocalCloud, Options},
};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::sync::Notify;

pub use crate::socket::Socket;

/// A patient client gives up then.
const MOST_TRIES: u32 = 40;

/// A local cloud and what a story needs of it.
pub struct World {
    cloud: LocalCloud,
    http: reqwest::Client,
    keys: AtomicU64,
    told_to_wait: AtomicU64,
    answered: Notify,
}

/// What came back.
#[derive(Debug, Clone)]
pub struct Reply {
    pub status: StatusCode,
    pub headers: reqwest::header::HeaderMap,
    pub body: Value,
}

impl Reply {
    /// `201`, or `409 insufficient_stock`: what a story asserts.
    pub fn outcome(&self) -> String {
        match self.body["code"].as_str() {
            Some(code) => format!("{} {code}", self.status.as_u16()),
            None => self.status.as_u16().to_string(),
        }
    }

    /// The same with the field that is wrong.
    pub fn complaint(&self) -> String {
        let field = self.body["errors"][0]["field"].as_str().unwrap_or_default();
        format!("{} {field}", self.outcome())
    }

    /// The body of something that went well.
    #[track_caller]
    pub fn ok(self) -> Value {
        assert!(self.status.is_success(), "{} {}", self.status, self.body);
        self.body
    }

    /// A text field of a body that went well.
    #[track_caller]
    pub fn text(self, field: &str) -> String {
        let body = self.ok();
        body[field].as_str().unwrap_or_else(|| panic!("no {field} in {body}")).to_owned()
    }
}

/// Somebody with a token, or nobody in particular.
pub struct Person<'a> {
    world: &'a World,
    pub token: Option<String>,
    address: String,
}

impl World {
    /// A fresh shop on Monday 5 January 2026, 09:00 UTC.
    pub async fn new() -> Self {
        Self::with(BTreeMap::new()).await
    }

    /// The same with other template parameters. Unless a story is about risk, nobody is held back for buying often: in
    /// stories they do.
    pub async fn with(mut parameters: BTreeMap<String, String>) -> Self {
        parameters.entry("FraudMode".to_owned()).or_insert_with(|| "shadow".to_owned());
        let start: Timestamp = "2026-01-05T09:00:00Z".parse().unwrap();
        let template = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../template.yaml");
        let options =
            Options { parameters, clock: TurnableClock::standing_at(start), ..Options::ephemeral(template) };
        // A failing test shows what the functions had to say; the second story of a process finds the log set up.
        drop(tracing_subscriber::fmt().with_test_writer().with_env_filter("warn").try_init());
        let cloud = LocalCloud::start(options).await.unwrap();
        Self {
            cloud,
            http: reqwest::Client::new(),
            keys: AtomicU64::new(1),
            told_to_wait: AtomicU64::new(0),
            answered: Notify::new(),
        }
    }

    pub fn cloud(&self) -> &LocalCloud {
        &self.cloud
    }

    /// Ends the story: everything must have been delivered, the books must balance, and nobody has done what AWS
    /// would not have allowed.
    pub async fn end(self) {
        self.idle().await;
        self.books_balance().await;
        self.end_unbalanced().await;
    }

    /// Ends a story in which the books are meant not to balance.
    pub async fn end_unbalanced(self) {
        self.idle().await;
        crate::repository::roles::allow(&self.cloud.meter().snapshot().rows);
        self.cloud.stop().await;
    }

    /// Waits until nothing is left undelivered.
    pub async fn idle(&self) {
        self.nobody().get("/_local/idle").await.ok();
    }

    /// Turns the clock; answers when all that fell due is done.
    pub async fn advance(&self, duration: SignedDuration) {
        let body = json!({ "advance_seconds": duration.as_secs() });
        self.nobody().post("/_local/clock", body).await.ok();
    }

    /// Turns the clock in one step, as if nothing had run meanwhile, and lets what fell due run once.
    pub async fn leaps(&self, duration: SignedDuration) {
        let clock = self.cloud.clock();
        clock.turn_to(clock.now().checked_add(duration).unwrap());
        self.advance(SignedDuration::from_mins(1)).await;
    }

    /// Asks the tables directly, as nobody in particular: to see what is stored, or to spoil it.
    pub async fn dynamo(&self, operation: &str, body: Value) -> Value {
        let target = format!("DynamoDB_20120810.{operation}");
        let request = self.http.post(self.cloud.aws_url()).header("x-amz-target", target);
        let request = request.header("content-type", "application/x-amz-json-1.0").body(body.to_string());
        let answer = request.send().await.unwrap();
        assert!(answer.status().is_success(), "{operation}: {}", answer.text().await.unwrap());
        answer.json().await.unwrap()
    }

    /// Makes something outside fail.
    pub async fn fault(&self, fault: Value) {
        self.nobody().post("/_local/faults", fault).await.ok();
    }

    /// Nothing outside fails any more.
    pub async fn no_faults(&self) {
        self.nobody().send(Method::DELETE, "/_local/faults", &[], None).await.ok();
    }

    /// How often `function` has asked for `operation` since counts were reset.
    pub fn requests(&self, function: &str, operation: &str) -> u64 {
        let rows = self.cloud.meter().snapshot().rows;
        let asked = rows.iter().filter(|row| row.function == function && row.operation == operation);
        asked.map(|row| row.requests).sum()
    }

    /// How often `function` has posted to a socket.
    pub fn posts(&self, function: &str) -> u64 {
        self.requests(function, "PostToConnection")
    }

    /// Opens a socket with a token instead of a ticket, and more in the query, and says hello.
    pub async fn socket_with(&self, token: &str, query: &str) -> Socket {
        let url = format!("{}?v=1{query}", self.cloud.ws_url());
        let mut socket = Socket::open(&url, &[("authorization", &format!("Bearer {token}"))]).await.unwrap();
        assert_eq!(socket.asks("hello", json!({})).await["type"], "connection.ready");
        socket
    }

    /// Stock agrees with its ledger and orders with their payments.
    pub async fn books_balance(&self) {
        let admin = self.admin().await;
        for path in ["/api/v1/inventory/reconciliation", "/api/v1/payments/reconciliation"] {
            let mut cursor = String::new();
            loop {
                let report = admin.get(&format!("{path}?limit=100{cursor}")).await.ok();
                assert_eq!(report["drift"], json!([]), "{path}");
                let Some(next) = report["next_cursor"].as_str() else {
                    break;
                };
                cursor = format!("&cursor={next}");
            }
        }
    }

    /// Anybody.
    pub fn nobody(&self) -> Person<'_> {
        Person { world: self, token: None, address: "192.0.2.1".into() }
    }

    /// Somebody with a token of the shop's own sign-in.
    pub async fn person(&self, role: &str, user: &str, shop: &str) -> Person<'_> {
        let body = json!({ "role": role, "user": user, "shop": shop });
        let token = self.nobody().post("/_local/token", body).await.text("token");
        Person { token: Some(token), ..self.nobody() }
    }

    /// Asks DynamoDB or another service, as no function but as somebody outside; answers what came.
    pub async fn aws(&self, target: &str, body: &Value) -> Value {
        let request = self.http.post(self.cloud.aws_url()).header("x-amz-target", target);
        let answer = request.json(body).send().await.unwrap();
        let (status, body) = (answer.status(), answer.json().await.unwrap());
        assert!(status.is_success(), "{target}: {status} {body}");
        body
    }

    pub async fn admin(&self) -> Person<'_> {
        self.person("admin", "olga", "default").await
    }

    pub async fn customer(&self, name: &str) -> Person<'_> {
        self.person("customer", name, "default").await
    }

    pub async fn guest(&self) -> Person<'_> {
        let token = self.nobody().post("/api/v1/auth/guest", json!({})).await.text("token");
        Person { token: Some(token), ..self.nobody() }
    }

    /// A program with these scopes.
    pub async fn service(&self, scopes: &[&str]) -> Person<'_> {
        let new = json!({ "name": "warehouse", "scopes": scopes });
        let key = self.admin().await.post("/api/v1/auth/service-keys", new).await.text("key");
        Person { token: Some(key), ..self.nobody() }
    }

    /// Puts a product on sale, at 19.99 USD.
    pub async fn product(&self, id: &str, pieces: u32) -> String {
        let admin = self.admin().await;
        let new = json!({ "product_id": id, "name": format!("A {id}"), "price": { "amount": 1999, "currency": "USD" } });
        admin.post("/api/v1/products", new).await.ok();
        if pieces > 0 {
            let add = json!({ "product_id": id, "quantity": pieces, "operation": "add" });
            admin.post("/api/v1/inventory/adjustments", add).await.ok();
        }
        // What is told of it is told before anybody comes to listen.
        self.idle().await;
        id.to_owned()
    }

    /// `available 3, reserved 0, sold 0`.
    pub async fn stock(&self, product: &str) -> String {
        let stock = self.admin().await.get(&format!("/api/v1/inventory/{product}")).await.ok();
        format!(
            "available {}, reserved {}, sold {}",
            stock["available_quantity"], stock["reserved"], stock["committed"]
        )
    }

    /// Pays at Stripe, as a browser would; the webhook is delivered and settled when this returns.
    pub async fn pays(&self, intent: &Value, card: &str) -> Reply {
        let id = intent["client_secret"].as_str().unwrap().split("_secret_").next().unwrap().to_owned();
        let url = format!("{}/_local/stripe/v1/payment_intents/{id}/confirm", self.cloud.http_url());
        let form = [("payment_method", card), ("client_secret", intent["client_secret"].as_str().unwrap())];
        let answer = self.http.post(url).bearer_auth("pk_test_local").form(&form).send().await.unwrap();
        let reply = Reply {
            status: answer.status(),
            headers: answer.headers().clone(),
            body: answer.json().await.unwrap(),
        };
        self.idle().await;
        reply
    }

    /// Waits until somebody is answered; an answer since the last time counts.
    pub async fn next_answer(&self) {
        self.answered.notified().await;
    }

    /// How often patient clients were told to come again later.
    pub fn told_to_wait(&self) -> u64 {
        self.told_to_wait.load(Ordering::SeqCst)
    }

    pub fn fresh_key(&self) -> String {
        format!("key-{}", self.keys.fetch_add(1, Ordering::SeqCst))
    }
}

impl<'a> Person<'a> {
    /// Where they live.
    pub const fn world(&self) -> &'a World {
        self.world
    }

    /// The same person at another address.
    pub fn at(&self, address: &str) -> Person<'a> {
        Person { world: self.world, token: self.token.clone(), address: address.into() }
    }

    /// With what, where and as whom they act, for whoever acts in their name.
    pub fn http(&self) -> (reqwest::Client, String, Option<String>) {
        (self.world.http.clone(), self.world.cloud.http_url().to_owned(), self.token.clone())
    }

    pub async fn get(&self, path: &str) -> Reply {
        self.send(Method::GET, path, &[], None).await
    }

    /// Posts with a fresh `Idempotency-Key`.
    pub async fn post(&self, path: &str, body: Value) -> Reply {
        let key = self.world.fresh_key();
        self.post_keyed(path, &key, body).await
    }

    pub async fn post_keyed(&self, path: &str, key: &str, body: Value) -> Reply {
        self.send(Method::POST, path, &[("idempotency-key", key)], Some(body.to_string())).await
    }

    pub async fn send(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<String>,
    ) -> Reply {
        let url = format!("{}{path}", self.world.cloud.http_url());
        let mut request = self.world.http.request(method, url).header("x-forwarded-for", &self.address);
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(body) = body {
            request = request.header("content-type", "application/json").body(body);
        }
        let answer = request.send().await.unwrap();
        let (status, headers) = (answer.status(), answer.headers().clone());
        let text = answer.text().await.unwrap();
        self.world.answered.notify_one();
        let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
        Reply { status, headers, body }
    }

    /// Posts as a patient client: who is told to come again later does, with the same key. The time that it waits is
    /// not turned: what is too much at once here is not too much in a minute.
    pub async fn insists(&self, path: &str, body: Value) -> Reply {
        let key = self.world.fresh_key();
        self.insists_on(Method::POST, path, &[("idempotency-key", &key)], Some(body)).await
    }

    /// The same for any request.
    pub async fn insists_on(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<Value>,
    ) -> Reply {
        for _ in 0..MOST_TRIES {
            let body = body.as_ref().map(Value::to_string);
            let reply = self.send(method.clone(), path, headers, body).await;
            if reply.status != StatusCode::TOO_MANY_REQUESTS {
                return reply;
            }
            assert!(reply.headers.contains_key("retry-after"), "{reply:?}");
            self.world.told_to_wait.fetch_add(1, Ordering::SeqCst);
        }
        panic!("told to come again later {MOST_TRIES} times");
    }

    /// Places an order of some pieces of one product.
    pub async fn orders(&self, product: &str, quantity: u32) -> Reply {
        let items = json!([{ "product_id": product, "quantity": quantity }]);
        self.post("/api/v1/orders", json!({ "items": items, "currency": "USD" })).await
    }

    /// Begins to pay an order.
    pub async fn begins_to_pay(&self, order: &Value) -> Value {
        self.post("/api/v1/payments/create-intent", json!({ "order_id": order["order_id"] })).await.ok()
    }

    /// Orders and pays.
    pub async fn buys(&self, product: &str, quantity: u32) -> Value {
        let order = self.orders(product, quantity).await.ok();
        let intent = self.begins_to_pay(&order).await;
        self.world.pays(&intent, "pm_card_visa").await.ok();
        self.order(&order).await
    }

    /// Reads an order again.
    pub async fn order(&self, order: &Value) -> Value {
        self.get(&format!("/api/v1/orders/{}", order["order_id"].as_str().unwrap())).await.ok()
    }

    /// `paid/paid`: an order's status and how much of it is paid.
    pub async fn status_of(&self, order: &Value) -> String {
        let order = self.order(order).await;
        format!("{}/{}", order["status"].as_str().unwrap(), order["payment_status"].as_str().unwrap())
    }

    /// Opens a socket with a ticket and says hello.
    pub async fn socket(&self) -> Socket {
        let ticket = self.send(Method::POST, "/api/v1/realtime/tickets", &[], None).await.ok();
        let mut socket = Socket::open(ticket["url"].as_str().unwrap(), &[]).await.unwrap();
        let ready = socket.asks("hello", json!({})).await;
        assert_eq!(ready["type"], "connection.ready", "{ready}");
        socket
    }
}
