//! One mail that tells of several, where somebody wants it so.

use futures_util::{StreamExt, stream};
use jiff::SignedDuration;
use serde_json::{Value, json};

use crate::{
    notifications::{
        browser, deliveries, has_read, inbox, letter, letters, newest, outbox, reachable_at, tells, wants,
    },
    world::{Person, World},
};

/// Programs that tell somebody something at once.
const AT_ONCE: usize = 100;

/// Somebody with an address who wants their mail gathered.
async fn ana<'a>(world: &'a World, digest: &str) -> Person<'a> {
    let ana = world.customer("ana").await;
    reachable_at(world, "ana", json!({ "email": "ana@shop.example", "locale": "en" })).await;
    wants(&ana, json!({ "digest": digest })).await;
    ana
}

fn is_back(product: &str) -> Value {
    let data = json!({ "product_id": product, "product_name": product });
    json!({ "user_id": "ana", "type": "back_in_stock", "data": data })
}

/// Tells ana of many things at once; nobody is sent away.
async fn tells_of(world: &World, products: std::ops::Range<u32>) {
    let shop = world.service(&["notifications:write"]).await;
    let told = products.map(|number| {
        let shop = &shop;
        async move { shop.post("/api/v1/notifications", is_back(&format!("thing {number:03}"))).await.ok() }
    });
    stream::iter(told).buffer_unordered(AT_ONCE).collect::<Vec<_>>().await;
    world.idle().await;
}

/// The things that a mail names.
fn named(mail: &Value) -> Vec<String> {
    let lines = mail["text"].as_str().unwrap().lines();
    lines.filter_map(|line| line.strip_prefix("- ")).map(str::to_owned).collect()
}

#[tokio::test]
async fn a_hundred_at_once_are_one_mail_that_tells_of_all() {
    let world = World::new().await;
    let ana = ana(&world, "hourly").await;
    tells_of(&world, 0..100).await;
    assert_eq!(inbox(&ana).await.len(), 100, "the inbox has them at once");
    world.advance(SignedDuration::from_mins(59)).await;
    assert_eq!(letters(&world).await, [""; 0]);
    world.advance(SignedDuration::from_mins(2)).await;
    assert_eq!(letters(&world).await, ["ana@shop.example: 100 updates from shopwire"]);
    let mut names = named(&letter(&world, "100").await);
    names.sort();
    names.dedup();
    assert_eq!(names.len(), 100, "{names:#?}");
    let one = newest(&ana, "back_in_stock").await;
    assert_eq!(
        deliveries(&ana, &one["notification_id"]).await,
        ["email sent", "push suppressed no_endpoint", "websocket sent"]
    );
    world.leaps(SignedDuration::from_hours(30)).await;
    assert_eq!(letters(&world).await.len(), 1, "and none comes twice");
    world.end().await;
}

#[tokio::test]
async fn a_full_window_is_sent_before_its_end_and_nothing_is_left_out() {
    let world = World::new().await;
    let _ana = ana(&world, "daily").await;
    tells_of(&world, 0..205).await;
    assert_eq!(letters(&world).await, ["ana@shop.example: 100 updates from shopwire"; 2]);
    world.leaps(SignedDuration::from_hours(23)).await;
    assert_eq!(letters(&world).await[2..], ["ana@shop.example: 5 updates from shopwire"]);
    let mut names: Vec<String> = outbox(&world, "mail").await.iter().flat_map(named).collect();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), 205);
    world.end().await;
}

#[tokio::test]
async fn daily_mail_comes_in_the_morning_and_only_what_can_wait_waits_for_it() {
    let world = World::new().await;
    world.product("lamp", 5).await;
    let ana = ana(&world, "daily").await;
    ana.buys("lamp", 1).await;
    tells_of(&world, 0..2).await;
    let mut at_once = letters(&world).await;
    at_once.sort();
    assert_eq!(at_once.len(), 2, "an order's confirmation and its payment's do not wait: {at_once:#?}");
    world.leaps(SignedDuration::from_hours(22)).await;
    assert_eq!(letters(&world).await.len(), 2, "it is seven in the morning");
    world.advance(SignedDuration::from_mins(62)).await;
    assert_eq!(letters(&world).await[2..], ["ana@shop.example: 2 updates from shopwire"]);
    world.end().await;
}

