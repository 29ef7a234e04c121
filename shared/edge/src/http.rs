//! What stands around every HTTP route: the gate before it, the border after it.

use std::{sync::Arc, time::Instant};

use app::{Clock, Error, Settings, limits::Limits};
use axum::{
    Router,
    extract::{MatchedPath, Request},
    http::{HeaderMap, HeaderName, HeaderValue, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
};
use contract::ErrorCode;
use lambda_http::{RequestExt, request::RequestContext};

use crate::{
    Failure,
    auth::Authenticator,
    problem,
    telemetry::{Emitter, RequestMetric},
};

/// What stands before every route.
pub struct Gate {
    /// Tells who is asking.
    pub authenticator: Authenticator,
    /// Counts what costs money.
    pub limits: Limits,
    /// What the deployment says about itself.
    pub settings: Arc<Settings>,
    /// A request that takes longer is worth a warning.
    pub slow_after: std::time::Duration,
    /// The time.
    pub clock: Clock,
    /// Where metrics go.
    pub emitter: Emitter,
}

/// Where a request comes from.
#[derive(Debug, Clone, Default)]
pub struct Source {
    /// The address that API Gateway saw.
    pub address: String,
    /// The host that was asked.
    pub host: Option<String>,
    /// The name under which the logs know the request.
    pub request_id: String,
}

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const RESPONSE_TIME: HeaderName = HeaderName::from_static("x-response-time");

/// Puts the gate before `routes` and the border behind them.
pub fn serve(routes: Router, gate: Arc<Gate>) -> Router {
    let no_method =
        || async { Failure::from(Error::invalid(ErrorCode::MethodNotAllowed, "not with this method")) };
    routes
        .fallback(|| async { Failure::from(Error::NotFound) })
        .method_not_allowed_fallback(no_method)
        .layer(middleware::from_fn(move |request, next| border(gate.clone(), request, next)))
}

fn source_of(request: &Request) -> Source {
    match request.extensions().get::<RequestContext>() {
        Some(RequestContext::ApiGatewayV2(context)) => Source {
            address: context.http.source_ip.clone().unwrap_or_default(),
            host: context.domain_name.clone(),
            request_id: context.request_id.clone().unwrap_or_default(),
        },
        _ => Source::default(),
    }
}

/// Whether a path is one that this API could have. API Gateway hands paths over decoded, and what reads them next
/// would take `..`, `?` and `%` for more than text: all of ours are letters, digits, `_`, `-` and `.`.
fn is_plain(path: &str) -> bool {
    let is_step = |step: &str| {
        let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
        !step.starts_with('.') && step.bytes().all(is_allowed)
    };
    path.split('/').all(is_step)
}

/// What is wrong is said as a page, in one of these languages.
#[derive(Debug, Clone)]
struct AsPage {
    languages: String,
}

/// Stands before routes that people open in a browser: what is wrong there is said as a page, unless something other than
/// a browser asks.
pub async fn for_people(request: Request, next: Next) -> Response {
    let page = as_page(request.headers());
    let mut response = next.run(request).await;
    if let Some(page) = page {
        response.extensions_mut().insert(page);
    }
    response
}

fn as_page(headers: &HeaderMap) -> Option<AsPage> {
    let asks = |name| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let is_browser = asks(header::ACCEPT).contains("text/html") && !asks(header::ACCEPT).contains("json");
    is_browser.then(|| AsPage { languages: asks(header::ACCEPT_LANGUAGE).to_owned() })
}

/// Lets one request through and sees what comes back: errors become problem documents, all is measured.
async fn border(gate: Arc<Gate>, mut request: Request, next: Next) -> Response {
    let started = Instant::now();
    let source = source_of(&request);
    let request_id = source.request_id.clone();
    let method = request.method().clone();
    let route = request
        .extensions()
        .get::<MatchedPath>()
        .map_or_else(|| "none".into(), |path| path.as_str().to_owned());
    let is_plain = is_plain(request.raw_http_path());
    request.extensions_mut().insert(source);
    request.extensions_mut().insert(gate.clone());
    let mut response = match is_plain {
        true => next.run(request).await,
        false => Failure::from(Error::NotFound).into_response(),
    };
    if let Some(Failure(error)) = response.extensions().get::<Failure>().cloned() {
        problem::log(&error, &request_id);
        response = match response.extensions().get::<AsPage>() {
            Some(AsPage { languages }) => problem::page(&error, &gate.settings.shop_name, languages),
            None => problem::respond(&error, &request_id),
        };
    }
    let took = started.elapsed();
    let duration_ms = took.as_secs_f64() * 1_000.0;
    if took > gate.slow_after {
        tracing::warn!(request_id, %method, route, duration_ms, "a slow request");
    }
    let status = response.status().as_u16();
    tracing::debug!(request_id, %method, route, status, duration_ms, "a request");
    gate.emitter
        .emit(&RequestMetric { route: format!("{method} {route}"), status, duration_ms }, gate.clock.now());
    let headers = response.headers_mut();
    if let Ok(value) = HeaderValue::from_str(&request_id) {
        headers.insert(REQUEST_ID, value);
    }
    if let Ok(value) = HeaderValue::from_str(&format!("{duration_ms:.1}ms")) {
        headers.insert(RESPONSE_TIME, value);
    }
    response.into_response()
}
