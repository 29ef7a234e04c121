//! Webhooks that never came: Stripe lists what happened for thirty days, and whatever we have not heard of is taken in.

use domain::ShopId;
use jiff::{SignedDuration, Timestamp};

use super::{Payments, StripeAccount};
use crate::{Error, Result, stripe::StripeEvent};

/// A webhook that has not come by then is looked for.
const PATIENCE: SignedDuration = SignedDuration::from_mins(2);
/// How far a first look, or one after more than Stripe lists, goes back.
const FIRST_LOOK: SignedDuration = SignedDuration::from_hours(24);
/// The most pages of a hundred events that are read in one go; the rest waits for the next minute.
const MOST_PAGES: usize = 5;

impl Payments {
    /// Takes in what Stripe says has happened since the last time and no webhook has told; says how many those were.
    ///
    /// `home` is the shop under whose name it is kept how far this has come: the account is of all shops together.
    pub async fn pull_events(&self, home: &ShopId, account: &StripeAccount) -> Result<usize> {
        let now = self.clock.now();
        let ago = |duration: SignedDuration| now.checked_sub(duration).unwrap_or(Timestamp::MIN);
        let mut last = self.store.last_event(home).await?;
        let mut taken_in = 0;
        for _ in 0..MOST_PAGES {
            let page = self.settlement.stripe.events(last.as_deref(), ago(FIRST_LOOK), ago(PATIENCE)).await;
            let page = match page {
                // Stripe lists events for thirty days: the last one that we know is older than that.
                Err(crate::stripe::StripeError::Refused { message, .. }) if last.is_some() => {
                    tracing::warn!(message, "stripe does not know its own event any more");
                    last = None;
                    continue;
                }
                page => page?,
            };
            let Some(newest) = page.data.last().map(|event| event.id.clone()) else { break };
            for event in &page.data {
                taken_in += usize::from(self.take_in_unheard(event, account).await?);
            }
            self.store.keep_last_event(home, &newest).await?;
            // Without an event to begin after, a page has the newest ones: there is nothing to follow it.
            let is_end = last.is_none() || !page.has_more;
            last = Some(newest);
            if is_end {
                break;
            }
        }
        Ok(taken_in)
    }

    /// Takes an event in unless that was done; says whether it was not.
    async fn take_in_unheard(&self, event: &StripeEvent, account: &StripeAccount) -> Result<bool> {
        if account.check(event).is_err() {
            return Ok(false);
        }
        if let Some(shop) = event.shop()
            && self.store.has_heard(&shop, &event.id).await?
        {
            return Ok(false);
        }
        match self.take_in(event).await {
            Ok(()) => Ok(true),
            // It is stored, and the sweeper takes it up; the others must not wait for it. One that does not name its shop
            // is stored only after Stripe was asked whose it is.
            Err(Error::Unavailable { what: "stripe", source }) if event.shop().is_some() => {
                tracing::warn!(
                    event_id = event.id,
                    error = source,
                    "a pulled event has not taken effect yet"
                );
                Ok(true)
            }
            Err(error) => Err(error),
        }
    }
}
