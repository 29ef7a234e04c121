//! The bootstrap of `payments`: the payment routes.

use edge::Environment;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    edge::telemetry::start();
    lambda_http::run(payments::build(&Environment::of_process()?)?).await
}
