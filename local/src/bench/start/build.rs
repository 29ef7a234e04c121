//! Building functions with cargo.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::Stdio,
};

use serde::Deserialize;
use tokio::process::Command;

use crate::bench::BenchError;

/// One of cargo's messages: that something was built.
#[derive(Deserialize)]
struct Artifact {
    target: Target,
    executable: Option<PathBuf>,
}

#[derive(Deserialize)]
struct Target {
    name: String,
}

/// Builds `packages` with the profile that is deployed; says where their binaries are, by name.
///
/// They are built by one command, so that all have their dependencies with the same features.
pub async fn release(workspace: &Path, packages: &[&str]) -> Result<BTreeMap<String, PathBuf>, BenchError> {
    let mut cargo = Command::new("cargo");
    cargo.args(["build", "--release", "--message-format", "json-render-diagnostics"]);
    for package in packages {
        cargo.args(["--package", package]);
    }
    // Spares the first use of TLS 10 to 50 ms; functions are always built so.
    cargo.env("AWS_LC_SYS_NO_JITTER_ENTROPY", "1");
    let workspace = match workspace.as_os_str().is_empty() {
        true => Path::new("."),
        false => workspace,
    };
    cargo.current_dir(workspace).stdin(Stdio::null()).stderr(Stdio::inherit()).kill_on_drop(true);
    let failed = |error: std::io::Error| BenchError::Build(format!("cargo cannot be run: {error}"));
    let built = cargo.output().await.map_err(failed)?;
    if !built.status.success() {
        return Err(BenchError::Build(format!("cargo ended with {}", built.status)));
    }
    let text = String::from_utf8_lossy(&built.stdout);
    let artifacts = text.lines().filter_map(|line| serde_json::from_str::<Artifact>(line).ok());
    Ok(artifacts.filter_map(|artifact| Some((artifact.target.name, artifact.executable?))).collect())
}
