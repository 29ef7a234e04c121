//! The protocol of slots as a model: every order of its steps, with a crash at any of them.
//!
//! Each step here is one request of `conflation` or `store::realtime::slots`; what lies between two steps may be
//! anything that another function does. One viewer is there from the beginning, another joins at any time.

use std::collections::{BTreeSet, HashSet};

/// How many changes of one value there are at most.
const CHANGES: usize = 3;
/// After so many seconds the model stops turning its clock.
const LAST: u8 = 3;

/// Who listens: the first viewer does, and the second, or not yet.
type Listeners = [bool; 2];

/// The write that a slot saw last, so that a repetition knows its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum By {
    Claim(usize),
    Mark(usize),
    Refresh(usize),
}

/// Who made a mark, and which version it says is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Stale {
    by: usize,
    version: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Slot {
    free_at: u8,
    shown: usize,
    stale: Option<Stale>,
    written: By,
}

enum Claim {
    Won,
    Shown,
    Taken { until: u8, stale: Option<Stale> },
}

/// Where the bearer of a change is; the version it read, and who listened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Bearer {
    Waiting,
    Asking,
    Reading(Listeners),
    Claiming(usize, Listeners),
    Marking(usize, Listeners, u8, Option<Stale>),
    Ordering(u8),
    AskingAgain(usize),
    Posting(usize, Listeners),
    Done,
}

/// Where a refresh is, and whose it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Refresh {
    Queued(usize, u8),
    Reading(usize),
    Asking(usize, usize),
    Claiming(usize, usize, Listeners),
    Posting(usize, usize, Listeners),
}

/// How far the second viewer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Joining {
    Away,
    Listens,
    HasRead,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Model {
    now: u8,
    changes: usize,
    value: usize,
    slot: Option<Slot>,
    bearers: [Bearer; CHANGES],
    refreshes: BTreeSet<Refresh>,
    joining: Joining,
    /// The newest version that each viewer knows.
    known: [usize; 2],
    /// Whether each version was posted to each viewer, by itself.
    posted: [[bool; CHANGES + 1]; 2],
    is_told_twice: bool,
    crashes: u8,
    flaw: Flaw,
}

/// What the protocol does not do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Flaw {
    None,
    /// Order the refresh that a mark of one's own asks for, if one comes again after a crash.
    ForgetsItsMark,
    /// Know that one claimed the slot oneself, if one comes again after a crash.
    ForgetsItsClaim,
    /// Look what a mark says is due, before it is taken away.
    TakesAnyMark,
    /// Raise a mark that says less is due.
    LeavesAnyMark,
    /// Ask again who listens, if more was read than the news.
    AsksOnce,
    /// Look what was shown before.
    ForgetsWhatWasShown,
}

impl Model {
    fn new(flaw: Flaw, changes: usize, crashes: u8, joining: Joining) -> Self {
        Self {
            now: 0,
            changes,
            value: 0,
            slot: None,
            bearers: [Bearer::Waiting; CHANGES],
            refreshes: BTreeSet::new(),
            joining,
            known: [0; 2],
            posted: [[false; CHANGES + 1]; 2],
            is_told_twice: false,
            crashes,
            flaw,
        }
    }

    fn with(&self, change: impl FnOnce(&mut Self)) -> Self {
        let mut next = self.clone();
        change(&mut next);
        next
    }

    fn bearer(&self, who: usize, state: Bearer) -> Self {
        self.with(|next| next.bearers[who] = state)
    }

    fn listeners(&self) -> Listeners {
        [true, self.joining != Joining::Away]
    }

    /// The value arrives at whoever listened.
    fn post(&mut self, version: usize, to: Listeners) {
        for viewer in (0..2).filter(|viewer| to[*viewer]) {
            self.is_told_twice |= std::mem::replace(&mut self.posted[viewer][version], true);
            self.known[viewer] = self.known[viewer].max(version);
        }
    }

    /// One conditional write, and what it comes to.
    fn claim(&mut self, version: usize, by: By) -> Claim {
        let flaw = self.flaw;
        let may = self.slot.is_none_or(|slot| {
            slot.free_at <= self.now
                && (slot.shown < version || flaw == Flaw::ForgetsWhatWasShown)
                && (slot.stale.is_none_or(|stale| stale.version <= version) || flaw == Flaw::TakesAnyMark)
        });
        match self.slot {
            Some(slot) if !may => {
                if slot.shown >= version && slot.written == by && flaw != Flaw::ForgetsItsClaim {
                    return Claim::Won;
                }
                if slot.shown >= version && flaw != Flaw::ForgetsWhatWasShown {
                    return Claim::Shown;
                }
                Claim::Taken { until: slot.free_at, stale: slot.stale }
            }
            _ => {
                let free_at = self.now + 1;
                self.slot = Some(Slot { free_at, shown: version, stale: None, written: by });
                Claim::Won
            }
        }
    }

