//! Mail that comes only to whoever was not reached otherwise, and what is said to people who are not there.

use jiff::SignedDuration;
use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    chat::{agent, path, says, waits},
    notifications::{
        browser, deliveries, has_read, inbox, letter, letters, newest, outbox, reachable_at, tells, wants,
    },
    world::{Person, World},
};

const SECOND: SignedDuration = SignedDuration::from_secs(1);
const MINUTE: SignedDuration = SignedDuration::from_mins(1);

async fn with_mail<'a>(world: &'a World, name: &str) -> Person<'a> {
    reachable_at(world, name, json!({ "email": format!("{name}@shop.example") })).await;
    world.customer(name).await
}

async fn arrives(world: &World, user: &str) {
    let body = json!({ "user_id": user, "type": "order_delivered", "data": { "order_number": "1042" } });
    assert_eq!(tells(world, body).await.status, 201);
    world.idle().await;
}

/// A conversation with an agent who has taken it.
async fn talk<'a>(world: &'a World, customer: &Person<'a>) -> (Person<'a>, String) {
    let gus = agent(world, "gus", 3).await;
    let id = waits(customer).await;
    world.idle().await;
    (gus, id)
}

async fn has_read_to(person: &Person<'_>, id: &str, seq: u64) {
    let mark = json!({ "up_to_seq": seq }).to_string();
    person.send(Method::PUT, &path(id, "messages/read"), &[], Some(mark)).await.ok();
}

