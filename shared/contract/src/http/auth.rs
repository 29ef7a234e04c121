//! Who one is: guests, links, revocation, service keys, tickets.

use std::collections::BTreeSet;

use domain::{Line, Scope, ServiceKeyId, SessionId, UserId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A token for an anonymous visitor.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct GuestToken {
    /// Send it as `Authorization: Bearer`.
    pub token: String,
    /// Who the visitor is from now on.
    pub guest_id: UserId,
    /// When the token ends.
    #[schema(value_type = String, format = DateTime)]
    pub expires_at: Timestamp,
}

/// Joins a guest to the customer who asks.
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
pub struct NewLink {
    /// The guest's token; it ends with the link.
    #[serde(alias = "guestToken")]
    #[schema(max_length = 4096)]
    pub guest_token: String,
}

/// A guest who is a customer now.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct LinkView {
    /// The customer.
    pub user_id: UserId,
    /// The guest they were.
    pub guest_id: UserId,
}

/// Ends sessions.
#[derive(Debug, Clone, Default, Deserialize, Serialize, ToSchema)]
pub struct NewRevocation {
    /// Whose; one's own, unless an admin or service asks.
    #[serde(default, alias = "userId")]
    pub user_id: Option<UserId>,
    /// Which one; all of that person's, if none is named.
    #[serde(default, alias = "sessionId")]
    pub session_id: Option<SessionId>,
}

/// Sessions that were ended.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct RevocationView {
    /// Whose.
    pub user_id: UserId,
    /// Which one; all, if none is named.
    pub session_id: Option<SessionId>,
    /// Sockets that were closed.
    pub closed_connections: usize,
}

/// A service key to be made.
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
pub struct NewServiceKey {
    /// What it is for.
    pub name: Line,
    /// What it is good for.
    #[schema(value_type = Vec<Scope>, min_items = 1)]
    pub scopes: BTreeSet<Scope>,
}

/// A service key.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ServiceKeyView {
    /// Its name.
    pub key_id: ServiceKeyId,
    /// What it is for.
    pub name: Line,
    /// What it is good for.
    pub scopes: BTreeSet<Scope>,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// The key itself, shown once, when it is made: send it as `Authorization: Bearer`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
}

/// A ticket with which a browser opens its socket: good once, for a minute.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct TicketView {
    /// The ticket.
    pub ticket: String,
    /// Where to connect, the ticket included.
    pub url: String,
    /// When it ends.
    #[schema(value_type = String, format = DateTime)]
    pub expires_at: Timestamp,
}
