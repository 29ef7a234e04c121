//! Whom a shop can tell something: what they want, and where they are.

use contract::{JournalEvent, http::notifications::DevicePlatform};
use domain::{
    ShopId, UserId,
    notification::{Category, preferences::Preferences},
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::digests::DigestRow;
use crate::{
    Result,
    store::{
        Dynamo, JOURNAL, Key, Query, Transaction,
        dynamo::{Item, item, number, row, text, values},
    },
};

const HEAD: &str = "head";
const PERSON: &str = "person";
pub(super) const DIGEST: &str = "digest";
const ENDPOINT: &str = "endpoint#";
/// The most people of a shop's own who are told what concerns it.
const MOST_STAFF: u32 = 100;

/// What somebody wants, and where they can be reached besides their devices.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    /// What they want.
    #[serde(default)]
    pub preferences: Preferences,
    /// Where mail goes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// An address that they have given and not confirmed yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email_wanted: Option<String>,
    /// Where text messages go.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone: Option<String>,
    /// Their language.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub locale: Option<String>,
    /// Where they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timezone: Option<String>,
    /// Grows with every change; 0 if nobody has said anything yet.
    #[serde(default)]
    pub version: u64,
}

/// A browser or telephone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Endpoint {
    /// Its name: that of a subscription, or of a device.
    pub id: String,
    /// How it is reached.
    #[serde(flatten)]
    pub target: Target,
    /// What it is told of; nothing for everything.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub categories: Vec<Category>,
    /// When it was last registered.
    pub registered_at: Timestamp,
    /// When it is forgotten, in seconds since 1970.
    pub expires_at: i64,
}

/// How a browser or telephone is reached.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "reached", rename_all = "snake_case")]
pub enum Target {
    /// By the push service of a browser.
    Browser {
        /// Where.
        endpoint: String,
        /// Its public key.
        p256dh: String,
        /// Its secret.
        auth: String,
    },
    /// By SNS.
    Device {
        /// The ARN of its endpoint there.
        arn: String,
        /// What it runs.
        platform: DevicePlatform,
    },
}

/// All that is known of somebody to be told something.
#[derive(Debug, Clone, Default)]
pub struct Recipient {
    /// How much is unread.
    pub unread: u64,
    /// How often a browser or telephone was registered; nothing, if never.
    pub registrations: Option<u64>,
    /// What they want.
    pub person: Person,
    /// Where they are, the last registered last.
    pub endpoints: Vec<Endpoint>,
    /// What waits for one mail.
    pub digest: Option<DigestRow>,
}

#[derive(Debug, Deserialize)]
struct Head {
    #[serde(default)]
    unread: i64,
    #[serde(default)]
    registrations: Option<u64>,
}

fn to_pk(shop: &ShopId, user: &UserId) -> String {
    format!("{shop}#to#{user}")
}

pub(super) fn head_key(shop: &ShopId, user: &UserId) -> Key {
    Key::new(to_pk(shop, user), HEAD)
}

pub(super) fn digest_key(shop: &ShopId, user: &UserId) -> Key {
    Key::new(to_pk(shop, user), DIGEST)
}

fn person_key(shop: &ShopId, user: &UserId) -> Key {
    Key::new(to_pk(shop, user), PERSON)
}

fn endpoint_key(shop: &ShopId, user: &UserId, id: &str) -> Key {
    Key::new(to_pk(shop, user), format!("{ENDPOINT}{id}"))
}

/// What somebody said stands apart from what they are told by: it is kept for good, and read by nobody who tells.
fn said_key(shop: &ShopId, user: &UserId, event: &JournalEvent) -> Key {
    Key::new(format!("{shop}#said#{user}"), format!("{JOURNAL}{}", event.id))
}

fn owner_key(shop: &ShopId, id: &str) -> Key {
    Key::new(format!("{shop}#owner#{id}"), "owner")
}

