//! The protocol of slots as a model: every order of its steps, with a crash at any of them.
//!
//! Each step here is one request of `conflation` or `store::realtime::slots`; what lies between two steps may be
//! anything that another function does.

use std::collections::{BTreeSet, HashSet};

/// How many changes of one value there are.
const CHANGES: usize = 3;
/// After so many seconds the model stops turning its clock.
const LAST: u8 = 4;

/// The write that a slot saw last, so that a repetition knows its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum By {
    Claim(usize),
    Mark(usize),
    Refresh(usize),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Slot {
    free_at: u8,
    stale_by: Option<usize>,
    written: By,
}

/// Where the bearer of a change is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Bearer {
    Waiting,
    Claiming,
    Marking(u8),
    Ordering(u8),
    Reading,
    Posting(usize),
    Done,
}

/// Where a refresh is, and whose it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Refresh {
    Queued(usize, u8),
    Taking(usize),
    Reading(usize),
    Posting(usize, usize),
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Model {
    now: u8,
    value: usize,
    shown: usize,
    slot: Option<Slot>,
    bearers: [Bearer; CHANGES],
    refreshes: BTreeSet<Refresh>,
    crashes: u8,
    flaw: Flaw,
}

/// What the protocol does not do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Flaw {
    None,
    /// Order the refresh that a mark of one's own asks for, if one comes again after a crash.
    ForgetsItsMark,
    /// Know that one took the mark away oneself, if one comes again after a crash.
    ForgetsItsRefresh,
}

impl Model {
    fn new(flaw: Flaw) -> Self {
        let bearers = [Bearer::Waiting; CHANGES];
        Self { now: 0, value: 0, shown: 0, slot: None, bearers, refreshes: BTreeSet::new(), crashes: 1, flaw }
    }

    fn with(&self, change: impl FnOnce(&mut Self)) -> Self {
        let mut next = self.clone();
        change(&mut next);
        next
    }

    fn bearer(&self, who: usize, state: Bearer) -> Self {
        self.with(|next| next.bearers[who] = state)
    }

    /// The next step of the bearer of change number `who`.
    fn step_of_bearer(&self, who: usize) -> Option<Self> {
        Some(match (self.bearers[who], self.slot) {
            (Bearer::Waiting, _) => {
                if self.value != who {
                    return None;
                }
                self.bearer(who, Bearer::Claiming).with(|next| next.value += 1)
            }
            (Bearer::Claiming, Some(slot)) if slot.free_at > self.now => match slot.stale_by {
                _ if slot.written == By::Claim(who) => self.bearer(who, Bearer::Reading),
                None => self.bearer(who, Bearer::Marking(slot.free_at)),
                Some(by) if by == who && self.flaw != Flaw::ForgetsItsMark => {
                    self.bearer(who, Bearer::Ordering(slot.free_at))
                }
                Some(_) => self.bearer(who, Bearer::Done),
            },
            (Bearer::Claiming, _) => self.bearer(who, Bearer::Reading).with(|next| {
                next.slot = Some(Slot { free_at: self.now + 1, stale_by: None, written: By::Claim(who) });
            }),
            (Bearer::Marking(until), Some(slot)) => {
                let may = slot.free_at == until && slot.stale_by.is_none();
                match may || slot.written == By::Mark(who) {
                    true => self.bearer(who, Bearer::Ordering(until)).with(|next| {
                        next.slot = Some(Slot { stale_by: Some(who), written: By::Mark(who), ..slot });
                    }),
                    false => self.bearer(who, Bearer::Claiming),
                }
            }
            (Bearer::Ordering(until), _) => self.bearer(who, Bearer::Done).with(|next| {
                next.refreshes.insert(Refresh::Queued(who, until.max(self.now + 1)));
            }),
            (Bearer::Reading, _) => self.bearer(who, Bearer::Posting(self.value)),
            (Bearer::Posting(value), _) => {
                self.bearer(who, Bearer::Done).with(|next| next.shown = next.shown.max(value))
            }
            (Bearer::Done | Bearer::Marking(_), _) => return None,
        })
    }

