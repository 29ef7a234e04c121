//! Settling: what is to be done, given what was read of an order, its payment and its holds.
//!
//! Every function here is one decision. The use cases read, ask here, and write what they are told; the tests do the same in
//! every order of steps (`tests/kernel`), so that what was explored is what runs. Nothing here knows how anything is written.

use jiff::Timestamp;

use crate::{
    InvalidTransition,
    order::{Order, OrderPaymentStatus, OrderStatus},
    payment::{
        CaptureMethod, Dispute, IntentReport, IntentStatus, Payment, PaymentStatus, Refund, RefundStatus,
    },
};

#[cfg(test)]
mod tests;

/// What is done with money that has come for an order, or is reserved for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Incoming {
    /// The order waits for it: its holds are sold, and with the last of them it goes these steps.
    Sell(Vec<OrderStep>),
    /// The order was sold when the money was reserved. Now it was taken, and the order is paid.
    Capture(Box<Order>),
    /// The order has no use for it.
    GiveBack(GiveBack),
    /// This very money sold the order after the payment was read: it must stay, and everything is read anew.
    Again,
}

/// An order one step on, and why if that does not speak for itself.
pub type OrderStep = (Order, Option<&'static str>);

/// How money goes back that an order has no use for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GiveBack {
    /// It is only reserved: its intent is called off, and what Stripe says then is settled.
    LetGo,
    /// It was taken: all of it is set aside at once, and a refund is begun.
    Refund(Box<Payment>),
}

/// What is done with the money of `paid`, which was in the state of `before` when it was read.
pub fn incoming(order: &Order, before: &Payment, paid: &Payment) -> Result<Incoming, InvalidTransition> {
    let is_sold_for_it = order.payment_status == OrderPaymentStatus::Authorized;
    Ok(match (order.status, before.status, paid.status) {
        (OrderStatus::PendingPayment, ..) => Incoming::Sell(steps(order, paid)?),
        (_, PaymentStatus::Authorized, _) if is_sold_for_it => Incoming::Capture(Box::new(order.capture())),
        (_, _, PaymentStatus::Authorized) if is_sold_for_it => Incoming::Again,
        (_, _, PaymentStatus::Authorized) => Incoming::GiveBack(GiveBack::LetGo),
        _ => match paid.begin_refund(paid.captured) {
            Ok(refunding) => Incoming::GiveBack(GiveBack::Refund(Box::new(refunding))),
            Err(_) => Incoming::Again,
        },
    })
}

/// Where an order goes that is paid with `paid`: one that somebody has to look at goes a step further.
fn steps(order: &Order, paid: &Payment) -> Result<Vec<OrderStep>, InvalidTransition> {
    let secured = match paid.status {
        PaymentStatus::Authorized => order.authorize()?,
        _ => order.pay()?,
    };
    if !paid.needs_review() {
        return Ok(vec![(secured, None)]);
    }
    let held = secured.become_status(OrderStatus::OnHold)?;
    Ok(vec![(secured, None), (held, Some("the payment is to be reviewed"))])
}

/// What is done first so that an order can end which was not paid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CallOff {
    /// Nothing: no money is on its way.
    Nothing,
    /// Stripe may or may not have made the intent: only the repair can tell, and the order waits for it.
    Wait,
    /// Stripe is asked for this intent: whoever has let their money be reserved has paid in time, even if nobody has heard
    /// of it yet. If that is not so ([`is_paid_in_time`]), it is called off.
    LookFirst(String),
    /// This intent is called off. Stripe refuses if it has ended: either way what it is then is settled.
    Cancel(String),
}

/// What is done first so that an order can become `ending`.
pub fn call_off(payment: &Payment, ending: OrderStatus) -> CallOff {
    match (&payment.intent_id, payment.status) {
        (_, status) if status.is_final() => CallOff::Nothing,
        (None, PaymentStatus::Unknown) => CallOff::Wait,
        (None, _) => CallOff::Nothing,
        (Some(intent), _) if ending == OrderStatus::Expired && is_manual(payment) => {
            CallOff::LookFirst(intent.clone())
        }
        (Some(intent), _) => CallOff::Cancel(intent.clone()),
    }
}

fn is_manual(payment: &Payment) -> bool {
    payment.capture_method == CaptureMethod::Manual
}

/// Whether an order whose time is over was paid before that, as far as its intent tells.
pub fn is_paid_in_time(report: &IntentReport) -> bool {
    report.status == IntentStatus::RequiresCapture
}

