//! Faults on request: the ways in which a service fails a function, injected where and as often as a test says.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use rand::{Rng, SeedableRng, rngs::StdRng};
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use crate::aws::request::{Call, Service};

/// The faults that are armed.
#[derive(Default)]
pub struct Faults {
    armed: Mutex<Vec<Armed>>,
    /// By function; whoever listens has an invocation of it under way.
    deaths: Mutex<BTreeMap<String, watch::Sender<()>>>,
}

struct Armed {
    fault: Fault,
    /// Matching requests still to let through.
    skip: u64,
    /// How many more times it strikes; none is without end.
    left: Option<u64>,
    dice: StdRng,
}

/// One fault: which requests, what happens to them, how often. The body of `POST /_local/faults`.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(try_from = "FaultBody", into = "FaultBody")]
pub struct Fault {
    /// Only requests to this service; any if none.
    pub service: Option<Service>,
    /// Only this operation.
    pub operation: Option<String>,
    /// Only requests that touch this table or queue.
    pub table: Option<String>,
    /// Only requests of this function.
    pub function: Option<String>,
    /// What happens.
    pub kind: FaultKind,
    /// How many matching requests it strikes; none is all of them.
    pub count: Option<u64>,
    /// How many matching requests it lets through before.
    pub skip: u64,
    /// The share of matching requests that it strikes, 0 to 1, with the seed of its dice.
    pub rate: Option<(f64, u64)>,
}

/// What happens to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FaultKind {
    /// Refused with 500 before it acts.
    Refuse,
    /// It acts and commits, then the connection breaks: the answer is lost.
    Drop,
    /// It waits first (the machine's time, not the turnable clock's).
    Delay(Duration),
    /// Refused as too many.
    Throttle,
    /// DynamoDB: another transaction has the item.
    Conflict,
    /// `@connections` and the push service: 410.
    Gone,
    /// The function dies before the request acts, and with it all that it is working on; nothing is answered.
    CrashBefore,
    /// The same, when the request has acted.
    CrashAfter,
}

impl Fault {
    /// A fault that strikes the first request to any service.
    pub fn new(kind: FaultKind) -> Self {
        Self {
            service: None,
            operation: None,
            table: None,
            function: None,
            kind,
            count: Some(1),
            skip: 0,
            rate: None,
        }
    }

    /// Fails the request that comes after `n` others: how a crash-point run goes through a scenario.
    pub fn at_request(n: u64, kind: FaultKind) -> Self {
        Self { skip: n, ..Self::new(kind) }
    }

    fn matches(&self, call: &Call) -> bool {
        let is = |wanted: &Option<String>, seen: &str| wanted.as_deref().is_none_or(|wanted| wanted == seen);
        let has_kind = match self.kind {
            FaultKind::Conflict => call.service == Service::Dynamodb && call.writes(),
            FaultKind::Gone => matches!(call.service, Service::Connections | Service::Push),
            _ => true,
        };
        has_kind
            && self.service.is_none_or(|service| service == call.service)
            && is(&self.operation, &call.operation)
            && is(&self.function, &call.function)
            && self.table.as_ref().is_none_or(|table| call.tables.contains(table))
    }
}

impl Faults {
    /// Arms a fault.
    pub fn add(&self, fault: Fault) {
        let dice = StdRng::seed_from_u64(fault.rate.map_or(0, |(_, seed)| seed));
        let armed = Armed { skip: fault.skip, left: fault.count, dice, fault };
        self.lock().push(armed);
    }

    /// Disarms all.
    pub fn clear(&self) {
        self.lock().clear();
    }

    /// The faults that can still strike, in the order in which they were armed, with what is left of their counts.
    pub fn list(&self) -> Vec<Fault> {
        self.lock()
            .iter()
            .map(|armed| Fault { count: armed.left, skip: armed.skip, ..armed.fault.clone() })
            .collect()
    }

    /// What happens to this request: the first armed fault that matches and strikes. Every matching fault before it
    /// counts the request as one that it let through.
    pub fn strike(&self, call: &Call) -> Option<FaultKind> {
        let mut faults = self.lock();
        let struck = faults.iter_mut().filter(|armed| armed.fault.matches(call)).find_map(Armed::strike);
        faults.retain(|armed| armed.left != Some(0));
        struck
    }

    /// Ends all invocations of `function` that are under way.
    pub fn kill(&self, function: &str) {
        if let Some(death) = self.deaths().get(function) {
            death.send_replace(());
        }
    }

