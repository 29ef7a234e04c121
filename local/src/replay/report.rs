//! The report of a replay, and whether it balances.

use std::{collections::BTreeMap, fmt};

use serde::Serialize;

use super::{
    books::Reconciliation,
    cost::Costs,
    retail::{Pence, Totals},
    seen::Percentiles,
    tally::{Part, Reason},
};

/// What a replay came to.
#[derive(Debug, Serialize)]
pub struct Report {
    /// What the file says.
    pub file: Totals,
    pub sold: Part,
    /// Invoices that the shop would not sell.
    pub refused: BTreeMap<Reason, Part>,
    /// Credit notes as far as they were given back.
    pub credited: Part,
    pub not_credited: BTreeMap<Reason, Part>,
    pub refunds: u64,
    pub checkouts: Checkouts,
    pub events: Events,
    pub cost: Costs,
    /// Levels of the shop that were compared with what should be left.
    pub levels_compared: usize,
    pub reconciliation: Reconciliation,
    /// The most memory that this process had, in bytes; with a shop of its own, of both.
    pub memory_peak_bytes: Option<u64>,
    /// What does not agree, in words. Empty, if all is well.
    pub imbalances: Vec<String>,
}

/// How fast it went.
#[derive(Debug, Default, Serialize)]
pub struct Checkouts {
    /// From placing the order to hearing that it is paid.
    #[serde(flatten)]
    pub took: Percentiles,
    pub seconds: f64,
    pub per_second: f64,
    /// Requests that were told to come again later, and did.
    pub put_off: u64,
}

/// What went over the sockets.
#[derive(Debug, Default, Serialize)]
pub struct Events {
    pub sockets: usize,
    /// Frames and events that the functions posted to all sockets.
    pub frames_sent: u64,
    pub sent: u64,
    pub frames_received: u64,
    pub received: u64,
    /// Received more than a second after they happened.
    pub late: u64,
    pub duplicated: u64,
    pub out_of_order: u64,
    /// Gaps in logs that were never filled.
    pub missing: u64,
    /// Gaps that the shop could not fill any more, so that state had to be read again.
    pub lost: u64,
    /// Watched levels whose last event does not show what the shop has.
    pub stale: u64,
    pub reconnects: u64,
    pub delivery: Percentiles,
}

impl Report {
    /// Whether everything agrees with everything.
    pub fn balances(&self) -> bool {
        self.imbalances.is_empty()
    }

    /// Finds what does not agree, of what the report itself says.
    pub(super) fn imbalances_within(&self) -> Vec<String> {
        let refused = Part::sum(self.refused.values());
        let not_credited = Part::sum(self.not_credited.values());
        let excluded: u64 = self.file.rows_excluded.values().sum();
        let rows = self.sold.rows + refused.rows + self.credited.rows + not_credited.rows + excluded;
        let file = &self.file;
        let books = &self.reconciliation;
        let amounts = [
            ("rows of the file", rows, file.rows),
            ("invoices", self.sold.documents + refused.documents, file.invoices),
            ("units sold and refused", self.sold.units + refused.units, file.units_sold),
            ("units credited and not", self.credited.units + not_credited.units, file.units_credited),
            ("drifting stock levels", length(&books.stock_drift), 0),
            ("drifting payments", length(&books.payment_drift), 0),
            ("events missing", self.events.missing, 0),
            ("gaps in logs not filled", self.events.lost, 0),
            ("stale levels", self.events.stale, 0),
        ];
        let sums = [
            ("sold and refused", Pence(self.sold.pence.0 + refused.pence.0), file.revenue),
            ("credited and not", Pence(self.credited.pence.0 + not_credited.pence.0), file.value_credited),
            ("captured by the shop", books.captured, self.sold.pence),
            ("refunded by the shop", books.refunded, self.credited.pence),
        ];
        let amounts = amounts
            .into_iter()
            .filter(|(_, is, should)| is != should)
            .map(|(what, is, should)| format!("{what}: {is}, but should be {should}"));
        let sums = sums
            .into_iter()
            .filter(|(_, is, should)| is != should)
            .map(|(what, is, should)| format!("{what}: {}, but should be {}", Pounds(is), Pounds(should)));
        amounts.chain(sums).collect()
    }
}

fn length<T>(list: &[T]) -> u64 {
    u64::try_from(list.len()).unwrap_or(u64::MAX)
}

/// `£1,234.56`.
struct Pounds(Pence);

