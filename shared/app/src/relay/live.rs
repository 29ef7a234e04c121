//! What each fact looks like to a client, and on which channels.

use contract::{
    Fact, JournalEvent,
    frames::{EventFrame, EventHead, LiveEvent, OrderStep},
    http::{notifications::NotificationsRead, platform::AuditEntry},
    journal::{ReservationChanged, STAFF},
};
use domain::{Channel, stock::ChangeType};

mod chat;

/// The channels, besides its owner's, that an event is sent on.
pub(super) fn channels(event: &JournalEvent) -> Vec<Channel> {
    match &event.fact {
        Fact::OrderCreated { order_id, .. } | Fact::OrderPaymentUpdated { order_id, .. } => {
            vec![Channel::Order(order_id.clone()), Channel::Shop(event.shop_id.clone())]
        }
        Fact::OrderStatusUpdated { order_id, .. } => {
            vec![Channel::Order(order_id.clone()), Channel::Shop(event.shop_id.clone()), Channel::Admin]
        }
        Fact::OutOfStock { product_id, .. } | Fact::BackInStock { product_id, .. } => {
            vec![Channel::Product(product_id.clone()), Channel::Inventory]
        }
        Fact::NotificationCreated(news) if news.user_id.as_str() == STAFF => {
            vec![Channel::Shop(event.shop_id.clone())]
        }
        Fact::FraudAlert { .. } | Fact::DisputeUpdated { .. } | Fact::SystemAlert { .. } => {
            vec![Channel::Admin]
        }
        Fact::StockAlert(_) => vec![Channel::Shop(event.shop_id.clone()), Channel::Admin],
        Fact::PaymentUpdated { .. } | Fact::RefundUpdated { .. } => {
            vec![Channel::Shop(event.shop_id.clone())]
        }
        _ => chat::channels(event),
    }
}

/// Whom an event concerns.
pub(super) fn owner(fact: &Fact) -> Option<&domain::UserId> {
    match fact {
        Fact::OrderCreated { customer_id, .. }
        | Fact::OrderStatusUpdated { customer_id, .. }
        | Fact::OrderPaymentUpdated { customer_id, .. }
        | Fact::PaymentUpdated { customer_id, .. }
        | Fact::RefundUpdated { customer_id, .. } => Some(customer_id),
        Fact::NotificationCreated(news) => Some(&news.user_id).filter(|user| user.as_str() != STAFF),
        Fact::NotificationRead { user_id, .. } => Some(user_id).filter(|user| user.as_str() != STAFF),
        // Whoever gets a conversation is told on their own channel too.
        Fact::AgentAssigned { state, .. } => state.agent_id.as_ref(),
        Fact::AgentTransferred { to_agent, .. } => to_agent.as_ref(),
        Fact::ReservationUpdated(changed) | Fact::ReservationExpiring(changed) => Some(&changed.holder),
        _ => None,
    }
}

/// The event as a client sees it on `channel`; `None` if clients do not see it.
pub(crate) fn live(event: &JournalEvent, channel: &Channel, seq: Option<u64>) -> Option<EventFrame> {
    let live = match event.fact.clone() {
        Fact::OrderCreated { order_id, total, items_count, .. } => {
            LiveEvent::OrderCreated { order_id, total, items_count }
        }
        Fact::OrderStatusUpdated {
            order_id,
            customer_id,
            previous_status,
            current_status,
            notes,
            tracking,
        } => {
            let timestamp = event.occurred_at.as_millisecond();
            let step = OrderStep {
                order_id,
                customer_id,
                previous_status,
                current_status,
                timestamp,
                notes,
                tracking,
            };
            match channel {
                Channel::Shop(_) | Channel::Admin => LiveEvent::OrderTrackingUpdated(step),
                _ => LiveEvent::OrderStatusUpdated(step),
            }
        }
        Fact::StockAlert(alert) => LiveEvent::InventoryAlert(alert),
        Fact::OutOfStock { product_id, variant_id } => {
            LiveEvent::InventoryOutOfStock { product_id, variant_id }
        }
        Fact::BackInStock { product_id, variant_id, available_quantity, crossing } => {
            LiveEvent::InventoryBackInStock { product_id, variant_id, available_quantity, crossing }
        }
        Fact::ReservationUpdated(ReservationChanged {
            reservation_id, status, expires_at, items, ..
        }) => LiveEvent::ReservationUpdated { reservation_id, status, expires_at, items },
        Fact::ReservationExpiring(ReservationChanged { reservation_id, expires_at, .. }) => {
            LiveEvent::ReservationExpiring { reservation_id, expires_at }
        }
        Fact::OrderPaymentUpdated { order_id, payment_id, payment_status, .. } => {
            LiveEvent::OrderPaymentUpdated { order_id, payment_id, payment_status }
        }
        Fact::FraudAlert { decision_id, order_id, risk_score, outcome, reasons, .. } => {
            LiveEvent::FraudAlert { decision_id, order_id, risk_score, outcome, reasons }
        }
        Fact::SystemAlert { severity, code, message, .. } => {
            LiveEvent::SystemAlert { severity, code, message }
        }
        Fact::PaymentUpdated { payment_id, order_id, status, amount, .. } => {
            LiveEvent::PaymentUpdated { payment_id, order_id, status, amount }
        }
        Fact::RefundUpdated { refund_id, payment_id, order_id, status, amount, .. } => {
            LiveEvent::RefundUpdated { refund_id, payment_id, order_id, status, amount }
        }
        Fact::DisputeUpdated { dispute_id, payment_id, order_id, status, amount, due_by, .. } => {
            LiveEvent::DisputeUpdated { dispute_id, payment_id, order_id, status, amount, due_by }
        }
        Fact::NotificationCreated(news) => LiveEvent::NotificationCreated(news),
        Fact::NotificationRead { notification_id, unread_count, .. } => {
            LiveEvent::NotificationRead(NotificationsRead { notification_id, unread_count })
        }
        fact => chat::live(fact)?,
    };
    Some(framed(event, channel, seq, live))
}

