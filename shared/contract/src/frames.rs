//! WebSocket frames, both ways. Those of the support chat are in [`chat`].

pub mod chat;

use domain::{
    ConnectionId, ConversationId, EventId, Line, LocationId, Money, NotificationId, OrderId, PaymentId,
    ProductId, RefundId, ReservationId, Role, ShopId, UserId, VariantId,
    chat::{AgentStatus, conversation::EscalationReason},
    order::{OrderStatus, Tracking},
    payment::{PaymentStatus, RefundStatus},
    reservation::{ReservationStatus, ReservedLine},
    stock::{ChangeType, StockStatus},
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    errors::ErrorCode,
    http::{chat::SetAgentStatus, notifications::NotificationsRead, orders::OrderToken},
    journal::{ConversationState, NotificationNews, StockAlert},
};

/// Largest frame a client may send, in bytes (API Gateway's own limit).
pub const MAX_FRAME_BYTES: usize = 32 * 1024;

/// A frame from a client. `type` and the older names of each are in the variant's aliases.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
pub struct ClientFrame {
    /// Echoed in the answer; without it there is no `ack`. At most 64 characters.
    #[serde(default)]
    #[schema(max_length = 64)]
    pub id: Option<String>,
    /// What is asked.
    #[serde(flatten)]
    pub command: Command,
}

/// What a client asks on its socket.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(tag = "type", content = "data")]
pub enum Command {
    /// The first frame: answered by `connection.ready`.
    #[serde(rename = "hello")]
    Hello(#[serde(default)] Hello),
    /// Start listening.
    #[serde(rename = "subscribe")]
    Subscribe(Subscribe),
    /// Stop listening.
    #[serde(rename = "unsubscribe")]
    Unsubscribe(ChannelName),
    /// `subscribe` to `product:{id}`, as older clients say it.
    #[serde(rename = "product:track")]
    TrackProduct(OneOrNamed),
    /// `unsubscribe` from `product:{id}`, as older clients say it.
    #[serde(rename = "product:untrack")]
    UntrackProduct(OneOrNamed),
    /// `subscribe` to `order:{id}`, as older clients say it.
    #[serde(rename = "order:track")]
    TrackOrder(OneOrNamed),
    /// Read what was missed on several channels.
    #[serde(rename = "resume")]
    Resume(Resume),
    /// Says whether one is looking.
    #[serde(rename = "presence.set")]
    SetPresence(SetPresence),
    /// Listen to a conversation, and see how it stands.
    #[serde(
        rename = "chat.conversation.join",
        alias = "conversation:join",
        alias = "chat:join_conversation",
        alias = "chat:join-room"
    )]
    JoinConversation(chat::JoinConversation),
    /// Stop listening to it.
    #[serde(rename = "chat.conversation.leave", alias = "conversation:leave", alias = "chat:leave-room")]
    LeaveConversation(chat::JoinConversation),
    /// Say something.
    #[serde(
        rename = "chat.message.send",
        alias = "message:send",
        alias = "chat:send_message",
        alias = "chat:send-message"
    )]
    SendMessage(chat::SendMessage),
    /// Says that messages came.
    #[serde(rename = "chat.message.delivered", alias = "message:delivered")]
    MessagesDelivered(chat::UpTo),
    /// Says that messages were read.
    #[serde(rename = "chat.read", alias = "message:read", alias = "chat:read-messages")]
    MessagesRead(chat::UpTo),
    /// Says that one is typing.
    #[serde(rename = "chat.typing", alias = "user:typing", alias = "chat:typing")]
    Typing(chat::Typing),
    /// Says whether one takes conversations.
    #[serde(rename = "agent.set_status", alias = "agent:available")]
    SetAgentStatus(SetAgentStatus),
    /// Hands a conversation on.
    #[serde(rename = "agent.transfer", alias = "agent:transfer")]
    TransferConversation(chat::TransferConversation),
    /// Takes a conversation.
    #[serde(rename = "agent.accept")]
    AcceptConversation(chat::JoinConversation),
    /// Says that one has read what one was told.
    #[serde(rename = "notification.read")]
    NotificationsRead(ReadNotifications),
    /// Keeps the socket open; the gateway answers it without waking a function.
    #[serde(rename = "ping", alias = "heartbeat")]
    Ping(#[serde(default)] serde_json::Map<String, serde_json::Value>),
}

