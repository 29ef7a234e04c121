//! Pushes to telephones, and text messages.

use jiff::SignedDuration;
use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    notifications::{deliveries, fates, outbox, pushes, reachable_at, says, tells, tells_by},
    world::{Person, World},
};

const ANA: &str = "+66812345678";

/// Registers a telephone; its name.
async fn registers(person: &Person<'_>, token: &str, platform: &str) -> String {
    let body = json!({ "token": token, "platform": platform });
    person.post("/api/v1/notifications/devices", body).await.text("device_id")
}

/// What telephones were told, newest last.
async fn told(world: &World) -> Vec<Value> {
    outbox(world, "push").await
}

/// What was put into a push for one platform.
fn payload(push: &Value, platform: &str) -> Value {
    serde_json::from_str(push["payload"][platform].as_str().unwrap()).unwrap()
}

/// Google or Apple, or somebody in the console, changes something of a device.
async fn device(world: &World, change: Value) {
    world.nobody().send(Method::PUT, "/_local/devices", &[], Some(change.to_string())).await.ok();
}

/// Somebody deletes an endpoint in the console of SNS.
async fn deletes(world: &World, arn: &str) {
    let form = [("Action", "DeleteEndpoint"), ("Version", "2010-03-31"), ("EndpointArn", arn)];
    let (http, ..) = world.nobody().http();
    let answer = http.post(world.cloud().aws_url()).form(&form).send().await.unwrap();
    assert!(answer.status().is_success(), "{answer:?}");
}

#[tokio::test]
async fn a_telephone_is_told_with_its_badge_and_for_as_long_as_it_is_worth() {
    let world = World::new().await;
    let ana = world.customer("ana").await;
    registers(&ana, "token-of-ana", "android").await;
    registers(&ana, "apple-of-ana", "ios").await;
    world.idle().await;
    let id = pushes(&world, "ana").await;
    assert_eq!(fates(&ana, &id, "push").await, ["sent, 1", "sent, 1"]);
    let unread = ana.get("/api/v1/notifications").await.ok()["unread_count"].clone();
    let all = told(&world).await;
    let android = all.iter().rfind(|push| push["token"] == "token-of-ana").unwrap();
    let message = payload(android, "GCM")["fcmV1Message"]["message"].clone();
    assert_eq!(message["notification"]["title"], "Your order has arrived");
    assert_eq!(message["data"]["notification_id"], id);
    assert_eq!(message["android"]["notification"]["notification_count"], unread);
    assert_eq!(message["android"]["ttl"], "259200s");
    assert_eq!(android["attributes"]["AWS.SNS.MOBILE.FCM.TTL"], "259200");
    let apple = all.iter().rfind(|push| push["token"] == "apple-of-ana").unwrap();
    assert_eq!(payload(apple, "APNS")["aps"]["badge"], unread);
    assert_eq!(apple["attributes"]["AWS.SNS.MOBILE.APNS.PUSH_TYPE"], "alert");
    world.end().await;
}

#[tokio::test]
async fn a_silent_notification_wakes_the_app_and_shows_nothing() {
    let world = World::new().await;
    let ana = world.customer("ana").await;
    registers(&ana, "apple-of-ana", "ios").await;
    let body = json!({
        "user_id": "ana", "type": "order_delivered", "data": { "order_number": "7" }, "channels": ["push"],
        "silent": true,
    });
    assert_eq!(tells(&world, body).await.status, 201);
    world.idle().await;
    let push = told(&world).await.pop().unwrap();
    let aps = payload(&push, "APNS")["aps"].clone();
    assert_eq!((&aps["content-available"], &aps["alert"]), (&json!(1), &Value::Null));
    assert_eq!(push["attributes"]["AWS.SNS.MOBILE.APNS.PUSH_TYPE"], "background");
    world.end().await;
}

