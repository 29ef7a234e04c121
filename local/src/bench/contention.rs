//! Many buyers of one product that there is too little of, all at once.
//!
//! Buyers and shop are one process here, and share its processors; what is measured is the whole path. The tables of a
//! local cloud are behind one lock, so that transactions never meet: as many of them as is asked for are told that
//! they did, and try again as they would on AWS.

use std::{
    io::{self, Write},
    path::Path,
    time::{Duration, Instant},
};

use clap::Args;
use domain::Role;
use futures_util::{StreamExt, TryStreamExt, stream};
use serde::Serialize;
use serde_json::{Value, json};

use super::{BenchError, Report, percentiles::Percentiles, shop::Shop, table};
use crate::{
    aws::request::Service,
    faults::{Fault, FaultKind},
    meter::RequestsRow,
};

const RESERVATIONS: &str = "/api/v1/inventory/reservations";

/// More conflicts than there can be.
const MOST_CONFLICTS: u64 = 1 << 40;

/// A buyer who was told so often to come again gives up.
const MOST_TRIES: u32 = 50;

/// How much contention.
#[derive(Debug, Clone, Args)]
pub struct Contention {
    /// How many want one piece each
    #[arg(long, default_value_t = 4_000, value_parser = clap::value_parser!(u32).range(1..))]
    buyers: u32,
    /// How many pieces there are
    #[arg(long, default_value_t = 2_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pieces: u32,
    /// How many buyers are on their way at a time
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..=1000))]
    concurrency: u32,
    /// The share of transactions that meet another one
    #[arg(long, default_value_t = 0.05)]
    conflicts: f64,
}

/// What was seen.
#[derive(Debug, Serialize)]
pub struct ContentionReport {
    buyers: u32,
    pieces: u32,
    concurrency: u32,
    conflicts: f64,
    rushes: Vec<Rush>,
}

/// One rush.
#[derive(Debug, Serialize)]
struct Rush {
    name: String,
    seconds: f64,
    accepted: usize,
    /// There was no piece left.
    refused: usize,
    /// Transactions that were asked for.
    transactions: u64,
    /// Those of them that met another one, and were tried again.
    conflicts: u64,
    /// Answers that told a buyer to come again.
    told_to_wait: u32,
    per_second: f64,
    /// From asking to the final answer.
    milliseconds: Percentiles,
    /// Pieces held beyond those that there are.
    oversold: i64,
}

/// One buyer's visit: how long it took, whether there was a piece, and how often to come again.
struct Visit(Duration, bool, u32);

/// Lets all buyers buy.
pub async fn measure(template: &Path, wanted: &Contention) -> Result<ContentionReport, BenchError> {
    let rushes = vec![
        rush(template, wanted, 1, "one level row").await?,
        rush(template, wanted, 8, "eight buckets").await?,
    ];
    Ok(ContentionReport {
        buyers: wanted.buyers,
        pieces: wanted.pieces,
        concurrency: wanted.concurrency,
        conflicts: wanted.conflicts,
        rushes,
    })
}

async fn rush(template: &Path, wanted: &Contention, buckets: u16, name: &str) -> Result<Rush, BenchError> {
    let shop = Shop::open(template, |options| options).await?;
    shop.offer("lamp", wanted.pieces).await?;
    if buckets > 1 {
        let divided = json!({ "buckets": buckets });
        shop.person(Role::Admin, "olga")?.put("/api/v1/inventory/lamp/buckets", &divided).await?;
    }
    // Connections are opened and secrets fetched before anything is counted.
    shop.offer("rehearsal", 1_000).await?;
    let rehearsal = (0..wanted.concurrency).map(|number| visit(&shop, "rehearsal", number));
    stream::iter(rehearsal).buffer_unordered(wanted.concurrency as usize).try_collect::<Vec<_>>().await?;
    shop.cloud.idle().await?;
    shop.cloud.meter().reset();
    let conflict = Fault { service: Some(Service::Dynamodb), ..Fault::new(FaultKind::Conflict) };
    let conflict = Fault {
        operation: Some("TransactWriteItems".into()),
        function: Some("Inventory".into()),
        ..conflict
    };
    shop.cloud.faults().add(Fault {
        count: Some(MOST_CONFLICTS),
        rate: Some((wanted.conflicts, 1)),
        ..conflict
    });

    let began = Instant::now();
    let visits = (0..wanted.buyers).map(|number| visit(&shop, "lamp", number));
    let visits: Vec<_> =
        stream::iter(visits).buffer_unordered(wanted.concurrency as usize).try_collect().await?;
    let seconds = began.elapsed().as_secs_f64();
    let left = shop.cloud.faults().list().first().and_then(|fault| fault.count);
    let conflicts = MOST_CONFLICTS - left.unwrap_or(MOST_CONFLICTS);
    shop.cloud.faults().clear();
    let accepted = visits.iter().filter(|Visit(_, is_accepted, _)| *is_accepted).count();
    let rush = Rush {
        name: name.to_owned(),
        seconds,
        accepted,
        refused: visits.len() - accepted,
        transactions: transactions(&shop),
        conflicts,
        told_to_wait: visits.iter().map(|Visit(_, _, waits)| waits).sum(),
        per_second: f64::from(wanted.buyers) / seconds,
        milliseconds: Percentiles::of(visits.iter().map(|Visit(took, ..)| *took)),
        oversold: held(&shop, accepted).await? - i64::from(wanted.pieces),
    };
    shop.cloud.idle().await?;
    shop.cloud.stop().await;
    match rush.oversold {
        more if more > 0 => Err(BenchError::Unexpected(format!("{more} pieces were oversold"))),
        _ => Ok(rush),
    }
}

