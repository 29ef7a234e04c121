//! What a push service carries and cannot read: a message sealed for one browser (RFC 8291, over RFC 8188).
//!
//! On the cryptography that TLS brings along. `web-push-native` draws salt and key where nobody can set them, so that
//! the RFC's own example could not be made with it, and it seals what is too long without a word.

use aws_lc_rs::{
    aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey},
    agreement::{ECDH_P256, ParsedPublicKey, PrivateKey, UnparsedPublicKey, agree},
    error::Unspecified,
    hkdf::{HKDF_SHA256, KeyType, Prk, Salt},
    rand,
};

/// The size of a record, which every push service takes (RFC 8030, 7.2) and none needs to exceed.
const RECORD: u32 = 4_096;
/// Salt, record size, length of the key, key.
const HEADER: usize = 16 + 4 + 1 + 65;
/// The most that fits into one record: without header, tag and the mark of the last record.
pub const MAX_PLAINTEXT: usize = RECORD as usize - HEADER - 16 - 1;

/// For whom a message is sealed.
#[derive(Clone)]
pub(super) struct ReceiverKeys {
    /// A point of P-256, uncompressed.
    public: Vec<u8>,
    /// What only this browser and the shop know.
    secret: [u8; 16],
}

impl ReceiverKeys {
    /// The keys of a browser, if the first is on the curve.
    pub(super) fn new(public: Vec<u8>, secret: [u8; 16]) -> Option<Self> {
        let is_uncompressed = public.len() == 65 && public.first() == Some(&4);
        let is_on_curve = || ParsedPublicKey::try_from(UnparsedPublicKey::new(&ECDH_P256, &public)).is_ok();
        (is_uncompressed && is_on_curve()).then_some(Self { public, secret })
    }
}

/// Seals `plaintext`, of at most [`MAX_PLAINTEXT`] bytes, with a key and a salt that are used once.
pub(super) fn seal(plaintext: &[u8], to: &ReceiverKeys) -> Result<Vec<u8>, Unspecified> {
    let mut salt = [0; 16];
    rand::fill(&mut salt)?;
    seal_with(plaintext, to, &PrivateKey::generate(&ECDH_P256)?, salt)
}

fn seal_with(
    plaintext: &[u8],
    to: &ReceiverKeys,
    sender: &PrivateKey,
    salt: [u8; 16],
) -> Result<Vec<u8>, Unspecified> {
    if plaintext.len() > MAX_PLAINTEXT {
        return Err(Unspecified);
    }
    let sender_public = sender.compute_public_key()?;
    let receiver = UnparsedPublicKey::new(&ECDH_P256, &to.public);
    let key = agree(sender, receiver, Unspecified, |shared| {
        let between = Salt::new(HKDF_SHA256, &to.secret).extract(shared);
        let info: [&[u8]; 3] = [b"WebPush: info\0", &to.public, sender_public.as_ref()];
        expand::<32>(&between, &info)
    })?;
    let key = Salt::new(HKDF_SHA256, &salt).extract(&key);
    let content_key = expand::<16>(&key, &[b"Content-Encoding: aes128gcm\0"])?;
    // The nonce of the first record, and there is only one.
    let nonce = expand::<12>(&key, &[b"Content-Encoding: nonce\0"])?;

    let mut record = Vec::with_capacity(plaintext.len() + 17);
    record.extend_from_slice(plaintext);
    record.push(2); // the last record, without padding
    LessSafeKey::new(UnboundKey::new(&AES_128_GCM, &content_key)?).seal_in_place_append_tag(
        Nonce::assume_unique_for_key(nonce),
        Aad::empty(),
        &mut record,
    )?;
    Ok([&salt[..], &RECORD.to_be_bytes(), &[65], sender_public.as_ref(), &record].concat())
}

struct Length(usize);

impl KeyType for Length {
    fn len(&self) -> usize {
        self.0
    }
}

fn expand<const N: usize>(key: &Prk, info: &[&[u8]]) -> Result<[u8; N], Unspecified> {
    let mut out = [0; N];
    key.expand(info, Length(N))?.fill(&mut out)?;
    Ok(out)
}

#[cfg(test)]
mod tests {
    use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD as BASE64};

    use super::*;

    /// RFC 8291, appendix A.
    mod appendix_a {
        pub const PLAINTEXT: &[u8] = b"When I grow up, I want to be a watermelon";
        pub const SENDER: &str = "yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw";
        pub const RECEIVER: &str =
            "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4";
        pub const SALT: &str = "DGv6ra1nlYgDCS1FRnbzlw";
        pub const SECRET: &str = "BTBZMqHH6r4Tts7J_aSIgg";
        pub const SEALED: &str = "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN";
    }

    fn bytes<const N: usize>(text: &str) -> [u8; N] {
        BASE64.decode(text).unwrap().try_into().unwrap()
    }

    fn receiver() -> ReceiverKeys {
        let public = BASE64.decode(appendix_a::RECEIVER).unwrap();
        ReceiverKeys::new(public, bytes(appendix_a::SECRET)).unwrap()
    }

    #[test]
    fn the_example_of_the_rfc_is_sealed_as_it_is_there() {
        let sender = PrivateKey::from_private_key(&ECDH_P256, &bytes::<32>(appendix_a::SENDER)).unwrap();
        let salt = bytes(appendix_a::SALT);
        let sealed = seal_with(appendix_a::PLAINTEXT, &receiver(), &sender, salt).unwrap();
        assert_eq!(BASE64.encode(sealed), appendix_a::SEALED);
    }

    #[test]
    fn what_fills_a_record_is_sealed_and_a_byte_more_is_not() {
        assert_eq!(MAX_PLAINTEXT, 3_993);
        assert_eq!(seal(&[b'x'; MAX_PLAINTEXT], &receiver()).unwrap().len(), 4_096);
        assert!(seal(&[b'x'; MAX_PLAINTEXT + 1], &receiver()).is_err());
    }

    #[test]
    fn no_two_messages_are_sealed_alike() {
        let sealed = || seal(b"the same", &receiver()).unwrap();
        let (one, other) = (sealed(), sealed());
        assert_ne!(one[..16], other[..16], "salts");
        assert_ne!(one[21..86], other[21..86], "keys");
    }

    #[test]
    fn a_key_is_an_uncompressed_point_of_the_curve() {
        let good = BASE64.decode(appendix_a::RECEIVER).unwrap();
        let keys = |public: &[u8]| ReceiverKeys::new(public.into(), [0; 16]);
        assert!(keys(&good).is_some());
        let mut off_the_curve = good.clone();
        off_the_curve[64] ^= 1;
        let mut compressed = good[..33].to_vec();
        compressed[0] = 2;
        for wrong in [&off_the_curve[..], &compressed, &good[..64], &[], &[0], &[4; 65], &[0; 65]] {
            assert!(keys(wrong).is_none(), "{wrong:?}");
        }
    }
}
