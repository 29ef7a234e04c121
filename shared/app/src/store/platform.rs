//! The `Platform` table: service keys, limits, idempotency records, flags, audit, counters, repairs.
//!
//! | pk | sk | row |
//! |---|---|---|
//! | `{shop}#keys` | `{key id}` | a service key; its secret only as a digest |
//! | `{shop}#limit#{what}#{who}` | `limit` | a rate limit's state, and what is counted beside it: see `limits` |
//! | `{shop}#usual#{currency}` | `usual` | what payments came to: see `limits` |
//! | `{shop}#idempotency#{digest}` | `record` | what a request with an `Idempotency-Key` came to |
//! | `{shop}#flags` | `{flag}` | a feature flag |
//! | `{shop}#audit#{yyyy-mm}` | `{instant}#{event}` | a line of the audit log |
//! | `{shop}#count#{yyyy-mm-dd}` | `{event type}` | how often it happened |
//! | `{shop}#repair#{digest}` | `repair` | a journal row that `relay` could not publish; in `due` |
//! | `{shop}#keys`, `{shop}#flags` | `j#{instant}#{event}` | their journals |

mod counters;

pub use counters::{Counted, Counter, Counting};

use std::collections::BTreeSet;

use contract::{
    JournalEvent,
    http::platform::{AuditEntry, FlagView},
};
use domain::{Line, Scope, ServiceKeyId, ShopId};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{
    Cursor, Due, Dynamo, JOURNAL, Key, Query, Transaction, due_shard,
    dynamo::{Update, Written, item, number, row, text, values},
    sortable,
};
use crate::{Error, Result};

/// A service key as it is stored.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ServiceKey {
    /// Its name.
    pub key_id: ServiceKeyId,
    /// What it is for.
    pub name: Line,
    /// What it is good for.
    pub scopes: BTreeSet<Scope>,
    /// Digest of its secret.
    pub digest: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// Whether it has been ended.
    #[serde(default)]
    pub is_revoked: bool,
}

/// What a request with an `Idempotency-Key` came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IdempotencyRecord {
    /// Digest of the request's body.
    pub fingerprint: String,
    /// When it was first begun: what it does is named after this instant, however often it is begun again.
    pub started_at: Timestamp,
    /// Until when it is being worked on.
    pub locked_until: i64,
    /// What it came to, as JSON, once it is done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<String>,
    /// When it may be forgotten, in seconds since 1970.
    pub expires_at: i64,
}

/// A journal row that could not be published.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Repair {
    /// The stream record, as JSON.
    pub record: String,
    /// Why it could not be published.
    pub problem: String,
    /// How often it was tried.
    pub attempts: u32,
}

#[derive(Debug, Serialize, Deserialize)]
struct RepairRow {
    #[serde(flatten)]
    repair: Repair,
    due: String,
    due_at: String,
}

fn keys_pk(shop: &ShopId) -> String {
    format!("{shop}#keys")
}

fn flags_pk(shop: &ShopId) -> String {
    format!("{shop}#flags")
}

fn repair_key(shop: &ShopId, id: &str) -> Key {
    Key::new(format!("{shop}#repair#{id}"), "repair")
}

fn record_key(shop: &ShopId, digest: &str) -> Key {
    Key::new(format!("{shop}#idempotency#{digest}"), "record")
}

/// A journal row of a partition that has no version of its own: ordered by the event's name, which begins with time.
fn shared_journal(pk: String, event: &JournalEvent) -> Result<super::Item> {
    item(&Key::new(pk, format!("{JOURNAL}{}", event.id)), event)
}

impl Transaction {
    /// Writes a new service key and its journal row.
    pub(crate) fn put_new_service_key(
        &mut self,
        store: &Dynamo,
        key: &ServiceKey,
        event: &JournalEvent,
    ) -> Result<()> {
        let pk = keys_pk(&event.shop_id);
        self.put_new(&store.tables.platform, item(&Key::new(&pk, key.key_id.as_str()), key)?)?;
        self.put_new(&store.tables.platform, shared_journal(pk, event)?)
    }

    /// Ends a service key and writes its journal row.
    pub(crate) fn end_service_key(
        &mut self,
        store: &Dynamo,
        id: &ServiceKeyId,
        event: &JournalEvent,
    ) -> Result<()> {
        let pk = keys_pk(&event.shop_id);
        let values = values([(":yes", aws_sdk_dynamodb::types::AttributeValue::Bool(true))]);
        let condition = Some("attribute_exists(pk) AND is_revoked <> :yes".to_owned());
        let key = Key::new(&pk, id.as_str());
        self.update(&store.tables.platform, &key, "SET is_revoked = :yes", condition, values)?;
        self.put_new(&store.tables.platform, shared_journal(pk, event)?)
    }

    /// Writes a flag over the version before it, and its journal row.
    pub(crate) fn put_flag(&mut self, store: &Dynamo, flag: &FlagView, event: &JournalEvent) -> Result<()> {
        let pk = flags_pk(&event.shop_id);
        let item = item(&Key::new(&pk, format!("flag#{}", flag.key)), flag)?;
        match flag.version {
            1 => self.put_new(&store.tables.platform, item)?,
            version => self.put_version(&store.tables.platform, item, version - 1)?,
        }
        self.put_new(&store.tables.platform, shared_journal(pk, event)?)
    }
}

