//! What came of a talk on cut sockets.

use std::{
    collections::BTreeSet,
    io::{self, Write},
    time::Duration,
};

use serde::Serialize;
use serde_json::Value;

use super::{AWAY, Heard, PERIOD};
use crate::{
    bench::{Report, percentiles::Percentiles, table},
    client::Summary,
};

/// What was seen.
#[derive(Debug, Serialize)]
pub struct ChatDropReport {
    messages: u32,
    people: Vec<Side>,
    kept: Kept,
    cuts: usize,
    /// From coming back until everything that was missed is heard, and everything that waited is said.
    recovery_ms: Percentiles,
    took_seconds: f64,
    complaints: Vec<String>,
}

/// What one of them said and heard.
#[derive(Debug, Serialize)]
struct Side {
    name: &'static str,
    said: usize,
    /// Different places that the shop has acknowledged.
    acknowledged: usize,
    /// Sent again under the same name, because nobody had acknowledged it.
    said_again: u64,
    delivered: usize,
    delivered_percent: f64,
    duplicated: u64,
    out_of_order: u64,
    holes: u64,
    /// Before the client put it right.
    arrived_twice: u64,
    arrived_out_of_order: u64,
}

/// What the shop has stored.
#[derive(Debug, Serialize)]
struct Kept {
    messages: usize,
    /// Messages that are there more than once.
    duplicated: usize,
    /// Places without a message.
    voids: usize,
    /// Whether the places are those from 1 on, without a gap.
    is_whole: bool,
}

impl Kept {
    fn of(kept: &[Value]) -> Self {
        let text =
            |message: &Value| message.pointer("/content/text").and_then(Value::as_str).map(str::to_owned);
        let said = kept.iter().filter(|message| message.get("type").is_some_and(|kind| kind == "text"));
        let texts: Vec<_> = said.filter_map(text).collect();
        let different: BTreeSet<_> = texts.iter().collect();
        let is_next =
            |(place, message): (u64, &Value)| message.get("seq").and_then(Value::as_u64) == Some(place);
        Self {
            messages: different.len(),
            duplicated: texts.len() - different.len(),
            voids: kept.len() - texts.len(),
            is_whole: (1..).zip(kept).all(is_next),
        }
    }
}

impl ChatDropReport {
    pub fn new(messages: u32, kept: &[Value], recoveries: &[Duration], took: Duration) -> Self {
        Self {
            messages,
            people: vec![],
            kept: Kept::of(kept),
            cuts: recoveries.len(),
            recovery_ms: Percentiles::of(recoveries.iter().copied()),
            took_seconds: took.as_secs_f64(),
            complaints: vec![],
        }
    }

    /// Adds what one of them said and heard.
    #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
    pub fn add(
        &mut self,
        name: &'static str,
        said: usize,
        acknowledged: &BTreeSet<u64>,
        heard: &Heard,
        summary: &Summary,
    ) {
        self.people.push(Side {
            name,
            said,
            acknowledged: acknowledged.len(),
            said_again: summary.said_again,
            delivered: heard.delivered(),
            delivered_percent: 100.0 * heard.delivered() as f64 / f64::from(self.messages),
            duplicated: heard.duplicated,
            out_of_order: heard.out_of_order,
            holes: heard.holes + summary.missing,
            arrived_twice: summary.counts.duplicated,
            arrived_out_of_order: summary.counts.out_of_order,
        });
        self.complaints.extend(summary.complaints.iter().map(|why| format!("{name}: {why}")));
    }

    /// One column for each of them.
    fn people(&self, out: &mut dyn Write) -> io::Result<()> {
        let row = |name: &str, of: &dyn Fn(&Side) -> String| {
            let shown = |place: usize| self.people.get(place).map(of).unwrap_or_default();
            [name.to_owned(), shown(0), shown(1), shown(2)]
        };
        let rows = [
            row("said", &|side| side.said.to_string()),
            row("acknowledged", &|side| side.acknowledged.to_string()),
            row("sent again under the same name", &|side| side.said_again.to_string()),
            row("heard, of all", &|side| side.delivered.to_string()),
            row("heard, %", &|side| format!("{:.3}", side.delivered_percent)),
            row("duplicated", &|side| side.duplicated.to_string()),
            row("out of order", &|side| side.out_of_order.to_string()),
            row("holes", &|side| side.holes.to_string()),
            row("came twice, dropped by the client", &|side| side.arrived_twice.to_string()),
            row("came early, held back by the client", &|side| side.arrived_out_of_order.to_string()),
        ];
        let name = |place: usize| self.people.get(place).map_or("", |side| side.name);
        table::write(out, ["", name(0), name(1), name(2)], &rows)
    }

    /// Everything reached everybody once and in order, and is stored once.
    pub fn is_met(&self) -> bool {
        let messages = usize::try_from(self.messages).unwrap_or(usize::MAX);
        let is_clean = |side: &Side| {
            side.delivered == messages
                && side.acknowledged == side.said
                && (side.duplicated, side.out_of_order, side.holes) == (0, 0, 0)
        };
        let is_kept = self.kept.messages == messages && self.kept.duplicated == 0 && self.kept.is_whole;
        is_kept && self.complaints.is_empty() && self.people.iter().all(is_clean)
    }
}

impl Report for ChatDropReport {
    fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(
            out,
            "{} messages of three people, each cut {AWAY} s in every {PERIOD} s of the turnable clock, {} times in all\n",
            self.messages, self.cuts
        )?;
        self.people(out)?;
        let Kept { messages, duplicated, voids, is_whole } = &self.kept;
        writeln!(
            out,
            "\nthe shop has {messages} messages, {duplicated} of them twice, {voids} places without one, {}",
            if *is_whole { "and no gap" } else { "and GAPS" }
        )?;
        let Percentiles { p50, p99, max } = self.recovery_ms;
        writeln!(
            out,
            "back with everything heard and said: p50 {p50:.1} ms, p99 {p99:.1} ms, max {max:.1} ms"
        )?;
        writeln!(out, "the whole run: {:.1} s", self.took_seconds)?;
        writeln!(out, "goal: 100.000 %, 0, 0, 0: {}", if self.is_met() { "met" } else { "MISSED" })?;
        for complaint in &self.complaints {
            writeln!(out, "{complaint}")?;
        }
        Ok(())
    }
}
