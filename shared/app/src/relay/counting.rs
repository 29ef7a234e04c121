//! Counting what happened.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use contract::{Fact, JournalEvent};
use domain::payment::PaymentStatus;
use futures_util::{StreamExt, stream};

use super::{Relay, effects::Work};
use crate::{
    Error, Result,
    store::platform::{Counted, Counter, Counting},
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
    /// Counts what happened, one write for each type of event, and what was paid. A counter that cannot be written is a
    /// gap in a chart and no reason to publish again.
    pub(super) async fn count(&self, work: &[Work]) {
        let mut happened: BTreeMap<Counter, Vec<Counting>> = BTreeMap::new();
        for event in work.iter().filter_map(Work::event) {
            for (counter, amount) in counters_of(event) {
                happened.entry(counter).or_default().push((event.id.clone(), amount));
            }
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
    }

    async fn count_once(&self, counter: Counter, events: &[Counting]) -> Result<()> {
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

/// Where an event is counted, and how much it adds there.
fn counters_of(event: &JournalEvent) -> impl Iterator<Item = (Counter, i64)> {
    let date = event.occurred_at.strftime("%Y-%m-%d").to_string();
    let happened = Counter::Events { shop: event.shop_id.clone(), date, what: event.fact.name() };
    let paid = match &event.fact {
        Fact::PaymentUpdated { status: PaymentStatus::Succeeded, amount, .. } => {
            let counter = Counter::Payments { shop: event.shop_id.clone(), currency: amount.currency.code() };
            Some((counter, amount.amount))
        }
        _ => None,
    };
    std::iter::once((happened, 0)).chain(paid)
}
