//! Guests, links, revocation, service keys, tickets.

use app::{identity::Identity, limits::Limit, realtime::Realtime};
use axum::extract::State;
use contract::{
    Problem,
    http::{
        Page, PageRequest,
        auth::{
            GuestToken, LinkView, NewLink, NewRevocation, NewServiceKey, RevocationView, ServiceKeyView,
            TicketView,
        },
    },
};
use domain::ServiceKeyId;
use edge::{Answer, Body, Caller, Created, Id, Keyed, NoContent, Ok200, Params, Visitor, body::page};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::Platform;

pub fn routes() -> OpenApiRouter<Platform> {
    OpenApiRouter::new()
        .routes(routes!(become_guest))
        .routes(routes!(link_guest))
        .routes(routes!(revoke_sessions))
        .routes(routes!(create_service_key, list_service_keys))
        .routes(routes!(end_service_key))
        .routes(routes!(create_ticket))
}

/// Gives an anonymous visitor a token.
#[utoipa::path(post, path = "/api/v1/auth/guest", tag = "auth",
    responses((status = 201, body = GuestToken), (status = "default", body = Problem)))]
async fn become_guest(visitor: Visitor) -> Answer<Created<GuestToken>> {
    visitor.spend(Limit::Guest).await?;
    let (guest_id, token, expires_at) = visitor.gate().authenticator.issue_guest(&visitor.shop).await?;
    Ok(Created(GuestToken { token, guest_id, expires_at }))
}

/// Joins a guest to the customer who asks, one way, once.
#[utoipa::path(post, path = "/api/v1/auth/link", tag = "auth", request_body = NewLink, security(("bearer" = [])),
    responses((status = 200, body = LinkView), (status = "default", body = Problem)))]
async fn link_guest(
    State(identity): State<Identity>,
    caller: Caller,
    Body(new): Body<NewLink>,
) -> Answer<Ok200<LinkView>> {
    let guest = caller.guest_of(&new.guest_token).await?;
    Ok(Ok200(identity.link(&caller, &guest).await?))
}

/// Ends a session, or all of somebody's, and closes their sockets.
#[utoipa::path(post, path = "/api/v1/auth/revoke", tag = "auth", request_body = Option<NewRevocation>,
    security(("bearer" = [])),
    responses((status = 200, body = RevocationView), (status = "default", body = Problem)))]
async fn revoke_sessions(
    State(identity): State<Identity>,
    State(realtime): State<Realtime>,
    caller: Caller,
    Body(new): Body<NewRevocation>,
) -> Answer<Ok200<RevocationView>> {
    let user_id = new.user_id.unwrap_or_else(|| caller.subject.clone());
    identity.revoke(&caller, &user_id, new.session_id.as_ref(), caller.tokens_end_by()).await?;
    let closed_connections = realtime.close_ended(&caller.shop, &user_id).await?;
    Ok(Ok200(RevocationView { user_id, session_id: new.session_id, closed_connections }))
}

/// Makes a key with which a program acts for the shop.
#[utoipa::path(post, path = "/api/v1/auth/service-keys", tag = "auth", request_body = NewServiceKey,
    params(("Idempotency-Key" = String, Header)), security(("bearer" = [])),
    responses((status = 201, body = ServiceKeyView), (status = "default", body = Problem)))]
async fn create_service_key(
    State(identity): State<Identity>,
    caller: Caller,
    Keyed(key, new): Keyed<NewServiceKey>,
) -> Answer<Created<ServiceKeyView>> {
    Ok(Created(identity.create_service_key(&caller, &key, new).await?))
}

/// Lists the keys that are good.
#[utoipa::path(get, path = "/api/v1/auth/service-keys", tag = "auth", params(PageRequest), security(("bearer" = [])),
    responses((status = 200, body = Page<ServiceKeyView>), (status = "default", body = Problem)))]
async fn list_service_keys(
    State(identity): State<Identity>,
    caller: Caller,
    Params(request): Params<PageRequest>,
) -> Answer<Ok200<Page<ServiceKeyView>>> {
    let (limit, cursor) = page(&request)?;
    Ok(Ok200(identity.service_keys(&caller, limit, cursor).await?))
}

/// Ends a key.
#[utoipa::path(delete, path = "/api/v1/auth/service-keys/{id}", tag = "auth", params(("id" = ServiceKeyId, Path)),
    security(("bearer" = [])), responses((status = 204), (status = "default", body = Problem)))]
async fn end_service_key(
    State(identity): State<Identity>,
    State(realtime): State<Realtime>,
    caller: Caller,
    Id(id): Id<ServiceKeyId>,
) -> Answer<NoContent> {
    identity.end_service_key(&caller, &id, caller.tokens_end_by()).await?;
    realtime.close_ended(&caller.shop, &id.as_user()).await?;
    Ok(NoContent)
}

/// Gives a ticket with which a browser opens its socket, so that no token ever stands in a URL.
#[utoipa::path(post, path = "/api/v1/realtime/tickets", tag = "realtime", security(("bearer" = [])),
    responses((status = 201, body = TicketView), (status = "default", body = Problem)))]
async fn create_ticket(State(realtime): State<Realtime>, caller: Caller) -> Answer<Created<TicketView>> {
    caller.spend(Limit::Ticket).await?;
    Ok(Created(realtime.issue_ticket(&caller, caller.token).await?))
}
