//! What people want to be told, where, and when.

use jiff::SignedDuration;
use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    notifications::{
        answers, browser, browsers_told, deliveries, fates, link_in, mails, mails_to, newest, pushes,
        reachable_at, replays_dead_letters, says, tells, tells_by,
    },
    world::{Person, World},
};

const ANA: &str = "ana@shop.example";

const fn hours(hours: i64) -> SignedDuration {
    SignedDuration::from_hours(hours)
}

/// Changes some of what somebody wants.
async fn merges(person: &Person<'_>, body: Value) -> Value {
    person.post("/api/v1/notifications/preferences", body).await.ok()
}

/// On which ways something usual goes out: `push, email`.
async fn ways(world: &World, person: &Person<'_>, kind: &str, data: Value) -> String {
    let told = tells(world, json!({ "user_id": "ana", "type": kind, "data": data })).await;
    let id = told.ok()["notification_id"].clone();
    world.idle().await;
    let all = deliveries(person, &id).await;
    let out = |line: &String| {
        let (way, state) = line.split_once(' ')?;
        let is_out = way != "websocket" && !state.starts_with("suppressed");
        is_out.then(|| way.to_owned())
    };
    all.iter().filter_map(out).collect::<Vec<_>>().join(", ")
}

#[tokio::test]
async fn a_kind_comes_before_its_category_that_before_a_channel_and_the_critical_before_all() {
    let world = World::new().await;
    let ana = world.customer("ana").await;
    browser(&world, &ana).await;
    reachable_at(&world, "ana", json!({ "email": ANA })).await;
    let order = || json!({ "order_number": "7" });
    let confirmed = async || ways(&world, &ana, "order_confirmation", order()).await;
    assert_eq!(confirmed().await, "email, push");
    merges(&ana, json!({ "channels": { "email": { "enabled": false } } })).await;
    assert_eq!(confirmed().await, "push");
    merges(&ana, json!({ "categories": { "orders": { "channels": { "email": true, "push": false } } } }))
        .await;
    assert_eq!(confirmed().await, "email");
    merges(&ana, json!({ "types": { "order_confirmation": { "enabled": false } } })).await;
    assert_eq!(confirmed().await, "");
    merges(&ana, json!({ "types": { "order_confirmation": { "channels": { "push": true } } } })).await;
    assert_eq!(confirmed().await, "push");
    merges(&ana, json!({ "channels": { "push": { "enabled": false } } })).await;
    assert_eq!(ways(&world, &ana, "payment_failed", order()).await, "email, push", "nobody can turn it off");
    let sale = || json!({ "message": "Lamps are cheap" });
    merges(&ana, json!({ "channels": { "push": { "enabled": true }, "email": { "enabled": true } } })).await;
    assert_eq!(ways(&world, &ana, "promotion_alert", sale()).await, "", "it needs consent");
    merges(&ana, json!({ "marketing": true })).await;
    assert_eq!(ways(&world, &ana, "promotion_alert", sale()).await, "email, push");
    world.end().await;
}

#[tokio::test]
async fn put_says_everything_anew_and_post_changes_what_it_names() {
    let world = World::new().await;
    let ana = world.customer("ana").await;
    let night = json!({ "from": "22:00", "until": "08:00", "timezone": "Asia/Bangkok" });
    let all = json!({
        "channels": { "sms": { "enabled": true } }, "quiet_hours": night, "digest": "daily", "marketing": true,
        "categories": { "orders": { "channels": { "email": false } } },
    });
    says(&ana, "preferences", all).await.ok();
    let merged =
        merges(&ana, json!({ "digest": "off", "categories": { "orders": { "enabled": true } } })).await;
    assert_eq!(
        (&merged["digest"], &merged["quiet_hours"], &merged["marketing"], &merged["categories"]["orders"]),
        (&json!("off"), &night, &json!(true), &json!({ "enabled": true, "channels": { "email": false } }))
    );
    let merged = merges(&ana, json!({ "quiet_hours": null })).await;
    assert_eq!((&merged["quiet_hours"], &merged["marketing"]), (&Value::Null, &json!(true)));
    let replaced = says(&ana, "preferences", json!({ "digest": "hourly" })).await.ok();
    assert_eq!(
        (&replaced["digest"], &replaced["marketing"], &replaced["channels"], &replaced["categories"]),
        (&json!("hourly"), &json!(false), &json!({}), &json!({}))
    );
    let read = ana.get("/api/v1/notifications/preferences").await.ok();
    assert_eq!(read, replaced);
    world.end().await;
}

