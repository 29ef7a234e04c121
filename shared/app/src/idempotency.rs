//! Requests that may come twice.
//!
//! What makes something new names it after the `Idempotency-Key`, finds it there when asked again and needs no
//! record. Everything else is run under a record, kept 30 days, that holds a lock and then the answer.

use contract::ErrorCode;
use domain::Principal;
use jiff::{SignedDuration, Timestamp};
use serde::{Serialize, de::DeserializeOwned};
use uuid::Uuid;

use crate::{
    Clock, Error, Result,
    clock::{derived, derived_at},
    store::{Dynamo, orders::check_fingerprint, platform::IdempotencyRecord},
};

/// How long records are kept.
pub(crate) const KEPT: SignedDuration = SignedDuration::from_hours(30 * 24);
/// How long a run may take; longer than any function's timeout. A run that was cut off gives its lock back after it.
const LOCKED: SignedDuration = SignedDuration::from_secs(60);

/// The `Idempotency-Key` of a request and a digest of what it asks.
#[derive(Debug, Clone)]
pub struct RequestKey {
    /// As the client chose it.
    pub key: String,
    /// Digest of method, path and body.
    pub fingerprint: String,
}

impl RequestKey {
    /// A name of 36 bytes that follows from the key: what a client calls a message that it gave no name.
    pub fn as_name(&self) -> String {
        derived(&[&self.key]).to_string()
    }

    /// The name of what this request makes.
    pub fn name(&self, who: &Principal, what: &str) -> Uuid {
        derived(&[who.shop.as_str(), who.subject.as_str(), what, &self.key])
    }
}

/// A run of a request: what it does is named after it, so that a repeated run finds what an earlier one did.
#[derive(Debug, Clone)]
pub struct Run {
    /// When the request was first begun.
    pub started_at: Timestamp,
    name: String,
}

impl Run {
    /// The name of the `what` that this request makes, the same in every run of it.
    pub fn name(&self, what: &str) -> Uuid {
        derived_at(self.started_at, &[&self.name, what])
    }
}

/// Runs requests once.
#[derive(Debug, Clone)]
pub struct Idempotency {
    store: Dynamo,
    clock: Clock,
}

impl Idempotency {
    /// Records are kept in `store`.
    pub const fn new(store: Dynamo, clock: Clock) -> Self {
        Self { store, clock }
    }

    /// Runs `act` unless this request has been run: then its answer is given again.
    ///
    /// A refusal (invalid, conflict, not found) is not kept: it may be corrected and sent again under the same key.
    /// After any other failure the lock is given back and the next run finds what this one did by its names.
    ///
    /// # Errors
    /// `idempotency_mismatch` if the key came with another body, `idempotency_in_progress` if it is being run.
    pub async fn once<T, F>(
        &self,
        who: &Principal,
        key: &RequestKey,
        what: &str,
        act: impl FnOnce(Run) -> F,
    ) -> Result<T>
    where
        T: Serialize + DeserializeOwned,
        F: Future<Output = Result<T>>,
    {
        let name = key.name(who, what).simple().to_string();
        let request = self.clock.fresh().to_string();
        let now = self.clock.now();
        let record = IdempotencyRecord {
            fingerprint: key.fingerprint.clone(),
            started_at: now,
            locked_until: self.clock.after(LOCKED).as_millisecond(),
            answer: None,
            expires_at: self.clock.after(KEPT).as_second(),
        };
        let started_at = match self.store.begin_request(&who.shop, &name, &record, &request).await? {
            Ok(()) => now,
            Err(found) => {
                check_fingerprint(&found.fingerprint, &key.fingerprint)?;
                if let Some(answer) = &found.answer {
                    return serde_json::from_str(answer).map_err(|error| Error::Internal {
                        what: format!("idempotency record {name} cannot be read"),
                        source: Some(Box::new(error)),
                    });
                }
                self.take_over(who, &name, &found, &request).await?;
                found.started_at
            }
        };
        let outcome = act(Run { started_at, name: name.clone() }).await;
        match &outcome {
            Ok(answer) => {
                let answer =
                    serde_json::to_string(answer).map_err(|error| Error::internal(error.to_string()))?;
                self.store.end_request(&who.shop, &name, Some(&answer), &request).await?;
            }
            Err(error) if error.is_transient() => {
                self.store.end_request(&who.shop, &name, None, &request).await?;
            }
            Err(_) => self.store.forget_request(&who.shop, &name).await?,
        }
        outcome
    }

    async fn take_over(
        &self,
        who: &Principal,
        name: &str,
        found: &IdempotencyRecord,
        request: &str,
    ) -> Result<()> {
        let is_free = found.locked_until <= self.clock.now().as_millisecond();
        let until = self.clock.after(LOCKED).as_millisecond();
        if is_free
            && self.store.take_over_request(&who.shop, name, found.locked_until, until, request).await?
        {
            return Ok(());
        }
        Err(Error::conflict(ErrorCode::IdempotencyInProgress, "this request is still being worked on"))
    }

    /// Notes that `key` belongs to this request: for acts whose result is not named after the key.
    ///
    /// # Errors
    /// `idempotency_mismatch` if it belongs to another.
    pub async fn claim(&self, who: &Principal, key: &RequestKey, what: &str) -> Result<()> {
        let name = key.name(who, what).simple().to_string();
        let record = IdempotencyRecord {
            fingerprint: key.fingerprint.clone(),
            started_at: self.clock.now(),
            locked_until: 0,
            answer: None,
            expires_at: self.clock.after(KEPT).as_second(),
        };
        let request = self.clock.fresh().to_string();
        match self.store.begin_request(&who.shop, &name, &record, &request).await? {
            Ok(()) => Ok(()),
            Err(found) => check_fingerprint(&found.fingerprint, &key.fingerprint),
        }
    }
}
