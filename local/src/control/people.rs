//! What people and their machines do with what is sent to them: mail that comes back, answers to text messages,
//! telephones whose app was removed.

use axum::{
    Json,
    body::Bytes,
    extract::{Path, State},
    http::StatusCode,
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Controlled, Problem, parse};
use crate::{aws::wire::Refusal, ses::events::Fate, sns::Reply};

/// The body of `PUT /devices`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Device {
    token: String,
    /// Whether SNS sends to it.
    is_enabled: Option<bool>,
    /// Whether Google or Apple can reach it.
    is_known: Option<bool>,
}

/// Something becomes of a mail, and SES tells of it.
pub(super) async fn befall_mail(
    State(control): Controlled,
    Path(id): Path<String>,
    body: Bytes,
) -> Result<Json<Value>, Problem> {
    let fate: Fate = parse(&body)?;
    let cloud = &control.cloud;
    let mail = cloud.outbox.find(&id)?.ok_or_else(|| not_found("there is no such mail in the outbox"))?;
    let told = cloud.aws.ses.befall(&mail, fate)?;
    let nobody = "nobody is told: it was sent without a configuration set that tells of this";
    Ok(Json(told.ok_or_else(|| Problem::new(StatusCode::CONFLICT, "not_told", nobody))?))
}

/// Somebody answers a text message.
pub(super) async fn answer_text(State(control): Controlled, body: Bytes) -> Result<Json<Value>, Problem> {
    let reply: Reply = parse(&body)?;
    Ok(Json(control.cloud.aws.sns.receive_reply(&reply)?))
}

/// A device's app is removed, or comes back.
pub(super) async fn set_device(State(control): Controlled, body: Bytes) -> Result<Json<Value>, Problem> {
    let Device { token, is_enabled, is_known } = parse(&body)?;
    let sns = &control.cloud.aws.sns;
    if let Some(is_known) = is_known {
        sns.know_device(&token, is_known)?;
    }
    if let Some(is_enabled) = is_enabled
        && sns.enable_device(&token, is_enabled)? == 0
    {
        return Err(not_found("no endpoint has this token"));
    }
    Ok(Json(json!({ "token": token, "is_enabled": is_enabled, "is_known": is_known })))
}

fn not_found(what: &str) -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "not_found", what)
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        if refusal.status.is_server_error() {
            tracing::error!(code = refusal.code, message = refusal.message, "a service failed");
            return Self::broken();
        }
        Self::invalid(refusal.message)
    }
}
