//! Lists of orders: what is wanted of them, page by page.

use std::collections::BTreeSet;

use jiff::SignedDuration;
use serde_json::{Value, json};

use crate::world::{Person, World};

/// How long the pages of a list are, and the ids on them.
async fn pages(person: &Person<'_>, query: &str) -> (Vec<usize>, Vec<String>) {
    let (mut sizes, mut ids, mut cursor) = (vec![], vec![], String::new());
    loop {
        let page = person.get(&format!("/api/v1/orders?{query}{cursor}")).await.ok();
        let data = page["data"].as_array().unwrap();
        sizes.push(data.len());
        ids.extend(data.iter().map(|order| order["order_id"].as_str().unwrap().to_owned()));
        let Some(next) = page["next_cursor"].as_str() else { return (sizes, ids) };
        cursor = format!("&cursor={next}");
    }
}

async fn cancels(person: &Person<'_>, order: &Value) {
    let path = format!("/api/v1/orders/{}/cancel", order["order_id"].as_str().unwrap());
    person.post(&path, json!({})).await.ok();
}

#[tokio::test]
async fn pages_are_full_while_there_are_orders_that_fit_and_none_comes_twice() {
    let world = World::new().await;
    let lamp = world.product("lamp", 50).await;
    let ana = world.customer("ana").await;
    let agent = world.person("agent", "gus", "default").await;
    // All in one millisecond: where a page ends they are told apart all the same.
    for n in 0..24 {
        let order = ana.orders(&lamp, 1).await.ok();
        if n % 4 == 0 {
            cancels(&ana, &order).await;
        }
    }
    let others = world.customer("ben").await.orders(&lamp, 1).await.text("order_id");
    for (person, whose) in [(&ana, ""), (&agent, "&customer_id=ana"), (&agent, "&customerId=ana")] {
        for (query, expected) in [
            ("limit=10", vec![10, 10, 4]),
            ("limit=12", vec![12, 12]),
            ("limit=4&status=cancelled", vec![4, 2]),
            ("limit=7&status=pending", vec![7, 7, 4]),
            ("limit=6&status=completed", vec![0]),
        ] {
            let (sizes, ids) = pages(person, &format!("{query}{whose}")).await;
            assert_eq!(sizes, expected, "{query}{whose}");
            assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len(), "{query}{whose}");
            assert!(!ids.contains(&others), "{query}{whose}");
        }
    }
    assert_eq!(pages(&agent, "limit=20").await.0, [20, 5]);
    assert_eq!(pages(&agent, "limit=5&status=cancelled").await.0, [5, 1]);
    assert_eq!(pages(&agent, "limit=15&status=pending_payment").await.0, [15, 4]);
    assert_eq!(pages(&ana, "limit=100&customer_id=ben").await.0, [24], "only staff may ask for others'");
    world.end().await;
}

#[tokio::test]
async fn a_status_is_listed_as_soon_as_an_order_has_it_and_no_longer() {
    let world = World::new().await;
    let lamp = world.product("lamp", 5).await;
    let (ana, admin) = (world.customer("ana").await, world.admin().await);
    let order = ana.buys(&lamp, 1).await;
    let path = format!("/api/v1/orders/{}/status", order["order_id"].as_str().unwrap());
    assert_eq!(pages(&admin, "status=confirmed").await.1.len(), 1);
    let step = json!({ "status": "processing" }).to_string();
    admin.send(reqwest::Method::PATCH, &path, &[], Some(step)).await.ok();
    assert_eq!(pages(&admin, "status=paid").await.1.len(), 0);
    assert_eq!(pages(&admin, "status=processing").await.1, [order["order_id"].as_str().unwrap()]);
    world.end().await;
}

