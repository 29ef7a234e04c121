//! The books: one transaction over Stripe's objects, with the events and later work that it causes.
//!
//! Objects, index entries, events, undelivered webhooks and idempotent answers commit together, so that a crash
//! leaves either all of a request's effects or none.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

use super::{
    cards::PaymentMethod,
    disputes::Dispute,
    failure::Failure,
    ids::{self, Ids},
    objects::{Charge, Customer, Event, Object, PaymentIntent, Refund},
};
use crate::state::{StateError, Writes};

const TASKS: &str = "stripe/task";
const ANSWERS: &str = "stripe/answer";
const ANSWERS_BY_TIME: &str = "stripe/answer/time";
/// Webhooks not yet delivered, by event id and number of the copy.
pub const DELIVERIES: &str = "stripe/delivery";
/// How long an idempotency key is remembered.
const ANSWERS_LAST: SignedDuration = SignedDuration::from_hours(24);
/// Parts an indexed value from the id in a key. It sorts before everything that a value may hold.
const SEPARATOR: char = '\u{1}';

/// Work that Stripe does by itself some time after a request.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Task {
    /// A bank that takes its time approves a payment.
    SettlePayment(String),
    /// An authorization that nobody captured lapses.
    ReleaseAuthorization(String),
    /// A pending refund arrives.
    SettleRefund(String),
    /// A refund comes back.
    FailRefund(String),
    /// A bank asks for the money of a charge.
    OpenDispute(String),
    /// A bank decides who gets it.
    DecideDispute(String),
}

/// A [`Task`] and its time.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Scheduled {
    pub id: String,
    pub due: Timestamp,
    pub task: Task,
}

/// An answer that an idempotency key repeats.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct KeptAnswer {
    pub fingerprint: String,
    pub status: u16,
    pub body: Value,
    pub request_id: String,
    pub at: Timestamp,
}

/// Which objects a list goes through.
#[derive(Debug, Clone)]
pub enum Source {
    All,
    /// Those with this value in this index.
    Index(&'static str, String),
}

/// Which way a list is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    NewestFirst,
    OldestFirst,
}

/// One open transaction.
pub struct Books<'a> {
    writes: &'a Writes<'a>,
    ids: &'a Ids,
    now: Timestamp,
    /// The request that causes events: `{id, idempotency_key}`.
    request: Value,
    events: Vec<Event>,
    tasks: Vec<Scheduled>,
}

impl<'a> Books<'a> {
    /// Opens the books for a request, or for work that Stripe does by itself.
    pub fn open(
        writes: &'a Writes<'a>,
        ids: &'a Ids,
        now: Timestamp,
        request: Option<(&str, Option<&str>)>,
    ) -> Self {
        let request = json!({
            "id": request.map(|(id, _)| id), "idempotency_key": request.and_then(|(_, key)| key),
        });
        Self { writes, ids, now, request, events: Vec::new(), tasks: Vec::new() }
    }

    /// The instant at which all of it happens.
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// A new id for an object of type `T`.
    pub fn new_id<T: Object>(&self) -> String {
        self.ids.next(T::PREFIX, self.now)
    }

    /// The object, if it exists.
    pub fn find<T: Object>(&self, id: &str) -> Result<Option<T>, Failure> {
        Ok(self.writes.get(&namespace::<T>(), id)?)
    }

    /// The object that the request's path names.
    pub fn get<T: Object>(&self, id: &str) -> Result<T, Failure> {
        self.find(id)?.ok_or_else(|| Failure::not_found(T::KIND, id))
    }

    /// The object that a parameter names.
    pub fn named<T: Object>(&self, id: &str, param: &str) -> Result<T, Failure> {
        self.find(id)?.ok_or_else(|| Failure::unknown(T::KIND, id, param))
    }

    /// Adds a new object.
    pub fn insert<T: Object>(&self, object: &T) -> Result<(), Failure> {
        self.writes.put(&namespace::<T>(), object.id(), object)?;
        for (index, value) in object.indexes() {
            self.index::<T>(index, &value, object.id())?;
        }
        Ok(())
    }

    /// Writes an object over what it was.
    pub fn update<T: Object>(&self, before: &T, after: &T) -> Result<(), Failure> {
        self.writes.put(&namespace::<T>(), after.id(), after)?;
        let (old, new) = (before.indexes(), after.indexes());
        for (index, value) in old.iter().filter(|entry| !new.contains(entry)) {
            self.writes.delete(&index_namespace::<T>(index), &index_key(value, after.id()))?;
        }
        for (index, value) in new.iter().filter(|entry| !old.contains(entry)) {
            self.index::<T>(index, value, after.id())?;
        }
        Ok(())
    }

