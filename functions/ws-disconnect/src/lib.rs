//! `$disconnect`: forgets a socket.
//!
//! API Gateway calls this when it can. A connection that ends unseen is removed by the first post that finds it
//! gone, and its rows carry a TTL besides.

use app::realtime::Realtime;
use edge::{
    Environment, Misconfigured,
    socket::{SocketAnswer, SocketEvent},
};
use lambda_runtime::LambdaEvent;

/// Shared by all invocations.
pub type Handler = Realtime;

/// Prepares the function.
///
/// # Errors
/// If the configuration is wrong.
pub fn build(environment: &Environment) -> Result<Handler, Misconfigured> {
    environment.finish(environment.realtime())
}

/// Answers one event.
///
/// # Errors
/// If the connection could not be removed.
pub async fn handle(
    realtime: Handler,
    event: LambdaEvent<SocketEvent>,
) -> Result<SocketAnswer, lambda_runtime::Error> {
    // Boxed: telling staff who has left is deep.
    Box::pin(realtime.disconnect(&event.payload.request_context.connection_id)).await?;
    Ok(SocketAnswer::ok(None))
}
