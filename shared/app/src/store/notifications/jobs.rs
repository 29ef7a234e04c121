//! The telling of many, page by page, and of one later.

use contract::http::notifications::{NewNotification, NotificationData};
use domain::{
    Money, NotificationId, NotificationJobId, ProductId, ShopId, UserId, VariantId,
    notification::{Kind, Medium},
};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{
    Result,
    store::{
        Dynamo, Key, due_shard,
        dynamo::{Update, Written, item, number, text, values},
        sortable,
    },
};

/// How long it is known what became of a job.
const KEPT: SignedDuration = SignedDuration::from_hours(30 * 24);
/// A job that has not gone on for so long is taken up again.
const LOOKED_AFTER: SignedDuration = SignedDuration::from_mins(5);

/// Whom a job tells.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "whom", rename_all = "snake_case")]
pub enum Audience {
    /// Those who are named, on so many pages.
    Named {
        /// How many pages there are.
        pages: usize,
    },
    /// Everybody whom the shop can tell something.
    Everyone,
    /// Whoever wanted to be told that a thing is there again.
    WaitingForStock {
        /// Which product.
        product_id: ProductId,
        /// Which variant of it.
        variant_id: Option<VariantId>,
        /// The how manieth time it is there again.
        crossing: u64,
    },
    /// Whoever wanted to be told that a product costs less.
    WaitingForPrice {
        /// Which product.
        product_id: ProductId,
        /// What it cost.
        before: Money,
        /// What it costs.
        now: Money,
        /// The event that says so.
        event: String,
    },
}

/// The telling of many.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    /// Its name.
    pub job_id: NotificationJobId,
    /// The tenant.
    pub shop_id: ShopId,
    /// Whom.
    #[serde(flatten)]
    pub audience: Audience,
    /// Of what kind it is.
    pub kind: Kind,
    /// What it is about.
    pub subject: String,
    /// What it is made of.
    pub data: NotificationData,
    /// The ways that were asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked: Option<Vec<Medium>>,
    /// Who asked for it.
    pub actor: UserId,
    /// What caused it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
    /// When it began.
    pub created_at: Timestamp,
    /// How many there are, if that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total: Option<u64>,
    /// How many have been told.
    pub told: u64,
    /// How many had been told before.
    pub duplicates: u64,
    /// How many pages are done.
    pub pages_done: u64,
    /// Where the next page begins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_place: Option<String>,
    /// When it was done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub done_at: Option<Timestamp>,
}

/// Something that is to be told at an instant.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Later {
    /// What.
    pub wanted: NewNotification,
    /// Who asked for it.
    pub actor: UserId,
    /// The instant.
    pub send_at: Timestamp,
}

#[derive(Debug, Serialize, Deserialize)]
struct JobRow {
    #[serde(flatten)]
    job: Job,
    due: String,
    due_at: String,
    expires_at: i64,
}

#[derive(Debug, Serialize, Deserialize)]
struct PageRow {
    users: Vec<UserId>,
    expires_at: i64,
}

#[derive(Debug, Serialize, Deserialize)]
struct LaterRow {
    #[serde(flatten)]
    later: Later,
    due: String,
    due_at: String,
}

fn job_pk(shop: &ShopId, job: &NotificationJobId) -> String {
    format!("{shop}#job#{job}")
}

fn job_key(shop: &ShopId, job: &NotificationJobId) -> Key {
    Key::new(job_pk(shop, job), "job")
}

fn page_key(shop: &ShopId, job: &NotificationJobId, page: usize) -> Key {
    Key::new(job_pk(shop, job), format!("page#{page:04}"))
}

fn later_key(shop: &ShopId, id: &NotificationId) -> Key {
    Key::new(format!("{shop}#later#{id}"), "later")
}

