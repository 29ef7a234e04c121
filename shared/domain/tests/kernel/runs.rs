//! The functions: where each one is, and what its next step does. A step is one transaction or one request to Stripe;
//! what is only read before a transaction that checks its version is part of that transaction.

use domain::{
    bucket::Part,
    order::{Order, OrderPaymentStatus, OrderStatus},
    payment::{Finding, Payment, PaymentStatus, RefundStatus},
    reservation::ReservedLine,
    settlement::{GiveBack, Incoming, incoming, is_paid_in_time, release},
    stock::StockChange,
};
use jiff::Timestamp;

use crate::{
    Flaw,
    refunds::Asking,
    state::{Ask, Intent, Kind, PaymentRow, State, VOID},
    values::piece,
};

/// What a function does once something is settled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Then {
    Nothing,
    Close(OrderStatus),
    /// Takes in which of Stripe's two pieces of news of a refund by hand, that stood like this.
    Import(usize, RefundStatus),
}

/// Money that has come, as the function sees it that read the payment before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Paid {
    pub next: PaymentRow,
    pub was: PaymentStatus,
    /// Whether nobody has written the payment since it was read.
    pub is_fresh: bool,
    pub then: Then,
}

/// Where a function is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum At {
    Begin,
    CreateIntent,
    Adopt(Intent),
    Settle(Intent, Then),
    Decide(Paid),
    GiveBack(Then),
    /// The piece is somebody else's: the order is closed if it is still open, and then the money goes back.
    GiveUp(Paid),
    SellLast(Paid),
    CallOff(OrderStatus),
    LookFirst(OrderStatus),
    CancelIntent(OrderStatus),
    Close(OrderStatus),
    CloseHold,
    NoteClosed,
    Act(Ask),
    CancelStray,
    ReturnPieces,
    NoteReturned,
    AskRefund(Asking),
    BookRefund(Asking, RefundStatus),
    WriteRefund(Asking, RefundStatus, RefundStatus),
    Import(usize, RefundStatus),
    /// Stripe refused to give so much back.
    Shrink(Asking),
}

/// A function that is running for an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Run {
    pub case: usize,
    pub at: At,
}

/// What Stripe or the bank makes of a refund that it has not been asked for before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Luck {
    Good,
    Slow,
    Bad,
}

impl Run {
    /// Somebody wrote the payment.
    pub fn outdate(&mut self) {
        if let At::Decide(paid) | At::GiveUp(paid) | At::SellLast(paid) = &mut self.at {
            paid.is_fresh = false;
        }
    }
}

impl Then {
    const fn at(self) -> Option<At> {
        match self {
            Self::Nothing => None,
            Self::Close(ending) => Some(At::Close(ending)),
            Self::Import(news, status) => Some(At::Import(news, status)),
        }
    }
}

impl State {
    /// The state after the next step of one function.
    pub fn step(&self, flaw: Flaw, run: usize, luck: Luck) -> Self {
        let mut next = self.clone();
        let Run { case, at } = next.runs.remove(run);
        if let Some(at) = next.work(flaw, case, at, luck) {
            next.runs.push(Run { case, at });
        }
        next
    }

    /// One step; where the function is after it, if it is not over.
    fn work(&mut self, flaw: Flaw, case: usize, at: At, luck: Luck) -> Option<At> {
        match at {
            At::Begin => self.begin(case),
            At::CreateIntent => {
                let intent = *self.cases[case].intent.get_or_insert(Intent::Open);
                Some(At::Adopt(intent))
            }
            At::Adopt(intent) => self.adopt(case, intent),
            At::Settle(report, then) => self.settle(case, report, then),
            At::Decide(paid) => self.decide(flaw, case, paid),
            At::SellLast(paid) => self.sell_last(case, paid),
            At::GiveUp(paid) => self.give_up(flaw, case, paid),
            At::GiveBack(then) => {
                let is_sold = |order: (_, OrderPaymentStatus)| order.1 == OrderPaymentStatus::Authorized;
                if self.cases[case].order.is_some_and(is_sold) {
                    self.fault = Some("reserved money of a sold order was let go unasked");
                }
                Some(At::Settle(self.cancel_intent(case), then))
            }
            At::CallOff(ending) => self.call_off(case, ending),
            At::LookFirst(ending) => match self.cases[case].intent? {
                seen if is_paid_in_time(&seen.report()) => Some(At::Settle(seen, Then::Close(ending))),
                _ => Some(At::CancelIntent(ending)),
            },
            At::CancelIntent(ending) => Some(At::Settle(self.cancel_intent(case), Then::Close(ending))),
            At::Close(ending) => self.close(flaw, case, ending),
            At::CloseHold => {
                self.close_hold(flaw, case);
                Some(At::NoteClosed)
            }
            At::NoteClosed => {
                self.cases[case].is_closing = false;
                None
            }
            At::Act(ask) => Some(At::Settle(self.act(case, ask), Then::Nothing)),
            At::CancelStray => {
                self.cancel_intent(case);
                None
            }
            At::ReturnPieces => {
                self.restock(case, VOID);
                Some(At::NoteReturned)
            }
            At::NoteReturned => self.note_returned(case),
            At::AskRefund(asking) => self.ask_refund(case, asking, luck),
            At::BookRefund(asking, status) => self.book_refund(flaw, case, asking, status),
            At::WriteRefund(asking, was, status) => self.write_refund(flaw, case, asking, was, status),
            At::Import(news, status) => self.import(flaw, case, news, status),
            At::Shrink(asking) => self.shrink(flaw, case, asking),
        }
    }

