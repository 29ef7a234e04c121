//! The shop over HTTP, as its clients see it. Whoever is asked to come again later does.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use reqwest::{Method, RequestBuilder, StatusCode, header};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

/// How often something is asked again that was refused for now.
const MOST_ATTEMPTS: u32 = 60;

/// How long to wait where the answer does not say.
const PAUSE: Duration = Duration::from_millis(200);

/// The shop that a replay goes through.
#[derive(Debug)]
pub struct Api {
    client: reqwest::Client,
    url: String,
    put_off: AtomicU64,
}

/// Who asks, and from where: guests are counted by their address.
#[derive(Debug, Clone)]
pub struct Person {
    /// Nobody in particular has none.
    pub token: Option<String>,
    pub address: String,
}

/// Why there is no answer to go on with.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    /// The shop said no.
    #[error("{path}: {status} {code}: {detail}")]
    Refused {
        path: String,
        status: u16,
        /// The problem's code; empty if it had none.
        code: String,
        detail: String,
    },
    /// The shop did not answer, or not as documented.
    #[error("{path}: {source}")]
    Lost { path: String, source: reqwest::Error },
}

impl ApiError {
    /// The code of a refusal that a client can do something about.
    pub fn refusal(&self) -> Option<&str> {
        match self {
            Self::Refused { status, code, .. } if (400..500).contains(status) => Some(code),
            _ => None,
        }
    }
}

impl Api {
    /// The shop whose HTTP API answers at `url`.
    pub fn new(url: &str) -> Self {
        Self {
            client: reqwest::Client::new(),
            url: url.trim_end_matches('/').to_owned(),
            put_off: AtomicU64::new(0),
        }
    }

    /// How often somebody was told to come again later.
    pub fn put_off(&self) -> u64 {
        self.put_off.load(Ordering::Relaxed)
    }

    /// Reads something.
    pub async fn get<T: DeserializeOwned>(&self, who: &Person, path: &str) -> Result<T, ApiError> {
        self.ask(path, || self.by(who, Method::GET, path)).await
    }

    /// Makes something, once for each `key`.
    pub async fn post<T: DeserializeOwned>(
        &self,
        who: &Person,
        path: &str,
        key: &str,
        body: &impl Serialize,
    ) -> Result<T, ApiError> {
        let request = || {
            let request = self.by(who, Method::POST, path).json(body);
            request.header("idempotency-key", key)
        };
        self.ask(path, request).await
    }

    /// Changes something, whatever it was before.
    pub async fn put<T: DeserializeOwned>(
        &self,
        who: &Person,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T, ApiError> {
        self.ask(path, || self.by(who, Method::PUT, path).json(body)).await
    }

    /// Asks the local cloud itself.
    pub async fn control<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> Result<T, ApiError> {
        let request = || {
            let request = self.client.request(method.clone(), self.at(path));
            match &body {
                Some(body) => request.json(body),
                None => request,
            }
        };
        self.ask(path, request).await
    }

    /// Pays at the fake Stripe, as Stripe's library in a shopper's browser does.
    pub async fn pay(&self, client_secret: &str, card: &str) -> Result<Value, ApiError> {
        let intent = client_secret.split_once("_secret").map_or(client_secret, |(intent, _)| intent);
        let path = format!("/_local/stripe/v1/payment_intents/{intent}/confirm");
        let form = [("payment_method", card), ("client_secret", client_secret)];
        let request = || {
            let request = self.client.post(self.at(&path));
            request.bearer_auth("pk_test_local").form(&form)
        };
        self.ask(&path, request).await
    }

    fn at(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }

    fn by(&self, who: &Person, method: Method, path: &str) -> RequestBuilder {
        let request = self.client.request(method, self.at(path));
        let request = request.header("x-forwarded-for", &who.address);
        match &who.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }

    async fn ask<T: DeserializeOwned>(
        &self,
        path: &str,
        request: impl Fn() -> RequestBuilder,
    ) -> Result<T, ApiError> {
        let lost = |source| ApiError::Lost { path: path.to_owned(), source };
        let mut attempts = 0;
        loop {
            attempts += 1;
            let answer = request().send().await.map_err(lost)?;
            let status = answer.status();
            if status.is_success() {
                return answer.json().await.map_err(lost);
            }
            let again = comes_again_after(&answer);
            let body: Value = answer.json().await.unwrap_or_default();
            let problem = body.get("error").unwrap_or(&body); // as Stripe nests it
            let text = |field| problem.get(field).and_then(Value::as_str).unwrap_or_default();
            let is_for_now =
                matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE)
                    || text("code") == "idempotency_in_progress";
            if is_for_now && attempts < MOST_ATTEMPTS {
                self.put_off.fetch_add(1, Ordering::Relaxed);
                tokio::time::sleep(again).await;
                continue;
            }
            return Err(ApiError::Refused {
                path: path.to_owned(),
                status: status.as_u16(),
                code: text("code").to_owned(),
                detail: format!("{}{}", text("detail"), text("message")),
            });
        }
    }
}

fn comes_again_after(answer: &reqwest::Response) -> Duration {
    let seconds = answer.headers().get(header::RETRY_AFTER);
    let seconds = seconds.and_then(|value| value.to_str().ok()?.parse().ok());
    seconds.map_or(PAUSE, Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, atomic::AtomicU32};

    use axum::{Json, Router, response::IntoResponse, routing::get};
    use serde_json::json;

    use super::*;

    async fn serving(router: Router) -> Api {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        tokio::spawn(async { axum::serve(listener, router).await });
        Api::new(&url)
    }

    fn nobody() -> Person {
        Person { token: None, address: "192.0.2.7".to_owned() }
    }

    #[tokio::test]
    async fn whoever_is_put_off_comes_again() {
        let asked = Arc::new(AtomicU32::new(0));
        let answer = move || async move {
            match asked.fetch_add(1, Ordering::SeqCst) {
                0 => (StatusCode::TOO_MANY_REQUESTS, [("retry-after", "0")], "{}").into_response(),
                1 => {
                    let problem = Json(json!({"code": "idempotency_in_progress"}));
                    (StatusCode::CONFLICT, [("retry-after", "0")], problem).into_response()
                }
                _ => Json(7).into_response(),
            }
        };
        let api = serving(Router::new().route("/", get(answer))).await;
        assert_eq!(api.get::<u32>(&nobody(), "/").await.unwrap(), 7);
        assert_eq!(api.put_off(), 2);
    }

    #[tokio::test]
    async fn a_refusal_has_its_code_and_a_failure_has_none() {
        let refuse = |status| move || async move { (status, Json(json!({"code": "insufficient_stock"}))) };
        let stripe =
            || async { (StatusCode::PAYMENT_REQUIRED, Json(json!({"error": {"code": "card_declined"}}))) };
        let router = Router::new()
            .route("/no", get(refuse(StatusCode::CONFLICT)))
            .route("/broken", get(refuse(StatusCode::INTERNAL_SERVER_ERROR)))
            .route("/card", get(stripe));
        let api = serving(router).await;
        let mut codes = vec![];
        for path in ["/no", "/broken", "/card"] {
            let error = api.get::<Value>(&nobody(), path).await.unwrap_err();
            codes.push(error.refusal().map(str::to_owned));
        }
        assert_eq!(codes, [Some("insufficient_stock".to_owned()), None, Some("card_declined".to_owned())]);
    }
}
