//! Buckets: the rows that one stock level is divided into when thousands buy the same thing at once.
//!
//! One row of the database takes about a thousand writes a second. A level that is divided lies in several rows in
//! several partitions, and whoever takes pieces takes them from one of these. A level is the sum of its buckets, and
//! since no bucket ever falls below nothing, neither does the level.

use serde::{Deserialize, Serialize};

use crate::stock::{InsufficientStock, Quantity, Sku};

/// One of the rows of a level; the first is the only one unless the level was divided.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Bucket(u16);

impl Bucket {
    /// The bucket that every level has.
    pub const FIRST: Self = Self(0);
    /// The most buckets of one level: as many as one transaction can share pieces out to.
    pub const MOST: u16 = 32;

    /// Bucket number `number`, from 0.
    pub const fn new(number: u16) -> Self {
        Self(number)
    }

    /// Its number, from 0.
    pub const fn number(self) -> u16 {
        self.0
    }

    /// Whether it is the one that every level has.
    pub const fn is_first(&self) -> bool {
        self.0 == 0
    }

    /// The first `count` buckets.
    pub fn all(count: u16) -> impl Iterator<Item = Self> {
        (0..count.max(1)).map(Self)
    }
}

/// Some pieces of a SKU that lie in one bucket.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Part {
    /// Of what, and where.
    #[serde(flatten)]
    pub sku: Sku,
    /// In which bucket.
    #[serde(default, skip_serializing_if = "Bucket::is_first")]
    pub bucket: Bucket,
    /// How many.
    pub quantity: Quantity,
}

/// From which buckets to take `wanted` pieces, when so many lie in each: from the fullest if it has enough, else from
/// as few as possible.
pub fn draw(free: &[(Bucket, i64)], wanted: Quantity) -> Result<Vec<(Bucket, Quantity)>, InsufficientStock> {
    let available = free.iter().map(|(_, pieces)| (*pieces).max(0)).sum();
    let mut fullest: Vec<_> = free.iter().copied().filter(|(_, pieces)| *pieces > 0).collect();
    fullest.sort_by_key(|(bucket, pieces)| (std::cmp::Reverse(*pieces), *bucket));
    let mut missing = i64::from(wanted);
    let mut taken = vec![];
    for (bucket, pieces) in fullest {
        let some = u32::try_from(pieces.min(missing)).ok().and_then(|some| Quantity::new(some).ok());
        taken.extend(some.map(|some| (bucket, some)));
        missing -= pieces.min(missing);
        if missing == 0 {
            return Ok(taken);
        }
    }
    Err(InsufficientStock { available })
}

/// `pieces` shared out to `count` buckets, as evenly as whole pieces can be; the first ones get one more.
pub fn share_out(pieces: i64, count: u16) -> Vec<i64> {
    let count = i64::from(count.max(1));
    let (each, left) = (pieces.div_euclid(count), pieces.rem_euclid(count));
    (0..count).map(|number| each + i64::from(number < left)).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn pieces(n: u32) -> Quantity {
        Quantity::new(n).unwrap()
    }

    fn buckets(free: &[i64]) -> Vec<(Bucket, i64)> {
        (0..).map(Bucket::new).zip(free.iter().copied()).collect()
    }

    #[test]
    fn the_fullest_bucket_serves_alone_if_it_can() {
        assert_eq!(draw(&buckets(&[3, 9, 5]), pieces(4)).unwrap(), [(Bucket::new(1), pieces(4))]);
    }

    #[test]
    fn buckets_that_are_short_alone_serve_together() {
        let taken = draw(&buckets(&[2, 0, 3]), pieces(5)).unwrap();
        assert_eq!(taken, [(Bucket::new(2), pieces(3)), (Bucket::new(0), pieces(2))]);
        assert_eq!(draw(&buckets(&[2, 0, 3]), pieces(6)), Err(InsufficientStock { available: 5 }));
    }

    proptest! {
        #[test]
        fn what_is_drawn_is_what_was_wanted_and_lies_there(
            free in proptest::collection::vec(0_i64..50, 1..16), wanted in 1_u32..400,
        ) {
            let there: i64 = free.iter().sum();
            match draw(&buckets(&free), pieces(wanted)) {
                Ok(taken) => {
                    prop_assert_eq!(taken.iter().map(|(_, q)| q.get()).sum::<u32>(), wanted);
                    for (bucket, quantity) in taken {
                        prop_assert!(i64::from(quantity) <= free[usize::from(bucket.number())]);
                    }
                }
                Err(short) => {
                    prop_assert_eq!(short.available, there);
                    prop_assert!(there < i64::from(wanted));
                }
            }
        }

        #[test]
        fn shares_differ_by_one_piece_at_most(total in 0_i64..10_000, count in 1_u16..32) {
            let shares = share_out(total, count);
            prop_assert_eq!(shares.iter().sum::<i64>(), total);
            prop_assert!(shares.iter().max().unwrap() - shares.iter().min().unwrap() <= 1);
        }
    }
}
