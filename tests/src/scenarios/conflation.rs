//! Values that change faster than anybody can read: at most one post a second, and the last one is never lost.

use jiff::SignedDuration;
use serde_json::{Value, json};

use crate::world::{Person, Socket, World};

/// All that a socket has been told of stock, with nothing left under way.
async fn told(world: &World, socket: &mut Socket) -> Vec<(i64, u64)> {
    world.idle().await;
    let events = socket.so_far().await;
    let stock = events.iter().filter(|event| event["type"] == "inventory.updated");
    stock
        .map(|event| {
            (event["data"]["available_quantity"].as_i64().unwrap(), event["version"].as_u64().unwrap())
        })
        .collect()
}

async fn sell(admin: &Person<'_>, pieces: usize) {
    for _ in 0..pieces {
        let one = json!({ "product_id": "lamp", "quantity": 1, "operation": "subtract" });
        admin.post("/api/v1/inventory/adjustments", one).await.ok();
    }
}

async fn second(world: &World) {
    world.advance(SignedDuration::from_secs(1)).await;
}

#[tokio::test]
async fn ten_changes_of_a_moment_are_two_posts_and_the_last_is_the_latest() {
    let world = World::new().await;
    world.product("lamp", 100).await;
    let admin = world.admin().await;
    let mut viewer = world.guest().await.socket().await;
    viewer.subscribes("product:lamp").await;
    viewer.subscribes("inventory").await;
    assert_eq!(told(&world, &mut viewer).await.len(), 1, "what there is");
    sell(&admin, 10).await;
    let at_once = told(&world, &mut viewer).await;
    assert_eq!(at_once.len(), 2, "once on each channel: {at_once:?}");
    world.cloud().meter().reset();
    second(&world).await;
    let later = told(&world, &mut viewer).await;
    assert_eq!(later.iter().map(|(pieces, _)| *pieces).collect::<Vec<_>>(), [90, 90]);
    assert!(later[0].1 > at_once[0].1, "the version has grown");
    assert_eq!(world.posts("Fanout"), 1, "both channels in one post");
    for _ in 0..3 {
        second(&world).await;
    }
    assert_eq!(told(&world, &mut viewer).await, [], "nothing changed, nothing is said");
    world.end().await;
}

#[tokio::test]
async fn over_any_second_there_is_one_post_and_the_end_is_always_told() {
    let world = World::new().await;
    world.product("lamp", 200).await;
    let admin = world.admin().await;
    let mut viewer = world.guest().await.socket().await;
    viewer.subscribes("product:lamp").await;
    told(&world, &mut viewer).await;
    let mut left = 200;
    for sales in [1_usize, 0, 3, 0, 0, 1, 1, 5, 2, 0, 4, 1] {
        sell(&admin, sales).await;
        left -= i64::try_from(sales).unwrap();
        assert!(told(&world, &mut viewer).await.len() <= 1);
        second(&world).await;
        let refreshed = told(&world, &mut viewer).await;
        assert!(refreshed.len() <= 1);
        assert!(refreshed.iter().all(|(pieces, _)| *pieces == left), "{refreshed:?}, {left} are left");
    }
    world.end().await;
}

#[tokio::test]
async fn the_latest_value_is_told_whatever_fails_on_the_way() {
    let world = World::new().await;
    world.product("lamp", 100).await;
    let admin = world.admin().await;
    let mut viewer = world.guest().await.socket().await;
    viewer.subscribes("product:lamp").await;
    told(&world, &mut viewer).await;
    let slot = |function: &str, kind: &str, skip: u64| {
        json!({ "service": "dynamodb", "function": function, "operation": "UpdateItem", "table": "RealtimeTable",
            "kind": kind, "count": 4, "skip": skip })
    };
    let faults = [
        json!({ "service": "sqs", "function": "Relay", "operation": "SendMessage", "kind": "refuse", "count": 4 }),
        json!({ "service": "sqs", "function": "Relay", "operation": "SendMessage", "kind": "drop", "count": 1 }),
        slot("Relay", "refuse", 0),
        slot("Relay", "drop", 1),
        slot("Fanout", "refuse", 0),
        slot("Fanout", "drop", 0),
        json!({ "service": "dynamodb", "function": "Fanout", "operation": "Query", "kind": "refuse", "count": 4 }),
        json!({ "service": "connections", "function": "Fanout", "kind": "throttle", "count": 5 }),
        json!({ "service": "connections", "function": "Relay", "kind": "drop", "count": 1 }),
    ];
    let mut left = 100;
    for fault in faults {
        world.fault(fault.clone()).await;
        sell(&admin, 3).await;
        left -= 3;
        world.idle().await;
        world.no_faults().await;
        // Long enough for whatever is tried again, parked rows included.
        world.advance(SignedDuration::from_mins(3)).await;
        let values = told(&world, &mut viewer).await;
        let latest = values.iter().max_by_key(|(_, version)| *version);
        assert_eq!(latest.map(|(pieces, _)| *pieces), Some(left), "{fault}: {values:?}");
    }
    world.end().await;
}

