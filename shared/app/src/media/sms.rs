//! SMS by SNS.

use aws_sdk_sns::{
    Client,
    config::{Builder, retry::RetryConfig},
    types::MessageAttributeValue,
};

use domain::notification::address::is_phone_number;

use super::{
    Sent,
    aws::{patience, refusal},
};
use crate::{Error, Result};

/// The longest text that SNS takes, in characters: it cuts it into parts of 140 bytes, each of which is billed.
const MAX_TEXT: usize = 1_600;

/// The way to telephone numbers.
#[derive(Debug, Clone)]
pub struct Sms {
    client: Client,
    sender_id: Option<String>,
}

impl Sms {
    /// A way to telephone numbers; `sender_id` is what shows as the sender where a country allows it.
    pub const fn new(client: Client, sender_id: Option<String>) -> Self {
        Self { client, sender_id }
    }

    /// Sends `text` to `number`, written as `+` and at most 15 digits. What is no marketing goes before it, and is
    /// dearer.
    ///
    /// # Errors
    /// Only for faults of our own.
    pub async fn send(&self, number: &str, text: &str, is_marketing: bool) -> Result<Sent> {
        if !is_phone_number(number) {
            return Ok(Sent::refused("no telephone number"));
        }
        if text.trim().is_empty() {
            return Ok(Sent::refused("no text"));
        }
        if text.chars().count() > MAX_TEXT {
            return Ok(Sent::TooLarge);
        }
        let kind = if is_marketing { "Promotional" } else { "Transactional" };
        let mut call = self.client.publish().phone_number(number).message(text);
        call = call.message_attributes("AWS.SNS.SMS.SMSType", attribute(kind)?);
        if let Some(sender) = &self.sender_id {
            call = call.message_attributes("AWS.SNS.SMS.SenderID", attribute(sender)?);
        }
        match call.customize().config_override(asked_once()).send().await {
            Ok(taken) => Ok(Sent::accepted(taken.message_id)),
            Err(error) => refusal("SNS", &error),
        }
    }
}

/// Whether to send again is for whoever keeps count of what was sent.
pub(super) fn asked_once() -> Builder {
    Builder::default().retry_config(RetryConfig::disabled()).timeout_config(patience())
}

pub(super) fn attribute(value: impl Into<String>) -> Result<MessageAttributeValue> {
    let value = MessageAttributeValue::builder().data_type("String").string_value(value).build();
    value.map_err(|error| Error::Internal { what: "an attribute".into(), source: Some(Box::new(error)) })
}
