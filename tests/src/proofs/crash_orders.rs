//! Crash points of orders.

use serde_json::{Value, json};

use crate::{
    crash::{Act, Outcome, done_wherever_it_breaks_off},
    world::World,
};

/// Somebody, a product of which there are five, and an order of two of them once it is placed.
struct Scene {
    who: String,
    product: String,
    order: Value,
}

impl Scene {
    async fn with_product(world: &World, name: &str) -> Self {
        let product = world.product(name, 5).await;
        Self { who: name.to_owned(), product, order: Value::Null }
    }

    async fn with_order(world: &World, name: &str) -> Self {
        let mut scene = Self::with_product(world, name).await;
        scene.order = world.customer(name).await.orders(&scene.product, 2).await.ok();
        scene
    }

    /// What has happened to the order, from its channel: `1 order.created`.
    async fn history(&self, world: &World, order: &Value) -> Vec<String> {
        let mut socket = world.customer(&self.who).await.socket().await;
        let channel = format!("order:{}", order["order_id"].as_str().unwrap());
        socket.asks("subscribe", json!({ "channel": channel, "last_seq": 0 })).await;
        let events = socket.so_far().await;
        socket.close().await;
        events.iter().map(|event| format!("{} {}", event["seq"], event["type"].as_str().unwrap())).collect()
    }
}

/// Places an order.
struct Place;

impl Act for Place {
    type Scene = Scene;

    fn name(&self) -> String {
        "place an order".to_owned()
    }

    fn functions(&self) -> &'static [&'static str] {
        &["Orders"]
    }

    async fn set_up(&self, world: &World, name: &str) -> Scene {
        Scene::with_product(world, name).await
    }

    async fn ask(&self, world: &World, scene: &mut Scene) -> Outcome {
        let items = json!([{ "product_id": scene.product, "quantity": 2 }]);
        let body = json!({ "items": items, "currency": "USD" });
        world.customer(&scene.who).await.post_keyed("/api/v1/orders", &scene.who, body).await.into()
    }

    async fn check(&self, world: &World, scene: Scene, answer: Value) {
        let orders = world.customer(&scene.who).await.get("/api/v1/orders").await.ok();
        let ids: Vec<_> = orders["data"].as_array().unwrap().iter().map(|order| &order["order_id"]).collect();
        assert_eq!(ids, [&answer["order_id"]]);
        assert_eq!(world.ledger(&scene.product).await.story(), "reservation -2, restock 5");
        assert_eq!(scene.history(world, &answer).await, ["1 order.created"]);
    }
}

/// Calls an unpaid order off.
struct Cancel;

impl Act for Cancel {
    type Scene = Scene;

    fn name(&self) -> String {
        "cancel an order".to_owned()
    }

    fn functions(&self) -> &'static [&'static str] {
        &["Orders"]
    }

    async fn set_up(&self, world: &World, name: &str) -> Scene {
        Scene::with_order(world, name).await
    }

    async fn ask(&self, world: &World, scene: &mut Scene) -> Outcome {
        let path = format!("/api/v1/orders/{}/cancel", scene.order["order_id"].as_str().unwrap());
        world.customer(&scene.who).await.post_keyed(&path, &scene.who, json!({})).await.into()
    }

    async fn check(&self, world: &World, scene: Scene, answer: Value) {
        assert_eq!(answer["status"], "cancelled");
        assert_eq!(world.ledger(&scene.product).await.story(), "release 2, reservation -2, restock 5");
        assert_eq!(scene.history(world, &scene.order).await, ["1 order.created", "2 order.status_updated"]);
    }
}

#[tokio::test]
async fn an_order_is_placed_once_wherever_placing_it_breaks_off() {
    done_wherever_it_breaks_off(&[Place], 20).await;
}

#[tokio::test]
async fn an_order_is_called_off_once_wherever_calling_it_off_breaks_off() {
    done_wherever_it_breaks_off(&[Cancel], 40).await;
}