    /// The next step of the bearer of change number `who`, which makes version `who + 1`.
    fn step_of_bearer(&self, who: usize) -> Option<Self> {
        Some(match self.bearers[who] {
            Bearer::Waiting if self.value == who => {
                self.bearer(who, Bearer::Asking).with(|next| next.value += 1)
            }
            Bearer::Waiting | Bearer::Done => return None,
            Bearer::Asking => self.bearer(who, Bearer::Reading(self.listeners())),
            Bearer::Reading(heard) => self.bearer(who, Bearer::Claiming(self.value, heard)),
            Bearer::Claiming(version, heard) => self.bearer_claims(who, version, heard),
            Bearer::Marking(version, heard, until, seen) => self.mark(who, (version, heard), until, seen),
            Bearer::Ordering(until) => self.bearer(who, Bearer::Done).with(|next| {
                next.refreshes.insert(Refresh::Queued(who, until.max(self.now + 1)));
            }),
            Bearer::AskingAgain(version) => self.bearer(who, Bearer::Posting(version, self.listeners())),
            Bearer::Posting(version, to) => {
                self.bearer(who, Bearer::Done).with(|next| next.post(version, to))
            }
        })
    }

    fn bearer_claims(&self, who: usize, version: usize, heard: Listeners) -> Self {
        let mut next = self.clone();
        let is_all_of_news = version == who + 1;
        next.bearers[who] = match next.claim(version, By::Claim(who)) {
            Claim::Won if is_all_of_news || self.flaw == Flaw::AsksOnce => Bearer::Posting(version, heard),
            Claim::Won => Bearer::AskingAgain(version),
            Claim::Shown => Bearer::Done,
            Claim::Taken { until, stale } => match stale {
                Some(stale) if stale.version >= version || self.flaw == Flaw::LeavesAnyMark => {
                    self.after_mark(who, stale, until)
                }
                seen => Bearer::Marking(version, heard, until, seen),
            },
        };
        next
    }

    /// Whoever marked first orders the refresh.
    fn after_mark(&self, who: usize, stale: Stale, until: u8) -> Bearer {
        let is_ours = stale.by == who && self.flaw != Flaw::ForgetsItsMark;
        if is_ours { Bearer::Ordering(until) } else { Bearer::Done }
    }

    fn mark(&self, who: usize, (version, heard): (usize, Listeners), until: u8, seen: Option<Stale>) -> Self {
        let may = |slot: &Slot| slot.free_at == until && slot.stale == seen || slot.written == By::Mark(who);
        let Some(slot) = self.slot.filter(may) else {
            return self.bearer(who, Bearer::Claiming(version, heard));
        };
        let stale = Some(Stale { by: seen.map_or(who, |seen| seen.by), version });
        let then = seen.map_or(Bearer::Ordering(until), |seen| self.after_mark(who, seen, until));
        self.bearer(who, then).with(|next| next.slot = Some(Slot { stale, written: By::Mark(who), ..slot }))
    }

    fn refresh(&self, from: Refresh, to: Option<Refresh>) -> Self {
        self.with(|next| {
            next.refreshes.remove(&from);
            next.refreshes.extend(to);
        })
    }

    fn step_of_refresh(&self, refresh: Refresh) -> Option<Self> {
        Some(match refresh {
            // A queue's clock may be ahead of the slot's.
            Refresh::Queued(by, at) if at <= self.now + 1 => {
                self.refresh(refresh, Some(Refresh::Reading(by)))
            }
            Refresh::Queued(..) => return None,
            Refresh::Reading(by) => self.refresh(refresh, Some(Refresh::Asking(by, self.value))),
            Refresh::Asking(by, version) => {
                self.refresh(refresh, Some(Refresh::Claiming(by, version, self.listeners())))
            }
            Refresh::Claiming(by, version, to) => self.refresh_claims(refresh, by, version, to),
            Refresh::Posting(_, version, to) => {
                self.refresh(refresh, None).with(|next| next.post(version, to))
            }
        })
    }

    fn refresh_claims(&self, refresh: Refresh, by: usize, version: usize, to: Listeners) -> Self {
        let mut next = self.clone();
        let then = match next.claim(version, By::Refresh(by)) {
            Claim::Won => Some(Refresh::Posting(by, version, to)),
            Claim::Taken { until, stale: Some(stale) } if until <= self.now && stale.version > version => {
                Some(Refresh::Reading(by))
            }
            Claim::Taken { until, stale: Some(stale) } if stale.by == by => Some(Refresh::Queued(by, until)),
            Claim::Shown | Claim::Taken { .. } => None,
        };
        next.refresh(refresh, then)
    }

