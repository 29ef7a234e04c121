//! The relay: journal rows become live events, audit lines and counters.
//!
//! The streams promise each item's rows in order and each at least once. So every effect is keyed by the event's id
//! or carries a version, and doing it again changes nothing. What rows of one batch ask for is done side by side
//! where order does not matter: each person's log is written in order, different people's at once. A row that cannot
//! be published is parked, so that the ones behind it go on.

mod effects;
mod live;
mod rerelay;
mod rows;
mod sending;

use std::{collections::BTreeMap, sync::Arc};

use domain::ShopId;
use futures_util::{StreamExt, future::ready, stream};

pub(crate) use self::live::live;
use self::{effects::Work, rows::Published};
pub use self::{
    rerelay::{Rerelay, Rerelayed},
    rows::StreamRow,
};
use crate::{
    Clock, Error, Result, Settings,
    delivery::{Delivery, Errand},
    stock_alerts::StockWatch,
    store::{Dynamo, inventory::LevelRow, platform::Repair},
};

/// Publishes what the journal says.
#[derive(Debug, Clone)]
pub struct Relay {
    pub(crate) store: Dynamo,
    pub(crate) clock: Clock,
    pub(crate) settings: Arc<Settings>,
    pub(crate) delivery: Delivery,
    watch: StockWatch,
}

/// Errands that are done at once.
const ERRANDS_AT_ONCE: usize = 10;

/// What of a run of rows could not be done, by the row's place.
type Failures = BTreeMap<usize, Error>;

impl Relay {
    /// Reads and writes `store`, posts by `delivery`.
    pub fn new(store: Dynamo, clock: Clock, settings: Arc<Settings>, delivery: Delivery) -> Self {
        let watch = StockWatch::new(store.clone(), clock.clone(), settings.clone());
        Self { store, clock, settings, delivery, watch }
    }

    /// Publishes a batch of rows. A row that cannot be published is parked; only if that fails too is the batch an
    /// error, and comes again.
    pub async fn publish(&self, rows: &[StreamRow]) -> Result<()> {
        let work = self.publish_uncounted(rows).await?;
        self.count(&work).await;
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
        let (_, failures) = self.work_off(std::slice::from_ref(&row)).await?;
        match failures.values().next() {
            None => self.store.unpark(shop, name).await,
            Some(error) => self.park(&row, parked.attempts + 1, error).await,
        }
    }

    /// Looks whether a level has crossed a line.
    async fn watch_level(&self, row: &StreamRow, level: &LevelRow) -> Result<()> {
        self.watch.see(row.level_before()?.as_ref(), level).await
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
            match row.read() {
                Ok(Published::Nothing) => {}
                Ok(Published::Level(level)) => match self.watch_level(row, &level).await {
                    Err(error) => drop(failures.insert(place, error)),
                    Ok(()) if !self.settings.stock.sends_events => {}
                    Ok(()) => work.push(Work { place, published: Published::Level(level) }),
                },
                Ok(published) => work.push(Work { place, published }),
                Err(error) => drop(failures.insert(place, error)),
            }
        }
        let seqs = self.append_to_logs(&work, &mut failures).await;
        self.log_audits(&work, &mut failures).await;
        work.retain(|work| !failures.contains_key(&work.place));
        let mut posts: BTreeMap<ShopId, Vec<sending::Post>> = BTreeMap::new();
        for work in &work {
            posts.entry(work.shop().clone()).or_default().extend(work.posts(&seqs));
        }
        for (shop, posts) in posts {
            self.send(&shop, posts).await?;
        }
        Ok((work, failures))
    }
}
