//! Stories: people act over HTTP and WebSockets, and the books balance at the end.

mod bad_input;
mod broadcast;
mod catalog;
mod checkout;
mod client;
mod conflation;
mod fanout;
mod floods;
mod frames;
mod idempotency;
mod identity;
mod operations;
mod opinions;
mod policy;
mod presence;
mod realtime;
mod repair;
mod reservations;
mod resume;
mod sign_in;
mod stock;
mod stock_alerts;
mod stock_buckets;
mod stock_history;
mod stock_sales;
