//! `/api/v1/chat`: conversations and what is said in them. Who answers them is in [`desk`], what
//! the shop answers by itself in [`answers`], files in [`files`].

mod aliases;
mod answers;
mod desk;
mod files;

use app::{
    chat::{Chat, ChatFiles, Voice},
    idempotency::Idempotency,
};
use axum::{
    Router,
    extract::{FromRef, State},
};
use contract::{
    Problem,
    http::{
        Page, PageRequest,
        chat::{
            ConversationView, ConversationsRequest, MessagesRequest, MessagesView, NewConversation,
            NewMessage, NewRead, ReadView, TranscriptRequest, TranscriptView,
        },
    },
};
use domain::{ConversationId, chat::Message};
use edge::{
    Answer, Body, Caller, Created, CreatedOrFound, Environment, Id, Keyed, Misconfigured, Ok200, Params,
    Written, body::page, http::serve,
};
use utoipa_axum::{router::OpenApiRouter, routes};

/// What the routes work with.
#[derive(Clone, FromRef)]
pub struct Talking {
    chat: Chat,
    files: ChatFiles,
    idempotency: Idempotency,
}

/// Prepares the function.
///
/// # Errors
/// If the configuration is wrong.
pub fn build(environment: &Environment) -> Result<Router, Misconfigured> {
    let talking = Talking {
        chat: environment.chat(),
        files: environment.chat_files(),
        idempotency: environment.idempotency(),
    };
    let routes = routes().with_state(talking).split_for_parts().0;
    environment.finish(serve(routes, environment.gate()))
}

/// The routes, and what their documents say.
pub fn routes() -> OpenApiRouter<Talking> {
    OpenApiRouter::new()
        .routes(routes!(list_conversations, open_conversation))
        .routes(routes!(read_conversation, desk::sort_conversation))
        .routes(routes!(list_messages, send_message))
        .routes(routes!(read_up_to))
        .routes(routes!(read_transcript))
        .merge(files::routes())
        .merge(desk::routes())
        .merge(answers::routes())
        .merge(aliases::routes())
}

/// Opens a conversation. Whoever has an open one with the shop's support gets that one again, with status 200.
#[utoipa::path(post, path = "/api/v1/chat/conversations", tag = "chat", request_body = Option<NewConversation>,
    params(("Idempotency-Key" = String, Header)), security(("bearer" = [])),
    responses((status = 201, body = ConversationView), (status = 200, body = ConversationView),
        (status = "default", body = Problem)))]
async fn open_conversation(
    State(talking): State<Talking>,
    caller: Caller,
    Keyed(key, new): Keyed<NewConversation>,
) -> Answer<CreatedOrFound<ConversationView>> {
    let open = |run: app::idempotency::Run| talking.chat.open(&caller, run.name("conversation"), new);
    let (view, is_new) = talking.idempotency.once(&caller, &key, "conversation", open).await?;
    Ok(CreatedOrFound(view, is_new))
}

/// Lists conversations, newest first: one's own; for staff the shop's, but for what is private.
#[utoipa::path(get, path = "/api/v1/chat/conversations", tag = "chat", params(ConversationsRequest, PageRequest),
    security(("bearer" = [])),
    responses((status = 200, body = Page<ConversationView>), (status = "default", body = Problem)))]
async fn list_conversations(
    State(chat): State<Chat>,
    caller: Caller,
    Params(wanted): Params<ConversationsRequest>,
    Params(request): Params<PageRequest>,
) -> Answer<Ok200<Page<ConversationView>>> {
    let (limit, cursor) = page(&request)?;
    Ok(Ok200(chat.list(&caller, &wanted, limit, cursor).await?))
}

/// Reads a conversation that one takes part in; staff any but what is private.
#[utoipa::path(get, path = "/api/v1/chat/conversations/{id}", tag = "chat",
    params(("id" = ConversationId, Path)), security(("bearer" = [])),
    responses((status = 200, body = ConversationView), (status = "default", body = Problem)))]
async fn read_conversation(
    State(chat): State<Chat>,
    caller: Caller,
    Id(id): Id<ConversationId>,
) -> Answer<Ok200<ConversationView>> {
    Ok(Ok200(chat.read(&caller, &id).await?))
}

/// Says something in a conversation that one takes part in. Sent again under the same name, it is the same message.
#[utoipa::path(post, path = "/api/v1/chat/conversations/{id}/messages", tag = "chat", request_body = NewMessage,
    params(("id" = ConversationId, Path), ("Idempotency-Key" = String, Header)), security(("bearer" = [])),
    responses((status = 201, body = Message), (status = "default", body = Problem)))]
async fn send_message(
    State(chat): State<Chat>,
    caller: Caller,
    Id(id): Id<ConversationId>,
    Keyed(key, new): Keyed<NewMessage>,
) -> Answer<Created<Message>> {
    // Over HTTP nobody says the how manieth try it is.
    let voice = Voice { device: caller.session.as_str(), attempt: 2 };
    Ok(Created(chat.say(&caller, voice, &id, new.or_named(|| key.as_name())).await?))
}

/// Lists messages, oldest first: the newest, or those before or after a place.
#[utoipa::path(get, path = "/api/v1/chat/conversations/{id}/messages", tag = "chat",
    params(("id" = ConversationId, Path), MessagesRequest), security(("bearer" = [])),
    responses((status = 200, body = MessagesView), (status = "default", body = Problem)))]
async fn list_messages(
    State(chat): State<Chat>,
    caller: Caller,
    Id(id): Id<ConversationId>,
    Params(wanted): Params<MessagesRequest>,
) -> Answer<Ok200<MessagesView>> {
    Ok(Ok200(chat.messages(&caller, &id, &wanted).await?))
}

/// Says up to where one has read: it never goes back.
#[utoipa::path(put, path = "/api/v1/chat/conversations/{id}/messages/read", tag = "chat", request_body = Option<NewRead>,
    params(("id" = ConversationId, Path)), security(("bearer" = [])),
    responses((status = 200, body = ReadView), (status = "default", body = Problem)))]
async fn read_up_to(
    State(chat): State<Chat>,
    caller: Caller,
    Id(id): Id<ConversationId>,
    Body(read): Body<NewRead>,
) -> Answer<Ok200<ReadView>> {
    Ok(Ok200(chat.read_up_to(&caller, &id, read).await?))
}

/// All that was said, as JSON or, with `format=text`, as text.
#[utoipa::path(get, path = "/api/v1/chat/conversations/{id}/transcript", tag = "chat",
    params(("id" = ConversationId, Path), TranscriptRequest), security(("bearer" = [])),
    responses((status = 200, content((TranscriptView = "application/json"), (String = "text/plain"))),
        (status = "default", body = Problem)))]
async fn read_transcript(
    State(chat): State<Chat>,
    caller: Caller,
    Id(id): Id<ConversationId>,
    Params(wanted): Params<TranscriptRequest>,
) -> Answer<Written<TranscriptView>> {
    let transcript = chat.transcript(&caller, &id).await?;
    Ok(Written::perhaps(transcript, wanted.is_text(), TranscriptView::as_text))
}
