//! The query protocol: what a request says, and the words in which it is refused.

use axum::http::StatusCode;
use serde_json::Value;

use super::{Attributes, Refusal, xml_text};

/// The fields of a request.
#[derive(Clone, Copy)]
pub(super) struct Form<'a>(pub &'a Value);

impl<'a> Form<'a> {
    pub fn get(self, name: &str) -> Option<&'a str> {
        self.0.get(name).and_then(Value::as_str)
    }

    pub fn required(self, name: &str) -> Result<&'a str, Refusal> {
        self.get(name).ok_or_else(|| invalid(format!("Invalid parameter: {name} Reason: no value")))
    }

    /// A map of texts: `{name}.entry.1.key` and `{name}.entry.1.value`.
    pub fn map(self, name: &str) -> impl Iterator<Item = (&'a str, &'a str)> {
        let field = move |index: usize, part: &str| self.get(&format!("{name}.entry.{index}.{part}"));
        let entries = (1..).map_while(move |index| Some((field(index, "key")?, field(index, "value"))));
        entries.map(|(key, value)| (key, value.unwrap_or_default())).collect::<Vec<_>>().into_iter()
    }

    /// Attributes with a type each: `{name}.entry.1.Name` and `{name}.entry.1.Value.StringValue`.
    pub fn attributes(self, name: &str) -> Attributes {
        let field = |index: usize, part: &str| self.get(&format!("{name}.entry.{index}.{part}"));
        let entries = (1..).map_while(|index| {
            let value = field(index, "Value.StringValue").or_else(|| field(index, "Value.BinaryValue"));
            Some((field(index, "Name")?.to_owned(), value.unwrap_or_default().to_owned()))
        });
        entries.collect()
    }
}

pub(super) fn tag(name: &str, text: &str) -> String {
    format!("<{name}>{}</{name}>", xml_text(text))
}

pub(super) fn invalid(message: impl Into<String>) -> Refusal {
    Refusal::new("InvalidParameter", message)
}

pub(super) fn not_found(message: &str) -> Refusal {
    Refusal::new("NotFound", message).with_status(StatusCode::NOT_FOUND)
}
