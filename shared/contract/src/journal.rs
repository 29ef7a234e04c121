//! The journal: what happened, written in the same transaction as the state that it changed.
//!
//! A journal row is at once the outbox (`relay` publishes it), the history (movements, timelines, payments) and the
//! audit log. See `docs/ARCHITECTURE.md`.

use domain::{
    AlertId, Bucket, ConversationId, DecisionId, DisputeId, EventId, Line, LocationId, Money, NotificationId,
    OrderId, OrderReference, PaymentId, ProductId, RefundId, ReservationId, ServiceKeyId, ShopId, UserId,
    VariantId,
    alerts::AlertKind,
    bucket::Part,
    chat::{ConversationKind, ConversationStatus, Priority, conversation::EscalationReason},
    notification::{Category, Kind, Medium},
    order::{OrderPaymentStatus, OrderStatus, Tracking},
    payment::{Decline, DisputeStatus, PaymentStatus, RefundStatus},
    reservation::{ReservationStatus, ReservedLine},
    review::Stars,
    risk::Outcome,
    severity::Severity,
    stock::{Sku, StockChange},
};
use jiff::{Timestamp, civil::Date};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::http::{
    catalog::ShareChannel,
    notifications::{NotificationData, ProductAlertKind},
};

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct JournalEvent {
    /// Its name; clients and consumers deduplicate by it.
    pub id: EventId,
    /// The tenant.
    pub shop_id: ShopId,
    /// What it happened to: `order:ord_1`, `stock:lamp`.
    pub subject: String,
    /// The subject's version after it, and its `seq` on a log channel; 0 where many write at once (stock).
    pub version: u64,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub occurred_at: Timestamp,
    /// Who did it.
    pub actor: UserId,
    /// What caused it: another event, an order, a request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
    /// What happened.
    #[serde(flatten)]
    pub fact: Fact,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "type", content = "data")]
