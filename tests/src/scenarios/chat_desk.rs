//! Who answers: agents, their slots, the queue, and what happens when they go.

use jiff::SignedDuration;
use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    chat::{agent, asks_for_person, is_now, opens, path, reads, says, says_on, stands, waits},
    world::{Person, World},
};

async fn load(person: &Person<'_>, agent: &str) -> Value {
    person.get(&format!("/api/v1/chat/agents/{agent}")).await.ok()["current_conversations"].clone()
}

#[tokio::test]
async fn a_hundred_conversations_fill_three_agents_and_the_oldest_are_next() {
    let world = World::new().await;
    let mut guests = vec![];
    for _ in 0..100 {
        let gus = world.guest().await;
        let id = opens(&gus).await;
        guests.push((gus, id));
        world.advance(SignedDuration::from_secs(2)).await;
    }
    let mut agents = vec![];
    for name in ["ana", "ben", "eve"] {
        agents.push(agent(&world, name, 5).await);
    }
    let asked = guests.iter().map(|(gus, id)| async move {
        gus.insists(&path(id, "escalate"), json!({})).await.ok();
    });
    futures_util::future::join_all(asked).await;
    world.idle().await;
    let queue = agents[0].get("/api/v1/chat/queue").await.ok();
    assert_eq!(queue["data"].as_array().unwrap().len(), 85);
    for name in ["ana", "ben", "eve"] {
        assert_eq!(load(&agents[0], name).await, 5, "{name}");
    }

    // Whoever is first in the queue is next.
    let first = queue["data"][0]["conversation_id"].as_str().unwrap().to_owned();
    let active = agents[0].get("/api/v1/chat/conversations?status=active").await.ok();
    let done = active["data"][0]["conversation_id"].as_str().unwrap().to_owned();
    agents[0].post(&path(&done, "resolve"), json!({})).await.ok();
    world.idle().await;
    assert_eq!(reads(&agents[0], &first).await["status"], "active");
    let queue = agents[0].get("/api/v1/chat/queue").await.ok();
    assert_eq!(queue["data"].as_array().unwrap().len(), 84);
    world.end().await;
}

#[tokio::test]
async fn a_slot_is_freed_once_however_a_conversation_ends() {
    let world = World::new().await;
    let ana = agent(&world, "ana", 5).await;
    let mut ids = vec![];
    for _ in 0..4 {
        ids.push(waits(&world.guest().await).await);
    }
    world.idle().await;
    assert_eq!(load(&ana, "ana").await, 4);
    for act in ["resolve", "resolve", "archive", "archive"] {
        ana.post(&path(&ids[0], act), json!({})).await.ok();
        assert_eq!(load(&ana, "ana").await, 3, "{act}");
    }
    let ana = &ana;
    let ended = ["resolve", "archive", "transfer"].map(|act| path(&ids[1], act));
    let ended = ended.map(|url| async move { ana.insists(&url, json!({})).await });
    futures_util::future::join_all(ended).await;
    world.idle().await;
    let held = ana.get("/api/v1/chat/conversations?assigned=me&status=active").await.ok();
    assert_eq!(load(ana, "ana").await, held["data"].as_array().unwrap().len());
    world.end().await;
}

#[tokio::test]
async fn whoever_goes_offline_hands_on_what_they_have() {
    let world = World::new().await;
    let (ana, gus) = (agent(&world, "ana", 5).await, world.guest().await);
    let id = waits(&gus).await;
    world.idle().await;
    let mut guest = gus.socket().await;
    guest.asks("chat.conversation.join", json!({ "conversation_id": id })).await;
    let ben = agent(&world, "ben", 5).await;
    is_now(&ana, "offline").await.ok();
    world.idle().await;
    assert_eq!(stands(&reads(&gus, &id).await), "active ben");
    assert_eq!((load(&ben, "ana").await, load(&ben, "ben").await), (json!(0), json!(1)));
    assert_eq!(guest.next("agent.transferred").await["data"]["from_agent"], "ana");
    assert_eq!(guest.next("agent.assigned").await["data"]["agent_id"], "ben");
    assert_eq!(says(&ana, &id, "still here").await.outcome(), "404 not_found");
    world.end().await;
}

#[tokio::test]
async fn an_agent_without_a_socket_is_taken_for_gone() {
    let world = World::new().await;
    let ana = agent(&world, "ana", 5).await;
    let mut socket = ana.socket().await;
    socket.subscribes("agents").await;
    let id = waits(&world.guest().await).await;
    world.idle().await;
    socket.so_far().await;
    world.advance(SignedDuration::from_mins(5)).await;
    assert_eq!(stands(&reads(&ana, &id).await), "active ana");
    assert_eq!(socket.so_far().await, [] as [Value; 0], "that they are still there is no news");
    socket.close().await;
    world.idle().await;
    world.advance(SignedDuration::from_mins(4)).await;
    assert_eq!(stands(&reads(&ana, &id).await), "waiting");
    let agents = ana.get("/api/v1/chat/agents").await.ok();
    assert_eq!(agents["data"][0]["status"], "offline");
    world.end().await;
}

