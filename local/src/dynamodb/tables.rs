//! Makes the template's tables, and sees to it that those of an older run still fit.

use dynoxide::NativeDatabase;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::DynamoError;
use crate::template::{Projection, Table};

/// Makes the table if it is missing; refuses one that differs.
pub fn ensure(engine: &NativeDatabase, table: &Table) -> Result<(), DynamoError> {
    let declared = declaration(table);
    if engine.get_table_metadata(&table.name)?.is_none() {
        engine.create_table(request(&declared)?)?;
        if let Some(attribute) = &table.ttl_attribute {
            engine.update_time_to_live(request(&json!({
                "TableName": table.name,
                "TimeToLiveSpecification": { "Enabled": true, "AttributeName": attribute },
            }))?)?;
        }
        return Ok(());
    }
    let described = engine.describe_table(request(&json!({ "TableName": table.name }))?)?;
    let described = serde_json::to_value(described).unwrap_or_default();
    if shape(&declared) == shape(described.get("Table").unwrap_or(&Value::Null)) {
        Ok(())
    } else {
        Err(DynamoError::Changed(table.name.clone()))
    }
}

fn request<Q: DeserializeOwned>(body: &Value) -> Result<Q, DynamoError> {
    Q::deserialize(body)
        .map_err(|error| dynoxide::DynoxideError::ValidationException(error.to_string()).into())
}

/// The `CreateTable` request.
fn declaration(table: &Table) -> Value {
    let mut attributes = vec![&table.keys.0];
    attributes.extend(&table.keys.1);
    let mut indexes = Vec::new();
    for index in &table.indexes {
        attributes.push(&index.keys.0);
        attributes.extend(&index.keys.1);
        let projection = match &index.projection {
            Projection::All => json!({ "ProjectionType": "ALL" }),
            Projection::KeysOnly => json!({ "ProjectionType": "KEYS_ONLY" }),
            Projection::Include(names) => json!({ "ProjectionType": "INCLUDE", "NonKeyAttributes": names }),
        };
        indexes.push(
            json!({ "IndexName": index.name, "KeySchema": key_schema(&index.keys), "Projection": projection }),
        );
    }
    attributes.sort();
    attributes.dedup();
    let definitions: Vec<_> =
        attributes.iter().map(|name| json!({ "AttributeName": name, "AttributeType": "S" })).collect();
    let mut declared = json!({
        "TableName": table.name,
        "KeySchema": key_schema(&table.keys),
        "AttributeDefinitions": definitions,
        "BillingMode": "PAY_PER_REQUEST",
    });
    if let Value::Object(members) = &mut declared {
        if !indexes.is_empty() {
            members.insert("GlobalSecondaryIndexes".to_owned(), indexes.into());
        }
        if table.has_stream {
            members.insert(
                "StreamSpecification".to_owned(),
                json!({ "StreamEnabled": true, "StreamViewType": "NEW_AND_OLD_IMAGES" }),
            );
        }
    }
    declared
}

fn key_schema((partition, sort): &(String, Option<String>)) -> Value {
    let mut schema = vec![json!({ "AttributeName": partition, "KeyType": "HASH" })];
    schema.extend(sort.iter().map(|sort| json!({ "AttributeName": sort, "KeyType": "RANGE" })));
    schema.into()
}

/// What of a declaration or a description cannot change under a table's rows.
fn shape(table: &Value) -> Value {
    let member = |value: &Value, name: &str| value.get(name).cloned().unwrap_or_default();
    let mut indexes: Vec<Value> = table
        .get("GlobalSecondaryIndexes")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .map(|index| {
            json!([
                member(index, "IndexName"),
                member(index, "KeySchema"),
                index.pointer("/Projection/ProjectionType"),
            ])
        })
        .collect();
    indexes.sort_by_key(Value::to_string);
    let has_stream = table.pointer("/StreamSpecification/StreamEnabled").and_then(Value::as_bool);
    json!([member(table, "KeySchema"), indexes, has_stream.unwrap_or(false)])
}