#[tokio::test]
async fn what_cannot_be_wanted_is_refused_by_field_and_nothing_is_changed() {
    let world = World::new().await;
    let ana = world.customer("ana").await;
    let cases = [
        (json!({ "types": { "security_alert": { "enabled": false } } }), "types.security_alert.enabled"),
        (
            json!({ "types": { "payment_failed": { "channels": { "email": false } } } }),
            "types.payment_failed.channels.email",
        ),
        (json!({ "categories": { "security": { "enabled": false } } }), "categories.security.enabled"),
        (
            json!({ "quiet_hours": { "from": "22:00", "until": "22:00", "timezone": "Asia/Bangkok" } }),
            "quiet_hours.until",
        ),
    ];
    for (body, field) in cases {
        for answer in [
            says(&ana, "preferences", body.clone()).await,
            ana.post("/api/v1/notifications/preferences", body.clone()).await,
        ] {
            assert_eq!(answer.complaint(), format!("400 validation_failed {field}"), "{body}");
        }
    }
    let strange = [
        json!({ "channels": { "pigeon": { "enabled": true } } }),
        json!({ "types": { "unheard_of": { "enabled": true } } }),
        json!({ "quiet_hours": { "from": "22:00", "until": "08:00", "timezone": "Mars/Olympus" } }),
        json!({ "quiet_hours": { "from": "25:00", "until": "08:00", "timezone": "Asia/Bangkok" } }),
        json!({ "digest": "weekly" }),
        json!({ "marketing": "yes" }),
    ];
    for body in strange {
        assert_eq!(says(&ana, "preferences", body.clone()).await.status, 400, "{body}");
    }
    let known = ana.get("/api/v1/notifications/preferences").await.ok();
    assert_eq!((&known["types"], &known["quiet_hours"]), (&json!({}), &Value::Null));
    world.end().await;
}

#[tokio::test]
async fn an_address_is_used_when_whoever_has_it_has_said_so() {
    let world = World::new().await;
    let ana = world.customer("ana").await;
    let contact = says(&ana, "contact", json!({ "email": ANA, "locale": "en" })).await.ok();
    assert_eq!((&contact["email"], &contact["email_confirmed"]), (&json!(ANA), &json!(false)));
    world.idle().await;
    let id = mails(&world, "ana").await;
    assert_eq!(fates(&ana, &id, "email").await, ["suppressed (no_endpoint), 0"]);
    let asked = mails_to(&world, ANA).await;
    assert_eq!((asked.len(), &asked[0]["subject"]), (1, &json!("Is this your address?")));

    let link = link_in(&asked[0], "/confirm?");
    let page = world.nobody().get(&link).await;
    assert!(page.body.as_str().unwrap().contains("<form method=\"post\">"), "{page:?}");
    let known = ana.get("/api/v1/notifications/preferences").await.ok();
    assert_eq!(known["contact"]["email_confirmed"], false, "a mail scanner has followed the link");
    assert_eq!(world.nobody().send(Method::POST, &link, &[], None).await.status, 200);
    let known = ana.get("/api/v1/notifications/preferences").await.ok();
    assert_eq!(known["contact"]["email_confirmed"], true);
    let id = mails(&world, "ana").await;
    assert_eq!(fates(&ana, &id, "email").await, ["delivered, 1"]);

    // A new address is asked again, and until then the old one is used.
    let new = "ana@new.example";
    says(&ana, "contact", json!({ "email": new })).await.ok();
    mails(&world, "ana").await;
    assert_eq!((mails_to(&world, ANA).await.len(), mails_to(&world, new).await.len()), (3, 1));
    // The older link says nothing of the new address.
    world.nobody().send(Method::POST, &link, &[], None).await;
    mails(&world, "ana").await;
    assert_eq!(mails_to(&world, new).await.len(), 1);
    world.end().await;
}

