//! Crash points of settling: a payment that a webhook, the customer or the sweeper settles, and what ends an order.

use jiff::SignedDuration;
use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    crash::{Act, Outcome, go_wrong_everywhere},
    stripe::intent_id,
    world::World,
};

/// What is done, to an order of two of five pieces of which no webhook comes by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Done {
    /// Stripe tells of a payment.
    Told,
    /// Stripe tells of a card that was refused.
    ToldOfDecline,
    /// Stripe tells of a refund that was made at its dashboard.
    ToldOfRefund,
    /// Stripe tells of a bank that asks for the money back.
    ToldOfDispute,
    /// The customer says that they have paid.
    Confirmed,
    /// The customer calls an order off that is paid.
    CalledOff,
    /// Time runs out for an order whose payment has begun.
    Expired,
    /// The sweeper looks after a payment of which nobody has heard.
    Missed,
    /// The sweeper finds out about an intent whose making nobody heard the end of.
    IntentUnheard,
    /// The sweeper finds out about a refund whose making nobody heard the end of.
    RefundUnheard,
    /// The sweeper takes up a webhook that was stored and then cut off.
    CutOff,
}

/// Where it ends, each time.
struct End {
    order: &'static str,
    /// Captured and refunded.
    money: [i64; 2],
    story: &'static str,
    /// The journals of order and payment.
    journals: &'static [&'static str],
}

struct Scene {
    who: String,
    product: String,
    order: Value,
    intent: Option<String>,
    event: Vec<u8>,
}

impl Scene {
    /// The newest event of a kind.
    async fn newest(world: &World, kind: &str) -> Vec<u8> {
        let path = format!("events?type={kind}&limit=1");
        world.at_stripe(Method::GET, &path, &[]).await["data"][0].to_string().into_bytes()
    }

    async fn confirms(&self, world: &World) -> Outcome {
        let body = json!({ "payment_id": self.order["payment_id"] });
        world.customer(&self.who).await.post("/api/v1/payments/confirm", body).await.into()
    }

    async fn calls_off(&self, world: &World) -> Outcome {
        let path = format!("/api/v1/orders/{}/cancel", self.order["order_id"].as_str().unwrap());
        world.customer(&self.who).await.post_keyed(&path, &self.who, json!({})).await.into()
    }

    /// What a shop asks for and does not hear the end of.
    async fn unheard(&self, world: &World, operation: &str, path: &str, body: Value) {
        world.stripe_fails(operation, "timeout_after_acting", 1).await;
        let asked = world.admin().await.post(path, body).await;
        assert_eq!(asked.outcome(), "503 upstream_unavailable");
    }
}

impl Done {
    /// Whether a webhook is all that happens.
    fn is_told(self) -> bool {
        matches!(self, Self::Told | Self::ToldOfDecline | Self::ToldOfRefund | Self::ToldOfDispute)
    }

    /// Whether the money is there before.
    fn is_paid_before(self) -> bool {
        !matches!(self, Self::Expired | Self::IntentUnheard | Self::ToldOfDecline)
    }

    /// Whether the shop knows of it before.
    fn is_settled_before(self) -> bool {
        matches!(self, Self::ToldOfRefund | Self::ToldOfDispute | Self::CalledOff | Self::RefundUnheard)
    }

    fn end(self) -> End {
        const PAID: [&str; 4] = [
            "order.created",
            "order.status_updated paid",
            "payment.updated requires_payment_method",
            "payment.updated succeeded",
        ];
        const SOLD: &str = "reservation -2, restock 5, sale 0";
        match self {
            Self::Told | Self::Confirmed | Self::Missed | Self::CutOff => {
                End { order: "paid/paid", money: [3998, 0], story: SOLD, journals: &PAID }
            }
            Self::ToldOfDecline => End {
                order: "pending_payment/unpaid",
                money: [0, 0],
                story: "reservation -2, restock 5",
                journals: &[
                    "order.created",
                    "payment.updated requires_payment_method",
                    "payment.updated requires_payment_method",
                ],
            },
            Self::ToldOfDispute => End {
                order: "paid/disputed",
                money: [3998, 0],
                story: SOLD,
                journals: &[
                    "order.created",
                    "order.status_updated paid",
                    "order.payment_updated disputed",
                    "payment.updated requires_payment_method",
                    "payment.updated succeeded",
                    "dispute.updated needs_response",
                ],
            },
            Self::ToldOfRefund => End {
                order: "paid/partially_refunded",
                money: [3998, 700],
                story: SOLD,
                journals: &[
                    "order.created",
                    "order.status_updated paid",
                    "order.payment_updated partially_refunded",
                    "payment.updated requires_payment_method",
                    "payment.updated succeeded",
                    "refund.updated succeeded",
                ],
            },
            Self::RefundUnheard => End {
                order: "paid/partially_refunded",
                money: [3998, 700],
                story: SOLD,
                journals: &[
                    "order.created",
                    "order.status_updated paid",
                    "order.payment_updated partially_refunded",
                    "payment.updated requires_payment_method",
                    "payment.updated succeeded",
                    "refund.updated pending",
                    "refund.updated succeeded",
                ],
            },
            Self::CalledOff => End {
                order: "cancelled/refunded",
                money: [3998, 3998],
                story: "reservation -2, restock 5, return 2, sale 0",
                journals: &[
                    "order.created",
                    "order.status_updated paid",
                    "order.status_updated cancelled",
                    "order.payment_updated refunded",
                    "payment.updated requires_payment_method",
                    "payment.updated succeeded",
                    "refund.updated pending",
                    "refund.updated succeeded",
                ],
            },
            Self::Expired => End {
                order: "expired/unpaid",
                money: [0, 0],
                story: "expiry 2, reservation -2, restock 5",
                journals: &[
                    "order.created",
                    "order.status_updated expired",
                    "payment.updated requires_payment_method",
                    "payment.updated cancelled",
                ],
            },
            Self::IntentUnheard => End {
                order: "pending_payment/unpaid",
                money: [0, 0],
                story: "reservation -2, restock 5",
                journals: &["order.created", "payment.updated requires_payment_method"],
            },
        }
    }
}

