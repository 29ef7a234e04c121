//! Other people's servers, in Node, that do the same work in the same run.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Stdio,
};

use serde::de::DeserializeOwned;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
};

use super::BenchError;

/// Where they are, from the folder of the template.
const FOLDER: &str = "tests/peers";

/// The scripts, with what they need installed.
pub struct Peers(PathBuf);

/// A peer that runs until it is dropped.
pub struct Peer {
    pub process: Child,
}

impl Peers {
    /// Finds those of one folder beside `template`, and has npm install what they need where that is not done.
    pub async fn beside(template: &Path, name: &str) -> Result<Self, BenchError> {
        let folder = template.parent().unwrap_or(Path::new("")).join(FOLDER).join(name);
        if !folder.join("package-lock.json").is_file() {
            return Err(BenchError::Peer(format!(
                "there is no {}: run this in a checkout",
                folder.display()
            )));
        }
        if !is_installed(&folder) {
            let mut npm = Command::new("npm");
            npm.args(["ci", "--no-audit", "--no-fund", "--silent", "--prefix"]).arg(&folder);
            let installed =
                npm.stdout(Stdio::null()).status().await.map_err(|error| missing("npm", &error))?;
            if !installed.success() {
                return Err(BenchError::Peer(format!("npm ci in {} failed", folder.display())));
            }
        }
        Ok(Self(folder))
    }

    /// Runs a script to its end and reads the one JSON document that it prints.
    pub async fn run<T: DeserializeOwned>(&self, script: &str, arguments: &[&str]) -> Result<T, BenchError> {
        self.run_by(&[], script, arguments).await
    }

    /// The same, by way of the command `by` if there is one.
    pub async fn run_by<T: DeserializeOwned>(
        &self,
        by: &[&str],
        script: &str,
        arguments: &[&str],
    ) -> Result<T, BenchError> {
        let command = self.node(by, script, arguments).output();
        let output = command.await.map_err(|error| missing("node", &error))?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            return Err(BenchError::Peer(format!("{script} failed: {}", said.trim())));
        }
        let read = serde_json::from_slice(&output.stdout);
        read.map_err(|error| BenchError::Peer(format!("{script} said what nobody understands: {error}")))
    }

    /// Starts a script, by way of the command `by` if there is one, and reads the line with which it says that it is ready.
    pub async fn start<T: DeserializeOwned>(
        &self,
        by: &[&str],
        script: &str,
        arguments: &[&str],
    ) -> Result<(Peer, T), BenchError> {
        Peer::start(self.node(by, script, arguments)).await
    }

    /// Where a script is.
    pub fn script(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// In which folder Node.js is.
    pub async fn folder_of_node() -> Result<String, BenchError> {
        let asked = Command::new("node").args(["-p", "path.dirname(process.execPath)"]).output().await;
        let said = asked.map_err(|error| missing("node", &error))?.stdout;
        Ok(String::from_utf8_lossy(&said).trim().to_owned())
    }

    fn node(&self, by: &[&str], script: &str, arguments: &[&str]) -> Command {
        let mut words = by.iter().copied().chain(["node"]);
        let mut command = Command::new(words.next().unwrap_or("node"));
        command.args(words).arg("--expose-gc").arg(self.script(script)).args(arguments).kill_on_drop(true);
        command
    }
}

impl Peer {
    /// Starts a server that prints one line of JSON when it is ready.
    pub async fn start<T: DeserializeOwned>(mut command: Command) -> Result<(Self, T), BenchError> {
        let name = command.as_std().get_program().display().to_string();
        let mut process = command
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| missing(&name, &error))?;
        let mut line = String::new();
        if let Some(said) = process.stdout.take() {
            BufReader::new(said).read_line(&mut line).await?;
        }
        let ready = serde_json::from_str(&line);
        let ready = ready.map_err(|_| BenchError::Peer(format!("{name} did not start: it said {line:?}")))?;
        Ok((Self { process }, ready))
    }

    /// The number of its process.
    pub fn id(&self) -> u32 {
        self.process.id().unwrap_or_default()
    }
}

/// npm's own marker says whether it has installed what the lock file names.
fn is_installed(folder: &Path) -> bool {
    let written = |file: &str| fs::metadata(folder.join(file)).and_then(|file| file.modified()).ok();
    let (installed, locked) = (written("node_modules/.package-lock.json"), written("package-lock.json"));
    installed.is_some_and(|installed| locked.is_some_and(|locked| installed >= locked))
}

fn missing(program: &str, error: &std::io::Error) -> BenchError {
    BenchError::Peer(format!(
        "{program} cannot be run ({error}): the peers need Node.js 20 with npm; --alone measures without them"
    ))
}
