//! `$default` of the WebSocket API: every frame of a client but `ping`, which the gateway answers itself.

use std::sync::Arc;

use app::{Clock, Error, Result, chat::Chat, floods::Floods, realtime::Realtime};
use contract::{
    ErrorCode,
    frames::{ClientFrame, Reply},
};
use domain::ConnectionId;
use edge::{
    Environment, Misconfigured,
    auth::OrderTokens,
    problem,
    socket::{SocketAnswer, SocketEvent},
};
use lambda_runtime::LambdaEvent;
use serde::Deserialize;

/// What answers frames.
pub struct Answering {
    realtime: Realtime,
    chat: Chat,
    tokens: OrderTokens,
    frames: Floods,
    frames_of_people: Floods,
    clock: Clock,
}

/// Shared by all invocations.
pub type Handler = Arc<Answering>;

/// The longest `id` of a frame.
const MAX_FRAME_ID: usize = 64;

/// Prepares the function.
///
/// # Errors
/// If the configuration is wrong.
pub fn build(environment: &Environment) -> Result<Handler, Misconfigured> {
    environment.finish(Arc::new(Answering {
        realtime: environment.realtime(),
        chat: environment.chat(),
        tokens: environment.order_tokens(),
        frames: Floods::of_frames(),
        frames_of_people: Floods::of_people(),
        clock: environment.clock(),
    }))
}

/// Answers one frame. Whatever is wrong with it is said in an `error` frame; the socket stays open.
///
/// # Errors
/// Never: a client is always told.
pub async fn handle(
    handler: Handler,
    event: LambdaEvent<SocketEvent>,
) -> Result<SocketAnswer, lambda_runtime::Error> {
    let event = event.payload;
    let text = event.body.as_deref().unwrap_or_default();
    let reply = match obey(&handler, &event, text).await {
        Ok(reply) => reply,
        Err(error) => {
            problem::log(&error, &event.request_context.request_id);
            Some(problem::frame(&error, id_of(text)))
        }
    };
    Ok(SocketAnswer::ok(reply.map(|reply| serde_json::to_string(&reply)).transpose()?))
}

async fn obey(handler: &Answering, event: &SocketEvent, text: &str) -> Result<Option<Reply>> {
    let Answering { realtime, chat, tokens, frames_of_people, clock, .. } = handler;
    admit(handler, &event.request_context.connection_id).await?;
    if event.is_base64_encoded {
        return Err(Error::invalid(ErrorCode::ValidationFailed, "frames are text, not binary"));
    }
    let frame: ClientFrame = edge::body::parse(text.as_bytes())?;
    if frame.id.as_ref().is_some_and(|id| id.len() > MAX_FRAME_ID) {
        return Err(Error::field("id", "too_long", "expected at most 64 characters"));
    }
    let connection = realtime.connection(&event.request_context.connection_id).await?;
    frames_of_people.admit_of(&connection.principal, clock.now())?;
    let grants = tokens.read_good(frame.command.order_tokens()).await?;
    chat.obey(realtime, &connection, frame.id, frame.command, &grants).await
}

/// Counts a frame before it costs anything, and hangs up on whoever goes on although they are refused.
async fn admit(handler: &Answering, connection: &ConnectionId) -> Result<()> {
    let Err(refusal) = handler.frames.admit(connection.as_str(), handler.clock.now()) else { return Ok(()) };
    if refusal.is_enough {
        tracing::info!(connection_id = %connection, "a socket is closed that floods");
        handler.realtime.hang_up(connection).await?;
    }
    Err(refusal.into())
}

/// The `id` of a frame that may be wrong in every other way, so that its sender knows which one it was.
fn id_of(text: &str) -> Option<String> {
    #[derive(Deserialize)]
    struct OnlyId {
        id: Option<String>,
    }
    serde_json::from_str::<OnlyId>(text).ok()?.id.filter(|id| id.len() <= MAX_FRAME_ID)
}
