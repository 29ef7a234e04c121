//! How many of Stripe's webhooks a second are accepted and settled, at rates that rise.
//!
//! Orders are paid at the fake Stripe while its webhooks are lost. Then the same events are posted, signed as Stripe
//! signs them, each at its planned instant whether or not those before it were answered, and how long one takes is
//! counted from that instant: a queue shows as time. Sender and shop are one process here, and share its processors.

use std::{
    io::{self, Write},
    path::Path,
    time::{Duration, Instant},
};

use clap::Args;
use futures_util::{StreamExt, TryStreamExt, future::join_all, stream};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

use super::{
    BenchError, Report,
    percentiles::Percentiles,
    shop::{Shop, text},
    table,
};
use crate::{
    clock::TurnableClock,
    cloud::Options,
    stripe::{Endpoint, Misbehaviour, signature},
};

/// Products among which the orders are spread.
const PRODUCTS: u32 = 16;

/// How many orders are prepared at a time.
const PREPARED_AT_ONCE: usize = 8;

/// Webhooks that are not counted, in which connections are opened and secrets fetched.
const REHEARSALS: u32 = 8;

/// What a rate must settle a second at least, to meet the goal.
const GOAL: u32 = 100;

/// What the slowest of a hundred webhooks may take, for a rate to count as held.
const LIMIT_MS: f64 = 100.0;

/// The most events that Stripe lists at a time.
const PAGE: usize = 100;

/// Where the clock stands: nobody expires or pulls what waits for its webhook.
const START: Timestamp = Timestamp::constant(1_767_603_600, 0);

/// At which rates, for how long.
#[derive(Debug, Clone, Args)]
pub struct Webhooks {
    /// Webhooks a second, one rate after the other
    #[arg(long, value_delimiter = ',', default_value = "25,50,75,100,150,200",
        value_parser = clap::value_parser!(u32).range(1..=10_000))]
    rates: Vec<u32>,
    /// For how long each rate lasts
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=600))]
    seconds: u32,
}

/// What was seen.
#[derive(Debug, Serialize)]
pub struct WebhooksReport {
    /// The highest rate at which everything was settled, with p99 under 100 ms.
    highest_per_second: Option<u32>,
    goal_per_second: u32,
    rates: Vec<Rate>,
}

/// What was seen at one rate.
#[derive(Debug, Clone, Default, Serialize)]
struct Rate {
    per_second: u32,
    sent: usize,
    /// Answered with success.
    accepted: usize,
    /// Orders whose stock was sold by it.
    settled: usize,
    /// Until the last one was answered.
    settled_per_second: f64,
    /// From the planned instant to the answer.
    milliseconds: Percentiles,
}

/// A webhook, ready to be posted.
struct Signed {
    signature: String,
    body: Vec<u8>,
}

/// What became of a webhook.
struct Answered {
    is_accepted: bool,
    took: Duration,
}

/// Posts events at each rate in turn.
pub async fn measure(template: &Path, asked: &Webhooks) -> Result<WebhooksReport, BenchError> {
    let standing = |options| Options { clock: TurnableClock::standing_at(START), ..options };
    let shop = Shop::open(template, standing).await?;
    let mut sender = Sender::new(&shop).await?;
    sender.send(REHEARSALS, 1).await?;
    let mut rates = vec![];
    for per_second in &asked.rates {
        rates.push(sender.send(*per_second, asked.seconds).await?);
    }
    shop.cloud.stop().await;
    Ok(WebhooksReport { highest_per_second: highest(&rates), goal_per_second: GOAL, rates })
}

/// Who pays, and posts in Stripe's name.
struct Sender<'a> {
    shop: &'a Shop,
    endpoint: Endpoint,
    products: Vec<String>,
    /// How many have ordered.
    customers: usize,
}

impl<'a> Sender<'a> {
    async fn new(shop: &'a Shop) -> Result<Self, BenchError> {
        let products = shop.stock_up_with(PRODUCTS).await?;
        let none = || BenchError::Unexpected("webhooks go nowhere".into());
        let endpoint = shop.cloud.stripe().endpoint().ok_or_else(none)?;
        shop.cloud.stripe().misbehave(Misbehaviour { lose: true, ..Misbehaviour::default() });
        Ok(Self { shop, endpoint, products, customers: 0 })
    }

    /// Sends so many a second for so many seconds, and looks what became of them.
    async fn send(&mut self, per_second: u32, seconds: u32) -> Result<Rate, BenchError> {
        let webhooks = self.prepare(per_second.saturating_mul(seconds) as usize).await?;
        let before = self.shop.sold(&self.products).await?;
        let began = Instant::now();
        let posts = webhooks.into_iter().zip(0_u32..).map(|(webhook, number)| {
            let planned = began + Duration::from_secs(1) * number / per_second;
            self.post(webhook, planned)
        });
        let answers = join_all(posts).await;
        let took = began.elapsed();
        self.shop.cloud.idle().await?;
        let settled = self.shop.sold(&self.products).await?.saturating_sub(before);
        let rate = Rate::of(per_second, &answers, settled, took);
        match rate.accepted <= settled {
            true => Ok(rate),
            false => Err(BenchError::Unexpected(format!(
                "{} webhooks were accepted and {settled} settled",
                rate.accepted
            ))),
        }
    }

