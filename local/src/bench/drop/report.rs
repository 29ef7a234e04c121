//! What came of cut sockets, beside the peer.

use std::{
    io::{self, Write},
    time::Duration,
};

use serde::{Deserialize, Serialize};

use super::{Heard, PERIOD};
use crate::{
    bench::{Report, percentiles::Percentiles, table},
    client::Summary,
};

/// What was seen on our side.
#[derive(Debug, Default)]
pub struct OurSide {
    /// In all logs together.
    pub events: u64,
    pub expected: u64,
    pub delivered: u64,
    pub duplicated: u64,
    pub reordered: u64,
    pub recoveries: Vec<Duration>,
    pub took: Duration,
    /// Before the client put them right.
    pub arrived_twice: u64,
    pub arrived_out_of_order: u64,
    pub resumes: u64,
    pub complaints: Vec<String>,
}

impl OurSide {
    /// Adds a device, whose log has got to `reached`.
    pub fn add(&mut self, summary: &Summary, heard: &Heard, reached: u64) {
        self.expected += reached + summary.missing;
        self.delivered += heard.delivered;
        self.duplicated += heard.duplicated;
        self.reordered += heard.reordered;
        self.arrived_twice += summary.counts.duplicated;
        self.arrived_out_of_order += summary.counts.out_of_order;
        self.resumes += summary.resumes;
        self.complaints.extend(summary.complaints.iter().cloned());
    }
}

/// What the peer says of itself.
#[derive(Debug, Deserialize)]
pub struct PeerSide {
    expected: u64,
    delivered: u64,
    duplicated: u64,
    reordered: u64,
    recoveries_ms: Vec<f64>,
    seconds: f64,
}

/// What was seen.
#[derive(Debug, Serialize)]
pub struct DropReport {
    people: u32,
    devices: u32,
    seconds: u32,
    ours: Side,
    #[serde(skip_serializing_if = "Option::is_none")]
    socketio: Option<Side>,
    arrived_twice: u64,
    arrived_out_of_order: u64,
    resumes_on_open_sockets: u64,
    complaints: Vec<String>,
}

#[derive(Debug, Serialize)]
struct Side {
    expected: u64,
    delivered: u64,
    delivered_percent: f64,
    duplicated: u64,
    out_of_order: u64,
    cuts: usize,
    recovery_ms: Percentiles,
    /// The whole of it.
    took_seconds: f64,
}

#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
fn percent(delivered: u64, expected: u64) -> f64 {
    100.0 * delivered as f64 / expected.max(1) as f64
}

impl DropReport {
    pub fn new(people: u32, devices: u32, seconds: u32, ours: &OurSide, peer: Option<&PeerSide>) -> Self {
        let socketio = peer.map(|peer| Side {
            expected: peer.expected,
            delivered: peer.delivered,
            delivered_percent: percent(peer.delivered, peer.expected),
            duplicated: peer.duplicated,
            out_of_order: peer.reordered,
            cuts: peer.recoveries_ms.len(),
            recovery_ms: Percentiles::of(
                peer.recoveries_ms.iter().map(|ms| Duration::from_secs_f64(ms.max(0.0) / 1000.0)),
            ),
            took_seconds: peer.seconds,
        });
        let side = Side {
            expected: ours.expected,
            delivered: ours.delivered,
            delivered_percent: percent(ours.delivered, ours.expected),
            duplicated: ours.duplicated,
            out_of_order: ours.reordered,
            cuts: ours.recoveries.len(),
            recovery_ms: Percentiles::of(ours.recoveries.iter().copied()),
            took_seconds: ours.took.as_secs_f64(),
        };
        Self {
            people,
            devices,
            seconds,
            ours: side,
            socketio,
            arrived_twice: ours.arrived_twice,
            arrived_out_of_order: ours.arrived_out_of_order,
            resumes_on_open_sockets: ours.resumes,
            complaints: ours.complaints.clone(),
        }
    }
}

impl Report for DropReport {
    fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(
            out,
            "{} people with {} devices each, {} s on the turnable clock, each socket cut 2 s in every {PERIOD} s\n",
            self.people, self.devices, self.seconds
        )?;
        let row = |name: &str, of: &dyn Fn(&Side) -> String| {
            [name.to_owned(), of(&self.ours), self.socketio.as_ref().map(of).unwrap_or_default()]
        };
        let rows = [
            row("messages", &|side| side.expected.to_string()),
            row("delivered", &|side| side.delivered.to_string()),
            row("delivered, %", &|side| format!("{:.3}", side.delivered_percent)),
            row("duplicated", &|side| side.duplicated.to_string()),
            row("out of order", &|side| side.out_of_order.to_string()),
            row("cuts recovered from", &|side| side.cuts.to_string()),
            row("time to recover, ms, p50", &|side| format!("{:.1}", side.recovery_ms.p50)),
            row("time to recover, ms, p99", &|side| format!("{:.1}", side.recovery_ms.p99)),
            row("the whole run, s", &|side| format!("{:.1}", side.took_seconds)),
        ];
        table::write(out, ["as the application was told", "shopwire", "Socket.IO 4"], &rows)?;
        writeln!(
            out,
            "\nbefore our client put them right: {} came twice, {} out of order; it asked {} times on an open socket",
            self.arrived_twice, self.arrived_out_of_order, self.resumes_on_open_sockets
        )?;
        let Side { expected, delivered, duplicated, out_of_order, .. } = self.ours;
        let is_met = delivered == expected && duplicated == 0 && out_of_order == 0;
        writeln!(out, "goal: 100.000 %, 0, 0: {}", if is_met { "met" } else { "MISSED" })?;
        for complaint in &self.complaints {
            writeln!(out, "{complaint}")?;
        }
        Ok(())
    }
}
