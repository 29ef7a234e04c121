//! Things whose latest value is shown, at most once a second.
//!
//! The latest value is never lost, and no version is shown twice. Whoever has news of a subject reads the value and
//! claims its slot for that version. Whoever finds the slot taken marks it with the version that is due and orders a
//! refresh for when it is free, or raises the mark of somebody else. A mark is taken away only by a claim for at
//! least what it says is due. So a value that is newer than what was shown is either due by a mark, whose refresh is still to
//! come, or its own bearer is. Who has read no more than what was shown has nothing to do: whoever claimed the slot for
//! it shows it. A crash between any two of these steps repeats them: the names of the steps follow from the events, so
//! that each finds what it did before.
//!
//! Who listens is asked after the value was read, or after the news of which it is made up was there: whoever joins
//! later reads at least that by themselves.

mod values;

#[cfg(test)]
mod model;

use std::collections::BTreeMap;

use contract::{Fact, JournalEvent};
use domain::{Channel, EventId, OrderId, PaymentId, ProductId, ShopId, VariantId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub(crate) use self::values::{Shown, stock_frame};
use crate::{
    Error, Result,
    delivery::Errand,
    push::Outgoing,
    relay::Relay,
    store::realtime::slots::{self, Claim},
};

/// How often a slot is asked for before the row is left for later.
const ATTEMPTS: usize = 8;

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

/// Why a value is to be shown: changes of it, by their names, and which version each made.
#[derive(Debug, Default)]
pub(crate) struct News {
    /// The last of them: a repetition has it too.
    by: String,
    made: BTreeMap<EventId, u64>,
}

impl News {
    /// Adds a later change.
    pub(crate) fn add(&mut self, change: &EventId, version: u64) {
        self.by = change.to_string();
        let made = self.made.entry(change.clone()).or_default();
        *made = version.max(*made);
    }

    /// The names that claims of it have, its own first. A batch that comes again may have been cut differently.
    fn claims(&self) -> Vec<String> {
        let all = self.made.keys().map(EventId::as_str);
        std::iter::once(self.by.as_str()).chain(all).map(|change| format!("{change}-claim")).collect()
    }

    fn has(&self, change: &str) -> bool {
        self.made.keys().any(|made| made.as_str() == change)
    }
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
    /// Whether `version` of `subject` is to be shown now. If not, it was shown, or is shown later.
    pub(crate) async fn may_show(
        &self,
        shop: &ShopId,
        subject: &Subject,
        version: u64,
        news: &News,
    ) -> Result<bool> {
        if self.shows_again {
            return Ok(true);
        }
        let (slot, claims) = (subject.slot(), news.claims());
        for _ in 0..ATTEMPTS {
            let claim = self.store.claim_slot(shop, &slot, version, self.clock.now(), &claims).await?;
            let (until, stale) = match claim {
                Claim::Won => return Ok(true),
                Claim::Shown => return Ok(false),
                Claim::Taken { until, stale } => (until, stale),
            };
            let is_due = stale.as_ref().is_some_and(|stale| stale.version >= version);
            if is_due
                || self.store.mark_stale(shop, &slot, (until, stale.as_ref()), version, &news.by).await?
            {
                // Marked just now, or before, by a run that may have ended before it ordered the refresh.
                if stale.is_none_or(|stale| news.has(&stale.by)) {
                    let subject = subject.clone();
                    let refresh = Refresh { shop_id: shop.clone(), subject, ordered_by: news.by.clone() };
                    self.order_refresh(refresh, until).await?;
                }
                return Ok(false);
            }
        }
        Err(Error::Limited { retry_after: slots::SLOT })
    }

    async fn order_refresh(&self, refresh: Refresh, at: Timestamp) -> Result<()> {
        let wait = at.duration_since(self.clock.now()).as_millis();
        let seconds = u32::try_from(wait.max(0)).unwrap_or(u32::MAX).div_ceil(1_000).max(1);
        self.delivery.enqueue(&Errand::Refresh(refresh), seconds).await
    }

    /// Shows the latest value of something that was marked as stale, unless somebody has done so since.
    pub async fn refresh(&self, refresh: Refresh) -> Result<()> {
        if let Err(error) = self.show_latest(&refresh).await {
            // The slot knows this refresh: the same one, once more, wins it again.
            tracing::warn!(slot = refresh.subject.slot(), %error, "a value was not shown and is tried again");
            return self.order_refresh(refresh, self.clock.now()).await;
        }
        Ok(())
    }

    async fn show_latest(&self, refresh: &Refresh) -> Result<()> {
        let Refresh { shop_id, subject, ordered_by } = refresh;
        for _ in 0..ATTEMPTS {
            let Some(value) = self.value(shop_id, subject).await? else {
                return Ok(());
            };
            let heard = self.listeners(shop_id, subject.channels(shop_id)).await?;
            let (now, ours) = (self.clock.now(), [format!("{ordered_by}-refresh")]);
            match self.store.claim_slot(shop_id, &subject.slot(), value.version(), now, &ours).await? {
                Claim::Won => {
                    let for_staff = heard.values().flatten().any(|listener| listener.is_staff);
                    let latest = self.shown(shop_id, &value, for_staff).await?;
                    let mut outgoing = Outgoing::default();
                    for (channel, listeners) in &heard {
                        if let Some(latest) = latest.as_ref().filter(|_| !listeners.is_empty()) {
                            latest.on(channel).add_to(&mut outgoing, listeners)?;
                        }
                    }
                    return self.delivery.deliver(shop_id, outgoing).await;
                }
                // The mark was raised after the value was read.
                Claim::Taken { until, stale: Some(stale) }
                    if until <= now && stale.version > value.version() => {}
                // Too early by this function's clock.
                Claim::Taken { until, stale: Some(stale) } if stale.by == *ordered_by => {
                    return self.order_refresh(refresh.clone(), until).await;
                }
                // Shown since, or by now another refresh's to show.
                Claim::Shown | Claim::Taken { .. } => return Ok(()),
            }
        }
        Err(Error::Limited { retry_after: slots::SLOT })
    }
}
