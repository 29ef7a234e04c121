//! What is given back at Stripe's own dashboard, and how it is taken in.

use domain::{
    RefundId,
    payment::{Refund, RefundStatus},
    settlement,
};
use jiff::Timestamp;

use crate::{
    Flaw,
    refunds::Asking,
    runs::{At, Then},
    state::{Intent, Kind, RefundRow, State, StripeRefund},
    values::money,
};

const INDEX: usize = Kind::ByHand.index();

impl State {
    /// Somebody gives money back at Stripe, once.
    pub fn give_by_hand(&mut self, case: usize, amount: i16, first: RefundStatus) -> Option<()> {
        let now = &self.cases[case];
        let (received, given) = now.at_stripe();
        let is_there = matches!(now.intent, Some(Intent::Taken(_))) && amount <= received - given;
        (is_there && now.stripe_refunds[INDEX].is_none()).then_some(())?;
        let made = StripeRefund { amount, first, now: first, is_refused: false, news: [true, false] };
        self.cases[case].stripe_refunds[INDEX] = Some(made);
        Some(())
    }

    /// A function is told of it: that the money came is booked before it goes back.
    pub fn begin_import(&self, case: usize, news: usize) -> Option<At> {
        let now = &self.cases[case];
        let made = now.stripe_refunds[INDEX].filter(|made| made.news[news])?;
        match now.payment?.status.is_final() {
            true => Some(At::Import(news, made.now)),
            false => Some(At::Settle(now.intent?, Then::Import(news, made.now))),
        }
    }

    pub fn import(&mut self, flaw: Flaw, case: usize, news: usize, status: RefundStatus) -> Option<At> {
        let amount = self.cases[case].stripe_refunds[INDEX]?.amount;
        let asking = Asking { by_name: true, heard: Some(news), ..Asking::new(Kind::ByHand, amount) };
        if self.cases[case].refunds[INDEX].is_some() {
            return self.book_refund(flaw, case, asking, status);
        }
        self.write_imported(case, status);
        self.booked(flaw, case, asking)
    }

    fn write_imported(&mut self, case: usize, status: RefundStatus) -> Option<()> {
        let (payment, order) = (self.cases[case].payment()?, self.cases[case].order()?);
        let amount = self.cases[case].stripe_refunds[INDEX]?.amount;
        let (id, intent) = (RefundId::new("rfd_1").unwrap(), Some("pi_1".to_owned()));
        let imported = Refund::imported(&payment, id, money(amount), intent, Timestamp::UNIX_EPOCH);
        let (next, after) = settlement::book(&payment, &order, None, &Refund { status, ..imported });
        let row =
            RefundRow { status, amount, is_rest: false, has_piece: false, is_shelved: false, is_named: true };
        self.cases[case].refunds[INDEX] = Some(row);
        if let Some(after) = after {
            self.keep_order(case, &after);
        }
        self.keep_payment(case, &next);
        Some(())
    }

    /// Stripe refused a refund of all that is left: what Stripe lists is taken in first, and then it becomes one of what is
    /// left then, unless somebody else has seen to it meanwhile.
    pub fn shrink(&mut self, flaw: Flaw, case: usize, asking: Asking) -> Option<At> {
        let now = &self.cases[case];
        let index = asking.kind.index();
        let row = now.refunds[index]?;
        if let Some(made) = now.stripe_refunds[INDEX]
            && now.refunds[INDEX].is_none_or(|known| known.value().end(made.now).is_ok())
            && flaw != Flaw::BelievesItsOwnBooks
        {
            self.import(flaw, case, usize::from(made.now == RefundStatus::Failed), made.now);
            return Some(At::Shrink(asking));
        }
        if row.amount == asking.amount && row.status == RefundStatus::Pending {
            let Some((payment, smaller)) = now.payment()?.shrink_refund(&row.value()) else {
                return Some(At::BookRefund(asking, RefundStatus::Failed));
            };
            let amount = i16::try_from(smaller.amount.amount).ok()?;
            self.cases[case].refunds[index] = Some(RefundRow { amount, ..row });
            // For another amount it is asked under another name.
            self.cases[case].stripe_refunds[index] = None;
            self.keep_payment(case, &payment);
        }
        self.go_on_with(case, asking)
    }
}