    /// The second viewer listens first, and then reads.
    fn step_of_joining(&self) -> Option<Self> {
        match self.joining {
            Joining::Away => Some(self.with(|next| next.joining = Joining::Listens)),
            Joining::Listens => Some(self.with(|next| {
                next.joining = Joining::HasRead;
                next.known[1] = next.known[1].max(next.value);
            })),
            Joining::HasRead => None,
        }
    }

    /// Whatever was under way begins again: the stream's record, the queue's message.
    fn crashes(&self) -> Vec<Self> {
        if self.crashes == 0 {
            return vec![];
        }
        let crashed = self.with(|next| next.crashes -= 1);
        let begun = |who: &usize| !matches!(self.bearers[*who], Bearer::Waiting | Bearer::Done);
        let bearers = (0..self.changes).filter(begun).map(|who| crashed.bearer(who, Bearer::Asking));
        let refreshes = self.refreshes.iter().filter_map(|refresh| match refresh {
            Refresh::Queued(..) => None,
            Refresh::Reading(by)
            | Refresh::Asking(by, _)
            | Refresh::Claiming(by, ..)
            | Refresh::Posting(by, ..) => {
                Some(crashed.refresh(*refresh, Some(Refresh::Queued(*by, self.now))))
            }
        });
        bearers.chain(refreshes).collect()
    }

    fn next(&self) -> Vec<Self> {
        let mut next: Vec<Self> = (0..self.changes).filter_map(|who| self.step_of_bearer(who)).collect();
        next.extend(self.refreshes.iter().filter_map(|refresh| self.step_of_refresh(*refresh)));
        next.extend(self.step_of_joining());
        next.extend(self.crashes());
        if self.now < LAST {
            next.push(self.with(|next| next.now += 1));
        }
        next
    }

    fn is_at_rest(&self) -> bool {
        self.refreshes.is_empty()
            && self.joining != Joining::Listens
            && self.bearers[..self.changes].iter().all(|bearer| *bearer == Bearer::Done)
    }

    fn is_lost(&self) -> bool {
        let knows = |viewer: usize| self.known[viewer] == self.value;
        self.is_at_rest() && !(knows(0) && (knows(1) || self.joining == Joining::Away))
    }
}

/// How many states can be reached, how many of those are at rest without the last value, and how many have told
/// somebody a version twice.
fn search(from: Model) -> (usize, usize, usize) {
    let mut seen = HashSet::new();
    let mut open = vec![from];
    let (mut lost, mut twice) = (0, 0);
    while let Some(model) = open.pop() {
        if seen.contains(&model) {
            continue;
        }
        lost += usize::from(model.is_lost());
        twice += usize::from(model.is_told_twice);
        // What was told twice stays so: nothing is learnt behind it where nothing may crash.
        if !(model.is_told_twice && model.crashes == 0 && model.flaw != Flaw::None) {
            open.extend(model.next());
        }
        seen.insert(model);
    }
    (seen.len(), lost, twice)
}

#[test]
fn in_every_order_of_steps_and_crashes_the_last_value_is_shown() {
    let (states, lost, _) = search(Model::new(Flaw::None, CHANGES, 1, Joining::HasRead));
    assert!(states > 10_000, "{states} states");
    assert_eq!(lost, 0);
}

#[test]
fn whoever_joins_meanwhile_sees_the_last_value_too() {
    let (states, lost, _) = search(Model::new(Flaw::None, 2, 1, Joining::Away));
    assert!(states > 10_000, "{states} states");
    assert_eq!(lost, 0);
}

#[test]
fn without_a_crash_nobody_is_told_a_version_twice() {
    for (changes, joining) in [(CHANGES, Joining::HasRead), (2, Joining::Away)] {
        let (states, lost, twice) = search(Model::new(Flaw::None, changes, 0, joining));
        assert!(states > 1_000, "{states} states");
        assert_eq!((lost, twice), (0, 0));
    }
}

#[test]
fn the_search_finds_what_a_flaw_loses() {
    for flaw in [Flaw::ForgetsItsMark, Flaw::ForgetsItsClaim] {
        assert_ne!(search(Model::new(flaw, 2, 1, Joining::HasRead)).1, 0, "{flaw:?} loses a change");
    }
    for flaw in [Flaw::TakesAnyMark, Flaw::LeavesAnyMark] {
        assert_ne!(search(Model::new(flaw, CHANGES, 0, Joining::HasRead)).1, 0, "{flaw:?} loses a change");
    }
    assert_ne!(search(Model::new(Flaw::AsksOnce, 2, 0, Joining::Away)).1, 0, "who joins misses a change");
}

#[test]
fn the_search_finds_what_is_told_twice() {
    let (_, _, twice) = search(Model::new(Flaw::ForgetsWhatWasShown, 2, 0, Joining::HasRead));
    assert_ne!(twice, 0, "what was read ahead is shown again");
}
