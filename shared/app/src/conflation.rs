//! Things whose latest value is shown, at most once a second.
//!
//! The latest value is never lost. Whoever has news of a subject claims its slot and shows the value. Whoever finds
//! the slot taken marks it as stale and orders a refresh for when it is free; the refresh takes the mark away *before*
//! it reads the value. So a value that is newer than what was shown is either read by a refresh that is still to come, or
//! its own bearer found the slot unmarked, and orders one. A crash between any two of these steps repeats them: the
//! names of the steps follow from the event, so that each finds what it did before.

#[cfg(test)]
mod model;

use contract::{
    Fact, JournalEvent,
    frames::{EventFrame, EventHead, InventoryUpdated, LiveEvent, StaffStock},
};
use domain::{Channel, OrderId, PaymentId, ProductId, ShopId, VariantId, stock::StockStatus};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    Error, Result,
    delivery::Errand,
    push::{Frame, Outgoing},
    relay::{Relay, live},
    store::{
        inventory::LevelRow,
        realtime::{Subscription, slots::Claim},
    },
};

/// How often a slot is asked for before the row is left for later.
const ATTEMPTS: usize = 8;
/// How far back a journal is read for the latest event of a kind.
const LOOK_BACK: u32 = 20;

/// Something whose latest value is shown.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Subject {
    /// How many pieces there are, wherever they lie.
    Stock {
        /// Of which product.
        product_id: ProductId,
        /// Of which variant of it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        variant_id: Option<VariantId>,
    },
    /// The last event of one type of an order, as staff sees it.
    Order {
        /// Which order.
        order_id: OrderId,
        /// Which type of event.
        event: String,
    },
    /// The last event of a payment, as staff sees it.
    Payment {
        /// Which payment.
        payment_id: PaymentId,
    },
}

/// That the latest value of something is to be shown, as it travels through the queue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refresh {
    /// The tenant.
    pub shop_id: ShopId,
    /// Of what.
    pub subject: Subject,
    /// Who ordered it; a refresh that is repeated is known by it.
    pub ordered_by: String,
}

/// A value as the public and as staff see it.
pub(crate) struct Shown {
    public: EventFrame,
    staffs: Option<EventFrame>,
}

impl Subject {
    /// Of what an event on `channel` is the latest value, if only the latest is of interest there.
    pub(crate) fn of(event: &JournalEvent, channel: &Channel) -> Option<Self> {
        let is_step = matches!(event.fact, Fact::OrderStatusUpdated { .. });
        if !(matches!(channel, Channel::Shop(_)) || is_step && *channel == Channel::Admin) {
            return None;
        }
        match &event.fact {
            Fact::OrderStatusUpdated { order_id, .. } | Fact::OrderPaymentUpdated { order_id, .. } => {
                Some(Self::Order { order_id: order_id.clone(), event: event.fact.name().into() })
            }
            Fact::PaymentUpdated { payment_id, .. } => Some(Self::Payment { payment_id: payment_id.clone() }),
            _ => None,
        }
    }

    /// Where its value is shown.
    pub(crate) fn channels(&self, shop: &ShopId) -> Vec<Channel> {
        match self {
            Self::Stock { product_id, .. } => vec![Channel::Product(product_id.clone()), Channel::Inventory],
            Self::Order { event, .. } if event == "order.status_updated" => {
                vec![Channel::Shop(shop.clone()), Channel::Admin]
            }
            Self::Order { .. } | Self::Payment { .. } => vec![Channel::Shop(shop.clone())],
        }
    }

    /// The name of its slot.
    fn slot(&self) -> String {
        match self {
            Self::Stock { product_id, variant_id: None } => format!("stock#{product_id}"),
            Self::Stock { product_id, variant_id: Some(variant) } => format!("stock#{product_id}#{variant}"),
            Self::Order { order_id, event } => format!("{order_id}#{event}"),
            Self::Payment { payment_id } => payment_id.to_string(),
        }
    }
}

