//! Conversations: what is said, to whom, once and in order.

use jiff::SignedDuration;
use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    chat::{agent, opens, path, reads, says, says_on, stands, waits},
    world::World,
};

fn seqs(messages: &Value) -> Vec<u64> {
    messages["data"].as_array().unwrap().iter().map(|one| one["seq"].as_u64().unwrap()).collect()
}

#[tokio::test]
async fn a_guest_asks_an_agent_answers_and_both_see_it() {
    let world = World::new().await;
    let (ana, gus) = (agent(&world, "ana", 5).await, world.guest().await);
    let id = opens(&gus).await;
    let mut guest = gus.socket().await;
    let joined = guest.asks("chat.conversation.join", json!({ "conversation_id": id })).await;
    assert_eq!(joined["data"]["last_seq"], 0);
    let said = says_on(&mut guest, &id, "m1", "Is the lamp bright?").await;
    assert_eq!(said["data"]["seq"], 1);
    let heard = guest.next("chat.message.created").await;
    assert_eq!(heard["seq"], 1);
    assert_eq!(heard["data"]["message"]["content"]["text"], "Is the lamp bright?");
    assert_eq!(heard["data"]["message"]["sender_type"], "customer");

    // Nobody has an answer to that by heart: it goes to a person.
    world.idle().await;
    assert_eq!(guest.next("chat.escalated").await["data"]["reason"], "no_match");
    assert_eq!(guest.next("agent.assigned").await["data"]["agent_name"], "Agent ana");
    assert_eq!(stands(&reads(&gus, &id).await), "active ana");
    let mut desk = ana.socket().await;
    let joined = desk.asks("chat:join_conversation", json!(id)).await;
    assert_eq!(joined["data"]["unread_count"], 1);
    says_on(&mut desk, &id, "a1", "Very.").await;
    let answer = guest.next("chat.message.created").await;
    assert_eq!(answer["data"]["message"]["sender_name"], "Agent ana");
    assert_eq!(answer["data"]["message"]["sender_type"], "agent");
    world.end().await;
}

#[tokio::test]
async fn one_open_conversation_is_found_again_also_after_signing_in() {
    let world = World::new().await;
    let gus = world.guest().await;
    let first = gus.post("/api/v1/chat/conversations", json!({})).await;
    assert_eq!(first.status, 201);
    let again = gus.post("/api/v1/chat/conversations", json!({ "subject": "again" })).await;
    assert_eq!(again.status, 200);
    let id = first.text("conversation_id");
    assert_eq!(again.text("conversation_id"), id);
    let another = gus.post("/api/v1/chat/conversations", json!({ "force_new": true })).await;
    assert_eq!(another.status, 201);
    let newest = another.text("conversation_id");
    assert_ne!(newest, id);

    let ana = world.customer("ana").await;
    ana.post("/api/v1/auth/link", json!({ "guest_token": gus.token })).await.ok();
    let found = ana.post("/api/v1/chat/conversations", json!({})).await;
    assert_eq!((found.status.as_u16(), found.text("conversation_id")), (200, newest.clone()));
    world.idle().await;
    let listed = ana.get("/api/v1/chat/conversations").await.ok();
    let owners: Vec<_> =
        listed["data"].as_array().unwrap().iter().map(|one| one["customer_id"].clone()).collect();
    assert_eq!(owners, ["ana", "ana"]);
    assert_eq!(says(&ana, &id, "It is me").await.status, 201);
    world.end().await;
}

