//! HTTP bodies, a file for each noun.

pub mod alerts;
pub mod attachments;
pub mod auth;
pub mod catalog;
pub mod chat;
pub mod history;
pub mod inventory;
pub mod notifications;
pub mod orders;
pub mod payments;
pub mod platform;
pub mod realtime;
pub mod sales;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// One page of a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Page<T> {
    /// The entries.
    pub data: Vec<T>,
    /// Pass it as `cursor` to get the next page; absent on the last.
    pub next_cursor: Option<String>,
}

/// Which page of a list is wanted.
#[derive(Debug, Clone, Default, Serialize, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct PageRequest {
    /// Entries on the page, 1 to 100; 20 unless said otherwise.
    #[param(minimum = 1, maximum = 100)]
    pub limit: Option<u32>,
    /// `next_cursor` of the page before.
    pub cursor: Option<String>,
}
