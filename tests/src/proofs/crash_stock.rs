//! Crash points of what is done with stock.

use jiff::SignedDuration;
use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    crash::{Act, Outcome, done_wherever_it_breaks_off, go_wrong_everywhere},
    world::World,
};

const RESERVATIONS: &str = "/api/v1/inventory/reservations";
const ADJUSTMENTS: &str = "/api/v1/inventory/adjustments";

/// Somebody with products, five of each, and perhaps a hold.
struct Scene {
    who: String,
    products: Vec<String>,
    hold: String,
}

impl Scene {
    async fn with(world: &World, name: &str, products: usize) -> Self {
        let mut scene = Self { who: name.to_owned(), products: vec![], hold: String::new() };
        for number in 0..products {
            scene.products.push(world.product(&format!("{name}-{number}"), 5).await);
        }
        scene
    }

    /// The same with two pieces of each set aside.
    async fn with_hold(world: &World, name: &str, ttl_seconds: u32) -> Self {
        let mut scene = Self::with(world, name, 1).await;
        let body = json!({ "items": scene.lines(), "ttl_seconds": ttl_seconds });
        scene.hold = world.customer(name).await.post(RESERVATIONS, body).await.text("reservation_id");
        scene
    }

    fn lines(&self) -> Value {
        self.products.iter().map(|product| json!({ "product_id": product, "quantity": 2 })).collect()
    }

    async fn assert_stories(&self, world: &World, expected: &str) {
        for product in &self.products {
            assert_eq!(world.ledger(product).await.story(), expected);
        }
    }

    async fn status_of_hold(&self, world: &World) -> Value {
        let path = format!("{RESERVATIONS}/{}", self.hold);
        world.customer(&self.who).await.get(&path).await.ok()["status"].take()
    }
}

/// Sets stock aside.
struct Reserve {
    lines: usize,
}

impl Act for Reserve {
    type Scene = Scene;

    fn name(&self) -> String {
        format!("reserve {} lines", self.lines)
    }

    fn functions(&self) -> &'static [&'static str] {
        &["Inventory"]
    }

    async fn set_up(&self, world: &World, name: &str) -> Scene {
        Scene::with(world, name, self.lines).await
    }

    async fn ask(&self, world: &World, scene: &mut Scene) -> Outcome {
        let body = json!({ "items": scene.lines() });
        world.customer(&scene.who).await.post_keyed(RESERVATIONS, &scene.who, body).await.into()
    }

    async fn check(&self, world: &World, mut scene: Scene, answer: Value) {
        assert_eq!(answer["status"], "active");
        assert_eq!(self.ask(world, &mut scene).await.done()["reservation_id"], answer["reservation_id"]);
        scene.assert_stories(world, "reservation -2, restock 5").await;
    }
}

/// Gives a hold back.
struct Release;

impl Act for Release {
    type Scene = Scene;

    fn name(&self) -> String {
        "release".to_owned()
    }

    fn functions(&self) -> &'static [&'static str] {
        &["Inventory"]
    }

    async fn set_up(&self, world: &World, name: &str) -> Scene {
        Scene::with_hold(world, name, 900).await
    }

    async fn ask(&self, world: &World, scene: &mut Scene) -> Outcome {
        let path = format!("{RESERVATIONS}/{}", scene.hold);
        world.customer(&scene.who).await.send(Method::DELETE, &path, &[], None).await.into()
    }

    async fn check(&self, world: &World, scene: Scene, answer: Value) {
        assert_eq!(answer["status"], "released");
        scene.assert_stories(world, "release 2, reservation -2, restock 5").await;
    }
}

/// Changes a level by hand.
struct Adjust {
    operation: &'static str,
    /// What the ledger says of it in the end.
    story: &'static str,
}

impl Act for Adjust {
    type Scene = Scene;

    fn name(&self) -> String {
        format!("adjust {}", self.operation)
    }

    fn functions(&self) -> &'static [&'static str] {
        &["Inventory"]
    }

    async fn set_up(&self, world: &World, name: &str) -> Scene {
        Scene::with(world, name, 1).await
    }

    async fn ask(&self, world: &World, scene: &mut Scene) -> Outcome {
        let body = json!({ "product_id": scene.products[0], "quantity": 2, "operation": self.operation });
        world.admin().await.post_keyed(ADJUSTMENTS, &scene.who, body).await.into()
    }

    async fn check(&self, world: &World, mut scene: Scene, answer: Value) {
        let again = self.ask(world, &mut scene).await.done();
        assert_eq!(again["movement"]["movement_id"], answer["movement"]["movement_id"]);
        scene.assert_stories(world, self.story).await;
    }
}

/// Time runs out for a hold.
struct Expire;

