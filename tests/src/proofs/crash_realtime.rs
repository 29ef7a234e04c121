//! Crash points of sockets, and of the relay that feeds them.

use std::collections::BTreeMap;

use jiff::SignedDuration;
use serde_json::{Value, json};

use crate::{
    crash::{Act, Outcome, done_wherever_it_breaks_off},
    socket::Socket,
    world::World,
};

/// Somebody with a socket, and a product of which there are five.
struct Scene {
    who: String,
    product: String,
    order: Value,
    socket: Socket,
}

impl Scene {
    async fn with_socket(world: &World, name: &str) -> Self {
        let product = world.product(name, 5).await;
        let socket = world.customer(name).await.socket().await;
        Self { who: name.to_owned(), product, order: Value::Null, socket }
    }

    fn order_channel(&self) -> String {
        format!("order:{}", self.order["order_id"].as_str().unwrap())
    }

    /// Asks on the socket; what came to nothing is asked again.
    async fn asks(&mut self, kind: &str, data: Value) -> Outcome {
        let again = Outcome::Again(SignedDuration::ZERO);
        match self.socket.tries(kind, data).await {
            None => again,
            Some(reply) if reply["type"] == "ack" => Outcome::Done(reply),
            Some(reply) => {
                let code = reply["error"]["code"].as_str().unwrap().to_owned();
                assert!(["upstream_unavailable", "rate_limited"].contains(&code.as_str()), "{reply}");
                again
            }
        }
    }
}

/// Puts events that may have come twice in order. Twins must be alike; a `seq` is of one event only.
fn told_apart(events: Vec<Value>) -> Vec<Value> {
    let mut by_seq: BTreeMap<u64, Value> = BTreeMap::new();
    for event in events {
        let seq = event["seq"].as_u64().unwrap_or_else(|| panic!("no seq: {event}"));
        let before = by_seq.entry(seq).or_insert_with(|| event.clone());
        assert_eq!(
            (&before["id"], &before["type"], &before["data"]),
            (&event["id"], &event["type"], &event["data"])
        );
    }
    by_seq.into_values().collect()
}

fn told(events: &[Value]) -> Vec<String> {
    events.iter().map(|event| format!("{} {}", event["seq"], event["type"].as_str().unwrap())).collect()
}

/// Begins to listen to a product.
struct Subscribe;

impl Act for Subscribe {
    type Scene = Scene;

    fn name(&self) -> String {
        "subscribe".to_owned()
    }

    fn functions(&self) -> &'static [&'static str] {
        &["WsMessage"]
    }

    async fn set_up(&self, world: &World, name: &str) -> Scene {
        Scene::with_socket(world, name).await
    }

    async fn ask(&self, _: &World, scene: &mut Scene) -> Outcome {
        let channel = format!("product:{}", scene.product);
        scene.asks("subscribe", json!({ "channel": channel })).await
    }

    async fn check(&self, world: &World, mut scene: Scene, _: Value) {
        let latest = scene.socket.so_far().await;
        assert!(latest.iter().any(|event| event["data"]["available_quantity"] == 5), "{latest:?}");
        let more = json!({ "product_id": scene.product, "quantity": 1, "operation": "add" });
        world.admin().await.post("/api/v1/inventory/adjustments", more).await.ok();
        world.idle().await;
        let news = scene.socket.so_far().await;
        let quantities: Vec<_> = news.iter().map(|event| &event["data"]["available_quantity"]).collect();
        assert_eq!(quantities, [&json!(6)], "one subscription, one event");
        scene.socket.close().await;
    }
}

/// Asks for what was missed of an order.
struct Resume;

impl Act for Resume {
    type Scene = Scene;

    fn name(&self) -> String {
        "resume".to_owned()
    }

    fn functions(&self) -> &'static [&'static str] {
        &["WsMessage"]
    }

    async fn set_up(&self, world: &World, name: &str) -> Scene {
        let product = world.product(name, 5).await;
        let ana = world.customer(name).await;
        let order = ana.orders(&product, 2).await.ok();
        let path = format!("/api/v1/orders/{}/cancel", order["order_id"].as_str().unwrap());
        ana.post(&path, json!({})).await.ok();
        world.idle().await;
        Scene { who: name.to_owned(), product, order, socket: ana.socket().await }
    }

    async fn ask(&self, _: &World, scene: &mut Scene) -> Outcome {
        let channels = json!([{ "channel": scene.order_channel(), "last_seq": 0 }]);
        scene.asks("resume", json!({ "channels": channels })).await
    }

    async fn check(&self, _: &World, mut scene: Scene, _: Value) {
        let events = told_apart(scene.socket.so_far().await);
        assert_eq!(told(&events), ["1 order.created", "2 order.status_updated"]);
        scene.socket.close().await;
    }
}

