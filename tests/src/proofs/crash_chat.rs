//! Crash points of the chat: saying something, and having, handing on and ending a conversation.

use std::collections::BTreeSet;

use jiff::SignedDuration;
use serde_json::{Value, json};

use crate::{
    chat::{agent, asks_for_person, is_now, opens, path, reads, stands},
    crash::{Act, Outcome, done_wherever_it_breaks_off},
    socket::Socket,
    world::{Person, World},
};

/// A customer's conversation, and an agent of the same name with `-agent` behind it.
struct Scene {
    name: String,
    id: String,
    socket: Socket,
    tries: u32,
}

impl Scene {
    fn agent(&self) -> String {
        agent_of(&self.name)
    }

    /// How many conversations an agent has, by the counter and by what is listed.
    async fn counts(world: &World, agent: &str) -> (u64, usize) {
        let admin = world.admin().await;
        let counted = admin.get(&format!("/api/v1/chat/agents/{agent}")).await.ok();
        let listed =
            admin.get(&format!("/api/v1/chat/conversations?assigned={agent}&status=active")).await.ok();
        (counted["current_conversations"].as_u64().unwrap(), listed["data"].as_array().unwrap().len())
    }

    /// The conversation stands as it should and the counters agree; nobody of this scene is there any more.
    async fn ends(self, world: &World, stands_as: &str, agents: &[(&str, u64)]) {
        let admin = world.admin().await;
        assert_eq!(stands(&reads(&admin, &self.id).await), stands_as);
        for (agent, has) in agents {
            assert_eq!(Self::counts(world, agent).await, (*has, usize::try_from(*has).unwrap()), "{agent}");
        }
        admin.post(&path(&self.id, "archive"), json!({})).await.ok();
        for (agent, _) in agents {
            is_now(&world.person("agent", agent, "default").await, "offline").await.ok();
            world.idle().await;
            assert_eq!(Self::counts(world, agent).await, (0, 0), "{agent}");
        }
        self.socket.close().await;
        world.idle().await;
    }
}

fn agent_of(name: &str) -> String {
    format!("{name}-a")
}

/// A customer with an open conversation and an agent who is there.
async fn scene(world: &World, name: &str) -> Scene {
    agent(world, &agent_of(name), 5).await;
    let id = opens(&world.customer(name).await).await;
    let socket = world.person("agent", &agent_of(name), "default").await.socket().await;
    Scene { name: name.to_owned(), id, socket, tries: 0 }
}

async fn agent_person<'a>(world: &'a World, scene: &Scene) -> Person<'a> {
    world.person("agent", &scene.agent(), "default").await
}

/// Says something on a socket.
struct Say;

impl Act for Say {
    type Scene = Scene;

    fn name(&self) -> String {
        "say".to_owned()
    }

    fn functions(&self) -> &'static [&'static str] {
        &["WsMessage"]
    }

    async fn set_up(&self, world: &World, name: &str) -> Scene {
        let ana = world.customer(name).await;
        let id = opens(&ana).await;
        let mut socket = ana.socket().await;
        socket.asks("chat.conversation.join", json!({ "conversation_id": id })).await;
        Scene { name: name.to_owned(), id, socket, tries: 0 }
    }

    async fn ask(&self, _: &World, scene: &mut Scene) -> Outcome {
        scene.tries += 1;
        let said = json!({
            "conversation_id": scene.id, "content": "hello", "client_message_id": "m1", "attempt": scene.tries
        });
        match scene.socket.tries("chat.message.send", said).await {
            Some(reply) if reply["type"] == "ack" => Outcome::Done(reply),
            Some(reply) => {
                let code = reply["error"]["code"].as_str().unwrap();
                assert!(["upstream_unavailable", "rate_limited"].contains(&code), "{reply}");
                Outcome::Again(SignedDuration::from_secs(1))
            }
            None => Outcome::Again(SignedDuration::ZERO),
        }
    }

    async fn check(&self, world: &World, mut scene: Scene, answer: Value) {
        let ana = world.customer(&scene.name).await;
        let messages = ana.get(&path(&scene.id, "messages")).await.ok();
        let said: Vec<_> =
            messages["data"].as_array().unwrap().iter().filter(|one| one["type"] == "text").collect();
        assert_eq!(said.len(), 1, "{messages}");
        assert_eq!(said[0]["seq"], answer["data"]["seq"]);
        let heard = scene.socket.so_far().await;
        let heard = heard.iter().filter(|event| event["type"] == "chat.message.created");
        let ids: BTreeSet<_> = heard.map(|event| event["id"].as_str().unwrap()).collect();
        assert_eq!(ids.len(), 1, "at least once, and always the same event");
        ana.post(&path(&scene.id, "resolve"), json!({})).await.ok();
        scene.socket.close().await;
    }
}

