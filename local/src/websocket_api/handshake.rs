//! A WebSocket handshake: checked, asked of `$connect`, and only then answered.

use axum::{
    body::Body,
    extract::Request,
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header, request::Parts},
    response::{IntoResponse, Response},
};
use hyper::upgrade::OnUpgrade;
use serde_json::{Value, json};
use tokio::sync::oneshot;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use crate::{
    gateway::{self, Caller, Refusal},
    template::WebSocketTarget,
    work::UnderWay,
};

use super::{
    Sockets,
    event::{About, Occasion},
    socket::Ending,
};

impl Sockets {
    /// Answers a handshake. What follows runs on when the client is gone before the answer.
    pub(super) async fn shake_hands(&self, mut request: Request) -> Response {
        if let Err(refusal) = gateway::check_head(&request) {
            return refusal.into_response();
        }
        let upgrade = hyper::upgrade::on(&mut request);
        let (head, _) = request.into_parts();
        let key = match handshake_key(&head) {
            Ok(key) => key,
            Err(refusal) => return no_handshake(refusal),
        };
        let (answer, answered) = oneshot::channel();
        let connecting =
            Connecting { sockets: self.clone(), head, key, upgrade, answer, under_way: self.work.begin() };
        tokio::spawn(connecting.run());
        let died = Refusal(StatusCode::INTERNAL_SERVER_ERROR, "Internal server error");
        answered.await.unwrap_or_else(|_| died.into_response())
    }

    /// Asks `$connect`, if there is one. Its answer's headers, or the refusal.
    async fn admit(&self, about: &About, head: &Parts) -> Result<Value, Response> {
        let refuse = |status, text| {
            let body =
                json!({"message": text, "connectionId": about.connection_id, "requestId": about.request_id});
            with_body(status, body.to_string())
        };
        let Some(route) = self.api.routes.get("$connect") else {
            return Ok(Value::Null);
        };
        let WebSocketTarget::Function(function) = &route.target else {
            return Ok(Value::Null);
        };
        let answer = self.lambda.invoke(function, about.connect(head)).await.map_err(|error| {
            tracing::error!(function, %error, "$connect failed");
            refuse(StatusCode::BAD_GATEWAY, "Internal server error")
        })?;
        let status = answer.get("statusCode").and_then(Value::as_u64);
        let status = status.and_then(|status| u16::try_from(status).ok()).map(StatusCode::from_u16);
        match status {
            Some(Ok(status)) if status.is_success() => Ok(answer.get("headers").cloned().unwrap_or_default()),
            Some(Ok(status)) if status.as_u16() >= 300 => {
                Err(match answer.get("body").and_then(Value::as_str) {
                    Some(body) => with_body(status, body.to_owned()),
                    None => refuse(status, status.canonical_reason().unwrap_or("Refused")),
                })
            }
            _ => {
                tracing::error!(function, %answer, "$connect gave an answer without a status");
                Err(refuse(StatusCode::BAD_GATEWAY, "Internal server error"))
            }
        }
    }
}

/// A client between its handshake and its session.
struct Connecting {
    sockets: Sockets,
    head: Parts,
    key: String,
    upgrade: OnUpgrade,
    answer: oneshot::Sender<Response>,
    under_way: UnderWay,
}

impl Connecting {
    async fn run(self) {
        let Self { sockets, head, key, upgrade, answer, under_way } = self;
        let connected_at = sockets.clock.now();
        let about = About {
            connection_id: gateway::new_id(),
            connected_at,
            caller: Caller::of(&head),
            now: connected_at,
            request_id: gateway::new_id(),
            occasion: Occasion::Connect,
        };
        let headers = match sockets.admit(&about, &head).await {
            Ok(headers) => headers,
            Err(refusal) => {
                // Nobody reads it if the client left meanwhile; it was never connected.
                drop(answer.send(refusal));
                return;
            }
        };
        let accepted = answer.send(switching(&key, &headers)).is_ok();
        match upgrade.await {
            // In a task of its own: what the handshake needed is not kept as long as the connection lasts.
            Ok(stream) if accepted => drop(tokio::spawn(async move {
                sockets.serve(stream, about, under_way).await;
            })),
            // `$connect` let in a client that is gone: what it noted must be forgotten.
            _ => {
                let About { caller, connection_id, .. } = about;
                sockets.say_goodbye(&caller, &connection_id, connected_at, &Ending::LOST).await;
            }
        }
    }
}

/// The handshake's key, or the refusal of a request that is no handshake (RFC 6455, 4.2.1).
fn handshake_key(head: &Parts) -> Result<String, Refusal> {
    let names = |name: HeaderName, token: &str| {
        let value = gateway::joined(&head.headers, name.as_str());
        value.split(',').any(|part| part.trim().eq_ignore_ascii_case(token))
    };
    let is_upgrade = head.method == Method::GET
        && names(header::CONNECTION, "upgrade")
        && names(header::UPGRADE, "websocket");
    let is_known_version = names(header::SEC_WEBSOCKET_VERSION, "13");
    if !is_upgrade || !is_known_version {
        return Err(Refusal(StatusCode::UPGRADE_REQUIRED, "Upgrade Required"));
    }
    gateway::text(&head.headers, &header::SEC_WEBSOCKET_KEY)
        .ok_or(Refusal(StatusCode::BAD_REQUEST, "Bad Request"))
}

/// A refusal that says what would have been a handshake.
fn no_handshake(refusal: Refusal) -> Response {
    let headers = [(header::UPGRADE, "websocket"), (header::SEC_WEBSOCKET_VERSION, "13")];
    (headers, refusal).into_response()
}

/// The answer that turns the connection into a WebSocket. Of the function's headers only the subprotocol is for the client.
fn switching(key: &str, answered: &Value) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = response.headers_mut();
    headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    insert(headers, header::SEC_WEBSOCKET_ACCEPT, &derive_accept_key(key.as_bytes()));
    let answered = answered.as_object().into_iter().flatten();
    for (_, value) in answered.filter(|(name, _)| name.eq_ignore_ascii_case("sec-websocket-protocol")) {
        insert(headers, header::SEC_WEBSOCKET_PROTOCOL, value.as_str().unwrap_or_default());
    }
    response
}

fn insert(headers: &mut HeaderMap, name: HeaderName, text: &str) {
    match HeaderValue::from_str(text) {
        Ok(value) => {
            headers.insert(name, value);
        }
        Err(error) => tracing::warn!(%name, %error, "$connect answered with what no header can hold"),
    }
}

fn with_body(status: StatusCode, body: String) -> Response {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
