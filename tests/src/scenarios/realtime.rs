//! Sockets: what is told, to whom, and what was missed.

use jiff::SignedDuration;
use serde_json::{Value, json};

use crate::world::{Socket, World};

fn statuses(events: &[Value]) -> Vec<String> {
    events.iter().map(|event| format!("{} {}", event["seq"], event["type"].as_str().unwrap())).collect()
}

#[tokio::test]
async fn whoever_missed_events_of_an_order_gets_them_again() {
    let world = World::new().await;
    let lamp = world.product("lamp", 3).await;
    let ana = world.customer("ana").await;
    let order = ana.buys(&lamp, 1).await;
    let channel = format!("order:{}", order["order_id"].as_str().unwrap());
    let mut socket = ana.socket().await;
    let resumed = socket.asks("subscribe", json!({ "channel": channel, "last_seq": 0 })).await;
    assert_eq!(resumed["data"]["seq"], 2);
    let missed = [socket.any_event().await, socket.any_event().await];
    assert_eq!(statuses(&missed), ["1 order.created", "2 order.status_updated"]);

    let nothing = socket.asks("resume", json!({ "channels": [{ "channel": channel, "last_seq": 2 }] })).await;
    assert_eq!(nothing["type"], "ack");
    let ahead = socket.asks("resume", json!({ "channels": [{ "channel": channel, "last_seq": 99 }] })).await;
    assert_eq!(ahead["type"], "ack");
    assert_eq!(socket.any_event().await["type"], "resync_required");
    world.end().await;
}

#[tokio::test]
async fn a_person_s_own_events_come_by_themselves_and_can_be_resumed() {
    let world = World::new().await;
    let lamp = world.product("lamp", 3).await;
    let ana = world.customer("ana").await;
    let mut socket = ana.socket().await;
    ana.buys(&lamp, 1).await;
    let mut live = vec![];
    // Four of the order, and two that tell of it.
    for _ in 0..6 {
        live.push(socket.any_event().await);
    }
    assert!(live.iter().all(|event| event["channel"] == "user:ana"), "{live:?}");
    let mut seqs: Vec<_> = live.iter().map(|event| event["seq"].as_u64().unwrap()).collect();
    seqs.sort_unstable();
    assert_eq!(seqs, [1, 2, 3, 4, 5, 6]);

    let mut later = ana.socket().await;
    later.asks("subscribe", json!({ "channel": "user:ana", "last_seq": 2 })).await;
    let missed = [later.any_event().await, later.any_event().await];
    assert_eq!(missed.each_ref().map(|event| event["seq"].clone()), [json!(3), json!(4)]);
    world.end().await;
}

#[tokio::test]
async fn somebody_else_s_channel_looks_like_one_that_does_not_exist() {
    let world = World::new().await;
    let lamp = world.product("lamp", 3).await;
    let (ana, ben) = (world.customer("ana").await, world.customer("ben").await);
    let order = ana.orders(&lamp, 1).await.ok();
    let mut socket = ben.socket().await;
    let hers = format!("order:{}", order["order_id"].as_str().unwrap());
    for channel in [hers.as_str(), "order:ord_none", "user:ana", "shop:default", "admin", "agents"] {
        assert_eq!(socket.subscribes(channel).await["error"]["code"], "forbidden", "{channel}");
    }
    for channel in ["", "nothing", "order:lamp", "product:a b"] {
        assert_eq!(socket.subscribes(channel).await["error"]["code"], "validation_failed", "{channel}");
    }
    let mut staff = world.person("agent", "gus", "default").await.socket().await;
    assert_eq!(staff.subscribes(&hers).await["type"], "ack");
    assert_eq!(staff.subscribes("shop:default").await["type"], "ack");
    assert_eq!(staff.subscribes("admin").await["error"]["code"], "forbidden");
    world.end().await;
}

#[tokio::test]
async fn frames_that_make_no_sense_are_answered_and_the_socket_stays_open() {
    let world = World::new().await;
    let ana = world.guest().await;
    let mut socket = ana.socket().await;
    for wrong in [
        "{",
        "[]",
        "\"\"",
        "{}",
        r#"{"type":"fly"}"#,
        r#"{"id":"x","type":"subscribe","data":{"channel":7}}"#,
        r#"{"id":7,"type":"hello"}"#,
    ] {
        socket.send_text(wrong).await;
        let reply = socket.frame().await.unwrap();
        assert_eq!(
            (&reply["type"], &reply["error"]["code"]),
            (&json!("error"), &json!("validation_failed")),
            "{wrong}: {reply}"
        );
    }
    assert_eq!(socket.asks("hello", json!({ "client": "test" })).await["type"], "connection.ready");
    let crowd: Vec<_> = (0..51).map(|n| format!("product:p{n}")).collect();
    assert_eq!(socket.asks("subscribe", json!({ "channels": crowd })).await["type"], "error");
    world.end().await;
}

