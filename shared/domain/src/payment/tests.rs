//! The rules of payments, called.

use super::*;
use crate::{
    Currency, DisputeId,
    reservation::ReservedLine,
    stock::{Quantity, Sku},
};

fn payment(status: PaymentStatus) -> Payment {
    Payment {
        id: PaymentId::new("pay_1").unwrap(),
        order_id: OrderId::new("ord_1").unwrap(),
        owner: UserId::new("ana").unwrap(),
        amount: Money::new(100, Currency::new("GBP").unwrap()),
        status,
        intent_id: Some("pi_1".into()),
        client_secret: None,
        receipt_url: None,
        capture_method: CaptureMethod::Automatic,
        attempt: 1,
        asked: None,
        watched_since: None,
        is_returning: false,
        declined_charge: None,
        source: None,
        risk: None,
        authorized: 0,
        captured: 0,
        refunded: 0,
        refunding: 0,
        disputed: 0,
        created_at: Timestamp::UNIX_EPOCH,
        version: 1,
    }
}

fn report(status: IntentStatus, received: i64, currency: &str) -> IntentReport {
    let amount = Money::new(100, Currency::new(currency).unwrap());
    IntentReport {
        intent_id: "pi_1".into(),
        attempt: 1,
        status,
        amount,
        capturable: if status == IntentStatus::RequiresCapture { 100 } else { 0 },
        received,
        declined: None,
        receipt_url: None,
    }
}

#[test]
fn the_money_settles_once() {
    let Finding::Paid(paid) =
        payment(PaymentStatus::Processing).observe(&report(IntentStatus::Succeeded, 100, "GBP"))
    else {
        panic!("not paid");
    };
    assert_eq!((paid.status, paid.captured, paid.version), (PaymentStatus::Succeeded, 100, 2));
    assert_eq!(paid.observe(&report(IntentStatus::Succeeded, 100, "GBP")), Finding::Unchanged);
    assert_eq!(
        paid.observe(&report(IntentStatus::Processing, 0, "GBP")),
        Finding::Unchanged,
        "an older report"
    );
}

#[test]
fn money_that_does_not_match_goes_to_review() {
    for wrong in [report(IntentStatus::Succeeded, 99, "GBP"), report(IntentStatus::Succeeded, 100, "USD")] {
        let found = payment(PaymentStatus::Processing).observe(&wrong);
        assert!(
            matches!(found, Finding::Mismatched(Payment { status: PaymentStatus::Review, .. })),
            "{found:?}"
        );
    }
}

#[test]
fn another_intent_never_moves_this_payment() {
    let other = |status| IntentReport { intent_id: "pi_2".into(), ..report(status, 100, "GBP") };
    let open = payment(PaymentStatus::Processing);
    assert_eq!(open.observe(&other(IntentStatus::Canceled)), Finding::Unchanged);
    assert_eq!(open.observe(&other(IntentStatus::Succeeded)), Finding::Stray, "its money must not stay");
}

#[test]
fn refunds_never_exceed_what_was_captured() {
    let paid = Payment { captured: 100, ..payment(PaymentStatus::Succeeded) };
    let first = paid.begin_refund(60).unwrap();
    assert_eq!(first.begin_refund(60), Err(RefundError::ExceedsCaptured { refundable: 40 }));
    let refund = |status| Refund { status, ..of(&first, 60) };
    let ended = |status| first.end_refund(RefundStatus::Pending, &refund(status));
    assert_eq!(ended(RefundStatus::Failed).refundable(), 100, "a failed refund gives its amount back");
    let returned = ended(RefundStatus::Succeeded);
    assert_eq!((returned.refundable(), returned.refunded), (40, 60));
    let bounced = returned.end_refund(RefundStatus::Succeeded, &refund(RefundStatus::Failed));
    assert_eq!((bounced.refundable(), bounced.refunded, bounced.refunding), (100, 0, 0));
    let stray = Refund { stray_intent: Some("pi_0".into()), ..refund(RefundStatus::Succeeded) };
    assert_eq!(
        first.end_refund(RefundStatus::Pending, &stray).refunded,
        0,
        "it was never booked as received"
    );
    assert!(
        paid.begin_refund(0).is_err()
            && paid.begin_refund(-1).is_err()
            && paid.begin_refund(i64::MAX).is_err()
    );
    assert_eq!(payment(PaymentStatus::Processing).begin_refund(1), Err(RefundError::NotPaid));
}

