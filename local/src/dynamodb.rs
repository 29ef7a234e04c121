//! DynamoDB: the embedded engine, with the template's tables.
//!
//! The engine is `dynoxide`, on a SQLite file. What AWS has and it does not (streams that drive functions, TTL that
//! runs, faults) is in `streams.rs`, `ttl.rs` and `faults.rs`.

use std::{
    collections::BTreeMap,
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use axum::{
    body::Bytes,
    http::{HeaderMap, StatusCode},
    response::Response,
};
use dynoxide::{DynoxideError, NativeDatabase};
use rusqlite::{Connection, params};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use tokio::sync::watch;

use crate::{
    aws::{
        request::{Call, Service},
        wire::{Refusal, json_answer, json_response},
    },
    meter::Units,
    template::Table,
};

mod repeats;
mod tables;
mod units;
mod writes;

/// The engine adds this to the sequence number that it stores to get the 21 digits that it shows.
const SEQUENCE_OFFSET: u128 = 100_000_000_000_000_000_000;

/// The tables. Clones share them.
#[derive(Clone)]
pub struct Dynamo {
    engine: NativeDatabase,
    repeats: Arc<repeats::Repeats>,
    /// A second connection to the engine's file, for what its interface lacks: trimming streams, finding expired items.
    /// Its lock is also what keeps TTL removals and stream readers apart.
    side: Arc<Mutex<Connection>>,
    /// Counts the writes to each table, so that its stream wakes at once.
    written: Arc<BTreeMap<String, watch::Sender<u64>>>,
    /// Where the engine's own server listens, once it was needed.
    server: Arc<tokio::sync::OnceCell<String>>,
}

/// Why the tables cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DynamoError {
    /// The engine refuses.
    #[error("the tables cannot be used: {0}")]
    Engine(#[from] DynoxideError),
    /// The file refuses.
    #[error("the file of the tables cannot be used")]
    File(#[from] rusqlite::Error),
    /// The template has changed since the file was written, in a way that AWS would not take without a new table.
    #[error(
        "table {0} was made with other keys, indexes or stream than the template has now; remove the data folder"
    )]
    Changed(String),
}

impl Dynamo {
    /// Opens the file, which is made when missing, and makes the tables that it lacks.
    pub fn open(path: &Path, tables: &[Table]) -> Result<Self, DynamoError> {
        let engine = NativeDatabase::new(&path.to_string_lossy())?;
        // Leaves `synchronous = NORMAL`: nothing acknowledged is lost by `kill -9`, and a write costs no fsync.
        engine.enable_bulk_loading()?;
        engine.disable_bulk_loading()?;
        for table in tables {
            tables::ensure(&engine, table)?;
        }
        let side = Connection::open(path)?;
        side.execute_batch(
            // Without this index the engine reads a stream's whole backlog to number the next record.
            "PRAGMA synchronous = NORMAL;
             PRAGMA busy_timeout = 5000;
             CREATE INDEX IF NOT EXISTS local_stream_order
                 ON _stream_records (table_name, CAST(sequence_number AS INTEGER));",
        )?;
        let dynamo = Self {
            engine,
            repeats: Arc::default(),
            side: Arc::new(Mutex::new(side)),
            written: Arc::new(
                tables.iter().map(|table| (table.name.clone(), watch::Sender::new(0))).collect(),
            ),
            server: Arc::default(),
        };
        for table in tables {
            dynamo.index_expiry(table)?;
        }
        Ok(dynamo)
    }

    /// The engine itself, for seeding and inspection without the wire.
    pub fn engine(&self) -> &NativeDatabase {
        &self.engine
    }

    /// Changes with every write to the table; none if there is no such table.
    pub fn written(&self, table: &str) -> Option<watch::Receiver<u64>> {
        self.written.get(table).map(watch::Sender::subscribe)
    }

    /// Answers a request; adds the units that AWS would bill to `units`.
    pub async fn answer(
        &self,
        call: &Call,
        mut body: Value,
        raw: (&HeaderMap, Bytes),
        units: &mut BTreeMap<String, Units>,
    ) -> Response {
        let wanted = units::ask(&mut body);
        let writes = if call.writes() { writes::of(&body) } else { Vec::new() };
        let is_transaction = call.operation == "TransactWriteItems";
        let token = is_transaction.then(|| repeats::token(&mut body)).flatten();
        let answer = self.run(&call.operation, &body, token.as_deref());
        if call.writes() {
            call.tables.iter().for_each(|table| self.wake_stream(table));
        }
        match answer {
            Ok(mut answer) => {
                units::take(&call.operation, &mut answer, wanted.as_deref(), &writes, units);
                json_answer(Service::Dynamodb, &answer)
            }
            Err(Refused::Clearly(error)) => {
                units::of_refusal(&error, &body, units);
                let status = StatusCode::from_u16(error.status_code()).unwrap_or(StatusCode::BAD_REQUEST);
                json_response(status, "application/x-amz-json-1.0", error.to_json())
            }
            Err(Refused::InOtherWords) => match self.ask_server(raw).await {
                Ok((status, text)) => json_response(status, "application/x-amz-json-1.0", text),
                Err(error) => Refusal::new("InternalServerError", format!("the engine's server: {error}"))
                    .with_status(StatusCode::INTERNAL_SERVER_ERROR)
                    .into_response(call),
            },
        }
    }

