//! `/_local/*`: what one asks of a local cloud and cannot ask of AWS. It exists in this crate only.
//!
//! Whoever can reach these routes can make tokens, so they answer only to this machine ([`guard`]).

mod guard;
mod page;
mod people;
pub(crate) mod problem;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use axum::{
    Json, Router,
    body::Bytes,
    extract::{Query, State, rejection::QueryRejection},
    http::StatusCode,
    middleware,
    routing::{get, post, put},
};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    aws,
    cloud::{Cloud, StillBusy, Token, TokenFor},
    faults::Fault,
    meter::Requests,
    outbox::Sent,
    stripe,
    websocket_api::Counts,
};

use problem::{Problem, parse};

/// How far the clock can be turned at once: ten years.
const FARTHEST: u32 = 10 * 366 * 24 * 60 * 60;

/// The most messages of one look into the outbox.
const OUTBOX_PAGE: usize = 1_000;

/// The routes below `/_local`.
pub(crate) fn router(cloud: &Arc<Cloud>) -> Router {
    let control = Arc::new(Control { cloud: Arc::clone(cloud), since: Mutex::default() });
    let not_found = async || Problem::new(StatusCode::NOT_FOUND, "not_found", "there is no such control");
    let not_allowed =
        async || Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", "not with this method");
    Router::new()
        .route("/", get(page::show))
        .route("/clock", get(read_clock).post(turn_clock))
        .route("/faults", get(list_faults).post(add_fault).delete(clear_faults))
        .route("/requests", get(read_requests).delete(reset_requests))
        .route("/requests/reset", post(reset_requests))
        .route("/outbox", get(read_outbox).delete(clear_outbox))
        .route("/sockets", post(post_to_sockets))
        .route("/token", post(make_token))
        .route("/aws", get(read_aws))
        .route("/idle", get(wait_for_rest))
        .route("/rerelay", post(publish_again))
        .route("/devices", put(people::set_device))
        .route("/mail/{id}/events", post(people::befall_mail))
        .route("/sms/replies", post(people::answer_text))
        .fallback(not_found)
        .method_not_allowed_fallback(not_allowed)
        .with_state(control)
        .nest("/stripe", stripe::router(cloud.stripe.clone()))
        .nest("/push", cloud.push.router())
        .layer(middleware::from_fn(guard::admit))
}

struct Control {
    cloud: Arc<Cloud>,
    since: Mutex<Since>,
}

/// What had been counted at the last reset, of what counts from the start.
#[derive(Default)]
struct Since {
    invocations: BTreeMap<String, u64>,
    sockets: Option<Counts>,
}

type Controlled = State<Arc<Control>>;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Turn {
    advance_seconds: u32,
}

#[derive(Serialize)]
struct Shown {
    now: Timestamp,
}

async fn read_clock(State(control): Controlled) -> Json<Shown> {
    let now = control.cloud.clock.now();
    Json(Shown { now })
}

async fn turn_clock(State(control): Controlled, body: Bytes) -> Result<Json<Shown>, Problem> {
    let Turn { advance_seconds } = parse(&body)?;
    if advance_seconds > FARTHEST {
        let text = format!("advance_seconds: expected at most {FARTHEST}");
        return Err(Problem::invalid(text));
    }
    // A task of its own: a clock that is being turned is turned to the end, also if the asker leaves.
    let by = SignedDuration::from_secs(i64::from(advance_seconds));
    let turning = tokio::spawn(async move { control.cloud.advance(by).await });
    let now = turning.await.map_err(|_| Problem::broken())??;
    Ok(Json(Shown { now }))
}

async fn list_faults(State(control): Controlled) -> Json<Value> {
    Json(json!({ "faults": control.cloud.aws.faults.list() }))
}

async fn add_fault(state: Controlled, body: Bytes) -> Result<Json<Value>, Problem> {
    let fault: Fault = parse(&body)?;
    state.cloud.aws.faults.add(fault);
    Ok(list_faults(state).await)
}

async fn clear_faults(state: Controlled) -> Json<Value> {
    state.cloud.aws.faults.clear();
    list_faults(state).await
}

/// All that was counted since the last reset.
#[derive(Serialize)]
struct Counted {
    #[serde(flatten)]
    requests: Requests,
    /// By function.
    invocations: BTreeMap<String, u64>,
    sockets: SocketCounts,
}

