//! The functions' steps that give money back.

use domain::{
    order::Order,
    payment::{Booking, Refund, RefundStatus, RefundStep, still_sold},
    settlement,
};

use crate::{
    Flaw,
    runs::{At, Luck},
    state::{Intent, Kind, RefundRow, State, StripeRefund},
    values::piece,
};

/// A function that asks for a refund or about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Asking {
    pub kind: Kind,
    /// How much was to go back when the refund was read.
    pub amount: i16,
    /// Whether it asks by Stripe's name for the refund, and not by making it once more.
    pub by_name: bool,
    /// Which of Stripe's two pieces of news it was told: that the refund came through, or that it failed.
    pub heard: Option<usize>,
}

impl Asking {
    pub const fn new(kind: Kind, amount: i16) -> Self {
        Self { kind, amount, by_name: false, heard: None }
    }
}

/// A refund of all that is left is refused when more is gone by hand: whoever hears it looks at Stripe's list first.
fn answered(asking: Asking, row: RefundRow, made: StripeRefund, status: RefundStatus) -> At {
    match made.is_refused && row.is_rest {
        true => At::Shrink(asking),
        false => At::BookRefund(asking, status),
    }
}

impl State {
    pub fn write_new_refund(&mut self, case: usize, kind: Kind, amount: i16, has_piece: bool) {
        let row = RefundRow {
            status: RefundStatus::Pending,
            amount,
            is_rest: matches!(kind, Kind::Cancelled | Kind::Useless),
            has_piece,
            is_shelved: false,
            is_named: false,
        };
        if self.cases[case].refunds[kind.index()].replace(row).is_some() {
            self.fault = Some("a refund was begun twice");
        }
    }

    /// Whether an order's piece was sold, has not come back and is not on its way.
    fn is_still_sold(&self, case: usize) -> bool {
        let now = &self.cases[case];
        let called_off_paid = now.refunds[Kind::Cancelled.index()].is_some();
        let was_sold = now.order().is_some_and(|order| order.has_sold(called_off_paid));
        let refunds: Vec<Refund> = now.refunds.iter().flatten().map(|row| row.value()).collect();
        was_sold && !still_sold(&[piece()], &refunds).is_empty()
    }

    /// Begins a refund that staff asks for; nothing, if it is refused.
    pub fn begin_refund(&mut self, flaw: Flaw, case: usize, kind: Kind) -> Option<At> {
        let payment = self.cases[case].payment()?;
        let has_piece = kind == Kind::WithPiece;
        if self.cases[case].refunds[kind.index()].is_some() || has_piece && !self.is_still_sold(case) {
            return None;
        }
        let begun = payment.begin_refund(60).ok()?;
        if flaw != Flaw::SetsNothingAside {
            self.keep_payment(case, &begun);
        }
        self.write_new_refund(case, kind, 60, has_piece);
        Some(At::AskRefund(Asking::new(kind, 60)))
    }

    /// Calls a paid order off and begins to give its money back.
    pub fn cancel_paid(&mut self, case: usize, order: &Order) -> Option<At> {
        let payment = self.cases[case].payment()?;
        let begun = payment.begin_refund(payment.refundable()).ok()?;
        let has_piece = self.is_still_sold(case);
        let amount = i16::try_from(payment.refundable()).ok()?;
        self.keep_order(case, order);
        self.keep_payment(case, &begun);
        self.write_new_refund(case, Kind::Cancelled, amount, has_piece);
        Some(At::AskRefund(Asking::new(Kind::Cancelled, amount)))
    }

    /// What is done about a refund that was read just now.
    pub fn go_on_with(&self, case: usize, asking: Asking) -> Option<At> {
        let now = &self.cases[case];
        let row = now.refunds[asking.kind.index()]?;
        let asking = Asking { amount: row.amount, ..asking };
        match row.value().next(now.now()) {
            RefundStep::CallOff => Some(At::BookRefund(asking, RefundStatus::Cancelled)),
            RefundStep::Make => Some(At::AskRefund(Asking { by_name: false, ..asking })),
            RefundStep::Ask(_) => Some(At::AskRefund(Asking { by_name: true, ..asking })),
            RefundStep::Nothing | RefundStep::LookUp => None,
        }
    }

