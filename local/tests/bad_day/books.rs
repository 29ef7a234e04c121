//! The shop's books beside Stripe's own.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::{PRODUCTS, errand::Errand, shop::Shop};

/// Fails unless every order, payment and piece agrees with what Stripe lists, and with what shoppers were told.
pub async fn agree(shop: &Shop, errands: &[Errand]) {
    let admin = shop.token("admin", "olga").await;
    let orders = by("order_id", pages(shop, "/api/v1/orders?limit=100", &admin).await);
    let payments = by("payment_id", pages(shop, "/api/v1/payments/history?limit=100", &admin).await);
    let stripe = Stripe::read(shop).await;
    for errand in errands {
        if let Some(placed) = &errand.order {
            assert!(orders.contains_key(placed["order_id"].as_str().unwrap()), "{errand:?}");
        }
    }
    let placed = errands.iter().filter(|errand| errand.order.is_some()).count();
    assert_eq!(orders.len(), placed, "an order for each that was placed");
    for order in orders.values() {
        let payment = payments.get(order["payment_id"].as_str().unwrap());
        let expected = payment.map_or("expired/unpaid".to_owned(), |payment| stripe.check(order, payment));
        let is =
            format!("{}/{}", order["status"].as_str().unwrap(), order["payment_status"].as_str().unwrap());
        let is_unpaid = |text: &str| ["expired/unpaid", "cancelled/unpaid"].contains(&text);
        assert!(
            is == expected || is_unpaid(&is) && is_unpaid(&expected),
            "{is}, not {expected}: {order} {payment:?}"
        );
    }
    stripe.check_sums(&payments);
    pieces_agree(shop, errands, &orders, &admin).await;
    for path in ["/api/v1/inventory/reconciliation", "/api/v1/payments/reconciliation"] {
        let drift: Vec<Value> = pages_of(shop, &format!("{path}?limit=100"), &admin, "drift").await;
        assert_eq!(drift, [Value::Null; 0], "{path}");
    }
}

/// What Stripe lists.
struct Stripe {
    /// By the payment that they are for.
    intents: BTreeMap<String, Vec<Value>>,
    /// By intent.
    refunds: BTreeMap<String, Vec<Value>>,
}

impl Stripe {
    async fn read(shop: &Shop) -> Self {
        let (mut intents, mut refunds) = (BTreeMap::new(), BTreeMap::new());
        for intent in listed(shop, "payment_intents").await {
            let payment = intent["metadata"]["payment_id"].as_str().unwrap().to_owned();
            intents.entry(payment).or_insert_with(Vec::new).push(intent);
        }
        for refund in listed(shop, "refunds").await {
            let intent = refund["payment_intent"].as_str().unwrap().to_owned();
            refunds.entry(intent).or_insert_with(Vec::new).push(refund);
        }
        Self { intents, refunds }
    }

    /// Compares a payment with its intents; says where its order must be.
    fn check(&self, order: &Value, payment: &Value) -> String {
        let none = vec![];
        let intents = self.intents.get(payment["payment_id"].as_str().unwrap()).unwrap_or(&none);
        let [intent] = &intents[..] else { panic!("one intent for {payment}, not {intents:#?}") };
        let status = match intent["status"].as_str().unwrap() {
            "succeeded" => "succeeded",
            "canceled" => "cancelled",
            "requires_capture" => "authorized",
            other => panic!("{other} when the day is over: {payment} {order}"),
        };
        let received = intent["amount_received"].as_i64().unwrap();
        let refunded = self.refunded(intent);
        assert_eq!(payment["status"], status, "{payment} {intent}");
        let sums = ["captured", "refunded", "refunding"].map(|name| payment[name].as_i64().unwrap());
        assert_eq!(sums, [received, refunded, 0], "{payment} {intent}");
        match (status, order["status"].as_str().unwrap()) {
            ("cancelled", _) => "expired/unpaid".to_owned(),
            ("authorized", _) => "paid/authorized".to_owned(),
            (_, status @ ("cancelled" | "expired")) => {
                assert_eq!(refunded, received, "some was kept: {order} {payment}");
                format!("{status}/{}", of_money(refunded, received))
            }
            _ => format!("paid/{}", of_money(refunded, received)),
        }
    }

    fn refunds(&self, intent: &Value) -> impl Iterator<Item = &Value> {
        self.refunds.get(intent["id"].as_str().unwrap()).into_iter().flatten()
    }

    fn refunded(&self, intent: &Value) -> i64 {
        let given = self.refunds(intent).filter(|refund| refund["status"] == "succeeded");
        given.map(|refund| refund["amount"].as_i64().unwrap()).sum()
    }

    fn check_sums(&self, payments: &BTreeMap<String, Value>) {
        let sum = |name: &str| payments.values().map(|payment| payment[name].as_i64().unwrap()).sum::<i64>();
        let intents = || self.intents.values().flatten();
        let received: i64 = intents().map(|intent| intent["amount_received"].as_i64().unwrap()).sum();
        let refunded: i64 = intents().map(|intent| self.refunded(intent)).sum();
        assert_eq!([sum("captured"), sum("refunded")], [received, refunded]);
        eprintln!("{} payments, {received} received, {refunded} given back, as Stripe says", payments.len());
    }
}

fn of_money(refunded: i64, received: i64) -> &'static str {
    match refunded {
        0 => "paid",
        all if all == received => "refunded",
        _ => "partially_refunded",
    }
}

/// Every piece is on the shelf or with whoever paid for it.
async fn pieces_agree(shop: &Shop, errands: &[Errand], orders: &BTreeMap<String, Value>, admin: &str) {
    for (product, pieces) in PRODUCTS {
        let mut sold = 0;
        for errand in errands.iter().filter(|errand| errand.product == product) {
            let Some(placed) = &errand.order else { continue };
            if orders[placed["order_id"].as_str().unwrap()]["status"] == "paid" {
                sold += errand.quantity - errand.restocked;
            }
        }
        let level = shop.get(&format!("/api/v1/inventory/{product}"), admin).await;
        let is = [&level["available_quantity"], &level["reserved"], &level["committed"]];
        assert_eq!(is, [&json!(pieces - sold), &json!(0), &json!(sold)], "{product}");
    }
}

fn by(name: &str, rows: Vec<Value>) -> BTreeMap<String, Value> {
    rows.into_iter().map(|row| (row[name].as_str().unwrap().to_owned(), row)).collect()
}

async fn pages(shop: &Shop, path: &str, token: &str) -> Vec<Value> {
    pages_of(shop, path, token, "data").await
}

async fn pages_of(shop: &Shop, path: &str, token: &str, name: &str) -> Vec<Value> {
    let (mut rows, mut cursor) = (vec![], String::new());
    loop {
        let page = shop.get(&format!("{path}{cursor}"), token).await;
        rows.extend(page[name].as_array().unwrap().iter().cloned());
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return rows,
        }
    }
}

async fn listed(shop: &Shop, what: &str) -> Vec<Value> {
    let (mut all, mut cursor) = (vec![], String::new());
    loop {
        let path = format!("/_local/stripe/v1/{what}?limit=100{cursor}");
        let page = shop.get(&path, "sk_test_local").await;
        all.extend(page["data"].as_array().unwrap().iter().cloned());
        if page["has_more"] != true {
            return all;
        }
        cursor = format!("&starting_after={}", all.last().unwrap()["id"].as_str().unwrap());
    }
}