/// Holds the first `count` times up that `function` asks the table of sockets for something, while a shop goes on.
async fn held_up(world: &World, function: &str, operation: &str, count: u64) {
    let fault = json!({ "service": "dynamodb", "function": function, "operation": operation,
        "table": "RealtimeTable", "kind": "delay", "milliseconds": 1_500, "count": count });
    world.fault(fault).await;
}

/// Asserts that each version is said once on each channel, and the last one, with what is left, on all of them.
fn each_once(told: &[Value], channels: &[&str], left: i64) {
    for channel in channels {
        let is_on = |event: &&Value| event["type"] == "inventory.updated" && event["channel"] == *channel;
        let on_it: Vec<&Value> = told.iter().filter(is_on).collect();
        let versions: Vec<u64> = on_it.iter().map(|event| event["version"].as_u64().unwrap()).collect();
        assert!(versions.is_sorted_by(|one, next| one < next), "{channel}: {versions:?}");
        let last = on_it.last().unwrap_or_else(|| panic!("nothing is said on {channel}"));
        assert_eq!(last["data"]["available_quantity"], left, "{channel}: {versions:?}");
    }
}

#[tokio::test]
async fn a_value_that_was_read_ahead_of_its_news_is_not_said_again() {
    let world = World::new().await;
    world.product("lamp", 100).await;
    let admin = world.admin().await;
    let channels = ["product:lamp", "inventory"];
    let mut viewer = world.guest().await.socket().await;
    for channel in channels {
        viewer.subscribes(channel).await;
    }
    told(&world, &mut viewer).await;
    let mut heard = vec![];
    // The relay has the first sale in hand and is slow: it reads the second and the third with it, whose rows it gets later.
    held_up(&world, "Relay", "Query", 2).await;
    sell(&admin, 3).await;
    world.idle().await;
    heard.extend(viewer.so_far().await);
    // The refresh of the next two is slow, and reads what is sold meanwhile.
    second(&world).await;
    sell(&admin, 2).await;
    for _ in 0..3 {
        world.idle().await;
        heard.extend(viewer.so_far().await);
        held_up(&world, "Fanout", "Query", 2).await;
        let ((), ()) = tokio::join!(second(&world), sell(&admin, 1));
    }
    for _ in 0..3 {
        second(&world).await;
        world.idle().await;
        heard.extend(viewer.so_far().await);
    }
    each_once(&heard, &channels, 92);
    world.end().await;
}

