//! The functions' steps that end what was not paid.

use domain::{
    order::{Order, OrderStatus},
    reservation::Closing,
    settlement::{CallOff, call_off},
};

use crate::{Flaw, runs::At, state::State, values::piece};

impl State {
    pub fn call_off(&self, case: usize, ending: OrderStatus) -> Option<At> {
        let Some(payment) = self.cases[case].payment() else {
            return Some(At::Close(ending));
        };
        match call_off(&payment, ending) {
            CallOff::Nothing => Some(At::Close(ending)),
            CallOff::Wait => None,
            CallOff::LookFirst(_) => Some(At::LookFirst(ending)),
            CallOff::Cancel(_) => Some(At::CancelIntent(ending)),
        }
    }

    pub fn close(&mut self, flaw: Flaw, case: usize, ending: OrderStatus) -> Option<At> {
        self.end_order(flaw, case, ending);
        self.cases[case].is_closing.then_some(At::CloseHold)
    }

    /// Ends an order with its hold; the hold of a large one is not its last, and is seen to after that.
    pub fn end_order(&mut self, flaw: Flaw, case: usize, ending: OrderStatus) {
        let now = &self.cases[case];
        let order = now.order().map(|order| Order { holds: now.holds(), ..order });
        let Some(closed) = order.and_then(|order| order.close(ending, now.now()).ok()) else {
            return;
        };
        self.keep_order(case, &closed);
        match closed.closing_since {
            Some(_) => self.cases[case].is_closing = true,
            None => self.close_hold(flaw, case),
        }
    }

    /// Lets the hold of an order go that has ended, or takes it back if it was sold by then.
    pub fn close_hold(&mut self, flaw: Flaw, case: usize) {
        let now = &self.cases[case];
        let (Some(order), Some(hold)) = (now.order(), now.hold()) else { return };
        match hold.close(order.ending(), now.now()) {
            Ok(Closing::LetGo(hold, changes)) => {
                if let Ok(level) = self.level().after(changes[0].1) {
                    self.keep_level(level);
                    self.cases[case].hold = Some(hold.status);
                }
            }
            Ok(Closing::TakeBack(hold)) if flaw != Flaw::LeavesWhatIsSold => {
                self.take_back(&piece());
                self.cases[case].hold = Some(hold.status);
            }
            _ => {}
        }
    }
}