#[tokio::test]
async fn nobody_is_given_more_than_they_can_have_or_while_they_are_away() {
    let world = World::new().await;
    let (ana, ben) = (agent(&world, "ana", 1).await, world.person("agent", "ben", "default").await);
    let (first, second) = (opens(&world.guest().await).await, opens(&world.guest().await).await);
    let accepted = ana.post(&path(&first, "assign"), json!({ "agent_id": "ana" })).await;
    assert_eq!(accepted.outcome(), "200");
    let full = ana.post(&path(&second, "assign"), json!({ "agent_id": "ana" })).await;
    assert_eq!(full.outcome(), "409 capacity_full");
    // Ben never said that he is there.
    let away = ana.post(&path(&second, "assign"), json!({ "agent_id": "ben" })).await;
    assert_eq!(away.outcome(), "409 capacity_full");
    is_now(&ben, "busy").await.ok();
    let mut desk = ben.socket().await;
    let own = desk.asks("agent.accept", json!({ "conversation_id": second })).await;
    assert_eq!(own["data"]["agent_id"], "ben");
    // Whoever had it does not take part any more.
    ana.post(&path(&first, "assign"), json!({ "agent_id": "ben" })).await.ok();
    let parts = reads(&ben, &first).await["participants"].clone();
    let users: Vec<_> = parts.as_array().unwrap().iter().map(|one| one["user_id"].clone()).collect();
    assert!(users.contains(&json!("ben")) && !users.contains(&json!("ana")), "{users:?}");
    world.end().await;
}

#[tokio::test]
async fn a_conversation_is_handed_to_whoever_knows_something() {
    let world = World::new().await;
    let ana = agent(&world, "ana", 5).await;
    let id = waits(&world.guest().await).await;
    world.idle().await;
    let admin = world.admin().await;
    let profile = json!({ "skills": ["german"], "concurrent_limit": 5 }).to_string();
    admin.send(Method::PUT, "/api/v1/chat/agents/ben", &[], Some(profile)).await.ok();
    let mut desk = ana.socket().await;
    let handed = desk.asks("agent:transfer", json!({ "conversation_id": id, "skill": "german" })).await;
    assert_eq!(stands(&handed["data"]), "waiting");
    world.idle().await;
    // Ana is there and has room, but it is Ben's for two minutes.
    assert_eq!(stands(&reads(&ana, &id).await), "waiting");
    is_now(&world.person("agent", "ben", "default").await, "online").await.ok();
    world.idle().await;
    assert_eq!(stands(&reads(&ana, &id).await), "active ben");
    world.end().await;
}

#[tokio::test]
async fn what_nobody_with_the_skill_takes_goes_to_anybody_after_two_minutes() {
    let world = World::new().await;
    let ana = agent(&world, "ana", 5).await;
    let mut desk = ana.socket().await;
    let id = waits(&world.guest().await).await;
    world.idle().await;
    desk.asks("agent.transfer", json!({ "conversation_id": id, "skill": "german" })).await;
    world.advance(SignedDuration::from_mins(1)).await;
    assert_eq!(stands(&reads(&ana, &id).await), "waiting");
    // Nothing else happens, and yet somebody looks.
    world.advance(SignedDuration::from_mins(2)).await;
    assert_eq!(stands(&reads(&ana, &id).await), "active ana");
    world.end().await;
}

#[tokio::test]
async fn a_customers_word_takes_up_again_what_was_done_and_not_what_is_over() {
    let world = World::new().await;
    let (ana, gus) = (agent(&world, "ana", 5).await, world.guest().await);
    let id = waits(&gus).await;
    world.idle().await;
    gus.post(&path(&id, "resolve"), json!({})).await.ok();
    world.advance(SignedDuration::from_secs(1)).await;
    says(&gus, &id, "One more thing").await.ok();
    world.idle().await;
    assert_eq!(stands(&reads(&gus, &id).await), "active ana");
    ana.post(&path(&id, "archive"), json!({})).await.ok();
    assert_eq!(says(&gus, &id, "And another").await.outcome(), "409 conversation_closed");
    assert_eq!(ana.post(&path(&id, "reopen"), json!({})).await.outcome(), "409 invalid_transition");
    assert_ne!(opens(&gus).await, id);
    world.end().await;
}

