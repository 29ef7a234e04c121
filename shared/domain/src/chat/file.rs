//! Files that people add to conversations: which may be, and what they are called.
//!
//! What is in a file is looked at in [`inspection`](super::inspection).

use std::{collections::BTreeSet, str::FromStr};

use serde::{Deserialize, Serialize};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{ObjectBuilder, RefOr, Schema, schema::Type},
};

use crate::AttachmentId;

/// The longest name of a file, in Unicode scalar values.
const MAX_NAME: usize = 150;

/// What a file is. Only what can be inspected is here: SVG, HTML and programs never will be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
pub enum FileType {
    /// A photograph.
    #[serde(rename = "image/jpeg")]
    Jpeg,
    /// A picture.
    #[serde(rename = "image/png")]
    Png,
    /// A picture that may move.
    #[serde(rename = "image/gif")]
    Gif,
    /// A photograph or picture.
    #[serde(rename = "image/webp")]
    Webp,
    /// A document.
    #[serde(rename = "application/pdf")]
    Pdf,
    /// Words.
    #[serde(rename = "text/plain")]
    Text,
}

impl FileType {
    /// All that there are.
    pub const ALL: [Self; 6] = [Self::Jpeg, Self::Png, Self::Gif, Self::Webp, Self::Pdf, Self::Text];

    /// As HTTP calls it.
    pub const fn mime_type(self) -> &'static str {
        match self {
            Self::Jpeg => "image/jpeg",
            Self::Png => "image/png",
            Self::Gif => "image/gif",
            Self::Webp => "image/webp",
            Self::Pdf => "application/pdf",
            Self::Text => "text/plain",
        }
    }

    /// How names of such files end, in lower case.
    const fn extensions(self) -> &'static [&'static str] {
        match self {
            Self::Jpeg => &["jpg", "jpeg", "jfif"],
            Self::Png => &["png"],
            Self::Gif => &["gif"],
            Self::Webp => &["webp"],
            Self::Pdf => &["pdf"],
            Self::Text => &["txt", "text", "log", "md", "csv"],
        }
    }

    /// Whether it is shown, rather than offered.
    pub const fn is_image(self) -> bool {
        matches!(self, Self::Jpeg | Self::Png | Self::Gif | Self::Webp)
    }
}

impl FromStr for FileType {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|one| one.mime_type().eq_ignore_ascii_case(text)).ok_or(())
    }
}

/// The name cannot be that of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected a file's name: 1 to {MAX_NAME} characters, no path, nothing hidden or invisible")]
pub struct InvalidFileName;

/// What a file is called: one line that is no path, hides nothing, and reads as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct FileName(String);

impl FileName {
    /// Takes `name` if a file may be called so.
    pub fn new(name: impl Into<String>) -> Result<Self, InvalidFileName> {
        let name = name.into();
        let is_short = (1..=MAX_NAME).contains(&name.chars().count());
        // A name that begins with a dot is hidden, one that ends with a dot or a space is another one on Windows.
        let is_plain = !name.starts_with(['.', ' ']) && !name.ends_with(['.', ' ']);
        if is_short && is_plain && !name.chars().any(is_treacherous) {
            Ok(Self(name))
        } else {
            Err(InvalidFileName)
        }
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it ends as names of such files do.
    fn is_of(&self, kind: FileType) -> bool {
        let extension = self.0.rsplit_once('.').map(|(_, extension)| extension.to_lowercase());
        extension.is_some_and(|extension| kind.extensions().contains(&extension.as_str()))
    }
}

/// Whether a character makes a name a path, cannot be seen, or lets it be read in another order than it is stored: with one
/// of those `cod.exe` is shown as `exe.doc`.
fn is_treacherous(c: char) -> bool {
    c.is_control()
        || matches!(c, '/' | '\\' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

impl TryFrom<String> for FileName {
    type Error = InvalidFileName;
    fn try_from(name: String) -> Result<Self, InvalidFileName> {
        Self::new(name)
    }
}

impl From<FileName> for String {
    fn from(name: FileName) -> Self {
        name.0
    }
}

impl PartialSchema for FileName {
    fn schema() -> RefOr<Schema> {
        let text = ObjectBuilder::new().schema_type(Type::String);
        text.min_length(Some(1)).max_length(Some(MAX_NAME)).build().into()
    }
}

impl ToSchema for FileName {}

/// A file that a message carries.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Attachment {
    /// Which: where it is to be had says `GET /api/v1/chat/conversations/{id}/attachments/{attachment_id}`.
    pub attachment_id: AttachmentId,
    /// What it is called: whoever shows it must escape it.
    pub file_name: FileName,
    /// What it is.
    pub mime_type: FileType,
    /// Its bytes.
    pub size: u64,
}

/// How a file stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AttachmentState {
    /// It is to be uploaded, or has not been looked at.
    Pending,
    /// It is what it says: messages may carry it.
    Accepted,
    /// It is not taken, for good.
    Rejected,
}

/// Why a file is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum Rejection {
    /// There is nothing in it.
    #[error("the file is empty")]
    Empty,
    /// It has too many bytes.
    #[error("the file is too large")]
    TooLarge,
    /// The shop takes none of this type.
    #[error("files of this type are not taken")]
    TypeNotAllowed,
    /// Its name ends otherwise than names of its type do.
    #[error("the name does not end as names of this type do")]
    NameDiffers,
    /// It is of another type than it says.
    #[error("the file is not what it says it is")]
    NotWhatItSays,
    /// It ends too early, or has parts that cannot be.
    #[error("the file is broken")]
    Broken,
    /// Something else is in it or behind it.
    #[error("there is more in the file than it says")]
    HasMore,
    /// There is a program in it.
    #[error("there is a program in the file")]
    HasScript,
    /// The picture would take too much memory to show.
    #[error("the picture has too many pixels")]
    TooManyPixels,
}

