//! SNS: text messages, pushes to telephones, and topics, into the outbox.
//!
//! Topic subscriptions are kept and listed by nobody: the local cloud delivers no topic further than the outbox.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::Digest;

use crate::{
    aws::{
        ACCOUNT, REGION,
        wire::{Refusal, xml_text},
    },
    outbox::{Message, Outbox},
    state::Store,
};

const ENDPOINTS: &str = "sns/endpoints";
const SUBSCRIPTIONS: &str = "sns/subscriptions";

/// The most bytes of one message.
const MESSAGE_LIMIT: usize = 256 * 1024;

/// The most entries of one batch.
const BATCH: usize = 10;

/// The notification service.
pub struct Sns {
    store: Store,
    outbox: Outbox,
    topics: Vec<String>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Endpoint {
    token: String,
    user_data: String,
    is_enabled: bool,
}

impl Sns {
    /// Topics by name; messages go into `outbox`.
    pub fn new(store: Store, outbox: Outbox, topics: &[String]) -> Self {
        Self { store, outbox, topics: topics.iter().map(|name| topic_arn(name)).collect() }
    }

    /// Answers one operation with the XML inside `<…Result>`.
    pub fn answer(&self, operation: &str, form: &Value) -> Result<String, Refusal> {
        let form = Form(form);
        match operation {
            "Publish" => Ok(tag("MessageId", &self.publish(&form)?)),
            "PublishBatch" => self.publish_batch(&form),
            "CreatePlatformEndpoint" => self.create_endpoint(&form),
            "GetEndpointAttributes" => {
                let (_, endpoint) = self.endpoint(form.required("EndpointArn")?)?;
                Ok(format!("<Attributes>{}</Attributes>", attributes(&endpoint)))
            }
            "SetEndpointAttributes" => self.set_endpoint(&form),
            "DeleteEndpoint" => {
                self.store.delete(ENDPOINTS, form.required("EndpointArn")?)?; // deleting twice is no error
                Ok(String::new())
            }
            "Subscribe" => self.subscribe(&form),
            _ => Err(Refusal::new("InvalidAction", format!("{operation} is not known here"))),
        }
    }

    fn publish(&self, form: &Form<'_>) -> Result<String, Refusal> {
        let text = form.required("Message")?;
        if text.is_empty() || text.len() > MESSAGE_LIMIT {
            return Err(invalid(format!("Invalid parameter: Message must have 1 to {MESSAGE_LIMIT} bytes")));
        }
        if let Some(number) = form.get("PhoneNumber") {
            let digits = number.strip_prefix('+').unwrap_or_default();
            if !(7..=15).contains(&digits.len()) || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
                return Err(invalid(format!(
                    "Invalid parameter: PhoneNumber Reason: {number} is not valid to publish to"
                )));
            }
            return Ok(self.outbox.send(Message::Sms { to: number.to_owned(), text: text.to_owned() })?);
        }
        let target = form.get("TargetArn").or_else(|| form.get("TopicArn"));
        let target =
            target.ok_or_else(|| invalid("Invalid parameter: TopicArn or TargetArn Reason: no value"))?;
        let payload = payload(text, form.get("MessageStructure") == Some("json"))?;
        if target.contains(":endpoint/") {
            let (_, endpoint) = self.endpoint(target)?;
            if !endpoint.is_enabled {
                return Err(Refusal::new("EndpointDisabled", "Endpoint is disabled"));
            }
            let push = Message::Push { endpoint: target.to_owned(), token: endpoint.token, payload };
            return Ok(self.outbox.send(push)?);
        }
        self.topic(target)?;
        let subject = form.get("Subject").map(str::to_owned);
        Ok(self.outbox.send(Message::Topic { topic: target.to_owned(), subject, payload })?)
    }

