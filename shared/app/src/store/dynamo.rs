//! Reading and writing items: the parts of DynamoDB that every table needs.

use std::{collections::HashMap, sync::Arc};

use aws_sdk_dynamodb::{
    Client,
    error::SdkError,
    operation::{put_item::PutItemError, query::QueryError, update_item::UpdateItemError},
    types::{
        AttributeValue, KeysAndAttributes, PutRequest, ReturnValue,
        ReturnValuesOnConditionCheckFailure as OnFailure, WriteRequest,
    },
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use domain::ShopId;
use jiff::Timestamp;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{Error, Result};

/// An item as DynamoDB has it.
pub type Item = HashMap<String, AttributeValue>;

/// The attribute that names the request which last wrote an item. (`request` by itself is a reserved word.)
const WRITTEN_BY: &str = "request_id";

/// Names of the tables. A function that has no business with a table has no name for it.
#[derive(Debug, Clone, Default)]
pub struct Tables {
    /// Connections, subscriptions, tickets, user logs.
    pub realtime: String,
    /// Levels, movements, reservations.
    pub inventory: String,
    /// Orders, payments, refunds, Stripe's events.
    pub orders: String,
    /// Products.
    pub catalog: String,
    /// Conversations, agents, what the shop answers by itself.
    pub chat: String,
    /// What people are told, what they want, and where they are.
    pub notifications: String,
    /// Links and revocations.
    pub customers: String,
    /// Service keys, limits, idempotency, flags, audit, repairs.
    pub platform: String,
}

/// The key of an item.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Key {
    pub(super) pk: String,
    pub(super) sk: String,
}

impl Key {
    /// Only the files of this folder build keys.
    pub(super) fn new(pk: impl Into<String>, sk: impl Into<String>) -> Self {
        Self { pk: pk.into(), sk: sk.into() }
    }

    pub(super) fn attributes(&self) -> Item {
        HashMap::from([("pk".into(), text(&self.pk)), ("sk".into(), text(&self.sk))])
    }
}

impl std::fmt::Display for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.pk, self.sk)
    }
}

/// A string attribute.
pub fn text(value: impl Into<String>) -> AttributeValue {
    AttributeValue::S(value.into())
}

/// A number attribute.
pub fn number(value: impl std::fmt::Display) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

/// `row` as an item under `key`.
pub fn item(key: &Key, row: &impl Serialize) -> Result<Item> {
    let mut item: Item = serde_dynamo::to_item(row).map_err(|error| Error::Internal {
        what: format!("row {key} cannot be written"),
        source: Some(Box::new(error)),
    })?;
    item.extend(key.attributes());
    Ok(item)
}

/// The row in `item`; one that cannot be read is an error that names its key.
pub fn row<T: DeserializeOwned>(item: Item) -> Result<T> {
    let name = |attribute: &str| {
        item.get(attribute).and_then(|value| value.as_s().ok()).cloned().unwrap_or_default()
    };
    let key = Key::new(name("pk"), name("sk"));
    serde_dynamo::from_item(item).map_err(|error| Error::Internal {
        what: format!("row {key} cannot be read"),
        source: Some(Box::new(error)),
    })
}

/// Where a list goes on: what was last seen, without the partition, which only the server says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor(Vec<String>);

impl Cursor {
    /// Reads what a client sends back.
    pub fn parse(text: &str) -> Result<Self> {
        let wrong = || Error::field("cursor", "invalid", "not a cursor of this list");
        let bytes = BASE64.decode(text).map_err(|_| wrong())?;
        let parts: Vec<String> = serde_json::from_slice(&bytes).map_err(|_| wrong())?;
        let is_sane =
            !parts.is_empty() && parts.len() <= 3 && parts.iter().all(|part| (1..=512).contains(&part.len()));
        if is_sane { Ok(Self(parts)) } else { Err(wrong()) }
    }

    /// Behind one place of a list: the sort key of a row, or whatever a list is sorted by.
    pub(crate) fn at(place: String) -> Self {
        Self(vec![place])
    }

    /// That place, if it is what the cursor says.
    pub(crate) fn place(&self) -> Option<&str> {
        match self.0.as_slice() {
            [place] => Some(place),
            _ => None,
        }
    }

