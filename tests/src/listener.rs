//! Somebody who listens through the client of `local`, and what they were told.

use std::sync::{Arc, Mutex};

use local::client::{self, Client, Options, Summary, Tickets, Told};
use serde_json::{Value, json};

use crate::{
    wire::Wire,
    world::{Person, World},
};

/// A client and what it told.
pub struct Listener {
    pub client: Client,
    told: Arc<Mutex<Vec<Told>>>,
}

impl Listener {
    /// Listens to one's own log and to `channels`, on `wire` if there is one.
    pub async fn new(world: &World, who: &Person<'_>, channels: &[&str], wire: Option<Wire>) -> Self {
        let told = Arc::new(Mutex::new(vec![]));
        let (telling, clock) = (Arc::clone(&told), world.cloud().clock().clone());
        let client = Client::open(Options {
            tickets: tickets(who, wire),
            name: "a story",
            channels: channels.iter().map(|&channel| channel.to_owned()).collect(),
            hears_own_log: true,
            accepts_gzip: true,
            now: Arc::new(move || clock.now()),
            tell: Arc::new(move |one| telling.lock().unwrap().push(one.clone())),
        })
        .await;
        Self { client, told }
    }

    /// The events of a log as they were told: `1 evt_…`.
    pub fn log(&self, channel: &str) -> Vec<String> {
        let told = self.told.lock().unwrap();
        let named = told.iter().filter_map(|told| match told {
            Told::Event(event) if event.head.channel == channel => {
                Some(format!("{} {}", event.head.seq.unwrap(), event.head.id))
            }
            Told::Event(_) | Told::Other(_) => None,
            Told::Resync { channel, from_seq, reason } => {
                panic!("{channel} is lost after {from_seq}: {reason}")
            }
        });
        named.collect()
    }

    /// The events of a state channel as they were told, as a client saw them.
    pub fn states(&self, channel: &str) -> Vec<Value> {
        let told = self.told.lock().unwrap();
        let events = told.iter().filter_map(|told| match told {
            Told::Event(event) if event.head.channel == channel => Some(json!(event.event)["data"].clone()),
            _ => None,
        });
        events.collect()
    }

    /// Waits until nothing is missing, leaves, and says what came of it.
    pub async fn leaves(&self) -> Summary {
        self.client.look().await;
        self.client.finish().await
    }
}

fn tickets(who: &Person<'_>, wire: Option<Wire>) -> Tickets {
    let (http, url, token) = who.http();
    let (direct, wire) = (client::tickets(http, url, token.unwrap()), Arc::new(wire));
    Arc::new(move || {
        let (ticket, wire) = (direct(), Arc::clone(&wire));
        Box::pin(async move {
            let url = ticket.await?;
            Ok(wire.as_ref().as_ref().map_or_else(|| url.clone(), |wire| wire.through(&url)))
        })
    })
}
