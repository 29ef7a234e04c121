//! The command line, as processes: what it says, how it ends, and what survives when it is killed.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "clippy takes helpers of tests for ordinary code"
)]

use std::{
    io::{BufRead, BufReader},
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
};

use aws_sdk_sqs::types::MessageAttributeValue;
use serde_json::{Value, json};

fn template() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../template.yaml")
}

fn shopwire(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_shopwire"));
    command.args(arguments).current_dir(Path::new(env!("CARGO_MANIFEST_DIR"))).env_remove("RUST_LOG");
    command
}

/// Runs it to its end.
fn run(arguments: &[&str]) -> Output {
    shopwire(arguments).output().unwrap()
}

fn complaint(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    assert!(output.stdout.is_empty(), "{output:?}");
    let said = String::from_utf8(output.stderr.clone()).unwrap();
    assert_eq!(said.lines().count(), 1, "{said}");
    said
}

/// A local cloud in a process of its own.
struct Running {
    child: Child,
    http: String,
}

impl Running {
    fn start(data: &Path) -> Self {
        let data = data.to_str().unwrap();
        let ports = ["--http-port", "0", "--ws-port", "0"];
        let mut child = shopwire(&["serve", "--json", "--data", data])
            .args(ports)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        let ready: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(ready["ready"], true);
        Self { child, http: ready["http"].as_str().unwrap().to_owned() }
    }

    async fn token(&self) -> String {
        let token = json!({"role": "admin", "user": "boss"});
        self.post("/_local/token", "", "-", token).await.unwrap()["token"].as_str().unwrap().to_owned()
    }

    /// The answer of something that went well; none if there was no answer or a refusal.
    async fn post(&self, path: &str, token: &str, key: &str, body: Value) -> Option<Value> {
        let request = reqwest::Client::new()
            .post(format!("{}{path}", self.http))
            .bearer_auth(token)
            .header("idempotency-key", key)
            .json(&body);
        let answer = request.send().await.ok()?;
        let is_good = answer.status().is_success();
        let body = answer.json().await.ok()?;
        is_good.then_some(body)
    }

