//! Channels: what can be listened to, how each is named, and who may join.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{ConversationId, OrderId, Permission, Principal, ProductId, Role, ShopId, UserId};

/// Something that events are sent on.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Channel {
    /// `user:{id}`: one person's own events; a log.
    User(UserId),
    /// `order:{id}`: one order's way; a log.
    Order(OrderId),
    /// `conversation:{id}`: what is said in a conversation, a log, and how it stands.
    Conversation(ConversationId),
    /// `product:{id}`: one product's stock and price.
    Product(ProductId),
    /// `inventory`: every product's stock.
    Inventory,
    /// `shop:{id}`: what the shop's staff should see.
    Shop(ShopId),
    /// `agents`: the support desk.
    Agents,
    /// `admin`: alerts, audit, live figures.
    Admin,
    /// `test`, `custom.*`: a shop's own.
    Custom(String),
}

/// The text names no channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not the name of a channel")]
pub struct UnknownChannel;

/// Who may join a channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Audience {
    /// Anybody with a connection.
    Anyone,
    /// Whoever is this person, or was this guest.
    Oneself(UserId),
    /// Whoever placed this order, and staff.
    OrderOwner(OrderId),
    /// Whoever takes part in this conversation, and agents unless it is private.
    PartOf(ConversationId),
    /// Staff of this shop.
    StaffOf(ShopId),
    /// Staff.
    Staff,
    /// Admins.
    Admins,
    /// Whoever has signed in.
    SignedIn,
}

impl Channel {
    /// Reads a channel's name or one of its older names.
    pub fn parse(text: &str) -> Result<Self, UnknownChannel> {
        let (kind, id) = text.split_once(':').unwrap_or((text, ""));
        let parsed = match (kind, id) {
            ("inventory", "") => Self::Inventory,
            ("agents", "") => Self::Agents,
            ("admin", _) => Self::Admin,
            ("shop" | "merchant" | "business", id) => {
                Self::Shop(ShopId::new(id).map_err(|_| UnknownChannel)?)
            }
            ("user", id) => Self::User(UserId::new(id).map_err(|_| UnknownChannel)?),
            ("order", id) => Self::Order(OrderId::new(id).map_err(|_| UnknownChannel)?),
            ("conversation" | "support" | "room" | "ticket", id) => {
                Self::Conversation(ConversationId::new(id).map_err(|_| UnknownChannel)?)
            }
            ("product", id) => Self::Product(ProductId::new(id).map_err(|_| UnknownChannel)?),
            ("test", "") => Self::Custom(kind.into()),
            (custom, "") if is_custom_name(custom) => Self::Custom(custom.into()),
            _ => return Err(UnknownChannel),
        };
        Ok(parsed)
    }

    /// Who may join.
    pub fn audience(&self) -> Audience {
        match self {
            Self::Product(_) | Self::Inventory => Audience::Anyone,
            Self::User(user) => Audience::Oneself(user.clone()),
            Self::Order(order) => Audience::OrderOwner(order.clone()),
            Self::Conversation(conversation) => Audience::PartOf(conversation.clone()),
            Self::Shop(shop) => Audience::StaffOf(shop.clone()),
            Self::Agents => Audience::Staff,
            Self::Admin => Audience::Admins,
            Self::Custom(_) => Audience::SignedIn,
        }
    }

    /// Whether it is a log, with a `seq` on every event and replay; the others show current values.
    pub const fn is_log(&self) -> bool {
        matches!(self, Self::User(_) | Self::Order(_) | Self::Conversation(_))
    }
}

/// Whether `text` is a name of a shop's own, for a channel or an event: `custom.` and up to 57 letters, digits, dots,
/// dashes and underscores.
pub fn is_custom_name(text: &str) -> bool {
    text.len() <= 64
        && text.strip_prefix("custom.").is_some_and(|rest| {
            !rest.is_empty()
                && rest.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_'))
        })
}

impl Audience {
    /// Whether `who` belongs to it, as far as that shows without looking anything up: an order's owner must be
    /// passed in, `None` if there is no such order.
    pub fn admits(&self, who: &Principal, order_owner: Option<&UserId>) -> bool {
        match self {
            Self::Anyone => true,
            Self::Oneself(user) => who.owns(user),
            Self::OrderOwner(_) => {
                order_owner.is_some_and(|owner| who.owns(owner) || who.can(Permission::ReadEverybodysOrders))
            }
            // What is said in it says who takes part: see `Chat::may_listen`.
            Self::PartOf(_) => false,
            Self::StaffOf(shop) => who.is_staff() && who.shop == *shop,
            Self::Staff => who.is_staff(),
            Self::Admins => who.role == Role::Admin,
            Self::SignedIn => who.role != Role::Guest,
        }
    }
}

impl fmt::Display for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User(id) => write!(f, "user:{id}"),
            Self::Order(id) => write!(f, "order:{id}"),
            Self::Conversation(id) => write!(f, "conversation:{id}"),
            Self::Product(id) => write!(f, "product:{id}"),
            Self::Inventory => f.write_str("inventory"),
            Self::Shop(id) => write!(f, "shop:{id}"),
            Self::Agents => f.write_str("agents"),
            Self::Admin => f.write_str("admin"),
            Self::Custom(name) => f.write_str(name),
        }
    }
}

impl TryFrom<String> for Channel {
    type Error = UnknownChannel;
    fn try_from(text: String) -> Result<Self, UnknownChannel> {
        Self::parse(&text)
    }
}

impl From<Channel> for String {
    fn from(channel: Channel) -> Self {
        channel.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_older_names_are_read() {
        for (text, name) in [
            ("inventory", "inventory"),
            ("product:lamp", "product:lamp"),
            ("merchant:m1", "shop:m1"),
            ("business:b1", "shop:b1"),
            ("admin:a1", "admin"),
            ("test", "test"),
            ("custom.flash-sale", "custom.flash-sale"),
        ] {
            assert_eq!(Channel::parse(text).unwrap().to_string(), name);
        }
        for wrong in
            ["", ":", "user:", "order:lamp", "product:a b", "inventory:x", "custom.", "everything", "shop:"]
        {
            assert_eq!(Channel::parse(wrong), Err(UnknownChannel), "{wrong:?}");
        }
    }
}
