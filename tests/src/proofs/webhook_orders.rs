//! Five webhooks of one payment in every order, each of them twice: whatever came first, the books end the same.
//!
//! None comes from the fake itself: all are lost, and taken from Stripe's own list instead.

use std::collections::BTreeMap;

use jiff::SignedDuration;
use reqwest::Method;
use serde_json::{Value, json};

use crate::{stripe::intent_id, world::World};

/// What happens at Stripe to each payment: a card is refused, a bank wants to see its owner, another card pays, and
/// somebody gives some of it back at Stripe's dashboard, which takes the bank a minute.
const EVENTS: [&str; 5] = [
    "payment_intent.payment_failed",
    "payment_intent.requires_action",
    "payment_intent.succeeded",
    "refund.created",
    "refund.updated",
];

/// One payment and what Stripe has to tell of it.
struct Story {
    who: String,
    product: String,
    order: Value,
    intent: String,
}

impl Story {
    async fn happens(world: &World, who: String) -> Self {
        let product = world.product(&who, 2).await;
        let ana = world.customer(&who).await;
        let order = ana.orders(&product, 1).await.ok();
        let intent = ana.begins_to_pay(&order).await;
        assert_eq!(world.pays(&intent, "pm_card_chargeDeclined").await.status.as_u16(), 402);
        world.pays(&intent, "pm_card_threeDSecure2Required").await.ok();
        world.pays(&intent, "pm_card_pendingRefund").await.ok();
        let intent = intent_id(&intent);
        let form = [("payment_intent", intent.as_str()), ("amount", "500")];
        assert_eq!(world.at_stripe(Method::POST, "refunds", &form).await["status"], "pending");
        Self { who, product, order, intent }
    }

    /// Where everything is.
    async fn end(&self, world: &World) -> Value {
        let ana = world.customer(&self.who).await;
        let order = ana.order(&self.order).await;
        let payment = format!("/api/v1/payments/{}", order["payment_id"].as_str().unwrap());
        let payment = ana.get(&payment).await.ok();
        let pick = |from: &Value, names: &[&str]| -> Value {
            names.iter().map(|name| ((*name).to_owned(), from[*name].clone())).collect()
        };
        let ledger = world.ledger(&self.product).await;
        let log = ana.get(&format!("/api/v1/realtime/events?channel=user:{}&limit=100", self.who)).await.ok();
        let mut seen: Vec<_> = log["data"].as_array().unwrap().iter().map(seen).collect();
        seen.sort();
        json!({
            "order": pick(&order, &["status", "payment_status", "version"]),
            "payment": pick(&payment, &["status", "captured", "refunded", "refunding", "version"]),
            "refunds": self.refunds(world, &order).await,
            "stock": [ledger.story(), ledger.level],
            "journals": world.told_of(&order).await,
            "seen by the customer": seen,
        })
    }

    /// The refunds in the shop's books.
    async fn refunds(&self, world: &World, order: &Value) -> Vec<String> {
        let key = format!("default#payment#{}", order["payment_id"].as_str().unwrap());
        let rows = world.partition("OrdersTable", &key).await;
        let refunds = rows.iter().filter(|row| row["sk"]["S"].as_str().unwrap().starts_with("refund#"));
        refunds
            .map(|row| {
                format!(
                    "{} {}",
                    row["status"]["S"].as_str().unwrap(),
                    row["amount"]["M"]["amount"]["N"].as_str().unwrap()
                )
            })
            .collect()
    }
}

/// `order.status_updated paid`.
fn seen(event: &Value) -> String {
    let data = &event["data"];
    let led_to =
        ["current_status", "payment_status", "status"].into_iter().find_map(|name| data[name].as_str());
    format!("{} {}", event["type"].as_str().unwrap(), led_to.unwrap_or_default()).trim_end().to_owned()
}

/// Every order of `0..n`.
fn orders(n: usize) -> Vec<Vec<usize>> {
    if n == 0 {
        return vec![vec![]];
    }
    let shorter = orders(n - 1);
    let with_last_at =
        |at: usize| shorter.iter().map(move |order| [&order[..at], &[n - 1], &order[at..]].concat());
    (0..n).flat_map(with_last_at).collect()
}

