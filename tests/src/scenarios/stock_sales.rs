//! Stock that other systems sell and take back, many changes at once, and what the ledger says of it all.

use jiff::SignedDuration;
use reqwest::Method;
use serde_json::{Value, json};

use crate::world::{Person, World};

const COMMITMENTS: &str = "/api/v1/inventory/commitments";
const HOLDS: &str = "/api/v1/inventory/reservations";
const RETURNS: &str = "/api/v1/inventory/returns";

fn items(product: &str, quantity: u32) -> Value {
    json!([{ "product_id": product, "quantity": quantity }])
}

async fn ledger(admin: &Person<'_>, query: &str) -> Vec<String> {
    let page = admin.get(&format!("/api/v1/inventory/lamp/movements?{query}")).await.ok();
    let row = |row: &Value| {
        format!(
            "{} {}/{}/{}",
            row["change_type"].as_str().unwrap(),
            row["available"],
            row["reserved"],
            row["committed"]
        )
    };
    page["data"].as_array().unwrap().iter().map(row).collect()
}

#[tokio::test]
async fn an_order_of_another_system_is_sold_once_from_what_is_free() {
    let world = World::new().await;
    let (lamp, shade) = (world.product("lamp", 5).await, world.product("shade", 1).await);
    let erp = world.service(&["inventory:write"]).await;
    let order = json!({ "order_id": "ORD-1", "items": items(&lamp, 2) });
    for _ in 0..2 {
        let sold = erp.post(COMMITMENTS, order.clone()).await.ok();
        assert_eq!((&sold["success"], &sold["items"][0]["quantity"]), (&json!(true), &json!(2)));
    }
    assert_eq!(world.stock(&lamp).await, "available 3, reserved 0, sold 2");
    let other = json!({ "order_id": "ORD-1", "items": items(&lamp, 1) });
    assert_eq!(erp.post(COMMITMENTS, other).await.outcome(), "409 invalid_transition");
    let both = json!([{ "product_id": lamp, "quantity": 1 }, { "product_id": shade, "quantity": 2 }]);
    let refused = erp.post(COMMITMENTS, json!({ "order_id": "ORD-2", "items": both })).await;
    assert_eq!(refused.outcome(), "409 insufficient_stock");
    assert_eq!(world.stock(&lamp).await, "available 3, reserved 0, sold 2");
    let held = json!({ "items": items(&lamp, 1), "order_id": "ORD-1" });
    assert_eq!(world.customer("ana").await.post(HOLDS, held).await.outcome(), "409 invalid_transition");
    assert_eq!(
        erp.post(COMMITMENTS, json!({ "order_id": "ORD-3" })).await.complaint(),
        "400 validation_failed items"
    );
    world.end().await;
}

#[tokio::test]
async fn what_was_held_is_sold_to_its_holder_and_to_nobody_else() {
    let world = World::new().await;
    let lamp = world.product("lamp", 3).await;
    let (ana, erp) = (world.customer("ana").await, world.service(&["inventory:write"]).await);
    let held = ana.post(HOLDS, json!({ "items": items(&lamp, 2) })).await.text("reservation_id");
    let sold = erp.post(COMMITMENTS, json!({ "orderId": "ORD-1", "reservationId": held })).await.ok();
    assert_eq!(sold["items"][0]["quantity"], 2);
    assert_eq!(ana.get(&format!("{HOLDS}/{held}")).await.ok()["status"], "committed");
    let again = json!({ "order_id": "ORD-2", "reservation_id": held });
    assert_eq!(erp.post(COMMITMENTS, again).await.outcome(), "409 reservation_not_active");
    let path = format!("{HOLDS}/{held}");
    assert_eq!(ana.send(Method::DELETE, &path, &[], None).await.outcome(), "409 reservation_not_active");
    assert_eq!(world.stock(&lamp).await, "available 1, reserved 0, sold 2");
    let late = ana.post(HOLDS, json!({ "items": items(&lamp, 1) })).await.text("reservation_id");
    world.advance(SignedDuration::from_mins(16)).await;
    erp.post(COMMITMENTS, json!({ "order_id": "ORD-3", "reservation_id": late })).await.ok();
    assert_eq!(world.stock(&lamp).await, "available 0, reserved 0, sold 3");
    world.end().await;
}

