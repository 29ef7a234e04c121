//! The tables' streams: journal rows become live events, audit lines and counters.
//!
//! An operator may also invoke it, to publish again what happened since an instant: `{"rerelay": {"since": "…"}}`.

use app::relay::{Relay, Rerelay};
use edge::{
    Environment, Misconfigured,
    batch::{BatchAnswer, StreamEvent, StreamRecord},
};
use lambda_runtime::LambdaEvent;
use serde::Deserialize;
use serde_json::{Value, json};

/// Shared by all invocations.
pub type Handler = Relay;

/// What it is invoked with.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub enum Asked {
    /// A batch of a stream.
    Stream(StreamEvent),
    /// An operator's wish.
    Again {
        /// Since when, and where to go on.
        rerelay: Rerelay,
    },
}

/// Prepares the function.
///
/// # Errors
/// If the configuration is wrong.
pub fn build(environment: &Environment) -> Result<Handler, Misconfigured> {
    environment.finish(environment.relay())
}

/// Publishes one batch, or one page of what an operator wants to be published again.
///
/// # Errors
/// If a page cannot be read or published. A batch is reported as failed instead.
pub async fn handle(relay: Handler, event: LambdaEvent<Asked>) -> Result<Value, lambda_runtime::Error> {
    match event.payload {
        Asked::Stream(batch) => Ok(json!(publish(&relay, &batch.records).await)),
        Asked::Again { rerelay } => Ok(json!(Box::pin(relay.rerelay(rerelay)).await?)),
    }
}

/// A row that cannot be published is parked; only if that fails too does the batch come again.
async fn publish(relay: &Relay, records: &[StreamRecord]) -> BatchAnswer {
    let rows: Vec<_> = records.iter().filter_map(StreamRecord::row).collect();
    match Box::pin(relay.publish(&rows)).await {
        Ok(()) => BatchAnswer::default(),
        Err(error) => {
            tracing::error!(%error, records = records.len(), "a batch was not published and comes again");
            let first = records.first().map(StreamRecord::sequence_number).unwrap_or_default();
            BatchAnswer::again(first)
        }
    }
}
