//! The WebSocket API over real sockets, and `@connections` through the AWS SDK.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a test may fail by panicking, and serves what it tests"
)]

mod api;

mod connecting;
mod connections;
mod endings;
mod messages;
