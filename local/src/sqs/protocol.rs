//! What clients of SQS speak: the JSON protocol.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};

use super::{Message, QueueError, Sqs, digest, queue_arn};
use crate::aws::{ACCOUNT, wire::Refusal};

/// The most bytes of one message, and of all messages of a batch.
const MESSAGE_LIMIT: usize = 1024 * 1024;

/// The most entries of a batch, and of one receive.
const BATCH: usize = 10;

/// The longest delay of a message.
const LONGEST_DELAY: i64 = 15 * 60;

/// The longest that a message stays hidden.
const LONGEST_VISIBILITY: i64 = 12 * 60 * 60;

impl Sqs {
    /// Answers one operation; `host` is what the client called us.
    pub fn answer(&self, operation: &str, body: &Value, host: &str) -> Result<Value, Refusal> {
        match operation {
            "GetQueueUrl" => {
                let name = text(body, "QueueName").ok_or_else(|| missing("QueueName"))?;
                self.declared(name)?;
                Ok(json!({ "QueueUrl": url(host, name) }))
            }
            "ListQueues" => {
                let prefix = text(body, "QueueNamePrefix").unwrap_or_default();
                let names = self.names();
                let urls: Vec<_> = names
                    .iter()
                    .filter(|name| name.starts_with(prefix))
                    .map(|name| url(host, name))
                    .collect();
                Ok(json!({ "QueueUrls": urls }))
            }
            _ => self.answer_about(operation, queue(body)?, body, host),
        }
    }

    fn answer_about(&self, operation: &str, queue: &str, body: &Value, host: &str) -> Result<Value, Refusal> {
        match operation {
            "SendMessage" => {
                let message = self.message(body)?;
                let answer = sent(&message);
                self.send(queue, vec![message])?;
                Ok(answer)
            }
            "SendMessageBatch" => self.send_batch(queue, body),
            "ReceiveMessage" => self.receive_some(queue, body),
            "DeleteMessage" => {
                self.delete(queue, receipt(body)?)?;
                Ok(json!({}))
            }
            "DeleteMessageBatch" => each(body, |entry| {
                self.delete(queue, receipt(entry)?)?;
                Ok(json!({}))
            }),
            "ChangeMessageVisibility" => self.change_visibility(queue, body),
            "ChangeMessageVisibilityBatch" => each(body, |entry| self.change_visibility(queue, entry)),
            "GetQueueAttributes" => self.attributes(queue, body),
            "ListDeadLetterSourceQueues" => self.sources(queue, host),
            "PurgeQueue" => {
                self.purge(queue)?;
                Ok(json!({}))
            }
            _ => Err(Refusal::new("InvalidAction", format!("{operation} is not known here"))),
        }
    }

    /// A message of a request, checked as AWS does.
    fn message(&self, entry: &Value) -> Result<Message, Refusal> {
        let body = text(entry, "MessageBody")
            .filter(|body| !body.is_empty())
            .ok_or_else(|| missing("MessageBody"))?;
        if !body.chars().all(is_allowed) {
            return Err(Refusal::new(
                "InvalidMessageContents",
                "Invalid characters found. Valid unicode characters are #x9 | #xA | #xD | #x20 to #xD7FF | #xE000 to #xFFFD | #x10000 to #x10FFFF",
            ));
        }
        let attributes =
            entry.get("MessageAttributes").and_then(Value::as_object).cloned().unwrap_or_default();
        check_attributes(&attributes)?;
        if body.len() + digest::size_of_attributes(&attributes) > MESSAGE_LIMIT {
            return Err(invalid(format!(
                "One or more parameters are invalid. Reason: Message must be shorter than {MESSAGE_LIMIT} bytes."
            )));
        }
        let delay = seconds(entry, "DelaySeconds", LONGEST_DELAY)?.unwrap_or_default();
        let now = self.clock.now();
        let trace =
            entry.pointer("/MessageSystemAttributes/AWSTraceHeader/StringValue").and_then(Value::as_str);
        Ok(Message {
            id: uuid::Uuid::now_v7().to_string(),
            body: body.to_owned(),
            attributes,
            trace: trace.map(str::to_owned),
            sender: ACCOUNT.to_owned(),
            sent_at: now,
            first_received_at: None,
            visible_at: now.checked_add(delay).unwrap_or(Timestamp::MAX),
            receives: 0,
            receipt: None,
        })
    }

