//! The relay: journal rows become live events, audit lines and counters.
//!
//! The streams promise each item's rows in order and each at least once. So every effect is keyed by the event's id
//! or carries a version, and doing it again changes nothing. A row that cannot be published is parked, so that the
//! ones behind it go on.

use std::{collections::BTreeMap, sync::Arc};

use contract::{
    Fact, JournalEvent,
    frames::{EventFrame, InventoryUpdated, LiveEvent},
    http::platform::AuditEntry,
};
use domain::{
    Channel, ConnectionId, ShopId,
    stock::{ChangeType, StockStatus},
};
use futures_util::{StreamExt, stream};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    Clock, Error, Result, Settings,
    push::{Outgoing, Push, encode},
    store::{
        Dynamo, JOURNAL,
        inventory::{LEVEL, LevelRow},
        platform::Repair,
    },
};

/// More receivers than this are served by `fanout`, so many in each of its messages.
const SHARD: usize = 1_000;

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

/// A row that a stream tells about, as far as the relay reads it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct StreamRow {
    /// Sort key.
    pub sk: String,
    /// Partition key.
    pub pk: String,
    /// The whole row, in DynamoDB's own JSON.
    pub image: serde_json::Value,
}

/// One shard of a large broadcast, as it travels through the queue.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Shard {
    /// The tenant.
    pub shop_id: ShopId,
    /// Who is to receive it.
    pub connections: Vec<ConnectionId>,
    /// The frame, as it is sent.
    pub frame: String,
}

/// What one row comes to.
enum Published {
    Event(Box<JournalEvent>),
    Level(Box<LevelRow>),
    Nothing,
}

impl StreamRow {
    fn read(&self) -> Result<Published> {
        let corrupt = |error: serde_dynamo::Error| Error::Internal {
            what: format!("row {}/{} cannot be read", self.pk, self.sk),
            source: Some(Box::new(error)),
        };
        let item: serde_dynamo::Item = serde_json::from_value(self.image.clone())
            .map_err(|error| Error::internal(format!("row {}/{} is no item: {error}", self.pk, self.sk)))?;
        if self.sk.starts_with(JOURNAL) {
            return serde_dynamo::from_item(item)
                .map(|event| Published::Event(Box::new(event)))
                .map_err(corrupt);
        }
        if self.sk.starts_with(LEVEL) {
            return serde_dynamo::from_item(item)
                .map(|level| Published::Level(Box::new(level)))
                .map_err(corrupt);
        }
        Ok(Published::Nothing)
    }

    fn shop(&self) -> Result<ShopId> {
        let shop = self.pk.split('#').next().unwrap_or_default();
        ShopId::new(shop).map_err(|_| Error::internal(format!("row {} is of no shop", self.pk)))
    }

    /// The name under which it is parked.
    fn name(&self) -> String {
        crate::clock::derived(&[&self.pk, &self.sk]).simple().to_string()
    }
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

    /// Sends frames to whoever listens: inline, or through the queue where there are very many.
    async fn send(&self, shop: &ShopId, frames: &[(Channel, EventFrame)]) -> Result<()> {
        let mut listeners: BTreeMap<Channel, Vec<ConnectionId>> = BTreeMap::new();
        // Owned: a closure over references makes a future that no caller can prove to be Send.
        let channels: std::collections::BTreeSet<Channel> =
            frames.iter().map(|(channel, _)| channel.clone()).collect();
        let read = channels.into_iter().map(|channel| async move {
            let found = self.store.listeners(shop, &channel).await?;
            Ok::<_, Error>((channel, found.into_iter().map(|listener| listener.connection_id).collect()))
        });
        let mut read = stream::iter(read).buffered(16);
        while let Some(found) = read.next().await {
            let (channel, connections) = found?;
            listeners.insert(channel, connections);
        }
        let mut outgoing = Outgoing::default();
        for (channel, frame) in frames {
            let connections = listeners.get(channel).map(Vec::as_slice).unwrap_or_default();
            if connections.is_empty() {
                continue;
            }
            let text = encode(frame)?;
            if connections.len() > SHARD {
                self.hand_out(shop, connections, &text).await?;
                continue;
            }
            for connection in connections {
                outgoing.add(connection.clone(), text.clone());
            }
        }
        self.push.deliver(shop, outgoing).await;
        Ok(())
    }

    async fn hand_out(&self, shop: &ShopId, connections: &[ConnectionId], frame: &Arc<str>) -> Result<()> {
        for connections in connections.chunks(SHARD) {
            let shard =
                Shard { shop_id: shop.clone(), connections: connections.to_vec(), frame: frame.to_string() };
            let body = serde_json::to_string(&shard).map_err(|error| Error::internal(error.to_string()))?;
            let call = self.queue.send_message().queue_url(&self.queue_url).message_body(body);
            call.send()
                .await
                .map_err(|error| Error::Unavailable { what: "the queue", source: Box::new(error) })?;
        }
        Ok(())
    }
}

/// Serves one shard of a large broadcast.
pub async fn serve_shard(push: &Push, shard: Shard) {
    let frame: Arc<str> = shard.frame.into();
    let mut outgoing = Outgoing::default();
    for connection in shard.connections {
        outgoing.add(connection, frame.clone());
    }
    push.deliver(&shard.shop_id, outgoing).await;
}