#[tokio::test]
async fn a_token_moves_with_whoever_signed_in_last_and_stays_behind_at_nobody() {
    let world = World::new().await;
    let (ana, bea) = (world.customer("ana").await, world.customer("bea").await);
    let first = registers(&ana, "one-telephone", "android").await;
    let alias = json!({ "device_token": "one-telephone", "platform": "android" });
    let again = ana.post("/api/v1/notifications/register-device", alias).await.text("device_id");
    let moved = registers(&bea, "one-telephone", "android").await;
    assert_eq!((&first, &first), (&again, &moved));
    world.idle().await;
    let (to_ana, to_bea) = (pushes(&world, "ana").await, pushes(&world, "bea").await);
    assert_eq!(fates(&ana, &to_ana, "push").await, ["suppressed (no_endpoint), 0"]);
    assert_eq!(fates(&bea, &to_bea, "push").await, ["sent, 1"]);

    let path = format!("/api/v1/notifications/devices/{moved}");
    assert_eq!(ana.send(Method::DELETE, &path, &[], None).await.outcome(), "404 not_found");
    assert_eq!(bea.send(Method::DELETE, &path, &[], None).await.outcome(), "204");
    assert_eq!(world.requests("Notifications", "DeleteEndpoint"), 1);
    let id = pushes(&world, "bea").await;
    assert_eq!(fates(&bea, &id, "push").await, ["suppressed (no_endpoint), 0"]);
    world.end().await;
}

#[tokio::test]
async fn an_endpoint_that_was_disabled_is_enabled_again_with_the_token() {
    let world = World::new().await;
    let ana = world.customer("ana").await;
    registers(&ana, "token-of-ana", "android").await;
    // The app comes again before anything was sent.
    device(&world, json!({ "token": "token-of-ana", "is_enabled": false })).await;
    registers(&ana, "token-of-ana", "android").await;
    let id = pushes(&world, "ana").await;
    assert_eq!(fates(&ana, &id, "push").await, ["sent, 1"]);
    // Something is sent first: the telephone is forgotten until it comes again.
    device(&world, json!({ "token": "token-of-ana", "is_enabled": false })).await;
    let lost = pushes(&world, "ana").await;
    assert_eq!(fates(&ana, &lost, "push").await, ["failed (the endpoint is gone), 1"]);
    let next = pushes(&world, "ana").await;
    assert_eq!(fates(&ana, &next, "push").await, ["suppressed (no_endpoint), 0"]);
    registers(&ana, "token-of-ana", "android").await;
    let id = pushes(&world, "ana").await;
    assert_eq!(fates(&ana, &id, "push").await, ["sent, 1"]);
    let arns: std::collections::BTreeSet<String> =
        told(&world).await.iter().map(|push| push["endpoint"].to_string()).collect();
    assert_eq!(arns.len(), 1, "it was the same endpoint all the time");
    world.end().await;
}

#[tokio::test]
async fn a_telephone_whose_app_was_removed_is_forgotten_when_it_is_next_sent_to() {
    let world = World::new().await;
    let ana = world.customer("ana").await;
    registers(&ana, "token-of-ana", "android").await;
    device(&world, json!({ "token": "token-of-ana", "is_known": false })).await;
    let first = pushes(&world, "ana").await;
    assert_eq!(fates(&ana, &first, "push").await, ["sent, 1"], "SNS finds out later");
    let second = pushes(&world, "ana").await;
    assert_eq!(fates(&ana, &second, "push").await, ["failed (the endpoint is gone), 1"]);
    assert!(told(&world).await.is_empty());
    world.end().await;
}

#[tokio::test]
async fn an_endpoint_that_was_deleted_is_made_anew() {
    let world = World::new().await;
    let ana = world.customer("ana").await;
    registers(&ana, "token-of-ana", "android").await;
    pushes(&world, "ana").await;
    let old = told(&world).await.pop().unwrap()["endpoint"].as_str().unwrap().to_owned();
    deletes(&world, &old).await;
    registers(&ana, "token-of-ana", "android").await;
    let id = pushes(&world, "ana").await;
    assert_eq!(fates(&ana, &id, "push").await, ["sent, 1"]);
    let new = told(&world).await.pop().unwrap()["endpoint"].as_str().unwrap().to_owned();
    assert_ne!(new, old);
    deletes(&world, &new).await;
    let lost = pushes(&world, "ana").await;
    assert_eq!(fates(&ana, &lost, "push").await, ["failed (the endpoint is gone), 1"]);
    world.end().await;
}

#[tokio::test]
async fn a_telephone_speaks_the_language_that_it_was_registered_with() {
    let world = World::new().await;
    let ana = world.customer("ana").await;
    let body = json!({
        "token": "token-of-ana", "platform": "ios", "locale": "th-TH", "timezone": "Asia/Bangkok", "app_version": "7.1",
    });
    ana.post("/api/v1/notifications/devices", body).await.ok();
    let known = ana.get("/api/v1/notifications/preferences").await.ok();
    assert_eq!(
        (&known["contact"]["locale"], &known["contact"]["timezone"]),
        (&json!("th-TH"), &json!("Asia/Bangkok"))
    );
    pushes(&world, "ana").await;
    let push = told(&world).await.pop().unwrap();
    let title = payload(&push, "APNS")["aps"]["alert"]["title"].as_str().unwrap().to_owned();
    assert!(title.chars().any(|letter| ('\u{e00}'..='\u{e7f}').contains(&letter)), "{title}");
    world.end().await;
}

