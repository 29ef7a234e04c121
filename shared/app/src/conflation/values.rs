//! Values as they are read, and as the public and staff see them.

use contract::{
    Fact, JournalEvent,
    frames::{EventFrame, EventHead, InventoryUpdated, LiveEvent, StaffStock},
};
use domain::{Channel, EventId, ShopId, stock::StockStatus};
use jiff::Timestamp;

use super::{News, Subject};
use crate::{
    Result,
    push::{Frame, Outgoing},
    relay::{Relay, live},
    store::{
        inventory::{LevelRow, joined},
        realtime::listeners::Listener,
    },
};

/// How far back a journal is read for the latest event of a kind.
const LOOK_BACK: u32 = 20;

/// A latest value as it was read.
pub(crate) enum Value {
    /// The rows of one thing, wherever it lies.
    Stock(Vec<LevelRow>),
    /// An event, and the first channel that it is shown on.
    Event(Box<JournalEvent>, Channel),
}

/// A value as the public and as staff see it.
pub(crate) struct Shown {
    public: EventFrame,
    staffs: Option<EventFrame>,
}

impl Value {
    /// Grows with every change.
    pub(crate) fn version(&self) -> u64 {
        match self {
            Self::Stock(rows) => rows.iter().map(|row| row.level.version).sum(),
            Self::Event(event, _) => event.version,
        }
    }

    /// Whether it is made up of nothing but `news`: it was there before that came.
    pub(crate) fn is_all_of(&self, news: &News) -> bool {
        let is_in = |change: &EventId, version| news.made.get(change).is_some_and(|made| *made >= version);
        match self {
            Self::Stock(rows) => rows.iter().all(|row| is_in(&row.last_event, row.level.version)),
            Self::Event(event, _) => is_in(&event.id, event.version),
        }
    }
}

impl Relay {
    /// The latest value of `subject`; nothing if it has none.
    pub(crate) async fn value(&self, shop: &ShopId, subject: &Subject) -> Result<Option<Value>> {
        let journal = match subject {
            Subject::Stock { product_id, variant_id } => {
                let mut rows = self.store.buckets(shop, product_id, true).await?;
                rows.retain(|row| row.sku.variant_id == *variant_id);
                return Ok((!rows.is_empty()).then_some(Value::Stock(rows)));
            }
            Subject::Order { order_id, .. } => self.store.newest_of_order(shop, order_id, LOOK_BACK).await?,
            Subject::Payment { payment_id } => {
                self.store.newest_of_payment(shop, payment_id, LOOK_BACK).await?
            }
        };
        let channel = Channel::Shop(shop.clone());
        let mut events = journal.into_iter();
        let event = events.find(|event| Subject::of(event, &channel).as_ref() == Some(subject));
        Ok(event.map(|event| Value::Event(Box::new(event), channel)))
    }

    /// A value as it is shown on the first of its channels, if wanted also what only staff sees of it.
    pub(crate) async fn shown(&self, shop: &ShopId, value: &Value, for_staff: bool) -> Result<Option<Shown>> {
        match value {
            Value::Stock(rows) => self.stock_shown(shop, &joined(rows.clone()), for_staff).await,
            Value::Event(event, channel) => {
                Ok(live(event, channel, None).map(|public| Shown { public, staffs: None }))
            }
        }
    }

    /// All levels of one thing as one value, and for staff what changed last.
    async fn stock_shown(
        &self,
        shop: &ShopId,
        levels: &[LevelRow],
        for_staff: bool,
    ) -> Result<Option<Shown>> {
        let (now, threshold) = (self.clock.now(), self.settings.low_stock_threshold);
        let Some(changed) = last_changed(levels) else {
            return Ok(None);
        };
        let channel = Channel::Product(changed.sku.product_id.clone());
        let Some(public) = stock_frame(levels, &channel, now, threshold) else {
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
    pub(crate) fn add_to(&self, outgoing: &mut Outgoing, listeners: &[Listener]) -> Result<()> {
        let (staff, others): (Vec<_>, Vec<_>) =
            listeners.iter().partition(|listener| self.staffs.is_some() && listener.is_staff);
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