    fn send_batch(&self, queue: &str, body: &Value) -> Result<Value, Refusal> {
        self.declared(queue)?;
        let entries = entries(body)?;
        let total: usize = entries
            .iter()
            .map(|entry| {
                let attributes = entry.get("MessageAttributes").and_then(Value::as_object);
                text(entry, "MessageBody").map_or(0, str::len)
                    + attributes.map_or(0, digest::size_of_attributes)
            })
            .sum();
        if total > MESSAGE_LIMIT {
            let text = format!(
                "Batch requests cannot be longer than {MESSAGE_LIMIT} bytes. You have sent {total} bytes."
            );
            return Err(Refusal::new("BatchRequestTooLong", text));
        }
        let mut messages = Vec::new();
        let answer = each(body, |entry| {
            let message = self.message(entry)?;
            let answer = sent(&message);
            messages.push(message);
            Ok(answer)
        })?;
        self.send(queue, messages)?;
        Ok(answer)
    }

    /// Long polling is answered at once: who waits asks again.
    fn receive_some(&self, queue: &str, body: &Value) -> Result<Value, Refusal> {
        let limit = body.get("MaxNumberOfMessages").and_then(Value::as_u64).unwrap_or(1);
        let limit = usize::try_from(limit).ok().filter(|limit| (1..=BATCH).contains(limit));
        let limit = limit.ok_or_else(|| {
            invalid("Value for parameter MaxNumberOfMessages is invalid. Reason: Must be between 1 and 10, if provided.")
        })?;
        let visibility = seconds(body, "VisibilityTimeout", LONGEST_VISIBILITY)?;
        let messages = self.receive(queue, limit, visibility)?;
        let messages: Vec<_> = messages.iter().map(|message| received(message, body)).collect();
        // An answer without messages has no such member, and clients tell the two apart.
        Ok(if messages.is_empty() { json!({}) } else { json!({ "Messages": messages }) })
    }

    fn change_visibility(&self, queue: &str, entry: &Value) -> Result<Value, Refusal> {
        let visibility = seconds(entry, "VisibilityTimeout", LONGEST_VISIBILITY)?;
        let visibility = visibility.ok_or_else(|| missing("VisibilityTimeout"))?;
        self.hide(queue, receipt(entry)?, visibility)?;
        Ok(json!({}))
    }

    /// The queues whose dead letters come into this one.
    fn sources(&self, queue: &str, host: &str) -> Result<Value, Refusal> {
        self.declared(queue)?;
        let leads_here = |name: &String| {
            let declared = self.declared(name).ok();
            declared.and_then(|declared| declared.dead_letters).is_some_and(|(letters, _)| letters == queue)
        };
        let names = self.names().into_iter().filter(leads_here);
        Ok(json!({ "queueUrls": names.map(|name| url(host, &name)).collect::<Vec<_>>() }))
    }

    fn attributes(&self, queue: &str, body: &Value) -> Result<Value, Refusal> {
        let (declared, depth) = (self.declared(queue)?, self.depth(queue)?);
        let mut all = Map::new();
        let mut add = |name: &str, value: String| all.insert(name.to_owned(), Value::String(value));
        add("QueueArn", queue_arn(queue));
        add("VisibilityTimeout", declared.visibility.as_secs().to_string());
        add("MessageRetentionPeriod", declared.retention.as_secs().to_string());
        add("MaximumMessageSize", MESSAGE_LIMIT.to_string());
        add("DelaySeconds", "0".to_owned());
        add("ReceiveMessageWaitTimeSeconds", "0".to_owned());
        add("ApproximateNumberOfMessages", depth.visible.to_string());
        add("ApproximateNumberOfMessagesNotVisible", depth.in_flight.to_string());
        add("ApproximateNumberOfMessagesDelayed", depth.delayed.to_string());
        if let Some((name, most)) = &declared.dead_letters {
            let policy = json!({ "deadLetterTargetArn": queue_arn(name), "maxReceiveCount": most });
            add("RedrivePolicy", policy.to_string());
        }
        let wanted = names(body, "AttributeNames");
        if !wanted.contains("All") {
            all.retain(|name, _| wanted.contains(name.as_str()));
        }
        Ok(json!({ "Attributes": all }))
    }
}

