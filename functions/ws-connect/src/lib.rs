//! `$connect`: admits a socket, or refuses it.
//!
//! Nothing is posted here: API Gateway does not deliver to a connection that is still being opened. The client's
//! first frame is `hello`, and its answer comes from `ws-message`.

use std::sync::Arc;

use app::{
    Clock, Error, Result,
    floods::Floods,
    realtime::{Admission, Realtime},
};
use edge::{
    Environment, Misconfigured,
    auth::Authenticator,
    socket::{SocketAnswer, SocketEvent},
};
use lambda_runtime::LambdaEvent;

/// What admits sockets.
pub struct Admitting {
    realtime: Realtime,
    authenticator: Authenticator,
    sockets: Floods,
    clock: Clock,
    is_logging: bool,
}

/// Shared by all invocations.
pub type Handler = Arc<Admitting>;

/// Prepares the function.
///
/// # Errors
/// If the configuration is wrong.
pub fn build(environment: &Environment) -> Result<Handler, Misconfigured> {
    environment.finish(Arc::new(Admitting {
        realtime: environment.realtime(),
        authenticator: environment.authenticator(),
        sockets: Floods::of_sockets(),
        clock: environment.clock(),
        is_logging: environment.logs_sockets(),
    }))
}

/// Answers one event.
///
/// # Errors
/// If something of ours failed, so that the client is told to try again.
pub async fn handle(
    handler: Handler,
    event: LambdaEvent<SocketEvent>,
) -> Result<SocketAnswer, lambda_runtime::Error> {
    let event = event.payload;
    let admitted = admit(&handler, &event).await;
    if handler.is_logging {
        let refused = admitted.as_ref().err().map(ToString::to_string);
        tracing::info!(connection_id = %event.request_context.connection_id, refused, "a socket asks to be opened");
    }
    match admitted {
        Ok(()) => Ok(SocketAnswer::admitted(&event)),
        Err(error) if matches!(error, Error::Internal { .. } | Error::Unavailable { .. }) => {
            Err(error.into())
        }
        Err(error) => Ok(SocketAnswer::refused(&error)),
    }
}

async fn admit(handler: &Admitting, event: &SocketEvent) -> Result<()> {
    let bearer = match event.bearer() {
        Some(token) => Some(handler.authenticator.authenticate(token, None).await?),
        None => None,
    };
    if let Some(bearer) = &bearer {
        handler.sockets.admit_of(&bearer.principal, handler.clock.now())?;
    }
    let admission = Admission {
        ticket: event.query("ticket").map(str::to_owned),
        bearer: bearer.map(|bearer| (bearer.principal, bearer.token)),
        origin: event.header("origin").map(str::to_owned),
        accepts_gzip: event.query("encoding") == Some("gzip"),
        channels: event.query("channels").map(names).unwrap_or_default(),
        claims_to_be: event.query("userId").map(str::to_owned),
    };
    handler.realtime.connect(&event.request_context.connection_id, admission).await
}

/// Names between commas.
fn names(list: &str) -> Vec<String> {
    list.split(',').map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect()
}