#[tokio::test]
async fn older_clients_register_a_list_of_tokens_and_need_not_say_what_they_run() {
    let world = World::new().await;
    let ana = world.customer("ana").await;
    let registers_so = async |body: Value| ana.post("/api/v1/notifications/register-device", body).await;
    let wrong = [
        (json!({}), "400 validation_failed token"),
        (json!({ "device_tokens": [] }), "400 validation_failed token"),
        (json!({ "device_tokens": ["token-of-ana", "short"] }), "400 validation_failed token"),
        (json!({ "device_tokens": vec!["token-of-ana"; 11] }), "400 validation_failed device_tokens"),
    ];
    for (body, expected) in wrong {
        assert_eq!(registers_so(body.clone()).await.complaint(), expected, "{body}");
    }
    let id = pushes(&world, "ana").await;
    assert_eq!(fates(&ana, &id, "push").await, ["suppressed (no_endpoint), 0"], "nothing was kept");

    let both = json!({ "device_tokens": ["token-of-ana", "tablet-of-ana"], "locale": "th-TH" });
    let last = registers_so(both).await.text("device_id");
    assert_eq!(
        last,
        registers(&ana, "tablet-of-ana", "android").await,
        "it is the same as by its newer name"
    );
    registers_so(json!({ "device_token": "apple-of-ana", "platform": "ios" })).await.ok();
    world.idle().await;
    let id = pushes(&world, "ana").await;
    assert_eq!(fates(&ana, &id, "push").await, ["sent, 1"; 3]);
    world.end().await;
}

#[tokio::test]
async fn a_push_that_sns_does_not_take_comes_again() {
    let world = World::new().await;
    let ana = world.customer("ana").await;
    registers(&ana, "token-of-ana", "android").await;
    for kind in ["throttle", "refuse"] {
        world.fault(json!({ "service": "sns", "operation": "Publish", "kind": kind, "count": 1 })).await;
        let before = told(&world).await.len();
        let id = pushes(&world, "ana").await;
        assert_eq!(told(&world).await.len(), before, "{kind}");
        world.advance(SignedDuration::from_secs(5)).await;
        assert_eq!(told(&world).await.len(), before + 1, "{kind}");
        assert!(fates(&ana, &id, "push").await[0].starts_with("sent"), "{kind}");
    }
    world.end().await;
}

#[tokio::test]
async fn what_is_no_telephone_is_refused_by_field() {
    let world = World::new().await;
    let ana = world.customer("ana").await;
    let long = "x".repeat(4_097);
    let cases = [
        (json!({ "token": "short", "platform": "ios" }), "400 validation_failed token"),
        (json!({ "token": long, "platform": "ios" }), "400 validation_failed token"),
        (json!({ "token": "with a space", "platform": "ios" }), "400 validation_failed token"),
        (json!({ "token": "good-token", "platform": "ios", "locale": "x" }), "400 validation_failed locale"),
        (
            json!({ "token": "good-token", "platform": "ios", "timezone": "Mars/Olympus" }),
            "400 validation_failed timezone",
        ),
    ];
    for (body, expected) in cases {
        let answer = ana.post("/api/v1/notifications/devices", body.clone()).await;
        assert_eq!(answer.complaint(), expected, "{body}");
    }
    let unknown = json!({ "token": "good-token", "platform": "symbian" });
    assert_eq!(ana.post("/api/v1/notifications/devices", unknown).await.status, 400);
    let guest = world.guest().await;
    let body = json!({ "token": "good-token", "platform": "ios" });
    assert_eq!(guest.post("/api/v1/notifications/devices", body).await.outcome(), "403 forbidden");
    let id = pushes(&world, "ana").await;
    assert_eq!(fates(&ana, &id, "push").await, ["suppressed (no_endpoint), 0"]);
    world.end().await;
}

