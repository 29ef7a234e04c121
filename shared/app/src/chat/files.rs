//! Files in conversations: asked for, uploaded to the store by whoever asked, inspected, carried by messages, downloaded.
//!
//! Only this part talks to the store of the files; sending a message ([`attached`](Chat::attached)) reads what was written
//! down here.

use std::collections::BTreeSet;

use contract::{
    ErrorCode, FieldError,
    http::attachments::{AttachmentView, NewAttachment, UploadableView},
};
use domain::{
    AttachmentId, ConversationId, Permission, Principal, ShopId,
    chat::{
        Attachment, AttachmentState, Conversation, ConversationStatus, FileName, Rejection, file::FileRules,
        inspection::inspect,
    },
};
use jiff::SignedDuration;
use sha2::{Digest, Sha256};

use super::{Chat, takes_part};
use crate::{
    Error, Result,
    files::{Files, Upload, Uploaded},
    store::chat::{AttachmentRow, Verdict},
};

/// For how long a form can be used, and a link.
const FORM_LASTS: SignedDuration = SignedDuration::from_mins(10);
const LINK_LASTS: SignedDuration = SignedDuration::from_mins(5);
/// A file that was not looked at by then is forgotten, by us and by the store.
const PENDING_LASTS: SignedDuration = SignedDuration::from_hours(24);

/// The files of all conversations.
#[derive(Debug, Clone)]
pub struct ChatFiles {
    chat: Chat,
    files: Files,
    /// What is taken; nothing, if nothing is.
    rules: Option<FileRules>,
}

impl ChatFiles {
    /// Files of conversations of `chat` are kept in `files`; `rules` says which are taken.
    pub const fn new(chat: Chat, files: Files, rules: Option<FileRules>) -> Self {
        Self { chat, files, rules }
    }

    /// Lets a file be uploaded to a conversation that one takes part in.
    ///
    /// # Errors
    /// `file_rejected` with the field that speaks against it; `conversation_closed`.
    pub async fn ask(
        &self,
        who: &Principal,
        id: &ConversationId,
        new: NewAttachment,
    ) -> Result<UploadableView> {
        let rules = self.rules()?;
        let conversation = self.joined(who, id).await?;
        if conversation.status == ConversationStatus::Archived {
            return Err(Error::conflict(ErrorCode::ConversationClosed, "the conversation is over"));
        }
        let named = FileName::new(new.file_name);
        let file_name = named.map_err(|error| Error::field("file_name", "invalid", error.to_string()))?;
        let taken = rules.take(&file_name, &new.mime_type, new.size);
        let kind = taken.map_err(|(field, why)| rejected(field, why))?;
        let now = self.chat.clock.now();
        let row = AttachmentRow {
            shop: who.shop.clone(),
            conversation: id.clone(),
            id: AttachmentId::from_uuid(self.chat.clock.fresh()),
            by: who.subject.clone(),
            file_name,
            mime_type: kind,
            size: new.size,
            state: AttachmentState::Pending,
            reason: None,
            digest: None,
            at: now,
            expires_at: self.chat.clock.after(PENDING_LASTS).as_second(),
        };
        self.chat.store.put_attachment(&row, &self.chat.clock.fresh().to_string()).await?;
        let key = incoming(&row);
        let upload = self.files.form(Upload { key: &key, kind, size: new.size }, now, FORM_LASTS);
        Ok(UploadableView { attachment_id: row.id, upload })
    }

    /// Looks at a file that one has uploaded, once: asked again, it is what it was.
    ///
    /// # Errors
    /// `invalid_transition` if nothing was uploaded.
    pub async fn complete(
        &self,
        who: &Principal,
        id: &ConversationId,
        attachment: &AttachmentId,
    ) -> Result<AttachmentView> {
        let rules = self.rules()?;
        let row = self.of_conversation(who, id, attachment).await?;
        if !who.owns(&row.by) {
            return Err(Error::NotFound);
        }
        if row.state != AttachmentState::Pending {
            return self.view(row).await;
        }
        let Some(uploaded) = self.files.read(&incoming(&row), rules.max_size.min(row.size)).await? else {
            // Somebody may have been faster, and have cleared it away.
            let row = self.of_conversation(who, id, attachment).await?;
            return match row.state {
                AttachmentState::Pending => {
                    Err(Error::conflict(ErrorCode::InvalidTransition, "nothing has been uploaded yet"))
                }
                _ => self.view(row).await,
            };
        };
        let verdict = self.judge(&row, uploaded).await?;
        let kept = self.chat.clock.after(self.chat.settings.chat.retention);
        let request = self.chat.clock.fresh().to_string();
        let judged = self.chat.store.judge_attachment(&row, &verdict, kept, &request).await?;
        // What cannot be removed now is forgotten by the store within a day.
        if let Err(error) = self.files.remove(&incoming(&row)).await {
            tracing::warn!(attachment_id = %row.id, %error, "an upload was not cleared away");
        }
        self.view(judged).await
    }

    /// How a file stands, and where it is to be had, for whoever takes part.
    pub async fn read(
        &self,
        who: &Principal,
        id: &ConversationId,
        attachment: &AttachmentId,
    ) -> Result<AttachmentView> {
        self.view(self.of_conversation(who, id, attachment).await?).await
    }

