//! What can happen: to begin a function, to let one go on or die, and what people, the bank and the clock do.

use std::hash::{Hash, Hasher};

use domain::{
    order::{OrderPaymentStatus, OrderStatus},
    payment::{Finding, RefundStatus},
    reservation::ReservationStatus,
    settlement::{Cancel, TakeUp, cancel, take_up},
    stock::StockChange,
};

use crate::{
    Kernel,
    refunds::Asking,
    runs::{At, Luck, Run, Then},
    state::{Ask, Intent, KINDS, Kind, State, TOTAL},
    values::piece,
};

/// One thing that happens; the first number is the order's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    Place(usize),
    TimeIsOver(usize),
    Shopper(usize, Intent),
    /// Nobody captured for seven days.
    Lapses(usize),
    Bank(usize, Kind, RefundStatus),
    /// Somebody gives money back at Stripe.
    ByHand(usize, RefundStatus),
    Begin(usize),
    /// `confirm`, the sweeper, or an event that is told or pulled: of an intent's end an event says what asking says.
    Ask(usize),
    /// What the sweeper takes up that a function was cut off from.
    TakeUp(usize),
    Expire(usize),
    Cancel(usize),
    Request(usize, Ask),
    Refund(usize, Kind),
    FinishRefund(usize, Kind),
    HearRefund(usize, Kind, usize),
    Import(usize, usize),
    Step(usize, Luck),
    Dies(usize),
}

impl Kernel {
    /// Lists what can happen.
    pub fn list(&self, state: &State, acts: &mut Vec<Act>) {
        for run in 0..state.runs.len() {
            acts.push(Act::Dies(run));
            acts.push(Act::Step(run, Luck::Good));
            if let At::AskRefund(asking) = state.runs[run].at
                && self.trouble == Some(asking.kind)
            {
                acts.extend([Act::Step(run, Luck::Slow), Act::Step(run, Luck::Bad)]);
            }
        }
        for case in (0..2).filter(|case| self.cases[*case].is_some()) {
            let all = [Act::Place(case), Act::TimeIsOver(case), Act::Lapses(case)];
            acts.extend(all);
            acts.extend([Intent::Reserved, Intent::Taken(TOTAL)].map(|intent| Act::Shopper(case, intent)));
            // A refused card does not concern the other order.
            if self.cases[1].is_none() {
                acts.push(Act::Shopper(case, Intent::Declined));
            }
            if self.by_hand.is_some() {
                acts.push(Act::ByHand(case, RefundStatus::Succeeded));
                acts.extend(
                    (self.trouble == Some(Kind::ByHand)).then_some(Act::ByHand(case, RefundStatus::Pending)),
                );
            }
            if let Some(kind) = self.trouble {
                acts.push(Act::Bank(case, kind, RefundStatus::Succeeded));
                acts.push(Act::Bank(case, kind, RefundStatus::Failed));
            }
            if state.runs.len() < self.at_once {
                acts.extend(self.functions(case));
            }
        }
    }

    fn functions(&self, case: usize) -> Vec<Act> {
        let mut acts =
            vec![Act::Begin(case), Act::Ask(case), Act::TakeUp(case), Act::Expire(case), Act::Cancel(case)];
        acts.extend([Ask::Take(TOTAL), Ask::Void].map(|ask| Act::Request(case, ask)));
        acts.extend(KINDS.map(|kind| Act::FinishRefund(case, kind)));
        if self.has_staff {
            acts.push(Act::Request(case, Ask::Take(70)));
            acts.extend([Kind::WithPiece, Kind::Goodwill].map(|kind| Act::Refund(case, kind)));
        }
        if let Some(kind) = self.trouble.filter(|kind| *kind != Kind::ByHand) {
            acts.extend([0, 1].map(|news| Act::HearRefund(case, kind, news)));
        }
        if self.by_hand.is_some() {
            acts.extend([0, 1].map(|news| Act::Import(case, news)));
        }
        acts
    }

