//! SES version 2: `SendEmail` into the outbox, simple and raw, and word of what became of it.

use std::collections::BTreeMap;

use axum::http::StatusCode;
use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use crate::{
    aws::wire::Refusal,
    outbox::{Message, Outbox, Sent},
    sns::Topics,
    template::MailEvents,
};

pub mod events;
mod raw;

use events::Fate;

/// The most receivers of one mail, all kinds together.
const RECEIVERS: usize = 50;

/// The most headers that simple mail may bring.
const HEADERS: usize = 15;

/// Headers that SES writes itself, and lets nobody else write.
const RESERVED: [&str; 11] = [
    "bcc",
    "cc",
    "content-transfer-encoding",
    "content-type",
    "date",
    "from",
    "message-id",
    "mime-version",
    "return-path",
    "subject",
    "to",
];

/// The mail service.
pub struct Ses {
    outbox: Outbox,
    topics: Topics,
    /// Which topic is told what, by configuration set.
    told: Vec<MailEvents>,
}

impl Ses {
    /// Mail goes into `outbox`; what became of it is published to `topics` as `told` says.
    pub fn new(outbox: Outbox, topics: Topics, told: Vec<MailEvents>) -> Self {
        Self { outbox, topics, told }
    }

    /// Answers `POST /v2/email/outbound-emails`.
    pub fn answer(&self, body: &Value) -> Result<Value, Refusal> {
        let mail = read(body)?;
        if let Message::Mail { from, to, headers, subject, configuration_set, .. } = &mail {
            if to.is_empty() || to.len() > RECEIVERS {
                return Err(bad(format!("a mail has 1 to {RECEIVERS} receivers")));
            }
            if [from].into_iter().chain(to).any(|address| !address.contains('@')) {
                return Err(bad("Missing final '@domain'"));
            }
            check_headers(headers, subject)?;
            self.check_set(configuration_set.as_deref())?;
        }
        let id = self.outbox.send(mail)?;
        if let Some(sent) = self.outbox.find(&id)? {
            self.tell_of(&sent)?;
        }
        Ok(json!({ "MessageId": id }))
    }

    /// Something becomes of a mail that was sent: publishes it about all of its receivers. Returns what is published.
    pub fn befall(&self, mail: &Sent, fate: Fate) -> Result<Option<Value>, Refusal> {
        let Message::Mail { to, .. } = &mail.message else { return Ok(None) };
        self.tell(mail, fate, to)
    }

    /// What becomes of a mail by itself.
    fn tell_of(&self, sent: &Sent) -> Result<(), Refusal> {
        let Message::Mail { to, .. } = &sent.message else { return Ok(()) };
        for receiver in to {
            for fate in Fate::of(receiver) {
                self.tell(sent, fate, std::slice::from_ref(receiver))?;
            }
        }
        Ok(())
    }

    fn tell(&self, mail: &Sent, fate: Fate, receivers: &[String]) -> Result<Option<Value>, Refusal> {
        let Message::Mail { configuration_set: Some(set), .. } = &mail.message else { return Ok(None) };
        let mut told = None;
        for events in self.told.iter().filter(|events| events.configuration_set == *set) {
            let Some(topic) = events.topic.as_ref().filter(|_| events.kinds.contains(fate.kind())) else {
                continue;
            };
            if let Some(event) = fate.event(mail, receivers, self.topics.now()) {
                self.topics.tell(topic, &event)?;
                told = Some(event);
            }
        }
        Ok(told)
    }

    fn check_set(&self, name: Option<&str>) -> Result<(), Refusal> {
        match name {
            Some(name) if !self.told.iter().any(|events| events.configuration_set == name) => {
                let text = format!("Configuration set <{name}> does not exist.");
                Err(Refusal::new("NotFoundException", text).with_status(StatusCode::NOT_FOUND))
            }
            _ => Ok(()),
        }
    }
}

