//! How many chat messages a second reach the other side, at rates that rise.
//!
//! Each conversation is a customer's on two sockets: one says something, the other hears it. A message is sent at its planned
//! instant whether or not those before it were heard, and how long it takes is counted from that instant. Senders, hearers
//! and shop are one process here, and share its processors.

use std::{
    io::{self, Write},
    path::Path,
    time::{Duration, Instant},
};

use clap::Args;
use futures_util::{StreamExt, TryStreamExt, future::try_join_all, stream};
use serde::Serialize;
use serde_json::{Value, json};

use super::{
    BenchError, Report,
    percentiles::Percentiles,
    shop::{Shop, Shopper, Socket, text},
    table,
};

/// How many conversations are opened at a time.
const OPENED_AT_ONCE: usize = 8;

/// What a rate must be a second at least, to meet the goal.
const GOAL: u32 = 500;

/// What the slowest of a hundred messages may take, for a rate to count as held.
const LIMIT_MS: f64 = 100.0;

/// In how many conversations, at which rates, for how long.
#[derive(Debug, Clone, Args)]
pub struct Chat {
    /// Conversations, with two sockets each
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..=5_000))]
    conversations: u32,
    /// Messages a second in all of them together, one rate after the other
    #[arg(long, value_delimiter = ',', default_value = "50,100,150,200,300,500",
        value_parser = clap::value_parser!(u32).range(1..=10_000))]
    rates: Vec<u32>,
    /// For how long each rate lasts
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=600))]
    seconds: u32,
}

/// What was seen.
#[derive(Debug, Serialize)]
pub struct ChatReport {
    conversations: usize,
    /// The highest rate at which everything was heard, with p99 under 100 ms.
    highest_per_second: Option<u32>,
    goal_per_second: u32,
    rates: Vec<Rate>,
}

/// What was seen at one rate.
#[derive(Debug, Clone, Serialize)]
struct Rate {
    per_second: u32,
    sent: usize,
    heard: usize,
    /// In each conversation the messages are numbered without a gap.
    is_whole: bool,
    /// From the planned instant to the acknowledgement.
    acknowledged_ms: Percentiles,
    /// From the planned instant until the other socket heard it.
    heard_ms: Percentiles,
}

/// A conversation and its two sockets.
struct Pair {
    id: String,
    says: Socket,
    hears: Socket,
    said: u64,
}

/// What became of a message.
struct Heard {
    acknowledged: Duration,
    heard: Duration,
    is_next: bool,
}

/// Sends at each rate in turn.
pub async fn measure(template: &Path, asked: &Chat) -> Result<ChatReport, BenchError> {
    let shop = Shop::open(template, |options| options).await?;
    let opened = (0..asked.conversations).map(|number| Pair::open(&shop, number));
    let mut pairs: Vec<Pair> = stream::iter(opened).buffer_unordered(OPENED_AT_ONCE).try_collect().await?;
    shop.cloud.idle().await?;
    let mut rates = vec![];
    for per_second in &asked.rates {
        rates.push(send(&mut pairs, *per_second, asked.seconds).await?);
        shop.cloud.idle().await?;
    }
    let conversations = pairs.len();
    try_join_all(pairs.into_iter().map(Pair::close)).await?;
    shop.cloud.stop().await;
    let held = rates.iter().filter(|rate| rate.is_held()).map(|rate| rate.per_second);
    Ok(ChatReport { conversations, highest_per_second: held.max(), goal_per_second: GOAL, rates })
}

/// Sends so many a second for so many seconds, in all conversations in turn.
async fn send(pairs: &mut [Pair], per_second: u32, seconds: u32) -> Result<Rate, BenchError> {
    let began = Instant::now();
    let sent = per_second.saturating_mul(seconds);
    let step = u32::try_from(pairs.len()).unwrap_or(u32::MAX);
    let talks = (0..).zip(pairs).map(|(first, pair)| async move {
        let mut heard = vec![];
        let mut number: u32 = first;
        while number < sent {
            heard.push(pair.say(began + Duration::from_secs(1) * number / per_second).await?);
            number = number.saturating_add(step);
        }
        Ok::<_, BenchError>(heard)
    });
    let heard: Vec<Heard> = try_join_all(talks).await?.into_iter().flatten().collect();
    Ok(Rate {
        per_second,
        sent: sent as usize,
        heard: heard.len(),
        is_whole: heard.iter().all(|one| one.is_next),
        acknowledged_ms: Percentiles::of(heard.iter().map(|one| one.acknowledged)),
        heard_ms: Percentiles::of(heard.iter().map(|one| one.heard)),
    })
}

