//! How many messages a second were heard, beside the peer.

use std::io::{self, Write};

use serde::Serialize;

use crate::bench::{Report, percentiles::Percentiles, table};

/// What a rate must be a second at least, to meet the goal.
const GOAL: u32 = 500;

/// What the slowest of a hundred messages may take, for a rate to count as held.
const LIMIT_MS: f64 = 100.0;

/// What was seen.
#[derive(Debug, Serialize)]
pub struct ChatReport {
    conversations: u32,
    goal_per_second: u32,
    /// Ours first.
    servers: Vec<Server>,
}

/// What was seen of one server.
#[derive(Debug, Serialize)]
pub struct Server {
    name: &'static str,
    /// The highest rate at which everything was heard, with p99 under 100 ms.
    highest_per_second: Option<u32>,
    pub rates: Vec<Rate>,
}

/// What was seen at one rate.
#[derive(Debug, Clone, Serialize)]
pub struct Rate {
    pub per_second: u32,
    pub sent: usize,
    pub heard: usize,
    /// In each conversation the messages are numbered without a gap.
    pub is_whole: bool,
    /// From the planned instant to the acknowledgement.
    pub acknowledged_ms: Percentiles,
    /// From the planned instant until the other socket heard it.
    pub heard_ms: Percentiles,
}

impl Server {
    pub fn new(name: &'static str, rates: Vec<Rate>) -> Self {
        let held = rates.iter().filter(|rate| rate.is_held()).map(|rate| rate.per_second);
        Self { name, highest_per_second: held.max(), rates }
    }
}

impl Rate {
    fn is_held(&self) -> bool {
        self.heard == self.sent && self.is_whole && self.heard_ms.p99 < LIMIT_MS
    }

    fn cells(&self) -> [String; 10] {
        let shown = |times: Percentiles| [times.p50, times.p99, times.max].map(|ms| format!("{ms:.1}"));
        let ([acked, acked_p99, _], [heard, heard_p99, max]) =
            (shown(self.acknowledged_ms), shown(self.heard_ms));
        [
            self.per_second.to_string(),
            self.sent.to_string(),
            self.heard.to_string(),
            if self.is_whole { "none" } else { "SOME" }.to_owned(),
            acked,
            acked_p99,
            heard,
            heard_p99,
            max,
            if self.is_held() { "held" } else { "MISSED" }.to_owned(),
        ]
    }
}

impl ChatReport {
    pub fn new(conversations: u32, servers: Vec<Server>) -> Self {
        Self { conversations, goal_per_second: GOAL, servers }
    }
}

impl Report for ChatReport {
    fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "{} conversations with two sockets each", self.conversations)?;
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
        for server in &self.servers {
            writeln!(out, "\n{}", server.name)?;
            table::write(out, head, &server.rates.iter().map(Rate::cells).collect::<Vec<_>>())?;
            let highest =
                server.highest_per_second.map_or_else(|| "none".to_owned(), |rate| rate.to_string());
            writeln!(out, "highest rate with everything heard and p99 under {LIMIT_MS:.0} ms: {highest}")?;
        }
        writeln!(out, "\ngoal: {} a second", self.goal_per_second)
    }
}