    pub fn ask_refund(&mut self, case: usize, asking: Asking, luck: Luck) -> Option<At> {
        let index = asking.kind.index();
        let row = self.cases[case].refunds[index]?;
        if row.amount != asking.amount {
            // So much was refused before, or it would be as much now.
            return Some(At::Shrink(asking));
        }
        if let Some(made) = self.cases[case].stripe_refunds[index] {
            let status = if asking.by_name { made.now } else { made.first };
            return Some(answered(asking, row, made, status));
        }
        let (received, given) = self.cases[case].at_stripe();
        let is_taken = matches!(self.cases[case].intent, Some(Intent::Taken(_)));
        let is_refused = luck == Luck::Bad || !is_taken || row.amount > received - given;
        let first = match luck {
            _ if is_refused => RefundStatus::Failed,
            Luck::Slow => RefundStatus::Pending,
            _ => RefundStatus::Succeeded,
        };
        let made = StripeRefund { amount: row.amount, first, now: first, is_refused, news: [false; 2] };
        self.cases[case].stripe_refunds[index] = Some(made);
        Some(answered(asking, row, made, first))
    }

    pub fn book_refund(
        &mut self,
        flaw: Flaw,
        case: usize,
        asking: Asking,
        status: RefundStatus,
    ) -> Option<At> {
        let index = asking.kind.index();
        let row = self.cases[case].refunds[index]?;
        let is_made = self.cases[case].is_made(asking.kind);
        match row.value().book(status, is_made.then_some("re_1")) {
            Booking::Nothing => {}
            Booking::Name(_) => self.cases[case].refunds[index] = Some(RefundRow { is_named: true, ..row }),
            Booking::Shelve => {
                self.restock(case, index);
                let is_shelved = flaw != Flaw::ForgetsTheShelf;
                self.cases[case].refunds[index] = Some(RefundRow { is_shelved, ..row });
                return Some(At::WriteRefund(asking, row.status, status));
            }
            Booking::End(ended) => self.write_ended(case, asking, row, &ended),
        }
        self.booked(flaw, case, asking)
    }

    pub fn write_refund(
        &mut self,
        flaw: Flaw,
        case: usize,
        asking: Asking,
        was: RefundStatus,
        status: RefundStatus,
    ) -> Option<At> {
        let row = self.cases[case].refunds[asking.kind.index()]?;
        match row.value().end(status) {
            Ok(ended) if row.status == was => self.write_ended(case, asking, row, &ended),
            _ => return Some(At::BookRefund(asking, status)),
        }
        self.booked(flaw, case, asking)
    }

    fn write_ended(&mut self, case: usize, asking: Asking, row: RefundRow, ended: &Refund) {
        let index = asking.kind.index();
        let (Some(payment), Some(order)) = (self.cases[case].payment(), self.cases[case].order()) else {
            return;
        };
        let (next, after) = settlement::book(&payment, &order, Some(&row.value()), ended);
        let is_named = self.cases[case].is_made(asking.kind);
        self.cases[case].refunds[index] = Some(RefundRow { status: ended.status, is_named, ..row });
        if let Some(after) = after {
            self.keep_order(case, &after);
        }
        self.keep_payment(case, &next);
    }

    /// A refund is booked. Who was told of it and had to make it again was answered as the first time: now that
    /// Stripe's name is known, it is asked how it stands.
    pub fn booked(&mut self, flaw: Flaw, case: usize, asking: Asking) -> Option<At> {
        let news = asking.heard?;
        let index = asking.kind.index();
        let is_named = self.cases[case].refunds[index]?.is_named;
        if !asking.by_name && is_named && flaw != Flaw::BelievesTheFirstAnswer {
            return Some(At::AskRefund(Asking { by_name: true, ..asking }));
        }
        if let Some(made) = &mut self.cases[case].stripe_refunds[index] {
            made.news[news] = false;
        }
        None
    }
}
