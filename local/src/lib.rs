//! The local cloud: everything that `template.yaml` declares, on 127.0.0.1, in one process.
//!
//! The functions run unchanged and speak the real wire protocols; what stands in for AWS and Stripe lives here.
//! Nothing in this crate is deployed.
#![allow(
    clippy::disallowed_methods,
    reason = "the local cloud is a server: it owns the clock, the environment and its tasks"
)]

pub mod aws;
pub mod bench;
pub mod cli;
pub mod client;
pub mod clock;
pub mod cloud;
pub mod control;
pub mod dynamodb;
pub mod faults;
pub mod functions;
pub mod gateway;
pub mod http_api;
pub mod lambda;
pub mod meter;
pub mod outbox;
pub mod part;
pub mod push_service;
pub mod replay;
pub mod runtime_api;
pub mod s3;
pub mod schedules;
pub mod ses;
pub mod site;
pub mod sns;
pub mod sqs;
pub mod ssm;
pub mod state;
pub mod streams;
pub mod stripe;
pub mod template;
pub mod ttl;
pub mod websocket_api;
pub mod work;
