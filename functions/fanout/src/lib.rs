//! Errands of the queue: shards of large broadcasts, posts that were not taken before, values to be shown again.

use app::{delivery::Errand, relay::Relay};
use edge::{
    Environment, Misconfigured,
    batch::{BatchAnswer, QueueEvent},
};
use lambda_runtime::LambdaEvent;

/// Shared by all invocations.
pub type Handler = Relay;

/// Prepares the function.
///
/// # Errors
/// If the configuration is wrong.
pub fn build(environment: &Environment) -> Result<Handler, Misconfigured> {
    environment.finish(environment.errands())
}

/// Does one batch of errands at once. One that cannot be read or done comes again and ends among the dead letters.
///
/// # Errors
/// Never: what failed is reported by name.
pub async fn handle(
    relay: Handler,
    event: LambdaEvent<QueueEvent>,
) -> Result<BatchAnswer, lambda_runtime::Error> {
    let mut answer = BatchAnswer::default();
    let mut errands = vec![];
    for record in event.payload.records {
        match record.read::<Errand>() {
            Ok(errand) => errands.push((record.message_id, errand)),
            Err(error) => {
                tracing::error!(message_id = record.message_id, %error, "an errand cannot be read");
                answer.failures.extend(BatchAnswer::again(record.message_id).failures);
            }
        }
    }
    for undone in Box::pin(relay.run_all(errands)).await {
        answer.failures.extend(BatchAnswer::again(undone).failures);
    }
    Ok(answer)
}
