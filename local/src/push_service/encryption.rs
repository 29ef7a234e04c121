//! What a browser does with the body of a push: RFC 8291 over RFC 8188, with one record, as RFC 8291 demands.
//!
//! Written apart from what encrypts, and on another library, so that a mistake in one is not made good by the other.

use aws_lc_rs::{
    aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey},
    agreement::{ECDH_P256, PrivateKey, UnparsedPublicKey, agree},
    encoding::{AsBigEndian, EcPrivateKeyBin},
    error::Unspecified,
    hkdf::{HKDF_SHA256, KeyType, Salt},
};

/// Salt, record size and the length of the sender's key.
const HEAD: usize = 16 + 4 + 1;

/// An uncompressed point of P-256.
const POINT: usize = 65;

/// The tag that ends a record.
const TAG: usize = 16;

/// A subscription's side.
pub struct Receiver {
    /// 32 bytes.
    pub private_key: Vec<u8>,
    /// 65 bytes, uncompressed: `p256dh`.
    pub public_key: Vec<u8>,
    /// 16 bytes: `auth`.
    pub secret: Vec<u8>,
}

/// Why a push cannot be read.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum Unreadable {
    /// It ends before its first record, or names no key of P-256 as its sender's.
    #[error("its head is not one of aes128gcm with a key of P-256")]
    Head,
    /// It has a second record, which a push must not have.
    #[error("it is longer than the one record that it may have")]
    Records,
    /// It was not encrypted for this subscription, or was changed since.
    #[error("it is not encrypted for this subscription")]
    Foreign,
    /// The decrypted record does not end as a last record does.
    #[error("its padding is not that of a last record")]
    Padding,
    /// The keys cannot be made or used.
    #[error("the keys cannot be used")]
    Keys,
}

impl Receiver {
    /// Fresh keys.
    pub fn generate() -> Result<Self, Unreadable> {
        let key = PrivateKey::generate(&ECDH_P256).map_err(|Unspecified| Unreadable::Keys)?;
        let private_key: EcPrivateKeyBin<'_> = key.as_be_bytes().map_err(|Unspecified| Unreadable::Keys)?;
        let public_key = key.compute_public_key().map_err(|Unspecified| Unreadable::Keys)?;
        Ok(Self {
            private_key: private_key.as_ref().to_vec(),
            public_key: public_key.as_ref().to_vec(),
            secret: rand::random::<[u8; 16]>().to_vec(),
        })
    }

    /// Decrypts the body of a push.
    pub fn open(&self, body: &[u8]) -> Result<Vec<u8>, Unreadable> {
        let (head, rest) = body.split_at_checked(HEAD).ok_or(Unreadable::Head)?;
        let [salt @ .., a, b, c, d, length] = head else { return Err(Unreadable::Head) };
        let record_size = u32::from_be_bytes([*a, *b, *c, *d]);
        if usize::from(*length) != POINT {
            return Err(Unreadable::Head);
        }
        let (sender, record) = rest.split_at_checked(POINT).ok_or(Unreadable::Head)?;
        if record.len() > usize::try_from(record_size).unwrap_or(usize::MAX) {
            return Err(Unreadable::Records);
        }
        if record.len() <= TAG {
            return Err(Unreadable::Padding);
        }
        let (key, nonce) = self.keys(sender, salt)?;
        let key = UnboundKey::new(&AES_128_GCM, &key).map_err(|Unspecified| Unreadable::Keys)?;
        let mut record = record.to_vec();
        let opened = LessSafeKey::new(key).open_in_place(
            Nonce::assume_unique_for_key(nonce),
            Aad::empty(),
            &mut record,
        );
        unpadded(opened.map_err(|Unspecified| Unreadable::Foreign)?)
    }