/// What is done to call an order off.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cancel {
    /// Nothing: it is called off.
    Nothing,
    /// It is not paid: first [`call_off`], then it ends.
    CallOff,
    /// Its money is only reserved: that is let go, and the order ends with it.
    Void,
    /// It is paid: it ends like this, and in the same moment all that is left of its money is set aside to go back.
    Refund(Box<Order>),
}

/// What is done to call `order` off.
///
/// # Errors
/// If it is too late for that.
pub fn cancel(order: &Order) -> Result<Cancel, InvalidTransition> {
    Ok(match order.status {
        OrderStatus::Cancelled => Cancel::Nothing,
        OrderStatus::PendingPayment => Cancel::CallOff,
        _ if order.payment_status == OrderPaymentStatus::Authorized => Cancel::Void,
        _ => Cancel::Refund(Box::new(order.become_status(OrderStatus::Cancelled)?)),
    })
}

/// A payment and, if that concerns it, its order, now that a refund has come to be as it is, from what it was `before`, or
/// from nothing.
pub fn book(
    payment: &Payment,
    order: &Order,
    before: Option<&Refund>,
    refund: &Refund,
) -> (Payment, Option<Order>) {
    // What was not there before is, to the books, as good as failed: nothing of it is on its way or gone.
    let was = before.map_or(RefundStatus::Failed, |before| before.status);
    let next = payment.end_refund(was, refund);
    let after = standing(order, &next);
    (next, after)
}

/// A payment and, if that concerns it, its order, now that a dispute has come to be as it is, from what it was `before`, or
/// from nothing. An order that is not paid has nothing that could be disputed: this money is on its way back.
pub fn dispute(
    payment: &Payment,
    order: &Order,
    before: Option<&Dispute>,
    dispute: &Dispute,
) -> (Payment, Option<Order>) {
    let next = payment.dispute(before, dispute);
    let is_paid =
        !matches!(order.payment_status, OrderPaymentStatus::Unpaid | OrderPaymentStatus::Authorized);
    let after = standing(order, &next).filter(|_| is_paid);
    (next, after)
}

/// An order of which as much is paid as its payment says, if that is not what it says itself.
fn standing(order: &Order, payment: &Payment) -> Option<Order> {
    let after = match payment.disputed {
        0 => order.refunded(payment.refunded, payment.captured),
        _ => order.dispute(),
    };
    let is_other = payment.captured > 0 && after.payment_status != order.payment_status;
    is_other.then_some(after)
}

/// A payment whose reserved money was let go, by us, by Stripe or by time, and its order if that was sold for it: the order
/// ends, unless it has left the house, and its pieces are on their way back from then on.
pub fn release(order: &Order, gone: Payment, now: Timestamp) -> (Payment, Option<Order>) {
    if order.payment_status != OrderPaymentStatus::Authorized {
        return (Payment { is_returning: false, ..gone }, None);
    }
    let released = order.release();
    let is_returning = released.status != order.status;
    (Payment { is_returning, watched_since: is_returning.then_some(now), ..gone }, Some(released))
}

/// What somebody does about a payment whose webhook may have been lost, or that a function was cut off from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TakeUp {
    /// Nothing: nobody has to look after it.
    Nothing,
    /// Stripe is asked for its intent, or looks it up.
    MakeIntent,
    /// The pieces of its order are put back on the shelf.
    ReturnPieces,
    /// Stripe is asked to do with the reserved money what is written.
    Act,
    /// Stripe is asked how it stands.
    Ask,
    /// It has ended by itself: from now on nobody looks after it.
    Forget,
}

/// What somebody does about `payment` who looks after it.
pub fn take_up(payment: &Payment) -> TakeUp {
    match payment.status {
        PaymentStatus::Unknown => TakeUp::MakeIntent,
        _ if payment.watched_since.is_none() => TakeUp::Nothing,
        _ if payment.is_returning => TakeUp::ReturnPieces,
        _ if payment.asked.is_some() => TakeUp::Act,
        status if status.is_final() => TakeUp::Forget,
        _ => TakeUp::Ask,
    }
}

/// Whether a payment is looked after until it has moved on; any other is once.
pub fn is_kept_in_sight(payment: &Payment) -> bool {
    payment.asked.is_some() || payment.is_returning || payment.status == PaymentStatus::Unknown
}
