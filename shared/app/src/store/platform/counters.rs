//! Counters of a day: how often each type of event happened.
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
    },
};

/// How many events a counter names at least: with these it stays under a kilobyte, and so at one write unit.
const NAMED: usize = 50;

/// A counter.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Counter {
    /// Whose.
    pub shop: ShopId,
    /// Of which day: `2026-01-31`.
    pub date: String,
    /// Of which type of event.
    pub what: &'static str,
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
    fn lacks(&self, events: &[EventId]) -> Vec<String> {
        let ends = events.iter().map(|id| short(id).to_owned());
        ends.filter(|end| !self.0.contains(end)).collect()
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
        events: &[EventId],
    ) -> Result<Result<Counted, Option<Counted>>> {
        let known = seen.cloned().unwrap_or_default();
        let new = known.lacks(events);
        if new.is_empty() {
            return Ok(Ok(known));
        }
        let (count, request) = (new.len(), derived(&[&new.join(" ")]).simple().to_string());
        let next = known.and(new);
        let mut values = values([
            (":by", number(count)),
            (":shop", text(counter.shop.as_str())),
            (":counted", text(next.text())),
        ]);
        if let Some(seen) = seen {
            values.insert(":seen".into(), text(seen.text()));
        }
        let update = Update {
            set: "shop_id = :shop, counted = :counted",
            rest: "ADD #count :by",
            condition: Some(if seen.is_some() { "counted = :seen" } else { "attribute_not_exists(counted)" }),
            names: [("#count".to_owned(), "count".to_owned())].into(),
            values,
        };
        let key = Key::new(counter_pk(&counter.shop, &counter.date), counter.what);
        Ok(match self.update(&self.tables.platform, &key, update, &request).await? {
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
