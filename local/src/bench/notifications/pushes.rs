//! Web pushes, encrypted, signed and sent to the fake push service, which decrypts and keeps each.
//!
//! The sender has one processor for itself, the push service the other. Ours is the client that `notifier` has, on a thread
//! of its own whose processor time is counted; npm `web-push` is a process of its own, whose start and first pushes are not.

use std::{
    fs, process,
    process::Stdio,
    thread,
    time::{Duration, Instant},
};

use app::{
    Clock,
    aws::{Aws, AwsAccess},
    media::{PushPayload, PushTarget, Sent, Urgency, Vapid, WebPush},
    secrets::Secret,
};
use domain::notification::endpoint::EndpointOrigins;
use futures_util::{StreamExt, stream};
use jiff::SignedDuration;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::super::{
    BenchError, machine,
    peers::Peers,
    shop::{Shop, text},
};

/// Browsers that are pushed to in turn.
const BROWSERS: usize = 100;

/// Pushes under way at a time.
const AT_ONCE: usize = 16;

/// The processor of the push service, and of the sender.
const PROCESSORS: [&str; 2] = ["0", "1"];

/// Under which pushes wait.
const TOPIC: &str = "order-ord_1";

/// What was seen.
#[derive(Debug, Serialize)]
pub struct Pushes {
    pub pushes: u32,
    pub at_once: usize,
    /// Whether sender and service each had a processor.
    pub is_divided: bool,
    pub sides: Vec<Side>,
}

/// What one sender did.
#[derive(Debug, Serialize)]
pub struct Side {
    pub name: &'static str,
    pub accepted: u32,
    pub per_second: f64,
    pub cpu_microseconds: f64,
}

/// What is to be sent, as the peer reads it.
#[derive(Clone, Serialize)]
struct Work {
    subscriptions: Vec<Value>,
    payload: String,
    vapid: Keys,
    warm_up: u32,
    pushes: u32,
    at_once: usize,
    topic: &'static str,
}

/// As npm `web-push` calls them.
#[derive(Clone, Serialize)]
#[serde(rename_all = "camelCase")]
struct Keys {
    subject: String,
    public_key: String,
    private_key: String,
}

/// What a sender says of its work.
#[derive(Deserialize)]
struct Took {
    accepted: u32,
    microseconds: u64,
    cpu_microseconds: u64,
}

/// Sends as many on each side.
pub async fn measure(shop: &Shop, peers: Option<&Peers>, pushes: u32) -> Result<Pushes, BenchError> {
    let (way, keys) = way(shop).await?;
    let work = Work {
        subscriptions: subscriptions(shop).await?,
        payload: payload(),
        vapid: keys,
        warm_up: (pushes / 10).min(500),
        pushes,
        at_once: AT_ONCE,
        topic: TOPIC,
    };
    let [service, sender] = PROCESSORS;
    let is_divided = thread::available_parallelism().map_or(1, usize::from) > 1
        && moves_to(service, &["-a"], &process::id().to_string()).await;
    let mut sides = vec![Side::of("shopwire", pushes, &ours(way, work.clone(), is_divided).await?)];
    if let Some(peers) = peers {
        let by: &[&str] = if is_divided { &["taskset", "-c", sender] } else { &[] };
        let work = serde_json::to_string(&work).map_err(|error| unexpected(&error))?;
        sides.push(Side::of("npm web-push", pushes, &peers.run_by(by, "push.mjs", &[&work]).await?));
    }
    Ok(Pushes { pushes, at_once: AT_ONCE, is_divided, sides })
}

/// The client that the function has, with the shop's keys.
async fn way(shop: &Shop) -> Result<(WebPush, Keys), BenchError> {
    let access = AwsAccess {
        region: crate::aws::REGION.to_owned(),
        endpoint: Some(shop.cloud.aws_url().to_owned()),
        access_key_id: "bench".to_owned(),
        secret_access_key: SecretString::from("bench"),
        session_token: None,
    };
    let notifier = shop.cloud.function("notifier").map(|function| &function.environment);
    let setting = |name: &str| {
        let value = notifier.and_then(|environment| environment.get(name)).cloned();
        value.ok_or_else(|| BenchError::Unexpected(format!("notifier has no {name}")))
    };
    let private_key = Secret::new(
        Aws::new(access).map_err(|error| unexpected(&error))?.ssm(),
        setting("PUSH_VAPID_PRIVATE_KEY")?,
        Clock::system(),
    );
    let keys = Keys {
        subject: setting("PUSH_VAPID_SUBJECT")?,
        public_key: setting("PUSH_VAPID_PUBLIC_KEY")?,
        private_key: private_key.read().await.map_err(|error| unexpected(&error))?.expose_secret().to_owned(),
    };
    let vapid = Vapid { public_key: keys.public_key.clone(), private_key, subject: keys.subject.clone() };
    let origins = EndpointOrigins::parse(shop.cloud.http_url()).map_err(|error| unexpected(&error))?;
    Ok((WebPush::new(vapid, origins, Clock::system()).map_err(|error| unexpected(&error))?, keys))
}

