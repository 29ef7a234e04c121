//! What becomes of a mail, as SES publishes it for mail that was sent with a configuration set.
//!
//! Addresses of SES's own mailbox simulator say by themselves what becomes of mail to them; all others receive it.

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::{
    aws::{ACCOUNT, REGION},
    outbox::{Message, Sent},
};

/// The host of the mailbox simulator.
const SIMULATOR: &str = "simulator.amazonses.com";

/// What became of a mail. The body of `POST /_local/mail/{id}/events`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case", tag = "type", deny_unknown_fields)]
pub enum Fate {
    /// It arrived.
    Delivery,
    /// It came back.
    Bounce {
        /// Whether the address takes mail at all.
        #[serde(default)]
        bounce_type: BounceType,
    },
    /// Its reader complained of it.
    Complaint,
    /// SES did not send it, because of what is in it.
    Reject,
}

/// How final a bounce is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
pub enum BounceType {
    /// The address takes no mail.
    #[default]
    Permanent,
    /// It may take some later, or an automatic answer came back.
    Transient,
    /// Nobody knows.
    Undetermined,
    /// SES knew before it tried: the address is on the account's own list.
    #[serde(rename = "OnAccountSuppressionList")]
    Listed,
}

impl Fate {
    /// What becomes of mail to an address, in the order in which SES tells it.
    pub fn of(address: &str) -> Vec<Self> {
        let bounce = |bounce_type| Self::Bounce { bounce_type };
        match simulated(address).as_deref() {
            Some("bounce") => vec![bounce(BounceType::Permanent)],
            Some("suppressionlist") => vec![bounce(BounceType::Listed)],
            Some("ooto") => vec![Self::Delivery, bounce(BounceType::Transient)],
            Some("complaint") => vec![Self::Delivery, Self::Complaint],
            _ => vec![Self::Delivery],
        }
    }

    /// Its name among the types of an event destination.
    pub fn kind(self) -> &'static str {
        match self {
            Self::Delivery => "delivery",
            Self::Bounce { .. } => "bounce",
            Self::Complaint => "complaint",
            Self::Reject => "reject",
        }
    }

    /// The event that SES publishes about some of a mail's receivers; none about what is no mail.
    pub fn event(self, mail: &Sent, receivers: &[String], now: Timestamp) -> Option<Value> {
        let (name, about) = match self {
            Self::Delivery => ("Delivery", delivery(receivers, now)),
            Self::Bounce { bounce_type } => ("Bounce", bounce(bounce_type, receivers, now)),
            Self::Complaint => ("Complaint", complaint(receivers, now)),
            Self::Reject => ("Reject", json!({ "reason": "Bad content" })),
        };
        let mut event = Map::new();
        event.insert("eventType".to_owned(), name.into());
        event.insert("mail".to_owned(), head(mail)?);
        event.insert(self.kind().to_owned(), about);
        Some(event.into())
    }
}

/// The simulator's word in an address: `bounce` of `Ana <bounce+ana@simulator.amazonses.com>`.
fn simulated(address: &str) -> Option<String> {
    let (local, host) = plain(address).rsplit_once('@')?;
    if !host.eq_ignore_ascii_case(SIMULATOR) {
        return None;
    }
    Some(local.split('+').next().unwrap_or(local).to_lowercase())
}

/// An address without its owner's name.
fn plain(address: &str) -> &str {
    match address.rsplit_once('<') {
        Some((_, rest)) => rest.trim_end().trim_end_matches('>'),
        None => address.trim(),
    }
}

fn head(mail: &Sent) -> Option<Value> {
    let Message::Mail { from, to, subject, headers, configuration_set, tags, .. } = &mail.message else {
        return None;
    };
    let headers: Vec<_> =
        headers.iter().map(|(name, value)| json!({ "name": name, "value": value })).collect();
    let mut tags: Map<String, Value> =
        tags.iter().map(|(name, value)| (name.clone(), json!([value]))).collect();
    tags.insert("ses:configuration-set".to_owned(), json!([configuration_set]));
    Some(json!({
        "timestamp": at(mail.sent_at),
        "source": from,
        "sourceArn": format!("arn:aws:ses:{REGION}:{ACCOUNT}:identity/{}", plain(from)),
        "sendingAccountId": ACCOUNT,
        "messageId": mail.id,
        "destination": to,
        "headersTruncated": false,
        "headers": headers,
        "commonHeaders": { "from": [from], "to": to, "messageId": mail.id, "subject": subject },
        "tags": tags,
    }))
}

fn bounce(bounce_type: BounceType, receivers: &[String], now: Timestamp) -> Value {
    let (name, sub_type, status) = match bounce_type {
        BounceType::Permanent => ("Permanent", "General", "5.1.1"),
        BounceType::Transient => ("Transient", "General", "4.0.0"),
        BounceType::Undetermined => ("Undetermined", "Undetermined", "5.0.0"),
        BounceType::Listed => ("Permanent", "OnAccountSuppressionList", "5.1.1"),
    };
    let bounced =
        |receiver: &String| json!({ "emailAddress": receiver, "action": "failed", "status": status });
    json!({
        "bounceType": name,
        "bounceSubType": sub_type,
        "bouncedRecipients": receivers.iter().map(bounced).collect::<Vec<_>>(),
        "timestamp": at(now),
        "feedbackId": uuid::Uuid::now_v7().to_string(),
        "reportingMTA": "dsn; local",
    })
}

fn complaint(receivers: &[String], now: Timestamp) -> Value {
    let complained = |receiver: &String| json!({ "emailAddress": receiver });
    json!({
        "complainedRecipients": receivers.iter().map(complained).collect::<Vec<_>>(),
        "timestamp": at(now),
        "feedbackId": uuid::Uuid::now_v7().to_string(),
        "userAgent": "the local cloud",
        "complaintFeedbackType": "abuse",
        "arrivalDate": at(now),
    })
}

fn delivery(receivers: &[String], now: Timestamp) -> Value {
    json!({
        "timestamp": at(now),
        "processingTimeMillis": 1,
        "recipients": receivers,
        "smtpResponse": "250 ok",
        "reportingMTA": "local",
    })
}

/// SES writes times to the millisecond.
fn at(time: Timestamp) -> String {
    format!("{time:.3}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_simulator_says_what_becomes_of_mail_to_it() {
        let kinds = |address: &str| Fate::of(address).into_iter().map(Fate::kind).collect::<Vec<_>>();
        assert_eq!(kinds("bounce@simulator.amazonses.com"), ["bounce"]);
        assert_eq!(kinds("Ana <Bounce+ana@Simulator.AmazonSES.com>"), ["bounce"]);
        assert_eq!(kinds("ooto@simulator.amazonses.com"), ["delivery", "bounce"]);
        assert_eq!(kinds("complaint@simulator.amazonses.com"), ["delivery", "complaint"]);
        assert_eq!(kinds("success@simulator.amazonses.com"), ["delivery"]);
        assert_eq!(kinds("bounce@shop.example"), ["delivery"]);
        let listed = Fate::of("suppressionlist@simulator.amazonses.com");
        assert_eq!(listed, [Fate::Bounce { bounce_type: BounceType::Listed }]);
    }
}
