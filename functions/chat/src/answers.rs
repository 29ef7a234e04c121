//! What the shop answers by itself: FAQs, responses, hours; and whether somebody is there.

use app::{chat::Chat, idempotency::Idempotency};
use axum::extract::State;
use contract::{
    Problem,
    http::chat::{
        AutoResponseView, AutoResponsesView, AvailabilityView, FaqMatchView, FaqView, FaqsView,
        NewAutoResponse, NewFaq, NewFaqMatch, NewSeeding, SeededView,
    },
};
use domain::{AutoResponseId, FaqId, chat::hours::BusinessHours};
use edge::{Answer, Body, Caller, Created, Id, Keyed, NoContent, Ok200, PerhapsKeyed, Visitor};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::Talking;

pub(crate) fn routes() -> OpenApiRouter<Talking> {
    OpenApiRouter::new()
        .routes(routes!(list_faqs, add_faq))
        .routes(routes!(read_faq, replace_faq, delete_faq))
        .routes(routes!(match_faqs))
        .routes(routes!(list_responses, add_response))
        .routes(routes!(replace_response, delete_response))
        .routes(routes!(seed))
        .routes(routes!(read_hours, set_hours))
        .routes(routes!(read_availability))
}

/// Lists the FAQs.
#[utoipa::path(get, path = "/api/v1/chat/faqs", tag = "chat", security(("bearer" = [])),
    responses((status = 200, body = FaqsView), (status = "default", body = Problem)))]
async fn list_faqs(State(chat): State<Chat>, caller: Caller) -> Answer<Ok200<FaqsView>> {
    Ok(Ok200(chat.faqs(&caller).await?))
}

/// Adds a FAQ. With an `Idempotency-Key`, once.
#[utoipa::path(post, path = "/api/v1/chat/faqs", tag = "chat", request_body = NewFaq,
    params(("Idempotency-Key" = Option<String>, Header)), security(("bearer" = [])),
    responses((status = 201, body = FaqView), (status = "default", body = Problem)))]
async fn add_faq(
    State(chat): State<Chat>,
    caller: Caller,
    PerhapsKeyed(key, new): PerhapsKeyed<NewFaq>,
) -> Answer<Created<FaqView>> {
    let id = FaqId::from_uuid(key.name(&caller, "faq"));
    Ok(Created(chat.save_faq(&caller, &id, new, true).await?))
}

/// Reads a FAQ.
#[utoipa::path(get, path = "/api/v1/chat/faqs/{id}", tag = "chat", params(("id" = FaqId, Path)),
    security(("bearer" = [])),
    responses((status = 200, body = FaqView), (status = "default", body = Problem)))]
async fn read_faq(State(chat): State<Chat>, caller: Caller, Id(id): Id<FaqId>) -> Answer<Ok200<FaqView>> {
    Ok(Ok200(chat.faq(&caller, &id).await?))
}

/// Puts a FAQ in place of what is there.
#[utoipa::path(put, path = "/api/v1/chat/faqs/{id}", tag = "chat", request_body = NewFaq,
    params(("id" = FaqId, Path)), security(("bearer" = [])),
    responses((status = 200, body = FaqView), (status = "default", body = Problem)))]
async fn replace_faq(
    State(chat): State<Chat>,
    caller: Caller,
    Id(id): Id<FaqId>,
    Body(new): Body<NewFaq>,
) -> Answer<Ok200<FaqView>> {
    Ok(Ok200(chat.save_faq(&caller, &id, new, false).await?))
}

/// Deletes a FAQ. One of the seeds that was deleted does not come back.
#[utoipa::path(delete, path = "/api/v1/chat/faqs/{id}", tag = "chat", params(("id" = FaqId, Path)),
    security(("bearer" = [])), responses((status = 204), (status = "default", body = Problem)))]
async fn delete_faq(State(chat): State<Chat>, caller: Caller, Id(id): Id<FaqId>) -> Answer<NoContent> {
    chat.delete_faq(&caller, &id).await?;
    Ok(NoContent)
}

/// Tries a text: what the shop would do with it, and why. Nothing is said.
#[utoipa::path(post, path = "/api/v1/chat/faqs/match", tag = "chat", request_body = NewFaqMatch,
    security(("bearer" = [])),
    responses((status = 200, body = FaqMatchView), (status = "default", body = Problem)))]
async fn match_faqs(
    State(chat): State<Chat>,
    caller: Caller,
    Body(new): Body<NewFaqMatch>,
) -> Answer<Ok200<FaqMatchView>> {
    Ok(Ok200(chat.match_faqs(&caller, new.text.as_str()).await?))
}