fn of(payment: &Payment, amount: i64) -> Refund {
    Refund::of(payment, crate::RefundId::new("rfd_1").unwrap(), amount, Timestamp::UNIX_EPOCH)
}

#[test]
fn what_came_back_with_a_refund_stays_back_when_its_money_returns() {
    let line = |product: &str, pieces| ReservedLine {
        sku: Sku {
            product_id: crate::ProductId::new(product).unwrap(),
            variant_id: None,
            location: crate::LocationId::default(),
        },
        quantity: Quantity::new(pieces).unwrap(),
    };
    let sold = [line("lamp", 3), line("shade", 1)];
    let restock = vec![line("lamp", 1), line("shade", 1)];
    let refund = Refund { restock, ..of(&payment(PaymentStatus::Succeeded), 60) };
    assert_eq!(still_sold(&sold, [&refund]), [line("lamp", 2)], "it is on its way");
    let failed = refund.end(RefundStatus::Failed).unwrap();
    assert_eq!(still_sold(&sold, [&failed]), sold);
    let half = refund.shelve(1).end(RefundStatus::Failed).unwrap();
    assert_eq!(
        still_sold(&sold, [&half]),
        [line("lamp", 2), line("shade", 1)],
        "what was on the shelf by then"
    );
    let whole = refund.shelve(1).shelve(1).end(RefundStatus::Succeeded).unwrap();
    let sent_back = whole.end(RefundStatus::Failed).unwrap();
    assert_eq!(still_sold(&sold, [&sent_back, &failed]), [line("lamp", 2)]);
}

#[test]
fn a_refund_of_all_that_is_left_becomes_smaller_when_more_is_gone() {
    let paid = Payment { captured: 100, ..payment(PaymentStatus::Succeeded) };
    let rest = Refund { is_rest: true, ..of(&paid, 100) };
    let begun = paid.begin_refund(100).unwrap();
    assert_eq!(begun.shrink_refund(&rest), None, "it was refused for another reason");
    for (elsewhere, left) in [(30, 70), (100, 0)] {
        let imported = Refund { status: RefundStatus::Succeeded, ..of(&paid, elsewhere) };
        let known = begun.end_refund(RefundStatus::Failed, &imported);
        assert_eq!(known.shrink_refund(&Refund { is_rest: false, ..rest.clone() }), None);
        let (after, smaller) = known.shrink_refund(&rest).unwrap();
        assert_eq!(smaller.amount.amount, left);
        assert_eq!(
            (after.refundable(), after.refunding, smaller.next(Timestamp::UNIX_EPOCH) == RefundStep::CallOff),
            (0, left, left == 0)
        );
        assert_ne!(smaller.key(), rest.key(), "it is not the same request");
    }
}

fn moved(found: Finding) -> Payment {
    match found {
        Finding::Moved(next)
        | Finding::Declined(next, _)
        | Finding::Paid(next)
        | Finding::Released(next)
        | Finding::Mismatched(next) => next,
        Finding::Unchanged | Finding::Stray => panic!("nothing moved"),
    }
}

fn reserved() -> Payment {
    let manual = Payment { capture_method: CaptureMethod::Manual, ..payment(PaymentStatus::Processing) };
    let found = manual.observe(&report(IntentStatus::RequiresCapture, 0, "GBP"));
    assert!(matches!(found, Finding::Paid(_)), "{found:?}");
    moved(found)
}

