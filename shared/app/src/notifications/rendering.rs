//! Writing out what a notification says: a template with what it is about filled in.
//!
//! Templates are a shop's own, what is filled in is anybody's. So a template ends: it has no includes and no macros, and
//! fuel bounds its time and its memory. What is filled in is text and never template; it is cleaned of what text cannot
//! show, and escaped for where it goes. A mail's HTML is made from its text, so a template cannot say anything in HTML.

mod inspection;
mod locale;
mod mail;
mod urls;
mod values;

use domain::notification::{
    Kind, Medium, Priority, Template, Variable,
    template::{self, COMMON},
};
use jiff::{SignedDuration, tz::TimeZone};
use minijinja::{Environment, Output, State, UndefinedBehavior, Value};

use self::values::Context;
use crate::{Error, Result};

/// What a template may use up: an instruction costs one, and so do 64 bytes. A digest of a
/// hundred long lines needs under 1,500.
const FUEL: u64 = 20_000;
/// The most characters of a title with everything filled in, and of a text.
const MAX_TITLE: usize = 200;
const MAX_TEXT: usize = 20_000;
/// The most characters of a text message's text: each 70 of them may cost as much as a message.
const MAX_MESSAGE: usize = 280;

/// What is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rendered {
    /// One line: the title, or a mail's subject.
    pub title: String,
    /// The text. In mail, with where it leads and how to end it; in a text message, all there is.
    pub body: String,
    /// Where it leads.
    pub action_url: Option<String>,
    /// A small picture.
    pub icon_url: Option<String>,
    /// A large picture.
    pub image_url: Option<String>,
    /// The number beside the shop's icon.
    pub badge: Option<u32>,
    /// The sound that a telephone makes.
    pub sound: Option<String>,
    /// How soon it is shown.
    pub priority: Priority,
    /// For how long it is worth showing.
    pub ttl: SignedDuration,
    /// In mail, the text as a page.
    pub html: Option<String>,
}

