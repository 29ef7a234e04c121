//! Who answers: the queue, agents, and what they do with conversations.

use app::chat::Chat;
use axum::extract::State;
use contract::{
    Problem,
    http::chat::{
        AgentProfile, AgentView, AgentsView, ChatFiguresRequest, ConversationChanges, ConversationView,
        NewAssignment, NewEscalation, NewRating, NewTransfer, QueueView, SetAgentStatus,
    },
};
use domain::{ConversationId, UserId, chat::figures::Figures};
use edge::{Answer, Body, Caller, Id, Ids, IfMatch, NoContent, Ok200, Params};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::Talking;

pub(crate) fn routes() -> OpenApiRouter<Talking> {
    OpenApiRouter::new()
        .routes(routes!(assign))
        .routes(routes!(transfer))
        .routes(routes!(escalate))
        .routes(routes!(resolve))
        .routes(routes!(reopen))
        .routes(routes!(archive))
        .routes(routes!(rate))
        .routes(routes!(add_participant, remove_participant))
        .routes(routes!(list_agents))
        .routes(routes!(read_agent, describe_agent))
        .routes(routes!(set_own_status))
        .routes(routes!(read_queue))
        .routes(routes!(read_analytics))
}

/// Sorts a conversation: how urgent it is, what it is about, its tags.
#[utoipa::path(patch, path = "/api/v1/chat/conversations/{id}", tag = "chat", request_body = Option<ConversationChanges>,
    params(("id" = ConversationId, Path), ("If-Match" = Option<String>, Header, description = "The version that is to be changed")),
    security(("bearer" = [])),
    responses((status = 200, body = ConversationView), (status = "default", body = Problem)))]
pub(crate) async fn sort_conversation(
    State(chat): State<Chat>,
    caller: Caller,
    Id(id): Id<ConversationId>,
    IfMatch(seen): IfMatch,
    Body(changes): Body<ConversationChanges>,
) -> Answer<Ok200<ConversationView>> {
    Ok(Ok200(chat.sort(&caller, &id, seen, changes).await?))
}

/// Gives a conversation to an agent: oneself, another, or, if nobody is named, whoever is next in turn.
#[utoipa::path(post, path = "/api/v1/chat/conversations/{id}/assign", tag = "chat", request_body = Option<NewAssignment>,
    params(("id" = ConversationId, Path)), security(("bearer" = [])),
    responses((status = 200, body = ConversationView), (status = "default", body = Problem)))]
async fn assign(
    State(chat): State<Chat>,
    caller: Caller,
    Id(id): Id<ConversationId>,
    Body(new): Body<NewAssignment>,
) -> Answer<Ok200<ConversationView>> {
    Ok(Ok200(chat.assign(&caller, &id, new).await?))
}

/// Hands a conversation on to an agent, or back into the queue for whoever knows something.
#[utoipa::path(post, path = "/api/v1/chat/conversations/{id}/transfer", tag = "chat", request_body = Option<NewTransfer>,
    params(("id" = ConversationId, Path)), security(("bearer" = [])),
    responses((status = 200, body = ConversationView), (status = "default", body = Problem)))]
async fn transfer(
    State(chat): State<Chat>,
    caller: Caller,
    Id(id): Id<ConversationId>,
    Body(new): Body<NewTransfer>,
) -> Answer<Ok200<ConversationView>> {
    Ok(Ok200(chat.transfer(&caller, &id, new).await?))
}

/// Asks for a person: the shop answers no more by itself.
#[utoipa::path(post, path = "/api/v1/chat/conversations/{id}/escalate", tag = "chat", request_body = Option<NewEscalation>,
    params(("id" = ConversationId, Path)), security(("bearer" = [])),
    responses((status = 200, body = ConversationView), (status = "default", body = Problem)))]
async fn escalate(
    State(chat): State<Chat>,
    caller: Caller,
    Id(id): Id<ConversationId>,
    Body(NewEscalation {}): Body<NewEscalation>,
) -> Answer<Ok200<ConversationView>> {
    Ok(Ok200(chat.escalate(&caller, &id).await?))
}

/// Says that a conversation is done. A message of the customer's takes it up again.
#[utoipa::path(post, path = "/api/v1/chat/conversations/{id}/resolve", tag = "chat",
    params(("id" = ConversationId, Path)), security(("bearer" = [])),
    responses((status = 200, body = ConversationView), (status = "default", body = Problem)))]
async fn resolve(
    State(chat): State<Chat>,
    caller: Caller,
    Id(id): Id<ConversationId>,
) -> Answer<Ok200<ConversationView>> {
    Ok(Ok200(chat.resolve(&caller, &id).await?))
}

/// Takes a conversation up again that was done.
#[utoipa::path(post, path = "/api/v1/chat/conversations/{id}/reopen", tag = "chat",
    params(("id" = ConversationId, Path)), security(("bearer" = [])),
    responses((status = 200, body = ConversationView), (status = "default", body = Problem)))]
async fn reopen(
    State(chat): State<Chat>,
    caller: Caller,
    Id(id): Id<ConversationId>,
) -> Answer<Ok200<ConversationView>> {
    Ok(Ok200(chat.reopen(&caller, &id).await?))
}

/// Ends a conversation for good.
#[utoipa::path(post, path = "/api/v1/chat/conversations/{id}/archive", tag = "chat",
    params(("id" = ConversationId, Path)), security(("bearer" = [])),
    responses((status = 200, body = ConversationView), (status = "default", body = Problem)))]
