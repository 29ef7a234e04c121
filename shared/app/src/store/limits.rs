//! The `Platform` table, as far as it counts what people do: rate limits, and who begins to pay how often.
//!
//! A row of a limit has the limit's state in `arrival`. Beside it, in the same write, `i{hour}` counts payments that were
//! begun in an hour and `d{hour}` cards that were refused; hours that are over for long are removed on the way.

use domain::{
    Currency, ShopId,
    rate::{Rate, Verdict},
    risk::{Activity, Usual},
};
use jiff::Timestamp;
use serde::Deserialize;

use super::{
    Dynamo, Item, Key, Transaction,
    dynamo::{Update, number, values},
};
use crate::{Error, Result};

/// What is counted is of this hour and the one before; a row is kept until both are over.
const COUNTS_LAST: i64 = 2 * 3_600;
/// So many hours before those that count are removed from a row that is used again; what is older has ended with its row.
const SWEPT_HOURS: i64 = 24;

fn limit_key(shop: &ShopId, what: &str, who: &str) -> Key {
    Key::new(format!("{shop}#limit#{what}#{who}"), "limit")
}

/// Where it is counted what payments in a currency came to.
pub(super) fn usual_key(shop: &ShopId, currency: &str) -> Key {
    Key::new(format!("{shop}#usual#{currency}"), "usual")
}

fn hour(now: Timestamp) -> i64 {
    now.as_second().div_euclid(3_600)
}

/// How far one attempt moves a limit, in milliseconds.
fn step(rate: Rate) -> i64 {
    i64::try_from(rate.every.as_millis()).unwrap_or(i64::MAX)
}

/// `ADD i123 :one REMOVE i121, d121, …`
fn counting(now: Timestamp) -> String {
    let hour = hour(now);
    let old: Vec<_> =
        (2..SWEPT_HOURS).flat_map(|ago| ["i", "d"].map(|what| format!("{what}{}", hour - ago))).collect();
    format!("ADD i{hour} :one REMOVE {}", old.join(", "))
}

fn activity(row: &Item, now: Timestamp) -> Activity {
    let count = |what: &str, hour: i64| {
        let counted = row.get(&format!("{what}{hour}"));
        counted.and_then(|value| value.as_n().ok()?.parse::<u32>().ok()).unwrap_or(0)
    };
    let hour = hour(now);
    let both = |what: &str| count(what, hour).saturating_add(count(what, hour - 1));
    Activity { intents: both("i"), declines: both("d") }
}

#[derive(Debug, Deserialize)]
struct UsualRow {
    payments: u64,
    total: i64,
}

impl Transaction {
    /// Counts a card of `who` that a bank refused.
    pub(crate) fn count_decline(
        &mut self,
        store: &Dynamo,
        shop: &ShopId,
        who: &str,
        now: Timestamp,
    ) -> Result<()> {
        let expression = format!("SET expires_at = :expires_at ADD d{} :one", hour(now));
        let values = values([(":one", number(1)), (":expires_at", number(now.as_second() + COUNTS_LAST))]);
        self.update(&store.tables.platform, &limit_key(shop, "pay", who), expression, None, values)
    }
}

impl Dynamo {
    /// Counts one attempt of `who` against the limit `what`.
    ///
    /// From rest this is one write. Within a burst it is a refused write, which says where the limit stands, and one
    /// that moves it on from wherever it is: many at once do not get in one another's way.
    ///
    /// # Errors
    /// [`Error::Limited`] if it is one too many.
    pub async fn limit(
        &self,
        shop: &ShopId,
        what: &str,
        who: &str,
        rate: Rate,
        now: Timestamp,
        request: &str,
    ) -> Result<()> {
        self.limit_with(&limit_key(shop, what, who), rate, now, request, None).await.map(drop)
    }

