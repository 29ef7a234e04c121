//! Who sends a push (RFC 8292): `Authorization: vapid t=<token>, k=<public key>`.

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, de::DeserializeOwned};

use super::Refused;

/// How far ahead a token may end.
const LONGEST: SignedDuration = SignedDuration::from_hours(24);

#[derive(Deserialize)]
struct Head {
    alg: String,
}

#[derive(Deserialize)]
struct Claims {
    aud: String,
    exp: i64,
    sub: Option<String>,
}

/// Checks that the sender says who they are, to us, for now, and that this is who the page subscribed to.
///
/// A token that is missing is refused with 401 and a wrong one with 403. Without `sub` some push services take a push
/// and some do not; here it is refused.
pub fn check(
    authorization: Option<&str>,
    origin: &str,
    subscribed_to: Option<&str>,
    now: Timestamp,
) -> Result<(), Refused> {
    let missing = || Refused::new(401, "Authorization: vapid t=…, k=… is missing");
    let wrong = |why: &str| Refused::new(403, why);
    let (token, key) = authorization.and_then(parameters).ok_or_else(missing)?;
    let claims = verified(token, key).map_err(wrong)?;
    if subscribed_to.is_some_and(|wanted| wanted != key.trim_end_matches('=')) {
        return Err(wrong("the page subscribed to another public key"));
    }
    if claims.aud != origin {
        return Err(wrong(&format!("aud is not {origin}")));
    }
    let left = claims.exp.saturating_sub(now.as_second());
    if left <= 0 || left > LONGEST.as_secs() {
        return Err(wrong("exp has passed, or is more than 24 hours ahead"));
    }
    let subject = claims.sub.unwrap_or_default();
    if !subject.starts_with("mailto:") && !subject.starts_with("https:") {
        return Err(wrong("sub is neither a mailto: nor an https: address"));
    }
    Ok(())
}

/// `t` and `k`.
fn parameters(authorization: &str) -> Option<(&str, &str)> {
    let (scheme, parameters) = authorization.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("vapid") {
        return None;
    }
    let value = |wanted: &str| {
        let pairs = parameters.split(',').filter_map(|pair| pair.trim().split_once('='));
        pairs.filter(|(name, _)| *name == wanted).map(|(_, value)| value).next()
    };
    Some((value("t")?, value("k")?))
}

/// The claims of a token that `key` signed. The error says what is wrong with it.
fn verified(token: &str, key: &str) -> Result<Claims, &'static str> {
    let key = BASE64_URL_SAFE_NO_PAD.decode(key.trim_end_matches('=')).map_err(|_| "k is not base64url")?;
    let (signed, signature) = token.rsplit_once('.').ok_or("the token has no signature")?;
    let (head, claims) = signed.split_once('.').ok_or("the token has no claims")?;
    let head: Head = read(head).ok_or("the token's head cannot be read")?;
    if head.alg != "ES256" {
        return Err("the token is not signed with ES256");
    }
    let signature = BASE64_URL_SAFE_NO_PAD.decode(signature).map_err(|_| "the signature is not base64url")?;
    UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, key)
        .verify(signed.as_bytes(), &signature)
        .map_err(|_| "the token is not signed with k")?;
    read(claims).ok_or("the token's claims cannot be read")
}

fn read<T: DeserializeOwned>(part: &str) -> Option<T> {
    serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(part).ok()?).ok()
}
