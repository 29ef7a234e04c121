//! What customers think of products: reviews, likes, favourites, shares, and that all of them are counted exactly.

use std::collections::BTreeMap;

use futures_util::future::join_all;
use jiff::SignedDuration;
use reqwest::Method;
use serde_json::{Value, json};

use crate::world::{Person, Reply, World};

const REVIEWS: &str = "/api/v1/products/lamp/reviews";

async fn stats(world: &World) -> Value {
    world.nobody().get("/api/v1/products/lamp?include=stats").await.ok()["stats"].clone()
}

async fn reviews(person: &Person<'_>, stars: u64) -> Reply {
    person.post(REVIEWS, json!({ "rating": stars })).await
}

async fn toggles(person: &Person<'_>, method: Method, what: &str) -> Reply {
    person.send(method, &format!("/api/v1/products/lamp/{what}"), &[], None).await
}

#[tokio::test]
async fn a_customer_has_one_review_of_a_product_and_a_later_one_replaces_it() {
    let world = World::new().await;
    world.product("lamp", 3).await;
    let (ana, ben) = (world.customer("ana").await, world.customer("ben").await);
    let first = ana.post(REVIEWS, json!({ "rating": 2, "text": "Dim." })).await.ok();
    assert_eq!((&first["version"], &first["verified_purchase"]), (&json!(1), &json!(false)));
    let second =
        ana.post(REVIEWS, json!({ "stars": 5, "comment": "Bright!", "author_name": "Ana" })).await.ok();
    assert_eq!((&second["version"], &second["created_at"]), (&json!(2), &first["created_at"]));
    reviews(&ben, 4).await.ok();
    insta::assert_json_snapshot!(stats(&world).await, @r#"
    {
      "favorites": 0,
      "likes": 0,
      "rating": {
        "average": 4.5,
        "by_stars": {
          "1": 0,
          "2": 0,
          "3": 0,
          "4": 1,
          "5": 1
        },
        "count": 2
      },
      "shares": 0,
      "shares_by_channel": {}
    }
    "#);
    let list = world.nobody().get(REVIEWS).await.ok();
    assert_eq!(list["data"].as_array().unwrap().len(), 2);
    assert_eq!(world.nobody().get("/api/v1/products/none/reviews").await.outcome(), "404 not_found");
    world.end().await;
}

#[tokio::test]
async fn reviews_that_make_no_sense_and_those_of_guests_are_refused() {
    let world = World::new().await;
    world.product("lamp", 3).await;
    let ana = world.customer("ana").await;
    for wrong in [json!(0), json!(6), json!(4.5), json!("5"), Value::Null] {
        let refused = ana.post(REVIEWS, json!({ "rating": wrong })).await;
        assert_eq!(refused.complaint(), "400 validation_failed rating", "{wrong}");
    }
    assert_eq!(ana.post(REVIEWS, json!({})).await.complaint(), "400 validation_failed rating");
    let long = json!({ "rating": 5, "text": "x".repeat(4001) });
    assert_eq!(ana.post(REVIEWS, long).await.complaint(), "400 validation_failed text");
    assert_eq!(
        ana.post("/api/v1/products/none/reviews", json!({ "rating": 5 })).await.outcome(),
        "404 not_found"
    );
    assert_eq!(reviews(&world.guest().await, 5).await.outcome(), "403 forbidden");
    assert_eq!(reviews(&world.nobody(), 5).await.outcome(), "401 unauthenticated");
    assert_eq!(stats(&world).await["rating"]["count"], 0);
    world.end().await;
}

#[tokio::test]
async fn a_review_that_is_sent_again_is_the_same_one() {
    let world = World::new().await;
    world.product("lamp", 3).await;
    let ana = world.customer("ana").await;
    let key = world.fresh_key();
    let first = ana.post_keyed(REVIEWS, &key, json!({ "rating": 2 })).await.ok();
    reviews(&ana, 5).await.ok();
    // A late repetition of the first does not undo the second.
    assert_eq!(ana.post_keyed(REVIEWS, &key, json!({ "rating": 2 })).await.ok(), first);
    assert_eq!(stats(&world).await["rating"]["by_stars"]["5"], 1);
    let other = ana.post_keyed(REVIEWS, &key, json!({ "rating": 3 })).await;
    assert_eq!(other.outcome(), "422 idempotency_mismatch");
    // The answer of a review is lost, and what it says is sent again under another key: nothing new was said.
    assert_eq!(reviews(&ana, 5).await.ok()["version"], 2);
    world.end().await;
}

#[tokio::test]
async fn a_purchase_is_verified_by_a_paid_order_of_one_s_own() {
    let world = World::new().await;
    let (lamp, shade) = (world.product("lamp", 9).await, world.product("shade", 9).await);
    let ana = world.customer("ana").await;
    let is_verified = async |person: &Person<'_>, stars: u64| {
        reviews(person, stars).await.ok()["verified_purchase"].as_bool().unwrap()
    };
    ana.buys(&shade, 1).await;
    let order = ana.orders(&lamp, 1).await.ok();
    assert!(!is_verified(&ana, 3).await, "another product, and an order that is not paid");
    let intent = ana.begins_to_pay(&order).await;
    world.pays(&intent, "pm_card_visa").await.ok();
    assert!(is_verified(&ana, 4).await);
    assert!(!is_verified(&world.customer("ben").await, 4).await, "somebody else's order");
    let cancel = format!("/api/v1/orders/{}/cancel", order["order_id"].as_str().unwrap());
    ana.post(&cancel, json!({})).await.ok();
    assert!(!is_verified(&ana, 5).await, "the money went back");

    let guest = world.guest().await;
    guest.buys(&lamp, 1).await;
    let zoe = world.customer("zoe").await;
    assert!(!is_verified(&zoe, 1).await);
    zoe.post("/api/v1/auth/link", json!({ "guest_token": guest.token })).await.ok();
    assert!(is_verified(&zoe, 2).await, "she bought it before she signed in");
    world.end().await;
}

