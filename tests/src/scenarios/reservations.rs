//! Holds: one for each shopper and thing, extended once, ended once.

use domain::ReservationId;
use jiff::SignedDuration;
use reqwest::Method;
use serde_json::{Value, json};

use crate::world::{Person, Reply, World};

const HOLDS: &str = "/api/v1/inventory/reservations";

fn minutes(count: i64) -> SignedDuration {
    SignedDuration::from_mins(count)
}

async fn holds(who: &Person<'_>, product: &str, quantity: u32) -> Reply {
    who.post(HOLDS, json!({ "items": [{ "product_id": product, "quantity": quantity }] })).await
}

async fn hold(who: &Person<'_>, id: &str) -> Value {
    who.get(&format!("{HOLDS}/{id}")).await.ok()
}

async fn extends(who: &Person<'_>, id: &str) -> Reply {
    who.post(&format!("{HOLDS}/{id}/extend"), json!({})).await
}

#[tokio::test]
async fn a_holder_is_never_blocked_by_their_own_hold_of_the_last_piece() {
    let world = World::new().await;
    let lamp = world.product("lamp", 3).await;
    let (ana, ben) = (world.customer("ana").await, world.customer("ben").await);
    let first = holds(&ana, &lamp, 3).await.text("reservation_id");
    assert_eq!(holds(&ben, &lamp, 1).await.outcome(), "409 insufficient_stock");
    let again = holds(&ana, &lamp, 2).await.ok();
    assert_eq!(
        (again["reservation_id"].as_str(), &again["items"][0]["quantity"]),
        (Some(&*first), &json!(2))
    );
    assert_eq!(world.stock(&lamp).await, "available 1, reserved 2, sold 0");
    let refused = holds(&ana, &lamp, 4).await;
    assert_eq!(refused.outcome(), "409 insufficient_stock");
    assert_eq!(refused.body["items"][0]["available_quantity"], 3, "their own pieces are there for them");
    assert_eq!(world.stock(&lamp).await, "available 1, reserved 2, sold 0");
    world.end().await;
}

