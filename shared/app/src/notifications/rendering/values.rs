//! What is filled in: each value is what its variable says it is, or is left out.

use std::{borrow::Cow, collections::BTreeMap};

use domain::{
    Money,
    notification::{Variable, VariableKind, template::Sample},
};
use jiff::{Timestamp, civil::Date};
use minijinja::Value;
use serde_json::Value as Json;

use super::{Problem, Renderer, locale, urls};

/// The most characters of words in one line, and of words in many.
const MAX_WORDS: usize = 300;
const MAX_PROSE: usize = 4_000;
/// The most lines of an order or a digest.
const MAX_LINES: usize = 100;

/// All that templates find.
pub(super) struct Context {
    values: BTreeMap<&'static str, Value>,
    /// What of the data could not be used.
    pub(super) problems: Vec<Problem>,
}

impl Context {
    /// The values of `data` that `variables` name.
    pub(super) fn of(
        renderer: &Renderer,
        locale: &'static str,
        variables: &[&'static [Variable]],
        data: &Json,
    ) -> Self {
        let known: Vec<&Variable> = variables.iter().copied().flatten().collect();
        let mut context = Self { values: BTreeMap::new(), problems: vec![] };
        match data {
            Json::Object(fields) => context.fill(renderer, locale, &known, fields),
            Json::Null => context.fill(renderer, locale, &known, &serde_json::Map::new()),
            _ => context.problems.push((String::new(), "invalid", "expected an object".into())),
        }
        context.set("shop_name", renderer.shop_name.as_str().into());
        context
    }

    fn fill(
        &mut self,
        renderer: &Renderer,
        locale: &'static str,
        known: &[&Variable],
        fields: &serde_json::Map<String, Json>,
    ) {
        for (name, value) in fields.iter().filter(|(_, value)| !value.is_null()) {
            let Some(variable) = known.iter().find(|variable| variable.name == name) else {
                let names: Vec<&str> = known.iter().map(|variable| variable.name).collect();
                let text = format!("there is no {name} here, only {}", names.join(", "));
                self.problems.push((name.clone(), "unknown_variable", text));
                continue;
            };
            match converted(renderer, locale, variable.kind, value) {
                Some(value) => self.set(variable.name, value),
                None => {
                    let text = format!("expected {}", expected(variable.kind));
                    self.problems.push((name.clone(), "invalid", text));
                }
            }
        }
        let is_missing = |name: &str| fields.get(name).is_none_or(Json::is_null);
        let missing = known.iter().filter(|variable| variable.is_needed && is_missing(variable.name));
        let missing = missing.map(|variable| {
            (variable.name.into(), "required", format!("expected {}", expected(variable.kind)))
        });
        self.problems.extend(missing);
    }

    pub(super) fn set(&mut self, name: &'static str, value: Value) {
        self.values.insert(name, value);
    }

    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.values.get(name).and_then(Value::as_str)
    }

    /// As templates read it.
    pub(super) fn values(&self) -> Value {
        Value::from_pairs(self.values.iter().map(|(name, value)| (*name, value.clone())))
    }
}

/// `value` as templates find it; nothing if it is not of this kind.
fn converted(renderer: &Renderer, locale: &'static str, kind: VariableKind, value: &Json) -> Option<Value> {
    let instant = |text: &str| Some(text.parse::<Timestamp>().ok()?.to_zoned(renderer.zone.clone()));
    match kind {
        VariableKind::Text => Some(shortened(line(&words(value)?), MAX_WORDS).into()),
        VariableKind::Prose => Some(shortened(tidied(&words(value)?), MAX_PROSE).into()),
        VariableKind::Number => value.as_i64().map(Value::from),
        VariableKind::Money => {
            let money: Money = serde::Deserialize::deserialize(value).ok()?;
            Some(locale::money(locale, money).into())
        }
        VariableKind::Date => {
            let text = value.as_str()?;
            // A day without a time is the same day in every zone.
            let date = instant(text).map(|at| at.date()).or_else(|| text.parse::<Date>().ok())?;
            Some(locale::date(locale, date).into())
        }
        VariableKind::Moment => Some(locale::moment(locale, &instant(value.as_str()?)?).into()),
        VariableKind::Url => {
            urls::absolute(&renderer.shop_url, value.as_str()?.trim()).map(Value::from_safe_string)
        }
        VariableKind::Lines => {
            let lines = value.as_array()?.iter().take(MAX_LINES);
            lines.map(|line| converted_line(renderer, locale, line)).collect()
        }
    }
}

