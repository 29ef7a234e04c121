//! Where people can be reached, and what they want.

use app::{limits::Limit, notifications::Reach};
use axum::extract::State;
use contract::{
    Problem,
    http::notifications::{
        ContactView, DeviceView, NewContact, NewDevice, NewPushSubscription, OlderDevice, PreferencesView,
        PushSubscriptionView,
    },
};
use domain::{
    DeviceId, PushSubscriptionId, UserId,
    notification::{Preferences, PreferencesChange},
};
use edge::{Answer, Body, Caller, Created, Id, NoContent, Ok200};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::Telling;

pub(crate) fn routes() -> OpenApiRouter<Telling> {
    OpenApiRouter::new()
        .routes(routes!(subscribe))
        .routes(routes!(subscribe_by_old_name))
        .routes(routes!(unsubscribe))
        .routes(routes!(add_device))
        .routes(routes!(add_device_by_old_name))
        .routes(routes!(remove_device))
        .routes(routes!(read_preferences, replace_preferences, merge_preferences))
        .routes(routes!(set_contact))
        .routes(routes!(set_contact_of))
}

/// A browser takes pushes from now on. The same endpoint again is the same subscription.
#[utoipa::path(post, path = "/api/v1/notifications/subscriptions", tag = "notifications",
    request_body = NewPushSubscription, security(("bearer" = [])),
    responses((status = 201, body = PushSubscriptionView), (status = "default", body = Problem)))]
async fn subscribe(
    State(reach): State<Reach>,
    caller: Caller,
    Body(new): Body<NewPushSubscription>,
) -> Answer<Created<PushSubscriptionView>> {
    caller.spend(Limit::Reach).await?;
    Ok(Created(Box::pin(reach.subscribe(&caller, new)).await?))
}

/// The same under its older name.
#[utoipa::path(post, path = "/api/realtime/notifications/subscribe", tag = "notifications",
    request_body = NewPushSubscription, security(("bearer" = [])),
    responses((status = 201, body = PushSubscriptionView), (status = "default", body = Problem)))]
async fn subscribe_by_old_name(
    reach: State<Reach>,
    caller: Caller,
    new: Body<NewPushSubscription>,
) -> Answer<Created<PushSubscriptionView>> {
    subscribe(reach, caller, new).await
}

/// A browser of one's own takes no pushes any more.
#[utoipa::path(delete, path = "/api/v1/notifications/subscriptions/{id}", tag = "notifications",
    params(("id" = PushSubscriptionId, Path)), security(("bearer" = [])),
    responses((status = 204), (status = "default", body = Problem)))]
async fn unsubscribe(
    State(reach): State<Reach>,
    caller: Caller,
    Id(id): Id<PushSubscriptionId>,
) -> Answer<NoContent> {
    reach.unsubscribe(&caller, &id).await?;
    Ok(NoContent)
}

/// A telephone takes pushes from now on. Its token moves with whoever registered it last.
#[utoipa::path(post, path = "/api/v1/notifications/devices", tag = "notifications", request_body = NewDevice,
    security(("bearer" = [])),
    responses((status = 201, body = DeviceView), (status = "default", body = Problem)))]
async fn add_device(
    State(reach): State<Reach>,
    caller: Caller,
    Body(new): Body<NewDevice>,
) -> Answer<Created<DeviceView>> {
    caller.spend(Limit::Reach).await?;
    Ok(Created(Box::pin(reach.add_device(&caller, new)).await?))
}

/// The same under its older name, also for several tokens at once; answers with the last.
#[utoipa::path(post, path = "/api/v1/notifications/register-device", tag = "notifications", request_body = OlderDevice,
    security(("bearer" = [])),
    responses((status = 201, body = DeviceView), (status = "default", body = Problem)))]
async fn add_device_by_old_name(
    State(reach): State<Reach>,
    caller: Caller,
    Body(older): Body<OlderDevice>,
) -> Answer<Created<DeviceView>> {
    caller.spend(Limit::Reach).await?;
    Ok(Created(Box::pin(reach.add_devices(&caller, older)).await?))
}

/// A telephone of one's own takes no pushes any more: what an app does when somebody signs out.
#[utoipa::path(delete, path = "/api/v1/notifications/devices/{id}", tag = "notifications",
    params(("id" = DeviceId, Path)), security(("bearer" = [])),
    responses((status = 204), (status = "default", body = Problem)))]
async fn remove_device(
    State(reach): State<Reach>,
    caller: Caller,
    Id(id): Id<DeviceId>,
) -> Answer<NoContent> {
    reach.remove_device(&caller, &id).await?;
    Ok(NoContent)
}

/// Says what one wants to be told, and where.
#[utoipa::path(get, path = "/api/v1/notifications/preferences", tag = "notifications", security(("bearer" = [])),
    responses((status = 200, body = PreferencesView), (status = "default", body = Problem)))]
async fn read_preferences(State(reach): State<Reach>, caller: Caller) -> Answer<Ok200<PreferencesView>> {
    Ok(Ok200(reach.preferences(&caller).await?))
}

/// Says anew what one wants to be told; what is not named is as usual.
#[utoipa::path(put, path = "/api/v1/notifications/preferences", tag = "notifications",
    request_body = Option<Preferences>, security(("bearer" = [])),
    responses((status = 200, body = PreferencesView), (status = "default", body = Problem)))]
async fn replace_preferences(
    State(reach): State<Reach>,
    caller: Caller,
    Body(wanted): Body<Preferences>,
) -> Answer<Ok200<PreferencesView>> {
    Ok(Ok200(reach.set_preferences(&caller, wanted).await?))
}

/// Changes what one wants to be told; what is not named stays.
#[utoipa::path(post, path = "/api/v1/notifications/preferences", tag = "notifications",
    request_body = Option<PreferencesChange>, security(("bearer" = [])),
    responses((status = 200, body = PreferencesView), (status = "default", body = Problem)))]
async fn merge_preferences(
    State(reach): State<Reach>,
    caller: Caller,
    Body(change): Body<PreferencesChange>,
) -> Answer<Ok200<PreferencesView>> {
    Ok(Ok200(reach.merge_preferences(&caller, change).await?))
}

/// Says where one can be reached. A new address gets a mail that asks whether it is one's own, and is used after that.
#[utoipa::path(put, path = "/api/v1/notifications/contact", tag = "notifications", request_body = Option<NewContact>,
    security(("bearer" = [])),
    responses((status = 200, body = ContactView), (status = "default", body = Problem)))]
async fn set_contact(
    State(reach): State<Reach>,
    caller: Caller,
    Body(new): Body<NewContact>,
) -> Answer<Ok200<ContactView>> {
    caller.spend(Limit::Reach).await?;
    Ok(Ok200(Box::pin(reach.set_contact(&caller, new)).await?))
}

/// Says where somebody can be reached, as the shop knows it.
#[utoipa::path(put, path = "/api/v1/notifications/contacts/{user_id}", tag = "notifications",
    request_body = Option<NewContact>, params(("user_id" = UserId, Path)), security(("bearer" = [])),
    responses((status = 200, body = ContactView), (status = "default", body = Problem)))]
async fn set_contact_of(
    State(reach): State<Reach>,
    caller: Caller,
    Id(user): Id<UserId>,
    Body(new): Body<NewContact>,
) -> Answer<Ok200<ContactView>> {
    Ok(Ok200(reach.set_contact_of(&caller, &user, new).await?))
}
