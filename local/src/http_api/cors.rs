//! CORS as API Gateway does it: it answers preflights itself, and its headers replace whatever a function sets.

use axum::{
    body::Body,
    extract::Request,
    http::{HeaderName, HeaderValue, Method, StatusCode, header},
    response::Response,
};

use crate::template::Cors;

/// What a function may not say for itself once CORS is configured.
const CORS_HEADERS: [HeaderName; 6] = [
    header::ACCESS_CONTROL_ALLOW_ORIGIN,
    header::ACCESS_CONTROL_ALLOW_CREDENTIALS,
    header::ACCESS_CONTROL_ALLOW_HEADERS,
    header::ACCESS_CONTROL_ALLOW_METHODS,
    header::ACCESS_CONTROL_EXPOSE_HEADERS,
    header::ACCESS_CONTROL_MAX_AGE,
];

/// Whether a browser asks what it may do.
pub fn is_preflight(request: &Request) -> bool {
    request.method() == Method::OPTIONS
        && request.headers().contains_key(header::ORIGIN)
        && request.headers().contains_key(header::ACCESS_CONTROL_REQUEST_METHOD)
}

/// The answer to a preflight. A stranger gets the same status, and no permission.
pub fn preflight(cors: &Cors, origin: Option<&HeaderValue>) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    let Some(allowed) = allowed_origin(cors, origin) else {
        return response;
    };
    let max_age = cors.max_age.map(|seconds| seconds.to_string()).unwrap_or_default();
    let texts = [
        (header::ACCESS_CONTROL_ALLOW_METHODS, cors.methods.join(",")),
        (header::ACCESS_CONTROL_ALLOW_HEADERS, cors.headers.join(",")),
        (header::ACCESS_CONTROL_MAX_AGE, max_age),
    ];
    for (name, text) in texts {
        insert(&mut response, name, &text);
    }
    permit(cors, allowed, &mut response);
    response
}

/// Adds to a response what the page at `origin` needs in order to read it, and takes away what a function said.
pub fn allow(cors: &Cors, origin: Option<&HeaderValue>, response: &mut Response) {
    if cors.origins.is_empty() {
        return;
    }
    for name in CORS_HEADERS {
        response.headers_mut().remove(name);
    }
    if let Some(allowed) = allowed_origin(cors, origin) {
        insert(response, header::ACCESS_CONTROL_EXPOSE_HEADERS, &cors.exposed.join(","));
        permit(cors, allowed, response);
    }
}

fn permit(cors: &Cors, allowed: HeaderValue, response: &mut Response) {
    response.headers_mut().insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, allowed);
    if cors.credentials {
        insert(response, header::ACCESS_CONTROL_ALLOW_CREDENTIALS, "true");
    }
}

/// What `Access-Control-Allow-Origin` says to `origin`, if it may read answers.
fn allowed_origin(cors: &Cors, origin: Option<&HeaderValue>) -> Option<HeaderValue> {
    let origin = origin?;
    let text = origin.to_str().ok()?;
    if cors.origins.iter().any(|allowed| allowed == "*") {
        return Some(HeaderValue::from_static("*"));
    }
    // `https://*` is every page of that scheme.
    let is_allowed = |allowed: &String| match allowed.strip_suffix("://*") {
        Some(scheme) => text.split_once("://").is_some_and(|(own, _)| own.eq_ignore_ascii_case(scheme)),
        None => allowed.eq_ignore_ascii_case(text),
    };
    cors.origins.iter().any(is_allowed).then(|| origin.clone())
}

fn insert(response: &mut Response, name: HeaderName, text: &str) {
    if text.is_empty() {
        return;
    }
    match HeaderValue::from_str(text) {
        Ok(value) => {
            response.headers_mut().insert(name, value);
        }
        Err(error) => tracing::warn!(%name, %error, "CorsConfiguration holds what no header can"),
    }
}
