//! From what is to be said to what is due to each connection.

use std::collections::{BTreeMap, BTreeSet};

use contract::frames::EventFrame;
use domain::{Channel, EventId, ShopId};
use futures_util::{StreamExt, TryStreamExt, stream};

use super::Relay;
use crate::{
    Error, Result,
    conflation::{News, Shown, Subject},
    push::{Frame, Outgoing},
    store::realtime::listeners::Listener,
};

/// How much is asked of the database at once.
const AT_ONCE: usize = 16;

/// Who listens to each channel.
type Listeners = BTreeMap<Channel, Vec<Listener>>;
/// A latest value, and who listens where that was asked again.
type ToShow = (Subject, Shown, Listeners);

/// Something to be said on a channel.
pub(super) struct Post {
    channel: Channel,
    what: What,
}

enum What {
    /// This.
    Event(Box<EventFrame>),
    /// The latest value, because of that event, which made that version of it.
    Latest(Subject, EventId, u64),
}

impl Post {
    pub(super) fn event(channel: Channel, frame: EventFrame) -> Self {
        Self { channel, what: What::Event(Box::new(frame)) }
    }

    pub(super) fn latest(channel: Channel, subject: Subject, (because_of, version): (&EventId, u64)) -> Self {
        Self { channel, what: What::Latest(subject, because_of.clone(), version) }
    }

    fn subject(&self) -> Option<(&Subject, &EventId, u64)> {
        match &self.what {
            What::Event(_) => None,
            What::Latest(subject, because_of, version) => Some((subject, because_of, *version)),
        }
    }
}

impl Relay {
    /// Sends posts to whoever listens, all that is due to one connection together.
    pub(super) async fn send(&self, shop: &ShopId, posts: Vec<Post>) -> Result<()> {
        let channels: BTreeSet<Channel> = posts.iter().map(|post| post.channel.clone()).collect();
        let mut listeners = self.listeners(shop, channels).await?;
        let mut shown = BTreeMap::new();
        for (subject, latest, asked_again) in self.show(shop, &posts, &listeners).await? {
            listeners.extend(asked_again);
            shown.extend(
                subject.channels(shop).into_iter().map(|on| ((on.clone(), subject.clone()), latest.on(&on))),
            );
        }
        let mut outgoing = Outgoing::default();
        for Post { channel, what } in posts {
            let Some(listeners) = listeners.get(&channel).filter(|listeners| !listeners.is_empty()) else {
                continue;
            };
            match what {
                What::Event(frame) => {
                    outgoing.add(Frame::of(&frame)?, listeners);
                }
                // Once, however often it changed within the batch.
                What::Latest(subject, ..) => {
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
    ) -> Result<Listeners> {
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

    /// The latest values that are to be shown now, of those that somebody listens to, and who listens to each where that
    /// was asked again. The others were shown, or are shown later.
    async fn show(&self, shop: &ShopId, posts: &[Post], listeners: &Listeners) -> Result<Vec<ToShow>> {
        let mut wanted: BTreeMap<Subject, News> = BTreeMap::new();
        for post in posts {
            if let Some((subject, because_of, version)) = post.subject()
                && listeners.get(&post.channel).is_some_and(|listeners| !listeners.is_empty())
            {
                wanted.entry(subject.clone()).or_default().add(because_of, version);
            }
        }
        let shown: Vec<_> = wanted
            .into_iter()
            .map(|(subject, news)| Box::pin(self.show_one(shop, subject, news, listeners)))
            .collect();
        let shown: Vec<Option<_>> = stream::iter(shown).buffer_unordered(AT_ONCE).try_collect().await?;
        Ok(shown.into_iter().flatten().collect())
    }

    async fn show_one(
        &self,
        shop: &ShopId,
        subject: Subject,
        news: News,
        listeners: &Listeners,
    ) -> Result<Option<ToShow>> {
        let Some(value) = self.value(shop, &subject).await? else {
            return Ok(None);
        };
        if !self.may_show(shop, &subject, value.version(), &news).await? {
            return Ok(None);
        }
        let channels = subject.channels(shop);
        // Whoever came between the question who listens and a change that was read with the news is told by nobody else.
        let asked_again = match value.is_all_of(&news) {
            true => Listeners::new(),
            false => self.listeners(shop, channels.clone()).await?,
        };
        let of = |channel| asked_again.get(channel).or_else(|| listeners.get(channel));
        let for_staff = channels.iter().filter_map(of).flatten().any(|listener| listener.is_staff);
        let latest = self.shown(shop, &value, for_staff).await?;
        Ok(latest.map(|latest| (subject, latest, asked_again)))
    }
}