#[tokio::test]
async fn older_clients_are_understood() {
    let world = World::new().await;
    world.product("lamp", 3).await;
    let mut socket = world.guest().await.socket().await;
    assert_eq!(socket.asks("product:track", json!("lamp")).await["data"]["channel"], "product:lamp");
    assert_eq!(socket.next("inventory.updated").await["data"]["quantity"], 3);
    assert_eq!(
        socket.asks("product:untrack", json!({ "productId": "lamp" })).await["data"]["channel"],
        "product:lamp"
    );
    socket.send_text(r#"{"type":"ping"}"#).await;
    assert_eq!(socket.frame().await.unwrap()["type"], "pong");
    world.end().await;
}

#[tokio::test]
async fn a_socket_ends_after_two_hours_and_leaves_nothing_behind() {
    let world = World::new().await;
    let lamp = world.product("lamp", 3).await;
    let ana = world.customer("ana").await;
    let mut socket = ana.socket().await;
    socket.subscribes("product:lamp").await;
    for _ in 0..13 {
        socket.send_text(r#"{"type":"ping"}"#).await;
        world.advance(SignedDuration::from_secs(554)).await;
    }
    assert_eq!(socket.close_code().await, Some(1001));
    let mut next = ana.socket().await;
    next.subscribes("product:lamp").await;
    ana.orders(&lamp, 1).await.ok();
    assert_eq!(next.next("inventory.updated").await["data"]["available_quantity"], 3);
    assert_eq!(next.next("inventory.updated").await["data"]["available_quantity"], 2);
    world.end().await;
}

#[tokio::test]
async fn a_row_that_cannot_be_published_is_parked_and_comes_later() {
    let world = World::new().await;
    let lamp = world.product("lamp", 3).await;
    let ana = world.customer("ana").await;
    let mut socket = ana.socket().await;
    world.fault(json!({ "service": "dynamodb", "function": "Relay", "operation": "TransactWriteItems", "kind": "refuse", "count": 30 })).await;
    ana.orders(&lamp, 1).await.ok();
    world.idle().await;
    world.nobody().send(reqwest::Method::DELETE, "/_local/faults", &[], None).await;
    world.advance(SignedDuration::from_mins(2)).await;
    assert_eq!(socket.next("order.created").await["channel"], "user:ana");
    world.end().await;
}

#[tokio::test]
async fn old_addresses_still_lead_somewhere() {
    let world = World::new().await;
    let lamp = world.product("lamp", 3).await;
    let agent = world.person("agent", "gus", "default").await;
    let (ana, ws) = (world.customer("ana").await, world.cloud().ws_url().to_owned());
    let open = async |path: &str, token: &Option<String>| {
        let authorization = format!("Bearer {}", token.as_deref().unwrap());
        Socket::open(&format!("{ws}{path}"), &[("authorization", &authorization)]).await
    };
    let mut desk = open("/merchant/default", &agent.token).await.unwrap();
    let mut named =
        open("?userId=ana&sessionId=s1&channels=product:lamp,inventory", &ana.token).await.unwrap();
    ana.orders(&lamp, 1).await.ok();
    assert_eq!(desk.next("order.created").await["channel"], "shop:default");
    let told = [named.next("inventory.updated").await, named.next("inventory.updated").await];
    let channels: std::collections::BTreeSet<_> =
        told.iter().map(|event| event["channel"].as_str()).collect();
    assert_eq!(channels, [Some("inventory"), Some("product:lamp")].into());
    for (path, token) in [
        ("/merchant/default", &ana.token),
        ("/merchant/acme", &agent.token),
        ("/admin/gus", &agent.token),
        ("?userId=eve", &ana.token),
        ("?channels=order:ord_1", &ana.token),
        ("?channels=user:eve", &ana.token),
        ("?channels=nothing", &ana.token),
    ] {
        assert!(open(path, token).await.is_err(), "{path}");
    }
    world.end().await;
}
