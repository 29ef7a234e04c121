//! A shopper's visit, act by act, and what staff does about it afterwards.

use std::collections::BTreeMap;

use domain::Role;
use jiff::SignedDuration;
use serde_json::{Value, json};

use super::{
    super::{
        BenchError,
        shop::{Shop, Shopper, Socket, text},
    },
    Act,
};
use crate::stripe::Misbehaviour;

pub const PRODUCT: &str = "lamp";

/// Whose stock is changed by hand.
const ADJUSTED: &str = "shade";

const ADJUSTMENTS: &str = "/api/v1/inventory/adjustments";

/// How many events are missed before they are resumed, of about 300 bytes each. A `batch` holds at most 50.
const MISSED: usize = 40;

/// How many sockets listen to a conversation.
const LISTENERS: usize = 30;

/// How many look on while stock changes.
const VIEWERS: usize = 10;

/// How long a shopper takes from one act to the next. Acts of one moment would be a burst, in which counting them
/// against their limit costs a refused write more.
const PAUSE: SignedDuration = SignedDuration::from_secs(2);

/// How much later than what they tell of Stripe's webhooks arrive.
const LATE: SignedDuration = SignedDuration::from_secs(1);

/// The sweeper comes once a minute.
const SWEEP: SignedDuration = SignedDuration::from_mins(1);

/// An order that is not paid lasts a minute longer.
const ALMOST_EXPIRED: SignedDuration = SignedDuration::from_mins(14);

/// Functions that nobody waits for: what they ask is counted apart.
const BEHIND: [&str; 3] = ["Relay", "Fanout", "Sweeper"];

/// A shopper's visit, act by act.
pub struct Session<'a> {
    shop: &'a Shop,
    pub acts: Vec<Act>,
    invocations: BTreeMap<String, u64>,
}

impl<'a> Session<'a> {
    pub fn new(shop: &'a Shop) -> Self {
        Self { shop, acts: vec![], invocations: BTreeMap::new() }
    }

    pub async fn play(&mut self, who: &Shopper<'_>) -> Result<(), BenchError> {
        let shop = self.shop;
        let viewer = self.watches(who).await?;
        who.reserve(PRODUCT).await?;
        self.end("reserve one line", Some(8.0)).await?;
        self.stock_changes(who).await?;
        let order = who.order(PRODUCT).await?;
        self.end("create an order of one line", Some(14.0)).await?;
        let intent = who.intent(&order).await?;
        self.end("create an intent", Some(11.0)).await?;
        shop.pay(&intent).await?;
        self.end("webhook and settle", Some(22.0)).await?;
        expect(&who.confirm(&intent).await?, "status", "succeeded")?;
        self.end("confirm", None).await?;
        // From here on whoever asks and the webhook about it could meet; late, it costs the same each time.
        let late = Misbehaviour { delay_seconds: 1, ..Misbehaviour::default() };
        shop.cloud.stripe().misbehave(late);
        self.cancels(who).await?;
        self.refunds(who).await?;
        self.reserves_money(who).await?;
        shop.cloud.stripe().misbehave(Misbehaviour::default());
        self.resumes(who).await?;
        self.talks(who).await?;

        let order = who.order(PRODUCT).await?;
        self.pause().await?;
        let intent = who.intent(&order).await?;
        self.pause().await?;
        shop.pay(&intent).await?;
        self.pause().await?;
        who.confirm(&intent).await?;
        self.end("whole checkout of one line", Some(52.0)).await?;
        self.expires(who).await?;
        drop(viewer); // who has looked on all the time
        Ok(())
    }

    /// Somebody comes, and looks at a product and at an order.
    async fn watches(&mut self, who: &Shopper<'_>) -> Result<Socket, BenchError> {
        let watched = who.order(PRODUCT).await?;
        let channel = format!("order:{}", text(&watched, "order_id")?);
        let subscribe = |channel: String| json!({ "channel": channel });

        self.begin().await?;
        let ticket = who.ticket().await?;
        self.end("ticket", Some(2.0)).await?;
        let mut socket = Socket::open(&ticket).await?;
        self.end("connect", Some(3.0)).await?;
        socket.ask("hello", json!({})).await?;
        self.end("hello", Some(0.0)).await?;
        let product = subscribe(format!("product:{PRODUCT}"));
        socket.ask("subscribe", product).await?;
        self.end("subscribe to a product", Some(2.0)).await?;
        socket.ask("subscribe", subscribe(channel)).await?;
        self.end("subscribe to an order", Some(2.0)).await?;
        socket.ask("ping", json!({})).await?;
        self.shop.cloud.advance(SWEEP).await?;
        self.end("ping and idle minute", Some(0.0)).await?;
        Ok(socket)
    }

