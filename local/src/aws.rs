//! The one AWS endpoint of the local cloud: what `AWS_ENDPOINT_URL` of every function names.
//!
//! It reads a request, applies the faults that are armed for it, lets the service act, and counts it. What the
//! services do is in their own files; signatures are read for the caller's name but not checked.

use std::{collections::BTreeMap, future::Future, io, net::SocketAddr, sync::Arc};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::Request,
    http::{Method, StatusCode, Uri, request::Parts},
    response::Response,
};
use serde_json::{Value, json};
use tower::ServiceExt;

use self::{
    request::{Call, Service},
    wire::{Refusal, json_answer, xml_answer},
};
use crate::{
    dynamodb::Dynamo,
    faults::{FaultKind, Faults},
    meter::{Meter, Units},
    s3::S3,
    ses::Ses,
    sns::Sns,
    sqs::Sqs,
    ssm::Ssm,
};

pub mod request;
pub mod wire;

/// The region that names and signatures carry.
pub const REGION: &str = "eu-west-1";

/// The account that names carry.
pub const ACCOUNT: &str = "000000000000";

/// The secret access key of every function.
pub const SECRET: &str = "local";

/// No service takes more in one request: DynamoDB's limit.
const BODY_LIMIT: usize = 16 * 1024 * 1024;

/// The services behind the endpoint.
pub struct Aws {
    /// DynamoDB.
    pub dynamo: Dynamo,
    /// SQS.
    pub sqs: Sqs,
    /// SNS.
    pub sns: Sns,
    /// SES.
    pub ses: Ses,
    /// S3.
    pub s3: S3,
    /// SSM.
    pub ssm: Ssm,
    /// Armed faults.
    pub faults: Arc<Faults>,
    /// Counts.
    pub meter: Arc<Meter>,
}

impl Aws {
    /// Listens on a free port of 127.0.0.1 and serves until the runtime ends. `connections` answers
    /// `/@connections/{id}`.
    pub async fn serve(self: Arc<Self>, connections: Router) -> io::Result<SocketAddr> {
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let router = self.router(connections);
        tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, router).await {
                tracing::error!(%error, "the AWS endpoint ended");
            }
        });
        Ok(address)
    }

    /// The endpoint as a router.
    pub fn router(self: Arc<Self>, connections: Router) -> Router {
        Router::new().fallback(move |request: Request| {
            let (aws, connections) = (Arc::clone(&self), connections.clone());
            async move { aws.answer(request, connections).await }
        })
    }

    async fn answer(&self, request: Request, connections: Router) -> Response {
        let (parts, body) = request.into_parts();
        let Ok(body) = axum::body::to_bytes(body, BODY_LIMIT).await else {
            return unknown(&parts.method, &parts.uri, StatusCode::PAYLOAD_TOO_LARGE);
        };
        let read = || Call::read(&parts.method, &parts.uri, &parts.headers, &body);
        let Some((call, content)) = self.s3.call(&parts).map(|call| (call, Value::Null)).or_else(read) else {
            return unknown(&parts.method, &parts.uri, StatusCode::NOT_FOUND);
        };
        let mut units = BTreeMap::new();
        let act = self.act(&call, content, parts, body, connections, &mut units);
        let answer = under_faults(&self.faults, &call, act).await;
        self.meter.record(&call, &units);
        answer.unwrap_or_else(|Severed| sever())
    }

    async fn act(
        &self,
        call: &Call,
        content: Value,
        parts: Parts,
        body: Bytes,
        connections: Router,
        units: &mut BTreeMap<String, Units>,
    ) -> Response {
        let json = |answer: Result<Value, Refusal>| match answer {
            Ok(body) => json_answer(call.service, &body),
            Err(refusal) => refusal.into_response(call),
        };
        match call.service {
            Service::Dynamodb => self.dynamo.answer(call, content, (&parts.headers, body), units).await,
            Service::Sqs => {
                let host =
                    parts.headers.get("host").and_then(|host| host.to_str().ok()).unwrap_or("127.0.0.1");
                json(self.sqs.answer(&call.operation, &content, host))
            }
            Service::Ses => json(self.ses.answer(&content)),
            Service::S3 => self.s3.answer(call, &parts, &body),
            Service::Ssm => json(self.ssm.answer(&call.operation, &content)),
            Service::Sns => match self.sns.answer(&call.operation, &content) {
                Ok(result) => xml_answer(&call.operation, &result),
                Err(refusal) => refusal.into_response(call),
            },
            Service::Connections | Service::Stripe | Service::Push => {
                let Ok(response) = connections.oneshot(Request::from_parts(parts, Body::from(body))).await;
                response
            }
        }
    }
}

