//! Built functions as processes: the Lambda Runtime API (2018-06-01) that they poll, and the sandboxes that hold them.
//!
//! Every process has a Runtime API of its own, at its own port, as on AWS; an answer can therefore only come from the
//! process that has the event.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use axum::{
    Json, Router,
    body::Body,
    extract::{Path as PathParameter, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde_json::{Value, json};
use tokio::{
    net::TcpListener,
    process::{Child, Command},
    sync::{Semaphore, mpsc, oneshot, watch},
    task::JoinSet,
};

use crate::{
    clock::TurnableClock,
    lambda::{Answer, MEMORY_SIZE, PAYLOAD_LIMIT, REGION, arn, deadline, failure, new_request_id, timed_out},
    template::Function,
};

/// How many processes one function may have at a time; further invocations wait for one.
const SANDBOXES_PER_FUNCTION: usize = 4;

/// How long a process may take from its start to its first poll (AWS: 10 s).
const INIT_LIMIT: Duration = Duration::from_secs(10);

/// A built function: its binary, and the variables it is started with.
#[derive(Debug, Clone)]
pub struct Bootstrap {
    /// Logical id of the function.
    pub function: String,
    /// The binary.
    pub binary: PathBuf,
    /// The function's own variables. They win over those that Lambda sets, except for the Runtime API's address.
    pub environment: BTreeMap<String, String>,
}

/// A function whose binary is not where it should be.
#[derive(Debug, thiserror::Error)]
#[error("{} is not there: build the functions first (cargo lambda build)", .0.display())]
pub struct MissingBootstrap(pub PathBuf);

impl Bootstrap {
    /// The binary of `function` in a directory as `cargo lambda build` leaves it: `directory/<folder>/bootstrap`.
    pub fn built_in(directory: &Path, function: &Function) -> Result<Self, MissingBootstrap> {
        let binary = directory.join(&function.folder).join("bootstrap");
        // A relative path would be looked for below the process's own directory.
        let binary = binary.canonicalize().map_err(|_| MissingBootstrap(binary))?;
        Ok(Self { function: function.name.clone(), binary, environment: function.environment.clone() })
    }
}

/// One running process of a function. It is killed when this is dropped.
pub struct Sandbox {
    function: String,
    child: Child,
    desk: Arc<Desk>,
    events: mpsc::Sender<Invocation>,
    /// The Runtime API; aborted when this is dropped.
    _server: JoinSet<()>,
}

impl Sandbox {
    /// Starts the process and waits until it asks for its first event.
    pub async fn start(bootstrap: &Bootstrap) -> Result<Self, Value> {
        let failed = |error: std::io::Error| failure("Runtime.InvalidEntrypoint", error);
        let listener = TcpListener::bind("127.0.0.1:0").await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let (events, waiting) = mpsc::channel(1);
        let desk = Arc::new(Desk {
            waiting: tokio::sync::Mutex::new(waiting),
            stage: watch::Sender::new(Stage::Starting),
            current: Mutex::new(None),
        });
        let mut server = JoinSet::new();
        let router = routes(Arc::clone(&desk));
        server.spawn(async move {
            if let Err(error) = axum::serve(listener, router).await {
                tracing::error!(%error, "a Runtime API stopped");
            }
        });
        let child = command(bootstrap, &address.to_string()).spawn().map_err(failed)?;
        let mut sandbox = Self { function: bootstrap.function.clone(), child, desk, events, _server: server };
        sandbox.first_poll().await?;
        Ok(sandbox)
    }

    /// Hands the process one event and waits for what it makes of it. A process that is gone is an error.
    pub async fn invoke(&mut self, event: &Value, timeout: Duration) -> Answer {
        let request_id = new_request_id();
        let (reply, answer) = oneshot::channel();
        *self.desk.current() = Some((request_id.clone(), reply));
        let invocation = Invocation {
            request_id: request_id.clone(),
            function_arn: arn(&self.function),
            deadline: deadline(&TurnableClock::running(), timeout),
            event: event.to_string(),
        };
        let answered = async {
            // The channel is open: `desk` holds its other end.
            if self.events.send(invocation).await.is_err() {
                return Err(failure("Runtime.Unknown", "the Runtime API is gone"));
            }
            tokio::select! {
                biased; // an answer that arrived counts, even when the process exited right after it
                answer = answer => answer.unwrap_or_else(|_| Err(failure("Runtime.Unknown", "the Runtime API is gone"))),
                exit = self.child.wait() => Err(exited(&request_id, exit)),
            }
        };
        if let Ok(answer) = tokio::time::timeout(timeout, answered).await {
            return answer;
        }
        self.put_down();
        Err(timed_out(&request_id, timeout))
    }

    /// The process, as the system knows it; none once it has ended.
    pub fn process_id(&self) -> Option<u32> {
        self.child.id()
    }

    /// Whether the process can take another event.
    pub fn is_alive(&mut self) -> bool {
        !matches!(*self.desk.stage.borrow(), Stage::Over) && matches!(self.child.try_wait(), Ok(None))
    }

    /// Ends the process. As on AWS, one that missed its deadline does not live on.
    fn put_down(&mut self) {
        if let Err(error) = self.child.start_kill() {
            tracing::debug!(%error, function = self.function, "a bootstrap was already gone");
        }
        *self.desk.current() = None;
        self.desk.stage.send_replace(Stage::Over);
    }

    async fn first_poll(&mut self) -> Result<(), Value> {
        let mut stage = self.desk.stage.subscribe();
        let reached = tokio::select! {
            biased;
            reached = stage.wait_for(|stage| !matches!(stage, Stage::Starting)) => reached.map(|stage| stage.clone()),
            exit = self.child.wait() => return Err(exited("init", exit)),
            () = tokio::time::sleep(INIT_LIMIT) => return Err(failure("Sandbox.Timedout", "Task timed out in its init phase")),
        };
        match reached {
            Ok(Stage::Failed(error)) => Err(error),
            _ => Ok(()),
        }
    }
}

/// The processes of one function: started on demand, kept for the next event.
pub(crate) struct Pool {
    bootstrap: Bootstrap,
    permits: Semaphore,
    idle: Mutex<Vec<Sandbox>>,
}

impl Pool {
    pub fn new(bootstrap: Bootstrap) -> Self {
        Self { bootstrap, permits: Semaphore::new(SANDBOXES_PER_FUNCTION), idle: Mutex::default() }
    }

    /// Waits for a process, then for its answer; only the latter counts against `timeout`, as on AWS.
    pub async fn invoke(&self, event: &Value, timeout: Duration) -> Answer {
        let _permit =
            self.permits.acquire().await.map_err(|error| failure("TooManyRequestsException", error))?;
        let mut sandbox = match self.idle_sandbox() {
            Some(sandbox) => sandbox,
            None => Sandbox::start(&self.bootstrap).await?,
        };
        let answer = sandbox.invoke(event, timeout).await;
        if sandbox.is_alive() {
            lock(&self.idle).push(sandbox);
        }
        answer
    }

    /// Ends the processes that wait for an event, each before its Runtime API, so that none complains of being left.
    pub fn rest(&self) {
        lock(&self.idle).clear();
    }

    fn idle_sandbox(&self) -> Option<Sandbox> {
        let mut idle = lock(&self.idle);
        idle.retain_mut(Sandbox::is_alive);
        idle.pop()
    }
}

/// What one process and its sandbox tell each other.
struct Desk {
    waiting: tokio::sync::Mutex<mpsc::Receiver<Invocation>>,
    stage: watch::Sender<Stage>,
    /// The invocation that has no answer yet.
    current: Mutex<Option<(String, oneshot::Sender<Answer>)>>,
}

#[derive(Clone)]
enum Stage {
    Starting,
    Ready,
    Failed(Value),
    Over,
}

struct Invocation {
    request_id: String,
    function_arn: String,
    deadline: u64,
    event: String,
}

impl Desk {
    fn current(&self) -> MutexGuard<'_, Option<(String, oneshot::Sender<Answer>)>> {
        lock(&self.current)
    }

    /// Passes the answer on, if `request_id` is the invocation under way.
    fn answer(&self, request_id: &str, answer: Answer) -> Response {
        let mut current = self.current();
        match current.take_if(|(id, _)| id == request_id) {
            Some((_, reply)) => {
                if reply.send(answer).is_err() {
                    tracing::debug!(request_id, "an answer came after its invocation ended");
                }
                (StatusCode::ACCEPTED, Json(json!({"status": "OK"}))).into_response()
            }
            None => refuse(StatusCode::BAD_REQUEST, "InvalidRequestID", "Invalid request ID"),
        }
    }
}

