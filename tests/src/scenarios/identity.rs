//! Who is asking: tokens that are good, and all the others.

use std::collections::BTreeMap;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use hmac::{Hmac, Mac};
use jiff::SignedDuration;
use reqwest::Method;
use serde_json::{Value, json};
use sha2::Sha256;

use crate::{socket::Socket, world::World};

/// A token with any header and claims, signed with any key: what an attacker can make.
fn forged(header: &Value, claims: &Value, key: &[u8]) -> String {
    let part = |value: &Value| BASE64.encode(value.to_string());
    let signed = format!("{}.{}", part(header), part(claims));
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
    mac.update(signed.as_bytes());
    format!("{signed}.{}", BASE64.encode(mac.finalize().into_bytes()))
}

fn claims_of(token: &str) -> Value {
    let part = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&BASE64.decode(part).unwrap()).unwrap()
}

async fn outcome_of(world: &World, token: &str) -> String {
    let mut somebody = world.nobody();
    somebody.token = Some(token.to_owned());
    somebody.get("/api/v1/orders").await.outcome()
}

#[tokio::test]
async fn tokens_that_were_not_signed_by_us_are_not_believed() {
    let world = World::new().await;
    let good = world.admin().await.token.unwrap();
    assert_eq!(outcome_of(&world, &good).await, "200");
    let claims = claims_of(&good);
    let hs256 = json!({ "alg": "HS256", "typ": "JWT" });
    let (head, body, signature) = {
        let mut parts = good.split('.');
        (parts.next().unwrap(), parts.next().unwrap(), parts.next().unwrap())
    };
    let wrong = [
        ("alg none", format!("{}.{body}.", BASE64.encode(r#"{"alg":"none"}"#))),
        ("another secret", forged(&hs256, &claims, b"guess")),
        ("an empty secret", forged(&hs256, &claims, b"")),
        (
            "tampered",
            format!(
                "{head}.{}.{signature}",
                BASE64.encode(r#"{"sub":"eve","role":"admin","exp":9999999999}"#)
            ),
        ),
        ("truncated", format!("{head}.{body}")),
        ("RS256 without keys", format!("{}.{body}.{signature}", BASE64.encode(r#"{"alg":"RS256"}"#))),
        ("no token", "x".into()),
        ("a very long one", "x".repeat(100_000 / 16)),
        ("a service key that is none", "sk_default.key_1.00".into()),
    ];
    for (what, token) in wrong {
        assert_eq!(outcome_of(&world, &token).await, "401 unauthenticated", "{what}");
    }
    assert_eq!(world.nobody().get("/api/v1/orders").await.outcome(), "401 unauthenticated");
    world.end().await;
}

#[tokio::test]
async fn tokens_end() {
    let world = World::with([("TokenExpiry".to_owned(), "30m".to_owned())].into()).await;
    let guest = world.guest().await;
    world.advance(SignedDuration::from_mins(29)).await;
    assert_eq!(guest.get("/api/v1/orders").await.outcome(), "200");
    world.advance(SignedDuration::from_mins(2)).await;
    assert_eq!(guest.get("/api/v1/orders").await.outcome(), "401 unauthenticated");
    world.end().await;
}

#[tokio::test]
async fn a_guest_becomes_a_customer_once_and_keeps_what_was_theirs() {
    let world = World::new().await;
    let lamp = world.product("lamp", 5).await;
    let guest = world.guest().await;
    let order = guest.orders(&lamp, 1).await.ok();
    let (ana, eve) = (world.customer("ana").await, world.customer("eve").await);
    let path = format!("/api/v1/orders/{}", order["order_id"].as_str().unwrap());
    assert_eq!(ana.get(&path).await.outcome(), "404 not_found");

    let link = json!({ "guest_token": guest.token });
    for _ in 0..2 {
        assert_eq!(ana.post("/api/v1/auth/link", link.clone()).await.ok()["user_id"], "ana");
    }
    assert_eq!(ana.get(&path).await.outcome(), "200");
    assert_eq!(
        guest.get(&path).await.outcome(),
        "401 unauthenticated",
        "the guest's token ended with the link"
    );
    assert_eq!(eve.post("/api/v1/auth/link", link.clone()).await.outcome(), "401 unauthenticated");
    let own = json!({ "guest_token": eve.token });
    assert_eq!(
        ana.post("/api/v1/auth/link", own).await.outcome(),
        "401 unauthenticated",
        "a customer is no guest"
    );
    assert_eq!(world.guest().await.post("/api/v1/auth/link", link).await.outcome(), "403 forbidden");
    world.end().await;
}

#[tokio::test]
async fn a_revoked_user_s_sockets_are_closed_and_old_tokens_stay_out() {
    let world = World::new().await;
    let (ana, ben) = (world.customer("ana").await, world.customer("ben").await);
    let (mut anas, mut bens) = (ana.socket().await, ben.socket().await);
    let unused = ana.send(Method::POST, "/api/v1/realtime/tickets", &[], None).await.text("url");
    assert_eq!(ben.post("/api/v1/auth/revoke", json!({ "user_id": "ana" })).await.outcome(), "403 forbidden");
    world.advance(SignedDuration::from_secs(1)).await;

    let revoked = world.admin().await.post("/api/v1/auth/revoke", json!({ "user_id": "ana" })).await.ok();
    // The relay closes them too, and may have been faster.
    assert!(revoked["closed_connections"].as_u64().unwrap() <= 1, "{revoked}");
    anas.close_code().await;
    assert_eq!(ana.get("/api/v1/orders").await.outcome(), "401 unauthenticated");
    // A ticket from before opens a socket, but no frame is obeyed on it.
    if let Ok(mut late) = Socket::open(&unused, &[]).await {
        assert!(!late.is_welcome().await);
    }
    assert_eq!(bens.asks("hello", json!({})).await["type"], "connection.ready");
    world.advance(SignedDuration::from_secs(1)).await;
    assert_eq!(world.customer("ana").await.get("/api/v1/orders").await.outcome(), "200", "signed in anew");
    world.end().await;
}

#[tokio::test]
async fn sockets_of_ended_sessions_are_closed_even_if_whoever_ended_them_could_not() {
    let world = World::new().await;
    let ana = world.customer("ana").await;
    let mut old = ana.socket().await;
    world.advance(SignedDuration::from_secs(1)).await;
    let cut =
        json!({ "function": "Platform", "operation": "DeleteConnection", "kind": "refuse", "count": 9 });
    world.fault(cut).await;
    world.admin().await.post("/api/v1/auth/revoke", json!({ "user_id": "ana" })).await;
    world.advance(SignedDuration::from_secs(1)).await;
    let mut new = world.customer("ana").await.socket().await;
    world.idle().await;
    old.close_code().await;
    assert_eq!(new.asks("hello", json!({})).await["type"], "connection.ready", "who came back stays");
    world.end().await;
}

#[tokio::test]
async fn one_session_can_be_ended_by_itself() {
    let world = World::new().await;
    let (phone, laptop) = (world.customer("ana").await, world.customer("ana").await);
    let session = claims_of(phone.token.as_deref().unwrap())["sid"].clone();
    laptop.post("/api/v1/auth/revoke", json!({ "session_id": session })).await.ok();
    assert_eq!(phone.get("/api/v1/orders").await.outcome(), "401 unauthenticated");
    assert_eq!(laptop.get("/api/v1/orders").await.outcome(), "200");
    world.end().await;
}

#[tokio::test]
async fn a_service_key_does_what_its_scopes_say_until_it_is_ended() {
    let world = World::new().await;
    let lamp = world.product("lamp", 1).await;
    let admin = world.admin().await;
    let new = json!({ "name": "erp", "scopes": ["inventory:write"] });
    let made = admin.post_keyed("/api/v1/auth/service-keys", "erp", new.clone()).await.ok();
    let mut erp = world.nobody();
    erp.token = made["key"].as_str().map(str::to_owned);
    let add = json!({ "product_id": lamp, "quantity": 1, "operation": "add" });
    assert_eq!(erp.post("/api/v1/inventory/adjustments", add.clone()).await.outcome(), "201");
    assert_eq!(erp.get("/api/v1/inventory/lamp/movements").await.outcome(), "403 forbidden");
    assert_eq!(erp.post("/api/v1/auth/service-keys", new.clone()).await.outcome(), "403 forbidden");
    assert_eq!(
        admin.post_keyed("/api/v1/auth/service-keys", "erp", new).await.ok()["key"],
        Value::Null,
        "shown once"
    );

    let path = format!("/api/v1/auth/service-keys/{}", made["key_id"].as_str().unwrap());
    for _ in 0..2 {
        assert_eq!(admin.send(Method::DELETE, &path, &[], None).await.outcome(), "204");
    }
    assert_eq!(erp.post("/api/v1/inventory/adjustments", add).await.outcome(), "401 unauthenticated");
    world.end().await;
}

#[tokio::test]
async fn shops_do_not_see_one_another() {
    let two = [
        ("Shops", "default,acme"),
        ("JwtShops", "default,acme"),
        ("ShopKeys", "pk_acme=acme,pk_default=default"),
    ];
    let world = World::with(two.map(|(name, value)| (name.to_owned(), value.to_owned())).into()).await;
    let lamp = world.product("lamp", 5).await;
    let ana = world.customer("ana").await;
    let order = ana.orders(&lamp, 1).await.ok();
    let path = format!("/api/v1/orders/{}", order["order_id"].as_str().unwrap());

    let other = world.person("admin", "olga", "acme").await;
    assert_eq!(other.get(&path).await.outcome(), "404 not_found");
    assert_eq!(other.get("/api/v1/orders").await.ok()["data"], json!([]));
    assert_eq!(
        other.send(Method::GET, &path, &[("x-shop-id", "default")], None).await.outcome(),
        "401 unauthenticated"
    );
    let key = |key| [("x-shop-key", key)];
    let nobody = world.nobody();
    assert_eq!(
        nobody.send(Method::GET, "/api/v1/products/lamp", &key("pk_default"), None).await.outcome(),
        "200"
    );
    assert_eq!(
        nobody.send(Method::GET, "/api/v1/products/lamp", &key("pk_acme"), None).await.outcome(),
        "404 not_found"
    );
    assert_eq!(
        nobody.send(Method::GET, "/api/v1/products/lamp", &key("pk_x"), None).await.complaint(),
        "400 validation_failed X-Shop-Key"
    );
    assert_eq!(nobody.get("/api/v1/products/lamp").await.complaint(), "400 validation_failed X-Shop-Key");
    world.books_balance().await;
    world.idle().await;
}

#[tokio::test]
async fn a_key_signs_only_for_its_own_shops() {
    let world = World::with(BTreeMap::from([("Shops".to_owned(), "default,acme".to_owned())])).await;
    let other = world.person("admin", "olga", "acme").await;
    assert_eq!(other.get("/api/v1/orders").await.outcome(), "401 unauthenticated");
}

#[tokio::test]
async fn a_ticket_opens_one_socket_within_a_minute() {
    let world = World::new().await;
    let ana = world.customer("ana").await;
    let ticket = || async { ana.send(Method::POST, "/api/v1/realtime/tickets", &[], None).await.text("url") };
    let used = ticket().await;
    let first = Socket::open(&used, &[]).await.unwrap();
    assert!(Socket::open(&used, &[]).await.is_err(), "used up");
    let late = ticket().await;
    world.advance(SignedDuration::from_secs(60)).await;
    assert!(Socket::open(&late, &[]).await.is_err(), "too late");
    assert!(Socket::open(world.cloud().ws_url(), &[]).await.is_err(), "none at all");
    let foreign = ticket().await;
    assert!(
        Socket::open(&foreign, &[("origin", "https://evil.example")]).await.is_err(),
        "a page of somebody else's"
    );
    let own = ticket().await;
    let mut allowed = Socket::open(&own, &[("origin", "http://localhost:3000")]).await.unwrap();
    assert_eq!(allowed.asks("hello", json!({})).await["data"]["user_id"], "ana");
    first.close().await;
    world.end().await;
}

#[tokio::test]
async fn guests_are_limited_by_their_address() {
    let world = World::new().await;
    let nobody = world.nobody();
    let mut outcomes = vec![];
    for _ in 0..31 {
        outcomes.push(nobody.post("/api/v1/auth/guest", json!({})).await.outcome());
    }
    assert_eq!(outcomes.iter().filter(|outcome| *outcome == "201").count(), 30);
    assert_eq!(outcomes[30], "429 rate_limited");
    assert_eq!(nobody.at("192.0.2.2").post("/api/v1/auth/guest", json!({})).await.outcome(), "201");
    world.end().await;
}
