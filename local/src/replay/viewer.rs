//! Somebody who watches a replay: a client of the realtime API who notes how late it was told, and what.

use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicUsize, Ordering},
};

use contract::{frames::EventFrame, http::auth::TicketView};
use domain::{OrderId, ProductId};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::{
    api::{Api, Person},
    seen::Seen,
};
use crate::client::{Client, Options, Summary, Tickets, Told};

/// A connection listens to at most 50 channels; these are for orders, the others for products and oneself.
const MOST_ORDERS: usize = 30;

/// What is done with each event, besides noting it.
pub type OnEvent = Arc<dyn Fn(&EventFrame) + Send + Sync>;

/// Where and as whom a viewer listens.
pub struct Seat {
    pub api: Arc<Api>,
    pub who: Person,
    /// State channels, by name.
    pub channels: Vec<String>,
    /// Whether to follow one's own log.
    pub hears_own_log: bool,
    /// How many milliseconds the shop's clock is ahead of ours.
    pub clock_ahead: i64,
    pub on_event: OnEvent,
}

/// Somebody who watches. Clones are the same.
#[derive(Clone)]
pub struct Viewer(Arc<Watching>);

struct Watching {
    client: Client,
    seen: Arc<Mutex<Seen>>,
    products: Vec<ProductId>,
    followed: AtomicUsize,
}

/// What came of a viewer in the end.
#[derive(Debug, Default)]
pub struct Watched {
    pub seen: Seen,
    pub summary: Summary,
    /// Products that were watched to the end.
    pub products: Vec<ProductId>,
}

impl Viewer {
    /// Takes a seat. The answer comes when everything is listened to.
    pub async fn open(seat: Seat) -> Self {
        let products = seat.channels.iter().filter_map(|channel| {
            let id = channel.strip_prefix("product:")?;
            ProductId::new(id).ok()
        });
        let (products, seen) = (products.collect(), Arc::new(Mutex::new(Seen::default())));
        let clock_ahead = SignedDuration::from_millis(seat.clock_ahead);
        let now = Arc::new(move || Timestamp::now().checked_add(clock_ahead).unwrap_or(Timestamp::MAX));
        let (noting, clock, on_event) = (Arc::clone(&seen), now.clone(), seat.on_event);
        let options = Options {
            tickets: tickets(seat.api, seat.who),
            name: "shopwire replay",
            channels: seat.channels,
            hears_own_log: seat.hears_own_log,
            accepts_gzip: false, // what is sent is counted by event
            now,
            tell: Arc::new(move |told| {
                if let Told::Event(event) = told {
                    locked(&noting).note(event, clock().as_millisecond());
                    on_event(event);
                }
            }),
        };
        let client = Client::open(options).await;
        Self(Arc::new(Watching { client, seen, products, followed: AtomicUsize::new(0) }))
    }

    /// Listens to an order of one's own too, from its first event: it was placed before it could be followed.
    pub fn follow(&self, order: &OrderId) {
        if self.0.followed.fetch_add(1, Ordering::Relaxed) < MOST_ORDERS {
            self.0.client.follow(format!("order:{order}"), Some(0));
        }
    }

    /// Asks how far everything has got, and leaves. Everything sent by now arrives before.
    pub async fn leave(&self) -> Watched {
        let summary = self.0.client.finish().await;
        let seen = std::mem::take(&mut *locked(&self.0.seen));
        Watched { seen, summary, products: self.0.products.clone() }
    }
}

fn locked(seen: &Mutex<Seen>) -> MutexGuard<'_, Seen> {
    seen.lock().unwrap_or_else(PoisonError::into_inner)
}

fn tickets(api: Arc<Api>, who: Person) -> Tickets {
    Arc::new(move || {
        let (api, who) = (Arc::clone(&api), who.clone());
        Box::pin(async move {
            let key = uuid::Uuid::now_v7().to_string();
            let ticket = api.post(&who, "/api/v1/realtime/tickets", &key, &json!({})).await;
            ticket.map(|ticket: TicketView| ticket.url).map_err(|error| error.to_string())
        })
    })
}

#[cfg(test)]
mod tests {
    use contract::http::auth::GuestToken;

    use super::*;
    use crate::{
        clock::TurnableClock,
        cloud::{LocalCloud, Options},
    };

    #[tokio::test]
    async fn a_viewer_comes_back_when_its_socket_was_idle_too_long() {
        let template = concat!(env!("CARGO_MANIFEST_DIR"), "/../template.yaml");
        let options = Options {
            clock: TurnableClock::standing_at("2026-01-05T09:00:00Z".parse().unwrap()),
            ..Options::ephemeral(template)
        };
        let cloud = LocalCloud::start(options).await.unwrap();
        let api = Arc::new(Api::new(cloud.http_url()));
        let mut who = Person { token: None, address: "192.0.2.7".to_owned() };
        let guest: GuestToken = api.post(&who, "/api/v1/auth/guest", "1", &json!({})).await.unwrap();
        who.token = Some(guest.token);
        let seat = Seat {
            api,
            who,
            channels: vec!["product:lamp".to_owned()],
            hears_own_log: true,
            clock_ahead: cloud.clock().now().as_millisecond() - Timestamp::now().as_millisecond(),
            on_event: Arc::new(|_| {}),
        };
        let viewer = Viewer::open(seat).await;
        cloud.advance(SignedDuration::from_mins(11)).await.unwrap();
        let Summary { complaints, reconnects, missing, .. } = viewer.leave().await.summary;
        assert_eq!((complaints, reconnects, missing), (vec![], 1, 0));
        cloud.stop().await;
    }
}
