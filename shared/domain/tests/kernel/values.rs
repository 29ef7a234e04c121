//! An order, its payment and its hold in full, of which the rows say what varies.

use std::sync::LazyLock;

use domain::{
    Currency, LocationId, Money, OrderId, PaymentId, ProductId, Reservation, ReservationId, Sku, UserId,
    order::{Order, OrderPaymentStatus, OrderStatus, Tracking},
    payment::{CaptureMethod, Payment, PaymentStatus},
    reservation::{ReservationStatus, ReservedLine},
    stock::Quantity,
};
use jiff::Timestamp;

use crate::state::TOTAL;

pub static PAYMENT: LazyLock<Payment> = LazyLock::new(|| Payment {
    id: PaymentId::new("pay_1").unwrap(),
    order_id: OrderId::new("ord_1").unwrap(),
    owner: UserId::new("ana").unwrap(),
    amount: money(TOTAL),
    status: PaymentStatus::Unknown,
    intent_id: None,
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
});

pub static ORDER: LazyLock<Order> = LazyLock::new(|| Order {
    id: OrderId::new("ord_1").unwrap(),
    owner: UserId::new("ana").unwrap(),
    lines: vec![],
    total: money(TOTAL),
    status: OrderStatus::PendingPayment,
    payment_status: OrderPaymentStatus::Unpaid,
    holds: vec![],
    email: None,
    shipping_address: None,
    tracking: Tracking::default(),
    created_at: Timestamp::UNIX_EPOCH,
    payable_until: due_at(),
    closing_since: None,
    version: 1,
});

pub static HOLD: LazyLock<Reservation> = LazyLock::new(|| Reservation {
    id: ReservationId::new("res_1").unwrap(),
    holder: UserId::new("ana").unwrap(),
    lines: vec![piece()],
    drawn: vec![],
    status: ReservationStatus::Active,
    held_until: due_at(),
    created_at: Timestamp::UNIX_EPOCH,
    changed_at: Timestamp::UNIX_EPOCH,
    order_id: Some(OrderId::new("ord_1").unwrap()),
    for_order: None,
    is_extended: false,
    warned: None,
    version: 1,
});

pub fn money(units: i16) -> Money {
    Money::new(units.into(), Currency::new("GBP").unwrap())
}

pub fn due_at() -> Timestamp {
    Timestamp::from_second(900).unwrap()
}

/// The one piece that there is.
pub fn piece() -> ReservedLine {
    let sku = Sku {
        product_id: ProductId::new("lamp").unwrap(),
        variant_id: None,
        location: LocationId::default(),
    };
    ReservedLine { sku, quantity: Quantity::new(1).unwrap() }
}
