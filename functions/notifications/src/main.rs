//! The bootstrap of `notifications`: the routes of what people are told.

use edge::Environment;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    edge::telemetry::start();
    lambda_http::run(notifications::build(&Environment::of_process()?)?).await
}
