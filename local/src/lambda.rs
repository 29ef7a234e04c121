//! Invocations: the functions of the template, in-process or as real bootstraps.
//!
//! An invocation belongs to the Lambda service, not to whoever asked for it: it runs to its end when the asker is gone.

use std::{
    any::Any,
    collections::BTreeMap,
    convert::Infallible,
    fmt::Display,
    io,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use axum::Router;
use lambda_http::{Adapter, Service, request::LambdaRequest};
use lambda_runtime::{Config, Context, Diagnostic, LambdaEvent};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    clock::TurnableClock,
    faults::Faults,
    part::{Boxed, Invoke},
    runtime_api::{Bootstrap, MissingBootstrap, Pool},
    template,
    work::Work,
};

/// What an invocation comes to: the function's answer, or `{"errorType", "errorMessage"}`.
pub type Answer = Result<Value, Value>;

/// A function's handler behind JSON, as the Lambda service sees it.
pub type Handler = Arc<dyn Fn(Value, Context) -> Boxed<'static, Answer> + Send + Sync>;

/// The Region that functions are told they run in.
pub const REGION: &str = "eu-west-1";

/// The account that ARNs name.
pub const ACCOUNT: &str = "000000000000";

/// The largest event and the largest answer of a synchronous invocation, in bytes of JSON (AWS: 6 MB).
pub const PAYLOAD_LIMIT: usize = 6_291_556;

/// What functions are told they have, in MB; the template's figure sizes machines, and there is only this one.
pub(crate) const MEMORY_SIZE: i32 = 512;

/// The Lambda service: every function of the template, ready to be invoked.
#[derive(Clone)]
pub struct Lambda {
    functions: Arc<BTreeMap<String, Function>>,
    work: Work,
    clock: TurnableClock,
    faults: Arc<Faults>,
}

impl Lambda {
    /// Functions that run in this process, by logical id: how long an invocation may take, and the handler.
    pub fn in_process(functions: BTreeMap<String, (Duration, Handler)>) -> Self {
        let functions = functions.into_iter().map(|(name, (timeout, handler))| {
            let function =
                Function { timeout, runner: Runner::InProcess(handler), invocations: AtomicU64::new(0) };
            (name, function)
        });
        Self::of(functions.collect())
    }