impl From<QueueError> for Refusal {
    fn from(error: QueueError) -> Self {
        match error {
            QueueError::Unknown(_) => Self::new("QueueDoesNotExist", "The specified queue does not exist."),
            QueueError::Receipt => {
                Self::new("ReceiptHandleIsInvalid", "The input receipt handle is invalid.")
            }
            QueueError::NotInFlight => {
                Self::new("MessageNotInflight", "The specified message isn't in flight.")
            }
            QueueError::State(error) => error.into(),
        }
    }
}

/// Does each entry of a batch on its own: one that fails does not stop the others.
fn each(body: &Value, mut act: impl FnMut(&Value) -> Result<Value, Refusal>) -> Result<Value, Refusal> {
    let (mut successful, mut failed) = (Vec::new(), Vec::new());
    for entry in entries(body)? {
        let id = text(entry, "Id").unwrap_or_default();
        match act(entry) {
            Ok(mut answer) => {
                if let Value::Object(members) = &mut answer {
                    members.insert("Id".to_owned(), id.into());
                }
                successful.push(answer);
            }
            Err(refusal) => failed.push(json!({
                "Id": id,
                "SenderFault": refusal.status.is_client_error(),
                "Code": refusal.code,
                "Message": refusal.message,
            })),
        }
    }
    Ok(json!({ "Successful": successful, "Failed": failed }))
}

fn entries(body: &Value) -> Result<&Vec<Value>, Refusal> {
    let entries = body.get("Entries").and_then(Value::as_array).filter(|entries| !entries.is_empty());
    let entries = entries.ok_or_else(|| {
        Refusal::new("EmptyBatchRequest", "There should be at least one entry in the request.")
    })?;
    if entries.len() > BATCH {
        let text =
            format!("Maximum number of entries per request are {BATCH}. You have sent {}.", entries.len());
        return Err(Refusal::new("TooManyEntriesInBatchRequest", text));
    }
    let mut seen = BTreeSet::new();
    for entry in entries {
        let id = text(entry, "Id").unwrap_or_default();
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        if id.is_empty() || id.len() > 80 || !id.bytes().all(is_plain) {
            return Err(Refusal::new(
                "InvalidBatchEntryId",
                "A batch entry id can only contain alphanumeric characters, hyphens and underscores. It can be at most 80 letters long.",
            ));
        }
        if !seen.insert(id) {
            return Err(Refusal::new("BatchEntryIdsNotDistinct", format!("Id {id} repeated.")));
        }
    }
    Ok(entries)
}

fn check_attributes(attributes: &Map<String, Value>) -> Result<(), Refusal> {
    if attributes.len() > BATCH {
        return Err(invalid("Number of message attributes exceeds the allowed maximum [10]."));
    }
    for (name, attribute) in attributes {
        let kind = digest::data_type(attribute);
        let has_value = match kind.split('.').next() {
            Some("String" | "Number") => {
                text(attribute, "StringValue").is_some_and(|value| !value.is_empty())
            }
            Some("Binary") => text(attribute, "BinaryValue").is_some_and(|value| !value.is_empty()),
            _ => {
                return Err(invalid(format!(
                    "The message attribute '{name}' has an invalid message attribute type."
                )));
            }
        };
        if !has_value {
            return Err(invalid(format!(
                "The message attribute '{name}' must contain a non-empty value of its type."
            )));
        }
    }
    Ok(())
}