#[tokio::test]
async fn the_same_message_sent_ten_times_at_once_is_one_message() {
    let world = World::new().await;
    let gus = world.guest().await;
    let id = opens(&gus).await;
    let body = json!({ "content": "Hello", "client_message_id": "m1" });
    let url = path_of(&id);
    let sent = (0..10).map(|_| gus.insists(&url, body.clone()));
    let sent = futures_util::future::join_all(sent).await;
    assert!(sent.iter().all(|reply| reply.status == 201 && reply.body["seq"] == 1), "{sent:?}");
    let messages = gus.get(&path(&id, "messages")).await.ok();
    assert_eq!((seqs(&messages), messages["last_seq"].clone()), (vec![1], json!(1)));

    // Also after the device has said something else, if it says that it tries again.
    says(&gus, &id, "Anybody there?").await.ok();
    let mut socket = gus.socket().await;
    let again = json!({ "conversation_id": id, "content": "Hello", "client_message_id": "m1", "attempt": 2 });
    assert_eq!(socket.asks("chat.message.send", again).await["data"]["seq"], 1);
    world.end().await;
}

fn path_of(id: &str) -> String {
    path(id, "messages")
}

#[tokio::test]
async fn nobody_says_more_than_ten_things_in_ten_seconds() {
    let world = World::new().await;
    let gus = world.guest().await;
    let id = opens(&gus).await;
    let mut outcomes = vec![];
    for number in 0..12 {
        outcomes.push(says(&gus, &id, &format!("{number}")).await.outcome());
    }
    assert_eq!(outcomes[..10], ["201"; 10]);
    assert_eq!(outcomes[10..], ["429 rate_limited"; 2]);
    world.advance(SignedDuration::from_secs(1)).await;
    assert_eq!(says(&gus, &id, "and now").await.outcome(), "201");
    world.end().await;
}

#[tokio::test]
async fn read_marks_never_go_back_and_ones_own_are_not_unread() {
    let world = World::new().await;
    let (ana, gus) = (agent(&world, "ana", 5).await, world.guest().await);
    let id = waits(&gus).await;
    world.idle().await;
    for number in 0..5 {
        says(&gus, &id, &format!("{number}")).await.ok();
    }
    assert_eq!(reads(&gus, &id).await["unread_count"], 0);
    assert_eq!(reads(&ana, &id).await["unread_count"], 5);
    let mark = |seq: u64| json!({ "up_to_seq": seq }).to_string();
    let url = path(&id, "messages/read");
    let read = ana.send(Method::PUT, &url, &[], Some(mark(4))).await.ok();
    assert_eq!((read["up_to_seq"].clone(), read["unread_count"].clone()), (json!(4), json!(1)));
    let back = ana.send(Method::PUT, &url, &[], Some(mark(3))).await.ok();
    assert_eq!(back["up_to_seq"], 4);
    let beyond = ana.send(Method::PUT, &url, &[], Some(mark(99))).await.ok();
    assert_eq!((beyond["up_to_seq"].clone(), beyond["unread_count"].clone()), (json!(5), json!(0)));
    world.end().await;
}

#[tokio::test]
async fn marks_and_typing_pass_and_are_told() {
    let world = World::new().await;
    let (ana, gus) = (agent(&world, "ana", 5).await, world.guest().await);
    let id = waits(&gus).await;
    world.idle().await;
    let (mut guest, mut desk) = (gus.socket().await, ana.socket().await);
    for socket in [&mut guest, &mut desk] {
        socket.asks("chat.conversation.join", json!({ "conversation_id": id })).await;
    }
    says_on(&mut guest, &id, "m1", "Hello").await;
    let here = json!({ "conversation_id": id });
    desk.asks("message:delivered", here.clone()).await;
    assert_eq!(guest.next("chat.message.delivered").await["data"]["up_to_seq"], 1);
    desk.asks("chat.read", here.clone()).await;
    assert_eq!(guest.next("chat.message.read").await["data"]["user_id"], "ana");
    desk.asks("chat.typing", here).await;
    let typing = guest.next("chat.typing").await;
    assert_eq!(typing["data"]["is_typing"], true);
    let lasts = typing["data"]["expires_at"].as_i64().unwrap() - typing["timestamp"].as_i64().unwrap();
    assert_eq!(lasts, 5_000);
    world.end().await;
}

