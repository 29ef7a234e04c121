//! The desk under random acts of many at once: whatever happens in whatever order, an agent's number is the number of
//! conversations they have, and nobody has more than they can.

use std::collections::BTreeMap;

use jiff::SignedDuration;
use rand::{Rng, SeedableRng, rngs::StdRng};
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::{
    chat::{agent, is_now, opens, path, says},
    world::{Person, World},
};

const AGENTS: [&str; 3] = ["ana", "ben", "eve"];
const LIMIT: u32 = 4;
/// People who act at once, and what each of them does.
const HANDS: u64 = 8;
const ACTS: usize = 1_250;

/// What one hand does: acts on conversations that all hands share.
async fn acts(world: &World, staff: &[Person<'_>], customers: &[(Person<'_>, String)], mut dice: StdRng) {
    for _ in 0..ACTS {
        let (customer, id) = &customers[dice.random_range(0..customers.len())];
        let staff_member = &staff[dice.random_range(0..staff.len())];
        let other = AGENTS[dice.random_range(0..AGENTS.len())];
        let reply = match dice.random_range(0..12) {
            0 | 1 => customer.post(&path(id, "escalate"), json!({})).await,
            2 => customer.post(&path(id, "resolve"), json!({})).await,
            3 => says(customer, id, "hello").await,
            4 | 5 => staff_member.post(&path(id, "assign"), json!({ "agent_id": other })).await,
            6 => staff_member.post(&path(id, "assign"), json!({})).await,
            7 => staff_member.post(&path(id, "transfer"), json!({ "to_agent": other })).await,
            8 => staff_member.post(&path(id, "transfer"), json!({})).await,
            9 => staff_member.post(&path(id, "resolve"), json!({})).await,
            10 => staff_member.post(&path(id, "reopen"), json!({})).await,
            _ => is_now(staff_member, ["online", "busy", "offline"][dice.random_range(0..3)]).await,
        };
        assert!(!reply.status.is_server_error(), "{reply:?}");
        let is_refusal = [StatusCode::CONFLICT, StatusCode::TOO_MANY_REQUESTS, StatusCode::NOT_FOUND];
        assert!(reply.status.is_success() || is_refusal.contains(&reply.status), "{reply:?}");
    }
    world.idle().await;
}

/// How many conversations each agent has, by what is listed.
async fn listed(admin: &Person<'_>) -> BTreeMap<String, u64> {
    let mut has = BTreeMap::new();
    let mut cursor = String::new();
    loop {
        let page =
            admin.get(&format!("/api/v1/chat/conversations?status=active&limit=100{cursor}")).await.ok();
        for one in page["data"].as_array().unwrap() {
            *has.entry(one["agent_id"].as_str().unwrap().to_owned()).or_default() += 1;
        }
        let Some(next) = page["next_cursor"].as_str() else { return has };
        cursor = format!("&cursor={next}");
    }
}

#[tokio::test]
async fn an_agents_number_is_the_number_of_their_conversations_whatever_happens() {
    let world = World::new().await;
    let mut staff = vec![];
    for name in AGENTS {
        staff.push(agent(&world, name, LIMIT).await);
    }
    let mut customers = vec![];
    for number in 0..20 {
        let customer = world.customer(&format!("c{number}")).await;
        let id = opens(&customer).await;
        customers.push((customer, id));
    }
    let hands = (0..HANDS).map(|hand| acts(&world, &staff, &customers, StdRng::seed_from_u64(hand)));
    futures_util::future::join_all(hands).await;
    world.idle().await;

    let admin = world.admin().await;
    let has = listed(&admin).await;
    let agents = admin.get("/api/v1/chat/agents").await.ok();
    for one in agents["data"].as_array().unwrap() {
        let (name, counted) =
            (one["agent_id"].as_str().unwrap(), one["current_conversations"].as_u64().unwrap());
        assert_eq!(counted, has.get(name).copied().unwrap_or_default(), "{name}");
        assert!(counted <= u64::from(LIMIT), "{name}");
    }
    // Whoever is offline has none, and nobody waits while somebody who is online has room.
    let offline = |one: &Value| one["status"] == "offline" && one["current_conversations"] != 0;
    assert!(!agents["data"].as_array().unwrap().iter().any(offline), "{agents}");
    let queue = admin.get("/api/v1/chat/queue").await.ok();
    let has_room =
        |one: &Value| one["status"] == "online" && one["current_conversations"].as_u64() < Some(LIMIT.into());
    let waits = !queue["data"].as_array().unwrap().is_empty();
    assert!(!(waits && agents["data"].as_array().unwrap().iter().any(has_room)), "{agents} {queue}");
    world.advance(SignedDuration::from_secs(1)).await;
    world.end().await;
}
