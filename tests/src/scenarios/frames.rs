//! Who may say what on a socket: every frame that a client can send, about every kind of channel, by everybody.
//!
//! The table below is what a reviewer reads when a frame or a channel is added; one without a line in it is a red test.

use std::{collections::BTreeSet, fmt::Write};

use domain::Channel;
use serde_json::{Value, json};

use crate::world::{Person, World};

/// Every frame that the contract lets a client send.
fn commands() -> Vec<String> {
    let document = contract::asyncapi::document();
    let messages = document["operations"]["send"]["messages"].as_array().unwrap().iter();
    let names = messages.map(|message| message["$ref"].as_str().unwrap().rsplit('/').next().unwrap());
    names.map(|name| name.replace("~1", "/").replace("~0", "~")).collect()
}

/// What is Ana's.
struct Hers {
    order: String,
    conversation: String,
}

impl Hers {
    /// A channel or an id, without what is different every time.
    fn hide(&self, text: &str) -> String {
        text.replace(&self.order, "(Ana's)").replace(&self.conversation, "(Ana's)")
    }
}

/// One channel of every kind, and some that are somebody's in particular.
fn channels(hers: &Hers) -> Vec<String> {
    let names = [
        "user:ana",
        &format!("conversation:{}", hers.conversation),
        "conversation:cnv_none",
        &format!("order:{}", hers.order),
        "order:ord_none",
        "product:lamp",
        "inventory",
        "shop:default",
        "shop:acme",
        "agents",
        "admin",
        "test",
        "custom.sale",
    ];
    let kinds: BTreeSet<usize> = names.iter().map(|name| kind(&Channel::parse(name).unwrap())).collect();
    assert_eq!(kinds, (0..KINDS).collect(), "there is a kind of channel that nobody asks for");
    names.map(str::to_owned).to_vec()
}

const KINDS: usize = 9;

/// A new kind of channel does not compile here until it has a number, and then fails until it has a line.
const fn kind(channel: &Channel) -> usize {
    match channel {
        Channel::User(_) => 0,
        Channel::Order(_) => 1,
        Channel::Product(_) => 2,
        Channel::Inventory => 3,
        Channel::Shop(_) => 4,
        Channel::Agents => 5,
        Channel::Admin => 6,
        Channel::Custom(_) => 7,
        Channel::Conversation(_) => 8,
    }
}

/// What a frame is about, with data that makes sense, so that what is decided is who may say it.
fn frames(command: &str, hers: &Hers) -> Vec<(String, Value)> {
    let about_channels = |data: fn(&str) -> Value| {
        channels(hers).into_iter().map(|channel| (hers.hide(&channel), data(&channel))).collect()
    };
    let about_conversations = |more: Value| {
        let about = |id: &str| {
            let mut data = more.clone();
            data["conversation_id"] = json!(id);
            (hers.hide(id), data)
        };
        vec![about(&hers.conversation), about("cnv_none")]
    };
    let one = |what: &str, data: Value| vec![(what.to_owned(), data)];
    match command {
        "hello" => one("", json!({ "client": "test", "version": "1" })),
        "ping" => one("", json!({})),
        "presence.set" => one("", json!({ "status": "away" })),
        "subscribe" | "unsubscribe" => about_channels(|channel| json!({ "channel": channel })),
        "resume" => about_channels(|channel| json!({ "channels": [{ "channel": channel, "last_seq": 0 }] })),
        "product:track" | "product:untrack" => one("lamp", json!("lamp")),
        "order:track" => {
            vec![
                ("(Ana's)".into(), json!({ "order_id": hers.order })),
                ("ord_none".into(), json!("ord_none")),
            ]
        }
        "agent.set_status" => one("", json!({ "status": "online" })),
        "notification.read" => {
            vec![
                ("all".into(), json!({ "all": true })),
                ("ntf_none".into(), json!({ "notification_id": "ntf_none" })),
            ]
        }
        "chat.message.send" => {
            about_conversations(json!({ "content": "hello", "client_message_id": "same" }))
        }
        "agent.transfer" => about_conversations(json!({ "skill": "german" })),
        "chat.conversation.join"
        | "chat.conversation.leave"
        | "chat.message.delivered"
        | "chat.read"
        | "chat.typing"
        | "agent.accept" => about_conversations(json!({})),
        new => panic!("{new} has no line in the table of who may say it: what does it carry?"),
    }
}

