//! Time and fresh names: the only places where either comes from.

use std::{fmt, sync::Arc};

use jiff::{SignedDuration, Timestamp};
use sha2::{Digest, Sha256};
use uuid::{Builder, NoContext, Uuid};

/// Reads the time.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> Timestamp + Send + Sync>);

impl Clock {
    /// The machine's clock.
    #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the time")]
    pub fn system() -> Self {
        Self(Arc::new(Timestamp::now))
    }

    /// A clock that shows what `read` says.
    pub fn reading(read: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        Self(Arc::new(read))
    }

    /// The time, in whole milliseconds: nothing that is stored or sent is finer.
    pub fn now(&self) -> Timestamp {
        let now = (self.0)();
        Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now)
    }

    /// The time in `duration`.
    pub fn after(&self, duration: SignedDuration) -> Timestamp {
        self.now().checked_add(duration).unwrap_or(Timestamp::MAX)
    }

    /// A name that nobody else has, ordered by time.
    pub fn fresh(&self) -> Uuid {
        let now = self.now();
        let seconds = u64::try_from(now.as_second()).unwrap_or(0);
        let nanoseconds = u32::try_from(now.subsec_nanosecond()).unwrap_or(0);
        Uuid::new_v7(uuid::Timestamp::from_unix(NoContext, seconds, nanoseconds))
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Clock({})", (self.0)())
    }
}

fn digest(parts: &[&str]) -> [u8; 16] {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part.as_bytes());
        hash.update([0]); // keeps ("a", "bc") apart from ("ab", "c")
    }
    let mut first = [0; 16];
    first.copy_from_slice(hash.finalize().get(..16).unwrap_or(&[0; 16]));
    first
}

/// The name that follows from `parts`, always the same: how a repeated request finds what it made before.
pub fn derived(parts: &[&str]) -> Uuid {
    Builder::from_custom_bytes(digest(parts)).into_uuid()
}

/// The same, ordered by time: the name of what `parts` did at `instant`.
pub fn derived_at(instant: Timestamp, parts: &[&str]) -> Uuid {
    let milliseconds = u64::try_from(instant.as_millisecond()).unwrap_or(0);
    let mut random = [0; 10];
    random.copy_from_slice(digest(parts).get(..10).unwrap_or(&[0; 10]));
    Builder::from_unix_timestamp_millis(milliseconds, &random).into_uuid()
}

/// How long something takes: time on the wire, which no clock that is turned changes.
#[derive(Debug, Clone, Copy)]
pub struct Stopwatch(std::time::Instant);

impl Stopwatch {
    /// Begins to measure.
    pub fn start() -> Self {
        Self(std::time::Instant::now())
    }

    /// How long it has been since.
    pub fn elapsed(&self) -> std::time::Duration {
        self.0.elapsed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn derived_names_follow_from_all_their_parts() {
        assert_eq!(derived(&["a", "b"]), derived(&["a", "b"]));
        assert_ne!(derived(&["a", "bc"]), derived(&["ab", "c"]));
        let early = derived_at(Timestamp::from_second(1).unwrap(), &["z"]);
        assert!(early < derived_at(Timestamp::from_second(2).unwrap(), &["a"]));
    }
}
