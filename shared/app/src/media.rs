//! The ways out of a notification: web push, phones, SMS and mail, each behind one `send` with one answer.
//!
//! What is sent to whom is decided elsewhere. Here each way asks once: whoever calls decides from [`Sent`] whether and
//! when to ask again, since two askers would send twice. No answer names the receiver, so that it can be kept and shown.

mod aws;
mod devices;
mod mail;
mod names;
mod retry_after;
mod sealing;
mod sms;
mod vapid;
mod web_push;

use jiff::SignedDuration;

pub use self::{
    devices::{DeviceMessage, Devices, Platform},
    mail::{Letter, Mail},
    sms::Sms,
    vapid::Vapid,
    web_push::{MAX_PLAINTEXT, PushPayload, PushTarget, Urgency, WebPush},
};

/// What became of one message on its way to one receiver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sent {
    /// Somebody has taken it over.
    Accepted {
        /// How that somebody calls it.
        id: Option<String>,
    },
    /// There is nobody there any more: the endpoint is to be forgotten.
    Gone,
    /// A shorter one may pass.
    TooLarge,
    /// Not now.
    Later {
        /// How long to wait, if that was said.
        after: Option<SignedDuration>,
        /// Why, without address, token or key.
        why: String,
    },
    /// Never.
    Refused {
        /// Why, without address, token or key.
        why: String,
    },
}

impl Sent {
    fn accepted(id: Option<impl Into<String>>) -> Self {
        Self::Accepted { id: id.map(Into::into) }
    }

    fn refused(why: impl Into<String>) -> Self {
        Self::Refused { why: why.into() }
    }

    fn later(why: impl Into<String>) -> Self {
        Self::Later { after: None, why: why.into() }
    }
}

#[cfg(test)]
mod stage;
