//! What people are told.

pub mod rendering;
