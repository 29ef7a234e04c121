//! The HTTP API over real sockets: what a client sends, what a function is told, what comes back.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a test may fail by panicking, and serves what it tests"
)]

mod api;

mod answers;
mod cors;
mod events;
mod limits;
