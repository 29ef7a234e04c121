//! WebSocket events, exactly as API Gateway sends them, and the answers it expects.

use std::collections::BTreeMap;

use app::Error;
use domain::ConnectionId;
use serde::{Deserialize, Serialize};

/// An event of the WebSocket API. Our own type, because the published one calls optional what is always sent.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SocketEvent {
    /// About the connection.
    pub request_context: SocketContext,
    /// Headers, only on `$connect`; AWS keeps the case in which the client sent them.
    #[serde(default)]
    headers: Option<BTreeMap<String, String>>,
    /// The query, only on `$connect`.
    #[serde(default)]
    query_string_parameters: Option<BTreeMap<String, String>>,
    /// The frame, only of a message.
    #[serde(default)]
    pub body: Option<String>,
    /// Whether the frame is base64.
    #[serde(default)]
    pub is_base64_encoded: bool,
}

/// About the connection.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SocketContext {
    /// Its name.
    pub connection_id: ConnectionId,
    /// The name under which the logs know this event.
    #[serde(default)]
    pub request_id: String,
    /// Where it comes from.
    #[serde(default)]
    pub identity: SocketIdentity,
}

/// Where a connection comes from.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SocketIdentity {
    /// The address that API Gateway saw.
    #[serde(default)]
    pub source_ip: String,
}

impl SocketEvent {
    /// A header, whatever its case.
    pub fn header(&self, name: &str) -> Option<&str> {
        let headers = self.headers.as_ref()?;
        headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// A query parameter.
    pub fn query(&self, name: &str) -> Option<&str> {
        self.query_string_parameters.as_ref()?.get(name).map(String::as_str)
    }

    /// The token of an `Authorization: Bearer` header.
    pub fn bearer(&self) -> Option<&str> {
        let (scheme, token) = self.header("authorization")?.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
    }
}

/// An answer to an event of the WebSocket API.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SocketAnswer {
    /// On `$connect`, anything but success refuses the connection.
    pub status_code: u16,
    /// What the client is sent, JSON in a string.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    /// Headers of the handshake's answer.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
}

impl SocketAnswer {
    /// All is well; the client is sent `body`, if there is one.
    pub const fn ok(body: Option<String>) -> Self {
        Self { status_code: 200, body, headers: BTreeMap::new() }
    }

    /// The connection may be opened. Whoever offers subprotocols is answered with the first: browsers drop a socket
    /// whose offer is not answered.
    pub fn admitted(event: &SocketEvent) -> Self {
        let offered = event.header("sec-websocket-protocol").and_then(|offer| offer.split(',').next());
        let headers = offered.map(|first| ("Sec-WebSocket-Protocol".to_owned(), first.trim().to_owned()));
        Self { headers: headers.into_iter().collect(), ..Self::ok(None) }
    }

    /// The connection may not be opened. Only our own failures are errors; the rest is said with a status.
    pub fn refused(error: &Error) -> Self {
        Self { status_code: crate::problem::status(error).as_u16(), ..Self::ok(None) }
    }
}
