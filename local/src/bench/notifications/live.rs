//! From a journal event to `notification.created` on a socket.
//!
//! Each customer calls off an order of theirs, at its planned instant whether or not those before it were told. It is
//! counted from the instant that the journal has for it, which is before its commit, until the frame has arrived: the commit, the
//! stream, the relay as the template declares it, the inbox, its stream, the relay again, the post.

use std::time::{Duration, Instant};

use futures_util::future::{try_join, try_join_all};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

use super::super::{
    BenchError,
    percentiles::Percentiles,
    shop::{Shop, Shopper, Socket},
};
use crate::clock::TurnableClock;

/// How long somebody waits to be told.
const PATIENCE: Duration = Duration::from_secs(30);

/// What is ordered.
const PRODUCT: &str = "lamp";

/// What was seen.
#[derive(Debug, Serialize)]
pub struct Live {
    pub events: usize,
    pub told: usize,
    pub per_second: u32,
    /// From the journal event to the frame.
    pub milliseconds: Percentiles,
}

/// Somebody who has ordered, and watches.
struct Watcher<'a> {
    who: Shopper<'a>,
    order: Value,
    socket: Socket,
}

/// Has everybody call their order off.
pub async fn measure(shop: &Shop, events: u32, per_second: u32) -> Result<Live, BenchError> {
    shop.stock_up(PRODUCT).await?;
    let clock = shop.cloud.clock();
    // One who is not counted has made the functions fetch and open what they do once.
    Watcher::come(shop, "rehearsal".to_owned()).await?.calls_off(clock, Instant::now()).await?;
    let mut watchers = vec![];
    for number in 0..events {
        watchers.push(Watcher::come(shop, format!("watcher-{number}")).await?);
    }
    shop.cloud.idle().await?;

    let began = Instant::now();
    let planned = |number: u32| began + Duration::from_secs(1) * number / per_second;
    let all = (0..).zip(&mut watchers).map(|(number, watcher)| watcher.calls_off(clock, planned(number)));
    let outcomes = try_join_all(all).await?;
    for watcher in watchers {
        watcher.socket.close().await?;
    }
    shop.cloud.idle().await?;
    let told = outcomes.iter().flatten().copied();
    Ok(Live {
        events: outcomes.len(),
        told: told.clone().count(),
        per_second,
        milliseconds: Percentiles::of(told),
    })
}

impl<'a> Watcher<'a> {
    async fn come(shop: &'a Shop, name: String) -> Result<Self, BenchError> {
        let who = shop.customer(&name)?;
        let order = who.order(PRODUCT).await?;
        let socket = Socket::open_as(&who).await?;
        Ok(Self { who, order, socket })
    }

    /// How long it took until they were told; none, if they were not.
    async fn calls_off(
        &mut self,
        clock: &TurnableClock,
        planned: Instant,
    ) -> Result<Option<Duration>, BenchError> {
        tokio::time::sleep_until(planned.into()).await;
        let Self { who, order, socket } = self;
        let hears = async { Ok(tokio::time::timeout(PATIENCE, told(socket, clock)).await.ok()) };
        // At once, for the frame may be there before the answer.
        let (_, heard) = try_join(who.cancel(order), hears).await?;
        heard.transpose()
    }
}

/// Waits until somebody is told, and says how long after what it tells of.
async fn told(socket: &mut Socket, clock: &TurnableClock) -> Result<Duration, BenchError> {
    loop {
        let frame = socket.next().await?;
        let now = clock.now();
        let batch = frame.get("events").and_then(Value::as_array);
        let mut events = batch.into_iter().flatten().chain([&frame]);
        if let Some(happened) = events.find_map(happened_at) {
            return Ok(now.duration_since(happened).unsigned_abs());
        }
    }
}

/// When what a notification tells of has happened.
fn happened_at(event: &Value) -> Option<Timestamp> {
    let is_told = event.get("type")?.as_str()? == "notification.created";
    event.pointer("/data/created_at")?.as_str()?.parse().ok().filter(|_| is_told)
}