    fn begin(&mut self, case: usize) -> Option<At> {
        let payment = &mut self.cases[case].payment;
        match payment.get_or_insert_with(PaymentRow::begun).status {
            PaymentStatus::Unknown => Some(At::CreateIntent),
            _ => None,
        }
    }

    fn adopt(&mut self, case: usize, intent: Intent) -> Option<At> {
        let payment = self.cases[case].payment()?;
        match PaymentRow::begun().value(self.cases[case].is_manual).observe(&intent.report()) {
            Finding::Moved(next) if payment.status == PaymentStatus::Unknown => {
                self.keep_payment(case, &next);
            }
            Finding::Moved(_) => {}
            _ => return Some(At::Settle(intent, Then::Nothing)),
        }
        None
    }

    fn settle(&mut self, case: usize, report: Intent, then: Then) -> Option<At> {
        let payment = self.cases[case].payment()?;
        match payment.observe(&report.report()) {
            Finding::Unchanged if payment.is_returning => return Some(At::ReturnPieces),
            Finding::Unchanged => {}
            Finding::Moved(next) => self.keep_payment(case, &next),
            Finding::Declined(next, _) => {
                if payment.declined_charge.is_some() || payment.authorized + payment.captured > 0 {
                    self.fault = Some("a refused card was told again, or after the money had come");
                }
                self.keep_payment(case, &next);
            }
            Finding::Mismatched(_) => self.fault = Some("the money is not what the order costs"),
            Finding::Paid(next) => {
                let (next, was) = (PaymentRow::of(&next), payment.status);
                return Some(At::Decide(Paid { next, was, is_fresh: true, then }));
            }
            Finding::Released(gone) => {
                let (gone, ended) = release(&self.cases[case].order()?, gone, Timestamp::UNIX_EPOCH);
                if let Some(ended) = ended {
                    self.keep_order(case, &ended);
                }
                self.keep_payment(case, &gone);
                if gone.is_returning {
                    return Some(At::ReturnPieces);
                }
            }
            Finding::Stray if report == Intent::Reserved => return Some(At::CancelStray),
            Finding::Stray => self.fault = Some("money came on an intent that was given up"),
        }
        then.at()
    }

    fn decide(&mut self, flaw: Flaw, case: usize, paid: Paid) -> Option<At> {
        match (self.incoming(case, paid)?, flaw) {
            (Incoming::Sell(_), _) => self.sell(case, paid),
            (Incoming::Capture(order), _) => self.book(case, paid, &order),
            (_, Flaw::IgnoresTheOrder) => {
                let order = self.cases[case].order()?;
                self.book(case, paid, &order)
            }
            (Incoming::GiveBack(how), _) => self.give_back(case, paid, &how),
            (Incoming::Again, Flaw::LetsSoldMoneyGo) => Some(At::GiveBack(paid.then)),
            (Incoming::Again, _) => self.again(case, paid),
        }
    }

    fn incoming(&self, case: usize, paid: Paid) -> Option<Incoming> {
        let now = &self.cases[case];
        let next = paid.next.value(now.is_manual);
        let before = Payment { status: paid.was, ..next.clone() };
        incoming(&now.order()?, &before, &next).ok()
    }

