//! Many receivers, some of them dead, slow or refused: each is served, and none is in another's way.

use futures_util::{StreamExt, stream};
use jiff::SignedDuration;
use serde_json::{Value, json};

use crate::world::{Socket, World};

/// Sockets that one person may open at once.
const OF_ONE: usize = 100;

/// So many sockets that listen to `channel`.
async fn crowd(world: &World, size: usize, channel: &str) -> Vec<Socket> {
    let mut people = vec![];
    for _ in 0..size.div_ceil(OF_ONE) {
        people.push(format!("Bearer {}", world.guest().await.token.unwrap()));
    }
    let (url, people) = (format!("{}?v=1&channels={channel}", world.cloud().ws_url()), &people);
    let opened = (0..size).map(async |number| {
        Socket::open(&url, &[("authorization", &people[number / OF_ONE])]).await.unwrap()
    });
    stream::iter(opened).buffer_unordered(16).collect().await
}

async fn pieces(socket: &mut Socket) -> i64 {
    socket.next("inventory.updated").await["data"]["available_quantity"].as_i64().unwrap()
}

/// Waits until every socket has been told that so many pieces are left.
async fn all_hear(sockets: &mut [Socket], left: i64) {
    for socket in sockets {
        while pieces(socket).await != left {}
    }
}

async fn sell_one(world: &World) {
    world.customer("ben").await.orders("lamp", 1).await.ok();
    world.idle().await;
}