#[tokio::test]
async fn what_was_read_or_is_not_wanted_any_more_is_left_out_and_where_nothing_is_left_no_mail_is_sent() {
    let world = World::new().await;
    let ana = ana(&world, "hourly").await;
    tells_of(&world, 0..3).await;
    let read = newest(&ana, "back_in_stock").await;
    has_read(&ana, &read["notification_id"]).await.ok();
    world.advance(SignedDuration::from_mins(61)).await;
    assert_eq!(letters(&world).await, ["ana@shop.example: 2 updates from shopwire"]);
    let lines = named(&letter(&world, "2").await);
    assert!(!lines.contains(&read["title"].as_str().unwrap().to_owned()), "{lines:?}");
    let ways = deliveries(&ana, &read["notification_id"]).await;
    assert_eq!(ways[0], "email suppressed read");

    tells_of(&world, 3..4).await;
    has_read(&ana, &newest(&ana, "back_in_stock").await["notification_id"]).await.ok();
    world.advance(SignedDuration::from_mins(61)).await;
    assert_eq!(letters(&world).await.len(), 1);

    tells_of(&world, 4..5).await;
    wants(&ana, json!({ "categories": { "alerts": { "enabled": false } } })).await;
    world.advance(SignedDuration::from_mins(61)).await;
    assert_eq!(letters(&world).await.len(), 1, "they have changed their mind");
    let last = newest(&ana, "back_in_stock").await;
    assert_eq!(deliveries(&ana, &last["notification_id"]).await[0], "email suppressed preference");
    world.end().await;
}

#[tokio::test]
async fn a_digest_is_sent_once_wherever_its_closing_breaks_off() {
    let world = World::new().await;
    let ana = ana(&world, "hourly").await;
    let mut sent = 0;
    for function in ["Sweeper", "Notifier"] {
        for kind in ["crash_before", "crash_after", "drop"] {
            for skip in 0..3 {
                tells_of(&world, sent..sent + 2).await;
                let before = letters(&world).await.len();
                world
                    .fault(
                        json!({ "service": "dynamodb", "function": function, "table": "NotificationsTable",
                        "kind": kind, "skip": skip * 4, "count": 1 }),
                    )
                    .await;
                world.leaps(SignedDuration::from_mins(61)).await;
                world.no_faults().await;
                world.advance(SignedDuration::from_mins(5)).await;
                sent += 2;
                let mails = letters(&world).await.len() - before;
                // Whoever stops between sending and writing it down sends again, and nobody else does.
                let most = if function == "Notifier" { 2 } else { 1 };
                assert!((1..=most).contains(&mails), "{function} {kind} {skip}: {mails} mails");
                let mut names: Vec<String> = outbox(&world, "mail").await.iter().flat_map(named).collect();
                names.sort();
                names.dedup();
                assert_eq!(names.len(), sent as usize, "{function} {kind} {skip}");
            }
        }
    }
    assert_eq!(
        deliveries(&ana, &newest(&ana, "back_in_stock").await["notification_id"]).await[0],
        "email sent"
    );
    world.end().await;
}

/// Tells ana that a parcel has arrived, on its usual ways: mail follows only where she is not reached.
async fn arrives(world: &World, number: &str) {
    let told = json!({ "user_id": "ana", "type": "order_delivered", "data": { "order_number": number } });
    assert_eq!(tells(world, told).await.status, 201);
    world.idle().await;
}