impl Command {
    /// The tokens that come with it.
    pub fn order_tokens(&self) -> Vec<&OrderToken> {
        match self {
            Self::Subscribe(wanted) => wanted.order_token.iter().collect(),
            Self::Resume(wanted) => {
                wanted.channels.iter().filter_map(|point| point.order_token.as_ref()).collect()
            }
            _ => vec![],
        }
    }
}

/// What was read.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
pub struct ReadNotifications {
    /// One notification.
    #[serde(default, alias = "notificationId", skip_serializing_if = "Option::is_none")]
    pub notification_id: Option<NotificationId>,
    /// Or all of them.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub all: bool,
}

/// Whether somebody is looking.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
pub struct SetPresence {
    /// `online` or `away`.
    pub status: PresenceStatus,
}

/// How it stands with somebody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PresenceStatus {
    /// Not connected.
    Offline,
    /// Connected, and not looking.
    Away,
    /// Connected.
    Online,
}

/// Who is connecting, for the logs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
pub struct Hello {
    /// Name of the client.
    #[serde(default)]
    pub client: Option<Line>,
    /// Its version.
    #[serde(default)]
    pub version: Option<Line>,
}

/// One channel or several to listen to.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
pub struct Subscribe {
    /// The channel.
    #[serde(default)]
    pub channel: Option<String>,
    /// The channels, at most 50.
    #[serde(default)]
    pub channels: Vec<String>,
    /// The last `seq` seen on a log channel: everything after it is sent again.
    #[serde(default)]
    pub last_seq: Option<u64>,
    /// A guest's token for the order that the channel is of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order_token: Option<OrderToken>,
}

/// One channel.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
pub struct ChannelName {
    /// Its name.
    pub channel: String,
}

/// An id by itself, or in an object, as older clients send it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(untagged)]
pub enum OneOrNamed {
    /// `"lamp"`.
    One(String),
    /// `{"product_id": "lamp"}`.
    Product {
        /// The product.
        #[serde(alias = "productId")]
        product_id: String,
    },
    /// `{"order_id": "ord_1"}`.
    Order {
        /// The order.
        #[serde(alias = "orderId")]
        order_id: String,
    },
}

impl OneOrNamed {
    /// The id, however it came.
    pub fn id(&self) -> &str {
        match self {
            Self::One(id) | Self::Product { product_id: id } | Self::Order { order_id: id } => id,
        }
    }
}

/// Where a client left off on each channel.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
pub struct Resume {
    /// Channels, at most 50.
    pub channels: Vec<ResumePoint>,
}

/// Where a client left off on one channel.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
pub struct ResumePoint {
    /// The channel.
    pub channel: String,
    /// The last `seq` seen; 0 for everything.
    pub last_seq: u64,
    /// A guest's token for the order that the channel is of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order_token: Option<OrderToken>,
}

/// A frame to a client that is not an event by itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "type")]
pub enum Reply {
    /// Done.
    #[serde(rename = "ack")]
    Ack {
        /// The `id` of the frame that it answers.
        reply_to: String,
        /// What came of it.
        data: serde_json::Value,
    },
    /// Not done.
    #[serde(rename = "error")]
    Error {
        /// The `id` of the frame that it answers, if it had one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reply_to: Option<String>,
        /// Why not.
        error: FrameError,
    },
    /// Answers `hello`.
    #[serde(rename = "connection.ready")]
    ConnectionReady {
        /// The `id` of the frame that it answers, if it had one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reply_to: Option<String>,
        /// What the client should know about its connection.
        data: ConnectionReady,
    },
    /// A frame of more than 4 KiB, for clients that connected with `encoding=gzip`.
    #[serde(rename = "gzip")]
    Gzip {
        /// The frame, compressed with gzip, in base64.
        data: String,
    },
    /// Several events in one frame, in order.
    #[serde(rename = "batch")]
    Batch {
        /// The events, at most 50.
        events: Vec<EventFrame>,
    },
    /// Answers `ping` (from the gateway itself).
    #[serde(rename = "pong")]
    Pong {
        /// Milliseconds since 1970.
        timestamp: i64,
    },
}

