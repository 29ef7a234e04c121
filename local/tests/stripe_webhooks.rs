//! The fake Stripe's webhooks: signed, sent at once, retried on the clock, badly behaved on request.
#![allow(
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "the whole file is test: a server, a client, and what they must say"
)]

mod stripe_world;

use std::sync::{Arc, Mutex, PoisonError};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode},
    routing::post,
};
use hmac::{Hmac, Mac};
use jiff::SignedDuration;
use local::{
    part::Part,
    state::Store,
    stripe::{Endpoint, FakeStripe},
};
use serde_json::{Value, json};
use sha2::Sha256;
use stripe_world::{World, serve, text};
use tokio::sync::mpsc;

/// A receiver of webhooks that answers what it is told to and reports what it got.
struct Receiver {
    url: String,
    answer: Arc<Mutex<StatusCode>>,
    got: mpsc::UnboundedReceiver<(String, Bytes)>,
}

impl Receiver {
    async fn new() -> Self {
        type Told = (Arc<Mutex<StatusCode>>, mpsc::UnboundedSender<(String, Bytes)>);
        async fn receive(State((answer, got)): State<Told>, headers: HeaderMap, body: Bytes) -> StatusCode {
            got.send((headers["stripe-signature"].to_str().unwrap().to_owned(), body)).unwrap();
            *answer.lock().unwrap_or_else(PoisonError::into_inner)
        }
        let answer = Arc::new(Mutex::new(StatusCode::OK));
        let (sender, got) = mpsc::unbounded_channel();
        let url =
            serve(Router::new().route("/hook", post(receive)).with_state((answer.clone(), sender))).await;
        Self { url: url + "/hook", answer, got }
    }

    fn endpoint(&self) -> Endpoint {
        Endpoint { url: self.url.clone(), secrets: vec!["whsec_old".to_owned(), "whsec_new".to_owned()] }
    }

    fn answers(&self, status: StatusCode) {
        *self.answer.lock().unwrap() = status;
    }

    async fn next(&mut self) -> Value {
        serde_json::from_slice(&self.got.recv().await.unwrap().1).unwrap()
    }

    fn all(&mut self) -> Vec<Value> {
        std::iter::from_fn(|| self.got.try_recv().ok())
            .map(|(_, body)| serde_json::from_slice(&body).unwrap())
            .collect()
    }
}

/// Lets deliveries under way come to their end.
async fn settled(stripe: &FakeStripe) {
    while stripe.is_busy() {
        tokio::task::yield_now().await;
    }
}

async fn creates(world: &World) -> String {
    let made = world.post("/v1/payment_intents", &[("amount", "100"), ("currency", "gbp")]).await;
    text(&made.body["id"])
}

#[tokio::test]
async fn webhooks_leave_at_once_signed_for_every_secret() {
    let (world, mut receiver) = (World::new().await, Receiver::new().await);
    world.stripe.deliver_to(Some(receiver.endpoint()));
    creates(&world).await;
    let (signature, body) = receiver.got.recv().await.unwrap();
    let time = world.clock.now().as_second();
    let mut expected = format!("t={time}");
    for secret in ["whsec_old", "whsec_new"] {
        let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
        mac.update(format!("{time}.").as_bytes());
        mac.update(&body);
        expected.extend([",v1=".to_owned(), hex::encode(mac.finalize().into_bytes())]);
    }
    assert_eq!(signature, expected);
    let event: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!((&event["type"], &event["pending_webhooks"]), (&json!("payment_intent.created"), &json!(1)));
    settled(&world.stripe).await;
    assert_eq!(world.get("/v1/events").await.body["data"][0]["pending_webhooks"], 0);
}