impl Rejection {
    /// In one word.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::TooLarge => "too_large",
            Self::TypeNotAllowed => "type_not_allowed",
            Self::NameDiffers => "name_differs",
            Self::NotWhatItSays => "not_what_it_says",
            Self::Broken => "broken",
            Self::HasMore => "has_more",
            Self::HasScript => "has_script",
            Self::TooManyPixels => "too_many_pixels",
        }
    }
}

/// What a shop takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileRules {
    /// The most bytes of one file.
    pub max_size: u64,
    /// Of which types.
    pub types: BTreeSet<FileType>,
}

impl FileRules {
    /// What a file is by its own account, if the shop takes such; else the field that speaks against it, and why.
    pub fn take(
        &self,
        name: &FileName,
        mime_type: &str,
        size: u64,
    ) -> Result<FileType, (&'static str, Rejection)> {
        let kind = mime_type.parse().ok().filter(|kind| self.types.contains(kind));
        let kind: FileType = kind.ok_or(("mime_type", Rejection::TypeNotAllowed))?;
        if !name.is_of(kind) {
            return Err(("file_name", Rejection::NameDiffers));
        }
        match size {
            0 => Err(("size", Rejection::Empty)),
            size if size > self.max_size => Err(("size", Rejection::TooLarge)),
            _ => Ok(kind),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_no_path_hides_nothing_and_reads_as_it_is() {
        for right in ["lamp.png", "Rechnung März 2026.pdf", "ใบเสร็จ.jpg", "a.exe.png", "what?.txt"]
        {
            assert!(FileName::new(right).is_ok(), "{right:?}");
        }
        for wrong in [
            "",
            ".png",
            "../x.png",
            "c:\\x.png",
            "x.png ",
            "x.",
            "a\nb.png",
            "\u{202e}gnp.exe",
            "x\u{200b}.png",
        ] {
            assert!(FileName::new(wrong).is_err(), "{wrong:?}");
        }
        assert!(FileName::new("x".repeat(151)).is_err());
    }

    #[test]
    fn what_the_shop_does_not_take_is_refused_before_it_is_uploaded() {
        let rules = FileRules { max_size: 10, types: [FileType::Png, FileType::Jpeg].into() };
        let take = |name: &str, mime: &str, size| rules.take(&FileName::new(name).unwrap(), mime, size);
        assert_eq!(take("lamp.PNG", "image/png", 10), Ok(FileType::Png));
        assert_eq!(take("lamp.jpeg", "IMAGE/JPEG", 1), Ok(FileType::Jpeg));
        assert_eq!(take("lamp.svg", "image/svg+xml", 1), Err(("mime_type", Rejection::TypeNotAllowed)));
        assert_eq!(take("lamp.gif", "image/gif", 1), Err(("mime_type", Rejection::TypeNotAllowed)));
        assert_eq!(take("lamp.png.exe", "image/png", 1), Err(("file_name", Rejection::NameDiffers)));
        assert_eq!(take("png", "image/png", 1), Err(("file_name", Rejection::NameDiffers)));
        assert_eq!(take("lamp.png", "image/png", 0), Err(("size", Rejection::Empty)));
        assert_eq!(take("lamp.png", "image/png", 11), Err(("size", Rejection::TooLarge)));
    }

    #[test]
    fn a_type_has_one_name_everywhere() {
        for kind in FileType::ALL {
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.mime_type());
            assert_eq!(kind.mime_type().parse(), Ok(kind));
        }
    }
}