fn pushed(pushes: &[Value]) -> Vec<&str> {
    pushes.iter().map(|push| push["payload"]["type"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn mail_follows_only_where_no_push_was_taken_and_nothing_was_read() {
    let world = World::new().await;
    let (ana, ben) = (with_mail(&world, "ana").await, with_mail(&world, "ben").await);
    with_mail(&world, "eve").await;
    browser(&world, &ana).await;
    for name in ["ana", "ben", "eve"] {
        arrives(&world, name).await;
    }
    let bens = newest(&ben, "order_delivered").await["notification_id"].clone();
    world.advance(MINUTE * 9).await;
    assert_eq!(letters(&world).await, [""; 0]);
    has_read(&ben, &bens).await.ok();
    world.advance(MINUTE * 2).await;
    assert_eq!(letters(&world).await, ["eve@shop.example: Your order has arrived"]);
    world.advance(MINUTE * 60).await;
    assert_eq!(letters(&world).await.len(), 1);
    assert_eq!(
        deliveries(&ben, &bens).await,
        ["email suppressed read", "push suppressed no_endpoint", "websocket sent"]
    );
    let anas = newest(&ana, "order_delivered").await["notification_id"].clone();
    assert_eq!(deliveries(&ana, &anas).await, ["email suppressed read", "push sent", "websocket sent"]);
    world.end().await;
}

#[tokio::test]
async fn where_a_push_is_refused_mail_follows() {
    let world = World::new().await;
    let ana = with_mail(&world, "ana").await;
    browser(&world, &ana).await;
    world.fault(json!({ "service": "push", "kind": "gone", "count": 1 })).await;
    arrives(&world, "ana").await;
    world.advance(MINUTE * 11).await;
    assert_eq!(letters(&world).await, ["ana@shop.example: Your order has arrived"]);
    world.end().await;
}

#[tokio::test]
async fn where_mail_is_no_fallback_none_follows() {
    let parameters = [("PushMailFallback".to_owned(), "false".to_owned())];
    let world = World::with(parameters.into()).await;
    let ana = with_mail(&world, "ana").await;
    arrives(&world, "ana").await;
    world.advance(MINUTE * 30).await;
    assert_eq!(letters(&world).await, [""; 0]);
    assert_eq!(inbox(&ana).await, ["*order_delivered"]);
    world.end().await;
}

#[tokio::test]
async fn the_first_answer_comes_by_mail_and_what_follows_in_one_mail_after_two_minutes() {
    let world = World::new().await;
    let ana = with_mail(&world, "ana").await;
    let (gus, id) = talk(&world, &ana).await;
    for text in ["Hello Ana", "Your lamp is here", "Shall I send it?"] {
        says(&gus, &id, text).await.ok();
        world.idle().await;
        world.advance(SignedDuration::from_secs(10)).await;
    }
    assert_eq!(inbox(&ana).await, ["*chat_message", "*support_ticket_response"]);
    assert_eq!(letters(&world).await, ["ana@shop.example: Agent gus has answered you"]);
    world.advance(MINUTE * 3).await;
    assert_eq!(letters(&world).await[1..], ["ana@shop.example: 3 new messages from Agent gus"]);
    let mail = letter(&world, "3 new").await;
    for text in ["Hello Ana", "Your lamp is here", "Shall I send it?"] {
        assert!(mail["text"].as_str().unwrap().contains(text), "{mail:#}");
    }
    world.advance(MINUTE * 30).await;
    assert_eq!(letters(&world).await.len(), 2);
    world.end().await;
}

#[tokio::test]
async fn whoever_reads_within_two_minutes_gets_no_mail_and_is_told_of_what_comes_after() {
    let world = World::new().await;
    let ana = with_mail(&world, "ana").await;
    let (gus, id) = talk(&world, &ana).await;
    // Whoever looks at the desk keeps what they have taken.
    let _desk = gus.socket().await;
    let seq = |said: Value| said["seq"].as_u64().unwrap();
    let first = seq(says(&gus, &id, "Hello").await.ok());
    world.idle().await;
    world.advance(SECOND).await;
    has_read_to(&ana, &id, first).await;
    world.idle().await;
    let before = letters(&world).await.len();
    let second = seq(says(&gus, &id, "Are you there?").await.ok());
    world.advance(MINUTE).await;
    has_read_to(&ana, &id, second).await;
    world.advance(MINUTE * 5).await;
    assert_eq!(letters(&world).await.len(), before, "she has read it");
    let read = newest(&ana, "chat_message").await["notification_id"].clone();
    assert!(deliveries(&ana, &read).await.contains(&"email suppressed read".to_owned()));
    says(&gus, &id, "One more thing").await.ok();
    world.advance(MINUTE * 5).await;
    assert_eq!(letters(&world).await[before..], ["ana@shop.example: New message from Agent gus"]);
    world.end().await;
}

#[tokio::test]
async fn what_was_said_waits_for_the_digest_and_is_left_out_if_the_conversation_was_read_meanwhile() {
    let world = World::new().await;
    let ana = with_mail(&world, "ana").await;
    wants(&ana, json!({ "digest": "hourly" })).await;
    let (gus, id) = talk(&world, &ana).await;
    let _desk = gus.socket().await;
    let first = says(&gus, &id, "Hello").await.ok()["seq"].as_u64().unwrap();
    world.idle().await;
    world.advance(SECOND).await;
    has_read_to(&ana, &id, first).await;
    let before = letters(&world).await.len();
    let second = says(&gus, &id, "Your lamp is here").await.ok()["seq"].as_u64().unwrap();
    world.advance(MINUTE * 5).await;
    assert_eq!(letters(&world).await.len(), before, "she wants her mail gathered");
    has_read_to(&ana, &id, second).await;
    world.leaps(MINUTE * 56).await;
    assert_eq!(letters(&world).await.len(), before, "she has read it in the conversation");
    let told = newest(&ana, "chat_message").await["notification_id"].clone();
    assert!(deliveries(&ana, &told).await.contains(&"email suppressed read".to_owned()));
    world.end().await;
}

#[tokio::test]
async fn what_is_said_to_whoever_is_there_is_not_told_and_an_absent_agent_is_told_too() {
    let world = World::new().await;
    let ana = with_mail(&world, "ana").await;
    browser(&world, &ana).await;
    let (gus, id) = talk(&world, &ana).await;
    browser(&world, &gus).await;
    let socket = ana.socket().await;
    says(&gus, &id, "Hello").await.ok();
    world.idle().await;
    assert_eq!(inbox(&ana).await, [""; 0]);
    world.advance(SECOND).await;
    says(&ana, &id, "Here I am").await.ok();
    world.idle().await;
    assert_eq!(inbox(&gus).await, ["*chat_message"]);
    socket.close().await;
    world.idle().await;
    says(&gus, &id, "And now?").await.ok();
    says(&gus, &id, "Gone?").await.ok();
    world.advance(MINUTE * 5).await;
    assert_eq!(inbox(&ana).await, ["*chat_message"]);
    assert_eq!(pushed(&outbox(&world, "web_push").await), ["chat_message", "chat_message"], "one for each");
    assert_eq!(letters(&world).await, [""; 0], "a push was taken");
    world.end().await;
}