fn routes(desk: Arc<Desk>) -> Router {
    let routes = Router::new()
        .route("/invocation/next", get(next))
        .route("/invocation/{request_id}/response", post(response))
        .route("/invocation/{request_id}/error", post(error))
        .route("/init/error", post(init_error));
    Router::new().nest("/2018-06-01/runtime", routes).with_state(desk)
}

async fn next(State(desk): State<Arc<Desk>>) -> Response {
    desk.stage.send_if_modified(|stage| {
        let is_first = matches!(stage, Stage::Starting);
        if is_first {
            *stage = Stage::Ready;
        }
        is_first
    });
    let Some(invocation) = desk.waiting.lock().await.recv().await else {
        return refuse(StatusCode::GONE, "Runtime.Shutdown", "the sandbox is shutting down");
    };
    let headers = [
        ("content-type", "application/json".to_owned()),
        ("lambda-runtime-aws-request-id", invocation.request_id),
        ("lambda-runtime-deadline-ms", invocation.deadline.to_string()),
        ("lambda-runtime-invoked-function-arn", invocation.function_arn),
    ];
    (headers, invocation.event).into_response()
}

async fn response(
    State(desk): State<Arc<Desk>>,
    PathParameter(request_id): PathParameter<String>,
    body: Body,
) -> Response {
    let Ok(body) = axum::body::to_bytes(body, PAYLOAD_LIMIT).await else {
        let text = format!("Exceeded maximum allowed payload size ({PAYLOAD_LIMIT} bytes).");
        let accepted = desk.answer(&request_id, Err(failure("Function.ResponseSizeTooLarge", &text)));
        let refused = refuse(StatusCode::PAYLOAD_TOO_LARGE, "RequestEntityTooLarge", &text);
        return if accepted.status().is_success() { refused } else { accepted };
    };
    // A function that answers with nothing answers `null`, as one that returns `()` does.
    let text = if body.is_empty() { b"null" } else { &*body };
    desk.answer(
        &request_id,
        serde_json::from_slice(text).map_err(|error| failure("Runtime.MalformedResponse", error)),
    )
}