impl Recipient {
    fn of(rows: Vec<Item>, now: Timestamp) -> Result<Self> {
        let mut found = Self::default();
        for item in rows {
            let sk = item.get("sk").and_then(|sk| sk.as_s().ok()).cloned().unwrap_or_default();
            match sk.as_str() {
                HEAD => {
                    let head: Head = row(item)?;
                    found.unread = head.unread.max(0).unsigned_abs();
                    found.registrations = head.registrations;
                }
                PERSON => found.person = row(item)?,
                DIGEST => found.digest = Some(row(item)?),
                sk if sk.starts_with(ENDPOINT) => {
                    found.endpoints.push(row(item)?);
                }
                _ => {}
            }
        }
        found.endpoints.retain(|endpoint| endpoint.expires_at > now.as_second());
        found
            .endpoints
            .sort_by(|one, other| (one.registered_at, &one.id).cmp(&(other.registered_at, &other.id)));
        Ok(found)
    }
}

impl Dynamo {
    /// All that is known of somebody, as it is.
    pub async fn recipient(&self, shop: &ShopId, user: &UserId, now: Timestamp) -> Result<Recipient> {
        let query = Query::new(&self.tables.notifications, to_pk(shop, user)).consistent();
        Recipient::of(self.query_items(&query).await?.0, now)
    }

    /// How much of an inbox is unread.
    pub async fn unread(&self, shop: &ShopId, user: &UserId) -> Result<u64> {
        let head: Option<Head> = self.get(&self.tables.notifications, &head_key(shop, user), true).await?;
        Ok(head.map_or(0, |head| head.unread.max(0).unsigned_abs()))
    }

    /// Writes what somebody wants over what was seen, together with the event that says so; false if somebody was faster.
    pub async fn put_person(&self, user: &UserId, person: &Person, event: &JournalEvent) -> Result<bool> {
        let (shop, table) = (&event.shop_id, &self.tables.notifications);
        let mut transaction = Transaction::default();
        let seen = person.version.saturating_sub(1);
        let new = item(&person_key(shop, user), person)?;
        match seen {
            0 => transaction.put_new(table, new)?,
            seen => transaction.put_version(table, new, seen)?,
        }
        transaction.list_person(self, shop, user)?;
        transaction.put_new(table, item(&said_key(shop, user, event), event)?)?;
        Ok(self.commit(&transaction).await?.is_ok())
    }

    /// Who has a browser or telephone.
    pub async fn endpoint_owner(&self, shop: &ShopId, id: &str) -> Result<Option<UserId>> {
        #[derive(Deserialize)]
        struct Owner {
            user_id: UserId,
        }
        let found: Option<Owner> = self.get(&self.tables.notifications, &owner_key(shop, id), true).await?;
        Ok(found.map(|found| found.user_id))
    }

    /// Gives somebody a browser or telephone that `owner` had, and takes from them those that are too many; false if
    /// somebody was faster: with the same one, or for the same person, of whom there were `registrations`.
    pub async fn put_endpoint(
        &self,
        shop: &ShopId,
        (user, endpoint, owner): (&UserId, &Endpoint, Option<&UserId>),
        (too_many, registrations): (&[String], Option<u64>),
        event: Option<&JournalEvent>,
    ) -> Result<bool> {
        let table = &self.tables.notifications;
        let mut transaction = Transaction::default();
        let mut owned = owner_key(shop, &endpoint.id).attributes();
        owned.insert("user_id".into(), text(user.as_str()));
        owned.insert("expires_at".into(), number(endpoint.expires_at));
        match owner {
            None => transaction.put_new(table, owned)?,
            Some(owner) => {
                let seen = values([(":seen", text(owner.as_str()))]);
                transaction.put_if(table, owned, "user_id = :seen", seen)?;
            }
        }
        transaction.put_any(table, item(&endpoint_key(shop, user, &endpoint.id), endpoint)?)?;
        transaction.count_registration(self, shop, user, registrations)?;
        if let Some(owner) = owner.filter(|owner| *owner != user) {
            transaction.delete_any(table, &endpoint_key(shop, owner, &endpoint.id))?;
        }
        for id in too_many {
            transaction.delete_any(table, &endpoint_key(shop, user, id))?;
            transaction.delete_any(table, &owner_key(shop, id))?;
        }
        if let Some(event) = event {
            transaction.put_any(table, item(&said_key(shop, user, event), event)?)?;
        }
        Ok(self.commit(&transaction).await?.is_ok())
    }

