//! Files in conversations: nothing reaches anybody that was not looked at.

use jiff::SignedDuration;
use serde_json::{Value, json};

use crate::{
    chat::{agent, opens, path, waits},
    files::{
        adds, announced, asks_to_add, downloads, exe, fields, inspects, of, pdf, png, preflights, sends_form,
        uploads,
    },
    world::{Person, Reply, World},
};

fn id(file: &Value) -> &str {
    file["attachment_id"].as_str().unwrap()
}

fn link(file: &Value) -> &str {
    file["download"]["url"].as_str().unwrap()
}

async fn sends(person: &Person<'_>, conversation: &str, kind: &str, files: &[&str]) -> Reply {
    let message = json!({ "type": kind, "content": { "attachments": files } });
    person.post(&path(conversation, "messages"), message).await
}

/// Code, field and its code.
fn complaint(reply: &Reply) -> String {
    let code = reply.body["errors"][0]["code"].as_str().unwrap_or_default();
    format!("{} {code}", reply.complaint()).trim_end().to_owned()
}

#[tokio::test]
async fn a_picture_goes_from_a_page_to_the_other_side() {
    let world = World::new().await;
    let (ana, gus) = (agent(&world, "ana", 5).await, world.guest().await);
    let conversation = waits(&gus).await;
    world.idle().await;
    let mut desk = ana.socket().await;
    desk.asks("chat.conversation.join", json!({ "conversation_id": conversation })).await;

    let asked = asks_to_add(&gus, &conversation, announced("Lampe an.png", "image/png", 70)).await;
    assert_eq!(asked.status, 201);
    let asked = asked.body;
    let url = asked["upload"]["url"].as_str().unwrap();
    let allowed = preflights(url, "http://localhost:3000").await;
    assert_eq!(allowed.header("access-control-allow-origin"), "http://localhost:3000");
    let refused = preflights(url, "https://elsewhere.example").await;
    assert_eq!(refused.header("access-control-allow-origin"), "");
    let uploaded = uploads(&asked, &png()).await;
    assert_eq!(uploaded.outcome(), "204");
    assert_eq!(uploaded.header("access-control-allow-origin"), "http://localhost:3000");
    let file = inspects(&gus, &conversation, &asked).await.ok();
    assert_eq!(file["state"], "accepted");

    sends(&gus, &conversation, "image", &[id(&asked)]).await.ok();
    let heard = desk.next("chat.message.created").await;
    let carried = &heard["data"]["message"]["content"]["attachments"];
    let size = png().len();
    assert_eq!(
        carried,
        &json!([{ "attachment_id": id(&asked), "file_name": "Lampe an.png", "mime_type": "image/png", "size": size }])
    );
    let read = ana.get(&of(&conversation, &asked)).await.ok();
    let download = downloads(link(&read)).await;
    assert_eq!(download.body, png());
    assert_eq!(download.header("content-type"), "image/png");
    assert_eq!(
        download.header("content-disposition"),
        "attachment; filename=\"Lampe_an.png\"; filename*=UTF-8''Lampe%20an.png"
    );
    let transcript = gus.get(&path(&conversation, "transcript?format=text")).await.body;
    assert!(transcript.as_str().unwrap().contains(": [Lampe an.png]\n"), "{transcript}");
    world.end().await;
}