#[tokio::test]
async fn a_link_that_confirms_is_good_for_two_days_and_for_nothing_else() {
    let world = World::new().await;
    let ana = world.customer("ana").await;
    says(&ana, "contact", json!({ "email": ANA })).await.ok();
    world.idle().await;
    let link = link_in(&mails_to(&world, ANA).await[0], "/confirm?");
    let (path, token) = link.split_once("?token=").unwrap();
    let (text, seal) = token.split_once('.').unwrap();
    let forged = [format!("{path}?token={text}"), format!("{path}?token={text}A.{seal}"), path.to_owned()];
    for link in forged {
        let answer = world.nobody().send(Method::POST, &link, &[], None).await;
        assert!([400, 401].contains(&answer.status.as_u16()), "{link}: {answer:?}");
    }
    world.leaps(hours(49)).await;
    let late = world.nobody().send(Method::POST, &link, &[], None).await;
    assert_eq!(late.outcome(), "401 unauthenticated");
    let ana = world.customer("ana").await;
    let known = ana.get("/api/v1/notifications/preferences").await.ok();
    assert_eq!(known["contact"]["email_confirmed"], false);
    world.end().await;
}

#[tokio::test]
async fn an_address_is_asked_three_times_whoever_gives_it() {
    let world = World::new().await;
    for user in ["ana", "bea", "cid"] {
        says(&world.customer(user).await, "contact", json!({ "email": ANA })).await.ok();
    }
    let eve = world.customer("eve").await;
    let refused = says(&eve, "contact", json!({ "email": "Ana@shop.example" })).await;
    assert_eq!(refused.outcome(), "429 rate_limited");
    world.idle().await;
    assert_eq!(mails_to(&world, ANA).await.len(), 3);
    let known = eve.get("/api/v1/notifications/preferences").await.ok();
    assert_eq!(known["contact"]["email"], Value::Null);
    for (contact, field) in [
        (json!({ "email": "ana@shop.example, bea@shop.example" }), "email"),
        (json!({ "phone": "0812345678" }), "phone"),
        (json!({ "locale": "th TH" }), "locale"),
        (json!({ "timezone": "Mars/Olympus" }), "timezone"),
    ] {
        let answer = says(&eve, "contact", contact.clone()).await;
        assert_eq!(answer.complaint(), format!("400 validation_failed {field}"), "{contact}");
    }
    world.end().await;
}

/// Leaps to an instant.
async fn until(world: &World, instant: &str) {
    let instant: jiff::Timestamp = instant.parse().unwrap();
    let left = instant.duration_since(world.cloud().clock().now()) - SignedDuration::from_mins(1);
    world.leaps(left).await;
}

#[tokio::test]
async fn whoever_sleeps_is_told_when_their_own_clock_says_morning() {
    let world = World::new().await;
    // The night in which clocks in Berlin go from two to three.
    until(&world, "2026-03-28T22:30:00Z").await;
    let ana = world.customer("ana").await;
    browser(&world, &ana).await;
    let night = json!({ "from": "22:00", "until": "08:00", "timezone": "Europe/Berlin" });
    says(&ana, "preferences", json!({ "quiet_hours": night })).await.ok();
    let told = pushes(&world, "ana").await;
    assert_eq!(fates(&ana, &told, "push").await, ["queued, 0"]);
    let shown = newest(&ana, "order_delivered").await;
    assert_eq!(shown["notification_id"], told, "it is in the page at once");
    let alert =
        tells_by(&world, "ana", ("security_alert", json!({ "event": "new_device" })), &["push"]).await;
    assert_eq!(fates(&ana, &alert, "push").await, ["sent, 1"], "what is critical wakes them");

    until(&world, "2026-03-29T05:58:00Z").await;
    assert_eq!(fates(&ana, &told, "push").await, ["queued, 0"]);
    world.advance(SignedDuration::from_mins(4)).await;
    assert_eq!(
        fates(&ana, &told, "push").await,
        ["sent, 1"],
        "at eight by their clock, in a night that has an hour less"
    );
    assert_eq!(browsers_told(&world, &told).await.len(), 1);
    world.end().await;
}

