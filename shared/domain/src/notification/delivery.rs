//! What became of a notification on one way to one place.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Where a delivery is. It only goes forward: what was opened was delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryState {
    /// It is to be sent, now or at an instant that is known.
    Queued,
    /// Somebody is sending it.
    Claimed,
    /// A push service, telephone network or mail server took it.
    Sent,
    /// It arrived.
    Delivered,
    /// Somebody saw it.
    Opened,
    /// Somebody followed it.
    Clicked,
    /// It was refused, or was tried often enough.
    Failed,
    /// It was too old when its turn came.
    Expired,
    /// It was not meant to be sent; why is known.
    Suppressed,
}

/// Why something was not sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Suppression {
    /// They do not want it.
    Preference,
    /// They sleep, and by the time they wake it is too old.
    QuietHours,
    /// They took their consent back, or never gave it.
    Unsubscribed,
    /// Mail to them came back, or they complained of it.
    Bounced,
    /// It was there already.
    Duplicate,
    /// They have had enough for now.
    Throttled,
    /// There is nowhere to send it.
    NoEndpoint,
    /// It was read before its turn came, or reached them on another way.
    Read,
}

impl DeliveryState {
    /// Whether a report that it is now `next` tells something new.
    pub const fn may_become(self, next: Self) -> bool {
        next.rank() > self.rank() && self.rank() < Self::Failed.rank()
    }

    /// The states that it has come to since it was `before`. What was clicked was sent, delivered and opened too, whoever
    /// was silent about that or came later.
    pub fn reached_since(self, before: Option<Self>) -> impl Iterator<Item = Self> {
        let is_at_an_end = self.rank() == Self::Failed.rank();
        let is_new = move |state: &Self| before.is_none_or(|before| before.rank() < state.rank());
        let on_the_way =
            Self::ROAD.into_iter().filter(move |state| !is_at_an_end && state.rank() <= self.rank());
        on_the_way.chain(is_at_an_end.then_some(self)).filter(is_new)
    }

    /// What a delivery goes through if all goes well.
    const ROAD: [Self; 6] =
        [Self::Queued, Self::Claimed, Self::Sent, Self::Delivered, Self::Opened, Self::Clicked];

    /// How far it has come; from the end of a road there is no further.
    const fn rank(self) -> u8 {
        match self {
            Self::Queued => 0,
            Self::Claimed => 1,
            Self::Sent => 2,
            Self::Delivered => 3,
            Self::Opened => 4,
            Self::Clicked => 5,
            Self::Failed | Self::Expired | Self::Suppressed => 6,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_clicked_is_not_only_delivered_and_what_failed_stays_failed() {
        assert!(DeliveryState::Sent.may_become(DeliveryState::Clicked));
        assert!(DeliveryState::Sent.may_become(DeliveryState::Failed));
        assert!(!DeliveryState::Clicked.may_become(DeliveryState::Delivered));
        assert!(!DeliveryState::Suppressed.may_become(DeliveryState::Sent));
        assert!(!DeliveryState::Failed.may_become(DeliveryState::Expired));
    }

    #[test]
    fn what_was_clicked_has_come_to_all_that_lies_before() {
        use DeliveryState::{Claimed, Clicked, Delivered, Failed, Opened, Queued, Sent};
        let since = |now: DeliveryState, before| now.reached_since(before).collect::<Vec<_>>();
        assert_eq!(since(Clicked, Some(Sent)), [Delivered, Opened, Clicked]);
        assert_eq!(since(Delivered, Some(Claimed)), [Sent, Delivered]);
        assert_eq!(since(Sent, None), [Queued, Claimed, Sent]);
        assert_eq!(since(Failed, Some(Sent)), [Failed]);
        assert_eq!(since(Queued, Some(Claimed)), []);
        assert_eq!(since(Queued, Some(Failed)), []);
    }
}
