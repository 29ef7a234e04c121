//! Whether a template can be kept: it says only what it can say, of what it knows, whatever is filled in.
//!
//! The engine finds what is wrong with a template's form. It would find a filter or function that does not exist only when
//! it gets there, perhaps on one customer's order; so a template's tags are also read here, word by word.

use std::collections::BTreeSet;

use domain::notification::{Kind, Medium, Template, template::COMMON};
use minijinja::{Environment, ErrorKind};

use super::{Problem, Renderer, samples, values::Context};

/// The statements there are: a notification needs choices and loops.
const STATEMENTS: [&str; 6] = ["if", "elif", "else", "endif", "for", "endfor"];
/// Words before which a parenthesis calls nothing.
const OPERATORS: [&str; 7] = ["and", "or", "not", "if", "elif", "else", "in"];

pub(super) fn check(renderer: &Renderer, kind: Kind, template: &Template) -> Result<(), Vec<Problem>> {
    let bounds = template.out_of_bounds().into_iter();
    let mut problems: Vec<Problem> =
        bounds.map(|(field, code)| (field.into(), code, format!("{field}: {}", in_words(code)))).collect();
    for (field, source) in fields(template) {
        problems.extend(problem_of(kind, source).map(|(code, text)| (field.into(), code, text)));
    }
    if problems.is_empty() {
        problems.extend(addresses(renderer, kind, template));
    }
    if problems.is_empty() {
        problems.extend(trial(renderer, kind, template));
    }
    if problems.is_empty() { Ok(()) } else { Err(problems) }
}

fn fields(template: &Template) -> impl Iterator<Item = (&'static str, &str)> {
    let fields = [
        ("title_template", Some(&template.title)),
        ("body_template", Some(&template.body)),
        ("action_url", template.action_url.as_ref()),
        ("icon_url", template.icon_url.as_ref()),
        ("image_url", template.image_url.as_ref()),
    ];
    fields.into_iter().filter_map(|(field, source)| Some((field, source?.as_str())))
}

fn in_words(code: &str) -> &'static str {
    match code {
        "required" => "say something",
        "too_long" => "say less",
        _ => "not what this can be",
    }
}

/// What is wrong with one field, by its form.
fn problem_of(kind: Kind, source: &str) -> Option<(&'static str, String)> {
    if let Some(word) = Tags::of(source).find_map(Tag::refused) {
        return Some(("template_syntax", format!("{word} cannot be used in templates")));
    }
    let environment = Environment::empty();
    let parsed = match environment.template_from_named_str("template", source) {
        Ok(parsed) => parsed,
        Err(error) => {
            let (line, detail) = (error.line().unwrap_or(1), error.detail().unwrap_or("not understood"));
            return Some(("template_syntax", format!("line {line}: {detail}")));
        }
    };
    let known: BTreeSet<&str> = COMMON.iter().chain(kind.variables()).map(|variable| variable.name).collect();
    let mut unknown: Vec<String> = parsed
        .undeclared_variables(false)
        .into_iter()
        .filter(|name| !known.contains(name.as_str()))
        .collect();
    unknown.sort_unstable();
    let first = unknown.first()?;
    let known: Vec<&str> = known.into_iter().collect();
    Some(("unknown_variable", format!("{kind} has no {first}, only {}", known.join(", "))))
}

/// Addresses that lead nowhere even with samples.
fn addresses(renderer: &Renderer, kind: Kind, template: &Template) -> Vec<Problem> {
    let context = Context::of(renderer, "en", &[COMMON, kind.variables()], &sampled(kind));
    let wrong = fields(template).filter(|(field, source)| {
        field.ends_with("_url") && !matches!(renderer.address(source, &context), Ok(Some(_)))
    });
    let text = "expected an address that begins with https:// or http://, or a path of the shop";
    wrong.map(|(field, _)| (field.into(), "invalid_url", text.into())).collect()
}

