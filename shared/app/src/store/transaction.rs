//! Several writes that happen together or not at all.

use std::collections::HashMap;

use aws_sdk_dynamodb::{
    operation::transact_write_items::TransactWriteItemsError,
    types::{
        CancellationReason, ConditionCheck, Delete, Put, ReturnValuesOnConditionCheckFailure as OnFailure,
        TransactWriteItem, Update as DynamoUpdate,
    },
};
use domain::{Bucket, Sku};
use rand::Rng;

use super::dynamo::{Dynamo, Item, Key, unavailable};
use crate::{Error, Result};

/// How often a transaction that met another one is tried again.
const MAX_ATTEMPTS: u32 = 5;

/// Writes that happen together.
#[derive(Debug, Default)]
pub struct Transaction {
    writes: Vec<TransactWriteItem>,
    /// The buckets of stock that its first writes change.
    pub(super) shelves: Vec<(Sku, Bucket)>,
    /// Whether it makes a hold that one transaction could not sell.
    pub(super) is_unsellable: bool,
}

/// The most writes of one transaction; DynamoDB's own limit.
const MOST_WRITES: usize = 100;

/// Why a transaction was not written: for each write whose condition did not hold, its place and what was there.
#[derive(Debug)]
pub struct Refusal(Vec<(usize, Option<Item>)>);

impl Refusal {
    /// What was found in place of write number `index`, if that write was refused.
    pub fn of(&self, index: usize) -> Option<Option<&Item>> {
        self.0.iter().find(|(at, _)| *at == index).map(|(_, item)| item.as_ref())
    }
}

impl Transaction {
    /// How many writes there are; also the index of the next one.
    pub const fn len(&self) -> usize {
        self.writes.len()
    }

    /// Whether there are none.
    pub const fn is_empty(&self) -> bool {
        self.writes.is_empty()
    }

    /// Whether it has more writes than a transaction may have, or whoever goes on from it would.
    pub const fn is_too_large(&self) -> bool {
        self.is_unsellable || self.writes.len() > MOST_WRITES
    }

    /// The buckets of stock that the first writes change, in this order.
    pub fn shelves(&self) -> &[(Sku, Bucket)] {
        &self.shelves
    }

    /// Writes nothing, but holds only if `condition` does.
    pub(super) fn check(&mut self, table: &str, key: &Key, condition: &str, values: Item) -> Result<()> {
        let names = named(condition);
        let check = ConditionCheck::builder()
            .table_name(table)
            .set_key(Some(key.attributes()))
            .condition_expression(condition)
            .set_expression_attribute_names((!names.is_empty()).then_some(names))
            .set_expression_attribute_values((!values.is_empty()).then_some(values))
            .return_values_on_condition_check_failure(OnFailure::AllOld)
            .build()
            .map_err(|error| Error::internal(error.to_string()))?;
        self.writes.push(TransactWriteItem::builder().condition_check(check).build());
        Ok(())
    }

    /// Writes an item that must not be there yet.
    pub(super) fn put_new(&mut self, table: &str, item: Item) -> Result<()> {
        self.put(table, item, Some("attribute_not_exists(pk)"), Item::new())
    }

    /// Writes an item, whatever is there.
    pub(super) fn put_any(&mut self, table: &str, item: Item) -> Result<()> {
        self.put(table, item, None, Item::new())
    }

    /// Writes an item in place of the one with `version`.
    pub(super) fn put_version(&mut self, table: &str, item: Item, version: u64) -> Result<()> {
        let values = super::dynamo::values([(":seen", super::dynamo::number(version))]);
        self.put(table, item, Some("version = :seen"), values)
    }

    /// Writes an item under `condition`; `#name` in it stands for the attribute `name`.
    pub(super) fn put_if(&mut self, table: &str, item: Item, condition: &str, values: Item) -> Result<()> {
        self.put(table, item, Some(condition), values)
    }

    fn put(&mut self, table: &str, item: Item, condition: Option<&str>, values: Item) -> Result<()> {
        let names = condition.map(named).unwrap_or_default();
        let put = Put::builder()
            .table_name(table)
            .set_item(Some(item))
            .set_condition_expression(condition.map(str::to_owned))
            .set_expression_attribute_names((!names.is_empty()).then_some(names))
            .set_expression_attribute_values((!values.is_empty()).then_some(values))
            .return_values_on_condition_check_failure(OnFailure::AllOld)
            .build()
            .map_err(|error| Error::internal(error.to_string()))?;
        self.writes.push(TransactWriteItem::builder().put(put).build());
        Ok(())
    }