    async fn get(&self, path: &str, token: &str) -> Value {
        let request = reqwest::Client::new().get(format!("{}{path}", self.http)).bearer_auth(token);
        request.send().await.unwrap().json().await.unwrap()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

#[test]
fn a_port_in_use_is_said_in_one_line() {
    let taken = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let said = complaint(&run(&["--ephemeral", "--http-port", &port, "--ws-port", "0"]));
    assert!(said.contains(&format!("port {port} is in use")) && said.contains("--http-port"), "{said}");
}

#[test]
fn a_missing_and_a_broken_template_are_said_in_one_line() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("none.yaml");
    let ports = ["--ephemeral", "--http-port", "0", "--ws-port", "0", "--template"];
    let said = complaint(&run(&[&ports[..], &[missing.to_str().unwrap()]].concat()));
    assert!(said.contains("none.yaml"), "{said}");
    complaint(&run(&[&ports[1..], &[missing.to_str().unwrap()]].concat()));
    assert!(std::fs::read_dir(folder.path()).unwrap().next().is_none(), "and nothing is made beside it");

    let broken = folder.path().join("template.yaml");
    let text = std::fs::read_to_string(template()).unwrap();
    std::fs::write(&broken, text.replace("functions/orders", "functions/returns")).unwrap();
    let said = complaint(&run(&[&ports[..], &[broken.to_str().unwrap()]].concat()));
    assert!(said.contains("functions/returns"), "{said}");

    std::fs::write(&broken, "Resources: [").unwrap();
    let said = complaint(&run(&[&ports[..], &[broken.to_str().unwrap()]].concat()));
    assert!(said.contains("template.yaml"), "{said}");

    let nowhere = shopwire(&["--ephemeral"]).current_dir(folder.path().parent().unwrap()).output().unwrap();
    assert!(complaint(&nowhere).contains("--template"), "{nowhere:?}");
}

#[test]
fn a_pair_of_keys_for_web_push_is_made() {
    let text = |output: Output| String::from_utf8(output.stdout).unwrap();
    let keys: Value = serde_json::from_str(&text(run(&["vapid", "--json"]))).unwrap();
    let length = |name: &str| keys[name].as_str().unwrap().len();
    assert_eq!((length("public_key"), length("private_key")), (87, 43), "65 and 32 bytes in base64url");
    let lines = text(run(&["vapid"]));
    let words: Vec<_> = lines.split_whitespace().collect();
    assert_eq!((words[0], words[1].len(), words[2], words[3].len()), ("public", 87, "private", 43));
}

#[tokio::test]
async fn a_data_folder_has_one_owner() {
    let folder = tempfile::tempdir().unwrap();
    let first = Running::start(folder.path());
    let data = folder.path().to_str().unwrap();
    let said = complaint(&run(&["--data", data, "--http-port", "0", "--ws-port", "0"]));
    assert!(said.contains("in use by another shopwire"), "{said}");
    drop(first);
    drop(Running::start(folder.path()));
}

#[tokio::test]
async fn commands_ask_the_running_cloud() {
    let folder = tempfile::tempdir().unwrap();
    let running = Running::start(folder.path());
    let asks = |arguments: &[&str]| {
        let output = shopwire(arguments).env("SHOPWIRE_URL", &running.http).output().unwrap();
        assert!(output.status.success(), "{arguments:?} {output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let token = asks(&["token", "--role", "admin", "--user", "boss"]);
    assert_eq!(token.trim().split('.').count(), 3, "{token}");
    asks(&["seed"]);
    asks(&["seed"]);
    let cup = running.get("/api/v1/inventory/cup", token.trim()).await;
    assert_eq!(cup["available_quantity"], 1, "{cup}");
    assert!(asks(&["advance", "15m"]).starts_with("it is "));
    // What a turned clock wrote does not lie in the future of the next start.
    let before = running.get("/_local/clock", "").await["now"].as_str().unwrap().to_owned();
    drop(running);
    let again = Running::start(folder.path());
    let after = again.get("/_local/clock", "").await["now"].as_str().unwrap().to_owned();
    assert!(after >= before, "{after} {before}");
}

#[tokio::test]
async fn dead_letters_go_back_to_where_they_came_from_or_elsewhere() {
    let folder = tempfile::tempdir().unwrap();
    let running = Running::start(folder.path());
    let aws = running.get("/_local/aws", "").await;
    let config = aws_sdk_sqs::Config::builder()
        .behavior_version(aws_sdk_sqs::config::BehaviorVersion::latest())
        .region(aws_sdk_sqs::config::Region::new("eu-west-1"))
        .credentials_provider(aws_sdk_sqs::config::Credentials::new("x", "x", None, None, "test"))
        .endpoint_url(aws["endpoint"].as_str().unwrap());
    let client = aws_sdk_sqs::Client::from_conf(config.build());
    let url = |name: &str| format!("{}/000000000000/{name}", aws["endpoint"].as_str().unwrap());
    let kind = MessageAttributeValue::builder().data_type("String").string_value("é").build().unwrap();
    for body in ["one", "two", "three"] {
        let send = client.send_message().queue_url(url("FanoutDeadLetters")).message_body(body);
        send.message_attributes("kind", kind.clone()).send().await.unwrap();
    }
    let replay = |arguments: &[&str]| {
        let arguments = [&["replay-dlq", "--queue", "FanoutDeadLetters"], arguments].concat();
        let output = shopwire(&arguments).env("SHOPWIRE_URL", &running.http).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let elsewhere = replay(&["--to", "RelayDeadLetters", "--limit", "2"]);
    assert_eq!(elsewhere, "2 letters moved from FanoutDeadLetters to RelayDeadLetters\n");
    let receive = client.receive_message().queue_url(url("RelayDeadLetters")).max_number_of_messages(10);
    let messages = receive.message_attribute_names("All").send().await.unwrap().messages.unwrap();
    let bodies: Vec<_> = messages.iter().map(|message| message.body().unwrap()).collect();
    assert_eq!(bodies, ["one", "two"]);
    assert_eq!(messages[0].message_attributes().unwrap()["kind"], kind);
    assert_eq!(replay(&[]), "1 letter moved from FanoutDeadLetters to FanoutQueue\n");
    assert_eq!(replay(&[]), "0 letters moved from FanoutDeadLetters to FanoutQueue\n");

    let refused = |queue: &str| {
        let endpoint = aws["endpoint"].as_str().unwrap();
        complaint(&run(&["replay-dlq", "--endpoint", endpoint, "--queue", queue]))
    };
    assert!(refused("Nowhere").contains("there is no queue Nowhere"));
    assert!(refused("RelayDeadLetters").contains("--to"));
}

#[test]
fn a_command_without_a_running_cloud_fails_with_what_to_do() {
    let output = run(&["token", "--url", "http://127.0.0.1:9"]);
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("start one with `shopwire`"), "{said}");
}

#[test]
fn documents_are_written_and_checked() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("openapi.json");
    let file = file.to_str().unwrap();
    assert!(run(&["openapi", "--out", file]).status.success());
    assert!(run(&["openapi", "--check", file]).status.success());
    std::fs::write(file, "{}").unwrap();
    assert_eq!(run(&["openapi", "--check", file]).status.code(), Some(1));
    let site = folder.path().join("site");
    assert!(run(&["docs", "--out", site.to_str().unwrap()]).status.success());
    assert!(site.join("docs/index.html").is_file() && site.join("openapi.json").is_file());
}

#[cfg(unix)]
#[tokio::test]
async fn it_stops_in_order_when_it_is_told_to() {
    let folder = tempfile::tempdir().unwrap();
    let mut running = Running::start(folder.path());
    let id = running.child.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
    let status = running.child.wait().unwrap();
    assert_eq!(status.code(), Some(0));
}

#[tokio::test]
async fn a_process_that_is_killed_while_its_clock_is_turned_does_not_go_back_in_time() {
    let folder = tempfile::tempdir().unwrap();
    let mut running = Running::start(folder.path());
    let shown = async || running.get("/_local/clock", "").await["now"].as_str().unwrap().to_owned();
    let begun = shown().await.parse::<jiff::Timestamp>().unwrap();
    let turning = running.post("/_local/clock", "", "-", json!({ "advance_seconds": 10 * 24 * 60 * 60 }));
    let watching = async {
        loop {
            let now = shown().await.parse::<jiff::Timestamp>().unwrap();
            if now.duration_since(begun).as_hours() > 0 {
                return now;
            }
        }
    };
    let futures_util::future::Either::Right((seen, _)) =
        futures_util::future::select(Box::pin(turning), Box::pin(watching)).await
    else {
        panic!("turned before anybody could look");
    };
    running.child.kill().unwrap(); // SIGKILL
    running.child.wait().unwrap();
    let again = Running::start(folder.path());
    let after =
        again.get("/_local/clock", "").await["now"].as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
    assert!(after >= seen, "{after} {seen}");
}

/// Many add to one level at once, and the process is killed in the middle of it: what was acknowledged is there
/// afterwards, and the ledger says the same as the level.
#[tokio::test]
async fn a_killed_process_loses_nothing_that_it_acknowledged() {
    let folder = tempfile::tempdir().unwrap();
    let mut running = Running::start(folder.path());
    let token = running.token().await;
    let price = json!({"amount": 100, "currency": "USD"});
    let mug = json!({"product_id": "mug", "name": "Mug", "price": price});
    running.post("/api/v1/products", &token, "mug", mug).await.unwrap();
    let add = json!({"product_id": "mug", "quantity": 1, "operation": "add"});
    let acknowledged = std::sync::atomic::AtomicU32::new(0);
    let adding = async |adder: u32| {
        for number in 0.. {
            let key = format!("{adder} {number}");
            let added = running.post("/api/v1/inventory/adjustments", &token, &key, add.clone());
            if added.await.is_none() {
                return;
            }
            acknowledged.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        }
    };
    let killing = async {
        while acknowledged.load(std::sync::atomic::Ordering::SeqCst) < 40 {
            tokio::task::yield_now().await;
        }
        let id = running.child.id().to_string();
        assert!(Command::new("kill").args(["-KILL", &id]).status().unwrap().success());
    };
    futures_util::future::join(futures_util::future::join_all((0..8).map(adding)), killing).await;
    running.child.wait().unwrap();
    let acknowledged = i64::from(acknowledged.into_inner());

    let again = Running::start(folder.path());
    let level = again.get("/api/v1/inventory/mug", &token).await;
    let kept = level["available_quantity"].as_i64().unwrap();
    // One request of each adder may have been done and not acknowledged.
    assert!((acknowledged..=acknowledged + 8).contains(&kept), "{acknowledged} acknowledged, {kept} kept");
    let books = again.get("/api/v1/inventory/reconciliation", &token).await;
    assert_eq!(books["drift"], json!([]), "{books}");
}
