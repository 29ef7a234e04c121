//! Who may do what: every route, asked by everybody.
//!
//! The table below is what a reviewer reads when a route is added; a route without a line in it is a red test.

use std::fmt::Write;

use reqwest::Method;
use serde_json::json;

use crate::world::{Person, World};

/// Path parameters of things that belong to Ana, the owner.
struct Things {
    order: String,
    payment: String,
    reservation: String,
}

async fn things(world: &World) -> Things {
    let lamp = world.product("lamp", 50).await;
    let ana = world.customer("ana").await;
    let order = ana.buys(&lamp, 1).await;
    let items = json!({ "items": [{ "product_id": lamp, "quantity": 1 }] });
    let reservation = ana
        .post("/api/v1/inventory/reservations", items)
        .await
        .text("reservation_id");
    Things {
        order: order["order_id"].as_str().unwrap().to_owned(),
        payment: order["payment_id"].as_str().unwrap().to_owned(),
        reservation,
    }
}

fn concrete(path: &str, things: &Things) -> String {
    let id = match path {
        path if path.contains("/orders/") => &things.order,
        path if path.contains("/payments/") => &things.payment,
        path if path.contains("/reservations/") => &things.reservation,
        path if path.contains("/service-keys/") => "key_none",
        _ => "lamp",
    };
    let path = path
        .split('/')
        .map(|step| if step.starts_with('{') { id } else { step });
    let path = path.collect::<Vec<_>>().join("/");
    if path == "/api/v1/inventory" {
        format!("{path}?product_ids=lamp")
    } else {
        path
    }
}

async fn status(person: &Person<'_>, world: &World, method: &str, path: &str) -> u16 {
    let key = world.fresh_key();
    let method: Method = method.to_uppercase().parse().unwrap();
    // An empty body is wrong everywhere that one is needed: who may not ask is told so before anybody reads it.
    let body = (method != Method::GET).then(|| "{}".to_owned());
    person
        .send(method, path, &[("idempotency-key", &key)], body)
        .await
        .status
        .as_u16()
}

#[tokio::test]
async fn every_route_decides_who_may_use_it() {
    let two = [
        ("Shops", "default,acme"),
        ("JwtShops", "default,acme"),
        ("ShopKeys", "pk_acme=acme,pk_default=default"),
        ("ShopHosts", "127.0.0.1=default"),
    ];
    let world = World::with(
        two.map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into(),
    )
    .await;
    let things = things(&world).await;
    let people = [
        ("nobody", world.nobody()),
        ("guest", world.guest().await),
        ("stranger", world.customer("eve").await),
        ("owner", world.customer("ana").await),
        ("agent", world.person("agent", "gus", "default").await),
        ("other shop", world.person("admin", "olga", "acme").await),
        ("service", world.service(&["inventory:read"]).await),
        ("admin", world.admin().await),
    ];
    let document = world.nobody().get("/openapi.json").await.ok();
    let mut table = format!("{:<58}", "");
    for (name, _) in &people {
        write!(table, "{name:>11}").unwrap();
    }
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, _) in methods
            .as_object()
            .unwrap()
            .iter()
            .filter(|(_, operation)| operation.get("responses").is_some())
        {
            let concrete = concrete(path, &things);
            write!(table, "\n{:<58}", format!("{} {path}", method.to_uppercase())).unwrap();
            for (_, person) in &people {
                write!(table, "{:>11}", status(person, &world, method, &concrete).await).unwrap();
            }
        }
    }
    insta::assert_snapshot!(table);
    assert!(!table.contains(" 500") && !table.contains(" 503"));
}
