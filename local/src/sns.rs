//! SNS: text messages, pushes to telephones, and topics.
//!
//! What reaches people goes into the outbox; what is published to a topic goes there too, and into the queues that the
//! template subscribes to it.

use std::collections::BTreeMap;

use serde_json::Value;

use self::{
    devices::Devices,
    form::{Form, invalid, tag},
    numbers::Numbers,
};
use crate::{
    aws::{
        ACCOUNT, REGION,
        wire::{Refusal, xml_text},
    },
    outbox::{Message, Outbox},
    state::Store,
};

mod devices;
mod form;
mod numbers;
mod topics;

pub use numbers::Reply;
pub use topics::Topics;

const SUBSCRIPTIONS: &str = "sns/subscriptions";

/// The most bytes of one message.
const MESSAGE_LIMIT: usize = 256 * 1024;

/// The most entries of one batch.
const BATCH: usize = 10;

/// The notification service.
pub struct Sns {
    store: Store,
    outbox: Outbox,
    topics: Topics,
    devices: Devices,
    numbers: Numbers,
}

impl Sns {
    /// Messages go into `outbox`, and to `topics`. Telephones register with `applications` (ARNs).
    pub fn new(store: Store, outbox: Outbox, topics: Topics, applications: Vec<String>) -> Self {
        Self {
            devices: Devices::new(store.clone(), outbox.clone(), topics.clone(), applications),
            numbers: Numbers::new(store.clone(), outbox.clone(), topics.clone()),
            store,
            outbox,
            topics,
        }
    }

    /// Answers one operation with the XML inside `<…Result>`.
    pub fn answer(&self, operation: &str, form: &Value) -> Result<String, Refusal> {
        let form = Form(form);
        match operation {
            "Publish" => Ok(tag("MessageId", &self.publish(form)?)),
            "PublishBatch" => self.publish_batch(form),
            "CreatePlatformEndpoint" => self.devices.create(form),
            "GetEndpointAttributes" => self.devices.attributes(form.required("EndpointArn")?),
            "SetEndpointAttributes" => self.devices.set(form),
            "DeleteEndpoint" => self.devices.delete(form.required("EndpointArn")?),
            "CheckIfPhoneNumberIsOptedOut" => self.numbers.check(form.required("phoneNumber")?),
            "ListPhoneNumbersOptedOut" => self.numbers.list(form.get("nextToken")),
            "OptInPhoneNumber" => self.numbers.opt_in(form.required("phoneNumber")?),
            "Subscribe" => self.subscribe(form),
            _ => Err(Refusal::new("InvalidAction", format!("{operation} is not known here"))),
        }
    }

    /// Enables or disables every endpoint of a device, as Google's and Apple's own services make SNS do when an app is
    /// installed and removed. Says how many there are.
    pub fn enable_device(&self, token: &str, is_enabled: bool) -> Result<usize, Refusal> {
        self.devices.enable(token, is_enabled)
    }

    /// A device is known to Google's or Apple's service, or is no longer; SNS finds out at the next push to it.
    pub fn know_device(&self, token: &str, is_known: bool) -> Result<(), Refusal> {
        self.devices.know(token, is_known)
    }

    /// Somebody answers a text message.
    pub fn receive_reply(&self, reply: &Reply) -> Result<Value, Refusal> {
        self.numbers.receive(reply)
    }

    fn publish(&self, form: Form<'_>) -> Result<String, Refusal> {
        let text = form.required("Message")?;
        check_length(text)?;
        let attributes = form.attributes("MessageAttributes");
        if let Some(number) = form.get("PhoneNumber") {
            return self.numbers.send(number, text, attributes);
        }
        let target = form.get("TargetArn").or_else(|| form.get("TopicArn"));
        let target =
            target.ok_or_else(|| invalid("Invalid parameter: TopicArn or TargetArn Reason: no value"))?;
        let is_structured = form.get("MessageStructure") == Some("json");
        if target.contains(":endpoint/") {
            return self.devices.push(target, text, is_structured, attributes);
        }
        self.post(target, form.get("Subject"), text, is_structured)
    }