    /// Orders are called off: before and after somebody began to pay them, and when they are paid.
    async fn cancels(&mut self, who: &Shopper<'_>) -> Result<(), BenchError> {
        let unpaid = who.order(PRODUCT).await?;
        self.begin().await?;
        who.cancel(&unpaid).await?;
        self.end("cancel an unpaid order", None).await?;

        let begun = who.order(PRODUCT).await?;
        who.intent(&begun).await?;
        self.begin().await?;
        who.cancel(&begun).await?;
        self.end_told("cancel one with an intent").await?;

        let (paid, _) = self.sells(who, 1).await?;
        self.begin().await?;
        expect(&who.cancel(&paid).await?, "status", "cancelled")?;
        self.end_told("cancel a paid order").await
    }

    /// Money goes back, with the pieces that it was paid for.
    async fn refunds(&mut self, who: &Shopper<'_>) -> Result<(), BenchError> {
        let admin = self.shop.person(Role::Admin, "olga")?;
        let piece = json!([{ "product_id": PRODUCT, "quantity": 1 }]);
        let (_, payment) = self.sells(who, 1).await?;
        self.begin().await?;
        let whole = json!({ "items": piece, "restock": true });
        expect(&admin.post(&act_on(&payment, "refund")?, whole).await?, "status", "succeeded")?;
        self.end_told("refund in full, restocked").await?;

        let (_, payment) = self.sells(who, 2).await?;
        self.begin().await?;
        let part = json!({ "amount": 1999, "items": piece, "restock": true });
        expect(&admin.post(&act_on(&payment, "refund")?, part).await?, "status", "succeeded")?;
        self.end_told("refund of a part, restocked").await
    }

    /// Money is only reserved, and then taken or let go.
    async fn reserves_money(&mut self, who: &Shopper<'_>) -> Result<(), BenchError> {
        let admin = self.shop.person(Role::Admin, "olga")?;
        for (act, name, becomes) in [("capture", "capture", "succeeded"), ("cancel", "void", "cancelled")] {
            let order = who.order(PRODUCT).await?;
            let wanted = json!({ "order_id": text(&order, "order_id")?, "capture_method": "manual" });
            let intent = admin.post("/api/v1/payments/create-intent", wanted).await?;
            self.begin().await?;
            self.shop.pay(&intent).await?;
            match act {
                "capture" => self.end_told("webhook, money reserved").await?,
                _ => self.begin().await?,
            }
            let done = admin.post(&act_on(&intent, act)?, json!({})).await?;
            expect(&done, "status", becomes)?;
            self.end_told(name).await?;
        }
        Ok(())
    }

    /// An order's time comes, and that of its intent. Nobody waits for that: what the sweeper does is the act.
    async fn expires(&mut self, who: &Shopper<'_>) -> Result<(), BenchError> {
        let cloud = &self.shop.cloud;
        let order = who.order(PRODUCT).await?;
        who.intent(&order).await?;
        cloud.advance(ALMOST_EXPIRED).await?;
        let has_swept = || {
            let rows = cloud.meter().snapshot().rows;
            rows.iter().any(|row| row.function == "Sweeper" && row.write_units > 0.0)
        };
        // Only the last sweep counts: those before it found nothing.
        for _ in 0..3 {
            self.begin().await?;
            cloud.advance(SWEEP).await?;
            if has_swept() {
                break;
            }
        }
        self.end_of("expire an order with an intent", None, &["Relay", "Fanout"]).await?;
        let path = format!("/api/v1/orders/{}", text(&order, "order_id")?);
        expect(&who.get(&path).await?, "status", "expired")?;
        self.begin().await
    }

    /// An order of so many pieces that is paid and settled, and its payment.
    async fn sells(&self, who: &Shopper<'_>, quantity: u32) -> Result<(Value, Value), BenchError> {
        let order = who.order_of(PRODUCT, quantity).await?;
        self.pause().await?;
        let intent = who.intent(&order).await?;
        self.pause().await?;
        self.shop.pay(&intent).await?;
        self.pause().await?;
        let payment = who.confirm(&intent).await?;
        expect(&payment, "status", "succeeded")?;
        Ok((order, payment))
    }

    /// A level is changed by hand, seen by nobody and then by several.
    async fn stock_changes(&mut self, who: &Shopper<'_>) -> Result<(), BenchError> {
        let admin = self.shop.person(Role::Admin, "olga")?;
        let more = json!({ "product_id": ADJUSTED, "quantity": 1, "operation": "add" });
        self.shop.stock_up(ADJUSTED).await?;
        self.begin().await?;
        admin.post(ADJUSTMENTS, more.clone()).await?;
        self.end("adjust a level", None).await?;
        let mut viewers = vec![];
        for _ in 0..VIEWERS {
            let mut viewer = Socket::open(&who.ticket().await?).await?;
            viewer.ask("subscribe", json!({ "channel": format!("product:{ADJUSTED}") })).await?;
            viewers.push(viewer);
            self.pause().await?; // so many tickets at once would be a burst
        }
        self.begin().await?;
        admin.post(ADJUSTMENTS, more).await?;
        self.end("the same, seen by 10 viewers", None).await?;
        for viewer in viewers {
            viewer.close().await?;
        }
        self.begin().await
    }

