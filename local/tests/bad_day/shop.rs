//! The shop's process: asked over HTTP, killed, and started again over the same data.

use std::{
    cell::{Cell, RefCell},
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use jiff::{SignedDuration, Timestamp};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::sync::watch;

/// A request that found nobody, or a shop in trouble, is made so often in a row.
const MOST_TRIES: usize = 4;

pub struct Shop {
    folder: tempfile::TempDir,
    seed: u64,
    child: RefCell<Option<Child>>,
    client: reqwest::Client,
    /// Where it answers; nowhere while it is down.
    url: watch::Sender<Option<String>>,
    /// How many answers there were since somebody began to count them; very many once nobody asks any more.
    answers: watch::Sender<u64>,
    is_bad: Cell<bool>,
    kills: Cell<usize>,
}

/// What came of asking.
#[derive(Debug)]
pub enum Answer {
    Yes(Value),
    /// Refused for good: `409 invalid_transition`.
    No(String),
    /// Nobody knows; ask again with the same key.
    Later,
}

/// One request.
pub struct Asked<'a> {
    pub method: Method,
    pub path: &'a str,
    pub token: &'a str,
    pub key: &'a str,
    pub body: Body<'a>,
}

pub enum Body<'a> {
    None,
    Json(Value),
    Form(&'a [(&'a str, &'a str)]),
}