/// Why a frame was not obeyed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FrameError {
    /// For a program.
    pub code: ErrorCode,
    /// For a person.
    pub message: String,
    /// When to come again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u64>,
}

/// What a client should know about its connection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ConnectionReady {
    /// Its name.
    #[schema(value_type = String)]
    pub connection_id: ConnectionId,
    /// Who is connected.
    pub user_id: UserId,
    /// As what.
    pub role: Role,
    /// To which shop.
    pub shop_id: ShopId,
    /// How long missed events are kept for a resume, at least.
    pub resume_window_s: u64,
    /// How often to `ping`, in milliseconds.
    pub heartbeat_interval_ms: u64,
    /// When the connection will end: open the next one before.
    #[schema(value_type = String, format = DateTime)]
    pub expires_at: Timestamp,
}

/// What every event says besides what happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EventHead {
    /// Its name; the same event may come twice.
    pub id: EventId,
    /// The channel that it is on.
    pub channel: String,
    /// Its place in a log channel.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seq: Option<u64>,
    /// The version of what it is about, on a channel that shows latest values; an older one that comes late is to be
    /// dropped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<u64>,
    /// When it happened, in milliseconds since 1970.
    pub timestamp: i64,
    /// What caused it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
}

/// An event to a client.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct EventFrame {
    /// Which, and where.
    #[serde(flatten)]
    pub head: EventHead,
    /// What happened.
    #[serde(flatten)]
    pub event: LiveEvent,
}

/// An event of any type, also of a shop's own.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AnyEvent {
    /// Which, and where.
    #[serde(flatten)]
    pub head: EventHead,
    /// What happened.
    #[serde(rename = "type")]
    pub kind: String,
    /// More about it. Where that fits no frame, it is `{"reference": path, "bytes": n}`: read the path over HTTP.
    pub data: serde_json::Value,
}

