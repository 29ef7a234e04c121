//! Identifiers: one type each, so that none is ever taken for another.
//!
//! Every id matches `[A-Za-z0-9_-]+`, because API Gateway hands paths over decoded and an id must survive that.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// Longest identifier, in bytes.
pub const MAX_ID_LENGTH: usize = 64;

/// The text is not an identifier of the wanted kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected {prefix:?} followed by letters, digits, `_` or `-`, at most 64 in all")]
pub struct InvalidId {
    /// What the identifier must begin with; empty if anything will do.
    pub prefix: &'static str,
}

fn checked(text: String, prefix: &'static str) -> Result<String, InvalidId> {
    let is_valid = text.len() <= MAX_ID_LENGTH
        && text.len() > prefix.len()
        && text.starts_with(prefix)
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-');
    if is_valid { Ok(text) } else { Err(InvalidId { prefix }) }
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident = $prefix:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
        #[serde(try_from = "String", into = "String")]
        #[schema(value_type = String, pattern = "^[A-Za-z0-9_-]+$", max_length = 64)]
        pub struct $name(String);

        impl $name {
            /// What every identifier of this kind begins with.
            pub const PREFIX: &'static str = $prefix;

            /// Takes `text` if it is an identifier of this kind.
            pub fn new(text: impl Into<String>) -> Result<Self, InvalidId> {
                checked(text.into(), $prefix).map(Self)
            }

            /// The identifier that belongs to `uuid`.
            pub fn from_uuid(uuid: Uuid) -> Self {
                Self(format!("{}{}", $prefix, uuid.simple()))
            }

            /// The identifier as it is written.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidId;
            fn try_from(text: String) -> Result<Self, InvalidId> {
                Self::new(text)
            }
        }

        impl std::str::FromStr for $name {
            type Err = InvalidId;
            fn from_str(text: &str) -> Result<Self, InvalidId> {
                Self::new(text)
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }
    )*};
}

ids! {
    /// A shop: the tenant that every row belongs to.
    ShopId = "";
    /// A person or program: a customer, guest, agent, admin or service.
    UserId = "";
    /// One signing-in of a person; revoking it ends its tokens.
    SessionId = "";
    /// A product. Some words are not allowed, see [`ProductId::is_reserved`].
    ProductId = "";
    /// A variant of a product: a size, a colour.
    VariantId = "";
    /// Where stock lies.
    LocationId = "";
    /// Stock set aside for a shopper until it expires.
    ReservationId = "res_";
    /// A customer's order.
    OrderId = "ord_";
    /// An order as whoever took it calls it: one of this shop's own ([`OrderId`]) or of another system's.
    OrderReference = "";
    /// The paying of one order.
    PaymentId = "pay_";
    /// Money going back.
    RefundId = "rfd_";
    /// A customer's bank that asks for money back.
    DisputeId = "dsp_";
    /// One decision about how risky it is to let somebody pay.
    DecisionId = "dec_";
    /// One journal event; also the id under which clients see and deduplicate it.
    EventId = "evt_";
    /// One alert about stock.
    AlertId = "alr_";
    /// An entry of a shop's FAQ.
    FaqId = "faq_";
    /// A key with which a program acts for a shop.
    ServiceKeyId = "key_";
    /// A conversation of the support chat.
    ConversationId = "cnv_";
    /// Something that a shop says without being asked.
    AutoResponseId = "aut_";
    /// A message of a conversation.
    MessageId = "msg_";
    /// A file that somebody adds to a conversation.
    AttachmentId = "att_";
    /// Something that somebody is told.
    NotificationId = "ntf_";
    /// A browser that takes pushes. (`sub_` are Stripe's subscriptions.)
    PushSubscriptionId = "wps_";
    /// A telephone that takes pushes.
    DeviceId = "dev_";
    /// The telling of many.
    NotificationJobId = "job_";
}

impl ProductId {
    /// Words that are path segments beside a product id, so that no product may be called so.
    const RESERVED: [&'static str; 8] = [
        "alerts",
        "locations",
        "forecast",
        "reconciliation",
        "reservations",
        "adjustments",
        "commitments",
        "returns",
    ];

    /// Whether this is a word of the API's own paths.
    pub fn is_reserved(&self) -> bool {
        Self::RESERVED.contains(&self.as_str())
    }
}

impl FaqId {
    /// The entry that has this name in every shop: letters, digits and `_`, at most 60.
    pub(crate) fn from_name(name: &str) -> Self {
        Self(format!("{}{name}", Self::PREFIX))
    }
}

impl ServiceKeyId {
    /// The name under which the program acts.
    pub fn as_user(&self) -> UserId {
        UserId(self.0.clone())
    }
}

impl From<OrderId> for OrderReference {
    fn from(id: OrderId) -> Self {
        Self(id.0)
    }
}

impl OrderReference {
    /// The order of this shop that is meant, if it can be one.
    pub fn own(&self) -> Option<OrderId> {
        OrderId::new(self.as_str()).ok()
    }
}

impl UserId {
    /// What the id of an anonymous visitor begins with.
    pub const GUEST_PREFIX: &'static str = "gst_";

    /// One of our own actors: `system`, `stripe`.
    pub fn from_name(name: &'static str) -> Self {
        Self(name.into())
    }

    /// The anonymous visitor that belongs to `uuid`.
    pub fn guest(uuid: Uuid) -> Self {
        Self(format!("{}{}", Self::GUEST_PREFIX, uuid.simple()))
    }
}

impl Default for LocationId {
    /// Where stock lies unless somebody says otherwise.
    fn default() -> Self {
        Self("main".into())
    }
}

/// A WebSocket connection, as API Gateway names it (`L0SM9cOFvHcCIhw=`).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(transparent)]
pub struct ConnectionId(String);

impl ConnectionId {
    /// Takes the id that API Gateway gave.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The id as API Gateway writes it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for ConnectionId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_keeps_its_prefix_and_its_alphabet() {
        assert!(OrderId::new("ord_1").is_ok());
        for wrong in ["", "ord_", "pay_1", "ord_a b", "ord_a/b", "ord_%41", "ord_\u{e9}", "ord_\0"] {
            assert!(OrderId::new(wrong).is_err(), "{wrong:?}");
        }
        assert!(ProductId::new("a".repeat(64)).is_ok());
        assert!(ProductId::new("a".repeat(65)).is_err());
    }

    #[test]
    fn an_id_of_another_kind_is_refused_when_read() {
        assert!(serde_json::from_str::<OrderId>("\"pay_1\"").is_err());
        assert_eq!(serde_json::from_str::<OrderId>("\"ord_1\"").unwrap().as_str(), "ord_1");
    }
}
