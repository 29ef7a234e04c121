//! What must hold in every state, and the ends that must be among them.

use domain::{
    order::{OrderPaymentStatus, OrderStatus},
    payment::{PaymentStatus, RefundStatus},
    reservation::ReservationStatus,
};
use stateright::Property;

use crate::{
    Kernel,
    acts::Act,
    runs::Luck,
    state::{Case, Intent, KINDS, Kind, RefundRow, State, TOTAL, VOID},
};

/// Whoever repairs has done so after so many steps, or never will have.
const PATIENCE: usize = 100;

/// The names of the ends.
pub mod ends {
    pub const PAID: &str = "an order is paid";
    pub const EXPIRED: &str = "an order expires";
    pub const CALLED_OFF: &str = "a paid order is called off and its money and piece come back";
    pub const TOO_LATE: &str = "money comes too late and goes back";
    pub const IN_PART: &str = "a part of the money goes back";
    pub const SENT_BACK: &str = "a bank sends a refund back and another is given";
    pub const BACK_AGAIN: &str =
        "a bank sends a refund back whose piece stays on the shelf, and the order is called off";
    pub const SOLD_IN_PART: &str = "a large order ends whose first hold was sold";
    pub const RELEASED: &str = "reserved money is let go and the piece comes back";
    pub const LESS_TAKEN: &str = "less is taken than was reserved";
    pub const BY_HAND: &str = "money is given back by hand, and the order is called off with the rest";
    pub const NEEDLESS: &str = "all is given back by hand, and a refund of all that is left needs none";
    pub const SOLD_AGAIN: &str = "a piece that came back is sold again";
}

pub fn properties() -> Vec<Property<Kernel>> {
    use ends::*;
    vec![
        Property::always("nothing happens that must not", |_, state: &State| state.fault.is_none()),
        Property::always("the piece is in one place", |_, state: &State| is_in_one_place(state)),
        Property::always("no more goes back than came", |_, state: &State| {
            state.cases.iter().all(no_more_goes_back)
        }),
        Property::always("at rest all agree", |kernel: &Kernel, state: &State| {
            let is_quiet = state.runs.is_empty() && kernel.repairs(state).is_none();
            !is_quiet || state.cases.iter().all(|case| agrees(kernel, case))
        }),
        Property::always("what is cut off is repaired", |kernel: &Kernel, state: &State| {
            !state.runs.is_empty() || is_repaired(kernel, state)
        }),
        Property::sometimes(PAID, |kernel: &Kernel, state: &State| {
            rests(kernel, state, |case| is_at(case, OrderStatus::Paid))
        }),
        Property::sometimes(EXPIRED, |kernel: &Kernel, state: &State| {
            rests(kernel, state, |case| is_at(case, OrderStatus::Expired))
        }),
        Property::sometimes(CALLED_OFF, |kernel: &Kernel, state: &State| {
            rests(kernel, state, |case| has_given(case, Kind::Cancelled) && case.has_piece() == (false, 0))
        }),
        Property::sometimes(TOO_LATE, |kernel: &Kernel, state: &State| {
            rests(kernel, state, |case| has_given(case, Kind::Useless))
        }),
        Property::sometimes(IN_PART, |kernel: &Kernel, state: &State| {
            let is_part = |case: &Case| {
                case.order.is_some_and(|order| order.1 == OrderPaymentStatus::PartiallyRefunded)
            };
            rests(kernel, state, is_part)
        }),
        Property::sometimes(SENT_BACK, |kernel: &Kernel, state: &State| {
            rests(kernel, state, |case| has_failed(case, Kind::Goodwill) && has_given(case, Kind::WithPiece))
        }),
        Property::sometimes(SOLD_IN_PART, |_, state: &State| {
            let is_sold = |case: &Case| case.is_closing && case.hold == Some(ReservationStatus::Committed);
            state.cases.iter().any(is_sold)
        }),
        Property::sometimes(BACK_AGAIN, |kernel: &Kernel, state: &State| {
            rests(kernel, state, |case| {
                has_failed(case, Kind::WithPiece)
                    && case.returned[Kind::WithPiece.index()]
                    && has_given(case, Kind::Cancelled)
            })
        }),
        Property::sometimes(RELEASED, |kernel: &Kernel, state: &State| {
            rests(kernel, state, |case| case.returned[VOID])
        }),
        Property::sometimes(LESS_TAKEN, |kernel: &Kernel, state: &State| {
            rests(kernel, state, |case| {
                case.intent == Some(Intent::Taken(70)) && is_at(case, OrderStatus::Paid)
            })
        }),
        Property::sometimes(BY_HAND, |kernel: &Kernel, state: &State| {
            let is_both = |case: &Case| has_given(case, Kind::ByHand) && has_given(case, Kind::Cancelled);
            rests(kernel, state, |case| is_both(case) && case.has_piece() == (false, 0))
        }),
        Property::sometimes(NEEDLESS, |kernel: &Kernel, state: &State| {
            let was_called_off = |row: RefundRow| row.status == RefundStatus::Cancelled;
            rests(kernel, state, |case| {
                case.refunds[Kind::Cancelled.index()].is_some_and(was_called_off)
                    && case.has_piece() == (false, 0)
            })
        }),
        Property::sometimes(SOLD_AGAIN, |kernel: &Kernel, state: &State| {
            let was_sold = |case: &Case| case.hold == Some(ReservationStatus::Committed);
            rests(kernel, state, |_| true) && state.cases.iter().all(was_sold)
        }),
    ]
}

