//! The moments in which something was done, as stretches of time to look at.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};

/// Rows of one transaction are named one after the other, and a transaction may be tried again.
const AROUND: SignedDuration = SignedDuration::from_secs(2);

/// Moments, each once.
#[derive(Debug, Clone, Default)]
pub(super) struct Moments(BTreeSet<Timestamp>);

impl Moments {
    /// The time around them, without overlaps.
    pub(super) fn stretches(&self) -> Vec<(Timestamp, Timestamp)> {
        let mut stretches: Vec<(Timestamp, Timestamp)> = vec![];
        for moment in &self.0 {
            let from = moment.checked_sub(AROUND).unwrap_or(Timestamp::MIN);
            let to = moment.checked_add(AROUND).unwrap_or(Timestamp::MAX);
            match stretches.last_mut() {
                Some((_, end)) if from <= *end => *end = to,
                _ => stretches.push((from, to)),
            }
        }
        stretches
    }
}

impl Extend<Timestamp> for Moments {
    fn extend<I: IntoIterator<Item = Timestamp>>(&mut self, moments: I) {
        self.0.extend(moments);
    }
}

impl FromIterator<Timestamp> for Moments {
    fn from_iter<I: IntoIterator<Item = Timestamp>>(moments: I) -> Self {
        Self(moments.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_close_together_are_one_stretch() {
        let at = |second: i64| Timestamp::from_second(second).unwrap();
        let moments: Moments = [at(20), at(3), at(1), at(4), at(1)].into_iter().collect();
        assert_eq!(moments.stretches(), [(at(-1), at(6)), (at(18), at(22))]);
    }
}