#[derive(Serialize)]
struct SocketCounts {
    open: usize,
    received: u64,
    posted: u64,
    events: u64,
    answered: u64,
}

async fn read_requests(State(control): Controlled) -> Json<Counted> {
    let cloud = &control.cloud;
    let since = control.since.lock().unwrap_or_else(PoisonError::into_inner);
    let before = |function: &String| since.invocations.get(function).copied().unwrap_or(0);
    let mut invocations = cloud.lambda.invocations();
    for (function, count) in &mut invocations {
        *count = count.saturating_sub(before(function));
    }
    let (now, then) = (cloud.sockets.counts(), since.sockets);
    let less =
        |now: u64, then: fn(&Counts) -> u64, since: Option<Counts>| now - since.as_ref().map_or(0, then);
    Json(Counted {
        requests: cloud.aws.meter.snapshot(),
        invocations,
        sockets: SocketCounts {
            open: now.open,
            received: less(now.received, |counts| counts.received, then),
            posted: less(now.posted, |counts| counts.posted, then),
            events: less(now.events, |counts| counts.events, then),
            answered: less(now.answered, |counts| counts.answered, then),
        },
    })
}

async fn reset_requests(state: Controlled) -> Json<Counted> {
    let cloud = &state.cloud;
    cloud.aws.meter.reset();
    *state.since.lock().unwrap_or_else(PoisonError::into_inner) =
        Since { invocations: cloud.lambda.invocations(), sockets: Some(cloud.sockets.counts()) };
    read_requests(state).await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OutboxQuery {
    /// Only what was sent after the message with this id.
    after: Option<String>,
    limit: Option<usize>,
}

#[derive(Serialize)]
struct OutboxView {
    messages: Vec<Sent>,
}

async fn read_outbox(
    State(control): Controlled,
    query: Result<Query<OutboxQuery>, QueryRejection>,
) -> Result<Json<OutboxView>, Problem> {
    let Query(query) = query.map_err(|rejection| Problem::invalid(rejection.body_text()))?;
    let limit = query.limit.unwrap_or(OUTBOX_PAGE).min(OUTBOX_PAGE);
    let messages = control.cloud.outbox.list(query.after.as_deref(), limit)?;
    Ok(Json(OutboxView { messages }))
}

async fn clear_outbox(State(control): Controlled) -> Result<Json<Value>, Problem> {
    Ok(Json(json!({ "forgotten": control.cloud.outbox.clear()? })))
}

async fn make_token(State(control): Controlled, body: Bytes) -> Result<Json<Token>, Problem> {
    let whom: TokenFor = parse(&body)?;
    Ok(Json(control.cloud.tokens.issue(&whom)?))
}

/// Where AWS answers, for whoever asks it for something as the functions do.
async fn read_aws(State(control): Controlled) -> Json<Value> {
    Json(json!({ "endpoint": control.cloud.aws_url, "region": aws::REGION, "account": aws::ACCOUNT }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SinceWhen {
    since: Timestamp,
}

async fn publish_again(State(control): Controlled, body: Bytes) -> Result<Json<Value>, Problem> {
    let SinceWhen { since } = parse(&body)?;
    match control.cloud.rerelay(since).await {
        Ok(published) => Ok(Json(json!({ "published": published }))),
        Err(error) => Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, "not_published", error.to_string())),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Posts {
    text: String,
    #[serde(default = "once")]
    times: u32,
}

const fn once() -> u32 {
    1
}

/// Tells every open socket something, as no function can: without a request for each. What that takes is the gateway's own.
async fn post_to_sockets(State(control): Controlled, body: Bytes) -> Result<Json<Value>, Problem> {
    let Posts { text, times } = parse(&body)?;
    let posted: usize = (0..times).map(|_| control.cloud.sockets.post_to_all(&text)).sum();
    Ok(Json(json!({ "posted": posted })))
}

async fn wait_for_rest(State(control): Controlled) -> Result<Json<Value>, Problem> {
    control.cloud.drive.idle().await?;
    Ok(Json(json!({ "idle": true })))
}

impl From<StillBusy> for Problem {
    fn from(busy: StillBusy) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "still_busy", busy.to_string())
    }
}
