//! A fake Stripe at a free port, with a clock that stands until it is turned.
#![allow(dead_code, reason = "each test binary uses its part")]

use axum::{Router, http::HeaderMap};
use jiff::SignedDuration;
use local::{
    clock::TurnableClock,
    part::Part,
    state::Store,
    stripe::{FakeStripe, router},
};
use reqwest::{Client, Method};
use serde_json::Value;
use tokio::net::TcpListener;

/// The header of a shop's server.
pub const SECRET: (&str, &str) = ("authorization", "Bearer sk_test_shop");

pub struct World {
    pub base: String,
    pub client: Client,
    pub clock: TurnableClock,
    pub stripe: FakeStripe,
}

pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Value,
}

impl World {
    pub async fn new() -> Self {
        Self::with(Store::in_memory().unwrap()).await
    }

    pub async fn with(store: Store) -> Self {
        let clock = TurnableClock::standing_at("2026-11-21T09:00:00Z".parse().unwrap());
        let stripe = FakeStripe::open(store, clock.clone()).unwrap();
        let base =
            serve(Router::new().nest("/_local/stripe", router(stripe.clone()))).await + "/_local/stripe";
        Self { base, client: Client::new(), clock, stripe }
    }

    pub async fn call(
        &self,
        method: Method,
        path: &str,
        form: &[(&str, &str)],
        headers: &[(&str, &str)],
    ) -> Answer {
        let request = self.client.request(method.clone(), format!("{}{path}", self.base));
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        let request = if method == Method::POST { request.form(form) } else { request };
        answer(request).await
    }

    pub async fn post(&self, path: &str, form: &[(&str, &str)]) -> Answer {
        self.call(Method::POST, path, form, &[SECRET]).await
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.call(Method::GET, path, &[], &[SECRET]).await
    }

    pub async fn control(&self, path: &str, body: Value) -> Answer {
        answer(self.client.post(format!("{}{path}", self.base)).json(&body)).await
    }

    /// A payment confirmed at once with this method.
    pub async fn pays(&self, amount: &str, method: &str) -> Answer {
        let form = [("amount", amount), ("currency", "gbp"), ("payment_method", method), ("confirm", "true")];
        self.post("/v1/payment_intents", &form).await
    }

    /// The types of all events, oldest first.
    pub async fn event_types(&self) -> Vec<String> {
        let page = self.get("/v1/events?limit=100").await.body;
        page["data"].as_array().unwrap().iter().rev().map(|event| text(&event["type"])).collect()
    }

    /// Turns the clock as the local cloud does: from one due instant to the next.
    pub async fn turn(&self, by: SignedDuration) {
        let target = self.clock.after(by);
        while let Some(due) = self.stripe.next_due().filter(|due| *due <= target) {
            self.clock.turn_to(due);
            self.stripe.run_due(self.clock.now()).await;
        }
        self.clock.turn_to(target);
        while self.stripe.is_busy() {
            tokio::task::yield_now().await;
        }
    }
}

async fn answer(request: reqwest::RequestBuilder) -> Answer {
    let answer = request.send().await.unwrap();
    let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
    Answer { status, headers, body: answer.json().await.unwrap() }
}

/// Serves a router at a free port and returns its origin.
pub async fn serve(router: Router) -> String {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    format!("http://{address}")
}

pub fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}
