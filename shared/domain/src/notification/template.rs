//! What a notification says, before what it is about is filled in. Writing it out is the renderer's business; here is
//! which variables there are, how long things may be, and what is said where a shop wrote nothing itself.

mod variables;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub use self::variables::{COMMON, DIGEST, Sample, Variable, VariableKind};
pub use super::seeds::{Words, digest, words};
use super::{Kind, Medium, seeds};

/// The languages that every kind is written in.
pub const LOCALES: [&str; 3] = ["en", "th", "fa"];

/// The most characters of a title, before anything is filled in.
pub const MAX_TITLE: usize = 500;
/// The most characters of a text, before anything is filled in.
pub const MAX_BODY: usize = 4_000;
/// The most characters of an address.
pub const MAX_URL: usize = 2_000;
/// The most characters of a sound's name.
const MAX_SOUND: usize = 64;
/// The most seconds that a push service keeps anything: four weeks.
pub const MAX_TTL: u32 = 2_419_200;
/// The largest number beside an icon.
const MAX_BADGE: u32 = 99_999;

/// How soon telephones and browsers show it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = NotificationPriority)] // chats have priorities too
pub enum Priority {
    /// When it suits them.
    Low,
    /// Soon.
    #[default]
    Normal,
    /// At once, even if that costs battery.
    High,
}

/// What a kind says on a medium in a language.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Template {
    /// One line: the title, or a mail's subject.
    #[serde(rename = "title_template")]
    #[schema(min_length = 1, max_length = 500)]
    pub title: String,
    /// The text. In mail, an empty line divides paragraphs.
    #[serde(rename = "body_template")]
    #[schema(min_length = 1, max_length = 4000)]
    pub body: String,
    /// Where it leads: a path of the shop, or an address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 2000)]
    pub action_url: Option<String>,
    /// A small picture.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 2000)]
    pub icon_url: Option<String>,
    /// A large picture.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 2000)]
    pub image_url: Option<String>,
    /// The number beside the shop's icon.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(maximum = 99_999)]
    pub badge_count: Option<u32>,
    /// The sound that a telephone makes; none if nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 64)]
    pub sound: Option<String>,
    /// How soon it is shown.
    #[serde(default)]
    pub priority: Priority,
    /// Seconds for which it is worth showing; those of its kind if nothing is said.
    #[serde(default, rename = "ttl", skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 2_419_200)]
    pub ttl_seconds: Option<u32>,
}

/// What `kind` says in `locale` on `medium` where a shop wrote nothing itself. A language that nobody wrote is English
/// (`th-TH` is Thai), and a medium for which nothing else is written says what all do.
pub fn seed(kind: Kind, locale: &str, medium: Medium) -> Template {
    let (title, body) = seeds::wording(kind, locale).on(medium);
    Template {
        title: title.into(),
        body: body.into(),
        action_url: Some(seeds::action(kind).into()),
        icon_url: None,
        image_url: kind.variables().iter().any(|variable| variable.name == "image_url").then(image),
        badge_count: None,
        sound: kind.is_urgent().then(|| "default".into()),
        priority: kind.priority(),
        ttl_seconds: None,
    }
}

fn image() -> String {
    "{{ image_url }}".into()
}

/// The language of `locale` among those that are written: the tag's first part, whatever its case; English for others.
pub fn language(locale: &str) -> &'static str {
    let primary = locale.split(['-', '_']).next().unwrap_or_default();
    LOCALES.into_iter().find(|known| known.eq_ignore_ascii_case(primary)).unwrap_or("en")
}

impl Kind {
    /// How soon it is shown, if a template does not say otherwise.
    pub const fn priority(self) -> Priority {
        match self.is_marketing() {
            _ if self.is_urgent() => Priority::High,
            true => Priority::Low,
            false => Priority::Normal,
        }
    }

    /// Whether somebody waits for it, or should act at once.
    const fn is_urgent(self) -> bool {
        self.is_critical() || matches!(self, Self::ChatMessage | Self::SupportTicketResponse)
    }
}

impl Template {
    /// The fields that are empty, too long or out of bounds, each with a code. What the texts say is not looked at.
    pub fn out_of_bounds(&self) -> Vec<(&'static str, &'static str)> {
        let length = |text: &str| text.chars().count();
        let url = |url: &Option<String>| url.as_deref().is_some_and(|url| length(url) > MAX_URL);
        let is_sound = |sound: &str| {
            (1..=MAX_SOUND).contains(&sound.len())
                && sound.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
        };
        let found = [
            ("title_template", "required", self.title.trim().is_empty()),
            ("title_template", "too_long", length(&self.title) > MAX_TITLE),
            ("body_template", "required", self.body.trim().is_empty()),
            ("body_template", "too_long", length(&self.body) > MAX_BODY),
            ("action_url", "too_long", url(&self.action_url)),
            ("icon_url", "too_long", url(&self.icon_url)),
            ("image_url", "too_long", url(&self.image_url)),
            ("badge_count", "out_of_range", self.badge_count.is_some_and(|count| count > MAX_BADGE)),
            ("sound", "invalid", self.sound.as_deref().is_some_and(|sound| !is_sound(sound))),
            ("ttl", "out_of_range", self.ttl_seconds.is_some_and(|ttl| ttl == 0 || ttl > MAX_TTL)),
        ];
        found.into_iter().filter(|(.., is_wrong)| *is_wrong).map(|(field, code, _)| (field, code)).collect()
    }
}

#[cfg(test)]
mod tests;
