//! The `Customers` table: who is whom, and whose sessions have ended.
//!
//! | pk | sk | row |
//! |---|---|---|
//! | `{shop}#user#{id}` | `access` | links and revocations of one person, read with every token |
//! | the same | `j#{version}` | its journal |

use std::collections::{BTreeMap, BTreeSet};

use contract::JournalEvent;
use domain::{SessionId, ShopId, UserId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Dynamo, Key, Transaction, dynamo::item, journal_row};
use crate::Result;

/// What is known about a person's access.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Access {
    /// Tokens issued before this are no longer good.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked_before: Option<Timestamp>,
    /// Sessions that have ended, and until when their tokens would have been good.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub revoked_sessions: BTreeMap<SessionId, Timestamp>,
    /// The customer that this guest turned out to be; the guest's tokens are no longer good.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub linked_to: Option<UserId>,
    /// Guests that this customer was.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub guests: BTreeSet<UserId>,
    /// How many changes there were.
    #[serde(default)]
    pub version: u64,
}

impl Access {
    /// Whether a token of `session` issued at `issued_at` is still good.
    pub fn admits(&self, session: &SessionId, issued_at: Timestamp) -> bool {
        self.linked_to.is_none()
            && self.revoked_before.is_none_or(|instant| issued_at > instant)
            && !self.revoked_sessions.contains_key(session)
    }
}

fn access_key(shop: &ShopId, user: &UserId) -> Key {
    Key::new(format!("{shop}#user#{user}"), "access")
}

impl Transaction {
    /// Writes a person's access over the version before it, or as the first.
    pub(crate) fn put_access(
        &mut self,
        store: &Dynamo,
        shop: &ShopId,
        user: &UserId,
        access: &Access,
    ) -> Result<()> {
        let item = item(&access_key(shop, user), access)?;
        match access.version {
            1 => self.put_new(&store.tables.customers, item),
            version => self.put_version(&store.tables.customers, item, version - 1),
        }
    }

    /// Writes the journal row of a person's access.
    pub(crate) fn journal_access(
        &mut self,
        store: &Dynamo,
        user: &UserId,
        event: &JournalEvent,
    ) -> Result<()> {
        self.put_new(&store.tables.customers, journal_row(&access_key(&event.shop_id, user).pk, event)?)
    }
}

impl Dynamo {
    /// What is known about a person's access; nothing is known about most.
    pub async fn access(&self, shop: &ShopId, user: &UserId) -> Result<Access> {
        Ok(self.get(&self.tables.customers, &access_key(shop, user), true).await?.unwrap_or_default())
    }
}