/// Asks for one piece until there is a final answer.
async fn visit(shop: &Shop, product: &str, number: u32) -> Result<Visit, BenchError> {
    let buyer = shop.customer(&format!("{product}-buyer-{number}"))?;
    let key = format!("{product}-{number}");
    let body = json!({ "items": [{ "product_id": product, "quantity": 1 }] });
    let began = Instant::now();
    for waits in 0..MOST_TRIES {
        match buyer.try_post(RESERVATIONS, &body, &key).await? {
            (201, _) => return Ok(Visit(began.elapsed(), true, waits)),
            (409, body) if body.get("code").is_some_and(|code| code == "insufficient_stock") => {
                return Ok(Visit(began.elapsed(), false, waits));
            }
            (429, _) => tokio::time::sleep(Duration::from_millis(100)).await,
            (status, body) => {
                return Err(BenchError::Answer { what: RESERVATIONS.to_owned(), status, body });
            }
        }
    }
    Err(BenchError::Unexpected(format!("{key} was told to come again {MOST_TRIES} times")))
}

fn transactions(shop: &Shop) -> u64 {
    let is_one = |row: &&RequestsRow| row.function == "Inventory" && row.operation == "TransactWriteItems";
    // A transaction over several tables counts in the row of each.
    shop.cloud.meter().snapshot().rows.iter().filter(is_one).map(|row| row.requests).max().unwrap_or(0)
}

/// How many pieces are held, which is how many were accepted.
async fn held(shop: &Shop, accepted: usize) -> Result<i64, BenchError> {
    let stock = shop.person(Role::Admin, "olga")?.get("/api/v1/inventory/lamp").await?;
    let reserved = stock.get("reserved").and_then(Value::as_i64);
    match reserved {
        Some(reserved) if usize::try_from(reserved) == Ok(accepted) => Ok(reserved),
        _ => Err(BenchError::Unexpected(format!("{accepted} buyers were accepted: {stock}"))),
    }
}

impl Report for ContentionReport {
    fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        let Self { buyers, pieces, concurrency, conflicts, .. } = self;
        writeln!(
            out,
            "{buyers} buyers of {pieces} pieces, {concurrency} at a time; {} % of transactions meet another one\n",
            conflicts * 100.0
        )?;
        let row = |rush: &Rush| {
            let Percentiles { p50, p99, max } = rush.milliseconds;
            [
                rush.name.clone(),
                rush.accepted.to_string(),
                rush.refused.to_string(),
                rush.oversold.max(0).to_string(),
                rush.transactions.to_string(),
                rush.conflicts.to_string(),
                rush.told_to_wait.to_string(),
                format!("{:.0}", rush.per_second),
                format!("{p50:.1}"),
                format!("{p99:.1}"),
                format!("{max:.1}"),
            ]
        };
        let head = [
            "stock in",
            "accepted",
            "refused",
            "oversold",
            "transactions",
            "conflicts",
            "told to wait",
            "per second",
            "p50 ms",
            "p99 ms",
            "max ms",
        ];
        table::write(out, head, &self.rushes.iter().map(row).collect::<Vec<_>>())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_small_rush_sells_what_there_is_and_says_what_it_took() {
        let template = Path::new(env!("CARGO_MANIFEST_DIR")).join("../template.yaml");
        let wanted = Contention { buyers: 30, pieces: 10, concurrency: 8, conflicts: 0.2 };
        let report = measure(&template, &wanted).await.unwrap();
        for rush in &report.rushes {
            assert_eq!((rush.accepted, rush.refused, rush.oversold), (10, 20, 0), "{rush:?}");
            assert!(rush.conflicts > 0 && rush.transactions >= 30 + rush.conflicts, "{rush:?}");
        }
    }
}
