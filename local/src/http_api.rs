//! The HTTP API: what API Gateway does between a client and the functions of `template.yaml` (payload format 2.0).
//!
//! It routes, translates, limits and answers CORS. It knows nothing of what the functions do.

mod answer;
pub(crate) mod cors;
mod event;
mod routes;

use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::Request,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};

use crate::{
    clock::TurnableClock,
    gateway::{self, Caller, Refusal},
    lambda::Lambda,
    template::{HttpApi, HttpTarget},
};

use event::Asked;
use routes::Routes;

/// The most that a request's body may have, in bytes. API Gateway takes 10 MB, but the function's event only 6.
const BODY_LIMIT: usize = 6 * 1024 * 1024;

/// How much of a body is read before it is refused. A client is often still writing when it is refused early, and then
/// sees a broken connection instead of the answer.
const READ_LIMIT: usize = 10 * 1024 * 1024;

/// How long an integration may take (AWS: 30 s, which cannot be raised).
const INTEGRATION_LIMIT: Duration = Duration::from_secs(30);

const NOT_FOUND: Refusal = Refusal(StatusCode::NOT_FOUND, "Not Found");
const TOO_LONG: Refusal = Refusal(StatusCode::PAYLOAD_TOO_LARGE, "Request Too Long");
const FAILED: Refusal = Refusal(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error");

/// The files behind `HttpTarget::Site`: finds the one at a path below the site's root.
pub type Site = Arc<dyn Fn(&str) -> Option<SiteFile> + Send + Sync>;

/// One file of a site.
#[derive(Debug, Clone)]
pub struct SiteFile {
    /// Its `Content-Type`.
    pub content_type: String,
    /// Its bytes.
    pub body: Bytes,
}

/// The HTTP API as a router that takes every path; serve it with [`gateway::serve`].
pub fn router(api: &HttpApi, lambda: Lambda, clock: TurnableClock, site: Site) -> Router {
    let routes = Routes::new(&api.routes);
    let api = Arc::new(Api { routes, cors: api.cors.clone(), lambda, clock, site });
    Router::new().fallback(move |request: Request| {
        let api = Arc::clone(&api);
        async move { api.answer(request).await }
    })
}

struct Api {
    routes: Routes,
    cors: crate::template::Cors,
    lambda: Lambda,
    clock: TurnableClock,
    site: Site,
}

impl Api {
    async fn answer(&self, request: Request) -> Response {
        let request_id = gateway::new_id();
        let origin = request.headers().get(header::ORIGIN).cloned();
        if cors::is_preflight(&request) && !self.cors.origins.is_empty() {
            return cors::preflight(&self.cors, origin.as_ref());
        }
        let mut response = self.route(request, &request_id).await.unwrap_or_else(Refusal::into_response);
        cors::allow(&self.cors, origin.as_ref(), &mut response);
        if let Ok(request_id) = HeaderValue::from_str(&request_id) {
            response.headers_mut().insert("apigw-requestid", request_id);
        }
        response
    }

    async fn route(&self, request: Request, request_id: &str) -> Result<Response, Refusal> {
        gateway::check_head(&request)?;
        let (head, body) = request.into_parts();
        let path = event::raw_path(head.uri.path());
        let found = self.routes.find(&head.method, &path);
        let found = found.ok_or(NOT_FOUND)?;
        let body = read(body).await?;
        match found.target {
            HttpTarget::Site(file) => {
                let greedy = found.parameters.iter().find(|(name, _)| name == "proxy");
                let file = file.replace("{proxy}", greedy.map_or("", |(_, value)| value));
                Ok(self.file(&file))
            }
            HttpTarget::Function(function) => {
                let asked = Asked {
                    caller: Caller::of(&head),
                    path: &path,
                    route: &found.key,
                    parameters: &found.parameters,
                    body: &body,
                    now: self.clock.now(),
                    request_id,
                    head: &head,
                };
                self.invoke(function, asked.event()?).await
            }
        }
    }

    async fn invoke(&self, function: &str, event: serde_json::Value) -> Result<Response, Refusal> {
        let Ok(answer) = tokio::time::timeout(INTEGRATION_LIMIT, self.lambda.invoke(function, event)).await
        else {
            // The invocation itself runs on, as on AWS.
            return Err(Refusal(StatusCode::SERVICE_UNAVAILABLE, "Service Unavailable"));
        };
        let answer = answer.map_err(|error| {
            tracing::error!(function, %error, "a function failed");
            FAILED
        })?;
        answer::response(answer).ok_or_else(|| {
            tracing::error!(function, "a function's answer is not one that API Gateway understands");
            FAILED
        })
    }

    fn file(&self, path: &str) -> Response {
        let is_inside = path.split('/').all(|step| step != "..");
        match is_inside.then(|| (self.site)(path)).flatten() {
            Some(file) => {
                // As `infra/deploy` uploads them: asked for anew each time, for none has a version in its name.
                let head = [
                    (header::CONTENT_TYPE, file.content_type),
                    (header::CACHE_CONTROL, "no-cache".to_owned()),
                ];
                (head, file.body).into_response()
            }
            None => NOT_FOUND.into_response(),
        }
    }
}

async fn read(body: Body) -> Result<Bytes, Refusal> {
    if axum::body::HttpBody::size_hint(&body).lower() > READ_LIMIT as u64 {
        return Err(TOO_LONG);
    }
    let body = axum::body::to_bytes(body, READ_LIMIT).await.map_err(|error| {
        // A body that broke off has nobody left to read the answer.
        tracing::debug!(%error, "a body was not read to its end");
        TOO_LONG
    })?;
    if body.len() > BODY_LIMIT { Err(TOO_LONG) } else { Ok(body) }
}