    /// The state after something happened; `None` if it cannot happen.
    pub fn after(&self, state: &State, act: Act) -> Option<State> {
        let mut next = state.clone();
        match act {
            Act::Step(run, luck) => return Some(state.step(self.flaw, run, luck)),
            Act::Dies(run) => drop(next.runs.remove(run)),
            Act::Place(case) => next.place(case)?,
            Act::TimeIsOver(case) => {
                let is_open = state.cases[case].status() == Some(OrderStatus::PendingPayment);
                next.cases[case].is_due = is_open.then_some(true)?;
            }
            Act::Shopper(case, intent) => next.pay(case, intent)?,
            Act::Lapses(case) => {
                (state.cases[case].intent? == Intent::Reserved).then_some(())?;
                next.cases[case].intent = Some(Intent::Gone);
            }
            Act::Bank(case, kind, status) => next.bank(case, kind, status)?,
            Act::ByHand(case, first) => next.give_by_hand(case, self.by_hand?, first)?,
            _ => {
                let (case, at) = next.begins(self, act)?;
                next.runs.push(Run { case, at });
            }
        }
        Some(next)
    }

    /// What somebody does without being asked who repairs: all that would change anything now.
    pub fn repairs(&self, state: &State) -> Option<Act> {
        (0..2).find_map(|case| {
            let now = &state.cases[case];
            let payment = now.payment;
            let is_cut_off = now.payment().is_some_and(|payment| take_up(&payment) != TakeUp::Nothing);
            let is_told = matches!(now.intent, Some(Intent::Taken(_) | Intent::Gone));
            let is_asked = is_told || payment.is_some_and(|row| row.has_intent);
            let is_news = |intent: Intent| {
                now.payment().is_some_and(|payment| payment.observe(&intent.report()) != Finding::Unchanged)
            };
            let is_due = now.is_due && now.status() == Some(OrderStatus::PendingPayment);
            if now.is_closing || is_cut_off {
                return Some(Act::TakeUp(case));
            }
            if is_asked && now.intent.is_some_and(is_news) {
                return Some(Act::Ask(case));
            }
            if is_due {
                return Some(Act::Expire(case));
            }
            let by_hand = now.stripe_refunds[Kind::ByHand.index()].map_or([false; 2], |made| made.news);
            if let Some(news) = by_hand.iter().position(|is_open| *is_open) {
                return Some(Act::Import(case, news));
            }
            KINDS.into_iter().find_map(|kind| {
                let (row, made) = (now.refunds[kind.index()]?, now.stripe_refunds[kind.index()]);
                let waits = row.is_named && made.is_some_and(|made| made.now == RefundStatus::Pending);
                if row.status == RefundStatus::Pending && !waits {
                    return Some(Act::FinishRefund(case, kind));
                }
                let news = made?.news.iter().position(|is_open| *is_open)?;
                Some(Act::HearRefund(case, kind, news))
            })
        })
    }

    /// The same state with what is alike in one order, so that no two that differ in names only are explored.
    pub fn ordered(&self, mut state: State) -> State {
        state.runs.sort_by_key(digest);
        let is_alike = match self.cases {
            [Some(first), Some(second)] => first == second,
            _ => false,
        };
        if !is_alike {
            return state;
        }
        let mut other = state.clone();
        other.cases.swap(0, 1);
        for run in &mut other.runs {
            run.case = 1 - run.case;
        }
        other.runs.sort_by_key(digest);
        if digest(&other) < digest(&state) { other } else { state }
    }
}

impl State {
    fn place(&mut self, case: usize) -> Option<()> {
        if self.cases[case].order.is_some() {
            return None;
        }
        let level = self.level().after(StockChange::hold(piece().quantity)).ok()?;
        self.keep_level(level);
        self.cases[case].order = Some((OrderStatus::PendingPayment, OrderPaymentStatus::Unpaid));
        self.cases[case].hold = Some(ReservationStatus::Active);
        Some(())
    }

    fn pay(&mut self, case: usize, intent: Intent) -> Option<()> {
        let has_reserved = intent == Intent::Reserved;
        let fits = intent == Intent::Declined || has_reserved == self.cases[case].is_manual;
        let is_open = matches!(self.cases[case].intent?, Intent::Open | Intent::Declined);
        // Without its secret no browser pays an intent.
        let is_known = self.cases[case].payment?.has_intent;
        (fits && is_open && is_known).then_some(())?;
        self.cases[case].intent = Some(intent);
        Some(())
    }

