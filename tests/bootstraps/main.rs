//! The built functions, as processes over the Lambda Runtime API, each with an event as AWS sends it.
//!
//! `./check bootstraps` builds them (`cargo build --profile ci`) and runs this.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "clippy takes helpers of tests for ordinary code"
)]

#[path = "../src/socket.rs"]
#[expect(dead_code, reason = "this story does less with sockets than those of the other binary")]
mod socket;
mod sockets;

use std::path::{Path, PathBuf};

use local::cloud::{LocalCloud, Options};
use serde_json::{Value, json};

/// Where cargo put the functions: `target/ci`, beside the folder of the profile that built this test.
fn built() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    test.ancestors().nth(3).unwrap().join("ci")
}

/// A folder as `cargo lambda build` leaves it: `<function>/bootstrap`.
fn bootstraps() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for function in local::functions::folders() {
        let binary = built().join(function);
        assert!(binary.exists(), "{} is not built: ./check bootstraps", binary.display());
        std::fs::create_dir(folder.path().join(function)).unwrap();
        std::os::unix::fs::symlink(binary, folder.path().join(function).join("bootstrap")).unwrap();
    }
    folder
}

/// A local cloud whose functions are processes, and the folder that they are in.
async fn cloud() -> (LocalCloud, tempfile::TempDir) {
    let folder = bootstraps();
    let template = Path::new(env!("CARGO_MANIFEST_DIR")).join("../template.yaml");
    let options = Options { bootstraps: Some(folder.path().to_owned()), ..Options::ephemeral(template) };
    (LocalCloud::start(options).await.unwrap(), folder)
}

/// What `function` answers to the event recorded for it.
async fn answer(function: &str, folder: &str) -> Value {
    let (cloud, _bootstraps) = cloud().await;
    let event = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("bootstraps/events/{folder}.json"));
    let event = serde_json::from_str(&std::fs::read_to_string(event).unwrap()).unwrap();
    let answer = cloud.invoke(function, event).await.unwrap();
    cloud.stop().await;
    answer
}

/// Status and body of an answer to API Gateway.
async fn reply(function: &str, folder: &str) -> (u64, Value) {
    let answer = answer(function, folder).await;
    let body = answer["body"].as_str().unwrap_or("null");
    (answer["statusCode"].as_u64().unwrap(), serde_json::from_str(body).unwrap())
}

#[tokio::test]
async fn catalog_lists_the_products_of_an_empty_shop() {
    let (status, body) = reply("Catalog", "catalog").await;
    assert_eq!((status, &body["data"]), (200, &json!([])));
}

#[tokio::test]
async fn chat_says_that_a_shop_without_agents_has_none() {
    let (status, body) = reply("Chat", "chat").await;
    assert_eq!((status, &body["state"]), (200, &json!("disabled")), "{body}");
}

#[tokio::test]
async fn inventory_has_nothing_of_what_was_never_there() {
    let (status, body) = reply("Inventory", "inventory").await;
    assert_eq!((status, body.as_array().map(Vec::len)), (200, Some(1)), "{body}");
    assert_eq!(body[0]["is_in_stock"], false, "{body}");
}

#[tokio::test]
async fn orders_takes_none_from_nobody() {
    let (status, body) = reply("Orders", "orders").await;
    assert_eq!((status, &body["code"]), (401, &json!("unauthenticated")));
}

#[tokio::test]
async fn payments_shows_none_to_nobody() {
    let (status, body) = reply("Payments", "payments").await;
    assert_eq!((status, &body["code"]), (401, &json!("unauthenticated")));
}

#[tokio::test]
async fn platform_makes_a_guest() {
    let (status, body) = reply("Platform", "platform").await;
    assert_eq!(status, 201, "{body}");
    assert!(body["token"].as_str().unwrap().starts_with("ey"), "{body}");
}

#[tokio::test]
async fn stripe_webhook_refuses_a_forged_signature() {
    let (status, body) = reply("StripeWebhook", "stripe-webhook").await;
    assert_eq!((status, &body["code"]), (400, &json!("signature_invalid")));
}

#[tokio::test]
async fn ws_connect_refuses_a_ticket_that_nobody_was_given() {
    assert_eq!(reply("WsConnect", "ws-connect").await.0, 401);
}

#[tokio::test]
async fn ws_disconnect_forgets_a_connection_that_it_never_knew() {
    assert_eq!(reply("WsDisconnect", "ws-disconnect").await, (200, Value::Null));
}

#[tokio::test]
async fn ws_message_answers_a_stranger_with_an_error_frame() {
    let (status, body) = reply("WsMessage", "ws-message").await;
    assert_eq!((status, &body["type"], &body["reply_to"]), (200, &json!("error"), &json!("1")));
}

#[tokio::test]
async fn relay_publishes_a_row_of_the_journal() {
    assert_eq!(answer("Relay", "relay").await, json!({ "batchItemFailures": [] }));
}

#[tokio::test]
async fn fanout_asks_again_for_the_message_that_it_cannot_read_and_for_no_other() {
    let unread = json!([{ "itemIdentifier": "2e1424d4-f796-459a-8184-9c92662be6da" }]);
    assert_eq!(answer("Fanout", "fanout").await, json!({ "batchItemFailures": unread }));
}

#[tokio::test]
async fn notifier_does_what_it_can_read_and_asks_again_for_nothing_else() {
    let unread = json!([{ "itemIdentifier": "2e1424d4-f796-459a-8184-9c92662be6da" }]);
    assert_eq!(answer("Notifier", "notifier").await, json!({ "batchItemFailures": unread }));
}

#[tokio::test]
async fn notifications_are_shown_to_nobody_in_particular() {
    let (status, body) = reply("Notifications", "notifications").await;
    assert_eq!((status, &body["code"]), (401, &json!("unauthenticated")), "{body}");
}

#[tokio::test]
async fn sweeper_finds_nothing_due_in_an_empty_shop() {
    assert_eq!(answer("Sweeper", "sweeper").await, json!({ "done": 0, "failed": 0 }));
}

#[test]
fn an_event_is_recorded_for_every_function() {
    let events = Path::new(env!("CARGO_MANIFEST_DIR")).join("bootstraps/events");
    let recorded = std::fs::read_dir(events).unwrap().map(Result::unwrap);
    let recorded: std::collections::BTreeSet<_> =
        recorded.map(|entry| entry.path().file_stem().unwrap().to_str().unwrap().to_owned()).collect();
    let functions: std::collections::BTreeSet<_> =
        local::functions::folders().into_iter().map(String::from).collect();
    assert_eq!(recorded, functions);
}
