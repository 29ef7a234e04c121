//! What reaches applications whose sockets are cut again and again, and how long they take to have it all.
//!
//! Every device is away for two seconds in every ten, on the turnable clock. Meanwhile its person orders and cancels, and the events
//! of that go through the whole path: table, stream, relay, the person's log, the socket. They are judged as the application is told
//! them. The peer does the same rounds with Socket.IO 4, its connection state recovery and its own client.

mod report;

use std::{
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use clap::Args;
use futures_util::future::{join_all, try_join_all};
use jiff::SignedDuration;
use serde_json::json;

use super::{
    BenchError,
    peers::Peers,
    shop::{Shop, Shopper},
};
use crate::{
    client::{Client, Options, Summary, Told, tickets},
    clock::TurnableClock,
};

pub use report::DropReport;
use report::{OurSide, PeerSide};

/// A device is cut once in so many seconds, ...
const PERIOD: u32 = 10;

/// ... for so many.
const AWAY: u32 = 2;

/// What an order and its cancellation come to in their owner's log, at least.
const EVENTS_PER_ORDER: u32 = 2;

/// How much is to be delivered to how many.
#[derive(Debug, Clone, Copy, Args)]
pub struct Drop {
    /// Sockets
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=5_000))]
    clients: u32,
    /// Messages to all of them together, at least
    #[arg(long, default_value_t = 100_000, value_parser = clap::value_parser!(u32).range(1..))]
    messages: u32,
    /// Sockets of each person
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=5))]
    devices: u32,
    /// Without Socket.IO beside it
    #[arg(long)]
    alone: bool,
}

impl Drop {
    fn people(self) -> u32 {
        self.clients.div_ceil(self.devices)
    }

    /// How long it takes until everybody was sent their part.
    fn seconds(self) -> u32 {
        self.messages.div_ceil(self.people() * self.devices * EVENTS_PER_ORDER)
    }
}

/// Delivers, cuts and counts, first through the local cloud, then through the peer.
pub async fn measure(template: &Path, asked: Drop) -> Result<DropReport, BenchError> {
    let peers = if asked.alone { None } else { Some(Peers::beside(template, "socketio").await?) };
    let ours = ours(template, asked).await?;
    let peer: Option<PeerSide> = match peers {
        None => None,
        Some(peers) => {
            // As many as ours were in fact.
            let per_second = ours.events.div_ceil(u64::from(asked.seconds()));
            let rounds = json!({"groups": asked.people(), "devices": asked.devices, "seconds": asked.seconds(),
                "per_second": per_second});
            Some(peers.run("drop.mjs", &[&rounds.to_string()]).await?)
        }
    };
    Ok(DropReport::new(asked.people(), asked.devices, asked.seconds(), &ours, peer.as_ref()))
}

async fn ours(template: &Path, asked: Drop) -> Result<OurSide, BenchError> {
    let clock = TurnableClock::standing_at(jiff::Timestamp::now());
    let shop = Shop::open(template, |options| crate::cloud::Options { clock, ..options }).await?;
    shop.stock_up("lamp").await?;
    let people = (0..asked.people()).map(|number| shop.customer(&format!("customer-{number}")));
    let people: Vec<Shopper> = people.collect::<Result<_, _>>()?;
    let all = people
        .iter()
        .zip(0_u32..)
        .flat_map(|(who, person)| (0..asked.devices).map(move |n| (who, person, n)));
    let open = all.map(|(who, person, device)| Device::open(&shop, who, person * asked.devices + device));
    let devices = join_all(open).await;

    let began = Instant::now();
    let mut recoveries = vec![];
    for second in 0..asked.seconds() {
        let back = join_all(devices.iter().filter_map(|device| device.moves(second)));
        let acts = try_join_all(people.iter().map(act));
        let (back, acts) = tokio::join!(back, acts);
        acts?;
        recoveries.extend(back);
        shop.cloud.advance(SignedDuration::from_secs(1)).await?;
    }
    recoveries.extend(join_all(devices.iter().filter_map(|device| device.moves_back(asked.seconds()))).await);
    shop.cloud.idle().await?;
    let took = began.elapsed();

    let mut ours = OurSide { recoveries, took, ..OurSide::default() };
    for (number, device) in devices.into_iter().enumerate() {
        let (summary, heard) = device.leave().await;
        let reached: u64 = summary.positions.values().sum();
        if number.is_multiple_of(asked.devices as usize) {
            ours.events += reached + summary.missing;
        }
        ours.add(&summary, &heard, reached);
    }
    let least = u64::from(asked.people() * asked.seconds() * EVENTS_PER_ORDER);
    if ours.events < least {
        return Err(BenchError::Unexpected(format!("{least} events were caused and {} logged", ours.events)));
    }
    shop.cloud.stop().await;
    Ok(ours)
}