    /// Everything is read anew.
    fn again(&self, case: usize, paid: Paid) -> Option<At> {
        Some(At::Settle(self.cases[case].intent?, paid.then))
    }

    /// Writes the order and the payment, if nobody was faster.
    fn book(&mut self, case: usize, paid: Paid, order: &Order) -> Option<At> {
        if !paid.is_fresh {
            return self.again(case, paid);
        }
        self.keep_order(case, order);
        self.keep_payment(case, &paid.next.value(self.cases[case].is_manual));
        paid.then.at()
    }

    /// Sells the piece; with it the order, unless that has another hold to sell after this one.
    fn sell(&mut self, case: usize, paid: Paid) -> Option<At> {
        let is_large = self.cases[case].is_large;
        if !is_large && !paid.is_fresh {
            return self.again(case, paid);
        }
        let hold = self.cases[case].hold()?;
        let parts: Vec<Part> = hold.lacking().iter().map(ReservedLine::in_first_bucket).collect();
        if let Some((hold, changes)) = hold.sell(&parts, self.cases[case].now()) {
            let Ok(level) = self.level().after(changes[0].1) else {
                return Some(At::GiveUp(paid));
            };
            self.keep_level(level);
            self.cases[case].hold = Some(hold.status);
        }
        if is_large { Some(At::SellLast(paid)) } else { self.sell_last(case, paid) }
    }

    fn sell_last(&mut self, case: usize, paid: Paid) -> Option<At> {
        match self.incoming(case, paid)? {
            Incoming::Sell(steps) => self.book(case, paid, &steps.last()?.0),
            _ => self.again(case, paid),
        }
    }

    /// The order is closed, if it is still open, with all that it holds; and if it has ended, the money goes back.
    fn give_up(&mut self, flaw: Flaw, case: usize, paid: Paid) -> Option<At> {
        if self.cases[case].status() == Some(OrderStatus::PendingPayment) {
            self.end_order(flaw, case, OrderStatus::Cancelled);
            if self.cases[case].is_closing {
                self.close_hold(flaw, case);
                return Some(At::GiveUp(paid));
            }
        }
        match self.incoming(case, paid)? {
            Incoming::GiveBack(how) => self.give_back(case, paid, &how),
            _ => self.again(case, paid),
        }
    }

    fn give_back(&mut self, case: usize, paid: Paid, how: &GiveBack) -> Option<At> {
        match how {
            GiveBack::LetGo => Some(At::GiveBack(paid.then)),
            GiveBack::Refund(_) if !paid.is_fresh => self.again(case, paid),
            GiveBack::Refund(refunding) => {
                self.keep_payment(case, refunding);
                self.write_new_refund(case, Kind::Useless, paid.next.captured, false);
                Some(At::AskRefund(Asking::new(Kind::Useless, paid.next.captured)))
            }
        }
    }

    /// Puts the piece back on the shelf, once for each name.
    pub fn restock(&mut self, case: usize, name: usize) {
        if self.cases[case].returned[name] {
            return;
        }
        if self.take_back(&piece()) {
            self.cases[case].returned[name] = true;
        }
    }

    /// Puts a sold piece back on the shelf; a fault if none is sold.
    pub fn take_back(&mut self, line: &ReservedLine) -> bool {
        match self.level().after(StockChange::take_back(line.quantity)) {
            Ok(level) => self.keep_level(level),
            Err(_) => self.fault = Some("more came back than was sold"),
        }
        self.fault.is_none()
    }

    fn note_returned(&mut self, case: usize) -> Option<At> {
        let payment = self.cases[case].payment().filter(|payment| payment.is_returning)?;
        self.keep_payment(case, &payment.returned());
        None
    }

    /// Stripe calls an intent off, or refuses because it has ended; either way this is how it is then.
    fn cancel_intent(&mut self, case: usize) -> Intent {
        let intent = self.cases[case].intent.unwrap_or(Intent::Gone);
        let after = if matches!(intent, Intent::Taken(_)) { intent } else { Intent::Gone };
        self.cases[case].intent = Some(after);
        after
    }

    fn act(&mut self, case: usize, ask: Ask) -> Intent {
        match (ask, self.cases[case].intent) {
            (Ask::Take(amount), Some(Intent::Reserved)) => {
                self.cases[case].intent = Some(Intent::Taken(amount));
                Intent::Taken(amount)
            }
            (Ask::Take(_), Some(other)) => other,
            _ => self.cancel_intent(case),
        }
    }
}