impl Act for Expire {
    type Scene = Scene;

    fn name(&self) -> String {
        "expire".to_owned()
    }

    fn functions(&self) -> &'static [&'static str] {
        &["Sweeper"]
    }

    fn taken_up_within(&self) -> SignedDuration {
        SignedDuration::from_mins(1) // the next sweep
    }

    async fn set_up(&self, world: &World, name: &str) -> Scene {
        Scene::with_hold(world, name, 30).await
    }

    async fn ask(&self, world: &World, scene: &mut Scene) -> Outcome {
        world.advance(SignedDuration::from_mins(1)).await;
        Outcome::Done(scene.status_of_hold(world).await)
    }

    async fn check(&self, world: &World, scene: Scene, answer: Value) {
        assert_eq!(answer, "expired"); // as soon as its time is over, swept or not
        assert_eq!(scene.status_of_hold(world).await, "expired");
        scene.assert_stories(world, "expiry 2, reservation -2, restock 5").await;
    }
}

/// Divides a level, of which some is set aside, into three buckets.
struct Divide;

impl Act for Divide {
    type Scene = Scene;

    fn name(&self) -> String {
        "divide".to_owned()
    }

    fn functions(&self) -> &'static [&'static str] {
        &["Inventory"]
    }

    async fn set_up(&self, world: &World, name: &str) -> Scene {
        Scene::with_hold(world, name, 900).await
    }

    async fn ask(&self, world: &World, scene: &mut Scene) -> Outcome {
        let path = format!("/api/v1/inventory/{}/buckets", scene.products[0]);
        let body = json!({ "buckets": 3 }).to_string();
        world.admin().await.send(Method::PUT, &path, &[], Some(body)).await.into()
    }

    async fn check(&self, world: &World, scene: Scene, answer: Value) {
        assert_eq!((&answer["buckets"], &answer["levels"]), (&json!(3), &json!(1)));
        // Shared out once: one piece stays in each bucket, two of them come from the first.
        let story = "correction -2, correction 1, correction 1, reservation -2, restock 5";
        scene.assert_stories(world, story).await;
        let path = format!("{RESERVATIONS}/{}", scene.hold);
        world.customer(&scene.who).await.send(Method::DELETE, &path, &[], None).await.ok();
        assert_eq!(world.ledger(&scene.products[0]).await.level, [5, 0, 0]);
    }
}

/// Sets stock aside and forgets its key before it asks again.
struct ReserveCarelessly;

impl Act for ReserveCarelessly {
    type Scene = Scene;

    fn name(&self) -> String {
        "reserve carelessly".to_owned()
    }

    fn functions(&self) -> &'static [&'static str] {
        &["Inventory"]
    }

    async fn set_up(&self, world: &World, name: &str) -> Scene {
        Scene::with(world, name, 1).await
    }

    async fn ask(&self, world: &World, scene: &mut Scene) -> Outcome {
        let body = json!({ "items": scene.lines() });
        let somebody = format!("{}-{}", scene.who, world.fresh_key());
        world.customer(&somebody).await.post(RESERVATIONS, body).await.into()
    }

    async fn check(&self, world: &World, scene: Scene, _: Value) {
        scene.assert_stories(world, "reservation -2, restock 5").await;
    }
}

#[tokio::test]
#[should_panic(expected = "reservation -2, reservation -2, restock 5")]
async fn an_act_that_is_done_twice_is_found_out() {
    let world = World::new().await;
    go_wrong_everywhere(&world, &ReserveCarelessly).await;
}

#[tokio::test]
async fn a_hold_is_made_once_wherever_making_it_breaks_off() {
    done_wherever_it_breaks_off(&[Reserve { lines: 1 }, Reserve { lines: 3 }], 30).await;
}

#[tokio::test]
async fn a_hold_is_given_back_once_wherever_giving_it_back_breaks_off() {
    done_wherever_it_breaks_off(&[Release], 10).await;
}

#[tokio::test]
async fn a_level_is_changed_once_wherever_changing_it_breaks_off() {
    let acts = [
        Adjust { operation: "add", story: "restock 2, restock 5" },
        Adjust { operation: "subtract", story: "adjustment -2, restock 5" },
        Adjust { operation: "set", story: "correction -3, restock 5" },
    ];
    done_wherever_it_breaks_off(&acts, 75).await;
}

#[tokio::test]
async fn a_level_is_divided_wherever_dividing_it_breaks_off() {
    done_wherever_it_breaks_off(&[Divide], 25).await;
}

#[tokio::test]
async fn a_hold_expires_once_wherever_the_sweeper_breaks_off() {
    done_wherever_it_breaks_off(&[Expire], 160).await;
}
