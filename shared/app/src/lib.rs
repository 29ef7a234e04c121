//! Use cases: load, decide, save, tell. One file for each noun.
//!
//! This crate owns the ways to the outside: DynamoDB ([`store`]), Stripe ([`stripe`]), SQS, SNS and the sockets'
//! `@connections`. What is decided is decided in `domain`; who asks and how it is answered is the edge's business.
#![warn(missing_docs)]

pub mod alerts;
pub mod aws;
pub mod broadcast;
pub mod catalog;
pub mod chat;
pub mod clock;
pub mod conflation;
pub mod delivery;
pub mod error;
pub mod files;
pub mod floods;
pub mod idempotency;
pub mod identity;
pub mod inventory;
pub mod journal;
pub mod limits;
pub mod media;
pub mod notifications;
pub mod operations;
pub mod orders;
pub mod payments;
pub mod presence;
mod pricing;
pub mod push;
pub mod reactions;
pub mod realtime;
pub mod relay;
pub mod reviews;
pub mod secrets;
pub mod settings;
pub mod settlement;
pub mod stock_alerts;
pub mod store;
pub mod stripe;
pub mod sweeper;
pub mod web;

pub use clock::Clock;
pub use error::{Error, Result};
pub use settings::Settings;
