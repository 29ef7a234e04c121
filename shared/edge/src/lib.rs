//! Lambda glue: from event to request to use case to answer.
//!
//! One place each for what every function needs: configuration ([`environment`]), who is asking ([`auth`],
//! [`caller`]), what comes in ([`body`]), how it is answered ([`answer`], [`problem`]), sockets ([`socket`]),
//! streams and queues ([`batch`]), and what the operator sees ([`telemetry`]). Only this crate chooses status codes.

pub mod answer;
pub mod auth;
pub mod batch;
pub mod body;
pub mod caller;
pub mod environment;
pub mod http;
pub mod problem;
pub mod socket;
pub mod telemetry;

pub use answer::{Accepted, Answer, Created, CreatedOrFound, HtmlPage, NoContent, Ok200, Written};
pub use body::{Body, Id, Ids, Keyed, Params, PerhapsKeyed, Raw};
pub use caller::{Caller, IfMatch, OrderReader, Visitor};
pub use environment::{Environment, Misconfigured};
pub use problem::Failure;
