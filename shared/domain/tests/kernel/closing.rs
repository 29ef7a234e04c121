//! The functions' steps that end what was not paid.

use domain::{order::OrderStatus, payment::PaymentStatus, reservation::Ending};

use crate::{
    runs::{At, End},
    state::State,
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

    /// Lets the hold of a large order go before it is closed; all others are closed with their hold.
    pub fn close(&mut self, case: usize, end: End) -> Option<At> {
        if self.cases[case].status() != Some(OrderStatus::PendingPayment) {
            return None;
        }
        if !self.cases[case].is_large {
            return self.close_last(case, end);
        }
        self.let_go(case, end);
        Some(At::CloseLast(end))
    }

    pub fn close_last(&mut self, case: usize, end: End) -> Option<At> {
        if self.cases[case].is_large {
            self.write_end(case, end);
        } else {
            self.end_order(case, end);
        }
        None
    }

    pub fn end_order(&mut self, case: usize, end: End) {
        if self.cases[case].status() == Some(OrderStatus::PendingPayment) {
            self.let_go(case, end);
            self.write_end(case, end);
        }
    }

    fn write_end(&mut self, case: usize, end: End) {
        let closed = self.cases[case].order().and_then(|order| order.become_status(end.of_order()).ok());
        if let Some(closed) = closed {
            self.keep_order(case, &closed);
        }
    }

    fn let_go(&mut self, case: usize, end: End) {
        let now = self.cases[case].now();
        let ended = self.cases[case].hold().and_then(|hold| hold.end(end.of_hold(), now).ok());
        if let Some((hold, changes)) = ended
            && let Ok(level) = self.level().after(changes[0].1)
        {
            self.keep_level(level);
            self.cases[case].hold = Some(hold.status);
        }
    }
}
