//! What a client has heard, channel by channel. Events come as they come: twice, in any order, with gaps. They go
//! out once each, those of a log in order, those of a state only while they are newer. No socket is touched here,
//! and no clock read.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};

use contract::frames::{AnyEvent, EventFrame, LiveEvent, ResumePoint};
use domain::EventId;

#[cfg(test)]
mod tests;

/// Events of one log that may wait for an earlier one. What is beyond is dropped: a resume brings it again.
const MOST_WAITING: usize = 4_096;

/// Events without `seq` or version that are remembered, to know them when they come again.
const MOST_REMEMBERED: usize = 1_024;

/// What an application hears.
#[derive(Debug, Clone, PartialEq)]
pub enum Told {
    /// Something happened; of a log, right after what was told before.
    Event(Box<EventFrame>),
    /// Something happened that the contract has no type for: a shop's own, or newer than this client.
    Other(Box<AnyEvent>),
    /// Events of a log are lost: read its state again over HTTP. The log goes on from there.
    Resync {
        /// Which log.
        channel: String,
        /// The last event before the loss.
        from_seq: u64,
        /// Why, for a person to read.
        reason: String,
    },
}

/// How events came.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Events, whether they were told or dropped.
    pub arrived: u64,
    /// Dropped because they had come before.
    pub duplicated: u64,
    /// Came after one that belongs behind them: held back until then in a log, dropped in a state.
    pub out_of_order: u64,
    /// Told.
    pub told: u64,
    /// Losses told.
    pub resyncs: u64,
}

/// All channels of one client.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Inbox {
    logs: BTreeMap<String, Log>,
    /// The newest version of each subject of each state channel.
    versions: HashMap<(String, String), u64>,
    recent: Recent,
    counts: Counts,
}

/// One channel with a `seq`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Log {
    /// Everything up to here was told; unknown until the server has said where the log stands.
    whole: Option<u64>,
    /// Came too early.
    waiting: BTreeMap<u64, Waiting>,
    /// How far the server said that the log goes.
    promised: u64,
    /// How far it said so since it was last asked.
    answered: Option<u64>,
    /// It said that events are lost: after which one, and why.
    lost: Option<(u64, String)>,
    /// How often it was asked for the same gap.
    asked: u32,
}

/// An event that waits. Two with the same place in a log are the same.
#[derive(Debug, Clone)]
struct Waiting(Box<EventFrame>);

impl PartialEq for Waiting {
    fn eq(&self, other: &Self) -> bool {
        self.0.head.id == other.0.head.id
    }
}

impl Eq for Waiting {}

impl Inbox {
    /// From here on a log is listened to: after `from`, or from wherever it stands.
    pub fn follow(&mut self, channel: &str, from: Option<u64>) {
        let log = || Log { whole: from, ..Log::default() };
        self.logs.entry(channel.to_owned()).or_insert_with(log);
    }

    /// A log is not listened to any more, or never was.
    pub fn forget(&mut self, channel: &str) {
        self.logs.remove(channel);
    }

    /// Takes an event as it arrived, and says what is to be told.
    pub fn take(&mut self, event: EventFrame) -> Vec<Told> {
        if let LiveEvent::ResyncRequired { channel, from_seq, reason } = event.event {
            return self.lost(&channel, from_seq, reason);
        }
        self.counts.arrived += 1;
        if let (Some(seq), Some(log)) = (event.head.seq, self.logs.get_mut(&event.head.channel)) {
            let mut told = vec![];
            match log.place(seq) {
                Place::Again => self.counts.duplicated += 1,
                place => {
                    self.counts.out_of_order += u64::from(place == Place::Behind);
                    log.keep(seq, event);
                    log.release(&mut told);
                }
            }
            return self.count(told);
        }
        if self.is_news(&event) { self.count(vec![Told::Event(Box::new(event))]) } else { vec![] }
    }

    /// Takes an event of another type: each is told once.
    pub fn take_other(&mut self, event: AnyEvent) -> Vec<Told> {
        self.counts.arrived += 1;
        if !self.recent.remember((event.head.channel.clone(), event.head.id.clone())) {
            self.counts.duplicated += 1;
            return vec![];
        }
        self.count(vec![Told::Other(Box::new(event))])
    }

