//! What the sockets of a replay saw: every event, judged by its `seq` or version. No socket is touched here.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use contract::frames::{EventFrame, LiveEvent};
use domain::{EventId, ProductId, VariantId};
use serde::Serialize;

/// An event that takes longer than this, in milliseconds, is late.
pub const LATE_MS: i64 = 1_000;

/// How long things took: how often each number of milliseconds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Spread(BTreeMap<u64, u64>);

/// The middle and the end of a [`Spread`], in milliseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Percentiles {
    pub p50_ms: u64,
    pub p99_ms: u64,
    pub max_ms: u64,
}

impl Spread {
    pub fn add(&mut self, milliseconds: u64) {
        *self.0.entry(milliseconds).or_default() += 1;
    }

    pub fn merge(&mut self, other: &Self) {
        for (milliseconds, count) in &other.0 {
            *self.0.entry(*milliseconds).or_default() += count;
        }
    }

    pub fn percentiles(&self) -> Percentiles {
        Percentiles {
            p50_ms: self.below(50),
            p99_ms: self.below(99),
            max_ms: self.0.keys().next_back().copied().unwrap_or_default(),
        }
    }

    /// What `percent` of all took at most.
    fn below(&self, percent: u64) -> u64 {
        let all: u64 = self.0.values().sum();
        let wanted = (all * percent).div_ceil(100).max(1);
        let mut counted = 0;
        let mut enough = self.0.iter().filter(|(_, count)| {
            counted += **count;
            counted >= wanted
        });
        enough.next().map_or(0, |(milliseconds, _)| *milliseconds)
    }
}

/// What one socket saw.
#[derive(Debug, Default)]
pub struct Seen {
    pub frames: u64,
    pub events: u64,
    pub late: u64,
    pub duplicated: u64,
    pub out_of_order: u64,
    pub latency: Spread,
    /// Versions of stock, the latest of each.
    pub stock: HashMap<(ProductId, Option<VariantId>), u64>,
    /// Channels with a `seq`.
    logs: HashMap<String, Log>,
    /// Events on channels that have neither.
    others: HashSet<EventId>,
}

/// What was seen of a channel with a `seq`.
#[derive(Debug, Default)]
struct Log {
    /// Everything up to here.
    whole: u64,
    /// And these beyond it.
    beyond: BTreeSet<u64>,
}

enum Place {
    Next,
    Again,
    Behind,
}

impl Seen {
    /// Takes note of an event that arrived at `now`, in milliseconds of the shop's clock.
    pub fn note(&mut self, frame: &EventFrame, now: i64) {
        self.events += 1;
        let took = now.saturating_sub(frame.timestamp).max(0);
        self.latency.add(took.unsigned_abs());
        self.late += u64::from(took > LATE_MS);
        match self.place(frame) {
            Place::Next => {}
            Place::Again => self.duplicated += 1,
            Place::Behind => self.out_of_order += 1,
        }
    }

    /// From here on a channel is listened to: what it brought before concerns nobody.
    pub fn begin(&mut self, channel: &str, seq: u64) {
        let begun = || Log { whole: seq, beyond: BTreeSet::new() };
        self.logs.entry(channel.to_owned()).or_insert_with(begun);
    }

    /// The channels with a `seq`, and up to where each was seen without a gap.
    pub fn logs(&self) -> impl Iterator<Item = (&str, u64)> {
        self.logs.iter().map(|(channel, log)| (channel.as_str(), log.whole))
    }

    /// How many events of a channel did not come, when it has got to `seq`.
    pub fn missing(&self, channel: &str, seq: u64) -> u64 {
        let Some(log) = self.logs.get(channel) else {
            return seq;
        };
        let beyond = log.beyond.range(..=seq).count();
        seq.saturating_sub(log.whole).saturating_sub(u64::try_from(beyond).unwrap_or(u64::MAX))
    }

