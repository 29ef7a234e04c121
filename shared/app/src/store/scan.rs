//! Reading a whole table, page by page: for an operator's repair and nothing else.

use serde_json::Value;

use super::{
    Dynamo, Key,
    dynamo::{Item, unavailable},
};
use crate::{Error, Result};

/// Rows of one page.
const PAGE: i32 = 400;

/// A row as it is stored: partition key, sort key, the whole item in DynamoDB's own JSON.
pub type Stored = (String, String, Value);

impl Dynamo {
    /// A page of a table, and the keys after which the next one begins.
    pub async fn scan_page(
        &self,
        table: &str,
        after: Option<(String, String)>,
    ) -> Result<(Vec<Stored>, Option<(String, String)>)> {
        let start = after.map(|(pk, sk)| Key::new(pk, sk).attributes());
        let call = self.client.scan().table_name(table).limit(PAGE).consistent_read(true);
        let answer = call.set_exclusive_start_key(start).send().await.map_err(unavailable)?;
        let rows = answer.items.unwrap_or_default().into_iter().map(stored).collect::<Result<_>>()?;
        Ok((rows, answer.last_evaluated_key.as_ref().and_then(keys)))
    }
}

fn keys(item: &Item) -> Option<(String, String)> {
    let text = |name: &str| item.get(name)?.as_s().ok().cloned();
    Some((text("pk")?, text("sk")?))
}

fn stored(item: Item) -> Result<Stored> {
    let (pk, sk) = keys(&item).ok_or_else(|| Error::internal("a row has no keys"))?;
    let item = serde_json::to_value(serde_dynamo::Item::from(item));
    Ok((pk, sk, item.map_err(|error| Error::internal(error.to_string()))?))
}
