//! What somebody wants to be told, and how. What these wishes come to is decided in [`super::decision`].

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Category, Kind, Medium, QuietHours};
use crate::maps;

/// Whether a whole medium is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Switch {
    /// On or off. Text messages are sent only where it is on.
    pub enabled: bool,
}

/// What is wanted of one kind or category.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Choice {
    /// Whether it is wanted on the media on which it usually goes out; nothing leaves that open.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
    /// Whether it is wanted on these media, whatever `enabled` says. It may name more than the usual ones.
    pub channels: BTreeMap<Medium, bool>,
}

/// Whether mail comes one by one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Digest {
    /// One by one.
    #[default]
    Off,
    /// Gathered until the end of the hour.
    Hourly,
    /// Gathered until the next morning.
    Daily,
}

/// All that somebody wants. Who never said anything wants what is usual, and no advertising.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Preferences {
    /// Whole media.
    #[serde(deserialize_with = "maps::each")]
    pub channels: BTreeMap<Medium, Switch>,
    /// Categories; they come before media.
    #[serde(deserialize_with = "maps::each")]
    pub categories: BTreeMap<Category, Choice>,
    /// Kinds; they come before categories.
    #[serde(deserialize_with = "maps::each")]
    pub types: BTreeMap<Kind, Choice>,
    /// When only the critical is told.
    #[serde(deserialize_with = "maps::one_or_null")]
    pub quiet_hours: Option<QuietHours>,
    /// Whether mail is gathered.
    pub digest: Digest,
    /// Whether they agreed to advertising.
    pub marketing: bool,
}

/// What is to be different. What is not named stays.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct PreferencesChange {
    /// Whole media.
    #[serde(deserialize_with = "maps::each")]
    pub channels: BTreeMap<Medium, Switch>,
    /// Categories; what a choice does not name stays.
    #[serde(deserialize_with = "maps::each")]
    pub categories: BTreeMap<Category, Choice>,
    /// Kinds; what a choice does not name stays.
    #[serde(deserialize_with = "maps::each")]
    pub types: BTreeMap<Kind, Choice>,
    /// When only the critical is told; null for never.
    #[serde(deserialize_with = "maps::named_one_or_null")]
    #[schema(value_type = Option<QuietHours>)]
    pub quiet_hours: Option<Option<QuietHours>>,
    /// Whether mail is gathered.
    pub digest: Option<Digest>,
    /// Whether they agree to advertising.
    pub marketing: Option<bool>,
}

impl Preferences {
    /// These with what `change` names.
    #[must_use]
    pub fn merge(mut self, change: PreferencesChange) -> Self {
        self.channels.extend(change.channels);
        for (category, choice) in change.categories {
            self.categories.entry(category).or_default().merge(choice);
        }
        for (kind, choice) in change.types {
            self.types.entry(kind).or_default().merge(choice);
        }
        Self {
            quiet_hours: change.quiet_hours.unwrap_or(self.quiet_hours),
            digest: change.digest.unwrap_or(self.digest),
            marketing: change.marketing.unwrap_or(self.marketing),
            ..self
        }
    }

    /// An error for each field that asks for what cannot be: its path and a code.
    ///
    /// # Errors
    /// `critical`, where something is turned off that nobody can turn off; `empty`, where quiet hours end when they
    /// begin.
    pub fn check(&self) -> Result<(), Vec<(String, &'static str)>> {
        let categories = self.categories.iter().filter(|(category, _)| category.is_critical());
        let categories =
            categories.flat_map(|(category, choice)| choice.refused("categories", category.name()));
        let kinds = self.types.iter().filter(|(kind, _)| kind.is_critical());
        let kinds = kinds.flat_map(|(kind, choice)| choice.refused("types", kind.name()));
        let critical = categories.chain(kinds).map(|field| (field, "critical"));
        let quiet = self.quiet_hours.iter().filter(|hours| hours.from == hours.until);
        let quiet = quiet.map(|_| ("quiet_hours.until".to_owned(), "empty"));
        let errors: Vec<_> = critical.chain(quiet).collect();
        if errors.is_empty() { Ok(()) } else { Err(errors) }
    }
}

impl Choice {
    /// What this says of `medium`, which is or is not among those on which the kind usually goes out. That a kind is
    /// wanted says nothing of other media.
    pub(super) fn says(&self, medium: Medium, is_usual: bool) -> Option<bool> {
        let general = self.enabled.filter(|enabled| is_usual || !enabled);
        self.channels.get(&medium).copied().or(general)
    }

    fn merge(&mut self, change: Self) {
        self.enabled = change.enabled.or(self.enabled);
        self.channels.extend(change.channels);
    }

    /// The fields that turn something off, if this is the choice of something critical. Text messages are consent, which
    /// can be taken back of everything.
    fn refused(&self, group: &str, name: &str) -> Vec<String> {
        let whole = (self.enabled == Some(false)).then(|| format!("{group}.{name}.enabled"));
        let off = self.channels.iter().filter(|(medium, wanted)| !**wanted && **medium != Medium::Sms);
        let media = off.map(|(medium, _)| format!("{group}.{name}.channels.{}", medium.name()));
        whole.into_iter().chain(media).collect()
    }
}

#[cfg(test)]
mod tests;
