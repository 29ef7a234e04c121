//! Orders move as their table says.

use super::{
    OrderLine,
    OrderStatus::{self as S, *},
};
use crate::{
    Line, ProductId,
    stock::{Quantity, Sku},
};

const ALL: [S; 11] = [
    PendingPayment,
    Paid,
    Processing,
    OnHold,
    Shipped,
    OutForDelivery,
    Delivered,
    DeliveryFailed,
    Returned,
    Cancelled,
    Expired,
];

#[test]
fn finished_orders_never_move() {
    for end in [Delivered, Returned, Cancelled, Expired] {
        assert!(ALL.iter().all(|next| !end.may_become(*next)), "{end:?}");
    }
}

#[test]
fn nothing_ships_that_is_not_paid() {
    assert!(
        ALL.iter()
            .filter(|from| from.may_become(Shipped))
            .all(|from| matches!(from, Processing | DeliveryFailed))
    );
    assert!(ALL.iter().filter(|from| from.may_become(Paid)).all(|from| *from == PendingPayment));
}

#[test]
fn what_moves_stock_or_money_is_not_set_by_hand() {
    for own_act in [PendingPayment, Paid, Cancelled, Expired] {
        assert!(!own_act.is_set_by_hand(), "{own_act:?}");
    }
    // And nothing else leads out of what is not paid.
    assert!(ALL.iter().all(|next| !(next.is_set_by_hand() && PendingPayment.may_become(*next))));
}

#[test]
fn a_status_has_the_name_under_which_it_is_stored() {
    for status in ALL {
        assert_eq!(serde_json::to_value(status).unwrap(), status.name());
    }
}

#[test]
fn an_order_s_number_follows_from_its_id() {
    let id = |hex: &str| crate::OrderId::new(format!("ord_{hex}")).unwrap();
    assert_eq!(super::number(&id("00000000000080008000000000000000")), "ORD-0000-0000-0000");
    assert_eq!(super::number(&id("0000000000008000bfffffffffffffff")), "ORD-ZZZZ-ZZZZ-ZZZZ");
    assert_eq!(super::number(&id("00000000000080008000000000000021")), "ORD-0000-0000-0011");
    assert_eq!(super::number(&id("none")), "ORD-0000-0000-0000");
}

#[test]
fn news_of_a_parcel_do_not_wipe_out_what_is_known() {
    let known = super::Tracking { tracking_number: Line::new("1Z").ok(), ..Default::default() };
    let seen = super::Tracking { location: Line::new("Leeds").ok(), ..Default::default() };
    let both = known.updated(seen.clone());
    assert_eq!((both.tracking_number, both.location), (known.tracking_number, seen.location));
}

#[test]
fn older_names_are_understood() {
    for (old, new) in [("pending", PendingPayment), ("confirmed", Paid), ("completed", Delivered)] {
        assert_eq!(serde_json::from_value::<S>(old.into()).unwrap(), new);
    }
}

#[test]
fn a_line_is_what_is_in_stock_and_what_is_owed() {
    let sku = Sku {
        product_id: ProductId::new("lamp").unwrap(),
        variant_id: None,
        location: crate::LocationId::default(),
    };
    let line = OrderLine {
        sku,
        name: Line::new("Lamp").unwrap(),
        quantity: Quantity::new(3).unwrap(),
        unit_amount: 1999,
        backordered: 0,
    };
    for (available, held, owed) in
        [(-1, None, 3), (0, None, 3), (1, Some(1), 2), (3, Some(3), 0), (i64::MAX, Some(3), 0)]
    {
        let fitted = line.owing(available);
        assert_eq!(fitted.in_stock().map(|line| line.quantity.get()), held, "{available}");
        assert_eq!(fitted.backordered, owed, "{available}");
    }
}

#[test]
fn an_order_of_several_holds_is_closed_before_they_are() {
    let placed = |holds: u32| super::Order {
        id: crate::OrderId::new("ord_1").unwrap(),
        owner: crate::UserId::new("ana").unwrap(),
        lines: vec![],
        total: crate::Money::new(100, crate::Currency::new("GBP").unwrap()),
        status: PendingPayment,
        payment_status: super::OrderPaymentStatus::Unpaid,
        holds: (0..holds).map(|n| crate::ReservationId::new(format!("res_{n}")).unwrap()).collect(),
        email: None,
        shipping_address: None,
        tracking: super::Tracking::default(),
        created_at: jiff::Timestamp::UNIX_EPOCH,
        payable_until: jiff::Timestamp::UNIX_EPOCH,
        closing_since: None,
        version: 1,
    };
    let now = jiff::Timestamp::from_second(60).unwrap();
    for (holds, since) in [(1, None), (2, Some(now))] {
        let closed = placed(holds).close(Expired, now).unwrap();
        assert_eq!((closed.status, closed.closing_since, closed.version), (Expired, since, 2));
        assert!(closed.close(Cancelled, now).is_err());
        assert!(placed(holds).pay().unwrap().close(Cancelled, now).is_err(), "its money would stay");
    }
}
