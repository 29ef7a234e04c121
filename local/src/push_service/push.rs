//! One push, as its request states it (RFC 8030).

use axum::http::HeaderMap;

use super::{Message, Refused, shown};

/// The most bytes of a push that every push service takes.
const LIMIT: usize = 4096;

/// The longest topic.
const TOPIC: usize = 32;

/// What the headers of a push say.
pub(super) struct Push {
    pub authorization: Option<String>,
    /// Seconds.
    ttl: u32,
    urgency: String,
    topic: Option<String>,
}

impl Push {
    /// Reads the headers, and refuses what some push service would refuse.
    pub fn read(headers: &HeaderMap, body: &[u8]) -> Result<Self, Refused> {
        let text = |name: &str| Some(headers.get(name)?.to_str().unwrap_or_default().to_owned());
        let bad = |why: &str| Refused::new(400, why);
        if body.len() > LIMIT {
            return Err(Refused::new(
                413,
                format!("a push has at most {LIMIT} bytes, this has {}", body.len()),
            ));
        }
        let ttl = text("ttl").ok_or_else(|| bad("TTL is missing"))?;
        let ttl = ttl.parse().map_err(|_| bad("TTL is no number of seconds"))?;
        let urgency = text("urgency").unwrap_or_else(|| "normal".to_owned());
        if !["very-low", "low", "normal", "high"].contains(&urgency.as_str()) {
            return Err(bad("Urgency is not very-low, low, normal or high"));
        }
        let topic = text("topic");
        if topic.as_ref().is_some_and(|topic| !is_topic(topic)) {
            return Err(bad("Topic has more than 32 characters, or one that is not of base64url"));
        }
        if !body.is_empty() && text("content-encoding").as_deref() != Some("aes128gcm") {
            return Err(bad("Content-Encoding is not aes128gcm"));
        }
        Ok(Self { authorization: text("authorization"), ttl, urgency, topic })
    }

    /// What the outbox keeps of it.
    pub fn kept(self, endpoint: String, payload: Option<&[u8]>) -> Message {
        let Self { ttl, urgency, topic, .. } = self;
        Message::WebPush { endpoint, payload: payload.map(shown), ttl, urgency, topic }
    }
}

fn is_topic(topic: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    (1..=TOPIC).contains(&topic.len()) && topic.bytes().all(is_allowed)
}
