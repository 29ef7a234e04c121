//! Text that people typed, within bounds and without control characters.

use serde::{Deserialize, Serialize};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{ObjectBuilder, RefOr, Schema, schema::Type},
};

/// The text is empty, too long or has control characters in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected 1 to {most} characters without control characters")]
pub struct InvalidText {
    most: usize,
}

macro_rules! texts {
    ($($(#[$doc:meta])* $name:ident: $most:literal, breaks: $breaks:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// Takes `text` if it keeps the bounds; the length counts Unicode scalar values.
            pub fn new(text: impl Into<String>) -> Result<Self, InvalidText> {
                let text = text.into();
                let length = text.chars().count();
                let is_allowed = |c: char| !c.is_control() || ($breaks && matches!(c, '\n' | '\t'));
                if (1..=$most).contains(&length) && text.chars().all(is_allowed) {
                    Ok(Self(text))
                } else {
                    Err(InvalidText { most: $most })
                }
            }

            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidText;
            fn try_from(text: String) -> Result<Self, InvalidText> {
                Self::new(text)
            }
        }

        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                let text = ObjectBuilder::new().schema_type(Type::String);
                text.min_length(Some(1)).max_length(Some($most)).build().into()
            }
        }

        impl ToSchema for $name {}

        impl From<$name> for String {
            fn from(text: $name) -> Self {
                text.0
            }
        }
    )*};
}

texts! {
    /// One line: a name, a reason, a title.
    Line: 200, breaks: false;
    /// Several lines: a description, a note.
    Paragraph: 4000, breaks: true;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_and_excess_are_refused() {
        assert!(Line::new("กาแฟ ☕").is_ok());
        for wrong in ["", "a\0b", "a\nb", "\u{7f}"] {
            assert!(Line::new(wrong).is_err(), "{wrong:?}");
        }
        assert!(Paragraph::new("a\nb").is_ok());
        assert!(Line::new("é".repeat(200)).is_ok());
        assert!(Line::new("é".repeat(201)).is_err());
    }
}
