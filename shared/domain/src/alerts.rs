//! When people should be told about stock: a level crossed a line, or something is to be had again.
//!
//! Whoever sees levels change may see a change twice, or late. So each line is crossed by a state that is remembered
//! and not by a number that is seen, and a level's version says what has been seen already.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{LocationId, lots::Lot, stock::ChangeType};

/// What an alert is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AlertKind {
    /// There are few left.
    LowStock,
    /// There are none left.
    OutOfStock,
    /// There are too many.
    Overstock,
    /// Some will soon be too old to sell.
    Expiring,
}

/// The lines of one level.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Thresholds {
    /// This many pieces and fewer are few.
    pub low_stock: i64,
    /// This many pieces and more are too many.
    pub overstock: Option<i64>,
}

/// One change of one level, as it was seen.
#[derive(Debug, Clone, Copy)]
pub struct Sighting<'a> {
    /// Where.
    pub location: &'a LocationId,
    /// The level's version after it.
    pub version: u64,
    /// Pieces that could be bought before it.
    pub before: i64,
    /// Pieces that can be bought after it.
    pub after: i64,
    /// Pieces of the same thing that can be bought elsewhere.
    pub elsewhere: i64,
    /// What changed it.
    pub kind: ChangeType,
    /// The level's lines.
    pub thresholds: Thresholds,
}

/// Something to be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Crossing {
    /// A line of one level was crossed; staff should know.
    Alert {
        /// Which.
        kind: AlertKind,
        /// Where.
        location: LocationId,
        /// Pieces that can be bought there now.
        quantity: i64,
        /// The line.
        threshold: i64,
    },
    /// Pieces of one level will soon be too old; staff should know.
    Expiring {
        /// Where.
        location: LocationId,
        /// Which.
        lot: Lot,
        /// How many days ahead they count as such.
        days: u16,
    },
    /// Nothing of it is left anywhere.
    SoldOut,
    /// It came in again after there was none anywhere.
    BackInStock {
        /// Pieces that can be bought now.
        available: i64,
        /// The how manieth time this is.
        crossing: u64,
    },
}

/// What is remembered of a product or one of its variants.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Watch {
    /// How often this was written.
    #[serde(default)]
    pub version: u64,
    /// Each place where some of it lies.
    #[serde(default)]
    pub places: BTreeMap<LocationId, Place>,
    /// Whether there is none anywhere; unknown until it is seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub is_sold_out: Option<bool>,
    /// How often it came in again.
    #[serde(default)]
    pub crossings: u64,
}

/// What is remembered of one level.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// The version of the level that was last judged.
    pub seen: u64,
    /// Whether there were few.
    pub is_low: bool,
    /// Whether there were none.
    pub is_out: bool,
    /// Whether there were too many.
    pub is_over: bool,
}

impl Thresholds {
    fn judge(self, available: i64) -> [bool; 3] {
        [available <= self.low_stock, available <= 0, self.overstock.is_some_and(|most| available >= most)]
    }

    /// Whether a change of a level can have crossed a line: all that most changes need to be asked.
    pub fn may_be_crossed(self, before: i64, after: i64) -> bool {
        self.judge(before) != self.judge(after)
    }
}

impl ChangeType {
    /// Whether pieces came in from outside, and did not only go back from somebody's cart.
    pub const fn is_supply(self) -> bool {
        matches!(self, Self::Restock | Self::Adjustment | Self::Correction | Self::Return)
    }
}

impl Watch {
    /// Whether both remember the same, whichever changes were seen.
    #[must_use]
    pub fn agrees_with(&self, other: &Self) -> bool {
        let state = |place: &Place| [place.is_low, place.is_out, place.is_over];
        self.is_sold_out == other.is_sold_out
            && self.crossings == other.crossings
            && self.places.len() == other.places.len()
            && self.places.iter().all(|(location, place)| {
                other.places.get(location).is_some_and(|other| state(place) == state(other))
            })
    }

