//! What people were told, and what became of it on each way to each place.

use contract::JournalEvent;
use domain::{
    NotificationId, ShopId, UserId,
    notification::{DeliveryState, Medium},
};
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;

use super::{Delivery, INBOX, LETTER, Notification, NotificationRow, people::head_key};
use crate::{
    Error, Result,
    notifications::telling::DIGEST,
    store::{
        Cursor, Due, Dynamo, Item, Key, Query, Transaction, due_shard,
        dynamo::{Update, Written, item, number, row, text, values},
        sortable,
    },
};

/// How long a key under which somebody was told keeps others from being used.
const KEY_KEPT: SignedDuration = SignedDuration::from_hours(24);
/// So many rows are looked through for those that a filter lets pass, at a time.
const PAGE: u32 = 100;
/// So often.
const MOST_PAGES: usize = 10;
/// Whatever is sent out of its turn is looked at again after so long: messages of queues can be lost with their queue.
const LOOKED_AFTER: SignedDuration = SignedDuration::from_mins(15);

/// What came of putting something into an inbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Put {
    /// It is there now.
    New,
    /// It was there, or this one under the same key.
    Known(NotificationId),
}

/// That somebody was told under a key.
#[derive(Debug, Deserialize)]
struct Told {
    notification_id: NotificationId,
}

pub(super) fn inbox_pk(shop: &ShopId, user: &UserId) -> String {
    format!("{shop}#inbox#{user}")
}

fn names(words: &[&str], place: &str) -> std::collections::HashMap<String, String> {
    let words = words.iter().map(|word| (format!("#{word}"), (*word).to_owned()));
    words.chain([("#place".to_owned(), place.to_owned())]).collect()
}

fn state(state: DeliveryState) -> Result<aws_sdk_dynamodb::types::AttributeValue> {
    serde_dynamo::to_attribute_value(state).map_err(|error| Error::internal(error.to_string()))
}

impl Transaction {
    /// Writes a notification that must not be there yet.
    pub(super) fn put_notification(&mut self, store: &Dynamo, notification: &Notification) -> Result<()> {
        let row = item(&notification.key(), &NotificationRow::of(notification))?;
        self.put_new(&store.tables.notifications, row)
    }
}

impl Dynamo {
    /// Puts something into an inbox and counts it as unread, unless they were told under `key` before.
    pub async fn put_notification(
        &self,
        notification: &Notification,
        key: Option<&str>,
        now: Timestamp,
    ) -> Result<Put> {
        let Notification { shop_id: shop, user_id: user, .. } = notification;
        let table = &self.tables.notifications;
        let mut transaction = Transaction::default();
        transaction.put_notification(self, notification)?;
        let set = values([
            (":one", number(1)),
            (":people", text(format!("{shop}#people"))),
            (":user", text(user.as_str())),
        ]);
        let expression = "SET listed = :people, listed_at = :user ADD unread :one";
        transaction.update(table, &head_key(shop, user), expression, None, set)?;
        if let Some(key) = key {
            let mut told = Key::new(format!("{shop}#told#{user}"), key).attributes();
            told.insert("notification_id".into(), text(notification.id.as_str()));
            let until = now.checked_add(KEY_KEPT).unwrap_or(Timestamp::MAX).as_second();
            told.insert("expires_at".into(), number(until));
            let condition = "attribute_not_exists(pk) OR expires_at <= :now";
            transaction.put_if(table, told, condition, values([(":now", number(now.as_second()))]))?;
        }
        let Err(refusal) = self.commit(&transaction).await? else { return Ok(Put::New) };
        let under_key: Option<Told> = refusal.of(2).flatten().cloned().map(row).transpose()?;
        Ok(Put::Known(under_key.map_or_else(|| notification.id.clone(), |told| told.notification_id)))
    }

    /// Writes a mail that is in no inbox.
    pub(crate) async fn put_letter(&self, mail: &Notification) -> Result<()> {
        let mut transaction = Transaction::default();
        transaction.put_notification(self, mail)?;
        // A name that nobody else has: what is there already is this very mail.
        self.commit(&transaction).await.map(drop)
    }

    /// A notification, as it is.
    pub async fn notification(
        &self,
        shop: &ShopId,
        user: &UserId,
        id: &NotificationId,
    ) -> Result<Option<Notification>> {
        for prefix in [INBOX, LETTER] {
            let key = Key::new(inbox_pk(shop, user), format!("{prefix}{id}"));
            let found: Option<NotificationRow> = self.get(&self.tables.notifications, &key, true).await?;
            if let Some(found) = found {
                return Ok(Some(found.notification()));
            }
        }
        Ok(None)
    }

