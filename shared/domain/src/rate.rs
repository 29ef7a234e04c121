//! Rate limits: the generic cell rate algorithm (GCRA), with the state in one instant.
//!
//! The stored instant is the *theoretical arrival time*: when the bucket will be empty again. It needs one number
//! and no timer, which is why one conditional write can carry it.

use jiff::{SignedDuration, Timestamp};

/// How often something may be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// How many at once, from rest.
    pub burst: u32,
    /// One more every so often.
    pub every: SignedDuration,
}

/// What the limit says of one attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Go ahead, and store this arrival time.
    Admitted {
        /// The new theoretical arrival time.
        arrival: Timestamp,
    },
    /// Not now.
    Refused {
        /// How long until one more will be admitted.
        retry_after: SignedDuration,
    },
}

impl Rate {
    /// `burst` at once and then one every `every`.
    pub const fn new(burst: u32, every: SignedDuration) -> Self {
        Self { burst, every }
    }

    /// The latest stored arrival time with which an attempt at `now` is admitted.
    pub fn horizon(self, now: Timestamp) -> Timestamp {
        let slack =
            self.every.saturating_mul(i32::try_from(self.burst.saturating_sub(1)).unwrap_or(i32::MAX));
        now.checked_add(slack).unwrap_or(Timestamp::MAX)
    }

    /// Judges one attempt at `now`, given the stored arrival time.
    pub fn judge(self, arrival: Option<Timestamp>, now: Timestamp) -> Verdict {
        let arrival = arrival.unwrap_or(now).max(now);
        let horizon = self.horizon(now);
        if arrival > horizon {
            return Verdict::Refused { retry_after: arrival.duration_since(horizon) };
        }
        Verdict::Admitted { arrival: arrival.checked_add(self.every).unwrap_or(Timestamp::MAX) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_burst_passes_and_then_one_per_interval() {
        let rate = Rate::new(3, SignedDuration::from_secs(1));
        let (mut arrival, mut admitted) = (None, vec![]);
        for millisecond in (0..4000).step_by(100) {
            let now = Timestamp::from_millisecond(millisecond).unwrap();
            if let Verdict::Admitted { arrival: next } = rate.judge(arrival, now) {
                arrival = Some(next);
                admitted.push(millisecond);
            }
        }
        assert_eq!(admitted, [0, 100, 200, 1000, 2000, 3000]);
    }

    proptest! {
        #[test]
        fn never_more_than_the_burst_and_the_elapsed_intervals(steps in proptest::collection::vec(0_i64..500, 1..200), burst in 1_u32..8) {
            let rate = Rate::new(burst, SignedDuration::from_millis(200));
            let (mut now, mut arrival, mut count) = (0_i64, None, 0_i64);
            for step in steps {
                now += step;
                if let Verdict::Admitted { arrival: next } = rate.judge(arrival, Timestamp::from_millisecond(now).unwrap()) {
                    arrival = Some(next);
                    count += 1;
                }
            }
            prop_assert!(count <= i64::from(burst) + now / 200);
        }
    }
}