    /// Takes note of a change and says what is to be told; nothing of a change that was seen before.
    pub fn see(&mut self, sighting: &Sighting<'_>) -> Vec<Crossing> {
        let Sighting { location, version, before, after, elsewhere, kind, thresholds } = *sighting;
        let place = self.places.entry(location.clone()).or_insert_with(|| {
            let [is_low, is_out, is_over] = thresholds.judge(before);
            Place { seen: 0, is_low, is_out, is_over }
        });
        if version <= place.seen {
            return vec![];
        }
        let [is_low, is_out, is_over] = thresholds.judge(after);
        let mut crossings = vec![];
        let mut alert = |kind, threshold| {
            crossings.push(Crossing::Alert { kind, location: location.clone(), quantity: after, threshold });
        };
        if is_out && !place.is_out {
            alert(AlertKind::OutOfStock, 0);
        } else if is_low && !place.is_low {
            alert(AlertKind::LowStock, thresholds.low_stock);
        }
        if is_over && !place.is_over {
            alert(AlertKind::Overstock, thresholds.overstock.unwrap_or(after));
        }
        *place = Place { seen: version, is_low, is_out, is_over };
        let was_sold_out = self.is_sold_out.unwrap_or(before + elsewhere <= 0);
        let is_sold_out = after + elsewhere <= 0;
        self.is_sold_out = Some(is_sold_out);
        match (was_sold_out, is_sold_out) {
            (false, true) => crossings.push(Crossing::SoldOut),
            (true, false) if kind.is_supply() => {
                self.crossings += 1;
                let available = after + elsewhere;
                crossings.push(Crossing::BackInStock { available, crossing: self.crossings });
            }
            _ => {}
        }
        crossings
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LINES: Thresholds = Thresholds { low_stock: 10, overstock: Some(100) };

    fn main() -> LocationId {
        LocationId::default()
    }

    /// Goes through the changes `(kind, after)` of one level that begins empty; says what was told after each.
    fn told(watch: &mut Watch, changes: &[(ChangeType, i64)]) -> Vec<Vec<Crossing>> {
        let location = main();
        let mut before = 0;
        let see = |(version, (kind, after)): (u64, &(ChangeType, i64))| {
            let sighting = Sighting {
                location: &location,
                version,
                before,
                after: *after,
                elsewhere: 0,
                kind: *kind,
                thresholds: LINES,
            };
            before = *after;
            watch.see(&sighting)
        };
        (1..).zip(changes).map(see).collect()
    }

    fn alert(kind: AlertKind, quantity: i64, threshold: i64) -> Crossing {
        Crossing::Alert { kind, location: main(), quantity, threshold }
    }

    use ChangeType::{Adjustment, Expiry, Release, Reservation, Restock};

    #[test]
    fn one_in_one_out_one_in_is_back_in_stock_twice() {
        let told = told(&mut Watch::default(), &[(Restock, 1), (Reservation, 0), (Restock, 1)]);
        let back = |crossing| Crossing::BackInStock { available: 1, crossing };
        let out = alert(AlertKind::OutOfStock, 0, 0);
        assert_eq!(told, [vec![back(1)], vec![out, Crossing::SoldOut], vec![back(2)]]);
    }

    #[test]
    fn a_shoppers_own_cart_never_brings_anything_back_in_stock() {
        let changes =
            [(Restock, 1), (Reservation, 0), (Expiry, 1), (Reservation, 0), (Release, 1), (Restock, 2)];
        let told = told(&mut Watch::default(), &changes);
        let is_back = |crossing: &&Crossing| matches!(crossing, Crossing::BackInStock { .. });
        assert_eq!(told.iter().flatten().filter(is_back).count(), 1);
    }

    #[test]
    fn few_are_told_once_and_again_only_after_there_were_more() {
        let changes = [(Restock, 50), (Adjustment, 10), (Adjustment, 9), (Restock, 11), (Adjustment, 3)];
        let told = told(&mut Watch::default(), &changes);
        let low = |quantity| vec![alert(AlertKind::LowStock, quantity, 10)];
        assert_eq!(told[1..], [low(10), vec![], vec![], low(3)]);
    }

    #[test]
    fn what_comes_in_small_is_not_low_and_too_many_is_told_on_the_way_up() {
        let told =
            told(&mut Watch::default(), &[(Restock, 5), (Restock, 100), (Restock, 120), (Adjustment, 99)]);
        assert!(!told[0].contains(&alert(AlertKind::LowStock, 5, 10)));
        assert_eq!(told[1..], [vec![alert(AlertKind::Overstock, 100, 100)], vec![], vec![]]);
    }

    #[test]
    fn it_is_sold_out_only_when_there_is_none_anywhere() {
        let mut watch = Watch::default();
        let (here, there) = (main(), LocationId::new("attic").unwrap());
        let mut see = |location, version, before, after, elsewhere, kind| {
            watch.see(&Sighting { location, version, before, after, elsewhere, kind, thresholds: LINES })
        };
        see(&here, 1, 0, 3, 0, Restock);
        see(&there, 1, 0, 2, 3, Restock);
        let out = |location: &LocationId| Crossing::Alert {
            kind: AlertKind::OutOfStock,
            location: location.clone(),
            quantity: 0,
            threshold: 0,
        };
        assert_eq!(see(&here, 2, 3, 0, 2, Reservation), [out(&here)]);
        assert_eq!(see(&there, 2, 2, 0, 0, Reservation), [out(&there), Crossing::SoldOut]);
        assert_eq!(see(&here, 3, 0, 4, 0, Restock), [Crossing::BackInStock { available: 4, crossing: 2 }]);
    }

    fn any_changes() -> impl Strategy<Value = Vec<(ChangeType, i64)>> {
        let kind = prop_oneof![Just(Restock), Just(Reservation), Just(Release), Just(Adjustment)];
        proptest::collection::vec((kind, 0_i64..130), 1..40)
    }

    proptest! {
        #[test]
        fn a_change_that_is_seen_again_tells_nothing(changes in any_changes()) {
            let mut watch = Watch::default();
            told(&mut watch, &changes);
            let before = watch.clone();
            prop_assert!(told(&mut watch, &changes).iter().all(Vec::is_empty));
            prop_assert_eq!(watch, before);
        }

        #[test]
        fn what_may_not_be_crossed_tells_nothing(changes in any_changes()) {
            let mut before = 0;
            for (told, (_, after)) in told(&mut Watch::default(), &changes).iter().zip(&changes) {
                prop_assert!(LINES.may_be_crossed(before, *after) || told.is_empty());
                before = *after;
            }
        }
    }
}
