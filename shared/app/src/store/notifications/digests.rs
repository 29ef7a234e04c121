//! What waits for one mail: one open window per person, closed in one transaction.

use std::collections::BTreeSet;

use domain::{NotificationId, ShopId, UserId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Notification, people::digest_key};
use crate::{
    Result,
    store::{
        Dynamo, Transaction, due_shard,
        dynamo::{Update, number, text, values},
        sortable,
    },
};

/// The most notifications that one mail tells of: a window that is full is closed, and another opened.
pub const MOST: usize = 100;

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
        let item = aws_sdk_dynamodb::types::AttributeValue::Ss(vec![id.to_string()]);
        let update = Update {
            set: "closes_at = if_not_exists(closes_at, :closes), due = if_not_exists(due, :due), \
                  due_at = if_not_exists(due_at, :due_at)",
            rest: "ADD #items :item, version :one",
            condition: Some("attribute_not_exists(#items) OR size(#items) < :most OR contains(#items, :id)"),
            names: [("#items".to_owned(), "items".to_owned())].into(),
            values: values([
                (":closes", text(closes_at.to_string())),
                (":due", text(due_shard(user.as_str()))),
                (":due_at", text(sortable(closes_at))),
                (":item", item),
                (":one", number(1)),
                (":most", number(MOST)),
                (":id", text(id.as_str())),
            ]),
        };
        match self.update_and_see(&self.tables.notifications, &key, update, request).await? {
            Ok(row) => Ok(Gathered::Until(crate::store::dynamo::row::<DigestRow>(row)?.closes_at)),
            Err(_) => Ok(Gathered::Full),
        }
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