pub enum Fact {
    /// A product came into the catalog, or changed.
    #[serde(rename = "product.saved")]
    ProductSaved {
        /// Which.
        product_id: ProductId,
        /// What it is called.
        name: Line,
        /// What it costs.
        price: Money,
        /// What it cost before, if it was there before.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        previous_price: Option<Money>,
    },
    /// A product left the catalog.
    #[serde(rename = "product.deleted")]
    ProductDeleted {
        /// Which.
        product_id: ProductId,
    },
    /// A customer said what they think of a product, for the first time or anew.
    #[serde(rename = "review.saved")]
    ReviewSaved {
        /// Of what.
        product_id: ProductId,
        /// Who.
        customer_id: UserId,
        /// How many stars.
        rating: Stars,
        /// Whether they had bought it.
        verified_purchase: bool,
    },
    /// A customer likes a product, or no longer; has it among their favourites, or no longer.
    #[serde(rename = "reaction.changed")]
    ReactionChanged {
        /// Which.
        product_id: ProductId,
        /// Who.
        customer_id: UserId,
        /// Whether they like it now.
        is_liked: bool,
        /// Whether it is among their favourites now.
        is_favorite: bool,
    },
    /// A product was shared.
    #[serde(rename = "product.shared")]
    ProductShared {
        /// Which.
        product_id: ProductId,
        /// How.
        channel: ShareChannel,
    },
    /// A stock level changed: one row of the ledger.
    #[serde(rename = "stock.changed")]
    StockChanged(StockMovement),
    /// A line that stock should not cross was crossed.
    #[serde(rename = "inventory.alert")]
    StockAlert(StockAlert),
    /// Nothing of a product or variant is left anywhere.
    #[serde(rename = "inventory.out_of_stock")]
    OutOfStock {
        /// Which.
        product_id: ProductId,
        /// Which variant of it.
        variant_id: Option<VariantId>,
    },
    /// Something came in of what was sold out.
    #[serde(rename = "inventory.back_in_stock")]
    BackInStock {
        /// Which.
        product_id: ProductId,
        /// Which variant of it.
        variant_id: Option<VariantId>,
        /// Pieces that can be bought.
        available_quantity: i64,
        /// The how manieth time this is: tell each subscriber once for each.
        crossing: u64,
    },
    /// The lines of a product's levels were set.
    #[serde(rename = "stock.thresholds_changed")]
    ThresholdsChanged {
        /// Which.
        product_id: ProductId,
        /// This many pieces and fewer are few.
        low_stock: u32,
        /// This many pieces and more are too many.
        overstock: Option<u32>,
        /// So many days before they are too old, pieces are soon too old.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        expiry_days: Option<u16>,
    },
    /// The levels of a product were divided into buckets.
    #[serde(rename = "stock.divided")]
    StockDivided {
        /// Which.
        product_id: ProductId,
        /// Into how many.
        buckets: u16,
    },
    /// A place where stock lies became known.
    #[serde(rename = "location.created")]
    LocationCreated {
        /// Which.
        location_id: LocationId,
        /// What it is called.
        name: Line,
    },
    /// A hold was made, changed or ended. It has no journal row of its own: the row of the hold is published as this.
    #[serde(rename = "reservation.updated")]
    ReservationUpdated(ReservationChanged),
    /// A hold ends soon, likewise.
    #[serde(rename = "reservation.expiring")]
    ReservationExpiring(ReservationChanged),
    /// An order was placed.
    #[serde(rename = "order.created")]
    OrderCreated {
        /// Which.
        order_id: OrderId,
        /// Who placed it.
        customer_id: UserId,
        /// What it costs.
        total: Money,
        /// How many lines it has.
        items_count: usize,
    },
    /// An order went a step on its way.
    #[serde(rename = "order.status_updated")]
    OrderStatusUpdated {
        /// Which.
        order_id: OrderId,
        /// Whose.
        customer_id: UserId,
        /// Where it was.
        previous_status: OrderStatus,
        /// Where it is.
        current_status: OrderStatus,
        /// Why, for a person to read.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        notes: Option<String>,
        /// Where it was seen by then.
        #[serde(default, skip_serializing_if = "Tracking::is_empty")]
        tracking: Tracking,
    },
    /// The paying of an order began, or some of it went back.
    #[serde(rename = "order.payment_updated")]
    OrderPaymentUpdated {
        /// Which.
        order_id: OrderId,
        /// Whose.
        customer_id: UserId,
        /// The payment.
        payment_id: PaymentId,
        /// How much of the order is paid.
        payment_status: OrderPaymentStatus,
    },
    /// A payment went a step on its way.
    #[serde(rename = "payment.updated")]
    PaymentUpdated {
        /// Which.
        payment_id: PaymentId,
        /// Of which order.
        order_id: OrderId,
        /// Whose.
        customer_id: UserId,
        /// Where it is.
        status: PaymentStatus,
        /// How much.
        amount: Money,
        /// The card that was refused, if that is what happened.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        declined: Option<Decline>,
    },
    /// A refund went a step on its way.
    #[serde(rename = "refund.updated")]
    RefundUpdated {
        /// Which.
        refund_id: RefundId,
        /// Of which payment.
        payment_id: PaymentId,
        /// Of which order.
        order_id: OrderId,
        /// Whose.
        customer_id: UserId,
        /// Where it is.
        status: RefundStatus,
        /// How much.
        amount: Money,
    },
    /// A customer's bank asks for money back, or has come a step further with that.
    #[serde(rename = "dispute.updated")]
    DisputeUpdated {
        /// Which.
        dispute_id: DisputeId,
        /// Of which payment.
        payment_id: PaymentId,
        /// Of which order.
        order_id: OrderId,
        /// Where it was, if it was heard of before.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        previous_status: Option<DisputeStatus>,
        /// Where it is.
        status: DisputeStatus,
        /// Stripe's word for why.
        reason: String,
        /// How much is asked for.
        amount: Money,
        /// Until when the shop may answer.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schema(value_type = Option<String>, format = DateTime)]
        due_by: Option<Timestamp>,
    },
    /// Somebody began to pay, and that looks risky.
    #[serde(rename = "fraud.alert")]
    FraudAlert {
        /// The decision about it.
        decision_id: DecisionId,
        /// The payment.
        payment_id: PaymentId,
        /// Of which order.
        order_id: OrderId,
        /// Whose.
        customer_id: UserId,
        /// 0 to 100.
        risk_score: u8,
        /// What is done about it.
        outcome: Outcome,
        /// The rules that spoke against it.
        reasons: Vec<String>,
    },
    /// A conversation was opened.
    #[serde(rename = "chat.conversation.created")]
    ConversationCreated(ConversationState),
    /// A conversation stands otherwise: it was done, taken up again, sorted, rated.
    #[serde(rename = "chat.conversation.updated")]
    ConversationUpdated(ConversationState),
    /// A conversation is over.
    #[serde(rename = "chat.conversation.archived")]
    ConversationArchived(ConversationState),
    /// Somebody takes part in a conversation from now on.
    #[serde(rename = "chat.conversation.joined")]
    ConversationJoined {
        /// How it stands.
        #[serde(flatten)]
        state: ConversationState,
        /// Who.
        user_id: UserId,
    },
    /// Somebody no longer takes part in a conversation.
    #[serde(rename = "chat.conversation.left")]
    ConversationLeft {
        /// How it stands.
        #[serde(flatten)]
        state: ConversationState,
        /// Who.
        user_id: UserId,
    },
    /// A person is wanted in a conversation.
    #[serde(rename = "chat.escalated")]
    ConversationEscalated {
        /// How it stands.
        #[serde(flatten)]
        state: ConversationState,
        /// Why.
        reason: EscalationReason,
    },
    /// An agent has a conversation from now on.
    #[serde(rename = "agent.assigned")]
    AgentAssigned {
        /// How it stands.
        #[serde(flatten)]
        state: ConversationState,
        /// What customers see.
        agent_name: Option<Line>,
    },
    /// A conversation was handed on.
    #[serde(rename = "agent.transferred")]
    AgentTransferred {
        /// How it stands.
        #[serde(flatten)]
        state: ConversationState,
        /// Who had it.
        from_agent: Option<UserId>,
        /// Who has it; nobody yet, if it waits again.
        to_agent: Option<UserId>,
        /// Why, for the other agent to read.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<Line>,
    },
    /// What the shop answers by itself was changed: a question, a response, the hours.
    #[serde(rename = "chat.answers_changed")]
    AnswersChanged {
        /// What was done: `saved`, `deleted`, `seeded`.
        act: String,
        /// Which: their ids, or `hours`.
        what: Vec<String>,
    },
    /// Somebody was told something. It has no journal row of its own: the row of the inbox is published as this.
    #[serde(rename = "notification.created")]
    NotificationCreated(Box<NotificationNews>),
    /// Somebody has read what they were told.
    #[serde(rename = "notification.read")]
    NotificationRead {
        /// Who.
        user_id: UserId,
        /// What; all, if nothing is named.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        notification_id: Option<NotificationId>,
        /// Whom they were as guests, if what they were told then is theirs too.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        guests: Vec<UserId>,
        /// How much they have not read, counted when it is published.
        #[serde(default)]
        unread_count: u64,
    },
    /// What somebody wants to be told, or where, was changed. What they said to marketing is kept as evidence.
    #[serde(rename = "notification.preferences_changed")]
    PreferencesChanged {
        /// Who.
        user_id: UserId,
        /// Whether they may be sent what the shop would like to sell.
        marketing: bool,
        /// How it was said: `request`, `unsubscribe_link`, `confirmation_link`, `stop`.
        by: String,
    },
    /// A browser or telephone takes pushes from now on.
    #[serde(rename = "notification.device_added")]
    DeviceAdded {
        /// Whose.
        user_id: UserId,
        /// Which.
        device: String,
        /// Whether they had another before.
        is_another: bool,
    },
    /// How something is worded was changed.
    #[serde(rename = "notification.template_saved")]
    TemplateSaved {
        /// The kind.
        kind: Kind,
        /// The language.
        locale: String,
        /// The way; all, if none is named.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        channel: Option<Medium>,
    },
    /// Somebody wants to be told of a product, or no longer.
    #[serde(rename = "product_alert.changed")]
    ProductAlertChanged {
        /// Who.
        user_id: UserId,
        /// Of which product.
        product_id: ProductId,
        /// Of what.
        kind: ProductAlertKind,
        /// Whether they want it now.
        is_wanted: bool,
    },
    /// A guest turned out to be a customer.
    #[serde(rename = "user.linked")]
    UserLinked {
        /// The customer.
        user_id: UserId,
        /// The guest they were.
        guest_id: UserId,
    },
    /// Sessions were ended.
    #[serde(rename = "user.revoked")]
    UserRevoked {
        /// Whose.
        user_id: UserId,
        /// Which one; all, if none is named.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        session_id: Option<String>,
    },
    /// A service key was made.
    #[serde(rename = "service_key.created")]
    ServiceKeyCreated {
        /// Which.
        key_id: ServiceKeyId,
        /// What it is called.
        name: Line,
    },
    /// A service key was ended.
    #[serde(rename = "service_key.revoked")]
    ServiceKeyRevoked {
        /// Which.
        key_id: ServiceKeyId,
    },
    /// A feature flag was set.
    #[serde(rename = "feature_flag.changed")]
    FeatureFlagChanged {
        /// Which.
        key: String,
        /// Whether it is on.
        is_enabled: bool,
    },
    /// What watches the system says that somebody should look.
    #[serde(rename = "system.alert")]
    SystemAlert {
        /// How bad it is.
        severity: Severity,
        /// For a program: the name of an alarm, or `notice`.
        code: String,
        /// What it is called.
        alert: String,
        /// What it means, for a person to read.
        message: String,
    },
}