pub(super) fn framed(
    event: &JournalEvent,
    channel: &Channel,
    seq: Option<u64>,
    live: LiveEvent,
) -> EventFrame {
    let head = EventHead {
        id: event.id.clone(),
        channel: channel.to_string(),
        seq,
        version: (seq.is_none() && event.version > 0).then_some(event.version),
        timestamp: event.occurred_at.as_millisecond(),
        cause: event.cause.clone(),
    };
    EventFrame { head, event: live }
}

/// The audit line of an event; most events that a shopper causes have none.
pub(super) fn audited(event: &JournalEvent) -> Option<AuditEntry> {
    let is_kept = match &event.fact {
        Fact::ProductSaved { .. }
        | Fact::ProductDeleted { .. }
        | Fact::UserLinked { .. }
        | Fact::UserRevoked { .. }
        | Fact::ServiceKeyCreated { .. }
        | Fact::ServiceKeyRevoked { .. }
        | Fact::FeatureFlagChanged { .. }
        | Fact::AnswersChanged { .. }
        | Fact::ThresholdsChanged { .. }
        | Fact::StockDivided { .. }
        | Fact::LocationCreated { .. }
        | Fact::FraudAlert { .. }
        | Fact::TemplateSaved { .. }
        | Fact::DisputeUpdated { .. }
        | Fact::RefundUpdated { .. } => true,
        Fact::StockChanged(movement) => matches!(
            movement.change.kind,
            ChangeType::Restock | ChangeType::Adjustment | ChangeType::Correction | ChangeType::Return
        ),
        Fact::StockAlert(_)
        | Fact::OutOfStock { .. }
        | Fact::BackInStock { .. }
        | Fact::ReservationUpdated(_)
        | Fact::ReservationExpiring(_)
        | Fact::OrderCreated { .. }
        | Fact::OrderStatusUpdated { .. }
        | Fact::OrderPaymentUpdated { .. }
        | Fact::PaymentUpdated { .. }
        | Fact::ConversationCreated(_)
        | Fact::ConversationUpdated(_)
        | Fact::ConversationArchived(_)
        | Fact::ConversationJoined { .. }
        | Fact::ConversationLeft { .. }
        | Fact::ConversationEscalated { .. }
        | Fact::AgentAssigned { .. }
        | Fact::AgentTransferred { .. }
        | Fact::NotificationCreated(_)
        | Fact::NotificationRead { .. }
        | Fact::PreferencesChanged { .. }
        | Fact::DeviceAdded { .. }
        | Fact::ProductAlertChanged { .. }
        | Fact::SystemAlert { .. }
        | Fact::ReviewSaved { .. }
        | Fact::ReactionChanged { .. }
        | Fact::ProductShared { .. } => false,
    };
    let (entity, entity_id) = event.subject.split_once(':').unwrap_or((&event.subject, ""));
    is_kept.then(|| AuditEntry {
        event_id: event.id.clone(),
        actor: event.actor.clone(),
        action: event.fact.name().into(),
        entity: entity.into(),
        entity_id: entity_id.into(),
        at: event.occurred_at,
    })
}
