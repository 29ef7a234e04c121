//! The push service for web pages, over HTTP, with a sender that follows the standards.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "clippy takes helpers of tests for ordinary code"
)]

mod arriving;
mod refusing;
mod sender;
