//! `shopwire doctor`: what the local cloud needs, checked, each with what to do.

use std::{
    collections::BTreeMap,
    fmt,
    io::ErrorKind,
    path::{Path, PathBuf},
};

use clap::Args;
use serde::Serialize;
use serde_json::json;
use tokio::process::Command;

use super::{Failure, find_template, say};
use crate::{
    aws::{ACCOUNT, REGION},
    functions,
    template::{Surroundings, Template},
};

/// Tools that only some work needs, and which.
const TOOLS: [(&str, &str); 4] = [
    ("cargo-lambda", "building for AWS and --bootstraps: pip install cargo-lambda ziglang"),
    ("node", "the web client and its tests"),
    ("python3", "some checks of ./check"),
    ("chromium", "tests in a browser"),
];

#[derive(Debug, Args)]
pub(super) struct Doctor {
    /// Port of the HTTP API
    #[arg(long, default_value_t = 3001, env = "SHOPWIRE_HTTP_PORT", value_name = "PORT")]
    http_port: u16,
    /// Port of the WebSocket API
    #[arg(long, default_value_t = 3002, env = "SHOPWIRE_WS_PORT", value_name = "PORT")]
    ws_port: u16,
    /// Folder that data is kept in [default: .shopwire beside the template]
    #[arg(long, env = "SHOPWIRE_DATA", value_name = "DIR")]
    data: Option<PathBuf>,
    /// The template [default: template.yaml here or above]
    #[arg(long, env = "SHOPWIRE_TEMPLATE", value_name = "FILE")]
    template: Option<PathBuf>,
    /// Print what was found as JSON
    #[arg(long)]
    json: bool,
}