/// Gives a conversation to an agent, hands it to another, ends it: what is asked over HTTP.
enum Desk {
    Assign,
    Transfer,
    Resolve,
}

impl Desk {
    async fn take(world: &World, scene: &Scene) {
        let body = json!({ "agent_id": scene.agent() });
        agent_person(world, scene).await.post(&path(&scene.id, "assign"), body).await.ok();
    }

    fn other(scene: &Scene) -> String {
        format!("{}-b", scene.name)
    }
}

impl Act for Desk {
    type Scene = Scene;

    fn name(&self) -> String {
        match self {
            Self::Assign => "assign",
            Self::Transfer => "transfer",
            Self::Resolve => "resolve",
        }
        .to_owned()
    }

    fn functions(&self) -> &'static [&'static str] {
        &["Chat"]
    }

    async fn set_up(&self, world: &World, name: &str) -> Scene {
        let scene = scene(world, name).await;
        match self {
            Self::Assign => {}
            Self::Transfer => {
                Self::take(world, &scene).await;
                agent(world, &Self::other(&scene), 5).await;
            }
            Self::Resolve => Self::take(world, &scene).await,
        }
        scene
    }

    async fn ask(&self, world: &World, scene: &mut Scene) -> Outcome {
        let body = match self {
            Self::Assign => json!({ "agent_id": scene.agent() }),
            Self::Transfer => json!({ "to_agent": Self::other(scene) }),
            Self::Resolve => json!({}),
        };
        agent_person(world, scene).await.post(&path(&scene.id, &self.name()), body).await.into()
    }

    async fn check(&self, world: &World, scene: Scene, _: Value) {
        let (own, other) = (scene.agent(), Self::other(&scene));
        let has = format!("active {own}");
        match self {
            Self::Assign => scene.ends(world, &has, &[(&own, 1)]).await,
            Self::Transfer => {
                scene.ends(world, &format!("active {other}"), &[(&own, 0), (&other, 1)]).await;
            }
            Self::Resolve => scene.ends(world, &format!("resolved {own}"), &[(&own, 0)]).await,
        }
    }
}

/// A person is wanted, and the relay gives the conversation to whoever is there.
struct Route;

impl Act for Route {
    type Scene = Scene;

    fn name(&self) -> String {
        "route".to_owned()
    }

    fn functions(&self) -> &'static [&'static str] {
        &["Relay"]
    }

    fn taken_up_within(&self) -> SignedDuration {
        SignedDuration::from_mins(3)
    }

    async fn set_up(&self, world: &World, name: &str) -> Scene {
        scene(world, name).await
    }

    async fn ask(&self, world: &World, scene: &mut Scene) -> Outcome {
        let ana = world.customer(&scene.name).await;
        Outcome::Done(asks_for_person(&ana, &scene.id).await)
    }

    async fn check(&self, world: &World, scene: Scene, _: Value) {
        let own = scene.agent();
        scene.ends(world, &format!("active {own}"), &[(&own, 1)]).await;
    }
}

#[tokio::test]
async fn a_message_is_one_message_wherever_sending_it_breaks_off() {
    done_wherever_it_breaks_off(&[Say], 25).await;
}

#[tokio::test]
async fn a_slot_is_taken_and_freed_once_wherever_that_breaks_off() {
    done_wherever_it_breaks_off(&[Desk::Assign, Desk::Transfer, Desk::Resolve], 60).await;
}

#[tokio::test]
async fn whoever_waits_is_given_to_whoever_is_there_wherever_the_relay_breaks_off() {
    done_wherever_it_breaks_off(&[Route], 30).await;
}
