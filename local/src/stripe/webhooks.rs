//! Webhooks: signed, retried with patience, and badly behaved on request.
//!
//! What is owed is written in the transaction that caused it. Delivery begins as soon as that is committed; what
//! fails, or is held back on purpose, waits for its instant of the turnable clock.

use std::{
    collections::BTreeSet,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use hmac::{Hmac, Mac};
use jiff::{SignedDuration, Timestamp};
use rand::{Rng, SeedableRng, rngs::StdRng};
use serde::{Deserialize, Deserializer, Serialize};
use sha2::Sha256;

use super::objects::Event;

/// Waits between attempts, about three days in all, as Stripe tries in live mode.
const BACKOFF: [SignedDuration; 11] = [
    SignedDuration::from_secs(5),
    SignedDuration::from_mins(1),
    SignedDuration::from_mins(5),
    SignedDuration::from_mins(30),
    SignedDuration::from_hours(1),
    SignedDuration::from_hours(3),
    SignedDuration::from_hours(6),
    SignedDuration::from_hours(12),
    SignedDuration::from_hours(12),
    SignedDuration::from_hours(18),
    SignedDuration::from_hours(18),
];
/// Held-back webhooks arrive within this time, in any order.
const REORDER_WITHIN: SignedDuration = SignedDuration::from_secs(3);
/// How long a receiver may take to answer. The function behind it has its own, shorter limit.
const ANSWER_WITHIN: Duration = Duration::from_secs(30);

/// Where webhooks go.
#[derive(Debug, Clone)]
pub struct Endpoint {
    /// The receiver's address.
    pub url: String,
    /// Signing secrets; while a secret is being rotated there are several, and a signature for each.
    pub secrets: Vec<String>,
}

/// How webhooks misbehave. All of it strikes an event with probability `rate`, until `count` events were struck.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Misbehaviour {
    /// How many more copies are sent, at the same time; `true` is one.
    #[serde(deserialize_with = "number_or_true")]
    pub duplicate: u32,
    /// How much later it is sent.
    pub delay_seconds: u32,
    /// Whether it is sent at a random instant within three more seconds.
    pub reorder: bool,
    /// Whether it is never sent.
    pub lose: bool,
    /// Probability, 0 to 1.
    pub rate: f64,
    /// Seed of the chances, so that they can be repeated.
    pub seed: u64,
    /// How many events are struck before all is well again; all of them unless stated.
    pub count: Option<u64>,
}

impl Default for Misbehaviour {
    fn default() -> Self {
        Self { duplicate: 0, delay_seconds: 0, reorder: false, lose: false, rate: 1.0, seed: 0, count: None }
    }
}

/// One copy of an event on its way.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Delivery {
    /// Event id and number of the copy; its key in the store.
    pub key: String,
    pub event: String,
    /// Attempts so far.
    pub attempts: usize,
    /// When it is to be tried; never again if none.
    pub due: Option<Timestamp>,
}

impl Delivery {
    /// The delivery after an attempt at `now` failed.
    pub fn failed(&self, now: Timestamp) -> Self {
        let due = BACKOFF.get(self.attempts).and_then(|wait| now.checked_add(*wait).ok());
        Self { attempts: self.attempts + 1, due, ..self.clone() }
    }
}

/// Decides when events are sent, and keeps the agenda of those that wait.
#[derive(Debug)]
pub struct Webhooks {
    plan: Mutex<Plan>,
    waiting: Mutex<BTreeSet<(Timestamp, String)>>,
}

#[derive(Debug)]
struct Plan {
    endpoint: Option<Endpoint>,
    misbehaviour: Misbehaviour,
    chances: StdRng,
}

impl Webhooks {
    /// An agenda that starts with what an earlier process still owed.
    pub fn resume(owed: Vec<Delivery>) -> Self {
        let misbehaviour = Misbehaviour::default();
        let chances = StdRng::seed_from_u64(misbehaviour.seed);
        let waiting = owed.into_iter().filter_map(|delivery| Some((delivery.due?, delivery.key))).collect();
        Self {
            plan: Mutex::new(Plan { endpoint: None, misbehaviour, chances }),
            waiting: Mutex::new(waiting),
        }
    }

    /// Where webhooks go from now on.
    pub fn deliver_to(&self, endpoint: Option<Endpoint>) {
        lock(&self.plan).endpoint = endpoint;
    }

    /// Where webhooks go.
    pub fn endpoint(&self) -> Option<Endpoint> {
        lock(&self.plan).endpoint.clone()
    }

    /// How webhooks misbehave from now on.
    pub fn misbehave(&self, misbehaviour: Misbehaviour) {
        let mut plan = lock(&self.plan);
        plan.chances = StdRng::seed_from_u64(misbehaviour.seed);
        plan.misbehaviour = misbehaviour;
    }