/// What was found of one thing.
#[derive(Debug, Serialize)]
struct Finding {
    what: String,
    state: State,
    detail: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum State {
    Good,
    /// Missing, and needed for some work only.
    Optional,
    Bad,
}

pub(super) async fn run(asked: Doctor) -> Result<(), Failure> {
    let findings = examine(&asked).await;
    let bad = findings.iter().filter(|finding| finding.state == State::Bad).count();
    if asked.json {
        say(json!({ "good": bad == 0, "findings": findings }))?;
    } else {
        for Finding { what, state, detail } in &findings {
            let mark = match state {
                State::Good => "good    ",
                State::Optional => "optional",
                State::Bad => "BAD     ",
            };
            say(format_args!("{mark}  {what}: {detail}"))?;
        }
    }
    if bad == 0 { Ok(()) } else { Err(Failure::failed(format!("{bad} of these must be put right first"))) }
}

async fn examine(asked: &Doctor) -> Vec<Finding> {
    let mut findings = vec![toolchain().await];
    let template = find_template(asked.template.as_deref());
    match &template {
        Ok(template) => findings.push(read(template)),
        Err(error) => findings.push(Finding::new("template", State::Bad, error)),
    }
    for (what, port, option) in
        [("HTTP port", asked.http_port, "--http-port"), ("WebSocket port", asked.ws_port, "--ws-port")]
    {
        findings.push(port_is_free(what, port, option));
    }
    let data = asked.data.clone().or_else(|| {
        let template = template.ok()?;
        Some(template.with_file_name(".shopwire"))
    });
    findings.extend(data.map(|data| writable(&data)));
    for (tool, purpose) in TOOLS {
        findings.push(optional(tool, purpose).await);
    }
    findings
}

impl Finding {
    fn new(what: impl Into<String>, state: State, detail: impl fmt::Display) -> Self {
        Self { what: what.into(), state, detail: detail.to_string() }
    }
}

async fn toolchain() -> Finding {
    let needed = env!("CARGO_PKG_RUST_VERSION");
    match version_of("rustc").await {
        Some(version) if is_enough(&version, needed) => Finding::new("Rust", State::Good, version),
        Some(version) => {
            let text = format!("{version} is older than {needed}: run `rustup update`");
            Finding::new("Rust", State::Bad, text)
        }
        None => Finding::new(
            "Rust",
            State::Bad,
            format!("rustc is not there: install {needed} or newer from https://rustup.rs"),
        ),
    }
}

/// Whether `rustc 1.95.1 (…)` is at least `1.95`.
fn is_enough(version: &str, needed: &str) -> bool {
    let numbers =
        |text: &str| -> Vec<u32> { text.split(['.', '-']).map_while(|part| part.parse().ok()).collect() };
    let found = version.split_whitespace().nth(1).unwrap_or_default();
    numbers(found) >= numbers(needed)
}

fn read(template: &Path) -> Finding {
    let surroundings = Surroundings {
        region: REGION.to_owned(),
        account: ACCOUNT.to_owned(),
        aws_endpoint: "http://127.0.0.1:0".to_owned(),
        http_url: "http://127.0.0.1:3001".to_owned(),
        ws_url: "ws://127.0.0.1:3002/ws".to_owned(),
        parameters: BTreeMap::new(),
        suggestions: BTreeMap::new(),
    };
    match Template::read(template, &surroundings) {
        Err(error) => Finding::new("template", State::Bad, error),
        Ok(read) => {
            let known = functions::folders();
            let unknown = read.functions.values().find(|function| !known.contains(function.folder.as_str()));
            match unknown {
                Some(function) => Finding::new(
                    "template",
                    State::Bad,
                    format!("there is no function in functions/{}", function.folder),
                ),
                None => Finding::new(
                    "template",
                    State::Good,
                    format!(
                        "{}: {} functions, {} tables, {} routes",
                        template.display(),
                        read.functions.len(),
                        read.tables.len(),
                        read.http.routes.len() + read.websocket.routes.len()
                    ),
                ),
            }
        }
    }
}

fn port_is_free(what: &str, port: u16, option: &str) -> Finding {
    match std::net::TcpListener::bind(("127.0.0.1", port)) {
        Ok(_) => Finding::new(what, State::Good, format!("{port} is free")),
        Err(error) if error.kind() == ErrorKind::AddrInUse => Finding::new(
            what,
            State::Bad,
            format!(
                "{port} is in use, perhaps by a running shopwire: stop what listens there, or choose another with {option}"
            ),
        ),
        Err(error) => Finding::new(what, State::Bad, format!("{port}: {error}")),
    }
}

fn writable(folder: &Path) -> Finding {
    let at = folder.display();
    let written = std::fs::create_dir_all(folder).and_then(|()| tempfile::tempfile_in(folder));
    match written {
        Ok(_) => Finding::new("data folder", State::Good, at),
        Err(error) => Finding::new(
            "data folder",
            State::Bad,
            format!("{at} cannot be written to ({error}): choose another with --data"),
        ),
    }
}

async fn optional(tool: &str, purpose: &str) -> Finding {
    match version_of(tool).await {
        Some(version) => Finding::new(tool, State::Good, version),
        None => Finding::new(tool, State::Optional, format!("not there; needed for {purpose}")),
    }
}

/// The first line of what a program says of its version.
async fn version_of(program: &str) -> Option<String> {
    let output = Command::new(program).arg("--version").output().await.ok()?;
    let text = String::from_utf8_lossy(&output.stdout);
    output.status.success().then(|| text.lines().next().unwrap_or_default().trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_by_number() {
        assert!(is_enough("rustc 1.95.1 (abc 2026-01-01)", "1.95"));
        assert!(is_enough("rustc 1.100.0-nightly (abc)", "1.95"));
        assert!(!is_enough("rustc 1.9.0 (abc)", "1.95"));
        assert!(!is_enough("", "1.95"));
    }

    #[test]
    fn a_port_in_use_is_said_with_what_to_do() {
        let taken = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = taken.local_addr().unwrap().port();
        let finding = port_is_free("HTTP port", port, "--http-port");
        assert_eq!(finding.state, State::Bad);
        assert!(finding.detail.contains("--http-port"), "{}", finding.detail);
    }
}
