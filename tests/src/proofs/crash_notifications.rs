//! Crash points of notifications: telling, sending, reading, gathering, telling many.
//!
//! Whatever breaks off, each person is told once in their inbox, and each place gets it once; only whoever stops between
//! sending and writing that down sends a second time.

use std::sync::atomic::{AtomicU64, Ordering};

use jiff::SignedDuration;
use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    crash::{Act, Outcome, go_wrong_everywhere},
    notifications::{browser, inbox, newest, outbox, reachable_at},
    world::{Reply, World},
};

/// Longer than the queue of `notifier` hides a message, and than anybody has what they claimed.
const QUEUE_REPEATS: SignedDuration = SignedDuration::from_mins(7);
/// Until the sweeper has repaired what was parked.
const SWEEPER_REPAIRS: SignedDuration = SignedDuration::from_mins(2);

/// Somebody with a browser and an address.
struct Scene {
    name: String,
    endpoint: String,
    key: String,
}

impl Scene {
    async fn new(world: &World, name: &str) -> Self {
        // What earlier scenes sent has been looked at.
        world.nobody().send(Method::DELETE, "/_local/outbox", &[], None).await.ok();
        let (endpoint, _) = browser(world, &world.customer(name).await).await;
        reachable_at(world, name, json!({ "email": format!("{name}@shop.example") })).await;
        Self { name: name.to_owned(), endpoint, key: world.fresh_key() }
    }

    fn address(&self) -> String {
        format!("{}@shop.example", self.name)
    }

    /// How many pushes and mails they got.
    async fn got(&self, world: &World) -> (usize, usize) {
        let pushes = outbox(world, "web_push").await;
        let mails = outbox(world, "mail").await;
        let pushes = pushes.iter().filter(|push| push["endpoint"] == self.endpoint).count();
        (pushes, mails.iter().filter(|mail| mail["to"][0] == self.address()).count())
    }
}

/// Tells one person something by request.
async fn tells(world: &World, scene: &Scene) -> Reply {
    let data = json!({ "product_id": "lamp", "product_name": "Lamp" });
    let body = json!({ "user_id": scene.name, "type": "back_in_stock", "data": data });
    world.admin().await.post_keyed("/api/v1/notifications", &scene.key, body).await
}

/// Tells somebody something, in the page, by push and by mail.
struct Tell {
    /// Whose requests go wrong.
    functions: &'static [&'static str],
    within: SignedDuration,
    /// Scenes in which somebody got something twice.
    twice: AtomicU64,
}

impl Act for Tell {
    type Scene = Scene;

    fn name(&self) -> String {
        "tell".to_owned()
    }

    fn functions(&self) -> &'static [&'static str] {
        self.functions
    }

    fn taken_up_within(&self) -> SignedDuration {
        self.within
    }

    async fn set_up(&self, world: &World, name: &str) -> Scene {
        Scene::new(world, name).await
    }

    async fn ask(&self, world: &World, scene: &mut Scene) -> Outcome {
        Outcome::from(tells(world, scene).await)
    }

    async fn check(&self, world: &World, scene: Scene, answer: Value) {
        let person = world.customer(&scene.name).await;
        assert_eq!(inbox(&person).await, ["*back_in_stock"]);
        assert_eq!(newest(&person, "back_in_stock").await["notification_id"], answer["notification_id"]);
        let (pushes, mails) = scene.got(world).await;
        let most = if self.functions == ["Notifier"] { 2 } else { 1 };
        assert!((1..=most).contains(&pushes), "{pushes} pushes");
        assert!((1..=most).contains(&mails), "{mails} mails");
        self.twice.fetch_add(u64::from(pushes + mails > 2), Ordering::Relaxed);
    }
}

/// Says that one has read something.
struct Read;

impl Act for Read {
    type Scene = Scene;

    fn name(&self) -> String {
        "read".to_owned()
    }

    fn functions(&self) -> &'static [&'static str] {
        &["Notifications", "Relay"]
    }

    fn taken_up_within(&self) -> SignedDuration {
        SWEEPER_REPAIRS
    }

    async fn set_up(&self, world: &World, name: &str) -> Scene {
        let scene = Scene::new(world, name).await;
        tells(world, &scene).await.ok();
        world.idle().await;
        scene
    }

    async fn ask(&self, world: &World, scene: &mut Scene) -> Outcome {
        let person = world.customer(&scene.name).await;
        let id = newest(&person, "back_in_stock").await["notification_id"].clone();
        let Some(id) = id.as_str() else { return Outcome::Again(SignedDuration::from_secs(1)) };
        Outcome::from(person.send(Method::PUT, &format!("/api/v1/notifications/{id}/read"), &[], None).await)
    }

    async fn check(&self, world: &World, scene: Scene, answer: Value) {
        assert_eq!(answer["unread_count"], 0);
        assert_eq!(inbox(&world.customer(&scene.name).await).await, ["back_in_stock"]);
    }
}

/// Gathers two notifications in one mail, whose hour comes.
struct Gather;

