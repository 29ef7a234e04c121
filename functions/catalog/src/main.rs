//! The bootstrap of `catalog`: the product routes.

use edge::Environment;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    edge::telemetry::start();
    lambda_http::run(catalog::build(&Environment::of_process()?)?).await
}
