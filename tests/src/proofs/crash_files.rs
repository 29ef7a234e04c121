//! Crash points of files: looking at one that was uploaded.

use serde_json::{Value, json};

use crate::{
    chat::{opens, path},
    crash::{Act, Outcome, done_wherever_it_breaks_off},
    files::{adds, announced, asks_to_add, downloads, exe, inspects, of, png, uploads},
    world::World,
};

/// A file that was uploaded, and of whom.
struct Scene {
    name: String,
    conversation: String,
    asked: Value,
}

/// Looks at it.
enum Inspect {
    Good,
    Bad,
}

impl Act for Inspect {
    type Scene = Scene;

    fn name(&self) -> String {
        match self {
            Self::Good => "inspect".to_owned(),
            Self::Bad => "refuse".to_owned(),
        }
    }

    fn functions(&self) -> &'static [&'static str] {
        &["Chat"]
    }

    async fn set_up(&self, world: &World, name: &str) -> Scene {
        let person = world.customer(name).await;
        let conversation = opens(&person).await;
        let file = match self {
            Self::Good => png(),
            Self::Bad => exe(),
        };
        let asked =
            asks_to_add(&person, &conversation, announced("lamp.png", "image/png", file.len())).await.ok();
        assert_eq!(uploads(&asked, &file).await.outcome(), "204");
        Scene { name: name.to_owned(), conversation, asked }
    }

    async fn ask(&self, world: &World, scene: &mut Scene) -> Outcome {
        let person = world.customer(&scene.name).await;
        inspects(&person, &scene.conversation, &scene.asked).await.into()
    }

    async fn check(&self, world: &World, scene: Scene, answer: Value) {
        let person = world.customer(&scene.name).await;
        let read = person.get(&of(&scene.conversation, &scene.asked)).await.ok();
        let state = |view: &Value| (view["state"].clone(), view["reason"].clone(), view["size"].clone());
        assert_eq!(state(&read), state(&answer));
        let id = scene.asked["attachment_id"].as_str().unwrap();
        let message = json!({ "type": "image", "content": { "attachments": [id] } });
        let sent = person.post(&path(&scene.conversation, "messages"), message).await;
        match self {
            Self::Good => {
                assert_eq!(read["state"], "accepted");
                assert_eq!(downloads(read["download"]["url"].as_str().unwrap()).await.body, png());
                assert_eq!(sent.status, 201);
            }
            Self::Bad => {
                assert_eq!(read["reason"], "not_what_it_says");
                assert_eq!(read["download"], Value::Null);
                assert_eq!(sent.outcome(), "400 file_rejected");
            }
        }
    }
}

#[tokio::test]
async fn a_file_has_one_verdict_wherever_looking_at_it_breaks_off() {
    done_wherever_it_breaks_off(&[Inspect::Good, Inspect::Bad], 80).await;
}

#[tokio::test]
async fn two_who_look_at_once_see_the_same() {
    let world = World::new().await;
    let person = world.customer("eve").await;
    let conversation = opens(&person).await;
    let bad = exe();
    for round in 0..5 {
        let asked = asks_to_add(&person, &conversation, announced("lamp.png", "image/png", 500)).await.ok();
        uploads(&asked, &png()).await;
        let (one, _, other) = tokio::join!(
            inspects(&person, &conversation, &asked),
            uploads(&asked, &bad),
            inspects(&person, &conversation, &asked),
        );
        let (one, other) = (one.ok(), other.ok());
        assert_eq!(one["state"], other["state"], "round {round}");
        let read = person.get(&of(&conversation, &asked)).await.ok();
        assert_eq!(read["state"], one["state"]);
        if read["state"] == "accepted" {
            assert_eq!(downloads(read["download"]["url"].as_str().unwrap()).await.body, png());
        }
    }
    let last = adds(&person, &conversation, "lamp.png", "image/png", &png()).await;
    assert_eq!(last["state"], "accepted");
    world.end().await;
}