    fn bank(&mut self, case: usize, kind: Kind, status: RefundStatus) -> Option<()> {
        let made = self.cases[case].stripe_refunds[kind.index()].as_mut()?;
        let may = match made.now {
            RefundStatus::Pending => true,
            RefundStatus::Succeeded => status == RefundStatus::Failed,
            _ => false,
        };
        may.then_some(())?;
        made.now = status;
        made.news[usize::from(status == RefundStatus::Failed)] = true;
        Some(())
    }

    /// Where a function begins, its first step done.
    fn begins(&mut self, kernel: &Kernel, act: Act) -> Option<(usize, At)> {
        use OrderStatus as S;
        match act {
            Act::Begin(case) => {
                let now = &self.cases[case];
                now.order()?.is_payable(now.now()).then_some((case, At::Begin))
            }
            Act::Ask(case) => {
                let now = &self.cases[case];
                let (intent, payment) = (now.intent?, now.payment?);
                let is_told = matches!(intent, Intent::Taken(_) | Intent::Gone);
                (payment.has_intent || is_told).then_some((case, At::Settle(intent, Then::Nothing)))
            }
            Act::TakeUp(case) if self.cases[case].is_closing => Some((case, At::CloseHold)),
            Act::TakeUp(case) => {
                let at = match take_up(&self.cases[case].payment()?) {
                    TakeUp::MakeIntent => At::CreateIntent,
                    TakeUp::ReturnPieces => At::ReturnPieces,
                    TakeUp::Act => At::Act(self.cases[case].payment?.asked?),
                    TakeUp::Nothing | TakeUp::Ask | TakeUp::Forget => return None,
                };
                Some((case, at))
            }
            Act::Expire(case) => {
                let now = &self.cases[case];
                let is_over = now.is_due && now.status() == Some(S::PendingPayment);
                is_over.then_some((case, At::CallOff(S::Expired)))
            }
            Act::Cancel(case) => match cancel(&self.cases[case].order()?).ok()? {
                Cancel::Nothing => None,
                Cancel::CallOff => Some((case, At::CallOff(S::Cancelled))),
                Cancel::Void => self.request(case, Ask::Void),
                Cancel::Refund(order) => Some((case, self.cancel_paid(case, &order)?)),
            },
            Act::Request(case, ask) => self.request(case, ask),
            _ => self.begins_refund(kernel, act),
        }
    }

    /// The same, of a function that gives money back.
    fn begins_refund(&mut self, kernel: &Kernel, act: Act) -> Option<(usize, At)> {
        match act {
            Act::Refund(case, kind) => Some((case, self.begin_refund(kernel.flaw, case, kind)?)),
            Act::FinishRefund(case, kind) => {
                let amount = self.cases[case].refunds[kind.index()]?.amount;
                Some((case, self.go_on_with(case, Asking::new(kind, amount))?))
            }
            Act::HearRefund(case, kind, news) => {
                let row = self.cases[case].refunds[kind.index()]?;
                let is_told = self.cases[case].stripe_refunds[kind.index()]?.news[news];
                let heard = Some(news);
                let asking = Asking { by_name: row.is_named, heard, ..Asking::new(kind, row.amount) };
                is_told.then_some((case, At::AskRefund(asking)))
            }
            Act::Import(case, news) => Some((case, self.begin_import(case, news)?)),
            _ => None,
        }
    }

    /// Writes what Stripe is asked to do with reserved money.
    fn request(&mut self, case: usize, ask: Ask) -> Option<(usize, At)> {
        let payment = self.cases[case].payment()?;
        let asked = payment.ask_for(ask.value(), jiff::Timestamp::UNIX_EPOCH).ok()?;
        if asked.version != payment.version {
            self.keep_payment(case, &asked);
        }
        Some((case, At::Act(ask)))
    }
}

/// A number by which values are put in order; a collision would only leave two like states apart.
fn digest(value: &impl Hash) -> u64 {
    let mut fnv = Fnv(0xcbf2_9ce4_8422_2325);
    value.hash(&mut fnv);
    fnv.0
}

struct Fnv(u64);

impl Hasher for Fnv {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
}
