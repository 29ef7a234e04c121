//! Tokens of orders: whoever has one may follow one order, for a while, and do nothing else.

use jiff::SignedDuration;
use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    socket::Socket,
    world::{Person, World},
};

const ADDRESS: &str = "/api/v1/orders";

/// A guest's order with an address, and its token.
async fn guests_order(guest: &Person<'_>, product: &str) -> (Value, String) {
    let address = json!({ "name": "Gil", "line1": "1 High St", "city": "York", "country": "GB" });
    let new = json!({ "items": [{ "product_id": product, "quantity": 1 }], "currency": "USD",
        "email": "gil@example.org", "shippingAddress": address });
    let order = guest.post(ADDRESS, new).await.ok();
    let token = order["order_token"].as_str().unwrap().to_owned();
    (order, token)
}

fn path(order: &Value) -> String {
    format!("/api/v1/orders/{}", order["order_id"].as_str().unwrap())
}

/// Somebody who has nothing but this token.
fn bearer<'a>(world: &'a World, token: &str) -> Person<'a> {
    let mut holder = world.nobody();
    holder.token = Some(token.to_owned());
    holder
}

#[tokio::test]
async fn with_its_token_an_order_is_read_and_nothing_of_its_guest_is() {
    let world = World::new().await;
    let lamp = world.product("lamp", 5).await;
    let guest = world.guest().await;
    let (order, token) = guests_order(&guest, &lamp).await;
    let own = guest.order(&order).await;
    assert_eq!((&own["order_token"], &own["shipping_address"]["city"]), (&json!(token), &json!("York")));

    let in_query = format!("{}?include=timeline&order_token={token}", path(&order));
    let stranger = world.customer("eve").await;
    let read = [
        world.nobody().get(&in_query).await.ok(),
        bearer(&world, &token).get(&path(&order)).await.ok(),
        stranger.get(&in_query).await.ok(),
    ];
    for read in read {
        assert_eq!((&read["order_id"], &read["status"]), (&order["order_id"], &json!("pending_payment")));
        assert_eq!((&read["shipping_address"], &read["order_token"]), (&Value::Null, &Value::Null));
        assert!(!read.to_string().contains("gil@"), "{read}");
    }
    assert_eq!(world.nobody().get(&in_query).await.ok()["timeline"][0]["status"], "pending_payment");
    // Customers need none.
    assert_eq!(stranger.orders(&lamp, 1).await.ok()["order_token"], Value::Null);
    world.end().await;
}

#[tokio::test]
async fn the_same_checkout_is_answered_with_the_same_token() {
    let world = World::new().await;
    let lamp = world.product("lamp", 5).await;
    let guest = world.guest().await;
    let new = json!({ "items": [{ "product_id": lamp, "quantity": 1 }], "currency": "USD" });
    let first = guest.post_keyed(ADDRESS, "cart", new.clone()).await.text("order_token");
    world.advance(SignedDuration::from_secs(5)).await;
    assert_eq!(guest.post_keyed(ADDRESS, "cart", new).await.text("order_token"), first);
    world.end().await;
}

#[tokio::test]
async fn an_order_s_token_opens_nothing_else() {
    let world = World::new().await;
    let lamp = world.product("lamp", 5).await;
    let guest = world.guest().await;
    let (order, token) = guests_order(&guest, &lamp).await;
    let (other, _) = guests_order(&guest, &lamp).await;
    let holder = bearer(&world, &token);

    // Another order of the same guest is as unknown as one that is not there.
    for unknown in [path(&other), "/api/v1/orders/ord_none".into()] {
        assert_eq!(holder.get(&unknown).await.outcome(), "404 not_found");
        let in_query = format!("{unknown}?order_token={token}");
        assert_eq!(world.nobody().get(&in_query).await.outcome(), "404 not_found");
    }
    let document = world.nobody().get("/openapi.json").await.ok();
    let readable = "/api/v1/orders/{id}";
    let id = order["order_id"].as_str().unwrap();
    let body = json!({ "order_id": id, "payment_id": order["payment_id"], "guest_token": token,
        "status": "processing", "items": [{ "product_id": lamp, "quantity": 1 }], "currency": "USD" });
    for (route, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let is_public = operation.get("security").is_none();
            if operation.get("responses").is_none() || is_public || route == readable {
                continue;
            }
            let steps = route.split('/').map(|step| if step.starts_with('{') { id } else { step });
            let concrete = steps.collect::<Vec<_>>().join("/");
            let method: Method = method.to_uppercase().parse().unwrap();
            let is_get = method == Method::GET;
            let refused = holder
                .send(method, &concrete, &[("idempotency-key", "k")], (!is_get).then(|| body.to_string()))
                .await;
            assert_eq!(refused.outcome(), "401 unauthenticated", "{route}");
        }
    }
    let link = json!({ "guest_token": token });
    let ana = world.customer("ana").await;
    assert_eq!(ana.post("/api/v1/auth/link", link).await.outcome(), "401 unauthenticated");
    let header = [("authorization", &*format!("Bearer {token}"))];
    assert!(Socket::open(&format!("{}?v=1", world.cloud().ws_url()), &header).await.is_err());
    world.end().await;
}

