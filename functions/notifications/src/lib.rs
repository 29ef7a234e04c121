//! `/api/v1/notifications`: what people are told. Where they can be reached is in [`reach`], what the shop sends and how it
//! words it in [`sending`], what links in mails do in [`pages`], and who waits for a product in [`alerts`].

mod alerts;
mod pages;
mod reach;
mod sending;

use app::{
    idempotency::Idempotency,
    notifications::{Inbox, Links, Notifications, Reach, Words},
};
use axum::{
    Router,
    extract::{FromRef, State},
};
use contract::{
    Problem,
    http::{
        PageRequest,
        notifications::{
            CountsRequest, CountsView, DeliveriesView, NewReceipt, NotificationsRead, NotificationsRequest,
            NotificationsView,
        },
    },
};
use domain::NotificationId;
use edge::{
    Answer, Body, Caller, Environment, Id, Misconfigured, NoContent, Ok200, Params, Visitor, body::page,
    http::serve,
};
use utoipa_axum::{router::OpenApiRouter, routes};

/// What the routes work with.
#[derive(Clone, FromRef)]
pub struct Telling {
    notifications: Notifications,
    inbox: Inbox,
    reach: Reach,
    words: Words,
    links: Links,
    idempotency: Idempotency,
}

/// Prepares the function.
///
/// # Errors
/// If the configuration is wrong.
pub fn build(environment: &Environment) -> Result<Router, Misconfigured> {
    let notifications = environment.notifications();
    let telling = Telling {
        words: notifications.words().clone(),
        notifications,
        inbox: environment.inbox(),
        reach: environment.reach(),
        links: environment.links(),
        idempotency: environment.idempotency(),
    };
    let routes = routes().with_state(telling).split_for_parts().0;
    environment.finish(serve(routes, environment.gate()))
}

/// The routes, and what their documents say.
pub fn routes() -> OpenApiRouter<Telling> {
    OpenApiRouter::new()
        .routes(routes!(list_notifications, sending::send_notification))
        .routes(routes!(list_notifications_by_old_name))
        .routes(routes!(read_notification))
        .routes(routes!(read_all_notifications))
        .routes(routes!(list_deliveries))
        .routes(routes!(report_receipt))
        .routes(routes!(count_notifications))
        .merge(sending::routes())
        .merge(reach::routes())
        .merge(pages::routes())
        .merge(alerts::routes())
}

/// Lists what one was told, newest first; with `staff=true` what all of the shop's people were told.
#[utoipa::path(get, path = "/api/v1/notifications", tag = "notifications", params(NotificationsRequest, PageRequest),
    security(("bearer" = [])),
    responses((status = 200, body = NotificationsView), (status = "default", body = Problem)))]
async fn list_notifications(
    State(inbox): State<Inbox>,
    caller: Caller,
    Params(wanted): Params<NotificationsRequest>,
    Params(request): Params<PageRequest>,
) -> Answer<Ok200<NotificationsView>> {
    let (limit, cursor) = page(&request)?;
    Ok(Ok200(inbox.list(&caller, &wanted, limit, cursor).await?))
}

/// The same under its older name.
#[utoipa::path(get, path = "/api/v1/notifications/history", tag = "notifications",
    params(NotificationsRequest, PageRequest), security(("bearer" = [])),
    responses((status = 200, body = NotificationsView), (status = "default", body = Problem)))]
async fn list_notifications_by_old_name(
    inbox: State<Inbox>,
    caller: Caller,
    wanted: Params<NotificationsRequest>,
    request: Params<PageRequest>,
) -> Answer<Ok200<NotificationsView>> {
    list_notifications(inbox, caller, wanted, request).await
}

/// Says that one has read something. Said again, it stays so.
#[utoipa::path(put, path = "/api/v1/notifications/{id}/read", tag = "notifications",
    params(("id" = NotificationId, Path)), security(("bearer" = [])),
    responses((status = 200, body = NotificationsRead), (status = "default", body = Problem)))]
async fn read_notification(
    State(inbox): State<Inbox>,
    caller: Caller,
    Id(id): Id<NotificationId>,
) -> Answer<Ok200<NotificationsRead>> {
    Ok(Ok200(inbox.read(&caller, &id).await?))
}

/// Says that one has read everything.
#[utoipa::path(post, path = "/api/v1/notifications/read-all", tag = "notifications", security(("bearer" = [])),
    responses((status = 200, body = NotificationsRead), (status = "default", body = Problem)))]
async fn read_all_notifications(
    State(inbox): State<Inbox>,
    caller: Caller,
) -> Answer<Ok200<NotificationsRead>> {
    Ok(Ok200(inbox.read_all(&caller).await?))
}

/// Says what became of a notification on each way to each place, and why it was not sent where it was not.
#[utoipa::path(get, path = "/api/v1/notifications/{id}/deliveries", tag = "notifications",
    params(("id" = NotificationId, Path)), security(("bearer" = [])),
    responses((status = 200, body = DeliveriesView), (status = "default", body = Problem)))]
async fn list_deliveries(
    State(inbox): State<Inbox>,
    caller: Caller,
    Id(id): Id<NotificationId>,
) -> Answer<Ok200<DeliveriesView>> {
    Ok(Ok200(inbox.deliveries(&caller, &id).await?))
}

/// Says how many notifications came how far, for each kind and way.
#[utoipa::path(get, path = "/api/v1/analytics/notifications", tag = "notifications", params(CountsRequest),
    security(("bearer" = [])),
    responses((status = 200, body = CountsView), (status = "default", body = Problem)))]
async fn count_notifications(
    State(inbox): State<Inbox>,
    caller: Caller,
    Params(wanted): Params<CountsRequest>,
) -> Answer<Ok200<CountsView>> {
    Ok(Ok200(inbox.counts(&caller, &wanted).await?))
}

/// A device says what became of a notification, with the token that came with it.
#[utoipa::path(post, path = "/api/v1/notifications/{id}/events", tag = "notifications", request_body = NewReceipt,
    params(("id" = NotificationId, Path)),
    responses((status = 204), (status = "default", body = Problem)))]
async fn report_receipt(
    State(notifications): State<Notifications>,
    State(links): State<Links>,
    _visitor: Visitor,
    Id(id): Id<NotificationId>,
    Body(receipt): Body<NewReceipt>,
) -> Answer<NoContent> {
    notifications.report(&links, &id, &receipt).await?;
    Ok(NoContent)
}
