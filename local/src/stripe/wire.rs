//! One request of the API: who asks, what for, whether it was asked before, and the answer on the wire.

use axum::{
    body::{Body, Bytes},
    extract::{Path, State},
    http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::Value;

use super::{
    FakeStripe, Replay,
    books::{Books, KeptAnswer},
    failure::Failure,
    faults::FaultKind,
    ids,
    objects::{API_VERSION, Object, PaymentIntent},
    operations::{Access, Operation},
    params::{self, Params},
};

const MAX_IDEMPOTENCY_KEY: usize = 255;
/// What a shopper's page gets to see of a payment.
const PUBLIC_FIELDS: &[&str] = &[
    "id",
    "object",
    "amount",
    "amount_details",
    "automatic_payment_methods",
    "canceled_at",
    "cancellation_reason",
    "capture_method",
    "client_secret",
    "confirmation_method",
    "created",
    "currency",
    "description",
    "last_payment_error",
    "livemode",
    "next_action",
    "payment_method",
    "payment_method_types",
    "processing",
    "receipt_email",
    "setup_future_usage",
    "shipping",
    "source",
    "status",
];

/// What an operation answers.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: StatusCode,
    pub body: Value,
}

impl Answer {
    /// 200.
    pub fn ok(body: Value) -> Self {
        Self { status: StatusCode::OK, body }
    }

    /// A refusal that changed something, so that its transaction must be kept.
    pub fn refused(failure: &Failure) -> Self {
        Self { status: failure.status, body: failure.body() }
    }
}

/// A request as far as it has been read.
pub struct Call<'a> {
    pub operation: &'static Operation,
    /// The id in its path.
    pub id: &'a str,
    pub params: Params,
    pub request_id: &'a str,
    /// Key and fingerprint of a request that may be repeated.
    pub idempotency: Option<(&'a str, String)>,
    /// Whether a shopper's page asks, which sees less.
    is_public: bool,
}

impl Call<'_> {
    /// Does what is asked, inside one transaction.
    pub fn act(&self, books: &mut Books<'_>) -> Result<(Answer, Replay), Failure> {
        if let Some((key, fingerprint)) = &self.idempotency
            && let Some(kept) = books.kept_answer(key)?
        {
            if kept.fingerprint != *fingerprint {
                return Err(Failure::other_request(key));
            }
            let status = StatusCode::from_u16(kept.status).unwrap_or_default();
            return Ok((Answer { status, body: kept.body }, Replay::Of(kept.request_id)));
        }
        self.params.allow(self.operation.params)?;
        if self.is_public {
            self.check_client_secret(books)?;
        }
        let mut answer = (self.operation.act)(books, self.id, &self.params)?;
        if answer.status.is_success() {
            for path in self.params.list("expand")? {
                books.expand(&mut answer.body, path)?;
            }
        }
        if self.is_public {
            hide_private(&mut answer.body);
        }
        self.keep(books, &answer)?;
        Ok((answer, Replay::None))
    }

    /// Remembers the answer for the request's idempotency key.
    pub fn keep(&self, books: &Books<'_>, answer: &Answer) -> Result<(), Failure> {
        let Some((key, fingerprint)) = &self.idempotency else {
            return Ok(());
        };
        let kept = KeptAnswer {
            fingerprint: fingerprint.clone(),
            status: answer.status.as_u16(),
            body: answer.body.clone(),
            request_id: self.request_id.to_owned(),
            at: books.now(),
        };
        books.keep_answer(key, &kept)
    }

    fn check_client_secret(&self, books: &Books<'_>) -> Result<(), Failure> {
        let secret = self.params.required("client_secret")?;
        let intent: PaymentIntent = books.get(self.id)?;
        if intent.client_secret == secret {
            return Ok(());
        }
        let message =
            "The client_secret provided does not match any associated PaymentIntent on this account."
                .to_owned();
        Err(Failure::invalid_param("client_secret", message).code("resource_missing"))
    }
}

/// Serves `/v1/…`.
pub async fn serve(
    State(stripe): State<FakeStripe>,
    Path(path): Path<String>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let request_id = format!("req_{}", ids::random(14));
    let Some((operation, id)) = Operation::find(&method, &path) else {
        return respond(
            &headers,
            &request_id,
            Err(Failure::unknown_url(method.as_str(), &format!("/v1/{path}"))),
        );
    };
    let fault = stripe.count_and_strike(operation.name);
    match fault.map(|strike| (strike.kind, strike.status)) {
        Some((FaultKind::Refuse, status)) => {
            return respond(&headers, &request_id, Err(Failure::injected(status)));
        }
        Some((FaultKind::Drop, _)) => return hang_up(),
        _ => {}
    }
    let outcome = read(operation, id, &method, &path, &uri, &headers, &body, &request_id)
        .and_then(|call| stripe.answer(&call));
    match fault.map(|strike| (strike.kind, strike.status)) {
        Some((FaultKind::TimeoutAfterActing, _)) => hang_up(),
        Some((FaultKind::FailAfterActing, status)) => {
            respond(&headers, &request_id, Err(Failure::injected(status)))
        }
        _ => respond(&headers, &request_id, outcome),
    }
}