    /// The key and the nonce of the first record.
    fn keys(&self, sender: &[u8], salt: &[u8]) -> Result<([u8; 16], [u8; 12]), Unreadable> {
        let private = PrivateKey::from_private_key(&ECDH_P256, &self.private_key);
        let private = private.map_err(|_| Unreadable::Keys)?;
        let sender_key = UnparsedPublicKey::new(&ECDH_P256, sender);
        agree(&private, sender_key, Unreadable::Head, |shared| {
            let info = [b"WebPush: info\0", self.public_key.as_slice(), sender].concat();
            let input: [u8; 32] = derive(&self.secret, shared, &info)?;
            let key = derive(salt, &input, b"Content-Encoding: aes128gcm\0")?;
            let nonce = derive(salt, &input, b"Content-Encoding: nonce\0")?;
            Ok((key, nonce))
        })
    }
}

/// HKDF with SHA-256.
fn derive<const N: usize>(salt: &[u8], input: &[u8], info: &[u8]) -> Result<[u8; N], Unreadable> {
    let mut derived = [0; N];
    let key = Salt::new(HKDF_SHA256, salt).extract(input);
    let filled = key.expand(&[info], Length(N)).and_then(|material| material.fill(&mut derived));
    filled.map(|()| derived).map_err(|Unspecified| Unreadable::Keys)
}

struct Length(usize);

impl KeyType for Length {
    fn len(&self) -> usize {
        self.0
    }
}

/// A last record ends with a 2 and any number of zeros.
fn unpadded(record: &[u8]) -> Result<Vec<u8>, Unreadable> {
    let end = record.iter().rposition(|byte| *byte != 0).ok_or(Unreadable::Padding)?;
    match record.split_at_checked(end) {
        Some((text, [2, ..])) => Ok(text.to_vec()),
        _ => Err(Unreadable::Padding),
    }
}

#[cfg(test)]
mod tests {
    use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};

    use super::*;

    fn decode(text: &str) -> Vec<u8> {
        BASE64_URL_SAFE_NO_PAD.decode(text).unwrap()
    }

    /// The example of RFC 8291, section 5.
    fn example() -> (Receiver, Vec<u8>) {
        let receiver = Receiver {
            private_key: decode("q1dXpw3UpT5VOmu_cf_v6ih07Aems3njxI-JWgLcM94"),
            public_key: decode(
                "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4",
            ),
            secret: decode("BTBZMqHH6r4Tts7J_aSIgg"),
        };
        let body = "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6\
                    TlzAC8wEqKK6PBru3jl7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4\
                    a-fN";
        (receiver, decode(&body.replace(' ', "")))
    }

    #[test]
    fn the_example_of_the_standard_is_read() {
        let (receiver, body) = example();
        assert_eq!(receiver.open(&body).unwrap(), b"When I grow up, I want to be a watermelon");
    }

    #[test]
    fn what_was_changed_or_is_for_another_subscription_is_not_read() {
        let (receiver, body) = example();
        for place in [0, 30, body.len() - 1] {
            let mut changed = body.clone();
            changed[place] ^= 1;
            assert!(
                matches!(receiver.open(&changed), Err(Unreadable::Foreign | Unreadable::Head)),
                "{place}"
            );
        }
        assert_eq!(Receiver::generate().unwrap().open(&body), Err(Unreadable::Foreign));
    }

    #[test]
    fn what_is_too_short_or_has_two_records_is_not_read() {
        let (receiver, mut body) = example();
        for length in [0, 20, 21, 85] {
            assert_eq!(receiver.open(&body[..length]), Err(Unreadable::Head), "{length}");
        }
        assert_eq!(receiver.open(&body[..90]), Err(Unreadable::Padding));
        body[16..20].copy_from_slice(&20_u32.to_be_bytes());
        assert_eq!(receiver.open(&body), Err(Unreadable::Records));
    }

    #[test]
    fn padding_ends_with_a_two_and_zeros() {
        assert_eq!(unpadded(b"hi\x02\0\0"), Ok(b"hi".to_vec()));
        assert_eq!(unpadded(b"hi\x02\x02"), Ok(b"hi\x02".to_vec()));
        assert_eq!(unpadded(b"\x02"), Ok(Vec::new()));
        for wrong in [&b"hi\x01"[..], b"\0\0", b"hi", b""] {
            assert_eq!(unpadded(wrong), Err(Unreadable::Padding));
        }
    }
}