impl Act for Done {
    type Scene = Scene;

    fn name(&self) -> String {
        format!("{self:?}")
    }

    fn functions(&self) -> &'static [&'static str] {
        match self {
            told if told.is_told() => &["StripeWebhook"],
            Self::Confirmed => &["Payments"],
            Self::CalledOff => &["Orders"],
            _ => &["Sweeper"],
        }
    }

    /// Where the sweeper looks for what is due has gone wrong elsewhere: here it is what it does then.
    fn operations(&self) -> &'static [&'static str] {
        match self {
            Self::Confirmed | Self::CalledOff => &[],
            told if told.is_told() => &[],
            _ => &[
                "GetItem",
                "PutItem",
                "UpdateItem",
                "TransactWriteItems",
                "payment_intents.create",
                "payment_intents.retrieve",
                "payment_intents.cancel",
                "refunds.create",
                "events.list",
            ],
        }
    }

    fn taken_up_within(&self) -> SignedDuration {
        SignedDuration::from_mins(3)
    }

    async fn set_up(&self, world: &World, name: &str) -> Scene {
        let product = world.product(name, 5).await;
        let ana = world.customer(name).await;
        let order = ana.orders(&product, 2).await.ok();
        let mut scene = Scene { who: name.to_owned(), product, order, intent: None, event: vec![] };
        if *self == Self::IntentUnheard {
            let body = json!({ "order_id": scene.order["order_id"] });
            scene.unheard(world, "payment_intents.create", "/api/v1/payments/create-intent", body).await;
            return scene;
        }
        let intent = ana.begins_to_pay(&scene.order).await;
        scene.intent = Some(intent_id(&intent));
        if self.is_paid_before() {
            let is_disputed = *self == Self::ToldOfDispute;
            let card = if is_disputed { "pm_card_createDispute" } else { "pm_card_visa" };
            world.pays(&intent, card).await.ok();
            scene.event = Scene::newest(world, "payment_intent.succeeded").await;
        }
        if self.is_settled_before() {
            scene.confirms(world).await.done();
        }
        match self {
            Self::ToldOfRefund => {
                let form = [("payment_intent", intent_id(&intent)), ("amount", "700".to_owned())];
                let form = form.each_ref().map(|(name, value)| (*name, value.as_str()));
                world.at_stripe(Method::POST, "refunds", &form).await;
                scene.event = Scene::newest(world, "refund.created").await;
            }
            Self::ToldOfDecline => {
                assert_eq!(world.pays(&intent, "pm_card_chargeDeclined").await.status.as_u16(), 402);
                scene.event = Scene::newest(world, "payment_intent.payment_failed").await;
            }
            Self::ToldOfDispute => {
                world.advance(SignedDuration::from_mins(1)).await;
                scene.event = Scene::newest(world, "charge.dispute.created").await;
            }
            Self::RefundUnheard => {
                let path = format!("/api/v1/payments/{}/refund", intent["payment_id"].as_str().unwrap());
                scene.unheard(world, "refunds.create", &path, json!({ "amount": 700 })).await;
            }
            Self::CutOff => {
                let cut = json!({ "operation": "TransactWriteItems", "function": "StripeWebhook", "kind": "crash_before" });
                world.fault(cut).await;
                let told = world.webhook(&scene.event, SignedDuration::ZERO).await;
                assert!(told.status.is_server_error(), "{told:?}");
            }
            _ => {}
        }
        scene
    }

    async fn ask(&self, world: &World, scene: &mut Scene) -> Outcome {
        let clock = world.cloud().clock();
        let falls_due = match self {
            told if told.is_told() => {
                return world.webhook(&scene.event, SignedDuration::ZERO).await.into();
            }
            Self::Confirmed => return scene.confirms(world).await,
            Self::CalledOff => return scene.calls_off(world).await,
            Self::Expired => scene.order["expires_at"].as_str().unwrap().parse().unwrap(),
            _ => clock.after(SignedDuration::from_secs(61)),
        };
        // In one step, so that there is one sweep.
        clock.turn_to(falls_due.checked_add(SignedDuration::from_secs(1)).unwrap());
        world.idle().await;
        Outcome::Done(Value::Null)
    }

    async fn check(&self, world: &World, scene: Scene, _: Value) {
        let End { order, money, story, journals } = self.end();
        let ana = world.customer(&scene.who).await;
        assert_eq!(ana.status_of(&scene.order).await, order);
        let path = format!("/api/v1/payments/{}", scene.order["payment_id"].as_str().unwrap());
        let payment = world.admin().await.get(&path).await.ok();
        assert_eq!(["captured", "refunded"].map(|name| payment[name].as_i64().unwrap()), money);
        assert_eq!(payment["refunding"], 0);
        assert_eq!(world.ledger(&scene.product).await.story(), story);
        assert_eq!(world.told_of(&scene.order).await, journals);
        let query = format!(
            "payment_intents/search?query=metadata%5B%27payment_id%27%5D%3A%27{}%27",
            scene.order["payment_id"].as_str().unwrap()
        );
        let made = world.at_stripe(Method::GET, &query, &[]).await;
        let made = made["data"].as_array().unwrap();
        let received: Vec<_> =
            made.iter().map(|intent| intent["amount_received"].as_i64().unwrap()).collect();
        assert_eq!(received, [money[0]], "Stripe says the same");
        let path = format!("refunds?payment_intent={}", made[0]["id"].as_str().unwrap());
        let gone = world.at_stripe(Method::GET, &path, &[]).await;
        let gone = gone["data"].as_array().unwrap().iter().map(|refund| refund["amount"].as_i64().unwrap());
        assert_eq!(gone.sum::<i64>(), money[1], "Stripe says the same");
    }
}

