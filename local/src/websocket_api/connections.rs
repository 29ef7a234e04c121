//! The management API that functions post through: `/@connections/{connection_id}`.

use axum::{
    Json, Router,
    body::Body,
    extract::{Path, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::post,
};
use serde_json::json;

use super::{Sockets, session::MESSAGE_LIMIT, socket::Ending};

pub fn router(sockets: Sockets) -> Router {
    let methods = || {
        post(post_to_connection)
            .get(get_connection)
            .delete(delete_connection)
    };
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
    let Ok(text) = payload.try_into() else {
        return error(StatusCode::BAD_REQUEST, "BadRequestException");
    };
    let Some(socket) = sockets.find(connection_id(&path)) else {
        return gone();
    };
    match socket.post(text, sockets.work.begin(), sockets.clock.now()) {
        Ok(()) => {
            sockets.counters.posted();
            StatusCode::OK.into_response()
        }
        Err(_) => gone(),
    }
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
    (
        status,
        [("x-amzn-errortype", kind)],
        [(header::CONTENT_TYPE, "application/json")],
        "{}",
    )
        .into_response()
}
