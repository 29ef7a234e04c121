//! A push service for web pages, as browsers have one: it hands out subscriptions, takes pushes in, and checks them
//! as strictly as the strictest of the real ones does.
//!
//! What a browser's `PushManager.subscribe` comes to is `POST /subscriptions`; a push goes to the endpoint that this
//! answers with (RFC 8030), says who sends it ([`authorization`], RFC 8292) and is encrypted for that one subscription
//! ([`encryption`], RFC 8291). What arrives is decrypted, as the browser would, and kept in the outbox.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use axum::{
    Json, Router,
    body::Bytes,
    extract::{Path, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
    routing::{post, put},
};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde_json::Value;

use crate::{
    aws::{
        Severed,
        request::{Call, Service},
        sever, under_faults,
    },
    clock::TurnableClock,
    control::problem::{Problem, parse},
    faults::Faults,
    meter::Meter,
    outbox::{Message, Outbox},
    state::{StateError, Store},
};

pub mod authorization;
pub mod encryption;
pub mod keys;
mod push;
mod subscription;

use push::Push;
use subscription::{Answers, NewSubscription, ScriptedAnswer, Subscription, SubscriptionView};

/// Where it is, on the port of the HTTP API.
pub const PATH: &str = "/_local/push";

const NAMESPACE: &str = "push/subscriptions";

/// The push service. Clones share it.
#[derive(Clone)]
pub struct PushService(Arc<Inner>);

struct Inner {
    store: Store,
    clock: TurnableClock,
    outbox: Outbox,
    faults: Arc<Faults>,
    meter: Arc<Meter>,
    /// Scheme, host and port of the endpoints: what a sender's token must be made out to.
    origin: String,
    /// The function that sends pushes; they do not say so themselves.
    sender: String,
}

/// Why a push is not taken.
#[derive(Debug, PartialEq, Eq)]
pub struct Refused(pub StatusCode, pub String);

impl PushService {
    /// A push service at `origin`; what arrives goes into `outbox`, in the name of the function `sender`.
    pub fn new(
        (store, clock): (Store, TurnableClock),
        outbox: Outbox,
        (faults, meter): (Arc<Faults>, Arc<Meter>),
        origin: &str,
        sender: String,
    ) -> Self {
        let origin = origin.to_owned();
        Self(Arc::new(Inner { store, clock, outbox, faults, meter, origin, sender }))
    }

    /// The routes below [`PATH`].
    pub fn router(&self) -> Router {
        Router::new()
            .route("/subscriptions", post(subscribe))
            .route("/subscriptions/{token}", put(script).delete(unsubscribe))
            .route("/{token}", post(receive))
            .with_state(self.clone())
    }

    fn endpoint(&self, token: &str) -> String {
        format!("{}{PATH}/{token}", self.0.origin)
    }

    fn find(&self, token: &str) -> Result<Option<Subscription>, StateError> {
        self.0.store.get(NAMESPACE, token)
    }

    /// Checks a push, answers it as was asked for or else with 201, and keeps what is accepted.
    async fn take(&self, token: &str, headers: &HeaderMap, body: &[u8]) -> Result<Response, Refused> {
        let subscription = self.find(token)?.ok_or_else(|| Refused::new(404, "there is no such endpoint"))?;
        if subscription.is_ended {
            return Err(Refused::new(410, "the subscription has ended"));
        }
        let push = Push::read(headers, body)?;
        let now = self.0.clock.now();
        authorization::check(
            push.authorization.as_deref(),
            &self.0.origin,
            subscription.vapid_public_key.as_deref(),
            now,
        )?;
        let payload = subscription.decrypt(body)?;
        let scripted = self.next_answer(token)?;
        if let Some(delay) = scripted.as_ref().and_then(|answer| answer.delay_seconds) {
            tokio::time::sleep(Duration::from_secs_f64(delay)).await;
        }
        if let Some(refusal) = scripted.as_ref().filter(|answer| !(200..300).contains(&answer.status)) {
            return Ok(refusal.response());
        }
        let endpoint = self.endpoint(token);
        let id = self.0.outbox.send(push.kept(endpoint, payload.as_deref()))?;
        let location = format!("{}{PATH}/messages/{id}", self.0.origin);
        let mut response =
            scripted.map_or_else(|| StatusCode::CREATED.into_response(), |answer| answer.response());
        if let Ok(location) = HeaderValue::from_str(&location) {
            response.headers_mut().insert(header::LOCATION, location);
        }
        Ok(response)
    }