/// The answer is lost: the connection must break.
#[derive(Debug)]
pub struct Severed;

/// Lets a request act as far as the armed faults let it.
pub async fn under_faults(
    faults: &Faults,
    call: &Call,
    act: impl Future<Output = Response>,
) -> Result<Response, Severed> {
    match faults.strike(call) {
        None => Ok(act.await),
        Some(FaultKind::Delay(duration)) => {
            tokio::time::sleep(duration).await;
            Ok(act.await)
        }
        Some(FaultKind::Drop) => {
            act.await;
            Err(Severed)
        }
        Some(FaultKind::CrashBefore) => {
            faults.kill(&call.function);
            Err(Severed)
        }
        Some(FaultKind::CrashAfter) => {
            act.await;
            faults.kill(&call.function);
            Err(Severed)
        }
        Some(FaultKind::Refuse) => Ok(refused(call).into_response(call)),
        Some(FaultKind::Throttle) => Ok(throttled(call).into_response(call)),
        Some(FaultKind::Conflict) => Ok(conflict(call).into_response(call)),
        Some(FaultKind::Gone) => Ok(Refusal::new("GoneException", "gone (injected)")
            .with_status(StatusCode::GONE)
            .into_response(call)),
    }
}

/// Breaks the connection without an answer, as a lost network does.
///
/// A handler cannot ask hyper for that, but hyper drops the connection of a task that unwinds; `resume_unwind` does so
/// without the panic hook, so nothing is printed.
pub fn sever() -> ! {
    std::panic::resume_unwind(Box::new(Severed))
}

fn refused(call: &Call) -> Refusal {
    let code = match call.service {
        Service::Ses => "InternalServiceErrorException",
        Service::Sns | Service::S3 => "InternalError",
        Service::Sqs => "InternalFailure",
        _ => "InternalServerError",
    };
    Refusal::new(code, "refused (injected)").with_status(StatusCode::INTERNAL_SERVER_ERROR)
}

fn throttled(call: &Call) -> Refusal {
    let (code, status) = match call.service {
        Service::Dynamodb => ("ProvisionedThroughputExceededException", StatusCode::BAD_REQUEST),
        Service::Sqs => ("RequestThrottled", StatusCode::FORBIDDEN),
        Service::Sns => ("Throttled", StatusCode::TOO_MANY_REQUESTS),
        Service::S3 => ("SlowDown", StatusCode::SERVICE_UNAVAILABLE),
        Service::Ssm => ("ThrottlingException", StatusCode::BAD_REQUEST),
        Service::Connections => ("LimitExceededException", StatusCode::TOO_MANY_REQUESTS),
        Service::Ses | Service::Stripe | Service::Push => {
            ("TooManyRequestsException", StatusCode::TOO_MANY_REQUESTS)
        }
    };
    Refusal::new(code, "too many requests (injected)").with_status(status)
}

/// A transaction is cancelled by its first act; AWS names the reason of each in order.
fn conflict(call: &Call) -> Refusal {
    if !call.operation.starts_with("Transact") {
        return Refusal::new("TransactionConflictException", "Transaction is ongoing for the item");
    }
    let reasons: Vec<Value> = (0..call.acts)
        .map(|act| match act {
            0 => json!({ "Code": "TransactionConflict", "Message": "Transaction is ongoing for the item" }),
            _ => json!({ "Code": "None" }),
        })
        .collect();
    let codes: Vec<_> = reasons.iter().filter_map(|reason| reason.get("Code")?.as_str()).collect();
    let message = format!(
        "Transaction cancelled, please refer cancellation reasons for specific reasons [{}]",
        codes.join(", ")
    );
    let mut refusal = Refusal::new("TransactionCanceledException", message);
    refusal.members.push(("CancellationReasons", reasons.into()));
    refusal
}

fn unknown(method: &Method, uri: &Uri, status: StatusCode) -> Response {
    let text = format!("{method} {} is no request to a service of the local cloud", uri.path());
    wire::json_response(status, "application/json", json!({ "message": text }).to_string())
}
