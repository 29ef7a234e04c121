//! When somebody is there, and whether somebody is now.

use contract::http::chat::AvailabilityView;
use domain::{
    Permission, Principal, ShopId,
    chat::{
        Agent, AgentStatus,
        bot::DeskState,
        hours::{BusinessHours, MAX_INTERVALS},
    },
};
use jiff::tz::TimeZone;

use super::Chat;
use crate::{Error, Result, store::chat::Answer};

impl Chat {
    /// When somebody is there.
    pub async fn hours(&self, shop: &ShopId) -> Result<BusinessHours> {
        let hours = self.known(shop).await?.hours.clone();
        let timezone = hours.timezone.unwrap_or_else(|| self.settings.timezone.clone());
        Ok(BusinessHours { timezone: Some(timezone), ..hours })
    }

    /// An admin says when somebody is there.
    pub async fn set_hours(&self, who: &Principal, hours: BusinessHours) -> Result<BusinessHours> {
        who.may(Permission::ManageDesk)?;
        if let Some(name) = &hours.timezone
            && TimeZone::get(name).is_err()
        {
            return Err(Error::field("timezone", "invalid", "expected an IANA zone such as Europe/London"));
        }
        let few = |field: &str, count: usize| match count > MAX_INTERVALS {
            true => Err(Error::field(field, "too_many", format!("expected at most {MAX_INTERVALS}"))),
            false => Ok(()),
        };
        few("weekly", hours.weekly.len())?;
        few("exceptions", hours.exceptions.len())?;
        for exception in &hours.exceptions {
            few("exceptions", exception.intervals.len())?;
            if exception.closed != exception.intervals.is_empty() {
                return Err(Error::field("exceptions", "invalid", "expected either `closed` or intervals"));
            }
        }
        self.change_answers(who, "saved", |_| Ok(vec![Answer::Hours(hours.clone())])).await?;
        self.hours(&who.shop).await
    }

    /// Whether somebody can be talked to now.
    pub async fn availability_of(&self, shop: &ShopId) -> Result<AvailabilityView> {
        let hours = self.hours(shop).await?;
        let zone = hours.timezone.as_deref().and_then(|name| TimeZone::get(name).ok());
        let zone = zone.unwrap_or(TimeZone::UTC);
        let now = self.clock.now();
        let agents = self.store.agents(shop).await?;
        let is_open = hours.is_open(&zone, now);
        let is_there = |agent: &Agent| agent.status != AgentStatus::Offline;
        let state = match () {
            () if agents.is_empty() => DeskState::Disabled,
            () if !is_open || !agents.iter().any(is_there) => DeskState::Offline,
            () if agents.iter().any(Agent::has_room) => DeskState::Online,
            () => DeskState::NoSeatsAvailable,
        };
        let queue_length = self.store.waiting(shop).await?.len();
        let next_open_at = if is_open { None } else { hours.next_opening(&zone, now) };
        Ok(AvailabilityView { state, queue_length, next_open_at })
    }
}