/// Tells Ana by text message that somebody got into her account, which is critical; what became of it.
async fn texts(world: &World, ana: &Person<'_>) -> Vec<String> {
    let alert = ("security_alert", json!({ "event": "new_device" }));
    let id = tells_by(world, "ana", alert, &["sms"]).await;
    fates(ana, &id, "sms").await
}

/// Ana, who wants text messages.
async fn ana_with_a_number(world: &World) -> Person<'_> {
    reachable_at(world, "ana", json!({ "phone": ANA })).await;
    let ana = world.customer("ana").await;
    says(&ana, "preferences", json!({ "channels": { "sms": { "enabled": true } } })).await.ok();
    ana
}

#[tokio::test]
async fn text_messages_go_only_to_whoever_asked_for_them() {
    let world = World::new().await;
    let ana = world.customer("ana").await;
    reachable_at(&world, "ana", json!({ "phone": ANA })).await;
    assert_eq!(texts(&world, &ana).await, ["suppressed (preference), 0"], "also what is critical");
    says(&ana, "preferences", json!({ "channels": { "sms": { "enabled": true } } })).await.ok();
    assert_eq!(texts(&world, &ana).await, ["sent, 1"]);
    let sent = outbox(&world, "sms").await;
    assert_eq!((sent.len(), &sent[0]["to"]), (1, &json!(ANA)));
    assert!(sent[0]["text"].as_str().unwrap().contains("New sign-in"), "{sent:?}");
    assert_eq!(sent[0]["attributes"]["AWS.SNS.SMS.SMSType"], "Transactional");
    // Of what usually goes by text message she is told without anybody's asking; of all else she is not.
    let body = |kind: &str, data: Value| json!({ "user_id": "ana", "type": kind, "data": data });
    tells(&world, body("security_alert", json!({ "event": "new_device" }))).await.ok();
    tells(&world, body("order_delivered", json!({ "order_number": "7" }))).await.ok();
    world.idle().await;
    assert_eq!(outbox(&world, "sms").await.len(), 2);
    world.end().await;
}

#[tokio::test]
async fn one_person_gets_five_text_messages_and_the_next_when_time_has_passed() {
    let world = World::new().await;
    let ana = ana_with_a_number(&world).await;
    for _ in 0..5 {
        assert_eq!(texts(&world, &ana).await, ["sent, 1"]);
    }
    assert_eq!(texts(&world, &ana).await, ["suppressed (throttled), 0"]);
    world.leaps(SignedDuration::from_hours(5)).await;
    assert_eq!(texts(&world, &ana).await, ["sent, 1"]);
    assert_eq!(texts(&world, &ana).await, ["suppressed (throttled), 0"]);
    assert_eq!(outbox(&world, "sms").await.len(), 6);
    world.end().await;
}

#[tokio::test]
async fn a_shop_sends_no_more_text_messages_than_it_can_pay_for() {
    let world = World::new().await;
    let ana = ana_with_a_number(&world).await;
    // A thousand were sent to others.
    let used_up = world.cloud().clock().now().as_millisecond() + 86_400_000;
    let key = |text: &str| json!({ "S": text });
    let item = json!({
        "pk": key("default#limit#sms-all#shop"), "sk": key("limit"), "arrival": { "N": used_up.to_string() },
    });
    world.dynamo("PutItem", json!({ "TableName": "PlatformTable", "Item": item })).await;
    assert_eq!(texts(&world, &ana).await, ["suppressed (throttled), 0"]);
    world.advance(SignedDuration::from_secs(90)).await;
    assert_eq!(texts(&world, &ana).await, ["sent, 1"]);
    world.end().await;
}

#[tokio::test]
async fn whoever_answers_stop_gets_no_more_text_messages_until_they_say_start() {
    let world = World::new().await;
    let ana = ana_with_a_number(&world).await;
    let replies = async |text: &str| {
        world.nobody().post("/_local/sms/replies", json!({ "from": ANA, "text": text })).await.ok();
        world.idle().await;
    };
    replies("please do not stop").await;
    assert_eq!(texts(&world, &ana).await, ["sent, 1"]);
    replies(" stop ").await;
    assert_eq!(texts(&world, &ana).await, ["suppressed (unsubscribed), 0"]);
    let id = pushes(&world, "ana").await;
    assert_eq!(
        deliveries(&ana, &id).await,
        ["push suppressed no_endpoint", "websocket sent"],
        "it is about text messages only"
    );
    replies("Start").await;
    assert!(texts(&world, &ana).await[0].starts_with("sent"));
    world.end().await;
}
