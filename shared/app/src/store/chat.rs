//! The `Chat` table: conversations, what is said in them, who answers, and who waits.
//!
//! | pk | sk | row |
//! |---|---|---|
//! | `{shop}#conversation#{id}` | `conversation` | how a conversation stands |
//! | the same | `head` | what sending needs to know, and nothing else; see [`sending`] |
//! | the same | `m#{seq}` | a message |
//! | the same | `file#{attachment}` | a file, and whether it was accepted; the file itself is in S3 |
//! | the same | `mark#{user}` | up to where messages came to somebody, and were read |
//! | the same | `j#{version}` | what happened to the conversation |
//! | `{shop}#member#{user}` | `{conversation}` | who takes part in what |
//! | the same | `support` | somebody's newest support conversation |
//! | `{shop}#answers` | `faq#{id}`, `response#{id}`, `hours` | what the shop answers by itself |
//! | the same | `edition`, `j#{edition}` | the number of the last change of that, and the changes |
//! | `{shop}#waiting` | `{since}#{conversation}` | the queue |
//! | `{shop}#agent#` | `agent-{user}` | an agent, with the number of conversations that they have |
//! | `{shop}#slots#{agent}` | `{conversation}` | which ones these are |
//!
//! Whatever changes a conversation is written by [`Change`]: it compares how it was with how it is to be, and writes
//! all that follows in the same transaction, so that no counter can be off.

mod agents;
mod answers;
mod attachments;
mod change;
mod conversations;
mod marks;
mod messages;
mod sending;

pub(crate) use self::messages::message_id;
pub use self::{
    agents::{AGENT, AgentRow},
    answers::{AllAnswers, Answer, StoredFaq, StoredResponse},
    attachments::{AttachmentRow, Verdict},
    change::{Change, ChangeRefused},
    conversations::{ConversationShelf, Stored},
    marks::{Marked, Marks},
    messages::{MESSAGE, MessageRow},
    sending::{Draft, Heard, Speaker},
};

use domain::{ConversationId, ShopId, UserId};

use super::Key;

fn conversation_pk(shop: &ShopId, id: &ConversationId) -> String {
    format!("{shop}#conversation#{id}")
}

fn conversation_key(shop: &ShopId, id: &ConversationId) -> Key {
    Key::new(conversation_pk(shop, id), "conversation")
}

fn head_key(shop: &ShopId, id: &ConversationId) -> Key {
    Key::new(conversation_pk(shop, id), "head")
}

fn member_pk(shop: &ShopId, user: &UserId) -> String {
    format!("{shop}#member#{user}")
}

fn waiting_pk(shop: &ShopId) -> String {
    format!("{shop}#waiting")
}

fn agents_pk(shop: &ShopId) -> String {
    // All of a shop's together; which of them, the sort key says.
    format!("{shop}#agent#")
}

fn slots_pk(shop: &ShopId, agent: &UserId) -> String {
    format!("{shop}#slots#{agent}")
}
