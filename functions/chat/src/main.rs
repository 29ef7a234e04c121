//! The bootstrap of `chat`: the routes of the support chat.

use edge::Environment;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    edge::telemetry::start();
    lambda_http::run(chat::build(&Environment::of_process()?)?).await
}
