//! Size of every bootstrap, and how long it takes from its start to its first poll of the Lambda Runtime API.
//!
//! Clients are built before the first poll, as on Lambda; nothing is connected to. Beside them runs a function that does
//! nothing (`local/empty`), built by the same command: what it takes is Lambda's runtime and the machine, not us.

use std::{
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use serde::Serialize;

use super::{BenchError, Report, machine::resident_kib, table};
use crate::{
    aws::{ACCOUNT, REGION},
    functions,
    runtime_api::{Bootstrap, Sandbox},
    template::{Surroundings, Template},
};

pub mod build;

/// The package of the function that does nothing.
const EMPTY: &str = "empty";

/// The function whose size has a goal, because sockets wait for it.
const LIVE: &str = "ws-message";

/// Most bytes of that one, stripped.
const LIVE_BYTES: u64 = 5_500_000;

/// How much longer than the empty function one may take to its first poll.
const MOST_TIMES_EMPTY: f64 = 1.5;

/// What was seen.
#[derive(Debug, Serialize)]
pub struct StartReport {
    runs: u32,
    /// The empty function first, then by name.
    bootstraps: Vec<Measured>,
}

#[derive(Debug, Serialize)]
struct Measured {
    name: String,
    bytes: u64,
    /// Median, from before the process is made to its first poll.
    first_poll_ms: f64,
    times_empty: f64,
    /// Median of the memory it holds then, where the system tells.
    #[serde(skip_serializing_if = "Option::is_none")]
    resident_kib: Option<u64>,
}

/// Starts every bootstrap `runs` times, in turn, so that whatever else the machine does meets all of them.
pub async fn measure(
    template: &Path,
    directory: Option<&Path>,
    runs: u32,
) -> Result<StartReport, BenchError> {
    let bootstraps = bootstraps(template, directory).await?;
    let mut samples: Vec<Samples> = bootstraps.iter().map(|_| Samples::default()).collect();
    for _ in 0..runs {
        for (bootstrap, samples) in bootstraps.iter().zip(&mut samples) {
            samples.take(bootstrap).await?;
        }
    }
    let mut measured = vec![];
    for (bootstrap, mut samples) in bootstraps.into_iter().zip(samples) {
        let first_poll_ms = median(&mut samples.first_poll).unwrap_or_default().as_secs_f64() * 1000.0;
        let empty = measured.first().map_or(first_poll_ms, |empty: &Measured| empty.first_poll_ms);
        measured.push(Measured {
            bytes: size(&bootstrap.binary)?,
            name: bootstrap.function,
            first_poll_ms,
            times_empty: first_poll_ms / empty,
            resident_kib: median(&mut samples.resident_kib),
        });
    }
    Ok(StartReport { runs, bootstraps: measured })
}

/// The empty function and all of the template's, with the environment that each would have.
async fn bootstraps(template: &Path, directory: Option<&Path>) -> Result<Vec<Bootstrap>, BenchError> {
    let nowhere = "http://127.0.0.1:9".to_owned();
    let surroundings = Surroundings {
        region: REGION.to_owned(),
        account: ACCOUNT.to_owned(),
        aws_endpoint: nowhere.clone(),
        http_url: nowhere,
        ws_url: "ws://127.0.0.1:9/ws".to_owned(),
        parameters: [("LogLevel".to_owned(), "warn".to_owned())].into(),
        suggestions: [].into(),
    };
    let mut read = Template::read(template, &surroundings)?;
    functions::deploy(&mut read.functions, &surroundings.aws_endpoint);
    let workspace = template.parent().unwrap_or(template);
    let folders = read.functions.values().map(|function| function.folder.as_str());
    let packages: Vec<&str> = match directory {
        Some(_) => vec![EMPTY],
        None => [EMPTY].into_iter().chain(folders).collect(),
    };
    let built = build::release(workspace, &packages).await?;
    let binary = |package: &str| {
        let built = built.get(package).cloned();
        built.ok_or_else(|| BenchError::Build(format!("there is no binary {package}")))
    };
    let mut bootstraps =
        vec![Bootstrap { function: EMPTY.to_owned(), binary: binary(EMPTY)?, environment: [].into() }];
    for function in read.functions.values() {
        let mut bootstrap = match directory {
            Some(directory) => Bootstrap::built_in(directory, function)?,
            None => Bootstrap {
                function: String::new(),
                binary: binary(&function.folder)?,
                environment: function.environment.clone(),
            },
        };
        bootstrap.function.clone_from(&function.folder);
        bootstraps.push(bootstrap);
    }
    Ok(bootstraps)
}

#[derive(Default)]
struct Samples {
    first_poll: Vec<Duration>,
    resident_kib: Vec<u64>,
}

impl Samples {
    async fn take(&mut self, bootstrap: &Bootstrap) -> Result<(), BenchError> {
        let began = Instant::now();
        let started = Sandbox::start(bootstrap).await;
        let took = began.elapsed();
        let sandbox = started
            .map_err(|answer| BenchError::NotStarted { function: bootstrap.function.clone(), answer })?;
        self.first_poll.push(took);
        self.resident_kib.extend(sandbox.process_id().and_then(resident_kib));
        Ok(())
    }
}

fn size(binary: &PathBuf) -> Result<u64, BenchError> {
    let metadata =
        fs::metadata(binary).map_err(|source| BenchError::File { path: binary.clone(), source })?;
    Ok(metadata.len())
}

/// The middle one; of an even number the greater of the two.
fn median<T: Ord + Copy>(samples: &mut [T]) -> Option<T> {
    samples.sort_unstable();
    samples.get(samples.len() / 2).copied()
}

#[expect(clippy::cast_precision_loss, reason = "sizes are far below 2^52 bytes")]
impl Report for StartReport {
    fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        let is_slow = |measured: &&Measured| measured.times_empty > MOST_TIMES_EMPTY;
        let is_large = |measured: &&Measured| measured.name == LIVE && measured.bytes > LIVE_BYTES;
        let row = |measured: &Measured| {
            let resident = measured.resident_kib.map(|kib| format!("{:.1}", kib as f64 / 1024.0));
            let missed = is_slow(&measured) || is_large(&measured);
            [
                measured.name.clone(),
                format!("{:.2}", measured.bytes as f64 / 1e6),
                format!("{:.2}", measured.first_poll_ms),
                format!("{:.2}", measured.times_empty),
                resident.unwrap_or_default(),
                if missed { "MISSED" } else { "" }.to_owned(),
            ]
        };
        let head = ["bootstrap", "MB stripped", "first poll ms", "x empty", "RSS MiB", ""];
        table::write(out, head, &self.bootstraps.iter().map(row).collect::<Vec<_>>())?;
        writeln!(out, "\nmedians of {} starts, in turn", self.runs)?;
        let goals = [
            (
                format!("{LIVE} at most {:.1} MB", LIVE_BYTES as f64 / 1e6),
                self.bootstraps.iter().any(|it| is_large(&it)),
            ),
            (
                format!("first poll at most {MOST_TIMES_EMPTY} x empty"),
                self.bootstraps.iter().any(|it| is_slow(&it)),
            ),
        ];
        for (goal, is_missed) in goals {
            writeln!(out, "goal: {goal}: {}", if is_missed { "MISSED" } else { "met" })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_median_is_the_middle_one_whatever_the_order() {
        assert_eq!(median(&mut [3, 1, 2]), Some(2));
        assert_eq!(median::<u64>(&mut []), None);
    }
}
