//! A hold ends once, whoever ends it.

use super::*;
use crate::{LocationId, ProductId};

fn line(product: &str, quantity: u32) -> ReservedLine {
    let sku = Sku {
        product_id: ProductId::new(product).unwrap(),
        variant_id: None,
        location: LocationId::default(),
    };
    ReservedLine { sku, quantity: Quantity::new(quantity).unwrap() }
}

fn reservation() -> Reservation {
    Reservation {
        id: ReservationId::new("res_1").unwrap(),
        holder: UserId::new("ana").unwrap(),
        lines: vec![line("lamp", 2)],
        drawn: vec![],
        status: ReservationStatus::Active,
        held_until: Timestamp::from_second(900).unwrap(),
        created_at: Timestamp::UNIX_EPOCH,
        changed_at: Timestamp::UNIX_EPOCH,
        order_id: None,
        for_order: None,
        is_extended: false,
        warned: None,
        version: 0,
    }
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

#[test]
fn lines_of_one_sku_are_one_line() {
    let lines = aggregate([line("b", 1), line("a", 1), line("b", 4)]).unwrap();
    assert_eq!(lines, [line("a", 1), line("b", 5)]);
    assert!(aggregate([line("a", 999_999), line("a", 2)]).is_err());
}

#[test]
fn a_reservation_ends_once() {
    let now = Timestamp::from_second(900).unwrap();
    for (first, second) in [
        (Ending::Commit, Ending::Expire),
        (Ending::Expire, Ending::Commit),
        (Ending::Release, Ending::Release),
    ] {
        let (ended, changes) = reservation().end(first, now).unwrap();
        assert_eq!(changes.len(), 1);
        assert_eq!(ended.end(second, now), Err(InvalidTransition));
        let was_sold = first == Ending::Commit;
        match ended.close(Ending::Release, now).unwrap() {
            Closing::TakeBack(back) => assert_eq!(back.status, ReservationStatus::Released),
            closing => assert_eq!(closing, Closing::Over),
        }
        assert_eq!(ended.close(Ending::Release, now) != Ok(Closing::Over), was_sold);
    }
}

#[test]
fn it_counts_as_expired_from_its_instant_on() {
    let held = reservation();
    let before = Timestamp::from_millisecond(899_999).unwrap();
    assert_eq!(held.status_at(before), ReservationStatus::Active);
    assert_eq!(held.end(Ending::Expire, before), Err(InvalidTransition));
    assert_eq!(held.status_at(held.held_until), ReservationStatus::Expired);
}

#[test]
fn it_is_extended_once_and_before_it_ends() {
    let by = SignedDuration::from_secs(900);
    let longer = reservation().extend(by, at(899)).unwrap();
    assert_eq!(longer.held_until, at(1800));
    assert_eq!(longer.extend(by, at(1000)), Err(NotExtendable::Twice));
    assert_eq!(reservation().extend(by, at(900)), Err(NotExtendable::Expired));
    let (released, _) = reservation().end(Ending::Release, at(1)).unwrap();
    assert_eq!(released.extend(by, at(2)), Err(NotExtendable::NotActive));
    let ordered = Reservation { order_id: Some(OrderId::new("ord_1").unwrap()), ..reservation() };
    assert_eq!(ordered.extend(by, at(2)), Err(NotExtendable::NotActive));
}

#[test]
fn its_holder_is_warned_once_two_minutes_before_it_ends() {
    let held = reservation();
    assert_eq!((held.due_at(), held.warn(at(779))), (at(780), None));
    let warned = held.warn(at(780)).unwrap();
    assert_eq!((warned.due_at(), warned.warn(at(781))), (at(900), None));
    assert_eq!(held.warn(at(900)), None);
    let longer = warned.extend(SignedDuration::from_secs(60), at(800)).unwrap();
    assert_eq!(longer.due_at(), at(840));
}

#[test]
fn what_was_drawn_from_several_buckets_goes_back_there() {
    let drawn: Vec<_> =
        [3, 5].map(|n| Part { bucket: Bucket::new(n), ..line("lamp", 1).in_first_bucket() }).into();
    let held = Reservation { drawn: drawn.clone(), ..reservation() };
    let (_, changes) = held.end(Ending::Release, at(1)).unwrap();
    assert_eq!(changes.into_iter().map(|(part, _)| part).collect::<Vec<_>>(), drawn);
}
