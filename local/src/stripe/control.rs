//! What a test asks of the fake that nobody can ask of Stripe.

use axum::{
    Json,
    body::Bytes,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};

use super::{FakeStripe, Fault, Misbehaviour, operations::Operation, wire::Answer};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Authentication {
    payment_intent: String,
    #[serde(default)]
    outcome: Authenticity,
}

/// What the shopper did at the bank's page.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Authenticity {
    #[default]
    Success,
    Failure,
}

/// `POST /authenticate {payment_intent, outcome}`: the shopper answers the bank's challenge.
pub async fn authenticate(State(stripe): State<FakeStripe>, body: Bytes) -> Response {
    let asked: Authentication = match parse(&body) {
        Ok(asked) => asked,
        Err(refusal) => return *refusal,
    };
    let is_authentic = asked.outcome == Authenticity::Success;
    let answer = stripe.authenticate(&asked.payment_intent, is_authentic);
    let Answer { status, body } = answer.unwrap_or_else(|failure| Answer::refused(&failure));
    (status, Json(body)).into_response()
}

/// `GET /webhooks`: how they misbehave.
pub async fn misbehaviour(State(stripe): State<FakeStripe>) -> Json<Misbehaviour> {
    Json(stripe.misbehaviour())
}

/// `POST /webhooks`: how they misbehave from now on.
pub async fn misbehave(State(stripe): State<FakeStripe>, body: Bytes) -> Response {
    match parse::<Misbehaviour>(&body) {
        Ok(asked) if !(0.0..=1.0).contains(&asked.rate) => refuse("rate must lie between 0 and 1"),
        Ok(asked) => {
            stripe.misbehave(asked.clone());
            Json(asked).into_response()
        }
        Err(refusal) => *refusal,
    }
}

/// `DELETE /webhooks`: they behave again.
pub async fn behave(State(stripe): State<FakeStripe>) -> Json<Misbehaviour> {
    stripe.misbehave(Misbehaviour::default());
    Json(stripe.misbehaviour())
}

/// `GET /faults`: those that have not struck out yet.
pub async fn faults(State(stripe): State<FakeStripe>) -> Json<Value> {
    Json(json!({ "faults": stripe.faults() }))
}

/// `POST /faults`: lets requests go wrong.
pub async fn inject(State(stripe): State<FakeStripe>, body: Bytes) -> Response {
    match parse::<Fault>(&body) {
        Ok(fault) if fault.operation != "*" && !Operation::is_known(&fault.operation) => {
            refuse(&format!("no operation is called {}; try payment_intents.create or *", fault.operation))
        }
        Ok(fault) if !(400..=599).contains(&fault.status) => refuse("status must lie between 400 and 599"),
        Ok(fault) => {
            stripe.inject(fault);
            faults(State(stripe)).await.into_response()
        }
        Err(refusal) => *refusal,
    }
}

/// `DELETE /faults`: all is well again.
pub async fn clear_faults(State(stripe): State<FakeStripe>) -> Json<Value> {
    stripe.clear_faults();
    faults(State(stripe)).await
}

/// `GET /requests`: how often each operation was asked for.
pub async fn requests(State(stripe): State<FakeStripe>) -> Json<Value> {
    Json(json!({ "requests": stripe.requests() }))
}

/// `DELETE /requests`: counts from nought.
pub async fn reset_requests(State(stripe): State<FakeStripe>) -> Json<Value> {
    stripe.reset_requests();
    requests(State(stripe)).await
}

/// Reads a body whatever its content type says: these routes are called by hand.
fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, Box<Response>> {
    serde_json::from_slice(body).map_err(|error| Box::new(refuse(&error.to_string())))
}

fn refuse(why: &str) -> Response {
    (StatusCode::BAD_REQUEST, Json(json!({ "error": { "message": why } }))).into_response()
}
