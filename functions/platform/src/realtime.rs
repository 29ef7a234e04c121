//! Polling, broadcasts, who is there.

use app::{broadcast::Broadcasts, realtime::Realtime};
use axum::extract::State;
use contract::{
    Problem,
    http::{
        orders::OrderToken,
        realtime::{BroadcastView, EventsView, NewBroadcast, PresenceList, RealtimeStatus},
    },
};
use domain::UserId;
use edge::{Answer, Caller, Created, Keyed, Ok200, Params, PerhapsKeyed};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::Platform;

pub fn routes() -> OpenApiRouter<Platform> {
    OpenApiRouter::new()
        .routes(routes!(list_events))
        .routes(routes!(list_presence))
        .routes(routes!(read_status))
        .routes(routes!(broadcast_event))
        .routes(routes!(read_status_alias, broadcast_event_alias))
}

/// Which events are wanted.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct EventsQuery {
    /// The channel, by any of its names.
    channel: String,
    /// Events of a log after this one; from the beginning if absent.
    #[serde(default)]
    after_seq: u64,
    /// Events of a log, 1 to 500; 100 unless said otherwise.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<u32>,
    /// A guest's token for the order that the channel is of.
    #[param(value_type = Option<String>)]
    order_token: Option<OrderToken>,
}

/// Lists what happened on a channel, for whoever has no socket or has missed something. Answers at once.
#[utoipa::path(get, path = "/api/v1/realtime/events", tag = "realtime", params(EventsQuery), security(("bearer" = [])),
    responses((status = 200, body = EventsView), (status = "default", body = Problem)))]
async fn list_events(
    State(realtime): State<Realtime>,
    caller: Caller,
    Params(query): Params<EventsQuery>,
) -> Answer<Ok200<EventsView>> {
    let grants = caller.order_grants(query.order_token.as_ref()).await?;
    Ok(Ok200(realtime.events(&caller, &query.channel, query.after_seq, query.limit, &grants).await?))
}

/// Whose presence is wanted: one of the two.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct PresenceQuery {
    /// Of this person.
    user_id: Option<UserId>,
    /// Of all who listen to this channel.
    channel: Option<String>,
}

/// Says who is there.
#[utoipa::path(get, path = "/api/v1/realtime/presence", tag = "realtime", params(PresenceQuery),
    security(("bearer" = [])),
    responses((status = 200, body = PresenceList), (status = "default", body = Problem)))]
async fn list_presence(
    State(realtime): State<Realtime>,
    caller: Caller,
    Params(query): Params<PresenceQuery>,
) -> Answer<Ok200<PresenceList>> {
    Ok(Ok200(realtime.presence(&caller, query.user_id, query.channel.as_deref()).await?))
}

/// Says how many are connected.
#[utoipa::path(get, path = "/api/v1/realtime/status", tag = "realtime", security(("bearer" = [])),
    responses((status = 200, body = RealtimeStatus), (status = "default", body = Problem)))]
async fn read_status(State(realtime): State<Realtime>, caller: Caller) -> Answer<Ok200<RealtimeStatus>> {
    Ok(Ok200(realtime.status(&caller).await?))
}

/// The same under its older name.
#[utoipa::path(get, path = "/api/realtime/websocket", tag = "realtime", security(("bearer" = [])),
    responses((status = 200, body = RealtimeStatus), (status = "default", body = Problem)))]
async fn read_status_alias(
    State(realtime): State<Realtime>,
    caller: Caller,
) -> Answer<Ok200<RealtimeStatus>> {
    Ok(Ok200(realtime.status(&caller).await?))
}

/// Sends an event to a channel, to everybody, to a person or to a connection.
#[utoipa::path(post, path = "/api/v1/realtime/broadcast", tag = "realtime", request_body = NewBroadcast,
    params(("Idempotency-Key" = String, Header)), security(("bearer" = [])),
    responses((status = 201, body = BroadcastView), (status = "default", body = Problem)))]
async fn broadcast_event(
    State(broadcasts): State<Broadcasts>,
    caller: Caller,
    Keyed(key, new): Keyed<NewBroadcast>,
) -> Answer<Created<BroadcastView>> {
    Ok(Created(broadcasts.send(&caller, &key, new).await?))
}

/// The same under its older name, whose callers know no `Idempotency-Key`: without one, each call is another.
#[utoipa::path(post, path = "/api/realtime/websocket", tag = "realtime", request_body = NewBroadcast,
    params(("Idempotency-Key" = Option<String>, Header)), security(("bearer" = [])),
    responses((status = 201, body = BroadcastView), (status = "default", body = Problem)))]
async fn broadcast_event_alias(
    State(broadcasts): State<Broadcasts>,
    caller: Caller,
    PerhapsKeyed(key, new): PerhapsKeyed<NewBroadcast>,
) -> Answer<Created<BroadcastView>> {
    Ok(Created(broadcasts.send(&caller, &key, new).await?))
}
