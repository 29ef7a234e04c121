//! What handlers return when all went well.

use axum::{
    Json,
    http::StatusCode,
    response::{Html, IntoResponse, Response},
};
use serde::Serialize;

use crate::Failure;

/// What a handler returns.
pub type Answer<T> = Result<T, Failure>;

/// 200 and a body.
#[derive(Debug)]
pub struct Ok200<T>(pub T);

/// 201 and what was made.
#[derive(Debug)]
pub struct Created<T>(pub T);

/// 201 and what was made, or 200 and what was there.
#[derive(Debug)]
pub struct CreatedOrFound<T>(pub T, pub bool);

/// 200 and the thing, as JSON or as text.
#[derive(Debug)]
pub enum Written<T> {
    /// As JSON.
    Json(T),
    /// As text.
    Text(String),
}

impl<T> Written<T> {
    /// As text if that is wanted.
    pub fn perhaps(thing: T, is_text: bool, as_text: impl FnOnce(&T) -> String) -> Self {
        if is_text { Self::Text(as_text(&thing)) } else { Self::Json(thing) }
    }
}

/// 202 and how far it has come.
#[derive(Debug)]
pub struct Accepted<T>(pub T);

/// 200 and a page for people, which loads nothing, runs nothing and is shown in no other page.
#[derive(Debug)]
pub struct HtmlPage(pub String);

/// 204.
#[derive(Debug)]
pub struct NoContent;

impl<T: Serialize> IntoResponse for Ok200<T> {
    fn into_response(self) -> Response {
        Json(self.0).into_response()
    }
}

impl<T: Serialize> IntoResponse for CreatedOrFound<T> {
    fn into_response(self) -> Response {
        let status = if self.1 { StatusCode::CREATED } else { StatusCode::OK };
        (status, Json(self.0)).into_response()
    }
}

impl<T: Serialize> IntoResponse for Written<T> {
    fn into_response(self) -> Response {
        match self {
            Self::Json(thing) => Json(thing).into_response(),
            Self::Text(text) => text.into_response(),
        }
    }
}

impl<T: Serialize> IntoResponse for Created<T> {
    fn into_response(self) -> Response {
        (StatusCode::CREATED, Json(self.0)).into_response()
    }
}

impl<T: Serialize> IntoResponse for Accepted<T> {
    fn into_response(self) -> Response {
        (StatusCode::ACCEPTED, Json(self.0)).into_response()
    }
}

/// What a page may load: its own style, and nothing else.
const PAGE_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

impl IntoResponse for HtmlPage {
    fn into_response(self) -> Response {
        let headers = [
            ("content-security-policy", PAGE_POLICY),
            // The address of the page is a key.
            ("referrer-policy", "no-referrer"),
            ("cache-control", "no-store"),
            ("x-content-type-options", "nosniff"),
        ];
        (headers, Html(self.0)).into_response()
    }
}

impl IntoResponse for NoContent {
    fn into_response(self) -> Response {
        StatusCode::NO_CONTENT.into_response()
    }
}
