//! DynamoDB: the only place that knows tables, keys and expressions. One file for each table;
//! what customers think of products has one beside the catalog's.
//!
//! A row is a private struct, its key a [`Key`] that only its own file can build, and it comes out through the
//! domain's constructors. A row that cannot be read is an error that names its key.

pub mod catalog;
pub mod chat;
pub mod customers;
mod disputes;
pub mod dynamo;
pub mod inventory;
mod limits;
pub mod notices;
pub mod notifications;
pub mod opinions;
pub mod orders;
pub mod payments;
pub mod platform;
pub mod realtime;
mod scan;
pub mod transaction;

pub use dynamo::{Cursor, Due, Dynamo, Item, Key, Query, Tables};
pub use transaction::{Refusal, Transaction};

use contract::JournalEvent;
use jiff::Timestamp;

/// How an instant is written where DynamoDB sorts by it: fixed width, UTC, milliseconds.
pub fn sortable(instant: Timestamp) -> String {
    instant.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}

/// The sort key of journal row number `version`.
pub fn journal_sk(version: u64) -> String {
    format!("{JOURNAL}{version:010}")
}

/// What the sort key of every journal row begins with; the template's stream filters name it too.
pub const JOURNAL: &str = "j#";

/// One of ten partitions of the `due` index, so that no single one takes all writes.
pub fn due_shard(id: &str) -> String {
    format!(
        "due#{}",
        id.bytes().fold(0_u32, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte.into())) % DUE_SHARDS
    )
}

/// Partitions of the `due` index.
pub const DUE_SHARDS: u32 = 10;

/// A journal row of an aggregate whose version orders its events.
fn journal_row(pk: &str, event: &JournalEvent) -> crate::Result<Item> {
    dynamo::item(&Key::new(pk, journal_sk(event.version)), event)
}
