//! SES version 2: `SendEmail` into the outbox, simple and raw.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use crate::{
    aws::wire::Refusal,
    outbox::{Message, Outbox},
};

/// The most receivers of one mail, all kinds together.
const RECEIVERS: usize = 50;

/// The mail service.
pub struct Ses {
    outbox: Outbox,
}

impl Ses {
    /// Mail goes into `outbox`.
    pub fn new(outbox: Outbox) -> Self {
        Self { outbox }
    }

    /// Answers `POST /v2/email/outbound-emails`.
    pub fn answer(&self, body: &Value) -> Result<Value, Refusal> {
        let mail = read(body)?;
        if let Message::Mail { to, .. } = &mail
            && (to.is_empty() || to.len() > RECEIVERS)
        {
            return Err(bad(format!("a mail has 1 to {RECEIVERS} receivers")));
        }
        Ok(json!({ "MessageId": self.outbox.send(mail)? }))
    }
}

fn read(body: &Value) -> Result<Message, Refusal> {
    let text = |pointer: &str| body.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
    let mut to: Vec<String> = ["ToAddresses", "CcAddresses", "BccAddresses"]
        .iter()
        .filter_map(|kind| body.pointer(&format!("/Destination/{kind}"))?.as_array())
        .flatten()
        .filter_map(|address| address.as_str().map(str::to_owned))
        .collect();
    if let Some(raw) = body.pointer("/Content/Raw/Data").and_then(Value::as_str) {
        let raw = STANDARD.decode(raw).map_err(|_| bad("the raw message is not base64"))?;
        let raw = String::from_utf8_lossy(&raw).into_owned();
        let header = |name: &str| header(&raw, name);
        if to.is_empty() {
            to = ["to", "cc", "bcc"]
                .iter()
                .filter_map(|name| header(name))
                .flat_map(|list| addresses(&list))
                .collect();
        }
        let from = text("/FromEmailAddress").or_else(|| header("from"));
        let from = from.ok_or_else(|| bad("the raw message has no From header"))?;
        let subject = header("subject").unwrap_or_default();
        return Ok(Message::Mail {
            from,
            to,
            subject,
            text: None,
            html: None,
            raw: Some(raw),
            headers: Vec::new(),
        });
    }
    if body.pointer("/Content/Simple").is_none() {
        return Err(bad("only simple and raw content can be sent here"));
    }
    let headers = body.pointer("/Content/Simple/Headers").and_then(Value::as_array).into_iter().flatten();
    let headers = headers
        .filter_map(|header| {
            Some((header.get("Name")?.as_str()?.to_owned(), header.get("Value")?.as_str()?.to_owned()))
        })
        .collect();
    let (plain, html) = (text("/Content/Simple/Body/Text/Data"), text("/Content/Simple/Body/Html/Data"));
    if plain.is_none() && html.is_none() {
        return Err(bad("the mail has no body"));
    }
    Ok(Message::Mail {
        from: text("/FromEmailAddress").ok_or_else(|| bad("FromEmailAddress is missing"))?,
        to,
        subject: text("/Content/Simple/Subject/Data").ok_or_else(|| bad("the mail has no subject"))?,
        text: plain,
        html,
        raw: None,
        headers,
    })
}

/// A header of a raw message, its folded lines joined.
fn header(raw: &str, name: &str) -> Option<String> {
    let mut found: Option<String> = None;
    for line in raw.lines().take_while(|line| !line.is_empty()) {
        if line.starts_with([' ', '\t']) {
            if let Some(value) = &mut found {
                value.push(' ');
                value.push_str(line.trim());
            }
        } else if found.is_some() {
            break;
        } else if let Some((key, value)) = line.split_once(':')
            && key.eq_ignore_ascii_case(name)
        {
            found = Some(value.trim().to_owned());
        }
    }
    found
}

fn addresses(list: &str) -> Vec<String> {
    list.split(',').map(|address| address.trim().to_owned()).filter(|address| !address.is_empty()).collect()
}

fn bad(message: impl Into<String>) -> Refusal {
    Refusal::new("BadRequestException", message)
}
