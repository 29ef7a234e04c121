//! The start page: where everything is, a token, and what was sent.

use std::sync::Arc;

use axum::{extract::State, http::header, response::IntoResponse};

use super::Control;

const PAGE: &str = include_str!("page.html");

/// Only what is in the page itself runs, and nothing but this machine is asked.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// `GET /_local`
pub(super) async fn show(State(control): State<Arc<Control>>) -> impl IntoResponse {
    let cloud = &control.cloud;
    let page = PAGE.replace("{http}", &cloud.http_url).replace("{ws}", &cloud.ws_url);
    let headers =
        [(header::CONTENT_TYPE, "text/html; charset=utf-8"), (header::CONTENT_SECURITY_POLICY, POLICY)];
    (headers, page)
}
