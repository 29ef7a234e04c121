//! What telling everybody took, beside the peers.

use std::{
    io::{self, Write},
    time::Duration,
};

use serde::Serialize;

use super::{crowd::Crowd, servers::Cores};
use crate::bench::{Report, percentiles::Percentiles, table};

/// What was seen of one server.
#[derive(Debug)]
pub struct Side {
    pub name: &'static str,
    pub connect: Duration,
    pub subscribe: Duration,
    pub bytes_per_socket: u64,
    pub one: Seen,
    pub ten: Seen,
    pub gateway: Option<Alone>,
    /// An event as it came.
    pub sample: String,
}

/// What was seen of some messages.
#[derive(Debug, Serialize)]
pub struct Seen {
    events: usize,
    expected: usize,
    frames: usize,
    cpu_us_per_event: f64,
    delay_ms: Percentiles,
}

/// What was seen of a gateway alone.
#[derive(Debug)]
pub struct Alone {
    pub cpu_per_delivery: Duration,
}

/// What was seen.
#[derive(Debug, Serialize)]
pub struct FanoutReport {
    sockets: u32,
    cores: Cores,
    bytes_per_event: usize,
    servers: Vec<Figures>,
}

#[derive(Debug, Serialize)]
struct Figures {
    name: &'static str,
    connect_cpu_us: f64,
    subscribe_cpu_us: f64,
    bytes_per_socket: u64,
    one: Seen,
    ten: Seen,
    #[serde(skip_serializing_if = "Option::is_none")]
    gateway_cpu_us_per_delivery: Option<f64>,
}

fn micros(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e6
}

#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
impl Seen {
    pub fn new(cpu: Duration, crowd: &Crowd, expected: usize) -> Self {
        let events = crowd.events();
        Self {
            events,
            expected,
            frames: crowd.frames(),
            cpu_us_per_event: micros(cpu) / events.max(1) as f64,
            delay_ms: Percentiles::of(crowd.delays().into_iter()),
        }
    }

    fn percent(&self) -> f64 {
        100.0 * self.events as f64 / self.expected.max(1) as f64
    }

    fn events_per_frame(&self) -> f64 {
        self.events as f64 / self.frames.max(1) as f64
    }
}

impl FanoutReport {
    pub fn new(sockets: u32, cores: Cores, ours: Side, others: Vec<Side>) -> Self {
        let bytes_per_event = ours.sample.len();
        let figures = |side: Side| Figures {
            name: side.name,
            connect_cpu_us: micros(side.connect),
            subscribe_cpu_us: micros(side.subscribe),
            bytes_per_socket: side.bytes_per_socket,
            one: side.one,
            ten: side.ten,
            gateway_cpu_us_per_delivery: side.gateway.map(|alone| micros(alone.cpu_per_delivery)),
        };
        let servers = [ours].into_iter().chain(others).map(figures).collect();
        Self { sockets, cores, bytes_per_event, servers }
    }

    fn goals(&self, out: &mut dyn Write) -> io::Result<()> {
        let [ours, socketio, ws] = self.servers.as_slice() else {
            return Ok(());
        };
        #[expect(clippy::cast_precision_loss, reason = "bytes of one socket")]
        let (mine, theirs) = (ours.bytes_per_socket as f64, socketio.bytes_per_socket as f64);
        let gateway = ours.gateway_cpu_us_per_delivery.unwrap_or_default();
        let goals = [
            ("memory at most half of Socket.IO's", mine / theirs, 0.5),
            (
                "processor per event, ten coalesced, at most half of Socket.IO's",
                ours.ten.cpu_us_per_event / socketio.ten.cpu_us_per_event,
                0.5,
            ),
            ("the gateway alone at most what ws takes", gateway / ws.one.cpu_us_per_event, 1.0),
        ];
        for (goal, is, most) in goals {
            let verdict = if is <= most { "met" } else { "MISSED" };
            writeln!(out, "goal: {goal}: {is:.2} x, {verdict}")?;
        }
        Ok(())
    }
}

/// What was seen of one kind of message.
type Part = fn(&Figures) -> &Seen;

/// What a row shows of a server.
type Cell<'a> = &'a dyn Fn(&Figures) -> String;

#[expect(clippy::cast_precision_loss, reason = "bytes of one socket")]
impl Report for FanoutReport {
    fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        let cores = match self.cores {
            Cores::Divided => "server on one core, client on another",
            Cores::Shared => "server and client SHARE the cores",
        };
        writeln!(out, "{} sockets, {} bytes an event, {cores}\n", self.sockets, self.bytes_per_event)?;
        let row = |name: &str, cell: Cell<'_>| {
            let shown = |place: usize| self.servers.get(place).map(cell).unwrap_or_default();
            [name.to_owned(), shown(0), shown(1), shown(2)]
        };
        let mut rows = vec![
            row("connect with a token, CPU us", &|it| format!("{:.0}", it.connect_cpu_us)),
            row("subscribe, CPU us", &|it| format!("{:.0}", it.subscribe_cpu_us)),
            row("memory of an idle socket, KiB", &|it| format!("{:.1}", it.bytes_per_socket as f64 / 1024.0)),
        ];
        let kinds: [(&str, Part); 2] = [("one", |it| &it.one), ("ten", |it| &it.ten)];
        for (name, seen) in kinds {
            rows.push(row(&format!("{name} to each: arrived, %"), &|it| {
                format!("{:.3}", seen(it).percent())
            }));
            rows.push(row("  CPU us an event", &|it| format!("{:.2}", seen(it).cpu_us_per_event)));
            rows.push(row("  events a frame", &|it| format!("{:.1}", seen(it).events_per_frame())));
            rows.push(row("  delay ms, p50", &|it| format!("{:.1}", seen(it).delay_ms.p50)));
            rows.push(row("  delay ms, p99", &|it| format!("{:.1}", seen(it).delay_ms.p99)));
        }
        rows.push(row("the gateway alone, CPU us a delivery", &|it| {
            it.gateway_cpu_us_per_delivery.map_or_else(String::new, |us| format!("{us:.2}"))
        }));
        let name = |place: usize| self.servers.get(place).map_or("", |server| server.name);
        table::write(out, ["", name(0), name(1), name(2)], &rows)?;
        writeln!(out)?;
        self.goals(out)
    }
}
