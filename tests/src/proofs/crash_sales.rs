//! Crash points of holds that change, and of stock that is sold and comes back outside of checkout.

use serde_json::{Value, json};

use crate::{
    crash::{Act, Outcome, done_wherever_it_breaks_off},
    world::World,
};

const RESERVATIONS: &str = "/api/v1/inventory/reservations";
const COMMITMENTS: &str = "/api/v1/inventory/commitments";

/// Something that is asked for over HTTP and leaves its mark in the ledger of one product.
struct Asked {
    name: &'static str,
    /// What is asked beforehand, by whom, and what is asked then.
    before: fn(&Scene) -> Option<Request>,
    act: fn(&Scene) -> Request,
    /// What must be in the answer, and in the answer to the same asked again.
    answer: fn(&Scene, &Value),
    /// What the ledger says in the end, and the level.
    story: &'static str,
    level: [i64; 3],
}

/// Who asks, where, what.
struct Request {
    is_admin: bool,
    path: String,
    body: Value,
}

impl Request {
    fn of_a_customer(path: impl Into<String>, body: Value) -> Self {
        Self { is_admin: false, path: path.into(), body }
    }

    fn of_an_admin(path: &str, body: Value) -> Self {
        Self { is_admin: true, path: path.to_owned(), body }
    }

    async fn ask(&self, world: &World, who: &str, key: &str) -> Outcome {
        let person = match self.is_admin {
            true => world.admin().await,
            false => world.customer(who).await,
        };
        person.post_keyed(&self.path, key, self.body.clone()).await.into()
    }
}

/// A product of which there are five, and what the request beforehand came to.
struct Scene {
    who: String,
    product: String,
    before: Value,
}

impl Scene {
    fn items(&self, quantity: u32) -> Value {
        json!([{ "product_id": self.product, "quantity": quantity }])
    }
}

impl Act for Asked {
    type Scene = Scene;

    fn name(&self) -> String {
        self.name.to_owned()
    }

    fn functions(&self) -> &'static [&'static str] {
        &["Inventory"]
    }

    async fn set_up(&self, world: &World, name: &str) -> Scene {
        let product = world.product(name, 5).await;
        let mut scene = Scene { who: name.to_owned(), product, before: Value::Null };
        if let Some(request) = (self.before)(&scene) {
            scene.before = request.ask(world, name, &format!("{name}-before")).await.done();
        }
        scene
    }

    async fn ask(&self, world: &World, scene: &mut Scene) -> Outcome {
        (self.act)(scene).ask(world, &scene.who, &scene.who).await
    }

    async fn check(&self, world: &World, mut scene: Scene, answer: Value) {
        (self.answer)(&scene, &answer);
        assert_eq!(self.ask(world, &mut scene).await.done(), answer);
        let ledger = world.ledger(&scene.product).await;
        assert_eq!((ledger.story().as_str(), ledger.level), (self.story, self.level));
    }
}

fn hold_of_two(scene: &Scene) -> Request {
    Request::of_a_customer(RESERVATIONS, json!({ "items": scene.items(2), "ttl_seconds": 600 }))
}

const EXTEND: Asked = Asked {
    name: "extend a hold",
    before: |scene| Some(hold_of_two(scene)),
    act: |scene| {
        let path = format!("{RESERVATIONS}/{}/extend", scene.before["reservation_id"].as_str().unwrap());
        Request::of_a_customer(path, json!({ "ttl_seconds": 60 }))
    },
    answer: |scene, answer| {
        let [before, after] = [&scene.before, answer]
            .map(|hold| hold["expires_at"].as_str().unwrap().parse::<jiff::Timestamp>().unwrap());
        assert_eq!(after.duration_since(before).as_secs(), 60, "extended once");
    },
    story: "reservation -2, restock 5",
    level: [3, 2, 0],
};

const REPLACE: Asked = Asked {
    name: "replace a hold",
    before: |scene| Some(hold_of_two(scene)),
    act: |scene| Request::of_a_customer(RESERVATIONS, json!({ "items": scene.items(3) })),
    answer: |scene, answer| {
        assert_eq!(answer["reservation_id"], scene.before["reservation_id"]);
        assert_eq!(answer["items"][0]["quantity"], 3);
    },
    story: "reservation -1, reservation -2, restock 5",
    level: [2, 3, 0],
};

const BATCH: Asked = Asked {
    name: "adjust a batch",
    before: |_| None,
    act: |scene| {
        let row = |operation: &str, quantity: u32| json!({ "product_id": scene.product, "operation": operation, "quantity": quantity });
        let rows = [row("add", 2), row("subtract", 1), row("subtract", 100)];
        Request::of_an_admin("/api/v1/inventory/adjustments/batch", json!({ "adjustments": rows }))
    },
    answer: |_, answer| assert_eq!((&answer["succeeded"], &answer["failed"]), (&json!(2), &json!(1))),
    story: "adjustment -1, restock 2, restock 5",
    level: [6, 0, 0],
};

const SELL_A_HOLD: Asked = Asked {
    name: "sell a hold",
    before: |scene| Some(hold_of_two(scene)),
    act: |scene| {
        let body = json!({ "order_id": scene.who, "reservation_id": scene.before["reservation_id"] });
        Request::of_an_admin(COMMITMENTS, body)
    },
    answer: |scene, answer| assert_eq!(answer["reservation_id"], scene.before["reservation_id"]),
    story: "reservation -2, restock 5, sale 0",
    level: [3, 0, 2],
};

const SELL: Asked = Asked {
    name: "sell what is free",
    before: |_| None,
    act: |scene| Request::of_an_admin(COMMITMENTS, json!({ "order_id": scene.who, "items": scene.items(2) })),
    answer: |scene, answer| assert_eq!(answer["order_id"], scene.who.as_str()),
    story: "restock 5, sale -2",
    level: [3, 0, 2],
};

const TAKE_BACK: Asked = Asked {
    name: "take back",
    before: |scene| Some((SELL.act)(scene)),
    act: |scene| {
        let body = json!({ "order_id": scene.who, "items": scene.items(1) });
        Request::of_an_admin("/api/v1/inventory/returns", body)
    },
    answer: |scene, answer| assert_eq!(answer["order_id"], scene.who.as_str()),
    story: "restock 5, return 1, sale -2",
    level: [4, 0, 1],
};

#[tokio::test]
async fn a_hold_is_extended_and_replaced_once_wherever_that_breaks_off() {
    done_wherever_it_breaks_off(&[EXTEND, REPLACE], 20).await;
}

#[tokio::test]
async fn a_batch_is_adjusted_once_wherever_that_breaks_off() {
    done_wherever_it_breaks_off(&[BATCH], 40).await;
}

#[tokio::test]
async fn stock_is_sold_and_taken_back_once_wherever_that_breaks_off() {
    done_wherever_it_breaks_off(&[SELL_A_HOLD, SELL, TAKE_BACK], 60).await;
}
