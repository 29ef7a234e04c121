//! A Stripe of our own: the API's paths, objects, errors and webhooks, for payments and refunds in test mode.
//!
//! Stripe's official libraries work against it with their base URL changed. Everything is kept in the state file;
//! the turnable clock is its only time. What is here is what the shop calls; unknown parameters and paths are
//! refused, so that a call that Stripe would not take is not taken here either.
//!
//! Read `operations` for what there is, `payment_intents` for the states of a payment, `webhooks` for what goes out.
//! It is not a card network: outcomes follow the names of Stripe's test payment methods and nothing else.

mod books;
mod cards;
mod charges;
mod control;
mod currency;
mod customers;
mod disputes;
mod events;
mod failure;
mod faults;
mod ids;
mod lists;
mod objects;
mod operations;
mod params;
mod payment_intents;
mod refunds;
mod search;
mod webhooks;
mod wire;

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use axum::{
    Router,
    http::Method,
    routing::{any, get, post},
};
use futures_util::future::join_all;
use jiff::{SignedDuration, Timestamp};
use tokio::sync::Semaphore;

use self::{
    books::{Books, DELIVERIES, Scheduled, Task},
    failure::Failure,
    faults::{Faults, Strike},
    ids::Ids,
    objects::{Event, PaymentIntent, Status},
    operations::Operation,
    webhooks::{Delivery, Sender, Webhooks},
    wire::{Answer, Call},
};
pub use self::{
    faults::{Fault, FaultKind},
    webhooks::{Endpoint, Misbehaviour, signature},
};
use crate::{
    clock::TurnableClock,
    part::{Boxed, Part},
    state::{StateError, Store},
};

/// How many webhooks are under way at a time.
const WEBHOOKS_AT_ONCE: usize = 32;
/// How often old idempotency keys are dropped.
const CLEAN_EVERY: SignedDuration = SignedDuration::from_hours(1);

/// The fake Stripe. Clones are the same account.
#[derive(Clone)]
pub struct FakeStripe(Arc<Account>);

struct Account {
    store: Store,
    clock: TurnableClock,
    ids: Ids,
    faults: Mutex<Faults>,
    requests: Mutex<BTreeMap<String, u64>>,
    agenda: Mutex<BTreeMap<(Timestamp, String), Task>>,
    cleaned: Mutex<Timestamp>,
    webhooks: Webhooks,
    sender: Sender,
    permits: Semaphore,
    under_way: AtomicUsize,
}

/// Why the fake Stripe could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Its state cannot be read.
    #[error("the state of the fake Stripe cannot be read")]
    State(#[from] StateError),
    /// No HTTP client for webhooks could be made.
    #[error("no HTTP client for webhooks could be made")]
    Client(#[from] reqwest::Error),
}

/// Whether an answer was given before.
#[derive(Debug)]
enum Replay {
    None,
    /// It was, to this request.
    Of(String),
}

/// What the operation at a path (`/v1/refunds`) is called in counts and faults.
pub fn operation_name(method: &Method, path: &str) -> &'static str {
    path.strip_prefix("/v1/")
        .and_then(|path| Operation::find(method, path))
        .map_or("unknown", |(operation, _)| operation.name)
}

/// Serves Stripe's paths under `/v1/`, and beside them what a test asks of a fake: `/authenticate`, `/webhooks`,
/// `/faults`, `/requests`.
pub fn router(stripe: FakeStripe) -> Router {
    Router::new()
        .route("/v1/{*path}", any(wire::serve))
        .route("/authenticate", post(control::authenticate))
        .route("/webhooks", get(control::misbehaviour).post(control::misbehave).delete(control::behave))
        .route("/faults", get(control::faults).post(control::inject).delete(control::clear_faults))
        .route("/requests", get(control::requests).delete(control::reset_requests))
        .with_state(stripe)
}

impl FakeStripe {
    /// Opens the account that `store` keeps, with the webhooks it still owes.
    pub fn open(store: Store, clock: TurnableClock) -> Result<Self, OpenError> {
        let owed = store.list::<Delivery>(DELIVERIES, None, usize::MAX)?;
        let agenda = store.transaction(books::scheduled)?;
        let account = Account {
            ids: Ids::default(),
            faults: Mutex::default(),
            requests: Mutex::default(),
            agenda: Mutex::new(agenda.into_iter().map(at_its_time).collect()),
            cleaned: Mutex::new(Timestamp::MIN),
            webhooks: Webhooks::resume(owed.into_iter().map(|(_, delivery)| delivery).collect()),
            sender: Sender::new()?,
            permits: Semaphore::new(WEBHOOKS_AT_ONCE),
            under_way: AtomicUsize::new(0),
            store,
            clock,
        };
        Ok(Self(Arc::new(account)))
    }

