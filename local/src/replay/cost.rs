//! What a replay cost: requests, and read and write units, by function.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The functions that a checkout runs through. Refunds run through two of them too.
const CHECKOUT: [&str; 3] = ["Orders", "Payments", "StripeWebhook"];

/// The part of `GET /_local/requests` that a replay reads.
#[derive(Debug, Clone, Deserialize)]
pub struct Counted {
    rows: Vec<CountedRow>,
    pub sockets: SocketsCounted,
}

#[derive(Debug, Clone, Deserialize)]
struct CountedRow {
    function: String,
    requests: u64,
    read_units: f64,
    write_units: f64,
}

/// What went over all sockets.
#[derive(Debug, Clone, Deserialize)]
pub struct SocketsCounted {
    pub posted: u64,
    pub events: u64,
}

/// Requests to AWS and Stripe, and the units of DynamoDB in them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Cost {
    pub requests: f64,
    pub read_units: f64,
    pub write_units: f64,
}

/// What a replay cost.
#[derive(Debug, Default, Serialize)]
pub struct Costs {
    /// Of the functions that a checkout runs through, shared out among the paid orders.
    pub per_checkout: Cost,
    /// Of what publishes their events, likewise.
    pub relay_per_checkout: Cost,
    pub by_function: BTreeMap<String, Cost>,
}

impl Cost {
    fn add(&mut self, other: Self, factor: f64) {
        self.requests += other.requests * factor;
        self.read_units += other.read_units * factor;
        self.write_units += other.write_units * factor;
    }

    fn over(self, count: f64) -> Self {
        let mut share = Self::default();
        share.add(self, if count > 0.0 { 1.0 / count } else { 0.0 });
        share
    }
}

impl Costs {
    /// What was counted between `before` and `after`, in which so many orders were paid.
    pub fn between(before: &Counted, after: &Counted, orders: u64) -> Self {
        let mut by_function: BTreeMap<String, Cost> = BTreeMap::new();
        for (counted, factor) in [(after, 1.0), (before, -1.0)] {
            for row in &counted.rows {
                let cost = Cost {
                    requests: as_share(row.requests),
                    read_units: row.read_units,
                    write_units: row.write_units,
                };
                by_function.entry(row.function.clone()).or_default().add(cost, factor);
            }
        }
        by_function.retain(|_, cost| cost.requests > 0.0);
        let of = |functions: &[&str]| {
            let mut sum = Cost::default();
            for cost in functions.iter().filter_map(|function| by_function.get(*function)) {
                sum.add(*cost, 1.0);
            }
            sum.over(as_share(orders))
        };
        Self { per_checkout: of(&CHECKOUT), relay_per_checkout: of(&["Relay"]), by_function }
    }
}

#[allow(clippy::cast_precision_loss, reason = "counts of a run stay far below 2^52")]
fn as_share(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn counted(orders: u64, payments: u64) -> Counted {
        let row = |function, requests, units| json!({"function": function, "requests": requests, "read_units": units, "write_units": 2 * units});
        let rows = [row("Orders", orders, orders), row("Orders", 1, 0), row("Payments", payments, 0)];
        serde_json::from_value(json!({"rows": rows, "sockets": {"posted": 0, "events": 0}})).unwrap()
    }

    #[test]
    fn only_what_came_in_between_is_shared_out() {
        let costs = Costs::between(&counted(10, 5), &counted(30, 5), 4);
        let expected = Cost { requests: 5.0, read_units: 5.0, write_units: 10.0 };
        assert_eq!(costs.per_checkout, expected);
        assert_eq!(costs.by_function.keys().collect::<Vec<_>>(), ["Orders"]);
        assert_eq!(Costs::between(&counted(0, 0), &counted(9, 0), 0).per_checkout, Cost::default());
    }
}
