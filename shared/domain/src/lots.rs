//! Lots: pieces of one level that are best before a day.
//!
//! Nobody says from which lot a piece was sold. So what is left of each is worked out from how many pieces lie there:
//! what keeps shortest is taken to have gone first, and pieces without a day last. That is how perishable goods are
//! put on a shelf, and where it is not, people are warned of too little rather than of goods that are long gone.

use jiff::{ToSpan, civil::Date};
use serde::{Deserialize, Serialize};

/// Pieces that are best before one day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lot {
    /// The day.
    pub expires_on: Date,
    /// How many were left when this was last worked out.
    pub pieces: i64,
    /// Whether people were told that it will be too old soon.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_told: bool,
}

/// The lots of one level, soonest first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lots {
    /// How often this was written.
    pub version: u64,
    lots: Vec<Lot>,
    /// Pieces that have no day.
    undated: i64,
}

impl Lots {
    /// The most days that are told apart. Beyond it the two last ones count as the sooner of them.
    pub const MOST: usize = 60;

    /// Works out what is left when `on_hand` pieces lie there.
    pub fn settle(&mut self, on_hand: i64) {
        let known = self.undated + self.lots.iter().map(|lot| lot.pieces).sum::<i64>();
        let mut gone = (known - on_hand).max(0);
        for lot in &mut self.lots {
            let taken = gone.min(lot.pieces);
            lot.pieces -= taken;
            gone -= taken;
        }
        self.lots.retain(|lot| lot.pieces > 0);
        // What came back, or in without a word about its age, has no day.
        self.undated += (on_hand - known).max(0) - gone;
    }

    /// Notes that pieces came in.
    pub fn deliver(&mut self, expires_on: Option<Date>, pieces: i64) {
        let Some(expires_on) = expires_on else {
            self.undated += pieces;
            return;
        };
        match self.lots.binary_search_by_key(&expires_on, |lot| lot.expires_on) {
            Ok(index) => self.lots.iter_mut().skip(index).take(1).for_each(|lot| lot.pieces += pieces),
            Err(index) => self.lots.insert(index, Lot { expires_on, pieces, is_told: false }),
        }
        if self.lots.len() > Self::MOST
            && let Some(last) = self.lots.pop()
            && let Some(sooner) = self.lots.last_mut()
        {
            sooner.pieces += last.pieces;
        }
    }

    /// Up to `most` lots that are too old within `days` days of `today` and that nobody was told of: they count as
    /// told then. One that is no longer within them, since the shop has changed its mind, is told again.
    pub fn tell(&mut self, today: Date, days: Option<u16>, most: usize) -> Vec<Lot> {
        let mut told = vec![];
        for lot in &mut self.lots {
            match days.is_some_and(|days| enters_on(lot, days) <= today) {
                false => lot.is_told = false,
                true if !lot.is_told && told.len() < most => {
                    lot.is_told = true;
                    told.push(lot.clone());
                }
                true => {}
            }
        }
        told
    }

    /// The day on which the next lot is to be told, if there is one.
    pub fn next_day(&self, days: Option<u16>) -> Option<Date> {
        let untold = self.lots.iter().filter(|lot| !lot.is_told);
        untold.filter_map(|lot| Some(enters_on(lot, days?))).min()
    }
}

/// The first day on which a lot is too old within `days` days.
fn enters_on(lot: &Lot, days: u16) -> Date {
    lot.expires_on.saturating_sub(i32::from(days).days())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn day(day: i8) -> Date {
        Date::new(2026, 3, 1).unwrap().saturating_add(i32::from(day).days())
    }

    fn left(lots: &Lots) -> Vec<(Date, i64)> {
        lots.lots.iter().map(|lot| (lot.expires_on, lot.pieces)).collect()
    }

    #[test]
    fn what_keeps_shortest_goes_first_and_what_has_no_day_last() {
        let mut lots = Lots::default();
        lots.deliver(Some(day(9)), 5);
        lots.deliver(None, 4);
        lots.deliver(Some(day(3)), 2);
        lots.settle(8);
        assert_eq!(left(&lots), [(day(9), 4)]);
        lots.settle(3);
        assert_eq!((left(&lots), lots.undated), (vec![], 3));
        lots.settle(7);
        assert_eq!((left(&lots), lots.undated), (vec![], 7), "what comes back has no day");
    }

    #[test]
    fn a_lot_is_told_once_and_again_only_after_it_was_not_due() {
        let mut lots = Lots::default();
        lots.deliver(Some(day(9)), 5);
        assert_eq!(lots.next_day(Some(3)), Some(day(6)));
        assert_eq!(lots.tell(day(5), Some(3), 9), []);
        assert_eq!(lots.tell(day(6), Some(3), 9).len(), 1);
        assert_eq!((lots.tell(day(7), Some(3), 9), lots.next_day(Some(3))), (vec![], None));
        assert_eq!(lots.tell(day(7), Some(1), 9), []);
        assert_eq!(lots.tell(day(8), Some(1), 9).len(), 1);
        assert_eq!((lots.tell(day(8), None, 9), lots.next_day(None)), (vec![], None));
    }

    proptest! {
        #[test]
        fn all_pieces_that_lie_there_are_in_some_lot_and_in_one(
            acts in proptest::collection::vec((proptest::option::of(0_i8..100), 1_i64..20, 0_i64..30), 1..150),
        ) {
            let (mut lots, mut on_hand) = (Lots::default(), 0_i64);
            for (on, came, went) in acts {
                lots.settle(on_hand);
                lots.deliver(on.map(day), came);
                on_hand += came;
                on_hand -= went.min(on_hand);
                lots.settle(on_hand);
                prop_assert_eq!(lots.undated + left(&lots).iter().map(|(_, pieces)| pieces).sum::<i64>(), on_hand);
                prop_assert!(lots.undated >= 0 && left(&lots).iter().all(|(_, pieces)| *pieces > 0));
                prop_assert!(lots.lots.len() <= Lots::MOST);
                prop_assert!(left(&lots).is_sorted());
            }
        }
    }
}
