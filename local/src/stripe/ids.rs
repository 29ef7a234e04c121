//! Ids in Stripe's shape that sort by the time at which they were made.
//!
//! `pi_` + nine characters of time + fifteen random ones, in the 62 characters whose byte order is their value.
//! The order of keys in the store is therefore the order of creation, which is all that Stripe's lists need.

use std::sync::atomic::{AtomicU64, Ordering};

use jiff::Timestamp;
use rand::Rng;

const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const TIME_LENGTH: u32 = 9;
const RANDOM_LENGTH: usize = 15;
/// Ids within one millisecond count on in these low bits.
const COUNTER_BITS: u32 = 10;

/// Makes ids.
#[derive(Debug, Default)]
pub struct Ids {
    last: AtomicU64,
}

impl Ids {
    /// A new id, greater than every earlier one with the same prefix.
    pub fn next(&self, prefix: &str, now: Timestamp) -> String {
        let floor = stamp(now);
        let next = |last: u64| Some(floor.max(last.saturating_add(1)));
        let last = self.last.fetch_update(Ordering::SeqCst, Ordering::SeqCst, next).unwrap_or_default();
        format!("{prefix}_{}{}", base62(floor.max(last.saturating_add(1))), random(RANDOM_LENGTH))
    }
}

/// A key that sorts before every id made at `instant` or later, and after every earlier one.
pub fn bound(prefix: &str, instant: Timestamp) -> String {
    format!("{prefix}_{}", base62(stamp(instant)))
}

/// Random characters of the alphabet of ids.
pub fn random(length: usize) -> String {
    let mut random = rand::rng();
    let character = |_| ALPHABET.get(random.random_range(0..ALPHABET.len())).copied().map_or('0', char::from);
    (0..length).map(character).collect()
}

fn stamp(instant: Timestamp) -> u64 {
    u64::try_from(instant.as_millisecond()).unwrap_or_default() << COUNTER_BITS
}

fn base62(number: u64) -> String {
    let digit = |power| {
        let digit = usize::try_from(number / 62_u64.pow(power) % 62).unwrap_or_default();
        ALPHABET.get(digit).copied().map_or('0', char::from)
    };
    (0..TIME_LENGTH).rev().map(digit).collect()
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;

    #[test]
    fn ids_sort_by_creation_even_within_one_instant() {
        let ids = Ids::default();
        let now: Timestamp = "2026-11-21T09:00:00Z".parse().unwrap();
        let made: Vec<String> = (0..5000).map(|_| ids.next("pi", now)).collect();
        assert!(made.is_sorted());
        assert_eq!(made[0].len(), "pi_".len() + 24);
    }

    #[test]
    fn a_bound_parts_earlier_ids_from_later_ones() {
        let ids = Ids::default();
        let now: Timestamp = "2026-11-21T09:00:00Z".parse().unwrap();
        let later = now + SignedDuration::from_secs(1);
        let (first, second) = (ids.next("evt", now), ids.next("evt", later));
        let bound = bound("evt", later);
        assert!(first < bound && bound < second);
    }
}
