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
    document.of_type("AWS::DynamoDB::Table").map(|resource| table(&resource)).collect()
}

pub(super) fn queues(document: &Document<'_>) -> Result<Vec<Queue>, TemplateError> {
    document.of_type("AWS::SQS::Queue").map(|resource| queue(&resource)).collect()
}

fn table(resource: &Resource<'_>) -> Result<Table, TemplateError> {
    let properties: TableProperties = resource.properties()?;
    let types: BTreeMap<_, _> = properties
        .attribute_definitions
        .iter()
        .map(|attribute| (attribute.attribute_name.as_str(), attribute.attribute_type.as_str()))
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
    for KeyElement { attribute_name: name, .. } in schema {
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
        schema.iter().find(|element| element.key_type == kind).map(|element| element.attribute_name.clone())
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::{Projection, fixture::read};

    fn table(attribute: &str, properties: &str) -> String {
        format!(
            "
Resources:
  Orders:
    Type: AWS::DynamoDB::Table
    Properties:
      AttributeDefinitions: [{{ AttributeName: pk, AttributeType: S }}, {attribute}]
      KeySchema: [{{ AttributeName: pk, KeyType: HASH }}]
      {properties}
"
        )
    }

    #[test]
    fn a_table_has_its_indexes_stream_and_ttl() {
        let template = read(&table(
            "{ AttributeName: due, AttributeType: S }",
            "GlobalSecondaryIndexes:
        - IndexName: due
          KeySchema: [{ AttributeName: due, KeyType: HASH }, { AttributeName: pk, KeyType: RANGE }]
          Projection: { ProjectionType: INCLUDE, NonKeyAttributes: [total] }
      StreamSpecification: { StreamViewType: NEW_AND_OLD_IMAGES }
      TimeToLiveSpecification: { AttributeName: expires_at, Enabled: 'true' }",
        ));
        let table = template.unwrap().tables.remove(0);
        assert_eq!(table.keys, ("pk".to_owned(), None));
        assert!(table.has_stream);
        assert_eq!(table.ttl_attribute.as_deref(), Some("expires_at"));
        assert_eq!(table.indexes[0].keys, ("due".to_owned(), Some("pk".to_owned())));
        assert_eq!(table.indexes[0].projection, Projection::Include(vec!["total".to_owned()]));
    }

    #[test]
    fn a_table_that_could_not_be_served_says_why() {
        let number = "{ AttributeName: n, AttributeType: N }";
        let index = "GlobalSecondaryIndexes: [{ IndexName: i, KeySchema: [{ AttributeName: n, KeyType: HASH }], \
                     Projection: { ProjectionType: ALL } }]";
        assert_eq!(
            read(&table(number, index)).unwrap_err(),
            "template.yaml: Resources.Orders.Properties.GlobalSecondaryIndexes (i): \
             `n` is not of type S; keys are texts"
        );
        let keys_only = "StreamSpecification: { StreamViewType: KEYS_ONLY }";
        assert_eq!(
            read(&table(number, keys_only)).unwrap_err(),
            "template.yaml: Resources.Orders.Properties.StreamSpecification: \
             only NEW_AND_OLD_IMAGES is served; use it"
        );
    }

    #[test]
    fn a_queue_has_the_defaults_of_sqs_and_names_its_dead_letters() {
        let template = read(
            "
Resources:
  Dead: { Type: 'AWS::SQS::Queue' }
  Work:
    Type: AWS::SQS::Queue
    Properties:
      VisibilityTimeout: '60'
      RedrivePolicy: { deadLetterTargetArn: !GetAtt Dead.Arn, maxReceiveCount: 3 }
",
        )
        .unwrap();
        let [dead, work] = template.queues.as_slice() else { panic!("{:?}", template.queues) };
        assert_eq!(dead.visibility, Duration::from_secs(30));
        assert_eq!(dead.retention, Duration::from_hours(4 * 24));
        assert_eq!(work.visibility, Duration::from_mins(1));
        assert_eq!(work.dead_letters, Some(("Dead".to_owned(), 3)));
    }
}