    /// How they misbehave.
    pub fn misbehaviour(&self) -> Misbehaviour {
        lock(&self.plan).misbehaviour.clone()
    }

    /// The deliveries of new events. Without an endpoint, nothing is owed.
    pub fn plan(&self, events: &[Event], now: Timestamp) -> Vec<Delivery> {
        let mut plan = lock(&self.plan);
        if plan.endpoint.is_none() {
            return Vec::new();
        }
        events.iter().flat_map(|event| plan.deliveries(event, now)).collect()
    }

    /// Puts a delivery on the agenda.
    pub fn wait(&self, delivery: &Delivery) {
        if let Some(due) = delivery.due {
            lock(&self.waiting).insert((due, delivery.key.clone()));
        }
    }

    /// The instant of the next delivery on the agenda, while there is somewhere to send it.
    pub fn next_due(&self) -> Option<Timestamp> {
        lock(&self.plan).endpoint.as_ref()?;
        lock(&self.waiting).first().map(|(due, _)| *due)
    }

    /// Takes everything off the agenda that is due at `now`.
    pub fn take_due(&self, now: Timestamp) -> Vec<String> {
        if lock(&self.plan).endpoint.is_none() {
            return Vec::new();
        }
        let mut waiting = lock(&self.waiting);
        let later = waiting.split_off(&(now, char::MAX.to_string()));
        std::mem::replace(&mut *waiting, later).into_iter().map(|(_, key)| key).collect()
    }
}

impl Plan {
    fn deliveries(&mut self, event: &Event, now: Timestamp) -> Vec<Delivery> {
        let behaviour = self.misbehaviour.clone();
        let is_struck = behaviour != Misbehaviour::default()
            && behaviour.count != Some(0)
            && self.chances.random_bool(behaviour.rate.clamp(0.0, 1.0));
        if !is_struck {
            return vec![delivery(event, 0, now)];
        }
        if let Some(count) = &mut self.misbehaviour.count {
            *count -= 1;
        }
        if behaviour.lose {
            return Vec::new();
        }
        let mut due =
            now.saturating_add(SignedDuration::from_secs(behaviour.delay_seconds.into())).unwrap_or(now);
        if behaviour.reorder {
            let held = self.chances.random_range(1..=REORDER_WITHIN.as_millis());
            due += SignedDuration::from_millis(i64::try_from(held).unwrap_or_default());
        }
        (0..=behaviour.duplicate).map(|copy| delivery(event, copy, due)).collect()
    }
}

fn delivery(event: &Event, copy: u32, due: Timestamp) -> Delivery {
    Delivery { key: format!("{}/{copy}", event.id), event: event.id.clone(), attempts: 0, due: Some(due) }
}

/// Sends signed webhooks.
#[derive(Debug)]
pub struct Sender {
    client: reqwest::Client,
}

impl Sender {
    /// A sender that never follows redirects: to Stripe, a redirect is a failure.
    pub fn new() -> Result<Self, reqwest::Error> {
        let client = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(ANSWER_WITHIN)
            .user_agent("Stripe/1.0 (+https://stripe.com/docs/webhooks)")
            .build()?;
        Ok(Self { client })
    }

    /// Whether the receiver took it.
    pub async fn send(&self, endpoint: &Endpoint, body: Vec<u8>, now: Timestamp) -> bool {
        let request = self
            .client
            .post(&endpoint.url)
            .header("content-type", "application/json; charset=utf-8")
            .header("stripe-signature", signature(&endpoint.secrets, &body, now))
            .body(body);
        match request.send().await {
            Ok(answer) if answer.status().is_success() => true,
            Ok(answer) => {
                tracing::warn!(status = answer.status().as_u16(), "a webhook was refused");
                false
            }
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "a webhook did not arrive");
                false
            }
        }
    }
}

/// `t=…,v1=…` with one `v1` for each secret.
pub fn signature(secrets: &[String], body: &[u8], now: Timestamp) -> String {
    let time = now.as_second();
    let mut header = format!("t={time}");
    for secret in secrets {
        // HMAC takes keys of any length.
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.as_bytes()) else {
            continue;
        };
        mac.update(format!("{time}.").as_bytes());
        mac.update(body);
        header.push_str(",v1=");
        header.push_str(&hex::encode(mac.finalize().into_bytes()));
    }
    header
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn number_or_true<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Copies {
        Number(u32),
        Flag(bool),
    }
    Ok(match Copies::deserialize(deserializer)? {
        Copies::Number(number) => number,
        Copies::Flag(flag) => u32::from(flag),
    })
}