    /// Forgets a browser or telephone, if it is still this person's.
    pub async fn forget_endpoint(&self, shop: &ShopId, user: &UserId, id: &str) -> Result<()> {
        let table = &self.tables.notifications;
        self.delete(table, &endpoint_key(shop, user, id)).await?;
        if self.endpoint_owner(shop, id).await?.as_ref() == Some(user) {
            self.delete(table, &owner_key(shop, id)).await?;
        }
        Ok(())
    }

    /// Writes down that somebody works for the shop.
    pub async fn put_staff(&self, shop: &ShopId, user: &UserId, until: Timestamp) -> Result<()> {
        let mut staff = Key::new(format!("{shop}#staff"), user.as_str()).attributes();
        staff.insert("expires_at".into(), number(until.as_second()));
        self.put(&self.tables.notifications, staff).await
    }

    /// Who works for the shop and has looked at what they are told.
    pub async fn staff(&self, shop: &ShopId) -> Result<Vec<UserId>> {
        #[derive(Deserialize)]
        struct Staff {
            sk: UserId,
        }
        let query = Query::new(&self.tables.notifications, format!("{shop}#staff")).limit(MOST_STAFF);
        let (found, _): (Vec<Staff>, _) = self.query(&query).await?;
        Ok(found.into_iter().map(|found| found.sk).collect())
    }

    /// A page of everybody whom a shop can tell something, and where the next one begins.
    pub async fn people(
        &self,
        shop: &ShopId,
        after: Option<crate::store::Cursor>,
        limit: u32,
    ) -> Result<(Vec<UserId>, Option<crate::store::Cursor>)> {
        #[derive(Deserialize)]
        struct Listed {
            listed_at: UserId,
        }
        let query = Query::new(&self.tables.notifications, format!("{shop}#people"))
            .on_index("listed", "listed", "listed_at")
            .limit(limit)
            .after(after);
        let (found, next): (Vec<Listed>, _) = self.query(&query).await?;
        Ok((found.into_iter().map(|found| found.listed_at).collect(), next))
    }
}

impl Transaction {
    /// Makes sure that somebody is among those whom a shop can tell something.
    fn list_person(&mut self, store: &Dynamo, shop: &ShopId, user: &UserId) -> Result<()> {
        let set = values([(":people", text(format!("{shop}#people"))), (":user", text(user.as_str()))]);
        let expression = "SET listed = :people, listed_at = :user";
        self.update(&store.tables.notifications, &head_key(shop, user), expression, None, set)
    }

    /// The same, and that a browser or telephone was registered: those who come at once would not see each other's, and
    /// together be too many.
    fn count_registration(
        &mut self,
        store: &Dynamo,
        shop: &ShopId,
        user: &UserId,
        seen: Option<u64>,
    ) -> Result<()> {
        let mut set = values([
            (":people", text(format!("{shop}#people"))),
            (":user", text(user.as_str())),
            (":count", number(seen.unwrap_or(0) + 1)),
        ]);
        let condition = match seen {
            None => "attribute_not_exists(registrations)",
            Some(seen) => {
                set.insert(":seen".into(), number(seen));
                "registrations = :seen"
            }
        };
        let expression = "SET listed = :people, listed_at = :user, registrations = :count";
        let (table, key) = (&store.tables.notifications, head_key(shop, user));
        self.update(table, &key, expression, Some(condition.into()), set)
    }
}
