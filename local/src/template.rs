//! What `template.yaml` declares, with every reference resolved to its local counterpart.
//!
//! [`Template::read`] is the only way from the file to these types. It understands the part of CloudFormation and SAM
//! that this project's template uses, and says so, by name and place, where the template goes beyond it.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    time::Duration,
};

mod apis;
mod buckets;
mod document;
mod error;
mod expression;
mod feedback;
#[cfg(test)]
mod fixture;
mod functions;
mod storage;

pub use error::TemplateError;

use document::Document;

/// What stands around a stack when it is served locally.
#[derive(Debug, Clone)]
pub struct Surroundings {
    /// `AWS::Region`.
    pub region: String,
    /// `AWS::AccountId`, twelve digits.
    pub account: String,
    /// Where the local AWS answers, without a slash at the end; queue URLs and `@connections` begin with it.
    pub aws_endpoint: String,
    /// Where the HTTP API answers.
    pub http_url: String,
    /// Where clients open their sockets, path included.
    pub ws_url: String,
    /// Values of the template's parameters that differ from their defaults.
    pub parameters: BTreeMap<String, String>,
    /// The same for parameters that the template need not have.
    pub suggestions: BTreeMap<String, String>,
}

/// A whole stack, ready to be served.
#[derive(Debug, Clone, Default)]
pub struct Template {
    /// What its parameters come to, lists separated by commas.
    pub parameters: BTreeMap<String, String>,
    /// Lambda functions, by logical id.
    pub functions: BTreeMap<String, Function>,
    /// DynamoDB tables.
    pub tables: Vec<Table>,
    /// SQS queues.
    pub queues: Vec<Queue>,
    /// S3 buckets.
    pub buckets: Vec<Bucket>,
    /// SNS topics, by name.
    pub topics: Vec<String>,
    /// Queues that listen to topics.
    pub subscriptions: Vec<Subscription>,
    /// What SES tells of mail.
    pub mail_events: Vec<MailEvents>,
    /// EventBridge schedules.
    pub schedules: Vec<Schedule>,
    /// Stream and queue sources of functions.
    pub sources: Vec<Source>,
    /// The HTTP API.
    pub http: HttpApi,
    /// The WebSocket API.
    pub websocket: WebSocketApi,
    /// Resources of types that the reader does not know, as `LogicalId (AWS::Type)`: they exist in AWS only.
    pub skipped: Vec<String>,
}

impl Template {
    /// Reads the template at `path`, as it comes out for `surroundings`.
    ///
    /// An error is one line that names the file, the place in it, and what to do.
    pub fn read(path: &Path, surroundings: &Surroundings) -> Result<Self, TemplateError> {
        let document = Document::read(path, surroundings)?;
        let functions = functions::read(&document)?;
        let apis = apis::read(&document)?;
        Ok(Self {
            parameters: document.parameters(),
            tables: storage::tables(&document)?,
            queues: storage::queues(&document)?,
            buckets: buckets::read(&document)?,
            topics: document.of_type("AWS::SNS::Topic").map(|topic| topic.id.to_owned()).collect(),
            subscriptions: feedback::subscriptions(&document)?,
            mail_events: feedback::mail_events(&document)?,
            functions: functions.functions,
            schedules: functions.schedules,
            sources: functions.sources,
            http: apis.http,
            websocket: apis.websocket,
            skipped: document.skipped(),
        })
    }
}

/// One Lambda function.
#[derive(Debug, Clone)]
pub struct Function {
    /// Logical id, which is also its local name: `WsConnect`.
    pub name: String,
    /// Folder and binary: `ws-connect`.
    pub folder: String,
    /// Environment, every reference resolved.
    pub environment: BTreeMap<String, String>,
    /// How long one invocation may take.
    pub timeout: Duration,
}

/// One DynamoDB table; all keys of this project are strings.
#[derive(Debug, Clone)]
pub struct Table {
    /// Local table name, the logical id.
    pub name: String,
    /// Partition and sort key attribute names.
    pub keys: (String, Option<String>),
    /// Global secondary indexes: name, keys, and projected attributes (`None` for all).
    pub indexes: Vec<Index>,
    /// The TTL attribute.
    pub ttl_attribute: Option<String>,
    /// Whether the table has a stream (always new and old images).
    pub has_stream: bool,
}

/// A global secondary index.
#[derive(Debug, Clone)]
pub struct Index {
    /// Index name.
    pub name: String,
    /// Partition and sort key attribute names.
    pub keys: (String, Option<String>),
    /// What it carries.
    pub projection: Projection,
}

/// What an index carries besides its keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Projection {
    /// Every attribute.
    All,
    /// Nothing.
    KeysOnly,
    /// These attributes.
    Include(Vec<String>),
}

/// One SQS queue.
#[derive(Debug, Clone)]
pub struct Queue {
    /// Local queue name, the logical id.
    pub name: String,
    /// How long a received message stays hidden.
    pub visibility: Duration,
    /// How long a message is kept.
    pub retention: Duration,
    /// Dead-letter queue name and the number of receives after which a message goes there.
    pub dead_letters: Option<(String, u32)>,
}