    /// Where webhooks go. Without an endpoint, events are only listed.
    pub fn deliver_to(&self, endpoint: Option<Endpoint>) {
        self.0.webhooks.deliver_to(endpoint);
    }

    /// Where webhooks go.
    pub fn endpoint(&self) -> Option<Endpoint> {
        self.0.webhooks.endpoint()
    }

    /// How webhooks misbehave from now on; the default is not at all.
    pub fn misbehave(&self, misbehaviour: Misbehaviour) {
        self.0.webhooks.misbehave(misbehaviour);
    }

    /// How webhooks misbehave.
    pub fn misbehaviour(&self) -> Misbehaviour {
        self.0.webhooks.misbehaviour()
    }

    /// Lets requests go wrong.
    pub fn inject(&self, fault: Fault) {
        lock(&self.0.faults).inject(fault);
    }

    /// Faults that have not struck out yet.
    pub fn faults(&self) -> Vec<Fault> {
        lock(&self.0.faults).list().cloned().collect()
    }

    /// Removes all faults.
    pub fn clear_faults(&self) {
        lock(&self.0.faults).clear();
    }

    /// How often each operation was asked for since the last reset, refused requests included.
    pub fn requests(&self) -> BTreeMap<String, u64> {
        lock(&self.0.requests).clone()
    }

    /// Starts counting requests anew.
    pub fn reset_requests(&self) {
        lock(&self.0.requests).clear();
    }

    fn count_and_strike(&self, operation: &str) -> Option<Strike> {
        *lock(&self.0.requests).entry(operation.to_owned()).or_default() += 1;
        lock(&self.0.faults).strike(operation)
    }

    fn answer(&self, call: &Call<'_>) -> Result<(Answer, Replay), Failure> {
        let key = call.idempotency.as_ref().map(|(key, _)| *key);
        let outcome = self.transact(Some((call.request_id, key)), |books| call.act(books));
        if let Err(failure) = &outcome
            && failure.is_remembered
        {
            self.transact(None, |books| call.keep(books, &Answer::refused(failure)))?;
        }
        outcome
    }

    fn authenticate(&self, payment_intent: &str, is_authentic: bool) -> Result<Answer, Failure> {
        self.transact(None, |books| payment_intents::authenticate(books, payment_intent, is_authentic))
    }