#[tokio::test]
async fn tokens_that_were_not_given_for_an_order_do_not_open_it() {
    let world = World::new().await;
    let lamp = world.product("lamp", 5).await;
    let guest = world.guest().await;
    let (order, token) = guests_order(&guest, &lamp).await;
    let (head, rest) = token.split_once('.').unwrap();
    let (claims, signature) = rest.split_once('.').unwrap();
    let guests = guest.token.clone().unwrap();
    let admins = world.admin().await.token.unwrap();
    let resigned = format!("{head}.{}", guests.split_once('.').unwrap().1);
    for wrong in [
        "x".to_owned(),
        format!("{head}.{claims}."),
        format!("{head}.{claims}x.{signature}"),
        guests,
        admins,
        resigned,
        "x".repeat(2_000),
    ] {
        let in_query = format!("{}?order_token={wrong}", path(&order));
        assert_eq!(world.nobody().get(&in_query).await.outcome(), "401 unauthenticated", "{wrong}");
        // Whoever may read it anyway is not kept out by a broken link.
        assert_eq!(guest.get(&in_query).await.outcome(), "200");
    }
    assert_eq!(world.nobody().get(&path(&order)).await.outcome(), "401 unauthenticated");
    let clock = world.cloud().clock();
    clock.turn_to(clock.after(SignedDuration::from_hours(30 * 24)));
    let in_query = format!("{}?order_token={token}", path(&order));
    assert_eq!(world.nobody().get(&in_query).await.outcome(), "401 unauthenticated", "it has ended");
    assert_eq!(bearer(&world, &token).get(&path(&order)).await.outcome(), "401 unauthenticated");
    world.end().await;
}

#[tokio::test]
async fn with_its_token_an_order_is_followed_on_a_socket_of_any_guest() {
    let world = World::new().await;
    let lamp = world.product("lamp", 5).await;
    let guest = world.guest().await;
    let (order, token) = guests_order(&guest, &lamp).await;
    let (other, _) = guests_order(&guest, &lamp).await;
    let channel = |order: &Value| format!("order:{}", order["order_id"].as_str().unwrap());
    let follower = world.guest().await;
    let mut socket = follower.socket().await;
    let asks = |order: &Value, token: &str| json!({ "channel": channel(order), "order_token": token });
    assert_eq!(socket.subscribes(&channel(&order)).await["error"]["code"], "forbidden");
    assert_eq!(socket.asks("subscribe", asks(&order, "x")).await["error"]["code"], "forbidden");
    assert_eq!(socket.asks("subscribe", asks(&other, &token)).await["error"]["code"], "forbidden");
    let shop = json!({ "channels": [channel(&order), "shop:default"], "order_token": token });
    assert_eq!(socket.asks("subscribe", shop).await["error"]["code"], "forbidden");
    assert_eq!(socket.asks("subscribe", asks(&order, &token)).await["data"]["seq"], 1);

    let intent = guest.begins_to_pay(&order).await;
    world.pays(&intent, "pm_card_visa").await.ok();
    assert_eq!(socket.next("order.status_updated").await["data"]["current_status"], "paid");
    let mut next = follower.socket().await;
    let point = json!({ "channel": channel(&order), "last_seq": 1, "order_token": token });
    assert_eq!(next.asks("resume", json!({ "channels": [point] })).await["type"], "ack");
    assert_eq!(next.next("order.status_updated").await["seq"], 2);

    let polled = format!("/api/v1/realtime/events?channel={}", channel(&order));
    assert_eq!(follower.get(&polled).await.outcome(), "403 forbidden");
    let polled = follower.get(&format!("{polled}&order_token={token}")).await.ok();
    assert_eq!(polled["data"].as_array().unwrap().len(), 2);
    world.end().await;
}
