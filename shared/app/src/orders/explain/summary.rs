//! What happened, in a sentence.

use contract::{Fact, http::history::Explained};
use serde::Serialize;

use crate::store::notifications::Notification;

pub(super) fn summary(fact: &Fact) -> String {
    match fact {
        Fact::OrderCreated { total, items_count, .. } => {
            let lines = if *items_count == 1 { "line" } else { "lines" };
            format!("placed: {items_count} {lines} for {total}")
        }
        Fact::OrderStatusUpdated { previous_status, current_status, notes, .. } => {
            let why = notes.as_ref().map(|notes| format!(": {notes}")).unwrap_or_default();
            format!("went from {} to {}{why}", previous_status.name(), current_status.name())
        }
        Fact::OrderPaymentUpdated { payment_status, .. } => format!("is {}", word(payment_status)),
        Fact::PaymentUpdated { amount, declined: Some(declined), .. } => {
            format!("a card was refused for the payment of {amount}: {}", declined.reason)
        }
        Fact::PaymentUpdated { status, amount, .. } => format!("the payment of {amount} is {}", word(status)),
        Fact::RefundUpdated { status, amount, .. } => format!("the refund of {amount} is {}", word(status)),
        Fact::DisputeUpdated { status, amount, reason, .. } => {
            format!("the dispute of {amount} ({reason}) is {}", word(status))
        }
        Fact::StockChanged(movement) => {
            let (kind, change) = (word(&movement.change.kind), movement.change);
            format!(
                "{kind} of {}: available {:+}, reserved {:+}, sold {:+}",
                movement.sku.product_id, change.available, change.reserved, change.committed
            )
        }
        other => other.name().to_owned(),
    }
}

/// A value by the name under which it is stored.
fn word(value: &impl Serialize) -> String {
    serde_json::to_value(value).ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}

/// What became of telling somebody something: `told as order_shipped: email suppressed (preference), push sent`.
pub(super) fn explained_notification(about: Notification) -> Explained {
    let ways = about.deliveries.values().map(|delivery| {
        let why = delivery.reason.map(|reason| format!(" ({})", word(&reason))).unwrap_or_default();
        format!("{} {}{why}", delivery.medium.name(), word(&delivery.state))
    });
    Explained {
        summary: format!("told as {}: {}", about.kind, ways.collect::<Vec<_>>().join(", ")),
        id: about.id.to_string(),
        kind: "notification.created".into(),
        at: about.created_at,
        subject: format!("notification:{}", about.id),
        actor: about.actor,
        cause: about.cause,
    }
}