#[tokio::test]
async fn the_queue_is_shown_to_agents_and_ones_place_to_whoever_waits() {
    let world = World::new().await;
    let gus = world.guest().await;
    let (first, second) = (waits(&world.guest().await).await, opens(&gus).await);
    let ana = world.person("agent", "ana", "default").await;
    let mut guest = gus.socket().await;
    guest.asks("chat.conversation.join", json!({ "conversation_id": second })).await;
    world.advance(SignedDuration::from_secs(1)).await;
    asks_for_person(&gus, &second).await;
    world.idle().await;
    assert_eq!(guest.next("chat.queue.updated").await["data"]["position"], 2);
    let urgent = json!({ "priority": "urgent" }).to_string();
    ana.send(Method::PATCH, &path(&second, ""), &[], Some(urgent)).await.ok();
    world.idle().await;
    assert_eq!(guest.next("chat.queue.updated").await["data"]["position"], 1);
    let queue = ana.get("/api/v1/chat/queue").await.ok();
    let order: Vec<_> =
        queue["data"].as_array().unwrap().iter().map(|one| one["conversation_id"].clone()).collect();
    assert_eq!(order, [json!(second), json!(first)]);
    assert_eq!(queue["data"][0]["score"]["priority"], 40);
    world.end().await;
}

#[tokio::test]
async fn participants_come_and_go_and_there_is_an_end_to_them() {
    let world = World::with([("ChatMaxParticipants".to_owned(), "2".to_owned())].into()).await;
    let (gus, ben) = (world.guest().await, world.person("agent", "ben", "default").await);
    let id = opens(&gus).await;
    let put = async |user: &str| {
        ben.send(Method::PUT, &path(&id, &format!("participants/{user}")), &[], None).await
    };
    assert_eq!(put("ben").await.outcome(), "200");
    assert_eq!(put("eve").await.outcome(), "409 too_many_participants");
    let mut desk = ben.socket().await;
    desk.asks("chat.conversation.join", json!({ "conversation_id": id })).await;
    says_on(&mut desk, &id, "b1", "I am here").await;
    let left = ben.send(Method::DELETE, &path(&id, "participants/ben"), &[], None).await;
    assert_eq!(left.status, 204);
    assert_eq!(says_on(&mut desk, &id, "b2", "still").await["error"]["code"], "not_found");
    desk.so_far().await;
    says(&gus, &id, "alone").await.ok();
    let heard = desk.so_far().await;
    assert!(!heard.iter().any(|event| event["type"] == "chat.message.created"), "{heard:?}");
    world.end().await;
}

#[tokio::test]
async fn a_customer_says_what_they_thought_of_it() {
    let world = World::new().await;
    let (gus, eve) = (world.guest().await, world.customer("eve").await);
    let id = opens(&gus).await;
    let url = path(&id, "rating");
    assert_eq!(gus.post(&url, json!({ "rating": 6 })).await.complaint(), "400 validation_failed rating");
    assert_eq!(eve.post(&url, json!({ "rating": 5 })).await.outcome(), "404 not_found");
    let rated = gus.post(&url, json!({ "rating": 4, "text": "Quick" })).await.ok();
    assert_eq!(rated["satisfaction_rating"]["score"], 4);
    world.end().await;
}

#[tokio::test]
async fn an_admin_sees_how_support_does() {
    let world = World::new().await;
    let (ana, gus) = (agent(&world, "ana", 5).await, world.guest().await);
    opens(&world.guest().await).await;
    let id = waits(&gus).await;
    world.idle().await;
    world.advance(SignedDuration::from_secs(30)).await;
    says(&ana, &id, "Hello").await.ok();
    world.idle().await;
    world.advance(SignedDuration::from_secs(30)).await;
    ana.post(&path(&id, "resolve"), json!({})).await.ok();
    gus.post(&path(&id, "rating"), json!({ "rating": 5 })).await.ok();
    let admin = world.admin().await;
    let figures = admin.get("/api/v1/chat/analytics?from=2026-01-05").await.ok();
    assert_eq!((figures["conversations"].clone(), figures["automatic"].clone()), (json!(2), json!(1)));
    assert_eq!(figures["first_response"]["average_s"], 30);
    assert_eq!(figures["agents"][0]["resolution"]["average_s"], 60);
    assert_eq!(figures["satisfaction"]["satisfied_percent"], 100);
    assert_eq!(figures["opened_by_hour"][9], 2);
    let none = admin.get("/api/v1/chat/analytics?to=2026-01-04").await;
    assert_eq!(none.ok()["conversations"], 0);
    assert_eq!(
        admin.get("/api/v1/chat/analytics?from=yesterday").await.complaint(),
        "400 validation_failed from"
    );
    world.end().await;
}