/// Leaves only the newest value of each SKU on each channel: older ones would be dropped by the client anyway.
fn latest_only(frames: Vec<(Channel, EventFrame)>) -> Vec<(Channel, EventFrame)> {
    let mut newest = BTreeMap::new();
    for (index, (channel, frame)) in frames.iter().enumerate() {
        if let LiveEvent::InventoryUpdated(stock) = &frame.event {
            newest.insert((channel.clone(), stock.product_id.clone(), stock.variant_id.clone()), index);
        }
    }
    let is_newest = |index: usize, channel: &Channel, frame: &EventFrame| match &frame.event {
        LiveEvent::InventoryUpdated(stock) => {
            newest.get(&(channel.clone(), stock.product_id.clone(), stock.variant_id.clone())) == Some(&index)
        }
        _ => true,
    };
    let kept =
        frames.into_iter().enumerate().filter(|(index, (channel, frame))| is_newest(*index, channel, frame));
    kept.map(|(_, frame)| frame).collect()
}

/// The channels, besides its owner's, that an event is sent on.
fn channels(event: &JournalEvent) -> Vec<Channel> {
    match &event.fact {
        Fact::OrderCreated { order_id, .. }
        | Fact::OrderStatusUpdated { order_id, .. }
        | Fact::OrderPaymentUpdated { order_id, .. } => {
            vec![Channel::Order(order_id.clone()), Channel::Shop(event.shop_id.clone())]
        }
        Fact::PaymentUpdated { .. } | Fact::RefundUpdated { .. } => {
            vec![Channel::Shop(event.shop_id.clone())]
        }
        _ => vec![],
    }
}

/// Whom an event concerns.
fn owner(fact: &Fact) -> Option<&domain::UserId> {
    match fact {
        Fact::OrderCreated { customer_id, .. }
        | Fact::OrderStatusUpdated { customer_id, .. }
        | Fact::OrderPaymentUpdated { customer_id, .. }
        | Fact::PaymentUpdated { customer_id, .. }
        | Fact::RefundUpdated { customer_id, .. } => Some(customer_id),
        _ => None,
    }
}

/// The event as a client sees it on `channel`; `None` if clients do not see it.
pub(crate) fn live(event: &JournalEvent, channel: &Channel, seq: Option<u64>) -> Option<EventFrame> {
    let live = match event.fact.clone() {
        Fact::OrderCreated { order_id, total, items_count, .. } => {
            LiveEvent::OrderCreated { order_id, total, items_count }
        }
        Fact::OrderStatusUpdated { order_id, customer_id, previous_status, current_status, notes } => {
            let timestamp = event.occurred_at.as_millisecond();
            LiveEvent::OrderStatusUpdated {
                order_id,
                customer_id,
                previous_status,
                current_status,
                timestamp,
                notes,
            }
        }
        Fact::OrderPaymentUpdated { order_id, payment_id, payment_status, .. } => {
            LiveEvent::OrderPaymentUpdated { order_id, payment_id, payment_status }
        }
        Fact::PaymentUpdated { payment_id, order_id, status, amount, .. } => {
            LiveEvent::PaymentUpdated { payment_id, order_id, status, amount }
        }
        Fact::RefundUpdated { refund_id, payment_id, order_id, status, amount, .. } => {
            LiveEvent::RefundUpdated { refund_id, payment_id, order_id, status, amount }
        }
        _ => return None,
    };
    Some(framed(event, channel, seq, live))
}

fn framed(event: &JournalEvent, channel: &Channel, seq: Option<u64>, live: LiveEvent) -> EventFrame {
    EventFrame {
        id: event.id.clone(),
        channel: channel.to_string(),
        seq,
        timestamp: event.occurred_at.as_millisecond(),
        cause: event.cause.clone(),
        event: live,
    }
}

/// A level as a client sees it.
pub(crate) fn inventory_updated(
    row: &LevelRow,
    channel: &Channel,
    now: Timestamp,
    threshold: i64,
) -> EventFrame {
    let available = row.level.available;
    EventFrame {
        id: row.last_event.clone(),
        channel: channel.to_string(),
        seq: None,
        timestamp: now.as_millisecond(),
        cause: None,
        event: LiveEvent::InventoryUpdated(InventoryUpdated {
            product_id: row.sku.product_id.clone(),
            variant_id: row.sku.variant_id.clone(),
            available_quantity: available,
            quantity: available,
            is_in_stock: available > 0,
            stock_status: StockStatus::of(available, threshold),
            version: row.level.version,
        }),
    }
}

/// The audit line of an event; most events that a shopper causes have none.
fn audited(event: &JournalEvent) -> Option<AuditEntry> {
    let is_kept = match &event.fact {
        Fact::ProductSaved { .. }
        | Fact::ProductDeleted { .. }
        | Fact::UserLinked { .. }
        | Fact::UserRevoked { .. }
        | Fact::ServiceKeyCreated { .. }
        | Fact::ServiceKeyRevoked { .. }
        | Fact::FeatureFlagChanged { .. }
        | Fact::RefundUpdated { .. } => true,
        Fact::StockChanged(movement) => matches!(
            movement.change.kind,
            ChangeType::Restock | ChangeType::Adjustment | ChangeType::Correction | ChangeType::Return
        ),
        Fact::OrderCreated { .. }
        | Fact::OrderStatusUpdated { .. }
        | Fact::OrderPaymentUpdated { .. }
        | Fact::PaymentUpdated { .. } => false,
    };
    let (entity, entity_id) = event.subject.split_once(':').unwrap_or((&event.subject, ""));
    is_kept.then(|| AuditEntry {
        event_id: event.id.clone(),
        actor: event.actor.clone(),
        action: event.fact.name().into(),
        entity: entity.into(),
        entity_id: entity_id.into(),
        at: event.occurred_at,
    })
}
