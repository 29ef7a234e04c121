//! What a shop sends itself: to channels, to everybody, to one person, to one connection.

use serde_json::{Value, json};

use crate::world::{Socket, World};

const PATH: &str = "/api/v1/realtime/broadcast";

fn sale(target: &Value) -> Value {
    let mut body =
        json!({ "type": "broadcast", "data": { "type": "custom.sale", "payload": { "percent": 20 } } });
    body.as_object_mut().unwrap().extend(target.as_object().unwrap().clone());
    body
}

async fn heard(sockets: &mut [Socket]) -> Vec<usize> {
    let mut heard = vec![];
    for socket in sockets {
        heard.push(socket.so_far().await.iter().filter(|event| event["type"] == "custom.sale").count());
    }
    heard
}

#[tokio::test]
async fn an_event_reaches_whom_it_is_for() {
    let world = World::new().await;
    let admin = world.admin().await;
    let (ana, ben) = (world.customer("ana").await, world.customer("ben").await);
    let mut sockets = [ana.socket().await, ana.socket().await, ben.socket().await];
    sockets[0].subscribes("custom.flash").await;
    sockets[2].subscribes("custom.flash").await;
    let bens = sockets[2].asks("hello", json!({})).await["data"]["connection_id"].clone();
    for (target, receivers) in [
        (json!({ "target_channel": "custom.flash" }), [1, 0, 1]),
        (json!({ "targetChannel": "custom.flash" }), [1, 0, 1]),
        (json!({}), [1, 1, 1]),
        (json!({ "type": "send", "target_user_id": "ana" }), [1, 1, 0]),
        (json!({ "type": "send", "clientId": bens }), [0, 0, 1]),
        (json!({ "target_channel": "custom.empty" }), [0, 0, 0]),
    ] {
        let sent = admin.post(PATH, sale(&target)).await.ok();
        assert_eq!(heard(&mut sockets).await, receivers, "{target}");
        assert_eq!(sent["receivers"], receivers.iter().sum::<usize>(), "{target}");
    }
    let nobody = json!({ "type": "send", "target_client_id": "nobody" });
    assert_eq!(admin.post(PATH, sale(&nobody)).await.outcome(), "404 not_found");
    let whom = json!({ "type": "send" });
    assert_eq!(admin.post(PATH, sale(&whom)).await.complaint(), "400 validation_failed target_user_id");
    let elsewhere = json!({ "target_channel": "shop:acme" });
    assert_eq!(admin.post(PATH, sale(&elsewhere)).await.complaint(), "400 validation_failed target_channel");
    assert_eq!(ana.post(PATH, sale(&json!({}))).await.outcome(), "403 forbidden");
    let program = world.service(&["realtime:write"]).await;
    assert_eq!(program.post("/api/realtime/websocket", sale(&json!({}))).await.ok()["receivers"], 3);
    let unkeyed = sale(&json!({ "targetChannel": "custom.flash" })).to_string();
    let alias =
        admin.send(reqwest::Method::POST, "/api/realtime/websocket", &[], Some(unkeyed.clone())).await;
    assert_eq!(alias.outcome(), "201", "older callers know no Idempotency-Key");
    let strict = admin.send(reqwest::Method::POST, PATH, &[], Some(unkeyed)).await;
    assert_eq!(strict.outcome(), "400 idempotency_key_missing");
    world.end().await;
}

#[tokio::test]
async fn the_same_request_sends_the_same_event_once() {
    let world = World::new().await;
    let admin = world.admin().await;
    let mut socket = world.customer("ana").await.socket().await;
    let first = admin.post_keyed(PATH, "sale", sale(&json!({}))).await.ok();
    let again = admin.post_keyed(PATH, "sale", sale(&json!({}))).await.ok();
    assert_eq!(first["event_id"], again["event_id"]);
    assert_eq!(heard(std::slice::from_mut(&mut socket)).await, [1]);
    let other = sale(&json!({ "target_user_id": "ana" }));
    assert_eq!(admin.post_keyed(PATH, "sale", other).await.outcome(), "422 idempotency_mismatch");
    world.end().await;
}

#[tokio::test]
async fn a_type_is_one_that_clients_know_or_the_shop_s_own() {
    let world = World::new().await;
    let admin = world.admin().await;
    let mut socket = world.customer("ana").await.socket().await;
    socket.subscribes("test").await;
    let send = async |kind: &str, payload: Value| {
        let data = json!({ "type": kind, "payload": payload });
        let body = json!({ "type": "broadcast", "target_channel": "test", "data": data });
        admin.post(PATH, body).await.complaint()
    };
    assert_eq!(send("test_message", json!("hello")).await, "201 ");
    assert_eq!(socket.next("test_message").await["data"], "hello");
    let presence = json!({ "user_id": "ben", "status": "online", "timestamp": 1 });
    assert_eq!(send("presence.updated", presence).await, "201 ");
    for kind in ["order.created", "presence.updated"] {
        assert_eq!(send(kind, json!({})).await, "400 validation_failed data.payload", "{kind}");
    }
    for kind in ["sale", "custom.", "custom.a b", "", "ack"] {
        assert_eq!(send(kind, json!({})).await, "400 validation_failed data.type", "{kind}");
    }
    world.end().await;
}

