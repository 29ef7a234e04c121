//! What people are told: which kinds of notifications there are, on which ways they go out, and what became of each.
//!
//! [`kind`] is the table of everything that is told.
pub mod delivery;
pub mod kind;

pub use delivery::{DeliveryState, Suppression};
pub use kind::{Category, Kind, Medium};