impl Dynamo {
    /// Writes a job and whom it names, unless it is there.
    pub async fn put_job(&self, job: &Job, pages: &[Vec<UserId>], request: &str) -> Result<()> {
        let (shop, table) = (&job.shop_id, &self.tables.notifications);
        let expires_at = job.created_at.checked_add(KEPT).unwrap_or(Timestamp::MAX).as_second();
        let rows = (0..).zip(pages).map(|(page, users)| {
            item(&page_key(shop, &job.job_id, page), &PageRow { users: users.clone(), expires_at })
        });
        // Whom it names first: whoever finds the job finds all of it.
        self.put_many(table, rows.collect::<Result<_>>()?).await?;
        let due_at = job.created_at.checked_add(LOOKED_AFTER).unwrap_or(Timestamp::MAX);
        let row = JobRow {
            job: job.clone(),
            due: due_shard(job.job_id.as_str()),
            due_at: sortable(due_at),
            expires_at,
        };
        self.put_new(table, item(&job_key(shop, &job.job_id), &row)?, request).await.map(drop)
    }

    /// A job, as it is.
    pub async fn job(&self, shop: &ShopId, id: &NotificationJobId) -> Result<Option<Job>> {
        #[derive(Deserialize)]
        struct Found {
            #[serde(flatten)]
            job: Job,
        }
        let found: Option<Found> = self.get(&self.tables.notifications, &job_key(shop, id), true).await?;
        Ok(found.map(|found| found.job))
    }

    /// Whom a page of a job names.
    pub async fn job_page(&self, shop: &ShopId, id: &NotificationJobId, page: usize) -> Result<Vec<UserId>> {
        let found: Option<PageRow> =
            self.get(&self.tables.notifications, &page_key(shop, id, page), true).await?;
        Ok(found.map(|found| found.users).unwrap_or_default())
    }

    /// Writes down that a page of a job is done, unless it is written down already.
    pub async fn end_page(
        &self,
        job: &Job,
        (told, duplicates): (u64, u64),
        next_place: Option<&str>,
        now: Timestamp,
        request: &str,
    ) -> Result<bool> {
        let mut update = Update {
            set: "next_place = :next, due_at = :due_at",
            rest: "ADD told :told, duplicates :known, pages_done :one",
            condition: Some("pages_done = :seen"),
            values: values([
                (":told", number(told)),
                (":known", number(duplicates)),
                (":one", number(1)),
                (":seen", number(job.pages_done)),
            ]),
            ..Update::default()
        };
        match next_place {
            Some(next) => {
                let due_at = now.checked_add(LOOKED_AFTER).unwrap_or(Timestamp::MAX);
                update.values.insert(":next".into(), text(next));
                update.values.insert(":due_at".into(), text(sortable(due_at)));
            }
            None => {
                update.set = "done_at = :now";
                update.rest =
                    "ADD told :told, duplicates :known, pages_done :one REMOVE due, due_at, next_place";
                update.values.insert(":now".into(), text(now.to_string()));
            }
        }
        let key = job_key(&job.shop_id, &job.job_id);
        let written = self.update(&self.tables.notifications, &key, update, request).await?;
        Ok(matches!(written, Written::Yes))
    }

    /// Writes down what is to be told at an instant, unless it is there.
    pub async fn put_later(
        &self,
        shop: &ShopId,
        id: &NotificationId,
        later: &Later,
        request: &str,
    ) -> Result<()> {
        let (due, due_at) = (due_shard(id.as_str()), sortable(later.send_at));
        let row = LaterRow { later: later.clone(), due, due_at };
        let row = item(&later_key(shop, id), &row)?;
        self.put_new(&self.tables.notifications, row, request).await.map(drop)
    }

    /// What is to be told at an instant.
    pub async fn later(&self, shop: &ShopId, id: &NotificationId) -> Result<Option<Later>> {
        let found: Option<LaterRow> =
            self.get(&self.tables.notifications, &later_key(shop, id), true).await?;
        Ok(found.map(|found| found.later))
    }

    /// Forgets what was to be told at an instant: it has been.
    pub async fn forget_later(&self, shop: &ShopId, id: &NotificationId) -> Result<()> {
        self.delete(&self.tables.notifications, &later_key(shop, id)).await
    }
}