#[tokio::test]
async fn no_more_comes_back_than_was_sold() {
    let world = World::new().await;
    let lamp = world.product("lamp", 9).await;
    let (ana, admin) = (world.customer("ana").await, world.admin().await);
    admin.post(COMMITMENTS, json!({ "order_id": "ORD-1", "items": items(&lamp, 3) })).await.ok();
    let back = |order: &str, quantity: u32| json!({ "order_id": order, "items": items(&lamp, quantity) });
    for _ in 0..2 {
        admin.post_keyed(RETURNS, "k", back("ORD-1", 2)).await.ok();
    }
    assert_eq!(
        admin.post(RETURNS, back("ORD-1", 2)).await.complaint(),
        "400 validation_failed items[0].quantity"
    );
    admin.post(RETURNS, back("ORD-1", 1)).await.ok();
    assert_eq!(admin.post(RETURNS, back("ORD-9", 1)).await.outcome(), "404 not_found");
    assert_eq!(world.stock(&lamp).await, "available 9, reserved 0, sold 0");
    // An order of this shop: what a refund takes back and what comes back otherwise are counted together.
    let unpaid = ana.orders(&lamp, 1).await.text("order_id");
    assert_eq!(admin.post(RETURNS, back(&unpaid, 1)).await.outcome(), "409 invalid_transition");
    let order = ana.buys(&lamp, 3).await;
    let id = order["order_id"].as_str().unwrap();
    admin.post(RETURNS, back(id, 1)).await.ok();
    let refund = format!("/api/v1/payments/{}/refund", order["payment_id"].as_str().unwrap());
    let restock = |quantity: u32| json!({ "amount": 1, "items": items(&lamp, quantity), "restock": true });
    assert_eq!(admin.post(&refund, restock(3)).await.complaint(), "400 validation_failed items[0].quantity");
    admin.post(&refund, restock(2)).await.ok();
    assert_eq!(admin.post(RETURNS, back(id, 1)).await.complaint(), "400 validation_failed items[0].quantity");
    assert_eq!(world.stock(&lamp).await, "available 8, reserved 1, sold 0");
    world.end().await;
}

#[tokio::test]
async fn many_changes_at_once_are_made_or_refused_one_by_one() {
    let world = World::new().await;
    let (lamp, shade) = (world.product("lamp", 2).await, world.product("shade", 2).await);
    let admin = world.admin().await;
    let change = |product: &str, operation: &str, quantity: u32| json!({ "productId": product, "operation": operation, "quantity": quantity });
    let changes = [
        change(&lamp, "add", 5),
        change(&shade, "subtract", 3),
        change(&lamp, "subtract", 7),
        change(&lamp, "add", 0),
        change(&shade, "set", 4),
    ];
    let path = "/api/v1/inventory/adjustments/batch";
    for _ in 0..2 {
        let answer = admin.post_keyed(path, "k", json!({ "adjustments": changes })).await.ok();
        assert_eq!((&answer["succeeded"], &answer["failed"]), (&json!(3), &json!(2)));
        let results: Vec<_> = answer["results"]
            .as_array()
            .unwrap()
            .iter()
            .map(|row| row["error"]["code"].as_str().unwrap_or("ok"))
            .collect();
        assert_eq!(results, ["ok", "insufficient_stock", "ok", "validation_failed", "ok"]);
    }
    assert_eq!(world.stock(&lamp).await, "available 0, reserved 0, sold 0");
    assert_eq!(world.stock(&shade).await, "available 4, reserved 0, sold 0");
    let none = json!({ "adjustments": [] });
    assert_eq!(admin.post(path, none).await.complaint(), "400 validation_failed adjustments");
    let many: Vec<_> = (0..101).map(|_| change(&lamp, "add", 1)).collect();
    let many = json!({ "adjustments": many });
    assert_eq!(admin.post(path, many).await.complaint(), "400 validation_failed adjustments");
    world.end().await;
}

#[tokio::test]
async fn the_ledger_is_read_by_time_kind_variant_and_place() {
    // There it is ten in the evening when the story begins.
    let zone = [("ShopTimezone".to_owned(), "Pacific/Auckland".to_owned())];
    let world = World::with(zone.into()).await;
    let lamp = world.product("lamp", 9).await;
    let (ana, admin) = (world.customer("ana").await, world.admin().await);
    world.advance(SignedDuration::from_hours(3)).await;
    ana.post(HOLDS, json!({ "items": items(&lamp, 2) })).await.ok();
    world.advance(SignedDuration::from_mins(15)).await;
    // What happens within a millisecond is listed in any order.
    world.advance(SignedDuration::from_secs(1)).await;
    let red = json!({ "product_id": lamp, "variant_id": "red", "quantity": 4, "operation": "add", "timestamp": 1_767_603_600_000_i64 });
    admin.post("/api/v1/inventory/adjustments", red).await.ok();
    assert_eq!(
        ledger(&admin, "").await,
        ["restock 4/0/0", "expiry 2/-2/0", "reservation -2/2/0", "restock 9/0/0"]
    );
    assert_eq!(ledger(&admin, "to=2026-01-05").await, ["restock 9/0/0"]);
    assert_eq!(ledger(&admin, "from=2026-01-06&to=2026-01-05T12:10:00Z").await, ["reservation -2/2/0"]);
    assert_eq!(ledger(&admin, "change_type=restock").await, ["restock 4/0/0", "restock 9/0/0"]);
    assert_eq!(ledger(&admin, "variant_id=red&location=main").await, ["restock 4/0/0"]);
    assert_eq!(ledger(&admin, "location=attic").await, Vec::<String>::new());
    let first = admin.get("/api/v1/inventory/lamp/movements?change_type=restock&limit=1").await.ok();
    assert_eq!(first["data"][0]["client_time"], "2026-01-05T09:00:00Z");
    let next = format!("change_type=restock&limit=1&cursor={}", first["next_cursor"].as_str().unwrap());
    assert_eq!(ledger(&admin, &next).await, ["restock 9/0/0"]);
    let wrong = admin.get("/api/v1/inventory/lamp/movements?from=yesterday").await;
    assert_eq!(wrong.complaint(), "400 validation_failed from");
    world.end().await;
}