#[tokio::test]
async fn whoever_was_away_misses_nothing() {
    let world = World::new().await;
    let (ana, gus) = (agent(&world, "ana", 5).await, world.guest().await);
    let id = waits(&gus).await;
    world.idle().await;
    for number in 1..=3 {
        says(&ana, &id, &format!("{number}")).await.ok();
    }
    let mut guest = gus.socket().await;
    let joined = guest.asks("conversation:join", json!({ "roomId": id, "last_seq": 1 })).await;
    assert_eq!((joined["data"]["seq"].clone(), joined["data"]["unread_count"].clone()), (json!(3), json!(3)));
    let (first, second) =
        (guest.next("chat.message.created").await, guest.next("chat.message.created").await);
    let missed = [first, second].map(|event| event["seq"].clone());
    assert_eq!(missed, [json!(2), json!(3)]);
    let polled = gus.get(&format!("/api/v1/realtime/events?channel=support:{id}&after_seq=2")).await.ok();
    assert_eq!(polled["data"].as_array().unwrap().len(), 1, "{polled}");
    world.end().await;
}

#[tokio::test]
async fn whoever_is_in_a_conversation_sees_who_else_is() {
    let world = World::new().await;
    let (ana, gus) = (agent(&world, "ana", 5).await, world.guest().await);
    let id = opens(&gus).await;
    let join = json!({ "conversation_id": id });
    let (mut phone, mut laptop, mut desk) = (gus.socket().await, gus.socket().await, ana.socket().await);
    desk.asks("chat.conversation.join", join.clone()).await;
    phone.asks("chat.conversation.join", join.clone()).await;
    let came = desk.next("presence.updated").await;
    assert_eq!(came["channel"], format!("conversation:{id}"));
    assert_eq!(came["data"]["status"], "online");
    let guest = came["data"]["user_id"].clone();
    // A second device is no news, and neither is that one of two goes.
    laptop.asks("chat.conversation.join", join.clone()).await;
    phone.close().await;
    world.idle().await;
    laptop.asks("chat.conversation.leave", join).await;
    let went = desk.next("presence.updated").await;
    assert_eq!((&went["data"]["user_id"], &went["data"]["status"]), (&guest, &json!("offline")));
    world.end().await;
}

#[tokio::test]
async fn bad_words_are_delivered_as_they_are_and_marked_for_staff() {
    let world = World::new().await;
    let (ana, gus) = (agent(&world, "ana", 5).await, world.guest().await);
    let id = opens(&gus).await;
    let mut guest = gus.socket().await;
    guest.asks("chat.conversation.join", json!({ "conversation_id": id })).await;
    says_on(&mut guest, &id, "m1", "what a shit shop").await;
    says_on(&mut guest, &id, "m2", "Where is my lamp?").await;
    let heard = guest.next("chat.message.created").await;
    assert_eq!(heard["data"]["message"]["content"]["text"], "what a shit shop");
    world.idle().await;
    let read = |messages: Value| {
        let all = messages["data"].as_array().unwrap().iter();
        let told = all.filter(|one| one["sender_type"] == "customer");
        told.map(|one| format!("{} {}", one["content"]["text"], one["flags"])).collect::<Vec<_>>()
    };
    let staffs = read(ana.get(&path(&id, "messages")).await.ok());
    assert_eq!(staffs, ["\"what a shit shop\" [\"profane\"]", "\"Where is my lamp?\" null"]);
    let theirs = read(gus.get(&path(&id, "messages")).await.ok());
    assert_eq!(theirs, ["\"what a shit shop\" null", "\"Where is my lamp?\" null"]);
    world.end().await;
}

