//! Web push: one message to one browser, by way of the service that its maker runs (RFC 8030).

use std::{fmt, sync::Arc, time::Duration};

use base64::{
    Engine,
    alphabet::URL_SAFE,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use domain::notification::endpoint::{Endpoint, EndpointOrigins};
use jiff::SignedDuration;
use reqwest::header::{AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE};
use serde::Deserialize;
use sha2::{Digest, Sha256};

pub use super::sealing::MAX_PLAINTEXT;
use super::{
    Sent, Vapid,
    names::{NotPublic, PublicNames},
    retry_after::retry_after,
    sealing::{ReceiverKeys, seal},
    vapid::Tokens,
};
use crate::{Clock, Error, Result, web};

/// The longest time for a push, the answer included.
const PATIENCE: Duration = Duration::from_secs(5);
/// The most of an answer that is read. What push services say is shorter by far.
const MAX_ANSWER: usize = 64 * 1024;
/// The longest name of a message that is kept.
const MAX_ID: usize = 512;

/// Browsers write their keys without padding; others have always padded them.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new()
        .with_encode_padding(false)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Where one browser's pushes go, and how they are sealed: a `PushSubscription` of the Push API.
#[derive(Clone, PartialEq, Eq)]
pub struct PushTarget {
    /// The address.
    pub endpoint: String,
    /// The browser's public key, in base64url.
    pub p256dh: String,
    /// The browser's secret of 16 bytes, in base64url.
    pub auth: String,
}

/// What a browser is to be told.
#[derive(Clone, PartialEq, Eq)]
pub struct PushPayload {
    /// What its service worker reads: at least one byte, at most [`MAX_PLAINTEXT`].
    pub json: Vec<u8>,
    /// How long the service keeps it for a browser that is away.
    pub ttl: SignedDuration,
    /// How much a phone's battery may suffer for it.
    pub urgency: Urgency,
    /// Takes the place of what waits under the same topic.
    pub topic: Option<String>,
}

/// How much a phone's battery may suffer for a message (RFC 8030, 5.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Urgency {
    /// On power and a free network.
    VeryLow,
    /// On either.
    Low,
    /// On neither.
    Normal,
    /// With a battery that is nearly empty.
    High,
}

/// The way to browsers.
#[derive(Debug)]
pub struct WebPush {
    http: reqwest::Client,
    tokens: Tokens,
    origins: EndpointOrigins,
    clock: Clock,
}

impl PushTarget {
    /// Where a browser said that its pushes go, if they may go there.
    ///
    /// # Errors
    /// Names the field that is wrong as it is called in a subscription.
    pub fn checked(origins: &EndpointOrigins, endpoint: &str, p256dh: &str, auth: &str) -> Result<Self> {
        let target = Self { endpoint: endpoint.into(), p256dh: p256dh.into(), auth: auth.into() };
        target.read(origins)?;
        Ok(target)
    }

    fn read(&self, origins: &EndpointOrigins) -> Result<(Endpoint, ReceiverKeys)> {
        let endpoint = origins.admit(&self.endpoint);
        let endpoint =
            endpoint.map_err(|error| Error::field("endpoint", "not_allowed", error.to_string()))?;
        let secret = BASE64.decode(&self.auth).ok().and_then(|bytes| bytes.try_into().ok());
        let secret =
            secret.ok_or_else(|| Error::field("keys.auth", "invalid", "expected 16 bytes in base64url"))?;
        let keys = BASE64.decode(&self.p256dh).ok().and_then(|public| ReceiverKeys::new(public, secret));
        let expected = "expected an uncompressed point of P-256 in base64url";
        Ok((endpoint, keys.ok_or_else(|| Error::field("keys.p256dh", "invalid", expected))?))
    }
}

impl WebPush {
    /// A way to the browsers whose services are at `origins`.
    ///
    /// # Errors
    /// If the public key or the subject is none, or TLS cannot be set up.
    pub fn new(vapid: Vapid, origins: EndpointOrigins, clock: Clock) -> Result<Self> {
        let names = PublicNames::new(origins.own_hosts());
        Self::with_names(vapid, origins, clock, names)
    }

    fn with_names(vapid: Vapid, origins: EndpointOrigins, clock: Clock, names: PublicNames) -> Result<Self> {
        let http = web::builder()?
            // Somebody else's resolver would see an address that nobody has judged.
            .no_proxy()
            .dns_resolver(Arc::new(names))
            .timeout(PATIENCE)
            .build()
            .map_err(web::fault)?;
        Ok(Self { http, tokens: Tokens::new(vapid, clock.clone())?, origins, clock })
    }

