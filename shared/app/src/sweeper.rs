//! The sweeper: everything that falls due, once a minute.
//!
//! Whatever it does is a conditional transition that may have happened already; two sweepers at once do no harm.

use domain::{OrderId, PaymentId, ReservationId, ShopId, UserId};
use jiff::{SignedDuration, Timestamp};

use crate::{
    Clock, Error, Result,
    chat::Chat,
    inventory::Inventory,
    notifications::Notifications,
    orders::Orders,
    payments::{Payments, StripeAccount},
    relay::Relay,
    store::{DUE_SHARDS, Due, Dynamo},
};

/// How much of one partition of one index is done in one go; the rest waits for the next minute.
const MOST: u32 = 100;

/// Does what falls due.
#[derive(Debug, Clone)]
pub struct Sweeper {
    /// Where it is written what falls due.
    pub store: Dynamo,
    /// When it is.
    pub clock: Clock,
    /// How often holds are seen to; at most once a minute, which is as often as anything is.
    pub holds_every: SignedDuration,
    /// Ends holds, tells of goods that grow too old, lets old rows of ledgers go.
    pub inventory: Inventory,
    /// Ends orders.
    pub orders: Orders,
    /// Repairs payments, refunds and notices.
    pub payments: Payments,
    /// Repairs what was not published.
    pub relay: Relay,
    /// Looks after agents.
    pub chat: Chat,
    /// Tells what waited.
    pub notifications: Notifications,
    /// The shop in whose name is kept how far Stripe's events have been asked for.
    pub home: Option<ShopId>,
    /// The Stripe account whose events these are.
    pub stripe: StripeAccount,
}

/// What a sweep did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Swept {
    /// Things that were done.
    pub done: usize,
    /// Things that failed and stay due.
    pub failed: usize,
}

impl Swept {
    /// What operators should know, if there is anything: one failure may be bad luck, ten are a fault.
    pub fn alarm(self) -> Option<String> {
        let Self { done, failed } = self;
        (failed >= 10).then(|| {
            format!("{failed} things that fell due could not be done, {done} could; see the sweeper's log")
        })
    }
}

impl Sweeper {
    /// Does what has fallen due by now. One thing that fails does not stop the others: it stays due.
    pub async fn sweep(&self) -> Result<Swept> {
        let now = self.clock.now();
        let mut swept = Swept::default();
        for shard in 0..DUE_SHARDS {
            for due in self.due(shard, now).await? {
                match self.take_up(&due).await {
                    Ok(()) => swept.done += 1,
                    Err(error) => {
                        tracing::warn!(shop = %due.shop, kind = due.kind, id = due.id, %error, "what fell due was not done");
                        swept.failed += 1;
                    }
                }
            }
        }
        // Last, and alone: what Stripe cannot tell now it tells in a minute, and nothing else waits for it.
        if let Some(home) = &self.home {
            match self.payments.pull_events(home, &self.stripe).await {
                Ok(taken_in) => swept.done += taken_in,
                Err(error) => {
                    tracing::warn!(%error, "stripe's events were not asked for");
                    swept.failed += 1;
                }
            }
        }
        tracing::info!(done = swept.done, failed = swept.failed, "swept");
        Ok(swept)
    }

    async fn due(&self, shard: u32, now: Timestamp) -> Result<Vec<Due>> {
        let mut all = match falls_due(now, self.holds_every) {
            true => self.store.due_stock(shard, now, MOST).await?,
            false => vec![],
        };
        all.extend(self.store.due_orders(shard, now, MOST).await?);
        all.extend(self.store.due_agents(shard, now, MOST).await?);
        all.extend(self.store.due_repairs(shard, now, MOST).await?);
        all.extend(self.store.due_notifications(shard, now, MOST).await?);
        Ok(all)
    }

    async fn take_up(&self, due: &Due) -> Result<()> {
        let wrong = || Error::internal(format!("{} {} should not be due", due.kind, due.id));
        match due.kind.as_str() {
            "reservation" => {
                self.inventory.see_to(&due.shop, &ReservationId::new(&due.id).map_err(|_| wrong())?).await
            }
            "stock" => self.inventory.close_ledger(&due.shop, &due.id).await,
            "lots" => self.inventory.see_to_lots(&due.shop, &due.id).await,
            "order" => self.orders.expire(&due.shop, &OrderId::new(&due.id).map_err(|_| wrong())?).await,
            "payment" => {
                self.payments.repair(&due.shop, &PaymentId::new(&due.id).map_err(|_| wrong())?).await
            }
            "stripe" => self.payments.repair_notice(&due.shop, &due.id).await,
            "agent" => self.chat.look_after(&due.shop, &UserId::new(&due.id).map_err(|_| wrong())?).await,
            "repair" => self.relay.repair(&due.shop, &due.id).await,
            _ => self.notifications.take_up(due).await.unwrap_or_else(|| Err(wrong())),
        }
    }
}

/// Whether something that is done every so often is due in the minute that ends at `now`.
fn falls_due(now: Timestamp, every: SignedDuration) -> bool {
    let minute = 60_000;
    let every = i64::try_from(every.as_millis()).unwrap_or(i64::MAX).max(minute);
    let now = now.as_millisecond();
    now.div_euclid(every) != (now - minute).div_euclid(every)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_done_every_five_minutes_is_due_in_every_fifth_minute() {
        let due = |every: i64| {
            let minutes = (0..10).map(|minute| Timestamp::from_second(60 * minute + 7).unwrap());
            minutes.filter(|now| falls_due(*now, SignedDuration::from_secs(every))).count()
        };
        assert_eq!([0, 30, 60, 120, 300].map(due), [10, 10, 10, 5, 2]);
    }
}