    /// Removes an item under `condition`.
    pub(super) fn delete(&mut self, table: &str, key: &Key, condition: &str) -> Result<()> {
        self.delete_if(table, key, condition, Item::new())
    }

    /// Removes an item, if it is there.
    pub(super) fn delete_any(&mut self, table: &str, key: &Key) -> Result<()> {
        self.delete_if(table, key, "", Item::new())
    }

    /// Removes an item under `condition` with `values`.
    pub(super) fn delete_if(&mut self, table: &str, key: &Key, condition: &str, values: Item) -> Result<()> {
        let delete = Delete::builder()
            .table_name(table)
            .set_key(Some(key.attributes()))
            .set_condition_expression((!condition.is_empty()).then(|| condition.to_owned()))
            .set_expression_attribute_values((!values.is_empty()).then_some(values))
            .build()
            .map_err(|error| Error::internal(error.to_string()))?;
        self.writes.push(TransactWriteItem::builder().delete(delete).build());
        Ok(())
    }

    /// Changes an item under `condition`; `#name` in an expression stands for the attribute `name`.
    pub(super) fn update(
        &mut self,
        table: &str,
        key: &Key,
        expression: impl Into<String>,
        condition: Option<String>,
        values: Item,
    ) -> Result<()> {
        let expression = expression.into();
        let names = named(&format!("{expression} {}", condition.as_deref().unwrap_or_default()));
        let update = DynamoUpdate::builder()
            .table_name(table)
            .set_key(Some(key.attributes()))
            .update_expression(expression)
            .set_condition_expression(condition)
            .set_expression_attribute_names((!names.is_empty()).then_some(names))
            .set_expression_attribute_values(Some(values))
            .return_values_on_condition_check_failure(OnFailure::AllOld)
            .build()
            .map_err(|error| Error::internal(error.to_string()))?;
        self.writes.push(TransactWriteItem::builder().update(update).build());
        Ok(())
    }
}

impl Dynamo {
    /// Writes all of `transaction`, or says which conditions did not hold.
    ///
    /// The SDK names each call with a `ClientRequestToken`, so its own retries after a lost answer are not written
    /// twice. Meeting another transaction on the same item is not the caller's fault and is tried again.
    pub async fn commit(&self, transaction: &Transaction) -> Result<Result<(), Refusal>> {
        for attempt in 0..MAX_ATTEMPTS {
            back_off(attempt).await;
            let call =
                self.client.transact_write_items().set_transact_items(Some(transaction.writes.clone()));
            // Boxed: the SDK's futures are deep, and this one is inside every use case.
            let Err(error) = Box::pin(call.send()).await else {
                return Ok(Ok(()));
            };
            let Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) =
                error.as_service_error()
            else {
                return Err(unavailable(error));
            };
            let reasons = cancelled.cancellation_reasons();
            let refused = refusals(reasons);
            if !refused.is_empty() {
                return Ok(Err(Refusal(refused)));
            }
            if !reasons.iter().all(|reason| is_passing(reason.code())) {
                return Err(unavailable(error));
            }
        }
        Err(Error::busy())
    }
}

/// `#name` for every attribute whose own name is a word of DynamoDB's.
fn named(expression: &str) -> HashMap<String, String> {
    let words = expression.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == '#'));
    words.filter_map(|word| Some((word.to_owned(), word.strip_prefix('#')?.to_owned()))).collect()
}

fn refusals(reasons: &[CancellationReason]) -> Vec<(usize, Option<Item>)> {
    let refused = |reason: &CancellationReason| reason.code() == Some("ConditionalCheckFailed");
    let found = reasons.iter().enumerate().filter(|(_, reason)| refused(reason));
    found.map(|(index, reason)| (index, reason.item.clone())).collect()
}

fn is_passing(code: Option<&str>) -> bool {
    matches!(
        code,
        None | Some("None" | "TransactionConflict" | "ThrottlingError" | "ProvisionedThroughputExceeded")
    )
}

/// Before every attempt but the first, waits a random part of 20 ms, 40 ms, 80 ms …, so that two that met do not meet
/// again.
async fn back_off(attempt: u32) {
    let Some(before) = attempt.checked_sub(1) else {
        return;
    };
    let most = 20_u64 << before.min(6);
    let wait = rand::rng().random_range(1..=most);
    tokio::time::sleep(std::time::Duration::from_millis(wait)).await;
}
