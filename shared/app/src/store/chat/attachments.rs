//! Files of conversations: what they are and whether they were accepted. The files themselves are in
//! [`Files`](crate::files::Files).

use std::collections::HashMap;

use domain::{
    AttachmentId, ConversationId, ShopId, UserId,
    chat::{Attachment, AttachmentState, FileName, FileType, Rejection},
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::conversation_pk;
use crate::{
    Error, Result,
    store::{
        Dynamo, Key,
        dynamo::{Update, Written, item, number, row, text, values},
    },
};

/// A file of a conversation.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct AttachmentRow {
    /// Of which shop.
    #[serde(rename = "shop_id")]
    pub shop: ShopId,
    /// Of which conversation.
    #[serde(rename = "conversation_id")]
    pub conversation: ConversationId,
    /// Its name.
    #[serde(rename = "attachment_id")]
    pub id: AttachmentId,
    /// Who added it.
    pub by: UserId,
    /// What it is called.
    pub file_name: FileName,
    /// What it is.
    pub mime_type: FileType,
    /// Its bytes; until it is accepted, those that it may have.
    pub size: u64,
    /// Whether messages may carry it.
    pub state: AttachmentState,
    /// Why it was refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Rejection>,
    /// The digest of what was accepted, by which it lies in the store.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// When it was asked for.
    pub at: Timestamp,
    /// When it is forgotten, in seconds since 1970.
    pub expires_at: i64,
}

impl AttachmentRow {
    /// As messages carry it.
    pub fn attachment(self) -> Attachment {
        Attachment {
            attachment_id: self.id,
            file_name: self.file_name,
            mime_type: self.mime_type,
            size: self.size,
        }
    }
}

/// What came of looking at a file.
#[derive(Debug, Clone)]
pub enum Verdict {
    /// It is what it says.
    Accepted {
        /// Its bytes.
        size: u64,
        /// Their digest.
        digest: String,
    },
    /// It is not taken.
    Rejected(Rejection),
}

fn attachment_key(shop: &ShopId, conversation: &ConversationId, id: &AttachmentId) -> Key {
    Key::new(conversation_pk(shop, conversation), format!("file#{id}"))
}

impl Dynamo {
    /// Writes down that a file is to come.
    pub(crate) async fn put_attachment(&self, attachment: &AttachmentRow, request: &str) -> Result<()> {
        let key = attachment_key(&attachment.shop, &attachment.conversation, &attachment.id);
        match self.put_new(&self.tables.chat, item(&key, attachment)?, request).await? {
            Written::Yes => Ok(()),
            Written::Refused(_) => Err(Error::internal(format!("two files are called {}", attachment.id))),
        }
    }

    /// A file that is not forgotten by `now`.
    pub async fn attachment(
        &self,
        shop: &ShopId,
        conversation: &ConversationId,
        id: &AttachmentId,
        now: Timestamp,
    ) -> Result<Option<AttachmentRow>> {
        let key = attachment_key(shop, conversation, id);
        let row: Option<AttachmentRow> = self.get(&self.tables.chat, &key, true).await?;
        Ok(row.filter(|row| row.expires_at > now.as_second()))
    }

    /// Several files, in one request and in no order; those that are forgotten by `now` are left out.
    pub(crate) async fn attachments(
        &self,
        shop: &ShopId,
        conversation: &ConversationId,
        ids: &[AttachmentId],
        now: Timestamp,
    ) -> Result<Vec<AttachmentRow>> {
        let keys: Vec<Key> = ids.iter().map(|id| attachment_key(shop, conversation, id)).collect();
        let mut rows: Vec<AttachmentRow> = self.get_many_as_they_are(&self.tables.chat, &keys).await?;
        rows.retain(|row| row.expires_at > now.as_second());
        Ok(rows)
    }

    /// Writes down what came of looking at a file, unless something did before; says how it stands then.
    pub(crate) async fn judge_attachment(
        &self,
        attachment: &AttachmentRow,
        verdict: &Verdict,
        expires_at: Timestamp,
        request: &str,
    ) -> Result<AttachmentRow> {
        let (set, mut given) = match verdict {
            Verdict::Accepted { size, digest } => (
                "#size = :size, digest = :digest",
                values([(":size", number(size)), (":digest", text(digest))]),
            ),
            Verdict::Rejected(reason) => ("reason = :reason", values([(":reason", text(reason.name()))])),
        };
        let state = match verdict {
            Verdict::Accepted { .. } => "accepted",
            Verdict::Rejected(_) => "rejected",
        };
        given.extend(values([
            (":state", text(state)),
            (":pending", text("pending")),
            (":expires", number(expires_at.as_second())),
        ]));
        let mut names = HashMap::from([("#state".into(), "state".into())]);
        if matches!(verdict, Verdict::Accepted { .. }) {
            names.insert("#size".into(), "size".into());
        }
        let set = format!("#state = :state, expires_at = :expires, {set}");
        let update =
            Update { set: &set, condition: Some("#state = :pending"), names, values: given, rest: "" };
        let key = attachment_key(&attachment.shop, &attachment.conversation, &attachment.id);
        match self.update_and_see(&self.tables.chat, &key, update, request).await? {
            Ok(written) => row(written),
            Err(found) => row(found.ok_or(Error::NotFound)?),
        }
    }
}
