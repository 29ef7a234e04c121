//! Telling many, a page at a time, and one later.

use contract::{
    ErrorCode, FieldError,
    http::notifications::{
        BulkStatus, BulkView, NewBulk, NewNotification, NotificationData, NotificationTold, ProductAlertKind,
        ToldStatus,
    },
    journal::STAFF,
};
use domain::{
    Money, NotificationId, NotificationJobId, Permission, Principal, ProductId, ShopId, UserId, VariantId,
    notification::{Kind, Medium},
};
use futures_util::{StreamExt, stream};
use jiff::SignedDuration;
use serde_json::json;

use super::{Notifications, Task, Wanted, telling::Told, triggers::made_of};
use crate::{
    Error, Result,
    idempotency::Run,
    store::{
        Cursor,
        notifications::{Audience, Job, Later, Watcher},
    },
};

/// People who are told at once.
const AT_ONCE: usize = 16;
/// Most people that a request names.
const MOST_NAMED: usize = 1_000;
/// The segment of everybody whom the shop can tell something.
const EVERYONE: &str = "everyone";
/// How far ahead something can be told.
const MOST_AHEAD: SignedDuration = SignedDuration::from_hours(366 * 24);
/// The most bytes of what a notification is made of.
const MOST_DATA: usize = 16 * 1024;

/// People of one page, each with what they are told, and where the next page begins.
type Page = (Vec<Wanted>, Option<String>);

impl Notifications {
    /// Tells one person something, now or later.
    pub async fn send(&self, who: &Principal, run: &Run, new: NewNotification) -> Result<NotificationTold> {
        who.may(Permission::Notify)?;
        self.check_data(new.kind, &new.data)?;
        check_channels(new.channels.as_deref())?;
        let id = NotificationId::from_uuid(run.name("notification"));
        let user_id = new.user_id.clone();
        if let Some(send_at) = new.send_at.filter(|at| *at > self.clock.now()) {
            if send_at > self.clock.after(MOST_AHEAD) {
                return Err(Error::field("send_at", "out_of_range", "expected an instant within a year"));
            }
            let later = Later { wanted: new, actor: who.subject.clone(), send_at };
            self.store.put_later(&who.shop, &id, &later, &self.clock.fresh().to_string()).await?;
            return Ok(NotificationTold { notification_id: id, user_id, status: ToldStatus::Scheduled });
        }
        let wanted = asked_for(&id, new, who.subject.clone(), run.started_at);
        let Told { id, is_new } = self.tell(&who.shop, &wanted).await?;
        let status = if is_new { ToldStatus::Sent } else { ToldStatus::Duplicate };
        Ok(NotificationTold { notification_id: id, user_id, status })
    }

    /// Tells somebody what was to be told at an instant that has come.
    pub async fn tell_later(&self, shop: &ShopId, id: &NotificationId) -> Result<()> {
        let Some(later) = self.store.later(shop, id).await? else { return Ok(()) };
        let wanted = asked_for(id, later.wanted, later.actor, later.send_at);
        self.tell(shop, &wanted).await?;
        self.store.forget_later(shop, id).await
    }

    /// Begins to tell many something.
    pub async fn send_to_many(&self, who: &Principal, run: &Run, new: NewBulk) -> Result<BulkView> {
        who.may(Permission::Notify)?;
        self.check_data(new.kind, &new.data)?;
        check_channels(new.channels.as_deref())?;
        let (audience, pages) = self.audience(&new)?;
        let job_id = NotificationJobId::from_uuid(run.name("bulk"));
        let job = Job {
            shop_id: who.shop.clone(),
            total: new.user_ids.as_ref().map(|_| pages.iter().map(|page| page.len() as u64).sum()),
            audience,
            kind: new.kind,
            subject: format!("job:{job_id}"),
            data: new.data,
            asked: new.channels,
            actor: who.subject.clone(),
            cause: Some(job_id.to_string()),
            created_at: run.started_at,
            told: 0,
            duplicates: 0,
            pages_done: 0,
            next_place: None,
            done_at: None,
            job_id,
        };
        self.begin_job(&job, &pages).await?;
        Ok(view(job))
    }

    fn audience(&self, new: &NewBulk) -> Result<(Audience, Vec<Vec<UserId>>)> {
        match (&new.user_ids, new.segment_id.as_deref()) {
            (Some(users), None) if (1..=MOST_NAMED).contains(&users.len()) => {
                let mut all = users.clone();
                all.sort_unstable();
                all.dedup();
                let pages: Vec<_> =
                    all.chunks(self.settings.notifications.bulk_batch).map(<[UserId]>::to_vec).collect();
                Ok((Audience::Named { pages: pages.len() }, pages))
            }
            (Some(_), None) => Err(Error::field("user_ids", "length", "expected 1 to 1,000 people")),
            (None, Some(EVERYONE)) => Ok((Audience::Everyone, vec![])),
            (None, Some(_)) => Err(Error::field("segment_id", "unknown_segment", "expected everyone")),
            _ => Err(Error::field("user_ids", "required", "expected user_ids or a segment_id, and not both")),
        }
    }