    /// Has so many orders paid of which no webhook tells, and signs what Stripe lists of them.
    async fn prepare(&mut self, count: usize) -> Result<Vec<Signed>, BenchError> {
        let first = self.customers;
        self.customers += count;
        let buys = (first..self.customers).map(|number| self.buy(number));
        stream::iter(buys).buffer_unordered(PREPARED_AT_ONCE).try_collect::<()>().await?;
        self.shop.cloud.idle().await?;
        let now = self.shop.cloud.clock().now();
        let signed = |event: Value| {
            let body = event.to_string().into_bytes();
            Signed { signature: signature(&self.endpoint.secrets, &body, now), body }
        };
        Ok(self.listed(count).await?.into_iter().map(signed).collect())
    }

    /// Orders one piece and pays, as a customer of their own: what one may do in a minute is limited.
    async fn buy(&self, number: usize) -> Result<(), BenchError> {
        let who = self.shop.customer(&format!("customer-{number}"))?;
        let product = number.checked_rem(self.products.len()).and_then(|at| self.products.get(at));
        let product = product.ok_or_else(|| BenchError::Unexpected("there is nothing to buy".into()))?;
        self.shop.pay(&who.intent(&who.order(product).await?).await?).await
    }

    /// The newest payments that Stripe tells of.
    async fn listed(&self, count: usize) -> Result<Vec<Value>, BenchError> {
        let mut events: Vec<Value> = vec![];
        while events.len() < count {
            let last = events.last().map(|event| text(event, "id")).transpose()?;
            let page = self.shop.stripe_events("payment_intent.succeeded", PAGE, last).await?;
            if page.is_empty() {
                return Err(BenchError::Unexpected(format!(
                    "{count} were paid and {} told of",
                    events.len()
                )));
            }
            events.extend(page);
        }
        events.truncate(count);
        Ok(events)
    }

    async fn post(&self, Signed { signature, body }: Signed, planned: Instant) -> Answered {
        tokio::time::sleep_until(planned.into()).await;
        let request = self.shop.http.post(&self.endpoint.url).header("content-type", "application/json");
        let answer = request.header("stripe-signature", signature).body(body).send().await;
        let is_accepted = answer.is_ok_and(|answer| answer.status().is_success());
        Answered { is_accepted, took: planned.elapsed() }
    }
}

/// The highest of the rates that were held.
fn highest(rates: &[Rate]) -> Option<u32> {
    rates.iter().filter(|rate| rate.is_held()).map(|rate| rate.per_second).max()
}

impl Rate {
    #[expect(clippy::cast_precision_loss, reason = "counts are small")]
    fn of(per_second: u32, answers: &[Answered], settled: usize, took: Duration) -> Self {
        Self {
            per_second,
            sent: answers.len(),
            accepted: answers.iter().filter(|answer| answer.is_accepted).count(),
            settled,
            settled_per_second: settled as f64 / took.as_secs_f64().max(0.001),
            milliseconds: Percentiles::of(answers.iter().map(|answer| answer.took)),
        }
    }

    fn is_held(&self) -> bool {
        let has_settled_all = self.sent > 0 && self.accepted == self.sent && self.settled == self.sent;
        has_settled_all && self.milliseconds.p99 < LIMIT_MS
    }
}

impl Report for WebhooksReport {
    fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        let row = |rate: &Rate| {
            let Percentiles { p50, p99, max } = rate.milliseconds;
            [
                rate.per_second.to_string(),
                rate.sent.to_string(),
                rate.accepted.to_string(),
                rate.settled.to_string(),
                format!("{:.1}", rate.settled_per_second),
                format!("{p50:.1}"),
                format!("{p99:.1}"),
                format!("{max:.1}"),
                if rate.is_held() { "held" } else { "MISSED" }.to_owned(),
            ]
        };
        let head =
            ["a second", "sent", "accepted", "settled", "settled a second", "p50 ms", "p99 ms", "max ms", ""];
        table::write(out, head, &self.rates.iter().map(row).collect::<Vec<_>>())?;
        let highest = self.highest_per_second.map_or_else(|| "none".to_owned(), |rate| rate.to_string());
        writeln!(
            out,
            "\nhighest rate with everything settled and p99 under {LIMIT_MS:.0} ms: {highest} (goal: {})",
            self.goal_per_second
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn every_webhook_that_is_sent_settles_an_order() {
        let template = Path::new(env!("CARGO_MANIFEST_DIR")).join("../template.yaml");
        let report = measure(&template, &Webhooks { rates: vec![5, 10], seconds: 1 }).await.unwrap();
        let counts = |rate: &Rate| [rate.sent, rate.accepted, rate.settled];
        assert_eq!(report.rates.iter().map(counts).collect::<Vec<_>>(), [[5; 3], [10; 3]], "{report:?}");
        assert!(report.rates.iter().all(|rate| rate.milliseconds.p50 > 0.0), "{report:?}");
    }

    #[test]
    fn a_rate_is_held_when_all_are_settled_in_time() {
        let fast = Percentiles { p50: 20.0, p99: 99.0, max: 300.0 };
        let held =
            Rate { per_second: 50, sent: 9, accepted: 9, settled: 9, milliseconds: fast, ..Rate::default() };
        let late = Rate { per_second: 75, milliseconds: Percentiles { p99: 100.0, ..fast }, ..held.clone() };
        let refused = Rate { per_second: 100, accepted: 8, ..held.clone() };
        let idle = Rate { per_second: 200, settled: 0, ..held.clone() };
        assert_eq!(highest(&[held, late.clone(), refused, idle]), Some(50));
        assert_eq!(highest(&[late]), None);
    }
}
