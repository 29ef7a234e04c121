//! Sending what people are told: tasks of one queue, each one notification to one place or a page of many people; and from
//! another queue what mail servers, telephone networks and people have answered.

use std::sync::Arc;

use app::notifications::{Sender, Task, feedback::Notice};
use edge::{
    Environment, Misconfigured,
    batch::{BatchAnswer, QueueEvent, QueueRecord},
};
use futures_util::{StreamExt, stream};
use lambda_runtime::LambdaEvent;

/// Shared by all invocations.
pub type Handler = Arc<Sender>;

/// Tasks that are done at once.
const AT_ONCE: usize = 10;

/// Prepares the function.
///
/// # Errors
/// If the configuration is wrong.
pub fn build(environment: &Environment) -> Result<Handler, Misconfigured> {
    environment.finish(Arc::new(environment.sender()))
}

/// Does one batch at once. A task that cannot be read or done comes again and ends among the dead letters.
///
/// # Errors
/// Never: what failed is reported by name.
pub async fn handle(
    sender: Handler,
    event: LambdaEvent<QueueEvent>,
) -> Result<BatchAnswer, lambda_runtime::Error> {
    let records = event.payload.records.into_iter().map(|record| {
        let sender = sender.clone();
        Box::pin(async move { undone(&sender, record).await })
    });
    let undone = stream::iter(records.collect::<Vec<_>>()).buffer_unordered(AT_ONCE);
    let undone: Vec<Option<String>> = undone.collect().await;
    Ok(BatchAnswer::all_again(undone.into_iter().flatten()))
}

/// The name of a record that has to come again.
async fn undone(sender: &Sender, record: QueueRecord) -> Option<String> {
    let done = match record.read::<Task>() {
        Ok(task) => sender.run(task).await,
        Err(unknown) => match record.read::<Notice>() {
            Ok(notice) => sender.take_in(&notice).await,
            Err(_) => {
                tracing::error!(message_id = record.message_id, error = %unknown, "neither a task nor a notice");
                return Some(record.message_id);
            }
        },
    };
    let error = done.err()?;
    tracing::warn!(message_id = record.message_id, %error, "a task was not done and comes again");
    Some(record.message_id)
}
