//! How support does.

use contract::http::chat::ChatFiguresRequest;
use domain::{
    Permission, Principal,
    chat::figures::{Figures, figures},
};
use jiff::{SignedDuration, tz::TimeZone};

use super::Chat;
use crate::{Error, Result, store::chat::ConversationShelf};

/// Without a word about it, the last so many days.
const USUAL_DAYS: i64 = 30;
/// The most conversations that are counted for one answer.
const MOST: usize = 20_000;
/// So many are read together.
const PAGE: u32 = 98;

impl Chat {
    /// How support does, of the conversations that were opened in a time; of the newest 20,000, if there were more.
    pub async fn analytics(&self, who: &Principal, wanted: &ChatFiguresRequest) -> Result<Figures> {
        who.may(Permission::ManageDesk)?;
        let now = self.clock.now();
        let (from, to) = self.settings.span(wanted.from.as_deref(), wanted.to.as_deref())?;
        let usual = now.checked_sub(SignedDuration::from_hours(24 * USUAL_DAYS)).unwrap_or(now);
        let from = from.unwrap_or(usual);
        let to = to.unwrap_or(now);
        if from > to {
            return Err(Error::field("to", "out_of_range", "expected no earlier than `from`"));
        }
        let mut all = vec![];
        // Places begin with the instant.
        let mut before = Some(format!("{}~", crate::store::sortable(to)));
        while let Some(place) = before.filter(|_| all.len() < MOST) {
            let (some, next) = self
                .store
                .shelved_conversations(&who.shop, &ConversationShelf::All, Some(&place), PAGE)
                .await?;
            let is_over = some.last().is_none_or(|last| last.conversation.opened_at < from);
            let fits = some.into_iter().map(|stored| stored.conversation).filter(|one| one.opened_at >= from);
            all.extend(fits);
            before = next.filter(|_| !is_over);
        }
        let zone = TimeZone::get(&self.settings.timezone).unwrap_or(TimeZone::UTC);
        Ok(figures(&all, &zone))
    }
}
