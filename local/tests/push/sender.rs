//! A local cloud, a page that subscribed, and a shop that pushes to it.

use std::path::Path;

use aws_lc_rs::{
    aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey},
    agreement::{ECDH_P256, PrivateKey, UnparsedPublicKey, agree},
    error::Unspecified,
    hkdf::{HKDF_SHA256, KeyType, Salt},
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair},
};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use jiff::Timestamp;
use local::{
    clock::TurnableClock,
    cloud::{LocalCloud, Options},
    push_service::keys::VapidKeys,
};
use reqwest::{Method, Response};
use serde_json::{Value, json};

pub const NOW: &str = "2026-11-21T09:00:00Z";

pub struct Sender {
    pub cloud: LocalCloud,
    pub vapid: VapidKeys,
    http: reqwest::Client,
}

pub struct Page {
    pub endpoint: String,
    p256dh: Vec<u8>,
    auth: Vec<u8>,
}

impl Sender {
    pub async fn new() -> Self {
        let template = Path::new(env!("CARGO_MANIFEST_DIR")).join("../template.yaml");
        let clock = TurnableClock::standing_at(NOW.parse::<Timestamp>().unwrap());
        let cloud = LocalCloud::start(Options { clock, ..Options::ephemeral(template) }).await.unwrap();
        // An answer must be seen as it is: no redirect is followed.
        let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
        Self { cloud, vapid: VapidKeys::generate().unwrap(), http }
    }

    pub async fn ask(&self, method: Method, path: &str, body: Value) -> (u16, Value) {
        let url = format!("{}/_local{path}", self.cloud.http_url());
        let answer = self.http.request(method, url).json(&body).send().await.unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap_or(Value::Null))
    }

    /// A page that subscribes to this shop.
    pub async fn page(&self) -> Page {
        let body = json!({ "vapid_public_key": self.vapid.public_key });
        let (status, view) = self.ask(Method::POST, "/push/subscriptions", body).await;
        assert_eq!(status, 200, "{view}");
        Page::of(&view)
    }

    /// What the next pushes to a page are answered with.
    pub async fn script(&self, page: &Page, answers: Value) -> (u16, Value) {
        let path = format!("/push/subscriptions/{}", page.token());
        self.ask(Method::PUT, &path, json!({ "answers": answers })).await
    }

    /// Headers of a good push.
    pub fn headers(&self) -> Vec<(&'static str, String)> {
        vec![
            ("ttl", "60".to_owned()),
            ("content-encoding", "aes128gcm".to_owned()),
            ("authorization", self.authorization(&self.claims(), &self.vapid.public_key)),
        ]
    }

    pub fn claims(&self) -> Value {
        let now = NOW.parse::<Timestamp>().unwrap().as_second();
        json!({ "aud": self.cloud.http_url(), "exp": now + 3600, "sub": "mailto:shop@shop.example" })
    }

    pub fn authorization(&self, claims: &Value, k: &str) -> String {
        signed("ES256", claims, &self.vapid, k)
    }

    pub async fn send(&self, page: &Page, headers: &[(&'static str, String)], body: Vec<u8>) -> Response {
        self.try_send(page, headers, body).await.unwrap()
    }

    pub async fn try_send(
        &self,
        page: &Page,
        headers: &[(&'static str, String)],
        body: Vec<u8>,
    ) -> Result<Response, reqwest::Error> {
        let mut request = self.http.post(&page.endpoint).body(body);
        for (name, value) in headers {
            request = request.header(*name, value);
        }
        request.send().await
    }

    /// What the outbox shows.
    pub async fn outbox(&self) -> Vec<Value> {
        let (_, outbox) = self.ask(Method::GET, "/outbox", Value::Null).await;
        outbox["messages"].as_array().unwrap().clone()
    }
}

/// The header of a sender that signs with the one half of `keys` and says that the other is `k`.
pub fn signed(algorithm: &str, claims: &Value, keys: &VapidKeys, k: &str) -> String {
    let part = |value: &Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
    let signed = format!("{}.{}", part(&json!({ "typ": "JWT", "alg": algorithm })), part(claims));
    let decode = |text: &str| BASE64_URL_SAFE_NO_PAD.decode(text).unwrap();
    let key = EcdsaKeyPair::from_private_key_and_public_key(
        &ECDSA_P256_SHA256_FIXED_SIGNING,
        &decode(&keys.private_key),
        &decode(&keys.public_key),
    );
    let signature = key.unwrap().sign(&SystemRandom::new(), signed.as_bytes()).unwrap();
    format!("vapid t={signed}.{}, k={k}", BASE64_URL_SAFE_NO_PAD.encode(signature))
}

impl Page {
    fn of(view: &Value) -> Self {
        let decode =
            |name: &str| BASE64_URL_SAFE_NO_PAD.decode(view["keys"][name].as_str().unwrap()).unwrap();
        Self {
            endpoint: view["endpoint"].as_str().unwrap().to_owned(),
            p256dh: decode("p256dh"),
            auth: decode("auth"),
        }
    }

    pub fn token(&self) -> &str {
        self.endpoint.rsplit('/').next().unwrap()
    }

    /// The body of a push: RFC 8291.
    pub fn encrypt(&self, text: &[u8]) -> Vec<u8> {
        let private = PrivateKey::generate(&ECDH_P256).unwrap();
        let public = private.compute_public_key().unwrap();
        let salt = [7; 16];
        let peer = UnparsedPublicKey::new(&ECDH_P256, &self.p256dh);
        let (key, nonce) = agree(&private, peer, Unspecified, |shared| {
            let info = [b"WebPush: info\0", self.p256dh.as_slice(), public.as_ref()].concat();
            let input: [u8; 32] = derive(&self.auth, shared, &info);
            let key: [u8; 16] = derive(&salt, &input, b"Content-Encoding: aes128gcm\0");
            let nonce: [u8; 12] = derive(&salt, &input, b"Content-Encoding: nonce\0");
            Ok::<_, Unspecified>((key, nonce))
        })
        .unwrap();
        let mut record = [text, &[2]].concat();
        let key = LessSafeKey::new(UnboundKey::new(&AES_128_GCM, &key).unwrap());
        key.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::empty(), &mut record).unwrap();
        [&salt[..], &4096_u32.to_be_bytes(), &[65], public.as_ref(), &record].concat()
    }
}

struct Length(usize);

impl KeyType for Length {
    fn len(&self) -> usize {
        self.0
    }
}

fn derive<const N: usize>(salt: &[u8], input: &[u8], info: &[u8]) -> [u8; N] {
    let mut derived = [0; N];
    let key = Salt::new(HKDF_SHA256, salt).extract(input);
    key.expand(&[info], Length(N)).unwrap().fill(&mut derived).unwrap();
    derived
}
