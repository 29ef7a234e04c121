//! What one shopper has to do, step by step, and how far they have come.

use std::collections::VecDeque;

use rand::{Rng, rngs::StdRng, seq::IndexedRandom as _};
use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    PRODUCTS,
    shop::{Answer, Asked, Body, Shop},
};

/// No errand has more.
pub const MOST_STEPS: usize = 12;

#[derive(Debug)]
pub struct Errand {
    who: String,
    pub product: &'static str,
    pub quantity: u32,
    left: VecDeque<Step>,
    steps: usize,
    /// As it was when it was placed.
    pub order: Option<Value>,
    intent: Option<Value>,
    /// Pieces that went back on the shelf with a refund.
    pub restocked: u32,
    /// What came of each step: `Order yes`.
    pub answers: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    Order,
    Begin,
    /// The shop only wants the money reserved.
    BeginManual,
    Pay(&'static str),
    Confirm,
    CallOff,
    /// Staff gives so much back, and takes so many pieces back.
    Refund(Option<u32>, u32),
    /// Somebody gives so much back at Stripe's dashboard.
    RefundAtStripe(u32),
    Capture(Option<u32>),
    Void,
    /// Nothing, until the next stretch of the day.
    Rest,
}

/// A plan as the dice say.
fn plan(dice: &mut StdRng, quantity: u32) -> VecDeque<Step> {
    use Step as S;
    let card = *[
        "pm_card_visa",
        "pm_card_visa",
        "pm_card_visa",
        "pm_card_pendingRefund",
        "pm_usBankAccount_success",
    ]
    .choose(dice)
    .unwrap();
    let mut plan = vec![S::Order];
    let is_manual = dice.random_bool(0.15);
    match dice.random_range(0..10) {
        0 => return plan.into(),
        1 => plan.push(S::Begin),
        2 => plan.extend([S::Begin, S::Rest, S::Pay(card)]),
        3 => plan.extend([S::Begin, S::Pay("pm_card_chargeDeclined"), S::Pay(card)]),
        _ if is_manual => plan.extend([S::BeginManual, S::Pay("pm_card_visa")]),
        _ => plan.extend([S::Begin, S::Pay(card)]),
    }
    if dice.random_bool(0.3) {
        plan.push(S::Confirm);
    }
    if dice.random_bool(0.6) {
        plan.push(S::Rest);
    }
    if is_manual {
        plan.extend(
            [vec![S::Capture(None)], vec![S::Capture(Some(1000))], vec![S::Void], vec![]]
                .choose(dice)
                .unwrap()
                .clone(),
        );
    }
    let restock = dice.random_range(0..=1);
    let tails = [
        vec![],
        vec![S::CallOff],
        vec![S::Refund(Some(500), 0)],
        vec![S::Refund(Some(1999), restock), S::Refund(None, 0)],
        vec![S::Refund(None, quantity)],
        vec![S::RefundAtStripe(700)],
        vec![S::RefundAtStripe(700), S::Rest, S::Rest, S::CallOff],
        vec![S::Refund(Some(300), 0), S::Rest, S::CallOff],
    ];
    plan.extend(tails.choose(dice).unwrap().clone());
    assert!(plan.len() <= MOST_STEPS);
    plan.into()
}

impl Errand {
    pub fn new(number: usize, dice: &mut StdRng) -> Self {
        let quantity = dice.random_range(1..=2);
        Self {
            who: format!("shopper-{number}"),
            product: PRODUCTS.choose(dice).unwrap().0,
            quantity,
            left: plan(dice, quantity),
            steps: 0,
            order: None,
            intent: None,
            restocked: 0,
            answers: vec![],
        }
    }

    /// Whether nothing is left to be done.
    pub fn is_over(&self) -> bool {
        self.left.is_empty()
    }

    /// Does what can be done now: until a rest, or until nobody knows what came of a step.
    pub async fn go_on(&mut self, shop: &Shop) {
        while let Some(step) = self.left.front().cloned() {
            if step == Step::Rest {
                self.left.pop_front();
                return;
            }
            let said = match self.ask(shop, &step).await {
                Answer::Later => return,
                Answer::Yes(body) => {
                    self.went_well(&step, body);
                    "yes".to_owned()
                }
                Answer::No(why) => {
                    self.was_refused(&step, &why);
                    why
                }
            };
            let name = format!("{step:?}");
            self.answers.push(format!("{} {said}", name.split('(').next().unwrap()));
            self.left.pop_front();
            self.steps += 1;
        }
    }

