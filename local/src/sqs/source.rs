//! Queues as event sources: batches of messages to functions, as Lambda's poller does it.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use jiff::Timestamp;
use serde_json::{Map, Value, json};
use tokio::sync::Semaphore;

use super::{Message, Sqs, digest, protocol, queue_arn};
use crate::{
    aws::REGION,
    lambda::Answer,
    part::{Boxed, Invoke, Part},
    template::{Source, SourceKind},
};

/// How many batches of a source are under way where the template does not say: what Lambda starts with.
const CONCURRENCY: usize = 5;

/// Feeds the functions that the template puts behind queues, and turns time for all queues.
pub struct QueueSources {
    sqs: Sqs,
    invoke: Arc<dyn Invoke>,
    sources: Vec<(String, Source)>,
    under_way: AtomicUsize,
}

impl QueueSources {
    /// Starts polling: one task for each source, woken by messages and by the clock.
    pub fn start(sqs: Sqs, invoke: Arc<dyn Invoke>, sources: &[Source]) -> Arc<Self> {
        let sources = sources
            .iter()
            .filter_map(|source| match &source.kind {
                SourceKind::Queue(queue) => Some((queue.clone(), source.clone())),
                SourceKind::Stream(_) => None,
            })
            .collect::<Vec<_>>();
        let count = sources.len();
        let started = Arc::new(Self { sqs, invoke, sources, under_way: AtomicUsize::new(0) });
        for index in 0..count {
            let sources = Arc::clone(&started);
            tokio::spawn(async move { sources.poll(index).await });
        }
        started
    }

    async fn poll(self: Arc<Self>, index: usize) {
        let Some((queue, source)) = self.sources.get(index) else {
            return;
        };
        let slots = Arc::new(Semaphore::new(source.maximum_concurrency.unwrap_or(CONCURRENCY).max(1)));
        let mut changed = self.sqs.changed.subscribe();
        loop {
            let Ok(slot) = Arc::clone(&slots).acquire_owned().await else {
                return;
            };
            changed.mark_unchanged();
            // Counted before it is taken, so that the queue is never seen idle between the two.
            let under_way = UnderWay::begin(&self);
            match self.sqs.receive(queue, source.batch_size, None) {
                Ok(messages) if messages.is_empty() => {}
                Ok(messages) => {
                    tokio::spawn(async move {
                        under_way.0.deliver(index, messages).await;
                        drop((under_way, slot));
                    });
                    continue;
                }
                Err(error) => tracing::error!(queue, %error, "messages cannot be received"),
            }
            drop((under_way, slot));
            if changed.changed().await.is_err() {
                return;
            }
        }
    }

    async fn deliver(&self, index: usize, messages: Vec<Message>) {
        let Some((queue, source)) = self.sources.get(index) else {
            return;
        };
        let records: Vec<_> = messages.iter().map(|message| record(queue, message)).collect();
        let answer = self.invoke.invoke(&source.function, json!({ "Records": records })).await;
        let Some(failed) = failed(&answer, source, &messages) else {
            tracing::warn!(queue, function = source.function, messages = messages.len(), "a batch failed");
            return; // its messages are seen again when their visibility timeout has passed
        };
        for message in messages.iter().filter(|message| !failed.contains(message.id.as_str())) {
            if let Err(error) = self.sqs.delete(queue, message.receipt.as_deref().unwrap_or_default()) {
                tracing::error!(queue, %error, "a handled message cannot be deleted");
            }
        }
    }
}

impl Part for QueueSources {
    fn next_due(&self) -> Option<Timestamp> {
        let visible = self.sources.iter().filter_map(|(queue, _)| self.sqs.next_visible(queue));
        visible.chain(self.sqs.next_expiry()).min()
    }

    /// Wakes the pollers; `is_busy` says until when they have work.
    fn run_due(&self, now: Timestamp) -> Boxed<'_, ()> {
        Box::pin(async move {
            if self.sqs.next_expiry().is_some_and(|expiry| expiry <= now)
                && let Err(error) = self.sqs.expire(now)
            {
                tracing::error!(%error, "expired messages cannot be removed");
            }
            if self.sources.iter().any(|(queue, _)| self.sqs.has_visible(queue)) {
                self.sqs.wake();
            }
        })
    }

    fn is_busy(&self) -> bool {
        self.sources.iter().any(|(queue, _)| self.sqs.has_visible(queue))
            || self.under_way.load(Ordering::SeqCst) > 0
    }
}

/// A batch under way, counted until it is dropped.
struct UnderWay(Arc<QueueSources>);

impl UnderWay {
    fn begin(sources: &Arc<QueueSources>) -> Self {
        sources.under_way.fetch_add(1, Ordering::SeqCst);
        Self(Arc::clone(sources))
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.under_way.fetch_sub(1, Ordering::SeqCst);
    }
}

/// The ids of the messages that failed; none if the whole batch did. Lambda takes an answer that it does not
/// understand for a failure of all.
fn failed<'a>(answer: &'a Answer, source: &Source, messages: &[Message]) -> Option<BTreeSet<&'a str>> {
    let answer = answer.as_ref().ok()?;
    if !source.reports_failures {
        return Some(BTreeSet::new());
    }
    let Some(failures) = answer.get("batchItemFailures").filter(|failures| !failures.is_null()) else {
        return Some(BTreeSet::new());
    };
    failures
        .as_array()?
        .iter()
        .map(|failure| {
            let id = failure.get("itemIdentifier")?.as_str()?;
            messages.iter().any(|message| message.id == id).then_some(id)
        })
        .collect()
}

/// A message as a function gets it.
fn record(queue: &str, message: &Message) -> Value {
    let attributes: Map<_, _> = message
        .attributes
        .iter()
        .map(|(name, attribute)| {
            let mut shown = json!({
                "dataType": digest::data_type(attribute),
                "stringListValues": [],
                "binaryListValues": [],
            });
            if let Value::Object(members) = &mut shown {
                for (sent, received) in [("StringValue", "stringValue"), ("BinaryValue", "binaryValue")] {
                    if let Some(value) = attribute.get(sent) {
                        members.insert(received.to_owned(), value.clone());
                    }
                }
            }
            (name.clone(), shown)
        })
        .collect();
    let mut record = json!({
        "messageId": message.id,
        "receiptHandle": message.receipt,
        "body": message.body,
        "attributes": protocol::system_attributes(message),
        "messageAttributes": attributes,
        "md5OfBody": digest::of_body(&message.body),
        "eventSource": "aws:sqs",
        "eventSourceARN": queue_arn(queue),
        "awsRegion": REGION,
    });
    if let (Some(digest), Value::Object(members)) = (digest::of_attributes(&message.attributes), &mut record)
    {
        members.insert("md5OfMessageAttributes".to_owned(), digest.into());
    }
    record
}
