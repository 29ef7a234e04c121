//! Who is asking, and what they may do.
//!
//! The principal comes from a verified token, never from a body. Reading a token is the edge's work; what the
//! bearer may do is decided here.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::ids::{SessionId, ShopId, UserId};

/// What kind of subject is asking. Each role up to `Admin` may do all that the ones before it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// An anonymous visitor with a signed token of their own.
    Guest,
    /// A signed-in customer.
    Customer,
    /// Support staff.
    Agent,
    /// Runs the shop.
    Admin,
    /// A program with a key; may do what its scopes say and nothing else.
    Service,
}

impl Role {
    /// Whether these are people who work for the shop.
    pub const fn is_staff(self) -> bool {
        matches!(self, Self::Agent | Self::Admin)
    }
}

/// What a service key is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
pub enum Scope {
    /// Read stock in full, movements and reconciliation.
    #[serde(rename = "inventory:read")]
    InventoryRead,
    /// Change stock, commit and return it.
    #[serde(rename = "inventory:write")]
    InventoryWrite,
    /// Maintain products.
    #[serde(rename = "catalog:write")]
    CatalogWrite,
    /// Read any order and payment.
    #[serde(rename = "orders:read")]
    OrdersRead,
    /// Place orders, also large ones, say where they are, and cancel them.
    #[serde(rename = "orders:write")]
    OrdersWrite,
    /// Create intents, refund.
    #[serde(rename = "payments:write")]
    PaymentsWrite,
    /// Open sockets and send events.
    #[serde(rename = "realtime:write")]
    RealtimeWrite,
    /// End sessions.
    #[serde(rename = "auth:write")]
    AuthWrite,
    /// Tell people things, and say where they can be reached.
    #[serde(rename = "notifications:write")]
    NotificationsWrite,
}

/// Something that not everybody may do. Whose thing it is, is asked beside it: see [`Principal::owns`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Permission {
    /// Hold stock.
    Reserve,
    /// Place an order for oneself.
    PlaceOrder,
    /// Place an order with more lines than one transaction holds.
    PlaceLargeOrder,
    /// Start paying one's own order.
    Pay,
    /// Open a socket.
    OpenSocket,
    /// Send events of the shop's own.
    Broadcast,
    /// See who is connected.
    SeePresence,
    /// Join one's guest self to one's account.
    LinkGuest,
    /// See on-hand, reserved and threshold.
    ReadStockInFull,
    /// See somebody else's reservations, orders and payments.
    ReadEverybodysOrders,
    /// Cancel or release for somebody else.
    ActForCustomers,
    /// Say where an order is on its way.
    UpdateOrders,
    /// Change stock.
    AdjustStock,
    /// Read movements and compare stock with them.
    AuditStock,
    /// Create, change and delete products.
    MaintainCatalog,
    /// Say what one thinks of a product.
    GiveOpinion,
    /// Tell others of a product.
    ShareProduct,
    /// Ask the shop something.
    Chat,
    /// Answer customers, see what they ask.
    AnswerChats,
    /// Say who answers and what the shop answers by itself.
    ManageDesk,
    /// Be told things: have an inbox and devices.
    BeNotified,
    /// Say what one wants to be told.
    ChooseNotifications,
    /// Tell people things, and say where they can be reached.
    Notify,
    /// See what became of what others were told.
    SeeDeliveries,
    /// Say how things are worded.
    WordNotifications,
    /// Give money back.
    Refund,
    /// End other people's sessions.
    RevokeSessions,
    /// Create and end service keys.
    ManageServiceKeys,
    /// Read the audit log.
    ReadAuditLog,
    /// Read and change feature flags.
    ManageFlags,
    /// Read metrics and deep health.
    ReadMetrics,
}

