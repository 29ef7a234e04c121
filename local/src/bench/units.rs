//! What each act of a shopper asks of AWS, and what AWS would bill for it, beside the goals.
//!
//! The clock moves only when it is turned, everything has been done once before (secrets are fetched, pools are filled), and counts are reset
//! between acts, so the figures are the same in every run. Units are those that DynamoDB reports for each request; a
//! transaction counts double, the indexes that follow a row do not. Reading secrets again, which whoever is served every
//! five minutes pays for, is left out.

mod session;

use std::{
    collections::BTreeMap,
    io::{self, Write},
    path::Path,
};

use jiff::Timestamp;
use serde::Serialize;

use super::{
    BenchError, Report,
    shop::Shop,
    table::{self, number},
};
use crate::{
    aws::request::Service,
    clock::TurnableClock,
    cloud::Options,
    meter::{Requests, RequestsRow},
};
use session::{PRODUCT, Session};

/// Monday 5 January 2026, 09:00 UTC. Where the clock stands does not matter; that it stands does.
const START: Timestamp = Timestamp::constant(1_767_603_600, 0);

/// What every act came to.
#[derive(Debug, Serialize)]
pub struct UnitsReport {
    acts: Vec<Act>,
}

#[derive(Debug, Serialize)]
struct Act {
    name: &'static str,
    /// Write units that it may take at most.
    #[serde(skip_serializing_if = "Option::is_none")]
    goal: Option<f64>,
    /// What the functions asked that somebody waits for, Stripe with its webhooks included; of what falls due, the
    /// sweeper.
    #[serde(flatten)]
    front: Cost,
    /// What was asked behind them, by function.
    behind: BTreeMap<String, Cost>,
}

/// What was asked and would be billed.
#[derive(Debug, Default, Serialize)]
struct Cost {
    invocations: u64,
    /// Requests to the outside, those for secrets left out.
    requests: u64,
    read_units: f64,
    write_units: f64,
    /// Requests to DynamoDB, of `requests`.
    dynamodb: u64,
    /// Requests to Stripe, of `requests`.
    stripe: u64,
    /// Frames posted to sockets, of `requests`.
    posts: u64,
    /// Requests by what was asked of which tables; one over several tables is in each.
    asked: BTreeMap<String, u64>,
    /// Write units by table, and by what they were spent on.
    written: BTreeMap<String, BTreeMap<String, f64>>,
}

/// Measures every act once.
pub async fn measure(template: &Path) -> Result<UnitsReport, BenchError> {
    let standing = |options| Options { clock: TurnableClock::standing_at(START), ..options };
    let shop = Shop::open(template, standing).await?;
    shop.stock_up(PRODUCT).await?;
    // The first time is for what is done once per function and not once per act.
    let mut rehearsal = Session::new(&shop);
    rehearsal.play(&shop.customer("rehearsal")?).await?;
    let mut session = Session::new(&shop);
    session.play(&shop.customer("ana")?).await?;
    let acts = session.acts;
    shop.cloud.stop().await;
    Ok(UnitsReport { acts })
}

impl Act {
    fn of(
        name: &'static str,
        goal: Option<f64>,
        behind: &[&str],
        requests: &Requests,
        invocations: &BTreeMap<String, u64>,
    ) -> Self {
        let mut act = Self { name, goal, front: Cost::default(), behind: BTreeMap::new() };
        for (function, count) in invocations.iter().filter(|(_, count)| **count > 0) {
            act.cost_of(function, behind).invocations += count;
        }
        for (function, count) in &requests.functions {
            let cost = act.cost_of(function, behind);
            cost.requests += count;
            cost.dynamodb += count;
        }
        for row in &requests.rows {
            act.cost_of(&row.function, behind).add(row);
        }
        act
    }

    fn cost_of(&mut self, function: &str, behind: &[&str]) -> &mut Cost {
        match behind.contains(&function) {
            true => self.behind.entry(function.to_owned()).or_default(),
            false => &mut self.front,
        }
    }

    fn is_met(&self) -> Option<bool> {
        self.goal.map(|goal| self.front.write_units <= goal)
    }
}

impl Cost {
    fn add(&mut self, row: &RequestsRow) {
        // Only a request to DynamoDB has several tables, and so several rows: those of all others are taken off.
        if row.service != Service::Dynamodb {
            self.dynamodb = self.dynamodb.saturating_sub(row.requests);
        }
        // Secrets are read every five minutes, whoever happens to be served then: that is no part of an act.
        if row.service == Service::Ssm {
            self.requests = self.requests.saturating_sub(row.requests);
            return;
        }
        self.read_units += row.read_units;
        self.write_units += row.write_units;
        match row.service {
            Service::Stripe => self.stripe += row.requests,
            Service::Connections => self.posts += row.requests,
            _ => {}
        }
        let table = row.table.as_deref().map_or_else(String::new, |table| format!(" {}", short(table)));
        *self.asked.entry(format!("{}{table}", row.operation)).or_default() += row.requests;
        if let Some(table) = &row.table
            && !row.written.is_empty()
        {
            let written = self.written.entry(short(table).to_owned()).or_default();
            for (what, units) in &row.written {
                *written.entry(what.clone()).or_default() += units;
            }
        }
    }

