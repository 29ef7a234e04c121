//! What each act of a shopper asks of AWS, and what AWS would bill for it, beside the goals.
//!
//! The clock moves only when it is turned, everything has been done once before (secrets are fetched, pools are filled), and counts are reset
//! between acts, so the figures are the same in every run. Units are those that DynamoDB reports for each request; a
//! transaction counts double, the indexes that follow a row do not.

use std::{
    collections::BTreeMap,
    io::{self, Write},
    path::Path,
};

use domain::Role;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use serde_json::{Value, json};

use super::{
    BenchError, Report,
    shop::{Shop, Shopper, Socket, text},
    table::{self, number},
};
use crate::{
    aws::request::Service,
    clock::TurnableClock,
    cloud::Options,
    meter::{Requests, RequestsRow},
};

/// Functions that nobody waits for: what they ask is counted apart.
const BEHIND: [&str; 3] = ["Relay", "Fanout", "Sweeper"];

const PRODUCT: &str = "lamp";

/// Whose stock is changed by hand.
const ADJUSTED: &str = "shade";

const ADJUSTMENTS: &str = "/api/v1/inventory/adjustments";

/// How many events are missed before they are resumed, of about 300 bytes each. A `batch` holds at most 50.
const MISSED: usize = 40;

/// How many look on while stock changes.
const VIEWERS: usize = 10;

/// How long a shopper takes from one act to the next. Acts of one moment would be a burst, in which counting them
/// against their limit costs a refused write more.
const PAUSE: SignedDuration = SignedDuration::from_secs(2);

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
    /// What the functions asked that the shopper waits for.
    #[serde(flatten)]
    front: Cost,
    /// What was asked behind them, by function.
    behind: BTreeMap<String, Cost>,
}

/// What was asked and would be billed.
#[derive(Debug, Default, Serialize)]
struct Cost {
    invocations: u64,
    /// Requests to the outside.
    requests: u64,
    read_units: f64,
    write_units: f64,
    /// Requests to Stripe, of `requests`.
    stripe: u64,
    /// Frames posted to sockets, of `requests`.
    posts: u64,
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

/// A shopper's visit, act by act.
struct Session<'a> {
    shop: &'a Shop,
    acts: Vec<Act>,
    invocations: BTreeMap<String, u64>,
}

impl<'a> Session<'a> {
    fn new(shop: &'a Shop) -> Self {
        Self { shop, acts: vec![], invocations: BTreeMap::new() }
    }

    async fn play(&mut self, who: &Shopper<'_>) -> Result<(), BenchError> {
        let shop = self.shop;
        let watched = who.order(PRODUCT).await?;
        let channel = format!("order:{}", text(&watched, "order_id")?);
        let subscribe = |channel: String| json!({ "channel": channel });

        self.begin().await?;
        let ticket = who.ticket().await?;
        self.end("ticket", Some(2.0)).await?;
        let mut socket = Socket::open(&ticket).await?;
        self.end("connect", Some(3.0)).await?;
        socket.ask("hello", json!({})).await?;
        self.end("hello", Some(0.0)).await?;
        let product = subscribe(format!("product:{PRODUCT}"));
        socket.ask("subscribe", product).await?;
        self.end("subscribe to a product", Some(2.0)).await?;
        socket.ask("subscribe", subscribe(channel)).await?;
        self.end("subscribe to an order", Some(2.0)).await?;
        socket.ask("ping", json!({})).await?;
        shop.cloud.advance(SignedDuration::from_mins(1)).await?;
        self.end("ping and idle minute", Some(0.0)).await?;

        who.reserve(PRODUCT).await?;
        self.end("reserve one line", Some(8.0)).await?;
        self.stock_changes(who).await?;
        let order = who.order(PRODUCT).await?;
        self.end("create an order of one line", Some(14.0)).await?;
        let intent = who.intent(&order).await?;
        self.end("create an intent", Some(11.0)).await?;
        shop.pay(&intent).await?;
        self.end("webhook and settle", Some(22.0)).await?;
        expect(&who.confirm(&intent).await?, "status", "succeeded")?;
        self.end("confirm", None).await?;

        let unpaid = who.order(PRODUCT).await?;
        self.begin().await?;
        who.cancel(&unpaid).await?;
        self.end("cancel an unpaid order", None).await?;
        self.resumes(who).await?;

        let order = who.order(PRODUCT).await?;
        self.pause().await?;
        let intent = who.intent(&order).await?;
        self.pause().await?;
        shop.pay(&intent).await?;
        self.pause().await?;
        who.confirm(&intent).await?;
        self.end("whole checkout of one line", Some(52.0)).await
    }

    /// A level is changed by hand, seen by nobody and then by several.
    async fn stock_changes(&mut self, who: &Shopper<'_>) -> Result<(), BenchError> {
        let admin = self.shop.person(Role::Admin, "olga")?;
        let more = json!({ "product_id": ADJUSTED, "quantity": 1, "operation": "add" });
        self.shop.stock_up(ADJUSTED).await?;
        self.begin().await?;
        admin.post(ADJUSTMENTS, more.clone()).await?;
        self.end("adjust a level", None).await?;
        let mut viewers = vec![];
        for _ in 0..VIEWERS {
            let mut viewer = Socket::open(&who.ticket().await?).await?;
            viewer.ask("subscribe", json!({ "channel": format!("product:{ADJUSTED}") })).await?;
            viewers.push(viewer);
            self.pause().await?; // so many tickets at once would be a burst
        }
        self.begin().await?;
        admin.post(ADJUSTMENTS, more).await?;
        self.end("the same, seen by 10 viewers", None).await?;
        for viewer in viewers {
            viewer.close().await?;
        }
        self.begin().await
    }

