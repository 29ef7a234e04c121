//! Orders larger than one transaction: a saga of chunks under one order that nobody can pay before it is whole.

use std::collections::BTreeSet;

use domain::{
    OrderId, Principal, ProductId, ReservationId,
    bucket::Part,
    order::{Order, OrderLine},
    reservation::{Ending, MAX_LINES, ReservationStatus},
    transfer::Transfer,
};

use super::{Orders, placing::MAX_ROUNDS};
use crate::{
    Error, Result,
    clock::derived,
    inventory::{Taken, short_of, take},
    journal::Author,
    pricing::owe,
    settlement::close_hold,
    store::{Transaction, dynamo::Written, inventory::StoredReservation, orders::StoredOrder},
};

/// The holds of an order, named after it so that a repeated run finds them.
pub(super) fn hold_names(order: &OrderId, count: usize) -> Vec<ReservationId> {
    (0..count).map(|hold| ReservationId::from_uuid(derived(&[order.as_str(), &hold.to_string()]))).collect()
}

/// How many of an order's lines each of its holds has.
pub(super) fn lines_of_a_hold(order: &Order, lines: &[OrderLine]) -> usize {
    if order.holds.len() < lines.len() { MAX_LINES } else { 1 }
}

impl Orders {
    /// An order larger than one transaction: written first as version 0, which nobody can pay, then its stock 40
    /// lines at a time, then version 1. A run that is cut off is taken up by the next one with the same key, or
    /// undone by the sweeper; one that finds too little is undone at once.
    pub(super) async fn place_large(
        &self,
        who: &Principal,
        mut stored: StoredOrder,
        owable: &BTreeSet<ProductId>,
    ) -> Result<StoredOrder> {
        let most = lines_of_a_hold(&stored.order, &stored.order.lines);
        let pending = StoredOrder { order: Order { version: 0, ..stored.order.clone() }, ..stored.clone() };
        let request = self.clock.fresh().to_string();
        if let Written::Refused(_) = self.store.begin_order(&who.shop, &pending, &request).await? {
            let begun = self.store.order(&who.shop, &stored.order.id).await?.ok_or(Error::NotFound)?;
            begun.check_fingerprint(&stored.fingerprint)?;
        }
        for (chunk, lines) in stored.order.lines.chunks(most).enumerate() {
            match self.gather(who, &stored, chunk, lines.to_vec(), owable).await {
                Err(error) if !error.is_transient() => {
                    self.undo_large(&Author::of(who), &stored).await?;
                    return Err(error);
                }
                gathered => gathered?,
            }
        }
        stored.order.lines = vec![]; // they are in rows of their own, with what is owed
        let mut transaction = Transaction::default();
        transaction.put_order(&self.store, &who.shop, &stored, 0)?;
        self.journal_created(&mut transaction, who, &stored)?;
        if self.store.commit(&transaction).await?.is_ok() {
            return Ok(stored);
        }
        let placed = self.store.order(&who.shop, &stored.order.id).await?;
        placed.filter(|placed| placed.order.version > 0).ok_or_else(Error::busy)
    }

    /// Holds the stock of one chunk of a large order and writes its lines, unless an earlier run has.
    async fn gather(
        &self,
        who: &Principal,
        stored: &StoredOrder,
        chunk: usize,
        mut lines: Vec<OrderLine>,
        owable: &BTreeSet<ProductId>,
    ) -> Result<()> {
        for _ in 0..MAX_ROUNDS {
            let hold = self.hold_of(&stored.order, chunk, &lines)?;
            let transfer = Transfer::to(hold.clone(), None, vec![]);
            let write = |parts: &[Part]| {
                let done = transfer.with(parts);
                let mut transaction = Transaction::default();
                transaction.transfer(&self.store, &self.clock, &Author::of(who), &done)?;
                let held = StoredReservation::new(done.target, &stored.fingerprint);
                transaction.put_reservation_again(&self.store, &who.shop, &held)?;
                transaction.put_order_lines(&self.store, &who.shop, &stored.order.id, chunk, &lines)?;
                Ok((transaction, ()))
            };
            let taken = take(&self.store, &who.shop, &transfer.lacking, write).await?;
            if let Taken::Done(()) = taken {
                return Ok(());
            }
            let held = self.store.reservation(&who.shop, &hold.id).await?;
            if held.is_some_and(|held| held.reservation.status == ReservationStatus::Active) {
                return Ok(());
            }
            if let Taken::Short(short) = taken {
                lines = owe(&lines, short_of(&hold.lines, &short, |_| 0), owable)?;
            }
        }
        Err(Error::busy())
    }

    /// An order whose pieces lie in more buckets than one transaction can draw from: each of its lines has a hold of its own.
    pub(super) async fn place_scattered(
        &self,
        who: &Principal,
        mut stored: StoredOrder,
        owable: &BTreeSet<ProductId>,
    ) -> Result<StoredOrder> {
        stored.order.holds = hold_names(&stored.order.id, stored.order.lines.len());
        self.place_large(who, stored, owable).await
    }

    pub(super) async fn undo_large(&self, author: &Author, stored: &StoredOrder) -> Result<()> {
        for hold in &stored.order.holds {
            close_hold(&self.store, &self.clock, author, hold, Ending::Release).await?;
        }
        self.store.drop_order(&author.shop, &stored.order.id, stored.order.holds.len()).await
    }
}