    /// Somebody asks the shop something, and thirty sockets hear it.
    async fn talks(&mut self, who: &Shopper<'_>) -> Result<(), BenchError> {
        self.begin().await?;
        let opened = who.post("/api/v1/chat/conversations", json!({ "force_new": true })).await?;
        self.end("open a conversation", None).await?;
        let id = json!({ "conversation_id": text(&opened, "conversation_id")? });
        let mut listeners = vec![];
        for _ in 0..LISTENERS {
            listeners.push(Socket::open(&who.ticket().await?).await?);
            self.pause().await?;
        }
        for (number, listener) in listeners.iter_mut().enumerate() {
            self.begin().await?;
            listener.ask("chat.conversation.join", id.clone()).await?;
            if number == 0 {
                self.end("join it", None).await?;
            }
        }
        for name in ["m1", "m2"] {
            let said = json!({
                "conversation_id": text(&opened, "conversation_id")?,
                "content": "Is the lamp bright enough to read by?",
                "client_message_id": name,
            });
            self.pause().await?;
            self.begin().await?;
            if let Some(speaker) = listeners.first_mut() {
                speaker.ask("chat.message.send", said).await?;
            }
        }
        self.end("say something to 30 listeners", Some(2.0)).await?;
        if let Some(reader) = listeners.first_mut() {
            reader.ask("chat.read", id).await?;
        }
        self.end("say that one has read it", None).await?;
        for listener in listeners {
            listener.close().await?;
        }
        self.begin().await
    }

    /// Somebody comes back who has missed events.
    async fn resumes(&mut self, who: &Shopper<'_>) -> Result<(), BenchError> {
        for _ in 0..MISSED / 2 {
            let order = who.order(PRODUCT).await?;
            self.pause().await?;
            who.cancel(&order).await?;
            self.pause().await?;
        }
        let channel = format!("user:{}", who.name);
        let mut socket = Socket::open(&who.ticket().await?).await?;
        let now = socket.ask("subscribe", json!({ "channel": channel })).await?;
        let seq = now.pointer("/data/seq").and_then(Value::as_u64).unwrap_or(0);
        let missed = u64::try_from(MISSED).unwrap_or(u64::MAX);
        let point = json!({ "channel": channel, "last_seq": seq.saturating_sub(missed) });
        self.begin().await?;
        socket.ask("resume", json!({ "channels": [point] })).await?;
        self.end("resume of 40 missed events", Some(2.0)).await?;
        socket.close().await?;
        self.begin().await
    }

    /// Lets what is under way arrive, and a moment pass.
    async fn pause(&self) -> Result<(), BenchError> {
        self.shop.cloud.advance(PAUSE).await?;
        Ok(())
    }

    async fn begin(&mut self) -> Result<(), BenchError> {
        self.pause().await?;
        self.shop.cloud.meter().reset();
        self.invocations = self.shop.cloud.invocations();
        Ok(())
    }

    /// Notes what was counted since the last act ended, deliveries included.
    async fn end(&mut self, name: &'static str, goal: Option<f64>) -> Result<(), BenchError> {
        self.end_of(name, goal, &BEHIND).await
    }

    /// The same, when what Stripe tells of it has arrived.
    async fn end_told(&mut self, name: &'static str) -> Result<(), BenchError> {
        self.shop.cloud.advance(LATE).await?;
        self.end(name, None).await
    }

    /// The same as [`Self::end`] for an act behind which are only the functions `behind`.
    async fn end_of(
        &mut self,
        name: &'static str,
        goal: Option<f64>,
        behind: &[&str],
    ) -> Result<(), BenchError> {
        self.shop.cloud.idle().await?;
        let invocations = self.shop.cloud.invocations().into_iter();
        let invocations = invocations.map(|(function, count)| {
            let before = self.invocations.get(&function).copied().unwrap_or(0);
            (function, count.saturating_sub(before))
        });
        let requests = self.shop.cloud.meter().snapshot();
        self.acts.push(Act::of(name, goal, behind, &requests, &invocations.collect()));
        self.begin().await
    }
}

fn expect(answer: &Value, field: &str, value: &str) -> Result<(), BenchError> {
    match text(answer, field)? {
        found if found == value => Ok(()),
        _ => Err(BenchError::Unexpected(format!("expected {field} {value}: {answer}"))),
    }
}

fn act_on(payment: &Value, act: &str) -> Result<String, BenchError> {
    Ok(format!("/api/v1/payments/{}/{act}", text(payment, "payment_id")?))
}
