//! The bootstrap of `ws-message`: every frame of a client.

use edge::Environment;
use lambda_runtime::service_fn;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    edge::telemetry::start();
    let handler = ws_message::build(&Environment::of_process()?)?;
    lambda_runtime::run(service_fn(move |event| ws_message::handle(handler.clone(), event))).await
}
