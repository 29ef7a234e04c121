//! The relay: journal rows become live events, audit lines and counters.
//!
//! The streams promise each item's rows in order and each at least once. So every effect is keyed by the event's id
//! or carries a version, and doing it again changes nothing. What rows of one batch ask for is done side by side
//! where order does not matter: each person's log is written in order, different people's at once. A row that cannot
//! be published is parked, so that the ones behind it go on.

mod counting;
mod effects;
mod live;
mod rerelay;
mod rows;
mod sending;
mod talking;
mod telling;

use std::{collections::BTreeMap, sync::Arc};

use domain::ShopId;
use futures_util::{
    StreamExt,
    future::{join, join5, ready},
    stream,
};

pub(crate) use self::live::live;
use self::{counting::Counters, effects::Work};
pub use self::{
    rerelay::{Rerelay, Rerelayed},
    rows::StreamRow,
};
use crate::{
    Clock, Error, Result, Settings,
    chat::Chat,
    delivery::{Delivery, Errand},
    notifications::Notifications,
    stock_alerts::StockWatch,
    store::{Dynamo, platform::Repair},
};

/// Publishes what the journal says.
#[derive(Debug, Clone)]
pub struct Relay {
    pub(crate) store: Dynamo,
    pub(crate) clock: Clock,
    pub(crate) settings: Arc<Settings>,
    pub(crate) delivery: Delivery,
    chat: Chat,
    /// What tells people things; nothing where only errands are done.
    notifications: Option<Notifications>,
    /// Whether values are shown whatever was shown before, as an operator asks for.
    pub(crate) shows_again: bool,
    watch: StockWatch,
    counters: Counters,
}

/// Errands that are done at once.
const ERRANDS_AT_ONCE: usize = 10;

/// What of a run of rows could not be done, by the row's place.
type Failures = BTreeMap<usize, Error>;

impl Relay {
    /// Reads and writes `store`, posts by `delivery`, tells people things by `notifications`.
    pub fn new(
        store: Dynamo,
        clock: Clock,
        settings: Arc<Settings>,
        delivery: Delivery,
        notifications: Option<Notifications>,
    ) -> Self {
        let watch = StockWatch::new(store.clone(), clock.clone(), settings.clone());
        let chat = Chat::new(store.clone(), clock.clone(), settings.clone(), delivery.clone());
        let counters = Counters::default();
        Self { store, clock, settings, delivery, chat, notifications, shows_again: false, watch, counters }
    }

    /// Publishes a batch of rows. A row that cannot be published is parked; only if that fails too is the batch an
    /// error, and comes again.
    pub async fn publish(&self, rows: &[StreamRow]) -> Result<()> {
        let work = self.publish_uncounted(rows).await?;
        self.count(&work).await;
        self.count_deliveries(&work).await;
        Ok(())
    }

    async fn publish_uncounted(&self, rows: &[StreamRow]) -> Result<Vec<Work>> {
        let (work, failures) = self.work_off(rows).await?;
        for (place, error) in &failures {
            if let Some(row) = rows.get(*place) {
                self.park(row, 0, error).await?;
            }
        }
        Ok(work)
    }

    /// Does errands of the queue, all at once, and names those that could not be done.
    pub async fn run_all(&self, errands: Vec<(String, Errand)>) -> Vec<String> {
        let done: Vec<_> = errands
            .into_iter()
            .map(|(name, errand)| async move {
                let failed = Box::pin(self.run(errand)).await.err()?;
                tracing::error!(name, error = %failed, "an errand was not done and comes again");
                Some(name)
            })
            .collect();
        stream::iter(done).buffer_unordered(ERRANDS_AT_ONCE).filter_map(ready).collect().await
    }

    async fn run(&self, errand: Errand) -> Result<()> {
        match errand {
            Errand::Shard(shard) => self.delivery.serve_shard(*shard).await,
            Errand::Refresh(refresh) => self.refresh(refresh).await,
        }
    }

    /// Tries a parked row again.
    pub async fn repair(&self, shop: &ShopId, name: &str) -> Result<()> {
        let Some(parked) = self.store.parked(shop, name).await? else {
            return Ok(());
        };
        let row: StreamRow =
            serde_json::from_str(&parked.record).map_err(|error| Error::internal(error.to_string()))?;
        let (work, failures) = self.work_off(std::slice::from_ref(&row)).await?;
        match failures.values().next() {
            None => {
                self.count(&work).await;
                self.store.unpark(shop, name).await
            }
            Some(error) => self.park(&row, parked.attempts + 1, error).await,
        }
    }

    async fn park(&self, row: &StreamRow, attempts: u32, error: &Error) -> Result<()> {
        tracing::error!(pk = row.pk, sk = row.sk, attempts, %error, "a journal row was not published and is parked");
        let record = serde_json::to_string(row).map_err(|error| Error::internal(error.to_string()))?;
        let repair = Repair { record, problem: error.to_string(), attempts };
        self.store.park(&row.shop()?, &row.name(), &repair, self.clock.now()).await
    }

    /// Does what rows ask for, and says for which of them it could not.
    async fn work_off(&self, rows: &[StreamRow]) -> Result<(Vec<Work>, Failures)> {
        let mut failures = Failures::new();
        let mut work = vec![];
        for (place, row) in rows.iter().enumerate() {
            match Work::read(place, row) {
                Ok(some) => work.extend(some),
                Err(error) => drop(failures.insert(place, error)),
            }
        }
        failures.extend(self.count_unread(&mut work).await);
        work.retain(|work| !failures.contains_key(&work.place));
        let (watched, (seqs, appended), logged, talked, (ended, told)) = join5(
            self.watch_levels(&work),
            self.append_to_logs(&work),
            self.log_audits(&work),
            self.talk(&work),
            join(Box::pin(self.close_ended(&work)), Box::pin(self.notify(&work))),
        )
        .await;
        let wrong = watched.into_iter().chain(appended).chain(logged).chain(talked).chain(ended).chain(told);
        failures.extend(wrong);
        work.retain(|work| !failures.contains_key(&work.place));
        let mut posts: BTreeMap<ShopId, Vec<sending::Post>> = BTreeMap::new();
        for work in work.iter().filter(|work| work.is_shown(self.settings.stock.sends_events)) {
            posts.entry(work.shop().clone()).or_default().extend(work.posts(&seqs));
        }
        for (shop, posts) in posts {
            self.send(&shop, posts).await?;
        }
        Ok((work, failures))
    }
}
