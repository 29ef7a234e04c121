//! What people are told: which kinds of notifications there are, on which ways they go out, and what became of each.
//!
//! [`kind`] is the table of everything that is told. [`preferences`] is what somebody wants of it, [`quiet`] when they
//! sleep, and [`decision`] what both come to. [`template`] is what is said, [`delivery`] what became of it. [`endpoint`]
//! says which addresses pushes may go to.

pub mod address;
pub mod decision;
pub mod delivery;
pub mod endpoint;
pub mod kind;
pub mod preferences;
pub mod quiet;
mod seeds;
pub mod template;

pub use decision::{Decision, decide, expires_at};
pub use delivery::{DeliveryState, Suppression};
pub use kind::{Category, Kind, Medium};
pub use preferences::{Choice, Digest, Preferences, PreferencesChange, Switch};
pub use quiet::QuietHours;
pub use template::{LOCALES, Priority, Template, Variable, VariableKind, seed};
