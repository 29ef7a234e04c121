//! Which levels are divided, as far as this process has seen.
//!
//! Nothing is read to find out: whoever takes from the first bucket unaware of others is refused and told, once.
//! What is remembered here is only where to begin; any bucket that has enough is a right one.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use domain::{Bucket, ShopId, Sku};
use rand::Rng;

/// More levels than this are not remembered at once: hot ones are few.
const MOST: usize = 1_000;

/// Which levels are divided, and from how many buckets pieces are taken.
#[derive(Debug, Clone, Default)]
pub struct Divisions(Arc<Mutex<HashMap<(ShopId, Sku), u16>>>);

impl Divisions {
    /// From how many buckets of a level pieces are taken; `None` if it is not known to be divided.
    pub fn of(&self, shop: &ShopId, sku: &Sku) -> Option<u16> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(&(shop.clone(), sku.clone())).copied()
    }

    /// Remembers what was seen.
    pub fn learn(&self, shop: &ShopId, sku: &Sku, count: Option<u16>) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MOST {
            known.clear();
        }
        match count {
            None => known.remove(&(shop.clone(), sku.clone())),
            Some(count) => known.insert((shop.clone(), sku.clone()), count),
        };
    }

    /// From which bucket to take first.
    pub fn any(&self, shop: &ShopId, sku: &Sku) -> Bucket {
        let count = self.of(shop, sku).unwrap_or(1);
        Bucket::new(if count > 1 { rand::rng().random_range(0..count) } else { 0 })
    }
}
