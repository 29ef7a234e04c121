//! What nobody may find: names, addresses, numbers, tokens and words of people, planted everywhere that notifications see,
//! appear in no log, no metric and no dead letter, however badly it goes.

use std::{
    io,
    sync::{Arc, Mutex, PoisonError},
};

use jiff::SignedDuration;
use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    chat::{opens, says},
    notifications::{outbox, reachable_at, tells},
    world::World,
};

/// Ten people with five things each that are nobody's business.
const PEOPLE: usize = 10;

/// All lines that were logged.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Lines {
    fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap_or_else(PoisonError::into_inner)).into_owned()
    }
}

impl io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What is planted with one person: mail address, number, token of a telephone, name, words.
fn planted(person: usize) -> [String; 5] {
    [
        format!("canary{person}.mailbox@nest.example"),
        format!("+4479{:08}", 11_223_344 + person),
        format!("canary-telephone-token-{person}-0123456789abcdef"),
        format!("Canary Finchley{person}"),
        format!("my canary sings {person} times at dawn"),
    ]
}

/// One person does everything that has to do with notifications.
async fn lives(world: &World, person: usize) {
    let [mail, number, token, name, words] = planted(person);
    let user = format!("p{person}");
    let ana = world.customer(&user).await;
    reachable_at(world, &user, json!({ "email": mail, "phone": number })).await;
    let sms = json!({ "channels": { "sms": { "enabled": true } } });
    ana.post("/api/v1/notifications/preferences", sms).await.ok();
    ana.post("/api/v1/notifications/devices", json!({ "token": token, "platform": "android" })).await.ok();
    let address = json!({ "name": name, "line1": format!("{name} Street"), "city": "Nest", "country": "GB" });
    let order = json!({
        "items": [{ "product_id": "lamp", "quantity": 1 }], "currency": "USD", "email": mail,
        "shipping_address": address,
    });
    let order = ana.post("/api/v1/orders", order).await;
    if order.status == 201 {
        let intent = ana.begins_to_pay(&order.body).await;
        world.pays(&intent, "pm_card_visa").await.ok();
    }
    let conversation = opens(&ana).await;
    says(&ana, &conversation, &words).await;
    ana.post("/api/v1/notifications/test", json!({})).await.ok();
    let data = json!({ "product_id": "lamp", "product_name": name });
    tells(world, json!({ "user_id": user, "type": "back_in_stock", "data": data })).await.ok();
    // Also what is refused may not be repeated.
    ana.post("/api/v1/notifications/devices", json!({ "token": token, "platform": words })).await;
    let wrong = json!({ "email": format!("{mail} {name}"), "phone": number });
    ana.send(Method::PUT, "/api/v1/notifications/contact", &[], Some(wrong.to_string())).await;
}

async fn comes_back(world: &World) {
    for mail in outbox(world, "mail").await {
        let path = format!("/_local/mail/{}/events", mail["id"].as_str().unwrap());
        world.nobody().post(&path, json!({ "type": "bounce", "bounce_type": "Permanent" })).await;
    }
    for person in 0..PEOPLE {
        let [_, number, ..] = planted(person);
        world.nobody().post("/_local/sms/replies", json!({ "from": number, "text": "STOP" })).await;
    }
}

/// What is left in a queue of letters that nobody could deliver.
async fn letters(world: &World, queue: &str) -> Vec<Value> {
    let body =
        json!({ "QueueUrl": format!("http://queues/000000000000/{queue}"), "MaxNumberOfMessages": 10 });
    let mut all = vec![];
    loop {
        let received = world.aws("AmazonSQS.ReceiveMessage", &body).await;
        let Some(messages) = received["Messages"].as_array().filter(|messages| !messages.is_empty()) else {
            return all;
        };
        all.extend(messages.iter().cloned());
    }
}

async fn goes_wrong(world: &World, service: &str, operation: &str) {
    let fault = json!({ "service": service, "operation": operation, "kind": "refuse", "count": 500 });
    world.fault(fault).await;
}

#[tokio::test]
async fn what_people_are_called_and_where_they_live_is_in_no_log_metric_or_dead_letter() {
    let lines = Lines::default();
    let written = lines.clone();
    // Whoever comes second keeps what is there: this test has a process of its own.
    let filter = "info,app=debug,edge=debug,relay=debug,notifier=debug,notifications=debug,sweeper=debug,metrics=trace";
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(move || written.clone()).init();
    let world = World::new().await;
    world.product("lamp", 100).await;
    for person in 0..PEOPLE / 2 {
        lives(&world, person).await;
    }
    world.idle().await;
    comes_back(&world).await;
    world.idle().await;
    // Everybody outside is away, for longer than anything is tried again.
    for (service, operation) in [("ses", "SendEmail"), ("sns", "Publish"), ("push", "Send")] {
        goes_wrong(&world, service, operation).await;
    }
    for person in PEOPLE / 2..PEOPLE {
        lives(&world, person).await;
    }
    for _ in 0..6 {
        world.advance(SignedDuration::from_secs(40)).await;
    }
    world.no_faults().await;
    let dead = letters(&world, "NotifierDeadLetters").await;
    assert!(dead.len() >= PEOPLE / 2, "{} dead letters", dead.len());
    let log = lines.text();
    assert!(log.contains("a notification was sent"), "there is a log");
    for person in 0..PEOPLE {
        for secret in planted(person) {
            let dead = dead.iter().find(|letter| letter.to_string().contains(&secret));
            assert!(dead.is_none(), "{secret} in a dead letter: {dead:?}");
            let line = log.lines().find(|line| line.contains(&secret));
            assert!(line.is_none(), "{secret} in a log: {line:?}");
        }
    }
    world.end_unbalanced().await;
}
