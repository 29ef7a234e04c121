//! Stock: how many pieces of something lie somewhere, and what may happen to them.
//!
//! A level is three counters. Every change is a row of the ledger with three differences, and the counters are
//! always the sums of those differences; reconciliation compares exactly that.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::ids::{LocationId, ProductId, VariantId};

/// What is counted: a product, perhaps one of its variants, at one place.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
pub struct Sku {
    /// The product.
    #[serde(alias = "productId")]
    pub product_id: ProductId,
    /// Its variant, if it has any.
    #[serde(default, alias = "variantId", skip_serializing_if = "Option::is_none")]
    pub variant_id: Option<VariantId>,
    /// Where it lies.
    #[serde(default)]
    pub location: LocationId,
}

/// A number of pieces: 1 to 1,000,000.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "u32", into = "u32")]
#[schema(value_type = u32, minimum = 1, maximum = 1_000_000)]
pub struct Quantity(u32);

/// The number is not a number of pieces that can be traded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected 1 to 1,000,000 pieces")]
pub struct InvalidQuantity;

impl Quantity {
    /// The most pieces in one line.
    pub const MAX: u32 = 1_000_000;

    /// `pieces`, if that many can be traded at once.
    pub fn new(pieces: u32) -> Result<Self, InvalidQuantity> {
        if (1..=Self::MAX).contains(&pieces) { Ok(Self(pieces)) } else { Err(InvalidQuantity) }
    }

    /// The number of pieces.
    pub const fn get(self) -> u32 {
        self.0
    }

    /// Both together.
    pub fn plus(self, other: Self) -> Result<Self, InvalidQuantity> {
        Self::new(self.0.saturating_add(other.0))
    }
}

impl TryFrom<u32> for Quantity {
    type Error = InvalidQuantity;
    fn try_from(pieces: u32) -> Result<Self, InvalidQuantity> {
        Self::new(pieces)
    }
}

impl From<Quantity> for u32 {
    fn from(quantity: Quantity) -> Self {
        quantity.0
    }
}

impl From<Quantity> for i64 {
    fn from(quantity: Quantity) -> Self {
        Self::from(quantity.0)
    }
}

/// Why a level changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ChangeType {
    /// Pieces were sold.
    Sale,
    /// Pieces came in.
    Restock,
    /// Pieces were added or taken by hand.
    Adjustment,
    /// Pieces were set aside.
    Reservation,
    /// Pieces that were set aside came back.
    Release,
    /// The same, because time ran out.
    Expiry,
    /// Sold pieces came back.
    Return,
    /// The count was set.
    Correction,
}

/// One change of a level: what is added to each counter. Negative takes away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StockChange {
    /// Why.
    #[serde(rename = "change_type")]
    pub kind: ChangeType,
    /// Difference of the pieces that can be sold.
    pub available: i64,
    /// Difference of the pieces that are set aside.
    pub reserved: i64,
    /// Difference of the pieces that are sold and not returned.
    pub committed: i64,
}

impl StockChange {
    const fn new(kind: ChangeType, available: i64, reserved: i64, committed: i64) -> Self {
        Self { kind, available, reserved, committed }
    }

    /// Sets pieces aside.
    pub fn hold(quantity: Quantity) -> Self {
        Self::new(ChangeType::Reservation, -i64::from(quantity), quantity.into(), 0)
    }

    /// Gives pieces that were set aside back.
    pub fn release(quantity: Quantity) -> Self {
        Self::new(ChangeType::Release, quantity.into(), -i64::from(quantity), 0)
    }

    /// The same, because the hold's time ran out.
    pub fn expire(quantity: Quantity) -> Self {
        Self { kind: ChangeType::Expiry, ..Self::release(quantity) }
    }

    /// Sells pieces that were set aside.
    pub fn commit(quantity: Quantity) -> Self {
        Self::new(ChangeType::Sale, 0, -i64::from(quantity), quantity.into())
    }

    /// Sells pieces that nobody had set aside.
    pub fn sell(quantity: Quantity) -> Self {
        Self::new(ChangeType::Sale, -i64::from(quantity), 0, quantity.into())
    }

    /// Takes sold pieces back.
    pub fn take_back(quantity: Quantity) -> Self {
        Self::new(ChangeType::Return, quantity.into(), 0, -i64::from(quantity))
    }

