//! Signatures that come from outside, Signature Version 4: of links and of forms.

use axum::http::{HeaderName, header, request::Parts};
use hmac::{Hmac, Mac};
use jiff::{SignedDuration, Timestamp, civil::DateTime, tz::TimeZone};
use sha2::{Digest, Sha256};

use super::denied;
use crate::{
    aws::{SECRET, wire::Refusal},
    gateway::{joined, query_pairs},
};

/// Whether a link is signed by a function and has not expired.
pub(super) fn check_link(parts: &Parts, now: Timestamp) -> Result<(), Refusal> {
    let pairs: Vec<_> = query_pairs(parts.uri.query().unwrap_or_default()).collect();
    let get = |name: &str| {
        let found = pairs.iter().find(|(given, _)| given == name).map(|(_, value)| value.as_str());
        found.ok_or_else(|| denied("Access Denied"))
    };
    let (credential, date) = (get("X-Amz-Credential")?, get("X-Amz-Date")?);
    let lasts = get("X-Amz-Expires")?.parse().map_err(|_| denied("X-Amz-Expires should be a number"))?;
    let until = instant(date)?.checked_add(SignedDuration::from_secs(lasts));
    if until.is_ok_and(|until| until < now) {
        return Err(denied("Request has expired"));
    }
    let names: Vec<&str> = get("X-Amz-SignedHeaders")?.split(';').collect();
    let mut query: Vec<String> = pairs
        .iter()
        .filter(|(name, _)| name != "X-Amz-Signature")
        .map(|(name, value)| format!("{}={}", encoded(name), encoded(value)))
        .collect();
    query.sort();
    let headers: Vec<String> = names.iter().map(|name| signed_header(parts, name)).collect();
    let canonical = format!(
        "{}\n{}\n{}\n{}\n\n{}\nUNSIGNED-PAYLOAD",
        parts.method,
        parts.uri.path(),
        query.join("&"),
        headers.join("\n"),
        names.join(";"),
    );
    let (_, scope) = credential.split_once('/').ok_or_else(|| denied("the credential is mal-formed"))?;
    let digest = hex::encode(Sha256::digest(canonical));
    check(credential, &format!("AWS4-HMAC-SHA256\n{date}\n{scope}\n{digest}"), get("X-Amz-Signature")?)
}

fn signed_header(parts: &Parts, name: &str) -> String {
    let value = match name.parse::<HeaderName>() {
        Ok(header::HOST) => joined(&parts.headers, "host"),
        Ok(name) => joined(&parts.headers, name.as_str()),
        Err(_) => String::new(),
    };
    format!("{name}:{}", value.trim())
}

/// Whether `signature` is that of `signed` by the key that `credential` names.
pub(super) fn check(credential: &str, signed: &str, signature: &str) -> Result<(), Refusal> {
    let steps: Vec<&str> = credential.split('/').skip(1).collect();
    let key = steps.iter().fold(format!("AWS4{SECRET}").into_bytes(), |key, step| keyed(&key, step));
    if steps.len() == 4 && hex::encode(keyed(&key, signed)) == signature {
        return Ok(());
    }
    let text = "The request signature we calculated does not match the signature you provided.";
    Err(Refusal::new("SignatureDoesNotMatch", text).with_status(axum::http::StatusCode::FORBIDDEN))
}

fn keyed(key: &[u8], text: &str) -> Vec<u8> {
    let Ok(mut hash) = Hmac::<Sha256>::new_from_slice(key) else {
        unreachable!("HMAC takes keys of any length");
    };
    hash.update(text.as_bytes());
    hash.finalize().into_bytes().to_vec()
}

/// `20260302T190308Z`
fn instant(text: &str) -> Result<Timestamp, Refusal> {
    let read = DateTime::strptime("%Y%m%dT%H%M%SZ", text).and_then(|time| time.to_zoned(TimeZone::UTC));
    read.map(|zoned| zoned.timestamp()).map_err(|_| denied("X-Amz-Date is no instant"))
}

fn encoded(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let one = |byte: u8| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") };
    text.bytes().map(one).collect()
}
