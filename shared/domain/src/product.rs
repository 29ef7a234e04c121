//! Products: the terms under which something is sold, and what is owed when it is sold before it is there.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{ObjectBuilder, RefOr, Schema, schema::Type},
};

use crate::stock::Quantity;

/// Where a picture is: an `https` address of at most 2,048 characters.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ImageUrl(String);

/// The text is no address of a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected an https address of at most 2048 characters without spaces")]
pub struct InvalidImageUrl;

impl ImageUrl {
    /// The longest address, in bytes.
    pub const MAX: usize = 2_048;

    /// Takes `text` if a page of the shop may show what is there: pages over `https` show nothing else.
    pub fn new(text: impl Into<String>) -> Result<Self, InvalidImageUrl> {
        let text = text.into();
        let host = text.strip_prefix("https://").and_then(|rest| rest.split(['/', '?', '#']).next());
        let is_plain = |c: char| c.is_ascii_graphic() && !matches!(c, '"' | '<' | '>' | '\\' | '`');
        let is_valid = text.len() <= Self::MAX
            && host.is_some_and(|host| !host.is_empty() && !host.contains('@'))
            && text.chars().all(is_plain);
        if is_valid { Ok(Self(text)) } else { Err(InvalidImageUrl) }
    }
}

impl TryFrom<String> for ImageUrl {
    type Error = InvalidImageUrl;
    fn try_from(text: String) -> Result<Self, InvalidImageUrl> {
        Self::new(text)
    }
}

impl From<ImageUrl> for String {
    fn from(url: ImageUrl) -> Self {
        url.0
    }
}

impl PartialSchema for ImageUrl {
    fn schema() -> RefOr<Schema> {
        let text = ObjectBuilder::new().schema_type(Type::String);
        text.pattern(Some("^https://")).max_length(Some(Self::MAX)).build().into()
    }
}

impl ToSchema for ImageUrl {}

/// Under which terms something is sold.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Terms {
    /// The last day on which it is sold, in the shop's zone.
    pub expiry_date: Option<Date>,
    /// The most pieces in one order, all variants together.
    pub max_per_order: Option<Quantity>,
    /// Whether it is sold when it is not there.
    pub allow_backorder: bool,
}

/// Why something is not sold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotSold {
    /// Its last day is over.
    #[error("is no longer sold")]
    Expired,
    /// So many pieces are too many for one order.
    #[error("at most {0} in one order")]
    TooMany(u32),
}

impl Terms {
    /// Whether it is sold on `today`, the date in the shop's zone.
    pub fn are_open_on(&self, today: Date) -> bool {
        self.expiry_date.is_none_or(|last| today <= last)
    }

    /// An error unless `pieces` of it may be in one order that is placed on `today`.
    pub fn admit(&self, pieces: u64, today: Date) -> Result<(), NotSold> {
        if !self.are_open_on(today) {
            return Err(NotSold::Expired);
        }
        match self.max_per_order {
            Some(most) if pieces > u64::from(most.get()) => Err(NotSold::TooMany(most.get())),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_are_at_https_addresses() {
        for right in ["https://shop.example/lamp.png", "https://a.example?x=1", "https://a"] {
            assert!(ImageUrl::new(right).is_ok(), "{right}");
        }
        let long = format!("https://a.example/{}", "x".repeat(ImageUrl::MAX));
        let wrong = [
            "",
            "lamp.png",
            "http://shop.example/lamp.png",
            "javascript:alert(1)",
            "https://",
            "https:///lamp.png",
            "https://shop.example/a b",
            "https://shop.example/\"onload=",
            "https://me@shop.example/",
            &long,
        ];
        for wrong in wrong {
            assert!(ImageUrl::new(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_last_day_is_a_day_on_which_it_is_sold() {
        let last: Date = "2026-03-31".parse().unwrap();
        let terms = Terms { expiry_date: Some(last), ..Terms::default() };
        assert_eq!(terms.admit(1, last), Ok(()));
        assert_eq!(terms.admit(1, last.tomorrow().unwrap()), Err(NotSold::Expired));
    }

    #[test]
    fn the_limit_is_the_most_that_one_order_may_have() {
        let today: Date = "2026-03-31".parse().unwrap();
        let terms = Terms { max_per_order: Quantity::new(2).ok(), ..Terms::default() };
        assert_eq!(terms.admit(2, today), Ok(()));
        assert_eq!(terms.admit(3, today), Err(NotSold::TooMany(2)));
        assert_eq!(Terms::default().admit(u64::MAX, today), Ok(()));
    }
}
