//! Lines that stock should not cross: told once, seen to, and told again only after they were left.

use jiff::SignedDuration;
use serde_json::{Value, json};

use crate::world::{Person, Reply, World};

const ADJUST: &str = "/api/v1/inventory/adjustments";
const ALERTS: &str = "/api/v1/inventory/alerts";
const HOLDS: &str = "/api/v1/inventory/reservations";

async fn sets(admin: &Person<'_>, product: &str, quantity: u32) {
    let set = json!({ "product_id": product, "quantity": quantity, "operation": "set" });
    admin.post(ADJUST, set).await.ok();
}

async fn alerts(world: &World, query: &str) -> Vec<String> {
    world.idle().await;
    let page = world.person("agent", "gus", "default").await.get(&format!("{ALERTS}?{query}")).await.ok();
    let line = |alert: &Value| {
        format!(
            "{} {} {}/{}",
            alert["status"].as_str().unwrap(),
            alert["kind"].as_str().unwrap(),
            alert["quantity"],
            alert["threshold"]
        )
    };
    page["data"].as_array().unwrap().iter().map(line).collect()
}

/// How often each kind of event about stock came, in order.
async fn heard(world: &World, socket: &mut crate::world::Socket, kind: &str, until: &str) -> Vec<Value> {
    world.idle().await;
    let mut heard = vec![];
    loop {
        let event = socket.any_event().await;
        if event["type"] == kind {
            heard.push(event["data"].clone());
        }
        if event["data"]["available_quantity"] == 77 || event["type"] == until {
            return heard;
        }
    }
}

#[tokio::test]
async fn a_line_is_told_once_when_it_is_crossed_and_again_after_it_was_left() {
    let world = World::new().await;
    let lamp = world.product("lamp", 50).await;
    let admin = world.admin().await;
    let mut socket = admin.socket().await;
    socket.subscribes("admin").await;
    let lines = json!({ "low_stock": 5, "overstock": 100 });
    let path = "/api/v1/inventory/lamp/thresholds";
    let put = |body: Value| admin.send(reqwest::Method::PUT, path, &[], Some(body.to_string()));
    assert_eq!(put(lines).await.ok()["version"], 1);
    assert_eq!(
        put(json!({ "low_stock": 9, "overstock": 9 })).await.complaint(),
        "400 validation_failed overstock"
    );
    let second = jiff::SignedDuration::from_secs(1);
    for pieces in [6, 5, 4, 5, 6, 3, 0, 120] {
        sets(&admin, &lamp, pieces).await;
        world.advance(second).await;
    }
    assert_eq!(
        alerts(&world, "").await,
        ["open overstock 120/100", "open out_of_stock 0/0", "open low_stock 3/5", "open low_stock 5/5"]
    );
    let first = socket.next("inventory.alert").await;
    assert_eq!((&first["data"]["kind"], &first["data"]["quantity"]), (&json!("low_stock"), &json!(5)));
    assert_eq!(admin.get("/api/v1/inventory/lamp").await.ok()["low_stock_threshold"], 5);
    world.end().await;
}

#[tokio::test]
async fn an_alert_is_seen_to_by_the_first_who_says_so() {
    let world = World::new().await;
    let lamp = world.product("lamp", 11).await;
    let (admin, gus) = (world.admin().await, world.person("agent", "gus", "default").await);
    sets(&admin, &lamp, 10).await;
    assert_eq!(alerts(&world, "status=open").await, ["open low_stock 10/10"]);
    let id = gus.get(ALERTS).await.ok()["data"][0]["alert_id"].as_str().unwrap().to_owned();
    let path = format!("{ALERTS}/{id}/ack");
    for person in [&gus, &admin] {
        assert_eq!(person.post(&path, json!({})).await.ok()["acknowledged_by"], "gus");
    }
    assert_eq!(alerts(&world, "status=open").await, Vec::<String>::new());
    assert_eq!(alerts(&world, "kind=low_stock&product_id=lamp").await, ["acknowledged low_stock 10/10"]);
    assert_eq!(alerts(&world, "product_id=shade").await, Vec::<String>::new());
    assert_eq!(gus.post(&format!("{ALERTS}/alr_none/ack"), json!({})).await.outcome(), "404 not_found");
    world.end().await;
}

/// The next sweep, on this day.
async fn sweeps_on(world: &World, day: &str) {
    world.idle().await;
    world.cloud().clock().turn_to(format!("{day}T10:00:00Z").parse().unwrap());
    world.cloud().invoke("Sweeper", json!({})).await.unwrap();
    world.idle().await;
}

async fn counts_as_old(world: &World, product: &str, days: u32) -> Reply {
    let lines = json!({ "low_stock": 0, "expiry_days": days }).to_string();
    let path = format!("/api/v1/inventory/{product}/thresholds");
    world.admin().await.send(reqwest::Method::PUT, &path, &[], Some(lines)).await
}

