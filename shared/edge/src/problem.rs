//! Errors as they leave: one exhaustive mapping to status, code, retry and log level.

use app::{
    Error,
    notifications::pages::{DeadEnd, dead_end},
};
use axum::{
    body::Body,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use contract::{
    ErrorCode, Problem,
    frames::{FrameError, Reply},
};

use crate::HtmlPage;

/// An error on its way out. The request's middleware turns it into a problem document, once, and logs it.
#[derive(Debug, Clone)]
pub struct Failure(pub std::sync::Arc<Error>);

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self(std::sync::Arc::new(error))
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = status(&self.0);
        response.extensions_mut().insert(self);
        response
    }
}

/// The status of an error.
pub fn status(error: &Error) -> StatusCode {
    match error {
        Error::Invalid { code, .. } => match code {
            ErrorCode::IdempotencyMismatch | ErrorCode::CurrencyMismatch | ErrorCode::UnsupportedCurrency => {
                StatusCode::UNPROCESSABLE_ENTITY
            }
            ErrorCode::PayloadTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            ErrorCode::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            _ => StatusCode::BAD_REQUEST,
        },
        Error::Unauthenticated => StatusCode::UNAUTHORIZED,
        Error::Forbidden => StatusCode::FORBIDDEN,
        Error::NotFound => StatusCode::NOT_FOUND,
        Error::Conflict { .. } => StatusCode::CONFLICT,
        Error::Limited { .. } => StatusCode::TOO_MANY_REQUESTS,
        Error::Unavailable { .. } => StatusCode::SERVICE_UNAVAILABLE,
        Error::Internal { .. } => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

fn code(error: &Error) -> ErrorCode {
    match error {
        Error::Invalid { code, .. } | Error::Conflict { code, .. } => *code,
        Error::Unauthenticated => ErrorCode::Unauthenticated,
        Error::Forbidden => ErrorCode::Forbidden,
        Error::NotFound => ErrorCode::NotFound,
        Error::Limited { .. } => ErrorCode::RateLimited,
        Error::Unavailable { .. } => ErrorCode::UpstreamUnavailable,
        Error::Internal { .. } => ErrorCode::InternalError,
    }
}

/// What a client may read: of our own failures no more than that there was one.
fn detail(error: &Error) -> String {
    match error {
        Error::Internal { .. } => "something went wrong on our side".into(),
        Error::Unavailable { .. } => "something this depends on did not answer; try again".into(),
        other => other.to_string(),
    }
}

/// Milliseconds until it makes sense to try again.
fn retry_after_ms(error: &Error) -> Option<u64> {
    match error {
        Error::Limited { retry_after } => u64::try_from(retry_after.as_millis()).ok().map(|ms| ms.max(1)),
        Error::Unavailable { .. } => Some(1_000),
        _ => None,
    }
}

/// The problem document of an error.
pub fn respond(error: &Error, request_id: &str) -> Response {
    let status = status(error);
    let (errors, items) = match error {
        Error::Invalid { errors, .. } => (errors.clone(), vec![]),
        Error::Conflict { shortage, .. } => (vec![], shortage.clone()),
        _ => (vec![], vec![]),
    };
    let problem = Problem {
        kind: "about:blank".into(),
        title: status.canonical_reason().unwrap_or("Error").into(),
        status: status.as_u16(),
        code: code(error),
        detail: detail(error),
        request_id: request_id.into(),
        errors,
        success: (!items.is_empty()).then_some(false),
        items,
    };
    let body = serde_json::to_vec(&problem).unwrap_or_default();
    let mut headers =
        HeaderMap::from_iter([(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"))]);
    hint(error, &mut headers);
    (status, headers, body).into_response()
}

/// Says when to come again, and how to say who one is.
fn hint(error: &Error, headers: &mut HeaderMap) {
    if let Some(ms) = retry_after_ms(error) {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(ms.div_ceil(1_000)));
    }
    if status(error) == StatusCode::UNAUTHORIZED {
        headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
}

/// The same as a page for people. What is wrong in particular helps nobody who only followed a link.
pub fn page(error: &Error, shop_name: &str, languages: &str) -> Response {
    let why = match error {
        Error::Limited { .. } | Error::Unavailable { .. } | Error::Internal { .. } => DeadEnd::NotNow,
        _ => DeadEnd::NoLink,
    };
    let mut response = HtmlPage(dead_end(shop_name, languages, why)).into_response();
    *response.status_mut() = status(error);
    hint(error, response.headers_mut());
    response
}

/// The frame that tells a client on a socket.
pub fn frame(error: &Error, reply_to: Option<String>) -> Reply {
    let error =
        FrameError { code: code(error), message: detail(error), retry_after_ms: retry_after_ms(error) };
    Reply::Error { reply_to, error }
}

/// Logs a failure, at the border, once: ours as an error, everything else as a matter of course.
pub fn log(error: &Error, request_id: &str) {
    match error {
        Error::Internal { .. } | Error::Unavailable { .. } => {
            let causes = std::iter::successors(std::error::Error::source(error), |cause| cause.source());
            let cause = causes.map(ToString::to_string).collect::<Vec<_>>().join(": ");
            tracing::error!(request_id, %error, cause, "a request failed");
        }
        _ => tracing::info!(request_id, code = ?code(error), "a request was refused"),
    }
}
