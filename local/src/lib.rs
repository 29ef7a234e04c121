//! The local cloud: everything that `template.yaml` declares, on 127.0.0.1, in one process.
//!
//! The functions run unchanged and speak the real wire protocols; what stands in for AWS and Stripe lives here.
//! Nothing in this crate is deployed.
#![allow(
    clippy::disallowed_methods,
    reason = "the local cloud is a server: it owns the clock, the environment and its tasks"
)]

pub mod clock;
pub mod lambda;
pub mod part;
pub mod replay;
pub mod state;
pub mod stripe;
pub mod template;
