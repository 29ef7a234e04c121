//! What a shop sends by itself, and how it words it.

use app::{
    idempotency::Idempotency,
    notifications::{Notifications, Words},
};
use axum::extract::State;
use contract::{
    Problem,
    http::notifications::{
        BulkView, NewBulk, NewNotification, NewTest, NotificationTold, TemplateRequest, TemplateView,
    },
};
use domain::{
    NotificationJobId,
    notification::{Kind, template::Template},
};
use edge::{Accepted, Answer, Body, Caller, Created, Id, Keyed, Ok200, Params};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::Telling;

pub(crate) fn routes() -> OpenApiRouter<Telling> {
    OpenApiRouter::new()
        .routes(routes!(send_to_many))
        .routes(routes!(read_job))
        .routes(routes!(send_test))
        .routes(routes!(read_template, save_template))
}

/// Tells one person something: at once, or when `send_at` comes.
#[utoipa::path(post, path = "/api/v1/notifications", tag = "notifications", request_body = NewNotification,
    params(("Idempotency-Key" = String, Header)), security(("bearer" = [])),
    responses((status = 201, body = NotificationTold), (status = "default", body = Problem)))]
pub(crate) async fn send_notification(
    State(notifications): State<Notifications>,
    State(idempotency): State<Idempotency>,
    caller: Caller,
    Keyed(key, new): Keyed<NewNotification>,
) -> Answer<Created<NotificationTold>> {
    let send = async |run: app::idempotency::Run| notifications.send(&caller, &run, new).await;
    Ok(Created(Box::pin(idempotency.once(&caller, &key, "notification", send)).await?))
}

/// Tells many people something, a batch at a time: those who are named, or a segment.
#[utoipa::path(post, path = "/api/v1/notifications/bulk", tag = "notifications", request_body = NewBulk,
    params(("Idempotency-Key" = String, Header)), security(("bearer" = [])),
    responses((status = 202, body = BulkView), (status = "default", body = Problem)))]
async fn send_to_many(
    State(notifications): State<Notifications>,
    State(idempotency): State<Idempotency>,
    caller: Caller,
    Keyed(key, new): Keyed<NewBulk>,
) -> Answer<Accepted<BulkView>> {
    let send = async |run: app::idempotency::Run| notifications.send_to_many(&caller, &run, new).await;
    Ok(Accepted(Box::pin(idempotency.once(&caller, &key, "bulk", send)).await?))
}

/// Says how far the telling of many has come.
#[utoipa::path(get, path = "/api/v1/notifications/bulk/{id}", tag = "notifications",
    params(("id" = NotificationJobId, Path)), security(("bearer" = [])),
    responses((status = 200, body = BulkView), (status = "default", body = Problem)))]
async fn read_job(
    State(notifications): State<Notifications>,
    caller: Caller,
    Id(id): Id<NotificationJobId>,
) -> Answer<Ok200<BulkView>> {
    Ok(Ok200(notifications.job(&caller, &id).await?))
}

/// Tells oneself something on all ways, or on those that are named, to see whether it arrives.
#[utoipa::path(post, path = "/api/v1/notifications/test", tag = "notifications", request_body = Option<NewTest>,
    security(("bearer" = [])),
    responses((status = 201, body = NotificationTold), (status = "default", body = Problem)))]
async fn send_test(
    State(notifications): State<Notifications>,
    caller: Caller,
    Body(test): Body<NewTest>,
) -> Answer<Created<NotificationTold>> {
    Ok(Created(Box::pin(notifications.try_out(&caller, test.channels)).await?))
}

/// Shows how a kind of notification is worded, and what comes out of it with sample values.
#[utoipa::path(get, path = "/api/v1/notifications/templates/{type}", tag = "notifications",
    params(("type" = String, Path), TemplateRequest), security(("bearer" = [])),
    responses((status = 200, body = TemplateView), (status = "default", body = Problem)))]
async fn read_template(
    State(words): State<Words>,
    caller: Caller,
    Id(kind): Id<Kind>,
    Params(wanted): Params<TemplateRequest>,
) -> Answer<Ok200<TemplateView>> {
    Ok(Ok200(words.read(&caller, kind, &wanted).await?))
}

/// Words a kind of notification anew, in one language, for one way or for all.
#[utoipa::path(put, path = "/api/v1/notifications/templates/{type}", tag = "notifications", request_body = Template,
    params(("type" = String, Path), TemplateRequest), security(("bearer" = [])),
    responses((status = 200, body = TemplateView), (status = "default", body = Problem)))]
async fn save_template(
    State(words): State<Words>,
    caller: Caller,
    Id(kind): Id<Kind>,
    Params(wanted): Params<TemplateRequest>,
    Body(template): Body<Template>,
) -> Answer<Ok200<TemplateView>> {
    Ok(Ok200(words.save(&caller, kind, &wanted, template).await?))
}