#[tokio::test]
async fn two_hundred_and_fifty_listeners_all_hear() {
    let world = World::new().await;
    world.product("lamp", 9).await;
    let mut sockets = crowd(&world, 250, "product:lamp").await;
    world.cloud().meter().reset();
    sell_one(&world).await;
    all_hear(&mut sockets, 8).await;
    assert_eq!(world.posts("Relay"), 250, "one post each, inline");
    assert_eq!(world.posts("Fanout"), 0);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_than_a_thousand_are_served_in_shards_from_the_queue() {
    let world = World::new().await;
    world.product("lamp", 9).await;
    let mut sockets = crowd(&world, 1_100, "product:lamp").await;
    world.cloud().meter().reset();
    sell_one(&world).await;
    all_hear(&mut sockets, 8).await;
    assert_eq!((world.posts("Relay"), world.posts("Fanout")), (0, 1_100));
    assert_eq!(world.requests("Relay", "SendMessage"), 2, "a thousand and the rest");
    world.end().await;
}

#[tokio::test]
async fn what_is_due_to_one_connection_goes_out_as_one_frame() {
    let world = World::new().await;
    let products: Vec<String> = (0..6).map(|n| format!("lamp{n}")).collect();
    for product in &products {
        world.product(product, 9).await;
    }
    let ana = world.customer("ana").await;
    let mut socket = ana.socket().await;
    for product in &products {
        socket.subscribes(&format!("product:{product}")).await;
    }
    world.idle().await;
    world.cloud().meter().reset();
    let items: Vec<Value> = products.iter().map(|id| json!({ "product_id": id, "quantity": 1 })).collect();
    ana.post("/api/v1/orders", json!({ "items": items, "currency": "USD" })).await.ok();
    world.idle().await;
    for _ in 0..6 {
        while pieces(&mut socket).await != 8 {}
    }
    assert!(world.posts("Relay") <= 3, "six levels and an order in {} posts", world.posts("Relay"));
    world.end().await;
}

#[tokio::test]
async fn the_dead_cost_one_post_each_and_the_living_hear_everything() {
    let world = World::new().await;
    world.product("lamp", 9).await;
    let mut sockets = crowd(&world, 100, "product:lamp").await;
    // Long enough open that 410 means what it says.
    world.advance(SignedDuration::from_secs(60)).await;
    world.cloud().meter().reset();
    world.fault(json!({ "service": "connections", "kind": "gone", "rate": 0.2, "seed": 7 })).await;
    sell_one(&world).await;
    assert_eq!(world.posts("Relay"), 100, "nobody is asked about twice");
    world.no_faults().await;

    let mut living = vec![];
    for mut socket in sockets.drain(..) {
        // Whoever was answered for with 410 heard nothing of it.
        let asked = socket.asks("hello", json!({})).await;
        match asked["type"].as_str() {
            Some("connection.ready") => living.push(socket),
            _ => assert_eq!(asked["error"]["code"], "unauthenticated", "nothing is known of it any more"),
        }
    }
    assert!((70..90).contains(&living.len()), "{} of 100 live", living.len());
    all_hear(&mut living, 8).await;
    world.advance(SignedDuration::from_secs(2)).await;
    world.cloud().meter().reset();
    sell_one(&world).await;
    assert_eq!(
        world.posts("Relay"),
        u64::try_from(living.len()).unwrap(),
        "the dead are not posted to again"
    );
    all_hear(&mut living, 7).await;
    world.end().await;
}

#[tokio::test]
async fn a_connection_that_seems_gone_while_it_is_being_opened_is_asked_about_once_more() {
    let world = World::new().await;
    world.product("lamp", 9).await;
    let mut socket = crowd(&world, 1, "product:lamp").await;
    world.cloud().meter().reset();
    world.fault(json!({ "service": "connections", "kind": "gone", "count": 1 })).await;
    sell_one(&world).await;
    all_hear(&mut socket, 8).await;
    assert_eq!(world.posts("Relay"), 2);
    world.advance(SignedDuration::from_secs(2)).await;
    world.fault(json!({ "service": "connections", "kind": "gone", "count": 2 })).await;
    sell_one(&world).await;
    assert_eq!(socket[0].asks("hello", json!({})).await["error"]["code"], "unauthenticated", "twice is gone");
    world.end().await;
}

#[tokio::test]
async fn whoever_is_refused_because_of_the_quota_is_served_later() {
    let world = World::new().await;
    world.product("lamp", 9).await;
    let mut sockets = crowd(&world, 40, "product:lamp").await;
    world.advance(SignedDuration::from_secs(60)).await;
    // Three tries each, and the first round from the queue as well.
    world
        .fault(json!({ "service": "connections", "operation": "PostToConnection", "kind": "throttle", "count": 150 }))
        .await;
    sell_one(&world).await;
    assert_eq!(world.posts("Fanout"), 0, "what was not taken waits");
    world.advance(SignedDuration::from_secs(10)).await;
    all_hear(&mut sockets, 8).await;
    for socket in &mut sockets {
        assert_eq!(
            socket.asks("hello", json!({})).await["type"],
            "connection.ready",
            "nobody was taken for dead"
        );
    }
    world.end().await;
}

#[tokio::test]
async fn a_connection_that_takes_nothing_for_minutes_is_closed_so_that_its_client_resumes() {
    let world = World::new().await;
    let lamp = world.product("lamp", 9).await;
    let ana = world.customer("ana").await;
    let mut socket = ana.socket().await;
    world
        .fault(json!({ "service": "connections", "operation": "PostToConnection", "kind": "throttle", "rate": 1.0 }))
        .await;
    ana.orders(&lamp, 1).await.ok();
    world.idle().await;
    world.advance(SignedDuration::from_mins(5)).await;
    socket.close_code().await;
    world.no_faults().await;
    let mut next = ana.socket().await;
    next.asks("subscribe", json!({ "channel": "user:ana", "last_seq": 0 })).await;
    assert_eq!(next.any_event().await["type"], "order.created");
    world.end().await;
}

#[tokio::test]
async fn a_connection_that_is_slow_keeps_nobody_waiting() {
    let world = World::new().await;
    world.product("lamp", 9).await;
    let mut sockets = crowd(&world, 60, "product:lamp").await;
    world.advance(SignedDuration::from_secs(60)).await;
    // Longer than a test waits for anything.
    world
        .fault(json!({ "service": "connections", "operation": "PostToConnection", "kind": "delay", "milliseconds": 120_000, "count": 1 }))
        .await;
    sell_one(&world).await;
    world.advance(SignedDuration::from_secs(2)).await;
    all_hear(&mut sockets, 8).await;
    world.end().await;
}