fn is_at(case: &Case, status: OrderStatus) -> bool {
    case.status() == Some(status)
}

fn has_given(case: &Case, kind: Kind) -> bool {
    case.refunds[kind.index()].is_some_and(|row| row.status == RefundStatus::Succeeded)
}

fn has_failed(case: &Case, kind: Kind) -> bool {
    case.refunds[kind.index()].is_some_and(|row| row.status == RefundStatus::Failed)
}

fn rests(kernel: &Kernel, state: &State, is_so: impl Fn(&Case) -> bool) -> bool {
    state.runs.is_empty() && state.cases.iter().any(is_so) && kernel.repairs(state).is_none()
}

/// The counters are what the holds and returns come to, and nobody has what somebody else has.
fn is_in_one_place(state: &State) -> bool {
    let (available, reserved, committed) = state.level;
    let whose = state.cases.map(|case| case.has_piece());
    let held: i8 = whose.iter().map(|has| i8::from(has.0)).sum();
    let sold: i8 = whose.iter().map(|has| has.1).sum();
    let is_counted = (held, sold) == (reserved, committed) && whose.iter().all(|has| has.1 >= 0);
    is_counted && available >= 0 && reserved >= 0 && committed >= 0 && available + reserved + committed == 1
}

fn no_more_goes_back(case: &Case) -> bool {
    let (received, given) = case.at_stripe();
    let is_booked = case.payment.is_none_or(|row| {
        let is_counted = row.refunded >= 0 && row.refunding >= 0;
        // What is given by hand comes on top until Stripe has refused what is too much, or has told that it failed.
        let stands = |row: &RefundRow| matches!(row.status, RefundStatus::Pending | RefundStatus::Succeeded);
        let by_hand = case.refunds[Kind::ByHand.index()].filter(stands).map_or(0, |row| row.amount);
        let is_set_aside = row.refunded + row.refunding <= row.captured + by_hand;
        is_counted && is_set_aside && row.captured <= received
    });
    is_booked && given <= received
}

/// Whether order, payment, Stripe and stock say the same.
fn agrees(kernel: &Kernel, case: &Case) -> bool {
    let Some((status, payment_status)) = case.order else {
        return case.payment.is_none() && case.hold.is_none();
    };
    let (received, given) = case.at_stripe();
    if case.is_closing {
        return false;
    }
    let (is_held, sold) = case.has_piece();
    let is_same_money = case.payment.is_none_or(|row| {
        row.captured == received && row.refunded + row.refunding == given && row.asked.is_none()
    });
    let was_returned = KINDS.iter().any(|kind| case.returned[kind.index()]);
    let agrees = match status {
        OrderStatus::PendingPayment => is_held && received == 0 && case.intent != Some(Intent::Reserved),
        OrderStatus::Cancelled | OrderStatus::Expired => {
            // Until somebody gives it anew, money that a bank sent back is kept, and the piece may be with it; the piece
            // also waits for a bank that is slow.
            let waits = |kind: &Kind| {
                let status = case.refunds[kind.index()].map(|row| row.status);
                let is_refused = case.stripe_refunds[kind.index()].is_some_and(|made| made.is_refused);
                matches!(status, Some(RefundStatus::Failed | RefundStatus::Pending))
                    && (!is_refused || kernel.trouble == Some(*kind))
            };
            let is_sent_back = KINDS.iter().any(waits);
            let is_over = received == given && sold == 0;
            !is_held && case.intent != Some(Intent::Reserved) && (is_over || is_sent_back)
        }
        _ if payment_status == OrderPaymentStatus::Authorized => {
            let is_reserved = case.payment.is_some_and(|row| row.status == PaymentStatus::Authorized);
            is_reserved && case.intent == Some(Intent::Reserved) && sold == 1
        }
        _ => {
            let refunded = case.payment.map_or(0, |row| row.refunded);
            let expected =
                case.order().map(|order| order.refunded(refunded.into(), received.into()).payment_status);
            let is_whole = received == TOTAL || case.is_manual && received > 0;
            is_whole && sold == i8::from(!was_returned) && expected == Some(payment_status)
        }
    };
    agrees && is_same_money
}

/// Whether the sweeper and the list of events alone lead to where all agree, once the time is over and the banks have
/// made up their minds.
fn is_repaired(kernel: &Kernel, state: &State) -> bool {
    let mut now = state.clone();
    for case in &mut now.cases {
        case.is_due = case.order.is_some();
    }
    for _ in 0..PATIENCE {
        let banks = (0..2).flat_map(|case| KINDS.map(|kind| Act::Bank(case, kind, RefundStatus::Succeeded)));
        let act = match now.runs.is_empty() {
            false => Some(Act::Step(0, Luck::Good)),
            true => {
                kernel.repairs(&now).or_else(|| banks.clone().find(|act| kernel.after(&now, *act).is_some()))
            }
        };
        let Some(act) = act else {
            return now.fault.is_none()
                && is_in_one_place(&now)
                && now.cases.iter().all(|case| agrees(kernel, case));
        };
        match kernel.after(&now, act) {
            Some(next) => now = next,
            None => return false,
        }
    }
    false
}
