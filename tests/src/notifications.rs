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
    let (mut all, mut after) = (vec![], String::new());
    loop {
        let page = world.nobody().get(&format!("/_local/outbox?limit=1000{after}")).await;
        let page = page.body["messages"].as_array().cloned().unwrap_or_default();
        let Some(last) = page.last() else { break };
        after = format!("&after={}", last["id"].as_str().unwrap_or_default());
        all.extend(page);
    }
    all.retain(|message| message["channel"] == channel);
    all
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

/// Tells somebody something on the ways that are named, and waits until it is on its way; its name.
pub async fn tells_by(world: &World, user: &str, (kind, data): (&str, Value), ways: &[&str]) -> Value {
    let body = json!({ "user_id": user, "type": kind, "data": data, "channels": ways });
    let told = tells(world, body).await;
    assert_eq!(told.status, 201, "{told:?}");
    world.idle().await;
    told.body["notification_id"].clone()
}

/// Tells somebody by push that a parcel has arrived.
pub async fn pushes(world: &World, user: &str) -> Value {
    tells_by(world, user, ("order_delivered", json!({ "order_number": "7" })), &["push"]).await
}

/// The push service answers the next pushes to this browser so, in order.
pub async fn answers(world: &World, endpoint: &str, answers: Value) {
    let (_, token) = endpoint.rsplit_once('/').unwrap();
    let (path, body) =
        (format!("/_local/push/subscriptions/{token}"), json!({ "answers": answers }).to_string());
    world.nobody().send(Method::PUT, &path, &[], Some(body)).await.ok();
}

/// The browser takes no pushes any more, and tells nobody but its push service.
pub async fn ends(world: &World, endpoint: &str) {
    let (_, token) = endpoint.rsplit_once('/').unwrap();
    let path = format!("/_local/push/subscriptions/{token}");
    world.nobody().send(Method::DELETE, &path, &[], None).await.ok();
}

/// The pushes of one notification that browsers got.
pub async fn pushes_of(world: &World, id: &Value) -> Vec<Value> {
    let all = outbox(world, "web_push").await;
    all.into_iter().filter(|push| push["payload"]["notification_id"] == *id).collect()
}

/// The same as places, one for each push.
pub async fn browsers_told(world: &World, id: &Value) -> Vec<String> {
    let told = pushes_of(world, id).await;
    told.iter().map(|push| push["endpoint"].as_str().unwrap_or_default().to_owned()).collect()
}

/// What became of a notification on one way, with what went wrong and how often it was tried: `failed (status 400), 1`.
pub async fn fates(person: &Person<'_>, id: &Value, way: &str) -> Vec<String> {
    let path = format!("/api/v1/notifications/{}/deliveries", id.as_str().unwrap_or_default());
    let listed = person.get(&path).await.ok();
    let on_it = listed["data"].as_array().into_iter().flatten().filter(|one| one["channel"] == way);
    let line = |one: &Value| {
        let why = one["reason"].as_str().or(one["problem"].as_str());
        let why = why.map(|why| format!(" ({why})")).unwrap_or_default();
        format!("{}{why}, {}", one["state"].as_str().unwrap_or_default(), one["attempts"])
    };
    let mut all: Vec<String> = on_it.map(line).collect();
    all.sort();
    all
}

/// Sends what was left to operators once more, as `shopwire replay-dlq` does; what those letters said.
pub async fn replays_dead_letters(world: &World) -> Vec<String> {
    let queues = world.cloud().queues();
    let letters = queues.receive("NotifierDeadLetters", 10, None).unwrap();
    for letter in &letters {
        queues.send_text("NotifierQueue", letter.body.clone(), "outside").unwrap();
        queues.delete("NotifierDeadLetters", letter.receipt.as_deref().unwrap()).unwrap();
    }
    world.idle().await;
    letters.into_iter().map(|letter| letter.body).collect()
}

/// A device says what became of a push that it got.
pub async fn reports(world: &World, push: &Value, event: &str) -> Reply {
    let path = path_of(push["payload"]["report_url"].as_str().unwrap_or_default());
    let reply =
        world.nobody().post(&path, json!({ "event": event, "token": push["payload"]["token"] })).await;
    world.idle().await;
    reply
}

/// Says what one wants to be told, or where: `what` is `preferences` or `contact`.
pub async fn says(person: &Person<'_>, what: &str, body: Value) -> Reply {
    let path = format!("/api/v1/notifications/{what}");
    person.send(Method::PUT, &path, &[], Some(body.to_string())).await
}

/// The path of a link to the shop's own API.
pub fn path_of(url: &str) -> String {
    url.find("/api/").map_or_else(|| url.to_owned(), |start| url[start..].to_owned())
}

/// The path of the link in a mail's text that leads to `what`.
pub fn link_in(mail: &Value, what: &str) -> String {
    let text = mail["text"].as_str().unwrap_or_default();
    let link = text.split_whitespace().find(|word| word.contains(what));
    path_of(link.unwrap_or_else(|| panic!("no {what} in {text}")))
}

/// The mails to an address, oldest first.
pub async fn mails_to(world: &World, address: &str) -> Vec<Value> {
    let all = outbox(world, "mail").await;
    all.into_iter().filter(|mail| mail["to"] == json!([address])).collect()
}

/// Tells somebody by mail that a parcel has arrived.
pub async fn mails(world: &World, user: &str) -> Value {
    tells_by(world, user, ("order_delivered", json!({ "order_number": "7" })), &["email"]).await
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
