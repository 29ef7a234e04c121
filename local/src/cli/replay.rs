//! `shopwire replay`: real orders as live traffic, with a report at the end.

use std::path::{Path, PathBuf};

use clap::Args;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::{Failure, find_template, say};
use crate::{
    cloud::{LocalCloud, Options},
    replay::{
        self as replaying, Plan,
        retail::{Retail, Scarcity},
    },
};

/// The currency of the file.
const CURRENCY: (&str, &str) = ("ShopCurrency", "GBP");

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  shopwire replay tests/data/online-retail-sample.csv.gz            the sample that ships here
  shopwire replay online-retail.csv.gz --limit 1000 --shoppers 50   the first thousand invoices of the whole file
  shopwire replay online-retail.csv.gz --scarcity 80                with less stock than the file sells

The rules are in docs/replay.md. The exit code is 1 if the books do not balance.")]
pub(super) struct Replay {
    /// The UCI Online Retail data set as CSV, plain or compressed with gzip
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Read the file only as far as N invoices go
    #[arg(long, value_name = "N", value_parser = at_least_one)]
    limit: Option<usize>,
    /// Sockets that watch products and orders
    #[arg(long, default_value_t = 200, value_name = "N")]
    shoppers: usize,
    /// How much there is of the stock that the file needs, in percent; below 100 sales are refused
    #[arg(long, default_value_t = 100, value_name = "PERCENT", value_parser = clap::value_parser!(u32).range(1..=1_000))]
    scarcity: u32,
    /// Invoices and credit notes under way at once
    #[arg(long, default_value_t = 8, value_name = "N", value_parser = at_least_one)]
    concurrency: usize,
    /// Play through the local cloud that answers at URL, instead of one of our own that keeps nothing
    #[arg(long, value_name = "URL", conflicts_with = "template")]
    url: Option<String>,
    /// The template [default: template.yaml here or above]
    #[arg(long, env = "SHOPWIRE_TEMPLATE", value_name = "FILE")]
    template: Option<PathBuf>,
    /// Print the report as JSON
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(asked: Replay) -> Result<(), Failure> {
    let retail = read(&asked.file, asked.limit)?;
    let progress = progress(asked.json);
    let (url, cloud) = match &asked.url {
        Some(url) => (url.clone(), None),
        None => {
            let cloud = start(asked.template.as_deref()).await?;
            (cloud.http_url().to_owned(), Some(cloud))
        }
    };
    let plan = Plan {
        url,
        is_alone: cloud.is_some(),
        shoppers: asked.shoppers,
        scarcity: Scarcity(asked.scarcity),
        concurrency: asked.concurrency,
    };
    let played = replaying::replay(&plan, &retail, &progress).await;
    progress.finish_and_clear();
    if let Some(cloud) = cloud {
        cloud.stop().await;
    }
    let report = played.map_err(Failure::failed)?;
    if asked.json {
        say(serde_json::to_string(&report).map_err(Failure::failed)?)?;
    } else {
        say(&report)?;
    }
    if report.balances() { Ok(()) } else { Err(Failure::failed("the books do not balance")) }
}

fn read(file: &Path, limit: Option<usize>) -> Result<Retail, Failure> {
    let unusable = |why| Failure::refused(format!("{}: {why}", file.display()));
    let retail = Retail::open_part(file, limit).map_err(|error| match std::error::Error::source(&error) {
        Some(source) => unusable(format!("{error}: {source}")),
        None => unusable(error.to_string()),
    })?;
    if retail.documents.is_empty() {
        return Err(unusable("there is nothing in it that can be sold".to_owned()));
    }
    Ok(retail)
}

/// A shop of our own, which is gone afterwards.
async fn start(template: Option<&Path>) -> Result<LocalCloud, Failure> {
    let (parameter, value) = CURRENCY;
    let options = Options {
        // A wholesaler's year, in minutes: it would look risky, and is to be played whole.
        parameters: [(parameter, value), ("FraudMode", "shadow")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into(),
        ..Options::ephemeral(find_template(template)?)
    };
    LocalCloud::start(options).await.map_err(Failure::refused)
}

/// A bar on standard error, where that is a terminal and nobody asked for JSON. It has no colours.
fn progress(is_json: bool) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::hidden());
    if let Ok(style) =
        ProgressStyle::with_template("{msg:20} [{bar:40}] {human_pos}/{human_len} {elapsed}, {eta} left")
    {
        bar.set_style(style.progress_chars("=> "));
    }
    if !is_json {
        // Hidden again by itself where standard error is no terminal.
        bar.set_draw_target(ProgressDrawTarget::stderr());
    }
    bar
}

fn at_least_one(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) | Err(_) => Err("expected a number of at least 1".to_owned()),
        Ok(number) => Ok(number),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_cannot_be_played_is_named_with_the_reason() {
        let why = |file: &str| read(Path::new(file), None).unwrap_err().to_string();
        assert!(why("/nowhere.csv").starts_with("/nowhere.csv: the file cannot be read: No such file"));
        let own = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
        assert!(why(own).contains("this is not the Online Retail data set"));
    }

    #[test]
    fn nothing_at_once_is_too_few() {
        assert_eq!(at_least_one("8"), Ok(8));
        assert!(at_least_one("0").is_err() && at_least_one("-1").is_err());
    }
}
