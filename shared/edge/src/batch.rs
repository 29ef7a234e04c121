//! Batches from streams and queues, and which of their records are to come again.

use app::relay::StreamRow;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

/// A batch of a table's stream, as far as it is read. Our own type: the published one brings a date library.
#[derive(Debug, Clone, Deserialize)]
pub struct StreamEvent {
    /// The records, in order per item.
    #[serde(rename = "Records")]
    pub records: Vec<StreamRecord>,
}

/// One record of a table's stream.
#[derive(Debug, Clone, Deserialize)]
pub struct StreamRecord {
    dynamodb: StreamImages,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct StreamImages {
    #[serde(default)]
    new_image: serde_json::Value,
    #[serde(default)]
    old_image: Option<serde_json::Value>,
    sequence_number: String,
}

impl StreamRecord {
    /// The row after the change; nothing if it was removed.
    pub fn row(&self) -> Option<StreamRow> {
        let image = &self.dynamodb.new_image;
        let text = |name: &str| image.get(name)?.get("S")?.as_str().map(str::to_owned);
        Some(StreamRow {
            pk: text("pk")?,
            sk: text("sk")?,
            image: image.clone(),
            before: self.dynamodb.old_image.clone(),
        })
    }

    /// Its place in the stream.
    pub fn sequence_number(&self) -> &str {
        &self.dynamodb.sequence_number
    }
}

/// A batch of a queue, as far as it is read.
#[derive(Debug, Clone, Deserialize)]
pub struct QueueEvent {
    /// The messages.
    #[serde(rename = "Records")]
    pub records: Vec<QueueRecord>,
}

/// One message of a queue.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct QueueRecord {
    /// Its name.
    pub message_id: String,
    body: String,
}

impl QueueRecord {
    /// What it says.
    ///
    /// # Errors
    /// If it is not JSON of the expected kind.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        serde_json::from_str(&self.body)
    }
}

/// Which records of a batch are to come again.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct BatchAnswer {
    /// Empty if none.
    #[serde(rename = "batchItemFailures")]
    pub failures: Vec<BatchFailure>,
}

/// One record that is to come again; of a stream also all behind it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BatchFailure {
    /// Message id, or sequence number.
    #[serde(rename = "itemIdentifier")]
    pub item_identifier: String,
}

impl BatchAnswer {
    /// All of these are to come again.
    pub fn all_again(identifiers: impl IntoIterator<Item = String>) -> Self {
        let failures = identifiers.into_iter().map(|item_identifier| BatchFailure { item_identifier });
        Self { failures: failures.collect() }
    }

    /// `identifier` is to come again.
    pub fn again(identifier: impl Into<String>) -> Self {
        Self { failures: vec![BatchFailure { item_identifier: identifier.into() }] }
    }
}
