//! Stock under many hands.

use futures_util::future::join_all;
use jiff::SignedDuration;
use reqwest::Method;
use serde_json::json;

use crate::world::World;

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_buyers_of_fifty_pieces_get_exactly_fifty() {
    let world = World::new().await;
    let lamp = world.product("lamp", 50).await;
    let names: Vec<_> = (0..200).map(|n| format!("buyer{n}")).collect();
    let buyers = join_all(names.iter().map(|name| world.customer(name))).await;
    let buys = buyers.iter().map(|buyer| {
        let items = json!({ "items": [{ "product_id": lamp, "quantity": 1 }] });
        async move { buyer.post("/api/v1/inventory/reservations", items).await.outcome() }
    });
    let outcomes = join_all(buys).await;
    let count = |outcome: &str| outcomes.iter().filter(|found| *found == outcome).count();
    assert_eq!((count("201"), count("409 insufficient_stock")), (50, 150), "{outcomes:?}");
    assert_eq!(world.stock(&lamp).await, "available 0, reserved 50, sold 0");
    world.end().await;
}

#[tokio::test]
async fn a_hold_returns_its_stock_after_fifteen_minutes() {
    let world = World::new().await;
    let lamp = world.product("lamp", 3).await;
    let ana = world.guest().await;
    let items = json!({ "items": [{ "product_id": lamp, "quantity": 2 }] });
    let id = ana.post("/api/v1/inventory/reservations", items).await.text("reservation_id");
    world.advance(SignedDuration::from_mins(15)).await;
    assert_eq!(world.stock(&lamp).await, "available 3, reserved 0, sold 0");
    assert_eq!(ana.get(&format!("/api/v1/inventory/reservations/{id}")).await.ok()["status"], "expired");
    world.end().await;
}

#[tokio::test]
async fn lines_of_one_product_are_held_together_or_not_at_all() {
    let world = World::new().await;
    let (lamp, shade) = (world.product("lamp", 1).await, world.product("shade", 9).await);
    let ana = world.guest().await;
    let items = json!([
        { "product_id": shade, "quantity": 2 },
        { "productId": lamp, "quantity": 1 },
        { "product_id": lamp, "quantity": 1 },
    ]);
    let refused = ana.post("/api/v1/inventory/reservations", json!({ "items": items })).await;
    assert_eq!(refused.outcome(), "409 insufficient_stock");
    assert_eq!(refused.body["success"], false);
    assert_eq!(
        refused.body["items"],
        json!([{ "product_id": "lamp", "location": "main", "quantity": 2, "available_quantity": 1 }])
    );
    assert_eq!(world.stock(&shade).await, "available 9, reserved 0, sold 0");
    world.end().await;
}

#[tokio::test]
async fn a_hold_is_given_back_once_and_only_by_its_holder() {
    let world = World::new().await;
    let lamp = world.product("lamp", 3).await;
    let (ana, ben) = (world.guest().await, world.customer("ben").await);
    let items = json!({ "items": [{ "product_id": lamp, "quantity": 2 }] });
    let id = ana.post("/api/v1/inventory/reservations", items).await.text("reservation_id");
    let path = format!("/api/v1/inventory/reservations/{id}");
    assert_eq!(ben.send(Method::DELETE, &path, &[], None).await.outcome(), "404 not_found");
    for _ in 0..2 {
        assert_eq!(ana.send(Method::DELETE, &path, &[], None).await.ok()["status"], "released");
    }
    assert_eq!(world.stock(&lamp).await, "available 3, reserved 0, sold 0");
    world.end().await;
}

#[tokio::test]
async fn staff_changes_stock_and_every_change_is_in_the_ledger() {
    let world = World::new().await;
    let lamp = world.product("lamp", 10).await;
    let admin = world.admin().await;
    let adjust = |operation: &str, quantity: u32| json!({ "product_id": lamp, "quantity": quantity, "operation": operation });
    let path = "/api/v1/inventory/adjustments";
    let second = SignedDuration::from_secs(1);
    world.advance(second).await; // what happens within a millisecond is listed in any order
    assert_eq!(admin.post(path, adjust("subtract", 4)).await.ok()["level"]["available_quantity"], 6);
    assert_eq!(admin.post(path, adjust("subtract", 7)).await.outcome(), "409 insufficient_stock");
    world.advance(second).await;
    assert_eq!(admin.post(path, adjust("set", 2)).await.ok()["level"]["available_quantity"], 2);
    assert_eq!(admin.post(path, adjust("add", 0)).await.complaint(), "400 validation_failed quantity");
    let ledger = admin.get("/api/v1/inventory/lamp/movements").await.ok();
    let changes: Vec<_> = ledger["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| format!("{} {}", row["change_type"], row["available"]))
        .collect();
    insta::assert_debug_snapshot!(changes, @r#"
    [
        "\"correction\" -4",
        "\"adjustment\" -4",
        "\"restock\" 10",
    ]
    "#);
    world.end().await;
}

#[tokio::test]
async fn customers_see_what_they_need_and_staff_sees_all() {
    let world = World::new().await;
    let lamp = world.product("lamp", 4).await;
    let public = world.nobody().get("/api/v1/inventory/lamp").await.ok();
    insta::assert_json_snapshot!(public, @r#"
    {
      "available_quantity": 4,
      "is_in_stock": true,
      "product_id": "lamp",
      "stock_status": "low_stock",
      "variant_id": null,
      "version": 1
    }
    "#);
    let staff = world.person("agent", "gus", "default").await;
    assert_eq!(staff.get("/api/v1/inventory/lamp").await.ok()["by_location"][0]["location"], "main");
    let several = world.nobody().get(&format!("/api/v1/inventory?product_ids={lamp},none")).await.ok();
    assert_eq!(several[1]["stock_status"], "out_of_stock");
    world.end().await;
}
