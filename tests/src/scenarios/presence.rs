//! Who is there, how many there are, and who may not be there any more.

use std::collections::BTreeMap;

use jiff::SignedDuration;
use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    socket::Socket,
    world::{Person, World},
};

async fn status(agent: &Person<'_>, user: &str) -> (Value, Value) {
    let who = agent.get(&format!("/api/v1/realtime/presence?user_id={user}")).await.ok();
    (who["data"][0]["status"].clone(), who["data"][0]["connections"].clone())
}

async fn news(world: &World, desk: &mut Socket) -> Vec<String> {
    world.idle().await;
    let events = desk.so_far().await;
    let told = events.iter().filter(|event| event["type"] == "presence.updated");
    told.map(|event| {
        let text = |field: &str| event["data"][field].as_str().unwrap();
        format!("{} {}", text("user_id"), text("status"))
    })
    .collect()
}

#[tokio::test]
async fn somebody_is_there_as_long_as_one_of_their_devices_is() {
    let world = World::new().await;
    let agent = world.person("agent", "gus", "default").await;
    let mut desk = agent.socket().await;
    desk.subscribes("shop:default").await;
    assert_eq!(status(&agent, "ana").await, (json!("offline"), json!(0)));

    let ana = world.customer("ana").await;
    let phone = ana.socket().await;
    assert_eq!(news(&world, &mut desk).await, ["ana online"]);
    let mut laptop = ana.socket().await;
    assert_eq!(status(&agent, "ana").await, (json!("online"), json!(2)));
    phone.close().await;
    assert_eq!(news(&world, &mut desk).await, [""; 0], "the laptop is still there");
    laptop.asks("presence.set", json!({ "status": "away" })).await;
    assert_eq!(news(&world, &mut desk).await, ["ana away"]);
    assert_eq!(laptop.asks("presence.set", json!({ "status": "offline" })).await["type"], "error");
    laptop.asks("presence.set", json!({ "status": "online" })).await;
    laptop.close().await;
    assert_eq!(news(&world, &mut desk).await, ["ana online", "ana offline"]);
    assert_eq!(status(&agent, "ana").await, (json!("offline"), json!(0)));

    let guest = world.guest().await.socket().await;
    assert_eq!(news(&world, &mut desk).await, [""; 0], "guests are not announced");
    guest.close().await;
    world.end().await;
}

#[tokio::test]
async fn whoever_is_found_dead_is_not_there_any_more() {
    let world = World::new().await;
    let lamp = world.product("lamp", 9).await;
    let agent = world.person("agent", "gus", "default").await;
    let mut desk = agent.socket().await;
    desk.subscribes("shop:default").await;
    let ana = world.customer("ana").await;
    let _silent = ana.socket().await;
    world.advance(SignedDuration::from_secs(60)).await;
    assert_eq!(news(&world, &mut desk).await, ["ana online"]);
    // The evidence: a post that finds nobody. Posts go in the order of names, and the desk's comes second.
    ana.orders(&lamp, 1).await.ok();
    world.idle().await;
    news(&world, &mut desk).await;
    world
        .fault(
            json!({ "service": "connections", "operation": "PostToConnection", "kind": "gone", "count": 1 }),
        )
        .await;
    let told =
        json!({ "type": "send", "target_user_id": "ana", "data": { "type": "test_message", "payload": 1 } });
    world.admin().await.post("/api/v1/realtime/broadcast", told).await.ok();
    assert_eq!(news(&world, &mut desk).await, ["ana offline"]);
    assert_eq!(status(&agent, "ana").await.0, "offline");
    world.end().await;
}

#[tokio::test]
async fn staff_sees_who_and_how_many_are_connected() {
    let world = World::new().await;
    let agent = world.person("agent", "gus", "default").await;
    let mut open = vec![agent.socket().await];
    for name in ["ana", "ben"] {
        let mut socket = world.customer(name).await.socket().await;
        socket.subscribes("product:lamp").await;
        open.push(socket);
    }
    open.push(world.guest().await.socket().await);
    open[1].subscribes("inventory").await;
    let status = agent.get("/api/v1/realtime/status").await.ok();
    assert_eq!(status["connections"], 4);
    assert_eq!(status["by_role"], json!({ "agent": 1, "customer": 2, "guest": 1 }));
    assert_eq!((&status["by_channel"]["inventory"], &status["max_clients"]), (&json!(1), &json!(10_000)));
    assert_eq!(agent.get("/api/realtime/websocket").await.ok()["connections"], 4, "its older name");
    let there = agent.get("/api/v1/realtime/presence?channel=product:lamp").await.ok();
    let names: Vec<_> = there["data"].as_array().unwrap().iter().map(|one| one["user_id"].clone()).collect();
    assert_eq!(names, ["ana", "ben"]);
    let wrong = agent.get("/api/v1/realtime/presence").await;
    assert_eq!(wrong.complaint(), "400 validation_failed user_id");
    assert_eq!(world.customer("ana").await.get("/api/v1/realtime/status").await.outcome(), "403 forbidden");
    drop(open);
    world.end().await;
}

