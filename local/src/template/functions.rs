//! Functions, and what invokes them other than the APIs: schedules, streams, queues.

use std::{collections::BTreeMap, time::Duration};

use serde::Deserialize;
use serde_json::Value;

use super::{
    Function, Schedule, Source, SourceKind, TemplateError,
    document::{Document, Resource},
    last_of,
};

/// Everything that this file reads.
#[derive(Default)]
pub(super) struct Found {
    pub(super) functions: BTreeMap<String, Function>,
    pub(super) schedules: Vec<Schedule>,
    pub(super) sources: Vec<Source>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Globals {
    function: GlobalProperties,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct GlobalProperties {
    timeout: Option<u32>,
    environment: Environment,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct FunctionProperties {
    code_uri: String,
    timeout: Option<u32>,
    #[serde(default)]
    environment: Environment,
    #[serde(default)]
    events: BTreeMap<String, Event>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Environment {
    /// `None` is `AWS::NoValue`: the variable is not set.
    variables: BTreeMap<String, Option<String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Event {
    r#type: String,
    #[serde(default)]
    properties: EventProperties,
}

/// The properties of SAM's `Schedule`, `DynamoDB` and `SQS` events.
#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct EventProperties {
    schedule: Option<String>,
    input: Option<String>,
    stream: Option<String>,
    queue: Option<String>,
    enabled: Option<bool>,
    batch_size: Option<usize>,
    maximum_retry_attempts: Option<i64>,
    bisect_batch_on_function_error: bool,
    destination_config: DestinationConfig,
    filter_criteria: FilterCriteria,
    function_response_types: Vec<String>,
    scaling_config: ScalingConfig,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct DestinationConfig {
    on_failure: Option<Destination>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Destination {
    destination: String,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct FilterCriteria {
    filters: Vec<Filter>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Filter {
    pattern: String,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct ScalingConfig {
    maximum_concurrency: Option<usize>,
}

/// Lambda's own timeout, where neither the function nor `Globals` states one.
const DEFAULT_TIMEOUT_SECONDS: u32 = 3;

pub(super) fn read(document: &Document<'_>) -> Result<Found, TemplateError> {
    let Globals { function: globals } = document.globals()?;
    let mut found = Found::default();
    for resource in document.of_type("AWS::Serverless::Function") {
        let properties: FunctionProperties = resource.properties()?;
        for (id, event) in properties.events {
            found.add(&resource, &id, event)?;
        }
        let mut environment = globals.environment.variables.clone();
        environment.extend(properties.environment.variables);
        let function = Function {
            name: resource.id.to_owned(),
            folder: last_of(properties.code_uri.trim_end_matches('/')).to_owned(),
            environment: environment.into_iter().filter_map(|(name, value)| Some((name, value?))).collect(),
            timeout: Duration::from_secs(
                properties.timeout.or(globals.timeout).unwrap_or(DEFAULT_TIMEOUT_SECONDS).into(),
            ),
        };
        found.functions.insert(function.name.clone(), function);
    }
    Ok(found)
}

impl Found {
    fn add(&mut self, function: &Resource<'_>, id: &str, event: Event) -> Result<(), TemplateError> {
        let place = format!("Events.{id}");
        let missing = |property: &str| {
            function.unservable(&format!("{place}.Properties"), format!("has no {property}; name it"))
        };
        let properties = event.properties;
        if properties.enabled == Some(false) {
            return Ok(());
        }
        match event.r#type.as_str() {
            "Schedule" => {
                let expression = properties.schedule.ok_or_else(|| missing("Schedule"))?;
                self.schedules.push(Schedule {
                    name: format!("{}{id}", function.id), // the id that SAM gives to the rule
                    expression,
                    function: function.id.to_owned(),
                    input: properties.input,
                });
            }
            "DynamoDB" => {
                let arn = properties.stream.as_deref().ok_or_else(|| missing("Stream"))?;
                let table = arn.split('/').nth(1).unwrap_or(arn).to_owned();
                self.sources.push(source(function, &place, SourceKind::Stream(table), properties)?);
            }
            "SQS" => {
                let arn = properties.queue.as_deref().ok_or_else(|| missing("Queue"))?;
                let queue = last_of(arn).to_owned();
                self.sources.push(source(function, &place, SourceKind::Queue(queue), properties)?);
            }
            other => {
                let problem =
                    format!("events of type `{other}` are not served locally; use Schedule, DynamoDB or SQS");
                return Err(function.unservable(&place, problem));
            }
        }
        Ok(())
    }
}

fn source(
    function: &Resource<'_>,
    place: &str,
    kind: SourceKind,
    properties: EventProperties,
) -> Result<Source, TemplateError> {
    let filters: Vec<_> =
        properties.filter_criteria.filters.into_iter().map(|filter| filter.pattern).collect();
    for filter in &filters {
        serde_json::from_str::<Value>(filter).map_err(|error| {
            function.unservable(
                &format!("{place}.Properties.FilterCriteria"),
                format!("`{filter}` is not JSON: {error}"),
            )
        })?;
    }
    let default_batch = match kind {
        SourceKind::Stream(_) => 100,
        SourceKind::Queue(_) => 10,
    };
    Ok(Source {
        function: function.id.to_owned(),
        kind,
        batch_size: properties.batch_size.unwrap_or(default_batch),
        // -1, like nothing, is until the record expires
        maximum_retries: properties.maximum_retry_attempts.and_then(|retries| u32::try_from(retries).ok()),
        bisects: properties.bisect_batch_on_function_error,
        on_failure: properties.destination_config.on_failure.map(|to| last_of(&to.destination).to_owned()),
        filters,
        maximum_concurrency: properties.scaling_config.maximum_concurrency,
        reports_failures: properties
            .function_response_types
            .iter()
            .any(|kind| kind == "ReportBatchItemFailures"),
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::{SourceKind, fixture::read};

    fn function(events: &str) -> String {
        format!(
            "
Globals: {{ Function: {{ Timeout: 15, Environment: {{ Variables: {{ A: globals, B: globals }} }} }} }}
Resources:
  Orders:
    Type: AWS::DynamoDB::Table
    Properties:
      AttributeDefinitions: [{{ AttributeName: pk, AttributeType: S }}]
      KeySchema: [{{ AttributeName: pk, KeyType: HASH }}]
  Work: {{ Type: 'AWS::SQS::Queue' }}
  Quick: {{ Type: 'AWS::Serverless::Function', Properties: {{ CodeUri: functions/quick/, Timeout: 1 }} }}
  WsRelay:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: functions/ws-relay
      Environment: {{ Variables: {{ B: own }} }}
      Events: {{ {events} }}
"
        )
    }

    #[test]
    fn a_function_inherits_globals_and_overrides_them() {
        let functions = read(&function("")).unwrap().functions;
        let relay = &functions["WsRelay"];
        assert_eq!((relay.folder.as_str(), relay.timeout), ("ws-relay", Duration::from_secs(15)));
        assert_eq!((relay.environment["A"].as_str(), relay.environment["B"].as_str()), ("globals", "own"));
        let quick = &functions["Quick"];
        assert_eq!((quick.folder.as_str(), quick.timeout), ("quick", Duration::from_secs(1)));
    }

    #[test]
    fn a_stream_is_a_source_with_filters_and_bounded_retries() {
        let template = read(&function(
            "Stream: { Type: DynamoDB, Properties: { Stream: !GetAtt Orders.StreamArn, StartingPosition: LATEST, \
             MaximumRetryAttempts: 8, BisectBatchOnFunctionError: true, \
             DestinationConfig: { OnFailure: { Type: SQS, Destination: !GetAtt Work.Arn } }, \
             FilterCriteria: { Filters: [{ Pattern: '{\"eventName\":[\"INSERT\"]}' }] } } }",
        ));
        let source = template.unwrap().sources.remove(0);
        assert_eq!(source.kind, SourceKind::Stream("Orders".to_owned()));
        assert_eq!((source.batch_size, source.maximum_retries, source.bisects), (100, Some(8), true));
        assert_eq!(source.on_failure.as_deref(), Some("Work"));
        assert_eq!(source.filters, [r#"{"eventName":["INSERT"]}"#]);
        assert!(!source.reports_failures);
    }

    #[test]
    fn a_queue_is_a_source_with_a_bound_on_concurrency() {
        let template = read(&function(
            "Work: { Type: SQS, Properties: { Queue: !GetAtt Work.Arn, ScalingConfig: { MaximumConcurrency: 2 }, \
             FunctionResponseTypes: [ReportBatchItemFailures] } }",
        ));
        let source = template.unwrap().sources.remove(0);
        assert_eq!(source.kind, SourceKind::Queue("Work".to_owned()));
        assert_eq!((source.batch_size, source.maximum_concurrency), (10, Some(2)));
        assert!(source.reports_failures);
    }

    #[test]
    fn a_schedule_has_the_name_that_sam_gives_it_and_a_disabled_one_none() {
        let template = read(&function(
            "Nightly: { Type: Schedule, Properties: { Schedule: cron(0 3 * * ? *), Input: '{\"full\":true}' } }, \
             Never: { Type: Schedule, Properties: { Schedule: rate(1 day), Enabled: false } }",
        ));
        let schedules = template.unwrap().schedules;
        assert_eq!(schedules.len(), 1);
        assert_eq!(
            (schedules[0].name.as_str(), schedules[0].function.as_str()),
            ("WsRelayNightly", "WsRelay")
        );
        assert_eq!(schedules[0].input.as_deref(), Some(r#"{"full":true}"#));
    }

    #[test]
    fn an_event_that_could_not_be_served_says_why() {
        let error = |events| {
            let error = read(&function(events)).unwrap_err();
            error.replace("template.yaml: Resources.WsRelay.Properties.Events.", "")
        };
        assert_eq!(
            error("Bucket: { Type: S3 }"),
            "Bucket: events of type `S3` are not served locally; use Schedule, DynamoDB or SQS"
        );
        assert_eq!(error("Work: { Type: SQS }"), "Work.Properties: has no Queue; name it");
        assert_eq!(
            error("Work: { Type: SQS, Properties: { Queue: !GetAtt Work.Arn, BatchSize: many } }"),
            "Work.Properties.BatchSize: invalid type: string \"many\", expected usize"
        );
        let broken = "Work: { Type: SQS, Properties: { Queue: !GetAtt Work.Arn, \
                      FilterCriteria: { Filters: [{ Pattern: '{' }] } } }";
        assert!(error(broken).starts_with("Work.Properties.FilterCriteria: `{` is not JSON"));
    }
}
