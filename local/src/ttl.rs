//! Time to live: removes expired items, on the turnable clock.
//!
//! AWS removes an item some time after it expired, within days; here that is ten minutes, so that code which
//! believes in an expired item is found out.

use dynoxide::{DynoxideError, actions::delete_item::DeleteItemRequest};
use jiff::{SignedDuration, Timestamp};
use rusqlite::{OptionalExtension, params};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    dynamodb::{Dynamo, DynamoError},
    part::{Boxed, Part},
    template::Table,
};

/// How long an item outlives its expiry.
const LAG: SignedDuration = SignedDuration::from_mins(10);

/// How many items of a table one sweep finds at a time.
const PAGE: usize = 100;

/// Who removes expired items, as stream records say.
const IDENTITY: &str = r#"{"type":"Service","principalId":"dynamodb.amazonaws.com"}"#;

/// Sweeps the tables that have a TTL attribute.
pub struct Ttl {
    dynamo: Dynamo,
    /// The table, its key attributes and its TTL attribute.
    tables: Vec<(String, (String, Option<String>), String)>,
}

impl Ttl {
    /// A sweep over the template's tables.
    pub fn new(dynamo: Dynamo, tables: &[Table]) -> Self {
        let tables = tables
            .iter()
            .filter_map(|table| Some((table.name.clone(), table.keys.clone(), table.ttl_attribute.clone()?)))
            .collect();
        Self { dynamo, tables }
    }

    /// Removes what expired more than ten minutes before `now`; says how many items that were.
    pub fn sweep(&self, now: Timestamp) -> Result<usize, DynamoError> {
        let limit = now.checked_sub(LAG).unwrap_or(Timestamp::MIN).as_second();
        let mut removed = 0;
        for (table, keys, attribute) in &self.tables {
            let before = removed;
            loop {
                let expired = self.dynamo.expired(table, attribute, limit, PAGE)?;
                for item in &expired {
                    removed += usize::from(self.dynamo.remove_expired(table, keys, attribute, item)?);
                }
                if expired.len() < PAGE {
                    break;
                }
            }
            if removed > before {
                self.dynamo.wake_stream(table);
            }
        }
        Ok(removed)
    }
}

impl Part for Ttl {
    fn next_due(&self) -> Option<Timestamp> {
        self.tables
            .iter()
            .filter_map(|(table, _, attribute)| match self.dynamo.earliest_expiry(table, attribute) {
                Ok(earliest) => earliest,
                Err(error) => {
                    tracing::error!(table, %error, "the next expiry cannot be read");
                    None
                }
            })
            .min()
            // To the whole minute, so that turning the clock far does not stop at every item.
            .and_then(|expiry| Timestamp::from_second((expiry + 59) / 60 * 60).ok()?.checked_add(LAG).ok())
    }

    fn run_due(&self, now: Timestamp) -> Boxed<'_, ()> {
        Box::pin(async move {
            if let Err(error) = self.sweep(now) {
                tracing::error!(%error, "expired items cannot be removed");
            }
        })
    }

    fn is_busy(&self) -> bool {
        false
    }
}

impl Dynamo {
    /// Keeps expired items findable without reading the table: an index of ours on the engine's rows.
    pub(crate) fn index_expiry(&self, table: &Table) -> Result<(), DynamoError> {
        if let Some(attribute) = &table.ttl_attribute {
            let (index, rows) = (quoted(&format!("local_ttl_{}", table.name)), quoted(&table.name));
            let expiry = expiry(attribute);
            self.side().execute_batch(&format!(
                "CREATE INDEX IF NOT EXISTS {index} ON {rows} ({expiry}) WHERE {expiry} IS NOT NULL"
            ))?;
        }
        Ok(())
    }

    fn earliest_expiry(&self, table: &str, attribute: &str) -> Result<Option<i64>, DynamoError> {
        let (rows, expiry) = (quoted(table), expiry(attribute));
        let statement =
            format!("SELECT {expiry} FROM {rows} WHERE {expiry} IS NOT NULL ORDER BY {expiry} LIMIT 1");
        Ok(self.side().prepare_cached(&statement)?.query_row([], |row| row.get(0)).optional()?)
    }

    fn expired(
        &self,
        table: &str,
        attribute: &str,
        limit: i64,
        page: usize,
    ) -> Result<Vec<Value>, DynamoError> {
        let (rows, expiry) = (quoted(table), expiry(attribute));
        let statement = format!(
            "SELECT item_json FROM {rows} WHERE {expiry} IS NOT NULL AND {expiry} <= ?1 ORDER BY {expiry} LIMIT ?2"
        );
        let side = self.side();
        let mut statement = side.prepare_cached(&statement)?;
        let items = statement.query_map(params![limit, i64::try_from(page).unwrap_or(i64::MAX)], |row| {
            row.get::<_, String>(0)
        })?;
        let items = items.collect::<Result<Vec<_>, _>>()?;
        Ok(items.iter().filter_map(|text| serde_json::from_str(text).ok()).collect())
    }

    /// Removes the item if it still has the expiry that was seen, and marks the stream record as the service's doing.
    fn remove_expired(
        &self,
        table: &str,
        (partition, sort): &(String, Option<String>),
        attribute: &str,
        item: &Value,
    ) -> Result<bool, DynamoError> {
        let text = |name: &str| item.get(name).and_then(|value| value.get("S")).and_then(Value::as_str);
        let mut key = json!({ partition: item.get(partition) });
        if let (Some(sort), Value::Object(members)) = (sort, &mut key) {
            members.insert(sort.clone(), item.get(sort).cloned().unwrap_or_default());
        }
        let request = DeleteItemRequest::deserialize(&json!({
            "TableName": table,
            "Key": key,
            "ConditionExpression": "#ttl = :seen",
            "ExpressionAttributeNames": { "#ttl": attribute },
            "ExpressionAttributeValues": { ":seen": item.get(attribute) },
        }))
        .map_err(|error| DynoxideError::InternalServerError(error.to_string()))?;
        let side = self.side(); // no stream reader sees the record before it is marked
        match self.engine().delete_item(request) {
            Ok(_) => {}
            Err(DynoxideError::ConditionalCheckFailedException(..)) => return Ok(false),
            Err(error) => return Err(error.into()),
        }
        side.prepare_cached(
            "UPDATE _stream_records SET user_identity = ?1 WHERE id =
                 (SELECT MAX(id) FROM _stream_records WHERE table_name = ?2 AND event_name = 'REMOVE'
                  AND json_extract(keys_json, ?3) = ?4 AND json_extract(keys_json, ?5) IS ?6)",
        )?
        .execute(params![
            IDENTITY,
            table,
            path(partition, "S"),
            text(partition),
            path(sort.as_ref().unwrap_or(partition), "S"),
            text(sort.as_ref().unwrap_or(partition)),
        ])?;
        Ok(true)
    }
}

/// The SQL expression of an item's expiry, in seconds of the epoch.
fn expiry(attribute: &str) -> String {
    format!("CAST(json_extract(item_json, '{}') AS INTEGER)", path(attribute, "N").replace('\'', "''"))
}

fn path(attribute: &str, kind: &str) -> String {
    format!("$.\"{attribute}\".{kind}")
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
