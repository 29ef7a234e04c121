//! The pair of keys by which a shop is known to push services (VAPID, RFC 8292).

use aws_lc_rs::{
    agreement::{ECDH_P256, ParsedPublicKey, PrivateKey, UnparsedPublicKey},
    encoding::{AsBigEndian, EcPrivateKeyBin},
    error::Unspecified,
};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};

use crate::state::{StateError, Store};

const NAMESPACE: &str = "cloud";
const KEY: &str = "vapid";

/// A pair of keys, in base64url without padding.
#[derive(Clone, Serialize, Deserialize)]
pub struct VapidKeys {
    /// An uncompressed point: 65 bytes. Pages subscribe with it.
    pub public_key: String,
    /// 32 bytes. A secret.
    pub private_key: String,
}

/// No keys could be made.
#[derive(Debug, thiserror::Error)]
#[error("no pair of keys could be made")]
pub struct NoKeys;

impl VapidKeys {
    /// A fresh pair.
    pub fn generate() -> Result<Self, NoKeys> {
        let key = PrivateKey::generate(&ECDH_P256).map_err(|Unspecified| NoKeys)?;
        let private_key: EcPrivateKeyBin<'_> = key.as_be_bytes().map_err(|Unspecified| NoKeys)?;
        let public_key = key.compute_public_key().map_err(|Unspecified| NoKeys)?;
        Ok(Self {
            public_key: BASE64_URL_SAFE_NO_PAD.encode(public_key.as_ref()),
            private_key: BASE64_URL_SAFE_NO_PAD.encode(private_key.as_ref()),
        })
    }

    /// The pair that `store` keeps: browsers that subscribed with the one take no pushes signed with another.
    pub fn kept(store: &Store) -> Result<Option<Self>, StateError> {
        store.get(NAMESPACE, KEY)
    }

    /// Keeps the pair in `store`.
    pub fn keep(&self, store: &Store) -> Result<(), StateError> {
        store.put(NAMESPACE, KEY, self)
    }
}

/// Whether a text is an uncompressed point of P-256 in base64url.
pub fn is_public(text: &str) -> bool {
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(text.trim_end_matches('=')).unwrap_or_default();
    // Only what lies on the curve can be parsed.
    let parsed = ParsedPublicKey::try_from(UnparsedPublicKey::new(&ECDH_P256, &bytes));
    bytes.len() == 65 && parsed.is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pair_is_a_point_and_a_number_and_is_made_afresh_each_time() {
        let (one, other) = (VapidKeys::generate().unwrap(), VapidKeys::generate().unwrap());
        assert!(is_public(&one.public_key) && one.public_key != other.public_key);
        assert_eq!(BASE64_URL_SAFE_NO_PAD.decode(&one.private_key).unwrap().len(), 32);
    }

    #[test]
    fn only_an_uncompressed_point_of_the_curve_is_a_public_key() {
        let good = VapidKeys::generate().unwrap().public_key;
        assert!(is_public(&format!("{good}=")));
        let mut off_the_curve = BASE64_URL_SAFE_NO_PAD.decode(&good).unwrap();
        off_the_curve[64] ^= 1;
        for wrong in ["", "BA", &good[..80], &BASE64_URL_SAFE_NO_PAD.encode(&off_the_curve)] {
            assert!(!is_public(wrong), "{wrong}");
        }
    }
}
