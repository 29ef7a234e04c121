//! Checkpoints: what the old rows of a ledger came to, so that they can go.
//!
//! A level is its checkpoint and the sum of the rows that are left, always. Nothing but sums is kept: of each level, of
//! what is set aside for each hold that has not ended, and of what was sold on each day.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::{ReservationId, Sku, StockChange, stock::ChangeType};

/// What the rows of one ledger that have gone came to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// How often this was written.
    pub version: u64,
    /// How many rows have gone.
    #[serde(default)]
    pub rows: u64,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    levels: Vec<LevelSum>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    holds: Vec<HoldSum>,
}

/// What they came to for one level.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LevelSum {
    /// Which.
    pub sku: Sku,
    /// Sum of the differences of pieces that can be sold, are set aside, are sold.
    pub sums: [i64; 3],
    /// Pieces sold less those that came back, by day.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub demand: Vec<(Date, i64)>,
}

/// What they set aside for a hold and did not give back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HoldSum {
    /// Which.
    pub reservation_id: ReservationId,
    /// Of what.
    pub sku: Sku,
    /// How many.
    pub pieces: i64,
}

impl StockChange {
    /// How many pieces somebody has wanted, or wanted no more.
    pub const fn demand(self) -> i64 {
        match self.kind {
            ChangeType::Sale | ChangeType::Return => self.committed,
            _ => 0,
        }
    }
}

impl Checkpoint {
    /// One of a ledger that has begun.
    pub fn begun() -> Self {
        Self { version: 1, ..Self::default() }
    }

    /// Takes a row up that goes: a change of `sku` on `day`, perhaps for a hold.
    pub fn absorb(&mut self, sku: &Sku, change: StockChange, hold: Option<&ReservationId>, day: Date) {
        self.rows += 1;
        if let Some(hold) = hold.filter(|_| change.reserved != 0) {
            self.set_aside(hold, sku, change.reserved);
        }
        if !self.levels.iter().any(|level| level.sku == *sku) {
            self.levels.push(LevelSum { sku: sku.clone(), sums: [0; 3], demand: vec![] });
        }
        let Some(level) = self.levels.iter_mut().find(|level| level.sku == *sku) else { return };
        let differences = [change.available, change.reserved, change.committed];
        level.sums.iter_mut().zip(differences).for_each(|(sum, difference)| *sum += difference);
        if change.demand() != 0 {
            match level.demand.iter_mut().find(|(known, _)| *known == day) {
                Some((_, pieces)) => *pieces += change.demand(),
                None => level.demand.push((day, change.demand())),
            }
        }
    }

    /// Forgets what was sold before `day`: nobody asks for it any more.
    pub fn forget_demand_before(&mut self, day: Date) {
        for level in &mut self.levels {
            level.demand.retain(|(known, _)| *known >= day);
        }
    }

    /// What is kept of each level.
    pub fn levels(&self) -> &[LevelSum] {
        &self.levels
    }

    /// What is kept of holds.
    pub fn holds(&self) -> &[HoldSum] {
        &self.holds
    }

    fn set_aside(&mut self, hold: &ReservationId, sku: &Sku, pieces: i64) {
        let is_it = |sum: &&mut HoldSum| sum.reservation_id == *hold && sum.sku == *sku;
        match self.holds.iter_mut().find(is_it) {
            Some(sum) => sum.pieces += pieces,
            None => {
                self.holds.push(HoldSum { reservation_id: hold.clone(), sku: sku.clone(), pieces });
            }
        }
        self.holds.retain(|sum| sum.pieces != 0);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{LocationId, ProductId, stock::Quantity};

    fn sku(product: &str) -> Sku {
        Sku {
            product_id: ProductId::new(product).unwrap(),
            variant_id: None,
            location: LocationId::default(),
        }
    }

    fn day(day: i8) -> Date {
        Date::new(2026, 3, day).unwrap()
    }

    #[test]
    fn a_hold_that_has_ended_leaves_nothing() {
        let (mut checkpoint, two) = (Checkpoint::default(), Quantity::new(2).unwrap());
        let [one, other] = ["res_1", "res_2"].map(|id| ReservationId::new(id).unwrap());
        checkpoint.absorb(&sku("lamp"), StockChange::hold(two), Some(&one), day(1));
        checkpoint.absorb(&sku("lamp"), StockChange::hold(two), Some(&other), day(1));
        checkpoint.absorb(&sku("lamp"), StockChange::commit(two), Some(&one), day(2));
        let open = HoldSum { reservation_id: other, sku: sku("lamp"), pieces: 2 };
        assert_eq!(checkpoint.holds(), [open]);
        assert_eq!(checkpoint.levels()[0].sums, [-4, 2, 2]);
        assert_eq!(checkpoint.levels()[0].demand, [(day(2), 2)]);
        checkpoint.forget_demand_before(day(3));
        assert_eq!((checkpoint.levels()[0].demand.as_slice(), checkpoint.rows), (&[][..], 3));
    }

    proptest! {
        #[test]
        fn a_level_is_its_checkpoint_and_what_is_left(
            changes in proptest::collection::vec((0_u8..3, -5_i64..6), 1..60), gone in 0_usize..60,
        ) {
            let changes: Vec<_> = changes.into_iter()
                .map(|(which, n)| (sku(["a", "b", "c"][usize::from(which)]), StockChange::count(ChangeType::Restock, n)))
                .collect();
            let gone = gone.min(changes.len());
            let mut checkpoint = Checkpoint::default();
            for (sku, change) in &changes[..gone] {
                checkpoint.absorb(sku, *change, None, day(1));
            }
            let kept: i64 = checkpoint.levels().iter().map(|level| level.sums[0]).sum();
            let left: i64 = changes[gone..].iter().map(|(_, change)| change.available).sum();
            prop_assert_eq!(kept + left, changes.iter().map(|(_, change)| change.available).sum::<i64>());
        }
    }
}
