//! The bootstrap of `fanout`: shards of large broadcasts.

use edge::Environment;
use lambda_runtime::service_fn;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    edge::telemetry::start();
    let handler = fanout::build(&Environment::of_process()?)?;
    lambda_runtime::run(service_fn(move |event| fanout::handle(handler.clone(), event))).await
}
