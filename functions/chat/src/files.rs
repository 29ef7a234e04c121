//! Files: asked for, inspected, downloaded. They are uploaded to S3 itself.

use app::{chat::ChatFiles, limits::Limit};
use axum::extract::State;
use contract::{
    Problem,
    http::attachments::{AttachmentView, NewAttachment, UploadableView},
};
use domain::{AttachmentId, ConversationId};
use edge::{Answer, Body, Caller, Created, Id, Ids, Ok200};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::Talking;

pub(crate) fn routes() -> OpenApiRouter<Talking> {
    OpenApiRouter::new().routes(routes!(add_attachment)).routes(routes!(read_attachment, inspect_attachment))
}

/// Lets a file be uploaded to a conversation that one takes part in: says where to, and with which fields.
#[utoipa::path(post, path = "/api/v1/chat/conversations/{id}/attachments", tag = "chat", request_body = NewAttachment,
    params(("id" = ConversationId, Path)), security(("bearer" = [])),
    responses((status = 201, body = UploadableView), (status = "default", body = Problem)))]
async fn add_attachment(
    State(files): State<ChatFiles>,
    caller: Caller,
    Id(id): Id<ConversationId>,
    Body(new): Body<NewAttachment>,
) -> Answer<Created<UploadableView>> {
    caller.spend(Limit::File).await?;
    Ok(Created(files.ask(&caller, &id, new).await?))
}

/// Has a file inspected that one has uploaded. Messages may carry it once its `state` is `accepted`; asked again, it is
/// what it was.
#[utoipa::path(post, path = "/api/v1/chat/conversations/{id}/attachments/{attachment_id}", tag = "chat",
    params(("id" = ConversationId, Path), ("attachment_id" = AttachmentId, Path)), security(("bearer" = [])),
    responses((status = 200, body = AttachmentView), (status = "default", body = Problem)))]
async fn inspect_attachment(
    State(files): State<ChatFiles>,
    caller: Caller,
    Ids(id, attachment): Ids<ConversationId, AttachmentId>,
) -> Answer<Ok200<AttachmentView>> {
    caller.spend(Limit::File).await?;
    Ok(Ok200(files.complete(&caller, &id, &attachment).await?))
}

/// Reads a file of a conversation that one takes part in: how it stands, and for five minutes where it is to be had.
#[utoipa::path(get, path = "/api/v1/chat/conversations/{id}/attachments/{attachment_id}", tag = "chat",
    params(("id" = ConversationId, Path), ("attachment_id" = AttachmentId, Path)), security(("bearer" = [])),
    responses((status = 200, body = AttachmentView), (status = "default", body = Problem)))]
async fn read_attachment(
    State(files): State<ChatFiles>,
    caller: Caller,
    Ids(id, attachment): Ids<ConversationId, AttachmentId>,
) -> Answer<Ok200<AttachmentView>> {
    Ok(Ok200(files.read(&caller, &id, &attachment).await?))
}
