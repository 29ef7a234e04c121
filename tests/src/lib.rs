//! Stories about the whole shop, and checks of the repository itself. One package, one binary.
#![cfg(test)]

mod listener;
mod repository;
mod scenarios;
mod socket;
mod wire;
mod world;
