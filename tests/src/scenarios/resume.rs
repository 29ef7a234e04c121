//! Sockets drop at any moment; nothing of a log is lost, and nothing is taken for two.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::world::{Person, Socket, World};

/// What a client has of a log: by `seq`, so that what comes twice changes nothing and what comes late finds its place.
#[derive(Default)]
struct Log(BTreeMap<u64, Value>);

impl Log {
    fn take(&mut self, event: &Value) {
        if let Some(seq) = event["seq"].as_u64() {
            let known = self.0.entry(seq).or_insert_with(|| event.clone());
            assert_eq!(known["id"], event["id"], "two events have one place");
        }
    }

    /// The last event before which none is missing.
    fn last_seq(&self) -> u64 {
        self.0
            .keys()
            .zip(1..)
            .take_while(|(seq, expected)| *seq == expected)
            .map(|(seq, _)| *seq)
            .last()
            .unwrap_or(0)
    }

    fn take_all(&mut self, events: &[Value]) {
        for event in events {
            self.take(event);
        }
    }

    /// `1 order.created`, in order.
    fn lines(&self) -> Vec<String> {
        self.0.iter().map(|(seq, event)| format!("{seq} {} {}", event["type"], event["id"])).collect()
    }
}

async fn resumed(world: &World, person: &Person<'_>, log: &Log) -> Socket {
    // With a token: tickets are not made so fast.
    let mut socket = world.socket_with(person.token.as_deref().unwrap(), "").await;
    let channels = json!([{ "channel": "user:ana", "last_seq": log.last_seq() }]);
    assert_eq!(socket.asks("resume", json!({ "channels": channels })).await["type"], "ack");
    socket
}

/// What the server has of Ana's log, read by polling, two events at a time.
async fn servers(ana: &Person<'_>) -> Log {
    let mut log = Log::default();
    loop {
        let path = format!("/api/v1/realtime/events?channel=user:ana&limit=2&after_seq={}", log.last_seq());
        let page = ana.get(&path).await.ok();
        log.take_all(page["data"].as_array().unwrap());
        if page["poll_after_ms"] != 0 {
            assert_eq!(page["seq"], log.last_seq());
            return log;
        }
    }
}

#[tokio::test]
async fn dropped_at_every_event_a_client_ends_with_the_server_s_log() {
    let world = World::new().await;
    let lamp = world.product("lamp", 100).await;
    let ana = world.customer("ana").await;
    let mut log = Log::default();
    for _ in 0..5 {
        // Some events come live, some while nobody is connected, one socket is dropped after each that is read.
        let mut socket = resumed(&world, &ana, &log).await;
        ana.orders(&lamp, 1).await.ok();
        log.take(&socket.any_event().await);
        drop(socket);
        ana.buys(&lamp, 1).await;
    }
    let whole = servers(&ana).await;
    assert_eq!(
        whole.last_seq(),
        5 + 5 * 6,
        "an order that is left, and one that is bought and told of twice"
    );
    let (mut steps, mut before) = (0, log.last_seq());
    while log.last_seq() < whole.last_seq() {
        let mut socket = resumed(&world, &ana, &log).await;
        log.take(&socket.any_event().await);
        assert_eq!(log.last_seq(), before + 1, "the very next one comes first");
        (steps, before) = (steps + 1, log.last_seq());
        drop(socket);
    }
    assert!(steps > 10, "{steps} drops");
    assert_eq!(log.lines(), whole.lines());
    world.end().await;
}

