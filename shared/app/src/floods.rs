//! How fast one connection may send frames, and one person send them and open sockets.
//!
//! The counts are in the memory of one instance of a function: a write for every frame would cost more than the frame.
//! Whoever is spread over several instances may send that much to each; the stage's throttle bounds them all.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use domain::{
    Principal,
    rate::{Rate, Verdict},
};
use jiff::{SignedDuration, Timestamp};

use crate::{Error, Result};

/// Forty frames at once, and twenty a second.
const FRAMES: Rate = Rate::new(40, SignedDuration::from_millis(50));
/// Of all sockets of one person, of whom some have several devices and many tabs.
const FRAMES_OF_ALL: Rate = Rate::new(400, SignedDuration::from_millis(10));
/// Sockets that one person opens with their token. With tickets they open no more than they are given.
const SOCKETS: Rate = Rate::new(100, SignedDuration::from_millis(500));
/// Whoever goes on after so many refusals in a row does not listen: each of their frames is paid for.
const PATIENCE: u32 = 500;
/// With more senders than this in memory, those are forgotten that are at rest.
const REMEMBERED: usize = 10_000;

/// Counts what comes from each sender.
#[derive(Debug)]
pub struct Floods {
    rate: Rate,
    senders: Mutex<HashMap<String, Sender>>,
}

#[derive(Debug, Clone, Copy)]
struct Sender {
    arrival: Timestamp,
    refused: u32,
}

/// That a sender sends too much.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooMuch {
    /// How long until one more is admitted.
    pub retry_after: SignedDuration,
    /// Whether they have been told so often that it is time to hang up.
    pub is_enough: bool,
}

impl From<TooMuch> for Error {
    fn from(TooMuch { retry_after, .. }: TooMuch) -> Self {
        Self::Limited { retry_after }
    }
}

impl Floods {
    /// Counts frames by connection.
    pub fn of_frames() -> Self {
        Self::of(FRAMES)
    }

    /// Counts frames by person.
    pub fn of_people() -> Self {
        Self::of(FRAMES_OF_ALL)
    }

    /// Counts sockets by person.
    pub fn of_sockets() -> Self {
        Self::of(SOCKETS)
    }

    fn of(rate: Rate) -> Self {
        Self { rate, senders: Mutex::default() }
    }

    /// Counts one of `sender`.
    ///
    /// # Errors
    /// If it is one too many.
    pub fn admit(&self, sender: &str, now: Timestamp) -> std::result::Result<(), TooMuch> {
        let mut senders = self.senders.lock().unwrap_or_else(PoisonError::into_inner);
        let known = senders.get_mut(sender);
        match self.rate.judge(known.as_deref().map(|known| known.arrival), now) {
            Verdict::Admitted { arrival } => {
                if known.is_none() && senders.len() >= REMEMBERED {
                    senders.retain(|_, sender| sender.arrival > now);
                }
                senders.insert(sender.to_owned(), Sender { arrival, refused: 0 });
                Ok(())
            }
            Verdict::Refused { retry_after } => {
                let refused = known.map_or(1, |known| {
                    known.refused = known.refused.saturating_add(1);
                    known.refused
                });
                // Again after as many more, if hanging up failed.
                Err(TooMuch { retry_after, is_enough: refused.is_multiple_of(PATIENCE) })
            }
        }
    }

    /// Counts one of a person.
    ///
    /// # Errors
    /// [`Error::Limited`] if it is one too many.
    pub fn admit_of(&self, who: &Principal, now: Timestamp) -> Result<()> {
        Ok(self.admit(&format!("{}#{}", who.shop, who.subject), now)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admitted(floods: &Floods, sender: &str, frames: usize, now: Timestamp) -> usize {
        (0..frames).filter(|_| floods.admit(sender, now).is_ok()).count()
    }

    #[test]
    fn one_connection_s_flood_is_its_own() {
        let (floods, now) = (Floods::of_frames(), Timestamp::UNIX_EPOCH);
        assert_eq!(admitted(&floods, "flood", 1_000, now), 40);
        assert_eq!(admitted(&floods, "other", 10, now), 10);
        let later = now + SignedDuration::from_secs(1);
        assert_eq!(admitted(&floods, "flood", 1_000, later), 20, "twenty a second");
    }

    #[test]
    fn whoever_goes_on_is_hung_up_on_and_whoever_waits_is_not() {
        let (floods, mut now) = (Floods::of_frames(), Timestamp::UNIX_EPOCH);
        let ends = |frames: usize, now| {
            let refusals = (0..frames).filter_map(|_| floods.admit("flood", now).err());
            refusals.filter(|refusal| refusal.is_enough).count()
        };
        assert_eq!(ends(539, now), 0);
        assert_eq!(ends(1, now), 1);
        for _ in 0..10 {
            now += SignedDuration::from_millis(50);
            assert_eq!(ends(499, now), 0, "one is admitted, and the count begins anew");
        }
    }

    #[test]
    fn senders_at_rest_are_forgotten() {
        let (floods, now) = (Floods::of_frames(), Timestamp::UNIX_EPOCH);
        for n in 0..REMEMBERED {
            admitted(&floods, &format!("c{n}"), 1, now);
        }
        admitted(&floods, "late", 1, now + SignedDuration::from_secs(1));
        assert_eq!(floods.senders.lock().unwrap().len(), 1);
    }
}