    /// How far the telling of many has come.
    pub async fn job(&self, who: &Principal, id: &NotificationJobId) -> Result<BulkView> {
        who.may(Permission::Notify)?;
        Ok(view(self.store.job(&who.shop, id).await?.ok_or(Error::NotFound)?))
    }

    /// Writes a job down and hands over its first page.
    pub(super) async fn begin_job(&self, job: &Job, pages: &[Vec<UserId>]) -> Result<()> {
        self.store.put_job(job, pages, &self.clock.fresh().to_string()).await?;
        self.go_on(&job.shop_id, &job.job_id).await
    }

    /// Hands over the page of a job that comes next.
    pub async fn go_on(&self, shop: &ShopId, id: &NotificationJobId) -> Result<()> {
        self.tasks.hand_over(&[Task::Page { shop: shop.clone(), job: id.clone() }]).await
    }

    /// Tells the next page of a job.
    pub async fn tell_page(&self, shop: &ShopId, id: &NotificationJobId) -> Result<()> {
        let Some(job) = self.store.job(shop, id).await?.filter(|job| job.done_at.is_none()) else {
            return Ok(());
        };
        let (page, next) = self.page_of(&job).await?;
        let told = page.iter().map(|wanted| Box::pin(self.tell(shop, wanted)));
        let told: Vec<Result<Told>> =
            stream::iter(told.collect::<Vec<_>>()).buffer_unordered(AT_ONCE).collect().await;
        let told = told.into_iter().collect::<Result<Vec<Told>>>()?;
        let all = u64::try_from(told.len()).unwrap_or(u64::MAX);
        let new = told.iter().filter(|told| told.is_new).count() as u64;
        let request = self.clock.fresh().to_string();
        let counts = (new, all - new);
        let is_counted =
            self.store.end_page(&job, counts, next.as_deref(), self.clock.now(), &request).await?;
        match (is_counted, next) {
            (true, Some(_)) => self.go_on(shop, id).await,
            _ => Ok(()),
        }
    }

    async fn page_of(&self, job: &Job) -> Result<Page> {
        let (shop, limit) = (&job.shop_id, self.settings.notifications.bulk_batch);
        let limit = u32::try_from(limit).unwrap_or(u32::MAX);
        let after = job.next_place.as_deref().map(Cursor::parse).transpose()?;
        match &job.audience {
            Audience::Named { pages } => {
                let page = usize::try_from(job.pages_done).unwrap_or(usize::MAX);
                let users = self.store.job_page(shop, &job.job_id, page).await?;
                let next = (page + 1 < *pages).then(|| Cursor::at(page.to_string()).to_string());
                Ok((users.into_iter().map(|user| job_wanted(job, user)).collect(), next))
            }
            Audience::Everyone => {
                let (users, next) = self.store.people(shop, after, limit).await?;
                let next = next.map(|next| next.to_string());
                let people = users.into_iter().filter(|user| user.as_str() != STAFF);
                Ok((people.map(|user| job_wanted(job, user)).collect(), next))
            }
            Audience::WaitingForStock { product_id, variant_id, crossing } => {
                let (found, next) = self
                    .store
                    .watchers(shop, product_id, ProductAlertKind::BackInStock, (limit, after))
                    .await?;
                let base = self.waited(job, product_id, variant_id.as_ref(), &[]).await?;
                let waits =
                    |watcher: &Watcher| watcher.variant_id == *variant_id || watcher.variant_id.is_none();
                let version = format!("crossing-{crossing}");
                Ok((self.watching(found, waits, &base, &version), next.map(|next| next.to_string())))
            }
            Audience::WaitingForPrice { product_id, before, now, event } => {
                let (found, next) = self
                    .store
                    .watchers(shop, product_id, ProductAlertKind::PriceDrop, (limit, after))
                    .await?;
                let prices = [("old_price", *before), ("price", *now)];
                let base = self.waited(job, product_id, None, &prices).await?;
                let waits = |watcher: &Watcher| watcher.below.is_none_or(|below| now.amount <= below);
                Ok((self.watching(found, waits, &base, event), next.map(|next| next.to_string())))
            }
        }
    }