    /// The operations that functions use, without a hop.
    fn run(&self, operation: &str, body: &Value, token: Option<&str>) -> Result<Value, Refused> {
        let engine = &self.engine;
        match operation {
            "GetItem" => run(body, |request| engine.get_item(request)),
            "PutItem" => run(body, |request| engine.put_item(request)),
            "UpdateItem" => run(body, |request| engine.update_item(request)),
            "DeleteItem" => run(body, |request| engine.delete_item(request)),
            "Query" => run(body, |request| engine.query(request)),
            "Scan" => run(body, |request| engine.scan(request)),
            "BatchGetItem" => run(body, |request| engine.batch_get_item(request)),
            "BatchWriteItem" => run(body, |request| engine.batch_write_item(request)),
            "TransactGetItems" => run(body, |request| engine.transact_get_items(request)),
            "TransactWriteItems" => {
                self.repeats.once(token, body, || run(body, |request| engine.transact_write_items(request)))
            }
            _ => Err(Refused::InOtherWords),
        }
    }

    /// Hands a request to the engine's own server: for rare operations, and for refusals that only it words as AWS does.
    async fn ask_server(&self, (headers, body): (&HeaderMap, Bytes)) -> Result<(StatusCode, String), String> {
        let url = self
            .server
            .get_or_try_init(|| async {
                let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await?;
                let url = format!("http://{}/", listener.local_addr()?);
                let engine = self.engine.clone();
                tokio::spawn(async move {
                    let served =
                        dynoxide::server::serve_with_shutdown(listener, engine, std::future::pending());
                    if let Err(error) = served.await {
                        tracing::error!(error, "the engine's server ended");
                    }
                });
                Ok::<_, std::io::Error>(url)
            })
            .await
            .map_err(|error| error.to_string())?;
        let mut request = reqwest::Client::new().post(url).body(body);
        for name in ["content-type", "x-amz-target", "authorization", "x-amz-date"] {
            if let Some(value) = headers.get(name) {
                request = request.header(name, value.as_bytes());
            }
        }
        let answer = request.send().await.map_err(|error| error.to_string())?;
        let status = StatusCode::from_u16(answer.status().as_u16()).unwrap_or(StatusCode::BAD_GATEWAY);
        Ok((status, answer.text().await.map_err(|error| error.to_string())?))
    }

    /// At most `limit` stream records of a table after `position`, each with its own position.
    pub fn records(
        &self,
        table: &str,
        position: i64,
        limit: usize,
    ) -> Result<Vec<(i64, Value)>, DynamoError> {
        use dynoxide::{
            actions::{get_records::GetRecordsRequest, get_shard_iterator::encode_shard_iterator},
            streams::shard_id,
        };

        let _apart_from_ttl = self.side();
        let shard_iterator = encode_shard_iterator(table, &shard_id(table), position);
        let answer = self.engine.get_records(GetRecordsRequest { shard_iterator, limit: Some(limit) })?;
        Ok(answer
            .records
            .into_iter()
            .filter_map(|record| {
                let shown: u128 = record.dynamodb.sequence_number.parse().ok()?;
                let position = i64::try_from(shown.checked_sub(SEQUENCE_OFFSET)?).ok()?;
                Some((position, serde_json::to_value(record).ok()?))
            })
            .collect())
    }

    /// Forgets the stream records of a table up to `position`; always keeps its newest, which numbers the next.
    pub fn trim(&self, table: &str, position: i64) -> Result<usize, DynamoError> {
        Ok(self
            .side()
            .prepare_cached(
                "DELETE FROM _stream_records WHERE table_name = ?1 AND CAST(sequence_number AS INTEGER) <= ?2
                 AND CAST(sequence_number AS INTEGER) <
                     (SELECT MAX(CAST(sequence_number AS INTEGER)) FROM _stream_records WHERE table_name = ?1)",
            )?
            .execute(params![table, position])?)
    }

    pub(crate) fn side(&self) -> MutexGuard<'_, Connection> {
        self.side.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn wake_stream(&self, table: &str) {
        if let Some(written) = self.written.get(table) {
            written.send_modify(|count| *count += 1);
        }
    }
}

/// Why the engine gave no answer.
enum Refused {
    /// In the words of AWS.
    Clearly(DynoxideError),
    /// Its own server must say why: validation errors are worded there.
    InOtherWords,
}

fn run<Q: DeserializeOwned, A: Serialize>(
    body: &Value,
    act: impl FnOnce(Q) -> dynoxide::Result<A>,
) -> Result<Value, Refused> {
    let request = Q::deserialize(body).map_err(|_| Refused::InOtherWords)?;
    let answer = act(request).map_err(|error| match error {
        // Nothing was done, so the server may be asked again for the exact text.
        DynoxideError::ValidationException(_)
        | DynoxideError::KeyEmptyValueValidation(_)
        | DynoxideError::EnvelopedValidation(_)
        | DynoxideError::SerializationException(_) => Refused::InOtherWords,
        error => Refused::Clearly(error),
    })?;
    serde_json::to_value(answer)
        .map_err(|error| Refused::Clearly(DynoxideError::InternalServerError(error.to_string())))
}
