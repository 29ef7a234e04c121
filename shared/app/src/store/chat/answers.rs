//! What a shop answers by itself: FAQs, responses, hours. Every change has a number, so that whoever has learned them
//! knows with one read whether there is something new.

use contract::JournalEvent;
use domain::{
    ShopId,
    chat::{
        bot::{AutoResponse, Trigger},
        hours::BusinessHours,
    },
    faq::{Confidence, Faq},
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{
    Result,
    store::{Dynamo, Item, Key, Query, Transaction, dynamo::item, journal_row},
};

const FAQ: &str = "faq#";
const RESPONSE: &str = "response#";
const HOURS: &str = "hours";
const EDITION: &str = "edition";

/// A question and its answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredFaq {
    /// Its name.
    pub id: domain::FaqId,
    /// The question.
    pub question: String,
    /// Other ways to put it.
    #[serde(default)]
    pub alternatives: Vec<String>,
    /// Words that speak for it.
    #[serde(default)]
    pub keywords: Vec<String>,
    /// The answer, with slots.
    pub answer: String,
    /// In which language.
    pub language: String,
    /// From which confidence on it is answered; nothing, for the shop's own.
    #[serde(default)]
    pub threshold: Option<u8>,
    /// Whether it is answered at all.
    pub is_active: bool,
    /// It was a seed, and was deleted: it does not come back with the next seeding.
    #[serde(default)]
    pub is_deleted: bool,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

/// Something that is said without being asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredResponse {
    /// Its name.
    pub id: domain::AutoResponseId,
    /// When it is said.
    pub trigger: Trigger,
    /// The words, of a `keyword` response.
    #[serde(default)]
    pub keywords: Vec<String>,
    /// What is said, with slots.
    pub text: String,
    /// In which language.
    pub language: String,
    /// Whether it is said at all.
    pub is_active: bool,
    /// It was a seed, and was deleted.
    #[serde(default)]
    pub is_deleted: bool,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

/// All that a shop answers by itself.
#[derive(Debug, Clone, Default)]
pub struct AllAnswers {
    /// The number of the last change; 0 if there was none.
    pub edition: u64,
    /// Also those that are deleted.
    pub faqs: Vec<StoredFaq>,
    /// Also those that are deleted.
    pub responses: Vec<StoredResponse>,
    /// When somebody is there.
    pub hours: BusinessHours,
}

/// One of them, to be written.
#[derive(Debug, Clone)]
pub enum Answer {
    /// A question and its answer.
    Faq(StoredFaq),
    /// Something that is said without being asked.
    Response(StoredResponse),
    /// When somebody is there.
    Hours(BusinessHours),
}

#[derive(Debug, Serialize, Deserialize)]
struct EditionRow {
    version: u64,
}

#[derive(Debug, Serialize, Deserialize)]
struct HoursRow {
    hours: BusinessHours,
}

impl StoredFaq {
    /// As the matcher takes it.
    pub fn faq(&self, usual: u8) -> Faq {
        let threshold = Confidence::new(self.threshold.unwrap_or(usual)).unwrap_or_default();
        Faq {
            id: self.id.clone(),
            question: self.question.clone(),
            alternatives: self.alternatives.clone(),
            keywords: self.keywords.clone(),
            threshold,
            is_active: self.is_active && !self.is_deleted,
        }
    }
}

impl StoredResponse {
    /// As it is chosen from.
    pub fn response(&self) -> AutoResponse {
        AutoResponse {
            id: self.id.clone(),
            trigger: self.trigger,
            keywords: self.keywords.clone(),
            text: self.text.clone(),
            language: self.language.clone(),
            is_active: self.is_active && !self.is_deleted,
        }
    }
}

fn answers_pk(shop: &ShopId) -> String {
    format!("{shop}#answers")
}

fn key(shop: &ShopId, sk: impl Into<String>) -> Key {
    Key::new(answers_pk(shop), sk)
}

fn answer_item(shop: &ShopId, answer: &Answer) -> Result<Item> {
    match answer {
        Answer::Faq(faq) => item(&key(shop, format!("{FAQ}{}", faq.id)), faq),
        Answer::Response(response) => item(&key(shop, format!("{RESPONSE}{}", response.id)), response),
        Answer::Hours(hours) => item(&key(shop, HOURS), &HoursRow { hours: hours.clone() }),
    }
}

impl Dynamo {
    /// The number of the last change of what a shop answers.
    pub async fn answers_edition(&self, shop: &ShopId) -> Result<u64> {
        let row: Option<EditionRow> = self.get(&self.tables.chat, &key(shop, EDITION), true).await?;
        Ok(row.map_or(0, |row| row.version))
    }

    /// All that a shop answers by itself.
    pub async fn answers(&self, shop: &ShopId) -> Result<AllAnswers> {
        // Before the rows: what changes while they are read is read again next time.
        let edition = self.answers_edition(shop).await?;
        let faqs = self.all_of(shop, FAQ).await?;
        let responses = self.all_of(shop, RESPONSE).await?;
        let hours: Option<HoursRow> = self.get(&self.tables.chat, &key(shop, HOURS), true).await?;
        Ok(AllAnswers { edition, faqs, responses, hours: hours.map(|row| row.hours).unwrap_or_default() })
    }

    async fn all_of<T: DeserializeOwned>(&self, shop: &ShopId, kind: &str) -> Result<Vec<T>> {
        let query = Query::new(&self.tables.chat, answers_pk(shop)).beginning_with(kind).consistent();
        self.query_all(query).await
    }

    /// Writes some of them over edition `seen`; false if somebody was faster.
    pub(crate) async fn put_answers(
        &self,
        shop: &ShopId,
        seen: u64,
        answers: &[Answer],
        event: &JournalEvent,
    ) -> Result<bool> {
        let table = &self.tables.chat;
        let mut transaction = Transaction::default();
        let edition = item(&key(shop, EDITION), &EditionRow { version: seen + 1 })?;
        match seen {
            0 => transaction.put_new(table, edition)?,
            seen => transaction.put_version(table, edition, seen)?,
        }
        transaction.put_new(table, journal_row(&answers_pk(shop), event)?)?;
        for answer in answers {
            transaction.put_any(table, answer_item(shop, answer)?)?;
        }
        Ok(self.commit(&transaction).await?.is_ok())
    }
}