async fn subscriptions(shop: &Shop) -> Result<Vec<Value>, BenchError> {
    let mut all = vec![];
    for _ in 0..BROWSERS {
        all.push(shop.control("/push/subscriptions", &json!({})).await?);
    }
    Ok(all)
}

/// What a push of ours looks like.
fn payload() -> String {
    let data = json!({ "order_id": "ord_1", "order_number": "ord_1", "tracking_number": "TH123456789" });
    json!({
        "notification_id": "ntf_01998d3e-5c2e-7b61-9d4e-2f6a1f0b7c11",
        "type": "order_shipped",
        "title": "Your order is on its way",
        "body": "Order ord_1 has left us. We expect it to arrive on Friday.",
        "action_url": "https://shop.example/orders/ord_1",
        "tag": "order:ord_1",
        "unread_count": 3,
        "data": data,
    })
    .to_string()
}

/// Sends on a thread of its own, so that its processor time can be told from the push service's.
async fn ours(way: WebPush, work: Work, is_divided: bool) -> Result<Took, BenchError> {
    let send = move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            if is_divided {
                let thread = fs::read_link("/proc/thread-self")?;
                let id = thread.file_name().map(|id| id.to_string_lossy().into_owned());
                let [_, sender] = PROCESSORS;
                moves_to(sender, &[], &id.unwrap_or_default()).await;
            }
            take(&way, &work).await
        })
    };
    let joined = tokio::task::spawn_blocking(move || thread::spawn(send).join()).await;
    let ended = |_| BenchError::Unexpected("the sender ended before its work".into());
    joined.map_err(|error| unexpected(&error))?.map_err(ended)?
}

async fn take(way: &WebPush, work: &Work) -> Result<Took, BenchError> {
    let target = |subscription: &Value| {
        let keys = subscription.get("keys").cloned().unwrap_or_default();
        let (p256dh, auth) = (text(&keys, "p256dh")?, text(&keys, "auth")?);
        way.check(text(subscription, "endpoint")?, p256dh, auth).map_err(|error| unexpected(&error))
    };
    let targets = work.subscriptions.iter().map(target).collect::<Result<Vec<PushTarget>, _>>()?;
    let payload = PushPayload {
        json: work.payload.clone().into_bytes(),
        ttl: SignedDuration::from_hours(1),
        urgency: Urgency::Normal,
        topic: Some(work.topic.to_owned()),
    };
    send(way, &targets, &payload, work.warm_up).await?;
    let (began, before) = (Instant::now(), machine::thread_cpu_time().unwrap_or_default());
    let accepted = send(way, &targets, &payload, work.pushes).await?;
    let cpu = machine::thread_cpu_time().unwrap_or_default().saturating_sub(before);
    let microseconds = |time: Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
    Ok(Took { accepted, microseconds: microseconds(began.elapsed()), cpu_microseconds: microseconds(cpu) })
}

/// How many were accepted.
async fn send(
    way: &WebPush,
    targets: &[PushTarget],
    payload: &PushPayload,
    count: u32,
) -> Result<u32, BenchError> {
    let sending = targets.iter().cycle().take(count as usize).map(|to| way.send(to, payload));
    let mut answers = stream::iter(sending).buffer_unordered(AT_ONCE);
    let mut accepted = 0;
    while let Some(answer) = answers.next().await {
        if matches!(answer.map_err(|error| unexpected(&error))?, Sent::Accepted { .. }) {
            accepted += 1;
        }
    }
    Ok(accepted)
}

/// Keeps a process or thread on one processor; false where that cannot be done.
async fn moves_to(processor: &str, options: &[&str], id: &str) -> bool {
    let mut taskset = tokio::process::Command::new("taskset");
    taskset.args(options).args(["-cp", processor, id]).stdout(Stdio::null()).stderr(Stdio::null());
    taskset.status().await.is_ok_and(|status| status.success())
}

fn unexpected(error: &dyn std::fmt::Display) -> BenchError {
    BenchError::Unexpected(error.to_string())
}

impl Side {
    #[expect(clippy::cast_precision_loss, reason = "hours have fewer than 2^52 microseconds")]
    fn of(name: &'static str, pushes: u32, took: &Took) -> Self {
        let pushes = f64::from(pushes.max(1));
        Self {
            name,
            accepted: took.accepted,
            per_second: pushes / (took.microseconds.max(1) as f64 / 1e6),
            cpu_microseconds: took.cpu_microseconds as f64 / pushes,
        }
    }
}