#[expect(
    clippy::too_many_arguments,
    reason = "these are the parts of one HTTP request, taken apart in one place"
)]
fn read<'a>(
    operation: &'static Operation,
    id: &'a str,
    method: &Method,
    path: &str,
    uri: &Uri,
    headers: &'a HeaderMap,
    body: &[u8],
    request_id: &'a str,
) -> Result<Call<'a>, Failure> {
    let params = Params::parse(uri.query(), body)?;
    let key = key_of(headers).or(params.text("key")?.map(str::to_owned));
    let is_public = match key.as_deref() {
        Some(key) if key.starts_with("sk_test_") || key.starts_with("rk_test_") => false,
        // The client secret alone lets a shopper in; Stripe's own page code sends a publishable key beside it.
        None if operation.access == Access::Shopper && params.text("client_secret")?.is_some() => true,
        Some(key) if key.starts_with("pk_test_") => {
            if operation.access != Access::Shopper {
                return Err(Failure::secret_key_required());
            }
            true
        }
        Some(key) => return Err(Failure::unknown_key(key)),
        None => return Err(Failure::unauthenticated()),
    };
    let idempotency_key = headers.get("idempotency-key").and_then(|key| key.to_str().ok());
    let idempotency = idempotency_key.filter(|key| *method == Method::POST && !key.is_empty());
    if idempotency.is_some_and(|key| key.len() > MAX_IDEMPOTENCY_KEY) {
        return Err(Failure::invalid("Idempotency keys may have at most 255 characters."));
    }
    let idempotency = idempotency.map(|key| (key, params::fingerprint(method.as_str(), path, body)));
    Ok(Call { operation, id, params, request_id, idempotency, is_public })
}

/// The API key: a bearer token, or the user name of basic authentication.
fn key_of(headers: &HeaderMap) -> Option<String> {
    let authorization = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, credentials) = authorization.split_once(' ')?;
    if scheme.eq_ignore_ascii_case("bearer") {
        return Some(credentials.trim().to_owned());
    }
    let decoded = String::from_utf8(STANDARD.decode(credentials.trim()).ok()?).ok()?;
    decoded.split(':').next().map(str::to_owned)
}

fn hide_private(body: &mut Value) {
    let intent = match body.get_mut("error") {
        Some(error) => error.get_mut("payment_intent"),
        None => Some(body),
    };
    if let Some(Value::Object(intent)) = intent
        && intent.get("object").is_some_and(|kind| kind == PaymentIntent::KIND)
    {
        intent.retain(|field, _| PUBLIC_FIELDS.contains(&field.as_str()));
    }
}

fn respond(headers: &HeaderMap, request_id: &str, outcome: Result<(Answer, Replay), Failure>) -> Response {
    let (answer, replay) = outcome.unwrap_or_else(|failure| (Answer::refused(&failure), Replay::None));
    // Stripe's JSON is indented, and some of its readers depend on what they should not.
    let body = serde_json::to_vec_pretty(&answer.body).unwrap_or_default();
    let mut response = (answer.status, body).into_response();
    let mut set = |name: &'static str, value: &str| {
        if let Ok(value) = HeaderValue::from_str(value) {
            response.headers_mut().insert(name, value);
        }
    };
    set("content-type", "application/json");
    set("cache-control", "no-cache, no-store");
    set("request-id", request_id);
    let request_header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    set("stripe-version", request_header("stripe-version").unwrap_or(API_VERSION));
    if let Some(key) = request_header("idempotency-key") {
        set("idempotency-key", key);
    }
    match &replay {
        Replay::Of(original) => {
            set("idempotent-replayed", "true");
            set("original-request", original);
        }
        Replay::None if request_header("idempotency-key").is_some() => set("original-request", request_id),
        Replay::None => {}
    }
    if answer.status == StatusCode::UNAUTHORIZED {
        set("www-authenticate", "Basic realm=\"Stripe\"");
    }
    response
}

/// An answer whose body fails at once: the server gives the connection up before it has written a byte.
fn hang_up() -> Response {
    let broken =
        futures_util::stream::once(async { Err::<Bytes, _>(std::io::Error::other("an injected fault")) });
    Response::new(Body::from_stream(broken))
}