    /// Functions that run as processes: `directory/<folder>/bootstrap`, each started when it is first needed.
    pub fn bootstraps<'a>(
        directory: &Path,
        functions: impl IntoIterator<Item = &'a template::Function>,
    ) -> Result<Self, MissingBootstrap> {
        let functions = functions.into_iter().map(|function| {
            let pool = Pool::new(Bootstrap::built_in(directory, function)?);
            let deployed = Function {
                timeout: function.timeout,
                runner: Runner::Bootstraps(pool),
                invocations: AtomicU64::new(0),
            };
            Ok((function.name.clone(), deployed))
        });
        Ok(Self::of(functions.collect::<Result<_, _>>()?))
    }

    /// Lets invocations tell the time, and so their deadline, by `clock` instead of the machine's.
    #[must_use]
    pub fn with_clock(self, clock: TurnableClock) -> Self {
        Self { clock, ..self }
    }

    /// Lets `faults` end invocations.
    #[must_use]
    pub fn with_faults(self, faults: Arc<Faults>) -> Self {
        Self { faults, ..self }
    }

    /// Invokes `function` and waits for what it comes to.
    pub async fn invoke(&self, function: &str, event: Value) -> Answer {
        let (lambda, name, under_way) = (self.clone(), function.to_owned(), self.work.begin());
        let invocation = tokio::spawn(async move {
            let answer = lambda.run(&name, event).await;
            drop(under_way);
            answer
        });
        invocation.await.unwrap_or_else(|died| Err(failure("Runtime.Panic", panic_message(died))))
    }

    /// Whether an invocation is under way.
    pub fn is_busy(&self) -> bool {
        self.work.is_under_way()
    }

    /// Ends the processes that wait for an event; one that is needed again is started again.
    pub fn rest(&self) {
        for function in self.functions.values() {
            if let Runner::Bootstraps(pool) = &function.runner {
                pool.rest();
            }
        }
    }

    /// How often each function was invoked.
    pub fn invocations(&self) -> BTreeMap<String, u64> {
        let counts = self.functions.iter();
        counts.map(|(name, function)| (name.clone(), function.invocations.load(Ordering::SeqCst))).collect()
    }

    fn of(functions: BTreeMap<String, Function>) -> Self {
        Self {
            functions: Arc::new(functions),
            work: Work::default(),
            clock: TurnableClock::running(),
            faults: Arc::default(),
        }
    }

    async fn run(&self, name: &str, event: Value) -> Answer {
        let Some(function) = self.functions.get(name) else {
            return Err(failure("ResourceNotFoundException", format!("Function not found: {name}")));
        };
        function.invocations.fetch_add(1, Ordering::SeqCst);
        let answer = tokio::select! {
            biased; // whoever is dead does nothing more
            () = self.faults.death_of(name) => Err(failure("Runtime.ExitError", "Runtime exited with error: signal: killed")),
            answer = self.answer(name, function, event) => answer,
        };
        let length = json_length(answer.as_ref().unwrap_or_else(|error| error));
        if length > PAYLOAD_LIMIT {
            let text = format!(
                "Response payload size exceeded maximum allowed payload size ({PAYLOAD_LIMIT} bytes)."
            );
            return Err(failure("Function.ResponseSizeTooLarge", text));
        }
        answer
    }

    async fn answer(&self, name: &str, function: &Function, event: Value) -> Answer {
        match &function.runner {
            Runner::InProcess(handler) => {
                let context = self.context(name, function.timeout);
                let late = timed_out(&context.request_id, function.timeout);
                let answer = tokio::time::timeout(function.timeout, handler(event, context));
                answer.await.unwrap_or(Err(late))
            }
            // A process cannot see the turnable clock: its deadline is the machine's.
            Runner::Bootstraps(pool) => pool.invoke(&event, function.timeout).await,
        }
    }

    fn context(&self, function: &str, timeout: Duration) -> Context {
        let config = Config {
            function_name: function.to_owned(),
            memory: MEMORY_SIZE,
            version: "$LATEST".to_owned(),
            ..Config::default()
        };
        let mut context = Context::default();
        context.request_id = new_request_id();
        context.deadline = deadline(&self.clock, timeout);
        context.invoked_function_arn = arn(function);
        context.env_config = Arc::new(config);
        context
    }
}

impl Invoke for Lambda {
    fn invoke(&self, function: &str, event: Value) -> Boxed<'_, Answer> {
        let function = function.to_owned();
        Box::pin(async move { Self::invoke(self, &function, event).await })
    }
}

struct Function {
    timeout: Duration,
    runner: Runner,
    invocations: AtomicU64,
}

enum Runner {
    InProcess(Handler),
    Bootstraps(Pool),
}

/// The handler of a function that serves HTTP routes with `router`.
pub fn http(router: Router) -> Handler {
    Arc::new(move |event, context| {
        let router = router.clone();
        Box::pin(async move {
            let request: LambdaRequest = serde_json::from_value(event).map_err(unreadable)?;
            // Adapter is not Send: it must be gone before the await.
            let answer = Adapter::from(router).call(LambdaEvent::new(request, context));
            let answer = answer.await.map_err(|never: Infallible| -> Value { match never {} })?;
            serde_json::to_value(answer).map_err(unreadable)
        })
    })
}

/// The handler of a function that takes events as they are: frames, queue and stream batches, schedules.
pub fn plain<E, A, F, R>(handler: F) -> Handler
where
    E: DeserializeOwned + Send + 'static,
    A: Serialize + Send + 'static,
    R: Future<Output = Result<A, lambda_runtime::Error>> + Send + 'static,
    F: Fn(LambdaEvent<E>) -> R + Clone + Send + Sync + 'static,
{
    Arc::new(move |event, context| {
        let handler = handler.clone();
        Box::pin(async move {
            let event: E = serde_json::from_value(event).map_err(unreadable)?;
            let answer = handler(LambdaEvent::new(event, context)).await.map_err(|error| {
                // What the runtime of a deployed function reports for the same error.
                let report = Diagnostic::from(error);
                failure(&report.error_type, report.error_message)
            })?;
            serde_json::to_value(answer).map_err(unreadable)
        })
    })
}