impl Permission {
    /// The least role that has it, and the scope with which a service key has it.
    const fn requirement(self) -> (Role, Option<Scope>) {
        match self {
            Self::Reserve => (Role::Guest, Some(Scope::InventoryWrite)),
            Self::PlaceOrder => (Role::Guest, Some(Scope::OrdersWrite)),
            Self::Pay => (Role::Guest, Some(Scope::PaymentsWrite)),
            Self::OpenSocket => (Role::Guest, Some(Scope::RealtimeWrite)),
            Self::ShareProduct | Self::Chat | Self::BeNotified => (Role::Guest, None),
            Self::LinkGuest | Self::GiveOpinion | Self::ChooseNotifications => (Role::Customer, None),
            Self::Notify | Self::SeeDeliveries => (Role::Admin, Some(Scope::NotificationsWrite)),
            Self::Broadcast => (Role::Admin, Some(Scope::RealtimeWrite)),
            Self::SeePresence => (Role::Agent, Some(Scope::RealtimeWrite)),
            Self::AnswerChats => (Role::Agent, None),
            Self::ReadStockInFull => (Role::Agent, Some(Scope::InventoryRead)),
            Self::ReadEverybodysOrders => (Role::Agent, Some(Scope::OrdersRead)),
            Self::ActForCustomers => (Role::Agent, Some(Scope::OrdersWrite)),
            Self::PlaceLargeOrder | Self::UpdateOrders => (Role::Admin, Some(Scope::OrdersWrite)),
            Self::AdjustStock => (Role::Admin, Some(Scope::InventoryWrite)),
            Self::AuditStock => (Role::Admin, Some(Scope::InventoryRead)),
            Self::MaintainCatalog => (Role::Admin, Some(Scope::CatalogWrite)),
            Self::Refund => (Role::Admin, Some(Scope::PaymentsWrite)),
            Self::RevokeSessions => (Role::Admin, Some(Scope::AuthWrite)),
            Self::ManageDesk
            | Self::ManageServiceKeys
            | Self::ReadAuditLog
            | Self::ManageFlags
            | Self::WordNotifications
            | Self::ReadMetrics => (Role::Admin, None),
        }
    }
}

/// The asker may not do this.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not allowed")]
pub struct Forbidden;

/// Who is asking: the shop they belong to, who they are, and as what.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Principal {
    /// The tenant that everything they do belongs to.
    pub shop: ShopId,
    /// Who they are.
    pub subject: UserId,
    /// As what they act.
    pub role: Role,
    /// The signing-in that this token belongs to.
    pub session: SessionId,
    /// What a service key is good for; empty for people.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub scopes: BTreeSet<Scope>,
    /// Guests that are known to be this customer: their things are the customer's own.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub linked_guests: BTreeSet<UserId>,
}

impl Principal {
    /// Whether they have `permission`.
    pub fn can(&self, permission: Permission) -> bool {
        let (least, scope) = permission.requirement();
        match self.role {
            Role::Service => scope.is_some_and(|scope| self.scopes.contains(&scope)),
            role => role >= least,
        }
    }

    /// An error unless they have `permission`.
    pub fn may(&self, permission: Permission) -> Result<(), Forbidden> {
        if self.can(permission) { Ok(()) } else { Err(Forbidden) }
    }

    /// Whether what belongs to `owner` is theirs: they are the owner, or the owner is a guest that they were.
    pub fn owns(&self, owner: &UserId) -> bool {
        self.subject == *owner || self.linked_guests.contains(owner)
    }

    /// Whether they work for the shop.
    pub const fn is_staff(&self) -> bool {
        self.role.is_staff()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn principal(role: Role, scopes: &[Scope]) -> Principal {
        Principal {
            shop: ShopId::new("default").unwrap(),
            subject: UserId::new("ana").unwrap(),
            role,
            session: SessionId::new("s1").unwrap(),
            scopes: scopes.iter().copied().collect(),
            linked_guests: BTreeSet::from([UserId::new("gst_1").unwrap()]),
        }
    }

    #[test]
    fn a_role_has_what_the_ones_before_it_have() {
        assert!(principal(Role::Admin, &[]).can(Permission::Reserve));
        assert!(!principal(Role::Guest, &[]).can(Permission::LinkGuest));
        assert!(!principal(Role::Agent, &[]).can(Permission::AdjustStock));
    }

    #[test]
    fn a_service_has_only_what_its_scopes_say() {
        let service = principal(Role::Service, &[Scope::InventoryWrite]);
        assert!(service.can(Permission::AdjustStock));
        assert!(!service.can(Permission::AuditStock));
        assert!(!service.can(Permission::ManageServiceKeys));
    }

    #[test]
    fn a_customer_owns_what_their_guest_self_owned() {
        let ana = principal(Role::Customer, &[]);
        assert!(ana.owns(&UserId::new("gst_1").unwrap()));
        assert!(!ana.owns(&UserId::new("gst_2").unwrap()));
    }
}
