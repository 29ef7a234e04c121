//! People who talk: what stories about conversations share.

use reqwest::Method;
use serde_json::{Value, json};

use crate::world::{Person, Reply, Socket, World};

/// Opens a conversation with the shop's support; says which.
pub async fn opens(person: &Person<'_>) -> String {
    person.post("/api/v1/chat/conversations", json!({})).await.text("conversation_id")
}

/// Asks for a person in a new conversation.
pub async fn waits(person: &Person<'_>) -> String {
    let id = opens(person).await;
    asks_for_person(person, &id).await;
    id
}

pub async fn asks_for_person(person: &Person<'_>, id: &str) -> Value {
    person.post(&path(id, "escalate"), json!({})).await.ok()
}

pub fn path(id: &str, rest: &str) -> String {
    format!("/api/v1/chat/conversations/{id}/{rest}").trim_end_matches('/').to_owned()
}

pub async fn reads(person: &Person<'_>, id: &str) -> Value {
    person.get(&path(id, "")).await.ok()
}

/// Says something over HTTP.
pub async fn says(person: &Person<'_>, id: &str, text: &str) -> Reply {
    person.post(&path(id, "messages"), json!({ "content": text })).await
}

/// Says something on a socket, under a name.
pub async fn says_on(socket: &mut Socket, id: &str, name: &str, text: &str) -> Value {
    let data = json!({ "conversation_id": id, "content": { "text": text }, "client_message_id": name });
    socket.asks("chat.message.send", data).await
}

/// An agent who takes so many conversations at once.
pub async fn agent<'a>(world: &'a World, name: &str, limit: u32) -> Person<'a> {
    let admin = world.admin().await;
    let profile = json!({ "name": format!("Agent {name}"), "concurrent_limit": limit });
    admin
        .send(Method::PUT, &format!("/api/v1/chat/agents/{name}"), &[], Some(profile.to_string()))
        .await
        .ok();
    let agent = world.person("agent", name, "default").await;
    is_now(&agent, "online").await.ok();
    agent
}

/// Says whether they take conversations.
pub async fn is_now(agent: &Person<'_>, status: &str) -> Reply {
    let body = json!({ "status": status }).to_string();
    agent.send(Method::PUT, "/api/v1/chat/agents/me/status", &[], Some(body)).await
}

/// `waiting`, `active ana`.
pub fn stands(conversation: &Value) -> String {
    let status = conversation["status"].as_str().unwrap();
    match conversation["agent_id"].as_str() {
        Some(agent) => format!("{status} {agent}"),
        None => status.to_owned(),
    }
}
