//! DynamoDB streams as event sources: batches of records to functions, in order, at least once.
//!
//! Each source has a task that a write wakes. Where it has got to is kept after every batch, so a restart repeats at
//! most the batch that was under way.

use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicU64, AtomicUsize, Ordering},
};

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tokio::sync::watch;

use self::filter::{BadPattern, Pattern};
pub use self::wire::stream_arn;
use crate::{
    clock::TurnableClock,
    dynamodb::{Dynamo, DynamoError},
    part::{Boxed, Invoke, Part},
    sqs::{QueueError, Sqs},
    state::{StateError, Store},
    template::{Source, SourceKind},
};

pub mod filter;
mod wire;

const NAMESPACE: &str = "streams";

/// How many records are looked at in one go for each that fits into a batch, since a filter keeps some of them out.
const LOOK_AHEAD: usize = 4;

/// How many handled records pile up before they are forgotten. Trimming competes with writes for the file, and an index
/// keeps a backlog of this size from costing anything.
const TRIM_AFTER: usize = 500;

/// The streams that feed functions.
pub struct Streams {
    dynamo: Dynamo,
    store: Store,
    clock: TurnableClock,
    invoke: Arc<dyn Invoke>,
    sqs: Sqs,
    sources: Vec<StreamSource>,
    under_way: AtomicUsize,
}

struct StreamSource {
    table: String,
    source: Source,
    filters: Vec<Pattern>,
    progress: Mutex<Progress>,
    /// Held while a batch is under way: a shard has one at a time.
    turn: tokio::sync::Mutex<()>,
    /// Counts the writes to the table.
    written: watch::Receiver<u64>,
    /// The count of writes after which there was nothing left to read.
    seen: AtomicU64,
    /// How many records were handled since some were last forgotten.
    untrimmed: AtomicUsize,
}

/// How far a source has got, and what it is trying.
#[derive(Debug, Clone, Default)]
struct Progress {
    /// The last record that is done with.
    position: i64,
    /// Sizes of the pieces of a failed batch that are still to be tried, the next one last.
    pieces: Vec<usize>,
    /// How often the next batch has failed.
    failures: u32,
    /// Not to be tried again before.
    retry_at: Option<Timestamp>,
}

/// Records for one invocation.
struct Batch {
    records: Vec<(i64, Value)>,
    /// The last record that was looked at; those that the filter kept out are done with.
    until: i64,
    /// How many were looked at.
    looked_at: usize,
}

