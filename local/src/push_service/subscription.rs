//! A browser's subscription: its keys, and how the next pushes to it are answered.

use std::collections::VecDeque;

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};

use super::{Refused, encryption::Receiver, keys};

/// The longest answer that can be asked for.
const LONGEST_ANSWER: usize = 16 * 1024 * 1024;

/// The body of `POST /subscriptions`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NewSubscription {
    /// `applicationServerKey`: only who has its other half may push.
    #[serde(default)]
    vapid_public_key: Option<String>,
}

/// A subscription as it is kept.
#[derive(Serialize, Deserialize)]
pub(super) struct Subscription {
    /// Private key and secret, in base64url.
    private_key: String,
    public_key: String,
    secret: String,
    pub vapid_public_key: Option<String>,
    pub answers: VecDeque<ScriptedAnswer>,
    pub is_ended: bool,
}

/// A subscription as the page sees it: `PushSubscription.toJSON()`.
#[derive(Serialize)]
pub(super) struct SubscriptionView {
    endpoint: String,
    keys: SubscriptionKeys,
}

#[derive(Serialize)]
struct SubscriptionKeys {
    p256dh: String,
    auth: String,
}

/// The body of `PUT /subscriptions/{token}`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Answers {
    pub answers: VecDeque<ScriptedAnswer>,
}

/// How one push is answered.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, try_from = "AnswerBody")]
pub(super) struct ScriptedAnswer {
    pub status: u16,
    /// `Retry-After`: seconds, or a date.
    retry_after: Option<RetryAfter>,
    location: Option<String>,
    /// The length of the answer's body.
    bytes: usize,
    /// The machine's time, not the turnable clock's: who sends waits by it too.
    pub delay_seconds: Option<f64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AnswerBody {
    status: u16,
    #[serde(default)]
    retry_after: Option<RetryAfter>,
    #[serde(default)]
    location: Option<String>,
    #[serde(default)]
    bytes: usize,
    #[serde(default)]
    delay_seconds: Option<f64>,
}

#[derive(Clone, Serialize, Deserialize)]
#[serde(untagged)]
enum RetryAfter {
    Seconds(u64),
    Date(String),
}

impl Subscription {
    /// A subscription with fresh keys. The error says what is wrong with what was asked for.
    pub fn new(asked: NewSubscription) -> Result<Self, String> {
        if asked.vapid_public_key.as_deref().is_some_and(|key| !keys::is_public(key)) {
            return Err(
                "vapid_public_key: expected the 65 bytes of an uncompressed point of P-256 in base64url"
                    .to_owned(),
            );
        }
        let receiver = Receiver::generate().map_err(|error| error.to_string())?;
        let encode = |bytes: &[u8]| BASE64_URL_SAFE_NO_PAD.encode(bytes);
        Ok(Self {
            private_key: encode(&receiver.private_key),
            public_key: encode(&receiver.public_key),
            secret: encode(&receiver.secret),
            vapid_public_key: asked.vapid_public_key.map(|key| key.trim_end_matches('=').to_owned()),
            answers: VecDeque::new(),
            is_ended: false,
        })
    }

    /// What the page may know of it.
    pub fn view(&self, endpoint: String) -> SubscriptionView {
        let keys = SubscriptionKeys { p256dh: self.public_key.clone(), auth: self.secret.clone() };
        SubscriptionView { endpoint, keys }
    }

    /// The text of a push to it; none if the push is empty.
    pub fn decrypt(&self, body: &[u8]) -> Result<Option<Vec<u8>>, Refused> {
        if body.is_empty() {
            return Ok(None);
        }
        let decode = |text: &str| BASE64_URL_SAFE_NO_PAD.decode(text).unwrap_or_default();
        let receiver = Receiver {
            private_key: decode(&self.private_key),
            public_key: decode(&self.public_key),
            secret: decode(&self.secret),
        };
        let opened = receiver.open(body);
        opened
            .map(Some)
            .map_err(|error| Refused::new(400, format!("the browser could not read this: {error}")))
    }
}

impl TryFrom<AnswerBody> for ScriptedAnswer {
    type Error = &'static str;

    fn try_from(body: AnswerBody) -> Result<Self, Self::Error> {
        let AnswerBody { status, retry_after, location, bytes, delay_seconds } = body;
        if !(200..=599).contains(&status) {
            return Err("a status is between 200 and 599");
        }
        if bytes > LONGEST_ANSWER {
            return Err("bytes: at most 16 MiB");
        }
        if delay_seconds.is_some_and(|seconds| !(0.0..=3600.0).contains(&seconds)) {
            return Err("delay_seconds: between 0 and an hour");
        }
        Ok(Self { status, retry_after, location, bytes, delay_seconds })
    }
}

impl ScriptedAnswer {
    /// The answer.
    pub fn response(&self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::CREATED);
        let mut response = (status, "x".repeat(self.bytes)).into_response();
        let retry_after = self.retry_after.as_ref().map(|when| match when {
            RetryAfter::Seconds(seconds) => seconds.to_string(),
            RetryAfter::Date(date) => date.clone(),
        });
        for (name, value) in [(header::RETRY_AFTER, retry_after), (header::LOCATION, self.location.clone())] {
            if let Some(value) = value.and_then(|value| HeaderValue::from_str(&value).ok()) {
                response.headers_mut().insert(name, value);
            }
        }
        response
    }
}
