//! Tables and queues.

use std::{collections::BTreeMap, time::Duration};

use serde::Deserialize;

use super::{
    Index, Projection, Queue, Table, TemplateError,
    document::{Document, Resource},
};

/// Partition and sort key attribute names.
type Keys = (String, Option<String>);

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct TableProperties {
    attribute_definitions: Vec<AttributeDefinition>,
    key_schema: Vec<KeyElement>,
    #[serde(default)]
    global_secondary_indexes: Vec<IndexProperties>,
    time_to_live_specification: Option<TimeToLive>,
    stream_specification: Option<StreamProperties>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct AttributeDefinition {
    attribute_name: String,
    attribute_type: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct KeyElement {
    attribute_name: String,
    key_type: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct IndexProperties {
    index_name: String,
    key_schema: Vec<KeyElement>,
    projection: ProjectionProperties,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ProjectionProperties {
    projection_type: String,
    #[serde(default)]
    non_key_attributes: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct TimeToLive {
    attribute_name: String,
    enabled: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct StreamProperties {
    stream_view_type: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct QueueProperties {
    /// Seconds. The defaults are those of SQS.
    #[serde(default = "QueueProperties::default_visibility")]
    visibility_timeout: u32,
    #[serde(default = "QueueProperties::default_retention")]
    message_retention_period: u32,
    redrive_policy: Option<RedrivePolicy>,
}

impl QueueProperties {
    fn default_visibility() -> u32 {
        30
    }

    fn default_retention() -> u32 {
        4 * 24 * 60 * 60
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RedrivePolicy {
    dead_letter_target_arn: String,
    max_receive_count: u32,
}

pub(super) fn tables(document: &Document<'_>) -> Result<Vec<Table>, TemplateError> {
    document
        .of_type("AWS::DynamoDB::Table")
        .map(|resource| table(&resource))
        .collect()
}

pub(super) fn queues(document: &Document<'_>) -> Result<Vec<Queue>, TemplateError> {
    document
        .of_type("AWS::SQS::Queue")
        .map(|resource| queue(&resource))
        .collect()
}

fn table(resource: &Resource<'_>) -> Result<Table, TemplateError> {
    let properties: TableProperties = resource.properties()?;
    let types: BTreeMap<_, _> = properties
        .attribute_definitions
        .iter()
        .map(|attribute| {
            (
                attribute.attribute_name.as_str(),
                attribute.attribute_type.as_str(),
            )
        })
        .collect();
    let has_stream = match &properties.stream_specification {
        None => false,
        Some(stream) if stream.stream_view_type == "NEW_AND_OLD_IMAGES" => true,
        Some(_) => {
            return Err(
                resource.unservable("StreamSpecification", "only NEW_AND_OLD_IMAGES is served; use it")
            );
        }
    };
    let mut indexes = Vec::new();
    for index in properties.global_secondary_indexes {
        let place = format!("GlobalSecondaryIndexes ({})", index.index_name);
        let projection = match index.projection.projection_type.as_str() {
            "ALL" => Projection::All,
            "KEYS_ONLY" => Projection::KeysOnly,
            "INCLUDE" => Projection::Include(index.projection.non_key_attributes),
            other => {
                return Err(
                    resource.unservable(&place, format!("`{other}` is not ALL, KEYS_ONLY or INCLUDE"))
                );
            }
        };
        indexes.push(Index {
            keys: keys(resource, &place, &index.key_schema, &types)?,
            name: index.index_name,
            projection,
        });
    }
    Ok(Table {
        name: resource.id.to_owned(),
        keys: keys(resource, "KeySchema", &properties.key_schema, &types)?,
        indexes,
        ttl_attribute: properties
            .time_to_live_specification
            .filter(|ttl| ttl.enabled)
            .map(|ttl| ttl.attribute_name),
        has_stream,
    })
}

fn keys(
    resource: &Resource<'_>,
    place: &str,
    schema: &[KeyElement],
    types: &BTreeMap<&str, &str>,
) -> Result<Keys, TemplateError> {
    for KeyElement {
        attribute_name: name, ..
    } in schema
    {
        match types.get(name.as_str()) {
            Some(&"S") => {}
            Some(_) => {
                return Err(resource.unservable(place, format!("`{name}` is not of type S; keys are texts")));
            }
            None => {
                let problem = format!("`{name}` is not among AttributeDefinitions; add it");
                return Err(resource.unservable(place, problem));
            }
        }
    }
    let named = |kind: &str| {
        schema
            .iter()
            .find(|element| element.key_type == kind)
            .map(|element| element.attribute_name.clone())
    };
    let partition = named("HASH").ok_or_else(|| resource.unservable(place, "has no HASH key; name one"))?;
    Ok((partition, named("RANGE")))
}

fn queue(resource: &Resource<'_>) -> Result<Queue, TemplateError> {
    let properties: QueueProperties = resource.properties()?;
    let dead_letters = properties.redrive_policy.map(|policy| {
        let name = super::last_of(&policy.dead_letter_target_arn).to_owned();
        (name, policy.max_receive_count)
    });
    Ok(Queue {
        name: resource.id.to_owned(),
        visibility: Duration::from_secs(properties.visibility_timeout.into()),
        retention: Duration::from_secs(properties.message_retention_period.into()),
        dead_letters,
    })
}
