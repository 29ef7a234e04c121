//! Real processes over the real Runtime API: what a deployed bootstrap would do.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a test may fail by panicking, and serves what it tests"
)]

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use local::{
    lambda::Lambda,
    runtime_api::{Bootstrap, Sandbox},
    template::Function,
};
use serde_json::{Value, json};

/// A directory as `cargo lambda build` leaves it, with one function in it.
fn built(timeout: Duration) -> (tempfile::TempDir, Function) {
    let deps = std::env::current_exe().unwrap();
    let binary: PathBuf = deps.parent().unwrap().parent().unwrap().join("examples/bootstrap");
    assert!(binary.exists(), "cargo test -p local builds the example that this test starts");
    let directory = tempfile::tempdir().unwrap();
    std::fs::create_dir(directory.path().join("obedient")).unwrap();
    std::os::unix::fs::symlink(binary, directory.path().join("obedient/bootstrap")).unwrap();
    let environment = BTreeMap::from([("TABLE".to_owned(), "Orders".to_owned())]);
    (directory, Function { name: "Obedient".to_owned(), folder: "obedient".to_owned(), environment, timeout })
}

async fn report(lambda: &Lambda) -> Value {
    lambda.invoke("Obedient", json!({"do": "report"})).await.unwrap()
}

#[tokio::test]
async fn a_bootstrap_answers_an_event() {
    let (directory, function) = built(Duration::from_secs(20));
    let mut sandbox =
        Sandbox::start(&Bootstrap::built_in(directory.path(), &function).unwrap()).await.unwrap();
    let answer = sandbox.invoke(&json!({"hello": "€"}), Duration::from_secs(20)).await;
    assert_eq!(answer, Ok(json!({"hello": "€"})));
}

#[tokio::test]
async fn a_bootstrap_sees_what_lambda_sets_and_what_the_template_states() {
    let (directory, function) = built(Duration::from_secs(20));
    let lambda = Lambda::bootstraps(directory.path(), [&function]).unwrap();
    let report = report(&lambda).await;
    let environment = &report["environment"];
    assert_eq!(environment["TABLE"], "Orders");
    assert_eq!(environment["AWS_ACCESS_KEY_ID"], "Obedient");
    assert_eq!(environment["AWS_LAMBDA_FUNCTION_NAME"], "Obedient");
    assert_eq!(environment.get("CARGO_PKG_NAME"), None, "nothing of ours leaks into it");
    assert_eq!(report["arn"], "arn:aws:lambda:eu-west-1:000000000000:function:Obedient");
    assert_eq!(lambda.invocations(), BTreeMap::from([("Obedient".to_owned(), 1)]));
}

#[tokio::test]
async fn one_process_serves_one_event_after_another() {
    let (directory, function) = built(Duration::from_secs(20));
    let lambda = Lambda::bootstraps(directory.path(), [&function]).unwrap();
    let (first, second) = (report(&lambda).await, report(&lambda).await);
    assert_eq!(first["process"], second["process"]);
    assert_ne!(first["request_id"], second["request_id"]);
}

#[tokio::test]
async fn events_at_the_same_time_go_to_processes_of_their_own() {
    let (directory, function) = built(Duration::from_secs(20));
    let lambda = Lambda::bootstraps(directory.path(), [&function]).unwrap();
    let (one, other) = tokio::join!(report(&lambda), report(&lambda));
    assert_ne!(one["process"], other["process"]);
}

#[tokio::test]
async fn an_error_is_answered_and_the_process_lives_on() {
    let (directory, function) = built(Duration::from_secs(20));
    let lambda = Lambda::bootstraps(directory.path(), [&function]).unwrap();
    let before = report(&lambda).await;
    let error = lambda.invoke("Obedient", json!({"do": "fail"})).await.unwrap_err();
    assert_eq!(error["errorMessage"], "told to fail");
    assert_eq!(before["process"], report(&lambda).await["process"]);
}

#[tokio::test]
async fn a_crash_fails_its_own_invocation_and_the_next_gets_a_new_process() {
    let (directory, function) = built(Duration::from_secs(20));
    let lambda = Lambda::bootstraps(directory.path(), [&function]).unwrap();
    let before = report(&lambda).await;
    let error = lambda.invoke("Obedient", json!({"do": "exit"})).await.unwrap_err();
    assert_eq!(error["errorType"], "Runtime.ExitError");
    assert!(error["errorMessage"].as_str().unwrap().ends_with("exit status: 7"), "{error}");
    assert_ne!(before["process"], report(&lambda).await["process"]);
}

#[tokio::test]
async fn a_process_that_misses_its_deadline_is_killed() {
    let (directory, function) = built(Duration::from_millis(300));
    let lambda = Lambda::bootstraps(directory.path(), [&function]).unwrap();
    let error = lambda.invoke("Obedient", json!({"do": "hang"})).await.unwrap_err();
    assert_eq!(error["errorType"], "Sandbox.Timedout");
    assert_eq!(lambda.invoke("Obedient", json!(1)).await, Ok(json!(1)));
}

#[tokio::test]
async fn no_process_outlives_the_service() {
    let (directory, function) = built(Duration::from_secs(20));
    let pipe = directory.path().join("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let lambda = Lambda::bootstraps(directory.path(), [&function]).unwrap();
    let ended = tokio::task::spawn_blocking({
        let pipe = pipe.clone();
        move || std::fs::read(pipe)
    });
    lambda.invoke("Obedient", json!({"do": "hold", "pipe": pipe})).await.unwrap();
    assert!(!ended.is_finished());
    drop(lambda);
    let ended = tokio::time::timeout(Duration::from_secs(10), ended).await;
    assert!(ended.expect("the process should have been killed").unwrap().unwrap().is_empty());
}

#[tokio::test]
async fn a_binary_that_is_not_built_is_named_at_the_start() {
    let (directory, mut function) = built(Duration::from_secs(20));
    function.folder = "forgotten".to_owned();
    let missing = Lambda::bootstraps(directory.path(), [&function]).err().unwrap().to_string();
    assert!(missing.contains("forgotten/bootstrap is not there"), "{missing}");
}

#[tokio::test]
async fn a_binary_that_exits_before_its_first_poll_fails_the_invocation() {
    let bootstrap =
        Bootstrap { function: "No".to_owned(), binary: "/bin/false".into(), environment: BTreeMap::new() };
    let error = Sandbox::start(&bootstrap).await.err().unwrap();
    assert_eq!(error["errorType"], "Runtime.ExitError");
}
