//! What was seen, for people.

use std::io::{self, Write};

use serde::Serialize;

use super::{
    super::{Report, percentiles::Percentiles, table},
    bulk::Bulk,
    live::Live,
    pushes::Pushes,
};

/// Until when half of those whom something concerns have been told.
const GOAL_MS: f64 = 100.0;

/// What was seen, of what was asked for.
#[derive(Debug, Default, Serialize)]
pub struct NotificationsReport {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub live: Option<Live>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pushes: Option<Pushes>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bulk: Option<Bulk>,
}

impl Report for NotificationsReport {
    fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        self.live.as_ref().map_or(Ok(()), |live| live.write(out))?;
        self.pushes.as_ref().map_or(Ok(()), |pushes| pushes.write(out))?;
        self.bulk.as_ref().map_or(Ok(()), |bulk| bulk.write(out))
    }
}

impl Live {
    fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(
            out,
            "From a journal event to notification.created on a socket, {} a second:",
            self.per_second
        )?;
        let Percentiles { p50, p99, max } = self.milliseconds;
        let [p50_ms, p99, max] = [p50, p99, max].map(|ms| format!("{ms:.1}"));
        let row =
            ["order called off".to_owned(), self.events.to_string(), self.told.to_string(), p50_ms, p99, max];
        table::write(out, ["", "events", "told", "p50 ms", "p99 ms", "max ms"], &[row])?;
        let is_met = self.told == self.events && p50 < GOAL_MS;
        let verdict = if is_met { "met" } else { "MISSED" };
        writeln!(out, "goal: everybody told, p50 under {GOAL_MS:.0} ms: {verdict}\n")
    }
}

impl Pushes {
    fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        let whose = if self.is_divided { "each with a processor" } else { "on the same processors" };
        writeln!(out, "Web pushes, {} at a time, sender and push service {whose}:", self.at_once)?;
        let rows = self.sides.iter().map(|side| {
            [
                side.name.to_owned(),
                self.pushes.to_string(),
                side.accepted.to_string(),
                format!("{:.0}", side.per_second),
                format!("{:.0}", side.cpu_microseconds),
            ]
        });
        table::write(
            out,
            ["", "pushes", "accepted", "a second", "CPU µs a push"],
            &rows.collect::<Vec<_>>(),
        )?;
        writeln!(out)
    }
}

impl Bulk {
    fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(
            out,
            "A campaign for {} people, {} told, {:.0} a second; for one of them:",
            self.recipients, self.told, self.per_second
        )?;
        let rows = self.functions.iter().map(|cost| {
            let figures = [cost.requests, cost.read_units, cost.write_units].map(|one| format!("{one:.2}"));
            let [requests, read, write] = figures;
            [cost.function.clone(), requests, read, write]
        });
        table::write(out, ["", "requests", "RRU", "WRU"], &rows.collect::<Vec<_>>())?;
        let written = self.written.iter().filter(|(_, units)| **units >= 0.005);
        let written = written.map(|(what, units)| format!("{what} {units:.2}"));
        writeln!(out, "WRU, each named: {}", written.collect::<Vec<_>>().join(", "))?;
        let [start, middle, end] =
            [self.memory.start, self.memory.middle, self.memory.end].map(|kib| kib / 1024);
        writeln!(
            out,
            "memory of the whole local cloud: {start} MiB at the start, {middle} halfway, {end} at the end"
        )
    }
}
