//! A shop's own sign-in, whose public keys are at a URL.

use std::collections::BTreeMap;

use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

use crate::world::World;

/// Keys made for these tests and used nowhere else.
const EC_KEY: &[u8] = include_bytes!("../../data/keys/ec.der");
const RSA_KEY: &[u8] = include_bytes!("../../data/keys/rsa.der");
const JWKS: &str = include_str!("../../data/keys/jwks.json");
const ISSUER: &str = "https://sign-in.example";

/// Serves the public keys until the test ends; returns their URL.
#[expect(clippy::disallowed_methods, reason = "the sign-in is a server beside the shop")]
async fn keys_served() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/jwks.json", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = [0; 1024];
            let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close";
            let answer = format!("{head}\r\ncontent-length: {}\r\n\r\n{JWKS}", JWKS.len());
            if stream.read(&mut request).await.is_ok() {
                drop(stream.write_all(answer.as_bytes()).await);
            }
        }
    });
    url
}

async fn shop_with_sign_in() -> World {
    let url = keys_served().await;
    let parameters = [("JwksUrl", url.as_str()), ("JwksIssuer", ISSUER)];
    World::with(parameters.map(|(name, value)| (name.to_owned(), value.to_owned())).into()).await
}

fn signed(algorithm: Algorithm, key_id: Option<&str>, key: &EncodingKey, claims: &Value) -> String {
    let header = Header { kid: key_id.map(str::to_owned), ..Header::new(algorithm) };
    jsonwebtoken::encode(&header, claims, key).unwrap()
}

async fn outcome_of(world: &World, token: String) -> String {
    let mut somebody = world.nobody();
    somebody.token = Some(token);
    somebody.get("/api/v1/orders").await.outcome()
}

/// What the sign-in says of Ana on the morning of the story, with some of it said otherwise.
fn claims(world: &World, other: &Value) -> Value {
    let now = world.cloud().clock().now().as_second();
    let mut claims = json!({
        "iss": ISSUER, "aud": "shopwire", "sub": "ana", "role": "customer", "shop_id": "default",
        "iat": now, "exp": now + 3600,
    });
    claims.as_object_mut().unwrap().extend(other.as_object().unwrap().clone());
    claims
}

#[tokio::test]
async fn tokens_of_the_shop_s_own_sign_in_are_believed() {
    let world = shop_with_sign_in().await;
    let (ec, rsa) = (EncodingKey::from_ec_der(EC_KEY), EncodingKey::from_rsa_der(RSA_KEY));
    let ana = claims(&world, &json!({}));
    assert_eq!(outcome_of(&world, signed(Algorithm::ES256, Some("ec-1"), &ec, &ana)).await, "200");
    assert_eq!(outcome_of(&world, signed(Algorithm::RS256, Some("rsa-1"), &rsa, &ana)).await, "200");
    world.end().await;
}

#[tokio::test]
async fn tokens_that_its_keys_did_not_sign_for_this_shop_are_not() {
    let world = shop_with_sign_in().await;
    let (ec, rsa) = (EncodingKey::from_ec_der(EC_KEY), EncodingKey::from_rsa_der(RSA_KEY));
    let now = world.cloud().clock().now().as_second();
    let wrong = BTreeMap::from([
        ("another issuer", json!({ "iss": "https://evil.example" })),
        ("another audience", json!({ "aud": "another shop" })),
        ("another tenant", json!({ "shop_id": "acme" })),
        ("expired", json!({ "exp": now })),
        ("not yet", json!({ "nbf": now + 3600 })),
        ("from the future", json!({ "iat": now + 3600 })),
        ("a role of ours", json!({ "role": "service" })),
        ("a guest that is none", json!({ "sub": "gst_1" })),
        ("shopwire itself", json!({ "sub": "system" })),
        ("a name that cannot be", json!({ "sub": "a b" })),
    ]);
    for (what, other) in wrong {
        let token = signed(Algorithm::ES256, Some("ec-1"), &ec, &claims(&world, &other));
        assert_eq!(outcome_of(&world, token).await, "401 unauthenticated", "{what}");
    }
    let ana = claims(&world, &json!({ "role": "admin" }));
    // The public key is public: with it as a shared secret, anybody could sign.
    let public = EncodingKey::from_secret(JWKS.as_bytes());
    let confused = [
        ("the public key as a secret", signed(Algorithm::HS256, Some("rsa-1"), &public, &ana)),
        ("a key that is not there", signed(Algorithm::ES256, Some("ec-2"), &ec, &ana)),
        ("no key named, of several", signed(Algorithm::ES256, None, &ec, &ana)),
        ("another key's name", signed(Algorithm::RS256, Some("ec-1"), &rsa, &ana)),
        ("another algorithm", signed(Algorithm::RS512, Some("rsa-1"), &rsa, &ana)),
    ];
    for (what, token) in confused {
        assert_eq!(outcome_of(&world, token).await, "401 unauthenticated", "{what}");
    }
    world.end().await;
}