/// What fails when it is tried, with everything known and with nothing.
fn trial(renderer: &Renderer, kind: Kind, template: &Template) -> Option<Problem> {
    let nothing = serde_json::Value::Null;
    let failed = [sampled(kind), nothing].into_iter().find_map(|data| {
        let context = Context::of(renderer, "en", &[COMMON, kind.variables()], &data);
        renderer.write(Medium::Email, "en", template, context).err()
    })?;
    let text = match failed.kind() {
        ErrorKind::OutOfFuel => "this takes too long".to_owned(),
        _ => format!(
            "line {}: {}",
            failed.line().unwrap_or(1),
            failed.detail().unwrap_or("this cannot be done")
        ),
    };
    Some(("body_template".into(), "template_syntax", text))
}

fn sampled(kind: Kind) -> serde_json::Value {
    samples(&[COMMON, kind.variables()])
}

/// The tags of a template: what stands between `{{` and `}}`, or `{%` and `%}`.
struct Tags<'a> {
    rest: &'a str,
}

struct Tag<'a> {
    is_statement: bool,
    text: &'a str,
}

impl<'a> Tags<'a> {
    const fn of(source: &'a str) -> Self {
        Self { rest: source }
    }
}

impl<'a> Iterator for Tags<'a> {
    type Item = Tag<'a>;

    fn next(&mut self) -> Option<Tag<'a>> {
        loop {
            let (start, opening) = ["{{", "{%", "{#"]
                .into_iter()
                .filter_map(|opening| Some((self.rest.find(opening)?, opening)))
                .min()?;
            let inside = self.rest.get(start + 2..)?;
            let length = match opening {
                "{#" => inside.find("#}"),
                "{%" => end_of_tag(inside, "%}"),
                _ => end_of_tag(inside, "}}"),
            }
            .unwrap_or(inside.len());
            let text = inside.get(..length)?;
            self.rest = inside.get(length + 2..).unwrap_or_default();
            if opening != "{#" {
                return Some(Tag { is_statement: opening == "{%", text });
            }
        }
    }
}

/// Where `closing` stands outside of texts in quotes.
fn end_of_tag(inside: &str, closing: &str) -> Option<usize> {
    let mut quotes = Quotes::default();
    inside.char_indices().find_map(|(index, c)| {
        let is_outside = quotes.is_outside(c);
        (is_outside && inside.get(index..)?.starts_with(closing)).then_some(index)
    })
}

/// Keeps track of texts in quotes.
#[derive(Default)]
struct Quotes {
    open: Option<char>,
    is_escaped: bool,
}

impl Quotes {
    /// Whether `c`, the next character, is outside of a text; quotes themselves are not.
    fn is_outside(&mut self, c: char) -> bool {
        match self.open {
            Some(_) if self.is_escaped => self.is_escaped = false,
            Some(_) if c == '\\' => self.is_escaped = true,
            Some(quote) if c == quote => self.open = None,
            Some(_) => {}
            None if c == '"' || c == '\'' => self.open = Some(c),
            None => return true,
        }
        false
    }
}

impl Tag<'_> {
    /// The word in it that cannot be used.
    fn refused(self) -> Option<String> {
        let mut quotes = Quotes::default();
        let outside: String =
            self.text.chars().map(|c| if quotes.is_outside(c) { c } else { '\'' }).collect();
        let first = words(&outside).next().unwrap_or_default();
        if self.is_statement && !STATEMENTS.contains(&first) {
            return Some(format!("{{% {first} %}}"));
        }
        if outside.contains('|') {
            return Some("a filter (|)".into());
        }
        if words(&outside).any(|word| word == "is") {
            return Some("a test (is)".into());
        }
        let mut before = outside.split('(').rev().skip(1);
        before.any(is_callable).then(|| "a call".into())
    }
}

/// Whether a parenthesis after `text` would call what stands at its end.
fn is_callable(text: &str) -> bool {
    let text = text.trim_end();
    let is_name = text.ends_with(|c: char| c.is_alphanumeric() || "_])'".contains(c));
    is_name && words(text).last().is_none_or(|word| !OPERATORS.contains(&word) || !text.ends_with(word))
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|word| !word.is_empty())
}
