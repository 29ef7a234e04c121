//! The bootstrap of `relay`: the tables' streams.

use edge::Environment;
use lambda_runtime::service_fn;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    edge::telemetry::start();
    let handler = relay::build(&Environment::of_process()?)?;
    lambda_runtime::run(service_fn(move |event| relay::handle(handler.clone(), event))).await
}
