//! What one message to a room of thirty asks of DynamoDB and takes of the function's own processor time, beside the handlers
//! with which a chat on Lambda usually begins (`tests/peers/naive_chat`).
//!
//! Our `ws-message`, as it is built for Lambda, and Node.js each run as a process of their own over the Lambda Runtime API, and
//! take the same events in turn: one of theirs after each of ours. Tables and `@connections` of the same local cloud serve both,
//! and every post reaches a real socket. What the local cloud itself takes is not counted.

mod report;
mod rooms;
mod speakers;

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use clap::Args;

use super::{BenchError, peers::Peers, shop::Shop};

pub use report::ChatCostReport;
use report::Side;
use rooms::Room;
use speakers::Speaker;

/// Sockets in each room.
const LISTENERS: usize = 30;

/// How long it is quiet in a room between two messages. Within a second of their last one, our speaker would be in a burst, in
/// which counting them against their limit costs a refused write more.
const PAUSE: Duration = Duration::from_secs(2);

/// How much is said where.
#[derive(Debug, Clone, Args)]
pub struct ChatCost {
    /// Folder of built functions, `DIR/<function>/bootstrap`, instead of building `ws-message`
    #[arg(long, value_name = "DIR")]
    bootstraps: Option<PathBuf>,
    /// Messages on each side, of which the costs are averaged
    #[arg(long, default_value_t = 400, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    sends: u32,
    /// Messages on each side before anything is counted, so that what is done once is done
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    warm_up: u32,
    /// Rooms of thirty, in which they are said in turn
    #[arg(long, default_value_t = 16, value_parser = clap::value_parser!(u32).range(1..=100))]
    rooms: u32,
    /// Without Node.js beside it
    #[arg(long)]
    alone: bool,
}

/// Says everything on both sides, and counts.
pub async fn measure(template: &Path, asked: &ChatCost) -> Result<ChatCostReport, BenchError> {
    let peers = if asked.alone { None } else { Some(Peers::beside(template, "naive_chat").await?) };
    let binary = speakers::our_binary(template, asked.bootstraps.as_deref()).await?;
    let shop = Shop::open(template, |options| options).await?;
    let mut rooms = vec![];
    for number in 0..asked.rooms {
        rooms.push(Room::open(&shop, number).await?);
    }
    let mut speakers = vec![Speaker::ours(&shop, binary).await?];
    if let Some(peers) = &peers {
        speakers.push(Speaker::naive(&shop, peers, &rooms).await?);
    }
    shop.cloud.idle().await?;
    say(&mut speakers, &rooms, 0..asked.warm_up).await?;
    shop.cloud.idle().await?;

    shop.cloud.meter().reset();
    let heard: u64 = rooms.iter().map(Room::heard).sum();
    let before: Vec<Duration> = speakers.iter().map(Speaker::cpu).collect();
    say(&mut speakers, &rooms, asked.warm_up..asked.warm_up + asked.sends).await?;
    let after: Vec<Duration> = speakers.iter().map(Speaker::cpu).collect();
    shop.cloud.idle().await?;

    let requests = shop.cloud.meter().snapshot();
    let took = before.into_iter().zip(after).map(|(before, after)| after.saturating_sub(before));
    let sides = speakers.iter().zip(took);
    let sides = sides.map(|(it, cpu)| Side::of(it.name, &it.function, &requests, cpu, it.memory_kib()));
    let sides: Vec<Side> = sides.collect();
    let heard = rooms::arrived(&rooms, heard, sides.len() * LISTENERS * asked.sends as usize).await;
    drop(speakers);
    shop.cloud.stop().await;
    Ok(ChatCostReport::new(asked.sends, heard, sides))
}

/// Has everybody say the messages with these numbers, room by room.
async fn say(
    speakers: &mut [Speaker],
    rooms: &[Room],
    numbers: std::ops::Range<u32>,
) -> Result<(), BenchError> {
    let began = Instant::now();
    let step = PAUSE / u32::try_from(rooms.len().max(1)).unwrap_or(u32::MAX);
    for (turn, number) in (0_u32..).zip(numbers) {
        let Some(room) = rooms.get(number as usize % rooms.len().max(1)) else {
            break;
        };
        tokio::time::sleep_until((began + step * turn).into()).await;
        for speaker in &mut *speakers {
            speaker.say(room, number).await?;
        }
    }
    Ok(())
}