fn sent(message: &Message) -> Value {
    let mut answer = json!({ "MessageId": message.id, "MD5OfMessageBody": digest::of_body(&message.body) });
    if let (Some(digest), Value::Object(members)) = (digest::of_attributes(&message.attributes), &mut answer)
    {
        members.insert("MD5OfMessageAttributes".to_owned(), digest.into());
    }
    answer
}

fn received(message: &Message, body: &Value) -> Value {
    let mut answer = json!({
        "MessageId": message.id,
        "ReceiptHandle": message.receipt,
        "Body": message.body,
        "MD5OfBody": digest::of_body(&message.body),
    });
    let Value::Object(members) = &mut answer else {
        return answer;
    };
    let mut system = system_attributes(message);
    let wanted: BTreeSet<_> =
        names(body, "MessageSystemAttributeNames").union(&names(body, "AttributeNames")).copied().collect();
    if !wanted.contains("All") {
        system.retain(|name, _| wanted.contains(name.as_str()));
    }
    if !system.is_empty() {
        members.insert("Attributes".to_owned(), system.into());
    }
    let wanted = names(body, "MessageAttributeNames");
    let is_wanted = |name: &String| {
        wanted.iter().any(|wanted| match wanted.strip_suffix(".*") {
            Some(prefix) => name.starts_with(prefix),
            None => *wanted == "All" || wanted == name,
        })
    };
    let mut attributes = message.attributes.clone();
    attributes.retain(|name, _| is_wanted(name));
    if let Some(digest) = digest::of_attributes(&attributes) {
        members.insert("MD5OfMessageAttributes".to_owned(), digest.into());
        members.insert("MessageAttributes".to_owned(), attributes.into());
    }
    answer
}

/// What SQS itself says of a message.
pub(super) fn system_attributes(message: &Message) -> Map<String, Value> {
    let mut system = Map::new();
    let mut add = |name: &str, value: String| system.insert(name.to_owned(), Value::String(value));
    add("SenderId", message.sender.clone());
    add("SentTimestamp", message.sent_at.as_millisecond().to_string());
    add("ApproximateReceiveCount", message.receives.to_string());
    if let Some(first) = message.first_received_at {
        add("ApproximateFirstReceiveTimestamp", first.as_millisecond().to_string());
    }
    if let Some(trace) = &message.trace {
        add("AWSTraceHeader", trace.clone());
    }
    system
}

fn queue(body: &Value) -> Result<&str, Refusal> {
    let url = text(body, "QueueUrl").ok_or_else(|| missing("QueueUrl"))?;
    Ok(url.rsplit('/').next().unwrap_or(url))
}

fn url(host: &str, name: &str) -> String {
    format!("http://{host}/{ACCOUNT}/{name}")
}

fn receipt(entry: &Value) -> Result<&str, Refusal> {
    text(entry, "ReceiptHandle").ok_or_else(|| missing("ReceiptHandle"))
}

fn seconds(entry: &Value, name: &str, most: i64) -> Result<Option<SignedDuration>, Refusal> {
    let Some(given) = entry.get(name).filter(|given| !given.is_null()) else {
        return Ok(None);
    };
    let given = given.as_i64().filter(|given| (0..=most).contains(given));
    let given = given.ok_or_else(|| {
        invalid(format!(
            "Value for parameter {name} is invalid. Reason: Must be between 0 and {most}, if provided."
        ))
    })?;
    Ok(Some(SignedDuration::from_secs(given)))
}

fn names<'a>(body: &'a Value, name: &str) -> BTreeSet<&'a str> {
    body.get(name).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect()
}

fn text<'a>(value: &'a Value, name: &str) -> Option<&'a str> {
    value.get(name).and_then(Value::as_str)
}

fn is_allowed(character: char) -> bool {
    matches!(character, '\t' | '\n' | '\r' | ' '..='\u{D7FF}' | '\u{E000}'..='\u{FFFD}' | '\u{10000}'..)
}

fn missing(name: &str) -> Refusal {
    Refusal::new("MissingParameter", format!("The request must contain the parameter {name}."))
}

fn invalid(message: impl Into<String>) -> Refusal {
    Refusal::new("InvalidParameterValue", message)
}
