//! What stories of notifications need: browsers that take pushes, the outbox, inboxes.

use reqwest::Method;
use serde_json::{Value, json};

use crate::world::{Person, Reply, World};

/// A browser that takes pushes for `person`; its endpoint at the push service, and the subscription's name.
pub async fn browser(world: &World, person: &Person<'_>) -> (String, String) {
    let nobody = world.nobody();
    let subscription = nobody.post("/_local/push/subscriptions", json!({})).await;
    assert_eq!(subscription.status, 200, "{subscription:?}");
    let answer = subscribes(person, &subscription.body).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    (subscription.text("endpoint"), answer.text("subscription_id"))
}

/// Hands a browser's subscription to the shop.
pub async fn subscribes(person: &Person<'_>, subscription: &Value) -> Reply {
    let body =
        json!({ "subscription": { "endpoint": subscription["endpoint"], "keys": subscription["keys"] } });
    person.post("/api/v1/notifications/subscriptions", body).await
}

/// What the shop knows of where somebody can be reached.
pub async fn reachable_at(world: &World, user: &str, contact: Value) {
    let shop = world.service(&["notifications:write"]).await;
    let path = format!("/api/v1/notifications/contacts/{user}");
    let known = shop.send(Method::PUT, &path, &[], Some(contact.to_string())).await;
    assert_eq!(known.status, 200, "{known:?}");
}

/// What left on a channel: `mail`, `sms`, `push`, `web_push`.
pub async fn outbox(world: &World, channel: &str) -> Vec<Value> {
    let all = world.nobody().get("/_local/outbox?limit=1000").await;
    let all = all.body["messages"].as_array().cloned().unwrap_or_default();
    all.into_iter().filter(|message| message["channel"] == channel).collect()
}

/// The titles in somebody's inbox, newest first, `*` before those that were not read.
pub async fn inbox(person: &Person<'_>) -> Vec<String> {
    let listed = person.get("/api/v1/notifications?limit=100").await;
    assert_eq!(listed.status, 200, "{listed:?}");
    let entries = listed.body["data"].as_array().cloned().unwrap_or_default();
    let unread = entries.iter().filter(|entry| entry["is_read"] == false).count();
    assert_eq!(listed.body["unread_count"], unread, "what is counted is what is there");
    let line = |entry: &Value| {
        let mark = if entry["is_read"] == true { "" } else { "*" };
        format!("{mark}{}", entry["type"].as_str().unwrap_or_default())
    };
    entries.iter().map(line).collect()
}

/// The name of the newest notification of a kind in somebody's inbox.
pub async fn newest(person: &Person<'_>, kind: &str) -> Value {
    let listed = person.get("/api/v1/notifications?limit=100").await;
    let entries = listed.body["data"].as_array().cloned().unwrap_or_default();
    entries.into_iter().find(|entry| entry["type"] == kind).unwrap_or_default()
}

/// What became of a notification on each way: `email sent`, `push suppressed no_endpoint`.
pub async fn deliveries(person: &Person<'_>, id: &Value) -> Vec<String> {
    let path = format!("/api/v1/notifications/{}/deliveries", id.as_str().unwrap_or_default());
    let listed = person.get(&path).await;
    assert_eq!(listed.status, 200, "{listed:?}");
    let line = |one: &Value| {
        let text = |field: &str| one[field].as_str().unwrap_or_default().to_owned();
        format!("{} {} {}", text("channel"), text("state"), text("reason")).trim().to_owned()
    };
    let mut all: Vec<String> = listed.body["data"].as_array().into_iter().flatten().map(line).collect();
    all.sort();
    all
}

/// Tells somebody something, as a program of the shop's does.
pub async fn tells(world: &World, body: Value) -> Reply {
    world.service(&["notifications:write"]).await.post("/api/v1/notifications", body).await
}

/// Mail that left so far, in order: `ana@shop.example: Your order has arrived`.
pub async fn letters(world: &World) -> Vec<String> {
    let line = |mail: &Value| {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        format!("{}: {}", text(&mail["to"][0]), text(&mail["subject"]))
    };
    outbox(world, "mail").await.iter().map(line).collect()
}

/// The newest mail whose subject begins like this.
pub async fn letter(world: &World, subject: &str) -> Value {
    let begins = |mail: &Value| mail["subject"].as_str().is_some_and(|known| known.starts_with(subject));
    let found = outbox(world, "mail").await.into_iter().rev().find(begins);
    found.unwrap_or_else(|| panic!("no mail begins with {subject}"))
}

/// Says what somebody wants from now on.
pub async fn wants(person: &Person<'_>, preferences: Value) {
    let body = Some(preferences.to_string());
    let answer = person.send(Method::PUT, "/api/v1/notifications/preferences", &[], body).await;
    assert_eq!(answer.status, 200, "{answer:?}");
}

/// Says that somebody has read a notification.
pub async fn has_read(person: &Person<'_>, id: &Value) -> Reply {
    let path = format!("/api/v1/notifications/{}/read", id.as_str().unwrap_or_default());
    person.send(Method::PUT, &path, &[], None).await
}
