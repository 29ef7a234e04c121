//! The rules of the shop, and the values they are about.
//!
//! Everything here is synchronous and pure: state goes in, state or a small error comes out. There is no I/O, no
//! clock, no randomness, no AWS and no HTTP in this crate, so every rule can be tested by calling it.
//!
//! Read in this order: [`ids`] and [`money`] are the words; [`principal`] says who may do what; [`stock`],
//! [`reservation`], [`order`] and [`payment`] are the path of a sale, [`settlement`] decides what comes next on it, [`product`]
//! and [`review`] are what it begins and ends with; [`channel`] says who may listen; [`rate`] is how often, [`risk`] how risky. [`bucket`]
//! divides a level that too many draw from, [`checkpoint`] lets old rows of its ledger go, [`lots`], [`alerts`] and
//! [`forecast`] say when people should look at one. [`address`] is where a parcel goes. [`chat`] is how people talk, [`faq`]
//! what the shop answers by itself, [`notification`] what people are told. [`maps`] is about reading.
#![warn(missing_docs)]

pub mod address;
pub mod alerts;
pub mod bucket;
pub mod channel;
pub mod chat;
pub mod checkpoint;
pub mod faq;
pub mod forecast;
pub mod ids;
pub mod lots;
pub mod maps;
pub mod money;
pub mod notification;
pub mod order;
pub mod payment;
pub mod principal;
pub mod product;
pub mod rate;
pub mod reservation;
pub mod review;
pub mod risk;
pub mod settlement;
pub mod severity;
pub mod stock;
pub mod text;
pub mod transfer;

pub use address::ShippingAddress;
pub use bucket::Bucket;
pub use channel::Channel;
pub use ids::{
    AlertId, AttachmentId, AutoResponseId, ConnectionId, ConversationId, DecisionId, DeviceId, DisputeId,
    EventId, FaqId, LocationId, MessageId, NotificationId, NotificationJobId, OrderId, OrderReference,
    PaymentId, ProductId, PushSubscriptionId, RefundId, ReservationId, ServiceKeyId, SessionId, ShopId,
    UserId, VariantId,
};
pub use money::{Currency, Money};
pub use principal::{Permission, Principal, Role, Scope};
pub use reservation::Reservation;
pub use stock::{Sku, StockChange};
pub use text::{Line, Paragraph};

/// A change was asked of something that is no longer in a state that allows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not allowed in the state it is in")]
pub struct InvalidTransition;
