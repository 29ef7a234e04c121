//! The bootstrap of `inventory`: the stock routes.

use edge::Environment;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    edge::telemetry::start();
    lambda_http::run(inventory::build(&Environment::of_process()?)?).await
}
