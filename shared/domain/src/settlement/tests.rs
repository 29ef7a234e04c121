//! What money does to an order, called.

use super::*;
use crate::{
    Currency, DisputeId, Money, OrderId, PaymentId, UserId,
    order::Tracking,
    payment::{DisputeReport, DisputeStatus},
};

fn pounds(amount: i64) -> Money {
    Money::new(amount, Currency::new("GBP").unwrap())
}

fn order(payment_status: OrderPaymentStatus) -> Order {
    Order {
        id: OrderId::new("ord_1").unwrap(),
        owner: UserId::new("ana").unwrap(),
        lines: vec![],
        total: pounds(100),
        status: OrderStatus::Paid,
        payment_status,
        holds: vec![],
        email: None,
        shipping_address: None,
        tracking: Tracking::default(),
        created_at: Timestamp::UNIX_EPOCH,
        payable_until: Timestamp::UNIX_EPOCH,
        closing_since: None,
        version: 1,
    }
}

/// A payment of a hundred of which so much went back.
fn paid(refunded: i64) -> Payment {
    Payment {
        id: PaymentId::new("pay_1").unwrap(),
        order_id: OrderId::new("ord_1").unwrap(),
        owner: UserId::new("ana").unwrap(),
        amount: pounds(100),
        status: PaymentStatus::Succeeded,
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
        captured: 100,
        refunded,
        refunding: 0,
        disputed: 0,
        created_at: Timestamp::UNIX_EPOCH,
        version: 1,
    }
}

fn opened(intent: &str) -> Dispute {
    let report = DisputeReport {
        stripe_id: "dp_1".into(),
        intent_id: Some(intent.into()),
        status: DisputeStatus::NeedsResponse,
        reason: "fraudulent".into(),
        amount: pounds(100),
        due_by: None,
        opened_at: Timestamp::UNIX_EPOCH,
        asked_at: Timestamp::UNIX_EPOCH,
    };
    Dispute::opened(DisputeId::new("dsp_1").unwrap(), &paid(0), &report)
}

#[test]
fn an_order_is_disputed_until_that_is_won_and_then_what_its_payment_comes_to() {
    use OrderPaymentStatus as P;
    let first = opened("pi_1");
    for (refunded, status) in [(0, P::Paid), (40, P::PartiallyRefunded), (100, P::Refunded)] {
        let (payment, disputed) = dispute(&paid(refunded), &order(status), None, &first);
        let disputed = disputed.unwrap();
        assert_eq!((disputed.payment_status, disputed.version), (P::Disputed, 2), "{status:?}");
        let won = Dispute { status: DisputeStatus::Won, ..first.clone() };
        let (_, after) = dispute(&payment, &disputed, Some(&first), &won);
        assert_eq!(after.unwrap().payment_status, status);
        let lost = Dispute { status: DisputeStatus::Lost, ..first.clone() };
        assert_eq!(dispute(&payment, &disputed, Some(&first), &lost).1, None, "it stays disputed");
    }
}

#[test]
fn an_order_is_not_disputed_for_money_that_it_is_not_paid_with() {
    use OrderPaymentStatus as P;
    for status in [P::Unpaid, P::Authorized] {
        assert_eq!(dispute(&paid(0), &order(status), None, &opened("pi_1")).1, None, "{status:?}");
    }
    let (payment, after) = dispute(&paid(0), &order(P::Paid), None, &opened("pi_given_up"));
    assert_eq!((payment.disputed, after), (0, None));
}