/// `ack`, or the code with which it was refused.
async fn outcome(person: &Person<'_>, command: &str, frames: &[(String, Value)]) -> Vec<String> {
    // A socket for each kind of frame: no limit of one connection is reached, and none hears of the others.
    let mut socket = person.socket().await;
    let mut outcomes = vec![];
    for (_, data) in frames {
        let reply = match command {
            // The gateway answers it by itself, without saying to what.
            "ping" => {
                socket.send_text(r#"{"type":"ping"}"#).await;
                socket.next("pong").await
            }
            _ => socket.asks(command, data.clone()).await,
        };
        let kind = reply["type"].as_str().unwrap();
        outcomes.push(reply["error"]["code"].as_str().unwrap_or(kind).to_owned());
    }
    socket.close().await;
    outcomes
}

#[tokio::test]
async fn every_frame_decides_who_may_say_it() {
    let two = [
        ("Shops", "default,acme"),
        ("JwtShops", "default,acme"),
        ("ShopKeys", "pk_acme=acme,pk_default=default"),
        ("ShopHosts", "127.0.0.1=default"),
        // Nobody takes part in what they did not join themselves.
        ("ChatAutoAssign", "false"),
    ];
    let world = World::with(two.map(|(name, value)| (name.to_owned(), value.to_owned())).into()).await;
    let lamp = world.product("lamp", 5).await;
    let ana = world.customer("ana").await;
    let order = ana.orders(&lamp, 1).await.text("order_id");
    let hers = Hers { order, conversation: crate::chat::opens(&ana).await };
    let people = [
        ("guest", world.guest().await),
        ("stranger", world.customer("eve").await),
        ("owner", ana),
        ("agent", world.person("agent", "gus", "default").await),
        ("other shop", world.person("admin", "olga", "acme").await),
        ("service", world.service(&["realtime:write"]).await),
        ("admin", world.admin().await),
    ];
    let mut table = format!("{:<32}", "");
    for (name, _) in &people {
        write!(table, "{name:>17}").unwrap();
    }
    for command in commands() {
        let frames = frames(&command, &hers);
        let mut columns = vec![];
        for (_, person) in &people {
            columns.push(outcome(person, &command, &frames).await);
        }
        for (line, (about, _)) in frames.iter().enumerate() {
            write!(table, "\n{:<32}", format!("{command} {about}").trim_end()).unwrap();
            for column in &columns {
                write!(table, "{:>17}", column[line]).unwrap();
            }
        }
    }
    insta::assert_snapshot!(table);
    assert!(!table.contains("internal_error") && !table.contains("upstream_unavailable"));
    world.end().await;
}

#[tokio::test]
async fn whoever_may_not_open_a_socket_says_nothing_at_all() {
    let world = World::new().await;
    let tickets = "/api/v1/realtime/tickets";
    let without = world.service(&["inventory:read"]).await;
    assert_eq!(without.post(tickets, json!({})).await.outcome(), "403 forbidden");
    assert_eq!(world.nobody().post(tickets, json!({})).await.outcome(), "401 unauthenticated");
    let url = world.guest().await.post(tickets, json!({})).await.text("url");
    let url = url.split('?').next().unwrap();
    for ticket in ["", "?ticket=tkt_default.none", "?ticket=nonsense"] {
        assert!(crate::world::Socket::open(&format!("{url}{ticket}"), &[]).await.is_err(), "{ticket}");
    }
    world.end().await;
}
