//! A campaign for many: what it asks of AWS, and whether the process grows with it.

use std::{
    collections::BTreeMap,
    process,
    time::{Duration, Instant},
};

use domain::Role;
use serde::Serialize;
use serde_json::json;

use super::super::{
    BenchError, machine,
    shop::{Shop, Shopper, text},
};

/// The most people that one request names.
const PAGE: u32 = 1_000;

/// What was seen.
#[derive(Debug, Serialize)]
pub struct Bulk {
    pub recipients: u32,
    pub told: u64,
    pub per_second: f64,
    /// For one recipient.
    pub functions: Vec<Cost>,
    /// Write units for one recipient by what they were spent on.
    pub written: BTreeMap<String, f64>,
    pub memory: Memory,
}

/// What one recipient asks of AWS by way of one function.
#[derive(Debug, Serialize)]
pub struct Cost {
    pub function: String,
    pub requests: f64,
    pub read_units: f64,
    pub write_units: f64,
}

/// What this process held, the whole local cloud with it, in KiB.
#[derive(Debug, Default, Serialize)]
pub struct Memory {
    pub start: u64,
    pub middle: u64,
    pub end: u64,
}

/// Tells so many, a request of a thousand after the other.
pub async fn measure(shop: &Shop, recipients: u32) -> Result<Bulk, BenchError> {
    let admin = shop.person(Role::Admin, "olga")?;
    // Once for what is done once, and so that memory is as it stays.
    tell(shop, &admin, &named("rehearsal", 0..recipients.min(PAGE))).await?;

    shop.cloud.meter().reset();
    let mut memory = Memory { start: resident(), ..Memory::default() };
    let began = Instant::now();
    let mut told = 0;
    for first in (0..recipients).step_by(PAGE as usize) {
        let last = first.saturating_add(PAGE).min(recipients);
        told += tell(shop, &admin, &named("person", first..last)).await?;
        if memory.middle == 0 && last >= recipients / 2 {
            memory.middle = resident();
        }
    }
    let took = began.elapsed();
    memory.end = resident();
    Ok(Bulk::of(shop, recipients, told, took, memory))
}

fn named(what: &str, numbers: std::ops::Range<u32>) -> Vec<String> {
    numbers.map(|number| format!("{what}-{number}")).collect()
}

/// Tells them, waits until nothing is left to do, and says how many were told.
async fn tell(shop: &Shop, admin: &Shopper<'_>, people: &[String]) -> Result<u64, BenchError> {
    let campaign = json!({
        "type": "promotion_alert",
        "user_ids": people,
        "channels": ["websocket"],
        "data": { "headline": "Spring sale", "message": "20% off all lamps until Sunday.", "code": "SPRING20" },
    });
    let job = admin.post("/api/v1/notifications/bulk", campaign).await?;
    shop.cloud.idle().await?;
    let job = admin.get(&format!("/api/v1/notifications/bulk/{}", text(&job, "job_id")?)).await?;
    match (text(&job, "status")?, job.get("told").and_then(serde_json::Value::as_u64)) {
        ("done", Some(told)) => Ok(told),
        _ => Err(BenchError::Unexpected(format!("a job is not done: {job}"))),
    }
}

fn resident() -> u64 {
    machine::resident_kib(process::id()).unwrap_or_default()
}

impl Bulk {
    fn of(shop: &Shop, recipients: u32, told: u64, took: Duration, memory: Memory) -> Self {
        let people = f64::from(recipients.max(1));
        let requests = shop.cloud.meter().snapshot();
        let mut functions: BTreeMap<String, Cost> = BTreeMap::new();
        let mut written: BTreeMap<String, f64> = BTreeMap::new();
        #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
        for (function, count) in requests.functions {
            let requests = count as f64 / people;
            functions
                .insert(function.clone(), Cost { function, requests, read_units: 0.0, write_units: 0.0 });
        }
        for row in requests.rows {
            if let Some(cost) = functions.get_mut(&row.function) {
                cost.read_units += row.read_units / people;
                cost.write_units += row.write_units / people;
            }
            let table = row.table.unwrap_or_default();
            for (what, units) in row.written {
                *written.entry(format!("{}: {what}", table.trim_end_matches("Table"))).or_default() +=
                    units / people;
            }
        }
        Self {
            recipients,
            told,
            per_second: people / took.as_secs_f64().max(0.001),
            functions: functions.into_values().collect(),
            written,
            memory,
        }
    }
}
