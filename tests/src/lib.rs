//! Stories about the whole shop, and checks of the repository itself. One package, one binary.
#![cfg(test)]

mod repository;
mod scenarios;
mod socket;
mod world;
