//! Pacing: how fast one function posts, so that all together stay well under the account's quota of requests.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use crate::clock::Stopwatch;

/// How much of a pause is saved up for the next posts.
const SAVED: Duration = Duration::from_millis(100);

/// Lets posts go at a steady rate. Clones keep one pace.
#[derive(Debug, Clone)]
pub struct Pace {
    /// From one post to the next; none is as fast as it goes.
    every: Duration,
    /// When the next one may go, since `watch` was started.
    next: Arc<Mutex<Duration>>,
    watch: Stopwatch,
}

impl Pace {
    /// `per_second` posts; 0 is as fast as it goes.
    pub fn new(per_second: u32) -> Self {
        let every = Duration::from_secs(1).checked_div(per_second).unwrap_or_default();
        Self { every, next: Arc::default(), watch: Stopwatch::start() }
    }

    /// Waits for one's turn.
    pub async fn turn(&self) {
        let wait = self.reserve(self.watch.elapsed());
        if !wait.is_zero() {
            tokio::time::sleep(wait).await;
        }
    }

    /// Takes the next turn; returns how long it is until then.
    fn reserve(&self, now: Duration) -> Duration {
        if self.every.is_zero() {
            return Duration::ZERO;
        }
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        let turn = (*next).max(now.saturating_sub(SAVED));
        *next = turn + self.every;
        turn.saturating_sub(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// When each of so many posts goes, if each asks as soon as the one before went.
    fn turns(pace: &Pace, count: u32, mut now: Duration) -> Vec<Duration> {
        let turn = |_| {
            now += pace.reserve(now);
            now
        };
        (0..count).map(turn).collect()
    }

    #[test]
    fn a_thousand_posts_at_two_hundred_a_second_take_five_seconds() {
        let turns = turns(&Pace::new(200), 1_000, Duration::ZERO);
        assert_eq!(turns[999], Duration::from_millis(4_995));
        let within = |from: u64| {
            let second = Duration::from_millis(from)..Duration::from_millis(from + 1_000);
            turns.iter().filter(|turn| second.contains(*turn)).count()
        };
        assert!((0..4_000).step_by(10).all(|from| within(from) <= 200));
    }

    #[test]
    fn a_rest_is_not_saved_up_for_a_flood() {
        let pace = Pace::new(200);
        let after_an_hour = turns(&pace, 220, Duration::from_hours(1));
        let at_once = after_an_hour.iter().filter(|turn| **turn == Duration::from_hours(1)).count();
        assert_eq!(at_once, 21, "what a tenth of a second allows, and one");
    }

    #[test]
    fn without_a_pace_nobody_waits() {
        assert_eq!(turns(&Pace::new(0), 1_000, Duration::ZERO)[999], Duration::ZERO);
    }
}