    /// The server was asked for what is missing of a log.
    pub fn ask(&mut self, channel: &str) {
        if let Some(log) = self.logs.get_mut(channel) {
            log.asked += 1;
            log.answered = None;
        }
    }

    /// How often the server was asked for the gap that a log has now.
    pub fn asked(&self, channel: &str) -> u32 {
        self.logs.get(channel).map_or(0, |log| log.asked)
    }

    /// The server says where a log stands, having sent, or being about to send, everything up to there.
    pub fn reached(&mut self, channel: &str, seq: u64) -> Vec<Told> {
        let Some(log) = self.logs.get_mut(channel) else {
            return vec![];
        };
        log.answered = Some(seq);
        let mut told = vec![];
        if let Some((from, reason)) = log.lost.take().filter(|(from, _)| log.whole == Some(*from)) {
            log.jump(channel, seq, from, reason, &mut told);
        } else if let Some(whole) = log.whole {
            log.promised = log.promised.max(seq);
            if seq <= whole {
                log.asked = 0;
            }
        } else {
            log.begin(seq);
            log.release(&mut told);
        }
        self.count(told)
    }

    /// The server says that it cannot send what was asked for. It has said, or will say, where the log stands.
    fn lost(&mut self, channel: &str, from_seq: u64, reason: String) -> Vec<Told> {
        let Some(log) = self.logs.get_mut(channel) else {
            return vec![];
        };
        // Said of a position that the log has left meanwhile: it was sent twice, or what was missing came after all.
        if log.whole != Some(from_seq) {
            return vec![];
        }
        let mut told = vec![];
        match log.answered.take() {
            Some(seq) => log.jump(channel, seq, from_seq, reason, &mut told),
            None => log.lost = Some((from_seq, reason)),
        }
        self.count(told)
    }

    /// Goes on behind a gap that nothing fills.
    pub fn give_up(&mut self, channel: &str) -> Vec<Told> {
        let Some(log) = self.logs.get_mut(channel) else {
            return vec![];
        };
        let whole = log.whole.unwrap_or_default();
        let next = log.waiting.first_key_value().map(|(seq, _)| seq.saturating_sub(1));
        let mut told = vec![];
        log.jump(channel, next.unwrap_or(log.promised), whole, "the gap was not filled".into(), &mut told);
        self.count(told)
    }

    /// The logs that wait for something, and after which event it is missing.
    pub fn gaps(&self) -> impl Iterator<Item = ResumePoint> {
        let waits = |log: &Log, whole| !log.waiting.is_empty() || log.promised > whole;
        self.positions()
            .filter(move |point| self.logs.get(&point.channel).is_some_and(|log| waits(log, point.last_seq)))
    }

    /// The logs, and up to where each was told without a gap.
    pub fn positions(&self) -> impl Iterator<Item = ResumePoint> {
        let point = |(channel, log): (&String, &Log)| {
            log.whole.map(|last_seq| ResumePoint { channel: channel.clone(), last_seq, order_token: None })
        };
        self.logs.iter().filter_map(point)
    }

    /// The logs of which the server has not said where they stand.
    pub fn unplaced(&self) -> impl Iterator<Item = &str> {
        self.logs.iter().filter(|(_, log)| log.whole.is_none()).map(|(channel, _)| channel.as_str())
    }

    /// How many events of a log have not come, when it has got to `seq`.
    pub fn missing(&self, channel: &str, seq: u64) -> u64 {
        let Some(log) = self.logs.get(channel) else {
            return seq;
        };
        let waiting = log.waiting.range(..=seq).count();
        let whole = log.whole.unwrap_or_default();
        seq.saturating_sub(whole).saturating_sub(u64::try_from(waiting).unwrap_or(u64::MAX))
    }

    /// How events came so far.
    pub const fn counts(&self) -> Counts {
        self.counts
    }