#[tokio::test]
async fn days_are_those_of_the_shop_s_zone() {
    let zone = [("ShopTimezone".to_owned(), "Asia/Tokyo".to_owned())];
    let world = World::with(zone.into()).await;
    let lamp = world.product("lamp", 5).await;
    let ana = world.customer("ana").await;
    // 18:00 on the 5th in Tokyo, then 02:00 on the 6th: both on the 5th in London.
    let early = ana.orders(&lamp, 1).await.text("order_id");
    let clock = world.cloud().clock();
    clock.turn_to(clock.after(SignedDuration::from_hours(8)));
    let late = ana.orders(&lamp, 1).await.text("order_id");
    let admin = world.admin().await;
    for person in [&ana, &admin] {
        for (query, expected) in [
            ("from=2026-01-05", vec![&late, &early]),
            ("from=2026-01-06", vec![&late]),
            ("start_date=2026-01-06", vec![&late]),
            ("to=2026-01-05", vec![&early]),
            ("end_date=2026-01-05&limit=1", vec![&early]),
            ("from=2026-01-06&to=2026-01-06", vec![&late]),
            ("from=2026-01-05T17:00:00Z", vec![&late]),
            ("to=2026-01-05T16:59:59.999Z", vec![&early]),
            ("from=2026-01-05T09:00:00%2B00:00&to=2026-01-05T09:00:00Z", vec![&early]),
            ("from=2027-01-01", vec![]),
        ] {
            assert_eq!(pages(person, query).await.1.iter().collect::<Vec<_>>(), expected, "{query}");
        }
    }
    for (query, field) in [
        ("from=yesterday", "from"),
        ("from=2026-02-30", "from"),
        ("to=", "to"),
        ("to=%00", "to"),
        ("from=2026-01-06&to=2026-01-05", "to"),
    ] {
        let refused = ana.get(&format!("/api/v1/orders?{query}")).await;
        assert_eq!(refused.complaint(), format!("400 validation_failed {field}"), "{query}");
    }
    for wrong in ["status=lost", "customer_id=a%20b", "limit=0", "limit=101", "limit=x"] {
        assert_eq!(ana.get(&format!("/api/v1/orders?{wrong}")).await.status.as_u16(), 400, "{wrong}");
    }
    world.end().await;
}

#[tokio::test]
async fn a_customer_s_list_has_what_they_ordered_as_a_guest() {
    let world = World::new().await;
    let lamp = world.product("lamp", 5).await;
    let (guest, ana) = (world.guest().await, world.customer("ana").await);
    let first = guest.orders(&lamp, 1).await.text("order_id");
    world.advance(SignedDuration::from_secs(1)).await;
    let second = ana.orders(&lamp, 1).await.text("order_id");
    assert_eq!(pages(&ana, "").await.1, [second.as_str()]);
    ana.post("/api/v1/auth/link", json!({ "guest_token": guest.token })).await.ok();
    assert_eq!(pages(&ana, "limit=1").await.1, [second.as_str(), first.as_str()]);
    let agent = world.person("agent", "gus", "default").await;
    assert_eq!(pages(&agent, "customer_id=ana&status=pending").await.1, [second, first]);
    world.end().await;
}

#[tokio::test]
async fn cursors_that_no_list_of_orders_gave_are_refused() {
    let world = World::new().await;
    let lamp = world.product("lamp", 50).await;
    let ana = world.customer("ana").await;
    let order = ana.orders(&lamp, 1).await.text("order_id");
    let admin = world.admin().await;
    let of_products = {
        world.product("shade", 0).await;
        let page = admin.get("/api/v1/products?limit=1").await.ok();
        page["next_cursor"].as_str().unwrap().to_owned()
    };
    let forged = ["x", "e30", "WyJhIl0", "WyJhIiwiYiIsImMiXQ", "W10", "%00", &of_products, &"A".repeat(5000)];
    for cursor in forged {
        for path in
            ["/api/v1/orders", "/api/v1/orders?status=paid", &format!("/api/v1/orders/{order}/explain")]
        {
            let and = if path.contains('?') { '&' } else { '?' };
            let refused = admin.get(&format!("{path}{and}cursor={cursor}")).await;
            assert_eq!(refused.complaint(), "400 validation_failed cursor", "{path} {cursor}");
        }
    }
    world.end().await;
}