    /// Where a browser said that its pushes go, if they may go there: see [`PushTarget::checked`].
    pub fn check(&self, endpoint: &str, p256dh: &str, auth: &str) -> Result<PushTarget> {
        PushTarget::checked(&self.origins, endpoint, p256dh, auth)
    }

    /// Sends `payload` to one browser.
    ///
    /// # Errors
    /// Only for faults of our own: an empty message, a key that is missing or broken.
    pub async fn send(&self, to: &PushTarget, payload: &PushPayload) -> Result<Sent> {
        // What was let in when it was kept may not be let in any more.
        let (endpoint, keys) = match to.read(&self.origins) {
            Ok(target) => target,
            Err(error) => return Ok(Sent::refused(error.to_string())),
        };
        if payload.json.is_empty() {
            return Err(Error::internal("a push without a message"));
        }
        if payload.json.len() > MAX_PLAINTEXT {
            return Ok(Sent::TooLarge);
        }
        let authorization = self.tokens.authorization(&endpoint.origin()).await?;
        let sealed = seal(&payload.json, &keys).map_err(|_| Error::internal("a push could not be sealed"))?;
        let mut call = self
            .http
            .post(endpoint.as_str())
            .header(AUTHORIZATION, authorization)
            .header(CONTENT_ENCODING, "aes128gcm")
            .header(CONTENT_TYPE, "application/octet-stream")
            .header("TTL", payload.ttl.as_secs().max(0))
            .header("Urgency", payload.urgency.as_str());
        if let Some(topic) = &payload.topic {
            call = call.header("Topic", topic_header(topic));
        }
        match call.body(sealed).send().await {
            Ok(answer) => Ok(self.read(answer).await),
            Err(error) => Ok(unanswered(&error)),
        }
    }

    async fn read(&self, answer: reqwest::Response) -> Sent {
        let status = answer.status().as_u16();
        let header = |name: &str| answer.headers().get(name).and_then(|value| value.to_str().ok());
        // Apple's name for it, or the last part of the address that others give it.
        let id = header("apns-id").or_else(|| header("location").and_then(|place| place.rsplit('/').next()));
        let id = id.filter(|id| !id.is_empty() && id.len() <= MAX_ID).map(str::to_owned);
        let after = header("retry-after").and_then(|text| retry_after(text, self.clock.now()));
        // Read in any case, so that the connection can carry the next push.
        let why = format!("status {status}{}", reason(answer).await);
        match status {
            200..300 => Sent::accepted(id),
            404 | 410 => Sent::Gone,
            413 => Sent::TooLarge,
            408 | 425 | 429 | 500.. => Sent::Later { after, why },
            _ => Sent::Refused { why },
        }
    }
}

impl Urgency {
    const fn as_str(self) -> &'static str {
        match self {
            Self::VeryLow => "very-low",
            Self::Low => "low",
            Self::Normal => "normal",
            Self::High => "high",
        }
    }
}

impl fmt::Debug for PushTarget {
    /// Whoever knows the address can push to it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PushTarget")
    }
}

impl fmt::Debug for PushPayload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PushPayload({} bytes)", self.json.len())
    }
}

/// What no answer to a push means.
fn unanswered(error: &reqwest::Error) -> Sent {
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        if error.is::<NotPublic>() {
            return Sent::refused(NotPublic.to_string());
        }
        cause = error.source();
    }
    // The text of the error has the address in it.
    Sent::later(if error.is_timeout() { "no answer in time" } else { "no connection" })
}

/// Why a push was refused, if the service says it in a word: Apple does so, and Mozilla with a number. All other text is
/// left out, since some of it repeats what was sent.
async fn reason(mut answer: reqwest::Response) -> String {
    #[derive(Default, Deserialize)]
    struct Answer {
        reason: Option<String>,
        errno: Option<u32>,
    }
    let mut body = vec![];
    while let Ok(Some(chunk)) = answer.chunk().await {
        body.extend_from_slice(&chunk);
        if body.len() > MAX_ANSWER {
            return String::new();
        }
    }
    let said: Answer = serde_json::from_slice(&body).unwrap_or_default();
    let is_word = |word: &String| word.len() <= 40 && word.bytes().all(|byte| byte.is_ascii_alphabetic());
    match (said.reason.filter(is_word), said.errno) {
        (Some(reason), _) => format!(" {reason}"),
        (None, Some(number)) => format!(" errno {number}"),
        (None, None) => String::new(),
    }
}

/// A topic is at most 32 characters of base64url (RFC 8030, 5.4), and ours are what a shop calls its things.
fn topic_header(topic: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    if (1..=32).contains(&topic.len()) && topic.bytes().all(is_plain) {
        return topic.to_owned();
    }
    let mut digest = BASE64.encode(Sha256::digest(topic));
    digest.truncate(32);
    digest
}

#[cfg(test)]
mod tests;
