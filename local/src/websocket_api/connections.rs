//! The management API that functions post through: `/@connections/{connection_id}`.

use axum::{
    Json, Router,
    body::Body,
    extract::{Path, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::post,
};
use serde::{Deserialize, de::IgnoredAny};
use serde_json::json;
use tokio_tungstenite::tungstenite::Utf8Bytes;

use super::{Sockets, session::MESSAGE_LIMIT, socket::Ending};

pub fn router(sockets: Sockets) -> Router {
    let methods = || post(post_to_connection).get(get_connection).delete(delete_connection);
    Router::new()
        .route("/@connections/{connection_id}", methods())
        .route("/{stage}/@connections/{connection_id}", methods())
        .with_state(sockets)
}

async fn post_to_connection(
    State(sockets): State<Sockets>,
    Path(path): Path<Vec<(String, String)>>,
    body: Body,
) -> Response {
    // A little more is read than is taken, so that a client gets to read why it is refused.
    let payload = axum::body::to_bytes(body, 8 * MESSAGE_LIMIT).await.ok();
    let Some(payload) = payload.filter(|payload| payload.len() <= MESSAGE_LIMIT) else {
        return error(StatusCode::PAYLOAD_TOO_LARGE, "PayloadTooLargeException");
    };
    // API Gateway has no binary frames either way.
    let Ok(text) = Utf8Bytes::try_from(payload) else {
        return error(StatusCode::BAD_REQUEST, "BadRequestException");
    };
    let Some(socket) = sockets.find(connection_id(&path)) else {
        return gone();
    };
    let events = events_in(&text);
    match socket.post(text, sockets.work.begin(), sockets.clock.now()) {
        Ok(()) => {
            sockets.counters.posted(events);
            StatusCode::OK.into_response()
        }
        Err(_) => gone(),
    }
}

/// How many events a message brings. The gateway itself does not care; whoever counts what arrived wants to know.
fn events_in(text: &str) -> u64 {
    #[derive(Deserialize)]
    struct Batch {
        events: Vec<IgnoredAny>,
    }
    // Most messages are one event, and need no parsing.
    if !text.starts_with(r#"{"type":"batch""#) {
        return 1;
    }
    serde_json::from_str(text).map_or(1, |Batch { events }| u64::try_from(events.len()).unwrap_or(1))
}

async fn get_connection(State(sockets): State<Sockets>, Path(path): Path<Vec<(String, String)>>) -> Response {
    let Some(socket) = sockets.find(connection_id(&path)) else {
        return gone();
    };
    let connection = json!({
        "connectedAt": socket.connected_at.to_string(),
        "identity": {"sourceIp": socket.caller.source_ip, "userAgent": socket.caller.user_agent},
        "lastActiveAt": socket.last_active().to_string(),
    });
    Json(connection).into_response()
}

async fn delete_connection(
    State(sockets): State<Sockets>,
    Path(path): Path<Vec<(String, String)>>,
) -> Response {
    let Some(socket) = sockets.find(connection_id(&path)) else {
        return gone();
    };
    socket.end(Ending::DELETED);
    StatusCode::NO_CONTENT.into_response()
}

/// The last variable of either path.
fn connection_id(path: &[(String, String)]) -> &str {
    path.last().map_or("", |(_, connection_id)| connection_id)
}

fn gone() -> Response {
    error(StatusCode::GONE, "GoneException")
}

fn error(status: StatusCode, kind: &'static str) -> Response {
    (status, [("x-amzn-errortype", kind)], [(header::CONTENT_TYPE, "application/json")], "{}").into_response()
}
