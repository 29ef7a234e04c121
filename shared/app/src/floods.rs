//! How fast one connection may send frames.
//!
//! The count is in the memory of one instance of a function: a write for every frame would cost more than the frame. A
//! connection whose frames are spread over several instances may send that much to each; the stage's throttle
//! bounds them all.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use domain::{
    ConnectionId,
    rate::{Rate, Verdict},
};
use jiff::{SignedDuration, Timestamp};

use crate::{Error, Result};

/// Forty frames at once, and twenty a second.
const FRAMES: Rate = Rate::new(40, SignedDuration::from_millis(50));
/// With more connections than this in memory, those are forgotten that are at rest.
const REMEMBERED: usize = 10_000;

/// Counts frames by connection.
#[derive(Debug, Default)]
pub struct Floods(Mutex<HashMap<ConnectionId, Timestamp>>);

impl Floods {
    /// Counts one frame.
    ///
    /// # Errors
    /// [`Error::Limited`] if it is one too many.
    pub fn admit(&self, connection: &ConnectionId, now: Timestamp) -> Result<()> {
        let mut arrivals = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match FRAMES.judge(arrivals.get(connection).copied(), now) {
            Verdict::Admitted { arrival } => {
                if arrivals.len() >= REMEMBERED {
                    arrivals.retain(|_, arrival| *arrival > now);
                }
                arrivals.insert(connection.clone(), arrival);
                Ok(())
            }
            Verdict::Refused { retry_after } => Err(Error::Limited { retry_after }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admitted(floods: &Floods, connection: &str, frames: usize, now: Timestamp) -> usize {
        let connection = ConnectionId::new(connection);
        (0..frames).filter(|_| floods.admit(&connection, now).is_ok()).count()
    }

    #[test]
    fn one_connection_s_flood_is_its_own() {
        let (floods, now) = (Floods::default(), Timestamp::UNIX_EPOCH);
        assert_eq!(admitted(&floods, "flood", 1_000, now), 40);
        assert_eq!(admitted(&floods, "other", 10, now), 10);
        let later = now + SignedDuration::from_secs(1);
        assert_eq!(admitted(&floods, "flood", 1_000, later), 20, "twenty a second");
    }

    #[test]
    fn connections_at_rest_are_forgotten() {
        let (floods, now) = (Floods::default(), Timestamp::UNIX_EPOCH);
        for n in 0..REMEMBERED {
            admitted(&floods, &format!("c{n}"), 1, now);
        }
        admitted(&floods, "late", 1, now + SignedDuration::from_secs(1));
        assert_eq!(floods.0.lock().unwrap().len(), 1);
    }
}
