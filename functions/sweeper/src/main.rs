//! The bootstrap of `sweeper`: what falls due.

use edge::Environment;
use lambda_runtime::service_fn;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    edge::telemetry::start();
    let handler = sweeper::build(&Environment::of_process()?)?;
    lambda_runtime::run(service_fn(move |event| sweeper::handle(handler.clone(), event))).await
}
