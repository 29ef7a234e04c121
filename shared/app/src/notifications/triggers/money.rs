//! What people are told of money: that it came, that it did not, that it goes back or is asked back.

use contract::{Fact, JournalEvent, http::notifications::NotificationData};
use domain::{
    Money, OrderId, UserId,
    notification::Kind,
    order,
    payment::{PaymentStatus, RefundStatus},
};
use serde_json::{Value, json};

use super::{Notifications, Wanted, address, made_of, wanted};
use crate::Result;

/// An order, whose it is, and how much of its money something happened to.
type Concerned<'a> = (&'a OrderId, &'a UserId, &'a Money);

impl Notifications {
    /// What the customer is told; mail of it goes to the address that was given with the order.
    pub(super) async fn about_money(&self, event: &JournalEvent) -> Result<Vec<Wanted>> {
        let Some(((order, ..), wanted)) = told(event) else { return Ok(vec![]) };
        let mail_to = self.store.order(&event.shop_id, order).await?.as_ref().and_then(address);
        Ok(vec![Wanted { mail_to, ..wanted }])
    }
}

/// What those who run the shop are told of a dispute that opens.
pub(super) fn disputed(event: &JournalEvent) -> Option<NotificationData> {
    let Fact::DisputeUpdated {
        payment_id, order_id, previous_status, status, reason, amount, due_by, ..
    } = &event.fact
    else {
        return None;
    };
    let data = made_of([
        ("order_id", json!(order_id)),
        ("order_number", json!(order::number(order_id))),
        ("payment_id", json!(payment_id)),
        ("amount", json!(amount)),
        ("reason", json!(reason)),
        ("respond_by", json!(due_by)),
    ]);
    status.opens_after(*previous_status).then_some(data)
}

fn told(event: &JournalEvent) -> Option<(Concerned<'_>, Wanted)> {
    let at = json!(event.occurred_at);
    Some(match &event.fact {
        Fact::PaymentUpdated { order_id, customer_id, status, amount, declined, .. } => {
            let concerned = (order_id, customer_id, amount);
            match (status, declined) {
                (PaymentStatus::Succeeded, _) => {
                    (concerned, of(event, concerned, Kind::PaymentConfirmation, Some(("paid_on", at))))
                }
                (PaymentStatus::Failed, _) => (concerned, of(event, concerned, Kind::PaymentFailed, None)),
                // Whoever is at the next card already need not hear of the one before.
                (PaymentStatus::RequiresPaymentMethod, Some(declined)) => {
                    let why = Some(("reason", json!(declined.told_reason())));
                    let failed = of(event, concerned, Kind::PaymentFailed, why);
                    let key = Some(format!("{}#{}", Kind::PaymentFailed, declined.attempt));
                    (concerned, Wanted { key, ..failed })
                }
                _ => return None,
            }
        }
        Fact::RefundUpdated { order_id, customer_id, status: RefundStatus::Succeeded, amount, .. } => {
            let concerned = (order_id, customer_id, amount);
            (concerned, of(event, concerned, Kind::RefundProcessed, Some(("refunded_on", at))))
        }
        _ => return None,
    })
}

fn of(
    event: &JournalEvent,
    (order, customer, amount): Concerned<'_>,
    kind: Kind,
    more: Option<(&str, Value)>,
) -> Wanted {
    let number = json!(order::number(order));
    let mut data = made_of([("order_id", json!(order)), ("order_number", number), ("amount", json!(amount))]);
    data.extend(more.map(|(name, value)| (name.to_owned(), value)));
    wanted(event, customer, kind, data)
}
