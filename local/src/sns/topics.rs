//! Topics, and the queues that listen to them.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{Refusal, form::not_found, topic_arn};
use crate::{clock::TurnableClock, sqs::Sqs, template::Subscription};

/// What is set up in AWS by hand for an account, and not by the template, tells its news here if the template has it:
/// two-way text messages, and applications that telephones register with.
const FEEDBACK: &str = "FeedbackTopic";

/// The template's topics. Clones share them.
#[derive(Clone)]
pub struct Topics(Arc<Inner>);

struct Inner {
    names: Vec<String>,
    subscriptions: Vec<Subscription>,
    queues: Sqs,
    clock: TurnableClock,
}

impl Topics {
    /// Topics by name, and which queues each of them tells.
    pub fn new(names: &[String], subscriptions: &[Subscription], queues: Sqs, clock: TurnableClock) -> Self {
        Self(Arc::new(Inner { names: names.to_vec(), subscriptions: subscriptions.to_vec(), queues, clock }))
    }

    /// Refuses a topic that is not there.
    pub(super) fn check(&self, arn: &str) -> Result<(), Refusal> {
        let is_there = self.0.names.iter().any(|name| topic_arn(name) == arn);
        if is_there { Ok(()) } else { Err(not_found("Topic does not exist")) }
    }

    /// Tells what a service has to say, in a message of its own, to the queues of the topic called `name`.
    pub fn tell(&self, name: &str, event: &Value) -> Result<(), Refusal> {
        let id = uuid::Uuid::now_v7().to_string();
        self.deliver(&topic_arn(name), &id, None, &event.to_string())
    }

    /// [`Topics::tell`] for what has no topic in the template; says whether anybody could listen.
    pub(super) fn tell_feedback(&self, event: &Value) -> Result<bool, Refusal> {
        if !self.0.names.iter().any(|name| name == FEEDBACK) {
            return Ok(false);
        }
        self.tell(FEEDBACK, event)?;
        Ok(true)
    }

    /// Puts a message into every queue that is subscribed to the topic, raw or in an envelope as each wants it.
    pub(super) fn deliver(
        &self,
        arn: &str,
        id: &str,
        subject: Option<&str>,
        text: &str,
    ) -> Result<(), Refusal> {
        for subscription in self.0.subscriptions.iter().filter(|one| topic_arn(&one.topic) == arn) {
            let body = match subscription.is_raw {
                true => text.to_owned(),
                false => self.envelope(arn, id, subject, text),
            };
            self.0.queues.send_text(&subscription.queue, body, "sns")?;
        }
        Ok(())
    }

    /// The time, on the turnable clock.
    pub fn now(&self) -> Timestamp {
        self.0.clock.now()
    }

    fn envelope(&self, arn: &str, id: &str, subject: Option<&str>, text: &str) -> String {
        let mut envelope = json!({
            "Type": "Notification",
            "MessageId": id,
            "TopicArn": arn,
            "Message": text,
            "Timestamp": self.now().to_string(),
            "SignatureVersion": "1",
            "Signature": "not signed here",
            "SigningCertURL": "",
            "UnsubscribeURL": "",
        });
        if let (Some(subject), Value::Object(members)) = (subject, &mut envelope) {
            members.insert("Subject".to_owned(), subject.into());
        }
        envelope.to_string()
    }
}