    fn of(key: &Item, query: &Query<'_>) -> Option<Self> {
        let names = query.cursor_attributes();
        let parts =
            names.iter().map(|name| key.get(*name)?.as_s().ok().cloned()).collect::<Option<Vec<_>>>()?;
        Some(Self(parts))
    }
}

impl std::fmt::Display for Cursor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&BASE64.encode(serde_json::to_vec(&self.0).unwrap_or_default()))
    }
}

/// What to read of one partition.
#[derive(Debug, Clone)]
pub struct Query<'a> {
    table: &'a str,
    index: Option<(&'static str, &'static str, &'static str)>,
    partition: String,
    range: Range,
    limit: Option<u32>,
    is_backward: bool,
    is_consistent: bool,
    cursor: Option<Cursor>,
}

#[derive(Debug, Clone)]
enum Range {
    All,
    BeginsWith(String),
    Between(String, String),
}

impl<'a> Query<'a> {
    /// All of `partition`.
    pub(super) fn new(table: &'a str, partition: impl Into<String>) -> Self {
        Self {
            table,
            index: None,
            partition: partition.into(),
            range: Range::All,
            limit: None,
            is_backward: false,
            is_consistent: false,
            cursor: None,
        }
    }

    /// Of an index instead: its name, partition and sort attributes.
    pub(super) fn on_index(
        mut self,
        name: &'static str,
        partition: &'static str,
        sort: &'static str,
    ) -> Self {
        self.index = Some((name, partition, sort));
        self
    }

    pub(super) fn beginning_with(mut self, prefix: impl Into<String>) -> Self {
        self.range = Range::BeginsWith(prefix.into());
        self
    }

    pub(super) fn between(mut self, from: impl Into<String>, to: impl Into<String>) -> Self {
        self.range = Range::Between(from.into(), to.into());
        self
    }

    pub(super) fn limit(mut self, limit: u32) -> Self {
        self.limit = Some(limit);
        self
    }

    pub(super) fn newest_first(mut self) -> Self {
        self.is_backward = true;
        self
    }

    pub(super) fn consistent(mut self) -> Self {
        self.is_consistent = true;
        self
    }

    pub(super) fn after(mut self, cursor: Option<Cursor>) -> Self {
        self.cursor = cursor;
        self
    }

    fn names(&self) -> (&'static str, &'static str) {
        self.index.map_or(("pk", "sk"), |(_, partition, sort)| (partition, sort))
    }

    fn cursor_attributes(&self) -> Vec<&'static str> {
        match self.index {
            None => vec!["sk"],
            Some((_, _, sort)) => vec![sort, "pk", "sk"],
        }
    }

    fn start_key(&self) -> Result<Option<Item>> {
        let Some(cursor) = &self.cursor else {
            return Ok(None);
        };
        let names = self.cursor_attributes();
        if names.len() != cursor.0.len() {
            return Err(Error::field("cursor", "invalid", "not a cursor of this list"));
        }
        let mut key: Item = names.into_iter().map(str::to_owned).zip(cursor.0.iter().map(text)).collect();
        key.insert(self.names().0.to_owned(), text(&self.partition));
        Ok(Some(key))
    }
}

/// The tables and the way to them.
#[derive(Debug, Clone)]
pub struct Dynamo {
    pub(super) client: Client,
    /// Their names.
    pub tables: Arc<Tables>,
    /// Which levels are divided, as far as this process has seen.
    pub(crate) divisions: super::inventory::Divisions,
}

/// What a conditional write came to.
#[derive(Debug)]
pub enum Written {
    /// It was written.
    Yes,
    /// The condition did not hold; this is what was there instead.
    Refused(Option<Item>),
}

/// What DynamoDB says when it was asked too much at once, or for items that others are changing.
const TOO_BUSY: [&str; 5] = [
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "ThrottlingException",
    "TransactionConflictException",
    "TransactionInProgressException",
];

/// DynamoDB could not be reached, or was too busy, after the SDK's own retries.
pub(super) fn unavailable<E, R>(error: SdkError<E, R>) -> Error
where
    E: std::error::Error + aws_sdk_dynamodb::error::ProvideErrorMetadata + Send + Sync + 'static,
    R: std::fmt::Debug + Send + Sync + 'static,
{
    use aws_sdk_dynamodb::error::ProvideErrorMetadata as _;
    if let Some(code) = error.code().filter(|code| TOO_BUSY.contains(code)) {
        tracing::warn!(code, "the database is too busy");
        return Error::busy();
    }
    Error::Unavailable { what: "the database", source: Box::new(error) }
}

