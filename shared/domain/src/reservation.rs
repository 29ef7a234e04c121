//! Reservations: stock set aside for one holder until a stored instant.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    Bucket, InvalidTransition, OrderId, OrderReference, ReservationId, UserId,
    bucket::Part,
    stock::{InvalidQuantity, Quantity, Sku, StockChange},
};

#[cfg(test)]
mod tests;

/// The most lines that are held, sold or released in one transaction.
///
/// A transaction has at most 100 actions; a line takes two (its level and its ledger row), and the order, the
/// payment, their journal rows and the reservation take the rest.
pub const MAX_LINES: usize = 40;

/// The most buckets that a hold draws from: it is sold in one transaction with its order, its payment and their journal
/// rows, and each bucket takes two of its writes.
pub const MAX_PARTS: usize = 47;

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

impl ReservedLine {
    /// The line as it lies where nothing is divided.
    pub fn in_first_bucket(&self) -> Part {
        Part { sku: self.sku.clone(), bucket: Bucket::FIRST, quantity: self.quantity }
    }
}

/// How long before its end the holder of a reservation is warned.
pub const WARNED_BEFORE: SignedDuration = SignedDuration::from_secs(2 * 60);

/// A reservation is given no more time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotExtendable {
    /// It has ended by itself.
    #[error("the hold has expired")]
    Expired,
    /// It was sold or given back, or ends with its order.
    #[error("the hold is no longer the holder's own")]
    NotActive,
    /// It has been given more time before.
    #[error("the hold was extended before")]
    Twice,
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
    /// From which buckets; empty if all of it is from the first ones. See [`Reservation::parts`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub drawn: Vec<Part>,
    /// Where it is in its life, as stored: see [`Reservation::status_at`].
    pub status: ReservationStatus,
    /// When it ends unless it is sold before.
    pub held_until: Timestamp,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub changed_at: Timestamp,
    /// The order that it belongs to; such a hold ends with its order and not by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order_id: Option<OrderId>,
    /// The order that it was asked for; it still ends by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub for_order: Option<OrderReference>,
    /// Whether its holder has been given more time, which happens once.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_extended: bool,
    /// The version with which its holder was warned that it ends soon.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub warned: Option<u64>,
    /// How often it was changed.
    #[serde(default)]
    pub version: u64,
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