impl Pair {
    async fn open(shop: &Shop, number: u32) -> Result<Self, BenchError> {
        let who = shop.customer(&format!("customer-{number}"))?;
        // Between two people: nobody else has anything to say.
        let opened = who.post("/api/v1/chat/conversations", json!({ "type": "general" })).await?;
        let id = text(&opened, "conversation_id")?.to_owned();
        let says = listening(&who, &id).await?;
        let hears = listening(&who, &id).await?;
        Ok(Self { id, says, hears, said: 0 })
    }

    async fn say(&mut self, planned: Instant) -> Result<Heard, BenchError> {
        tokio::time::sleep_until(planned.into()).await;
        self.said += 1;
        let said = json!({
            "conversation_id": self.id,
            "content": { "text": "Is the lamp bright enough to read by?" },
            "client_message_id": format!("m{}", self.said),
        });
        self.says.ask("chat.message.send", said).await?;
        let acknowledged = planned.elapsed();
        let event = self.hears.hears("chat.message.created").await?;
        let is_next = event.get("seq").and_then(Value::as_u64) == Some(self.said);
        Ok(Heard { acknowledged, heard: planned.elapsed(), is_next })
    }

    async fn close(self) -> Result<(), BenchError> {
        self.says.close().await?;
        self.hears.close().await
    }
}

async fn listening(who: &Shopper<'_>, id: &str) -> Result<Socket, BenchError> {
    let mut socket = Socket::open(&who.ticket().await?).await?;
    socket.ask("chat.conversation.join", json!({ "conversation_id": id })).await?;
    Ok(socket)
}

impl Rate {
    fn is_held(&self) -> bool {
        self.heard == self.sent && self.is_whole && self.heard_ms.p99 < LIMIT_MS
    }
}

impl Report for ChatReport {
    fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "{} conversations with two sockets each\n", self.conversations)?;
        let row = |rate: &Rate| {
            let cells = |times: Percentiles| [times.p50, times.p99, times.max].map(|ms| format!("{ms:.1}"));
            let ([acked, acked_p99, _], [heard, heard_p99, max]) =
                (cells(rate.acknowledged_ms), cells(rate.heard_ms));
            [
                rate.per_second.to_string(),
                rate.sent.to_string(),
                rate.heard.to_string(),
                if rate.is_whole { "none" } else { "SOME" }.to_owned(),
                acked,
                acked_p99,
                heard,
                heard_p99,
                max,
                if rate.is_held() { "held" } else { "MISSED" }.to_owned(),
            ]
        };
        let head = [
            "a second",
            "sent",
            "heard",
            "gaps",
            "ack p50 ms",
            "p99 ms",
            "heard p50 ms",
            "p99 ms",
            "max ms",
            "",
        ];
        table::write(out, head, &self.rates.iter().map(row).collect::<Vec<_>>())?;
        let highest = self.highest_per_second.map_or_else(|| "none".to_owned(), |rate| rate.to_string());
        writeln!(
            out,
            "\nhighest rate with everything heard and p99 under {LIMIT_MS:.0} ms: {highest} (goal: {})",
            self.goal_per_second
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn every_message_is_heard_in_its_place() {
        let template = Path::new(env!("CARGO_MANIFEST_DIR")).join("../template.yaml");
        let asked = Chat { conversations: 3, rates: vec![20], seconds: 1 };
        let report = measure(&template, &asked).await.unwrap();
        let rate = &report.rates[0];
        assert_eq!((rate.sent, rate.heard, rate.is_whole), (20, 20, true));
    }
}