impl Dynamo {
    /// A service key, also one that has been ended.
    pub async fn service_key(&self, shop: &ShopId, id: &ServiceKeyId) -> Result<Option<ServiceKey>> {
        self.get(&self.tables.platform, &Key::new(keys_pk(shop), id.as_str()), true).await
    }

    /// A page of service keys.
    pub async fn service_keys(
        &self,
        shop: &ShopId,
        limit: u32,
        cursor: Option<Cursor>,
    ) -> Result<(Vec<ServiceKey>, Option<Cursor>)> {
        let query = Query::new(&self.tables.platform, keys_pk(shop)).beginning_with(ServiceKeyId::PREFIX);
        self.query(&query.limit(limit).after(cursor)).await
    }

    /// Begins the request named `digest`, unless it is done or being worked on: then the record says what is known.
    pub(crate) async fn begin_request(
        &self,
        shop: &ShopId,
        digest: &str,
        record: &IdempotencyRecord,
        request: &str,
    ) -> Result<Result<(), IdempotencyRecord>> {
        let key = record_key(shop, digest);
        match self.put_new(&self.tables.platform, item(&key, record)?, request).await? {
            Written::Yes => Ok(Ok(())),
            Written::Refused(found) => match found {
                Some(found) => Ok(Err(row(found)?)),
                None => Err(Error::internal("a refused write shows nothing")),
            },
        }
    }

    /// Takes over a request whose lock ran out at `seen`.
    pub(crate) async fn take_over_request(
        &self,
        shop: &ShopId,
        digest: &str,
        seen: i64,
        locked_until: i64,
        request: &str,
    ) -> Result<bool> {
        let update = Update {
            set: "locked_until = :until",
            condition: Some("locked_until = :seen AND attribute_not_exists(answer)"),
            values: values([(":until", number(locked_until)), (":seen", number(seen))]),
            ..Update::default()
        };
        let written = self.update(&self.tables.platform, &record_key(shop, digest), update, request).await?;
        Ok(matches!(written, Written::Yes))
    }

    /// Notes what a request came to, or (`None`) that it may be begun again.
    pub(crate) async fn end_request(
        &self,
        shop: &ShopId,
        digest: &str,
        answer: Option<&str>,
        request: &str,
    ) -> Result<()> {
        let (set, value) = match answer {
            Some(answer) => ("answer = :value", text(answer)),
            None => ("locked_until = :value", number(0)),
        };
        let update = Update { set, values: values([(":value", value)]), ..Update::default() };
        self.update(&self.tables.platform, &record_key(shop, digest), update, request).await?;
        Ok(())
    }

    /// Forgets a request that was refused: it may be corrected and sent again under the same key.
    pub(crate) async fn forget_request(&self, shop: &ShopId, digest: &str) -> Result<()> {
        self.delete(&self.tables.platform, &record_key(shop, digest)).await
    }

    /// A feature flag.
    pub async fn flag(&self, shop: &ShopId, key: &str) -> Result<Option<FlagView>> {
        self.get(&self.tables.platform, &Key::new(flags_pk(shop), format!("flag#{key}")), true).await
    }

    /// All feature flags.
    pub async fn flags(&self, shop: &ShopId) -> Result<Vec<FlagView>> {
        self.query_all(Query::new(&self.tables.platform, flags_pk(shop)).beginning_with("flag#")).await
    }

    /// Writes a line of the audit log; writing it again changes nothing.
    pub async fn log_audit(&self, shop: &ShopId, entry: &AuditEntry) -> Result<()> {
        let at = sortable(entry.at);
        let month = at.get(..7).unwrap_or_default();
        let key = Key::new(format!("{shop}#audit#{month}"), format!("{at}#{}", entry.event_id));
        self.put(&self.tables.platform, item(&key, entry)?).await
    }

    /// A page of a month of the audit log, newest first; `month` is `2026-01`.
    pub async fn audit_log(
        &self,
        shop: &ShopId,
        month: &str,
        limit: u32,
        cursor: Option<Cursor>,
    ) -> Result<(Vec<AuditEntry>, Option<Cursor>)> {
        let query = Query::new(&self.tables.platform, format!("{shop}#audit#{month}"));
        self.query(&query.limit(limit).newest_first().after(cursor)).await
    }

    /// Parks a journal row that could not be published, to be tried again in a while.
    pub async fn park(&self, shop: &ShopId, id: &str, repair: &Repair, now: Timestamp) -> Result<()> {
        let wait = SignedDuration::from_secs(60).saturating_mul(1 << repair.attempts.min(6));
        let due_at = sortable(now.checked_add(wait).unwrap_or(Timestamp::MAX));
        let row = RepairRow { repair: repair.clone(), due: due_shard(id), due_at };
        self.put(&self.tables.platform, item(&repair_key(shop, id), &row)?).await
    }

    /// A parked journal row.
    pub async fn parked(&self, shop: &ShopId, id: &str) -> Result<Option<Repair>> {
        let row: Option<RepairRow> = self.get(&self.tables.platform, &repair_key(shop, id), true).await?;
        Ok(row.map(|row| row.repair))
    }

    /// Forgets a parked journal row that has been published.
    pub async fn unpark(&self, shop: &ShopId, id: &str) -> Result<()> {
        self.delete(&self.tables.platform, &repair_key(shop, id)).await
    }

    /// Parked rows in partition `shard` of the due index whose time had come at `now`.
    pub async fn due_repairs(&self, shard: u32, now: Timestamp, limit: u32) -> Result<Vec<Due>> {
        self.due(&self.tables.platform, shard, now, limit).await
    }
}