#[tokio::test]
async fn an_event_between_a_subscription_and_its_ack_is_not_lost() {
    let world = World::new().await;
    let lamp = world.product("lamp", 100).await;
    let ana = world.customer("ana").await;
    let order = ana.orders(&lamp, 1).await.ok();
    let id = order["order_id"].as_str().unwrap();
    let channel = format!("order:{id}");
    // Before the subscription is there, and after it is, before the state is read.
    for (operation, table) in [("PutItem", "RealtimeTable"), ("Query", "OrdersTable")] {
        let mut socket = ana.socket().await;
        let slow = json!({ "service": "dynamodb", "function": "WsMessage", "operation": operation, "table": table,
            "kind": "delay", "milliseconds": 300, "count": 1 });
        world.fault(slow).await;
        let order = ana.orders(&lamp, 1).await.ok();
        let id = order["order_id"].as_str().unwrap().to_owned();
        let channel = format!("order:{id}");
        let path = format!("/api/v1/orders/{id}/cancel");
        let (ack, cancelled) = tokio::join!(
            socket.asks("subscribe", json!({ "channel": channel, "last_seq": 1 })),
            ana.post(&path, json!({}))
        );
        cancelled.ok();
        assert_eq!(ack["type"], "ack");
        let mut events = vec![socket.next("order.status_updated").await];
        events.extend(socket.so_far().await);
        let on_it: Vec<_> = events.iter().filter(|event| event["channel"] == channel.as_str()).collect();
        assert!(on_it.iter().any(|event| event["seq"] == 2), "{operation}: {events:?}");
    }
    let mut late = ana.socket().await;
    assert_eq!(late.subscribes(&channel).await["data"]["seq"], 1);
    world.end().await;
}

#[tokio::test]
async fn several_channels_are_resumed_at_once_each_in_its_way() {
    let world = World::new().await;
    let lamp = world.product("lamp", 9).await;
    let ana = world.customer("ana").await;
    let order = ana.buys(&lamp, 1).await;
    let orders = format!("order:{}", order["order_id"].as_str().unwrap());
    let mut socket = ana.socket().await;
    let points = json!([
        { "channel": orders, "last_seq": 1 },
        { "channel": "user:ana", "last_seq": 0 },
        { "channel": "product:lamp", "last_seq": 0 },
        { "channel": "inventory", "last_seq": 0 },
    ]);
    let ack = socket.asks("resume", json!({ "channels": points })).await;
    assert_eq!(ack["data"]["channels"].as_array().map(Vec::len), Some(4), "{ack}");
    let events = socket.so_far().await;
    let of = |channel: &str| -> Vec<String> {
        let on_it = events.iter().filter(|event| event["channel"] == channel);
        on_it.map(|event| event["type"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(of(&orders), ["order.status_updated"]);
    assert_eq!(of("user:ana").len(), 6);
    assert_eq!(of("product:lamp"), ["inventory.updated"], "the latest value");
    assert_eq!(of("inventory"), ["resync_required"], "too many values: they are read over HTTP");
    world.end().await;
}

#[tokio::test]
async fn a_second_socket_takes_over_without_a_gap_before_the_first_one_ends() {
    let world = World::new().await;
    let lamp = world.product("lamp", 100).await;
    let ana = world.customer("ana").await;
    let mut log = Log::default();
    let mut first = resumed(&world, &ana, &log).await;
    let minutes = jiff::SignedDuration::from_mins;
    for _ in 0..13 {
        ana.orders(&lamp, 1).await.ok();
        world.idle().await;
        log.take_all(&first.so_far().await);
        world.advance(minutes(9)).await;
    }
    // An hour and fifty-seven minutes: the next one is opened, and for a while both hear.
    let mut second = resumed(&world, &ana, &log).await;
    ana.orders(&lamp, 1).await.ok();
    world.advance(minutes(4)).await;
    first.close_code().await;
    ana.orders(&lamp, 1).await.ok();
    world.idle().await;
    log.take_all(&second.so_far().await);
    assert_eq!(log.lines(), servers(&ana).await.lines());
    world.end().await;
}

#[tokio::test]
async fn what_comes_twice_changes_nothing() {
    let world = World::new().await;
    let lamp = world.product("lamp", 100).await;
    let ana = world.customer("ana").await;
    let mut socket = ana.socket().await;
    // The answers to posts are lost: each is sent again.
    world.fault(json!({ "service": "connections", "kind": "drop", "count": 2 })).await;
    ana.orders(&lamp, 1).await.ok();
    world.idle().await;
    let events = socket.so_far().await;
    let mut log = Log::default();
    log.take_all(&events);
    assert!(events.len() > log.0.len(), "{events:?}");
    assert_eq!(log.lines(), servers(&ana).await.lines());
    world.end().await;
}
