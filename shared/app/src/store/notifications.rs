//! The `Notifications` table.
//!
//! | pk | sk | row |
//! |---|---|---|
//! | `{shop}#inbox#{user}` | `n#{notification}` | what somebody was told, and what became of it on each way; in `due` while something waits |
//! | `{shop}#inbox#{user}` | `letter#{notification}` | a mail that is in no inbox: one that tells of several, or asks whether an address is theirs |
//! | `{shop}#inbox#{user}` | `j#…` | what they did with it |
//! | `{shop}#told#{user}` | `{key}` | that they were told under a key, for a while |
//! | `{shop}#to#{user}` | `head`, `person`, `endpoint#{id}`, `digest` | how much is unread, what they want, where they are, what waits for one mail |
//! | `{shop}#owner#{endpoint}` | `owner` | who has a browser or telephone |
//! | `{shop}#unreachable#{digest}` | `unreachable` | an address that takes nothing |
//! | `{shop}#wording#{kind}` | `{locale}#{way}` | how the shop words something |
//! | `{shop}#watch#{product}` | `{kind}#{variant}#{user}` | who wants to be told of a product |
//! | `{shop}#watches#{user}` | `{product}#{kind}#{variant}` | the same, for their limit |
//! | `{shop}#job#{job}` | `job`, `page#…` | the telling of many, and whom; in `due` until it is done |
//! | `{shop}#later#{notification}` | `later` | what is to be told at an instant; in `due` |
//! | `{shop}#staff` | `{user}` | who works for the shop |
//! | `{shop}#alarms` | `j#…` | alarms that rang |
//! | `{shop}#counts#{day}` | `{kind}#{way}` | how many came how far |
//!
//! `listed` is the index of notifications by their names alone (`{shop}#{notification}`), and of everybody whom a shop
//! can tell something (`{shop}#people`).

mod alarms;
pub mod counts;
mod digests;
mod inbox;
mod inboxes;
mod jobs;
mod notification;
mod people;
mod unreachable;
mod watchers;
mod wording;

pub use self::{
    digests::{DigestRow, Gathered, MOST},
    inbox::Put,
    jobs::{Audience, Job, Later},
    notification::{Delivery, Letter, Notification, NotificationRow},
    people::{Endpoint, Person, Recipient, Target},
    unreachable::Unreachable,
    watchers::Watcher,
    wording::Wording,
};

/// What the sort key of everything in an inbox begins with; the template's stream filters name it too.
pub const INBOX: &str = "n#";
/// What the sort key of a mail that is in no inbox begins with.
pub const LETTER: &str = "letter#";
