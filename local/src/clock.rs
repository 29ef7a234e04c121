//! The clock that can be turned.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use jiff::{SignedDuration, Timestamp};

/// The one clock of a local cloud: functions, queues, schedules, sockets and the fake Stripe all read it.
///
/// A running clock follows the machine's and keeps what it was turned by; a standing one (tests) moves only
/// when it is turned.
#[derive(Clone, Debug)]
pub struct TurnableClock {
    /// Milliseconds that the clock is ahead of the machine, or, when standing, of the epoch.
    milliseconds: Arc<AtomicI64>,
    is_standing: bool,
}

impl TurnableClock {
    /// A clock that runs with the machine's.
    pub fn running() -> Self {
        Self { milliseconds: Arc::default(), is_standing: false }
    }

    /// A clock that stands at `instant` until it is turned.
    pub fn standing_at(instant: Timestamp) -> Self {
        Self { milliseconds: Arc::new(AtomicI64::new(instant.as_millisecond())), is_standing: true }
    }

    /// The time it shows, in whole milliseconds.
    pub fn now(&self) -> Timestamp {
        let shown = self.milliseconds.load(Ordering::SeqCst);
        let base = if self.is_standing { 0 } else { Timestamp::now().as_millisecond() };
        Timestamp::from_millisecond(base.saturating_add(shown)).unwrap_or(Timestamp::MAX)
    }

    /// Turns the clock forward to `instant`; never back.
    pub fn turn_to(&self, instant: Timestamp) {
        let ahead = instant.duration_since(self.now()).as_millis();
        if let Ok(ahead) = i64::try_from(ahead)
            && ahead > 0
        {
            self.milliseconds.fetch_add(ahead, Ordering::SeqCst);
        }
    }

    /// How far it is ahead of the machine's clock; nothing if it stands.
    pub fn ahead(&self) -> SignedDuration {
        self.ahead_after(SignedDuration::ZERO)
    }

    /// How far it is ahead once it is turned by `duration`; nothing if it stands.
    pub fn ahead_after(&self, duration: SignedDuration) -> SignedDuration {
        if self.is_standing {
            SignedDuration::ZERO
        } else {
            SignedDuration::from_millis(self.milliseconds.load(Ordering::SeqCst)).saturating_add(duration)
        }
    }

    /// The time it will show after `duration`.
    pub fn after(&self, duration: SignedDuration) -> Timestamp {
        self.now().checked_add(duration).unwrap_or(Timestamp::MAX)
    }
}
