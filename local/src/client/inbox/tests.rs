//! Every order of arrival.

use proptest::prelude::*;
use serde_json::json;

use super::*;

const ORDER: &str = "order:ord_1";

fn order_event(seq: u64) -> EventFrame {
    let frame = json!({
        "id": format!("evt_{seq}"), "channel": ORDER, "seq": seq, "timestamp": 0, "type": "order.created",
        "data": {"order_id": "ord_1", "total": {"amount": 1, "currency": "GBP"}, "items_count": 1},
    });
    serde_json::from_value(frame).unwrap()
}

fn stock_event(product: &str, version: u64) -> EventFrame {
    let frame = json!({
        "id": format!("evt_{product}{version}"), "channel": "inventory", "timestamp": 0, "type": "inventory.updated",
        "data": {"product_id": product, "variant_id": "p255", "available_quantity": 1, "quantity": 1,
            "is_in_stock": true, "stock_status": "in_stock", "version": version},
    });
    serde_json::from_value(frame).unwrap()
}

fn refund_event(number: u32) -> EventFrame {
    let frame = json!({
        "id": format!("evt_refund{number}"), "channel": "shop:default", "timestamp": 0, "type": "refund.updated",
        "data": {"refund_id": "rfd_1", "payment_id": "pay_1", "order_id": "ord_1", "status": "pending",
            "amount": {"amount": 1, "currency": "GBP"}},
    });
    serde_json::from_value(frame).unwrap()
}

fn lost(from_seq: u64) -> EventFrame {
    let frame = json!({
        "id": format!("evt_lost{from_seq}"), "channel": ORDER, "timestamp": 0, "type": "resync_required",
        "data": {"channel": ORDER, "from_seq": from_seq, "reason": "too much was missed"},
    });
    serde_json::from_value(frame).unwrap()
}

/// `1 2`, or `lost 5` for what is to be read again.
fn heard(told: &[Told]) -> String {
    let one = |told: &Told| match told {
        Told::Event(event) => {
            event.head.seq.or_else(|| version(event).map(|it| it.1)).unwrap_or(0).to_string()
        }
        Told::Other(event) => event.kind.clone(),
        Told::Resync { from_seq, .. } => format!("lost {from_seq}"),
    };
    told.iter().map(one).collect::<Vec<_>>().join(" ")
}

fn following(from: u64) -> Inbox {
    let mut inbox = Inbox::default();
    inbox.follow(ORDER, Some(from));
    inbox
}

fn gaps(inbox: &Inbox) -> Vec<u64> {
    inbox.gaps().map(|gap| gap.last_seq).collect()
}

#[test]
fn a_gap_holds_back_what_is_behind_it_until_it_is_filled() {
    let mut inbox = following(2);
    assert_eq!(heard(&inbox.take(order_event(5))), "");
    assert_eq!(heard(&inbox.take(order_event(4))), "");
    assert_eq!((gaps(&inbox), inbox.missing(ORDER, 5)), (vec![2], 1));
    assert_eq!(heard(&inbox.take(order_event(3))), "3 4 5");
    assert_eq!((gaps(&inbox), inbox.missing(ORDER, 6)), (vec![], 1));
    assert_eq!(inbox.counts(), Counts { arrived: 3, told: 3, out_of_order: 2, ..Counts::default() });
}

#[test]
fn a_log_begins_where_the_server_says_whatever_came_before_it_said_so() {
    let mut inbox = Inbox::default();
    inbox.follow(ORDER, None);
    assert_eq!(inbox.unplaced().collect::<Vec<_>>(), [ORDER]);
    for seq in [7, 9, 8] {
        assert_eq!(heard(&inbox.take(order_event(seq))), "");
    }
    assert_eq!(heard(&inbox.reached(ORDER, 7)), "8 9");
    assert!(inbox.unplaced().next().is_none() && gaps(&inbox).is_empty());
}

#[test]
fn what_the_server_has_promised_is_missing_until_it_comes() {
    let mut inbox = following(3);
    inbox.ask(ORDER);
    assert_eq!(heard(&inbox.reached(ORDER, 5)), "");
    assert_eq!((gaps(&inbox), inbox.asked(ORDER)), (vec![3], 1));
    assert_eq!(heard(&inbox.take(order_event(4))), "4");
    assert_eq!((gaps(&inbox), inbox.asked(ORDER)), (vec![4], 0));
    assert_eq!(heard(&inbox.take(order_event(5))), "5");
    assert_eq!(gaps(&inbox), [0; 0]);
}

#[test]
fn a_loss_is_told_once_and_the_log_goes_on_behind_it() {
    for is_answered_first in [true, false] {
        let mut inbox = following(3);
        inbox.take(order_event(902));
        inbox.ask(ORDER);
        let mut told = vec![];
        for step in [is_answered_first, !is_answered_first] {
            told.extend(if step { inbox.reached(ORDER, 900) } else { inbox.take(lost(3)) });
        }
        assert_eq!(heard(&told), "lost 3");
        assert_eq!(heard(&inbox.take(lost(3))), "", "the same word again");
        assert_eq!(heard(&inbox.reached(ORDER, 900)), "", "the same answer again");
        assert_eq!(heard(&inbox.take(order_event(901))), "901 902");
        assert_eq!((gaps(&inbox), inbox.counts().resyncs), (vec![], 1));
    }
}

#[test]
fn a_log_that_has_not_come_as_far_as_the_client_begins_anew() {
    let mut inbox = following(99);
    inbox.ask(ORDER);
    inbox.take(lost(99));
    assert_eq!(heard(&inbox.reached(ORDER, 2)), "lost 99");
    assert_eq!(heard(&inbox.take(order_event(3))), "3");
}