    /// `Inventory: stock level 2, stock journal 2`
    fn named(&self) -> impl Iterator<Item = String> {
        self.written.iter().map(|(table, written)| {
            let units = |(what, units): (&String, &f64)| format!("{what} {}", number(*units));
            let units: Vec<_> = written.iter().map(units).collect();
            format!("{table}: {}", units.join(", "))
        })
    }
}

/// `Orders`, as `OrdersTable` is called where there are only tables.
fn short(table: &str) -> &str {
    table.strip_suffix("Table").unwrap_or(table)
}

impl Report for UnitsReport {
    fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        let row = |act: &Act| {
            [
                act.name.to_owned(),
                act.front.invocations.to_string(),
                act.front.requests.to_string(),
                act.front.dynamodb.to_string(),
                act.front.stripe.to_string(),
                act.front.posts.to_string(),
                number(act.front.read_units),
                number(act.front.write_units),
                act.goal.map_or_else(String::new, number),
                act.is_met().map_or("", |is_met| if is_met { "met" } else { "MISSED" }).to_owned(),
            ]
        };
        let head =
            ["act", "invocations", "requests", "to DynamoDB", "to Stripe", "posts", "RRU", "WRU", "goal", ""];
        table::write(out, head, &self.acts.iter().map(row).collect::<Vec<_>>())?;

        writeln!(out, "\nWrite units, each named (in a transaction a row counts twice, an index once):")?;
        for act in self.acts.iter().filter(|act| act.front.write_units > 0.0) {
            writeln!(out, "  {}: {}", act.name, number(act.front.write_units))?;
            for named in act.front.named() {
                writeln!(out, "    {named}")?;
            }
        }

        writeln!(out, "\nRequests, each named (one over several tables is named with each of them):")?;
        for act in self.acts.iter().filter(|act| act.front.requests > 0) {
            let asked = act.front.asked.iter().map(|(what, count)| format!("{what} {count}"));
            writeln!(out, "  {}: {}", act.name, asked.collect::<Vec<_>>().join(", "))?;
        }

        writeln!(out, "\nBehind them, where nobody waits:")?;
        let rows = self.acts.iter().flat_map(|act| {
            act.behind.iter().map(|(function, cost)| {
                [
                    act.name.to_owned(),
                    function.clone(),
                    cost.invocations.to_string(),
                    cost.requests.to_string(),
                    cost.posts.to_string(),
                    number(cost.read_units),
                    number(cost.write_units),
                    cost.named().collect::<Vec<_>>().join("; "),
                ]
            })
        });
        let head = ["act", "function", "invocations", "requests", "posts", "RRU", "WRU", ""];
        table::write(out, head, &rows.collect::<Vec<_>>())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn no_act_costs_more_than_it_may_and_every_unit_has_a_name() {
        let template = Path::new(env!("CARGO_MANIFEST_DIR")).join("../template.yaml");
        let report = measure(&template).await.unwrap();
        for act in &report.acts {
            assert_ne!(act.is_met(), Some(false), "{}: {:?}", act.name, act.front);
            for cost in act.behind.values().chain([&act.front]) {
                let named: f64 = cost.written.values().flat_map(BTreeMap::values).sum();
                assert!((named - cost.write_units).abs() < 0.1, "{}: {cost:?}", act.name);
            }
        }
        let act = |name: &str| report.acts.iter().find(|act| act.name == name).unwrap();
        let resume = &act("resume of 40 missed events").front;
        assert!((resume.invocations, resume.posts) == (1, 1), "{resume:?}");
        let said = &act("say something to 30 listeners").front;
        assert!((said.invocations, said.posts) == (1, 30), "{said:?}");
        assert_eq!(act("the same, seen by 10 viewers").behind["Relay"].posts, 10);
        let reserve = act("reserve one line");
        let named: Vec<_> = reserve.front.named().collect();
        let expected =
            ["Inventory: index due 1, reservation 2, stock journal 2, stock level 2", "Platform: limit 1"];
        assert_eq!(named, expected);
        for (name, stripe) in [
            ("create an intent", 1),
            ("cancel one with an intent", 1),
            ("refund in full, restocked", 1),
            ("refund of a part, restocked", 1),
            ("capture", 1),
            ("void", 1),
            ("expire an order with an intent", 1),
        ] {
            let front = &act(name).front;
            assert!(
                front.stripe >= stripe && front.dynamodb > 0 && front.write_units > 0.0,
                "{name}: {front:?}"
            );
        }
    }
}
