//! `shopwire serve`: the local cloud until it is told to stop.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use clap::Args;
use serde::Serialize;

use super::{Failure, find_template, say};
use crate::{
    clock::TurnableClock,
    cloud::{LocalCloud, Options},
};

#[derive(Debug, Args)]
pub(super) struct Serve {
    /// Port of the HTTP API; 0 picks a free one
    #[arg(long, default_value_t = 3001, env = "SHOPWIRE_HTTP_PORT", value_name = "PORT")]
    http_port: u16,
    /// Port of the WebSocket API; 0 picks a free one
    #[arg(long, default_value_t = 3002, env = "SHOPWIRE_WS_PORT", value_name = "PORT")]
    ws_port: u16,
    /// Folder that data is kept in [default: .shopwire beside the template]
    #[arg(long, env = "SHOPWIRE_DATA", value_name = "DIR", conflicts_with = "ephemeral")]
    data: Option<PathBuf>,
    /// Keep nothing
    #[arg(long)]
    ephemeral: bool,
    /// The template [default: template.yaml here or above]
    #[arg(long, env = "SHOPWIRE_TEMPLATE", value_name = "FILE")]
    template: Option<PathBuf>,
    /// Value of a parameter of the template, such as ShopCurrency=GBP; may be repeated
    #[arg(long = "parameter", value_name = "NAME=VALUE", value_parser = parameter)]
    parameters: Vec<(String, String)>,
    /// Run built functions as processes: DIR/<function>/bootstrap, as `cargo lambda build` leaves them
    #[arg(long, env = "SHOPWIRE_BOOTSTRAPS", value_name = "DIR")]
    bootstraps: Option<PathBuf>,
    /// Say in one line of JSON on standard output when everything answers, and where
    #[arg(long)]
    json: bool,
}

impl Serve {
    /// Whether nothing is kept.
    #[cfg(test)]
    pub fn is_ephemeral(&self) -> bool {
        self.ephemeral
    }
}

/// The one line that `--json` writes.
#[derive(Serialize)]
struct Ready<'a> {
    ready: bool,
    http: &'a str,
    ws: &'a str,
    /// Absent if nothing is kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<&'a str>,
}

pub(super) async fn run(asked: Serve) -> Result<(), Failure> {
    // Asked for before anything is announced: whoever stops us as soon as we are ready is heard.
    let stop = stop_signal()?;
    let template = find_template(asked.template.as_deref())?;
    let data = match (asked.ephemeral, &asked.data) {
        (true, _) => None,
        (false, Some(data)) => Some(data.clone()),
        (false, None) => Some(template.with_file_name(".shopwire")),
    };
    let options = Options {
        template,
        data,
        http_port: asked.http_port,
        ws_port: asked.ws_port,
        clock: TurnableClock::running(),
        bootstraps: asked.bootstraps.clone(),
        parameters: asked.parameters.iter().cloned().collect::<BTreeMap<_, _>>(),
        ticking: true,
    };
    let cloud = LocalCloud::start(options).await.map_err(Failure::refused)?;
    announce(&cloud, &asked)?;
    stop.await;
    cloud.stop().await;
    Ok(())
}

fn announce(cloud: &LocalCloud, asked: &Serve) -> Result<(), Failure> {
    let (http, ws) = (cloud.http_url(), cloud.ws_url());
    let data = (!asked.ephemeral).then(|| shown(cloud.data()));
    if asked.json {
        let (ready, data) = (true, data.as_deref());
        let ready = serde_json::to_string(&Ready { ready, http, ws, data }).map_err(Failure::failed)?;
        return say(ready);
    }
    let data = data.unwrap_or_else(|| "nowhere: it ends with this process".to_owned());
    say(format_args!(
        "\
shopwire is ready.

  HTTP API       {http}
  WebSocket API  {ws}
  documentation  {http}/docs
  controls       {http}/_local
  data           {data}

  a token        cargo run -- token --role admin --user ana
  a demo shop    cargo run -- seed
  to stop        Ctrl-C"
    ))
}

fn shown(path: &Path) -> String {
    path.canonicalize().unwrap_or_else(|_| path.to_owned()).display().to_string()
}

/// Ends when someone presses Ctrl-C, or the system asks us to end.
#[cfg(unix)]
fn stop_signal() -> Result<impl Future<Output = ()>, Failure> {
    use tokio::signal::unix::{SignalKind, signal};

    let mut interrupt = signal(SignalKind::interrupt()).map_err(Failure::failed)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(Failure::failed)?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}

/// Ends when someone presses Ctrl-C.
#[cfg(not(unix))]
#[expect(clippy::unnecessary_wraps, reason = "elsewhere it can fail")]
fn stop_signal() -> Result<impl Future<Output = ()>, Failure> {
    Ok(async {
        if let Err(error) = tokio::signal::ctrl_c().await {
            tracing::error!(%error, "Ctrl-C cannot be waited for");
        }
    })
}

fn parameter(text: &str) -> Result<(String, String), String> {
    let pair = text.split_once('=').ok_or("expected NAME=VALUE")?;
    Ok((pair.0.to_owned(), pair.1.to_owned()))
}
