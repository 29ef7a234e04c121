//! The end of a replay: what was played, seen and counted, held against the file and against each other.

use std::time::Duration;

use super::{
    Checkouts, Events, Reconciliation, Report,
    books::Snapshot,
    cost::{Costs, Counted},
    opening::sku,
    retail::{Pence, Retail, StockCode},
    seen::Spread,
    tally::Tally,
    viewer::Watched,
};

/// The most sentences about one kind of disagreement; the others are only counted.
const MOST_SENTENCES: usize = 20;

/// All that is known when the last document has been played.
pub struct End {
    pub tally: Tally,
    pub took: Duration,
    pub watched: Vec<Watched>,
    pub put_off: u64,
    pub counted_before: Counted,
    pub counted: Counted,
    pub before: Snapshot,
    pub after: Snapshot,
}

impl End {
    /// The report. In a shop where `is_alone`, what was sent must have been received.
    pub fn report(mut self, is_alone: bool, retail: &Retail) -> Report {
        let events = self.events();
        let mut imbalances = shortened(std::mem::take(&mut self.tally.problems));
        let complaints = self.watched.iter_mut().flat_map(|one| one.summary.complaints.drain(..));
        imbalances.extend(shortened(complaints.collect()));
        imbalances.extend(shortened(self.wrong_levels(retail)));
        // What was under way to a socket that closed is lost with it, and made up for by its successor.
        let (sent, received) = (events.sent, events.received);
        if is_alone && (sent < received || (sent > received && events.reconnects == 0)) {
            imbalances.push(format!("events received: {received}, but {sent} were sent"));
        }
        let Tally { sold, refused, credited, not_credited, refunds, checkouts, .. } = self.tally;
        let seconds = self.took.as_secs_f64();
        let mut report = Report {
            file: retail.totals.clone(),
            checkouts: Checkouts {
                took: checkouts.percentiles(),
                seconds,
                per_second: f64::from(u32::try_from(sold.documents).unwrap_or(u32::MAX))
                    / seconds.max(f64::MIN_POSITIVE),
                put_off: self.put_off,
            },
            cost: Costs::between(&self.counted_before, &self.counted, sold.documents),
            sold,
            refused,
            credited,
            not_credited,
            refunds,
            events,
            levels_compared: retail.products.values().map(|product| product.variants.len()).sum(),
            reconciliation: since(&self.before.reconciliation, self.after.reconciliation),
            memory_peak_bytes: memory_peak(),
            imbalances: Vec::new(),
        };
        imbalances.extend(report.imbalances_within());
        report.imbalances = imbalances;
        report
    }

    fn events(&self) -> Events {
        let mut latency = Spread::default();
        let mut events = Events {
            sockets: self.watched.len(),
            frames_sent: self.counted.sockets.posted,
            sent: self.counted.sockets.events,
            ..Events::default()
        };
        for Watched { seen, summary, .. } in &self.watched {
            events.frames_received += summary.frames;
            events.received += summary.counts.arrived;
            events.late += seen.late;
            events.duplicated += summary.counts.duplicated;
            events.out_of_order += summary.counts.out_of_order;
            events.missing += summary.missing;
            events.lost += summary.counts.resyncs;
            events.reconnects += summary.reconnects + summary.handovers;
            latency.merge(&seen.latency);
        }
        events.stale = self.stale();
        events.delivery = latency.percentiles();
        events
    }

    /// How many watched levels stand elsewhere than the last event about them said.
    fn stale(&self) -> u64 {
        let mut stale = 0;
        for Watched { seen, products, .. } in &self.watched {
            for (sku, level) in &self.after.levels {
                let is_watched = products.contains(&sku.0);
                if is_watched && seen.stock.get(sku) != Some(&level.available_quantity) {
                    stale += 1;
                }
            }
        }
        stale
    }

    /// Every level must be what it was, less what was sold, plus what came back.
    fn wrong_levels(&self, retail: &Retail) -> Vec<String> {
        let skus = retail.products.values().flat_map(|product| {
            let prices = product.variants.iter().map(|variant| variant.price);
            prices.map(|price| (&product.code, price))
        });
        skus.filter_map(|(code, price)| self.wrong_level(code, price)).collect()
    }

    fn wrong_level(&self, code: &StockCode, price: Pence) -> Option<String> {
        let sku = sku(code, price).ok()?;
        let key = (sku.product_id, sku.variant_id);
        let counters = |snapshot: &Snapshot| {
            let level = snapshot.levels.get(&key);
            level.map_or([0; 3], |level| [level.available_quantity, level.reserved, level.committed])
        };
        let [available, reserved, committed] = counters(&self.before);
        let gone = self.tally.gone.get(&(code.clone(), price)).copied().unwrap_or_default();
        let (is, should) = (counters(&self.after), [available - gone, reserved, committed + gone]);
        (is != should).then(|| {
            format!(
                "stock of {code} at {}: available, reserved, sold {is:?}, but should be {should:?}",
                price.0
            )
        })
    }
}

/// What was found at the end; of the sums, what came in between.
fn since(before: &Reconciliation, mut after: Reconciliation) -> Reconciliation {
    after.captured.0 -= before.captured.0;
    after.refunded.0 -= before.refunded.0;
    after
}

fn shortened(mut sentences: Vec<String>) -> Vec<String> {
    let more = sentences.len().saturating_sub(MOST_SENTENCES);
    if more > 0 {
        sentences.truncate(MOST_SENTENCES);
        sentences.push(format!("and {more} more of this kind"));
    }
    sentences
}

/// The most memory that this process had at once, where the system says so.
fn memory_peak() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kilobytes * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_has_had_some_memory() {
        if cfg!(target_os = "linux") {
            assert!(memory_peak() > Some(1_000_000));
        }
    }

    #[test]
    fn many_sentences_are_few() {
        let sentences = |count: usize| shortened((0..count).map(|n| n.to_string()).collect());
        assert_eq!(sentences(20).len(), 20);
        assert_eq!(sentences(25).last().map(String::as_str), Some("and 5 more of this kind"));
    }
}
