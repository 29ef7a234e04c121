//! What it costs to tell ten thousand sockets something, beside Socket.IO 4 and `ws`.
//!
//! Each server is a process of its own on one core; this process is the client on another, the same for all, with the same messages.
//! On our side a message takes the whole path: a reservation over HTTP, its transaction, the stream, the relay, the queue, the fan-out,
//! the SDK, `@connections`, the socket.

mod crowd;
mod report;
mod servers;

use std::{path::Path, time::Duration};

use clap::Args;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::{BenchError, peers::Peers};

use crowd::Crowd;
pub use report::FanoutReport;
use report::{Alone, Seen, Side};
use servers::{Cores, Server};

/// Sockets that are opened before anything is measured, so that what a server sets up once is set up.
const WARM: usize = 100;

/// How long a server has to grow quiet before its memory is read.
const REST: Duration = Duration::from_secs(2);

/// How long to wait between messages on our side: a state is shown once a second at most.
const PACE: Duration = Duration::from_millis(1_200);

/// Events of a burst.
const BURST: u32 = 10;

/// How many are told how often.
#[derive(Debug, Clone, Copy, Args)]
pub struct Fanout {
    /// Sockets on each server
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..=25_000))]
    sockets: u32,
    /// Messages, and bursts of ten, of which the costs are averaged
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    messages: u32,
    /// Without Socket.IO and ws beside it
    #[arg(long)]
    alone: bool,
}

/// Tells everybody, and measures what it took.
pub async fn measure(template: &Path, asked: Fanout) -> Result<FanoutReport, BenchError> {
    let files = u64::from(asked.sockets) + 500;
    let allowed = allow_files();
    if allowed < files {
        return Err(BenchError::Unexpected(format!(
            "{} sockets need {files} open files and {allowed} are allowed: see ulimit -Hn",
            asked.sockets
        )));
    }
    let peers = if asked.alone { None } else { Some(Peers::beside(template, "socketio").await?) };
    let cores = Cores::divide().await;
    let mut server = Server::ours(template, cores).await?;
    // The sockets are kept until the server is gone: ten thousand goodbyes are not what is measured.
    let mut crowd = Crowd::new(server.dialect);
    let mut ours = side(&mut server, &mut crowd, asked).await?;
    ours.gateway = Some(gateway(&server, asked, &ours.sample).await?);
    server.stop().await;
    drop(crowd);
    let mut others = vec![];
    for kind in peers.iter().flat_map(|_| [servers::SOCKETIO, servers::WS]) {
        let Some(peers) = &peers else { break };
        let mut server = Server::peer(peers, cores, kind, &ours.sample).await?;
        let mut crowd = Crowd::new(server.dialect);
        others.push(side(&mut server, &mut crowd, asked).await?);
        server.stop().await;
    }
    Ok(FanoutReport::new(asked.sockets, cores, ours, others))
}

/// Raises the number of files that may be open as far as it may be; children inherit it.
fn allow_files() -> u64 {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }).is_ok() {
        return maximum.unwrap_or(u64::MAX);
    }
    current.unwrap_or(u64::MAX)
}

/// All that one server is asked.
async fn side(server: &mut Server, crowd: &mut Crowd, asked: Fanout) -> Result<Side, BenchError> {
    let sockets = asked.sockets as usize;
    let tokens = server.tokens(sockets).await?;
    let (first, others) = tokens.split_at(WARM.min(sockets / 2));
    crowd.open(&server.sockets, first).await?;
    crowd.subscribe(0).await?;

    server.settle().await?;
    tokio::time::sleep(REST).await;
    let memory = server.memory().await?;
    let cpu = server.cpu();
    crowd.open(&server.sockets, others).await?;
    server.settle().await?;
    let connecting = server.cpu().saturating_sub(cpu);
    let cpu = server.cpu();
    crowd.subscribe(first.len()).await?;
    server.settle().await?;
    let subscribing = server.cpu().saturating_sub(cpu);
    tokio::time::sleep(REST).await;
    let bytes = server.memory().await?.saturating_sub(memory);

    crowd.listen();
    let one = tell(server, crowd, asked.messages, 1, sockets).await?;
    let ten = tell(server, crowd, asked.messages, BURST, sockets).await?;
    let opened = u32::try_from(others.len().max(1)).unwrap_or(u32::MAX);
    Ok(Side {
        name: server.name,
        connect: connecting / opened,
        subscribe: subscribing / opened,
        bytes_per_socket: bytes / u64::from(opened),
        one,
        ten,
        gateway: None,
        sample: crowd.sample(),
    })
}

/// Tells everybody so many times so many events at once.
async fn tell(
    server: &mut Server,
    crowd: &Crowd,
    times: u32,
    events: u32,
    sockets: usize,
) -> Result<Seen, BenchError> {
    let mut cpu = Duration::ZERO;
    // The first is for nothing: what is done the first time only is not to be averaged.
    for time in 0..=times {
        if server.is_paced() {
            tokio::time::sleep(PACE).await;
        }
        if time == 1 {
            crowd.reset();
            cpu = Duration::ZERO;
        }
        let before = server.cpu();
        let wanted = crowd.events() + sockets * events as usize;
        crowd.begin();
        server.emit(events).await?;
        crowd.wait(wanted).await;
        server.settle().await?;
        cpu += server.cpu().saturating_sub(before);
    }
    let expected = sockets * (times * events) as usize;
    Ok(Seen::new(cpu, crowd, expected))
}

/// What the gateway takes by itself: the same message, posted inside of it.
async fn gateway(server: &Server, asked: Fanout, event: &str) -> Result<Alone, BenchError> {
    let posts = asked.messages.max(10);
    server.post_to_all(event).await?;
    server.settle().await?;
    let before = server.cpu();
    for _ in 0..posts {
        server.post_to_all(event).await?;
    }
    server.settle().await?;
    let cpu = server.cpu().saturating_sub(before);
    Ok(Alone { cpu_per_delivery: cpu / (posts * asked.sockets) })
}
