//! What the functions ask of the outside: requests, and the read and write units that AWS would bill.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use serde::Serialize;

use crate::aws::request::{Call, Service};

/// Counts requests since the last reset.
#[derive(Default)]
pub struct Meter {
    counts: Mutex<Counts>,
}

#[derive(Default)]
struct Counts {
    outside: u64,
    functions: BTreeMap<String, u64>,
    rows: BTreeMap<Key, Units>,
}

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    function: String,
    service: Service,
    operation: String,
    table: Option<String>,
}

/// Read and write units of one request to one table.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Units {
    /// Requests.
    pub requests: u64,
    /// Read units; half a unit is an eventually consistent read of up to 4 KB.
    pub read: f64,
    /// Write units, those of the indexes included.
    pub write: f64,
    /// The write units by what they were spent on: kinds of rows (`stock level`) and indexes (`index due`).
    pub written: BTreeMap<String, f64>,
}

/// What `GET /_local/requests` answers.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Requests {
    /// All requests to the outside, each counted once.
    pub requests: u64,
    /// The same by function.
    pub functions: BTreeMap<String, u64>,
    /// Read units in all.
    pub read_units: f64,
    /// Write units in all.
    pub write_units: f64,
    /// One row for each function, service, operation and table, in this order. A request over several tables
    /// counts in the row of each.
    pub rows: Vec<RequestsRow>,
}

/// One row of [`Requests`].
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RequestsRow {
    /// The function that asked.
    pub function: String,
    /// What it asked.
    pub service: Service,
    /// `PutItem`
    pub operation: String,
    /// Table or queue, where there is one.
    pub table: Option<String>,
    /// Requests, refused ones included.
    pub requests: u64,
    /// Read units.
    pub read_units: f64,
    /// Write units.
    pub write_units: f64,
    /// The write units by what they were spent on: kinds of rows (`stock level`) and indexes (`index due`).
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub written: BTreeMap<String, f64>,
}

impl Meter {
    /// Counts one request; `units` are those of each of its tables.
    pub fn record(&self, call: &Call, units: &BTreeMap<String, Units>) {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        counts.outside += 1;
        *counts.functions.entry(call.function.clone()).or_default() += 1;
        let mut add = |table: Option<&String>, units: Units| {
            let key = Key {
                function: call.function.clone(),
                service: call.service,
                operation: call.operation.clone(),
                table: table.cloned(),
            };
            let row = counts.rows.entry(key).or_default();
            row.requests += 1;
            row.read += units.read;
            row.write += units.write;
            for (what, units) in units.written {
                *row.written.entry(what).or_default() += units;
            }
        };
        if call.tables.is_empty() {
            add(None, Units::default());
        }
        for table in &call.tables {
            add(Some(table), units.get(table).cloned().unwrap_or_default());
        }
    }

    /// How many requests went outside since the last reset: what a crash-point run goes through one by one.
    pub fn outside(&self) -> u64 {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner).outside
    }

    /// The counts so far.
    pub fn snapshot(&self) -> Requests {
        let counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let rows: Vec<_> = counts
            .rows
            .iter()
            .map(|(key, units)| RequestsRow {
                function: key.function.clone(),
                service: key.service,
                operation: key.operation.clone(),
                table: key.table.clone(),
                requests: units.requests,
                read_units: units.read,
                write_units: units.write,
                written: units.written.clone(),
            })
            .collect();
        Requests {
            requests: counts.outside,
            functions: counts.functions.clone(),
            read_units: rows.iter().map(|row| row.read_units).sum(),
            write_units: rows.iter().map(|row| row.write_units).sum(),
            rows,
        }
    }

    /// Starts again at nothing.
    pub fn reset(&self) {
        *self.counts.lock().unwrap_or_else(PoisonError::into_inner) = Counts::default();
    }
}
