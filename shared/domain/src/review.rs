//! What customers think of a product: stars, and how they add up.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A rating: 1 to 5 stars.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "u8", into = "u8")]
#[schema(value_type = u8, minimum = 1, maximum = 5)]
pub struct Stars(u8);

/// The number is no rating.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected 1 to 5 stars")]
pub struct InvalidStars;

impl Stars {
    /// Every rating, lowest first.
    pub const ALL: [Self; 5] = [Self(1), Self(2), Self(3), Self(4), Self(5)];

    /// `stars`, if there are 1 to 5 of them.
    pub fn new(stars: u8) -> Result<Self, InvalidStars> {
        if (1..=5).contains(&stars) { Ok(Self(stars)) } else { Err(InvalidStars) }
    }

    /// How many stars.
    pub const fn get(self) -> u8 {
        self.0
    }
}

impl TryFrom<u8> for Stars {
    type Error = InvalidStars;
    fn try_from(stars: u8) -> Result<Self, InvalidStars> {
        Self::new(stars)
    }
}

impl From<Stars> for u8 {
    fn from(stars: Stars) -> Self {
        stars.0
    }
}

/// How many reviews give a product each number of stars. Sum, count and average follow from that.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Ratings([u64; 5]);

impl Ratings {
    /// Counts as they are stored: how many reviews give one star, two, …
    pub const fn of(counts: [u64; 5]) -> Self {
        Self(counts)
    }

    /// How many reviews give each number of stars, lowest first.
    pub fn each(&self) -> impl Iterator<Item = (Stars, u64)> {
        Stars::ALL.into_iter().zip(self.0)
    }

    /// How many reviews there are.
    pub fn count(&self) -> u64 {
        self.0.iter().sum()
    }

    /// All stars of all reviews.
    pub fn sum(&self) -> u64 {
        self.each().map(|(stars, count)| u64::from(stars.get()) * count).sum()
    }

    /// The average in hundredths of a star, half rounded up: 367 for 3.67. `None` without reviews.
    pub fn average_hundredths(&self) -> Option<u64> {
        let count = self.count();
        (count > 0).then(|| (self.sum() * 200 + count) / (2 * count))
    }
}

/// What a review that gave `before` and now gives `after` does to the counts: which change, and by how much.
pub fn changes(before: Option<Stars>, after: Option<Stars>) -> Vec<(Stars, i64)> {
    if before == after {
        return vec![];
    }
    before.map(|stars| (stars, -1)).into_iter().chain(after.map(|stars| (stars, 1))).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ratings_are_whole_stars_from_one_to_five() {
        for wrong in ["0", "6", "-1", "4.5", "\"5\"", "261"] {
            assert!(serde_json::from_str::<Stars>(wrong).is_err(), "{wrong}");
        }
        assert_eq!(serde_json::from_str::<Stars>("5").unwrap(), Stars::new(5).unwrap());
    }

    #[test]
    fn an_average_is_rounded_half_up_and_nothing_has_none() {
        assert_eq!(Ratings::default().average_hundredths(), None);
        assert_eq!(Ratings::of([0, 0, 1, 2, 0]).average_hundredths(), Some(367)); // 11 / 3
        assert_eq!(Ratings::of([1, 0, 0, 0, 7]).average_hundredths(), Some(450)); // 36 / 8
        assert_eq!(Ratings::of([0, 0, 0, 7, 1]).average_hundredths(), Some(413)); // 33 / 8 = 4.125
    }

    proptest! {
        /// However often people change their minds, the counts are those of the reviews that stand.
        #[test]
        fn counts_are_those_of_the_reviews_that_stand(
            acts in proptest::collection::vec((0_u8..6, proptest::option::of(1_u8..6)), 0..100)
        ) {
            let mut standing: BTreeMap<u8, Stars> = BTreeMap::new();
            let mut counts = [0_i64; 5];
            for (who, stars) in acts {
                let after = stars.map(|stars| Stars::new(stars).unwrap());
                let before = standing.get(&who).copied();
                for (stars, by) in changes(before, after) {
                    counts[usize::from(stars.get()) - 1] += by;
                }
                match after {
                    Some(stars) => standing.insert(who, stars),
                    None => standing.remove(&who),
                };
            }
            let counted = Ratings::of(counts.map(|count| u64::try_from(count).unwrap()));
            prop_assert_eq!(counted.count(), standing.len() as u64);
            prop_assert_eq!(counted.sum(), standing.values().map(|stars| u64::from(stars.get())).sum::<u64>());
        }
    }
}
