//! How many chat messages a second reach the other side, at rates that rise, beside Socket.IO 4 with a SQLite file.
//!
//! Each conversation has two sockets: one says something, the other hears it. A message is sent at its planned instant
//! whether or not those before it were heard, and how long it takes is counted from that instant. Senders, hearers and our
//! shop are one process, and share its processors; the peer is a process of its own beside the same senders and hearers.

mod ours;
mod peer;
mod report;

use std::{
    path::Path,
    time::{Duration, Instant},
};

use clap::Args;
use futures_util::future::try_join_all;

use super::{BenchError, peers::Peers, percentiles::Percentiles};

pub use report::ChatReport;
use report::{Rate, Server};

/// How many conversations are opened at a time.
const OPENED_AT_ONCE: usize = 8;

/// What is said.
const TEXT: &str = "Is the lamp bright enough to read by?";

/// In how many conversations, at which rates, for how long.
#[derive(Debug, Clone, Args)]
pub struct Chat {
    /// Conversations, with two sockets each
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..=5_000))]
    conversations: u32,
    /// Messages a second in all of them together, one rate after the other
    #[arg(long, value_delimiter = ',', default_value = "100,200,300,500,700,1000",
        value_parser = clap::value_parser!(u32).range(1..=10_000))]
    rates: Vec<u32>,
    /// For how long each rate lasts
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=600))]
    seconds: u32,
    /// Without Socket.IO beside it
    #[arg(long)]
    alone: bool,
}

/// A conversation on two sockets of some server.
trait Pair {
    /// Says something under a name; returns when it is acknowledged.
    async fn say(&mut self, name: &str) -> Result<(), BenchError>;

    /// Waits until the other socket hears it; in which place of the conversation it is.
    async fn hear(&mut self) -> Result<u64, BenchError>;
}

/// A conversation, and how much was said in it.
struct Talk<P> {
    pair: P,
    said: u64,
}

/// What became of a message.
struct Heard {
    acknowledged: Duration,
    heard: Duration,
    is_next: bool,
}

/// Sends at each rate in turn, to our shop and then to the peer.
pub async fn measure(template: &Path, asked: &Chat) -> Result<ChatReport, BenchError> {
    let peers = if asked.alone { None } else { Some(Peers::beside(template, "socketio").await?) };
    let mut servers = vec![ours::measure(template, asked).await?];
    if let Some(peers) = &peers {
        servers.push(peer::measure(peers, asked).await?);
    }
    Ok(ChatReport::new(asked.conversations, servers))
}

impl<P: Pair> Talk<P> {
    const fn new(pair: P) -> Self {
        Self { pair, said: 0 }
    }

    async fn say(&mut self, planned: Instant) -> Result<Heard, BenchError> {
        tokio::time::sleep_until(planned.into()).await;
        self.said += 1;
        self.pair.say(&format!("m{}", self.said)).await?;
        let acknowledged = planned.elapsed();
        let is_next = self.pair.hear().await? == self.said;
        Ok(Heard { acknowledged, heard: planned.elapsed(), is_next })
    }
}

/// Sends so many a second for so many seconds, in all conversations in turn.
async fn send<P: Pair>(talks: &mut [Talk<P>], per_second: u32, seconds: u32) -> Result<Rate, BenchError> {
    let began = Instant::now();
    let sent = per_second.saturating_mul(seconds);
    let step = u32::try_from(talks.len()).unwrap_or(u32::MAX);
    let talking = (0..).zip(talks).map(|(first, talk)| async move {
        let mut heard = vec![];
        let mut number: u32 = first;
        while number < sent {
            heard.push(talk.say(began + Duration::from_secs(1) * number / per_second).await?);
            number = number.saturating_add(step);
        }
        Ok::<_, BenchError>(heard)
    });
    let heard: Vec<Heard> = try_join_all(talking).await?.into_iter().flatten().collect();
    Ok(Rate {
        per_second,
        sent: sent as usize,
        heard: heard.len(),
        is_whole: heard.iter().all(|one| one.is_next),
        acknowledged_ms: Percentiles::of(heard.iter().map(|one| one.acknowledged)),
        heard_ms: Percentiles::of(heard.iter().map(|one| one.heard)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn every_message_is_heard_in_its_place() {
        let template = Path::new(env!("CARGO_MANIFEST_DIR")).join("../template.yaml");
        let asked = Chat { conversations: 3, rates: vec![20], seconds: 1, alone: true };
        let server = ours::measure(&template, &asked).await.unwrap();
        let rate = &server.rates[0];
        assert_eq!((rate.sent, rate.heard, rate.is_whole), (20, 20, true));
    }
}