fn converted_line(renderer: &Renderer, locale: &'static str, line: &Json) -> Option<Value> {
    let parts =
        [("name", VariableKind::Text), ("quantity", VariableKind::Number), ("total", VariableKind::Money)];
    let fields = line.as_object()?;
    let given = parts.into_iter().filter_map(|(name, kind)| Some((name, kind, fields.get(name)?)));
    let given = given.filter(|(.., value)| !value.is_null());
    let parts = given.map(|(name, kind, value)| Some((name, converted(renderer, locale, kind, value)?)));
    let parts: Option<Vec<(&str, Value)>> = parts.collect();
    parts.map(Value::from_pairs)
}

fn words(value: &Json) -> Option<Cow<'_, str>> {
    match value {
        Json::String(text) => Some(text.into()),
        Json::Number(number) => Some(number.to_string().into()),
        _ => None,
    }
}

const fn expected(kind: VariableKind) -> &'static str {
    match kind {
        VariableKind::Text | VariableKind::Prose => "a text",
        VariableKind::Number => "a whole number",
        VariableKind::Money => "an amount: {\"amount\": 1999, \"currency\": \"USD\"}",
        VariableKind::Date => "a day: 2026-03-21, or an instant in RFC 3339",
        VariableKind::Moment => "an instant in RFC 3339",
        VariableKind::Url => "an address that begins with https:// or http://, or a path of the shop",
        VariableKind::Lines => "a list of lines with name, quantity and total",
    }
}

/// What a preview shows, as data has it.
pub(super) fn sample(variable: &Variable) -> Json {
    match variable.sample {
        Sample::Text(text) => text.into(),
        Sample::Number(amount) if variable.kind == VariableKind::Money => {
            serde_json::json!({ "amount": amount, "currency": "USD" })
        }
        Sample::Number(number) => number.into(),
        Sample::Lines => serde_json::json!([
            { "name": "Brass Lamp", "quantity": 2, "total": { "amount": 3_998, "currency": "USD" } },
            { "name": "Candle", "quantity": 1, "total": { "amount": 999, "currency": "USD" } },
        ]),
    }
}

/// Whether `c` is neither shown nor has a meaning in between: controls, and marks with which a text can be made to look
/// like another. Joiners stay: Persian and pictures need them.
fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}')
        || matches!(c, '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// `text` in one line.
pub(super) fn line(text: &str) -> String {
    let shown: String = text
        .chars()
        .map(|c| if c.is_whitespace() && c != '\u{a0}' { ' ' } else { c })
        .filter(|c| !is_hidden(*c))
        .collect();
    shown.split(' ').filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

/// `text` in lines, with at most one empty line between two.
pub(super) fn tidied(text: &str) -> String {
    let mut tidied = String::with_capacity(text.len());
    let mut empty = 0;
    for part in text.split(['\n', '\u{2028}', '\u{2029}']).map(line) {
        empty = if part.is_empty() { empty + 1 } else { 0 };
        if empty < 2 {
            tidied.push_str(&part);
            tidied.push('\n');
        }
    }
    tidied.trim().to_owned()
}

/// `text` with at most `most` characters, the last of them an ellipsis if some are missing.
pub(super) fn shortened(text: String, most: usize) -> String {
    if text.chars().count() <= most {
        return text;
    }
    let kept: String = text.chars().take(most.saturating_sub(1)).collect();
    format!("{}…", kept.trim_end())
}