impl Dynamo {
    /// The tables named `tables` behind `client`.
    pub fn new(client: Client, tables: Tables) -> Self {
        Self { client, tables: Arc::new(tables), divisions: super::inventory::Divisions::default() }
    }

    /// One item, read consistently if a decision depends on it.
    pub(super) async fn get<T: DeserializeOwned>(
        &self,
        table: &str,
        key: &Key,
        consistent: bool,
    ) -> Result<Option<T>> {
        let call = self
            .client
            .get_item()
            .table_name(table)
            .set_key(Some(key.attributes()))
            .consistent_read(consistent);
        call.send().await.map_err(unavailable)?.item.map(row).transpose()
    }

    /// Several items of one table, in no order; missing ones are left out.
    pub(super) async fn get_many<T: DeserializeOwned>(&self, table: &str, keys: &[Key]) -> Result<Vec<T>> {
        self.read_many(table, keys, false).await
    }

    /// The same, read consistently: a decision depends on them.
    pub(super) async fn get_many_as_they_are<T: DeserializeOwned>(
        &self,
        table: &str,
        keys: &[Key],
    ) -> Result<Vec<T>> {
        self.read_many(table, keys, true).await
    }

    async fn read_many<T: DeserializeOwned>(
        &self,
        table: &str,
        keys: &[Key],
        consistent: bool,
    ) -> Result<Vec<T>> {
        let mut rows = Vec::with_capacity(keys.len());
        for chunk in keys.chunks(100) {
            let mut wanted: Vec<Item> = chunk.iter().map(Key::attributes).collect();
            // DynamoDB answers with what fits 16 MB and hands the rest back; five rounds carry 80 MB.
            for _ in 0..5 {
                let keys = KeysAndAttributes::builder().set_keys(Some(std::mem::take(&mut wanted)));
                let keys = keys.consistent_read(consistent).build();
                let keys = keys.map_err(|error| Error::internal(error.to_string()))?;
                let answer = self
                    .client
                    .batch_get_item()
                    .request_items(table, keys)
                    .send()
                    .await
                    .map_err(unavailable)?;
                for item in answer.responses.unwrap_or_default().into_values().flatten() {
                    rows.push(row(item)?);
                }
                wanted = answer
                    .unprocessed_keys
                    .unwrap_or_default()
                    .remove(table)
                    .map(|rest| rest.keys)
                    .unwrap_or_default();
                if wanted.is_empty() {
                    break;
                }
            }
            if !wanted.is_empty() {
                return Err(Error::busy());
            }
        }
        Ok(rows)
    }

    /// One page of a partition, and where it goes on.
    pub(super) async fn query<T: DeserializeOwned>(
        &self,
        query: &Query<'_>,
    ) -> Result<(Vec<T>, Option<Cursor>)> {
        let (items, next) = self.query_items(query).await?;
        Ok((items.into_iter().map(row).collect::<Result<_>>()?, next))
    }

    /// The same, where a partition has rows of several kinds.
    pub(super) async fn query_items(&self, query: &Query<'_>) -> Result<(Vec<Item>, Option<Cursor>)> {
        let (partition, sort) = query.names();
        let mut call = self
            .client
            .query()
            .table_name(query.table)
            .set_index_name(query.index.map(|(name, ..)| name.to_owned()))
            .expression_attribute_names("#partition", partition)
            .expression_attribute_values(":partition", text(&query.partition))
            .scan_index_forward(!query.is_backward)
            .consistent_read(query.is_consistent && query.index.is_none())
            .set_limit(query.limit.and_then(|limit| i32::try_from(limit).ok()))
            .set_exclusive_start_key(query.start_key()?);
        call = match &query.range {
            Range::All => call.key_condition_expression("#partition = :partition"),
            Range::BeginsWith(prefix) => call
                .key_condition_expression("#partition = :partition AND begins_with(#sort, :prefix)")
                .expression_attribute_names("#sort", sort)
                .expression_attribute_values(":prefix", text(prefix)),
            Range::Between(from, to) => call
                .key_condition_expression("#partition = :partition AND #sort BETWEEN :from AND :to")
                .expression_attribute_names("#sort", sort)
                .expression_attribute_values(":from", text(from))
                .expression_attribute_values(":to", text(to)),
        };
        let answer = call.send().await.map_err(|error| match error.as_service_error() {
            // The only part of a query that is not ours is the cursor.
            Some(_) if query.cursor.is_some() && is_validation(&error) => {
                Error::field("cursor", "invalid", "not a cursor of this list")
            }
            _ => unavailable(error),
        })?;
        let next = answer.last_evaluated_key.as_ref().and_then(|key| Cursor::of(key, query));
        Ok((answer.items.unwrap_or_default(), next))
    }