/// Something that somebody is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NotificationNews {
    /// Which.
    pub notification_id: NotificationId,
    /// Who; [`STAFF`] for all of the shop's people.
    pub user_id: UserId,
    /// What kind it is.
    #[serde(rename = "type")]
    pub kind: Kind,
    /// What it is about.
    pub category: Category,
    /// Its heading.
    pub title: String,
    /// What it says.
    pub body: String,
    /// Where it leads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action_url: Option<String>,
    /// Its picture.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub icon_url: Option<String>,
    /// What it was made of.
    #[schema(value_type = Object)]
    pub data: NotificationData,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// How much they have not read, this included, counted when it is published.
    pub unread_count: u64,
}

/// In whose name the shop's own inbox is kept, which all of its people see.
pub const STAFF: &str = "_all_staff_";

/// How a conversation stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ConversationState {
    /// Which.
    pub conversation_id: ConversationId,
    /// What it is for.
    pub kind: ConversationKind,
    /// Who opened it.
    pub customer_id: UserId,
    /// Where it is.
    pub status: ConversationStatus,
    /// How urgent it is.
    pub priority: Priority,
    /// How staff sorts it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<Line>,
    /// Who has it.
    pub agent_id: Option<UserId>,
    /// What the customer thought of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rating: Option<u8>,
}

