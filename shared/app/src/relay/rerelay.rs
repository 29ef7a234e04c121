//! Publishing again what was published before, or should have been: after an outage that was longer than streams
//! keep their records.
//!
//! This is the one thing that scans tables, page by page, when an operator asks for it. Publishing twice changes nothing:
//! logs know their events, audit lines are written over, clients know events by their names. Counters alone would
//! grow, so they are left as they are.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use domain::EventId;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Relay, StreamRow, rows::Published};
use crate::{Error, Result};

/// What is to be published again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rerelay {
    /// What happened since then.
    pub since: Timestamp,
    /// Where to go on: what the answer before said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// How far it has come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rerelayed {
    /// Rows of this page that were published.
    pub published: usize,
    /// Where to go on; absent at the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// A place in the tables, one after the other.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Place {
    table: usize,
    after: Option<(String, String)>,
}

impl Place {
    fn read(text: &str) -> Result<Self> {
        let wrong = || Error::field("next", "invalid", "expected what the answer before said");
        let bytes = BASE64.decode(text).map_err(|_| wrong())?;
        serde_json::from_slice(&bytes).map_err(|_| wrong())
    }

    fn text(&self) -> Option<String> {
        serde_json::to_vec(self).ok().map(|bytes| BASE64.encode(bytes))
    }
}

impl Relay {
    /// Publishes one page of what happened since an instant again, in the order of each table's journals.
    pub async fn rerelay(&self, asked: Rerelay) -> Result<Rerelayed> {
        let place = asked.next.as_deref().map(Place::read).transpose()?.unwrap_or_default();
        let tables = &self.store.tables;
        let journals = [
            &tables.inventory,
            &tables.orders,
            &tables.catalog,
            &tables.chat,
            &tables.notifications,
            &tables.customers,
            &tables.platform,
        ];
        let Some(table) = journals.get(place.table) else {
            return Ok(Rerelayed { published: 0, next: None });
        };
        let (rows, after) = self.store.scan_page(table, place.after).await?;
        let mut rows: Vec<(Timestamp, StreamRow)> = rows
            .into_iter()
            .map(|(pk, sk, image)| StreamRow { sk, pk, image, before: None })
            .filter_map(|row| Some((happened_at(&row)?, row)))
            .filter(|(at, _)| *at >= asked.since)
            .collect();
        rows.sort_by_key(|(at, _)| *at);
        let rows: Vec<StreamRow> = rows.into_iter().map(|(_, row)| row).collect();
        Self { shows_again: true, ..self.clone() }.publish_uncounted(&rows).await?;
        let next = match after {
            Some(after) => Place { table: place.table, after: Some(after) },
            None => Place { table: place.table + 1, after: None },
        };
        let next = (next.table < journals.len()).then(|| next.text()).flatten();
        Ok(Rerelayed { published: rows.len(), next })
    }
}

/// When what a row tells of happened; nothing for rows that tell nothing. One that cannot be read counts as now: it
/// will be parked.
fn happened_at(row: &StreamRow) -> Option<Timestamp> {
    match row.read() {
        Ok(Published::Nothing) => None,
        Ok(Published::Event(event)) => Some(event.occurred_at),
        // What was said was heard, and how agents stand, they say again.
        Ok(Published::Message(message)) => Some(message.at()),
        Ok(Published::Notification(told)) => Some(told.created_at),
        Ok(Published::Agent(agent)) => Some(agent.agent().seen_at),
        Ok(Published::Level(level)) => Some(made_at(&level.last_event).unwrap_or(Timestamp::MAX)),
        Err(_) => Some(Timestamp::MAX),
    }
}

/// When an event was named: names are ordered by time.
fn made_at(id: &EventId) -> Option<Timestamp> {
    let hex = id.as_str().strip_prefix(EventId::PREFIX)?;
    Timestamp::from_millisecond(i64::from_str_radix(hex.get(..12)?, 16).ok()?).ok()
}
