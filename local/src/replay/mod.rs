//! Real orders as live traffic: reading them, and playing them through the shop.

pub mod retail;
