//! Why an order is where it is.

use jiff::SignedDuration;
use serde_json::{Value, json};

use crate::world::{Person, World};

fn path(order: &Value) -> String {
    format!("/api/v1/orders/{}/explain", order["order_id"].as_str().unwrap())
}

/// All of it, page by page.
async fn explained(person: &Person<'_>, order: &Value, limit: usize) -> Vec<Value> {
    let (mut all, mut cursor) = (vec![], String::new());
    loop {
        let page = person.get(&format!("{}?limit={limit}{cursor}", path(order))).await.ok();
        all.extend(page["data"].as_array().unwrap().iter().cloned());
        let Some(next) = page["next_cursor"].as_str() else { return all };
        assert_eq!(page["data"].as_array().unwrap().len(), limit);
        cursor = format!("&cursor={next}");
    }
}

fn lines(entries: &[Value]) -> String {
    let line = |entry: &Value| {
        let actor = entry["actor"].as_str().unwrap();
        format!("{} by {actor}: {}", entry["type"].as_str().unwrap(), entry["summary"].as_str().unwrap())
    };
    entries.iter().map(line).collect::<Vec<_>>().join("\n")
}

#[tokio::test]
async fn an_order_is_explained_from_its_first_piece_to_its_last_penny() {
    let world = World::new().await;
    let lamp = world.product("lamp", 5).await;
    let (ana, agent) = (world.customer("ana").await, world.person("agent", "gus", "default").await);
    let order = ana.orders(&lamp, 2).await.ok();
    world.advance(SignedDuration::from_secs(10)).await;
    // What others do with the same product at the same time is not told here.
    world.customer("ben").await.orders(&lamp, 1).await.ok();
    let intent = ana.begins_to_pay(&order).await;
    world.advance(SignedDuration::from_secs(10)).await;
    world.pays(&intent, "pm_card_visa").await.ok();
    world.advance(SignedDuration::from_secs(10)).await;
    let cancel = format!("/api/v1/orders/{}/cancel", order["order_id"].as_str().unwrap());
    ana.post(&cancel, json!({ "reason": "too bright" })).await.ok();
    world.idle().await;

    let all = explained(&agent, &order, 100).await;
    insta::assert_snapshot!(lines(&all));
    let notice = all.iter().find(|entry| entry["type"] == "stripe.payment_intent.succeeded").unwrap();
    let paid = all.iter().find(|entry| entry["summary"] == "went from pending_payment to paid").unwrap();
    assert_eq!(paid["cause"], notice["id"], "the webhook is what made it paid");
    assert!(all.is_sorted_by_key(|entry| entry["at"].as_str().unwrap().to_owned()));
    assert_eq!(explained(&agent, &order, 3).await, all);
    world.end().await;
}

#[tokio::test]
async fn only_staff_has_orders_explained() {
    let world = World::new().await;
    let lamp = world.product("lamp", 5).await;
    let ana = world.customer("ana").await;
    let order = ana.orders(&lamp, 1).await.ok();
    for person in [&ana, &world.guest().await, &world.service(&["orders:write"]).await] {
        assert_eq!(person.get(&path(&order)).await.outcome(), "403 forbidden");
    }
    assert_eq!(world.service(&["orders:read"]).await.get(&path(&order)).await.outcome(), "200");
    let unknown = json!({ "order_id": "ord_none" });
    assert_eq!(world.admin().await.get(&path(&unknown)).await.outcome(), "404 not_found");
    world.end().await;
}
