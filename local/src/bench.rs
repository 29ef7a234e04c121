//! `shopwire bench`: the figures that `docs/performance.md` keeps.
//!
//! Nothing here is a test and no figure has to be met for a build to be green: a benchmark says what it saw, beside
//! the goal, on which machine.

mod answers;
mod chat;
mod chat_cost;
mod chat_drop;
mod checkouts;
mod contention;
mod drop;
mod error;
mod fanout;
mod faq;
mod floods;
mod forecast;
mod machine;
mod notifications;
mod peers;
mod percentiles;
mod shop;
mod start;
mod table;
mod units;
mod webhooks;

use std::{
    io::Write,
    path::{Path, PathBuf},
};

use clap::{Args, Subcommand};
use serde::Serialize;

pub use error::BenchError;

use machine::Machine;

/// What is to be measured, and how it is shown.
#[derive(Debug, Clone, Args)]
pub struct Bench {
    #[command(subcommand)]
    what: What,
    /// Print one JSON document instead of a table
    #[arg(long, global = true)]
    json: bool,
    /// The template [default: template.yaml here or above]
    #[arg(long, global = true, env = "SHOPWIRE_TEMPLATE", value_name = "FILE")]
    template: Option<PathBuf>,
}

#[derive(Debug, Clone, Subcommand)]
enum What {
    /// Requests and billed units of each act of a shopper, every write unit named
    Units,
    /// Size of every bootstrap, and how long it takes from its start to its first poll
    Start {
        /// Folder of built functions, `DIR/<function>/bootstrap`, instead of building them
        #[arg(long, value_name = "DIR")]
        bootstraps: Option<PathBuf>,
        /// Starts of each bootstrap, of which the median is shown
        #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..))]
        runs: u32,
    },
    /// What reaches applications whose sockets are cut again and again, beside Socket.IO
    Drop(drop::Drop),
    /// What it costs to tell ten thousand sockets something, beside Socket.IO and ws
    Fanout(fanout::Fanout),
    /// Whether somebody who behaves notices that others do not
    Floods(floods::Floods),
    /// How far the forecast of demand is from what happened in the last month of a real year
    Forecast {
        /// The UCI Online Retail file, plain or compressed with gzip
        file: PathBuf,
    },
    /// How often the FAQ matcher is right, how sure it is when it is not, and how long it takes
    Faq {
        /// Where questions.csv and out-of-scope.csv are
        folder: PathBuf,
    },
    /// Whole checkouts per second: order, intent, payment, settled
    Checkouts {
        /// For how long new checkouts are begun
        #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..=3600))]
        seconds: u64,
        /// How many are under way at a time
        #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..=1000))]
        concurrency: u32,
    },
    /// Webhooks accepted and settled a second, at rates that rise
    #[command(after_help = "Example: shopwire bench webhooks --rates 50,100 --seconds 10 --json")]
    Webhooks(webhooks::Webhooks),
    /// Chat messages that reach the other side a second, at rates that rise, beside Socket.IO with SQLite
    #[command(after_help = "Example: shopwire bench chat --conversations 100 --rates 100,200")]
    Chat(chat::Chat),
    /// How long a guest waits for the answer that the shop gives by itself
    #[command(after_help = "Example: shopwire bench answers --guests 100 --per-second 10 --json")]
    Answers(answers::Answers),
    /// What one message to a room asks of AWS and takes of the processor, beside a naive chat in Node.js
    #[command(after_help = "Example: shopwire bench chat-cost --bootstraps target/lambda --sends 200")]
    ChatCost(chat_cost::ChatCost),
    /// What reaches three people who talk while their sockets are cut again and again
    #[command(after_help = "Example: shopwire bench chat-drop --messages 1000 --json")]
    ChatDrop(chat_drop::ChatDrop),
    /// How soon people are told, what a push costs beside npm web-push, and what telling many takes
    #[command(
        after_help = "Example: shopwire bench notifications --events 100 --pushes 1000 --recipients 5000"
    )]
    Notifications(notifications::Notifications),
    /// Many buyers of one product that there is too little of
    Contention(contention::Contention),
}

/// Something that a person can read as a table and a program as JSON.
trait Report: Serialize {
    fn write(&self, out: &mut dyn Write) -> std::io::Result<()>;
}

/// Measures what is asked for on the stack of `template`, and writes what was seen to `out`.
///
/// # Errors
/// If it cannot be measured. A goal that is missed is no error.
pub async fn run(bench: &Bench, template: &Path, out: &mut (dyn Write + Send)) -> Result<(), BenchError> {
    match &bench.what {
        What::Units => bench.show(&units::measure(template).await?, out),
        What::Start { bootstraps, runs } => {
            let report = start::measure(template, bootstraps.as_deref(), *runs).await?;
            bench.show(&report, out)
        }
        What::Drop(asked) => bench.show(&drop::measure(template, *asked).await?, out),
        What::Fanout(asked) => bench.show(&fanout::measure(template, *asked).await?, out),
        What::Floods(asked) => bench.show(&floods::measure(template, *asked).await?, out),
        What::Forecast { file } => bench.show(&forecast::measure(file)?, out),
        What::Faq { folder } => bench.show(&faq::measure(folder)?, out),
        What::Checkouts { seconds, concurrency } => {
            let report = checkouts::measure(template, *seconds, *concurrency).await?;
            bench.show(&report, out)
        }
        What::Webhooks(asked) => bench.show(&webhooks::measure(template, asked).await?, out),
        What::Chat(asked) => bench.show(&chat::measure(template, asked).await?, out),
        What::Answers(asked) => bench.show(&answers::measure(template, *asked).await?, out),
        What::ChatCost(asked) => bench.show(&chat_cost::measure(template, asked).await?, out),
        What::ChatDrop(asked) => bench.show(&chat_drop::measure(template, *asked).await?, out),
        What::Notifications(asked) => bench.show(&notifications::measure(template, *asked).await?, out),
        What::Contention(wanted) => bench.show(&contention::measure(template, wanted).await?, out),
    }
}

impl Bench {
    /// The template that is named.
    pub fn template(&self) -> Option<&Path> {
        self.template.as_deref()
    }

    fn show<R: Report>(&self, report: &R, out: &mut dyn Write) -> Result<(), BenchError> {
        #[derive(Serialize)]
        struct Document<'a, R> {
            machine: &'a Machine,
            #[serde(flatten)]
            report: &'a R,
        }
        let machine = Machine::this();
        if self.json {
            let machine = &machine;
            serde_json::to_writer(&mut *out, &Document { machine, report })
                .map_err(|error| BenchError::Output(error.into()))?;
            writeln!(out)?;
        } else {
            writeln!(out, "{machine}\n")?;
            report.write(out)?;
        }
        Ok(())
    }
}
