//! How many whole checkouts a second the local cloud takes, and how long each is.
//!
//! Shopper and shop are one process here, and share its processors. What is measured is the whole path: HTTP, function,
//! SDK, tables, fake Stripe, signed webhook, streams and `relay`.

use std::{
    io::{self, Write},
    path::Path,
    time::{Duration, Instant},
};

use futures_util::future::try_join_all;
use serde::Serialize;

use super::{BenchError, Report, machine::peak_kib, percentiles::Percentiles, shop::Shop, table};

/// Products among which the shoppers choose in turn.
const PRODUCTS: u32 = 16;

/// Checkouts that are not counted, in which connections are opened and secrets fetched.
const REHEARSALS: u32 = 8;

/// What was seen.
#[derive(Debug, Serialize)]
pub struct CheckoutsReport {
    concurrency: u32,
    /// From the first checkout that was begun to the last that was settled.
    seconds: f64,
    checkouts: usize,
    per_second: f64,
    /// From placing the order to the settled payment.
    milliseconds: Percentiles,
    /// The same, part by part.
    parts: Vec<Part>,
    /// How long `relay` and the webhooks took to catch up after the last checkout.
    catching_up_ms: u128,
    requests_per_checkout: f64,
    read_units_per_checkout: f64,
    write_units_per_checkout: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    peak_memory_kib: Option<u64>,
}

#[derive(Debug, Serialize)]
struct Part {
    name: &'static str,
    milliseconds: Percentiles,
}

/// The instants of one checkout.
struct Checkout([Duration; 4]);

const PARTS: [&str; 4] = ["create the order", "create the intent", "pay at Stripe", "confirm, settled"];

/// Lets `concurrency` shoppers buy for `seconds`.
pub async fn measure(template: &Path, seconds: u64, concurrency: u32) -> Result<CheckoutsReport, BenchError> {
    let shop = Shop::open(template, |options| options).await?;
    let products = shop.stock_up_with(PRODUCTS).await?;
    for rehearsal in 0..REHEARSALS {
        check_out(&shop, &format!("rehearsal-{rehearsal}"), &products, rehearsal).await?;
    }
    shop.cloud.idle().await?;
    shop.cloud.meter().reset();

    let began = Instant::now();
    let until = began + Duration::from_secs(seconds);
    let shopper = |worker: u32| {
        let (shop, products) = (&shop, &products);
        async move {
            let mut done = vec![];
            for turn in 0_u32.. {
                if Instant::now() >= until {
                    break;
                }
                // A new customer each time: what one may do in a minute is limited.
                let name = format!("customer-{worker}-{turn}");
                done.push(check_out(shop, &name, products, worker.wrapping_add(turn)).await?);
            }
            Ok::<_, BenchError>(done)
        }
    };
    let done = try_join_all((0..concurrency).map(shopper)).await?;
    let took = began.elapsed();
    shop.cloud.idle().await?;
    let caught_up = began.elapsed().saturating_sub(took);
    let checkouts: Vec<Checkout> = done.into_iter().flatten().collect();
    let report = CheckoutsReport::new(&shop, &checkouts, concurrency, took, caught_up);
    balances(&shop, &products, checkouts.len() + REHEARSALS as usize).await?;
    shop.cloud.stop().await;
    Ok(report)
}

async fn check_out(shop: &Shop, name: &str, products: &[String], turn: u32) -> Result<Checkout, BenchError> {
    let who = shop.customer(name)?;
    let product = usize::try_from(turn).ok().and_then(|turn| products.get(turn.checked_rem(products.len())?));
    let product = product.ok_or_else(|| BenchError::Unexpected("there is nothing to buy".into()))?;
    let began = Instant::now();
    let order = who.order(product).await?;
    let ordered = began.elapsed();
    let intent = who.intent(&order).await?;
    let intended = began.elapsed();
    shop.pay(&intent).await?;
    let paid = began.elapsed();
    let payment = who.confirm(&intent).await?;
    if payment.get("status").is_none_or(|status| status != "succeeded") {
        return Err(BenchError::Unexpected(format!("not settled: {payment}")));
    }
    Ok(Checkout([ordered, intended, paid, began.elapsed()]))
}

/// Every checkout has sold one piece, and the ledgers agree.
async fn balances(shop: &Shop, products: &[String], checkouts: usize) -> Result<(), BenchError> {
    match shop.sold(products).await? {
        sold if sold == checkouts => Ok(()),
        sold => Err(BenchError::Unexpected(format!("{checkouts} pieces were paid for and {sold} were sold"))),
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts and milliseconds are small")]
impl CheckoutsReport {
    fn new(
        shop: &Shop,
        checkouts: &[Checkout],
        concurrency: u32,
        took: Duration,
        caught_up: Duration,
    ) -> Self {
        let count = checkouts.len().max(1) as f64;
        let requests = shop.cloud.meter().snapshot();
        let part = |(number, name): (usize, &'static str)| {
            let at = |checkout: &Checkout, number: usize| checkout.0.get(number).copied().unwrap_or_default();
            let length = |checkout: &Checkout| {
                let before = number.checked_sub(1).map(|before| at(checkout, before));
                at(checkout, number).saturating_sub(before.unwrap_or_default())
            };
            Part { name, milliseconds: Percentiles::of(checkouts.iter().map(length)) }
        };
        Self {
            concurrency,
            seconds: took.as_secs_f64(),
            checkouts: checkouts.len(),
            per_second: checkouts.len() as f64 / took.as_secs_f64(),
            milliseconds: Percentiles::of(checkouts.iter().filter_map(|Checkout(at)| at.last().copied())),
            parts: PARTS.into_iter().enumerate().map(part).collect(),
            catching_up_ms: caught_up.as_millis(),
            requests_per_checkout: requests.requests as f64 / count,
            read_units_per_checkout: requests.read_units / count,
            write_units_per_checkout: requests.write_units / count,
            peak_memory_kib: peak_kib(),
        }
    }
}

impl Report for CheckoutsReport {
    fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(
            out,
            "{} checkouts in {:.1} s with {} at a time: {:.1} per second (goal: 100 with p99 under 100 ms)\n",
            self.checkouts, self.seconds, self.concurrency, self.per_second
        )?;
        let cells = |name: &str, Percentiles { p50, p99, max }: Percentiles| {
            let [p50, p99, max] = [p50, p99, max].map(|value| format!("{value:.1}"));
            [name.to_owned(), p50, p99, max]
        };
        let parts = self.parts.iter().map(|part| cells(part.name, part.milliseconds));
        let rows: Vec<_> = parts.chain([cells("whole checkout", self.milliseconds)]).collect();
        table::write(out, ["milliseconds", "p50", "p99", "max"], &rows)?;
        writeln!(
            out,
            "\nper checkout, relay and repetitions included: {:.1} requests, {:.1} RRU, {:.1} WRU",
            self.requests_per_checkout, self.read_units_per_checkout, self.write_units_per_checkout
        )?;
        writeln!(out, "relay had caught up {} ms after the last one", self.catching_up_ms)?;
        if let Some(peak) = self.peak_memory_kib {
            writeln!(out, "peak memory, shoppers included: {} MiB", peak / 1024)?;
        }
        Ok(())
    }
}