/// Tells whoever listens of an order.
struct Relay;

impl Act for Relay {
    type Scene = Scene;

    fn name(&self) -> String {
        "relay an order".to_owned()
    }

    fn functions(&self) -> &'static [&'static str] {
        &["Relay"]
    }

    fn taken_up_within(&self) -> SignedDuration {
        SignedDuration::from_mins(3) // the stream comes again within seconds, a parked row within two minutes
    }

    async fn set_up(&self, world: &World, name: &str) -> Scene {
        let mut scene = Scene::with_socket(world, name).await;
        scene.socket.subscribes(&format!("product:{}", scene.product)).await;
        scene.socket.so_far().await;
        scene
    }

    async fn ask(&self, world: &World, scene: &mut Scene) -> Outcome {
        scene.order = world.customer(&scene.who).await.orders(&scene.product, 2).await.ok();
        Outcome::Done(Value::Null)
    }

    async fn check(&self, world: &World, mut scene: Scene, _: Value) {
        let live = scene.socket.so_far().await;
        let (stock, own): (Vec<_>, Vec<_>) =
            live.into_iter().partition(|event| event["type"] == "inventory.updated");
        assert!(stock.iter().all(|event| event["data"]["available_quantity"] == 3), "{stock:?}");
        // What was not posted is resumed; what is in the log is there once.
        let channel = format!("user:{}", scene.who);
        scene.socket.asks("subscribe", json!({ "channel": channel, "last_seq": 0 })).await;
        let log = scene.socket.so_far().await;
        assert_eq!(told(&log), ["1 order.created"]);
        told_apart(own.into_iter().chain(log).collect());
        scene.socket.close().await;
        assert_eq!(world.ledger(&scene.product).await.story(), "reservation -2, restock 5");
    }
}

/// Sends an event to everybody who listens to a product.
struct Broadcast;

impl Act for Broadcast {
    type Scene = Scene;

    fn name(&self) -> String {
        "broadcast".to_owned()
    }

    fn functions(&self) -> &'static [&'static str] {
        &["Platform"]
    }

    fn taken_up_within(&self) -> SignedDuration {
        SignedDuration::from_mins(3) // posts that were not taken come again by the queue
    }

    async fn set_up(&self, world: &World, name: &str) -> Scene {
        let mut scene = Scene::with_socket(world, name).await;
        scene.socket.subscribes(&format!("product:{}", scene.product)).await;
        scene.socket.so_far().await;
        scene
    }

    async fn ask(&self, world: &World, scene: &mut Scene) -> Outcome {
        let body = json!({
            "type": "broadcast",
            "target_channel": format!("product:{}", scene.product),
            "data": { "type": "custom.sale", "payload": { "of": scene.product } },
        });
        world.admin().await.post_keyed("/api/v1/realtime/broadcast", &scene.who, body).await.into()
    }

    async fn check(&self, _: &World, mut scene: Scene, answer: Value) {
        let seen = scene.socket.so_far().await;
        let ids: std::collections::BTreeSet<_> =
            seen.iter().map(|event| event["id"].as_str().unwrap()).collect();
        // At least once, and always the same event.
        assert_eq!(ids.into_iter().collect::<Vec<_>>(), [answer["event_id"].as_str().unwrap()], "{seen:?}");
        scene.socket.close().await;
    }
}

#[tokio::test]
async fn a_broadcast_is_one_event_wherever_sending_it_breaks_off() {
    done_wherever_it_breaks_off(&[Broadcast], 20).await;
}

#[tokio::test]
async fn a_subscription_is_made_wherever_making_it_breaks_off() {
    done_wherever_it_breaks_off(&[Subscribe], 30).await;
}

#[tokio::test]
async fn nothing_is_missed_wherever_resuming_breaks_off() {
    done_wherever_it_breaks_off(&[Resume], 30).await;
}

#[tokio::test]
async fn nothing_is_lost_wherever_the_relay_breaks_off() {
    done_wherever_it_breaks_off(&[Relay], 50).await;
}
