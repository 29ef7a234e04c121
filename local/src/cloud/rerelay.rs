//! Publishing again what happened since an instant, as an operator does it on AWS: the relay is invoked until it says
//! that there is no more.

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Cloud, LocalCloud};

/// The relay did not do it.
#[derive(Debug, thiserror::Error)]
#[error("the relay did not publish again: {0}")]
pub struct NotPublished(String);

#[derive(Debug, Deserialize)]
struct Answer {
    published: usize,
    #[serde(default)]
    next: Option<String>,
}

impl LocalCloud {
    /// Publishes again what happened since an instant; says how many rows that were.
    pub async fn rerelay(&self, since: Timestamp) -> Result<usize, NotPublished> {
        let cloud = std::sync::Arc::clone(&self.cloud);
        let done = self.home.run(async move { cloud.rerelay(since).await }).await;
        done.unwrap_or_else(|ended| Err(NotPublished(ended.to_string())))
    }
}

impl Cloud {
    pub(crate) async fn rerelay(&self, since: Timestamp) -> Result<usize, NotPublished> {
        let (mut published, mut next) = (0, None);
        loop {
            let wish = json!({ "rerelay": { "since": since, "next": next } });
            let answer = self.lambda.invoke("Relay", wish).await;
            let answer = answer.map_err(|error: Value| NotPublished(error.to_string()))?;
            let answer: Answer =
                serde_json::from_value(answer).map_err(|error| NotPublished(error.to_string()))?;
            published += answer.published;
            match answer.next {
                Some(further) => next = Some(further),
                None => return Ok(published),
            }
        }
    }
}
