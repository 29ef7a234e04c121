//! Writing journal events: who did what, when, and because of what.

use contract::{Fact, JournalEvent};
use domain::{EventId, Principal, ShopId, UserId};
use jiff::Timestamp;

use crate::Clock;

/// Who acts, for which shop, and because of what.
#[derive(Debug, Clone)]
pub struct Author {
    /// The tenant.
    pub shop: ShopId,
    /// Who acts.
    pub actor: UserId,
    /// Because of what: an event of Stripe's, an order.
    pub cause: Option<String>,
}

impl Author {
    /// A person or program that asked for it.
    pub fn of(who: &Principal) -> Self {
        Self { shop: who.shop.clone(), actor: who.subject.clone(), cause: None }
    }

    /// Shopwire itself.
    pub fn system(shop: &ShopId, cause: impl Into<String>) -> Self {
        let actor = UserId::from_name("system");
        Self { shop: shop.clone(), actor, cause: Some(cause.into()) }
    }

    /// An event about `subject`, now.
    pub fn event(
        &self,
        clock: &Clock,
        subject: impl std::fmt::Display,
        version: u64,
        fact: Fact,
    ) -> JournalEvent {
        self.event_named(EventId::from_uuid(clock.fresh()), clock.now(), subject, version, fact)
    }

    /// The same, with a name that a repetition will find.
    pub fn event_named(
        &self,
        id: EventId,
        occurred_at: Timestamp,
        subject: impl std::fmt::Display,
        version: u64,
        fact: Fact,
    ) -> JournalEvent {
        JournalEvent {
            id,
            shop_id: self.shop.clone(),
            subject: subject.to_string(),
            version,
            occurred_at,
            actor: self.actor.clone(),
            cause: self.cause.clone(),
            fact,
        }
    }
}
