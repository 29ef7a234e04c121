//! Stock that goes from one hold to another: a holder is never blocked by what they hold themselves.

use std::collections::BTreeMap;

use crate::{
    Reservation, ReservationId,
    bucket::{Bucket, Part},
    reservation::{ReservationStatus, ReservedLine},
    stock::{InvalidQuantity, Quantity, Sku, StockChange},
};

/// How one hold comes to hold its lines: out of what it and its holder's other holds have, and of what it lacks.
#[derive(Debug, Clone)]
pub struct Transfer {
    target: Reservation,
    before: Option<Reservation>,
    ended: Vec<Reservation>,
    reused: Vec<Part>,
    /// What has to be drawn besides, one line per SKU.
    pub lacking: Vec<ReservedLine>,
}

/// A transfer, decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transferred {
    /// The hold as it is then.
    pub target: Reservation,
    /// The holds that went into it, given back.
    pub ended: Vec<Reservation>,
    /// What it does to the buckets.
    pub moves: Vec<Move>,
}

/// What a transfer does to one bucket in the name of one hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Move {
    /// The hold.
    pub reservation: ReservationId,
    /// Which bucket, and how many pieces.
    pub part: Part,
    /// How it changes.
    pub change: StockChange,
}

type Shelves = BTreeMap<(Sku, Bucket), u32>;

impl Transfer {
    /// `target`, already with the lines that it is to have, instead of what it was `before` (`None`: it is new) and
    /// of other holds of its holder, which end with it.
    pub fn to(target: Reservation, before: Option<Reservation>, ended: Vec<Reservation>) -> Self {
        let mut there = shelves(before.iter().chain(&ended));
        let (mut reused, mut lacking) = (vec![], vec![]);
        for line in &target.lines {
            let mut missing = line.quantity.get();
            for ((_, bucket), pieces) in there.iter_mut().filter(|((sku, _), _)| *sku == line.sku) {
                let some = missing.min(*pieces);
                *pieces -= some;
                missing -= some;
                reused.extend(part(&line.sku, *bucket, some));
            }
            let quantity = Quantity::new(missing).ok();
            lacking.extend(quantity.map(|quantity| ReservedLine { sku: line.sku.clone(), quantity }));
        }
        Self { target, before, ended, reused, lacking }
    }

    /// How many pieces of `sku` the holder has already.
    pub fn held_of(&self, sku: &Sku) -> u32 {
        let of_it = self.reused.iter().filter(|part| part.sku == *sku);
        of_it.map(|part| part.quantity.get()).sum()
    }

    /// What comes of it when what was lacking is drawn from these buckets.
    pub fn with(&self, drawn: &[Part]) -> Transferred {
        let mut after = Shelves::new();
        for part in self.reused.iter().chain(drawn) {
            *after.entry((part.sku.clone(), part.bucket)).or_default() += part.quantity.get();
        }
        let parts: Vec<Part> =
            after.iter().filter_map(|((sku, bucket), pieces)| part(sku, *bucket, *pieces)).collect();
        let is_divided = parts.iter().any(|part| !part.bucket.is_first());
        let mut target = self.target.clone();
        target.drawn = if is_divided { parts } else { vec![] };
        let mut moves = differences(&target.id, &shelves(&self.before), &after);
        for hold in &self.ended {
            moves.extend(differences(&hold.id, &shelves([hold]), &Shelves::new()));
        }
        let given_back = |hold: &Reservation| Reservation {
            status: ReservationStatus::Released,
            version: hold.version + 1,
            changed_at: self.target.changed_at,
            ..hold.clone()
        };
        Transferred { target, ended: self.ended.iter().map(given_back).collect(), moves }
    }
}

/// The lines of a hold that replaces `mine`: theirs, and in place of those that are wanted in another quantity, these.
pub fn replaced(mine: &[Reservation], wanted: &[ReservedLine]) -> Result<Vec<ReservedLine>, InvalidQuantity> {
    let kept = mine.iter().flat_map(|hold| hold.lines.iter().cloned());
    let kept = kept.filter(|line| wanted.iter().all(|other| other.sku != line.sku));
    crate::reservation::aggregate(kept.chain(wanted.iter().cloned()))
}

fn shelves<'a>(holds: impl IntoIterator<Item = &'a Reservation>) -> Shelves {
    let mut shelves = Shelves::new();
    for part in holds.into_iter().flat_map(Reservation::parts) {
        *shelves.entry((part.sku, part.bucket)).or_default() += part.quantity.get();
    }
    shelves
}