#[tokio::test]
async fn only_the_author_and_the_shop_s_staff_see_who_wrote_a_review() {
    let world = World::new().await;
    world.product("lamp", 3).await;
    let (ana, ben) = (world.customer("ana").await, world.customer("ben").await);
    reviews(&ana, 4).await.ok();
    let seen_by =
        async |person: &Person<'_>| person.get(REVIEWS).await.ok()["data"][0]["customer_id"].clone();
    assert_eq!(seen_by(&ana).await, "ana");
    assert_eq!(seen_by(&world.person("agent", "gus", "default").await).await, "ana");
    assert_eq!(seen_by(&ben).await, Value::Null);
    assert_eq!(seen_by(&world.nobody()).await, Value::Null);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn stars_are_counted_exactly_however_many_change_their_minds_at_once() {
    let world = World::new().await;
    world.product("lamp", 3).await;
    let names: Vec<String> = (0..12).map(|n| format!("c{n}")).collect();
    let people = join_all(names.iter().map(|name| world.customer(name))).await;
    // Each says three things at once, and meets others at the counts.
    world.fault(json!({ "service": "dynamodb", "operation": "TransactWriteItems", "function": "Catalog", "kind": "conflict", "count": 12 })).await;
    let acts = (0..36_u64).map(|n| {
        let person = &people[usize::try_from(n).unwrap() % people.len()];
        async move { reviews(person, n % 5 + 1).await.outcome() }
    });
    let outcomes = join_all(acts).await;
    assert!(outcomes.iter().all(|outcome| outcome == "201"), "{outcomes:?}");
    let staff = world.admin().await;
    let mut by_stars: BTreeMap<String, u64> = (1..=5).map(|stars| (stars.to_string(), 0)).collect();
    let mut cursor = String::new();
    loop {
        let page = staff.get(&format!("{REVIEWS}?limit=5{cursor}")).await.ok();
        for review in page["data"].as_array().unwrap() {
            *by_stars.get_mut(&review["rating"].to_string()).unwrap() += 1;
        }
        let Some(next) = page["next_cursor"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    assert_eq!(by_stars.values().sum::<u64>(), 12);
    let counted = stats(&world).await["rating"].clone();
    assert_eq!((&counted["by_stars"], &counted["count"]), (&json!(by_stars), &json!(12)));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_like_is_counted_once_however_often_it_is_sent() {
    let world = World::new().await;
    world.product("lamp", 3).await;
    let (ana, ben) = (world.customer("ana").await, world.customer("ben").await);
    let many = join_all((0..10).map(|_| toggles(&ana, Method::PUT, "like"))).await;
    assert!(many.into_iter().all(|reply| reply.ok()["likes"] == 1));
    toggles(&ana, Method::PUT, "favorite").await.ok();
    let both = toggles(&ben, Method::PUT, "like").await.ok();
    insta::assert_json_snapshot!(both, @r#"
    {
      "favorites": 1,
      "is_favorite": false,
      "is_liked": true,
      "likes": 2,
      "product_id": "lamp"
    }
    "#);
    for _ in 0..2 {
        let off = toggles(&ana, Method::DELETE, "like").await.ok();
        assert_eq!(
            (&off["is_liked"], &off["is_favorite"], &off["likes"]),
            (&json!(false), &json!(true), &json!(1))
        );
    }
    assert_eq!(toggles(&world.guest().await, Method::PUT, "like").await.outcome(), "403 forbidden");
    let missing = ana.send(Method::PUT, "/api/v1/products/none/like", &[], None).await;
    assert_eq!(missing.outcome(), "404 not_found");
    let counted = stats(&world).await;
    assert_eq!((&counted["likes"], &counted["favorites"]), (&json!(1), &json!(1)));
    world.end().await;
}

#[tokio::test]
async fn a_share_is_counted_by_the_way_it_takes_also_when_its_answer_is_lost() {
    let there = BTreeMap::from([("ShopUrl".to_owned(), "https://shop.example/".to_owned())]);
    let world = World::with(there).await;
    world.product("lamp", 3).await;
    let guest = world.guest().await;
    let path = "/api/v1/products/lamp/share";
    let shared = guest.post(path, json!({ "channel": "whatsapp" })).await.text("url");
    assert_eq!(shared, "https://shop.example/products/lamp?shared_by=whatsapp");
    world.fault(json!({ "service": "dynamodb", "operation": "TransactWriteItems", "function": "Catalog", "kind": "drop", "count": 1 })).await;
    guest.post(path, json!({ "channel": "twitter" })).await.ok();
    assert_eq!(
        guest.post(path, json!({ "channel": "smoke" })).await.complaint(),
        "400 validation_failed channel"
    );
    let counted = stats(&world).await;
    assert_eq!(
        (&counted["shares"], &counted["shares_by_channel"]),
        (&json!(2), &json!({ "whatsapp": 1, "x": 1 }))
    );
    world.end().await;
}

/// Lets `n` requests of the catalog to the database through and fails the next one, however often the SDK repeats it:
/// before it acts (`refuse`), or after it has (`drop`).
async fn cut_off(world: &World, n: u64, kind: &str) {
    let fault = json!({ "service": "dynamodb", "function": "Catalog", "kind": kind, "skip": n, "count": 3 });
    world.fault(fault).await;
}

/// The machine is well again, and whatever was locked by what it broke off is free.
async fn recover(world: &World) {
    world.nobody().send(Method::DELETE, "/_local/faults", &[], None).await.ok();
    world.advance(SignedDuration::from_secs(61)).await;
}

#[tokio::test]
async fn wherever_a_review_is_cut_off_it_is_counted_once_when_it_is_sent_again() {
    let world = World::new().await;
    world.product("lamp", 3).await;
    let ana = world.customer("ana").await;
    for kind in ["refuse", "drop"] {
        let mut firsts = vec![];
        for n in 0..10_u64 {
            let (key, stars) = (world.fresh_key(), n % 5 + 1);
            cut_off(&world, n, kind).await;
            firsts.push(ana.post_keyed(REVIEWS, &key, json!({ "rating": stars })).await.outcome());
            recover(&world).await;
            assert_eq!(ana.post_keyed(REVIEWS, &key, json!({ "rating": stars })).await.ok()["rating"], stars);
            let counted = stats(&world).await["rating"].clone();
            assert_eq!(counted["count"], 1, "{kind} {n}: {counted}");
            assert_eq!(counted["by_stars"][stars.to_string()], 1, "{kind} {n}: {counted}");
        }
        assert!(firsts.iter().filter(|first| *first == "503 upstream_unavailable").count() > 5, "{firsts:?}");
        assert_eq!(firsts.last().unwrap(), "201", "there are more requests than were cut off: {firsts:?}");
    }
    world.end().await;
}

#[tokio::test]
async fn wherever_a_like_is_cut_off_it_is_counted_once_when_it_is_sent_again() {
    let world = World::new().await;
    world.product("lamp", 3).await;
    let ana = world.customer("ana").await;
    for kind in ["refuse", "drop"] {
        let mut firsts = vec![];
        for n in 0..8_u64 {
            let (method, likes) = if n % 2 == 0 { (Method::PUT, 1) } else { (Method::DELETE, 0) };
            cut_off(&world, n, kind).await;
            firsts.push(toggles(&ana, method.clone(), "like").await.outcome());
            recover(&world).await;
            assert_eq!(toggles(&ana, method, "like").await.ok()["likes"], likes, "{kind} {n}");
        }
        assert!(firsts.iter().filter(|first| *first == "503 upstream_unavailable").count() > 3, "{firsts:?}");
        assert_eq!(firsts.last().unwrap(), "200", "there are more requests than were cut off: {firsts:?}");
    }
    world.end().await;
}