    /// Whose a notification is, of which only its name is known.
    pub async fn told_with(&self, shop: &ShopId, id: &NotificationId) -> Result<Option<UserId>> {
        #[derive(Deserialize)]
        struct Listed {
            listed_at: UserId,
        }
        let query = Query::new(&self.tables.notifications, format!("{shop}#{id}"))
            .on_index("listed", "listed", "listed_at")
            .limit(1);
        let (found, _): (Vec<Listed>, _) = self.query(&query).await?;
        Ok(found.into_iter().next().map(|found| found.listed_at))
    }

    /// A page of an inbox, newest first, of what `wanted` lets pass.
    pub async fn inbox(
        &self,
        shop: &ShopId,
        user: &UserId,
        (limit, mut cursor): (u32, Option<Cursor>),
        wanted: impl Fn(&Notification) -> bool,
    ) -> Result<(Vec<Notification>, Option<Cursor>)> {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let mut found: Vec<Notification> = vec![];
        for _ in 0..MOST_PAGES {
            let query = Query::new(&self.tables.notifications, inbox_pk(shop, user)).beginning_with(INBOX);
            let query = query.newest_first().consistent().limit(PAGE).after(cursor);
            let (rows, next): (Vec<NotificationRow>, _) = self.query(&query).await?;
            for row in rows {
                if found.len() == limit {
                    let last = found.last().map(|last| Cursor::at(format!("{INBOX}{}", last.id)));
                    return Ok((found, last));
                }
                found.extend(Some(row.notification()).filter(&wanted));
            }
            cursor = next;
            if cursor.is_none() {
                return Ok((found, None));
            }
        }
        Ok((found, cursor))
    }

    /// What somebody was told since an instant, oldest first, as far as `wanted` lets it pass; at most a thousand are
    /// looked through.
    pub async fn told_since(
        &self,
        shop: &ShopId,
        user: &UserId,
        since: Timestamp,
        wanted: impl Fn(&Notification) -> bool,
    ) -> Result<Vec<Notification>> {
        // Names are ordered by time: their first twelve digits are its milliseconds.
        let from = format!("{INBOX}{}{:012x}", NotificationId::PREFIX, since.as_millisecond().max(0));
        let query = Query::new(&self.tables.notifications, inbox_pk(shop, user));
        let query = query.between(from, format!("{INBOX}~")).consistent().limit(1_000);
        let (rows, _): (Vec<NotificationRow>, _) = self.query(&query).await?;
        Ok(rows.into_iter().map(NotificationRow::notification).filter(wanted).collect())
    }

    /// Writes down that some of an inbox were read, together with how many fewer are unread and the event that says so;
    /// false if one of them was read by then.
    pub async fn put_read(
        &self,
        event: &JournalEvent,
        user: &UserId,
        read: &[NotificationId],
    ) -> Result<bool> {
        let (shop, table) = (&event.shop_id, &self.tables.notifications);
        let mut transaction = Transaction::default();
        let fewer = values([(":fewer", number(format!("-{}", read.len())))]);
        transaction.update(table, &head_key(shop, user), "ADD unread :fewer", None, fewer)?;
        for id in read {
            let key = Key::new(inbox_pk(shop, user), format!("{INBOX}{id}"));
            let set = values([
                (":yes", aws_sdk_dynamodb::types::AttributeValue::Bool(true)),
                (":no", aws_sdk_dynamodb::types::AttributeValue::Bool(false)),
                (":at", text(event.occurred_at.to_string())),
            ]);
            let condition = Some("is_read = :no".into());
            transaction.update(table, &key, "SET is_read = :yes, read_at = :at", condition, set)?;
        }
        let journal = Key::new(inbox_pk(shop, user), format!("j#{}", event.id));
        transaction.put_new(table, item(&journal, event)?)?;
        Ok(self.commit(&transaction).await?.is_ok())
    }

    /// Writes down that nothing of an inbox is unread in which nothing unread was found, if `counted` still counts as
    /// unread: what nobody read in months is deleted by then, and was not counted off.
    pub async fn put_none_unread(
        &self,
        shop: &ShopId,
        user: &UserId,
        counted: u64,
        request: &str,
    ) -> Result<()> {
        if counted == 0 {
            return Ok(());
        }
        let update = Update {
            set: "unread = :none",
            condition: Some("unread = :counted"),
            values: values([(":none", number(0)), (":counted", number(counted))]),
            ..Update::default()
        };
        let table = &self.tables.notifications;
        self.update(table, &head_key(shop, user), update, request).await.map(drop)
    }

