//! What every piece of the local cloud has in common: work that falls due, and work that is under way.

use std::{future::Future, pin::Pin};

use jiff::Timestamp;
use serde_json::Value;

use crate::lambda::Answer;

/// A boxed future, for `dyn Part`.
pub type Boxed<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A piece of the local cloud that the turnable clock drives: queues, schedules, sockets, webhooks, TTL.
///
/// `LocalCloud` calls `run_due` every few tens of milliseconds and, when the clock is turned, at each instant
/// that `next_due` names on the way, so that nothing is skipped however far the clock is turned.
pub trait Part: Send + Sync {
    /// The earliest instant at which this part wants `run_due`, or none.
    fn next_due(&self) -> Option<Timestamp>;

    /// Does whatever is due at `now`, to its end.
    fn run_due(&self, now: Timestamp) -> Boxed<'_, ()>;

    /// Whether something is under way or could be delivered now, so that the cloud is not idle.
    fn is_busy(&self) -> bool;
}

/// What runs the functions of the template: in-process, or as real bootstraps.
pub trait Invoke: Send + Sync {
    /// Invokes the function of this logical id and waits for its answer.
    fn invoke(&self, function: &str, event: Value) -> Boxed<'_, Answer>;
}