#[tokio::test]
async fn older_clients_find_their_stock_where_it_was() {
    let world = World::new().await;
    let lamp = world.product("lamp", 5).await;
    let (ana, admin) = (world.customer("ana").await, world.admin().await);
    let path = "/api/realtime/inventory";
    let send = async |who: &Person<'_>, method: Method, body: Value| {
        who.send(method, path, &[], Some(body.to_string())).await
    };
    let adjust = json!({ "productId": lamp, "quantity": 2, "operation": "subtract", "timestamp": "2026-01-05T08:00:00Z" });
    let adjusted = send(&admin, Method::POST, adjust).await.ok();
    assert_eq!(adjusted["movement"]["client_time"], "2026-01-05T08:00:00Z");
    let held =
        send(&ana, Method::PATCH, json!({ "productId": lamp, "quantity": 1, "orderId": "ORD-1" })).await.ok();
    assert_eq!((&held["success"], &held["items"][0]["quantity"]), (&json!(true), &json!(1)));
    let order = json!({ "orderId": "ORD-1", "reservationId": held["reservation_id"] });
    for _ in 0..2 {
        assert_eq!(send(&admin, Method::PUT, order.clone()).await.ok()["order_id"], "ORD-1");
    }
    let stock = world.nobody().get(&format!("{path}?productId={lamp}")).await.ok();
    assert_eq!(stock["available_quantity"], 2);
    assert_eq!(send(&ana, Method::PUT, order).await.outcome(), "403 forbidden");
    world.end().await;
}

#[tokio::test]
async fn stock_lasts_as_long_as_what_was_sold_lately_says() {
    let world = World::new().await;
    let lamp = world.product("lamp", 100).await;
    world.product("shade", 5).await;
    let admin = world.admin().await;
    admin.post(COMMITMENTS, json!({ "order_id": "ORD-1", "items": items(&lamp, 6) })).await.ok();
    admin.post(RETURNS, json!({ "order_id": "ORD-1", "items": items(&lamp, 2) })).await.ok();
    let clock = world.cloud().clock();
    clock.turn_to(clock.after(SignedDuration::from_hours(24)));
    let forecast = world.admin().await.get("/api/v1/inventory/forecast").await.ok();
    let of = |index: usize| {
        let row = &forecast["data"][index];
        format!(
            "{} {} {} {}",
            row["product_id"], row["daily_demand"], row["days_of_cover"], row["runs_out_on"]
        )
    };
    assert_eq!(of(0), "\"lamp\" 4.0 24.0 \"2026-01-30\"");
    assert_eq!(of(1), "\"shade\" 0.0 null null");
    world.end().await;
}

#[tokio::test]
async fn stock_that_was_spoiled_is_found_and_repaired_by_corrections() {
    let world = World::new().await;
    let lamp = world.product("lamp", 9).await;
    let (ana, admin) = (world.customer("ana").await, world.admin().await);
    let held = ana.post(HOLDS, json!({ "items": items(&lamp, 2) })).await.text("reservation_id");
    let path = "/api/v1/inventory/reconciliation";
    assert_eq!(admin.get(path).await.ok()["drift"], json!([]));
    // Somebody changes a level by hand, and a hold ends without its stock.
    let spoil = |pk: &str, sk: &str, update: &str, values: Value, names: Value| {
        json!({
            "TableName": "InventoryTable", "Key": { "pk": { "S": pk }, "sk": { "S": sk } },
            "UpdateExpression": update, "ExpressionAttributeValues": values, "ExpressionAttributeNames": names,
        })
    };
    let level = spoil(
        "default#stock#lamp",
        "level#main#",
        "ADD #a :two",
        json!({ ":two": { "N": "2" } }),
        json!({ "#a": "available" }),
    );
    world.dynamo("UpdateItem", level).await;
    let (holder, place) = held[..20 + 6].split_at("res_".len() + 16);
    let hold = spoil(
        &format!("default#reservation#{holder}"),
        &format!("reservation-{place}"),
        "SET #s = :released REMOVE due, due_at",
        json!({ ":released": { "S": "released" } }),
        json!({ "#s": "status" }),
    );
    world.dynamo("UpdateItem", hold).await;
    let found = admin.get(path).await.ok();
    assert_eq!(found["drift"][0]["level"], json!([9, 2, 0]));
    assert_eq!(
        (&found["drift"][1]["reservation_id"], &found["drift"][1]["ledger"]),
        (&json!(held), &json!([0, 2, 0]))
    );
    assert_eq!(ana.post(path, json!({})).await.outcome(), "403 forbidden");
    let repaired = admin.post(path, json!({})).await.ok();
    assert_eq!((&repaired["repaired"], &repaired["left"]), (&found["drift"], &json!([])));
    assert_eq!(world.stock(&lamp).await, "available 11, reserved 0, sold 0");
    assert_eq!(ledger(&admin, "change_type=correction").await.len(), 2);
    world.end().await;
}