#[test]
fn a_gap_that_nothing_fills_is_a_loss() {
    let mut inbox = following(3);
    inbox.take(order_event(6));
    assert_eq!(heard(&inbox.give_up(ORDER)), "lost 3 6");
    inbox.reached(ORDER, 8);
    assert_eq!(heard(&inbox.give_up(ORDER)), "lost 6");
    assert_eq!(gaps(&inbox), [0; 0]);
}

#[test]
fn a_log_that_waits_for_very_long_keeps_its_oldest() {
    let mut inbox = following(0);
    let many = u64::try_from(MOST_WAITING).unwrap() + 10;
    for seq in 2..=many {
        inbox.take(order_event(seq));
    }
    inbox.take(order_event(1));
    assert_eq!(inbox.positions().map(|point| point.last_seq).collect::<Vec<_>>(), [many - 10]);
    assert_eq!(gaps(&inbox), [many - 10], "and knows that there are more");
}

#[test]
fn events_without_a_place_come_once_each() {
    let mut inbox = Inbox::default();
    let told: Vec<_> = [1, 2, 1, 2, 3].map(|number| inbox.take(refund_event(number)).len()).into();
    assert_eq!(told, [1, 1, 0, 0, 1]);
    for number in 10..2_000 {
        inbox.take(refund_event(number));
    }
    assert_eq!(inbox.recent.known.len(), MOST_REMEMBERED);
}

#[test]
fn events_of_a_shop_s_own_come_once_each_too() {
    let own =
        json!({"id": "evt_1", "channel": "custom.sale", "timestamp": 0, "type": "custom.begun", "data": 7});
    let own: AnyEvent = serde_json::from_value(own).unwrap();
    let mut inbox = Inbox::default();
    assert_eq!([0; 2].map(|_| heard(&inbox.take_other(own.clone()))), ["custom.begun", ""]);
    assert_eq!(inbox.counts().duplicated, 1);
}

#[derive(Debug, Clone, Copy)]
enum Step {
    Log(u64),
    Stock(bool, u64),
    Other(u32),
    Answer(u64),
}

fn steps(most: u64) -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => (1..=most).prop_map(Step::Log),
        2 => (any::<bool>(), 1..=most).prop_map(|(lamp, version)| Step::Stock(lamp, version)),
        1 => (0..8_u32).prop_map(Step::Other),
        1 => (0..=most).prop_map(Step::Answer),
    ];
    proptest::collection::vec(step, 0..60)
}

fn make(inbox: &mut Inbox, step: Step) -> Vec<Told> {
    match step {
        Step::Log(seq) => inbox.take(order_event(seq)),
        Step::Stock(lamp, version) => inbox.take(stock_event(if lamp { "lamp" } else { "cup" }, version)),
        Step::Other(number) => inbox.take(refund_event(number)),
        Step::Answer(seq) => inbox.reached(ORDER, seq),
    }
}

/// The same without its counts.
fn state(inbox: &Inbox) -> Inbox {
    Inbox { counts: Counts::default(), ..inbox.clone() }
}

proptest! {
    /// RT-R7.
    #[test]
    fn whatever_comes_again_changes_nothing(steps in steps(20), begins in proptest::option::of(0..5_u64)) {
        let mut inbox = Inbox::default();
        inbox.follow(ORDER, begins);
        for (number, step) in steps.iter().enumerate() {
            make(&mut inbox, *step);
            for again in &steps[..=number] {
                if matches!(again, Step::Answer(_)) {
                    continue;
                }
                let before = state(&inbox);
                prop_assert_eq!(make(&mut inbox, *again), vec![]);
                prop_assert_eq!(state(&inbox), before);
            }
        }
    }

    /// Two overlapping connections bring the same log, each in an order of its own, with losses on both; what
    /// neither brought, a resume does.
    #[test]
    fn two_connections_give_each_event_once_and_in_order(
        length in 1..40_u64,
        arrivals in proptest::collection::vec((1..40_u64, any::<bool>()), 0..160),
        begins in 0..3_u64,
    ) {
        let mut inbox = following(begins);
        let mut told = vec![];
        for (seq, asks) in arrivals {
            if seq <= length {
                told.extend(inbox.take(order_event(seq)));
            }
            let gap = inbox.gaps().next();
            if let (Some(gap), true) = (gap, asks) {
                inbox.ask(ORDER);
                // The answer may come before all of what was asked for has.
                told.extend(inbox.reached(ORDER, length));
                told.extend(inbox.take(order_event(gap.last_seq + 1)));
            }
        }
        told.extend(inbox.reached(ORDER, length));
        for _ in 0..length {
            if let Some(gap) = gaps(&inbox).first() {
                told.extend(inbox.take(order_event(gap + 1)));
            }
        }
        let expected: Vec<_> = (begins + 1..=length).map(|seq| Told::Event(Box::new(order_event(seq)))).collect();
        prop_assert_eq!(told, expected);
    }

    #[test]
    fn versions_of_a_subject_only_grow(steps in steps(20)) {
        let mut inbox = following(0);
        let mut newest = HashMap::new();
        for step in steps {
            for told in make(&mut inbox, step) {
                if let Told::Event(event) = told && let Some((subject, version)) = version(&event) {
                    prop_assert!(newest.insert(subject, version).is_none_or(|before| before < version));
                }
            }
        }
        for ((_, subject), version) in &inbox.versions {
            prop_assert_eq!(newest.get(subject), Some(version));
        }
    }
}
