//! What waits for one mail: one open window per person, closed in one transaction.

use std::collections::BTreeSet;

use domain::{NotificationId, ShopId, UserId, notification::DeliveryState};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Delivery, Notification, people::digest_key};
use crate::{
    Error, Result,
    notifications::telling::EMAIL,
    store::{
        Dynamo, Item, Transaction, due_shard,
        dynamo::{Update, number, text, values},
        sortable,
    },
};

/// The most notifications that one mail tells of: a window that is full is closed, and another opened.
pub const MOST: usize = 100;

/// A window is opened if none is.
const OPEN: &str = "closes_at = if_not_exists(closes_at, :closes), due = if_not_exists(due, :due), \
                    due_at = if_not_exists(due_at, :due_at)";
/// One more is in it.
const GATHER: &str = "ADD #items :item, version :one";
/// Unless it is full.
const HAS_ROOM: &str = "attribute_not_exists(#items) OR size(#items) < :most OR contains(#items, :id)";

fn gathering(user: &UserId, id: &NotificationId, closes_at: Timestamp) -> Item {
    values([
        (":closes", text(closes_at.to_string())),
        (":due", text(due_shard(user.as_str()))),
        (":due_at", text(sortable(closes_at))),
        (":item", aws_sdk_dynamodb::types::AttributeValue::Ss(vec![id.to_string()])),
        (":one", number(1)),
        (":most", number(MOST)),
        (":id", text(id.as_str())),
    ])
}

/// What waits for one mail.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DigestRow {
    /// Which window this is: the instant of its end and whose it is give the mail its name.
    pub closes_at: Timestamp,
    /// What it tells of.
    pub items: BTreeSet<NotificationId>,
    /// Grows with everything that is added.
    pub version: u64,
}

/// What became of adding something to a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gathered {
    /// It is in the window that ends then.
    Until(Timestamp),
    /// The window is full: it has to close first.
    Full,
}

impl Dynamo {
    /// Adds something to somebody's window, and opens one until `closes_at` if none is open: one write, so that of a
    /// hundred at once one opens it.
    pub async fn gather(
        &self,
        shop: &ShopId,
        user: &UserId,
        id: &NotificationId,
        closes_at: Timestamp,
        request: &str,
    ) -> Result<Gathered> {
        let key = digest_key(shop, user);
        let update = Update {
            set: OPEN,
            rest: GATHER,
            condition: Some(HAS_ROOM),
            names: [("#items".to_owned(), "items".to_owned())].into(),
            values: gathering(user, id, closes_at),
        };
        match self.update_and_see(&self.tables.notifications, &key, update, request).await? {
            Ok(row) => Ok(Gathered::Until(crate::store::dynamo::row::<DigestRow>(row)?.closes_at)),
            Err(_) => Ok(Gathered::Full),
        }
    }

    /// The same with mail that waited by itself, in one transaction: it is in the window and no longer alone. Nothing, if
    /// somebody else has moved it.
    pub async fn join_digest(
        &self,
        notification: &Notification,
        closes_at: Timestamp,
        now: Timestamp,
    ) -> Result<Option<Gathered>> {
        let Some(alone) = notification.deliveries.get(EMAIL) else { return Ok(None) };
        let waits = Delivery { due_at: Some(closes_at), ..alone.moved(DeliveryState::Queued, now) };
        let internal = |error: serde_dynamo::Error| Error::internal(error.to_string());
        let (table, user) = (&self.tables.notifications, &notification.user_id);
        let mut transaction = Transaction::default();
        let key = digest_key(&notification.shop_id, user);
        let window = gathering(user, &notification.id, closes_at);
        transaction.update(table, &key, format!("SET {OPEN} {GATHER}"), Some(HAS_ROOM.into()), window)?;
        let seen = values([
            (":waits", serde_dynamo::to_attribute_value(&waits).map_err(internal)?),
            (":before", serde_dynamo::to_attribute_value(alone.state).map_err(internal)?),
            (":by", text(&alone.claimed_by)),
            (":attempts", number(alone.attempts)),
        ]);
        let condition = "deliveries.#email.#state = :before AND deliveries.#email.claimed_by = :by \
                         AND deliveries.#email.attempts = :attempts";
        let change = "SET deliveries.#digest = :waits REMOVE deliveries.#email";
        transaction.update(table, &notification.key(), change, Some(condition.into()), seen)?;
        Ok(match self.commit(&transaction).await? {
            Ok(()) => Some(Gathered::Until(closes_at)),
            Err(refusal) if refusal.of(1).is_some() => None,
            Err(_) => Some(Gathered::Full),
        })
    }

    /// Somebody's open window.
    pub async fn digest(&self, shop: &ShopId, user: &UserId) -> Result<Option<DigestRow>> {
        self.get(&self.tables.notifications, &digest_key(shop, user), true).await
    }

    /// Closes a window as it was seen, and writes the mail that tells of it; false if something came in meanwhile, or
    /// somebody else closed it.
    pub async fn close_digest(&self, mail: &Notification, seen: &DigestRow) -> Result<bool> {
        let table = &self.tables.notifications;
        let key = digest_key(&mail.shop_id, &mail.user_id);
        let mut transaction = Transaction::default();
        let condition = "version = :seen AND closes_at = :closes";
        let seen = values([(":seen", number(seen.version)), (":closes", text(seen.closes_at.to_string()))]);
        transaction.delete_if(table, &key, condition, seen)?;
        transaction.put_notification(self, mail)?;
        Ok(self.commit(&transaction).await?.is_ok())
    }
}
