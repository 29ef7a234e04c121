//! The local cloud, whole: real HTTP, real sockets, the functions of the template.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "clippy takes helpers of tests for ordinary code"
)]

mod checkout;
mod control;
mod feedback;
mod shop;
