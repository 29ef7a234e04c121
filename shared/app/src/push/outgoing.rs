//! What is due to connections, and how it travels through the queue.

use std::{collections::BTreeMap, sync::Arc};

use domain::{ConnectionId, ShopId};
use serde::{Deserialize, Serialize};

use super::frame::Frame;
use crate::{Result, store::realtime::listeners::Listener};

/// More receivers than this are served by `fanout`, so many in each of its messages.
pub const SHARD: usize = 1_000;
/// Bytes of frames in one message: with ids and escapes it stays under the 256 KB of SQS.
const MAX_SHARD_BYTES: usize = 96 * 1024;

/// Frames that are due to each connection, in order.
#[derive(Debug, Default)]
pub struct Outgoing {
    frames: Vec<Arc<Frame>>,
    due: BTreeMap<ConnectionId, Due>,
}

/// What is due to one connection.
#[derive(Debug, Default, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Due {
    accepts_gzip: bool,
    /// Places in `frames`.
    frames: Vec<usize>,
}

/// A part of a large broadcast, or what could not be posted before, as it travels through the queue.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Shard {
    /// The tenant.
    pub shop_id: ShopId,
    /// How often it was tried before.
    #[serde(default)]
    pub attempts: u32,
    /// Events as JSON.
    frames: Vec<String>,
    receivers: Vec<Receivers>,
}

/// Connections to which the same is due.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Receivers {
    #[serde(default)]
    accepts_gzip: bool,
    /// Places in the shard's `frames`, in order.
    frames: Vec<usize>,
    connections: Vec<ConnectionId>,
}

/// What is due to one connection, with the frames themselves.
#[derive(Debug)]
pub(super) struct DueFrames {
    pub(super) connection: ConnectionId,
    pub(super) accepts_gzip: bool,
    pub(super) frames: Vec<Arc<Frame>>,
}

impl Outgoing {
    /// Adds a frame to what is due to `listeners`.
    pub fn add<'a>(&mut self, frame: Frame, listeners: impl IntoIterator<Item = &'a Listener>) {
        let place = self.frame(frame);
        for listener in listeners {
            self.add_at(place, listener);
        }
    }

    fn frame(&mut self, frame: impl Into<Arc<Frame>>) -> usize {
        self.frames.push(frame.into());
        self.frames.len() - 1
    }

    fn add_at(&mut self, place: usize, listener: &Listener) {
        let due = self.due.entry(listener.connection_id.clone()).or_default();
        due.accepts_gzip = listener.accepts_gzip;
        // Who is named twice hears it once.
        if !due.frames.contains(&place) {
            due.frames.push(place);
        }
    }

    /// How many connections something is due to.
    pub fn receivers(&self) -> usize {
        self.due.len()
    }

    /// To whom something is due.
    pub fn connections(&self) -> impl Iterator<Item = &ConnectionId> {
        self.due.keys()
    }

    /// Whether nothing is due to anybody.
    pub fn is_empty(&self) -> bool {
        self.due.is_empty()
    }

    /// What is due to each connection.
    pub(super) fn into_due(self) -> impl Iterator<Item = DueFrames> {
        let frames = self.frames;
        self.due.into_iter().map(move |(connection, due)| DueFrames {
            connection,
            accepts_gzip: due.accepts_gzip,
            frames: due.frames.iter().filter_map(|place| frames.get(*place).cloned()).collect(),
        })
    }

    /// Takes back what could not be posted.
    pub(super) fn take_back(&mut self, due: DueFrames) {
        let mut places = vec![];
        for frame in due.frames {
            let known = self.frames.iter().position(|other| Arc::ptr_eq(other, &frame));
            places.push(known.unwrap_or_else(|| self.frame(frame)));
        }
        self.due.insert(due.connection, Due { accepts_gzip: due.accepts_gzip, frames: places });
    }

    /// The same as messages for the queue, each with at most a thousand connections. One connection's frames are in
    /// the order in which its messages are.
    pub fn into_shards(self, shop: &ShopId, attempts: u32) -> Vec<Shard> {
        let everyone: Vec<(ConnectionId, Due)> = self.due.into_iter().collect();
        let mut shards = vec![];
        for connections in everyone.chunks(SHARD) {
            for run in runs(&self.frames) {
                let receivers = receivers(connections, &run);
                if !receivers.is_empty() {
                    let frames = self.frames.get(run).unwrap_or_default();
                    let frames = frames.iter().map(|frame| frame.text().to_owned()).collect();
                    shards.push(Shard { shop_id: shop.clone(), attempts, frames, receivers });
                }
            }
        }
        shards
    }
}