    /// Takes a delivery to send it, until `until`. It is refused with what there is if its turn is over, or somebody
    /// else is sending it.
    pub async fn claim_delivery(
        &self,
        notification: &Notification,
        place: &str,
        (now, until): (Timestamp, Timestamp),
        request: &str,
    ) -> Result<std::result::Result<Notification, Option<Notification>>> {
        let update = Update {
            set: "deliveries.#place.#state = :claimed, deliveries.#place.claimed_until = :until, \
                  deliveries.#place.claimed_by = :by, deliveries.#place.moved_at = :at, \
                  deliveries.#place.attempts = deliveries.#place.attempts + :one",
            condition: Some(
                "deliveries.#place.#state = :queued OR (deliveries.#place.#state = :claimed \
                 AND deliveries.#place.claimed_until <= :now)",
            ),
            names: names(&["state"], place),
            values: values([
                (":claimed", state(DeliveryState::Claimed)?),
                (":queued", state(DeliveryState::Queued)?),
                (":until", number(until.as_millisecond())),
                (":now", number(now.as_millisecond())),
                (":by", text(request)),
                (":at", text(now.to_string())),
                (":one", number(1)),
            ]),
            ..Update::default()
        };
        let table = &self.tables.notifications;
        let read = |item: Item| row::<NotificationRow>(item).map(NotificationRow::notification);
        match self.update_and_see(table, &notification.key(), update, request).await? {
            Ok(claimed) => Ok(Ok(read(claimed)?)),
            Err(found) => {
                let found = found.map(read).transpose()?;
                // The SDK repeats what it got no answer to; somebody else may have written the row since.
                let is_ours = |found: &Notification| {
                    found.deliveries.get(place).is_some_and(|delivery| {
                        delivery.state == DeliveryState::Claimed && delivery.claimed_by == request
                    })
                };
                Ok(match found {
                    Some(found) if is_ours(&found) => Ok(found),
                    found => Err(found),
                })
            }
        }
    }

    /// Writes down what became of a delivery, if it still stands as `before` does.
    pub async fn move_delivery(
        &self,
        notification: &Notification,
        place: &str,
        (before, after): (&Delivery, &Delivery),
        request: &str,
    ) -> Result<bool> {
        let delivery = serde_dynamo::to_attribute_value(after);
        let delivery = delivery.map_err(|error| Error::internal(error.to_string()))?;
        let due_at = after.due_at.filter(|_| after.state == DeliveryState::Queued);
        let first_due =
            due_at.map(|due_at| notification.first_due().map_or(due_at, |first| first.min(due_at)));
        let mut update = Update {
            set: "deliveries.#place = :delivery",
            condition: Some(
                "deliveries.#place.#state = :before AND deliveries.#place.claimed_by = :by \
                 AND deliveries.#place.attempts = :attempts",
            ),
            names: names(&["state"], place),
            values: values([
                (":delivery", delivery),
                (":before", state(before.state)?),
                (":by", text(&before.claimed_by)),
                (":attempts", number(before.attempts)),
            ]),
            ..Update::default()
        };
        if let Some(due_at) = first_due {
            update.set = "deliveries.#place = :delivery, due = :due, due_at = :due_at";
            update.values.insert(":due".into(), text(due_shard(notification.id.as_str())));
            update.values.insert(":due_at".into(), text(sortable(due_at)));
        }
        let key = notification.key();
        let written = self.update(&self.tables.notifications, &key, update, request).await?;
        Ok(matches!(written, Written::Yes))
    }

    /// Writes down when a notification is to be looked at next; never again, if nothing of it waits.
    pub async fn look_again(&self, notification: &Notification, now: Timestamp, request: &str) -> Result<()> {
        let is_open = |delivery: &Delivery| {
            matches!(delivery.state, DeliveryState::Queued | DeliveryState::Claimed)
                && delivery.medium != Medium::Websocket
        };
        // What waits for a mail with others falls due with that mail.
        let waits = notification.deliveries.iter().any(|(place, one)| place != DIGEST && is_open(one));
        let later = now.checked_add(LOOKED_AFTER).unwrap_or(Timestamp::MAX);
        let next =
            notification.first_due().filter(|due_at| *due_at > now).map_or(later, |due| due.min(later));
        let update = match waits {
            true => Update {
                set: "due_at = :due_at",
                condition: Some("attribute_exists(due)"),
                values: values([(":due_at", text(sortable(next)))]),
                ..Update::default()
            },
            false => Update { rest: "REMOVE due, due_at", ..Update::default() },
        };
        self.update(&self.tables.notifications, &notification.key(), update, request).await.map(drop)
    }

    /// Notifications, jobs, digests and what is to be told later, as far as they have fallen due.
    pub async fn due_notifications(&self, shard: u32, now: Timestamp, limit: u32) -> Result<Vec<Due>> {
        self.due(&self.tables.notifications, shard, now, limit).await
    }
}