/// A queue that listens to a topic.
#[derive(Debug, Clone)]
pub struct Subscription {
    /// The topic's name.
    pub topic: String,
    /// The queue's name.
    pub queue: String,
    /// Whether it gets the message alone, without the envelope of SNS.
    pub is_raw: bool,
}

/// What SES tells of mail that was sent with a configuration set.
#[derive(Debug, Clone, Default)]
pub struct MailEvents {
    /// The configuration set's name.
    pub configuration_set: String,
    /// `bounce`, `complaint`, `delivery`, `reject` and others.
    pub kinds: BTreeSet<String>,
    /// The topic that is told.
    pub topic: Option<String>,
}

/// One S3 bucket.
#[derive(Debug, Clone, Default)]
pub struct Bucket {
    /// Local bucket name, the logical id.
    pub name: String,
    /// Which pages may upload and download.
    pub cors: Cors,
    /// How long things stay.
    pub lifetimes: Vec<Lifetime>,
}

/// How long things stay in a bucket whose keys begin with something.
#[derive(Debug, Clone)]
pub struct Lifetime {
    /// With what.
    pub prefix: String,
    /// Whole days.
    pub days: u32,
}

/// One schedule.
#[derive(Debug, Clone)]
pub struct Schedule {
    /// Logical id.
    pub name: String,
    /// `rate(1 minute)` or `cron(…)`.
    pub expression: String,
    /// Function that it invokes.
    pub function: String,
    /// The event's text (JSON), if it states one.
    pub input: Option<String>,
}

/// What invokes a function in batches.
#[derive(Debug, Clone)]
pub struct Source {
    /// Function that it invokes.
    pub function: String,
    /// Table stream or queue.
    pub kind: SourceKind,
    /// Most records in one invocation.
    pub batch_size: usize,
    /// How many times a record is tried again (streams; `None` is until it expires).
    pub maximum_retries: Option<u32>,
    /// Whether a failed batch is halved (streams).
    pub bisects: bool,
    /// Where the metadata of a record goes that failed for good: a queue name (streams).
    pub on_failure: Option<String>,
    /// `FilterCriteria` patterns (JSON text), any of which lets a record through; empty lets all through.
    pub filters: Vec<String>,
    /// Most invocations at a time (`ScalingConfig.MaximumConcurrency` of a queue).
    pub maximum_concurrency: Option<usize>,
    /// `FunctionResponseTypes: [ReportBatchItemFailures]`.
    pub reports_failures: bool,
}

/// See [`Source`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SourceKind {
    /// Stream of this table.
    Stream(String),
    /// This queue.
    Queue(String),
}

/// The HTTP API.
#[derive(Debug, Clone, Default)]
pub struct HttpApi {
    /// Its routes.
    pub routes: Vec<HttpRoute>,
    /// `CorsConfiguration`.
    pub cors: Cors,
}

/// One route of the HTTP API.
#[derive(Debug, Clone)]
pub struct HttpRoute {
    /// `GET /api/v1/products/{id}`, as API Gateway writes it.
    pub key: String,
    /// What answers.
    pub target: HttpTarget,
}

/// What answers an HTTP route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HttpTarget {
    /// A Lambda function, payload format 2.0.
    Function(String),
    /// A file of the documentation site (an HTTP_PROXY integration to its bucket): its path below the site's root;
    /// `{proxy}` stands for the route's greedy variable.
    Site(String),
}

/// `CorsConfiguration` of the HTTP API.
#[derive(Debug, Clone, Default)]
pub struct Cors {
    /// Allowed origins, or `*`.
    pub origins: Vec<String>,
    /// Allowed methods.
    pub methods: Vec<String>,
    /// Allowed headers, lower case.
    pub headers: Vec<String>,
    /// Headers a page may read.
    pub exposed: Vec<String>,
    /// `AllowCredentials`.
    pub credentials: bool,
    /// `MaxAge` in seconds.
    pub max_age: Option<u32>,
}

/// The WebSocket API.
#[derive(Debug, Clone, Default)]
pub struct WebSocketApi {
    /// `$request.body.type`.
    pub selection: String,
    /// Its routes, by key.
    pub routes: BTreeMap<String, WebSocketRoute>,
}

/// One route of the WebSocket API.
#[derive(Debug, Clone)]
pub struct WebSocketRoute {
    /// What answers.
    pub target: WebSocketTarget,
    /// Whether the answer goes back to the client (a `RouteResponse` exists).
    pub responds: bool,
}

/// What answers a WebSocket route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WebSocketTarget {
    /// A Lambda function (proxy integration).
    Function(String),
    /// A MOCK integration: its response template as written in the template (velocity; only `$context.*` variables are used).
    Mock(String),
}

/// The name at the end of an ARN or a path.
fn last_of(path: &str) -> &str {
    path.rsplit([':', '/']).next().unwrap_or(path)
}
