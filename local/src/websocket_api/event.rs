//! The events that a connection's life becomes: payload format 1.0 of a WebSocket API.

use std::collections::BTreeMap;

use axum::http::{HeaderName, header, request::Parts};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::gateway::{self, Caller};

use super::socket::Ending;

/// The stage's name, which is also the path of the socket's address.
pub const STAGE: &str = "ws";

/// What an event tells of its connection.
pub struct About {
    pub connection_id: String,
    pub connected_at: Timestamp,
    pub caller: Caller,
    pub now: Timestamp,
    pub request_id: String,
    pub occasion: Occasion,
}

/// What an event is about.
pub enum Occasion {
    Connect,
    Message { route: String, message_id: String },
    Disconnect(Ending),
}

impl About {
    /// `$connect`: the only event that shows the handshake.
    pub fn connect(&self, head: &Parts) -> Value {
        let mut event = json!({
            "headers": last(&headers(head, &self.caller)),
            "multiValueHeaders": headers(head, &self.caller),
            "requestContext": self.context(),
            "isBase64Encoded": false,
        });
        let mut query = BTreeMap::<String, Vec<String>>::new();
        for (name, value) in gateway::query_pairs(head.uri.query().unwrap_or_default()) {
            query.entry(name).or_default().push(value);
        }
        // Old addresses name in their path what is listened to; on AWS, where there is one path, the client says so.
        if let Some(channel) = channel_of(head.uri.path()) {
            query.entry("channels".to_owned()).or_default().push(channel);
        }
        // Without a query, API Gateway leaves both fields out.
        if let (Some(event), false) = (event.as_object_mut(), query.is_empty()) {
            event.insert("queryStringParameters".to_owned(), json!(last(&query)));
            event.insert("multiValueQueryStringParameters".to_owned(), json!(query));
        }
        event
    }

    /// A frame. It carries no headers: whatever is known of the sender was known at `$connect`.
    pub fn message(&self, body: &str) -> Value {
        json!({"requestContext": self.context(), "body": body, "isBase64Encoded": false})
    }

    /// `$disconnect`.
    pub fn disconnect(&self) -> Value {
        let headers = BTreeMap::from([
            ("Host", vec![self.caller.domain.as_str()]),
            ("x-api-key", vec![""]),
            ("X-Forwarded-For", vec![""]),
            ("x-restapi", vec![""]),
        ]);
        json!({
            "headers": headers.iter().map(|(name, values)| (*name, values.concat())).collect::<BTreeMap<_, _>>(),
            "multiValueHeaders": headers,
            "requestContext": self.context(),
            "isBase64Encoded": false,
        })
    }

    /// `requestContext`, which also is what `$context` names in a mapping template.
    pub fn context(&self) -> Value {
        let (event_type, route) = match &self.occasion {
            Occasion::Connect => ("CONNECT", "$connect"),
            Occasion::Message { route, .. } => ("MESSAGE", route.as_str()),
            Occasion::Disconnect(_) => ("DISCONNECT", "$disconnect"),
        };
        let mut context = json!({
            "routeKey": route,
            "eventType": event_type,
            "messageDirection": "IN",
            "connectionId": self.connection_id,
            "connectedAt": self.connected_at.as_millisecond(),
            "requestTime": gateway::request_time(self.now),
            "requestTimeEpoch": self.now.as_millisecond(),
            "requestId": self.request_id,
            "extendedRequestId": self.request_id,
            "stage": STAGE,
            "domainName": self.caller.domain,
            "apiId": "local",
            "identity": {"sourceIp": self.caller.source_ip, "userAgent": self.caller.user_agent},
        });
        let more = match &self.occasion {
            Occasion::Connect => vec![],
            Occasion::Message { message_id, .. } => vec![("messageId", json!(message_id))],
            Occasion::Disconnect(ending) => {
                vec![("disconnectStatusCode", json!(ending.code)), ("disconnectReason", json!(ending.reason))]
            }
        };
        if let Some(context) = context.as_object_mut() {
            context.extend(more.into_iter().map(|(name, value)| (name.to_owned(), value)));
        }
        context
    }
}

/// The handshake's headers without those of the connection, in the case that clients use.
///
/// AWS keeps the sender's case, while hyper lowers it. A function must find a header however it is written.
fn headers(head: &Parts, caller: &Caller) -> BTreeMap<String, Vec<String>> {
    let names = head.headers.keys().filter(|name| ![header::CONNECTION, header::UPGRADE].contains(name));
    let mut headers: BTreeMap<_, _> = names
        .map(|name| {
            let values = head.headers.get_all(name).iter();
            let values = values.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
            (title_case(name), values.collect())
        })
        .collect();
    headers.insert("X-Forwarded-For".to_owned(), vec![caller.forwarded_for.clone()]);
    headers.insert("X-Forwarded-Proto".to_owned(), vec!["http".to_owned()]);
    headers
}

fn title_case(name: &HeaderName) -> String {
    let words = name.as_str().split('-').map(|word| match word {
        "websocket" => "WebSocket".to_owned(),
        word => {
            let (first, rest) = word.split_at(word.len().min(1));
            first.to_ascii_uppercase() + rest
        }
    });
    words.collect::<Vec<_>>().join("-")
}

/// The channel that an old address is about.
fn channel_of(path: &str) -> Option<String> {
    let (kind, id) = path.strip_prefix("/ws/")?.split_once('/')?;
    match kind {
        "merchant" => Some(format!("shop:{id}")),
        "admin" => Some("admin".to_owned()),
        _ => None,
    }
}

/// The last value of each name, which is the one that API Gateway shows where there is room for one.
fn last(values: &BTreeMap<String, Vec<String>>) -> BTreeMap<&String, &String> {
    values.iter().filter_map(|(name, values)| Some((name, values.last()?))).collect()
}