    /// All of a partition, however many pages it has.
    pub(super) async fn query_all<T: DeserializeOwned>(&self, mut query: Query<'_>) -> Result<Vec<T>> {
        let mut rows = vec![];
        loop {
            let (mut page, next) = self.query(&query).await?;
            rows.append(&mut page);
            match next {
                Some(cursor) => query.cursor = Some(cursor),
                None => return Ok(rows),
            }
        }
    }

    /// What fell due in partition `shard` of a table's `due` index until `now`, oldest first.
    pub(super) async fn due(&self, table: &str, shard: u32, now: Timestamp, limit: u32) -> Result<Vec<Due>> {
        let until = super::sortable(now);
        let query =
            Query::new(table, format!("due#{shard}")).on_index("due", "due", "due_at").between("0", until);
        let (rows, _): (Vec<Indexed>, _) = self.query(&query.limit(limit)).await?;
        rows.into_iter().map(|row| Due::read(&row)).collect()
    }

    /// Writes an item, whatever is there.
    pub(super) async fn put(&self, table: &str, item: Item) -> Result<()> {
        self.client.put_item().table_name(table).set_item(Some(item)).send().await.map_err(unavailable)?;
        Ok(())
    }

    /// Writes items, whatever is there, each only once: 25 in a request.
    pub(super) async fn put_many(&self, table: &str, items: Vec<Item>) -> Result<()> {
        let put = |item| {
            let put = PutRequest::builder().set_item(Some(item)).build();
            put.map(|put| WriteRequest::builder().put_request(put).build())
        };
        let puts: Result<Vec<_>, _> = items.into_iter().map(put).collect();
        for puts in puts.map_err(|error| Error::internal(error.to_string()))?.chunks(25) {
            let mut left = puts.to_vec();
            // DynamoDB hands back what it has no room for.
            for _ in 0..5 {
                let call = self.client.batch_write_item().request_items(table, left);
                let answer = call.send().await.map_err(unavailable)?;
                left = answer.unprocessed_items.unwrap_or_default().remove(table).unwrap_or_default();
                if left.is_empty() {
                    break;
                }
            }
            if !left.is_empty() {
                return Err(Error::busy());
            }
        }
        Ok(())
    }

    /// Writes an item if there is none with its key.
    ///
    /// The SDK repeats a request whose answer was lost; `request` is stored in the item so that the repetition
    /// recognises its own success.
    pub(super) async fn put_new(&self, table: &str, mut item: Item, request: &str) -> Result<Written> {
        item.insert(WRITTEN_BY.into(), text(request));
        let call = self
            .client
            .put_item()
            .table_name(table)
            .set_item(Some(item))
            .condition_expression("attribute_not_exists(pk)")
            .return_values_on_condition_check_failure(OnFailure::AllOld);
        match call.send().await {
            Ok(_) => Ok(Written::Yes),
            Err(error) => match error.as_service_error() {
                Some(PutItemError::ConditionalCheckFailedException(refused)) => {
                    Ok(own_success(refused.item.clone(), request))
                }
                _ => Err(unavailable(error)),
            },
        }
    }

    /// Changes an item under a condition; see [`Dynamo::put_new`] about `request`.
    pub(super) async fn update(
        &self,
        table: &str,
        key: &Key,
        update: Update<'_>,
        request: &str,
    ) -> Result<Written> {
        let changed = self.change(table, key, update, request, ReturnValue::None).await?;
        Ok(changed.map_or_else(Written::Refused, |_| Written::Yes))
    }

    /// The same, and shows the item: as it is now, or, if the condition did not hold, as it was.
    pub(super) async fn update_and_see(
        &self,
        table: &str,
        key: &Key,
        update: Update<'_>,
        request: &str,
    ) -> Result<std::result::Result<Item, Option<Item>>> {
        self.change(table, key, update, request, ReturnValue::AllNew).await
    }

