//! Files: a private bucket of S3.
//!
//! Whoever may add a file gets a form for one key, one type and so many bytes ([`upload`]) and sends it to S3 itself. Such a
//! form is good until it expires, however often it is used; so what lies under its key is never served. It is read, looked
//! at, and what was looked at is written under another key that only this program writes. (S3 could copy it if its ETag is
//! still the same, but an ETag is an MD5, and two files with one MD5 are easily made.)

mod upload;

use aws_sdk_s3::{
    Client,
    error::{ProvideErrorMetadata, SdkError},
    presigning::PresigningConfig,
    primitives::ByteStream,
};
use contract::http::attachments::DownloadView;
use domain::chat::{FileName, FileType};
use jiff::{SignedDuration, Timestamp};

pub use self::upload::Upload;
use crate::{
    Error, Result,
    aws::{Aws, AwsAccess},
};

/// The files of all shops.
#[derive(Debug, Clone)]
pub struct Files {
    client: Client,
    access: AwsAccess,
    bucket: String,
}

/// What was uploaded.
#[derive(Debug)]
pub enum Uploaded {
    /// Its bytes.
    Whole(Vec<u8>),
    /// It has more than were asked for, and was not read.
    TooLarge,
}

impl Files {
    /// The files in `bucket`.
    pub fn new(aws: &Aws, bucket: String) -> Self {
        Self { client: aws.s3(), access: aws.access().clone(), bucket }
    }

    /// What lies under `key`, if it has at most `most` bytes; nothing, if there is nothing.
    pub(crate) async fn read(&self, key: &str, most: u64) -> Result<Option<Uploaded>> {
        let call = self.client.get_object().bucket(&self.bucket).key(key);
        let object = match call.send().await {
            Ok(object) => object,
            Err(error) if error.code() == Some("NoSuchKey") => return Ok(None),
            Err(error) => return Err(unavailable(error)),
        };
        let size = object.content_length.and_then(|size| u64::try_from(size).ok());
        // No more than the head says comes: so this is all the memory that it takes.
        if size.is_none_or(|size| size > most) {
            return Ok(Some(Uploaded::TooLarge));
        }
        let body = object.body.collect().await;
        let body = body.map_err(|error| Error::Unavailable { what: "the files", source: Box::new(error) })?;
        Ok(Some(Uploaded::Whole(body.to_vec())))
    }

    /// Writes a file under `key`, whatever is there.
    pub(crate) async fn write(&self, key: &str, kind: FileType, bytes: Vec<u8>) -> Result<()> {
        let call = self.client.put_object().bucket(&self.bucket).key(key);
        // Whoever gets to it in any other way than by a link of ours does not see it in a page either.
        let call = call.content_type(kind.mime_type()).content_disposition("attachment");
        call.body(ByteStream::from(bytes)).send().await.map_err(unavailable)?;
        Ok(())
    }

    /// Removes what lies under `key`, if something does.
    pub(crate) async fn remove(&self, key: &str) -> Result<()> {
        let call = self.client.delete_object().bucket(&self.bucket).key(key);
        call.send().await.map_err(unavailable)?;
        Ok(())
    }

    /// A link to what lies under `key`, as a download that is called `name`.
    pub(crate) async fn link(
        &self,
        key: &str,
        (name, kind): (&FileName, FileType),
        now: Timestamp,
        lasts: SignedDuration,
    ) -> Result<DownloadView> {
        let wrong = |error: &dyn std::fmt::Display| Error::internal(format!("no link to a file: {error}"));
        let lasting = lasts.unsigned_abs();
        let signing = PresigningConfig::builder().start_time(now.into()).expires_in(lasting).build();
        let call = self.client.get_object().bucket(&self.bucket).key(key);
        let call = call.response_content_type(kind.mime_type());
        let call = call.response_content_disposition(disposition(name.as_str()));
        let signed = call.presigned(signing.map_err(|error| wrong(&error))?).await;
        let url = signed.map_err(|error| wrong(&error))?.uri().to_owned();
        Ok(DownloadView { url, expires_at: now.checked_add(lasts).unwrap_or(Timestamp::MAX) })
    }
}

/// `attachment` with a name: for old programs in ASCII, for others as it is (RFC 6266).
fn disposition(name: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    let ascii: String = name.chars().map(|c| if is_plain(c) { c } else { '_' }).collect();
    let encoded: String = name
        .bytes()
        .map(|byte| match char::from(byte) {
            c if is_plain(c) => c.to_string(),
            _ => format!("%{byte:02X}"),
        })
        .collect();
    format!("attachment; filename=\"{ascii}\"; filename*=UTF-8''{encoded}")
}

fn unavailable<E, R>(error: SdkError<E, R>) -> Error
where
    E: std::error::Error + Send + Sync + 'static,
    R: std::fmt::Debug + Send + Sync + 'static,
{
    Error::Unavailable { what: "the files", source: Box::new(error) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_in_a_header_can_say_nothing_else() {
        assert_eq!(
            disposition("a\"; b=ü.png"),
            "attachment; filename=\"a___b__.png\"; filename*=UTF-8''a%22%3B%20b%3D%C3%BC.png"
        );
    }
}
