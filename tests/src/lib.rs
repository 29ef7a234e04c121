//! Stories about the whole shop, and checks of the repository itself. One package, one binary.
#![cfg(test)]

mod auditor;
mod chat;
mod crash;
mod files;
mod journal;
mod ledger;
mod listener;
mod notifications;
mod proofs;
mod repository;
mod scenarios;
mod socket;
mod stripe;
mod wire;
mod world;