#[tokio::test]
async fn saying_something_to_thirty_asks_for_two_writes_and_one_and_a_half_reads() {
    let world = World::new().await;
    let gus = world.guest().await;
    let id = opens(&gus).await;
    let mut listeners = vec![];
    for _ in 0..30 {
        let mut listener = gus.socket().await;
        listener.asks("chat.conversation.join", json!({ "conversation_id": id })).await;
        listeners.push(listener);
    }
    says_on(&mut listeners[0], &id, "m1", "Is the lamp bright?").await;
    world.advance(SignedDuration::from_secs(1)).await;
    world.idle().await;
    world.cloud().meter().reset();
    says_on(&mut listeners[0], &id, "m2", &"bright ".repeat(60)).await;
    let rows = world.cloud().meter().snapshot().rows;
    let of_sending: Vec<_> = rows.iter().filter(|row| row.function == "WsMessage").collect();
    let written: f64 = of_sending.iter().map(|row| row.write_units).sum();
    let read: f64 = of_sending.iter().map(|row| row.read_units).sum();
    assert_eq!((written, read), (2.0, 1.5), "{of_sending:#?}");
    assert_eq!(world.requests("WsMessage", "PostToConnection"), 30);
    world.end().await;
}

#[tokio::test]
async fn a_place_whose_sender_was_cut_off_does_not_stay_a_hole() {
    let world = World::new().await;
    let gus = world.guest().await;
    let id = opens(&gus).await;
    says(&gus, &id, "one").await.ok();
    let cut = json!({ "service": "dynamodb", "operation": "PutItem", "table": "ChatTable", "kind": "crash_before", "count": 1 });
    world.fault(cut).await;
    let lost = gus.post_keyed(&path_of(&id), "lost", json!({ "content": "two" })).await;
    assert_eq!(lost.status, 500, "{lost:?}");
    world.no_faults().await;
    let ben = world.person("agent", "ben", "default").await;
    ben.send(Method::PUT, &path(&id, "participants/ben"), &[], None).await.ok();
    says(&ben, &id, "three").await.ok();

    // For ten seconds it may still come; then whoever reads fills it.
    let events = |after: u64| format!("/api/v1/realtime/events?channel=conversation:{id}&after_seq={after}");
    let early = gus.get(&events(0)).await.ok();
    assert_eq!(early["data"].as_array().unwrap().len(), 1, "{early}");
    world.advance(SignedDuration::from_secs(11)).await;
    let whole = gus.get(&events(0)).await.ok();
    let kinds: Vec<_> = whole["data"].as_array().unwrap().iter().map(|event| event["type"].clone()).collect();
    assert_eq!(kinds, ["chat.message.created", "chat.message.void", "chat.message.created"]);
    // Its sender comes back after all, and takes another place.
    let back = gus.post_keyed(&path_of(&id), "lost", json!({ "content": "two" })).await.ok();
    assert_eq!(back["seq"], 4);
    let listed = gus.get(&path(&id, "messages")).await.ok();
    assert_eq!(seqs(&listed), [1, 3, 4]);
    world.end().await;
}

#[tokio::test]
async fn messages_are_read_both_ways_page_by_page() {
    let world = World::new().await;
    let gus = world.guest().await;
    let id = opens(&gus).await;
    for number in 1..=7 {
        says(&gus, &id, &format!("{number}")).await.ok();
    }
    let page = async |query: &str| gus.get(&format!("{}?limit=3{query}", path_of(&id))).await.ok();
    let newest = page("").await;
    assert_eq!((seqs(&newest), newest["next_before_seq"].clone()), (vec![5, 6, 7], json!(5)));
    let older = page("&before_seq=5").await;
    assert_eq!((seqs(&older), older["next_before_seq"].clone()), (vec![2, 3, 4], json!(2)));
    let oldest = page("&before_seq=2").await;
    assert_eq!((seqs(&oldest), oldest["next_before_seq"].clone()), (vec![1], Value::Null));
    let newer = page("&after_seq=2").await;
    assert_eq!((seqs(&newer), newer["next_after_seq"].clone()), (vec![3, 4, 5], json!(5)));
    assert_eq!(page("&after_seq=5").await["next_after_seq"], Value::Null);
    world.end().await;
}

