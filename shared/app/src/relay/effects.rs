//! What rows ask for besides posting: people's logs, the audit log, counters.

use std::collections::BTreeMap;

use contract::{Fact, JournalEvent, frames::LiveEvent};
use domain::{Channel, Money, ShopId, UserId, payment::PaymentStatus};
use futures_util::{StreamExt, stream};

use super::{
    Failures, Relay,
    live::{audited, channels, framed, live, owner},
    rows::Published,
    sending::Post,
};
use crate::{Error, Result, conflation::Subject};

/// How much is done at once.
const AT_ONCE: usize = 16;

/// A row that could be read, and its place in the batch.
pub(super) struct Work {
    pub(super) place: usize,
    pub(super) published: Published,
}

impl Work {
    fn event(&self) -> Option<&JournalEvent> {
        match &self.published {
            Published::Event(event) => Some(event),
            Published::Level(_) | Published::Nothing => None,
        }
    }

    pub(super) fn shop(&self) -> &ShopId {
        match &self.published {
            Published::Event(event) => &event.shop_id,
            Published::Level(level) => &level.shop_id,
            Published::Nothing => unreachable!("rows that ask for nothing are left out"),
        }
    }

    /// What is to be posted; `seqs` are the places that events have in their people's logs.
    pub(super) fn posts(&self, seqs: &BTreeMap<usize, u64>) -> Vec<Post> {
        match &self.published {
            Published::Nothing => vec![],
            Published::Level(level) => {
                let subject = Subject::Stock {
                    product_id: level.sku.product_id.clone(),
                    variant_id: level.sku.variant_id.clone(),
                };
                subject
                    .channels(&level.shop_id)
                    .into_iter()
                    .map(|channel| Post::latest(channel, subject.clone(), &level.last_event))
                    .collect()
            }
            Published::Event(event) => {
                let seq = seqs.get(&self.place).copied();
                let own = owner(&event.fact).map(|owner| (Channel::User(owner.clone()), seq));
                let others = channels(event).into_iter().map(|channel| {
                    let seq = channel.is_log().then_some(event.version);
                    (channel, seq)
                });
                let mut posts: Vec<Post> = own
                    .into_iter()
                    .chain(others)
                    .filter_map(|(channel, seq)| post(event, channel, seq))
                    .collect();
                posts.extend(audited(event).map(|entry| {
                    let frame = framed(event, &Channel::Admin, None, LiveEvent::AuditLogged(entry));
                    Post::event(Channel::Admin, frame)
                }));
                posts
            }
        }
    }
}

fn post(event: &JournalEvent, channel: Channel, seq: Option<u64>) -> Option<Post> {
    if let Some(subject) = Subject::of(event, &channel) {
        return Some(Post::latest(channel, subject, &event.id));
    }
    live(event, &channel, seq).map(|frame| Post::event(channel, frame))
}

impl Relay {
    /// Appends what concerns people to their own logs; returns the `seq` of each row there. Different people's logs
    /// are written at once.
    pub(super) async fn append_to_logs(
        &self,
        work: &[Work],
        failures: &mut Failures,
    ) -> BTreeMap<usize, u64> {
        let mut concerned: BTreeMap<(&ShopId, &UserId), Vec<(usize, &JournalEvent)>> = BTreeMap::new();
        for work in work {
            if let Some(event) = work.event()
                && let Some(owner) = owner(&event.fact)
            {
                concerned.entry((&event.shop_id, owner)).or_default().push((work.place, event));
            }
        }
        let appended: Vec<_> = concerned
            .into_iter()
            .map(|((_, user), events)| Box::pin(self.append_of_one(user, events)))
            .collect();
        let appended: Vec<_> = stream::iter(appended).buffer_unordered(AT_ONCE).collect().await;
        let mut seqs = BTreeMap::new();
        for (place, seq) in appended.into_iter().flatten() {
            match seq {
                Ok(seq) => drop(seqs.insert(place, seq)),
                Err(error) => drop(failures.insert(place, error)),
            }
        }
        seqs
    }

    /// Together, or, if one of them cannot be, each by itself: that one alone is parked.
    async fn append_of_one(
        &self,
        user: &UserId,
        events: Vec<(usize, &JournalEvent)>,
    ) -> Vec<(usize, Result<u64>)> {
        let now = self.clock.now();
        let together: Vec<&JournalEvent> = events.iter().map(|(_, event)| *event).collect();
        match self.store.append_to_log(user, &together, now).await {
            Ok(seqs) => events.iter().map(|(place, _)| *place).zip(seqs.into_iter().map(Ok)).collect(),
            Err(error) => match events.as_slice() {
                [(place, _)] => vec![(*place, Err(error))],
                several => {
                    let mut appended = vec![];
                    for (place, event) in several {
                        let seq = self.store.append_to_log(user, &[*event], now).await;
                        let seq = seq.and_then(|seqs| seqs.first().copied().ok_or_else(lost));
                        appended.push((*place, seq));
                    }
                    appended
                }
            },
        }
    }

    /// Writes the lines of the audit log.
    pub(super) async fn log_audits(&self, work: &[Work], failures: &mut Failures) {
        let lines: Vec<_> = work
            .iter()
            .filter_map(|work| Some((work.place, work.event()?)))
            .filter_map(|(place, event)| Some((place, event.shop_id.clone(), audited(event)?)))
            .map(|(place, shop, entry)| async move { (place, self.store.log_audit(&shop, &entry).await) })
            .collect();
        let logged: Vec<_> = stream::iter(lines).buffer_unordered(AT_ONCE).collect().await;
        failures.extend(logged.into_iter().filter_map(|(place, logged)| Some((place, logged.err()?))));
    }

    /// Counts what happened. A counter that cannot be written is a gap in a chart and no reason to publish again.
    pub(super) async fn count(&self, work: &[Work]) {
        let mut counts: BTreeMap<(ShopId, String, &'static str), (u64, String)> = BTreeMap::new();
        for event in work.iter().filter_map(Work::event) {
            let date = event.occurred_at.strftime("%Y-%m-%d").to_string();
            let first = (0, event.id.to_string());
            counts.entry((event.shop_id.clone(), date, event.fact.name())).or_insert(first).0 += 1;
        }
        let counted: Vec<_> = counts
            .into_iter()
            .map(|((shop, date, name), (count, first))| async move {
                if let Err(error) = self.store.count(&shop, &date, name, count, &first).await {
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
}

fn lost() -> Error {
    Error::internal("an event was appended and has no place")
}