#[test]
fn reserved_money_is_taken_whole_or_in_part_and_never_twice() {
    let reserved = reserved();
    assert_eq!(
        (reserved.status, reserved.authorized, reserved.captured),
        (PaymentStatus::Authorized, 100, 0)
    );
    let now = Timestamp::UNIX_EPOCH;
    for wrong in [0, -1, 101, i64::MAX] {
        assert!(reserved.ask_for(Asked::Capture(wrong), now).is_err(), "{wrong}");
    }
    let asked = reserved.ask_for(Asked::Capture(60), now).unwrap();
    assert_eq!(asked.ask_for(Asked::Capture(60), now).unwrap(), asked, "asked again");
    assert_eq!(asked.ask_for(Asked::Void, now), Err(NotReserved::Busy));
    let taken = moved(asked.observe(&report(IntentStatus::Succeeded, 60, "GBP")));
    assert_eq!((taken.status, taken.captured, taken.authorized), (PaymentStatus::Succeeded, 60, 0));
    assert_eq!((taken.asked, taken.watched_since), (None, None));
    assert_eq!(taken.ask_for(Asked::Capture(40), now), Err(NotReserved::Nothing));
    let mismatch = payment(PaymentStatus::Processing).observe(&report(IntentStatus::Succeeded, 60, "GBP"));
    assert!(matches!(mismatch, Finding::Mismatched(_)), "a part is enough only of reserved money");
}

#[test]
fn reserved_money_that_is_let_go_brings_the_pieces_back() {
    let found = reserved().observe(&report(IntentStatus::Canceled, 0, "GBP"));
    assert!(matches!(&found, Finding::Released(next) if next.is_returning), "{found:?}");
    let gone = moved(found);
    assert!(!gone.is_replaceable());
    assert!(gone.returned().is_replaceable());
}

#[test]
fn reserved_money_does_not_hear_old_news() {
    for old in [IntentStatus::RequiresAction, IntentStatus::Processing, IntentStatus::RequiresPaymentMethod] {
        assert_eq!(reserved().observe(&report(old, 0, "GBP")), Finding::Unchanged, "{old:?}");
    }
}

#[test]
fn another_try_is_asked_for_under_another_name_and_hears_nothing_of_the_first() {
    let cancelled = payment(PaymentStatus::Cancelled);
    assert!(cancelled.is_replaceable() && !payment(PaymentStatus::Succeeded).is_replaceable());
    let again = cancelled.try_again(CaptureMethod::Automatic, Timestamp::UNIX_EPOCH);
    assert_eq!((again.status, again.attempt, again.intent_id.clone()), (PaymentStatus::Unknown, 2, None));
    assert_ne!(again.intent_key(), cancelled.intent_key());
    assert_eq!(again.observe(&report(IntentStatus::Canceled, 0, "GBP")), Finding::Unchanged);
    assert_eq!(again.observe(&report(IntentStatus::Succeeded, 100, "GBP")), Finding::Stray);
    let own =
        IntentReport { intent_id: "pi_2".into(), attempt: 2, ..report(IntentStatus::Succeeded, 100, "GBP") };
    assert!(matches!(again.observe(&own), Finding::Paid(_)));
}

#[test]
fn money_on_an_intent_that_was_given_up_is_stray() {
    let failed = Payment { intent_id: None, ..payment(PaymentStatus::Failed) };
    assert_eq!(failed.observe(&report(IntentStatus::Succeeded, 100, "GBP")), Finding::Stray);
    assert_eq!(failed.observe(&report(IntentStatus::Canceled, 0, "GBP")), Finding::Unchanged);
}

#[test]
fn a_refused_card_is_news_once() {
    let why = |attempt: &str| Decline { attempt: attempt.into(), reason: "expired_card".into() };
    let declined = |attempt: &str| IntentReport {
        declined: Some(why(attempt)),
        ..report(IntentStatus::RequiresPaymentMethod, 0, "GBP")
    };
    let found = payment(PaymentStatus::RequiresPaymentMethod).observe(&declined("ch_1"));
    assert!(matches!(&found, Finding::Declined(_, decline) if *decline == why("ch_1")), "{found:?}");
    let once = moved(found);
    assert_eq!(once.observe(&declined("ch_1")), Finding::Unchanged);
    let again = once.observe(&declined("ch_2"));
    assert!(matches!(&again, Finding::Declined(_, decline) if *decline == why("ch_2")), "{again:?}");
    let paid = moved(moved(again).observe(&report(IntentStatus::Succeeded, 100, "GBP")));
    for late in ["ch_1", "ch_2", "ch_3"] {
        assert_eq!(paid.observe(&declined(late)), Finding::Unchanged, "{late} is old news");
    }
}

