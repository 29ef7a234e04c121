//! What others can see: HTTP bodies, WebSocket frames, journal events and error codes.
//!
//! The OpenAPI and AsyncAPI documents are generated from these types, so a field that is not here does not exist
//! for a client. Older spellings are accepted as aliases on input and never written.
#![warn(missing_docs)]

pub mod asyncapi;
pub mod errors;
pub mod frames;
pub mod http;
pub mod journal;

pub use errors::{ErrorCode, FieldError, Problem};
pub use journal::{Fact, JournalEvent};