    /// Waits until `function` is killed; what happened before this was asked for does not count.
    pub fn death_of(&self, function: &str) -> impl Future<Output = ()> + Send + use<> {
        let mut death = self.deaths().entry(function.to_owned()).or_default().subscribe();
        async move {
            if death.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Armed>> {
        self.armed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn deaths(&self) -> MutexGuard<'_, BTreeMap<String, watch::Sender<()>>> {
        self.deaths.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Armed {
    fn strike(&mut self) -> Option<FaultKind> {
        if self.skip > 0 {
            self.skip -= 1;
            return None;
        }
        if let Some((rate, _)) = self.fault.rate
            && !self.dice.random_bool(rate)
        {
            return None;
        }
        if let Some(left) = &mut self.left {
            *left = left.checked_sub(1)?;
        }
        Some(self.fault.kind)
    }
}

/// The wire form of a [`Fault`].
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct FaultBody {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    service: Option<Service>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    operation: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    table: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    function: Option<String>,
    kind: KindName,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    milliseconds: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    count: Option<u64>,
    #[serde(default)]
    skip: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    rate: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    seed: Option<u64>,
}

#[derive(Debug, Clone, Copy, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
enum KindName {
    Refuse,
    Drop,
    Delay,
    Throttle,
    Conflict,
    Gone,
    CrashBefore,
    CrashAfter,
}

impl TryFrom<FaultBody> for Fault {
    type Error = &'static str;

    fn try_from(body: FaultBody) -> Result<Self, Self::Error> {
        let kind = match (body.kind, body.milliseconds) {
            (KindName::Delay, Some(milliseconds)) => FaultKind::Delay(Duration::from_millis(milliseconds)),
            (KindName::Delay, None) => return Err("a delay needs milliseconds"),
            (_, Some(_)) => return Err("milliseconds belong to a delay"),
            (KindName::Refuse, None) => FaultKind::Refuse,
            (KindName::Drop, None) => FaultKind::Drop,
            (KindName::Throttle, None) => FaultKind::Throttle,
            (KindName::Conflict, None) => FaultKind::Conflict,
            (KindName::Gone, None) => FaultKind::Gone,
            (KindName::CrashBefore, None) => FaultKind::CrashBefore,
            (KindName::CrashAfter, None) => FaultKind::CrashAfter,
        };
        if body.rate.is_some_and(|rate| !(0.0..=1.0).contains(&rate)) {
            return Err("a rate is between 0 and 1");
        }
        // A fault with a rate strikes until it is cleared, one without strikes once, unless a count says otherwise.
        let count = body.count.or(if body.rate.is_some() { None } else { Some(1) });
        Ok(Self {
            service: body.service,
            operation: body.operation,
            table: body.table,
            function: body.function,
            kind,
            count,
            skip: body.skip,
            rate: body.rate.map(|rate| (rate, body.seed.unwrap_or(0))),
        })
    }
}

impl From<Fault> for FaultBody {
    fn from(fault: Fault) -> Self {
        let (kind, milliseconds) = match fault.kind {
            FaultKind::Refuse => (KindName::Refuse, None),
            FaultKind::Drop => (KindName::Drop, None),
            FaultKind::Delay(duration) => {
                (KindName::Delay, Some(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)))
            }
            FaultKind::Throttle => (KindName::Throttle, None),
            FaultKind::Conflict => (KindName::Conflict, None),
            FaultKind::Gone => (KindName::Gone, None),
            FaultKind::CrashBefore => (KindName::CrashBefore, None),
            FaultKind::CrashAfter => (KindName::CrashAfter, None),
        };
        Self {
            service: fault.service,
            operation: fault.operation,
            table: fault.table,
            function: fault.function,
            kind,
            milliseconds,
            count: fault.count,
            skip: fault.skip,
            rate: fault.rate.map(|(rate, _)| rate),
            seed: fault.rate.map(|(_, seed)| seed),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn put(table: &str) -> Call {
        Call {
            service: Service::Dynamodb,
            operation: "PutItem".to_owned(),
            tables: vec![table.to_owned()],
            function: "Orders".to_owned(),
            acts: 0,
        }
    }

    fn strikes(faults: &Faults, requests: usize) -> Vec<bool> {
        (0..requests).map(|_| faults.strike(&put("Orders")).is_some()).collect()
    }

    #[test]
    fn a_fault_strikes_as_often_as_it_says_after_those_it_skips() {
        let faults = Faults::default();
        faults.add(Fault { count: Some(2), skip: 1, ..Fault::new(FaultKind::Refuse) });
        assert_eq!(strikes(&faults, 4), [false, true, true, false]);
        assert!(faults.list().is_empty());
    }

    #[test]
    fn a_fault_leaves_other_tables_alone() {
        let faults = Faults::default();
        faults.add(Fault { table: Some("Chat".to_owned()), ..Fault::new(FaultKind::Refuse) });
        assert_eq!(faults.strike(&put("Orders")), None);
        assert_eq!(faults.strike(&put("Chat")), Some(FaultKind::Refuse));
    }

    #[test]
    fn a_rate_repeats_itself_with_its_seed() {
        let run = || {
            let faults = Faults::default();
            faults.add(Fault { rate: Some((0.5, 7)), count: None, ..Fault::new(FaultKind::Drop) });
            strikes(&faults, 40)
        };
        assert_eq!(run(), run());
        assert!(run().contains(&true) && run().contains(&false));
    }

    #[test]
    fn a_body_with_an_unknown_field_or_a_delay_without_time_is_refused() {
        let parse = |body: serde_json::Value| serde_json::from_value::<Fault>(body);
        assert!(parse(json!({ "kind": "drop", "tabel": "Orders" })).is_err());
        assert!(parse(json!({ "kind": "delay" })).is_err());
        assert!(parse(json!({ "kind": "crash_after", "milliseconds": 1 })).is_err());
        assert_eq!(parse(json!({ "kind": "crash_after" })).unwrap().kind, FaultKind::CrashAfter);
        let fault = parse(json!({ "service": "sqs", "kind": "delay", "milliseconds": 5 })).unwrap();
        assert_eq!((fault.kind, fault.count), (FaultKind::Delay(Duration::from_millis(5)), Some(1)));
    }
}