#[tokio::test]
async fn a_shop_that_is_full_admits_the_next_when_somebody_leaves() {
    let world = World::with(BTreeMap::from([("MaxClients".to_owned(), "2".to_owned())])).await;
    let (ana, ben) = (world.customer("ana").await, world.customer("ben").await);
    let (first, _second) = (ana.socket().await, ben.socket().await);
    let refused = async || {
        let ticket = ben.send(Method::POST, "/api/v1/realtime/tickets", &[], None).await.text("url");
        match Socket::open(&ticket, &[]).await {
            Err(tokio_tungstenite::tungstenite::Error::Http(answer)) => Some(answer.status().as_u16()),
            _ => None,
        }
    };
    assert_eq!(refused().await, Some(429));
    first.close().await;
    world.idle().await;
    world.advance(SignedDuration::from_secs(11)).await;
    assert_eq!(refused().await, None);
    world.end().await;
}

#[tokio::test]
async fn a_token_s_end_is_the_end_of_what_its_socket_hears() {
    let world = World::new().await;
    let lamp = world.product("lamp", 9).await;
    let body = json!({ "role": "customer", "user": "ana", "shop": "default", "expires_in_seconds": 60 });
    let token = world.nobody().post("/_local/token", body).await.text("token");
    let mut socket = world.socket_with(&token, "").await;
    world.advance(SignedDuration::from_secs(61)).await;
    world.customer("ana").await.orders(&lamp, 1).await.ok();
    world.idle().await;
    assert_eq!(socket.so_far().await, [Value::Null; 0]);
    assert_eq!(socket.asks("hello", json!({})).await["error"]["code"], "unauthenticated");
    world.end().await;
}

#[tokio::test]
async fn sessions_that_end_while_a_socket_is_being_opened_end_it_too() {
    let world = World::new().await;
    let lamp = world.product("lamp", 9).await;
    let ana = world.customer("ana").await;
    world.advance(SignedDuration::from_secs(1)).await;
    // The connection's row takes a while to be written; the revocation comes meanwhile.
    world
        .fault(json!({ "service": "dynamodb", "function": "WsConnect", "operation": "PutItem", "kind": "delay", "milliseconds": 400, "count": 1 }))
        .await;
    let token = ana.token.clone().unwrap();
    let url = format!("{}?v=1", world.cloud().ws_url());
    let authorization = format!("Bearer {token}");
    let headers = [("authorization", authorization.as_str())];
    let admin = world.admin().await;
    let revoked = json!({ "user_id": "ana" });
    let (opened, revoked) =
        tokio::join!(Socket::open(&url, &headers), admin.post("/api/v1/auth/revoke", revoked));
    revoked.ok();
    if let Ok(mut socket) = opened {
        assert!(!socket.is_welcome().await);
    }
    world.advance(SignedDuration::from_secs(1)).await;
    world.cloud().meter().reset();
    world.customer("ana").await.orders(&lamp, 1).await.ok();
    world.idle().await;
    assert_eq!(world.posts("Relay"), 0, "nothing of hers is posted to it");
    world.end().await;
}

#[tokio::test]
async fn a_service_key_s_end_closes_its_sockets() {
    let world = World::new().await;
    let admin = world.admin().await;
    let new = json!({ "name": "erp", "scopes": ["realtime:write"] });
    let made = admin.post("/api/v1/auth/service-keys", new).await.ok();
    let mut erp = world.nobody();
    erp.token = made["key"].as_str().map(str::to_owned);
    let mut socket = erp.socket().await;
    let ticket = erp.send(Method::POST, "/api/v1/realtime/tickets", &[], None).await.text("url");
    world.advance(SignedDuration::from_secs(1)).await;
    let path = format!("/api/v1/auth/service-keys/{}", made["key_id"].as_str().unwrap());
    assert_eq!(admin.send(Method::DELETE, &path, &[], None).await.outcome(), "204");
    socket.close_code().await;
    assert!(Socket::open(&ticket, &[]).await.is_err(), "nor does a ticket from before open one");
    world.end().await;
}
