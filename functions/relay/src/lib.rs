//! The tables' streams: journal rows become live events, audit lines and counters.

use app::relay::Relay;
use edge::{
    Environment, Misconfigured,
    batch::{BatchAnswer, StreamEvent, StreamRecord},
};
use lambda_runtime::LambdaEvent;

/// Shared by all invocations.
pub type Handler = Relay;

/// Prepares the function.
///
/// # Errors
/// If the configuration is wrong.
pub fn build(environment: &Environment) -> Result<Handler, Misconfigured> {
    environment.finish(environment.relay())
}

/// Publishes one batch. A row that cannot be published is parked; only if that fails too does the batch come again.
///
/// # Errors
/// Never: the batch is reported as failed instead.
pub async fn handle(
    relay: Handler,
    event: LambdaEvent<StreamEvent>,
) -> Result<BatchAnswer, lambda_runtime::Error> {
    let records = event.payload.records;
    let rows = records.iter().filter_map(StreamRecord::row).collect();
    match Box::pin(relay.publish(rows)).await {
        Ok(()) => Ok(BatchAnswer::default()),
        Err(error) => {
            tracing::error!(%error, records = records.len(), "a batch was not published and comes again");
            let first = records.first().map(StreamRecord::sequence_number).unwrap_or_default();
            Ok(BatchAnswer::again(first))
        }
    }
}