fn part(sku: &Sku, bucket: Bucket, pieces: u32) -> Option<Part> {
    let quantity = Quantity::new(pieces).ok()?;
    Some(Part { sku: sku.clone(), bucket, quantity })
}

fn differences(reservation: &ReservationId, before: &Shelves, after: &Shelves) -> Vec<Move> {
    let mut all: Vec<_> = before.keys().chain(after.keys()).collect();
    all.sort();
    all.dedup();
    let moved = all.into_iter().filter_map(|shelf| {
        let count = |shelves: &Shelves| shelves.get(shelf).copied().unwrap_or(0);
        let (was, is) = (count(before), count(after));
        let part = part(&shelf.0, shelf.1, was.abs_diff(is))?;
        let change = if is > was { StockChange::hold } else { StockChange::release }(part.quantity);
        Some(Move { reservation: reservation.clone(), part, change })
    });
    moved.collect()
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use proptest::prelude::*;

    use super::*;
    use crate::{LocationId, ProductId, UserId};

    fn line(product: &str, quantity: u32) -> ReservedLine {
        let sku = Sku {
            product_id: ProductId::new(product).unwrap(),
            variant_id: None,
            location: LocationId::default(),
        };
        ReservedLine { sku, quantity: Quantity::new(quantity).unwrap() }
    }

    fn hold(id: &str, lines: Vec<ReservedLine>) -> Reservation {
        Reservation {
            id: ReservationId::new(id).unwrap(),
            holder: UserId::new("ana").unwrap(),
            lines,
            drawn: vec![],
            status: ReservationStatus::Active,
            held_until: Timestamp::from_second(900).unwrap(),
            created_at: Timestamp::UNIX_EPOCH,
            changed_at: Timestamp::UNIX_EPOCH,
            order_id: None,
            for_order: None,
            is_extended: false,
            warned: None,
            version: 0,
        }
    }

    #[test]
    fn a_holder_lacks_only_what_they_do_not_hold_yet() {
        let before = hold("res_1", vec![line("lamp", 1)]);
        let lines = replaced(std::slice::from_ref(&before), &[line("lamp", 3)]).unwrap();
        let more = Transfer::to(Reservation { lines, ..before.clone() }, Some(before), vec![]);
        assert_eq!(more.lacking, [line("lamp", 2)]);
        let done = more.with(&[line("lamp", 2).in_first_bucket()]);
        assert_eq!(done.target.id.as_str(), "res_1");
        let changes: Vec<_> = done.moves.iter().map(|moved| moved.change.available).collect();
        assert_eq!(changes, [-2]);
    }

    #[test]
    fn what_is_wanted_no_more_goes_back_and_other_lines_stay() {
        let before = hold("res_1", vec![line("lamp", 3), line("shade", 1)]);
        let lines = replaced(std::slice::from_ref(&before), &[line("lamp", 1)]).unwrap();
        assert_eq!(lines, [line("lamp", 1), line("shade", 1)]);
        let fewer = Transfer::to(Reservation { lines, ..before.clone() }, Some(before), vec![]);
        assert_eq!(fewer.lacking, []);
        let changes: Vec<_> = fewer.with(&[]).moves.iter().map(|moved| moved.change).collect();
        assert_eq!(changes, [StockChange::release(Quantity::new(2).unwrap())]);
    }

    proptest! {
        #[test]
        fn no_piece_is_lost_or_made_on_its_way(
            first in 1_u32..9, second in 1_u32..9, wanted in 1_u32..30, bucket in 0_u16..4,
        ) {
            let (one, two) = (hold("res_1", vec![line("lamp", first)]), hold("res_2", vec![line("lamp", second)]));
            let target = Reservation { lines: vec![line("lamp", wanted)], ..one.clone() };
            let transfer = Transfer::to(target, Some(one), vec![two]);
            let drawn: Vec<_> = transfer.lacking.iter()
                .map(|line| Part { bucket: Bucket::new(bucket), ..line.in_first_bucket() }).collect();
            let done = transfer.with(&drawn);
            let reserved: i64 = done.moves.iter().map(|moved| moved.change.reserved).sum();
            let available: i64 = done.moves.iter().map(|moved| moved.change.available).sum();
            prop_assert_eq!(reserved, i64::from(wanted) - i64::from(first + second));
            prop_assert_eq!(available, -reserved);
            let held: u32 = done.target.parts().iter().map(|part| part.quantity.get()).sum();
            prop_assert_eq!(held, wanted);
            prop_assert!(done.ended.iter().all(|hold| hold.status == ReservationStatus::Released));
        }
    }
}
