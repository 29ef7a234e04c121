//! `/api/chat`: the same under the paths that older clients know. They know no `Idempotency-Key`; where one comes, it is
//! heeded.

use app::chat::{Chat, Voice};
use axum::extract::State;
use contract::{
    Problem,
    http::{
        Page, PageRequest,
        chat::{
            AutoResponseView, AutoResponsesView, ConversationView, ConversationsRequest, FaqView, FaqsView,
            MessagesRequest, MessagesView, NewAutoResponse, NewConversation, NewFaq, NewMessage, NewRead,
            ReadView,
        },
    },
};
use domain::{AutoResponseId, ConversationId, FaqId, chat::Message};
use edge::{
    Answer, Body, Caller, Created, CreatedOrFound, Id, NoContent, Ok200, Params, PerhapsKeyed, body::page,
};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::Talking;

pub(crate) fn routes() -> OpenApiRouter<Talking> {
    OpenApiRouter::new()
        .routes(routes!(open_room))
        .routes(routes!(list_rooms))
        .routes(routes!(list_room_messages, send_to_room))
        .routes(routes!(read_room_up_to))
        .routes(routes!(list_old_faqs, add_old_faq))
        .routes(routes!(read_old_faq, replace_old_faq, delete_old_faq))
        .routes(routes!(list_old_responses, add_old_response))
        .routes(routes!(replace_old_response, delete_old_response))
}

/// Opens a conversation.
#[utoipa::path(post, path = "/api/chat/rooms/create", tag = "chat", request_body = Option<NewConversation>,
    params(("Idempotency-Key" = Option<String>, Header)),
    security(("bearer" = [])),
    responses((status = 201, body = ConversationView), (status = 200, body = ConversationView), (status = "default", body = Problem)))]
async fn open_room(
    State(talking): State<Talking>,
    caller: Caller,
    PerhapsKeyed(key, new): PerhapsKeyed<NewConversation>,
) -> Answer<CreatedOrFound<ConversationView>> {
    let open = |run: app::idempotency::Run| talking.chat.open(&caller, run.name("conversation"), new);
    let (view, is_new) = talking.idempotency.once(&caller, &key, "conversation", open).await?;
    Ok(CreatedOrFound(view, is_new))
}

/// Lists conversations.
#[utoipa::path(get, path = "/api/chat/rooms", tag = "chat",
    params(ConversationsRequest, PageRequest),
    security(("bearer" = [])),
    responses((status = 200, body = Page<ConversationView>), (status = "default", body = Problem)))]
async fn list_rooms(
    State(chat): State<Chat>,
    caller: Caller,
    Params(wanted): Params<ConversationsRequest>,
    Params(request): Params<PageRequest>,
) -> Answer<Ok200<Page<ConversationView>>> {
    let (limit, cursor) = page(&request)?;
    Ok(Ok200(chat.list(&caller, &wanted, limit, cursor).await?))
}

/// Says something.
#[utoipa::path(post, path = "/api/chat/rooms/{id}/messages", tag = "chat", request_body = NewMessage,
    params(("id" = ConversationId, Path), ("Idempotency-Key" = Option<String>, Header)),
    security(("bearer" = [])),
    responses((status = 201, body = Message), (status = "default", body = Problem)))]
async fn send_to_room(
    State(chat): State<Chat>,
    caller: Caller,
    Id(id): Id<ConversationId>,
    PerhapsKeyed(key, new): PerhapsKeyed<NewMessage>,
) -> Answer<Created<Message>> {
    let voice = Voice { device: caller.session.as_str(), attempt: 2 };
    Ok(Created(chat.say(&caller, voice, &id, new.or_named(|| key.as_name())).await?))
}

/// Lists messages.
#[utoipa::path(get, path = "/api/chat/rooms/{id}/messages", tag = "chat",
    params(("id" = ConversationId, Path), MessagesRequest),
    security(("bearer" = [])),
    responses((status = 200, body = MessagesView), (status = "default", body = Problem)))]
async fn list_room_messages(
    State(chat): State<Chat>,
    caller: Caller,
    Id(id): Id<ConversationId>,
    Params(wanted): Params<MessagesRequest>,
) -> Answer<Ok200<MessagesView>> {
    Ok(Ok200(chat.messages(&caller, &id, &wanted).await?))
}

/// Says up to where one has read.
#[utoipa::path(put, path = "/api/chat/rooms/{id}/messages/read", tag = "chat", request_body = Option<NewRead>,
    params(("id" = ConversationId, Path)),
    security(("bearer" = [])),
    responses((status = 200, body = ReadView), (status = "default", body = Problem)))]
async fn read_room_up_to(
    State(chat): State<Chat>,
    caller: Caller,
    Id(id): Id<ConversationId>,
    Body(read): Body<NewRead>,
) -> Answer<Ok200<ReadView>> {
    Ok(Ok200(chat.read_up_to(&caller, &id, read).await?))
}

