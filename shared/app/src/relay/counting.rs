//! Counting what happened.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use contract::Fact;
use domain::{EventId, Money, ShopId, payment::PaymentStatus};
use futures_util::{StreamExt, stream};

use super::{Relay, effects::Work};
use crate::{
    Error, Result,
    store::platform::{Counted, Counter},
};

/// How many counters are written at once.
const AT_ONCE: usize = 16;
/// How often a counter is tried that others count on too.
const ATTEMPTS: usize = 8;
/// How many counters are remembered.
const REMEMBERED: usize = 1_000;

/// What this process knows of counters, so that none is read before it is written. It may be out of date: a write that
/// is based on it is refused then, and says what is true.
#[derive(Debug, Clone, Default)]
pub(super) struct Counters(Arc<Mutex<BTreeMap<Counter, Counted>>>);

impl Counters {
    fn last(&self, counter: &Counter) -> Option<Counted> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(counter).cloned()
    }

    fn remember(&self, counter: Counter, counted: Counted) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= REMEMBERED {
            known.clear();
        }
        known.insert(counter, counted);
    }
}

impl Relay {
    /// Counts what happened, one write for each type of event. A counter that cannot be written is a gap in a chart and
    /// no reason to publish again.
    pub(super) async fn count(&self, work: &[Work]) {
        let mut happened: BTreeMap<Counter, Vec<EventId>> = BTreeMap::new();
        for event in work.iter().filter_map(Work::event) {
            let date = event.occurred_at.strftime("%Y-%m-%d").to_string();
            let counter = Counter { shop: event.shop_id.clone(), date, what: event.fact.name() };
            happened.entry(counter).or_default().push(event.id.clone());
        }
        let counted: Vec<_> = happened
            .into_iter()
            .map(|(counter, events)| async move {
                if let Err(error) = self.count_once(counter, &events).await {
                    tracing::warn!(%error, "events were not counted");
                }
            })
            .collect();
        stream::iter(counted).buffer_unordered(AT_ONCE).collect::<Vec<()>>().await;
        self.count_payments(work).await;
    }

    /// Adds what was paid to what is usual, against which large payments are held.
    async fn count_payments(&self, work: &[Work]) {
        let mut sums: BTreeMap<(ShopId, &'static str), (u64, Money, String)> = BTreeMap::new();
        for event in work.iter().filter_map(Work::event) {
            let Fact::PaymentUpdated { status: PaymentStatus::Succeeded, amount, .. } = &event.fact else {
                continue;
            };
            let none = (0, Money::zero(amount.currency), event.id.to_string());
            let sum = sums.entry((event.shop_id.clone(), amount.currency.code())).or_insert(none);
            sum.0 += 1;
            sum.1 = sum.1.plus(*amount).unwrap_or(sum.1);
        }
        for ((shop, _), (payments, sum, first)) in sums {
            if let Err(error) = self.store.count_payments(&shop, payments, sum, &first).await {
                tracing::warn!(%error, "payments were not counted");
            }
        }
    }

    async fn count_once(&self, counter: Counter, events: &[EventId]) -> Result<()> {
        let mut seen = self.counters.last(&counter);
        for _ in 0..ATTEMPTS {
            match self.store.count(&counter, seen.as_ref(), events).await? {
                Ok(counted) => {
                    self.counters.remember(counter, counted);
                    return Ok(());
                }
                Err(others) => seen = others,
            }
        }
        Err(Error::busy())
    }
}
