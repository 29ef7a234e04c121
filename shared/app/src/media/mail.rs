//! Mail by SES.

use std::fmt;

use aws_sdk_sesv2::{
    Client,
    config::{Builder, retry::RetryConfig},
    error::BuildError,
    types::{Body, Content, Destination, EmailContent, Message, MessageHeader, MessageTag},
};

use super::{
    Sent,
    aws::{patience, refusal},
};
use crate::{Error, Result};

/// A mail to one person.
#[derive(Clone, PartialEq, Eq)]
pub struct Letter {
    /// Whose it is.
    pub to: String,
    /// In one line.
    pub subject: String,
    /// For programs that show no HTML, and for people who do not want it.
    pub text: String,
    /// For all others.
    pub html: String,
    /// Ends such mails with one click: an address of ours that takes a POST (RFC 8058).
    pub unsubscribe_url: Option<String>,
    /// What SES repeats in its notices about this mail: names and values of letters, digits, `-` and `_`.
    pub tags: Vec<(String, String)>,
    /// Who reads answers, if not the sender.
    pub reply_to: Option<String>,
}

/// The way to mailboxes.
#[derive(Debug, Clone)]
pub struct Mail {
    client: Client,
    from: String,
    configuration_set: Option<String>,
}

impl Mail {
    /// A way to mailboxes for mail `from` an address that SES knows as ours. The configuration set says where SES sends
    /// its notices.
    pub const fn new(client: Client, from: String, configuration_set: Option<String>) -> Self {
        Self { client, from, configuration_set }
    }

    /// Sends one mail.
    ///
    /// # Errors
    /// Only for faults of our own.
    pub async fn send(&self, letter: &Letter) -> Result<Sent> {
        let message = message(letter).map_err(|error| Error::Internal {
            what: "a mail without one of its parts".into(),
            source: Some(Box::new(error)),
        })?;
        let call = self
            .client
            .send_email()
            .from_email_address(&self.from)
            .destination(Destination::builder().to_addresses(&letter.to).build())
            .set_reply_to_addresses(letter.reply_to.clone().map(|address| vec![address]))
            .set_email_tags(Some(tags(&letter.tags)?).filter(|tags| !tags.is_empty()))
            .set_configuration_set_name(self.configuration_set.clone())
            .content(EmailContent::builder().simple(message).build());
        // Whether to send again is for whoever keeps count of what was sent.
        let once = Builder::default().retry_config(RetryConfig::disabled()).timeout_config(patience());
        match call.customize().config_override(once).send().await {
            Ok(taken) => Ok(Sent::accepted(taken.message_id)),
            Err(error) => refusal("SES", &error),
        }
    }
}

fn message(letter: &Letter) -> Result<Message, BuildError> {
    let utf8 = |text: &str| Content::builder().data(text).charset("UTF-8").build();
    let body = Body::builder().text(utf8(&letter.text)?).html(utf8(&letter.html)?).build();
    let mut message = Message::builder().subject(utf8(&in_one_line(&letter.subject))?).body(body);
    for (name, value) in unsubscribing(letter) {
        message = message.headers(MessageHeader::builder().name(name).value(value).build()?);
    }
    Ok(message.build())
}

/// The two headers by which a mail program offers a button (RFC 8058, 3).
fn unsubscribing(letter: &Letter) -> Vec<(&'static str, String)> {
    let Some(url) = &letter.unsubscribe_url else { return vec![] };
    vec![
        ("List-Unsubscribe", format!("<{url}>")),
        ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click".into()),
    ]
}

/// A line break would begin another header.
fn in_one_line(text: &str) -> String {
    text.split(char::is_control).filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
}

fn tags(tags: &[(String, String)]) -> Result<Vec<MessageTag>> {
    let plain = |text: &str| -> String {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
        text.chars().take(256).map(|c| if is_plain(c) { c } else { '_' }).collect()
    };
    let tag = |(name, value): &(String, String)| {
        let tag = MessageTag::builder().name(plain(name)).value(plain(value)).build();
        tag.map_err(|error| Error::Internal { what: "a mail's tag".into(), source: Some(Box::new(error)) })
    };
    tags.iter().filter(|(name, value)| !name.is_empty() && !value.is_empty()).map(tag).collect()
}

impl fmt::Debug for Letter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Letter")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn letter() -> Letter {
        Letter {
            to: "ana@example.com".into(),
            subject: "Your order".into(),
            text: "It is on its way.".into(),
            html: "<p>It is on its way.</p>".into(),
            unsubscribe_url: None,
            tags: vec![],
            reply_to: None,
        }
    }

    #[test]
    fn a_subject_cannot_begin_another_header() {
        let letter = Letter { subject: "Sale\r\nBcc: all@example.com\0".into(), ..letter() };
        let subject = message(&letter).unwrap().subject.unwrap();
        assert_eq!(subject.data, "Sale Bcc: all@example.com");
    }

    #[test]
    fn only_what_can_be_unsubscribed_from_says_how() {
        assert_eq!(message(&letter()).unwrap().headers, None);
        let url = "https://shop.example/u?token=t";
        let letter = Letter { unsubscribe_url: Some(url.into()), ..letter() };
        let headers = message(&letter).unwrap().headers.unwrap();
        let headers: Vec<_> = headers.into_iter().map(|header| (header.name, header.value)).collect();
        assert_eq!(
            headers,
            [
                ("List-Unsubscribe".to_owned(), "<https://shop.example/u?token=t>".to_owned()),
                ("List-Unsubscribe-Post".to_owned(), "List-Unsubscribe=One-Click".to_owned()),
            ]
        );
    }

    #[test]
    fn tags_have_the_characters_that_ses_takes() {
        let named = [("type".to_owned(), "order.shipped é".to_owned()), ("empty".to_owned(), String::new())];
        let tags = tags(&named).unwrap();
        let tags: Vec<_> = tags.iter().map(|tag| (tag.name.as_str(), tag.value.as_str())).collect();
        assert_eq!(tags, [("type", "order_shipped__")]);
    }

    #[test]
    fn a_letter_is_not_logged() {
        assert_eq!(format!("{:?}", letter()), "Letter");
    }
}
