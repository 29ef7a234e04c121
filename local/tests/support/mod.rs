//! A small cloud of services on a clock that stands, with functions that a test scripts.

#![allow(dead_code, reason = "each test binary uses a part of it")]
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "clippy takes helpers of tests for ordinary code"
)]

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
    time::Duration,
};

use aws_sdk_dynamodb::{
    config::{BehaviorVersion, Credentials, Region, retry::RetryConfig},
    types::AttributeValue,
};
use jiff::{SignedDuration, Timestamp};
use local::{
    aws::Aws,
    clock::TurnableClock,
    dynamodb::Dynamo,
    lambda::Answer,
    outbox::Outbox,
    part::{Boxed, Invoke, Part},
    s3::S3,
    ses::Ses,
    sns::{Sns, Topics},
    sqs::{QueueSources, Sqs},
    ssm::Ssm,
    state::Store,
    streams::Streams,
    template::{Index, MailEvents, Projection, Queue, Source, SourceKind, Subscription, Table},
    ttl::Ttl,
};
use serde_json::{Value, json};

pub struct World {
    pub aws: Arc<Aws>,
    pub outbox: Outbox,
    pub clock: TurnableClock,
    pub functions: Arc<Functions>,
    url: String,
    parts: Vec<Arc<dyn Part>>,
    folder: Arc<tempfile::TempDir>,
}

/// Functions that remember what they got and fail as told.
#[derive(Default)]
pub struct Functions {
    events: Mutex<Vec<(String, Value)>>,
    handled: Mutex<Vec<(String, String)>>,
    bad: Mutex<BTreeSet<(String, String)>>,
}

impl Functions {
    /// Lets every batch fail that has a record of this name (sort key, or body).
    pub fn fail_records_of(&self, function: &str, name: &str) {
        self.bad.lock().unwrap().insert((function.to_owned(), name.to_owned()));
    }

    pub fn heal(&self) {
        self.bad.lock().unwrap().clear();
    }

    /// Names of the records of batches that succeeded, in order.
    pub fn handled(&self, function: &str) -> Vec<String> {
        let handled = self.handled.lock().unwrap();
        handled.iter().filter(|(by, _)| by == function).map(|(_, name)| name.clone()).collect()
    }
}

fn name(record: &Value) -> String {
    let name = record["body"].as_str().or(record["dynamodb"]["Keys"]["sk"]["S"].as_str());
    name.unwrap_or_default().to_owned()
}

impl Invoke for Functions {
    fn invoke(&self, function: &str, event: Value) -> Boxed<'_, Answer> {
        let function = function.to_owned();
        Box::pin(async move {
            self.events.lock().unwrap().push((function.clone(), event.clone()));
            let records = event["Records"].as_array().cloned().unwrap_or_default();
            let bad = self.bad.lock().unwrap().clone();
            let is_bad = |record: &Value| bad.contains(&(function.clone(), name(record)));
            // `Notifier` reports its failures one by one, the others fail as a whole.
            if function != "Notifier" && records.iter().any(is_bad) {
                return Err(json!({ "errorType": "Bad", "errorMessage": "told to" }));
            }
            let mut handled = self.handled.lock().unwrap();
            handled.extend(
                records
                    .iter()
                    .filter(|record| !is_bad(record))
                    .map(|record| (function.clone(), name(record))),
            );
            let failures: Vec<_> = records
                .iter()
                .filter(|record| is_bad(record))
                .map(|record| json!({ "itemIdentifier": record["messageId"] }))
                .collect();
            Ok(json!({ "batchItemFailures": failures }))
        })
    }
}

pub fn text(text: &str) -> AttributeValue {
    AttributeValue::S(text.to_owned())
}

fn table(name: &str, indexes: Vec<Index>) -> Table {
    Table {
        name: name.to_owned(),
        keys: ("pk".to_owned(), Some("sk".to_owned())),
        indexes,
        ttl_attribute: Some("expires_at".to_owned()),
        has_stream: true,
    }
}

fn queue(name: &str, dead_letters: Option<(String, u32)>) -> Queue {
    Queue {
        name: name.to_owned(),
        visibility: Duration::from_secs(30),
        retention: Duration::from_hours(96),
        dead_letters,
    }
}

fn source(function: &str, kind: SourceKind) -> Source {
    Source {
        function: function.to_owned(),
        kind,
        batch_size: 10,
        maximum_retries: Some(2),
        bisects: true,
        on_failure: Some("Letters".to_owned()),
        filters: Vec::new(),
        maximum_concurrency: Some(2),
        reports_failures: true,
    }
}

pub struct Configs {
    pub ses: aws_sdk_sesv2::Config,
    pub sns: aws_sdk_sns::Config,
    pub ssm: aws_sdk_ssm::Config,
    pub sqs: aws_sdk_sqs::Config,
    pub connections: aws_sdk_apigatewaymanagement::Config,
}

impl World {
    pub async fn new() -> Self {
        Self::in_folder(Arc::new(tempfile::tempdir().unwrap()), Arc::default()).await
    }

    /// The same folder and functions under a new cloud.
    pub async fn restarted(self) -> Self {
        Self::in_folder(Arc::clone(&self.folder), Arc::clone(&self.functions)).await
    }

