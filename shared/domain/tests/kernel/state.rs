//! What the tables and Stripe hold, in few bytes, and how a row becomes the domain's own value and back.
//!
//! Versions are not kept: what a function has read is marked as outdated by whoever writes the row after it, which is
//! all that a condition on a version can tell.

use domain::{
    RefundId, Reservation, ReservationId,
    order::{Order, OrderPaymentStatus, OrderStatus},
    payment::{
        Asked, CaptureMethod, Decline, IntentReport, IntentStatus, Payment, PaymentStatus, Refund,
        RefundStatus,
    },
    reservation::ReservationStatus,
    settlement::is_kept_in_sight,
    stock::Level,
};
use jiff::Timestamp;

use crate::{
    runs::Run,
    values::{HOLD, ORDER, PAYMENT, due_at, money, piece},
};

/// What an order costs.
pub const TOTAL: i16 = 100;

/// What a refund is for; there is at most one of each for an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// All that is left, because the paid order was called off. The piece comes back with it.
    Cancelled,
    /// Money that an order has no use for any more.
    Useless,
    /// 60 of 100, and the piece comes back.
    WithPiece,
    /// Another 60 of 100, and nothing comes back.
    Goodwill,
    /// What somebody gives back at Stripe's own dashboard, unasked.
    ByHand,
}

pub const KINDS: [Kind; 5] = [Kind::Cancelled, Kind::Useless, Kind::WithPiece, Kind::Goodwill, Kind::ByHand];

/// The name under which the piece comes back when reserved money was let go, after those of the refunds.
pub const VOID: usize = KINDS.len();

/// A refund's row.
#[expect(clippy::struct_excessive_bools, reason = "they are the row's own")]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct RefundRow {
    pub status: RefundStatus,
    pub amount: i16,
    pub is_rest: bool,
    pub has_piece: bool,
    /// Whether the piece is on the shelf.
    pub is_shelved: bool,
    pub is_named: bool,
}

/// What Stripe asks for a try, as far as it can be told from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Intent {
    Open,
    Declined,
    Reserved,
    Taken(i16),
    Gone,
}

/// A refund at Stripe.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct StripeRefund {
    pub amount: i16,
    /// What was answered when it was made, and is answered to whoever makes it again.
    pub first: RefundStatus,
    pub now: RefundStatus,
    /// Whether it was refused, so that there is nothing that could be asked about.
    pub is_refused: bool,
    /// Whether it was told that it came through, or that it failed, and nobody has taken that in yet.
    pub news: [bool; 2],
}

/// What was asked about reserved money.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Ask {
    Take(i16),
    Void,
}

/// A payment's row.
#[expect(clippy::struct_excessive_bools, reason = "they are the row's own")]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct PaymentRow {
    pub status: PaymentStatus,
    pub has_intent: bool,
    pub is_declined: bool,
    pub asked: Option<Ask>,
    pub is_watched: bool,
    pub is_returning: bool,
    pub authorized: i16,
    pub captured: i16,
    pub refunded: i16,
    pub refunding: i16,
}

/// One order and all that belongs to it.
#[expect(clippy::struct_excessive_bools, reason = "they are all that is known of it")]
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Case {
    pub is_manual: bool,
    /// Whether the piece is in a hold that is not the order's last, and so ends in a transaction of its own.
    pub is_large: bool,
    pub is_due: bool,
    pub order: Option<(OrderStatus, OrderPaymentStatus)>,
    pub hold: Option<ReservationStatus>,
    pub payment: Option<PaymentRow>,
    pub refunds: [Option<RefundRow>; 5],
    /// Whether it has ended and its hold has not been seen to yet.
    pub is_closing: bool,
    /// Names under which the piece came back: of the refunds, and of reserved money that was let go.
    pub returned: [bool; 6],
    pub intent: Option<Intent>,
    pub stripe_refunds: [Option<StripeRefund>; 5],
}

/// Everything.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct State {
    /// Available, reserved, sold and not returned.
    pub level: (i8, i8, i8),
    pub cases: [Case; 2],
    pub runs: Vec<Run>,
    /// What happened that must not.
    pub fault: Option<&'static str>,
}

fn units(units: i64) -> i16 {
    i16::try_from(units).unwrap()
}

impl Kind {
    pub const fn index(self) -> usize {
        self as usize
    }
}

impl PaymentRow {
    pub fn begun() -> Self {
        Self::of(&Payment { watched_since: Some(Timestamp::UNIX_EPOCH), ..PAYMENT.clone() })
    }

    pub fn of(payment: &Payment) -> Self {
        let asked = payment.asked.map(|asked| match asked {
            Asked::Capture(amount) => Ask::Take(units(amount)),
            Asked::Void => Ask::Void,
        });
        Self {
            status: payment.status,
            has_intent: payment.intent_id.is_some(),
            is_declined: payment.declined_charge.is_some(),
            asked,
            // The sweeper may have stopped watching all others already.
            is_watched: payment.watched_since.is_some() && is_kept_in_sight(payment),
            is_returning: payment.is_returning,
            authorized: units(payment.authorized),
            captured: units(payment.captured),
            refunded: units(payment.refunded),
            refunding: units(payment.refunding),
        }
    }