/// What Stripe lists of one kind, by the intent that it is about.
async fn listed(world: &World, kind: &str) -> BTreeMap<String, Vec<u8>> {
    let (mut found, mut cursor) = (BTreeMap::new(), String::new());
    loop {
        let page = world.at_stripe(Method::GET, &format!("events?type={kind}&limit=100{cursor}"), &[]).await;
        for event in page["data"].as_array().unwrap() {
            let about = &event["data"]["object"];
            let name = if about["object"] == "refund" { "payment_intent" } else { "id" };
            let before =
                found.insert(about[name].as_str().unwrap().to_owned(), event.to_string().into_bytes());
            assert!(before.is_none(), "{kind} more than once");
            cursor = format!("&starting_after={}", event["id"].as_str().unwrap());
        }
        if page["has_more"] != true {
            return found;
        }
    }
}

async fn delivers(world: &World, body: &[u8]) {
    assert_eq!(world.webhook(body, SignedDuration::ZERO).await.outcome(), "200");
}

#[tokio::test]
async fn five_webhooks_in_every_order_each_twice_end_the_same() {
    let world = World::new().await;
    world.webhooks(json!({ "lose": true })).await;
    let orders = orders(EVENTS.len());
    let mut stories = vec![];
    for number in 0..orders.len() {
        stories.push(Story::happens(&world, format!("ana-{number}")).await);
    }
    // The bank is done with the refunds, and the sweeper, which would ask about all of this, is not to be had.
    world.fault(json!({ "function": "Sweeper", "kind": "refuse", "rate": 1.0 })).await;
    world.advance(SignedDuration::from_secs(61)).await;
    world.no_faults().await;
    let mut events = vec![];
    for kind in EVENTS {
        events.push(listed(&world, kind).await);
    }
    let mut expected = None;
    for (number, (story, order)) in stories.iter().zip(&orders).enumerate() {
        let told = order.iter().map(|event| &events[*event][&story.intent]);
        // Every other time both come at once; otherwise all come again when all have come.
        if number % 2 == 0 {
            for body in told {
                tokio::join!(delivers(&world, body), delivers(&world, body));
            }
        } else {
            for body in told.clone().chain(told) {
                delivers(&world, body).await;
            }
        }
        world.idle().await;
        let end = story.end(&world).await;
        let named: Vec<_> = order.iter().map(|event| EVENTS[*event]).collect();
        assert_eq!(end, *expected.get_or_insert(end.clone()), "{named:#?}");
    }
    let expected = expected.unwrap();
    check(&expected);
    // The sweeper and whoever asks Stripe for what was missed find nothing left to do.
    world.advance(SignedDuration::from_mins(5)).await;
    for story in &stories {
        assert_eq!(json!(world.told_of(&story.order).await), expected["journals"], "{}", story.who);
    }
    eprintln!("{} orders of {} webhooks, each twice", orders.len(), EVENTS.len());
    world.end().await;
}

/// The one end that there may be.
fn check(end: &Value) {
    let told = [
        "order.created",
        "order.status_updated paid",
        "order.payment_updated partially_refunded",
        "payment.updated requires_payment_method",
        "payment.updated succeeded",
        "refund.updated succeeded",
    ];
    // They are told that the order is confirmed, that it is paid, and that money went back, once each.
    let mut seen = ["notification.created"; 3].into_iter().chain(told).collect::<Vec<_>>();
    seen.sort_unstable();
    let expected = json!({
        "order": { "status": "paid", "payment_status": "partially_refunded", "version": 3 },
        "payment": { "status": "succeeded", "captured": 1999, "refunded": 500, "refunding": 0, "version": 3 },
        "refunds": ["succeeded 500"],
        "stock": ["reservation -1, restock 2, sale 0", [1, 0, 1]],
        "journals": told,
        "seen by the customer": seen,
    });
    assert_eq!(*end, expected);
}