/// What a client is told.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "type", content = "data")]
pub enum LiveEvent {
    /// Stock changed. The latest value wins, by `version`.
    #[serde(rename = "inventory.updated")]
    InventoryUpdated(InventoryUpdated),
    /// A line that stock should not cross was crossed.
    #[serde(rename = "inventory.alert")]
    InventoryAlert(StockAlert),
    /// Nothing of a product or variant is left anywhere.
    #[serde(rename = "inventory.out_of_stock")]
    InventoryOutOfStock {
        /// Which.
        product_id: ProductId,
        /// Which variant of it.
        variant_id: Option<VariantId>,
    },
    /// Something came in of what was sold out.
    #[serde(rename = "inventory.back_in_stock")]
    InventoryBackInStock {
        /// Which.
        product_id: ProductId,
        /// Which variant of it.
        variant_id: Option<VariantId>,
        /// Pieces that can be bought.
        available_quantity: i64,
        /// The how manieth time this is.
        crossing: u64,
    },
    /// A hold of one's own was made, changed or ended.
    #[serde(rename = "reservation.updated")]
    ReservationUpdated {
        /// Which.
        reservation_id: ReservationId,
        /// Where it is in its life.
        status: ReservationStatus,
        /// When it ends.
        #[schema(value_type = String, format = DateTime)]
        expires_at: Timestamp,
        /// What is set aside.
        items: Vec<ReservedLine>,
    },
    /// A hold of one's own ends in two minutes.
    #[serde(rename = "reservation.expiring")]
    ReservationExpiring {
        /// Which.
        reservation_id: ReservationId,
        /// When it ends.
        #[schema(value_type = String, format = DateTime)]
        expires_at: Timestamp,
    },
    /// An order was placed.
    #[serde(rename = "order.created")]
    OrderCreated {
        /// Which.
        order_id: OrderId,
        /// What it costs.
        total: Money,
        /// How many lines it has.
        items_count: usize,
    },
    /// An order went a step on its way.
    #[serde(rename = "order.status_updated")]
    OrderStatusUpdated(OrderStep),
    /// The same, as staff sees it.
    #[serde(rename = "order.tracking_updated")]
    OrderTrackingUpdated(OrderStep),
    /// The paying of an order began, or some of it went back.
    #[serde(rename = "order.payment_updated")]
    OrderPaymentUpdated {
        /// Which.
        order_id: OrderId,
        /// The payment.
        payment_id: PaymentId,
        /// How much of it is paid.
        payment_status: domain::order::OrderPaymentStatus,
    },
    /// A payment went a step on its way.
    #[serde(rename = "payment.updated")]
    PaymentUpdated {
        /// Which.
        payment_id: PaymentId,
        /// Of which order.
        order_id: OrderId,
        /// Where it is.
        status: PaymentStatus,
        /// How much.
        amount: Money,
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
        /// Where it is.
        status: RefundStatus,
        /// How much.
        amount: Money,
    },
    /// A customer's bank asks for money back, or has come a step further with that.
    #[serde(rename = "dispute.updated")]
    DisputeUpdated {
        /// Which.
        dispute_id: domain::DisputeId,
        /// Of which payment.
        payment_id: PaymentId,
        /// Of which order.
        order_id: OrderId,
        /// Where it is.
        status: domain::payment::DisputeStatus,
        /// How much is asked for.
        amount: Money,
        /// Until when the shop may answer.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schema(value_type = Option<String>, format = DateTime)]
        due_by: Option<jiff::Timestamp>,
    },
    /// Somebody began to pay, and that looks risky.
    #[serde(rename = "fraud.alert")]
    FraudAlert {
        /// The decision about it.
        decision_id: domain::DecisionId,
        /// The order.
        order_id: OrderId,
        /// 0 to 100.
        risk_score: u8,
        /// What is done about it.
        outcome: domain::risk::Outcome,
        /// The rules that spoke against it.
        reasons: Vec<String>,
    },
    /// Something was said in a conversation.
    #[serde(rename = "chat.message.created")]
    ChatMessageCreated(chat::Said),
    /// The shop said something by itself.
    #[serde(rename = "chat.message.auto_response")]
    ChatAutoResponse(chat::Said),
    /// The shop answered with an FAQ.
    #[serde(rename = "chat.message.faq_response")]
    ChatFaqResponse(chat::Said),
    /// Nothing was said in this place of a conversation: its sender was cut off.
    #[serde(rename = "chat.message.void")]
    ChatVoid {
        /// Which conversation.
        conversation_id: ConversationId,
    },
    /// Messages came to somebody.
    #[serde(rename = "chat.message.delivered")]
    ChatDelivered(chat::Mark),
    /// Messages were read by somebody.
    #[serde(rename = "chat.message.read")]
    ChatRead(chat::Mark),
    /// Somebody is typing, or not any more. It ends by itself, and with their next message.
    #[serde(rename = "chat.typing")]
    ChatTyping {
        /// In which conversation.
        conversation_id: ConversationId,
        /// Who.
        user_id: UserId,
        /// Whether they are.
        is_typing: bool,
        /// Until when, unless it is said again, in milliseconds since 1970.
        expires_at: i64,
    },
    /// A conversation was opened.
    #[serde(rename = "chat.conversation.created")]
    ChatConversationCreated(ConversationState),
    /// A conversation stands otherwise.
    #[serde(rename = "chat.conversation.updated")]
    ChatConversationUpdated(ConversationState),
    /// A conversation is over.
    #[serde(rename = "chat.conversation.archived")]
    ChatConversationArchived(ConversationState),
    /// Somebody takes part in a conversation from now on.
    #[serde(rename = "chat.conversation.joined")]
    ChatConversationJoined {
        /// Which.
        conversation_id: ConversationId,
        /// Who.
        user_id: UserId,
    },
    /// Somebody no longer takes part in a conversation.
    #[serde(rename = "chat.conversation.left")]
    ChatConversationLeft {
        /// Which.
        conversation_id: ConversationId,
        /// Who.
        user_id: UserId,
    },
    /// One's place in the queue.
    #[serde(rename = "chat.queue.updated")]
    ChatQueueUpdated {
        /// Which conversation.
        conversation_id: ConversationId,
        /// Its place, from 1.
        position: usize,
        /// About how long it will be, in seconds; absent while nobody is there.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        estimated_wait_s: Option<u64>,
    },
    /// A person is wanted in a conversation.
    #[serde(rename = "chat.escalated")]
    ChatEscalated {
        /// Which.
        conversation_id: ConversationId,
        /// Why.
        reason: EscalationReason,
    },
    /// An agent has a conversation from now on.
    #[serde(rename = "agent.assigned")]
    AgentAssigned {
        /// Which.
        conversation_id: ConversationId,
        /// Who.
        agent_id: Option<UserId>,
        /// What customers see.
        agent_name: Option<Line>,
    },
    /// A conversation was handed on.
    #[serde(rename = "agent.transferred")]
    AgentTransferred {
        /// Which.
        conversation_id: ConversationId,
        /// Who had it.
        from_agent: Option<UserId>,
        /// Who has it; nobody yet, if it waits again.
        to_agent: Option<UserId>,
    },
    /// An agent takes conversations, or no longer; has one more, or one less.
    #[serde(rename = "agent.status_changed")]
    AgentStatusChanged {
        /// Who.
        agent_id: UserId,
        /// Whether they take any.
        status: AgentStatus,
        /// How many they have.
        current_conversations: u32,
        /// How many they can have at once.
        concurrent_limit: u32,
    },
    /// What watches the system says that somebody should look.
    #[serde(rename = "system.alert")]
    SystemAlert {
        /// How bad it is.
        severity: domain::severity::Severity,
        /// For a program: the name of an alarm, or `notice`.
        code: String,
        /// What it means, for a person to read.
        message: String,
    },
    /// Something was done that the audit log keeps.
    #[serde(rename = "audit.logged")]
    AuditLogged(crate::http::platform::AuditEntry),
    /// Somebody came, left, or looks away. Of several, the one with the latest `timestamp` holds.
    #[serde(rename = "presence.updated")]
    PresenceUpdated {
        /// Who.
        user_id: UserId,
        /// How it stands with them.
        status: PresenceStatus,
        /// When that was seen, in milliseconds since 1970.
        timestamp: i64,
    },
    /// One is told something.
    #[serde(rename = "notification.created")]
    NotificationCreated(Box<NotificationNews>),
    /// One has read what one was told, perhaps on another screen.
    #[serde(rename = "notification.read")]
    NotificationRead(NotificationsRead),
    /// Anything, to try out a channel.
    #[serde(rename = "test_message")]
    TestMessage(serde_json::Value),
    /// Events were missed that are no longer kept: read the state again over HTTP.
    #[serde(rename = "resync_required")]
    ResyncRequired {
        /// On which channel.
        channel: String,
        /// From which `seq`.
        from_seq: u64,
        /// Why.
        reason: String,
    },
}