/// An invocation's error, as Lambda words it.
pub(crate) fn failure(kind: &str, message: impl Display) -> Value {
    json!({"errorType": kind, "errorMessage": message.to_string()})
}

pub(crate) fn timed_out(request_id: &str, timeout: Duration) -> Value {
    let seconds = timeout.as_secs_f64();
    failure(
        "Sandbox.Timedout",
        format!("RequestId: {request_id} Error: Task timed out after {seconds:.2} seconds"),
    )
}

pub(crate) fn new_request_id() -> String {
    Uuid::now_v7().to_string()
}

pub(crate) fn arn(function: &str) -> String {
    format!("arn:aws:lambda:{REGION}:{ACCOUNT}:function:{function}")
}

/// The instant, in milliseconds of the epoch, at which an invocation that starts now is cut off.
pub(crate) fn deadline(clock: &TurnableClock, timeout: Duration) -> u64 {
    let now = u64::try_from(clock.now().as_millisecond()).unwrap_or(0);
    now.saturating_add(u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX))
}

fn unreadable(error: serde_json::Error) -> Value {
    failure("serde_json::Error", error)
}

fn panic_message(died: tokio::task::JoinError) -> String {
    let Ok(payload) = died.try_into_panic() else {
        return "the invocation was cancelled".to_owned();
    };
    let text = |payload: &(dyn Any + Send)| {
        let text = payload.downcast_ref::<&str>().map(|text| (*text).to_owned());
        text.or_else(|| payload.downcast_ref::<String>().cloned())
    };
    text(&*payload)
        .map_or_else(|| "the handler panicked".to_owned(), |text| format!("the handler panicked: {text}"))
}

