//! How many may be connected: a soft cap, so that one shop's flood is noticed before the bill is.
//!
//! The count is read once in a while and not on every connect, so a few more than the cap may come in.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use domain::{Principal, ShopId};
use jiff::{SignedDuration, Timestamp};

use super::Realtime;
use crate::{Error, Result};

/// For how long a count is believed while there is room, and when there is little.
const FRESH: SignedDuration = SignedDuration::from_secs(60);
const FRESH_NEAR_THE_CAP: SignedDuration = SignedDuration::from_secs(10);

/// With a cap of so many, one part of the people is counted first: as a rule that says that there is room.
const SAMPLED_FROM: usize = 1_000;

/// What this instance of a function knows of how many are connected.
#[derive(Debug, Clone, Default)]
pub(super) struct Room(Arc<Mutex<BTreeMap<ShopId, Counted>>>);

#[derive(Debug, Clone, Copy)]
struct Counted {
    connections: usize,
    at: Timestamp,
}

impl Room {
    fn known(&self, shop: &ShopId, most: usize, now: Timestamp) -> Option<Counted> {
        let counted = *self.0.lock().unwrap_or_else(PoisonError::into_inner).get(shop)?;
        let fresh = if counted.connections < most / 2 { FRESH } else { FRESH_NEAR_THE_CAP };
        (now.duration_since(counted.at) < fresh).then_some(counted)
    }

    fn note(&self, shop: &ShopId, counted: Counted) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(shop.clone(), counted);
    }
}

impl Realtime {
    /// Takes one place of those that the shop of `who` has.
    ///
    /// # Errors
    /// [`Error::Limited`] if there is none left.
    pub(super) async fn take_place(&self, who: &Principal) -> Result<()> {
        let shop = &who.shop;
        let (most, now) = (self.settings.max_clients, self.clock.now());
        if most == 0 {
            return Ok(());
        }
        let counted = match self.room.known(shop, most, now) {
            Some(counted) => counted,
            None => Counted { connections: self.count(who, most, now).await?, at: now },
        };
        if counted.connections >= most {
            self.room.note(shop, counted);
            return Err(Error::Limited { retry_after: FRESH_NEAR_THE_CAP });
        }
        self.room.note(shop, Counted { connections: counted.connections + 1, ..counted });
        Ok(())
    }

    async fn count(&self, who: &Principal, most: usize, now: Timestamp) -> Result<usize> {
        if most >= SAMPLED_FROM {
            let about = self.store.about_how_many(&who.shop, &who.subject, now).await?;
            if about < most / 2 {
                return Ok(about);
            }
        }
        Ok(self.store.everybody(&who.shop, now).await?.len())
    }
}