    fn index<T: Object>(&self, index: &str, value: &str, id: &str) -> Result<(), Failure> {
        Ok(self.writes.put(&index_namespace::<T>(index), &index_key(value, id), &())?)
    }

    /// At most `limit` objects beyond the id `cursor`, which itself is left out.
    pub fn scan<T: Object>(
        &self,
        source: &Source,
        order: Order,
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<Vec<T>, Failure> {
        match source {
            Source::All => Ok(self
                .page(&namespace::<T>(), order, cursor, limit)?
                .into_iter()
                .map(|(_, it)| it)
                .collect()),
            Source::Index(index, value) => {
                let first = index_key(value, "");
                let bound = match (cursor, order) {
                    (Some(cursor), _) => index_key(value, cursor),
                    (None, Order::OldestFirst) => first.clone(),
                    (None, Order::NewestFirst) => format!("{value}\u{2}"),
                };
                let entries = self.page::<()>(&index_namespace::<T>(index), order, Some(&bound), limit)?;
                let ids = entries.iter().map_while(|(key, ())| key.strip_prefix(&first));
                ids.filter_map(|id| self.find(id).transpose()).collect()
            }
        }
    }

    fn page<T: DeserializeOwned>(
        &self,
        namespace: &str,
        order: Order,
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<Vec<(String, T)>, StateError> {
        match order {
            Order::NewestFirst => self.writes.list_back(namespace, cursor, limit),
            Order::OldestFirst => self.writes.list(namespace, cursor, limit),
        }
    }

    /// Records that something happened to an object.
    pub fn emit<T: Object>(&mut self, kind: &str, object: &T) {
        self.record(kind, json!({ "object": object.render() }));
    }

    /// Records a change, naming what the changed fields were.
    pub fn emit_change<T: Object>(&mut self, kind: &str, before: &T, after: &T) {
        let (before, after) = (before.render(), after.render());
        let changed =
            before.as_object().into_iter().flatten().filter(|(name, was)| after.get(name) != Some(was));
        let previous: serde_json::Map<String, Value> =
            changed.map(|(name, was)| (name.clone(), was.clone())).collect();
        self.record(kind, json!({ "object": after, "previous_attributes": previous }));
    }

    fn record(&mut self, kind: &str, data: Value) {
        let id = self.new_id::<Event>();
        let request = self.request.clone();
        self.events.push(Event { id, created: self.now, kind: kind.to_owned(), data, request });
    }

    /// Asks for work at a later time.
    pub fn schedule(&mut self, after: SignedDuration, task: Task) {
        let due = self.now.checked_add(after).unwrap_or(Timestamp::MAX);
        // Named after now: a name of the time when it is due would let every later one begin there, until a restart.
        self.tasks.push(Scheduled { id: self.ids.next("task", self.now), due, task });
    }

    /// Forgets scheduled work that has been done.
    pub fn unschedule(&self, id: &str) -> Result<(), Failure> {
        self.writes.delete(TASKS, id)?;
        Ok(())
    }

    /// What the idempotency key answered before, while it is remembered.
    pub fn kept_answer(&self, key: &str) -> Result<Option<KeptAnswer>, Failure> {
        let kept: Option<KeptAnswer> = self.writes.get(ANSWERS, key)?;
        Ok(kept.filter(|kept| kept.at.checked_add(ANSWERS_LAST).is_ok_and(|end| end > self.now)))
    }

    /// Remembers what the idempotency key answered.
    pub fn keep_answer(&self, key: &str, answer: &KeptAnswer) -> Result<(), Failure> {
        self.writes.put(ANSWERS, key, answer)?;
        self.writes.put(ANSWERS_BY_TIME, &self.ids.next("at", self.now), &key)?;
        Ok(())
    }

    /// Drops up to a thousand remembered answers that are too old, and says whether more may be left.
    pub fn forget_old_answers(&self) -> Result<bool, Failure> {
        const AT_ONCE: usize = 1000;
        let limit = ids::bound("at", self.now.checked_sub(ANSWERS_LAST).unwrap_or(Timestamp::MIN));
        let mut old: Vec<(String, String)> = self.writes.list(ANSWERS_BY_TIME, None, AT_ONCE)?;
        old.retain(|(entry, _)| *entry < limit);
        for (entry, key) in &old {
            // The key may have been used again since.
            if self.kept_answer(key)?.is_none() {
                self.writes.delete(ANSWERS, key)?;
            }
            self.writes.delete(ANSWERS_BY_TIME, entry)?;
        }
        Ok(old.len() == AT_ONCE)
    }

    /// Whether a webhook of the event is still owed.
    pub fn is_webhook_pending(&self, event: &str) -> Result<bool, Failure> {
        let next: Vec<(String, Value)> = self.writes.list(DELIVERIES, Some(event), 1)?;
        Ok(next.first().is_some_and(|(key, _)| key.starts_with(event)))
    }

    /// Replaces the ids at `path` (`data.latest_charge`) by the objects that they name.
    pub fn expand(&self, value: &mut Value, path: &str) -> Result<(), Failure> {
        self.expand_steps(value, &path.split('.').collect::<Vec<_>>(), path)
    }

    fn expand_steps(&self, value: &mut Value, steps: &[&str], path: &str) -> Result<(), Failure> {
        if let Value::Array(elements) = value {
            return elements.iter_mut().try_for_each(|element| self.expand_steps(element, steps, path));
        }
        let Some((step, rest)) = steps.split_first() else {
            return Ok(());
        };
        if value.is_null() {
            return Ok(());
        }
        if *step == "refunds" && value.get("object").is_some_and(|kind| kind == Charge::KIND) {
            self.include_refunds(value)?;
        }
        let field = value.get_mut(*step).ok_or_else(|| {
            Failure::invalid_param("expand", format!("This property cannot be expanded ({path})."))
        })?;
        if let Value::String(id) = field
            && let Some(object) = self.find_any(id)?
        {
            *field = object;
        }
        self.expand_steps(field, rest, path)
    }

    fn include_refunds(&self, charge: &mut Value) -> Result<(), Failure> {
        let id = charge.get("id").and_then(Value::as_str).unwrap_or_default().to_owned();
        let source = Source::Index("charge", id.clone());
        let mut refunds: Vec<Refund> = self.scan(&source, Order::NewestFirst, None, 11)?;
        let has_more = refunds.len() > 10;
        refunds.truncate(10);
        if let Value::Object(charge) = charge {
            let list = json!({
                "object": "list", "data": refunds.iter().map(Refund::render).collect::<Vec<_>>(),
                "has_more": has_more, "url": format!("/v1/charges/{id}/refunds"),
            });
            charge.insert("refunds".to_owned(), list);
        }
        Ok(())
    }

    /// The object of whatever kind that has this id.
    fn find_any(&self, id: &str) -> Result<Option<Value>, Failure> {
        fn rendered<T: Object>(object: Option<T>) -> Option<Value> {
            object.map(|object| object.render())
        }
        Ok(match id.split_once('_').map(|(prefix, _)| prefix) {
            Some(PaymentIntent::PREFIX) => rendered(self.find::<PaymentIntent>(id)?),
            Some(Charge::PREFIX) => rendered(self.find::<Charge>(id)?),
            Some(Refund::PREFIX) => rendered(self.find::<Refund>(id)?),
            Some(Dispute::PREFIX) => rendered(self.find::<Dispute>(id)?),
            Some(Customer::PREFIX) => rendered(self.find::<Customer>(id)?),
            Some(PaymentMethod::PREFIX) => rendered(self.find::<PaymentMethod>(id)?),
            _ => None,
        })
    }

    /// Writes events and later work, and hands them over to be sent and timed once all is committed.
    pub fn close(self) -> Result<(Vec<Event>, Vec<Scheduled>), Failure> {
        for event in &self.events {
            self.insert(event)?;
        }
        for scheduled in &self.tasks {
            self.writes.put(TASKS, &scheduled.id, scheduled)?;
        }
        Ok((self.events, self.tasks))
    }
}

/// All scheduled work, for a start.
pub fn scheduled(writes: &Writes<'_>) -> Result<Vec<Scheduled>, StateError> {
    Ok(writes.list(TASKS, None, usize::MAX)?.into_iter().map(|(_, scheduled)| scheduled).collect())
}

fn namespace<T: Object>() -> String {
    format!("stripe/{}", T::KIND)
}

fn index_namespace<T: Object>(index: &str) -> String {
    format!("stripe/{}/{index}", T::KIND)
}

fn index_key(value: &str, id: &str) -> String {
    format!("{value}{SEPARATOR}{id}")
}