    fn next_answer(&self, token: &str) -> Result<Option<ScriptedAnswer>, StateError> {
        self.0.store.transaction(|writes| {
            let Some(mut subscription) = writes.get::<Subscription>(NAMESPACE, token)? else {
                return Ok(None);
            };
            let answer = subscription.answers.pop_front();
            if answer.is_some() {
                writes.put(NAMESPACE, token, &subscription)?;
            }
            Ok(answer)
        })
    }

    /// Changes a subscription, which must be there.
    fn change(
        &self,
        token: &str,
        change: impl FnOnce(&mut Subscription),
    ) -> Result<SubscriptionView, Problem> {
        let changed = self.0.store.transaction(|writes| {
            let Some(mut subscription) = writes.get::<Subscription>(NAMESPACE, token)? else {
                return Ok(None);
            };
            change(&mut subscription);
            writes.put(NAMESPACE, token, &subscription)?;
            Ok::<_, StateError>(Some(subscription.view(self.endpoint(token))))
        });
        changed?
            .ok_or_else(|| Problem::new(StatusCode::NOT_FOUND, "not_found", "there is no such subscription"))
    }
}

type Served = State<PushService>;

async fn subscribe(State(service): Served, body: Bytes) -> Result<Json<SubscriptionView>, Problem> {
    let asked: NewSubscription = parse(if body.is_empty() { b"{}" } else { &body })?;
    let subscription = Subscription::new(asked).map_err(Problem::invalid)?;
    let token = BASE64_URL_SAFE_NO_PAD.encode(rand::random::<[u8; 24]>());
    service.0.store.put(NAMESPACE, &token, &subscription)?;
    Ok(Json(subscription.view(service.endpoint(&token))))
}

/// The next pushes to this subscription are answered so, in order; after that all is well again.
async fn script(
    State(service): Served,
    Path(token): Path<String>,
    body: Bytes,
) -> Result<Json<SubscriptionView>, Problem> {
    let Answers { answers } = parse(&body)?;
    Ok(Json(service.change(&token, |subscription| subscription.answers = answers)?))
}

/// The browser's `PushSubscription.unsubscribe`: pushes are answered with 410 from now on.
async fn unsubscribe(
    State(service): Served,
    Path(token): Path<String>,
) -> Result<Json<SubscriptionView>, Problem> {
    Ok(Json(service.change(&token, |subscription| subscription.is_ended = true)?))
}

async fn receive(
    State(service): Served,
    Path(token): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let call = Call {
        service: Service::Push,
        operation: "Send".to_owned(),
        tables: Vec::new(),
        function: service.0.sender.clone(),
        acts: 0,
    };
    let act = async {
        let taken = service.take(&token, &headers, &body).await;
        taken.unwrap_or_else(IntoResponse::into_response)
    };
    let answer = under_faults(&service.0.faults, &call, act).await;
    service.0.meter.record(&call, &BTreeMap::new());
    answer.unwrap_or_else(|Severed| sever())
}

impl Refused {
    fn new(status: u16, why: impl Into<String>) -> Self {
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        Self(status, why.into())
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        (self.0, self.1).into_response()
    }
}

impl From<StateError> for Refused {
    fn from(error: StateError) -> Self {
        tracing::error!(error = &error as &dyn std::error::Error, "the state file failed");
        Self(StatusCode::INTERNAL_SERVER_ERROR, "the push service failed".to_owned())
    }
}

/// A payload as the page's service worker would see it: JSON if it is JSON, text if it is text.
fn shown(payload: &[u8]) -> Value {
    serde_json::from_slice(payload).unwrap_or_else(|_| String::from_utf8_lossy(payload).into_owned().into())
}