/// How a hold stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ReservationChanged {
    /// Which.
    pub reservation_id: ReservationId,
    /// Whose.
    pub holder: UserId,
    /// Where it is in its life.
    pub status: ReservationStatus,
    /// When it ends.
    #[schema(value_type = String, format = DateTime)]
    pub expires_at: Timestamp,
    /// What is set aside.
    pub items: Vec<ReservedLine>,
}

/// An alert about stock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StockAlert {
    /// Its name.
    pub alert_id: AlertId,
    /// What it is about.
    pub kind: AlertKind,
    /// The product.
    pub product_id: ProductId,
    /// The variant, if there are any.
    pub variant_id: Option<VariantId>,
    /// Where.
    pub location: LocationId,
    /// How many there were.
    pub quantity: i64,
    /// The line that was crossed; of what is `expiring`, how many days ahead.
    pub threshold: i64,
    /// The day before which they are best, of what is `expiring`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = Date)]
    pub expires_on: Option<Date>,
}

/// One row of the stock ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StockMovement {
    /// What changed.
    #[serde(flatten)]
    pub sku: Sku,
    /// How.
    #[serde(flatten)]
    pub change: StockChange,
    /// Why, for a person to read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Line>,
    /// The order that it was for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order_id: Option<OrderReference>,
    /// The hold that it was for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reservation_id: Option<ReservationId>,
    /// Which bucket of the level changed, where the level is divided.
    #[serde(default, skip_serializing_if = "Bucket::is_first")]
    #[schema(value_type = u16)]
    pub bucket: Bucket,
    /// When it happened as whoever asked for it says; not trusted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub client_time: Option<Timestamp>,
    /// The day before which what came in is best.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = Date)]
    pub expires_on: Option<Date>,
}