    fn went_well(&mut self, step: &Step, body: Value) {
        match step {
            Step::Order => self.order = Some(body),
            Step::Begin | Step::BeginManual => self.intent = Some(body),
            Step::Refund(_, pieces) => self.restocked += pieces,
            _ => {}
        }
    }

    fn was_refused(&mut self, step: &Step, why: &str) {
        let expected: &[&str] = match step {
            Step::Order => &["409 insufficient_stock"],
            Step::Pay(_) => &["402 card_declined", "400 payment_intent_unexpected_state"],
            Step::Refund(..) => {
                &["409 invalid_transition", "409 refund_exceeds_captured", "400 validation_failed"]
            }
            Step::RefundAtStripe(_) => &["400 charge_already_refunded", "400 "],
            _ => &["409 invalid_transition"],
        };
        assert!(expected.contains(&why), "{}: {step:?}: {why}", self.who);
        if matches!(step, Step::Order | Step::Begin | Step::BeginManual) {
            self.left.truncate(1);
        }
    }

    /// Always with the same key, however often it takes.
    async fn ask(&self, shop: &Shop, step: &Step) -> Answer {
        let key = format!("{}-{}", self.who, self.steps);
        let id = |of: &Option<Value>, name: &str| {
            of.as_ref().map_or("", |of| of[name].as_str().unwrap()).to_owned()
        };
        let (order, payment) = (id(&self.order, "order_id"), id(&self.order, "payment_id"));
        if let Step::Pay(_) | Step::RefundAtStripe(_) = step {
            return self.ask_stripe(shop, step, &key).await;
        }
        let (is_staff, path, body) = match step {
            Step::Order => {
                let items = json!([{ "product_id": self.product, "quantity": self.quantity }]);
                (false, "/api/v1/orders".to_owned(), json!({ "items": items, "currency": "USD" }))
            }
            Step::Begin => (false, "/api/v1/payments/create-intent".to_owned(), json!({ "order_id": order })),
            Step::BeginManual => {
                let body = json!({ "order_id": order, "capture_method": "manual" });
                (true, "/api/v1/payments/create-intent".to_owned(), body)
            }
            Step::Confirm => (false, "/api/v1/payments/confirm".to_owned(), json!({ "payment_id": payment })),
            Step::CallOff => (false, format!("/api/v1/orders/{order}/cancel"), json!({})),
            Step::Refund(amount, pieces) => {
                let mut body = json!({ "amount": amount });
                if *pieces > 0 {
                    body["items"] = json!([{ "product_id": self.product, "quantity": pieces }]);
                    body["restock"] = json!(true);
                }
                (true, format!("/api/v1/payments/{payment}/refund"), body)
            }
            Step::Capture(amount) => {
                (true, format!("/api/v1/payments/{payment}/capture"), json!({ "amount": amount }))
            }
            _ => (true, format!("/api/v1/payments/{payment}/cancel"), json!({})),
        };
        let token = match is_staff {
            true => shop.token("admin", "olga").await,
            false => shop.token("customer", &self.who).await,
        };
        let body = Body::Json(body);
        shop.ask(&Asked { method: Method::POST, path: &path, token: &token, key: &key, body }).await
    }

    async fn ask_stripe(&self, shop: &Shop, step: &Step, key: &str) -> Answer {
        let secret = self.intent.as_ref().unwrap()["client_secret"].as_str().unwrap();
        let intent = secret.split("_secret_").next().unwrap();
        let (path, token, form) = match step {
            Step::Pay(card) => {
                let form = [("payment_method", (*card).to_owned()), ("client_secret", secret.to_owned())];
                (format!("payment_intents/{intent}/confirm"), "pk_test_local", form)
            }
            Step::RefundAtStripe(amount) => {
                let form = [("payment_intent", intent.to_owned()), ("amount", amount.to_string())];
                ("refunds".to_owned(), "sk_test_local", form)
            }
            other => panic!("{other:?} is not asked of Stripe"),
        };
        let form = form.each_ref().map(|(name, value)| (*name, value.as_str()));
        let path = format!("/_local/stripe/v1/{path}");
        shop.ask(&Asked { method: Method::POST, path: &path, token, key, body: Body::Form(&form) }).await
    }
}