/// How long `value` is as JSON text, without writing it.
pub(crate) fn json_length(value: &Value) -> usize {
    struct Counter(usize);
    impl io::Write for Counter {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0 += bytes.len();
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let mut counter = Counter(0);
    // Writing a Value to a writer that never fails cannot fail.
    serde_json::to_writer(&mut counter, value).map_or(usize::MAX, |()| counter.0)
}

#[cfg(test)]
mod tests {
    use tokio::sync::oneshot;

    use super::*;

    fn lambda(handler: Handler) -> Lambda {
        Lambda::in_process(BTreeMap::from([("Echo".to_owned(), (Duration::from_secs(3), handler))]))
    }

    fn kind(answer: Answer) -> String {
        answer.unwrap_err()["errorType"].as_str().unwrap().to_owned()
    }

    #[tokio::test]
    async fn a_plain_handler_gets_its_event_and_its_context() {
        let clock = TurnableClock::standing_at("2026-01-01T00:00:00Z".parse().unwrap());
        let lambda = lambda(plain(|event: LambdaEvent<Value>| async move {
            let context = event.context;
            Ok(json!([
                event.payload["n"],
                context.deadline,
                context.invoked_function_arn,
                context.env_config.function_name
            ]))
        }));
        let answer = lambda.clone().with_clock(clock).invoke("Echo", json!({"n": 1})).await.unwrap();
        let arn = "arn:aws:lambda:eu-west-1:000000000000:function:Echo";
        assert_eq!(answer, json!([1, 1_767_225_603_000_u64, arn, "Echo"]));
        assert_eq!(lambda.invocations(), BTreeMap::from([("Echo".to_owned(), 1)]));
    }

    #[tokio::test]
    async fn an_error_of_a_handler_is_the_answers_error() {
        let answer = lambda(plain(|_: LambdaEvent<Value>| async { Err::<(), _>("no stock".into()) }));
        assert_eq!(answer.invoke("Echo", json!({})).await.unwrap_err()["errorMessage"], "no stock");
    }

    #[tokio::test]
    async fn a_panic_is_an_error_and_the_next_invocation_works() {
        let lambda = lambda(plain(|event: LambdaEvent<Value>| async move {
            assert!(event.payload != json!("panic"), "told to");
            Ok(json!("well"))
        }));
        let error = lambda.invoke("Echo", json!("panic")).await.unwrap_err();
        assert_eq!(
            error,
            json!({"errorType": "Runtime.Panic", "errorMessage": "the handler panicked: told to"})
        );
        assert_eq!(lambda.invoke("Echo", json!({})).await, Ok(json!("well")));
        assert!(!lambda.is_busy());
    }

    #[tokio::test]
    async fn an_invocation_is_cut_off_at_its_timeout() {
        let handler =
            plain(|_: LambdaEvent<Value>| std::future::pending::<Result<(), lambda_runtime::Error>>());
        let timeout = Duration::from_millis(10);
        let lambda = Lambda::in_process(BTreeMap::from([("Echo".to_owned(), (timeout, handler))]));
        let error = lambda.invoke("Echo", json!({})).await.unwrap_err();
        assert_eq!(error["errorType"], "Sandbox.Timedout");
        assert!(
            error["errorMessage"].as_str().unwrap().ends_with("Task timed out after 0.01 seconds"),
            "{error}"
        );
    }

    #[tokio::test]
    async fn a_killed_function_ends_where_it_is_and_lives_again() {
        let (reached, mut seen) = tokio::sync::mpsc::unbounded_channel();
        let faults = Arc::new(Faults::default());
        let lambda = lambda(plain(move |event: LambdaEvent<Value>| {
            let reached = reached.clone();
            async move {
                if event.payload == json!("wait") {
                    reached.send(())?;
                    std::future::pending::<()>().await;
                }
                Ok(json!("well"))
            }
        }));
        let lambda = lambda.with_faults(Arc::clone(&faults));
        faults.kill("Echo"); // nothing is under way yet
        let mut asked = Box::pin(lambda.invoke("Echo", json!("wait")));
        assert!(futures_util::poll!(&mut asked).is_pending());
        seen.recv().await.unwrap();
        faults.kill("Echo");
        assert_eq!(kind(asked.await), "Runtime.ExitError");
        assert_eq!(lambda.invoke("Echo", json!({})).await, Ok(json!("well")));
        assert!(!lambda.is_busy());
    }

    #[tokio::test]
    async fn an_invocation_outlives_whoever_asked_for_it() {
        let (go, wait) = oneshot::channel::<()>();
        let wait = Arc::new(tokio::sync::Mutex::new(Some(wait)));
        let (done, seen) = tokio::sync::mpsc::unbounded_channel();
        let lambda = lambda(plain(move |_: LambdaEvent<Value>| {
            let (wait, done) = (Arc::clone(&wait), done.clone());
            async move {
                wait.lock().await.take().unwrap().await?;
                done.send(())?;
                Ok(())
            }
        }));
        let mut asked = Box::pin(lambda.invoke("Echo", json!({})));
        assert!(futures_util::poll!(&mut asked).is_pending());
        drop(asked);
        assert!(lambda.is_busy());
        go.send(()).unwrap();
        let mut seen = seen;
        assert_eq!(seen.recv().await, Some(()));
    }

    #[tokio::test]
    async fn an_answer_over_six_megabytes_is_an_error() {
        let lambda = lambda(plain(|_: LambdaEvent<Value>| async { Ok("x".repeat(PAYLOAD_LIMIT)) }));
        assert_eq!(kind(lambda.invoke("Echo", json!({})).await), "Function.ResponseSizeTooLarge");
    }

    #[tokio::test]
    async fn a_function_that_is_not_there_is_an_error() {
        let lambda = Lambda::in_process(BTreeMap::new());
        assert_eq!(kind(lambda.invoke("Echo", json!({})).await), "ResourceNotFoundException");
    }
}