#[tokio::test]
async fn what_is_not_what_it_says_is_refused_for_good() {
    let world = World::new().await;
    let gus = world.guest().await;
    let conversation = opens(&gus).await;
    let script = b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>".to_vec();
    let behind = [png(), b"PK\x05\x06".to_vec(), vec![0; 18]].concat();
    let page = b"<!doctype html><p>hello".to_vec();
    let mut verdicts = vec![];
    for (name, mime_type, file) in [
        ("lamp.png", "image/png", exe()),
        ("lamp.png", "image/png", script),
        ("lamp.png", "image/png", behind),
        ("lamp.png", "image/png", png()[..60].to_vec()),
        ("bill.pdf", "application/pdf", page),
        ("lamp.jpg", "image/jpeg", png()),
    ] {
        let file = adds(&gus, &conversation, name, mime_type, &file).await;
        verdicts.push(format!("{} {}", file["state"].as_str().unwrap(), file["reason"].as_str().unwrap()));
        assert_eq!(file["download"], Value::Null);
        let again = inspects(&gus, &conversation, &file).await.ok();
        assert_eq!(again, file);
        let sent = sends(&gus, &conversation, "file", &[id(&file)]).await;
        assert!(complaint(&sent).starts_with("400 file_rejected content.attachments[0]"), "{}", sent.body);
    }
    insta::assert_debug_snapshot!(verdicts, @r#"
    [
        "rejected not_what_it_says",
        "rejected not_what_it_says",
        "rejected has_more",
        "rejected broken",
        "rejected not_what_it_says",
        "rejected not_what_it_says",
    ]
    "#);
    let left = std::fs::read_dir(world.cloud().data().join("objects")).unwrap().count();
    assert_eq!(left, 0, "what is refused is removed");
    world.end().await;
}

#[tokio::test]
async fn what_the_shop_does_not_take_is_refused_before_it_is_uploaded() {
    let world = World::new().await;
    let gus = world.guest().await;
    let conversation = opens(&gus).await;
    let mut complaints = vec![];
    for (name, mime_type, size) in [
        ("lamp.svg", "image/svg+xml", 70),
        ("lamp.exe", "image/png", 70),
        ("../lamp.png", "image/png", 70),
        ("lamp.png", "image/png", 0),
        ("lamp.png", "image/png", 5_242_881),
    ] {
        let asked = asks_to_add(&gus, &conversation, announced(name, mime_type, size)).await;
        complaints.push(complaint(&asked));
    }
    complaints.push(complaint(&asks_to_add(&gus, &conversation, json!({})).await));
    insta::assert_debug_snapshot!(complaints, @r#"
    [
        "400 file_rejected mime_type type_not_allowed",
        "400 file_rejected file_name name_differs",
        "400 validation_failed file_name invalid",
        "400 file_rejected size empty",
        "400 file_rejected size too_large",
        "400 validation_failed file_name required",
    ]
    "#);
    world.end().await;
}

#[tokio::test]
async fn a_shop_that_takes_no_files_says_so() {
    let off = [("ChatFileSharing".to_owned(), "false".to_owned())];
    let world = World::with(off.into()).await;
    let gus = world.guest().await;
    let conversation = opens(&gus).await;
    let asked = asks_to_add(&gus, &conversation, announced("lamp.png", "image/png", 70)).await;
    assert_eq!(asked.outcome(), "400 file_rejected");
    assert_eq!(asked.body["detail"], "this shop takes no files");
    world.end().await;
}

#[tokio::test]
async fn a_form_takes_only_what_was_announced() {
    let world = World::new().await;
    let gus = world.guest().await;
    let conversation = opens(&gus).await;
    let file = png();
    let asked = asks_to_add(&gus, &conversation, announced("lamp.png", "image/png", file.len())).await.ok();
    let url = asked["upload"]["url"].as_str().unwrap();
    let with = |name: &str, value: &str| {
        let mut fields = fields(&asked);
        fields.retain(|(own, _)| own != name);
        fields.push((name.to_owned(), value.to_owned()));
        fields
    };
    let without = |name: &str| {
        let mut fields = fields(&asked);
        fields.retain(|(own, _)| own != name);
        fields
    };
    let wider = "eyJleHBpcmF0aW9uIjoiMjA5OS0wMS0wMVQwMDowMDowMFoiLCJjb25kaXRpb25zIjpbXX0=";
    let mut outcomes = vec![];
    for (fields, file) in [
        (fields(&asked), [&file[..], b"\0"].concat()),
        (fields(&asked), vec![]),
        (with("Content-Type", "text/html"), file.clone()),
        (with("key", "files/default/page.html"), file.clone()),
        (with("acl", "public-read"), file.clone()),
        (with("policy", wider), file.clone()),
        (without("policy"), file.clone()),
    ] {
        let outcome = sends_form(url, &fields, &file).await.outcome();
        outcomes.push(outcome.split(" Condition failed").next().unwrap().to_owned());
    }
    world.advance(SignedDuration::from_mins(11)).await;
    outcomes.push(uploads(&asked, &file).await.outcome());
    insta::assert_debug_snapshot!(outcomes, @r#"
    [
        "400 EntityTooLarge: Your proposed upload exceeds the maximum allowed size",
        "400 EntityTooSmall: Your proposed upload is smaller than the minimum allowed size",
        "403 AccessDenied: Invalid according to Policy: Policy",
        "403 AccessDenied: Invalid according to Policy: Policy",
        "403 AccessDenied: Invalid according to Policy: Extra input fields: acl",
        "403 SignatureDoesNotMatch: The request signature we calculated does not match the signature you provided.",
        "403 AccessDenied: Access Denied",
        "403 AccessDenied: Invalid according to Policy: Policy expired.",
    ]
    "#);
    let nothing = inspects(&gus, &conversation, &asked).await;
    assert_eq!(nothing.outcome(), "409 invalid_transition");
    world.end().await;
}

#[tokio::test]
async fn what_is_uploaded_after_the_inspection_reaches_nobody() {
    let world = World::new().await;
    let gus = world.guest().await;
    let conversation = opens(&gus).await;
    let good = png();
    let asked = asks_to_add(&gus, &conversation, announced("lamp.png", "image/png", 200)).await.ok();
    uploads(&asked, &good).await;
    let file = inspects(&gus, &conversation, &asked).await.ok();
    assert_eq!((&file["state"], &file["size"]), (&json!("accepted"), &json!(good.len())));
    assert_eq!(uploads(&asked, &exe()).await.outcome(), "204");
    assert_eq!(inspects(&gus, &conversation, &asked).await.ok()["state"], "accepted");
    let read = gus.get(&of(&conversation, &asked)).await.ok();
    assert_eq!(downloads(link(&read)).await.body, good);
    world.end().await;
}

#[tokio::test]
async fn a_message_carries_only_ones_own_inspected_files() {
    let world = World::new().await;
    let (eve, ana) = (world.customer("eve").await, world.customer("ana").await);
    let conversation = opens(&eve).await;
    let elsewhere = opens(&ana).await;
    let picture = adds(&eve, &conversation, "lamp.png", "image/png", &png()).await;
    let bill = adds(&eve, &conversation, "bill.pdf", "application/pdf", &pdf()).await;
    let pending = asks_to_add(&eve, &conversation, announced("b.png", "image/png", 70)).await.ok();
    let anas = adds(&ana, &elsewhere, "lamp.png", "image/png", &png()).await;
    let gus = agent(&world, "gus", 5).await;
    crate::chat::asks_for_person(&eve, &conversation).await;
    world.idle().await;
    let others = adds(&gus, &conversation, "how.pdf", "application/pdf", &pdf()).await;
    let mut outcomes = vec![];
    for (kind, files) in [
        ("image", vec![]),
        ("file", vec![]),
        ("image", vec![id(&picture), id(&bill)]),
        ("file", vec![id(&picture), id(&pending)]),
        ("file", vec![id(&anas)]),
        ("file", vec![id(&others)]),
        ("file", vec!["lamp.png"]),
        ("file", vec![id(&bill), id(&bill)]),
        ("file", vec![id(&picture), id(&bill)]),
        ("text", vec![id(&picture)]),
    ] {
        outcomes.push(complaint(&sends(&eve, &conversation, kind, &files).await));
    }
    insta::assert_debug_snapshot!(outcomes, @r#"
    [
        "400 validation_failed content.attachments required",
        "400 validation_failed content.attachments required",
        "400 validation_failed content.attachments invalid",
        "400 validation_failed content.attachments[1] not_inspected",
        "400 validation_failed content.attachments[0] unknown",
        "400 validation_failed content.attachments[0] unknown",
        "400 validation_failed content.attachments[0] unknown",
        "400 validation_failed content.attachments invalid",
        "201",
        "201",
    ]
    "#);
    let mut socket = eve.socket().await;
    let said = json!({ "conversation_id": conversation, "client_message_id": "m1", "type": "file",
        "content": { "attachments": [id(&pending)] } });
    let refused = socket.asks("chat.message.send", said).await;
    assert_eq!(refused["error"]["code"], "validation_failed");
    assert_eq!(
        refused["error"]["message"],
        "content.attachments[0]: the file has not been inspected yet: upload it, then POST to it"
    );
    world.end().await;
}

#[tokio::test]
async fn what_a_guest_uploaded_is_their_customers_on_the_socket_too() {
    let world = World::new().await;
    let (gus, ana) = (world.guest().await, world.customer("ana").await);
    let conversation = opens(&gus).await;
    let file = adds(&gus, &conversation, "lamp.png", "image/png", &png()).await;
    let mut socket = ana.socket().await;
    ana.post("/api/v1/auth/link", json!({ "guest_token": gus.token })).await.ok();
    let send = json!({ "conversation_id": conversation, "type": "image", "client_message_id": "m1",
        "content": { "attachments": [id(&file)] } });
    let said = socket.asks("chat.message.send", send).await;
    assert_eq!(said["type"], "ack", "{said}");
    world.end().await;
}

#[tokio::test]
async fn files_cost_a_message_one_read_and_none_without() {
    let world = World::new().await;
    let eve = world.customer("eve").await;
    let conversation = opens(&eve).await;
    world.cloud().meter().reset();
    let first = adds(&eve, &conversation, "a.png", "image/png", &png()).await;
    let rows = world.cloud().meter().snapshot().rows;
    let on_s3 = rows.iter().filter(|row| row.service == local::aws::request::Service::S3);
    let on_s3: Vec<_> =
        on_s3.map(|row| format!("{}: {} {}", row.function, row.requests, row.operation)).collect();
    insta::assert_debug_snapshot!(on_s3, @r#"
    [
        "Chat: 1 DeleteObject",
        "Chat: 1 GetObject",
        "Chat: 1 PutObject",
        "outside: 1 PostObject",
    ]
    "#);
    let files = [first, adds(&eve, &conversation, "b.pdf", "application/pdf", &pdf()).await];
    let mut socket = eve.socket().await;
    let meter = world.cloud().meter();
    let mut asked = vec![];
    for (name, files) in [("m1", vec![]), ("m2", vec![id(&files[0]), id(&files[1])])] {
        world.advance(SignedDuration::from_secs(2)).await; // not within one burst
        meter.reset();
        let said = json!({ "conversation_id": conversation, "client_message_id": name,
            "content": { "text": "look", "attachments": files } });
        assert_eq!(socket.asks("chat.message.send", said).await["type"], "ack");
        let rows = meter.snapshot().rows;
        let own = rows
            .iter()
            .filter(|row| row.function == "WsMessage" && row.table.as_deref() == Some("ChatTable"));
        asked.push(
            own.map(|row| format!("{} {}", row.requests, row.operation)).collect::<Vec<_>>().join(", "),
        );
    }
    insta::assert_debug_snapshot!(asked, @r#"
    [
        "1 PutItem, 1 UpdateItem",
        "1 BatchGetItem, 1 PutItem, 1 UpdateItem",
    ]
    "#);
    world.end().await;
}

#[tokio::test]
async fn a_file_is_for_those_who_take_part_and_for_a_while() {
    let world = World::new().await;
    let (eve, ana) = (world.customer("eve").await, world.customer("ana").await);
    let conversation = opens(&eve).await;
    let file = adds(&eve, &conversation, "lamp.png", "image/png", &png()).await;
    let path = of(&conversation, &file);
    let unknown = of(&conversation, &json!({ "attachment_id": "att_none" }));
    let staff = world.person("agent", "gus", "default").await;
    for person in [&ana, &staff, &world.admin().await] {
        assert_eq!(person.get(&path).await.body["detail"], person.get(&unknown).await.body["detail"]);
        assert_eq!(person.get(&path).await.status, 404);
        assert_eq!(inspects(person, &conversation, &file).await.status, 404);
        let asked = asks_to_add(person, &conversation, announced("a.png", "image/png", 70)).await;
        assert_eq!(asked.status, 404);
    }
    let url = link(&file);
    let (bare, _) = url.split_once('?').unwrap();
    assert_eq!(downloads(bare).await.outcome(), "403 AccessDenied: Access Denied");
    let other = url.replace("attachment%3B", "inline%3B");
    assert_ne!(other, url);
    assert!(downloads(&other).await.outcome().starts_with("403 SignatureDoesNotMatch"));
    world.advance(SignedDuration::from_mins(4)).await;
    assert_eq!(downloads(url).await.body, png());
    world.advance(SignedDuration::from_mins(2)).await;
    assert_eq!(downloads(url).await.outcome(), "403 AccessDenied: Request has expired");
    assert_eq!(downloads(link(&eve.get(&path).await.ok())).await.body, png());
    world.leaps(SignedDuration::from_hours(24 * 31)).await;
    let later = world.customer("eve").await;
    assert_eq!(later.get(&path).await.status, 404, "forgotten with what was said");
    world.end().await;
}
