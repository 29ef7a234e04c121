//! What rows ask for besides posting: watched levels, people's logs, the audit log.

use std::collections::BTreeMap;

use contract::{
    JournalEvent,
    frames::{EventFrame, EventHead, LiveEvent},
};
use domain::{Channel, EventId, ShopId, UserId};
use futures_util::{StreamExt, stream};

use super::{
    Relay, StreamRow,
    live::{audited, channels, framed, live, owner},
    rows::Published,
    sending::Post,
};
use crate::{
    Error, Result,
    clock::derived,
    conflation::Subject,
    store::{
        chat::{AgentRow, MessageRow},
        inventory::LevelRow,
        notifications::{Notification, NotificationRow},
    },
};

/// How much is done at once.
const AT_ONCE: usize = 16;

/// A row that could be read, and its place in the batch.
pub(super) struct Work {
    pub(super) place: usize,
    published: Published,
    /// Of a notification that is shown, the event as which it is.
    news: Option<JournalEvent>,
    /// What a level was before.
    level_before: Option<LevelRow>,
    /// What an agent was before.
    agent_before: Option<AgentRow>,
    /// What a notification was before.
    told_before: Option<Notification>,
}

/// What went wrong, by the places of the rows.
pub(super) type Wrong = Vec<(usize, Error)>;

impl Work {
    /// Reads a row; nothing if it asks for nothing.
    pub(super) fn read(place: usize, row: &StreamRow) -> Result<Option<Self>> {
        let published = row.read()?;
        let (mut level_before, mut agent_before) = (None, None);
        let (mut told_before, mut news) = (None, None);
        match published {
            Published::Nothing => return Ok(None),
            Published::Event(_) | Published::Message(_) => {}
            Published::Notification(ref told) => {
                told_before = row.before::<NotificationRow>()?.map(NotificationRow::notification);
                news = (told_before.is_none() && told.is_live()).then(|| told.event());
            }
            Published::Level(_) => level_before = row.before()?,
            Published::Agent(_) => agent_before = row.before()?,
        }
        Ok(Some(Self { place, published, news, level_before, agent_before, told_before }))
    }

    /// Whether there is anything to see. A hold that becomes a sale leaves as many pieces for others as there were.
    pub(super) fn is_shown(&self, shows_stock: bool) -> bool {
        match (&self.published, &self.level_before) {
            (Published::Level(level), Some(before)) => {
                let seen = |row: &LevelRow| (row.level.available, row.low_stock);
                shows_stock && seen(level) != seen(before)
            }
            (Published::Level(_), None) => shows_stock,
            // Once a minute it is only noted that they are still there.
            (Published::Agent(agent), _) => {
                self.agent_before.as_ref().is_none_or(|before| before.version() != agent.version())
            }
            _ => true,
        }
    }

    fn level(&self) -> Option<(Option<&LevelRow>, &LevelRow)> {
        match &self.published {
            Published::Level(level) => Some((self.level_before.as_ref(), level)),
            _ => None,
        }
    }

    pub(super) fn event(&self) -> Option<&JournalEvent> {
        match &self.published {
            Published::Event(event) => Some(event),
            Published::Notification(_) => self.news.as_ref(),
            _ => None,
        }
    }

    /// Where it says how much somebody has not read, and in whose inboxes that is counted.
    pub(super) fn unread(&mut self) -> Option<(Vec<UserId>, &mut u64)> {
        let event = match &mut self.published {
            Published::Event(event) => event,
            Published::Notification(_) => self.news.as_mut()?,
            _ => return None,
        };
        match &mut event.fact {
            contract::Fact::NotificationCreated(news) => {
                Some((vec![news.user_id.clone()], &mut news.unread_count))
            }
            contract::Fact::NotificationRead { user_id, guests, unread_count, .. } => {
                Some(([user_id.clone()].into_iter().chain(guests.iter().cloned()).collect(), unread_count))
            }
            _ => None,
        }
    }

    pub(super) fn shop(&self) -> &ShopId {
        match &self.published {
            Published::Event(event) => &event.shop_id,
            Published::Level(level) => &level.shop_id,
            Published::Message(message) => &message.shop,
            Published::Agent(agent) => agent.shop(),
            Published::Notification(told) => &told.shop_id,
            Published::Nothing => unreachable!("rows that ask for nothing are left out"),
        }
    }

    /// What was said, if it was said and not only its place given up.
    pub(super) fn message(&self) -> Option<&MessageRow> {
        match &self.published {
            Published::Message(message) => Some(message),
            _ => None,
        }
    }

    /// What somebody is told.
    pub(super) fn notification(&self) -> Option<&Notification> {
        self.told().filter(|(before, _)| before.is_none()).map(|(_, told)| told)
    }

    /// What somebody was told, as it was before and as it is.
    pub(super) fn told(&self) -> Option<(Option<&Notification>, &Notification)> {
        match &self.published {
            Published::Notification(told) => Some((self.told_before.as_ref(), told)),
            _ => None,
        }
    }

