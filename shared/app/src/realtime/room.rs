//! How many may be connected: a soft cap, so that one shop's flood is noticed before the bill is.
//!
//! The count is read once in a while and not on every connect, so a few more than the cap may come in.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use domain::ShopId;
use jiff::{SignedDuration, Timestamp};

use super::Realtime;
use crate::{Error, Result};

/// For how long a count is believed while there is room, and when there is little.
const FRESH: SignedDuration = SignedDuration::from_secs(60);
const FRESH_NEAR_THE_CAP: SignedDuration = SignedDuration::from_secs(10);

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
    /// Takes one place of those that the shop has.
    ///
    /// # Errors
    /// [`Error::Limited`] if there is none left.
    pub(super) async fn take_place(&self, shop: &ShopId) -> Result<()> {
        let (most, now) = (self.settings.max_clients, self.clock.now());
        if most == 0 {
            return Ok(());
        }
        let counted = match self.room.known(shop, most, now) {
            Some(counted) => counted,
            None => Counted { connections: self.store.everybody(shop, now).await?.len(), at: now },
        };
        if counted.connections >= most {
            self.room.note(shop, counted);
            return Err(Error::Limited { retry_after: FRESH_NEAR_THE_CAP });
        }
        self.room.note(shop, Counted { connections: counted.connections + 1, ..counted });
        Ok(())
    }
}
