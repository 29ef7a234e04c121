//! What people are told because of what happened, and what is sent because they are told something.

use std::collections::{BTreeMap, BTreeSet};

use domain::{ShopId, UserId};
use futures_util::{StreamExt, stream};

use super::{
    Relay,
    effects::{Work, Wrong},
};
use crate::{
    Error, Result,
    notifications::{Notifications, telling::tasks_of},
    store::notifications::counts::{Counted, Counts, counted_as},
};

/// How much is done at once.
const AT_ONCE: usize = 16;

impl Relay {
    /// Tells whoever should know what happened, and hands over what is to be sent. Of one subject in order: an order is
    /// paid before it is on its way.
    pub(super) async fn notify(&self, work: &[Work]) -> Wrong {
        let Some(notifications) = &self.notifications else { return vec![] };
        let mut threads: BTreeMap<String, Vec<&Work>> = BTreeMap::new();
        for work in work.iter().filter(|work| work.told().is_none()) {
            let subject = match (work.event(), work.message()) {
                (Some(event), _) => &event.subject,
                (None, Some(message)) => message.conversation().as_str(),
                (None, None) => continue,
            };
            threads.entry(format!("{} {subject}", work.shop())).or_default().push(work);
        }
        let told = threads.into_values().map(|thread| async move {
            let mut wrong = vec![];
            for work in thread {
                wrong.extend(tell(notifications, work).await.err().map(|error| (work.place, error)));
            }
            wrong
        });
        let told: Vec<_> = told.map(Box::pin).collect();
        let told: Vec<Wrong> = stream::iter(told).buffer_unordered(AT_ONCE).collect().await;
        told.into_iter().flatten().chain(hand_over(notifications, work).await).collect()
    }
}

async fn tell(notifications: &Notifications, work: &Work) -> Result<()> {
    match (work.event(), work.message()) {
        (Some(event), _) => notifications.follow(event).await,
        (None, Some(message)) => notifications.hear(message).await,
        (None, None) => Ok(()),
    }
}

/// Hands over all that is to be sent at once, in as few requests as there can be; if that fails, nothing of it was.
async fn hand_over(notifications: &Notifications, work: &[Work]) -> Wrong {
    let told: Vec<_> = work.iter().filter_map(|work| Some((work.place, work.notification()?))).collect();
    let tasks: Vec<_> = told.iter().flat_map(|(_, notification)| tasks_of(notification)).collect();
    match notifications.tasks.hand_over(&tasks).await {
        Ok(()) => vec![],
        Err(error) => {
            let text = error.to_string();
            told.iter().map(|(place, _)| (*place, Error::internal(text.clone()))).collect()
        }
    }
}

impl Relay {
    /// Fills in how much of their inbox people have not read, which was not known yet when it was written: many write to
    /// an inbox at once. Whoever is told several things in one batch is told the last count with each.
    pub(super) async fn count_unread(&self, work: &mut [Work]) -> Wrong {
        let counted: BTreeSet<(ShopId, UserId)> = work
            .iter_mut()
            .filter_map(|work| Some((work.shop().clone(), work.unread()?.0)))
            .flat_map(|(shop, users)| users.into_iter().map(move |user| (shop.clone(), user)))
            .collect();
        let counted: Vec<_> = counted
            .into_iter()
            .map(|(shop, user)| async move {
                let unread = self.store.unread(&shop, &user).await.map_err(|error| error.to_string());
                ((shop, user), unread)
            })
            .collect();
        let counted: BTreeMap<_, _> = stream::iter(counted).buffer_unordered(AT_ONCE).collect().await;
        let mut wrong = vec![];
        for work in work {
            let (place, shop) = (work.place, work.shop().clone());
            let Some((users, unread)) = work.unread() else { continue };
            let counts = users.into_iter().filter_map(|user| counted.get(&(shop.clone(), user)));
            match counts.cloned().sum::<std::result::Result<u64, String>>() {
                Ok(sum) => *unread = sum,
                Err(error) => wrong.push((place, Error::internal(error))),
            }
        }
        wrong
    }

    /// Counts how far what people are told has come: one write for each day, kind and way. Whatever comes twice is counted
    /// twice; it is a chart, and no reason to publish again.
    pub(super) async fn count_deliveries(&self, work: &[Work]) {
        if self.notifications.is_none() {
            return;
        }
        let mut all: BTreeMap<Counted, Counts> = BTreeMap::new();
        for (before, after) in work.iter().filter_map(Work::told) {
            let day = after.created_at.to_zoned(jiff::tz::TimeZone::UTC).date();
            for (place, delivery) in &after.deliveries {
                let was = before.and_then(|before| before.deliveries.get(place)).map(|one| one.state);
                for name in delivery.state.reached_since(was).filter_map(counted_as) {
                    let (shop, kind, medium) = (after.shop_id.clone(), after.kind, delivery.medium);
                    *all.entry(Counted { shop, day, kind, medium }).or_default().entry(name).or_default() +=
                        1;
                }
            }
        }
        let counted: Vec<_> = all
            .into_iter()
            .map(|(counted, counts)| async move {
                let request = self.clock.fresh().to_string();
                if let Err(error) = self.store.count_deliveries(&counted, &counts, &request).await {
                    tracing::warn!(%error, "deliveries were not counted");
                }
            })
            .collect();
        stream::iter(counted).buffer_unordered(AT_ONCE).collect::<Vec<()>>().await;
    }
}
