//! Read and write units: asked of the engine with every request, and shown to the caller only as far as it asked.

use std::collections::BTreeMap;

use dynoxide::DynoxideError;
use serde_json::Value;

use super::writes::{self, Write};
use crate::meter::Units;

const ASK: &str = "ReturnConsumedCapacity";
const TOLD: &str = "ConsumedCapacity";

/// Makes the engine report units; returns what the caller asked for itself.
pub fn ask(body: &mut Value) -> Option<String> {
    let members = body.as_object_mut()?;
    let wanted = members.get(ASK).and_then(Value::as_str).map(str::to_owned);
    // A value that AWS does not know stays, so that it is refused.
    if wanted.as_deref().is_none_or(|wanted| matches!(wanted, "NONE" | "TOTAL" | "INDEXES")) {
        members.insert(ASK.to_owned(), "INDEXES".into());
    }
    wanted
}

/// Takes the report from the answer, leaving in it what the caller asked for.
pub fn take(
    operation: &str,
    answer: &mut Value,
    wanted: Option<&str>,
    writes: &[Write],
    units: &mut BTreeMap<String, Units>,
) {
    let Some(members) = answer.as_object_mut() else {
        return;
    };
    let Some(mut told) = members.remove(TOLD) else {
        return;
    };
    let tables: Vec<&mut Value> = match &mut told {
        Value::Array(tables) => tables.iter_mut().collect(),
        table => vec![table],
    };
    for table in tables {
        count(operation, table, writes, units);
        if wanted == Some("TOTAL")
            && let Some(members) = table.as_object_mut()
        {
            members.retain(|name, _| name == "TableName" || name.ends_with("CapacityUnits"));
        }
    }
    if matches!(wanted, Some("TOTAL" | "INDEXES")) {
        members.insert(TOLD.to_owned(), told);
    }
}

fn count(operation: &str, table: &Value, writes: &[Write], units: &mut BTreeMap<String, Units>) {
    let number = |name: &str| table.get(name).and_then(Value::as_f64);
    let Some(name) = table.get("TableName").and_then(Value::as_str) else {
        return;
    };
    let entry = units.entry(name.to_owned()).or_default();
    // Transactions say which units they mean: a repeated one is billed as a read.
    let (read, write) = (number("ReadCapacityUnits"), number("WriteCapacityUnits"));
    let total = number("CapacityUnits").unwrap_or(0.0);
    match (read, write) {
        (None, None) if is_read(operation) => entry.read += total,
        (None, None) => entry.write += total,
        (read, write) => {
            entry.read += read.unwrap_or(0.0);
            entry.write += write.unwrap_or(0.0);
        }
    }
    if !is_read(operation) && entry.write > 0.0 {
        let indexes = indexes(table);
        let of_rows = entry.write - indexes.values().sum::<f64>();
        entry.written = writes::share(operation, name, writes, of_rows);
        entry.written.extend(indexes);
    }
}

/// The units of each index that had to follow. They are not doubled by a transaction.
fn indexes(table: &Value) -> BTreeMap<String, f64> {
    let indexes = table.get("GlobalSecondaryIndexes").and_then(Value::as_object);
    let units = |(name, index): (&String, &Value)| {
        Some((format!("index {name}"), index.get("CapacityUnits")?.as_f64()?))
    };
    indexes.into_iter().flatten().filter_map(units).collect()
}

fn is_read(operation: &str) -> bool {
    matches!(operation, "GetItem" | "BatchGetItem" | "Query" | "Scan" | "TransactGetItems")
}

/// AWS bills a failed condition as the write that it was not, and a cancelled transaction as if it had been made. The
/// engine reports nothing then, so this counts the least that AWS would: items of up to 1 KB.
pub fn of_refusal(error: &DynoxideError, body: &Value, units: &mut BTreeMap<String, Units>) {
    let name = |act: &Value| act.get("TableName").and_then(Value::as_str).map(str::to_owned);
    let mut bill = |table: String, refused: f64| {
        let units = units.entry(table).or_default();
        units.write += refused;
        *units.written.entry("refused".to_owned()).or_default() += refused;
    };
    match error {
        DynoxideError::ConditionalCheckFailedException(..) => {
            if let Some(table) = name(body) {
                bill(table, 1.0);
            }
        }
        DynoxideError::TransactionCanceledException(..) => {
            let items = body.get("TransactItems").and_then(Value::as_array).into_iter().flatten();
            for act in items.filter_map(Value::as_object).flat_map(|item| item.values()) {
                if let Some(table) = name(act) {
                    bill(table, 2.0);
                }
            }
        }
        _ => {}
    }
}
