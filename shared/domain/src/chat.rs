//! The support chat: conversations and their messages, the agents who answer, and who of them gets which.
//!
//! [`conversation`] is a conversation's life, [`message`] what is said in it, [`file`](mod@file) what is added to that and
//! [`inspection`] whether it is what it says, [`agent`] who answers, [`routing`] which conversation goes to whom next,
//! [`hours`] when somebody is there,
//! [`bot`] what the shop says by itself, [`figures`] how all that goes.

pub mod agent;
pub mod bot;
pub mod conversation;
pub mod figures;
pub mod file;
pub mod hours;
pub mod inspection;
pub mod message;
pub mod routing;

pub use agent::{Agent, AgentStatus};
pub use conversation::{Conversation, ConversationKind, ConversationStatus, Priority};
pub use file::{Attachment, AttachmentState, FileName, FileType, Rejection};
pub use message::{Message, MessageKind, SenderType};