impl Act for Gather {
    type Scene = Scene;

    fn name(&self) -> String {
        "gather".to_owned()
    }

    fn functions(&self) -> &'static [&'static str] {
        &["Sweeper"]
    }

    fn operations(&self) -> &'static [&'static str] {
        &["GetItem", "TransactWriteItems", "SendMessageBatch"]
    }

    fn taken_up_within(&self) -> SignedDuration {
        SignedDuration::from_mins(3)
    }

    async fn set_up(&self, world: &World, name: &str) -> Scene {
        let mut scene = Scene::new(world, name).await;
        let person = world.customer(name).await;
        let hourly = json!({ "digest": "hourly" });
        person.post("/api/v1/notifications/preferences", hourly).await.ok();
        tells(world, &scene).await.ok();
        scene.key = world.fresh_key();
        tells(world, &scene).await.ok();
        scene
    }

    async fn ask(&self, world: &World, scene: &mut Scene) -> Outcome {
        assert_eq!(scene.got(world).await.1, 0, "mail waits for its hour");
        world.leaps(SignedDuration::from_hours(1)).await;
        Outcome::Done(Value::Null)
    }

    async fn check(&self, world: &World, scene: Scene, _: Value) {
        assert_eq!(inbox(&world.customer(&scene.name).await).await, ["*back_in_stock"; 2]);
        assert_eq!(scene.got(world).await, (2, 1), "one mail tells of both");
    }
}

/// Tells three people something, a page at a time.
struct TellMany;

impl Act for TellMany {
    type Scene = (String, String);

    fn name(&self) -> String {
        "tell-many".to_owned()
    }

    fn functions(&self) -> &'static [&'static str] {
        &["Notifier"]
    }

    fn taken_up_within(&self) -> SignedDuration {
        QUEUE_REPEATS
    }

    async fn set_up(&self, world: &World, name: &str) -> (String, String) {
        (name.to_owned(), world.fresh_key())
    }

    async fn ask(&self, world: &World, (name, key): &mut (String, String)) -> Outcome {
        let users = [1, 2, 3].map(|number| format!("{name}-{number}"));
        let data = json!({ "product_id": "lamp", "product_name": "Lamp" });
        let body = json!({ "user_ids": users, "type": "back_in_stock", "data": data });
        Outcome::from(world.admin().await.post_keyed("/api/v1/notifications/bulk", key, body).await)
    }

    async fn check(&self, world: &World, (name, _): (String, String), answer: Value) {
        for number in [1, 2, 3] {
            let person = world.customer(&format!("{name}-{number}")).await;
            assert_eq!(inbox(&person).await, ["*back_in_stock"]);
        }
        let path = format!("/api/v1/notifications/bulk/{}", answer["job_id"].as_str().unwrap());
        let job = world.admin().await.get(&path).await.ok();
        assert_eq!(job["status"], "done", "{job}");
        assert_eq!(job["told"].as_u64().unwrap() + job["duplicates"].as_u64().unwrap(), 3, "{job}");
    }
}

/// A shop that tells two people of each page.
async fn world() -> World {
    World::with([("NotificationBatch".to_owned(), "2".to_owned())].into()).await
}

#[tokio::test]
async fn somebody_is_told_once_wherever_telling_breaks_off() {
    let world = world().await;
    let functions = &["Notifications", "Relay"];
    let tell = Tell { functions, within: SWEEPER_REPAIRS, twice: AtomicU64::new(0) };
    assert!(go_wrong_everywhere(&world, &tell).await >= 30);
    assert_eq!(tell.twice.load(Ordering::Relaxed), 0, "nothing was sent twice");
    world.end().await;
}

#[tokio::test]
async fn something_is_sent_twice_only_between_sending_and_writing_down() {
    let world = world().await;
    let tell = Tell { functions: &["Notifier"], within: QUEUE_REPEATS, twice: AtomicU64::new(0) };
    let points = go_wrong_everywhere(&world, &tell).await;
    let twice = tell.twice.load(Ordering::Relaxed);
    eprintln!("{points} crash points, {twice} of them sent something twice");
    assert!(points >= 30, "{points}");
    // Two places: each can be sent and not written down in four ways, and whatever ends the function ends the other's too.
    assert!(twice <= 16, "{twice} times something was sent twice");
    world.end().await;
}

#[tokio::test]
async fn what_was_read_is_counted_once_wherever_it_breaks_off() {
    let world = world().await;
    assert!(go_wrong_everywhere(&world, &Read).await >= 20);
    world.end().await;
}

#[tokio::test]
async fn one_mail_tells_of_several_wherever_it_breaks_off() {
    let world = world().await;
    assert!(go_wrong_everywhere(&world, &Gather).await >= 10);
    world.end().await;
}

#[tokio::test]
async fn each_of_many_is_told_once_wherever_it_breaks_off() {
    let world = world().await;
    assert!(go_wrong_everywhere(&world, &TellMany).await >= 30);
    world.end().await;
}