async fn done_once_wherever_it_breaks_off(act: Done, least: u64) {
    let world = World::new().await;
    world.webhooks(json!({ "lose": true })).await;
    let points = go_wrong_everywhere(&world, &act).await;
    assert!(points >= least, "{points}");
    world.end().await;
}

#[tokio::test]
async fn a_webhook_settles_once_wherever_it_breaks_off() {
    done_once_wherever_it_breaks_off(Done::Told, 30).await;
}

#[tokio::test]
async fn a_refused_card_is_noted_once_wherever_its_webhook_breaks_off() {
    done_once_wherever_it_breaks_off(Done::ToldOfDecline, 25).await;
}

#[tokio::test]
async fn a_dispute_is_booked_once_wherever_its_webhook_breaks_off() {
    done_once_wherever_it_breaks_off(Done::ToldOfDispute, 30).await;
}

#[tokio::test]
async fn a_refund_made_at_stripe_is_booked_once_wherever_its_webhook_breaks_off() {
    done_once_wherever_it_breaks_off(Done::ToldOfRefund, 30).await;
}

#[tokio::test]
async fn confirming_settles_once_wherever_it_breaks_off() {
    done_once_wherever_it_breaks_off(Done::Confirmed, 30).await;
}

#[tokio::test]
async fn a_paid_order_is_called_off_once_wherever_that_breaks_off() {
    done_once_wherever_it_breaks_off(Done::CalledOff, 60).await;
}

#[tokio::test]
async fn an_unpaid_order_expires_once_wherever_the_sweeper_breaks_off() {
    done_once_wherever_it_breaks_off(Done::Expired, 30).await;
}

#[tokio::test]
async fn a_missed_payment_is_settled_once_wherever_the_sweeper_breaks_off() {
    done_once_wherever_it_breaks_off(Done::Missed, 30).await;
}

#[tokio::test]
async fn an_unheard_intent_is_made_once_wherever_the_sweeper_breaks_off() {
    done_once_wherever_it_breaks_off(Done::IntentUnheard, 30).await;
}

#[tokio::test]
async fn an_unheard_refund_is_given_once_wherever_the_sweeper_breaks_off() {
    done_once_wherever_it_breaks_off(Done::RefundUnheard, 30).await;
}

#[tokio::test]
async fn a_webhook_that_was_cut_off_is_taken_up_once_wherever_the_sweeper_breaks_off() {
    done_once_wherever_it_breaks_off(Done::CutOff, 30).await;
}
