//! What `template.yaml` declares, with every reference resolved to its local counterpart.

use std::{collections::BTreeMap, time::Duration};

/// A whole stack, ready to be served.
#[derive(Debug, Clone, Default)]
pub struct Template {
    /// Lambda functions, by logical id.
    pub functions: BTreeMap<String, Function>,
    /// DynamoDB tables.
    pub tables: Vec<Table>,
    /// SQS queues.
    pub queues: Vec<Queue>,
    /// SNS topics, by name.
    pub topics: Vec<String>,
    /// EventBridge schedules.
    pub schedules: Vec<Schedule>,
    /// Stream and queue sources of functions.
    pub sources: Vec<Source>,
    /// The HTTP API.
    pub http: HttpApi,
    /// The WebSocket API.
    pub websocket: WebSocketApi,
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