/// Why streams cannot start or go on.
#[derive(Debug, thiserror::Error)]
pub enum StreamError {
    /// A filter of the template.
    #[error(transparent)]
    Pattern(#[from] BadPattern),
    /// A source names a table that the template does not have.
    #[error("there is no table {0} to stream from")]
    NoTable(String),
    /// The tables.
    #[error(transparent)]
    Dynamo(#[from] DynamoError),
    /// The queue for records that were given up.
    #[error(transparent)]
    Queue(#[from] QueueError),
    /// The state file.
    #[error(transparent)]
    State(#[from] StateError),
}

impl Streams {
    /// Starts a task for each stream source of the template.
    pub fn start(
        dynamo: Dynamo,
        store: Store,
        clock: TurnableClock,
        invoke: Arc<dyn Invoke>,
        sqs: Sqs,
        sources: &[Source],
    ) -> Result<Arc<Self>, StreamError> {
        let mut ours = Vec::new();
        for source in sources {
            let SourceKind::Stream(table) = &source.kind else {
                continue;
            };
            let written = dynamo.written(table).ok_or_else(|| StreamError::NoTable(table.clone()))?;
            let position = store.get(NAMESPACE, &key(table, &source.function))?.unwrap_or(0);
            ours.push(StreamSource {
                table: table.clone(),
                source: source.clone(),
                filters: source.filters.iter().map(|text| Pattern::parse(text)).collect::<Result<_, _>>()?,
                progress: Mutex::new(Progress { position, ..Progress::default() }),
                turn: tokio::sync::Mutex::new(()),
                written,
                seen: AtomicU64::new(u64::MAX),
                untrimmed: AtomicUsize::new(TRIM_AFTER),
            });
        }
        let count = ours.len();
        let under_way = AtomicUsize::new(0);
        let started = Arc::new(Self { dynamo, store, clock, invoke, sqs, sources: ours, under_way });
        for index in 0..count {
            let streams = Arc::clone(&started);
            tokio::spawn(async move { streams.follow(index).await });
        }
        Ok(started)
    }

    async fn follow(self: Arc<Self>, index: usize) {
        let Some(source) = self.sources.get(index) else {
            return;
        };
        let mut written = source.written.clone();
        loop {
            written.mark_unchanged();
            self.drain(source).await;
            if written.changed().await.is_err() {
                return;
            }
        }
    }

    /// Delivers all there is, or until a batch must wait to be tried again.
    async fn drain(&self, source: &StreamSource) {
        let _turn = source.turn.lock().await;
        let _under_way = UnderWay::begin(&self.under_way);
        loop {
            let progress = source.progress().clone();
            if progress.retry_at.is_some_and(|retry_at| retry_at > self.clock.now()) {
                return;
            }
            let writes = *source.written.borrow();
            let step = match self.next_batch(source, &progress).await {
                Ok(Some(batch)) => self.deliver(source, progress, batch).await,
                Ok(None) => {
                    source.seen.store(writes, Ordering::SeqCst);
                    self.trim(source).map(|()| false)
                }
                Err(error) => Err(error),
            };
            match step {
                Ok(true) => {}
                Ok(false) => return,
                Err(error) => {
                    tracing::error!(table = source.table, %error, "a stream cannot go on");
                    source.progress().retry_at = Some(self.clock.after(SignedDuration::from_secs(1)));
                    return;
                }
            }
        }
    }

    /// Reads on a thread that may wait for the tables' lock.
    async fn next_batch(
        &self,
        source: &StreamSource,
        progress: &Progress,
    ) -> Result<Option<Batch>, StreamError> {
        let limit = progress.pieces.last().copied().unwrap_or(source.source.batch_size).max(1);
        let mut batch = Batch { records: Vec::new(), until: progress.position, looked_at: 0 };
        // What the filter keeps out leaves room: no more is read than fits, since reading is most of what a batch costs.
        while batch.records.len() < limit && batch.looked_at < limit.saturating_mul(LOOK_AHEAD) {
            let wanted = limit - batch.records.len();
            let (dynamo, table, position) = (self.dynamo.clone(), source.table.clone(), batch.until);
            let read = tokio::task::spawn_blocking(move || dynamo.records(&table, position, wanted));
            let read = read.await.unwrap_or_else(|_| Ok(Vec::new()))?;
            let count = read.len();
            batch.take(read, |record| source.lets_through(record));
            if count < wanted {
                break;
            }
        }
        Ok((batch.looked_at > 0).then_some(batch))
    }

    /// Invokes the function; returns whether to go on at once.
    async fn deliver(
        &self,
        source: &StreamSource,
        mut progress: Progress,
        batch: Batch,
    ) -> Result<bool, StreamError> {
        let size = batch.records.len();
        source.untrimmed.fetch_add(batch.looked_at, Ordering::SeqCst);
        if size == 0 {
            self.advance(source, Progress { position: batch.until, ..progress })?;
            return Ok(true);
        }
        let now = self.clock.now();
        let records: Vec<_> =
            batch.records.iter().map(|(_, record)| wire::event(&source.table, record.clone(), now)).collect();
        let answer = self.invoke.invoke(&source.source.function, json!({ "Records": records })).await;
        let Some(first_failed) = wire::first_failed(&answer, &source.source, &batch.records) else {
            progress.pieces.pop();
            self.advance(
                source,
                Progress { position: batch.until, failures: 0, retry_at: None, ..progress },
            )?;
            return Ok(true);
        };
        progress.failures += 1;
        if first_failed > 0 {
            // What came before is done; the rest is a batch that has failed once.
            let position = first_failed.checked_sub(1).and_then(|last| batch.records.get(last));
            progress.position = position.map_or(progress.position, |(position, _)| *position);
            progress.failures = 1;
            if let Some(piece) = progress.pieces.last_mut() {
                *piece = size - first_failed;
            }
        } else if source.source.bisects && size > 1 {
            // Halving is not counted as a try.
            progress.failures -= 1;
            progress.pieces.pop();
            progress.pieces.extend([size - size / 2, size / 2]);
        } else if source.source.maximum_retries.is_some_and(|most| progress.failures > most) {
            self.give_up(source, &batch, progress.failures, now)?;
            progress.pieces.pop();
            self.advance(
                source,
                Progress { position: batch.until, failures: 0, retry_at: None, ..progress },
            )?;
            return Ok(true);
        }
        progress.retry_at = now.checked_add(pause(progress.failures)).ok();
        let goes_on = progress.retry_at.is_none_or(|retry_at| retry_at <= now);
        self.advance(source, progress)?;
        Ok(goes_on)
    }

    fn advance(&self, source: &StreamSource, progress: Progress) -> Result<(), StateError> {
        if source.progress().position != progress.position {
            self.store.put(NAMESPACE, &key(&source.table, &source.source.function), &progress.position)?;
        }
        *source.progress() = progress;
        Ok(())
    }

    /// Forgets the records that every source of the table is done with.
    fn trim(&self, source: &StreamSource) -> Result<(), StreamError> {
        if source.untrimmed.load(Ordering::SeqCst) >= TRIM_AFTER {
            source.untrimmed.store(0, Ordering::SeqCst);
            let of_table = self.sources.iter().filter(|other| other.table == source.table);
            let position = of_table.map(|other| other.progress().position).min().unwrap_or(0);
            self.dynamo.trim(&source.table, position)?;
        }
        Ok(())
    }

    /// Tells the template's destination which records were given up; the records themselves are not in it.
    fn give_up(
        &self,
        source: &StreamSource,
        batch: &Batch,
        tries: u32,
        now: Timestamp,
    ) -> Result<(), StreamError> {
        let function = &source.source.function;
        tracing::error!(
            function,
            table = source.table,
            records = batch.records.len(),
            "stream records were given up"
        );
        let Some(queue) = &source.source.on_failure else {
            return Ok(());
        };
        let told = wire::given_up(&source.table, function, &batch.records, tries, now);
        self.sqs.send_text(queue, told.to_string(), function)?;
        Ok(())
    }
}

impl Batch {
    fn take(&mut self, read: Vec<(i64, Value)>, is_wanted: impl Fn(&Value) -> bool) {
        for (position, record) in read {
            self.looked_at += 1;
            self.until = position;
            if is_wanted(&record) {
                self.records.push((position, record));
            }
        }
    }
}

impl Part for Streams {
    fn next_due(&self) -> Option<Timestamp> {
        self.sources.iter().filter_map(|source| source.progress().retry_at).min()
    }

    fn run_due(&self, now: Timestamp) -> Boxed<'_, ()> {
        Box::pin(async move {
            for source in &self.sources {
                let is_due = source.progress().retry_at.is_some_and(|retry_at| retry_at <= now);
                if is_due {
                    self.drain(source).await;
                }
            }
        })
    }

    fn is_busy(&self) -> bool {
        let now = self.clock.now();
        let has_work = |source: &StreamSource| {
            source.seen.load(Ordering::SeqCst) != *source.written.borrow()
                && source.progress().retry_at.is_none_or(|retry_at| retry_at <= now)
        };
        self.under_way.load(Ordering::SeqCst) > 0 || self.sources.iter().any(has_work)
    }
}

impl StreamSource {
    fn progress(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lets_through(&self, record: &Value) -> bool {
        self.filters.is_empty() || self.filters.iter().any(|pattern| pattern.matches(record))
    }
}

struct UnderWay<'a>(&'a AtomicUsize);

impl<'a> UnderWay<'a> {
    fn begin(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::SeqCst);
        Self(count)
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// The first retry comes at once, the next ones after 1, 2, 4 … 60 seconds.
fn pause(failures: u32) -> SignedDuration {
    match failures {
        0 | 1 => SignedDuration::ZERO,
        _ => SignedDuration::from_secs(1_i64.checked_shl(failures - 2).unwrap_or(60).clamp(1, 60)),
    }
}

fn key(table: &str, function: &str) -> String {
    format!("{table}/{function}")
}
