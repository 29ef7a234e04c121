//! Text messages, the numbers that want none, and what their owners answer.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    Attributes, Message, Outbox, Refusal, Store, Topics,
    form::{invalid, tag},
};
use crate::aws::ACCOUNT;

const OPTED_OUT: &str = "sns/opted out";

/// The most numbers of one list.
const PAGE: usize = 100;

/// Where the shop's text messages come from, unless a test says otherwise.
const SHOPS_NUMBER: &str = "+12065550100";

/// How far back the message is looked for that somebody answers.
const LOOK_BACK: usize = 1_000;

/// Words that AWS itself acts on, when they are all that is answered.
const STOP_WORDS: [&str; 10] =
    ["ARRET", "CANCEL", "END", "OPT-OUT", "OPTOUT", "QUIT", "REMOVE", "STOP", "TD", "UNSUBSCRIBE"];

/// What somebody answers. The body of `POST /_local/sms/replies`.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Reply {
    /// Their number, in E.164.
    pub from: String,
    /// What they say.
    pub text: String,
    /// The shop's number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
}

/// Text messages.
pub(super) struct Numbers {
    store: Store,
    outbox: Outbox,
    topics: Topics,
}

impl Numbers {
    pub fn new(store: Store, outbox: Outbox, topics: Topics) -> Self {
        Self { store, outbox, topics }
    }

    /// Sends a text message. As in AWS, one to a number that opted out is accepted, and reaches nobody.
    pub fn send(&self, number: &str, text: &str, attributes: Attributes) -> Result<String, Refusal> {
        if !is_number(number) {
            return Err(invalid(format!(
                "Invalid parameter: PhoneNumber Reason: {number} is not valid to publish to"
            )));
        }
        check_attributes(&attributes)?;
        if self.is_opted_out(number)? {
            return Ok(uuid::Uuid::now_v7().to_string());
        }
        let message = Message::Sms { to: number.to_owned(), text: text.to_owned(), attributes };
        Ok(self.outbox.send(message)?)
    }

    /// `CheckIfPhoneNumberIsOptedOut`
    pub fn check(&self, number: &str) -> Result<String, Refusal> {
        check_number(number)?;
        Ok(tag("isOptedOut", if self.is_opted_out(number)? { "true" } else { "false" }))
    }

    /// `ListPhoneNumbersOptedOut`
    pub fn list(&self, after: Option<&str>) -> Result<String, Refusal> {
        let listed: Vec<(String, bool)> = self.store.list(OPTED_OUT, after, PAGE)?;
        let members: String = listed.iter().map(|(number, _)| tag("member", number)).collect();
        let next = listed.last().filter(|_| listed.len() == PAGE).map(|(number, _)| tag("nextToken", number));
        Ok(format!("<phoneNumbers>{members}</phoneNumbers>{}", next.unwrap_or_default()))
    }

    /// `OptInPhoneNumber`
    pub fn opt_in(&self, number: &str) -> Result<String, Refusal> {
        check_number(number)?;
        self.store.delete(OPTED_OUT, number)?;
        Ok(String::new())
    }

    /// Takes in what somebody answers: `STOP` and its like end all messages to them, and the shop is told either way.
    /// Returns what it is told.
    pub fn receive(&self, reply: &Reply) -> Result<Value, Refusal> {
        check_number(&reply.from)?;
        let said = reply.text.trim().to_uppercase();
        let is_stop = STOP_WORDS.contains(&said.as_str());
        if is_stop {
            self.store.put(OPTED_OUT, &reply.from, &true)?;
        }
        let notice = json!({
            "originationNumber": reply.from,
            "destinationNumber": reply.to.as_deref().unwrap_or(SHOPS_NUMBER),
            "messageKeyword": if is_stop { said } else { format!("KEYWORD_{ACCOUNT}") },
            "messageBody": reply.text,
            "inboundMessageId": uuid::Uuid::now_v7().to_string(),
            "previousPublishedMessageId": self.last_sent(&reply.from)?,
        });
        if !self.topics.tell_feedback(&notice)? {
            tracing::warn!("nobody is told of the answer: the template has no topic for it");
        }
        Ok(notice)
    }

    fn last_sent(&self, number: &str) -> Result<Option<String>, Refusal> {
        let sent = self.outbox.list_back(LOOK_BACK)?;
        let last =
            sent.into_iter().find(|sent| matches!(&sent.message, Message::Sms { to, .. } if to == number));
        Ok(last.map(|sent| sent.id))
    }

    fn is_opted_out(&self, number: &str) -> Result<bool, Refusal> {
        Ok(self.store.get::<bool>(OPTED_OUT, number)?.is_some())
    }
}

/// Attributes of text messages that AWS knows are checked, others are let be.
fn check_attributes(attributes: &Attributes) -> Result<(), Refusal> {
    let wrong =
        |name: &str| invalid(format!("Invalid parameter: MessageAttributes Reason: {name} is not valid"));
    if let Some(kind) = attributes.get("AWS.SNS.SMS.SMSType")
        && kind != "Promotional"
        && kind != "Transactional"
    {
        return Err(wrong("AWS.SNS.SMS.SMSType"));
    }
    if let Some(sender) = attributes.get("AWS.SNS.SMS.SenderID") {
        let is_plain = sender.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        let has_letter = sender.bytes().any(|byte| byte.is_ascii_alphabetic());
        if !is_plain || !has_letter || sender.len() > 11 {
            return Err(wrong("AWS.SNS.SMS.SenderID"));
        }
    }
    Ok(())
}

fn check_number(number: &str) -> Result<(), Refusal> {
    let refused = || invalid(format!("Invalid parameter: PhoneNumber Reason: {number} is not in E.164"));
    if is_number(number) { Ok(()) } else { Err(refused()) }
}

fn is_number(number: &str) -> bool {
    let digits = number.strip_prefix('+').unwrap_or_default();
    (7..=15).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit())
}