    async fn waited(
        &self,
        job: &Job,
        product: &ProductId,
        variant: Option<&VariantId>,
        prices: &[(&str, Money)],
    ) -> Result<Wanted> {
        let mut data = self.about_product(&job.shop_id, product, variant).await?;
        data.extend(prices.iter().map(|(name, price)| ((*name).to_owned(), json!(price))));
        Ok(Wanted { data, ..job_wanted(job, job.actor.clone()) })
    }

    /// What whoever waited is told, of those who are meant.
    fn watching(
        &self,
        found: Vec<Watcher>,
        waits: impl Fn(&Watcher) -> bool,
        base: &Wanted,
        version: &str,
    ) -> Vec<Wanted> {
        let now = self.clock.now().as_second();
        let meant = found.into_iter().filter(|watcher| watcher.expires_at > now && waits(watcher));
        let told = meant.map(|watcher| Wanted {
            user: watcher.user_id,
            version: version.to_owned(),
            mail_to: watcher.email.filter(|_| watcher.is_confirmed),
            ..base.clone()
        });
        let mut told: Vec<Wanted> = told.collect();
        // Whoever waits for a product and for one variant of it is told once.
        told.sort_by(|one, other| {
            (&one.user, other.mail_to.is_some()).cmp(&(&other.user, one.mail_to.is_some()))
        });
        told.dedup_by(|one, other| one.user == other.user);
        told
    }

    /// Whether something can be said with it.
    fn check_data(&self, kind: Kind, data: &NotificationData) -> Result<()> {
        let size = serde_json::to_vec(data).map_or(usize::MAX, |json| json.len());
        if size > MOST_DATA {
            return Err(Error::field("data", "too_large", "expected at most 16 KB"));
        }
        let data = serde_json::Value::Object(data.clone().into_iter().collect());
        self.words.renderer().check_data(kind, &data).map_err(|problems| {
            let errors = problems
                .into_iter()
                .map(|(field, code, text)| FieldError::new(format!("data.{field}"), code, text));
            Error::Invalid {
                code: ErrorCode::ValidationFailed,
                detail: format!("nothing can be said about {kind} with this data"),
                errors: errors.collect(),
            }
        })
    }

    /// Sends a notification to oneself, to see whether they arrive.
    pub async fn try_out(&self, who: &Principal, channels: Option<Vec<Medium>>) -> Result<NotificationTold> {
        who.may(Permission::ChooseNotifications)?;
        check_channels(channels.as_deref())?;
        let wanted = Wanted {
            user: who.subject.clone(),
            // Critical: whether it comes must not depend on what they want, or on the hour.
            kind: Kind::SecurityAlert,
            subject: "test:notifications".into(),
            version: self.clock.fresh().to_string(),
            at: self.clock.now(),
            data: made_of([("event", json!("test"))]),
            cause: None,
            actor: who.subject.clone(),
            asked: Some(channels.unwrap_or_else(|| Medium::ALL.into())),
            key: None,
            mail_to: None,
            is_silent: false,
        };
        let told = self.tell(&who.shop, &wanted).await?;
        Ok(NotificationTold {
            notification_id: told.id,
            user_id: who.subject.clone(),
            status: ToldStatus::Sent,
        })
    }
}

fn job_wanted(job: &Job, user: UserId) -> Wanted {
    Wanted {
        user,
        kind: job.kind,
        subject: job.subject.clone(),
        version: job.job_id.to_string(),
        at: job.created_at,
        data: job.data.clone(),
        cause: job.cause.clone(),
        actor: job.actor.clone(),
        asked: job.asked.clone(),
        key: None,
        mail_to: None,
        is_silent: false,
    }
}

fn asked_for(id: &NotificationId, new: NewNotification, actor: UserId, at: jiff::Timestamp) -> Wanted {
    Wanted {
        user: new.user_id,
        kind: new.kind,
        subject: format!("request:{id}"),
        version: id.to_string(),
        at,
        data: new.data,
        cause: Some(id.to_string()),
        actor,
        asked: new.channels,
        key: new.dedupe_key.map(|key| format!("{}#{}", new.kind, crate::clock::derived(&[&key]).simple())),
        mail_to: None,
        is_silent: new.silent,
    }
}

fn check_channels(channels: Option<&[Medium]>) -> Result<()> {
    match channels {
        Some([]) => Err(Error::field("channels", "length", "expected at least one channel")),
        Some(many) if many.len() > Medium::ALL.len() => {
            Err(Error::field("channels", "length", "expected each channel once"))
        }
        _ => Ok(()),
    }
}

fn view(job: Job) -> BulkView {
    BulkView {
        status: if job.done_at.is_some() { BulkStatus::Done } else { BulkStatus::Running },
        job_id: job.job_id,
        told: job.told,
        duplicates: job.duplicates,
        total: job.total,
        created_at: job.created_at,
        done_at: job.done_at,
    }
}
