//! What makes time pass: the tick while the clock runs, and the steps when it is turned.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use jiff::{SignedDuration, Timestamp};
use tokio::{sync::RwLock, time::MissedTickBehavior};

use crate::{clock::TurnableClock, lambda::Lambda, part::Part};

/// How often a part is asked whether something is due.
const TICK: Duration = Duration::from_millis(20);

/// How long work may stay under way before whoever waits for its end is told so.
const PATIENCE: Duration = Duration::from_mins(1);

/// How often in a row everything must be found at rest: work changes hands between two looks.
const LOOKS: u32 = 3;

/// Drives the parts. Clones drive the same.
#[derive(Clone)]
pub(crate) struct Drive(Arc<Driven>);

struct Driven {
    clock: TurnableClock,
    lambda: Lambda,
    parts: Vec<(&'static str, Arc<dyn Part>)>,
    /// Ticks hold it shared, turning holds it alone: what a tick has begun is never overlooked.
    turning: RwLock<()>,
}

/// Work stayed under way for a minute.
#[derive(Debug, thiserror::Error)]
#[error("still under way after {} seconds: {}", PATIENCE.as_secs(), .0.join(", "))]
pub struct StillBusy(Vec<&'static str>);

impl StillBusy {
    pub(super) fn ended() -> Self {
        Self(vec!["the end of the local cloud"])
    }
}

impl Drive {
    pub fn new(clock: TurnableClock, lambda: Lambda, parts: Vec<(&'static str, Arc<dyn Part>)>) -> Self {
        Self(Arc::new(Driven { clock, lambda, parts, turning: RwLock::new(()) }))
    }

    /// Does from now on what falls due as the clock shows it; each part has a task, so that none waits for another.
    pub fn tick(&self) {
        for (_, part) in &self.0.parts {
            let (driven, part) = (Arc::clone(&self.0), Arc::clone(part));
            tokio::spawn(async move {
                let mut ticks = tokio::time::interval(TICK);
                ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
                loop {
                    ticks.tick().await;
                    let _turning = driven.turning.read().await;
                    part.run_due(driven.clock.now()).await;
                }
            });
        }
    }

    /// Turns the clock from one instant at which something is due to the next.
    pub async fn advance(&self, by: SignedDuration) -> Result<Timestamp, StillBusy> {
        let driven = &self.0;
        let target = driven.clock.after(by);
        let _turning = driven.turning.write().await;
        loop {
            driven.settle().await?;
            let next = driven.next_due().filter(|next| *next <= target);
            driven.clock.turn_to(next.unwrap_or(target));
            driven.run_due().await;
            if next.is_none() {
                driven.settle().await?;
                return Ok(driven.clock.now());
            }
        }
    }

    /// Waits until nothing is under way and nothing can be delivered or done now.
    pub async fn idle(&self) -> Result<(), StillBusy> {
        let _turning = self.0.turning.write().await;
        self.0.settle().await
    }
}

impl Driven {
    async fn settle(&self) -> Result<(), StillBusy> {
        let began = Instant::now();
        let mut looks = 0;
        while looks < LOOKS {
            let busy = self.busy();
            if busy.is_empty() {
                looks += 1;
                tokio::task::yield_now().await;
                continue;
            }
            if began.elapsed() > PATIENCE {
                return Err(StillBusy(busy));
            }
            looks = 0;
            self.run_due().await;
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        Ok(())
    }

    fn busy(&self) -> Vec<&'static str> {
        let now = self.clock.now();
        let is_busy = |part: &Arc<dyn Part>| part.is_busy() || part.next_due().is_some_and(|due| due <= now);
        let parts = self.parts.iter().filter(|(_, part)| is_busy(part));
        let functions = self.lambda.is_busy().then_some("functions");
        parts.map(|(name, _)| *name).chain(functions).collect()
    }

    fn next_due(&self) -> Option<Timestamp> {
        self.parts.iter().filter_map(|(_, part)| part.next_due()).min()
    }

    async fn run_due(&self) {
        let now = self.clock.now();
        for (_, part) in &self.parts {
            part.run_due(now).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, sync::Mutex};

    use super::*;
    use crate::part::Boxed;

    /// A part that is due at given instants and notes when it was run.
    #[derive(Default)]
    struct Agenda {
        due: Mutex<Vec<Timestamp>>,
        seen: Mutex<Vec<i64>>,
    }

    impl Part for Agenda {
        fn next_due(&self) -> Option<Timestamp> {
            self.due.lock().unwrap().iter().min().copied()
        }

        fn run_due(&self, now: Timestamp) -> Boxed<'_, ()> {
            Box::pin(async move {
                let mut due = self.due.lock().unwrap();
                if due.iter().any(|due| *due <= now) {
                    due.retain(|due| *due > now);
                    self.seen.lock().unwrap().push(now.as_second());
                }
            })
        }

        fn is_busy(&self) -> bool {
            false
        }
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[tokio::test]
    async fn turning_the_clock_stops_wherever_something_falls_due() {
        let clock = TurnableClock::standing_at(at(1000));
        let agenda = Arc::new(Agenda::default());
        *agenda.due.lock().unwrap() = vec![at(1005), at(1010), at(2000)];
        let parts: Vec<(&str, Arc<dyn Part>)> = vec![("agenda", agenda.clone())];
        let drive = Drive::new(clock.clone(), Lambda::in_process(BTreeMap::new()), parts);
        let now = drive.advance(SignedDuration::from_secs(20)).await.unwrap();
        assert_eq!((now, clock.now()), (at(1020), at(1020)));
        assert_eq!(*agenda.seen.lock().unwrap(), [1005, 1010]);
    }

    #[tokio::test]
    async fn waiting_for_rest_does_what_is_due_now() {
        let clock = TurnableClock::standing_at(at(1000));
        let agenda = Arc::new(Agenda::default());
        *agenda.due.lock().unwrap() = vec![at(990), at(1001)];
        let parts: Vec<(&str, Arc<dyn Part>)> = vec![("agenda", agenda.clone())];
        let drive = Drive::new(clock, Lambda::in_process(BTreeMap::new()), parts);
        drive.idle().await.unwrap();
        assert_eq!(*agenda.seen.lock().unwrap(), [1000]);
    }
}
