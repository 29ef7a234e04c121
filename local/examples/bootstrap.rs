//! A function that does as its event says, for the tests of the Runtime API.
#![allow(clippy::disallowed_methods, reason = "it shows a test the environment that it was started with")]

use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use serde_json::{Value, json};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    run(service_fn(obey)).await
}

async fn obey(event: LambdaEvent<Value>) -> Result<Value, Error> {
    let LambdaEvent { payload, context } = event;
    match payload.get("do").and_then(Value::as_str).unwrap_or_default() {
        "fail" => Err("told to fail".into()),
        "exit" => std::process::exit(7),
        // Whoever reads the pipe learns when this process ends.
        "hold" => {
            let path = payload.get("pipe").and_then(Value::as_str).unwrap_or_default();
            std::mem::forget(std::fs::OpenOptions::new().write(true).open(path)?);
            Ok(payload)
        }
        "hang" => std::future::pending().await,
        "report" => Ok(json!({
            "process": std::process::id(),
            "environment": std::env::vars().collect::<std::collections::BTreeMap<_, _>>(),
            "request_id": context.request_id,
            "deadline": context.deadline,
            "arn": context.invoked_function_arn,
        })),
        _ => Ok(payload),
    }
}
