//! The relay: journal rows become live events, audit lines and counters.
//!
//! The streams promise each item's rows in order and each at least once. So every effect is keyed by the event's id
//! or carries a version, and doing it again changes nothing. A row that cannot be published is parked, so that the
//! ones behind it go on.

mod delivery;
mod live;
mod rows;

use std::{collections::BTreeMap, sync::Arc};

use contract::{
    JournalEvent,
    frames::{EventFrame, LiveEvent},
};
use domain::{Channel, ShopId};

pub(crate) use self::live::{inventory_updated, live};
use self::{
    delivery::latest_only,
    live::{audited, channels, framed, owner},
    rows::Published,
};
pub use self::{
    delivery::{Shard, serve_shard},
    rows::StreamRow,
};
use crate::{
    Clock, Error, Result, Settings,
    push::Push,
    store::{Dynamo, platform::Repair},
};

/// Publishes what the journal says.
#[derive(Debug, Clone)]
pub struct Relay {
    store: Dynamo,
    clock: Clock,
    settings: Arc<Settings>,
    push: Push,
    queue: aws_sdk_sqs::Client,
    queue_url: String,
}

impl Relay {
    /// Reads and writes `store`, posts by `push`, hands large broadcasts to `queue`, given with its URL.
    pub fn new(
        store: Dynamo,
        clock: Clock,
        settings: Arc<Settings>,
        push: Push,
        (queue, queue_url): (aws_sdk_sqs::Client, String),
    ) -> Self {
        Self { store, clock, settings, push, queue, queue_url }
    }

    /// Publishes a batch of rows, in order. A row that cannot be published is parked; only if that fails too is the
    /// batch an error, and comes again.
    pub async fn publish(&self, rows: Vec<StreamRow>) -> Result<()> {
        let mut posts: BTreeMap<ShopId, Vec<(Channel, EventFrame)>> = BTreeMap::new();
        let mut counts: BTreeMap<(ShopId, String, &'static str), (u64, String)> = BTreeMap::new();
        for row in &rows {
            match self.effects(row).await {
                Ok((shop, frames, counted)) => {
                    posts.entry(shop.clone()).or_default().extend(frames);
                    if let Some((date, name, id)) = counted {
                        counts.entry((shop, date, name)).or_insert((0, id)).0 += 1;
                    }
                }
                Err(error) => self.park(row, 0, &error).await?,
            }
        }
        for (shop, frames) in posts {
            self.send(&shop, &latest_only(frames)).await?;
        }
        for ((shop, date, name), (count, first)) in counts {
            if let Err(error) = self.store.count(&shop, &date, name, count, &first).await {
                tracing::warn!(%error, "events were not counted");
            }
        }
        Ok(())
    }

    /// Tries a parked row again.
    pub async fn repair(&self, shop: &ShopId, name: &str) -> Result<()> {
        let Some(parked) = self.store.parked(shop, name).await? else {
            return Ok(());
        };
        let row: StreamRow =
            serde_json::from_str(&parked.record).map_err(|error| Error::internal(error.to_string()))?;
        let repaired = async {
            let (_, frames, _) = self.effects(&row).await?;
            self.send(shop, &frames).await
        };
        match repaired.await {
            Ok(()) => self.store.unpark(shop, name).await,
            Err(error) => self.park(&row, parked.attempts + 1, &error).await,
        }
    }

    async fn park(&self, row: &StreamRow, attempts: u32, error: &Error) -> Result<()> {
        tracing::error!(pk = row.pk, sk = row.sk, attempts, %error, "a journal row was not published and is parked");
        let record = serde_json::to_string(row).map_err(|error| Error::internal(error.to_string()))?;
        let repair = Repair { record, problem: error.to_string(), attempts };
        self.store.park(&row.shop()?, &row.name(), &repair, self.clock.now()).await
    }

    /// Does what one row asks for besides posting, and says what is to be posted and counted.
    async fn effects(
        &self,
        row: &StreamRow,
    ) -> Result<(ShopId, Vec<(Channel, EventFrame)>, Option<(String, &'static str, String)>)> {
        match row.read()? {
            Published::Nothing => Ok((row.shop()?, vec![], None)),
            Published::Level(level) => {
                let threshold = self.settings.low_stock_threshold;
                let frame = |channel: Channel| {
                    let frame = inventory_updated(&level, &channel, self.clock.now(), threshold);
                    (channel, frame)
                };
                let product = Channel::Product(level.sku.product_id.clone());
                Ok((level.shop_id.clone(), vec![frame(product), frame(Channel::Inventory)], None))
            }
            Published::Event(event) => {
                let mut frames = self.log_to_owner(&event).await?;
                for channel in channels(&event) {
                    let seq = channel.is_log().then_some(event.version);
                    frames.extend(live(&event, &channel, seq).map(|frame| (channel, frame)));
                }
                if let Some(entry) = audited(&event) {
                    self.store.log_audit(&event.shop_id, &entry).await?;
                    frames.push((
                        Channel::Admin,
                        framed(&event, &Channel::Admin, None, LiveEvent::AuditLogged(entry)),
                    ));
                }
                let date = event.occurred_at.strftime("%Y-%m-%d").to_string();
                let counted = (date, event.fact.name(), event.id.to_string());
                Ok((event.shop_id.clone(), frames, Some(counted)))
            }
        }
    }

    /// Appends what concerns a person to their own log.
    async fn log_to_owner(&self, event: &JournalEvent) -> Result<Vec<(Channel, EventFrame)>> {
        let Some(owner) = owner(&event.fact) else {
            return Ok(vec![]);
        };
        let channel = Channel::User(owner.clone());
        let seq = self.store.append_to_log(owner, event, self.clock.now()).await?;
        Ok(live(event, &channel, Some(seq)).map(|frame| (channel, frame)).into_iter().collect())
    }
}
