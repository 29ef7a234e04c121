//! Shards of large broadcasts: one message is one frame and up to a thousand receivers.

use app::{
    push::Push,
    relay::{Shard, serve_shard},
};
use edge::{
    Environment, Misconfigured,
    batch::{BatchAnswer, QueueEvent},
};
use lambda_runtime::LambdaEvent;

/// Shared by all invocations.
pub type Handler = Push;

/// Prepares the function.
///
/// # Errors
/// If the configuration is wrong.
pub fn build(environment: &Environment) -> Result<Handler, Misconfigured> {
    environment.finish(environment.push())
}

/// Serves one batch of shards. One that cannot be read comes again and ends among the dead letters.
///
/// # Errors
/// Never: what failed is reported by name.
pub async fn handle(
    push: Handler,
    event: LambdaEvent<QueueEvent>,
) -> Result<BatchAnswer, lambda_runtime::Error> {
    let mut answer = BatchAnswer::default();
    for record in event.payload.records {
        match record.read::<Shard>() {
            Ok(shard) => serve_shard(&push, shard).await,
            Err(error) => {
                tracing::error!(message_id = record.message_id, %error, "a shard cannot be read");
                answer.failures.extend(BatchAnswer::again(record.message_id).failures);
            }
        }
    }
    Ok(answer)
}
