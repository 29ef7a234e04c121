//! Stripe's error object, with the statuses that go with it.

use axum::http::StatusCode;
use serde_json::{Map, Value, json};

use crate::state::StateError;

/// A refusal as the API words it.
#[derive(Debug, Clone)]
pub struct Failure {
    /// HTTP status.
    pub status: StatusCode,
    /// Whether an idempotency key remembers it. Stripe forgets answers of requests that never began to act.
    pub is_remembered: bool,
    error: Map<String, Value>,
}

impl Failure {
    fn new(status: StatusCode, kind: &str, message: impl Into<Value>) -> Self {
        let error =
            Map::from_iter([("type".to_owned(), kind.into()), ("message".to_owned(), message.into())]);
        Self { status, is_remembered: false, error }
    }

    /// 400: the request makes no sense.
    pub fn invalid(message: impl Into<Value>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid_request_error", message)
    }

    /// 400: one parameter makes no sense.
    pub fn invalid_param(param: &str, message: impl Into<Value>) -> Self {
        Self::invalid(message).with("param", param)
    }

    /// 400: the object's state does not allow it.
    pub fn unexpected_state(code: &str, message: &str) -> Self {
        Self { is_remembered: true, ..Self::invalid(message).code(code) }
    }

    /// 404 for the object that the path names.
    pub fn not_found(kind: &str, id: &str) -> Self {
        let param = if kind == "payment_intent" { "intent" } else { "id" };
        Self { status: StatusCode::NOT_FOUND, ..Self::unknown(kind, id, param) }
    }

    /// 400 for an object that a parameter names.
    pub fn unknown(kind: &str, id: &str, param: &str) -> Self {
        Self::invalid_param(param, format!("No such {kind}: '{id}'")).code("resource_missing")
    }

    /// 401: no key.
    pub fn unauthenticated() -> Self {
        let message = "You did not provide an API key. You need to provide your API key in the Authorization header, \
                       using Bearer auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY').";
        Self::new(StatusCode::UNAUTHORIZED, "invalid_request_error", message)
    }

    /// 401: a key that is none of ours. Only its last four characters are repeated.
    pub fn unknown_key(key: &str) -> Self {
        let shown: Vec<char> = key.chars().collect();
        let shown: String = shown.iter().skip(shown.len().saturating_sub(4)).collect();
        let message = format!("Invalid API Key provided: ****{shown}");
        Self::new(StatusCode::UNAUTHORIZED, "invalid_request_error", message)
    }

    /// 401: a publishable key where a secret key is needed.
    pub fn secret_key_required() -> Self {
        let message = "This API call cannot be made with a publishable API key. Please use a secret API key.";
        Self::new(StatusCode::UNAUTHORIZED, "invalid_request_error", message).code("secret_key_required")
    }

    /// 404: no such route.
    pub fn unknown_url(method: &str, path: &str) -> Self {
        let message = format!("Unrecognized request URL ({method}: {path}).");
        Self::new(StatusCode::NOT_FOUND, "invalid_request_error", message)
    }

    /// 400: an idempotency key met another request than its first.
    pub fn other_request(key: &str) -> Self {
        let message = format!(
            "Keys for idempotent requests can only be used with the same parameters they were first used with. \
             Try using a key other than '{key}' if you meant to execute a different request."
        );
        Self::new(StatusCode::BAD_REQUEST, "idempotency_error", message)
    }

    /// 402: the bank or the shopper said no.
    pub fn card(code: &str, decline_code: Option<&str>, message: &str) -> Self {
        let failure = Self::new(StatusCode::PAYMENT_REQUIRED, "card_error", message).code(code);
        let failure = Self { is_remembered: true, ..failure };
        match decline_code {
            Some(decline_code) => failure.with("decline_code", decline_code),
            None => failure,
        }
    }

    /// What an injected fault answers.
    pub fn injected(status: StatusCode) -> Self {
        match status {
            StatusCode::TOO_MANY_REQUESTS => {
                let message = "Request rate limit exceeded. You can learn more about rate limits here \
                               https://stripe.com/docs/rate-limits.";
                Self::new(status, "invalid_request_error", message).code("rate_limit")
            }
            StatusCode::CONFLICT => {
                let message = "There is currently another in-progress request using this Idempotency-Key.";
                Self::new(status, "idempotency_error", message).code("idempotency_key_in_use")
            }
            status if status.is_client_error() => {
                Self::new(status, "invalid_request_error", "The request was refused.")
            }
            status => Self::new(status, "api_error", "An unknown error occurred."),
        }
    }

    /// Adds the error's code.
    #[must_use]
    pub fn code(self, code: &str) -> Self {
        self.with("code", code)
            .with("doc_url", format!("https://stripe.com/docs/error-codes/{}", code.replace('_', "-")))
    }

    /// Adds a field of the error object.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.error.insert(name.to_owned(), value.into());
        self
    }

    /// The error object, as `last_payment_error` repeats it.
    pub fn object(&self) -> Value {
        Value::Object(self.error.clone())
    }

    /// The body of the answer.
    pub fn body(&self) -> Value {
        json!({ "error": self.error })
    }
}

impl From<StateError> for Failure {
    fn from(error: StateError) -> Self {
        tracing::error!(error = &error as &dyn std::error::Error, "the fake Stripe's state failed");
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "api_error", "The state file failed; see the log.")
    }
}
