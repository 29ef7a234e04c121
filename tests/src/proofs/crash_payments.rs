//! Crash points of payments: begun, captured, let go and given back once, wherever that breaks off.

use jiff::SignedDuration;
use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    crash::{Act, Outcome, go_wrong_everywhere},
    stripe::intent_id,
    world::World,
};

/// What is done with the payment of an order of two of five pieces.
struct Asked {
    name: &'static str,
    /// How far it has come before.
    before: Before,
    /// What is asked, of which path below the payment's.
    act: &'static str,
    body: fn(&Scene) -> Value,
    /// What is in the books then: payment, captured, refunded; the order; the level.
    payment: (&'static str, i64, i64),
    order: &'static str,
    level: [i64; 3],
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Before {
    Ordered,
    Reserved,
    Paid,
}

struct Scene {
    who: String,
    product: String,
    order: Value,
    intent: Value,
}

impl Act for Asked {
    type Scene = Scene;

    fn name(&self) -> String {
        self.name.to_owned()
    }

    fn functions(&self) -> &'static [&'static str] {
        &["Payments"]
    }

    fn taken_up_within(&self) -> SignedDuration {
        SignedDuration::from_mins(3)
    }

    async fn set_up(&self, world: &World, name: &str) -> Scene {
        let product = world.product(name, 5).await;
        let order = world.customer(name).await.orders(&product, 2).await.ok();
        let mut scene = Scene { who: name.to_owned(), product, order, intent: Value::Null };
        let method = match self.before {
            Before::Ordered => return scene,
            Before::Reserved => "manual",
            Before::Paid => "automatic",
        };
        let asked = json!({ "order_id": scene.order["order_id"], "capture_method": method });
        scene.intent = world.admin().await.post("/api/v1/payments/create-intent", asked).await.ok();
        world.pays(&scene.intent, "pm_card_visa").await.ok();
        scene
    }

    async fn ask(&self, world: &World, scene: &mut Scene) -> Outcome {
        let path = match self.before {
            Before::Ordered => format!("/api/v1/payments/{}", self.act),
            _ => format!("/api/v1/payments/{}/{}", scene.order["payment_id"].as_str().unwrap(), self.act),
        };
        let body = (self.body)(scene);
        world.admin().await.post_keyed(&path, &scene.who, body).await.into()
    }

    async fn check(&self, world: &World, mut scene: Scene, answer: Value) {
        if self.before == Before::Ordered {
            scene.intent = answer;
            let query = format!(
                "payment_intents/search?query=metadata%5B%27payment_id%27%5D%3A%27{}%27",
                scene.order["payment_id"].as_str().unwrap()
            );
            let made = world.at_stripe(Method::GET, &query, &[]).await;
            assert_eq!(made["data"].as_array().unwrap().len(), 1, "made once");
        }
        let path = format!("/api/v1/payments/{}", scene.order["payment_id"].as_str().unwrap());
        let payment = world.admin().await.get(&path).await.ok();
        let (status, captured, refunded) = self.payment;
        assert_eq!(
            (&payment["status"], &payment["captured"], &payment["refunded"], &payment["refunding"]),
            (&json!(status), &json!(captured), &json!(refunded), &json!(0))
        );
        assert_eq!(world.customer(&scene.who).await.status_of(&scene.order).await, self.order);
        assert_eq!(world.ledger(&scene.product).await.level, self.level);
        let path = format!("refunds?payment_intent={}", intent_id(&scene.intent));
        let gone = world.at_stripe(Method::GET, &path, &[]).await;
        let gone = gone["data"].as_array().unwrap().iter().map(|refund| refund["amount"].as_i64().unwrap());
        assert_eq!(gone.sum::<i64>(), refunded, "Stripe says the same");
    }
}

const BEGIN: Asked = Asked {
    name: "begin to pay",
    before: Before::Ordered,
    act: "create-intent",
    body: |scene| json!({ "order_id": scene.order["order_id"] }),
    payment: ("requires_payment_method", 0, 0),
    order: "pending_payment/unpaid",
    level: [3, 2, 0],
};

const CAPTURE: Asked = Asked {
    name: "capture a payment",
    before: Before::Reserved,
    act: "capture",
    body: |_| json!({ "amount": 3000 }),
    payment: ("succeeded", 3000, 0),
    order: "paid/paid",
    level: [3, 0, 2],
};

const VOID: Asked = Asked {
    name: "void a payment",
    before: Before::Reserved,
    act: "cancel",
    body: |_| json!({}),
    payment: ("cancelled", 0, 0),
    order: "cancelled/unpaid",
    level: [5, 0, 0],
};

const REFUND: Asked = Asked {
    name: "refund a payment",
    before: Before::Paid,
    act: "refund",
    body: |scene| {
        let items = json!([{ "product_id": scene.product, "quantity": 1 }]);
        json!({ "amount": 700, "items": items, "restock": true })
    },
    payment: ("succeeded", 3998, 700),
    order: "paid/partially_refunded",
    level: [4, 0, 1],
};

async fn done_once_wherever_it_breaks_off(act: &Asked, least: u64) {
    let world = World::new().await;
    let points = go_wrong_everywhere(&world, act).await;
    assert!(points >= least, "{points}");
    world.end().await;
}

#[tokio::test]
async fn a_payment_is_begun_once_wherever_that_breaks_off() {
    done_once_wherever_it_breaks_off(&BEGIN, 30).await;
}

#[tokio::test]
async fn reserved_money_is_taken_once_wherever_that_breaks_off() {
    done_once_wherever_it_breaks_off(&CAPTURE, 30).await;
}

#[tokio::test]
async fn reserved_money_is_let_go_once_wherever_that_breaks_off() {
    done_once_wherever_it_breaks_off(&VOID, 30).await;
}

#[tokio::test]
async fn money_is_given_back_once_wherever_that_breaks_off() {
    done_once_wherever_it_breaks_off(&REFUND, 30).await;
}
