//! From what is to be said to what is due to each connection.

use std::collections::{BTreeMap, BTreeSet};

use contract::frames::EventFrame;
use domain::{Channel, EventId, ShopId};
use futures_util::{StreamExt, TryStreamExt, stream};

use super::Relay;
use crate::{
    Error, Result,
    conflation::{Shown, Subject},
    push::{Frame, Outgoing},
    store::realtime::Subscription,
};

/// How much is asked of the database at once.
const AT_ONCE: usize = 16;

/// Something to be said on a channel.
pub(super) struct Post {
    channel: Channel,
    what: What,
}

enum What {
    /// This.
    Event(Box<EventFrame>),
    /// The latest value, because of that event.
    Latest(Subject, EventId),
}

impl Post {
    pub(super) fn event(channel: Channel, frame: EventFrame) -> Self {
        Self { channel, what: What::Event(Box::new(frame)) }
    }

    pub(super) fn latest(channel: Channel, subject: Subject, because_of: &EventId) -> Self {
        Self { channel, what: What::Latest(subject, because_of.clone()) }
    }

    fn subject(&self) -> Option<(&Subject, &EventId)> {
        match &self.what {
            What::Event(_) => None,
            What::Latest(subject, because_of) => Some((subject, because_of)),
        }
    }
}

impl Relay {
    /// Sends posts to whoever listens, all that is due to one connection together.
    pub(super) async fn send(&self, shop: &ShopId, posts: Vec<Post>) -> Result<()> {
        let channels: BTreeSet<Channel> = posts.iter().map(|post| post.channel.clone()).collect();
        let mut listeners = self.listeners(shop, channels).await?;
        listeners.retain(|_, listeners| !listeners.is_empty());
        let heard: Vec<Post> =
            posts.into_iter().filter(|post| listeners.contains_key(&post.channel)).collect();
        let staffed: BTreeSet<&Channel> = listeners
            .iter()
            .filter(|(_, listeners)| listeners.iter().any(Subscription::is_staffs))
            .map(|(channel, _)| channel)
            .collect();
        let mut shown = self.show(shop, &heard, &staffed).await?;
        let mut outgoing = Outgoing::default();
        for Post { channel, what } in heard {
            let listeners = listeners.get(&channel).map(Vec::as_slice).unwrap_or_default();
            match what {
                What::Event(frame) => {
                    outgoing.add(Frame::of(&frame)?, listeners);
                }
                // Once, however often it changed within the batch.
                What::Latest(subject, _) => {
                    if let Some(shown) = shown.remove(&(channel, subject)) {
                        shown.add_to(&mut outgoing, listeners)?;
                    }
                }
            }
        }
        self.delivery.deliver(shop, outgoing).await
    }

    /// Who listens to each of `channels`.
    pub(crate) async fn listeners(
        &self,
        shop: &ShopId,
        channels: impl IntoIterator<Item = Channel>,
    ) -> Result<BTreeMap<Channel, Vec<Subscription>>> {
        let now = self.clock.now();
        let read: Vec<_> = channels
            .into_iter()
            .map(|channel| async move {
                let found = self.store.listeners(shop, &channel, now).await?;
                Ok::<_, Error>((channel, found))
            })
            .collect();
        stream::iter(read).buffer_unordered(AT_ONCE).try_collect().await
    }

    /// The latest values that may be shown now, each as its channel shows it; on those that are `staffed`, also as staff
    /// sees it. The others are shown later.
    async fn show(
        &self,
        shop: &ShopId,
        posts: &[Post],
        staffed: &BTreeSet<&Channel>,
    ) -> Result<BTreeMap<(Channel, Subject), Shown>> {
        let mut wanted: BTreeMap<Subject, (EventId, BTreeSet<Channel>)> = BTreeMap::new();
        for post in posts {
            if let Some((subject, because_of)) = post.subject() {
                let entry =
                    wanted.entry(subject.clone()).or_insert_with(|| (because_of.clone(), BTreeSet::new()));
                entry.0 = because_of.clone();
                entry.1.insert(post.channel.clone());
            }
        }
        let shown: Vec<_> = wanted
            .into_iter()
            .map(|(subject, (because_of, channels))| async move {
                let mut shown = vec![];
                let for_staff = channels.iter().any(|channel| staffed.contains(channel));
                if let Some(first) = channels.first()
                    && self.may_show(shop, &subject, because_of.as_str()).await?
                    && let Some(latest) = self.latest(shop, &subject, first, for_staff).await?
                {
                    let each = channels.iter().map(|channel| (channel.clone(), subject.clone()));
                    shown.extend(each.map(|(channel, subject)| {
                        let on_it = latest.on(&channel);
                        ((channel, subject), on_it)
                    }));
                }
                Ok::<_, Error>(shown)
            })
            .collect();
        let shown: Vec<Vec<_>> = stream::iter(shown).buffer_unordered(AT_ONCE).try_collect().await?;
        Ok(shown.into_iter().flatten().collect())
    }
}
