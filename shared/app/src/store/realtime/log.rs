//! Each person's own log: what concerns them, numbered without a gap.

use contract::JournalEvent;
use domain::{ShopId, UserId};
use jiff::Timestamp;
use serde::Deserialize;

use super::LOG_KEPT;
use crate::{
    Error, Result,
    store::{
        Dynamo, JOURNAL, Key, Query, Refusal, Transaction,
        dynamo::{item, number, row, values},
        journal_sk,
    },
};

/// Events that are appended in one transaction: two writes each and one for the head, of DynamoDB's hundred.
const AT_ONCE: usize = 24;

#[derive(Debug, Deserialize)]
struct Head {
    last_seq: u64,
}

#[derive(Debug, Deserialize)]
struct Marker {
    seq: u64,
}

fn log_pk(shop: &ShopId, user: &UserId) -> String {
    format!("{shop}#log#{user}")
}

impl Dynamo {
    /// The last `seq` of a person's log.
    pub async fn log_seq(&self, shop: &ShopId, user: &UserId) -> Result<u64> {
        let head: Option<Head> =
            self.get(&self.tables.realtime, &Key::new(log_pk(shop, user), "head"), true).await?;
        Ok(head.map_or(0, |head| head.last_seq))
    }

    /// Appends events of one shop to a person's log, each once, in order; returns the `seq` of each, also of those
    /// that were there already.
    pub async fn append_to_log(
        &self,
        user: &UserId,
        events: &[&JournalEvent],
        now: Timestamp,
    ) -> Result<Vec<u64>> {
        let mut all = vec![];
        for events in events.chunks(AT_ONCE) {
            all.extend(self.append_some(user, events, now).await?);
        }
        Ok(all)
    }

    async fn append_some(&self, user: &UserId, events: &[&JournalEvent], now: Timestamp) -> Result<Vec<u64>> {
        let Some(first) = events.first() else {
            return Ok(vec![]);
        };
        let mut seqs: Vec<Option<u64>> = vec![None; events.len()];
        for _ in 0..16 {
            let missing: Vec<usize> =
                (0..).zip(&seqs).filter(|(_, seq)| seq.is_none()).map(|(at, _)| at).collect();
            if missing.is_empty() {
                break;
            }
            let last = self.log_seq(&first.shop_id, user).await?;
            let new: Vec<&JournalEvent> = missing.iter().filter_map(|at| events.get(*at).copied()).collect();
            let found = match self.commit(&self.appending(user, &new, last, now)?).await? {
                Ok(()) => (0..).zip(last + 1..).take(new.len()).collect(),
                Err(refusal) => already_there(&refusal, new.len())?,
            };
            for (place, seq) in found {
                if let Some(known) = missing.get(place).and_then(|at: &usize| seqs.get_mut(*at)) {
                    *known = Some(seq);
                }
            }
        }
        let all: Option<Vec<u64>> = seqs.into_iter().collect();
        all.ok_or(Error::busy())
    }

    /// The head's write, then for each event its own and the one that marks it as there.
    fn appending(
        &self,
        user: &UserId,
        events: &[&JournalEvent],
        last: u64,
        now: Timestamp,
    ) -> Result<Transaction> {
        let mut transaction = Transaction::default();
        let table = &self.tables.realtime;
        let expires_at = number(now.checked_add(LOG_KEPT).unwrap_or(Timestamp::MAX).as_second());
        let Some(first) = events.first() else {
            return Ok(transaction);
        };
        let pk = log_pk(&first.shop_id, user);
        let new_last = last + u64::try_from(events.len()).unwrap_or(u64::MAX);
        let (condition, seen) = match last {
            0 => ("attribute_not_exists(last_seq)", values([(":seq", number(new_last))])),
            _ => ("last_seq = :seen", values([(":seen", number(last)), (":seq", number(new_last))])),
        };
        let head = Key::new(&pk, "head");
        transaction.update(table, &head, "SET last_seq = :seq", Some(condition.into()), seen)?;
        for (event, seq) in events.iter().zip(last + 1..) {
            let mut entry = item(&Key::new(&pk, journal_sk(seq)), event)?;
            entry.insert("expires_at".into(), expires_at.clone());
            transaction.put_new(table, entry)?;
            let mut marker = Key::new(&pk, format!("from#{}", event.id)).attributes();
            marker.insert("seq".into(), number(seq));
            marker.insert("expires_at".into(), expires_at.clone());
            transaction.put_new(table, marker)?;
        }
        Ok(transaction)
    }

    /// What is in a person's log after `after`, oldest first, each with its `seq`.
    pub async fn log_after(
        &self,
        shop: &ShopId,
        user: &UserId,
        after: u64,
        limit: u32,
    ) -> Result<Vec<(u64, JournalEvent)>> {
        #[derive(Deserialize)]
        struct Entry {
            sk: String,
            #[serde(flatten)]
            event: JournalEvent,
        }
        let (from, to) = (journal_sk(after.saturating_add(1)), format!("{JOURNAL}~"));
        let query =
            Query::new(&self.tables.realtime, log_pk(shop, user)).between(from, to).consistent().limit(limit);
        let (entries, _): (Vec<Entry>, _) = self.query(&query).await?;
        let numbered = entries.into_iter().filter_map(|entry| {
            let seq = entry.sk.strip_prefix(JOURNAL)?.parse().ok()?;
            Some((seq, entry.event))
        });
        Ok(numbered.collect())
    }
}

/// Which of so many events were in the log already, by place, and where.
fn already_there(refusal: &Refusal, count: usize) -> Result<Vec<(usize, u64)>> {
    let mut found = vec![];
    for place in 0..count {
        if let Some(Some(marker)) = refusal.of(2 + 2 * place) {
            found.push((place, row::<Marker>(marker.clone())?.seq));
        }
    }
    Ok(found)
}
