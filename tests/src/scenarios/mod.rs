//! Stories: people act over HTTP and WebSockets, and the books balance at the end.

mod bad_input;
mod catalog;
mod checkout;
mod client;
mod frames;
mod idempotency;
mod identity;
mod operations;
mod opinions;
mod policy;
mod realtime;
mod sign_in;
mod stock;
