//! The command line: reads it, does what it asks, and says what went wrong in one line.
//!
//! Exit codes: 0 for done, 1 for tried and failed, 2 for what could not be tried as asked.

mod client;
mod doctor;
mod documents;
mod replay;
mod replay_dlq;
mod seed;
mod serve;
mod vapid;

use std::{
    fmt,
    io::{self, Write},
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::{Parser, Subcommand};
use tracing_subscriber::{EnvFilter, util::SubscriberInitExt};

use crate::bench::{self, Bench};

const EXAMPLES: &str = "\
Examples:
  shopwire                                    start everything that template.yaml declares
  shopwire --ephemeral --http-port 0 --json   start for a test: nothing kept, free ports, one line of JSON
  shopwire token --role admin --user ana      a token for the running local cloud
  shopwire seed                               a demo shop in it
  shopwire advance 15m                        turn its clock; answers when all that fell due is done
  shopwire openapi --out docs/openapi.json    write the HTTP API's document

From a checkout, `cargo run --` stands for `shopwire`.";

/// An open backend for a shop's live side, on this machine: HTTP and WebSocket API, functions, tables, queues, Stripe.
#[derive(Debug, Parser)]
#[command(name = "shopwire", version, after_help = EXAMPLES, args_conflicts_with_subcommands = true)]
struct CommandLine {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    serve: serve::Serve,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Start the local cloud (what `shopwire` alone does)
    Serve(serve::Serve),
    /// Make a token for the running local cloud
    Token(client::NewToken),
    /// Turn the clock of the running local cloud
    Advance(client::Advance),
    /// Publish again what happened since an instant, after an outage of the relay
    Rerelay(client::Rerelay),
    /// Give dead letters back to the queue that they could not be taken from, each at least once
    ReplayDlq(replay_dlq::ReplayDlq),
    /// Make a pair of keys for web push; both halves are printed and kept nowhere
    Vapid(vapid::Vapid),
    /// Put a demo shop into the running local cloud; a second time changes nothing
    Seed(seed::Seed),
    /// Play a retailer's orders through a shop as live traffic, and compare the books
    Replay(replay::Replay),
    /// Check what the local cloud needs, and say what to do about what is missing
    Doctor(doctor::Doctor),
    /// Print, write or check the document of the HTTP API
    Openapi(documents::Document),
    /// Print, write or check the document of the WebSocket API
    Asyncapi(documents::Document),
    /// Write the documentation site, as `infra/deploy` uploads it
    Docs(documents::Docs),
    /// Measure what docs/performance.md keeps: units of each act, starts of functions, checkouts and webhooks a second
    Bench(Bench),
}

/// Does what the command line asks.
pub fn run() -> ExitCode {
    let asked = CommandLine::parse();
    log("warn");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let done = runtime.map_err(Failure::failed).and_then(|runtime| runtime.block_on(obey(asked)));
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            // There is nowhere to say that nothing can be said.
            drop(writeln!(io::stderr(), "shopwire: {failure}"));
            failure.code()
        }
    }
}

async fn obey(asked: CommandLine) -> Result<(), Failure> {
    match asked.command.unwrap_or(Command::Serve(asked.serve)) {
        Command::Serve(asked) => serve::run(asked).await,
        Command::Token(asked) => client::make_token(asked).await,
        Command::Advance(asked) => client::advance(asked).await,
        Command::Rerelay(asked) => client::rerelay(asked).await,
        Command::ReplayDlq(asked) => replay_dlq::run(asked).await,
        Command::Vapid(asked) => vapid::run(&asked),
        Command::Seed(asked) => seed::run(asked).await,
        Command::Replay(asked) => replay::run(asked).await,
        Command::Doctor(asked) => doctor::run(asked).await,
        Command::Openapi(asked) => documents::run(&asked, "openapi", &crate::site::openapi_text()),
        Command::Asyncapi(asked) => documents::run(&asked, "asyncapi", &crate::site::asyncapi_text()),
        Command::Docs(asked) => documents::write_site(&asked),
        Command::Bench(asked) => {
            let template = find_template(asked.template())?;
            let measured = bench::run(&asked, &template, &mut io::stdout()).await;
            measured.map_err(Failure::failed)
        }
    }
}

/// Writes what functions and parts log to standard error, at the level of `RUST_LOG` or else `level`.
pub fn log(level: &str) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(level));
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    if log.finish().try_init().is_err() {
        tracing::debug!("there is a log already");
    }
}

/// Why a command was not done.
#[derive(Debug)]
enum Failure {
    /// It could not be tried as asked.
    Refused(String),
    /// It was tried.
    Failed(String),
}

impl Failure {
    fn refused(why: impl fmt::Display) -> Self {
        Self::Refused(why.to_string())
    }

    fn failed(why: impl fmt::Display) -> Self {
        Self::Failed(why.to_string())
    }

    fn code(&self) -> ExitCode {
        match self {
            Self::Refused(_) => ExitCode::from(2),
            Self::Failed(_) => ExitCode::FAILURE,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Self::Refused(why) | Self::Failed(why)) = self;
        f.write_str(&why.replace('\n', " "))
    }
}

/// Writes a line to standard output.
fn say(line: impl fmt::Display) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    match writeln!(out, "{line}").and_then(|()| out.flush()) {
        // Whoever read it has read enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written.map_err(Failure::failed),
    }
}

/// The template: the one that is named, or `template.yaml` here or in the nearest folder above.
fn find_template(named: Option<&Path>) -> Result<PathBuf, Failure> {
    const NAME: &str = "template.yaml";
    if let Some(named) = named {
        return Ok(named.to_owned());
    }
    let here = std::env::current_dir().map_err(Failure::refused)?;
    let found = here.ancestors().map(|folder| folder.join(NAME)).find(|file| file.is_file());
    found.ok_or_else(|| {
        Failure::refused(format!(
            "there is no {NAME} in {} or above: run this in the project's folder, or name the file with --template",
            here.display()
        ))
    })
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        CommandLine::command().debug_assert();
    }

    #[test]
    fn without_a_command_it_serves() {
        let asked = CommandLine::parse_from(["shopwire", "--http-port", "0", "--ephemeral"]);
        assert!(asked.command.is_none() && asked.serve.is_ephemeral());
        assert!(CommandLine::try_parse_from(["shopwire", "--ephemeral", "seed"]).is_err());
    }
}