#[tokio::test]
async fn a_change_that_is_alone_is_one_write_one_read_and_one_post() {
    let world = World::new().await;
    world.product("lamp", 100).await;
    let admin = world.admin().await;
    let mut viewer = world.guest().await.socket().await;
    viewer.subscribes("product:lamp").await;
    told(&world, &mut viewer).await;
    world.cloud().meter().reset();
    sell(&admin, 1).await;
    assert_eq!(told(&world, &mut viewer).await, [(99, 2)]);
    second(&world).await;
    let rows = world.cloud().meter().snapshot().rows.into_iter();
    let rows = rows.filter(|row| ["Relay", "Fanout"].contains(&row.function.as_str()));
    let said = rows.filter(|row| row.table.as_deref() != Some("PlatformTable")).map(|row| {
        let (table, read, written) = (row.table.as_deref().unwrap_or("-"), row.read_units, row.write_units);
        format!(
            "{} {} {table}: {}, {read} read, {written} written",
            row.function, row.operation, row.requests
        )
    });
    insta::assert_snapshot!(said.collect::<Vec<_>>().join("\n"), @"
    Relay Query InventoryTable: 1, 1 read, 0 written
    Relay Query RealtimeTable: 3, 3 read, 0 written
    Relay UpdateItem RealtimeTable: 1, 0 read, 1 written
    Relay PostToConnection -: 1, 0 read, 0 written
    ");
    world.end().await;
}

#[tokio::test]
async fn staff_sees_more_of_a_change_than_the_public() {
    let world = World::new().await;
    world.product("lamp", 100).await;
    let mut guest = world.guest().await.socket().await;
    let mut agent = world.person("agent", "gus", "default").await.socket().await;
    for socket in [&mut guest, &mut agent] {
        socket.subscribes("inventory").await;
    }
    world.customer("ben").await.orders("lamp", 2).await.ok();
    let public = guest.next("inventory.updated").await;
    let staffs = agent.next("inventory.updated").await;
    let of = |event: &Value, field: &str| event["data"][field].clone();
    for event in [&public, &staffs] {
        assert_eq!((of(event, "available_quantity"), of(event, "quantity")), (json!(98), json!(98)));
    }
    for field in ["previous_quantity", "current_quantity", "change_type", "location"] {
        assert_eq!(of(&public, field), Value::Null, "{public}");
    }
    assert_eq!((of(&staffs, "previous_quantity"), of(&staffs, "current_quantity")), (json!(100), json!(98)));
    assert_eq!((of(&staffs, "change_type"), of(&staffs, "location")), (json!("reservation"), json!("main")));
    world.end().await;
}

#[tokio::test]
async fn a_hold_that_becomes_a_sale_is_nothing_new_to_see() {
    let world = World::new().await;
    let lamp = world.product("lamp", 100).await;
    let mut viewer = world.guest().await.socket().await;
    viewer.subscribes("product:lamp").await;
    told(&world, &mut viewer).await;
    world.cloud().meter().reset();
    world.customer("ana").await.buys(&lamp, 2).await;
    for _ in 0..2 {
        second(&world).await;
    }
    assert_eq!(told(&world, &mut viewer).await, [(98, 2)], "as many as there were to buy before it was paid");
    assert_eq!((world.posts("Relay"), world.posts("Fanout")), (1, 0));
    world.end().await;
}

#[tokio::test]
async fn one_thing_that_lies_in_two_places_is_one_value() {
    let world = World::new().await;
    let lamp = world.product("lamp", 5).await;
    let mut viewer = world.guest().await.socket().await;
    viewer.subscribes("product:lamp").await;
    told(&world, &mut viewer).await;
    let place = json!({ "location_id": "cellar", "name": "Cellar" });
    world.admin().await.post("/api/v1/inventory/locations", place).await.ok();
    let add = json!({ "product_id": lamp, "quantity": 7, "operation": "add", "location": "cellar" });
    world.admin().await.post("/api/v1/inventory/adjustments", add).await.ok();
    assert_eq!(told(&world, &mut viewer).await, [(12, 2)]);
    let mut later = world.guest().await.socket().await;
    later.subscribes("product:lamp").await;
    assert_eq!(told(&world, &mut later).await, [(12, 2)], "and whoever joins sees the same");
    world.end().await;
}

#[tokio::test]
async fn an_order_on_the_shop_s_screens_shows_where_it_is() {
    let world = World::new().await;
    let lamp = world.product("lamp", 5).await;
    let ana = world.customer("ana").await;
    let mut desk = world.person("agent", "gus", "default").await.socket().await;
    desk.subscribes("shop:default").await;
    let order = ana.buys(&lamp, 1).await;
    assert_eq!(desk.next("order.created").await["data"]["order_id"], order["order_id"]);
    let paid = desk.next("order.tracking_updated").await;
    assert_eq!((&paid["data"]["current_status"], &paid["seq"]), (&json!("paid"), &Value::Null));
    assert!(paid["version"].as_u64().unwrap() > 1);
    world.end().await;
}
