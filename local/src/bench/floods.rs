//! Whether somebody who behaves notices that others do not: how long a bystander waits for an answer and for an event
//! while a flood is under way, beside how long they wait in peace.
//!
//! Shop, bystander and flooder share one machine here. The flooder's own program gets what the others leave of its
//! processors; what the shop does because of a flood competes with what it does for the bystander, which is harder on
//! the bystander than API Gateway and Lambda are.

mod flooder;

use std::{
    io::{self, Write},
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use clap::Args;
use domain::Role;
use serde::Serialize;
use serde_json::json;

use super::{
    BenchError, Report,
    percentiles::Percentiles,
    shop::{Shop, Shopper, Socket},
    table,
};
use flooder::{Flood, Flooder};

/// From one question of the bystander to the next: a connection may send twenty frames a second.
const PACE: Duration = Duration::from_millis(60);

/// How large the floods are.
#[derive(Debug, Clone, Copy, Args)]
pub struct Floods {
    /// Names under which a flooder comes, in turn: one person may open two sockets a second
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    names: u32,
    /// Ids of orders that are guessed
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..))]
    guesses: u32,
    /// Tiny frames of one socket
    #[arg(long, default_value_t = 20_000, value_parser = clap::value_parser!(u32).range(1..))]
    frames: u32,
    /// Frames and messages of one byte too many, each on a socket of its own
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..))]
    large: u32,
    /// What the bystander asks and is told during each flood, at least
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..))]
    samples: u32,
}

/// What was seen.
#[derive(Debug, Serialize)]
pub struct FloodsReport {
    rows: Vec<Row>,
}

/// What the bystander saw during one flood.
#[derive(Debug, Serialize)]
struct Row {
    flood: &'static str,
    /// How many frames it had.
    frames: u64,
    frames_per_second: f64,
    /// From `subscribe` to its `ack`.
    answer_ms: Percentiles,
    /// From a broadcast to its event.
    event_ms: Percentiles,
}

/// How long the bystander waited.
#[derive(Default)]
struct Waited {
    answers: Vec<Duration>,
    events: Vec<Duration>,
}

/// Two that wait for one another: the flood lasts as long as the bystander looks, who looks as long as it lasts.
#[derive(Default)]
struct Phase {
    has_flooded: AtomicBool,
    has_looked: AtomicBool,
}

/// Measures a bystander in peace, and during each flood.
pub async fn measure(template: &Path, asked: Floods) -> Result<FloodsReport, BenchError> {
    let shop = Shop::open(template, |options| options).await?;
    shop.stock_up("lamp").await?;
    let (admin, bystander) = (shop.person(Role::Admin, "olga")?, shop.customer("ana")?);
    let mut socket = Socket::open(&bystander.ticket().await?).await?;
    socket.ask("hello", json!({})).await?;
    let flooder = Flooder::new(&shop, asked.names)?;
    let floods = [
        ("none", Flood::None, 0),
        ("guessed ids", Flood::Guesses, asked.guesses),
        ("tiny frames", Flood::Tiny, asked.frames),
        ("frames too large", Flood::Large, asked.large),
    ];
    // What is done the first time only is not to be seen.
    watch(&mut socket, &admin, 5, &Phase { has_flooded: true.into(), ..Phase::default() }).await?;
    let mut rows = vec![];
    for (name, flood, least) in floods {
        let phase = Arc::new(Phase::default());
        let began = Instant::now();
        let (frames, waited) = tokio::try_join!(
            flooder.flood(flood, least, &phase),
            watch(&mut socket, &admin, asked.samples, &phase)
        )?;
        rows.push(Row::new(name, frames, began.elapsed(), waited));
    }
    socket.close().await?;
    shop.cloud.stop().await;
    Ok(FloodsReport { rows })
}

/// Asks and is told, in turn, until enough was seen and the flood is over.
async fn watch(
    socket: &mut Socket,
    admin: &Shopper<'_>,
    samples: u32,
    phase: &Phase,
) -> Result<Waited, BenchError> {
    let mut waited = Waited::default();
    while waited.events.len() < samples as usize || !phase.has_flooded.load(Ordering::Relaxed) {
        let began = Instant::now();
        socket.ask("subscribe", json!({ "channel": "product:lamp" })).await?;
        waited.answers.push(began.elapsed());
        tokio::time::sleep(PACE).await;

        let began = Instant::now();
        let event = json!({ "type": "broadcast", "target_user_id": "ana",
            "data": { "type": "test_message", "payload": {} } });
        tokio::try_join!(admin.post("/api/v1/realtime/broadcast", event), socket.hears("test_message"))?;
        waited.events.push(began.elapsed());
        if waited.events.len() >= samples as usize {
            phase.has_looked.store(true, Ordering::Relaxed);
        }
    }
    Ok(waited)
}

impl Row {
    #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
    fn new(flood: &'static str, frames: u64, took: Duration, waited: Waited) -> Self {
        Self {
            flood,
            frames,
            frames_per_second: frames as f64 / took.as_secs_f64().max(0.001),
            answer_ms: Percentiles::of(waited.answers.into_iter()),
            event_ms: Percentiles::of(waited.events.into_iter()),
        }
    }
}

impl Report for FloodsReport {
    fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        let cell = |value: f64| format!("{value:.1}");
        let row = |row: &Row| {
            [
                row.flood.to_owned(),
                row.frames.to_string(),
                format!("{:.0}", row.frames_per_second),
                cell(row.answer_ms.p50),
                cell(row.answer_ms.p99),
                cell(row.event_ms.p50),
                cell(row.event_ms.p99),
            ]
        };
        let head = ["flood", "frames", "a second", "answer p50", "p99 ms", "event p50", "p99 ms"];
        table::write(out, head, &self.rows.iter().map(row).collect::<Vec<_>>())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_bystander_is_served_during_every_flood() {
        let template = Path::new(env!("CARGO_MANIFEST_DIR")).join("../template.yaml");
        let asked = Floods { names: 2, guesses: 40, frames: 300, large: 2, samples: 2 };
        let report = measure(&template, asked).await.unwrap();
        let frames: Vec<_> = report.rows.iter().map(|row| row.frames).collect();
        assert!(frames[0] == 0 && frames[1] >= 40 && frames[2] >= 300 && frames[3] >= 2, "{frames:?}");
        assert!(report.rows.iter().all(|row| row.answer_ms.p50 > 0.0 && row.event_ms.p50 > 0.0));
    }
}