impl Relay {
    /// Whether the value of `subject` may be shown now. If not, it is shown later: `by` whom that was found out is a
    /// name that a repetition has too.
    pub(crate) async fn may_show(&self, shop: &ShopId, subject: &Subject, by: &str) -> Result<bool> {
        let slot = subject.slot();
        for _ in 0..ATTEMPTS {
            let claim = self.store.claim_slot(shop, &slot, self.clock.now(), &format!("{by}-claim")).await?;
            let Claim::Taken { until, stale_by } = claim else {
                return Ok(true);
            };
            let is_ours = match stale_by {
                None => self.store.mark_stale(shop, &slot, until, by).await?,
                // Marked before, by a run that may have ended before it ordered the refresh.
                Some(other) if other == by => true,
                Some(_) => return Ok(false),
            };
            if is_ours {
                let refresh =
                    Refresh { shop_id: shop.clone(), subject: subject.clone(), ordered_by: by.to_owned() };
                self.order_refresh(refresh, until).await?;
                return Ok(false);
            }
        }
        Err(Error::Limited { retry_after: crate::store::realtime::slots::SLOT })
    }

    async fn order_refresh(&self, refresh: Refresh, at: Timestamp) -> Result<()> {
        let wait = at.duration_since(self.clock.now()).as_millis();
        let seconds = u32::try_from(wait.max(0)).unwrap_or(u32::MAX).div_ceil(1_000).max(1);
        self.delivery.enqueue(&Errand::Refresh(refresh), seconds).await
    }

    /// Shows the latest value of something that was marked as stale, unless somebody has done so since.
    pub async fn refresh(&self, refresh: Refresh) -> Result<()> {
        let Refresh { shop_id, subject, ordered_by } = &refresh;
        let request = format!("{ordered_by}-refresh");
        let claim = self.store.refresh_slot(shop_id, &subject.slot(), self.clock.now(), &request).await?;
        match claim {
            Claim::Won => {}
            Claim::Taken { stale_by: None, .. } => return Ok(()),
            // Too early by this function's clock.
            Claim::Taken { until, stale_by: Some(_) } => return self.order_refresh(refresh, until).await,
        }
        let shown = async {
            let mut outgoing = Outgoing::default();
            let mut heard = self.listeners(shop_id, subject.channels(shop_id)).await?;
            heard.retain(|_, listeners| !listeners.is_empty());
            let for_staff = heard.values().flatten().any(Subscription::is_staffs);
            if let Some(first) = heard.keys().next()
                && let Some(latest) = self.latest(shop_id, subject, first, for_staff).await?
            {
                for (channel, listeners) in &heard {
                    latest.on(channel).add_to(&mut outgoing, listeners)?;
                }
            }
            self.delivery.deliver(shop_id, outgoing).await
        };
        if let Err(error) = shown.await {
            // The slot knows this refresh: the same one, once more, wins it again.
            tracing::warn!(slot = subject.slot(), %error, "a value was not shown and is tried again");
            return self.order_refresh(refresh.clone(), self.clock.now()).await;
        }
        Ok(())
    }

    /// The latest value of `subject` as it is shown on `channel`, if wanted also what only staff sees of it; nothing if
    /// it has none.
    pub(crate) async fn latest(
        &self,
        shop: &ShopId,
        subject: &Subject,
        channel: &Channel,
        for_staff: bool,
    ) -> Result<Option<Shown>> {
        let journal = match subject {
            Subject::Stock { product_id, variant_id } => {
                let levels = self.store.levels(shop, product_id, true).await?;
                let levels: Vec<_> =
                    levels.into_iter().filter(|row| row.sku.variant_id == *variant_id).collect();
                return self.stock_shown(shop, channel, &levels, for_staff).await;
            }
            Subject::Order { order_id, .. } => self.store.newest_of_order(shop, order_id, LOOK_BACK).await?,
            Subject::Payment { payment_id } => {
                self.store.newest_of_payment(shop, payment_id, LOOK_BACK).await?
            }
        };
        let mut events = journal.into_iter();
        let event = events.find(|event| Subject::of(event, channel).as_ref() == Some(subject));
        let frame = event.and_then(|event| live(&event, channel, None));
        Ok(frame.map(|public| Shown { public, staffs: None }))
    }