#[tokio::test]
async fn whoever_has_read_everything_gets_an_empty_page() {
    let world = World::new().await;
    let gus = world.guest().await;
    let id = opens(&gus).await;
    let nothing = gus.get(&format!("{}?after_seq=0", path_of(&id))).await.ok();
    assert_eq!((seqs(&nothing), nothing["last_seq"].clone()), (vec![], json!(0)));
    says(&gus, &id, "one").await.ok();
    for after in [1, 7] {
        let page = gus.get(&format!("{}?after_seq={after}", path_of(&id))).await.ok();
        assert_eq!((seqs(&page), page["last_seq"].clone()), (vec![], json!(1)), "after {after}");
    }
    world.end().await;
}

#[tokio::test]
async fn what_was_said_is_forgotten_and_that_there_was_a_conversation_stays() {
    let world = World::with([("ChatRetentionDays".to_owned(), "2".to_owned())].into()).await;
    let gus = world.guest().await;
    let id = opens(&gus).await;
    says(&gus, &id, "old").await.ok();
    world.leaps(SignedDuration::from_hours(49)).await;
    let ben = agent(&world, "ben", 5).await;
    world.idle().await;
    says(&ben, &id, "Sorry, what was it?").await.ok();
    let kept = ben.get(&path_of(&id)).await.ok();
    assert_eq!(seqs(&kept), [2]);
    assert_eq!(reads(&ben, &id).await["last_seq"], 2);
    world.end().await;
}

#[tokio::test]
async fn a_transcript_is_written_as_json_and_as_text() {
    let world = World::new().await;
    let gus = world.guest().await;
    let id = opens(&gus).await;
    says(&gus, &id, "<b>one</b>\nline").await.ok();
    let json = gus.get(&path(&id, "transcript")).await.ok();
    assert_eq!(json["messages"][0]["content"]["text"], "<b>one</b>\nline");
    let text = gus.get(&format!("{}?format=text", path(&id, "transcript"))).await;
    assert!(text.headers["content-type"].to_str().unwrap().starts_with("text/plain"));
    let text = text.body.as_str().unwrap().to_owned();
    assert!(text.ends_with(": <b>one</b>\n    line\n"), "{text}");
    world.end().await;
}