#[tokio::test]
async fn holding_again_keeps_other_lines_and_joins_holds_of_the_same_things() {
    let world = World::new().await;
    let (lamp, shade, cord) =
        (world.product("lamp", 9).await, world.product("shade", 9).await, world.product("cord", 9).await);
    let ana = world.customer("ana").await;
    let first = holds(&ana, &lamp, 2).await.text("reservation_id");
    let both = json!([{ "product_id": shade, "quantity": 1 }, { "product_id": cord, "quantity": 1 }]);
    world.advance(SignedDuration::from_secs(1)).await;
    let second = ana.post(HOLDS, json!({ "items": both })).await.text("reservation_id");
    assert_ne!(first, second);
    let joined = json!([{ "product_id": lamp, "quantity": 1 }, { "product_id": shade, "quantity": 4 }]);
    let joined = ana.post(HOLDS, json!({ "items": joined })).await.ok();
    let lines: Vec<_> = joined["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|line| format!("{} {}", line["product_id"], line["quantity"]))
        .collect();
    assert_eq!(lines, ["\"cord\" 1", "\"lamp\" 1", "\"shade\" 4"]);
    assert_eq!(
        (joined["reservation_id"].as_str(), &hold(&ana, &second).await["status"]),
        (Some(&*first), &json!("released"))
    );
    for (product, stock) in
        [(&lamp, "available 8, reserved 1, sold 0"), (&shade, "available 5, reserved 4, sold 0")]
    {
        assert_eq!(world.stock(product).await, stock);
    }
    world.end().await;
}

#[tokio::test]
async fn a_request_that_comes_again_after_it_was_replaced_changes_nothing() {
    let world = World::new().await;
    let lamp = world.product("lamp", 9).await;
    let ana = world.customer("ana").await;
    let wants = |quantity: u32| json!({ "items": [{ "product_id": lamp, "quantity": quantity }] });
    for (key, quantity, held) in [("a", 1, 1), ("b", 2, 2), ("c", 3, 3), ("b", 2, 3), ("a", 1, 3)] {
        let answer = ana.post_keyed(HOLDS, key, wants(quantity)).await.ok();
        assert_eq!(answer["items"][0]["quantity"], held, "{key}");
    }
    assert_eq!(ana.post_keyed(HOLDS, "b", wants(7)).await.outcome(), "422 idempotency_mismatch");
    assert_eq!(world.stock(&lamp).await, "available 6, reserved 3, sold 0");
    world.end().await;
}

#[tokio::test]
async fn what_a_guest_holds_is_theirs_when_they_sign_in() {
    let world = World::new().await;
    let lamp = world.product("lamp", 1).await;
    let (guest, ana) = (world.guest().await, world.customer("ana").await);
    let first = holds(&guest, &lamp, 1).await.text("reservation_id");
    ana.post("/api/v1/auth/link", json!({ "guest_token": guest.token })).await.ok();
    let again = holds(&ana, &lamp, 1).await;
    assert_eq!(again.text("reservation_id"), first);
    assert_eq!(world.stock(&lamp).await, "available 0, reserved 1, sold 0");
    world.end().await;
}

#[tokio::test]
async fn an_order_uses_what_its_owner_holds_when_there_is_no_more() {
    let world = World::new().await;
    let lamp = world.product("lamp", 2).await;
    let (ana, ben) = (world.customer("ana").await, world.customer("ben").await);
    let held = holds(&ana, &lamp, 2).await.text("reservation_id");
    assert_eq!(ben.orders(&lamp, 1).await.outcome(), "409 insufficient_stock");
    ana.orders(&lamp, 1).await.ok();
    assert_eq!(hold(&ana, &held).await["status"], "released");
    assert_eq!(world.stock(&lamp).await, "available 1, reserved 1, sold 0");
    world.end().await;
}

#[tokio::test]
async fn a_hold_is_extended_once_and_by_no_more_than_it_lasted() {
    let world = World::new().await;
    let lamp = world.product("lamp", 2).await;
    let (ana, ben) = (world.customer("ana").await, world.customer("ben").await);
    let id = holds(&ana, &lamp, 1).await.text("reservation_id");
    let path = format!("{HOLDS}/{id}/extend");
    assert_eq!(
        ana.post(&path, json!({ "ttl_seconds": 901 })).await.complaint(),
        "400 validation_failed ttl_seconds"
    );
    assert_eq!(extends(&ben, &id).await.outcome(), "404 not_found");
    let longer = ana.post_keyed(&path, "k", json!({})).await.text("expires_at");
    assert_eq!(longer, "2026-01-05T09:30:00Z");
    assert_eq!(ana.post_keyed(&path, "k", json!({})).await.text("expires_at"), longer);
    assert_eq!(extends(&ana, &id).await.outcome(), "409 invalid_transition");
    world.advance(minutes(29)).await;
    assert_eq!(world.stock(&lamp).await, "available 1, reserved 1, sold 0");
    world.advance(minutes(1)).await;
    assert_eq!(world.stock(&lamp).await, "available 2, reserved 0, sold 0");
    assert_eq!(extends(&ana, &id).await.outcome(), "409 reservation_expired");
    world.end().await;
}

#[tokio::test]
async fn its_holder_hears_what_becomes_of_a_hold() {
    let world = World::new().await;
    let lamp = world.product("lamp", 2).await;
    let ana = world.customer("ana").await;
    let mut socket = ana.socket().await;
    let id = holds(&ana, &lamp, 1).await.text("reservation_id");
    let made = socket.next("reservation.updated").await;
    assert_eq!(
        (made["channel"].as_str(), made["data"]["status"].as_str()),
        (Some("user:ana"), Some("active"))
    );
    for minutes_more in [9, 4] {
        world.advance(minutes(minutes_more)).await;
        socket.send_text(&json!({ "type": "ping" }).to_string()).await;
    }
    let soon = socket.next("reservation.expiring").await;
    assert_eq!((soon["data"]["reservation_id"].as_str(), soon["seq"].as_u64()), (Some(&*id), Some(2)));
    world.advance(minutes(2)).await;
    assert_eq!(socket.next("reservation.updated").await["data"]["status"], "expired");
    world.end().await;
}

#[tokio::test]
async fn an_order_that_has_ended_gains_no_hold() {
    let world = World::new().await;
    let lamp = world.product("lamp", 9).await;
    let (ana, ben) = (world.customer("ana").await, world.customer("ben").await);
    let order = ana.orders(&lamp, 1).await.ok();
    let wants = json!({ "items": [{ "product_id": lamp, "quantity": 1 }], "order_id": order["order_id"] });
    assert_eq!(ben.post(HOLDS, wants.clone()).await.outcome(), "404 not_found");
    ana.post(HOLDS, wants.clone()).await.ok();
    let cancel = format!("/api/v1/orders/{}/cancel", order["order_id"].as_str().unwrap());
    ana.post(&cancel, json!({})).await.ok();
    assert_eq!(ana.post(HOLDS, wants).await.outcome(), "409 invalid_transition");
    let elsewhere = json!({ "items": [{ "product_id": lamp, "quantity": 1 }], "orderId": "ORD-12345" });
    ana.post(HOLDS, elsewhere).await.ok();
    assert_eq!(world.stock(&lamp).await, "available 7, reserved 2, sold 0");
    world.end().await;
}

#[tokio::test]
async fn time_alone_ends_a_hold_and_whoever_reads_it_sees_that() {
    let world = World::new().await;
    let lamp = world.product("lamp", 1).await;
    let ana = world.customer("ana").await;
    let id = holds(&ana, &lamp, 1).await.text("reservation_id");
    // Nobody sweeps: the clock is set on without anything that falls due being done.
    let clock = world.cloud().clock();
    clock.turn_to(clock.after(minutes(15)));
    assert_eq!(extends(&ana, &id).await.outcome(), "409 reservation_expired");
    assert_eq!(hold(&ana, &id).await["status"], "expired");
    assert_eq!(world.stock(&lamp).await, "available 1, reserved 0, sold 0");
    let path = format!("{HOLDS}/{id}");
    assert_eq!(ana.send(Method::DELETE, &path, &[], None).await.ok()["status"], "expired");
    world.end().await;
}

#[tokio::test]
async fn ids_that_were_guessed_are_nobodys() {
    let world = World::new().await;
    let lamp = world.product("lamp", 2).await;
    let (ana, ben) = (world.customer("ana").await, world.customer("ben").await);
    let id = holds(&ana, &lamp, 1).await.text("reservation_id");
    assert!(ReservationId::new(id.clone()).is_ok());
    for guess in [id.as_str(), "res_1", &format!("{}0", &id[..id.len() - 1]), &id[..20], &"res_".repeat(16)] {
        assert_eq!(ben.get(&format!("{HOLDS}/{guess}")).await.outcome(), "404 not_found", "{guess}");
    }
    world.end().await;
}

#[tokio::test]
async fn guests_of_one_address_cannot_hold_all_there_is() {
    let world = World::new().await;
    let (lamp, shade) = (world.product("lamp", 99).await, world.product("shade", 99).await);
    let guest = world.guest().await;
    for _ in 0..20 {
        holds(&guest, &lamp, 1).await.ok();
    }
    assert_eq!(holds(&guest, &lamp, 1).await.outcome(), "429 rate_limited");
    holds(&guest, &shade, 1).await.ok();
    holds(&guest.at("198.51.100.7"), &lamp, 1).await.ok();
    world.cloud().meter().reset();
    holds(&world.customer("ana").await, &lamp, 1).await.ok();
    let limits: f64 =
        world.cloud().meter().snapshot().rows.iter().filter_map(|row| row.written.get("limit")).sum();
    assert!((limits - 1.0).abs() < 0.1, "a customer is counted once, whatever they hold");
    world.end().await;
}
