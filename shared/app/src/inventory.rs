//! Stock: reading it, changing it by hand, setting it aside, and comparing it with its ledger.

mod adjustments;
mod audit;
mod batch;
mod closing;
mod commitments;
mod division;
mod draw;
mod forecast;
mod held;
mod holds;
mod ledger;
mod levels;
mod lines;
mod lots;
mod returns;

use std::sync::Arc;

pub(crate) use draw::{Taken, short_of, take};
pub(crate) use holds::{aggregated, own_holds};
pub use levels::Wanted;
pub(crate) use returns::{Back, ComingBack, check_left, half, left_of, take_back, take_chunk_back};

use crate::{Clock, Settings, store::Dynamo};

/// The stock of all shops.
#[derive(Debug, Clone)]
pub struct Inventory {
    store: Dynamo,
    clock: Clock,
    settings: Arc<Settings>,
}

impl Inventory {
    /// Stock is kept in `store`.
    pub const fn new(store: Dynamo, clock: Clock, settings: Arc<Settings>) -> Self {
        Self { store, clock, settings }
    }
}