/// What becomes of a hold whose order has come to nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Closing {
    /// What it holds is free again: how it ends, and what that does to each level.
    LetGo(Reservation, Vec<(Part, StockChange)>),
    /// It was sold by then: how it is once its pieces are back on the shelf.
    TakeBack(Reservation),
    /// Nothing more.
    Over,
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

    /// The order that it is part of, or was asked for.
    pub fn order_reference(&self) -> Option<OrderReference> {
        self.order_id.clone().map(OrderReference::from).or_else(|| self.for_order.clone())
    }

    /// Where the pieces lie that it holds.
    pub fn parts(&self) -> Vec<Part> {
        match self.drawn.as_slice() {
            [] => self.lines.iter().map(ReservedLine::in_first_bucket).collect(),
            drawn => drawn.to_vec(),
        }
    }

    /// What has to be taken from what is free so that it is sold: all of it, if it has ended before.
    pub fn lacking(&self) -> &[ReservedLine] {
        match self.status {
            ReservationStatus::Active | ReservationStatus::Committed => &[],
            ReservationStatus::Released | ReservationStatus::Expired => &self.lines,
        }
    }

    /// Sells what it holds, or, if it has ended, what it held, from `parts` that are free. Says what that does to each
    /// level; `None` if it is sold already.
    pub fn sell(&self, parts: &[Part], now: Timestamp) -> Option<(Self, Vec<(Part, StockChange)>)> {
        match self.status {
            ReservationStatus::Committed => None,
            ReservationStatus::Active => self.end(Ending::Commit, now).ok(),
            ReservationStatus::Released | ReservationStatus::Expired => {
                let change = |part: &Part| (part.clone(), StockChange::sell(part.quantity));
                Some((self.sold_from(parts, now), parts.iter().map(change).collect()))
            }
        }
    }

    fn sold_from(&self, parts: &[Part], now: Timestamp) -> Self {
        let is_divided = parts.iter().any(|part| !part.bucket.is_first());
        Self {
            status: ReservationStatus::Committed,
            drawn: if is_divided { parts.to_vec() } else { vec![] },
            version: self.version + 1,
            changed_at: now,
            ..self.clone()
        }
    }

    /// What becomes of it when its order comes to nothing.
    ///
    /// # Errors
    /// If it is to expire before its time is over.
    pub fn close(&self, ending: Ending, now: Timestamp) -> Result<Closing, InvalidTransition> {
        match self.status {
            ReservationStatus::Active => {
                let (ended, changes) = self.end(ending, now)?;
                Ok(Closing::LetGo(ended, changes))
            }
            ReservationStatus::Committed => Ok(Closing::TakeBack(Self {
                status: ReservationStatus::Released,
                version: self.version + 1,
                changed_at: now,
                ..self.clone()
            })),
            ReservationStatus::Released | ReservationStatus::Expired => Ok(Closing::Over),
        }
    }

    /// Whether it is a shopper's own, in force at `now` and part of no order: such a one can be replaced.
    pub fn is_open_at(&self, now: Timestamp) -> bool {
        self.order_id.is_none() && self.status_at(now) == ReservationStatus::Active
    }

    /// Whether it holds something that is also in `lines`.
    pub fn overlaps(&self, lines: &[ReservedLine]) -> bool {
        self.lines.iter().any(|held| lines.iter().any(|line| line.sku == held.sku))
    }

    /// When somebody has to see to it: first to warn its holder, then to end it.
    pub fn due_at(&self) -> Timestamp {
        match self.warned {
            None => self.held_until.checked_sub(WARNED_BEFORE).unwrap_or(self.held_until),
            Some(_) => self.held_until,
        }
    }

    /// The hold after its holder was warned that it ends soon; `None` if there is nothing to warn of.
    pub fn warn(&self, now: Timestamp) -> Option<Self> {
        let is_time = self.is_open_at(now) && self.warned.is_none() && now >= self.due_at();
        let version = self.version + 1;
        is_time.then(|| Self { warned: Some(version), version, changed_at: now, ..self.clone() })
    }

    /// The hold with `by` more time, which is given once and before it ends.
    pub fn extend(&self, by: SignedDuration, now: Timestamp) -> Result<Self, NotExtendable> {
        if !self.is_open_at(now) {
            let is_late = self.order_id.is_none() && self.status_at(now) == ReservationStatus::Expired;
            return Err(if is_late { NotExtendable::Expired } else { NotExtendable::NotActive });
        }
        if self.is_extended {
            return Err(NotExtendable::Twice);
        }
        let held_until = self.held_until.checked_add(by).unwrap_or(self.held_until);
        let version = self.version + 1;
        Ok(Self { held_until, version, changed_at: now, is_extended: true, warned: None, ..self.clone() })
    }

    /// Ends an active reservation, exactly once, and says what that does to each level.
    ///
    /// Selling is allowed past `held_until` while the stock is still set aside: nobody else can have taken it.
    pub fn end(
        &self,
        ending: Ending,
        now: Timestamp,
    ) -> Result<(Self, Vec<(Part, StockChange)>), InvalidTransition> {
        let is_early = ending == Ending::Expire && now < self.held_until;
        if self.status != ReservationStatus::Active || is_early {
            return Err(InvalidTransition);
        }
        let change = |part: Part| (part.clone(), ending.change(part.quantity));
        let changes = self.parts().into_iter().map(change).collect();
        let status = ending.status();
        Ok((Self { status, version: self.version + 1, changed_at: now, ..self.clone() }, changes))
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

/// `lines`, each of another SKU, without `others`.
pub fn less(lines: &[ReservedLine], others: &[ReservedLine]) -> Vec<ReservedLine> {
    let quantity = |sku: &Sku| {
        let of_it = others.iter().filter(|line| line.sku == *sku);
        of_it.map(|line| line.quantity.get()).sum::<u32>()
    };
    let left = lines.iter().filter_map(|line| {
        let left = line.quantity.get().saturating_sub(quantity(&line.sku));
        Some(ReservedLine { sku: line.sku.clone(), quantity: Quantity::new(left).ok()? })
    });
    left.collect()
}
