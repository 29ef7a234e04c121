//! The functions' steps that end what was not paid.

use domain::{
    order::{Order, OrderStatus},
    payment::PaymentStatus,
    reservation::Ending,
};

use crate::{
    Flaw,
    runs::{At, End},
    state::{State, piece},
};

impl End {
    const fn of_hold(self) -> Ending {
        if matches!(self, Self::Expired) { Ending::Expire } else { Ending::Release }
    }

    const fn of_order(self) -> OrderStatus {
        if matches!(self, Self::Expired) { OrderStatus::Expired } else { OrderStatus::Cancelled }
    }
}

impl State {
    pub fn call_off(&self, case: usize, end: End) -> Option<At> {
        let Some(payment) = self.cases[case].payment.filter(|payment| !payment.status.is_final()) else {
            return Some(At::Close(end));
        };
        match (payment.has_intent, payment.status) {
            (false, PaymentStatus::Unknown) => None,
            (false, _) => Some(At::Close(end)),
            _ if end == End::Expired && self.cases[case].is_manual => Some(At::LookFirst),
            _ => Some(At::CancelIntent(end)),
        }
    }

    pub fn close(&mut self, case: usize, end: End) -> Option<At> {
        self.end_order(case, end);
        self.cases[case].is_closing.then_some(At::CloseHold)
    }

    /// Ends an order with its hold; the hold of a large one is not its last, and is seen to after that.
    pub fn end_order(&mut self, case: usize, end: End) {
        let now = &self.cases[case];
        let order = now.order().map(|order| Order { holds: now.holds(), ..order });
        let Some(closed) = order.and_then(|order| order.close(end.of_order(), now.now()).ok()) else {
            return;
        };
        match closed.closing_since {
            Some(_) => self.cases[case].is_closing = true,
            None => self.let_go(case, end.of_hold()),
        }
        self.keep_order(case, &closed);
    }

    /// Lets the hold of an order go that has ended, or takes it back if it was sold by then.
    pub fn close_hold(&mut self, flaw: Flaw, case: usize) {
        let now = &self.cases[case];
        let is_expired = now.status() == Some(OrderStatus::Expired);
        let back = now.hold().and_then(|hold| hold.take_back(now.now()).ok());
        match back {
            Some(_) if flaw == Flaw::LeavesWhatIsSold => {}
            Some(hold) => {
                self.take_back(&piece());
                self.cases[case].hold = Some(hold.status);
            }
            None => self.let_go(case, if is_expired { Ending::Expire } else { Ending::Release }),
        }
    }

    fn let_go(&mut self, case: usize, ending: Ending) {
        let now = self.cases[case].now();
        let ended = self.cases[case].hold().and_then(|hold| hold.end(ending, now).ok());
        if let Some((hold, changes)) = ended
            && let Ok(level) = self.level().after(changes[0].1)
        {
            self.keep_level(level);
            self.cases[case].hold = Some(hold.status);
        }
    }
}