    /// Whether an event that is of no log has not come before, and is newer than what did.
    fn is_news(&mut self, event: &EventFrame) -> bool {
        let Some((subject, version)) = version(event) else {
            let is_new = self.recent.remember((event.head.channel.clone(), event.head.id.clone()));
            self.counts.duplicated += u64::from(!is_new);
            return is_new;
        };
        let known = self.versions.entry((event.head.channel.clone(), subject)).or_default();
        self.counts.duplicated += u64::from(version == *known);
        self.counts.out_of_order += u64::from(version < *known);
        let is_newer = version > *known;
        *known = version.max(*known);
        is_newer
    }

    fn count(&mut self, told: Vec<Told>) -> Vec<Told> {
        for one in &told {
            match one {
                Told::Event(_) | Told::Other(_) => self.counts.told += 1,
                Told::Resync { .. } => self.counts.resyncs += 1,
            }
        }
        told
    }
}

/// Where an event belongs in its log.
#[derive(PartialEq, Eq)]
enum Place {
    Next,
    Again,
    /// Before one that came already.
    Behind,
}

impl Log {
    fn place(&self, seq: u64) -> Place {
        if self.whole.is_some_and(|whole| seq <= whole) || self.waiting.contains_key(&seq) {
            return Place::Again;
        }
        let last = self.waiting.last_key_value();
        if last.is_some_and(|(last, _)| seq < *last) { Place::Behind } else { Place::Next }
    }

    fn keep(&mut self, seq: u64, event: EventFrame) {
        self.waiting.insert(seq, Waiting(Box::new(event)));
        if self.waiting.len() > MOST_WAITING
            && let Some((dropped, _)) = self.waiting.pop_last()
        {
            self.promised = self.promised.max(dropped);
        }
    }

    /// The log stands at `seq`: what is before concerns nobody, or was told.
    fn begin(&mut self, seq: u64) {
        self.whole = Some(seq);
        self.promised = seq;
        self.waiting = self.waiting.split_off(&seq.saturating_add(1));
        self.asked = 0;
    }

    /// Tells what is next, as far as it is there.
    fn release(&mut self, told: &mut Vec<Told>) {
        let Some(whole) = &mut self.whole else {
            return;
        };
        while let Some(Waiting(event)) = self.waiting.remove(&whole.saturating_add(1)) {
            *whole += 1;
            self.asked = 0;
            told.push(Told::Event(event));
        }
    }

    fn jump(&mut self, channel: &str, to: u64, from_seq: u64, reason: String, told: &mut Vec<Told>) {
        (self.lost, self.answered) = (None, None);
        told.push(Told::Resync { channel: channel.to_owned(), from_seq, reason });
        self.begin(to);
        self.release(told);
    }
}

/// What a state event is about, and which version of it.
fn version(event: &EventFrame) -> Option<(String, u64)> {
    let subject = match &event.event {
        LiveEvent::InventoryUpdated(stock) => {
            let variant = stock.variant_id.as_ref().map_or("", |id| id.as_str());
            return Some((format!("{}/{variant}", stock.product_id), stock.version));
        }
        LiveEvent::OrderStatusUpdated(step) | LiveEvent::OrderTrackingUpdated(step) => {
            format!("{}/status", step.order_id)
        }
        LiveEvent::OrderPaymentUpdated { order_id, .. } => format!("{order_id}/payment"),
        LiveEvent::PaymentUpdated { payment_id, .. } => payment_id.to_string(),
        _ => return None,
    };
    event.head.version.map(|version| (subject, version))
}

/// The last so many names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Recent {
    known: HashSet<(String, EventId)>,
    oldest_first: VecDeque<(String, EventId)>,
}

impl Recent {
    /// Whether it was new.
    fn remember(&mut self, name: (String, EventId)) -> bool {
        if !self.known.insert(name.clone()) {
            return false;
        }
        self.oldest_first.push_back(name);
        if self.oldest_first.len() > MOST_REMEMBERED
            && let Some(oldest) = self.oldest_first.pop_front()
        {
            self.known.remove(&oldest);
        }
        true
    }
}