#[tokio::test]
async fn what_they_want_is_asked_again_when_it_is_sent() {
    let world = World::new().await;
    until(&world, "2026-01-05T22:00:00Z").await;
    let ana = world.customer("ana").await;
    browser(&world, &ana).await;
    let night = |until: &str| json!({ "from": "21:00", "until": until, "timezone": "UTC" });
    says(&ana, "preferences", json!({ "quiet_hours": night("06:00") })).await.ok();
    let (off, longer) = (
        pushes(&world, "ana").await,
        tells_by(&world, "ana", ("order_shipped", json!({ "order_number": "7" })), &["push"]).await,
    );
    let types = json!({ "order_delivered": { "enabled": false } });
    says(&ana, "preferences", json!({ "quiet_hours": night("07:00"), "types": types })).await.ok();
    until(&world, "2026-01-06T06:05:00Z").await;
    assert_eq!(fates(&ana, &off, "push").await, ["suppressed (preference), 0"]);
    assert_eq!(fates(&ana, &longer, "push").await, ["queued, 0"], "they sleep longer now");
    until(&world, "2026-01-06T07:05:00Z").await;
    assert_eq!(fates(&ana, &longer, "push").await, ["sent, 1"]);
    world.end().await;
}

#[tokio::test]
async fn what_comes_too_late_to_be_worth_reading_is_not_sent() {
    let world = World::new().await;
    let ana = world.customer("ana").await;
    let (endpoint, _) = browser(&world, &ana).await;
    // The push service wants to be asked again after four days; what tells of an arrival is worth three.
    answers(&world, &endpoint, json!([{ "status": 503, "retry_after": 4 * 86_400 }])).await;
    let late = pushes(&world, "ana").await;
    world.leaps(hours(4 * 24)).await;
    world.advance(SignedDuration::from_mins(2)).await;
    let ana = world.customer("ana").await;
    assert_eq!(fates(&ana, &late, "push").await, ["expired (status 503), 1"]);

    // So is what lay among the dead letters.
    answers(&world, &endpoint, json!(vec![json!({ "status": 503 }); 4])).await;
    let dead = pushes(&world, "ana").await;
    world.advance(SignedDuration::from_mins(1)).await;
    world.leaps(hours(3 * 24)).await;
    assert_eq!(replays_dead_letters(&world).await.len(), 1);
    let ana = world.customer("ana").await;
    assert!(fates(&ana, &dead, "push").await[0].starts_with("expired"));
    assert!(browsers_told(&world, &dead).await.is_empty());
    world.end().await;
}

#[tokio::test]
async fn a_shop_says_itself_how_long_something_is_worth_sending() {
    let world = World::new().await;
    let (admin, ana) = (world.admin().await, world.customer("ana").await);
    let (endpoint, _) = browser(&world, &ana).await;
    let template =
        json!({ "title_template": "Here", "body_template": "Order {{ order_number }}", "ttl": 600 });
    let path = "/api/v1/notifications/templates/order_delivered?channel=push";
    admin.send(Method::PUT, path, &[], Some(template.to_string())).await.ok();
    answers(
        &world,
        &endpoint,
        json!([{ "status": 503, "retry_after": 60 }, { "status": 503, "retry_after": 600 }]),
    )
    .await;
    let in_time = pushes(&world, "ana").await;
    world.advance(SignedDuration::from_secs(61)).await;
    assert_eq!(fates(&ana, &in_time, "push").await, ["queued (status 503), 2"]);
    world.advance(SignedDuration::from_secs(700)).await;
    assert_eq!(fates(&ana, &in_time, "push").await, ["expired (status 503), 2"]);
    world.end().await;
}

#[tokio::test]
async fn nobody_is_told_of_bargains_all_day() {
    let world = World::new().await;
    let ana = world.customer("ana").await;
    browser(&world, &ana).await;
    says(&ana, "preferences", json!({ "marketing": true })).await.ok();
    let sale = async || {
        let sale = ("promotion_alert", json!({ "message": "Lamps are cheap" }));
        let id = tells_by(&world, "ana", sale, &["push"]).await;
        fates(&ana, &id, "push").await
    };
    for _ in 0..3 {
        assert_eq!(sale().await, ["sent, 1"]);
    }
    assert_eq!(sale().await, ["suppressed (throttled), 0"]);
    assert_eq!(newest(&ana, "promotion_alert").await["is_read"], false, "it lies in the inbox all the same");
    let parcel = pushes(&world, "ana").await;
    assert_eq!(fates(&ana, &parcel, "push").await, ["sent, 1"], "parcels are not bargains");
    world.leaps(hours(9)).await;
    assert_eq!(sale().await, ["sent, 1"]);
    world.end().await;
}
