//! How things are worded: a shop's own words where it has some, or those that everybody begins with.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use contract::{
    ErrorCode, Fact, FieldError,
    http::notifications::{NotificationData, TemplatePreview, TemplateRequest, TemplateView},
};
use domain::{
    Permission, Principal, ShopId,
    notification::{
        Kind, Medium,
        template::{LOCALES, Template, seed},
    },
};
use jiff::{SignedDuration, Timestamp};

pub use super::rendering::Rendered as Spoken;
use super::rendering::Renderer;
use crate::{
    Clock, Error, Result,
    journal::Author,
    store::{Dynamo, notifications::Wording},
};

/// How long a shop's own words are used before they are read again.
const FRESH: SignedDuration = SignedDuration::from_secs(60);

type Known = BTreeMap<(ShopId, Kind), (Timestamp, Arc<Vec<Wording>>)>;

/// Words what people are told.
#[derive(Debug, Clone)]
pub struct Words {
    store: Dynamo,
    clock: Clock,
    renderer: Arc<Renderer>,
    known: Arc<Mutex<Known>>,
}

impl Words {
    /// Reads a shop's own words from `store`.
    pub fn new(store: Dynamo, clock: Clock, renderer: Renderer) -> Self {
        Self { store, clock, renderer: Arc::new(renderer), known: Arc::default() }
    }

    /// Words something for one way, in a person's language.
    pub async fn speak(
        &self,
        shop: &ShopId,
        kind: Kind,
        medium: Medium,
        locale: Option<&str>,
        data: &NotificationData,
    ) -> Result<Spoken> {
        let locale = locale.unwrap_or(LOCALES[0]);
        let (language, template, _) = chosen(&self.own(shop, kind).await?, kind, medium, locale);
        let data = serde_json::Value::Object(data.clone().into_iter().collect());
        self.renderer.render(kind, medium, &language, &template, &data)
    }

    /// How long something is worth sending on one way: as long as its kind, or shorter if the shop says so.
    pub(super) async fn worth(
        &self,
        shop: &ShopId,
        kind: Kind,
        medium: Medium,
        locale: Option<&str>,
    ) -> Result<SignedDuration> {
        let own = self.own(shop, kind).await?;
        let (_, template, _) = chosen(&own, kind, medium, locale.unwrap_or(LOCALES[0]));
        let said = template.ttl_seconds.map(|seconds| SignedDuration::from_secs(seconds.into()));
        Ok(said.map_or(kind.ttl(), |said| said.min(kind.ttl())))
    }

    /// What renders, for what is told of several.
    pub(super) fn renderer(&self) -> &Renderer {
        &self.renderer
    }

    async fn own(&self, shop: &ShopId, kind: Kind) -> Result<Arc<Vec<Wording>>> {
        let (key, now) = ((shop.clone(), kind), self.clock.now());
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner).get(&key).cloned();
        if let Some((at, own)) = known
            && now.duration_since(at).abs() < FRESH
        {
            return Ok(own);
        }
        let own = Arc::new(self.store.wordings(shop, kind).await?);
        self.known.lock().unwrap_or_else(PoisonError::into_inner).insert(key, (now, own.clone()));
        Ok(own)
    }

    /// How something is worded, and what comes out of it.
    pub async fn read(&self, who: &Principal, kind: Kind, wanted: &TemplateRequest) -> Result<TemplateView> {
        who.may(Permission::WordNotifications)?;
        let locale = checked_language(wanted)?;
        let own = self.store.wordings(&who.shop, kind).await?;
        let medium = wanted.channel.unwrap_or(Medium::Websocket);
        let (locale, template, is_custom) = match wanted.channel {
            Some(medium) => chosen(&own, kind, medium, &locale),
            None => chosen_for_all(&own, kind, &locale),
        };
        self.view(kind, (locale, wanted.channel, medium), template, is_custom)
    }

    /// Words something anew.
    ///
    /// # Errors
    /// Names each field whose template cannot be read, or has a variable that there is not.
    pub async fn save(
        &self,
        who: &Principal,
        kind: Kind,
        wanted: &TemplateRequest,
        template: Template,
    ) -> Result<TemplateView> {
        who.may(Permission::WordNotifications)?;
        let locale = checked_language(wanted)?;
        self.renderer.check(kind, &template).map_err(|problems| Error::Invalid {
            code: ErrorCode::ValidationFailed,
            detail: "the template cannot be used".into(),
            errors: problems
                .into_iter()
                .map(|(field, code, text)| FieldError::new(&field, code, text))
                .collect(),
        })?;
        let wording = Wording { locale: locale.clone(), medium: wanted.channel, template: template.clone() };
        let fact = Fact::TemplateSaved { kind, locale: locale.clone(), channel: wanted.channel };
        let event = Author::of(who).event(&self.clock, format!("template:{kind}"), 0, fact);
        self.store.put_wording(kind, &wording, &event).await?;
        self.known.lock().unwrap_or_else(PoisonError::into_inner).remove(&(who.shop.clone(), kind));
        let medium = wanted.channel.unwrap_or(Medium::Websocket);
        self.view(kind, (locale, wanted.channel, medium), template, true)
    }

    fn view(
        &self,
        kind: Kind,
        (locale, channel, medium): (String, Option<Medium>, Medium),
        template: Template,
        is_custom: bool,
    ) -> Result<TemplateView> {
        let Spoken { title, body, action_url, html, .. } =
            self.renderer.preview(kind, medium, &locale, &template)?;
        Ok(TemplateView {
            kind,
            locale,
            channel,
            is_custom,
            template,
            variables: kind.variables().iter().map(|variable| variable.name.to_owned()).collect(),
            preview: TemplatePreview { title, body, action_url, html },
        })
    }
}

/// A language tag, in small letters but for its region: `th`, `th-TH`.
fn checked_language(wanted: &TemplateRequest) -> Result<String> {
    let locale = wanted.locale.as_deref().unwrap_or(LOCALES[0]);
    match super::people::is_language_tag(locale) {
        true => Ok(locale.to_owned()),
        false => Err(Error::field("locale", "invalid", "expected a language such as en or th-TH")),
    }
}

/// The wording for a way in the language that comes nearest: the shop's own in that language before everybody's in it,
/// and any of that language before English.
fn chosen(own: &[Wording], kind: Kind, medium: Medium, locale: &str) -> (String, Template, bool) {
    let base = locale.split('-').next().unwrap_or(locale);
    let mine = |locale: &str| {
        let one = |medium: Option<Medium>| {
            own.iter().find(|wording| wording.locale.eq_ignore_ascii_case(locale) && wording.medium == medium)
        };
        one(Some(medium))
            .or_else(|| one(None))
            .map(|found| (found.locale.clone(), found.template.clone(), true))
    };
    let theirs = |locale: &str| {
        LOCALES.contains(&locale).then(|| (locale.to_owned(), seed(kind, locale, medium), false))
    };
    let nearest = mine(locale).or_else(|| mine(base)).or_else(|| theirs(base));
    let english =
        || mine(LOCALES[0]).unwrap_or_else(|| (LOCALES[0].to_owned(), seed(kind, LOCALES[0], medium), false));
    nearest.unwrap_or_else(english)
}

/// The wording for all ways.
fn chosen_for_all(own: &[Wording], kind: Kind, locale: &str) -> (String, Template, bool) {
    let for_all: Vec<Wording> = own.iter().filter(|wording| wording.medium.is_none()).cloned().collect();
    chosen(&for_all, kind, Medium::Websocket, locale)
}
