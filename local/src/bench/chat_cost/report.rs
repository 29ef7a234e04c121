//! What one message cost, beside the naive chat.

use std::{
    io::{self, Write},
    time::Duration,
};

use serde::Serialize;

use super::LISTENERS;
use crate::{
    aws::request::Service,
    bench::{
        Report,
        table::{self, number},
    },
    meter::Requests,
};

/// What was seen.
#[derive(Debug, Serialize)]
pub struct ChatCostReport {
    sends: u32,
    listeners: usize,
    /// Frames that reached sockets, of `expected`.
    heard: u64,
    expected: usize,
    /// Ours first.
    sides: Vec<PerSend>,
}

/// What was seen of one function, all of it.
#[derive(Debug)]
pub struct Side {
    name: &'static str,
    cpu: Duration,
    memory_kib: u64,
    /// By operation.
    dynamodb: Vec<(String, u64)>,
    posts: u64,
    read_units: f64,
    write_units: f64,
}

/// The same for one message.
#[derive(Debug, Serialize)]
struct PerSend {
    name: &'static str,
    dynamodb: f64,
    /// `Query 1`
    asked: Vec<String>,
    read_units: f64,
    write_units: f64,
    posts: f64,
    cpu_ms: f64,
    memory_kib: u64,
}

impl Side {
    /// What `function` asked, of all `requests`.
    pub fn of(
        name: &'static str,
        function: &str,
        requests: &Requests,
        cpu: Duration,
        memory_kib: u64,
    ) -> Self {
        let mut side =
            Self { name, cpu, memory_kib, dynamodb: vec![], posts: 0, read_units: 0.0, write_units: 0.0 };
        for row in requests.rows.iter().filter(|row| row.function == function) {
            match row.service {
                Service::Dynamodb => {
                    let table = row.table.as_deref().unwrap_or_default();
                    side.dynamodb.push((format!("{} {table}", row.operation), row.requests));
                }
                Service::Connections => side.posts += row.requests,
                _ => {}
            }
            side.read_units += row.read_units;
            side.write_units += row.write_units;
        }
        side
    }

    #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
    fn per_send(self, sends: u32) -> PerSend {
        let each = |all: u64| all as f64 / f64::from(sends.max(1));
        let asked = self.dynamodb.iter().map(|(what, count)| format!("{what} {}", number(each(*count))));
        PerSend {
            name: self.name,
            dynamodb: each(self.dynamodb.iter().map(|(_, count)| count).sum()),
            asked: asked.collect(),
            read_units: self.read_units / f64::from(sends.max(1)),
            write_units: self.write_units / f64::from(sends.max(1)),
            posts: each(self.posts),
            cpu_ms: self.cpu.as_secs_f64() * 1000.0 / f64::from(sends.max(1)),
            memory_kib: self.memory_kib,
        }
    }
}

impl ChatCostReport {
    pub fn new(sends: u32, heard: u64, sides: Vec<Side>) -> Self {
        let expected = sides.len() * LISTENERS * sends as usize;
        let sides = sides.into_iter().map(|side| side.per_send(sends)).collect();
        Self { sends, listeners: LISTENERS, heard, expected, sides }
    }
}

impl Report for ChatCostReport {
    #[expect(clippy::cast_precision_loss, reason = "memory is far below 2^52")]
    fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(
            out,
            "{} messages on each side to {} listeners; {} of {} frames arrived\n",
            self.sends, self.listeners, self.heard, self.expected
        )?;
        let row = |name: &str, cell: &dyn Fn(&PerSend) -> String| {
            let shown = |place: usize| self.sides.get(place).map(cell).unwrap_or_default();
            [name.to_owned(), shown(0), shown(1)]
        };
        let rows = [
            row("requests to DynamoDB", &|side| number(side.dynamodb)),
            row("read units", &|side| number(side.read_units)),
            row("write units", &|side| number(side.write_units)),
            row("posts", &|side| number(side.posts)),
            row("own processor time, ms", &|side| format!("{:.2}", side.cpu_ms)),
            row("memory, MiB", &|side| format!("{:.1}", side.memory_kib as f64 / 1024.0)),
        ];
        let name = |place: usize| self.sides.get(place).map_or("", |side| side.name);
        table::write(out, ["for one message", name(0), name(1)], &rows)?;
        writeln!(out, "\nRequests, each named:")?;
        for side in &self.sides {
            writeln!(out, "  {}: {}", side.name, side.asked.join(", "))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::{
        aws::request::Call,
        meter::{Meter, Units},
    };

    #[test]
    fn what_a_function_asked_is_shared_out_over_its_messages() {
        let meter = Meter::default();
        let ask = |function: &str, service, operation: &str, read, write| {
            let tables = if service == Service::Dynamodb { vec!["Chat".to_owned()] } else { vec![] };
            let units = Units { requests: 1, read, write, ..Units::default() };
            let units = BTreeMap::from([("Chat".to_owned(), units)]);
            let call =
                Call { service, operation: operation.into(), tables, function: function.into(), acts: 0 };
            meter.record(&call, &units);
        };
        for _ in 0..4 {
            ask("Ours", Service::Dynamodb, "PutItem", 0.0, 1.0);
            ask("Ours", Service::Dynamodb, "Query", 3.0, 0.0);
            ask("Ours", Service::Connections, "PostToConnection", 0.0, 0.0);
            ask("Theirs", Service::Dynamodb, "PutItem", 0.0, 9.0);
        }
        let side = Side::of("ours", "Ours", &meter.snapshot(), Duration::from_millis(20), 1);
        let side = side.per_send(4);
        assert_eq!(side.asked, ["PutItem Chat 1", "Query Chat 1"]);
        let figures = [side.dynamodb, side.read_units, side.write_units, side.posts, side.cpu_ms];
        assert_eq!(figures.map(number), ["2", "3", "1", "1", "5"]);
    }
}
