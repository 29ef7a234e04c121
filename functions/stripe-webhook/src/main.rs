//! The bootstrap of `stripe-webhook`: Stripe's webhooks.

use edge::Environment;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    edge::telemetry::start();
    lambda_http::run(stripe_webhook::build(&Environment::of_process()?)?).await
}
