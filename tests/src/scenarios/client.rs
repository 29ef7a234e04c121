//! A client whose socket breaks, ends or stutters has in the end what the server has, once and in order.

use jiff::SignedDuration;
use serde_json::json;

use crate::{
    chat::{opens, path},
    listener::Listener,
    wire::{Fault, Wire},
    world::{Person, World},
};

/// The log as the server keeps it, read anew: `1 evt_…`.
async fn log(who: &Person<'_>, channel: &str) -> Vec<String> {
    let mut socket = who.socket().await;
    let resumed = socket.asks("subscribe", json!({ "channel": channel, "last_seq": 0 })).await;
    let mut events = vec![];
    for seq in 1..=resumed["data"]["seq"].as_u64().unwrap() {
        let event = socket.any_event().await;
        assert_eq!((&event["channel"], &event["seq"]), (&json!(channel), &json!(seq)), "{event}");
        events.push(format!("{seq} {}", event["id"].as_str().unwrap()));
    }
    socket.close().await;
    events
}

/// RT-R1. Each connection but the third breaks after so many messages, whatever they are: the greeting, an answer,
/// an event.
async fn the_log_of_somebody_cut_after(world: &World, messages: usize, lamp: &str) -> u64 {
    let name = format!("ana-{messages}");
    let ana = world.customer(&name).await;
    let cut = move |connection| if connection < 2 { Fault::CutAfter(messages) } else { Fault::None };
    let wire = Wire::to(world.cloud().ws_url(), cut).await;
    let listener = Listener::new(world, &ana, &[], Some(wire)).await;
    let order = ana.orders(lamp, 1).await.ok();
    let way = format!("order:{}", order["order_id"].as_str().unwrap());
    listener.client.follow(&way, Some(0));
    let intent = ana.begins_to_pay(&order).await;
    world.pays(&intent, "pm_card_visa").await.ok();
    let summary = listener.leaves().await;
    assert_eq!((summary.complaints, summary.missing), (vec![], 0), "cut after {messages}");
    let own = format!("user:{name}");
    for channel in [own, way] {
        let kept = log(&ana, &channel).await;
        assert!(!kept.is_empty());
        assert_eq!(listener.log(&channel), kept, "{channel}, cut after {messages}");
    }
    summary.reconnects
}

#[tokio::test]
async fn a_client_cut_at_any_message_has_the_server_s_log_in_the_end() {
    let world = World::new().await;
    let lamp = world.product("lamp", 20).await;
    let everybody = (0..10).map(|messages| the_log_of_somebody_cut_after(&world, messages, &lamp));
    let reconnects: u64 = futures_util::future::join_all(everybody).await.iter().sum();
    assert!(reconnects >= 5, "{reconnects} sockets were cut that were listened on");
    world.end().await;
}

/// CH-R5. As above, while its person talks. How often they said something again.
async fn what_is_said_by_somebody_cut_after(world: &World, messages: usize) -> u64 {
    let ana = world.customer(&format!("talker-{messages}")).await;
    let id = opens(&ana).await;
    let channel = format!("conversation:{id}");
    let cut = move |connection| if connection < 2 { Fault::CutAfter(messages) } else { Fault::None };
    let wire = Wire::to(world.cloud().ws_url(), cut).await;
    let listener = Listener::new(world, &ana, &[&channel], Some(wire)).await;
    let texts: Vec<String> = (1..=5).map(|number| format!("That is {number}.")).collect();
    let said = texts.iter().map(|text| listener.client.say(id.parse().unwrap(), text));
    let places = futures_util::future::join_all(said.collect::<Vec<_>>()).await;
    let places: Vec<u64> = places.into_iter().map(|said| said.unwrap().seq).collect();
    let summary = listener.leaves().await;
    assert_eq!((summary.complaints, summary.missing), (vec![], 0), "cut after {messages}");
    let kept = ana.get(&path(&id, "messages")).await.ok();
    let kept: Vec<_> = kept["data"].as_array().unwrap().iter().map(|said| &said["content"]["text"]).collect();
    assert_eq!(json!(kept), json!(texts), "cut after {messages}");
    assert_eq!(places, (1..=5).collect::<Vec<_>>(), "cut after {messages}");
    summary.said_again
}

#[tokio::test]
async fn whatever_a_client_says_while_it_is_cut_is_said_once_and_in_order() {
    let world = World::new().await;
    let everybody = (0..9).map(|messages| what_is_said_by_somebody_cut_after(&world, messages));
    let again: u64 = futures_util::future::join_all(everybody).await.iter().sum();
    assert!(again > 0, "something was said that nobody acknowledged");
    world.end().await;
}

/// RT-R2.
#[tokio::test]
async fn a_client_changes_sockets_before_two_hours_are_over_and_misses_nothing() {
    let world = World::new().await;
    let lamp = world.product("lamp", 20).await;
    let ana = world.customer("ana").await;
    let listener = Listener::new(&world, &ana, &["product:lamp"], None).await;
    for _ in 0..16 {
        ana.orders(&lamp, 1).await.ok();
        // The fourteenth step ends one minute before the socket does.
        world.advance(SignedDuration::from_secs(510)).await;
        listener.client.look().await;
    }
    world.idle().await;
    let summary = listener.leaves().await;
    assert_eq!((summary.complaints, summary.missing), (vec![], 0));
    assert_eq!((summary.handovers, summary.reconnects), (1, 0));
    assert_eq!(listener.log("user:ana"), log(&ana, "user:ana").await);
    let versions: Vec<_> =
        listener.states("product:lamp").iter().map(|stock| stock["version"].as_u64()).collect();
    assert!(versions.is_sorted_by(|before, after| before < after), "{versions:?}");
    world.end().await;
}

/// RT-R7.
#[tokio::test]
async fn a_client_that_is_told_everything_twice_tells_it_once() {
    let world = World::new().await;
    let lamp = world.product("lamp", 20).await;
    let ana = world.customer("ana").await;
    let wire = Wire::to(world.cloud().ws_url(), |_| Fault::Twice).await;
    let listener = Listener::new(&world, &ana, &["product:lamp"], Some(wire)).await;
    for _ in 0..3 {
        ana.buys(&lamp, 1).await;
    }
    // Stock is told once a second, the last value always.
    world.advance(SignedDuration::from_secs(1)).await;
    let summary = listener.leaves().await;
    assert_eq!((summary.complaints, summary.missing), (vec![], 0));
    assert_eq!(summary.counts.duplicated * 2, summary.counts.arrived);
    assert_eq!(listener.log("user:ana"), log(&ana, "user:ana").await);
    let stock = listener.states("product:lamp");
    let versions: Vec<_> = stock.iter().map(|stock| stock["version"].as_u64()).collect();
    assert!(versions.is_sorted_by(|before, after| before < after), "{versions:?}");
    assert_eq!(stock.last().unwrap()["available_quantity"], 17);
    world.end().await;
}