/// Lists the FAQs.
#[utoipa::path(get, path = "/api/chat/faqs", tag = "chat",
    security(("bearer" = [])),
    responses((status = 200, body = FaqsView), (status = "default", body = Problem)))]
async fn list_old_faqs(State(chat): State<Chat>, caller: Caller) -> Answer<Ok200<FaqsView>> {
    Ok(Ok200(chat.faqs(&caller).await?))
}

/// Adds a FAQ.
#[utoipa::path(post, path = "/api/chat/faqs", tag = "chat", request_body = NewFaq,
    params(("Idempotency-Key" = Option<String>, Header)),
    security(("bearer" = [])),
    responses((status = 201, body = FaqView), (status = "default", body = Problem)))]
async fn add_old_faq(
    State(chat): State<Chat>,
    caller: Caller,
    PerhapsKeyed(key, new): PerhapsKeyed<NewFaq>,
) -> Answer<Created<FaqView>> {
    let id = FaqId::from_uuid(key.name(&caller, "faq"));
    Ok(Created(chat.save_faq(&caller, &id, new, true).await?))
}

/// Reads a FAQ.
#[utoipa::path(get, path = "/api/chat/faqs/{id}", tag = "chat",
    params(("id" = FaqId, Path)),
    security(("bearer" = [])),
    responses((status = 200, body = FaqView), (status = "default", body = Problem)))]
async fn read_old_faq(State(chat): State<Chat>, caller: Caller, Id(id): Id<FaqId>) -> Answer<Ok200<FaqView>> {
    Ok(Ok200(chat.faq(&caller, &id).await?))
}

/// Puts a FAQ in place of what is there.
#[utoipa::path(put, path = "/api/chat/faqs/{id}", tag = "chat", request_body = NewFaq,
    params(("id" = FaqId, Path)),
    security(("bearer" = [])),
    responses((status = 200, body = FaqView), (status = "default", body = Problem)))]
async fn replace_old_faq(
    State(chat): State<Chat>,
    caller: Caller,
    Id(id): Id<FaqId>,
    Body(new): Body<NewFaq>,
) -> Answer<Ok200<FaqView>> {
    Ok(Ok200(chat.save_faq(&caller, &id, new, false).await?))
}

/// Deletes a FAQ.
#[utoipa::path(delete, path = "/api/chat/faqs/{id}", tag = "chat",
    params(("id" = FaqId, Path)),
    security(("bearer" = [])),
    responses((status = 204), (status = "default", body = Problem)))]
async fn delete_old_faq(State(chat): State<Chat>, caller: Caller, Id(id): Id<FaqId>) -> Answer<NoContent> {
    chat.delete_faq(&caller, &id).await?;
    Ok(NoContent)
}

/// Lists what is said without being asked.
#[utoipa::path(get, path = "/api/chat/auto-responses", tag = "chat",
    security(("bearer" = [])),
    responses((status = 200, body = AutoResponsesView), (status = "default", body = Problem)))]
async fn list_old_responses(State(chat): State<Chat>, caller: Caller) -> Answer<Ok200<AutoResponsesView>> {
    Ok(Ok200(chat.responses(&caller).await?))
}

/// Adds something that is said without being asked.
#[utoipa::path(post, path = "/api/chat/auto-responses", tag = "chat", request_body = NewAutoResponse,
    params(("Idempotency-Key" = Option<String>, Header)),
    security(("bearer" = [])),
    responses((status = 201, body = AutoResponseView), (status = "default", body = Problem)))]
async fn add_old_response(
    State(chat): State<Chat>,
    caller: Caller,
    PerhapsKeyed(key, new): PerhapsKeyed<NewAutoResponse>,
) -> Answer<Created<AutoResponseView>> {
    let id = AutoResponseId::from_uuid(key.name(&caller, "auto-response"));
    Ok(Created(chat.save_response(&caller, &id, new, true).await?))
}

/// Puts a response in place of what is there.
#[utoipa::path(put, path = "/api/chat/auto-responses/{id}", tag = "chat", request_body = NewAutoResponse,
    params(("id" = AutoResponseId, Path)),
    security(("bearer" = [])),
    responses((status = 200, body = AutoResponseView), (status = "default", body = Problem)))]
async fn replace_old_response(
    State(chat): State<Chat>,
    caller: Caller,
    Id(id): Id<AutoResponseId>,
    Body(new): Body<NewAutoResponse>,
) -> Answer<Ok200<AutoResponseView>> {
    Ok(Ok200(chat.save_response(&caller, &id, new, false).await?))
}

/// Deletes a response.
#[utoipa::path(delete, path = "/api/chat/auto-responses/{id}", tag = "chat",
    params(("id" = AutoResponseId, Path)),
    security(("bearer" = [])),
    responses((status = 204), (status = "default", body = Problem)))]
async fn delete_old_response(
    State(chat): State<Chat>,
    caller: Caller,
    Id(id): Id<AutoResponseId>,
) -> Answer<NoContent> {
    chat.delete_response(&caller, &id).await?;
    Ok(NoContent)
}