/// See [`LiveEvent::OrderStatusUpdated`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OrderStep {
    /// Which.
    pub order_id: OrderId,
    /// Whose.
    pub customer_id: UserId,
    /// Where it was.
    pub previous_status: OrderStatus,
    /// Where it is.
    pub current_status: OrderStatus,
    /// When, in milliseconds since 1970.
    pub timestamp: i64,
    /// Why, for a person to read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notes: Option<String>,
    /// Where it was seen.
    #[serde(flatten)]
    pub tracking: Tracking,
}

/// See [`LiveEvent::InventoryUpdated`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct InventoryUpdated {
    /// Which product.
    pub product_id: ProductId,
    /// Which variant of it.
    pub variant_id: Option<VariantId>,
    /// Pieces that can be bought.
    pub available_quantity: i64,
    /// The same, for older clients.
    pub quantity: i64,
    /// Whether there are any.
    pub is_in_stock: bool,
    /// The same in three steps.
    pub stock_status: StockStatus,
    /// Grows with every change; an older one that comes late is to be dropped.
    pub version: u64,
    /// What only staff is told.
    #[serde(flatten, default, skip_serializing_if = "Option::is_none")]
    pub staff: Option<StaffStock>,
}

/// What staff is told of a change of stock besides.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StaffStock {
    /// Pieces that could be bought before the last change.
    pub previous_quantity: i64,
    /// Pieces that can be bought.
    pub current_quantity: i64,
    /// Why it changed.
    pub change_type: ChangeType,
    /// Where it changed.
    pub location: LocationId,
}