async fn error(
    State(desk): State<Arc<Desk>>,
    PathParameter(request_id): PathParameter<String>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let error = reported(&headers, body).await;
    desk.answer(&request_id, Err(error))
}

async fn init_error(State(desk): State<Arc<Desk>>, headers: HeaderMap, body: Body) -> Response {
    desk.stage.send_replace(Stage::Failed(reported(&headers, body).await));
    (StatusCode::ACCEPTED, Json(json!({"status": "OK"}))).into_response()
}

/// The error that a runtime reports: its body if that is one, else its header.
async fn reported(headers: &HeaderMap, body: Body) -> Value {
    let body = axum::body::to_bytes(body, PAYLOAD_LIMIT).await.unwrap_or_default();
    let kind = headers.get("lambda-runtime-function-error-type").and_then(|kind| kind.to_str().ok());
    let kind = kind.unwrap_or("Runtime.UnknownReason");
    match serde_json::from_slice::<Value>(&body) {
        Ok(error) if error.get("errorMessage").is_some() => error,
        _ => failure(kind, String::from_utf8_lossy(&body)),
    }
}

fn command(bootstrap: &Bootstrap, runtime_api: &str) -> Command {
    let name = &bootstrap.function;
    let mut command = Command::new(&bootstrap.binary);
    command
        .env_clear()
        .env("PATH", "/usr/local/bin:/usr/bin:/bin")
        .env("LANG", "en_US.UTF-8")
        .env("TZ", ":UTC")
        .env("_HANDLER", "bootstrap")
        .env("AWS_REGION", REGION)
        .env("AWS_DEFAULT_REGION", REGION)
        // The access key tells the local cloud which function a request came from.
        .env("AWS_ACCESS_KEY_ID", name)
        .env("AWS_SECRET_ACCESS_KEY", "local")
        .env("AWS_SESSION_TOKEN", "local")
        .env("AWS_EXECUTION_ENV", "AWS_Lambda_provided.al2023")
        .env("AWS_LAMBDA_FUNCTION_NAME", name)
        .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
        .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", MEMORY_SIZE.to_string())
        .env("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand")
        .env("AWS_LAMBDA_LOG_GROUP_NAME", format!("/aws/lambda/{name}"))
        .env("AWS_LAMBDA_LOG_STREAM_NAME", "local")
        .envs(&bootstrap.environment)
        .env("AWS_LAMBDA_RUNTIME_API", runtime_api)
        .stdin(Stdio::null())
        // Our own stdout belongs to the command line (`--json`); a function's log goes where logs go.
        .stdout(Stdio::from(std::io::stderr()))
        .kill_on_drop(true);
    if let Some(folder) = bootstrap.binary.parent() {
        command.current_dir(folder).env("LAMBDA_TASK_ROOT", folder);
    }
    command
}

fn exited(request_id: &str, exit: std::io::Result<ExitStatus>) -> Value {
    let how = exit.map_or_else(|error| error.to_string(), |status| status.to_string());
    failure("Runtime.ExitError", format!("RequestId: {request_id} Error: Runtime exited with error: {how}"))
}

fn refuse(status: StatusCode, kind: &str, message: &str) -> Response {
    (status, Json(failure(kind, message))).into_response()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