    /// All levels of one thing as one value, and for staff what changed last.
    async fn stock_shown(
        &self,
        shop: &ShopId,
        channel: &Channel,
        levels: &[LevelRow],
        for_staff: bool,
    ) -> Result<Option<Shown>> {
        let (now, threshold) = (self.clock.now(), self.settings.low_stock_threshold);
        let (Some(changed), Some(public)) =
            (last_changed(levels), stock_frame(levels, channel, now, threshold))
        else {
            return Ok(None);
        };
        if !for_staff {
            return Ok(Some(Shown { public, staffs: None }));
        }
        let movement =
            self.store.movement(shop, &changed.sku.product_id, changed.bucket, &changed.last_event).await?;
        let staffs = movement.and_then(|event| match event.fact {
            Fact::StockChanged(movement) => Some(as_staff_sees(public.clone(), &movement)),
            _ => None,
        });
        Ok(Some(Shown { public, staffs }))
    }
}

impl Shown {
    /// The same as another channel shows it.
    pub(crate) fn on(&self, channel: &Channel) -> Self {
        let moved = |frame: &EventFrame| {
            let head = EventHead { channel: channel.to_string(), ..frame.head.clone() };
            EventFrame { head, event: frame.event.clone() }
        };
        Self { public: moved(&self.public), staffs: self.staffs.as_ref().map(moved) }
    }

    /// Adds the value to what is due to `listeners`, to each what they may see.
    pub(crate) fn add_to(&self, outgoing: &mut Outgoing, listeners: &[Subscription]) -> Result<()> {
        let (staff, others): (Vec<_>, Vec<_>) =
            listeners.iter().partition(|listener| self.staffs.is_some() && listener.is_staffs());
        for (frame, listeners) in [(Some(&self.public), others), (self.staffs.as_ref(), staff)] {
            if let Some(frame) = frame.filter(|_| !listeners.is_empty()) {
                outgoing.add(Frame::of(frame)?, listeners);
            }
        }
        Ok(())
    }
}

fn last_changed(levels: &[LevelRow]) -> Option<&LevelRow> {
    levels.iter().max_by(|a, b| a.last_event.cmp(&b.last_event))
}

/// The levels of one thing, wherever it lies, as a client sees them; nothing if there is none.
pub(crate) fn stock_frame(
    levels: &[LevelRow],
    channel: &Channel,
    now: Timestamp,
    threshold: i64,
) -> Option<EventFrame> {
    let changed = last_changed(levels)?;
    let threshold = levels.iter().find_map(|row| row.low_stock).unwrap_or(threshold);
    let available = levels.iter().map(|row| row.level.available).sum();
    let version = levels.iter().map(|row| row.level.version).sum();
    let head = EventHead {
        id: changed.last_event.clone(),
        channel: channel.to_string(),
        seq: None,
        version: Some(version),
        timestamp: now.as_millisecond(),
        cause: None,
    };
    Some(EventFrame {
        head,
        event: LiveEvent::InventoryUpdated(InventoryUpdated {
            product_id: changed.sku.product_id.clone(),
            variant_id: changed.sku.variant_id.clone(),
            available_quantity: available,
            quantity: available,
            is_in_stock: available > 0,
            stock_status: StockStatus::of(available, threshold),
            version,
            staff: None,
        }),
    })
}

/// The same with what only staff sees.
fn as_staff_sees(mut frame: EventFrame, movement: &contract::journal::StockMovement) -> EventFrame {
    if let LiveEvent::InventoryUpdated(stock) = &mut frame.event {
        stock.staff = Some(StaffStock {
            previous_quantity: stock.available_quantity - movement.change.available,
            current_quantity: stock.available_quantity,
            change_type: movement.change.kind,
            location: movement.sku.location.clone(),
        });
    }
    frame
}