    fn publish_batch(&self, form: &Form<'_>) -> Result<String, Refusal> {
        let topic = form.required("TopicArn")?;
        self.topic(topic)?;
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
                let id = self.outbox.send(Message::Topic {
                    topic: topic.to_owned(),
                    subject: entry(index, "Subject").map(str::to_owned),
                    payload: payload(text, entry(index, "MessageStructure") == Some("json"))?,
                })?;
                let entry_id = entry(index, "Id").unwrap_or_default();
                Ok(format!("<member>{}{}</member>", tag("Id", entry_id), tag("MessageId", &id)))
            })
            .collect::<Result<String, Refusal>>()?;
        Ok(format!("<Successful>{members}</Successful><Failed/>"))
    }

    /// The same token gives the same endpoint; with other attributes AWS refuses, and so does this.
    fn create_endpoint(&self, form: &Form<'_>) -> Result<String, Refusal> {
        let application = form.required("PlatformApplicationArn")?;
        let token = form.required("Token")?;
        let user_data = form.get("CustomUserData").unwrap_or_default().to_owned();
        let (_, path) = application
            .split_once(":app/")
            .ok_or_else(|| invalid("Invalid parameter: PlatformApplicationArn Reason: not an application"))?;
        let digest = sha2::Sha256::digest(format!("{application}\n{token}"));
        let id = hex::encode(digest.get(..16).unwrap_or(&digest));
        let arn = format!("arn:aws:sns:{REGION}:{ACCOUNT}:endpoint/{path}/{id}");
        if let Some(old) = self.store.get::<Endpoint>(ENDPOINTS, &arn)? {
            if old.user_data != user_data || !old.is_enabled {
                return Err(invalid(format!(
                    "Invalid parameter: Token Reason: Endpoint {arn} already exists with the same Token, but different attributes."
                )));
            }
        } else {
            self.store.put(
                ENDPOINTS,
                &arn,
                &Endpoint { token: token.to_owned(), user_data, is_enabled: true },
            )?;
        }
        Ok(tag("EndpointArn", &arn))
    }

    fn set_endpoint(&self, form: &Form<'_>) -> Result<String, Refusal> {
        let (arn, mut endpoint) = self.endpoint(form.required("EndpointArn")?)?;
        for index in 1.. {
            let Some(name) = form.get(&format!("Attributes.entry.{index}.key")) else {
                break;
            };
            let value = form.get(&format!("Attributes.entry.{index}.value")).unwrap_or_default();
            match name {
                "Enabled" => endpoint.is_enabled = value.eq_ignore_ascii_case("true"),
                "Token" => value.clone_into(&mut endpoint.token),
                "CustomUserData" => value.clone_into(&mut endpoint.user_data),
                _ => {
                    return Err(invalid(format!(
                        "Invalid parameter: Attributes Reason: {name} is not known"
                    )));
                }
            }
        }
        self.store.put(ENDPOINTS, &arn, &endpoint)?;
        Ok(String::new())
    }

    fn subscribe(&self, form: &Form<'_>) -> Result<String, Refusal> {
        let topic = form.required("TopicArn")?;
        self.topic(topic)?;
        let arn = format!("{topic}:{}", uuid::Uuid::now_v7());
        let endpoint = form.get("Endpoint").unwrap_or_default();
        self.store.put(SUBSCRIPTIONS, &arn, &(form.required("Protocol")?, endpoint))?;
        Ok(tag("SubscriptionArn", &arn))
    }

    fn endpoint(&self, arn: &str) -> Result<(String, Endpoint), Refusal> {
        let found = self.store.get(ENDPOINTS, arn)?;
        found.map(|endpoint| (arn.to_owned(), endpoint)).ok_or_else(|| not_found("Endpoint does not exist"))
    }

    fn topic(&self, arn: &str) -> Result<(), Refusal> {
        if self.topics.iter().any(|topic| topic == arn) {
            Ok(())
        } else {
            Err(not_found("Topic does not exist"))
        }
    }
}

/// The name of a topic of the template.
pub fn topic_arn(name: &str) -> String {
    format!("arn:aws:sns:{REGION}:{ACCOUNT}:{name}")
}

struct Form<'a>(&'a Value);

impl<'a> Form<'a> {
    fn get(&self, name: &str) -> Option<&'a str> {
        self.0.get(name).and_then(Value::as_str)
    }

    fn required(&self, name: &str) -> Result<&'a str, Refusal> {
        self.get(name).ok_or_else(|| invalid(format!("Invalid parameter: {name} Reason: no value")))
    }
}

/// The message as JSON if it is JSON. With `MessageStructure` `json`, it must be an object that has a `default`.
fn payload(text: &str, is_structured: bool) -> Result<Value, Refusal> {
    let parsed: Option<Value> = serde_json::from_str(text).ok();
    if is_structured && parsed.as_ref().and_then(|message| message.get("default")).is_none() {
        return Err(invalid("Invalid parameter: Message Structure - No default entry in JSON message body"));
    }
    Ok(parsed.unwrap_or_else(|| Value::String(text.to_owned())))
}

fn attributes(endpoint: &Endpoint) -> String {
    let entry = |key: &str, value: &str| format!("<entry>{}{}</entry>", tag("key", key), tag("value", value));
    let mut text = entry("Enabled", if endpoint.is_enabled { "true" } else { "false" });
    text.push_str(&entry("Token", &endpoint.token));
    if !endpoint.user_data.is_empty() {
        text.push_str(&entry("CustomUserData", &endpoint.user_data));
    }
    text
}

fn tag(name: &str, text: &str) -> String {
    format!("<{name}>{}</{name}>", xml_text(text))
}

fn invalid(message: impl Into<String>) -> Refusal {
    Refusal::new("InvalidParameter", message)
}

fn not_found(message: &str) -> Refusal {
    Refusal::new("NotFound", message).with_status(axum::http::StatusCode::NOT_FOUND)
}