/// Two things happen in somebody's log.
async fn act(who: &Shopper<'_>) -> Result<(), BenchError> {
    let order = who.order("lamp").await?;
    who.cancel(&order).await.map(drop)
}

/// A client that is away now and then, and what it told.
struct Device {
    number: u32,
    client: Client,
    heard: Arc<Mutex<Heard>>,
}

/// A log as an application was told it.
#[derive(Debug, Default)]
pub struct Heard {
    /// By `seq`.
    told: Vec<bool>,
    last: u64,
    pub delivered: u64,
    pub duplicated: u64,
    pub reordered: u64,
}

impl Device {
    async fn open(shop: &Shop, who: &Shopper<'_>, number: u32) -> Self {
        let heard = Arc::new(Mutex::new(Heard::default()));
        let (hearing, clock) = (Arc::clone(&heard), shop.cloud.clock().clone());
        let (http, url, token) = who.http();
        let client = Client::open(Options {
            tickets: tickets(http, url, token),
            name: "shopwire bench",
            channels: vec![],
            hears_own_log: true,
            accepts_gzip: true,
            now: Arc::new(move || clock.now()),
            tell: Arc::new(move |told| locked(&hearing).hear(told)),
        });
        Self { number, client: client.await, heard }
    }

    /// Goes in the second in which it is to be gone; comes in the one in which it is to be back, and says how long it then took to
    /// have everything.
    fn moves(&self, second: u32) -> Option<impl Future<Output = Duration>> {
        if self.is_away(second) && !self.was_away(second) {
            self.client.cut();
        }
        (!self.is_away(second)).then(|| self.moves_back(second)).flatten()
    }

    fn moves_back(&self, second: u32) -> Option<impl Future<Output = Duration>> {
        self.was_away(second).then_some(async {
            let began = Instant::now();
            self.client.come_back().await;
            began.elapsed()
        })
    }

    /// Nobody is in the first second: whoever has heard nothing yet has nothing to go on from.
    fn is_away(&self, second: u32) -> bool {
        second > 0 && (second + self.number) % PERIOD < AWAY
    }

    fn was_away(&self, second: u32) -> bool {
        second.checked_sub(1).is_some_and(|before| self.is_away(before))
    }

    async fn leave(self) -> (Summary, Heard) {
        let summary = self.client.finish().await;
        let heard = std::mem::take(&mut *locked(&self.heard));
        (summary, heard)
    }
}

fn locked(heard: &Mutex<Heard>) -> MutexGuard<'_, Heard> {
    heard.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Heard {
    fn hear(&mut self, told: &Told) {
        let Told::Event(event) = told else {
            return;
        };
        let Some((seq, place)) = event.head.seq.and_then(|seq| Some((seq, usize::try_from(seq).ok()?)))
        else {
            return;
        };
        if self.told.len() <= place {
            self.told.resize(place + 1, false);
        }
        match self.told.get_mut(place) {
            Some(told) if !*told => {
                *told = true;
                self.delivered += 1;
                self.reordered += u64::from(seq < self.last);
            }
            _ => self.duplicated += 1,
        }
        self.last = self.last.max(seq);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(clients: u32, messages: u32) -> Drop {
        Drop { clients, messages, devices: 5, alone: true }
    }

    #[test]
    fn everybody_gets_their_part() {
        assert_eq!((asked(100, 100_000).people(), asked(100, 100_000).seconds()), (20, 500));
        assert_eq!((asked(3, 1).people(), asked(3, 1).seconds()), (1, 1));
    }

    #[tokio::test]
    async fn whoever_is_cut_gets_everything_once_and_in_order() {
        let template = Path::new(env!("CARGO_MANIFEST_DIR")).join("../template.yaml");
        let ours =
            ours(&template, Drop { clients: 10, messages: 260, devices: 5, alone: true }).await.unwrap();
        assert!(ours.recoveries.len() >= 10, "each was cut: {}", ours.recoveries.len());
        assert_eq!(ours.delivered, ours.events * 5);
        assert_eq!((ours.duplicated, ours.reordered, ours.complaints), (0, 0, vec![]));
    }
}