    /// Counts that `who` begins to pay, against the limit and for whoever judges how risky it is, in the same write.
    ///
    /// # Errors
    /// [`Error::Limited`] if it is one too many.
    pub(crate) async fn limit_intent(
        &self,
        shop: &ShopId,
        who: &str,
        rate: Rate,
        now: Timestamp,
        request: &str,
    ) -> Result<Activity> {
        let row =
            self.limit_with(&limit_key(shop, "pay", who), rate, now, request, Some(counting(now))).await?;
        Ok(activity(&row, now))
    }

    /// Counts that `who` begins to pay, without limiting them.
    pub(crate) async fn count_intent(
        &self,
        shop: &ShopId,
        who: &str,
        now: Timestamp,
        request: &str,
    ) -> Result<Activity> {
        let counting = counting(now);
        let update = Update {
            set: "expires_at = :expires_at",
            rest: &counting,
            values: values([(":one", number(1)), (":expires_at", number(now.as_second() + COUNTS_LAST))]),
            ..Update::default()
        };
        let key = limit_key(shop, "pay", who);
        match self.update_and_see(&self.tables.platform, &key, update, request).await? {
            Ok(row) => Ok(activity(&row, now)),
            Err(_) => Err(Error::internal("an update without a condition was refused")),
        }
    }

    async fn limit_with(
        &self,
        key: &Key,
        rate: Rate,
        now: Timestamp,
        request: &str,
        counting: Option<String>,
    ) -> Result<Item> {
        let milliseconds = |instant: Timestamp| number(instant.as_millisecond());
        let kept = if counting.is_some() { COUNTS_LAST } else { 60 };
        let expires_at = number((rate.horizon(now).as_second() + 60).max(now.as_second() + kept));
        let with_one = |mut values: Item| {
            if counting.is_some() {
                values.insert(":one".into(), number(1));
            }
            values
        };
        let from_rest = Update {
            set: "arrival = :next, expires_at = :expires_at",
            rest: counting.as_deref().unwrap_or_default(),
            condition: Some("attribute_not_exists(arrival) OR arrival <= :now"),
            values: with_one(values([
                (":next", number(now.as_millisecond() + step(rate))),
                (":now", milliseconds(now)),
                (":expires_at", expires_at.clone()),
            ])),
            ..Update::default()
        };
        let within_burst = Update {
            set: "arrival = arrival + :step, expires_at = :expires_at",
            rest: counting.as_deref().unwrap_or_default(),
            condition: Some("arrival > :now AND arrival <= :horizon"),
            values: with_one(values([
                (":step", number(step(rate))),
                (":now", milliseconds(now)),
                (":horizon", milliseconds(rate.horizon(now))),
                (":expires_at", expires_at),
            ])),
            ..Update::default()
        };
        // Each kind is refused only while the other one fits, so this ends as soon as nobody comes between.
        for attempt in 0..8 {
            let update = if attempt % 2 == 0 { &from_rest } else { &within_burst };
            let request = format!("{request}-{attempt}");
            let changed = self.update_and_see(&self.tables.platform, key, update.clone(), &request).await?;
            let found = match changed {
                Ok(row) => return Ok(row),
                Err(found) => found,
            };
            let arrival = found.as_ref().and_then(|item| item.get("arrival")?.as_n().ok()?.parse().ok());
            let arrival = arrival.and_then(|ms| Timestamp::from_millisecond(ms).ok());
            if let Verdict::Refused { retry_after } = rate.judge(arrival, now) {
                return Err(Error::Limited { retry_after });
            }
        }
        Err(Error::Limited { retry_after: rate.every })
    }

    /// What payments in a currency came to, if there were any.
    pub(crate) async fn usual(&self, shop: &ShopId, currency: Currency) -> Result<Option<Usual>> {
        let row: Option<UsualRow> =
            self.get(&self.tables.platform, &usual_key(shop, currency.code()), false).await?;
        Ok(row.map(|UsualRow { payments, total }| Usual { payments, total }))
    }
}