impl Shard {
    /// How many connections it is for.
    pub fn receivers(&self) -> usize {
        self.receivers.iter().map(|receivers| receivers.connections.len()).sum()
    }

    /// What is due to whom.
    ///
    /// # Errors
    /// If a frame is no event.
    pub fn into_outgoing(self) -> Result<Outgoing> {
        let frames = self.frames.into_iter().map(|text| Frame::of_text(text).map(Arc::new));
        let due = self.receivers.into_iter().flat_map(|Receivers { accepts_gzip, frames, connections }| {
            connections.into_iter().map(move |id| (id, Due { accepts_gzip, frames: frames.clone() }))
        });
        Ok(Outgoing { due: due.collect(), frames: frames.collect::<Result<_>>()? })
    }
}

/// Stretches of frames that fit one message.
fn runs(frames: &[Arc<Frame>]) -> Vec<std::ops::Range<usize>> {
    let mut runs = vec![];
    let (mut start, mut size) = (0, 0);
    for (place, frame) in frames.iter().enumerate() {
        if place > start && size + frame.size() > MAX_SHARD_BYTES {
            runs.push(start..place);
            (start, size) = (place, 0);
        }
        size += frame.size();
    }
    runs.push(start..frames.len());
    runs
}

/// Connections of a chunk, put together where the same of this run is due to them.
fn receivers(connections: &[(ConnectionId, Due)], run: &std::ops::Range<usize>) -> Vec<Receivers> {
    let mut alike: BTreeMap<Due, Vec<ConnectionId>> = BTreeMap::new();
    for (connection, due) in connections {
        let within = due.frames.iter().filter(|place| run.contains(place)).map(|place| place - run.start);
        let within = Due { accepts_gzip: due.accepts_gzip, frames: within.collect() };
        if !within.frames.is_empty() {
            alike.entry(within).or_default().push(connection.clone());
        }
    }
    let receivers = alike.into_iter().map(|(due, connections)| Receivers {
        accepts_gzip: due.accepts_gzip,
        frames: due.frames,
        connections,
    });
    receivers.collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn texts(outgoing: Outgoing) -> BTreeMap<ConnectionId, Vec<String>> {
        let due = outgoing.into_due();
        due.map(|due| {
            let texts = due.frames.iter().map(|frame| frame.text().to_owned()).collect();
            (due.connection, texts)
        })
        .collect()
    }

    fn outgoing(sizes: &[usize], listeners: usize, hears: impl Fn(usize, usize) -> bool) -> Outgoing {
        let mut outgoing = Outgoing::default();
        for (number, size) in sizes.iter().enumerate() {
            let place = outgoing.frame(Frame::of(&json!({ "n": number, "x": "x".repeat(*size) })).unwrap());
            for listener in (0..listeners).filter(|listener| hears(*listener, number)) {
                let due = outgoing.due.entry(ConnectionId::new(format!("c{listener:05}"))).or_default();
                due.frames.push(place);
            }
        }
        outgoing
    }

    #[test]
    fn ten_thousand_receivers_of_one_frame_are_ten_messages() {
        let shards = outgoing(&[1_000], 10_000, |_, _| true).into_shards(&ShopId::new("s").unwrap(), 0);
        assert_eq!(shards.iter().map(Shard::receivers).collect::<Vec<_>>(), [1_000; 10]);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn what_goes_through_the_queue_is_what_was_due(
            sizes in prop::collection::vec(0_usize..30_000, 1..20), listeners in 1_usize..1_500, seed: u64,
        ) {
            let hears = |listener: usize, number: usize| {
                !(seed ^ u64::try_from(listener * 31 + number * 7).unwrap()).is_multiple_of(3)
            };
            let due = texts(outgoing(&sizes, listeners, hears));
            let mut served: BTreeMap<ConnectionId, Vec<String>> = BTreeMap::new();
            for shard in outgoing(&sizes, listeners, hears).into_shards(&ShopId::new("s").unwrap(), 0) {
                let message = serde_json::to_string(&shard).unwrap();
                prop_assert!(message.len() <= 256 * 1024, "{}", message.len());
                let shard: Shard = serde_json::from_str(&message).unwrap();
                for (connection, texts) in texts(shard.into_outgoing().unwrap()) {
                    served.entry(connection).or_default().extend(texts);
                }
            }
            prop_assert_eq!(served, due);
        }
    }
}
