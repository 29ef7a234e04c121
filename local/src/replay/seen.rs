//! What somebody who watches a replay was told: how late, and what stock there is in the end.

use std::collections::{BTreeMap, HashMap};

use contract::frames::{EventFrame, LiveEvent};
use domain::{ProductId, VariantId};
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

/// What one client was told.
#[derive(Debug, Clone, Default)]
pub struct Seen {
    pub late: u64,
    pub latency: Spread,
    /// How many pieces there were to buy, as it was said last.
    pub stock: HashMap<(ProductId, Option<VariantId>), i64>,
}

impl Seen {
    /// Takes note of an event that was told at `now`, in milliseconds of the shop's clock.
    pub fn note(&mut self, frame: &EventFrame, now: i64) {
        let took = now.saturating_sub(frame.head.timestamp).max(0);
        self.latency.add(took.unsigned_abs());
        self.late += u64::from(took > LATE_MS);
        if let LiveEvent::InventoryUpdated(stock) = &frame.event {
            self.stock.insert((stock.product_id.clone(), stock.variant_id.clone()), stock.available_quantity);
        }
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
            "data": {"product_id": "22752", "variant_id": "p255", "available_quantity": 10 - version, "quantity": 1,
                "is_in_stock": true, "stock_status": "in_stock", "version": version},
        });
        serde_json::from_value(frame).unwrap()
    }

    #[test]
    fn the_latest_stock_is_known() {
        let mut seen = Seen::default();
        for version in [1, 4, 5] {
            seen.note(&stock_event(version), 0);
        }
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