    fn refresh(&self, from: Refresh, to: Option<Refresh>) -> Self {
        self.with(|next| {
            next.refreshes.remove(&from);
            next.refreshes.extend(to);
        })
    }

    fn step_of_refresh(&self, refresh: Refresh) -> Option<Self> {
        Some(match refresh {
            Refresh::Queued(by, at) if at <= self.now => self.refresh(refresh, Some(Refresh::Taking(by))),
            Refresh::Queued(..) => return None,
            Refresh::Taking(by) => self.take(refresh, by, Refresh::Reading(by)),
            Refresh::Reading(by) => self.refresh(refresh, Some(Refresh::Posting(by, self.value))),
            Refresh::Posting(_, value) => {
                self.refresh(refresh, None).with(|next| next.shown = next.shown.max(value))
            }
        })
    }

    fn take(&self, refresh: Refresh, by: usize, then: Refresh) -> Self {
        let Some(slot) = self.slot else {
            return self.refresh(refresh, None);
        };
        match slot.stale_by {
            _ if slot.written == By::Refresh(by) && self.flaw != Flaw::ForgetsItsRefresh => {
                self.refresh(refresh, Some(then))
            }
            None => self.refresh(refresh, None),
            Some(_) if slot.free_at > self.now => {
                self.refresh(refresh, Some(Refresh::Queued(by, slot.free_at)))
            }
            Some(_) => self.refresh(refresh, Some(then)).unmark(by),
        }
    }

    fn unmark(&self, by: usize) -> Self {
        self.with(|next| {
            next.slot = Some(Slot { free_at: self.now + 1, stale_by: None, written: By::Refresh(by) });
        })
    }

    /// Whatever was under way begins again: the stream's record, the queue's message.
    fn crashes(&self) -> Vec<Self> {
        if self.crashes == 0 {
            return vec![];
        }
        let crashed = self.with(|next| next.crashes -= 1);
        let begun = |who: &usize| !matches!(self.bearers[*who], Bearer::Waiting | Bearer::Done);
        let bearers = (0..CHANGES).filter(begun).map(|who| crashed.bearer(who, Bearer::Claiming));
        let refreshes = self.refreshes.iter().filter_map(|refresh| match refresh {
            Refresh::Queued(..) => None,
            Refresh::Taking(by) | Refresh::Reading(by) | Refresh::Posting(by, _) => {
                Some(crashed.refresh(*refresh, Some(Refresh::Queued(*by, self.now))))
            }
        });
        bearers.chain(refreshes).collect()
    }

    fn next(&self) -> Vec<Self> {
        let mut next: Vec<Self> = (0..CHANGES).filter_map(|who| self.step_of_bearer(who)).collect();
        next.extend(self.refreshes.iter().filter_map(|refresh| self.step_of_refresh(*refresh)));
        next.extend(self.crashes());
        if self.now < LAST {
            next.push(self.with(|next| next.now += 1));
        }
        next
    }

    fn is_at_rest(&self) -> bool {
        self.refreshes.is_empty() && self.bearers.iter().all(|bearer| *bearer == Bearer::Done)
    }
}

/// Every state that can be reached; those at rest in which the last value was not shown.
fn search(flaw: Flaw) -> (usize, Vec<Model>) {
    let mut seen = HashSet::new();
    let mut open = vec![Model::new(flaw)];
    let mut lost = vec![];
    while let Some(model) = open.pop() {
        if !seen.insert(model.clone()) {
            continue;
        }
        if model.is_at_rest() && model.shown != model.value {
            lost.push(model.clone());
        }
        open.extend(model.next());
    }
    (seen.len(), lost)
}

#[test]
fn in_every_order_of_steps_and_crashes_the_last_value_is_shown() {
    let (states, lost) = search(Flaw::None);
    assert!(states > 10_000, "{states} states");
    assert_eq!(lost, []);
}

#[test]
fn the_search_finds_what_a_flaw_loses() {
    for flaw in [Flaw::ForgetsItsMark, Flaw::ForgetsItsRefresh] {
        assert!(!search(flaw).1.is_empty(), "{flaw:?} loses a change");
    }
}
