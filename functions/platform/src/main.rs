//! The bootstrap of `platform`: identity, tickets, configuration, health, audit and flags.

use edge::Environment;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    edge::telemetry::start();
    lambda_http::run(platform::build(&Environment::of_process()?)?).await
}