#[tokio::test]
async fn a_large_event_is_compressed_and_a_very_large_one_is_fetched() {
    let world = World::new().await;
    let admin = world.admin().await;
    let token = world.customer("ana").await.token.unwrap();
    let mut plain = world.socket_with(&token, "").await;
    let mut small = world.socket_with(&token, "&encoding=gzip").await;
    for socket in [&mut plain, &mut small] {
        socket.subscribes("custom.news").await;
    }
    let send = async |payload: Value| {
        let data = json!({ "type": "custom.news", "payload": payload });
        let body = json!({ "type": "broadcast", "target_channel": "custom.news", "data": data });
        admin.post(PATH, body).await.ok()
    };
    for (words, is_compressed) in [(100, false), (2_000, true)] {
        let text = "lamp ".repeat(words);
        send(json!(text)).await;
        assert_eq!(plain.next("custom.news").await["data"], text.as_str());
        assert_eq!(small.next("custom.news").await["data"], text.as_str());
        assert_eq!((plain.inflated > 0, small.inflated > 0), (false, is_compressed), "{words} words");
    }
    let text = "lamp ".repeat(12_000);
    send(json!(text)).await;
    let word = plain.next("custom.news").await;
    let path = word["data"]["reference"].as_str().unwrap();
    let fetched = world.customer("ana").await.get(path).await.ok();
    assert_eq!(fetched["data"][0]["data"], text.as_str());
    assert_eq!(fetched["data"][0]["id"], word["id"]);
    assert_eq!(small.next("custom.news").await["data"], text.as_str(), "compressed, it fits a frame");
    let too_large = json!({ "type": "broadcast", "target_channel": "custom.news",
        "data": { "type": "custom.news", "payload": "x".repeat(70_000) } });
    assert_eq!(admin.post(PATH, too_large).await.outcome(), "413 payload_too_large");
    world.end().await;
}

#[tokio::test]
async fn compression_can_be_forbidden() {
    let off = [("CompressEvents".to_owned(), "false".to_owned())];
    let world = World::with(off.into()).await;
    let token = world.customer("ana").await.token.unwrap();
    let mut socket = world.socket_with(&token, "&encoding=gzip").await;
    socket.subscribes("custom.news").await;
    let body = json!({ "type": "broadcast", "target_channel": "custom.news",
        "data": { "type": "custom.news", "payload": "lamp ".repeat(2_000) } });
    world.admin().await.post(PATH, body).await.ok();
    socket.next("custom.news").await;
    assert_eq!(socket.inflated, 0);
    world.end().await;
}

#[tokio::test]
async fn whoever_polls_sees_what_listeners_see() {
    let world = World::new().await;
    let lamp = world.product("lamp", 9).await;
    let (ana, ben) = (world.customer("ana").await, world.customer("ben").await);
    let order = ana.buys(&lamp, 1).await;
    let channel = format!("order:{}", order["order_id"].as_str().unwrap());
    let poll = |channel: &str, more: &str| format!("/api/v1/realtime/events?channel={channel}{more}");
    let page = ana.get(&poll(&channel, "&limit=1")).await.ok();
    assert_eq!(
        (&page["data"][0]["type"], &page["seq"], &page["poll_after_ms"]),
        (&json!("order.created"), &json!(2), &json!(0))
    );
    let rest = ana.get(&poll(&channel, "&after_seq=1")).await.ok();
    assert_eq!((&rest["data"][0]["seq"], &rest["poll_after_ms"]), (&json!(2), &json!(2_000)));
    assert_eq!(ana.get(&poll(&channel, "&after_seq=2")).await.ok()["data"], json!([]));
    let ahead = ana.get(&poll(&channel, "&after_seq=99")).await.ok();
    assert_eq!(ahead["data"][0]["type"], "resync_required");
    let stock = ben.get(&poll("product:lamp", "")).await.ok();
    assert_eq!((&stock["data"][0]["data"]["available_quantity"], &stock["seq"]), (&json!(8), &Value::Null));

    for channel in [channel.as_str(), "order:ord_none", "user:ana", "admin", "shop:default"] {
        assert_eq!(ben.get(&poll(channel, "")).await.outcome(), "403 forbidden", "{channel}");
    }
    assert_eq!(ben.get(&poll("nothing", "")).await.outcome(), "400 validation_failed");
    assert_eq!(ben.get(&poll("test", "&limit=501")).await.complaint(), "400 validation_failed limit");
    assert_eq!(world.nobody().get(&poll("test", "")).await.outcome(), "401 unauthenticated");
    world.end().await;
}
