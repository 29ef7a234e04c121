//! Messages of clients and their answers.

use std::time::Duration;

use futures_util::SinkExt;
use local::part::Part;
use serde_json::json;
use tokio_tungstenite::tungstenite::{Message, protocol::frame::coding::Data};

use crate::api::{Api, hears, sends, text_frame};

#[tokio::test]
async fn a_message_is_routed_and_its_answer_comes_back() {
    let mut api = Api::new().await;
    let (mut socket, connection_id) = api.admitted().await;
    sends(&mut socket, &json!({"type": "hello"})).await;
    let mut event = hears(&mut socket).await;
    assert_eq!(event, api.event().await);
    let context = event["requestContext"].as_object_mut().unwrap();
    for id in ["requestId", "extendedRequestId", "messageId"] {
        assert_eq!(context.remove(id).unwrap().as_str().unwrap().len(), 16, "{id}");
    }
    assert_eq!(context.remove("connectionId").unwrap(), connection_id);
    let expected = json!({
        "requestContext": {
            "routeKey": "$default",
            "eventType": "MESSAGE",
            "messageDirection": "IN",
            "connectedAt": 1_772_478_188_000_i64,
            "requestTime": "02/Mar/2026:19:03:08 +0000",
            "requestTimeEpoch": 1_772_478_188_000_i64,
            "stage": "ws",
            "domainName": "127.0.0.1",
            "apiId": "local",
            "identity": {"sourceIp": "127.0.0.1", "userAgent": ""},
        },
        "body": r#"{"type":"hello"}"#,
        "isBase64Encoded": false,
    });
    assert_eq!(event, expected);
}

#[tokio::test]
async fn a_message_counts_even_if_its_connection_ends_right_behind_it() {
    let mut api = Api::new().await;
    let (mut socket, _) = api.admitted().await;
    // In one write, so that both are there when the first is read.
    socket.feed(Message::text(r#"{"type":"silent"}"#)).await.unwrap();
    socket.feed(Message::binary(vec![1])).await.unwrap();
    socket.flush().await.unwrap();
    let mut kinds = Vec::new();
    for _ in 0..2 {
        kinds.push(api.event().await["requestContext"]["eventType"].as_str().unwrap().to_owned());
    }
    kinds.sort();
    assert_eq!(kinds, ["DISCONNECT", "MESSAGE"]);
}

#[tokio::test]
async fn a_mock_route_answers_without_a_function() {
    let mut api = Api::new().await;
    let (mut socket, connection_id) = api.admitted().await;
    sends(&mut socket, &json!({"type": "ping"})).await;
    let expected = json!({"type": "pong", "timestamp": 1_772_478_188_000_i64, "to": connection_id});
    assert_eq!(hears(&mut socket).await, expected);
    assert_eq!(api.sockets.counts().answered, 1);
}

#[tokio::test]
async fn a_route_without_a_response_stays_silent() {
    let mut api = Api::new().await;
    let (mut socket, _) = api.admitted().await;
    sends(&mut socket, &json!({"type": "silent"})).await;
    api.event().await;
    sends(&mut socket, &json!({"type": "ping"})).await;
    assert_eq!(hears(&mut socket).await["type"], "pong");
}

#[tokio::test]
async fn a_failed_message_is_answered_by_the_gateway() {
    let mut api = Api::new().await;
    let (mut socket, connection_id) = api.admitted().await;
    for message in [
        json!({"type": "fails"}),
        json!({"answer": null}),
        json!({"answer": {"statusCode": 200, "body": {}}}),
    ] {
        sends(&mut socket, &message).await;
        let failed = hears(&mut socket).await;
        assert_eq!(failed["message"], "Internal server error", "{message}");
        assert_eq!(failed["connectionId"], connection_id);
        assert_eq!(failed["requestId"].as_str().unwrap().len(), 16);
    }
}

#[tokio::test]
async fn a_message_in_frames_of_32_kilobytes_arrives_whole() {
    let mut api = Api::new().await;
    let (mut socket, _) = api.admitted().await;
    for (opcode, is_final) in
        [(Data::Text, false), (Data::Continue, false), (Data::Continue, false), (Data::Continue, true)]
    {
        socket.send(text_frame(32 * 1024, opcode, is_final)).await.unwrap();
    }
    assert_eq!(api.event().await["body"].as_str().unwrap().len(), 128 * 1024);
}

#[tokio::test]
async fn messages_of_one_client_run_at_the_same_time_sixteen_at_most() {
    let mut api = Api::new().await;
    let (mut socket, _) = api.admitted().await;
    for _ in 0..20 {
        sends(&mut socket, &json!({"type": "held"})).await;
    }
    for _ in 0..16 {
        assert_eq!(api.event().await["requestContext"]["routeKey"], "held");
    }
    let (mut other, _) = api.admitted().await;
    sends(&mut other, &json!({"type": "ping"})).await;
    assert_eq!(hears(&mut other).await["type"], "pong", "one client's messages hold up no other's");
    assert!(api.events.try_recv().is_err() && api.sockets.is_busy());
    api.gate.add_permits(20);
    for _ in 0..20 {
        assert_eq!(hears(&mut socket).await, json!("let go"));
    }
    assert_eq!(api.sockets.counts().received, 21);
}

#[tokio::test]
async fn a_posted_message_arrives_while_the_clients_own_are_held() {
    let mut api = Api::new().await;
    let (mut socket, connection_id) = api.admitted().await;
    for _ in 0..16 {
        sends(&mut socket, &json!({"type": "held"})).await;
        api.event().await;
    }
    api.posts(&connection_id, "1").await.unwrap();
    assert_eq!(hears(&mut socket).await, json!(1));
}

#[tokio::test]
async fn a_hundred_messages_get_a_hundred_answers_and_then_nothing_is_under_way() {
    let mut api = Api::new().await;
    let (mut socket, _) = api.admitted().await;
    for n in 0..100 {
        sends(&mut socket, &json!({"answer": {"statusCode": 200, "body": n.to_string()}})).await;
    }
    let mut heard = Vec::new();
    for _ in 0..100 {
        heard.push(hears(&mut socket).await.as_u64().unwrap());
    }
    heard.sort_unstable();
    assert_eq!(heard, (0..100).collect::<Vec<_>>());
    // The session may still be noting that the last answer is written.
    let idle = async {
        while api.sockets.is_busy() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), idle).await.expect("nothing should be under way");
}
