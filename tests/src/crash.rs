//! Crash points: an act is done again and again, and each time another of its requests to the outside goes wrong.
//!
//! The client then does what clients do: it asks again, with the same key, after the time it was told. Whatever the
//! first try left behind is taken up by streams and sweeper. In the end the act must have been done once and wholly.

use jiff::SignedDuration;
use local::faults::{Fault, FaultKind};
use reqwest::StatusCode;
use serde_json::Value;

use crate::world::{Reply, World};

/// More strikes than any act has requests.
const FOREVER: u64 = 1 << 40;

/// Asked more often than this, something is wrong for good.
const MOST_TRIES: u32 = 8;

/// No act has so many requests; one that never ends would be told for ever.
const MOST_REQUESTS: u64 = 400;

/// How a request goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// It is refused, once: the SDK asks again.
    Refused,
    /// It acts and its answer is lost, once: the SDK asks again for what is done already.
    AnswerLost,
    /// It is refused for good, and so is everything that the function asks after it.
    Outage,
    /// The function dies before the request acts.
    CrashBefore,
    /// The function dies when the request has acted.
    CrashAfter,
}

impl Trouble {
    const ALL: [Self; 5] =
        [Self::Refused, Self::AnswerLost, Self::Outage, Self::CrashBefore, Self::CrashAfter];

    fn fault(self, function: &str, operation: Option<&str>, request: u64) -> Fault {
        let (kind, count) = match self {
            Self::Refused => (FaultKind::Refuse, 1),
            Self::AnswerLost => (FaultKind::Drop, 1),
            Self::Outage => (FaultKind::Refuse, FOREVER),
            Self::CrashBefore => (FaultKind::CrashBefore, 1),
            Self::CrashAfter => (FaultKind::CrashAfter, 1),
        };
        let (function, operation) = (Some(function.to_owned()), operation.map(str::to_owned));
        Fault { function, operation, count: Some(count), ..Fault::at_request(request, kind) }
    }
}

/// What whoever asked makes of the answer.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// It is done.
    Done(Value),
    /// It is to be asked again, after so long.
    Again(SignedDuration),
}

impl Outcome {
    /// What it came to; fails if it came to nothing.
    #[track_caller]
    pub fn done(self) -> Value {
        match self {
            Self::Done(body) => body,
            Self::Again(_) => panic!("not done after all"),
        }
    }
}

impl From<Reply> for Outcome {
    /// As a client reads it: our failures and `idempotency_in_progress` are to be asked again, other refusals are final.
    #[track_caller]
    fn from(reply: Reply) -> Self {
        let is_running = reply.body["code"] == "idempotency_in_progress";
        let is_passing = reply.status.is_server_error() || reply.status == StatusCode::TOO_MANY_REQUESTS;
        let told = reply.headers.get("retry-after").map(|value| value.to_str().unwrap().parse().unwrap());
        match reply.status {
            status if status.is_success() => Self::Done(reply.body),
            // The lock of a run that was cut off ends after a minute.
            _ if is_running => Self::Again(SignedDuration::from_secs(told.unwrap_or(61))),
            _ if is_passing => Self::Again(SignedDuration::from_secs(told.unwrap_or(0))),
            status => panic!("a retry is refused: {status} {}", reply.body),
        }
    }
}

/// Something that is done in a shop, and can be asked for twice.
pub trait Act {
    /// What there is before it, and what was seen of it.
    type Scene;

    /// Its name in the report.
    fn name(&self) -> String;

    /// The functions whose requests go wrong, by logical id.
    fn functions(&self) -> &'static [&'static str];

    /// Which of their requests go wrong, by operation; all of them, if none is named.
    fn operations(&self) -> &'static [&'static str] {
        &[]
    }

    /// How long it takes until everybody who takes something up has done so. Nothing, if only the client does.
    fn taken_up_within(&self) -> SignedDuration {
        SignedDuration::ZERO
    }

    /// Prepares it; `name` is of no other scene.
    async fn set_up(&self, world: &World, name: &str) -> Self::Scene;

    /// Asks for it, the same way each time.
    async fn ask(&self, world: &World, scene: &mut Self::Scene) -> Outcome;

    /// Fails unless it was done once and wholly; `answer` is the last one.
    async fn check(&self, world: &World, scene: Self::Scene, answer: Value);
}

/// Names the point at which a test failed.
struct Point(String);

impl Drop for Point {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("at this crash point: {}", self.0);
        }
    }
}

/// Does `acts` in a new shop, each as [`go_wrong_everywhere`] does; fails if it has tried fewer than `least` points.
pub async fn done_wherever_it_breaks_off(acts: &[impl Act], least: u64) {
    let world = World::new().await;
    let mut points = 0;
    for act in acts {
        points += go_wrong_everywhere(&world, act).await;
    }
    assert!(points >= least, "{points}");
    world.end().await;
}

/// Does `act` once for every request that it makes and every way in which that goes wrong; says how many those were.
pub async fn go_wrong_everywhere(world: &World, act: &impl Act) -> u64 {
    let named = act.operations().iter().copied().map(Some);
    let operations: Vec<_> = if act.operations().is_empty() { vec![None] } else { named.collect() };
    let mut points = 0;
    for function in act.functions() {
        for operation in &operations {
            for trouble in Trouble::ALL {
                let mut request = 0;
                while goes_wrong(world, act, (function, *operation), trouble, request).await {
                    request += 1;
                    assert!(request < MOST_REQUESTS, "{} does not come to an end", act.name());
                }
                points += request;
            }
        }
    }
    eprintln!("{}: {points} crash points", act.name());
    points
}

/// Does `act` while request number `request` of a function goes wrong; `false` if there was none.
async fn goes_wrong(
    world: &World,
    act: &impl Act,
    (function, operation): (&str, Option<&str>),
    trouble: Trouble,
    request: u64,
) -> bool {
    let asked = operation.unwrap_or("request");
    let _named = Point(format!("{}, {trouble:?} at {asked} {request} of {function}", act.name()));
    let scene = format!("{}-{function}-{asked}-{trouble:?}-{request}", act.name());
    let scene = scene.replace([' ', '.', '_'], "-").to_lowercase();
    let mut scene = act.set_up(world, &scene).await;
    world.idle().await;
    let faults = world.cloud().faults();
    let fault = trouble.fault(function, operation, request);
    faults.add(fault.clone());
    let mut outcome = act.ask(world, &mut scene).await;
    world.idle().await; // what it set off goes wrong in the same way
    let has_struck = faults.list().first().is_none_or(|left| left.count != fault.count);
    faults.clear();
    let mut tries = 1;
    while let Outcome::Again(wait) = outcome {
        assert!(tries < MOST_TRIES, "asked {tries} times in vain");
        tries += 1;
        if !wait.is_zero() {
            world.advance(wait).await;
        }
        outcome = act.ask(world, &mut scene).await;
    }
    world.idle().await;
    if !act.taken_up_within().is_zero() {
        world.advance(act.taken_up_within()).await;
    }
    act.check(world, scene, outcome.done()).await;
    has_struck
}