impl StockMovement {
    /// A change of `part`'s bucket, for nothing in particular.
    pub fn of(part: &Part, change: StockChange) -> Self {
        Self {
            sku: part.sku.clone(),
            bucket: part.bucket,
            change,
            reason: None,
            order_id: None,
            reservation_id: None,
            client_time: None,
            expires_on: None,
        }
    }
}

impl Fact {
    /// The conversation that it is about, as it stands after it.
    pub const fn conversation(&self) -> Option<&ConversationState> {
        match self {
            Self::ConversationCreated(state)
            | Self::ConversationUpdated(state)
            | Self::ConversationArchived(state)
            | Self::ConversationJoined { state, .. }
            | Self::ConversationLeft { state, .. }
            | Self::ConversationEscalated { state, .. }
            | Self::AgentAssigned { state, .. }
            | Self::AgentTransferred { state, .. } => Some(state),
            _ => None,
        }
    }

    /// The event's type as it is written: `order.created`.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::ProductSaved { .. } => "product.saved",
            Self::ProductDeleted { .. } => "product.deleted",
            Self::ReviewSaved { .. } => "review.saved",
            Self::ReactionChanged { .. } => "reaction.changed",
            Self::ProductShared { .. } => "product.shared",
            Self::StockChanged(_) => "stock.changed",
            Self::StockAlert(_) => "inventory.alert",
            Self::OutOfStock { .. } => "inventory.out_of_stock",
            Self::BackInStock { .. } => "inventory.back_in_stock",
            Self::ThresholdsChanged { .. } => "stock.thresholds_changed",
            Self::StockDivided { .. } => "stock.divided",
            Self::LocationCreated { .. } => "location.created",
            Self::ReservationUpdated(_) => "reservation.updated",
            Self::ReservationExpiring(_) => "reservation.expiring",
            Self::OrderCreated { .. } => "order.created",
            Self::OrderStatusUpdated { .. } => "order.status_updated",
            Self::OrderPaymentUpdated { .. } => "order.payment_updated",
            Self::PaymentUpdated { .. } => "payment.updated",
            Self::RefundUpdated { .. } => "refund.updated",
            Self::DisputeUpdated { .. } => "dispute.updated",
            Self::FraudAlert { .. } => "fraud.alert",
            Self::ConversationCreated(_) => "chat.conversation.created",
            Self::ConversationUpdated(_) => "chat.conversation.updated",
            Self::ConversationArchived(_) => "chat.conversation.archived",
            Self::ConversationJoined { .. } => "chat.conversation.joined",
            Self::ConversationLeft { .. } => "chat.conversation.left",
            Self::ConversationEscalated { .. } => "chat.escalated",
            Self::AgentAssigned { .. } => "agent.assigned",
            Self::AgentTransferred { .. } => "agent.transferred",
            Self::AnswersChanged { .. } => "chat.answers_changed",
            Self::NotificationCreated(_) => "notification.created",
            Self::NotificationRead { .. } => "notification.read",
            Self::PreferencesChanged { .. } => "notification.preferences_changed",
            Self::DeviceAdded { .. } => "notification.device_added",
            Self::TemplateSaved { .. } => "notification.template_saved",
            Self::ProductAlertChanged { .. } => "product_alert.changed",
            Self::UserLinked { .. } => "user.linked",
            Self::UserRevoked { .. } => "user.revoked",
            Self::ServiceKeyCreated { .. } => "service_key.created",
            Self::ServiceKeyRevoked { .. } => "service_key.revoked",
            Self::FeatureFlagChanged { .. } => "feature_flag.changed",
            Self::SystemAlert { .. } => "system.alert",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_written_with_its_own_name() {
        let facts = [
            Fact::ProductDeleted { product_id: ProductId::new("lamp").unwrap() },
            Fact::FeatureFlagChanged { key: "chat".into(), is_enabled: true },
        ];
        for fact in facts {
            let written = serde_json::to_value(&fact).unwrap();
            assert_eq!(written["type"], fact.name());
            assert_eq!(serde_json::from_value::<Fact>(written).unwrap(), fact);
        }
    }
}