impl Shop {
    /// Opens a shop over an empty folder. Its sweeper comes every five minutes, so that a day is not too long.
    pub async fn open(seed: u64) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let template = Path::new(env!("CARGO_MANIFEST_DIR")).join("../template.yaml");
        let template = std::fs::read_to_string(template).unwrap();
        assert!(template.contains("rate(1 minute)"));
        let slower = template.replace("rate(1 minute)", "rate(5 minutes)");
        std::fs::write(folder.path().join("template.yaml"), slower).unwrap();
        let shop = Self {
            folder,
            seed,
            child: RefCell::default(),
            client: reqwest::Client::new(),
            url: watch::Sender::new(None),
            answers: watch::Sender::new(0),
            is_bad: Cell::new(false),
            kills: Cell::new(0),
        };
        shop.starts().await;
        shop
    }

    /// Starts the process; nobody else is answered before it is as bad as it is to be.
    async fn starts(&self) {
        let mut child = Command::new(env!("CARGO_BIN_EXE_shopwire"))
            .args([
                "serve",
                "--json",
                "--http-port",
                "0",
                "--ws-port",
                "0",
                "--parameter",
                "FraudMode=shadow",
            ])
            .arg("--data")
            .arg(self.path("data"))
            .arg("--template")
            .arg(self.path("template.yaml"))
            .env("RUST_LOG", "off")
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        let ready: Value = serde_json::from_str(&line).unwrap();
        self.child.replace(Some(child));
        let url = ready["http"].as_str().unwrap().to_owned();
        if self.is_bad.get() {
            self.troubles(&url).await;
        }
        self.url.send_replace(Some(url));
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    async fn troubles(&self, url: &str) {
        let seed = self.seed + 100 * u64::try_from(self.kills.get()).unwrap();
        let fault = |kind: &str, rate: f64| json!({ "service": "dynamodb", "kind": kind, "rate": rate, "seed": seed });
        for (path, body) in [
            ("/_local/stripe/webhooks", json!({ "lose": true })),
            ("/_local/faults", fault("throttle", 0.05)),
            ("/_local/faults", fault("drop", 0.01)),
        ] {
            let answer = self.client.post(format!("{url}{path}")).json(&body).send().await.unwrap();
            assert!(answer.status().is_success(), "{path}");
        }
    }

    /// From now on no webhook comes, and DynamoDB is troubled, after each start anew.
    pub async fn gets_bad(&self) {
        self.is_bad.set(true);
        let url = self.url.borrow().clone().unwrap();
        self.troubles(&url).await;
    }

    /// DynamoDB is well again. Webhooks that were lost stay lost.
    pub async fn gets_well(&self) {
        let url = self.url.borrow().clone().unwrap();
        let counted = self.client.get(format!("{url}/_local/requests")).send().await.unwrap();
        let counted: Value = counted.json().await.unwrap();
        assert_eq!(counted["invocations"].get("StripeWebhook").unwrap_or(&json!(0)), 0, "no webhook came");
        let well = self.client.delete(format!("{url}/_local/faults")).send().await.unwrap();
        assert!(well.status().is_success());
    }

    pub fn kills(&self) -> usize {
        self.kills.get()
    }

    /// Killed without a word, in the middle of whatever it does, and started again.
    pub async fn is_killed(&self) {
        self.url.send_replace(None);
        let mut child = self.child.take().unwrap();
        child.kill().unwrap(); // SIGKILL
        child.wait().unwrap();
        self.kills.set(self.kills.get() + 1);
        self.starts().await;
    }

    /// Waits until `requests` more were answered, or nobody asks any more.
    pub async fn has_made(&self, requests: u64) {
        self.answers.send_replace(0);
        self.answers.subscribe().wait_for(|answers| *answers >= requests).await.unwrap();
    }

    /// Nobody asks any more.
    pub fn is_left_alone(&self) {
        self.answers.send_replace(u64::MAX);
    }

    /// Turns the clock. What was cut off is turned on by the next process.
    pub async fn is_turned(&self, minutes: u32) {
        let target = self.now().await.checked_add(SignedDuration::from_mins(minutes.into())).unwrap();
        loop {
            let left = target.duration_since(self.now().await).as_secs();
            if left <= 0 {
                return;
            }
            let body = Body::Json(json!({ "advance_seconds": left }));
            let asked = Asked { method: Method::POST, path: "/_local/clock", token: "", key: "", body };
            if let Some((status, body)) = self.once(&asked).await {
                assert_eq!(status, 200, "{body}");
            }
        }
    }

    /// Waits until the clock, which somebody else turns, has gone on by so much.
    pub async fn has_turned(&self, minutes: u32) {
        let target = self.now().await.checked_add(SignedDuration::from_mins(minutes.into())).unwrap();
        while self.now().await < target {}
    }

    pub async fn now(&self) -> Timestamp {
        self.get("/_local/clock", "").await["now"].as_str().unwrap().parse().unwrap()
    }

    /// A token of somebody.
    pub async fn token(&self, role: &str, user: &str) -> String {
        let body = Body::Json(json!({ "role": role, "user": user }));
        let path = "/_local/token";
        match self.ask(&Asked { method: Method::POST, path, token: "", key: "", body }).await {
            Answer::Yes(token) => token["token"].as_str().unwrap().to_owned(),
            other => panic!("no token: {other:?}"),
        }
    }

    /// Puts a product on sale, at 19.99 USD.
    pub async fn stocks(&self, product: &str, pieces: u32) {
        let token = self.token("admin", "olga").await;
        let price = json!({ "amount": 1999, "currency": "USD" });
        for (path, body) in [
            ("/api/v1/products", json!({ "product_id": product, "name": product, "price": price })),
            (
                "/api/v1/inventory/adjustments",
                json!({ "product_id": product, "quantity": pieces, "operation": "add" }),
            ),
        ] {
            let body = Body::Json(body);
            let key = format!("{product}-{path}");
            let asked = Asked { method: Method::POST, path, token: &token, key: &key, body };
            assert!(matches!(self.ask(&asked).await, Answer::Yes(_)));
        }
    }

    /// Reads something that is there.
    pub async fn get(&self, path: &str, token: &str) -> Value {
        let asked = Asked { method: Method::GET, path, token, key: "", body: Body::None };
        match self.ask(&asked).await {
            Answer::Yes(body) => body,
            other => panic!("{path}: {other:?}"),
        }
    }

    /// Asks, and asks again while nobody answers or the shop says that it is in trouble.
    pub async fn ask(&self, asked: &Asked<'_>) -> Answer {
        for _ in 0..MOST_TRIES {
            let Some((status, body)) = self.once(asked).await else { continue };
            let code = body["code"].as_str().or(body["error"]["code"].as_str()).unwrap_or_default();
            let is_passing = status >= 500
                || status == 429
                || ["idempotency_in_progress", "version_conflict"].contains(&code);
            match status {
                200..300 => return Answer::Yes(body),
                _ if is_passing => {}
                _ => return Answer::No(format!("{status} {code}")),
            }
        }
        Answer::Later
    }

    /// Asks once, of whoever is up next; none if it went down meanwhile.
    async fn once(&self, asked: &Asked<'_>) -> Option<(u16, Value)> {
        let url = self.url.subscribe().wait_for(Option::is_some).await.unwrap().clone().unwrap();
        let mut request = self.client.request(asked.method.clone(), format!("{url}{}", asked.path));
        if !asked.token.is_empty() {
            request = request.bearer_auth(asked.token);
        }
        if !asked.key.is_empty() {
            request = request.header("idempotency-key", asked.key);
        }
        request = match &asked.body {
            Body::None => request,
            Body::Json(body) => request.json(body),
            Body::Form(form) => request.form(form),
        };
        let answer = request.send().await.ok()?;
        let status = answer.status().as_u16();
        let text = answer.text().await.ok()?;
        self.answers.send_modify(|answers| *answers = answers.saturating_add(1));
        Some((status, serde_json::from_str(&text).unwrap_or(Value::String(text))))
    }
}

impl Drop for Shop {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            drop(child.kill());
            drop(child.wait());
        }
    }
}
