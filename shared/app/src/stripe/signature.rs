//! The signature of Stripe's webhooks.

use contract::ErrorCode;
use hmac::{Hmac, Mac};
use jiff::{SignedDuration, Timestamp};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;
use subtle::ConstantTimeEq;

use crate::{Error, Result};

/// Stripe signs with at most this many secrets at once.
const MAX_SIGNATURES: usize = 16;

/// Checks that Stripe signed `body` with one of `secrets` no more than `tolerance` before or after `now`.
///
/// The header is `t=1700000000,v1=…,v1=…`; several `v1` come while a secret is being replaced. The signature is
/// over the raw bytes, so this runs before anything parses them. Source: <https://docs.stripe.com/webhooks#verify-manually>.
pub fn verify_signature(
    header: &str,
    body: &[u8],
    secrets: &[SecretString],
    tolerance: SignedDuration,
    now: Timestamp,
) -> Result<()> {
    let invalid =
        || Error::invalid(ErrorCode::SignatureInvalid, "the Stripe-Signature header does not match the body");
    let (signed_at, signatures) = parts_of(header).ok_or_else(invalid)?;
    let instant = Timestamp::from_second(signed_at).map_err(|_| invalid())?;
    let matches = |secret: &SecretString| {
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.expose_secret().as_bytes()) else {
            return false;
        };
        mac.update(format!("{signed_at}.").as_bytes());
        mac.update(body);
        let expected = hex::encode(mac.finalize().into_bytes());
        // Every signature is compared, so that the time taken says nothing about which one was close.
        signatures.iter().fold(false, |found, signature| {
            found | bool::from(expected.as_bytes().ct_eq(signature.as_bytes()))
        })
    };
    if !secrets.iter().fold(false, |found, secret| found | matches(secret)) {
        return Err(invalid());
    }
    if now.duration_since(instant).abs() > tolerance {
        return Err(Error::invalid(
            ErrorCode::WebhookStale,
            "the webhook was signed too long ago, or in the future",
        ));
    }
    Ok(())
}

/// When a header says that it was signed, and its signatures, of which so many are looked at. Read as Stripe's own
/// libraries read it; where these differ, as the one that refuses.
fn parts_of(header: &str) -> Option<(i64, Vec<&str>)> {
    if !header.is_ascii() {
        return None; // over such a one they stumble, each in its own way
    }
    let (mut signed_at, mut signatures) = (None, vec![]);
    for part in header.split(',').take(MAX_SIGNATURES + 8) {
        let (name, value) = part.split_once('=').map_or((part, None), |(name, value)| (name, Some(value)));
        let value = value.and_then(|value| value.split('=').next());
        match name {
            "t" => {
                let second = value?.trim().parse().ok()?;
                if signed_at.replace(second).is_some_and(|before: i64| before != second) {
                    return None;
                }
            }
            "v1" if signatures.len() < MAX_SIGNATURES => signatures.push(value?),
            _ => {}
        }
    }
    Some((signed_at?, signatures))
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &[u8] = br#"{"id":"evt_1"}"#;

    fn signed(secret: &str, second: i64) -> String {
        let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
        mac.update(format!("{second}.").as_bytes());
        mac.update(BODY);
        hex::encode(mac.finalize().into_bytes())
    }

    fn verify(header: &str, now: i64) -> Result<()> {
        let secrets = ["whsec_old", "whsec_new"].map(|secret| SecretString::from(secret.to_owned()));
        verify_signature(
            header,
            BODY,
            &secrets,
            SignedDuration::from_secs(300),
            Timestamp::from_second(now).unwrap(),
        )
    }

    fn code(result: Result<()>) -> ErrorCode {
        match result {
            Err(Error::Invalid { code, .. }) => code,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn any_of_several_signatures_and_secrets_will_do() {
        let good = signed("whsec_new", 1000);
        assert!(verify(&format!("t=1000,v1={good}"), 1000).is_ok());
        assert!(verify(&format!("t=1000,v1={},v1={good},v0=x", "0".repeat(64)), 1300).is_ok());
        assert!(verify(&format!("t=1000,v1={}", signed("whsec_old", 1000)), 700).is_ok());
    }

    #[test]
    fn what_is_not_signed_is_refused_before_it_is_called_stale() {
        let good = signed("whsec_new", 1000);
        assert_eq!(code(verify(&format!("t=1000,v1={good}"), 1301)), ErrorCode::WebhookStale);
        assert_eq!(code(verify(&format!("t=1000,v1={good}"), 699)), ErrorCode::WebhookStale);
        for header in [
            "",
            "t=1000",
            "v1=00",
            "t=x,v1=00",
            "t=1001,v1=",
            &format!("t=1001,v1={good}"),
            &format!("t=1000,v0={good}"),
            &format!("t=1000,v1={}", good.to_uppercase()),
            &format!("t=1000, v1={good}"),
            &format!("t=1000,t=1001,v1={good}"),
            &format!("t=1000,v1,v1={good}"),
            &format!("t=1000,v1=\u{e9},v1={good}"),
        ] {
            assert_eq!(code(verify(header, 1000)), ErrorCode::SignatureInvalid, "{header}");
        }
    }

    #[test]
    fn a_thousand_signatures_are_bounded_work() {
        let good = signed("whsec_new", 1000);
        let flood = format!("t=1000{},v1={good}", format!(",v1={}", "0".repeat(64)).repeat(1000));
        assert_eq!(code(verify(&flood, 1000)), ErrorCode::SignatureInvalid);
    }
}
