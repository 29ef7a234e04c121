//! What an answer takes from the shop's own state when it is given: `{order_status}`, `{stock}`, `{opening_hours}`.
//!
//! An answer is parsed when it is saved, so that a slot that does not exist is its author's error and not a shopper's
//! riddle. Braces that are meant as such are doubled: `{{` and `}}`.

use std::{fmt, str::FromStr};

use crate::ProductId;

/// Something that is known only when the answer is given.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Slot {
    /// `{order_status}`: where the asker's own latest order is.
    OrderStatus,
    /// `{stock:PRODUCT}`: whether that product is in stock; `{stock}`: the one that the asker looks at.
    Stock(Option<ProductId>),
    /// `{opening_hours}`: when somebody is there.
    OpeningHours,
}

/// An answer with its slots.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    pieces: Vec<Piece>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Text(String),
    Slot(Slot),
}

/// The answer cannot be saved as it is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTemplate {
    /// No slot is called so.
    #[error("there is no slot {{{0}}}: expected order_status, stock, stock:PRODUCT or opening_hours")]
    Unknown(String),
    /// A product id that is none.
    #[error("{{stock:{0}}} names no product")]
    Product(String),
    /// A brace without its partner.
    #[error("a brace without a partner; write {{{{ or }}}} where a brace is meant")]
    Brace,
}

/// A slot that nothing is known for: the answer cannot be given.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("nothing is known for {0}")]
pub struct MissingValue(pub Slot);

impl Template {
    /// The slots that must be filled, each once, in the order of the text.
    pub fn slots(&self) -> Vec<&Slot> {
        let mut slots: Vec<&Slot> = vec![];
        for piece in &self.pieces {
            match piece {
                Piece::Slot(slot) if !slots.contains(&slot) => slots.push(slot),
                Piece::Slot(_) | Piece::Text(_) => {}
            }
        }
        slots
    }

    /// The answer, with what `value` knows. Values are taken as they are: a brace in one is no slot.
    pub fn render(&self, value: impl Fn(&Slot) -> Option<String>) -> Result<String, MissingValue> {
        let piece = |piece: &Piece| match piece {
            Piece::Text(text) => Ok(text.clone()),
            Piece::Slot(slot) => value(slot).ok_or_else(|| MissingValue(slot.clone())),
        };
        self.pieces.iter().map(piece).collect()
    }
}

impl FromStr for Template {
    type Err = InvalidTemplate;

    fn from_str(text: &str) -> Result<Self, InvalidTemplate> {
        let mut template = Self { pieces: vec![] };
        let mut rest = text;
        while let Some(start) = rest.find(['{', '}']) {
            let (before, brace) = rest.split_at(start);
            template.push_text(before);
            if let Some(after) = brace.strip_prefix("{{") {
                template.push_text("{");
                rest = after;
            } else if let Some(after) = brace.strip_prefix("}}") {
                template.push_text("}");
                rest = after;
            } else {
                let (name, after) = brace
                    .strip_prefix('{')
                    .and_then(|slot| slot.split_once('}'))
                    .filter(|(name, _)| !name.contains('{'))
                    .ok_or(InvalidTemplate::Brace)?;
                template.pieces.push(Piece::Slot(name.parse()?));
                rest = after;
            }
        }
        template.push_text(rest);
        Ok(template)
    }
}

impl Template {
    fn push_text(&mut self, text: &str) {
        match self.pieces.last_mut() {
            _ if text.is_empty() => {}
            Some(Piece::Text(before)) => before.push_str(text),
            Some(Piece::Slot(_)) | None => self.pieces.push(Piece::Text(text.to_owned())),
        }
    }
}

impl FromStr for Slot {
    type Err = InvalidTemplate;

    /// What stands between the braces.
    fn from_str(name: &str) -> Result<Self, InvalidTemplate> {
        match name.trim() {
            "order_status" => Ok(Self::OrderStatus),
            "opening_hours" => Ok(Self::OpeningHours),
            "stock" => Ok(Self::Stock(None)),
            other => match other.strip_prefix("stock:") {
                Some(product) => match ProductId::new(product.trim()) {
                    Ok(product) => Ok(Self::Stock(Some(product))),
                    Err(_) => Err(InvalidTemplate::Product(product.to_owned())),
                },
                None => Err(InvalidTemplate::Unknown(other.to_owned())),
            },
        }
    }
}

impl fmt::Display for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OrderStatus => f.write_str("{order_status}"),
            Self::Stock(None) => f.write_str("{stock}"),
            Self::Stock(Some(product)) => write!(f, "{{stock:{product}}}"),
            Self::OpeningHours => f.write_str("{opening_hours}"),
        }
    }
}

impl fmt::Display for Template {
    /// The text that it was parsed from, or one that is parsed to the same.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.pieces.iter().try_for_each(|piece| match piece {
            Piece::Text(text) => f.write_str(&text.replace('{', "{{").replace('}', "}}")),
            Piece::Slot(slot) => write!(f, "{slot}"),
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn template(text: &str) -> Template {
        text.parse().unwrap()
    }

    #[test]
    fn an_answer_lists_its_slots_once_and_is_filled() {
        let answer =
            template("{order_status} We are here {opening_hours}. {order_status} {stock} {stock:lamp}");
        let lamp = ProductId::new("lamp").unwrap();
        let slots = [Slot::OrderStatus, Slot::OpeningHours, Slot::Stock(None), Slot::Stock(Some(lamp))];
        assert_eq!(answer.slots(), slots.iter().collect::<Vec<_>>());
        let filled = answer.render(|slot| Some(format!("<{}>", slot.to_string().trim_matches(['{', '}']))));
        let expected = "<order_status> We are here <opening_hours>. <order_status> <stock> <stock:lamp>";
        assert_eq!(filled.as_deref(), Ok(expected));
        assert_eq!(answer.render(|_| None), Err(MissingValue(Slot::OrderStatus)));
    }

    #[test]
    fn what_a_value_says_is_no_slot() {
        let filled = template("{order_status}").render(|_| Some("{stock}".into()));
        assert_eq!(filled.as_deref(), Ok("{stock}"));
        assert_eq!(template("{{stock}} }}").render(|_| None).as_deref(), Ok("{stock} }"));
    }

    #[test]
    fn a_slot_that_does_not_exist_is_refused_when_the_answer_is_saved() {
        let refused = |text: &str| text.parse::<Template>().unwrap_err();
        assert_eq!(refused("{order_state}"), InvalidTemplate::Unknown("order_state".into()));
        assert_eq!(refused("{}"), InvalidTemplate::Unknown(String::new()));
        assert_eq!(refused("{stock:a b}"), InvalidTemplate::Product("a b".into()));
        for brace in ["{order_status", "a } b", "{a {stock}", "{"] {
            assert_eq!(refused(brace), InvalidTemplate::Brace, "{brace}");
        }
    }

    proptest! {
        #[test]
        fn an_answer_that_is_shown_is_parsed_to_the_same(text in "[a{}: ]{0,12}|\\PC{0,30}") {
            if let Ok(answer) = text.parse::<Template>() {
                prop_assert_eq!(template(&answer.to_string()), answer);
            }
        }
    }
}