    pub(super) fn agent(&self) -> Option<&AgentRow> {
        match &self.published {
            Published::Agent(agent) => Some(agent),
            _ => None,
        }
    }

    /// What is to be posted; `seqs` are the places that events have in their people's logs.
    pub(super) fn posts(&self, seqs: &BTreeMap<usize, u64>) -> Vec<Post> {
        match &self.published {
            // What was said was posted by whoever took it.
            Published::Nothing | Published::Message(_) => vec![],
            Published::Agent(agent) => vec![agent_post(agent)],
            Published::Level(level) => {
                let subject = Subject::Stock {
                    product_id: level.sku.product_id.clone(),
                    variant_id: level.sku.variant_id.clone(),
                };
                subject
                    .channels(&level.shop_id)
                    .into_iter()
                    .map(|channel| {
                        Post::latest(channel, subject.clone(), (&level.last_event, level.level.version))
                    })
                    .collect()
            }
            Published::Event(_) | Published::Notification(_) => {
                let Some(event) = self.event() else { return vec![] };
                let seq = seqs.get(&self.place).copied();
                let own = owner(&event.fact).map(|owner| (Channel::User(owner.clone()), seq));
                let others = channels(event).into_iter().map(|channel| {
                    let seq = matches!(channel, Channel::Order(_)).then_some(event.version);
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

fn agent_post(row: &AgentRow) -> Post {
    let agent = row.clone().agent();
    let version = agent.version;
    let head = EventHead {
        id: EventId::from_uuid(derived(&["agent", agent.id.as_str(), &version.to_string()])),
        channel: Channel::Agents.to_string(),
        seq: None,
        version: Some(version),
        timestamp: agent.seen_at.max(agent.idle_since).as_millisecond(),
        cause: None,
    };
    let event = LiveEvent::AgentStatusChanged {
        agent_id: agent.id,
        status: agent.status,
        current_conversations: agent.current,
        concurrent_limit: agent.concurrent_limit,
    };
    Post::event(Channel::Agents, EventFrame { head, event })
}

fn post(event: &JournalEvent, channel: Channel, seq: Option<u64>) -> Option<Post> {
    if let Some(subject) = Subject::of(event, &channel) {
        return Some(Post::latest(channel, subject, (&event.id, event.version)));
    }
    live(event, &channel, seq).map(|frame| Post::event(channel, frame))
}

impl Relay {
    /// Looks whether levels have crossed a line: those of one thing in order, different things at once.
    pub(super) async fn watch_levels(&self, work: &[Work]) -> Wrong {
        let mut things: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for (work, (before, level)) in work.iter().filter_map(|work| Some((work, work.level()?))) {
            let thing = (&level.shop_id, &level.sku.product_id, &level.sku.variant_id);
            things.entry(thing).or_default().push((work.place, before, level));
        }
        let watched: Vec<_> = things
            .into_values()
            .map(|changes| async move {
                let mut wrong = vec![];
                for (place, before, level) in changes {
                    wrong.extend(self.watch.see(before, level).await.err().map(|error| (place, error)));
                }
                wrong
            })
            .collect();
        let wrong: Vec<Wrong> = stream::iter(watched).buffer_unordered(AT_ONCE).collect().await;
        wrong.into_iter().flatten().collect()
    }

    /// Appends what concerns people to their own logs; returns the `seq` of each row there. Different people's logs
    /// are written at once.
    pub(super) async fn append_to_logs(&self, work: &[Work]) -> (BTreeMap<usize, u64>, Wrong) {
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
        let (mut seqs, mut wrong) = (BTreeMap::new(), vec![]);
        for (place, seq) in appended.into_iter().flatten() {
            match seq {
                Ok(seq) => drop(seqs.insert(place, seq)),
                Err(error) => wrong.push((place, error)),
            }
        }
        (seqs, wrong)
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

    /// Closes the sockets of sessions that were ended. Whoever ended them has tried to; frames that say something in a
    /// conversation do not ask whether their session has ended, so this is also done if they could not.
    pub(super) async fn close_ended(&self, work: &[Work]) -> Wrong {
        let mut wrong = vec![];
        for work in work {
            if let Some(event) = work.event()
                && let contract::Fact::UserRevoked { user_id, .. } = &event.fact
                && let Err(error) = self.delivery.close_ended(&event.shop_id, user_id).await
            {
                wrong.push((work.place, error));
            }
        }
        wrong
    }

    /// Writes the lines of the audit log.
    pub(super) async fn log_audits(&self, work: &[Work]) -> Wrong {
        let lines: Vec<_> = work
            .iter()
            .filter_map(|work| Some((work.place, work.event()?)))
            .filter_map(|(place, event)| Some((place, event.shop_id.clone(), audited(event)?)))
            .map(|(place, shop, entry)| async move { (place, self.store.log_audit(&shop, &entry).await) })
            .collect();
        let logged: Vec<_> = stream::iter(lines).buffer_unordered(AT_ONCE).collect().await;
        logged.into_iter().filter_map(|(place, logged)| Some((place, logged.err()?))).collect()
    }
}

fn lost() -> Error {
    Error::internal("an event was appended and has no place")
}
