//! What the shop says by itself: welcome, answers, that nobody is there; and when it is silent.

use jiff::SignedDuration;
use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    chat::{agent, opens, path, reads, says, stands},
    world::{Person, World},
};

/// A shop that knows what every shop begins with.
async fn seeded() -> World {
    let world = World::new().await;
    world.admin().await.post("/api/v1/chat/seed", json!({})).await.ok();
    world
}

/// Opens a conversation and is welcomed.
async fn welcomed(person: &Person<'_>) -> String {
    let id = opens(person).await;
    person.world().idle().await;
    id
}

/// What was said, as `type: text`, oldest first.
async fn heard(person: &Person<'_>, id: &str) -> Vec<String> {
    person.world().idle().await;
    let messages = person.get(&path(id, "messages")).await.ok();
    let line = |message: &Value| {
        let text = message["content"]["text"].as_str().unwrap();
        format!("{}: {}", message["type"].as_str().unwrap(), text.lines().next().unwrap())
    };
    messages["data"].as_array().unwrap().iter().map(line).collect()
}

async fn kinds(person: &Person<'_>, id: &str) -> Vec<String> {
    heard(person, id).await.into_iter().map(|line| line.split(':').next().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_shopper_is_welcomed_once_and_a_question_is_answered_on_the_socket() {
    let world = seeded().await;
    let gus = world.guest().await;
    let id = opens(&gus).await;
    assert_eq!(kinds(&gus, &id).await, ["auto"]);
    let mut socket = gus.socket().await;
    socket.asks("chat.conversation.join", json!({ "conversation_id": id })).await;
    says(&gus, &id, "How can I pay?").await.ok();
    let answer = socket.next("chat.message.faq_response").await;
    assert!(answer["data"]["confidence"].as_u64().unwrap() >= 70, "{answer}");
    assert_eq!(answer["data"]["faq_id"], "faq_seed_en_payment_methods");
    assert_eq!(answer["data"]["message"]["sender_type"], "bot");
    assert_eq!(kinds(&gus, &id).await, ["auto", "text", "faq"]);
    assert_eq!(reads(&gus, &id).await["status"], "waiting");
    world.end().await;
}

#[tokio::test]
async fn where_is_my_order_is_answered_with_the_askers_own() {
    let world = seeded().await;
    let lamp = world.product("lamp", 5).await;
    let (ana, eve) = (world.customer("ana").await, world.customer("eve").await);
    let order = ana.buys(&lamp, 1).await;
    let (hers, other) = (opens(&ana).await, opens(&eve).await);
    says(&ana, &hers, "Where is my order?").await.ok();
    let said = heard(&ana, &hers).await;
    let number = order["order_number"].as_str().unwrap();
    assert!(said.last().unwrap().contains(number) && said.last().unwrap().contains("paid"), "{said:?}");
    // Eve has none: a person may know more.
    says(&eve, &other, "Where is my order?").await.ok();
    let said = heard(&eve, &other).await;
    assert!(!said.iter().any(|line| line.contains("ORD-")), "{said:?}");
    assert!(reads(&eve, &other).await["queued_at"].is_string());
    world.end().await;
}

#[tokio::test]
async fn whoever_asks_for_a_person_in_any_language_gets_one() {
    let world = seeded().await;
    let ana = agent(&world, "ana", 5).await;
    for text in ["I want to talk to a human", "ขอคุยกับเจ้าหน้าที่", "می‌خواهم با اپراتور صحبت کنم"]
    {
        let gus = world.guest().await;
        let id = opens(&gus).await;
        says(&gus, &id, text).await.ok();
        world.idle().await;
        assert_eq!(stands(&reads(&ana, &id).await), "active ana", "{text}");
    }
    world.end().await;
}

#[tokio::test]
async fn the_shop_is_silent_once_a_person_has_joined() {
    let world = seeded().await;
    let (ana, gus) = (agent(&world, "ana", 5).await, world.guest().await);
    let id = opens(&gus).await;
    world.idle().await;
    ana.post(&path(&id, "assign"), json!({ "agent_id": "ana" })).await.ok();
    says(&gus, &id, "How can I pay?").await.ok();
    says(&ana, &id, "By card.").await.ok();
    says(&gus, &id, "What are your opening hours?").await.ok();
    assert_eq!(kinds(&gus, &id).await, ["auto", "text", "text", "text"]);
    // Handed back it waits for a person, and stays silent.
    ana.post(&path(&id, "transfer"), json!({ "skill": "german" })).await.ok();
    says(&gus, &id, "How can I pay?").await.ok();
    assert_eq!(kinds(&gus, &id).await.iter().filter(|kind| *kind == "faq").count(), 0);
    world.end().await;
}

#[tokio::test]
async fn what_is_not_understood_is_suggested_or_goes_to_a_person() {
    let world = seeded().await;
    let gus = world.guest().await;
    let id = opens(&gus).await;
    says(&gus, &id, "My neighbour's parrot sings at night").await.ok();
    world.idle().await;
    let escalated = reads(&gus, &id).await;
    assert!(escalated["queued_at"].is_string(), "{escalated}");
    world.end().await;
}

#[tokio::test]
async fn that_nobody_is_there_is_said_once_a_day_and_not_after_an_agents_word() {
    let world = seeded().await;
    let gus = world.guest().await;
    let id = welcomed(&gus).await;
    says(&gus, &id, "I want to talk to a human").await.ok();
    says(&gus, &id, "Hello?").await.ok();
    assert_eq!(kinds(&gus, &id).await, ["auto", "text", "text", "auto"]);
    // The next day begins.
    world.leaps(SignedDuration::from_hours(15)).await;
    says(&gus, &id, "Still nobody?").await.ok();
    let kinds_now = kinds(&gus, &id).await;
    assert_eq!(kinds_now[4..], ["text", "auto"]);
    let ana = agent(&world, "ana", 5).await;
    world.idle().await;
    says(&ana, &id, "Sorry, back in a minute").await.ok();
    crate::chat::is_now(&ana, "offline").await.ok();
    world.advance(SignedDuration::from_mins(2)).await;
    says(&gus, &id, "I wait").await.ok();
    assert_eq!(kinds(&gus, &id).await[6..], ["text", "text"]);
    world.end().await;
}

#[tokio::test]
async fn whoever_waits_while_all_are_busy_is_told_so_once() {
    let world = seeded().await;
    agent(&world, "ana", 1).await;
    let (first, gus) = (world.guest().await, world.guest().await);
    let taken = opens(&first).await;
    first.post(&path(&taken, "escalate"), json!({})).await.ok();
    world.idle().await;
    let id = welcomed(&gus).await;
    gus.post(&path(&id, "escalate"), json!({})).await.ok();
    says(&gus, &id, "Hello?").await.ok();
    assert_eq!(kinds(&gus, &id).await.iter().filter(|kind| *kind == "auto").count(), 2);
    world.end().await;
}

#[tokio::test]
async fn hours_decide_whether_somebody_is_there() {
    let world = World::new().await;
    let (admin, nobody) = (world.admin().await, world.nobody());
    let state = async || nobody.get("/api/v1/chat/availability").await.ok();
    assert_eq!(state().await["state"], "disabled");
    agent(&world, "ana", 1).await;
    assert_eq!(state().await["state"], "online");
    let put = async |body: Value| {
        admin.send(Method::PUT, "/api/v1/chat/business-hours", &[], Some(body.to_string())).await
    };
    // It is Monday, nine o'clock in London.
    let evening = json!({ "timezone": "Europe/London", "weekly": [{ "day": "monday", "from": "21:00", "until": "02:00" }] });
    put(evening).await.ok();
    let now = state().await;
    assert_eq!(
        (now["state"].clone(), now["next_open_at"].clone()),
        (json!("offline"), json!("2026-01-05T21:00:00Z"))
    );
    for (body, field) in [
        (json!({ "timezone": "Mars/Base" }), "timezone"),
        (json!({ "weekly": [{ "day": "monday", "from": "9:00", "until": "17:00" }] }), "weekly[0]"),
        (json!({ "exceptions": [{ "date": "2026-12-25" }] }), "exceptions"),
        (json!({ "exceptions": [["2026-12-25", true]] }), "exceptions"),
        (json!([]), ""),
    ] {
        let complaint = put(body).await.complaint();
        assert!(complaint.starts_with(&format!("400 validation_failed {field}")), "{complaint}");
    }
    assert_eq!(nobody.get("/api/v1/chat/business-hours").await.ok()["weekly"][0]["until"], "02:00");
    world.end().await;
}

#[tokio::test]
async fn seeding_again_brings_back_nothing_that_was_edited_or_deleted() {
    let world = World::new().await;
    let admin = world.admin().await;
    let first = admin.post("/api/v1/chat/seed", json!({})).await.ok();
    assert!(first["faqs"].as_u64().unwrap() >= 30, "{first}");
    let id = "/api/v1/chat/faqs/faq_seed_en_payment_methods";
    let edited = json!({ "question": "How can I pay?", "answer": "In cash {stock:lamp}" });
    admin.send(Method::PUT, id, &[], Some(edited.to_string())).await.ok();
    admin.send(Method::DELETE, "/api/v1/chat/faqs/faq_seed_th_payment_methods", &[], None).await.ok();
    let again = admin.post("/api/v1/chat/seed", json!({})).await.ok();
    assert_eq!(again, json!({ "faqs": 0, "auto_responses": 0 }));
    assert_eq!(admin.get(id).await.ok()["answer"], "In cash {stock:lamp}");
    assert_eq!(admin.get("/api/v1/chat/faqs/faq_seed_th_payment_methods").await.outcome(), "404 not_found");
    world.end().await;
}

#[tokio::test]
async fn a_text_can_be_tried_and_says_why() {
    let world = seeded().await;
    let admin = world.admin().await;
    let tried = admin
        .post("/api/v1/chat/faqs/match", json!({ "text": "wat payement metods do you take" }))
        .await
        .ok();
    assert_eq!(tried["candidates"][0]["faq_id"], "faq_seed_en_payment_methods", "{tried}");
    let why = &tried["candidates"][0]["why"];
    assert!(
        !why["words"].as_array().unwrap().is_empty() && !why["typos"].as_array().unwrap().is_empty(),
        "{why}"
    );
    let wrong = json!({ "question": "x", "answer": "You have {points} points" });
    assert_eq!(admin.post("/api/v1/chat/faqs", wrong).await.complaint(), "400 validation_failed answer");
    let keyless = json!({ "trigger": "keyword", "text": "x" });
    assert_eq!(
        admin.post("/api/v1/chat/auto-responses", keyless).await.complaint(),
        "400 validation_failed keywords"
    );
    world.end().await;
}

#[tokio::test]
async fn what_an_admin_adds_is_answered_at_once() {
    let world = World::new().await;
    let (admin, gus) = (world.admin().await, world.guest().await);
    let new = json!({
        "question": "Do you engrave rings?", "alternative_questions": ["Can you put a name on a ring?"],
        "keywords": ["engrave"], "answer": "Yes, for free."
    });
    let faq = admin.post("/api/v1/chat/faqs", new).await.ok();
    let keyword =
        json!({ "trigger": "keyword", "keywords": ["voucher"], "text": "Vouchers: see your mail." });
    admin.post("/api/v1/chat/auto-responses", keyword).await.ok();
    let id = opens(&gus).await;
    says(&gus, &id, "do you engrave rings").await.ok();
    says(&gus, &id, "I lost my voucher").await.ok();
    let said = heard(&gus, &id).await;
    assert!(said.contains(&"faq: Yes, for free.".to_owned()), "{said:?} {faq}");
    assert!(said.contains(&"auto: Vouchers: see your mail.".to_owned()), "{said:?}");
    world.end().await;
}