#[tokio::test]
async fn goods_that_are_soon_too_old_are_told_once_for_each_day() {
    let world = World::new().await;
    let milk = world.product("milk", 0).await;
    let admin = world.admin().await;
    let comes = |quantity: u32, day: Option<&str>| {
        let add = json!({ "product_id": milk, "quantity": quantity, "operation": "add", "expires_on": day });
        admin.post(ADJUST, add)
    };
    comes(10, Some("2026-01-20")).await.ok();
    let delivered = comes(6, Some("2026-01-10")).await.ok();
    assert_eq!(delivered["movement"]["expires_on"], "2026-01-10");
    counts_as_old(&world, &milk, 3).await.ok();
    let expiring = "kind=expiring";
    sweeps_on(&world, "2026-01-06").await;
    assert_eq!(alerts(&world, expiring).await, Vec::<String>::new());

    // What keeps shortest goes first; what comes in without a day takes nothing's place.
    let sale = json!({ "order_id": "ORD-1", "items": [{ "product_id": milk, "quantity": 2 }] });
    world.admin().await.post("/api/v1/inventory/commitments", sale).await.ok();
    let add = json!({ "product_id": milk, "quantity": 50, "operation": "add" });
    world.admin().await.post(ADJUST, add).await.ok();
    world.idle().await;
    // Just before the day begins on which the first lot is three days from its end.
    world.cloud().clock().turn_to("2026-01-06T23:59:00Z".parse().unwrap());
    world.idle().await;
    let mut socket = world.admin().await.socket().await;
    socket.subscribes("admin").await;
    for _ in 0..2 {
        world.advance(SignedDuration::from_mins(1)).await;
        world.cloud().invoke("Sweeper", json!({})).await.unwrap();
        world.idle().await;
    }
    assert_eq!(alerts(&world, expiring).await, ["open expiring 4/3"]);
    let told = socket.next("inventory.alert").await["data"].take();
    assert_eq!((&told["kind"], &told["expires_on"]), (&json!("expiring"), &json!("2026-01-10")));
    socket.close().await;
    let gus = world.person("agent", "gus", "default").await;
    gus.post(&format!("{ALERTS}/{}/ack", told["alert_id"].as_str().unwrap()), json!({})).await.ok();

    sweeps_on(&world, "2026-01-17").await;
    counts_as_old(&world, &milk, 1).await.ok();
    sweeps_on(&world, "2026-01-17").await;
    assert_eq!(alerts(&world, expiring).await, ["open expiring 10/3", "acknowledged expiring 4/3"]);
    // The shop has changed its mind twice: it is told again.
    counts_as_old(&world, &milk, 3).await.ok();
    sweeps_on(&world, "2026-01-17").await;
    assert_eq!(
        alerts(&world, "kind=expiring&status=open").await,
        ["open expiring 10/3", "open expiring 10/3"]
    );
    world.end().await;
}

#[tokio::test]
async fn goods_that_are_sold_before_they_are_too_old_are_not_told() {
    let world = World::new().await;
    let milk = world.product("milk", 0).await;
    let admin = world.admin().await;
    let add = json!({ "product_id": milk, "quantity": 5, "operation": "add", "expiresOn": "2026-01-09" });
    admin.post(ADJUST, add).await.ok();
    counts_as_old(&world, &milk, 2).await.ok();
    sets(&admin, &milk, 0).await;
    let add = json!({ "product_id": milk, "quantity": 8, "operation": "add" });
    admin.post(ADJUST, add).await.ok();
    sweeps_on(&world, "2026-01-08").await;
    assert_eq!(alerts(&world, "kind=expiring").await, Vec::<String>::new());
    let subtract =
        json!({ "product_id": milk, "quantity": 1, "operation": "subtract", "expires_on": "2026-01-09" });
    let admin = world.admin().await;
    assert_eq!(admin.post(ADJUST, subtract).await.complaint(), "400 validation_failed expires_on");
    assert_eq!(counts_as_old(&world, &milk, 0).await.complaint(), "400 validation_failed expiry_days");
    world.end().await;
}

#[tokio::test]
async fn back_in_stock_is_told_once_for_each_time_something_came_in_and_never_for_a_cart() {
    let world = World::new().await;
    let lamp = world.product("lamp", 0).await;
    let (admin, ana) = (world.admin().await, world.customer("ana").await);
    let mut socket = ana.socket().await;
    socket.subscribes("product:lamp").await;
    let second = jiff::SignedDuration::from_secs(1);
    // Plus one, minus one, plus one.
    for pieces in [1, 0, 1] {
        sets(&admin, &lamp, pieces).await;
        world.advance(second).await;
    }
    // A cart takes the last piece and gives it back.
    let held = ana.post(HOLDS, json!({ "items": [{ "product_id": lamp, "quantity": 1 }] })).await;
    let held = held.text("reservation_id");
    world.advance(second).await;
    ana.send(reqwest::Method::DELETE, &format!("{HOLDS}/{held}"), &[], None).await.ok();
    world.advance(second).await;
    sets(&admin, &lamp, 77).await;
    let back = heard(&world, &mut socket, "inventory.back_in_stock", "none").await;
    let crossings: Vec<_> = back.iter().map(|data| &data["crossing"]).collect();
    assert_eq!(crossings, [&json!(1), &json!(2)]);
    world.end().await;
}

#[tokio::test]
async fn a_place_is_known_before_stock_lies_there() {
    let world = World::new().await;
    let lamp = world.product("lamp", 3).await;
    let admin = world.admin().await;
    let add = json!({ "product_id": lamp, "location": "attic", "quantity": 2, "operation": "add" });
    assert_eq!(admin.post(ADJUST, add.clone()).await.complaint(), "400 validation_failed location");
    let path = "/api/v1/inventory/locations";
    for _ in 0..2 {
        admin.post(path, json!({ "location_id": "attic", "name": "Attic" })).await.ok();
    }
    let other = json!({ "location_id": "attic", "name": "Cellar" });
    assert_eq!(admin.post(path, other).await.outcome(), "409 version_conflict");
    let known = admin.get(path).await.ok();
    assert_eq!((&known[0]["location_id"], &known[1]["name"]), (&json!("main"), &json!("Attic")));
    admin.post(ADJUST, add).await.ok();
    let stock = world.nobody().get("/api/v1/inventory/lamp").await.ok();
    assert_eq!(stock["available_quantity"], 5);
    let there = world.nobody().get("/api/v1/inventory/lamp?location=attic").await.ok();
    assert_eq!(there["available_quantity"], 2);
    world.end().await;
}
