//! The bootstrap of `ws-connect`: `$connect`.

use edge::Environment;
use lambda_runtime::service_fn;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    edge::telemetry::start();
    let handler = ws_connect::build(&Environment::of_process()?)?;
    lambda_runtime::run(service_fn(move |event| ws_connect::handle(handler.clone(), event))).await
}