/// Lists what is said without being asked.
#[utoipa::path(get, path = "/api/v1/chat/auto-responses", tag = "chat", security(("bearer" = [])),
    responses((status = 200, body = AutoResponsesView), (status = "default", body = Problem)))]
async fn list_responses(State(chat): State<Chat>, caller: Caller) -> Answer<Ok200<AutoResponsesView>> {
    Ok(Ok200(chat.responses(&caller).await?))
}

/// Adds something that is said without being asked. With an `Idempotency-Key`, once.
#[utoipa::path(post, path = "/api/v1/chat/auto-responses", tag = "chat", request_body = NewAutoResponse,
    params(("Idempotency-Key" = Option<String>, Header)), security(("bearer" = [])),
    responses((status = 201, body = AutoResponseView), (status = "default", body = Problem)))]
async fn add_response(
    State(chat): State<Chat>,
    caller: Caller,
    PerhapsKeyed(key, new): PerhapsKeyed<NewAutoResponse>,
) -> Answer<Created<AutoResponseView>> {
    let id = AutoResponseId::from_uuid(key.name(&caller, "auto-response"));
    Ok(Created(chat.save_response(&caller, &id, new, true).await?))
}

/// Puts a response in place of what is there.
#[utoipa::path(put, path = "/api/v1/chat/auto-responses/{id}", tag = "chat", request_body = NewAutoResponse,
    params(("id" = AutoResponseId, Path)), security(("bearer" = [])),
    responses((status = 200, body = AutoResponseView), (status = "default", body = Problem)))]
async fn replace_response(
    State(chat): State<Chat>,
    caller: Caller,
    Id(id): Id<AutoResponseId>,
    Body(new): Body<NewAutoResponse>,
) -> Answer<Ok200<AutoResponseView>> {
    Ok(Ok200(chat.save_response(&caller, &id, new, false).await?))
}

/// Deletes a response.
#[utoipa::path(delete, path = "/api/v1/chat/auto-responses/{id}", tag = "chat",
    params(("id" = AutoResponseId, Path)), security(("bearer" = [])),
    responses((status = 204), (status = "default", body = Problem)))]
async fn delete_response(
    State(chat): State<Chat>,
    caller: Caller,
    Id(id): Id<AutoResponseId>,
) -> Answer<NoContent> {
    chat.delete_response(&caller, &id).await?;
    Ok(NoContent)
}

/// Gives the shop the FAQs and responses that every shop begins with, in English, Thai and Persian. What is there, was
/// edited or was deleted stays as it is.
#[utoipa::path(post, path = "/api/v1/chat/seed", tag = "chat", request_body = Option<NewSeeding>,
    params(("Idempotency-Key" = String, Header)), security(("bearer" = [])),
    responses((status = 200, body = SeededView), (status = "default", body = Problem)))]
async fn seed(
    State(chat): State<Chat>,
    State(idempotency): State<Idempotency>,
    caller: Caller,
    Keyed(key, NewSeeding {}): Keyed<NewSeeding>,
) -> Answer<Ok200<SeededView>> {
    Ok(Ok200(idempotency.once(&caller, &key, "chat-seed", |_| chat.seed(&caller)).await?))
}

/// When somebody is there.
#[utoipa::path(get, path = "/api/v1/chat/business-hours", tag = "chat",
    responses((status = 200, body = BusinessHours), (status = "default", body = Problem)))]
async fn read_hours(State(chat): State<Chat>, visitor: Visitor) -> Answer<Ok200<BusinessHours>> {
    Ok(Ok200(chat.hours(&visitor.shop).await?))
}

/// Says when somebody is there: intervals of the week, which may go over midnight, and days that are different.
#[utoipa::path(put, path = "/api/v1/chat/business-hours", tag = "chat", request_body = Option<BusinessHours>,
    security(("bearer" = [])),
    responses((status = 200, body = BusinessHours), (status = "default", body = Problem)))]
async fn set_hours(
    State(chat): State<Chat>,
    caller: Caller,
    Body(hours): Body<BusinessHours>,
) -> Answer<Ok200<BusinessHours>> {
    Ok(Ok200(chat.set_hours(&caller, hours).await?))
}

/// Whether somebody can be talked to now, how many wait, and when somebody is there next.
#[utoipa::path(get, path = "/api/v1/chat/availability", tag = "chat",
    responses((status = 200, body = AvailabilityView), (status = "default", body = Problem)))]
async fn read_availability(State(chat): State<Chat>, visitor: Visitor) -> Answer<Ok200<AvailabilityView>> {
    Ok(Ok200(chat.availability_of(&visitor.shop).await?))
}