    fn place(&mut self, frame: &EventFrame) -> Place {
        if let Some(seq) = frame.seq {
            return self.logs.entry(frame.channel.clone()).or_default().place(seq);
        }
        if let LiveEvent::InventoryUpdated(stock) = &frame.event {
            let sku = (stock.product_id.clone(), stock.variant_id.clone());
            let known = self.stock.entry(sku).or_default();
            return match stock.version.cmp(known) {
                std::cmp::Ordering::Greater => {
                    *known = stock.version;
                    Place::Next
                }
                std::cmp::Ordering::Equal => Place::Again,
                std::cmp::Ordering::Less => Place::Behind,
            };
        }
        if self.others.insert(frame.id.clone()) { Place::Next } else { Place::Again }
    }
}

impl Log {
    fn place(&mut self, seq: u64) -> Place {
        if seq <= self.whole || self.beyond.contains(&seq) {
            return Place::Again;
        }
        let is_behind = self.beyond.last().is_some_and(|last| seq < *last);
        self.beyond.insert(seq);
        while self.beyond.remove(&(self.whole + 1)) {
            self.whole += 1;
        }
        if is_behind { Place::Behind } else { Place::Next }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn order_event(seq: u64, timestamp: i64) -> EventFrame {
        let frame = json!({
            "id": format!("evt_{seq}"), "channel": "order:ord_1", "seq": seq, "timestamp": timestamp,
            "type": "order.created",
            "data": {"order_id": "ord_1", "total": {"amount": 1, "currency": "GBP"}, "items_count": 1},
        });
        serde_json::from_value(frame).unwrap()
    }

    fn stock_event(version: u64) -> EventFrame {
        let frame = json!({
            "id": format!("evt_{version}"), "channel": "product:22752", "timestamp": 0, "type": "inventory.updated",
            "data": {"product_id": "22752", "variant_id": "p255", "available_quantity": 1, "quantity": 1,
                "is_in_stock": true, "stock_status": "in_stock", "version": version},
        });
        serde_json::from_value(frame).unwrap()
    }

    fn counts(seen: &Seen) -> (u64, u64, u64) {
        (seen.events, seen.duplicated, seen.out_of_order)
    }

    #[test]
    fn a_log_that_comes_in_disorder_is_whole_in_the_end() {
        let mut seen = Seen::default();
        seen.begin("order:ord_1", 0);
        for seq in [1, 3, 2, 3, 4] {
            seen.note(&order_event(seq, 0), 0);
        }
        assert_eq!(counts(&seen), (5, 1, 1));
        assert_eq!((seen.missing("order:ord_1", 4), seen.missing("order:ord_1", 6)), (0, 2));
    }

    #[test]
    fn a_gap_is_missing_until_it_is_filled() {
        let mut seen = Seen::default();
        seen.begin("order:ord_1", 2);
        seen.note(&order_event(5, 0), 0);
        assert_eq!(seen.missing("order:ord_1", 5), 2);
        assert_eq!(seen.logs().collect::<Vec<_>>(), [("order:ord_1", 2)]);
        assert_eq!(seen.missing("order:ord_2", 1), 1);
    }

    #[test]
    fn stock_is_judged_by_its_version_and_may_skip_some() {
        let mut seen = Seen::default();
        for version in [1, 4, 4, 2, 5] {
            seen.note(&stock_event(version), 0);
        }
        assert_eq!(counts(&seen), (5, 1, 1));
        assert_eq!(seen.stock.values().copied().collect::<Vec<_>>(), [5]);
    }

    #[test]
    fn an_event_is_late_after_a_second() {
        let mut seen = Seen::default();
        for (seq, arrived) in [(1, 1_000), (2, 1_001), (3, -5)] {
            seen.note(&order_event(seq, 0), arrived);
        }
        assert_eq!(seen.late, 1);
        let percentiles = seen.latency.percentiles();
        assert_eq!((percentiles.p50_ms, percentiles.max_ms), (1_000, 1_001));
    }

    #[test]
    fn percentiles_of_a_hundred_are_its_fiftieth_and_ninety_ninth() {
        let mut spread = Spread::default();
        assert_eq!(spread.percentiles(), Percentiles::default());
        for milliseconds in (1..=100).rev() {
            spread.add(milliseconds);
        }
        let mut twice = spread.clone();
        twice.merge(&spread);
        for spread in [spread, twice] {
            let Percentiles { p50_ms, p99_ms, max_ms } = spread.percentiles();
            assert_eq!((p50_ms, p99_ms, max_ms), (50, 99, 100));
        }
    }
}
