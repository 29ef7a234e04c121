//! Selling stock for orders of other systems.

use contract::{
    ErrorCode,
    http::sales::{CommitmentView, NewCommitment},
};
use domain::{
    OrderReference, Permission, Principal, StockChange,
    bucket::Part,
    reservation::{MAX_LINES, ReservationStatus, ReservedLine},
};

use super::{
    Inventory, aggregated,
    draw::{Taken, movements, short_of, take},
};
use crate::{
    Error, Result,
    journal::Author,
    store::{
        Transaction,
        inventory::{SaleRow, StoredReservation},
    },
};

/// How often a decision is made anew because somebody was faster.
const MAX_ROUNDS: u32 = 8;

impl Inventory {
    /// Sells what an order of another system needs: what is held for it, or what is free. All or nothing, and once
    /// for each order: asked again it answers as before.
    pub async fn process(&self, who: &Principal, new: NewCommitment) -> Result<CommitmentView> {
        who.may(Permission::AdjustStock)?;
        let wanted = match new.items.is_empty() {
            true => None,
            false => Some(aggregated(new.items, MAX_LINES)?),
        };
        if let Some(id) = new.order_id.own()
            && self.store.order(&who.shop, &id).await?.is_some()
        {
            let detail = "an order of this shop is sold by being paid";
            return Err(Error::conflict(ErrorCode::InvalidTransition, detail));
        }
        for _ in 0..MAX_ROUNDS {
            if let Some(sale) = self.store.sale(&who.shop, &new.order_id).await? {
                return processed(sale, wanted.as_deref(), new.reservation_id.as_ref());
            }
            let held = match &new.reservation_id {
                Some(id) => Some(self.store.reservation(&who.shop, id).await?.ok_or(Error::NotFound)?),
                None => None,
            };
            let lines = lines_of(held.as_ref(), wanted.as_ref())?;
            let sale = SaleRow {
                order: new.order_id.clone(),
                reservation_id: new.reservation_id.clone(),
                lines,
                sold_at: self.clock.now(),
                returned: vec![],
                version: 1,
            };
            match self.sell(&Author::of(who), held, &sale).await? {
                Taken::Done(()) => return Ok(commitment_view(sale)),
                Taken::Short(short) => return Err(short_of(&sale.lines, &short, |_| 0)),
                Taken::Scattered => return Err(Error::busy()),
                Taken::Refused => {} // the hold has changed, or the order was processed meanwhile
            }
        }
        Err(Error::busy())
    }

    async fn sell(
        &self,
        author: &Author,
        held: Option<StoredReservation>,
        sale: &SaleRow,
    ) -> Result<Taken<()>> {
        let held = held.map(|mut held| {
            held.reservation.for_order = Some(sale.order.clone());
            held
        });
        let lacking = held.as_ref().map_or(sale.lines.as_slice(), |held| held.reservation.lacking());
        let write = |parts: &[Part]| {
            let mut transaction = Transaction::default();
            match &held {
                Some(held) => transaction.sell_hold(&self.store, &self.clock, author, held, parts)?,
                None => {
                    let sold = parts.iter().map(|part| (part.clone(), StockChange::sell(part.quantity)));
                    let events = movements(author, &self.clock, sold, |movement| {
                        movement.order_id = Some(sale.order.clone());
                    });
                    transaction.move_stock(&self.store, &events)?;
                }
            }
            transaction.put_sale(&self.store, &author.shop, sale)?;
            Ok((transaction, ()))
        };
        take(&self.store, &author.shop, lacking, write).await
    }
}

/// What is to be sold. A hold whose time ran out is sold from what is free; one that was sold or given back is not.
fn lines_of(
    held: Option<&StoredReservation>,
    wanted: Option<&Vec<ReservedLine>>,
) -> Result<Vec<ReservedLine>> {
    let Some(held) = held else {
        let required = || Error::field("items", "required", "expected items or a reservation");
        return wanted.cloned().ok_or_else(required);
    };
    let held = &held.reservation;
    let is_sellable = matches!(held.status, ReservationStatus::Active | ReservationStatus::Expired);
    if held.order_id.is_some() || !is_sellable {
        return Err(Error::conflict(ErrorCode::ReservationNotActive, "the hold is used up"));
    }
    match wanted {
        Some(wanted) if *wanted != held.lines => {
            Err(Error::field("items", "mismatch", "the reservation holds something else"))
        }
        _ => Ok(held.lines.clone()),
    }
}

/// The answer about an order that was processed before, if that was asked for.
fn processed(
    sale: SaleRow,
    wanted: Option<&[ReservedLine]>,
    reservation: Option<&domain::ReservationId>,
) -> Result<CommitmentView> {
    let is_same = sale.reservation_id.as_ref() == reservation
        && wanted.is_none_or(|wanted| wanted == sale.lines.as_slice());
    if is_same && !sale.lines.is_empty() {
        return Ok(commitment_view(sale));
    }
    Err(Error::conflict(ErrorCode::InvalidTransition, "the order was processed before, with other items"))
}

fn commitment_view(sale: SaleRow) -> CommitmentView {
    CommitmentView {
        success: true,
        order_id: sale.order,
        reservation_id: sale.reservation_id,
        items: sale.lines,
        committed_at: sale.sold_at,
    }
}

impl Inventory {
    /// An error if an order of another system has been processed: nothing more is held for it.
    pub(super) async fn check_unprocessed(&self, who: &Principal, order: &OrderReference) -> Result<()> {
        match self.store.sale(&who.shop, order).await? {
            None => Ok(()),
            Some(_) => Err(Error::conflict(ErrorCode::InvalidTransition, "the order is no longer open")),
        }
    }
}