/// What is wrong with a template or with what is to be filled in: the field, a code, and the same for a person.
pub type Problem = (String, &'static str, String);

/// Writes out notifications of one shop.
#[derive(Debug)]
pub struct Renderer {
    shop_name: String,
    shop_url: String,
    zone: TimeZone,
    texts: Environment<'static>,
    urls: Environment<'static>,
}

impl Renderer {
    /// For the shop of this name, whose pages are below `shop_url`.
    pub fn new(shop_name: impl Into<String>, shop_url: impl Into<String>) -> Self {
        let shop_url: String = shop_url.into();
        Self {
            shop_name: values::line(&shop_name.into()),
            shop_url: shop_url.trim_end_matches('/').to_owned(),
            zone: TimeZone::UTC,
            texts: environment(locale::write),
            urls: environment(urls::write),
        }
    }

    /// Days and times of day are those of `zone`.
    #[must_use]
    pub fn in_zone(self, zone: TimeZone) -> Self {
        Self { zone, ..self }
    }

    /// Whether `template` can be kept for `kind`.
    ///
    /// # Errors
    /// All that is wrong with it: `template_syntax`, `unknown_variable`, `invalid_url`, or what
    /// [`Template::out_of_bounds`] finds.
    pub fn check(&self, kind: Kind, template: &Template) -> Result<(), Vec<Problem>> {
        inspection::check(self, kind, template)
    }

    /// Whether `data` can be filled in for `kind`: its values are what their variables are, and none is missing without
    /// which the texts make no sense.
    ///
    /// # Errors
    /// `unknown_variable`, `invalid` or `required`, each with the name of a value.
    pub fn check_data(&self, kind: Kind, data: &serde_json::Value) -> Result<(), Vec<Problem>> {
        let problems = Context::of(self, "en", &[COMMON, kind.variables()], data).problems;
        if problems.is_empty() { Ok(()) } else { Err(problems) }
    }

    /// `template` with `data` filled in. Missing values, and values that are not what their variables are, are left empty.
    ///
    /// # Errors
    /// If the template does something that cannot be done, or takes too long: [`Self::check`] would have refused it, unless
    /// it does so only with this data. [`domain::notification::seed`] never does.
    pub fn render(
        &self,
        kind: Kind,
        medium: Medium,
        locale: &str,
        template: &Template,
        data: &serde_json::Value,
    ) -> Result<Rendered> {
        let locale = template::language(locale);
        let context = Context::of(self, locale, &[COMMON, kind.variables()], data);
        let ttl =
            template.ttl_seconds.map_or(kind.ttl(), |seconds| SignedDuration::from_secs(seconds.into()));
        let written = self.write(medium, locale, template, context).map_err(|error| {
            // The text of the error may have values in it.
            let line = error.line().unwrap_or_default();
            Error::internal(format!("the template of {kind} fails in line {line}: {}", error.kind()))
        })?;
        Ok(Rendered { ttl, ..written })
    }

    /// `template` with samples filled in.
    ///
    /// # Errors
    /// As [`Self::render`].
    pub fn preview(&self, kind: Kind, medium: Medium, locale: &str, template: &Template) -> Result<Rendered> {
        self.render(kind, medium, locale, template, &samples(&[COMMON, kind.variables()]))
    }

    /// One mail of many notifications: their titles, each in a line. `data` has what all templates may speak of.
    ///
    /// # Errors
    /// Never, as long as the seeds are right.
    pub fn digest(&self, locale: &str, titles: &[String], data: &serde_json::Value) -> Result<Rendered> {
        let locale = template::language(locale);
        let mut data = data.as_object().cloned().unwrap_or_default();
        let items = titles.iter().map(|title| serde_json::json!({ "name": title })).collect();
        data.insert("items".into(), serde_json::Value::Array(items));
        data.insert("count".into(), titles.len().into());
        let context = Context::of(self, locale, &[COMMON, template::DIGEST], &data.into());
        let written = self.write(Medium::Email, locale, &template::digest(locale), context);
        written.map_err(|error| Error::internal(format!("the digest fails: {}", error.kind())))
    }

    /// A mail that asks something. `data` has what all templates may speak of, and perhaps a `product_name`.
    ///
    /// # Errors
    /// If the template does something that cannot be done.
    pub fn question(&self, locale: &str, template: &Template, data: &serde_json::Value) -> Result<Rendered> {
        let locale = template::language(locale);
        let context = Context::of(self, locale, &[COMMON, Kind::BackInStock.variables()], data);
        let written = self.write(Medium::Email, locale, template, context);
        written.map_err(|error| Error::internal(format!("a question fails: {}", error.kind())))
    }

    fn write(
        &self,
        medium: Medium,
        locale: &'static str,
        template: &Template,
        mut context: Context,
    ) -> Result<Rendered, minijinja::Error> {
        let address = |source: &Option<String>, context: &Context| {
            source.as_deref().map_or(Ok(None), |source| self.address(source, context))
        };
        let icon_url = address(&template.icon_url, &context)?;
        let image_url = address(&template.image_url, &context)?;
        let action_url = address(&template.action_url, &context)?;
        // Texts speak of where the notification really leads.
        context.set("action_url", action_url.clone().map_or(Value::UNDEFINED, Value::from));
        let title = values::line(&self.texts.render_named_str(locale, &template.title, context.values())?);
        let body = self.texts.render_named_str(locale, &template.body, context.values())?;
        let rendered = Rendered {
            title: values::shortened(title, MAX_TITLE),
            body: values::shortened(values::tidied(&body), MAX_TEXT),
            action_url,
            icon_url,
            image_url,
            badge: template.badge_count,
            sound: template.sound.clone(),
            priority: template.priority,
            ttl: SignedDuration::ZERO,
            html: None,
        };
        let rendered = match medium {
            Medium::Email => self.as_mail(rendered, locale, &context)?,
            Medium::Sms => self.as_text_message(rendered),
            Medium::Push | Medium::Websocket => rendered,
        };
        let directed =
            |text: &str| text.lines().map(|line| locale::directed(locale, line)).collect::<Vec<_>>();
        let (title, body) = (locale::directed(locale, &rendered.title), directed(&rendered.body).join("\n"));
        Ok(Rendered { title, body, ..rendered })
    }

    /// The address that `source` comes to; nothing if that is none that may be followed.
    fn address(&self, source: &str, context: &Context) -> Result<Option<String>, minijinja::Error> {
        let written = self.urls.render_named_str("", source, context.values())?;
        Ok(urls::absolute(&self.shop_url, written.trim()))
    }

    /// A text message has no title and nothing to press.
    fn as_text_message(&self, rendered: Rendered) -> Rendered {
        let text = values::shortened(rendered.body, MAX_MESSAGE);
        let mut body = format!("{}: {}\n{text}", self.shop_name, rendered.title);
        if let Some(url) = &rendered.action_url {
            body.push('\n');
            body.push_str(url);
        }
        Rendered { body, ..rendered }
    }
}

/// An engine whose values are written by `write`, and that has no filters, tests or functions.
fn environment(
    write: fn(&mut Output, &mut State, &Value) -> Result<(), minijinja::Error>,
) -> Environment<'static> {
    let mut environment = Environment::empty();
    environment.set_undefined_behavior(UndefinedBehavior::Chainable);
    environment.set_formatter(write);
    environment.set_fuel(Some(FUEL));
    environment
}

/// What previews are filled with.
fn samples(variables: &[&[Variable]]) -> serde_json::Value {
    let all = variables.iter().copied().flatten();
    let named = all.map(|variable| (variable.name.to_owned(), values::sample(variable)));
    serde_json::Value::Object(named.collect())
}

#[cfg(test)]
mod tests;