#[test]
fn whoever_holds_a_stolen_card_does_not_learn_that_it_is_known() {
    let told =
        |reason: &str| Decline { attempt: "ch_1".into(), reason: reason.into() }.told_reason().to_owned();
    assert_eq!(told("insufficient_funds"), "insufficient_funds");
    for kept_back in ["fraudulent", "lost_card", "merchant_blacklist", "stolen_card"] {
        assert_eq!(told(kept_back), "card_declined", "{kept_back}");
    }
}

fn dispute_report(status: DisputeStatus, asked_at: i64) -> DisputeReport {
    DisputeReport {
        stripe_id: "dp_1".into(),
        intent_id: Some("pi_1".into()),
        status,
        reason: "fraudulent".into(),
        amount: Money::new(100, Currency::new("GBP").unwrap()),
        due_by: None,
        opened_at: Timestamp::UNIX_EPOCH,
        asked_at: Timestamp::from_second(asked_at).unwrap(),
    }
}

#[test]
fn a_dispute_hears_what_is_new_and_nothing_that_was_asked_before_it() {
    use DisputeStatus as S;
    let id = DisputeId::new("dsp_1").unwrap();
    let paid = payment(PaymentStatus::Succeeded);
    let opened = Dispute::opened(id, &paid, &dispute_report(S::NeedsResponse, 10));
    assert_eq!(opened.hear(&dispute_report(S::NeedsResponse, 20)), None, "nothing new");
    let won = opened.hear(&dispute_report(S::Won, 20)).unwrap();
    assert_eq!((won.status, won.version), (S::Won, 2));
    assert_eq!(won.hear(&dispute_report(S::UnderReview, 19)), None, "asked before it was won");
    let lost = won.hear(&dispute_report(S::Lost, 21)).unwrap();
    assert_eq!((lost.status, lost.version), (S::Lost, 3), "a bank may think again");
    let accepted = Dispute { status: S::Accepted, ..opened };
    assert_eq!(accepted.hear(&dispute_report(S::Lost, 30)), None, "that is what giving in comes to");
}

#[test]
fn a_dispute_opens_once_and_once_more_if_a_question_was_not_enough() {
    use DisputeStatus as S;
    for (before, now, opens) in [
        (None, S::WarningNeedsResponse, true),
        (None, S::NeedsResponse, true),
        (None, S::Lost, true),
        (None, S::Won, false),
        (None, S::WarningClosed, false),
        (Some(S::WarningNeedsResponse), S::WarningUnderReview, false),
        (Some(S::WarningUnderReview), S::NeedsResponse, true),
        (Some(S::WarningUnderReview), S::WarningClosed, false),
        (Some(S::NeedsResponse), S::UnderReview, false),
        (Some(S::UnderReview), S::Lost, false),
        (Some(S::Won), S::Lost, false),
    ] {
        assert_eq!(now.opens_after(before), opens, "{before:?} {now:?}");
    }
}

#[test]
fn a_payment_counts_its_disputes_until_each_ended_well() {
    use DisputeStatus as S;
    let of = |stripe_id: &str, status| {
        let report = DisputeReport { stripe_id: stripe_id.into(), ..dispute_report(status, 10) };
        Dispute::opened(
            DisputeId::new(format!("dsp_{stripe_id}")).unwrap(),
            &payment(PaymentStatus::Succeeded),
            &report,
        )
    };
    let paid = payment(PaymentStatus::Succeeded);
    let (first, second) = (of("dp_1", S::NeedsResponse), of("dp_2", S::WarningNeedsResponse));
    let both = paid.dispute(None, &first).dispute(None, &second);
    assert_eq!((both.disputed, both.version), (2, 3));
    let won = Dispute { status: S::Won, ..first.clone() };
    let one = both.dispute(Some(&first), &won);
    assert_eq!(one.disputed, 1);
    let closed = Dispute { status: S::WarningClosed, ..second.clone() };
    assert_eq!(one.dispute(Some(&second), &closed).disputed, 0);
    let lost = Dispute { status: S::Lost, ..second.clone() };
    assert_eq!(one.dispute(Some(&second), &lost).disputed, 1, "what is lost stays disputed");
    assert_eq!(one.dispute(Some(&won), &first).disputed, 2, "and what was won may be asked for again");
    let stray = Dispute { is_stray: true, ..first };
    assert_eq!(paid.dispute(None, &stray).disputed, 0, "that money was never the order's");
}
