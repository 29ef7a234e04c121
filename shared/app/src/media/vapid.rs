//! Who sends a push: a token signed with the shop's key, which browsers were given when they subscribed (RFC 8292).

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use jiff::{SignedDuration, Timestamp};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use secrecy::ExposeSecret;
use serde::Serialize;

use crate::{Clock, Error, Result, secrets::Secret};

/// How long a token is used. Push services keep what they have seen verified, so few tokens are better than many.
const USED: SignedDuration = SignedDuration::from_hours(12);
/// How long a token is valid: an hour longer than it is used, and less than the day that RFC 8292 allows.
const VALID: SignedDuration = SignedDuration::from_hours(13);
/// How many push services have a token at a time. There are a handful.
const MOST: usize = 64;

/// The shop's keys and who answers for them.
#[derive(Debug, Clone)]
pub struct Vapid {
    /// An uncompressed point of P-256 in base64url: what browsers subscribe with.
    pub public_key: String,
    /// The 32 bytes that belong to it, in base64url.
    pub private_key: Secret,
    /// Whom a push service writes to when something is wrong: `mailto:` or `https:`.
    pub subject: String,
}

/// Makes tokens, one for each push service.
#[derive(Debug)]
pub(super) struct Tokens {
    vapid: Vapid,
    clock: Clock,
    made: Mutex<BTreeMap<String, (String, Timestamp)>>,
}

#[derive(Serialize)]
struct Claims<'a> {
    aud: &'a str,
    exp: i64,
    sub: &'a str,
}

impl Tokens {
    pub(super) fn new(vapid: Vapid, clock: Clock) -> Result<Self> {
        let public_key = vapid.public_key.trim().trim_end_matches('=').to_owned();
        let is_point = matches!(BASE64_URL_SAFE_NO_PAD.decode(&public_key).as_deref(), Ok([4, rest @ ..]) if rest.len() == 64);
        if !is_point {
            return Err(Error::internal(
                "the public VAPID key is no uncompressed point of P-256 in base64url",
            ));
        }
        if !["mailto:", "https:"].iter().any(|scheme| vapid.subject.starts_with(scheme)) {
            return Err(Error::internal("the VAPID subject is neither mailto: nor https:"));
        }
        Ok(Self { vapid: Vapid { public_key, ..vapid }, clock, made: Mutex::default() })
    }

    /// The `Authorization` of a push to the service at `origin`.
    pub(super) async fn authorization(&self, origin: &str) -> Result<String> {
        let now = self.clock.now();
        if let Some((made, until)) = self.lock().get(origin)
            && now < *until
        {
            return Ok(made.clone());
        }
        let made = self.make(origin, now).await?;
        let until = now.checked_add(USED).unwrap_or(now);
        let mut all = self.lock();
        all.retain(|_, (_, until)| now < *until);
        if all.len() < MOST {
            all.insert(origin.to_owned(), (made.clone(), until));
        }
        Ok(made)
    }

    async fn make(&self, origin: &str, now: Timestamp) -> Result<String> {
        let private = self.vapid.private_key.read().await?;
        let key = signing_key(private.expose_secret(), &self.vapid.public_key)?;
        let exp = now.checked_add(VALID).unwrap_or(now).as_second();
        let claims = Claims { aud: origin, exp, sub: &self.vapid.subject };
        let token = jsonwebtoken::encode(&Header::new(Algorithm::ES256), &claims, &key)
            .map_err(|_| Error::internal("no VAPID token could be signed"))?;
        // Without a blank after the comma, which is allowed and which not everybody reads.
        Ok(format!("vapid t={token},k={}", self.vapid.public_key))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, (String, Timestamp)>> {
        // Whoever panicked left whole tokens behind.
        self.made.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The private key in the form that signs, if it belongs to the public one.
fn signing_key(private: &str, public: &str) -> Result<EncodingKey> {
    let read = |text: &str| BASE64_URL_SAFE_NO_PAD.decode(text.trim().trim_end_matches('=')).ok();
    let pair = read(private).zip(read(public)).and_then(|(private, public)| {
        let algorithm = &ECDSA_P256_SHA256_FIXED_SIGNING;
        EcdsaKeyPair::from_private_key_and_public_key(algorithm, &private, &public).ok()
    });
    let document = pair.and_then(|pair| pair.to_pkcs8v1().ok());
    // The text of the key is in no error.
    let document = document
        .ok_or_else(|| Error::internal("the private VAPID key is none, or not that of the public one"))?;
    Ok(EncodingKey::from_ec_der(document.as_ref()))
}
