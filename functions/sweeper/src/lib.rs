//! Once a minute: everything that falls due.

use std::sync::Arc;

use app::{alerts::Alerts, sweeper::Sweeper};
use edge::{Environment, Misconfigured};
use lambda_runtime::LambdaEvent;
use serde_json::{Value, json};

/// What does what falls due, and tells operators what it could not do.
pub struct Sweeping {
    sweeper: Sweeper,
    alerts: Alerts,
}

/// Shared by all invocations.
pub type Handler = Arc<Sweeping>;

/// Prepares the function.
///
/// # Errors
/// If the configuration is wrong.
pub fn build(environment: &Environment) -> Result<Handler, Misconfigured> {
    environment.finish(Arc::new(Sweeping { sweeper: environment.sweeper(), alerts: environment.alerts() }))
}

/// Answers one tick of the schedule; what the tick says does not matter.
///
/// # Errors
/// If what is due cannot be read: the next tick tries again.
pub async fn handle(handler: Handler, _tick: LambdaEvent<Value>) -> Result<Value, lambda_runtime::Error> {
    // Boxed: it is every use case that can fall due, one inside the other.
    let swept = Box::pin(handler.sweeper.sweep()).await?;
    if let Some(message) = swept.alarm() {
        handler.alerts.raise("shopwire: work that keeps failing", &message).await?;
    }
    Ok(json!({ "done": swept.done, "failed": swept.failed }))
}
