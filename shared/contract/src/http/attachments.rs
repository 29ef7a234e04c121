//! Files of the support chat: asked for, uploaded to the store itself, inspected, downloaded.

use std::collections::BTreeMap;

use domain::{
    AttachmentId, ConversationId,
    chat::{AttachmentState, FileName, FileType, Rejection},
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A file that somebody wants to add to a conversation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NewAttachment {
    /// What it is called, with the ending of its type.
    #[serde(alias = "fileName")]
    #[schema(min_length = 1, max_length = 150)]
    pub file_name: String,
    /// What it is: one of the types that the shop takes.
    #[serde(alias = "mimeType")]
    pub mime_type: String,
    /// Its bytes. No more than that can be uploaded.
    #[schema(minimum = 1)]
    pub size: u64,
}

/// How a file is uploaded: one `multipart/form-data` POST to `url` with all `fields`, and the file as `file` behind them.
/// Then `POST …/attachments/{attachment_id}` has it inspected.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct UploadView {
    /// Where to.
    pub url: String,
    /// What stands before the file in the form, as it is.
    pub fields: BTreeMap<String, String>,
    /// Until when.
    #[schema(value_type = String, format = DateTime)]
    pub expires_at: Timestamp,
}

/// A file that may now be uploaded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct UploadableView {
    /// Its name from now on.
    pub attachment_id: AttachmentId,
    /// How.
    pub upload: UploadView,
}

/// Where a file is to be had for a while, without a token: it is for whoever asked only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DownloadView {
    /// Where.
    pub url: String,
    /// Until when.
    #[schema(value_type = String, format = DateTime)]
    pub expires_at: Timestamp,
}

/// A file of a conversation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AttachmentView {
    /// Which.
    pub attachment_id: AttachmentId,
    /// Of which conversation.
    pub conversation_id: ConversationId,
    /// What it is called: whoever shows it must escape it.
    pub file_name: FileName,
    /// What it is.
    pub mime_type: FileType,
    /// Its bytes.
    pub size: u64,
    /// Whether messages may carry it.
    pub state: AttachmentState,
    /// Why it was refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Rejection>,
    /// Where it is to be had, once it was accepted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub download: Option<DownloadView>,
    /// When it was asked for.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
}