    fn publish_batch(&self, form: Form<'_>) -> Result<String, Refusal> {
        let topic = form.required("TopicArn")?;
        self.topics.check(topic)?;
        let entry =
            |index: usize, name: &str| form.get(&format!("PublishBatchRequestEntries.member.{index}.{name}"));
        let count = (1..=BATCH + 1).take_while(|index| entry(*index, "Id").is_some()).count();
        if count == 0 {
            return Err(Refusal::new("EmptyBatchRequest", "The batch request doesn't contain any entries."));
        }
        if count > BATCH {
            return Err(Refusal::new(
                "TooManyEntriesInBatchRequest",
                "The batch request contains too many entries.",
            ));
        }
        let members = (1..=count)
            .map(|index| {
                let text = entry(index, "Message").unwrap_or_default();
                let is_structured = entry(index, "MessageStructure") == Some("json");
                let id = self.post(topic, entry(index, "Subject"), text, is_structured)?;
                let entry_id = entry(index, "Id").unwrap_or_default();
                Ok(format!("<member>{}{}</member>", tag("Id", entry_id), tag("MessageId", &id)))
            })
            .collect::<Result<String, Refusal>>()?;
        Ok(format!("<Successful>{members}</Successful><Failed/>"))
    }

    /// Publishes to a topic. Whoever reads the outbox sees it too.
    fn post(
        &self,
        topic: &str,
        subject: Option<&str>,
        text: &str,
        is_structured: bool,
    ) -> Result<String, Refusal> {
        self.topics.check(topic)?;
        let payload = payload(text, is_structured)?;
        let told = match &payload {
            Value::Object(kinds) if is_structured => {
                let text = kinds.get("sqs").or_else(|| kinds.get("default")).and_then(Value::as_str);
                text.unwrap_or_default().to_owned()
            }
            _ => text.to_owned(),
        };
        let subject = subject.map(str::to_owned);
        let kept = Message::Topic { topic: topic.to_owned(), subject: subject.clone(), payload };
        let id = self.outbox.send(kept)?;
        self.topics.deliver(topic, &id, subject.as_deref(), &told)?;
        Ok(id)
    }

    fn subscribe(&self, form: Form<'_>) -> Result<String, Refusal> {
        let topic = form.required("TopicArn")?;
        self.topics.check(topic)?;
        let arn = format!("{topic}:{}", uuid::Uuid::now_v7());
        let endpoint = form.get("Endpoint").unwrap_or_default();
        self.store.put(SUBSCRIPTIONS, &arn, &(form.required("Protocol")?, endpoint))?;
        Ok(tag("SubscriptionArn", &arn))
    }
}

/// The name of a topic of the template.
pub fn topic_arn(name: &str) -> String {
    format!("arn:aws:sns:{REGION}:{ACCOUNT}:{name}")
}

fn check_length(text: &str) -> Result<(), Refusal> {
    if text.is_empty() || text.len() > MESSAGE_LIMIT {
        return Err(invalid(format!("Invalid parameter: Message must have 1 to {MESSAGE_LIMIT} bytes")));
    }
    Ok(())
}

/// The message as JSON if it is JSON. With `MessageStructure` `json`, it must be an object of texts that has a `default`.
fn payload(text: &str, is_structured: bool) -> Result<Value, Refusal> {
    let parsed: Option<Value> = serde_json::from_str(text).ok();
    if is_structured {
        let refused = |why: &str| invalid(format!("Invalid parameter: Message Structure - {why}"));
        let kinds = parsed.as_ref().and_then(Value::as_object);
        let kinds = kinds.ok_or_else(|| refused("JSON message body failed to parse"))?;
        if !kinds.contains_key("default") {
            return Err(refused("No default entry in JSON message body"));
        }
        if !kinds.values().all(Value::is_string) {
            return Err(refused("JSON message body failed to parse"));
        }
    }
    Ok(parsed.unwrap_or_else(|| Value::String(text.to_owned())))
}

/// Attributes of a message, by name.
type Attributes = BTreeMap<String, String>;