    /// What a file is, from its bytes. What is accepted is kept as it was looked at.
    async fn judge(&self, row: &AttachmentRow, uploaded: Uploaded) -> Result<Verdict> {
        let Uploaded::Whole(bytes) = uploaded else {
            return Ok(Verdict::Rejected(Rejection::TooLarge));
        };
        if let Err(reason) = inspect(&bytes, row.mime_type, row.size) {
            tracing::info!(attachment_id = %row.id, reason = reason.name(), "a file is not taken");
            return Ok(Verdict::Rejected(reason));
        }
        let (size, digest) =
            (u64::try_from(bytes.len()).unwrap_or(u64::MAX), hex::encode(Sha256::digest(&bytes)));
        self.files.write(&kept(row, &digest), row.mime_type, bytes).await?;
        Ok(Verdict::Accepted { size, digest })
    }

    async fn view(&self, row: AttachmentRow) -> Result<AttachmentView> {
        let download = match &row.digest {
            Some(digest) => {
                let what = (&row.file_name, row.mime_type);
                Some(self.files.link(&kept(&row, digest), what, self.chat.clock.now(), LINK_LASTS).await?)
            }
            None => None,
        };
        Ok(AttachmentView {
            attachment_id: row.id,
            conversation_id: row.conversation,
            file_name: row.file_name,
            mime_type: row.mime_type,
            size: row.size,
            state: row.state,
            reason: row.reason,
            download,
            created_at: row.at,
        })
    }

    fn rules(&self) -> Result<&FileRules> {
        let none = || Error::invalid(ErrorCode::FileRejected, "this shop takes no files");
        self.rules.as_ref().ok_or_else(none)
    }

    /// A conversation that `who` takes part in: staff who only may read along neither add files nor get them.
    async fn joined(&self, who: &Principal, id: &ConversationId) -> Result<Conversation> {
        who.may(Permission::Chat)?;
        let conversation = self.chat.readable(who, id).await?;
        if takes_part(who, &conversation) { Ok(conversation) } else { Err(Error::NotFound) }
    }

    async fn of_conversation(
        &self,
        who: &Principal,
        id: &ConversationId,
        attachment: &AttachmentId,
    ) -> Result<AttachmentRow> {
        self.joined(who, id).await?;
        let (store, now) = (&self.chat.store, self.chat.clock.now());
        store.attachment(&who.shop, id, attachment, now).await?.ok_or(Error::NotFound)
    }
}

impl Chat {
    /// The files that somebody wants to send along: their own, of this conversation, accepted. Without any, nothing is read.
    ///
    /// # Errors
    /// `file_rejected` if one was refused; `validation_failed` for one that is not theirs or was not looked at.
    pub(super) async fn attached(
        &self,
        who: &Principal,
        conversation: &ConversationId,
        wanted: &[String],
    ) -> Result<Vec<Attachment>> {
        if wanted.is_empty() {
            return Ok(vec![]);
        }
        let ids: Result<Vec<_>> = (0..).zip(wanted).map(|(place, id)| attachment_id(place, id)).collect();
        let ids = ids?;
        if ids.iter().collect::<BTreeSet<_>>().len() < ids.len() {
            return Err(Error::field("content.attachments", "invalid", "expected each file once"));
        }
        let mut found = self.store.attachments(&who.shop, conversation, &ids, self.clock.now()).await?;
        found.retain(|row| who.owns(&row.by));
        let usable = (0..).zip(&ids).map(|(place, id)| {
            let row = found.iter().find(|row| row.id == *id).ok_or_else(|| unknown(place))?;
            usable(place, row)
        });
        usable.collect()
    }
}

fn attachment_id(place: usize, id: &str) -> Result<AttachmentId> {
    AttachmentId::new(id).map_err(|_| unknown(place))
}

fn usable(place: usize, row: &AttachmentRow) -> Result<Attachment> {
    let field = field(place);
    match (row.state, row.reason) {
        (AttachmentState::Accepted, _) => Ok(row.clone().attachment()),
        (AttachmentState::Rejected, reason) => Err(rejected(&field, reason.unwrap_or(Rejection::Broken))),
        (AttachmentState::Pending, _) => {
            let detail = "the file has not been inspected yet: upload it, then POST to it";
            Err(Error::field(&field, "not_inspected", detail))
        }
    }
}

fn field(place: usize) -> String {
    format!("content.attachments[{place}]")
}

fn unknown(place: usize) -> Error {
    Error::field(&field(place), "unknown", "expected a file of one's own in this conversation")
}

fn rejected(field: &str, why: Rejection) -> Error {
    Error::Invalid {
        code: ErrorCode::FileRejected,
        detail: why.to_string(),
        errors: vec![FieldError::new(field, why.name(), why.to_string())],
    }
}

/// Where a file is uploaded to: nothing there is ever served.
fn incoming(row: &AttachmentRow) -> String {
    place("incoming", &row.shop, row)
}

/// Where a file is kept that was accepted: under the digest of what was looked at.
fn kept(row: &AttachmentRow, digest: &str) -> String {
    format!("{}/{digest}", place("files", &row.shop, row))
}

fn place(folder: &str, shop: &ShopId, row: &AttachmentRow) -> String {
    format!("{folder}/{shop}/{}/{}", row.conversation, row.id)
}