    /// Adds pieces (`Restock`) or, with a reason of its own, changes the count by hand.
    pub const fn count(kind: ChangeType, pieces: i64) -> Self {
        Self::new(kind, pieces, 0, 0)
    }
}

/// There are not enough pieces.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("only {available} available")]
pub struct InsufficientStock {
    /// How many there are.
    pub available: i64,
}

/// Whether something can be bought.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum StockStatus {
    /// More than the threshold.
    InStock,
    /// Some, but no more than the threshold.
    LowStock,
    /// None.
    OutOfStock,
}

impl StockStatus {
    /// The status of `available` pieces when `threshold` and fewer are few.
    pub const fn of(available: i64, threshold: i64) -> Self {
        if available <= 0 {
            Self::OutOfStock
        } else if available <= threshold {
            Self::LowStock
        } else {
            Self::InStock
        }
    }
}

/// How many pieces of a SKU there are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Level {
    /// Pieces that can be sold.
    pub available: i64,
    /// Pieces that are set aside for somebody.
    pub reserved: i64,
    /// Pieces sold and not returned.
    pub committed: i64,
    /// How many changes there were.
    pub version: u64,
}

impl Level {
    /// Pieces that lie there, set aside or not.
    pub const fn on_hand(self) -> i64 {
        self.available + self.reserved
    }

    /// Both together: the buckets of one level.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self {
            available: self.available + other.available,
            reserved: self.reserved + other.reserved,
            committed: self.committed + other.committed,
            version: self.version + other.version,
        }
    }

    /// The level after `change`; no counter ever falls below nothing.
    pub fn after(self, change: StockChange) -> Result<Self, InsufficientStock> {
        let next = Self {
            available: self.available.saturating_add(change.available),
            reserved: self.reserved.saturating_add(change.reserved),
            committed: self.committed.saturating_add(change.committed),
            version: self.version + 1,
        };
        if next.available < 0 || next.reserved < 0 || next.committed < 0 {
            return Err(InsufficientStock { available: self.available });
        }
        Ok(next)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn pieces(n: u32) -> Quantity {
        Quantity::new(n).unwrap()
    }

    #[test]
    fn quantities_are_bounded() {
        assert!(Quantity::new(0).is_err());
        assert!(Quantity::new(1_000_001).is_err());
        for wrong in ["-1", "1.5", "\"1\"", "4294967297", "9007199254740993"] {
            assert!(serde_json::from_str::<Quantity>(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_hold_moves_pieces_aside_and_a_sale_takes_them_away() {
        let level = Level::default().after(StockChange::count(ChangeType::Restock, 3)).unwrap();
        let held = level.after(StockChange::hold(pieces(2))).unwrap();
        assert_eq!((held.available, held.reserved, held.on_hand()), (1, 2, 3));
        let sold = held.after(StockChange::commit(pieces(2))).unwrap();
        assert_eq!((sold.available, sold.reserved, sold.committed, sold.on_hand()), (1, 0, 2, 1));
        assert_eq!(sold.after(StockChange::take_back(pieces(3))), Err(InsufficientStock { available: 1 }));
    }

    fn any_change() -> impl Strategy<Value = StockChange> {
        (0_u8..7, 1_u32..6).prop_map(|(which, n)| match which {
            0 => StockChange::hold(pieces(n)),
            1 => StockChange::release(pieces(n)),
            2 => StockChange::expire(pieces(n)),
            3 => StockChange::commit(pieces(n)),
            4 => StockChange::sell(pieces(n)),
            5 => StockChange::take_back(pieces(n)),
            _ => StockChange::count(ChangeType::Restock, n.into()),
        })
    }

    proptest! {
        #[test]
        fn counters_are_the_sum_of_the_ledger_and_never_negative(changes in proptest::collection::vec(any_change(), 0..200)) {
            let (mut level, mut ledger) = (Level::default(), vec![]);
            for change in changes {
                if let Ok(next) = level.after(change) {
                    level = next;
                    ledger.push(change);
                }
                prop_assert!(level.available >= 0 && level.reserved >= 0 && level.committed >= 0);
            }
            prop_assert_eq!(level.available, ledger.iter().map(|c| c.available).sum::<i64>());
            prop_assert_eq!(level.reserved, ledger.iter().map(|c| c.reserved).sum::<i64>());
            prop_assert_eq!(level.committed, ledger.iter().map(|c| c.committed).sum::<i64>());
            prop_assert_eq!(level.version, ledger.len() as u64);
        }
    }
}
