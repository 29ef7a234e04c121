//! What a socket must not do: floods, guesses, frames that are none. Others do not notice.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use tokio_tungstenite::tungstenite;

use crate::{socket::Socket, world::World};

async fn opens(world: &World, token: &str) -> Result<Socket, tungstenite::Error> {
    let bearer = format!("Bearer {token}");
    Socket::open(&format!("{}?v=1", world.cloud().ws_url()), &[("authorization", &bearer)]).await
}

/// Sends without waiting, and reads as many answers.
async fn flood(socket: &mut Socket, frames: &[String]) -> Vec<Value> {
    let mut answers = vec![];
    for frames in frames.chunks(256) {
        for frame in frames {
            socket.send_text(frame).await;
        }
        for _ in frames {
            answers.push(socket.frame().await.unwrap());
        }
    }
    answers
}

#[tokio::test]
async fn a_flood_is_refused_before_it_costs_anything_and_others_are_served() {
    let world = World::new().await;
    let mut flooder = world.guest().await.socket().await;
    let mut other = world.customer("ana").await.socket().await;
    world.cloud().meter().reset();
    let frames = vec![r#"{"type":"unsubscribe","data":{"channel":"test"}}"#.to_owned(); 300];
    let frames: Vec<String> = frames
        .iter()
        .enumerate()
        .map(|(n, frame)| frame.replacen('{', &format!(r#"{{"id":"{n}","#), 1))
        .collect();
    let answers = flood(&mut flooder, &frames).await;
    let refused: Vec<_> = answers.iter().filter(|answer| answer["type"] == "error").collect();
    assert_eq!(refused.len(), 300 - 39, "forty at once, of which hello was one");
    for answer in &refused {
        assert_eq!(answer["error"]["code"], "rate_limited");
        assert!(
            answer["error"]["retry_after_ms"].as_u64().is_some_and(|ms| (1..=100).contains(&ms)),
            "{answer}"
        );
    }
    // The frames that were obeyed ask four things each, the others nothing.
    assert_eq!(world.requests("WsMessage", "GetItem"), 39 * 2);
    assert_eq!(other.asks("hello", json!({})).await["type"], "connection.ready");
    world.advance(jiff::SignedDuration::from_secs(3)).await;
    assert_eq!(flooder.asks("hello", json!({})).await["type"], "connection.ready", "and then it may again");
    world.end().await;
}

#[tokio::test]
async fn whoever_goes_on_although_refused_is_hung_up_on_and_may_come_back() {
    let world = World::new().await;
    let guest = world.guest().await;
    let mut flooder = guest.socket().await;
    let mut other = world.customer("ana").await.socket().await;
    world.cloud().meter().reset();
    let mut answers = vec![];
    for _ in 0..1_000 {
        flooder.send_text("1").await;
    }
    while let Ok(answer) = flooder.frame().await {
        answers.push(answer["error"]["code"].as_str().unwrap().to_owned());
    }
    let nonsense = answers.iter().filter(|code| *code == "validation_failed").count();
    let refused = answers.iter().filter(|code| *code == "rate_limited").count();
    assert_eq!(nonsense, 39, "forty at once, of which hello was one");
    assert!((500..961).contains(&refused), "what comes while the shop hangs up is still answered: {refused}");
    assert_eq!(world.requests("WsMessage", "GetItem"), 0, "nonsense is not worth a read");
    assert_eq!(other.asks("hello", json!({})).await["type"], "connection.ready");
    assert_eq!(guest.socket().await.asks("hello", json!({})).await["type"], "connection.ready");
    world.end().await;
}

#[tokio::test]
async fn one_person_opens_no_more_than_a_hundred_sockets_at_once() {
    let world = World::new().await;
    let eve = world.customer("eve").await;
    let token = eve.token.clone().unwrap();
    let mut open = vec![];
    for n in 0..100 {
        open.push(opens(&world, &token).await.unwrap_or_else(|error| panic!("{n}: {error}")));
    }
    assert!(opens(&world, &token).await.is_err());
    open.push(world.customer("ana").await.socket().await);
    world.advance(jiff::SignedDuration::from_secs(10)).await;
    open.push(world.socket_with(&token, "").await);
    world.end().await;
}

#[tokio::test]
async fn many_sockets_of_one_person_share_what_one_person_may_say() {
    let world = World::new().await;
    let token = world.customer("eve").await.token.unwrap();
    let mut codes = vec![];
    for _ in 0..12 {
        let mut socket = opens(&world, &token).await.unwrap();
        for _ in 0..40 {
            let answer = socket.asks("unsubscribe", json!({ "channel": "test" })).await;
            codes.push(answer["error"]["code"].as_str().unwrap_or_default().to_owned());
        }
    }
    let refused = codes.iter().filter(|code| *code == "rate_limited").count();
    assert_eq!(refused, 12 * 40 - 400, "{codes:?}");
    world.end().await;
}

#[tokio::test]
async fn two_thousand_guesses_have_one_answer() {
    let world = World::new().await;
    let lamp = world.product("lamp", 9).await;
    let order = world.customer("ana").await.orders(&lamp, 1).await.ok();
    let id = order["order_id"].as_str().unwrap().to_owned();
    let mut answers = BTreeSet::new();
    let mut costs = BTreeSet::new();
    let mut tokens = vec![];
    for n in 0..3 {
        tokens.push(world.customer(&format!("eve-{n}")).await.token.unwrap());
        tokens.push(world.guest().await.token.unwrap());
    }
    // One socket may send forty at once; a guesser opens many, under many names.
    for n in 0..60 {
        let mut guesser = world.socket_with(&tokens[n % 6], "").await;
        world.cloud().meter().reset();
        for m in 0..35 {
            let guess = if (n, m) == (30, 10) { id.clone() } else { format!("ord_{n:08}{m:08}") };
            let answer = guesser.asks("subscribe", json!({ "channel": format!("order:{guess}") })).await;
            answers.insert(answer["error"].to_string());
        }
        costs.insert(world.requests("WsMessage", "GetItem"));
    }
    assert_eq!(answers.len(), 1, "{answers:?}");
    assert!(answers.first().unwrap().contains("forbidden"));
    assert_eq!(costs.len(), 1, "hers takes as long as one that is not there: {costs:?}");
    world.end().await;
}

#[tokio::test]
async fn frames_that_are_too_large_too_deep_or_binary_are_told_so() {
    let world = World::new().await;
    let ana = world.customer("ana").await;
    let mut watcher = ana.socket().await;
    let frame = |size: usize| {
        let around = json!({ "type": "hello", "data": { "client": "" } }).to_string();
        around.replace(r#""client":"""#, &format!(r#""client":"{}""#, "x".repeat(size - around.len())))
    };
    for (size, code) in [(32 * 1024 + 1, 1009), (128 * 1024 + 1, 1009)] {
        let mut socket = ana.socket().await;
        socket.send_text(&frame(size)).await;
        assert_eq!(socket.close_code().await, Some(code), "{size} bytes");
    }
    let mut socket = ana.socket().await;
    socket.send_bytes(b"{\"type\":\"hello\"}").await;
    assert_eq!(socket.close_code().await, Some(1003));

    let mut socket = ana.socket().await;
    let deep = format!(r#"{{"type":"subscribe","data":{}{}}}"#, "[".repeat(10_000), "]".repeat(10_000));
    let numbers = r#"{"id":"n","type":"resume","data":{"channels":[{"channel":"test","last_seq":1e400}]}}"#;
    let negative = r#"{"id":"n","type":"resume","data":{"channels":[{"channel":"test","last_seq":-1}]}}"#;
    let channel = format!(r#"{{"type":"subscribe","data":{{"channel":"{}"}}}}"#, "x".repeat(20_000));
    for wrong in [
        deep.as_str(),
        numbers,
        negative,
        &channel,
        r#"{"type":"subscribe","data":{"channel":"order:ord_\u0000"}}"#,
    ] {
        socket.send_text(wrong).await;
        let answer = socket.frame().await.unwrap();
        assert_eq!(answer["error"]["code"], "validation_failed", "{answer}");
        assert!(answer.to_string().len() < 500, "the answer does not repeat the question: {answer}");
    }
    let highest = json!({ "channels": [{ "channel": "user:ana", "last_seq": u64::MAX }] });
    assert_eq!(socket.asks("resume", highest).await["type"], "ack");
    assert_eq!(socket.any_event().await["type"], "resync_required");
    assert_eq!(watcher.asks("hello", json!({})).await["type"], "connection.ready");
    world.end().await;
}