#[tokio::test]
async fn what_is_no_message_is_refused_and_not_stored() {
    let world = World::new().await;
    let gus = world.guest().await;
    let id = opens(&gus).await;
    let mut complaints = vec![];
    for body in [
        json!({ "content": "" }),
        json!({ "content": "x".repeat(1_001) }),
        json!({ "content": "hi", "type": "system" }),
        json!({ "content": "hi", "type": "shout" }),
        json!({ "content": { "text": "hi", "attachments": vec!["a"; 11] } }),
        json!({ "content": ["hi"] }),
        json!({ "content": "hi", "client_message_id": "x".repeat(65) }),
        json!({}),
    ] {
        complaints.push(gus.post(&path_of(&id), body).await.complaint());
    }
    insta::assert_debug_snapshot!(complaints, @r#"
    [
        "400 validation_failed content",
        "400 message_too_long content.text",
        "400 validation_failed type",
        "400 validation_failed type",
        "400 validation_failed content",
        "400 validation_failed content",
        "400 validation_failed client_message_id",
        "400 validation_failed content",
    ]
    "#);
    assert_eq!(reads(&gus, &id).await["last_seq"], 0);
    assert_eq!(says(&gus, &id, &"👋".repeat(1_000)).await.status, 201);
    assert_eq!(says(&gus, "cnv_none", "hi").await.outcome(), "404 not_found");
    world.end().await;
}

#[tokio::test]
async fn nobody_reads_or_writes_what_is_not_theirs() {
    let world = World::new().await;
    let (gus, eve) = (world.guest().await, world.customer("eve").await);
    let staff = world.person("agent", "ben", "default").await;
    let id = opens(&gus).await;
    says(&gus, &id, "mine").await.ok();
    let new = json!({ "type": "private", "participants": ["ana"] });
    let private = world.person("agent", "ana", "default").await;
    let private = private.post("/api/v1/chat/conversations", new).await.text("conversation_id");

    let mut table = vec![];
    for (name, person) in [("owner", &gus), ("stranger", &eve), ("agent", &staff)] {
        for (what, id) in [("support", &id), ("private", &private)] {
            let mut outcomes = vec![];
            for rest in ["", "messages", "transcript"] {
                outcomes.push(person.get(&path(id, rest)).await.status.as_u16());
            }
            outcomes.push(says(person, id, "hi").await.status.as_u16());
            for act in ["escalate", "assign", "transfer", "rating", "reopen", "archive"] {
                let body = if act == "rating" { json!({ "rating": 5 }) } else { json!({}) };
                outcomes.push(person.post(&path(id, act), body).await.status.as_u16());
            }
            let mark = Some("{}".to_owned());
            outcomes
                .push(person.send(Method::PUT, &path(id, "messages/read"), &[], mark).await.status.as_u16());
            let mut socket = person.socket().await;
            let joined = socket.asks("chat.conversation.join", json!({ "conversation_id": id })).await;
            let typed = socket.asks("chat.typing", json!({ "conversation_id": id })).await;
            let codes =
                [joined, typed].map(|reply| reply["error"]["code"].as_str().unwrap_or("ack").to_owned());
            table.push(format!("{name} {what}: {outcomes:?} {}", codes.join(" ")));
        }
    }
    // Reading it, its messages, its transcript; writing; escalate, assign, transfer, rating, reopen, archive; read mark;
    // joining by socket, typing.
    insta::assert_debug_snapshot!(table, @r#"
    [
        "owner support: [200, 200, 200, 201, 200, 403, 403, 200, 403, 403, 200] ack ack",
        "owner private: [404, 404, 404, 404, 404, 403, 403, 404, 403, 403, 404] not_found not_found",
        "stranger support: [404, 404, 404, 404, 404, 403, 403, 404, 403, 403, 404] not_found not_found",
        "stranger private: [404, 404, 404, 404, 404, 403, 403, 404, 403, 403, 404] not_found not_found",
        "agent support: [200, 200, 200, 404, 404, 409, 409, 404, 200, 200, 403] ack forbidden",
        "agent private: [404, 404, 404, 404, 404, 404, 404, 404, 404, 404, 404] not_found not_found",
    ]
    "#);
    world.end().await;
}

#[tokio::test]
async fn older_clients_talk_under_the_paths_they_know() {
    let world = World::new().await;
    let gus = world.guest().await;
    let room =
        json!({ "name": "A question", "metadata": { "initialUrl": "https://shop.example/products/lamp" } });
    let opened = gus.send(Method::POST, "/api/chat/rooms/create", &[], Some(room.to_string())).await.ok();
    assert_eq!(opened["subject"], "A question");
    let id = opened["conversation_id"].as_str().unwrap();
    let messages = format!("/api/chat/rooms/{id}/messages");
    let body = json!({ "message_type": "text", "message": "Hello" }).to_string();
    let sent = gus.send(Method::POST, &messages, &[], Some(body)).await.ok();
    assert_eq!(sent["seq"], 1);
    assert_eq!(seqs(&gus.get(&messages).await.ok()), [1]);
    let read = gus.send(Method::PUT, &format!("{messages}/read"), &[], Some("{}".into())).await.ok();
    assert_eq!(read["up_to_seq"], 1);
    assert_eq!(gus.get("/api/chat/rooms").await.ok()["data"].as_array().unwrap().len(), 1);
    assert_eq!(world.admin().await.get("/api/chat/faqs").await.ok()["data"], json!([]));
    world.end().await;
}