async fn archive(
    State(chat): State<Chat>,
    caller: Caller,
    Id(id): Id<ConversationId>,
) -> Answer<Ok200<ConversationView>> {
    Ok(Ok200(chat.archive(&caller, &id).await?))
}

/// Says what one thought of a conversation that one opened.
#[utoipa::path(post, path = "/api/v1/chat/conversations/{id}/rating", tag = "chat", request_body = NewRating,
    params(("id" = ConversationId, Path)), security(("bearer" = [])),
    responses((status = 200, body = ConversationView), (status = "default", body = Problem)))]
async fn rate(
    State(chat): State<Chat>,
    caller: Caller,
    Id(id): Id<ConversationId>,
    Body(new): Body<NewRating>,
) -> Answer<Ok200<ConversationView>> {
    Ok(Ok200(chat.rate(&caller, &id, new).await?))
}

/// Lets somebody take part in a conversation.
#[utoipa::path(put, path = "/api/v1/chat/conversations/{id}/participants/{user_id}", tag = "chat",
    params(("id" = ConversationId, Path), ("user_id" = UserId, Path)), security(("bearer" = [])),
    responses((status = 200, body = ConversationView), (status = "default", body = Problem)))]
async fn add_participant(
    State(chat): State<Chat>,
    caller: Caller,
    Ids(id, user): Ids<ConversationId, UserId>,
) -> Answer<Ok200<ConversationView>> {
    Ok(Ok200(chat.join(&caller, &id, &user).await?))
}

/// Leaves a conversation; staff may let somebody else leave.
#[utoipa::path(delete, path = "/api/v1/chat/conversations/{id}/participants/{user_id}", tag = "chat",
    params(("id" = ConversationId, Path), ("user_id" = UserId, Path)), security(("bearer" = [])),
    responses((status = 204), (status = "default", body = Problem)))]
async fn remove_participant(
    State(chat): State<Chat>,
    caller: Caller,
    Ids(id, user): Ids<ConversationId, UserId>,
) -> Answer<NoContent> {
    chat.leave(&caller, &id, &user).await?;
    Ok(NoContent)
}

/// Lists the agents.
#[utoipa::path(get, path = "/api/v1/chat/agents", tag = "chat", security(("bearer" = [])),
    responses((status = 200, body = AgentsView), (status = "default", body = Problem)))]
async fn list_agents(State(chat): State<Chat>, caller: Caller) -> Answer<Ok200<AgentsView>> {
    Ok(Ok200(chat.agents(&caller).await?))
}

/// Reads an agent.
#[utoipa::path(get, path = "/api/v1/chat/agents/{id}", tag = "chat", params(("id" = UserId, Path)),
    security(("bearer" = [])),
    responses((status = 200, body = AgentView), (status = "default", body = Problem)))]
async fn read_agent(
    State(chat): State<Chat>,
    caller: Caller,
    Id(id): Id<UserId>,
) -> Answer<Ok200<AgentView>> {
    Ok(Ok200(chat.agent(&caller, &id).await?))
}

/// Says what an agent is called, what they know, and how many conversations they can have at once.
#[utoipa::path(put, path = "/api/v1/chat/agents/{id}", tag = "chat", request_body = AgentProfile,
    params(("id" = UserId, Path)), security(("bearer" = [])),
    responses((status = 200, body = AgentView), (status = "default", body = Problem)))]
async fn describe_agent(
    State(chat): State<Chat>,
    caller: Caller,
    Id(id): Id<UserId>,
    Body(profile): Body<AgentProfile>,
) -> Answer<Ok200<AgentView>> {
    Ok(Ok200(chat.describe_agent(&caller, &id, profile).await?))
}

/// Says whether one takes conversations. Those of whoever goes offline are given to others.
#[utoipa::path(put, path = "/api/v1/chat/agents/me/status", tag = "chat", request_body = SetAgentStatus,
    security(("bearer" = [])),
    responses((status = 200, body = AgentView), (status = "default", body = Problem)))]
async fn set_own_status(
    State(chat): State<Chat>,
    caller: Caller,
    Body(set): Body<SetAgentStatus>,
) -> Answer<Ok200<AgentView>> {
    Ok(Ok200(chat.set_status(&caller, set.status).await?))
}

/// Shows who waits for an agent, in the order in which they are served.
#[utoipa::path(get, path = "/api/v1/chat/queue", tag = "chat", security(("bearer" = [])),
    responses((status = 200, body = QueueView), (status = "default", body = Problem)))]
async fn read_queue(State(chat): State<Chat>, caller: Caller) -> Answer<Ok200<QueueView>> {
    Ok(Ok200(chat.queue(&caller).await?))
}

/// How support does: how soon it answers, how long it takes, what customers think, how much the shop answers by itself.
#[utoipa::path(get, path = "/api/v1/chat/analytics", tag = "chat", params(ChatFiguresRequest), security(("bearer" = [])),
    responses((status = 200, body = Figures), (status = "default", body = Problem)))]
async fn read_analytics(
    State(chat): State<Chat>,
    caller: Caller,
    Params(wanted): Params<ChatFiguresRequest>,
) -> Answer<Ok200<Figures>> {
    Ok(Ok200(chat.analytics(&caller, &wanted).await?))
}
