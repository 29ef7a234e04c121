//! How connections end, and what `$disconnect` is told.

use futures_util::SinkExt;
use jiff::SignedDuration;
use local::part::Part;
use serde_json::json;
use tokio_tungstenite::tungstenite::{
    Message,
    protocol::{
        CloseFrame,
        frame::{
            Frame,
            coding::{Data, OpCode},
        },
    },
};

use crate::api::{Api, close_of, hears, sends, start, text_frame};

#[tokio::test]
async fn a_frame_over_32_kilobytes_closes_its_socket() {
    let mut api = Api::new().await;
    let (mut socket, _) = api.admitted().await;
    socket.send(text_frame(32 * 1024 + 1, Data::Text, true)).await.unwrap();
    assert_eq!(close_of(&mut socket).await.0, 1009);
    assert_eq!(api.disconnect().await.0, 1009);
}

#[tokio::test]
async fn a_message_over_128_kilobytes_closes_its_socket() {
    let mut api = Api::new().await;
    let (mut socket, _) = api.admitted().await;
    socket.send(text_frame(32 * 1024, Data::Text, false)).await.unwrap();
    for _ in 0..4 {
        socket.send(text_frame(32 * 1024, Data::Continue, false)).await.unwrap();
    }
    assert_eq!(close_of(&mut socket).await.0, 1009);
    assert_eq!(api.disconnect().await.0, 1009);
}

#[tokio::test]
async fn a_binary_frame_closes_its_socket() {
    let mut api = Api::new().await;
    let (mut socket, _) = api.admitted().await;
    socket.send(Message::binary(vec![1, 2, 3])).await.unwrap();
    assert_eq!(close_of(&mut socket).await.0, 1003);
    assert_eq!(api.disconnect().await.0, 1003);
}

#[tokio::test]
async fn text_that_is_none_closes_its_socket() {
    let mut api = Api::new().await;
    let (mut socket, _) = api.admitted().await;
    socket.send(Message::Frame(Frame::message(vec![0xff], OpCode::Data(Data::Text), true))).await.unwrap();
    assert_eq!(close_of(&mut socket).await.0, 1007);
    assert_eq!(api.disconnect().await.0, 1007);
}

#[tokio::test]
async fn ten_idle_minutes_end_a_connection() {
    let mut api = Api::new().await;
    let (mut socket, _) = api.admitted().await;
    api.turn(SignedDuration::from_mins(9)).await;
    sends(&mut socket, &json!({"type": "ping"})).await;
    hears(&mut socket).await;
    api.turn(SignedDuration::from_mins(9)).await;
    assert_eq!(api.sockets.counts().open, 1, "a message keeps it awake");
    api.turn(SignedDuration::from_mins(1)).await;
    assert_eq!(api.sockets.counts().open, 0);
    assert_eq!(api.events.try_recv().unwrap()["requestContext"]["disconnectStatusCode"], 1001);
    assert_eq!(close_of(&mut socket).await, (1001, "Going away".to_owned()));
}

#[tokio::test]
async fn two_hours_end_a_connection_however_busy() {
    let mut api = Api::new().await;
    let (mut socket, _) = api.admitted().await;
    for _ in 0..13 {
        api.turn(SignedDuration::from_mins(9)).await;
        sends(&mut socket, &json!({"type": "ping"})).await;
        hears(&mut socket).await;
    }
    let end = start() + SignedDuration::from_hours(2);
    assert_eq!(api.sockets.counts().open, 1);
    api.turn(SignedDuration::from_mins(2)).await;
    assert_eq!(api.sockets.next_due(), Some(end));
    api.turn(SignedDuration::from_mins(1)).await;
    assert_eq!(close_of(&mut socket).await, (1001, "Going away".to_owned()));
    assert_eq!(api.disconnect().await.0, 1001);
    assert_eq!(api.sockets.next_due(), None);
}

#[tokio::test]
async fn disconnect_says_how_the_client_left() {
    let mut api = Api::new().await;
    let (mut socket, connection_id) = api.admitted().await;
    socket.close(None).await.unwrap();
    assert_eq!(api.disconnect().await, (1005, "Client-side close frame status not set".to_owned()));
    assert_eq!(api.posts(&connection_id, "1").await, Err("410 GoneException".to_owned()));

    let (mut socket, _) = api.admitted().await;
    let frame = CloseFrame { code: 4001.into(), reason: "bye".into() };
    socket.close(Some(frame)).await.unwrap();
    assert_eq!(api.disconnect().await, (4001, "bye".to_owned()));

    let (socket, _) = api.admitted().await;
    drop(socket);
    assert_eq!(api.disconnect().await, (1006, "Connection Closed Abnormally".to_owned()));
    assert_eq!(api.sockets.counts().open, 0);
}

#[tokio::test]
async fn a_shutdown_disconnects_everybody() {
    let mut api = Api::new().await;
    let (mut one, _) = api.admitted().await;
    let (mut other, _) = api.admitted().await;
    api.sockets.go_away().await;
    for socket in [&mut one, &mut other] {
        assert_eq!(close_of(socket).await.0, 1001);
        assert_eq!(api.disconnect().await.0, 1001);
    }
}
