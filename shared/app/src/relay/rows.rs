//! Rows as a stream hands them over.

use contract::JournalEvent;
use domain::ShopId;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{
    Error, Result,
    store::{
        JOURNAL,
        chat::{AGENT, AgentRow, MESSAGE, MessageRow},
        inventory::{LEVEL, LevelRow, RESERVATION, ReservationRow},
        notifications::{INBOX, Notification, NotificationRow},
    },
};

/// A row that a stream tells about, as far as the relay reads it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct StreamRow {
    /// Sort key.
    pub sk: String,
    /// Partition key.
    pub pk: String,
    /// The whole row, in DynamoDB's own JSON.
    pub image: serde_json::Value,
    /// What it was before, if it was there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<serde_json::Value>,
}

/// What one row comes to.
pub(super) enum Published {
    Event(Box<JournalEvent>),
    Level(Box<LevelRow>),
    /// Something was said.
    Message(Box<MessageRow>),
    /// An agent is there, or not; has one more, or one less.
    Agent(Box<AgentRow>),
    /// Somebody is told something.
    Notification(Box<Notification>),
    Nothing,
}

impl StreamRow {
    pub(super) fn read(&self) -> Result<Published> {
        let corrupt = |error: serde_dynamo::Error| Error::Internal {
            what: format!("row {}/{} cannot be read", self.pk, self.sk),
            source: Some(Box::new(error)),
        };
        let item: serde_dynamo::Item = serde_json::from_value(self.image.clone())
            .map_err(|error| Error::internal(format!("row {}/{} is no item: {error}", self.pk, self.sk)))?;
        if self.sk.starts_with(JOURNAL) {
            return serde_dynamo::from_item(item)
                .map(|event| Published::Event(Box::new(event)))
                .map_err(corrupt);
        }
        if self.sk.starts_with(LEVEL) {
            return serde_dynamo::from_item(item)
                .map(|level| Published::Level(Box::new(level)))
                .map_err(corrupt);
        }
        if self.sk.starts_with(MESSAGE) {
            let message = serde_dynamo::from_item(item).map_err(corrupt)?;
            return Ok(Published::Message(Box::new(message)));
        }
        if self.sk.starts_with(AGENT) {
            let agent = serde_dynamo::from_item(item).map_err(corrupt)?;
            return Ok(Published::Agent(Box::new(agent)));
        }
        if self.sk.starts_with(INBOX) {
            return serde_dynamo::from_item(item)
                .map(|row: NotificationRow| Published::Notification(Box::new(row.notification())))
                .map_err(corrupt);
        }
        if self.sk.starts_with(RESERVATION) {
            return serde_dynamo::from_item(item)
                .map(|hold: ReservationRow| Published::Event(Box::new(hold.event())))
                .map_err(corrupt);
        }
        Ok(Published::Nothing)
    }

    /// What it was before, read as it is read now.
    pub(super) fn before<T: DeserializeOwned>(&self) -> Result<Option<T>> {
        let Some(image) = &self.before else { return Ok(None) };
        let wrong = || Error::internal(format!("what row {}/{} was cannot be read", self.pk, self.sk));
        let item: serde_dynamo::Item = serde_json::from_value(image.clone()).map_err(|_| wrong())?;
        serde_dynamo::from_item(item).map(Some).map_err(|_| wrong())
    }

    pub(super) fn shop(&self) -> Result<ShopId> {
        let shop = self.pk.split('#').next().unwrap_or_default();
        ShopId::new(shop).map_err(|_| Error::internal(format!("row {} is of no shop", self.pk)))
    }

    /// The name under which it is parked.
    pub(super) fn name(&self) -> String {
        crate::clock::derived(&[&self.pk, &self.sk]).simple().to_string()
    }
}