#[tokio::test]
async fn a_refused_webhook_is_retried_on_the_clock() {
    let (world, mut receiver) = (World::new().await, Receiver::new().await);
    world.stripe.deliver_to(Some(receiver.endpoint()));
    receiver.answers(StatusCode::INTERNAL_SERVER_ERROR);
    creates(&world).await;
    settled(&world.stripe).await;
    assert_eq!(receiver.all().len(), 1);
    let events = async |query: &str| {
        world.get(&format!("/v1/events?{query}")).await.body["data"].as_array().unwrap().len()
    };
    assert_eq!((events("delivery_success=false").await, events("delivery_success=true").await), (1, 0));
    receiver.answers(StatusCode::OK);
    world.turn(SignedDuration::from_secs(4)).await;
    assert!(receiver.all().is_empty());
    world.turn(SignedDuration::from_secs(1)).await;
    assert_eq!(receiver.all().len(), 1);
    assert_eq!((events("delivery_success=false").await, events("delivery_success=true").await), (0, 1));
    assert_eq!(world.stripe.next_due(), None);
}

#[tokio::test]
async fn webhooks_are_given_up_after_three_days() {
    let (world, mut receiver) = (World::new().await, Receiver::new().await);
    world.stripe.deliver_to(Some(receiver.endpoint()));
    receiver.answers(StatusCode::SERVICE_UNAVAILABLE);
    creates(&world).await;
    settled(&world.stripe).await;
    world.turn(SignedDuration::from_hours(72)).await;
    assert_eq!((receiver.all().len(), world.stripe.next_due()), (12, None));
}

#[tokio::test]
async fn webhooks_misbehave_as_told_and_then_no_more() {
    let (world, mut receiver) = (World::new().await, Receiver::new().await);
    world.stripe.deliver_to(Some(receiver.endpoint()));
    assert_eq!(world.control("/webhooks", json!({ "duplicate": 2, "count": 1 })).await.status, 200);
    creates(&world).await;
    settled(&world.stripe).await;
    let copies = receiver.all();
    assert!(copies.len() == 3 && copies.iter().all(|copy| copy["id"] == copies[0]["id"]));
    world.control("/webhooks", json!({ "lose": true, "count": 1 })).await;
    creates(&world).await;
    settled(&world.stripe).await;
    assert!(receiver.all().is_empty());
    world.control("/webhooks", json!({ "delay_seconds": 60, "count": 1 })).await;
    creates(&world).await;
    settled(&world.stripe).await;
    assert!(receiver.all().is_empty());
    world.turn(SignedDuration::from_mins(1)).await;
    assert_eq!(receiver.all().len(), 1);
    creates(&world).await;
    assert_eq!(receiver.next().await["type"], "payment_intent.created");
    assert_eq!(world.control("/webhooks", json!({ "rate": 2 })).await.status, 400);
}

#[tokio::test]
async fn held_back_webhooks_arrive_in_another_order() {
    let (world, mut receiver) = (World::new().await, Receiver::new().await);
    world.stripe.deliver_to(Some(receiver.endpoint()));
    world.control("/webhooks", json!({ "reorder": true, "seed": 7 })).await;
    let mut sent = Vec::new();
    for _ in 0..8 {
        sent.push(creates(&world).await);
    }
    world.turn(SignedDuration::from_secs(3)).await;
    let mut got: Vec<String> =
        receiver.all().iter().map(|event| text(&event["data"]["object"]["id"])).collect();
    assert_ne!(got, sent);
    got.sort();
    assert_eq!(got, sent);
}

#[tokio::test]
async fn a_webhook_that_is_owed_survives_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.db");
    let mut receiver = Receiver::new().await;
    receiver.answers(StatusCode::INTERNAL_SERVER_ERROR);
    let first = World::with(Store::open(&path).unwrap()).await;
    first.stripe.deliver_to(Some(receiver.endpoint()));
    let id = creates(&first).await;
    settled(&first.stripe).await;
    assert_eq!(receiver.all().len(), 1);
    receiver.answers(StatusCode::OK);
    let second = World::with(Store::open(&path).unwrap()).await;
    second.stripe.deliver_to(Some(receiver.endpoint()));
    second.turn(SignedDuration::from_mins(1)).await;
    assert_eq!(receiver.next().await["data"]["object"]["id"], id);
}