fn read(body: &Value) -> Result<Message, Refusal> {
    let text = |pointer: &str| text(body, pointer);
    let mut to: Vec<String> = ["ToAddresses", "CcAddresses", "BccAddresses"]
        .iter()
        .flat_map(|kind| texts(body, &format!("/Destination/{kind}")))
        .collect();
    let from = text("/FromEmailAddress");
    let mail = if let Some(raw) = text("/Content/Raw/Data") {
        let raw = STANDARD.decode(raw).map_err(|_| bad("the raw message is not base64"))?;
        let raw = String::from_utf8_lossy(&raw).into_owned();
        let header = |name: &str| raw::header(&raw, name);
        if to.is_empty() {
            let lists = ["to", "cc", "bcc"].iter().filter_map(|name| header(name));
            to = lists.flat_map(|list| raw::addresses(&list)).collect();
        }
        let from =
            from.or_else(|| header("from")).ok_or_else(|| bad("the raw message has no From header"))?;
        let subject = header("subject").unwrap_or_default();
        Content { from, subject, raw: Some(raw), ..Content::default() }
    } else {
        simple(body, from)?
    };
    let Content { from, subject, plain, html, raw, headers } = mail;
    Ok(Message::Mail {
        from,
        to,
        subject,
        text: plain,
        html,
        raw,
        headers,
        reply_to: texts(body, "/ReplyToAddresses"),
        configuration_set: text("/ConfigurationSetName"),
        tags: pairs(body, "/EmailTags").into_iter().collect::<BTreeMap<_, _>>(),
    })
}

/// What a mail says, and who says it.
#[derive(Default)]
struct Content {
    from: String,
    subject: String,
    plain: Option<String>,
    html: Option<String>,
    raw: Option<String>,
    headers: Vec<(String, String)>,
}

fn simple(body: &Value, from: Option<String>) -> Result<Content, Refusal> {
    if body.pointer("/Content/Simple").is_none() {
        return Err(bad("only simple and raw content can be sent here"));
    }
    let part = |name: &str| text(body, &format!("/Content/Simple/{name}/Data"));
    let (plain, html) = (part("Body/Text"), part("Body/Html"));
    if plain.is_none() && html.is_none() {
        return Err(bad("the mail has no body"));
    }
    Ok(Content {
        from: from.ok_or_else(|| bad("FromEmailAddress is missing"))?,
        subject: part("Subject").ok_or_else(|| bad("the mail has no subject"))?,
        plain,
        html,
        raw: None,
        headers: pairs(body, "/Content/Simple/Headers"),
    })
}

/// A header that could end itself and begin another is refused, as are those that SES writes.
fn check_headers(headers: &[(String, String)], subject: &str) -> Result<(), Refusal> {
    if headers.len() > HEADERS {
        return Err(bad(format!("a mail brings at most {HEADERS} headers of its own")));
    }
    for (name, value) in headers {
        let is_name = name.bytes().all(|byte| byte.is_ascii_graphic() && byte != b':');
        if name.is_empty() || name.len() > 126 || !is_name {
            return Err(bad(format!("{name:?} is no name of a header")));
        }
        if RESERVED.contains(&name.to_lowercase().as_str()) {
            return Err(bad(format!("the header {name} is SES's own")));
        }
        if value.is_empty() || value.len() > 870 || value.chars().any(char::is_control) {
            return Err(bad(format!("the header {name} has a value that no header has")));
        }
    }
    if subject.chars().any(char::is_control) {
        return Err(bad("the subject has a control character"));
    }
    Ok(())
}

/// A list of `{Name, Value}`.
fn pairs(body: &Value, pointer: &str) -> Vec<(String, String)> {
    let list = body.pointer(pointer).and_then(Value::as_array).into_iter().flatten();
    list.filter_map(|pair| Some((text(pair, "/Name")?, text(pair, "/Value")?))).collect()
}

fn texts(body: &Value, pointer: &str) -> Vec<String> {
    let list = body.pointer(pointer).and_then(Value::as_array).into_iter().flatten();
    list.filter_map(|text| text.as_str().map(str::to_owned)).collect()
}

fn text(body: &Value, pointer: &str) -> Option<String> {
    body.pointer(pointer).and_then(Value::as_str).map(str::to_owned)
}

fn bad(message: impl Into<String>) -> Refusal {
    Refusal::new("BadRequestException", message)
}