    pub fn value(self, is_manual: bool) -> Payment {
        Payment {
            status: self.status,
            intent_id: self.has_intent.then(|| "pi_1".to_owned()),
            declined_charge: self.is_declined.then(|| "ch_1".to_owned()),
            capture_method: if is_manual { CaptureMethod::Manual } else { CaptureMethod::Automatic },
            asked: self.asked.map(Ask::value),
            watched_since: self.is_watched.then_some(Timestamp::UNIX_EPOCH),
            is_returning: self.is_returning,
            authorized: self.authorized.into(),
            captured: self.captured.into(),
            refunded: self.refunded.into(),
            refunding: self.refunding.into(),
            ..PAYMENT.clone()
        }
    }
}

impl Ask {
    pub fn value(self) -> Asked {
        match self {
            Self::Take(amount) => Asked::Capture(amount.into()),
            Self::Void => Asked::Void,
        }
    }
}

impl RefundRow {
    pub fn value(self) -> Refund {
        let id = RefundId::new("rfd_1").unwrap();
        Refund {
            status: self.status,
            is_rest: self.is_rest,
            restock: if self.has_piece { vec![piece()] } else { vec![] },
            shelved: self.is_shelved.into(),
            stripe_id: self.is_named.then(|| "re_1".to_owned()),
            ..Refund::of(&PAYMENT, id, self.amount.into(), Timestamp::UNIX_EPOCH)
        }
    }
}

impl Intent {
    /// What Stripe says of it.
    pub fn report(self) -> IntentReport {
        let (status, capturable, received) = match self {
            Self::Open | Self::Declined => (IntentStatus::RequiresPaymentMethod, 0, 0),
            Self::Reserved => (IntentStatus::RequiresCapture, TOTAL, 0),
            Self::Taken(amount) => (IntentStatus::Succeeded, 0, amount),
            Self::Gone => (IntentStatus::Canceled, 0, 0),
        };
        IntentReport {
            intent_id: "pi_1".into(),
            attempt: 1,
            status,
            amount: money(TOTAL),
            capturable: capturable.into(),
            received: received.into(),
            declined: (self == Self::Declined)
                .then(|| Decline { attempt: "ch_1".into(), reason: "card_declined".into() }),
            receipt_url: None,
        }
    }
}

impl Case {
    pub const fn new(is_manual: bool, is_large: bool) -> Self {
        Self {
            is_manual,
            is_large,
            is_due: false,
            order: None,
            hold: None,
            payment: None,
            refunds: [None; 5],
            is_closing: false,
            returned: [false; 6],
            intent: None,
            stripe_refunds: [None; 5],
        }
    }

    /// The instant: before the order's time is over, or after.
    pub fn now(&self) -> Timestamp {
        if self.is_due { due_at() } else { Timestamp::UNIX_EPOCH }
    }

    pub fn order(&self) -> Option<Order> {
        self.order.map(|(status, payment_status)| Order { status, payment_status, ..ORDER.clone() })
    }

    /// The names of its holds: a large order has another one, without the piece.
    pub fn holds(&self) -> Vec<ReservationId> {
        let other = self.is_large.then(|| ReservationId::new("res_2").unwrap());
        std::iter::once(HOLD.id.clone()).chain(other).collect()
    }

    pub fn status(&self) -> Option<OrderStatus> {
        self.order.map(|(status, _)| status)
    }

    pub fn hold(&self) -> Option<Reservation> {
        self.hold.map(|status| Reservation { status, ..HOLD.clone() })
    }

    pub fn payment(&self) -> Option<Payment> {
        self.payment.map(|row| row.value(self.is_manual))
    }

    /// What Stripe received for it, and what it gave back or is giving back.
    pub fn at_stripe(&self) -> (i16, i16) {
        let received = if let Some(Intent::Taken(amount)) = self.intent { amount } else { 0 };
        let goes = |made: &&StripeRefund| made.now != RefundStatus::Failed;
        (received, self.stripe_refunds.iter().flatten().filter(goes).map(|made| made.amount).sum())
    }

    /// Whether Stripe has made a refund, and not refused it.
    pub fn is_made(&self, kind: Kind) -> bool {
        self.stripe_refunds[kind.index()].is_some_and(|made| !made.is_refused)
    }

    /// Whether it has the piece, sold or set aside, by its hold and by what came back.
    pub fn has_piece(&self) -> (bool, i8) {
        let is_sold = self.hold == Some(ReservationStatus::Committed);
        let back: i8 = self.returned.iter().map(|is_back| i8::from(*is_back)).sum();
        (self.hold == Some(ReservationStatus::Active), i8::from(is_sold) - back)
    }
}

impl State {
    pub fn level(&self) -> Level {
        let (available, reserved, committed) = self.level;
        let (available, reserved, committed) = (available.into(), reserved.into(), committed.into());
        Level { available, reserved, committed, version: 1 }
    }

    /// Writes the level.
    pub fn keep_level(&mut self, level: Level) {
        let count = |pieces: i64| i8::try_from(pieces).unwrap();
        self.level = (count(level.available), count(level.reserved), count(level.committed));
    }

    /// Writes a payment: whoever read it before has an old version.
    pub fn keep_payment(&mut self, case: usize, payment: &Payment) {
        self.cases[case].payment = Some(PaymentRow::of(payment));
        for run in self.runs.iter_mut().filter(|run| run.case == case) {
            run.outdate();
        }
    }

    /// Writes an order, which never leaves an end.
    pub fn keep_order(&mut self, case: usize, order: &Order) {
        let before = self.cases[case].status();
        let is_end = matches!(before, Some(OrderStatus::Cancelled | OrderStatus::Expired));
        if is_end && before != Some(order.status) {
            self.fault = Some("an order left its end");
        }
        self.cases[case].order = Some((order.status, order.payment_status));
    }
}