#[tokio::test]
async fn mail_that_follows_where_nobody_was_reached_waits_for_the_others_and_is_left_out_if_read_meanwhile() {
    let world = World::new().await;
    let ana = ana(&world, "hourly").await;
    arrives(&world, "1").await;
    let first = newest(&ana, "order_delivered").await["notification_id"].clone();
    world.advance(SignedDuration::from_mins(1)).await;
    arrives(&world, "2").await;
    let second = newest(&ana, "order_delivered").await["notification_id"].clone();
    world.advance(SignedDuration::from_mins(1)).await;
    arrives(&world, "3").await;
    let third = newest(&ana, "order_delivered").await["notification_id"].clone();
    has_read(&ana, &third).await.ok();
    world.advance(SignedDuration::from_mins(20)).await;
    assert_eq!(letters(&world).await, [""; 0], "she wants her mail gathered");
    let ways =
        |state: &str| [state.to_owned(), "push suppressed no_endpoint".into(), "websocket sent".into()];
    assert_eq!(deliveries(&ana, &first).await, ways("email queued"));
    assert_eq!(deliveries(&ana, &third).await, ways("email suppressed read"));
    tells_of(&world, 0..1).await;
    has_read(&ana, &second).await.ok();
    world.leaps(SignedDuration::from_mins(40)).await;
    assert_eq!(letters(&world).await, ["ana@shop.example: 2 updates from shopwire"]);
    let mut told = named(&letter(&world, "2").await);
    told.sort();
    assert_eq!(told, ["Your order has arrived", "thing 000 is back in stock"]);
    assert_eq!(deliveries(&ana, &first).await, ways("email sent"));
    assert_eq!(deliveries(&ana, &second).await, ways("email suppressed read"));
    world.leaps(SignedDuration::from_hours(2)).await;
    assert_eq!(letters(&world).await.len(), 1);
    world.end().await;
}

#[tokio::test]
async fn no_mail_tells_of_something_before_it_would_have_followed_by_itself() {
    let world = World::new().await;
    let ana = ana(&world, "hourly").await;
    tells_of(&world, 0..1).await;
    world.advance(SignedDuration::from_mins(55)).await;
    arrives(&world, "1").await;
    world.advance(SignedDuration::from_mins(6)).await;
    assert_eq!(named(&letter(&world, "").await), ["thing 000 is back in stock"]);
    world.advance(SignedDuration::from_mins(5)).await;
    world.leaps(SignedDuration::from_mins(55)).await;
    assert_eq!(letters(&world).await.len(), 2, "it is in the next one");
    assert_eq!(named(&letter(&world, "").await), ["Your order has arrived"]);

    // A push was taken: there is nothing that would have to follow.
    browser(&world, &ana).await;
    arrives(&world, "2").await;
    world.leaps(SignedDuration::from_hours(3)).await;
    assert_eq!(letters(&world).await.len(), 2);
    world.end().await;
}

#[tokio::test]
async fn what_joins_a_digest_is_told_once_wherever_that_breaks_off() {
    let world = World::new().await;
    ana(&world, "hourly").await;
    let mut sent = 0;
    for kind in ["crash_before", "crash_after", "drop", "refuse"] {
        for skip in 0..5 {
            // Each time from a full hour on, and two hours long: her token ends with the day.
            let ana = world.customer("ana").await;
            arrives(&world, &format!("{kind}-{skip}")).await;
            world
                .fault(json!({ "service": "dynamodb", "function": "Notifier", "table": "NotificationsTable",
                    "kind": kind, "skip": skip, "count": 1 }))
                .await;
            world.leaps(SignedDuration::from_mins(11)).await;
            world.advance(SignedDuration::from_mins(8)).await;
            world.no_faults().await;
            assert_eq!(letters(&world).await.len(), sent, "{kind} {skip}: it waits");
            world.leaps(SignedDuration::from_mins(60)).await;
            sent += 1;
            let mails = letters(&world).await;
            assert_eq!(mails.len(), sent, "{kind} {skip}: {mails:#?}");
            assert!(mails.iter().all(|mail| mail.ends_with("from shopwire")), "{mails:#?}");
            let id = newest(&ana, "order_delivered").await["notification_id"].clone();
            assert_eq!(deliveries(&ana, &id).await[0], "email sent", "{kind} {skip}");
            world.leaps(SignedDuration::from_mins(38)).await;
        }
    }
    world.end().await;
}