impl fmt::Display for Pounds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0.0 < 0 { "-" } else { "" };
        let pence = self.0.0.unsigned_abs();
        write!(f, "{sign}£{}.{:02}", Grouped(pence / 100), pence % 100)
    }
}

/// `1,234,567`.
struct Grouped(u64);

impl fmt::Display for Grouped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 >= 1_000 {
            write!(f, "{},{:03}", Self(self.0 / 1_000), self.0 % 1_000)
        } else {
            write!(f, "{}", self.0)
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write_documents(f)?;
        self.write_events(f)?;
        self.write_figures(f)?;
        self.write_books(f)
    }
}

impl Report {
    fn write_documents(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let file = &self.file;
        writeln!(
            f,
            "file      {} rows: {} invoices, {} credit notes",
            Grouped(file.rows),
            Grouped(file.invoices),
            Grouped(file.credit_notes)
        )?;
        write_part(f, "sold     ", "invoices", &self.sold, "")?;
        for (reason, part) in &self.refused {
            write_part(f, "refused  ", "invoices", part, reason)?;
        }
        write_part(f, "credited ", "credit notes", &self.credited, "")?;
        for (reason, part) in &self.not_credited {
            write_part(f, "kept     ", "credit notes", part, reason)?;
        }
        for (reason, rows) in &file.rows_excluded {
            let reason = serde_json::to_value(reason).unwrap_or_default();
            let reason = reason.as_str().unwrap_or_default();
            writeln!(f, "excluded  {} rows: {reason}", Grouped(*rows))?;
        }
        Ok(())
    }

    fn write_events(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let events = &self.events;
        writeln!(
            f,
            "events    {} sent in {} frames to {} sockets, {} received, {} late, {} duplicated, {} out of order, {} missing, {} reconnects",
            Grouped(events.sent),
            Grouped(events.frames_sent),
            Grouped(length_of(events.sockets)),
            Grouped(events.received),
            Grouped(events.late),
            Grouped(events.duplicated),
            Grouped(events.out_of_order),
            Grouped(events.missing),
            Grouped(events.reconnects),
        )?;
        writeln!(f, "delivery  {}", events.delivery)
    }

    fn write_figures(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Checkouts { took, seconds, per_second, put_off } = &self.checkouts;
        writeln!(f, "checkout  {took}")?;
        writeln!(
            f,
            "speed     {per_second:.1} checkouts a second over {seconds:.1} s, {put_off} requests put off"
        )?;
        for (name, cost) in
            [("a checkout", &self.cost.per_checkout), ("its events", &self.cost.relay_per_checkout)]
        {
            writeln!(
                f,
                "cost      {name}: {:.1} requests, {:.1} read units, {:.1} write units",
                cost.requests, cost.read_units, cost.write_units
            )?;
        }
        match self.memory_peak_bytes {
            Some(bytes) => writeln!(f, "memory    {} MB at most", Grouped(bytes / 1_000_000)),
            None => Ok(()),
        }
    }

    fn write_books(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let books = &self.reconciliation;
        writeln!(
            f,
            "stock     {} levels against {} ledger rows: {} drift; {} levels against the file",
            Grouped(length_of(books.levels_checked)),
            Grouped(length_of(books.movements_checked)),
            books.stock_drift.len(),
            Grouped(length_of(self.levels_compared)),
        )?;
        writeln!(
            f,
            "money     {} orders against payments: {} drift; captured {}, refunded {}",
            Grouped(length_of(books.orders_checked)),
            books.payment_drift.len(),
            Pounds(books.captured),
            Pounds(books.refunded),
        )?;
        for imbalance in &self.imbalances {
            writeln!(f, "WRONG     {imbalance}")?;
        }
        let verdict = if self.balances() { "the books balance" } else { "the books do not balance" };
        write!(f, "{verdict}")
    }
}

fn length_of(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

fn write_part(
    f: &mut fmt::Formatter<'_>,
    name: &str,
    documents: &str,
    part: &Part,
    reason: &str,
) -> fmt::Result {
    write!(
        f,
        "{name} {} {documents}, {} rows, {} units, {}",
        Grouped(part.documents),
        Grouped(part.rows),
        Grouped(part.units),
        Pounds(part.pence)
    )?;
    if reason.is_empty() { writeln!(f) } else { writeln!(f, ": {reason}") }
}

impl fmt::Display for Percentiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { p50_ms, p99_ms, max_ms } = self;
        write!(f, "p50 {p50_ms} ms, p99 {p99_ms} ms, longest {max_ms} ms")
    }
}
