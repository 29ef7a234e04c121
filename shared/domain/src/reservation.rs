//! Reservations: stock set aside for one holder until a stored instant.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    InvalidTransition, OrderId, ReservationId, UserId,
    stock::{InvalidQuantity, Quantity, Sku, StockChange},
};

/// The most lines that are held, sold or released in one transaction.
///
/// A transaction has at most 100 actions; a line takes two (its level and its ledger row), and the order, the
/// payment, their journal rows and the reservation take the rest.
pub const MAX_LINES: usize = 40;

/// Where a reservation is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ReservationStatus {
    /// The stock is set aside.
    Active,
    /// The stock was sold.
    Committed,
    /// The holder, or a cancelled order, gave it back.
    Released,
    /// Time gave it back.
    Expired,
}

/// So many pieces of one SKU.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ReservedLine {
    /// What.
    #[serde(flatten)]
    pub sku: Sku,
    /// How many.
    pub quantity: Quantity,
}

/// Stock set aside for one holder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reservation {
    /// Its name.
    pub id: ReservationId,
    /// For whom.
    pub holder: UserId,
    /// What is held, one line per SKU.
    pub lines: Vec<ReservedLine>,
    /// Where it is in its life, as stored: see [`Reservation::status_at`].
    pub status: ReservationStatus,
    /// When it ends unless it is sold before.
    pub held_until: Timestamp,
    /// When it was made.
    pub created_at: Timestamp,
    /// The order that it belongs to; such a hold ends with its order and not by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order_id: Option<OrderId>,
}

/// How a reservation ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// The stock is sold.
    Commit,
    /// The stock goes back.
    Release,
    /// The stock goes back because time ran out.
    Expire,
}

impl Ending {
    const fn status(self) -> ReservationStatus {
        match self {
            Self::Commit => ReservationStatus::Committed,
            Self::Release => ReservationStatus::Released,
            Self::Expire => ReservationStatus::Expired,
        }
    }

    fn change(self, quantity: Quantity) -> StockChange {
        match self {
            Self::Commit => StockChange::commit(quantity),
            Self::Release => StockChange::release(quantity),
            Self::Expire => StockChange::expire(quantity),
        }
    }
}

impl Reservation {
    /// What the reservation is at `now`: an active one past its instant counts as expired before anybody sweeps it.
    pub fn status_at(&self, now: Timestamp) -> ReservationStatus {
        match self.status {
            ReservationStatus::Active if now >= self.held_until => ReservationStatus::Expired,
            stored => stored,
        }
    }

    /// What holding it does to each level.
    pub fn holds(&self) -> impl Iterator<Item = (&Sku, StockChange)> {
        self.lines.iter().map(|line| (&line.sku, StockChange::hold(line.quantity)))
    }

    /// Ends an active reservation, exactly once, and says what that does to each level.
    ///
    /// Selling is allowed past `held_until` while the stock is still set aside: nobody else can have taken it.
    pub fn end(
        &self,
        ending: Ending,
        now: Timestamp,
    ) -> Result<(Self, Vec<(Sku, StockChange)>), InvalidTransition> {
        let is_early = ending == Ending::Expire && now < self.held_until;
        if self.status != ReservationStatus::Active || is_early {
            return Err(InvalidTransition);
        }
        let changes =
            self.lines.iter().map(|line| (line.sku.clone(), ending.change(line.quantity))).collect();
        Ok((Self { status: ending.status(), ..self.clone() }, changes))
    }
}

/// Puts lines of the same SKU together, in a fixed order: DynamoDB refuses two actions on one item, and two lines
/// that each fit could oversell together.
pub fn aggregate(
    lines: impl IntoIterator<Item = ReservedLine>,
) -> Result<Vec<ReservedLine>, InvalidQuantity> {
    let mut sums: BTreeMap<Sku, Quantity> = BTreeMap::new();
    for ReservedLine { sku, quantity } in lines {
        let sum = match sums.get(&sku) {
            Some(before) => before.plus(quantity)?,
            None => quantity,
        };
        sums.insert(sku, sum);
    }
    Ok(sums.into_iter().map(|(sku, quantity)| ReservedLine { sku, quantity }).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{LocationId, ProductId};

    fn line(product: &str, quantity: u32) -> ReservedLine {
        let sku = Sku {
            product_id: ProductId::new(product).unwrap(),
            variant_id: None,
            location: LocationId::default(),
        };
        ReservedLine { sku, quantity: Quantity::new(quantity).unwrap() }
    }

    fn reservation() -> Reservation {
        Reservation {
            id: ReservationId::new("res_1").unwrap(),
            holder: UserId::new("ana").unwrap(),
            lines: vec![line("lamp", 2)],
            status: ReservationStatus::Active,
            held_until: Timestamp::from_second(900).unwrap(),
            created_at: Timestamp::UNIX_EPOCH,
            order_id: None,
        }
    }

    #[test]
    fn lines_of_one_sku_are_one_line() {
        let lines = aggregate([line("b", 1), line("a", 1), line("b", 4)]).unwrap();
        assert_eq!(lines, [line("a", 1), line("b", 5)]);
        assert!(aggregate([line("a", 999_999), line("a", 2)]).is_err());
    }

    #[test]
    fn a_reservation_ends_once() {
        let now = Timestamp::from_second(900).unwrap();
        for (first, second) in [
            (Ending::Commit, Ending::Expire),
            (Ending::Expire, Ending::Commit),
            (Ending::Release, Ending::Release),
        ] {
            let (ended, changes) = reservation().end(first, now).unwrap();
            assert_eq!(changes.len(), 1);
            assert_eq!(ended.end(second, now), Err(InvalidTransition));
        }
    }

    #[test]
    fn it_counts_as_expired_from_its_instant_on() {
        let held = reservation();
        let before = Timestamp::from_millisecond(899_999).unwrap();
        assert_eq!(held.status_at(before), ReservationStatus::Active);
        assert_eq!(held.end(Ending::Expire, before), Err(InvalidTransition));
        assert_eq!(held.status_at(held.held_until), ReservationStatus::Expired);
    }
}