    /// Acts in one transaction and, once it is committed, sends its webhooks on their way.
    ///
    /// The store is synchronous and a transaction takes some tens of microseconds, less than a change of thread.
    fn transact<R>(
        &self,
        request: Option<(&str, Option<&str>)>,
        act: impl FnOnce(&mut Books<'_>) -> Result<R, Failure>,
    ) -> Result<R, Failure> {
        let account = &self.0;
        let now = account.clock.now();
        let (result, deliveries, tasks) = account.store.transaction(|writes| {
            let mut books = Books::open(writes, &account.ids, now, request);
            let result = act(&mut books)?;
            let (events, tasks) = books.close()?;
            let deliveries = account.webhooks.plan(&events, now);
            for delivery in &deliveries {
                writes.put(DELIVERIES, &delivery.key, delivery)?;
            }
            Ok::<_, Failure>((result, deliveries, tasks))
        })?;
        lock(&account.agenda).extend(tasks.into_iter().map(at_its_time));
        for delivery in deliveries {
            if delivery.due.is_some_and(|due| due <= now) {
                self.start(delivery.key);
            } else {
                account.webhooks.wait(&delivery);
            }
        }
        Ok(result)
    }

    /// Begins a delivery that need not wait.
    fn start(&self, key: String) {
        let under_way = UnderWay::new(self.clone());
        tokio::spawn(async move { under_way.0.deliver(&key).await });
    }

    async fn deliver(&self, key: &str) {
        let account = &self.0;
        // The semaphore is never closed; were it, sending at once would still be right.
        let _permit = account.permits.acquire().await.ok();
        let Some(endpoint) = account.webhooks.endpoint() else {
            return;
        };
        let owed = account.store.transaction(|writes| {
            let Some(delivery) = writes.get::<Delivery>(DELIVERIES, key)? else {
                return Ok(None);
            };
            let books = Books::open(writes, &account.ids, account.clock.now(), None);
            let event: Event = books.get(&delivery.event)?;
            Ok::<_, Failure>(Some((delivery, events::render(&books, &event)?)))
        });
        let Ok(Some((delivery, event))) = owed else { return };
        let body = serde_json::to_vec_pretty(&event).unwrap_or_default();
        let is_delivered = account.sender.send(&endpoint, body, account.clock.now()).await;
        let next = (!is_delivered).then(|| delivery.failed(account.clock.now()));
        let written = match &next {
            None => account.store.delete(DELIVERIES, key).map(|_| ()),
            Some(next) => account.store.put(DELIVERIES, key, next),
        };
        if let Err(error) = written {
            // It stays owed and is sent again after a restart: at least once, as with Stripe.
            tracing::error!(
                error = &error as &dyn std::error::Error,
                "the outcome of a webhook was not written"
            );
        }
        if let Some(next) = next {
            account.webhooks.wait(&next);
        }
    }

    fn run_tasks(&self, now: Timestamp) {
        loop {
            let next = {
                let mut agenda = lock(&self.0.agenda);
                match agenda.first_entry() {
                    Some(first) if first.key().0 <= now => first.remove_entry(),
                    _ => return,
                }
            };
            let ((_, id), task) = next;
            let done = self.transact(None, |books| {
                books.unschedule(&id)?;
                run(books, &task)
            });
            if let Err(failure) = done {
                tracing::error!(?failure, ?task, "scheduled work of the fake Stripe failed");
            }
        }
    }

    fn clean(&self, now: Timestamp) {
        let mut cleaned = lock(&self.0.cleaned);
        if now.duration_since(*cleaned) < CLEAN_EVERY {
            return;
        }
        *cleaned = now;
        drop(cleaned);
        while self.transact(None, |books| books.forget_old_answers()).is_ok_and(|has_more| has_more) {}
    }
}

impl Part for FakeStripe {
    fn next_due(&self) -> Option<Timestamp> {
        let task = lock(&self.0.agenda).keys().next().map(|(due, _)| *due);
        task.into_iter().chain(self.0.webhooks.next_due()).min()
    }

    fn run_due(&self, now: Timestamp) -> Boxed<'_, ()> {
        Box::pin(async move {
            self.run_tasks(now);
            self.clean(now);
            let under_way = UnderWay::new(self.clone());
            let due = self.0.webhooks.take_due(now);
            join_all(due.iter().map(|key| under_way.0.deliver(key))).await;
        })
    }

    fn is_busy(&self) -> bool {
        self.0.under_way.load(Ordering::SeqCst) > 0
            || self.next_due().is_some_and(|due| due <= self.0.clock.now())
    }
}

/// Work under way, for as long as it lives.
struct UnderWay(FakeStripe);

impl UnderWay {
    fn new(stripe: FakeStripe) -> Self {
        stripe.0.under_way.fetch_add(1, Ordering::SeqCst);
        Self(stripe)
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.0.under_way.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Does scheduled work, unless a request was faster.
fn run(books: &mut Books<'_>, task: &Task) -> Result<(), Failure> {
    match task {
        Task::SettlePayment(id) => {
            let before: PaymentIntent = books.get(id)?;
            if before.status == Status::Processing {
                let mut intent = before.clone();
                charges::settle(books, &mut intent)?;
                books.update(&before, &intent)?;
            }
        }
        Task::ReleaseAuthorization(id) => {
            let before: PaymentIntent = books.get(id)?;
            if before.status == Status::RequiresCapture {
                payment_intents::end(books, &before, Some("automatic"), "charge.expired")?;
            }
        }
        Task::SettleRefund(id) => refunds::settle(books, id)?,
        Task::FailRefund(id) => refunds::fail(books, id)?,
        Task::OpenDispute(charge) => disputes::open(books, charge)?,
        Task::DecideDispute(id) => disputes::decide(books, id)?,
    }
    Ok(())
}

fn at_its_time(scheduled: Scheduled) -> ((Timestamp, String), Task) {
    ((scheduled.due, scheduled.id), scheduled.task)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
