//! Telling operators: one SNS topic, to which mail, chat or a pager subscribes.

use aws_sdk_sns::Client;

use crate::{Error, Result};

/// The operators' topic.
#[derive(Debug, Clone)]
pub struct Alerts {
    client: Client,
    topic: String,
}

impl Alerts {
    /// The topic with this ARN.
    pub const fn new(client: Client, topic: String) -> Self {
        Self { client, topic }
    }

    /// Tells whoever subscribes to the topic. SNS takes at most 100 characters as `subject`.
    pub async fn raise(&self, subject: &str, message: &str) -> Result<()> {
        let call = self.client.publish().topic_arn(&self.topic).subject(subject).message(message);
        call.send().await.map_err(|error| Error::Unavailable { what: "SNS", source: Box::new(error) })?;
        Ok(())
    }
}
