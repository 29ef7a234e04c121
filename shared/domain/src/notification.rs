//! Notifications: what is told to whom, and on which way.
//!
//! [`endpoint`] says which addresses pushes may go to.

pub mod endpoint;
