//! Counters: how often each type of event happened on a day, and what payments came to.
//!
//! A counter names the events that it counted last. It is written only as it was when those were compared, so an event
//! that comes again soon is counted once.

use domain::{EventId, ShopId};
use serde::Deserialize;

use crate::{
    Result,
    clock::derived,
    store::{
        Dynamo, Item, Key, Query,
        dynamo::{Update, Written, number, text, values},
        limits::usual_key,
    },
};

/// How many events a counter names at least: with these it stays under a kilobyte, and so at one write unit.
const NAMED: usize = 50;

/// A counter.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Counter {
    /// How often something happened.
    Events {
        /// Whose.
        shop: ShopId,
        /// On which day: `2026-01-31`.
        date: String,
        /// Which type of event.
        what: &'static str,
    },
    /// How many payments there were, and what they came to: what is usual, against which large ones are held.
    Payments {
        /// Whose.
        shop: ShopId,
        /// In which currency.
        currency: &'static str,
    },
}

/// An event that is counted, and the minor units that it adds to a sum, if the counter has one.
pub type Counting = (EventId, i64);

impl Counter {
    const fn shop(&self) -> &ShopId {
        match self {
            Self::Events { shop, .. } | Self::Payments { shop, .. } => shop,
        }
    }

    fn key(&self) -> Key {
        match self {
            Self::Events { shop, date, what } => Key::new(counter_pk(shop, date), *what),
            Self::Payments { shop, currency } => usual_key(shop, currency),
        }
    }
}

/// The events that a counter counted last, each by the end of its name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counted(Vec<String>);

impl Counted {
    fn of(item: &Item) -> Option<Self> {
        let text = item.get("counted")?.as_s().ok()?;
        Some(Self(text.split(' ').map(str::to_owned).collect()))
    }

    fn text(&self) -> String {
        self.0.join(" ")
    }

    /// Those of `events` that are not among them.
    fn lacks(&self, events: &[Counting]) -> Vec<(String, i64)> {
        let ends = events.iter().map(|(id, amount)| (short(id).to_owned(), *amount));
        ends.filter(|(end, _)| !self.0.contains(end)).collect()
    }

    /// With `new` ones, and without those that nobody will ask about any more.
    fn and(&self, new: Vec<String>) -> Self {
        let kept = NAMED.saturating_sub(new.len()).min(self.0.len());
        let mut named = self.0.get(self.0.len() - kept..).unwrap_or_default().to_vec();
        named.extend(new);
        Self(named)
    }
}

/// The end of an event's name, which is its random part.
fn short(id: &EventId) -> &str {
    let id = id.as_str();
    id.get(id.len().saturating_sub(12)..).unwrap_or(id)
}

fn counter_pk(shop: &ShopId, date: &str) -> String {
    format!("{shop}#count#{date}")
}

impl Dynamo {
    /// Counts `events`, unless they are among those that the counter counted last: `seen` is what is known of them.
    /// Returns what they are now, or, if they were others than `seen`, which.
    pub(crate) async fn count(
        &self,
        counter: &Counter,
        seen: Option<&Counted>,
        events: &[Counting],
    ) -> Result<Result<Counted, Option<Counted>>> {
        let known = seen.cloned().unwrap_or_default();
        let (new, amounts): (Vec<_>, Vec<i64>) = known.lacks(events).into_iter().unzip();
        if new.is_empty() {
            return Ok(Ok(known));
        }
        let (count, request) = (new.len(), derived(&[&new.join(" ")]).simple().to_string());
        let next = known.and(new);
        let mut values = values([
            (":by", number(count)),
            (":shop", text(counter.shop().as_str())),
            (":counted", text(next.text())),
        ]);
        if let Some(seen) = seen {
            values.insert(":seen".into(), text(seen.text()));
        }
        let (rest, names): (_, &[&str]) = match counter {
            Counter::Events { .. } => ("ADD #count :by", &["count"]),
            Counter::Payments { .. } => {
                let sum = amounts.into_iter().fold(0, i64::saturating_add);
                values.insert(":sum".into(), number(sum));
                ("ADD payments :by, #total :sum", &["total"])
            }
        };
        let update = Update {
            set: "shop_id = :shop, counted = :counted",
            rest,
            condition: Some(if seen.is_some() { "counted = :seen" } else { "attribute_not_exists(counted)" }),
            names: names.iter().map(|name| (format!("#{name}"), (*name).to_owned())).collect(),
            values,
        };
        Ok(match self.update(&self.tables.platform, &counter.key(), update, &request).await? {
            Written::Yes => Ok(next),
            Written::Refused(found) => Err(found.as_ref().and_then(Counted::of)),
        })
    }

    /// All counters of `date`.
    pub async fn counters(&self, shop: &ShopId, date: &str) -> Result<Vec<(String, u64)>> {
        #[derive(Deserialize)]
        struct Row {
            sk: String,
            count: u64,
        }
        let rows: Vec<Row> =
            self.query_all(Query::new(&self.tables.platform, counter_pk(shop, date))).await?;
        Ok(rows.into_iter().map(|row| (row.sk, row.count)).collect())
    }
}
