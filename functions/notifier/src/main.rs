//! The bootstrap of `notifier`: what is sent to people.

use edge::Environment;
use lambda_runtime::service_fn;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    edge::telemetry::start();
    let handler = notifier::build(&Environment::of_process()?)?;
    lambda_runtime::run(service_fn(|event| notifier::handle(handler.clone(), event))).await
}
