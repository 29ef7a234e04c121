//! When publishing fails: one row is parked and repaired, its neighbours flow, and after a long outage all of it is
//! published again.

use jiff::SignedDuration;
use local::cloud::LocalCloud;
use serde_json::json;

use crate::world::World;

/// What Ana's log has, by type.
async fn log_of_ana(world: &World) -> Vec<String> {
    let events = world.customer("ana").await.get("/api/v1/realtime/events?channel=user:ana").await.ok();
    let types = events["data"].as_array().unwrap().iter();
    types.map(|event| event["type"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_poisoned_row_parks_alone_and_is_repaired_while_its_neighbours_flow() {
    let world = World::new().await;
    let lamp = world.product("lamp", 9).await;
    let (ana, ben) = (world.customer("ana").await, world.customer("ben").await);
    let (mut anas, mut bens) = (ana.socket().await, ben.socket().await);
    // Whatever the relay writes to one log fails, as often as it tries.
    world
        .fault(json!({ "service": "dynamodb", "function": "Relay", "operation": "TransactWriteItems", "kind": "refuse", "count": 3 }))
        .await;
    ana.orders(&lamp, 1).await.ok();
    world.idle().await;
    ben.orders(&lamp, 1).await.ok();
    world.idle().await;
    assert_eq!(bens.so_far().await[0]["type"], "order.created");
    assert_eq!(anas.so_far().await, [serde_json::Value::Null; 0]);
    assert_eq!(log_of_ana(&world).await, [""; 0]);
    world.advance(SignedDuration::from_mins(2)).await;
    assert_eq!(anas.so_far().await[0]["type"], "order.created", "the sweeper has repaired it");
    assert_eq!(log_of_ana(&world).await, ["order.created"]);
    world.end().await;
}

#[tokio::test]
async fn after_an_outage_everything_is_published_again_once() {
    let world = World::new().await;
    let lamp = world.product("lamp", 9).await;
    let ana = world.customer("ana").await;
    ana.orders(&lamp, 1).await.ok();
    world.idle().await;
    let since = world.cloud().clock().now();
    world.fault(json!({ "service": "dynamodb", "function": "Relay", "kind": "refuse", "rate": 1.0 })).await;
    world.advance(SignedDuration::from_secs(1)).await;
    ana.orders(&lamp, 2).await.ok();
    world.product("shade", 1).await;
    // Until the streams have given the records up: their dead letters name them and do not have them.
    world.advance(SignedDuration::from_mins(30)).await;
    world.no_faults().await;
    assert_eq!(log_of_ana(&world).await, ["order.created"], "an hour of it is lost");

    let mut socket = ana.socket().await;
    let rerelay = async |cloud: &LocalCloud| cloud.rerelay(since).await.unwrap();
    assert!(rerelay(world.cloud()).await > 0);
    world.idle().await;
    let whole = log_of_ana(&world).await;
    assert_eq!(whole.iter().filter(|kind| *kind == "order.created").count(), 2, "{whole:?}");
    assert!(socket.so_far().await.iter().any(|event| event["type"] == "order.created"));
    let audit = async || {
        let log = world.admin().await.get("/api/v1/audit-logs?limit=100").await.ok();
        log["data"].as_array().unwrap().iter().filter(|line| line["entity_id"] == "shade").count()
    };
    assert!(audit().await > 0);
    let before = audit().await;
    rerelay(world.cloud()).await;
    world.idle().await;
    assert_eq!((log_of_ana(&world).await, audit().await), (whole, before), "once more changes nothing");
    world.end().await;
}