    async fn change(
        &self,
        table: &str,
        key: &Key,
        update: Update<'_>,
        request: &str,
        shown: ReturnValue,
    ) -> Result<std::result::Result<Item, Option<Item>>> {
        let call = self
            .client
            .update_item()
            .table_name(table)
            .set_key(Some(key.attributes()))
            .update_expression(update.with_request())
            .set_condition_expression(update.condition.map(str::to_owned))
            .set_expression_attribute_names((!update.names.is_empty()).then(|| update.names.clone()))
            .set_expression_attribute_values(Some(update.values_with_request(request)))
            .return_values(shown)
            .return_values_on_condition_check_failure(OnFailure::AllOld);
        match call.send().await {
            Ok(changed) => Ok(Ok(changed.attributes.unwrap_or_default())),
            Err(error) => match error.as_service_error() {
                Some(UpdateItemError::ConditionalCheckFailedException(refused)) => {
                    let found = refused.item.clone();
                    Ok(match own_success(found.clone(), request) {
                        Written::Yes => Ok(found.unwrap_or_default()),
                        Written::Refused(found) => Err(found),
                    })
                }
                _ => Err(unavailable(error)),
            },
        }
    }

    /// Removes an item, if it is there.
    pub(super) async fn delete(&self, table: &str, key: &Key) -> Result<()> {
        let call = self.client.delete_item().table_name(table).set_key(Some(key.attributes()));
        call.send().await.map_err(unavailable)?;
        Ok(())
    }
}

/// The request that wrote an item last.
pub(super) fn written_by(item: &Item) -> Option<&String> {
    item.get(WRITTEN_BY)?.as_s().ok()
}

fn own_success(found: Option<Item>, request: &str) -> Written {
    let is_ours = found.as_ref().and_then(written_by).is_some_and(|by| by == request);
    if is_ours { Written::Yes } else { Written::Refused(found) }
}

fn is_validation<R>(error: &SdkError<QueryError, R>) -> bool {
    use aws_sdk_dynamodb::error::ProvideErrorMetadata;
    error.code() == Some("ValidationException")
}

/// A change of one item.
#[derive(Debug, Clone, Default)]
pub struct Update<'a> {
    /// `SET …`, without the name of the request.
    pub set: &'a str,
    /// `ADD …`, `REMOVE …`.
    pub rest: &'a str,
    /// The condition.
    pub condition: Option<&'a str>,
    /// Names for `#…`.
    pub names: HashMap<String, String>,
    /// Values for `:…`.
    pub values: Item,
}

impl Update<'_> {
    fn with_request(&self) -> String {
        let comma = if self.set.is_empty() { "" } else { ", " };
        format!("SET {}{comma}{WRITTEN_BY} = :request {}", self.set, self.rest)
    }

    fn values_with_request(&self, request: &str) -> Item {
        let mut values = self.values.clone();
        values.insert(":request".into(), text(request));
        values
    }
}

/// A row of an index that carries nothing but keys.
#[derive(Debug, Deserialize)]
pub(super) struct Indexed {
    pub(super) pk: String,
    pub(super) sk: String,
}

/// Something that fell due: `{shop}#{kind}#{id}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Due {
    /// Whose.
    pub shop: ShopId,
    /// What: `order`, `payment`, `reservation`.
    pub kind: String,
    /// Which one; of a person's hold, only the place that it has among theirs.
    pub id: String,
    /// Its sort key, where one partition has several that fall due.
    pub row: String,
}

impl Due {
    fn read(row: &Indexed) -> Result<Self> {
        let wrong = || Error::internal(format!("row {}/{} should not be due", row.pk, row.sk));
        let (shop, rest) = row.pk.split_once('#').ok_or_else(wrong)?;
        let (kind, about) = rest.split_once('#').ok_or_else(wrong)?;
        let shop = ShopId::new(shop).map_err(|_| wrong())?;
        // Holds of one person share a partition: which of them it is, is in the sort key.
        let rest = row.sk.strip_prefix(kind).and_then(|rest| rest.strip_prefix('-')).unwrap_or_default();
        Ok(Self { shop, kind: kind.to_owned(), id: format!("{about}{rest}"), row: row.sk.clone() })
    }
}

/// Values for an expression: `values([(":a", number(1))])`.
pub fn values<const N: usize>(values: [(&str, AttributeValue); N]) -> Item {
    values.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}
