//! Mail: the text with where it leads and how to end it, and a page that says the same.

use std::sync::LazyLock;

use domain::notification::template::{Words, words};
use minijinja::{AutoEscape, Environment, Error, UndefinedBehavior, Value};

use super::{Rendered, Renderer, values::Context};

/// What stands around a text. It is one column, as wide as a telephone at least and a letter at most, because mail programs
/// know tables and inline styles and little else.
const PAGE: &str = include_str!("mail.html");

/// Every value is escaped for HTML, whatever the page's name.
static PAGES: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut pages = Environment::empty();
    pages.set_auto_escape_callback(|_| AutoEscape::Html);
    pages.set_undefined_behavior(UndefinedBehavior::Chainable);
    pages
});

impl Renderer {
    pub(super) fn as_mail(
        &self,
        rendered: Rendered,
        locale: &'static str,
        context: &Context,
    ) -> Result<Rendered, Error> {
        let Words { open, because, unsubscribe } = words(locale);
        let because = self.texts.render_named_str(locale, because, context.values())?;
        let end = context.text("unsubscribe_url");
        let parts = [
            ("locale", Value::from(locale)),
            ("direction", Value::from(if locale == "fa" { "rtl" } else { "ltr" })),
            ("side", Value::from(if locale == "fa" { "right" } else { "left" })),
            ("shop_name", Value::from(self.shop_name.as_str())),
            ("shop_url", Value::from(self.shop_url.as_str())),
            ("title", Value::from(rendered.title.as_str())),
            ("image_url", Value::from(rendered.image_url.clone())),
            ("blocks", blocks(&rendered.body)),
            ("action_url", Value::from(rendered.action_url.clone())),
            ("open", Value::from(open)),
            ("because", Value::from(because.as_str())),
            ("unsubscribe_url", Value::from(end)),
            ("unsubscribe", Value::from(unsubscribe)),
        ];
        let html = PAGES.render_named_str("mail", PAGE, Value::from_pairs(parts))?;
        let link = |label: &str, url: &str| format!("{label}: {url}");
        let open = rendered.action_url.as_deref().map(|url| format!("\n\n{}", link(open, url)));
        let end = end.map(|url| format!("\n{}", link(unsubscribe, url)));
        let body = format!(
            "{}{}\n\n-- \n{because}{}",
            rendered.body,
            open.unwrap_or_default(),
            end.unwrap_or_default()
        );
        Ok(Rendered { body, html: Some(html), ..rendered })
    }
}

/// The paragraphs and lists of `text`: an empty line divides, and lines that begin with a dash are a list.
fn blocks(text: &str) -> Value {
    let mut blocks: Vec<(bool, Vec<&str>)> = vec![];
    let mut is_new = true;
    for line in text.lines() {
        let item = line.strip_prefix("- ");
        match blocks.last_mut() {
            _ if line.is_empty() => is_new = true,
            Some((is_list, lines)) if !is_new && *is_list == item.is_some() => {
                lines.push(item.unwrap_or(line));
            }
            _ => {
                blocks.push((item.is_some(), vec![item.unwrap_or(line)]));
                is_new = false;
            }
        }
    }
    let written = |(is_list, lines): (bool, Vec<&str>)| {
        Value::from_pairs([("is_list", Value::from(is_list)), ("lines", Value::from_iter(lines))])
    };
    blocks.into_iter().map(written).collect()
}