    /// Somebody comes back who has missed events.
    async fn resumes(&mut self, who: &Shopper<'_>) -> Result<(), BenchError> {
        for _ in 0..MISSED / 2 {
            let order = who.order(PRODUCT).await?;
            self.pause().await?;
            who.cancel(&order).await?;
            self.pause().await?;
        }
        let channel = format!("user:{}", who.name);
        let mut socket = Socket::open(&who.ticket().await?).await?;
        let now = socket.ask("subscribe", json!({ "channel": channel })).await?;
        let seq = now.pointer("/data/seq").and_then(Value::as_u64).unwrap_or(0);
        let missed = u64::try_from(MISSED).unwrap_or(u64::MAX);
        let point = json!({ "channel": channel, "last_seq": seq.saturating_sub(missed) });
        self.begin().await?;
        socket.ask("resume", json!({ "channels": [point] })).await?;
        self.end("resume of 40 missed events", Some(2.0)).await?;
        socket.close().await?;
        self.begin().await
    }

    /// Lets what is under way arrive, and a moment pass.
    async fn pause(&self) -> Result<(), BenchError> {
        self.shop.cloud.advance(PAUSE).await?;
        Ok(())
    }

    async fn begin(&mut self) -> Result<(), BenchError> {
        self.pause().await?;
        self.shop.cloud.meter().reset();
        self.invocations = self.shop.cloud.invocations();
        Ok(())
    }

    /// Notes what was counted since the last act ended, deliveries included.
    async fn end(&mut self, name: &'static str, goal: Option<f64>) -> Result<(), BenchError> {
        self.shop.cloud.idle().await?;
        let invocations = self.shop.cloud.invocations().into_iter();
        let invocations = invocations.map(|(function, count)| {
            let before = self.invocations.get(&function).copied().unwrap_or(0);
            (function, count.saturating_sub(before))
        });
        let requests = self.shop.cloud.meter().snapshot();
        self.acts.push(Act::of(name, goal, &requests, &invocations.collect()));
        self.begin().await
    }
}

fn expect(answer: &Value, field: &str, value: &str) -> Result<(), BenchError> {
    match text(answer, field)? {
        found if found == value => Ok(()),
        _ => Err(BenchError::Unexpected(format!("expected {field} {value}: {answer}"))),
    }
}

impl Act {
    fn of(
        name: &'static str,
        goal: Option<f64>,
        requests: &Requests,
        invocations: &BTreeMap<String, u64>,
    ) -> Self {
        let mut act = Self { name, goal, front: Cost::default(), behind: BTreeMap::new() };
        for (function, count) in invocations.iter().filter(|(_, count)| **count > 0) {
            act.cost_of(function).invocations += count;
        }
        for (function, count) in &requests.functions {
            act.cost_of(function).requests += count;
        }
        for row in &requests.rows {
            act.cost_of(&row.function).add(row);
        }
        act
    }

    fn cost_of(&mut self, function: &str) -> &mut Cost {
        match BEHIND.contains(&function) {
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
        self.read_units += row.read_units;
        self.write_units += row.write_units;
        match row.service {
            Service::Stripe => self.stripe += row.requests,
            Service::Connections => self.posts += row.requests,
            _ => {}
        }
        if let Some(table) = &row.table
            && !row.written.is_empty()
        {
            let table = table.strip_suffix("Table").unwrap_or(table);
            let written = self.written.entry(table.to_owned()).or_default();
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

impl Report for UnitsReport {
    fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        let row = |act: &Act| {
            [
                act.name.to_owned(),
                act.front.invocations.to_string(),
                act.front.requests.to_string(),
                act.front.stripe.to_string(),
                act.front.posts.to_string(),
                number(act.front.read_units),
                number(act.front.write_units),
                act.goal.map_or_else(String::new, number),
                act.is_met().map_or("", |is_met| if is_met { "met" } else { "MISSED" }).to_owned(),
            ]
        };
        let head = ["act", "invocations", "requests", "to Stripe", "posts", "RRU", "WRU", "goal", ""];
        table::write(out, head, &self.acts.iter().map(row).collect::<Vec<_>>())?;

        writeln!(out, "\nWrite units, each named (in a transaction a row counts twice, an index once):")?;
        for act in self.acts.iter().filter(|act| act.front.write_units > 0.0) {
            writeln!(out, "  {}: {}", act.name, number(act.front.write_units))?;
            for named in act.front.named() {
                writeln!(out, "    {named}")?;
            }
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
        assert_eq!(act("the same, seen by 10 viewers").behind["Relay"].posts, 10);
        let reserve = act("reserve one line");
        let named: Vec<_> = reserve.front.named().collect();
        let expected =
            ["Inventory: index due 1, reservation 2, stock journal 2, stock level 2", "Platform: limit 1"];
        assert_eq!(named, expected);
    }
}