    async fn in_folder(folder: Arc<tempfile::TempDir>, functions: Arc<Functions>) -> Self {
        let clock = TurnableClock::standing_at("2026-01-01T00:00:00Z".parse::<Timestamp>().unwrap());
        let store = Store::open(&folder.path().join("state.db")).unwrap();
        let due = Index {
            name: "due".to_owned(),
            keys: ("due".to_owned(), Some("sk".to_owned())),
            projection: Projection::KeysOnly,
        };
        let tables = [table("Orders", vec![due]), table("Chat", Vec::new())];
        let dynamo = Dynamo::open(&folder.path().join("tables.db"), &tables).unwrap();
        let queues =
            [queue("Notify", Some(("Letters".to_owned(), 2))), queue("Letters", None), queue("Plain", None)];
        let sqs = Sqs::open(store.clone(), clock.clone(), &queues).unwrap();
        let outbox = Outbox::new(store.clone(), clock.clone());
        let secrets = [("/shop/secret".to_owned(), "hush".to_owned())].into();
        let mut relay = source("Relay", SourceKind::Stream("Orders".to_owned()));
        relay.filters = vec![r#"{"dynamodb":{"Keys":{"sk":{"S":[{"prefix":"j#"}]}}}}"#.to_owned()];
        relay.reports_failures = false;
        let sources = [relay, source("Notifier", SourceKind::Queue("Notify".to_owned()))];
        let invoke: Arc<dyn Invoke> = functions.clone();
        let streams = Streams::start(
            dynamo.clone(),
            store.clone(),
            clock.clone(),
            Arc::clone(&invoke),
            sqs.clone(),
            &sources,
        );
        let parts: Vec<Arc<dyn Part>> = vec![
            streams.unwrap(),
            QueueSources::start(sqs.clone(), invoke, &sources),
            Arc::new(Ttl::new(dynamo.clone(), &tables)),
        ];
        let listens = |topic: &str, queue: &str, is_raw| Subscription {
            topic: topic.to_owned(),
            queue: queue.to_owned(),
            is_raw,
        };
        let topics = Topics::new(
            &["Alarms".to_owned(), "FeedbackTopic".to_owned()],
            &[listens("FeedbackTopic", "Plain", true), listens("Alarms", "Letters", false)],
            sqs.clone(),
            clock.clone(),
        );
        let applications =
            ["GCM", "APNS"].map(|kind| format!("arn:aws:sns:eu-west-1:000000000000:app/{kind}/shop"));
        let told = MailEvents {
            configuration_set: "Mail".to_owned(),
            kinds: ["bounce", "complaint", "delivery"].map(str::to_owned).into(),
            topic: Some("FeedbackTopic".to_owned()),
        };
        let aws = Arc::new(Aws {
            sns: Sns::new(store.clone(), outbox.clone(), topics.clone(), applications.into()),
            ses: Ses::new(outbox.clone(), topics, vec![told]),
            s3: S3::new(store.clone(), clock.clone(), folder.path().join("objects"), &[]),
            ssm: Ssm::open(store, clock.clone(), &secrets).unwrap(),
            dynamo,
            sqs,
            faults: Arc::default(),
            meter: Arc::default(),
        });
        let connections = axum::Router::new().route("/@connections/{id}", axum::routing::post(async || ()));
        let address = Arc::clone(&aws).serve(connections).await.unwrap();
        Self { aws, outbox, clock, functions, url: format!("http://{address}"), parts, folder }
    }

    pub fn dynamo(&self, function: &str) -> aws_sdk_dynamodb::Client {
        self.dynamo_with(function, RetryConfig::standard())
    }

    pub fn dynamo_without_retries(&self, function: &str) -> aws_sdk_dynamodb::Client {
        self.dynamo_with(function, RetryConfig::disabled())
    }

    fn dynamo_with(&self, function: &str, retries: RetryConfig) -> aws_sdk_dynamodb::Client {
        let config = aws_sdk_dynamodb::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("eu-west-1"))
            .credentials_provider(Credentials::new(function, "secret", None, None, "test"))
            .endpoint_url(&self.url)
            .retry_config(retries);
        aws_sdk_dynamodb::Client::from_conf(config.build())
    }

    pub fn config(&self, function: &str) -> Configs {
        let credentials = Credentials::new(function, "secret", None, None, "test");
        macro_rules! config {
            ($sdk:ident) => {
                $sdk::Config::builder()
                    .behavior_version($sdk::config::BehaviorVersion::latest())
                    .region($sdk::config::Region::new("eu-west-1"))
                    .credentials_provider(credentials.clone())
                    .endpoint_url(&self.url)
                    .build()
            };
        }
        Configs {
            ses: config!(aws_sdk_sesv2),
            sns: config!(aws_sdk_sns),
            ssm: config!(aws_sdk_ssm),
            sqs: config!(aws_sdk_sqs),
            connections: config!(aws_sdk_apigatewaymanagement),
        }
    }

    /// The records that a function was given, over all its invocations.
    pub fn records(&self, function: &str) -> Vec<Value> {
        let events = self.functions.events.lock().unwrap();
        let of_function = events.iter().filter(|(by, _)| by == function);
        of_function.flat_map(|(_, event)| event["Records"].as_array().cloned().unwrap_or_default()).collect()
    }

    /// Waits until nothing can be delivered now.
    pub async fn idle(&self) {
        while self.parts.iter().any(|part| part.is_busy()) {
            tokio::task::yield_now().await;
        }
    }

    /// Turns the clock, stopping wherever something falls due.
    pub async fn advance(&self, seconds: i64) {
        let end = self.clock.after(SignedDuration::from_secs(seconds));
        loop {
            self.idle().await;
            let next = self.parts.iter().filter_map(|part| part.next_due()).min().filter(|next| *next <= end);
            self.clock.turn_to(next.unwrap_or(end));
            for part in &self.parts {
                part.run_due(self.clock.now()).await;
            }
            if next.is_none() {
                return self.idle().await;
            }
        }
    }
}
